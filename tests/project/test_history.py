"""The history in Git: commits without a user's configuration, and repositories from strangers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from datumaro.errors import MissingDependencyError, ProjectError, UnknownRevisionError
from datumaro.project import history as module
from datumaro.project.history import Head, History, blob_hash


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """A history of a user who has no configuration."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    return History(tmp_path / "history")


def git(folder: Path, *words: str) -> str:
    environment = os.environ | {"GIT_DIR": str(folder)}
    done = subprocess.run(
        ["git", *words], env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_before_the_first_commit(history: History):
    assert not history.exists and history.head() == Head("main", None)
    assert history.commits(None) == []
    with pytest.raises(UnknownRevisionError, match="project log"):
        history.resolve("HEAD")


def test_commits(history: History, tmp_path: Path):
    first = history.commit("first\n\nbecause", {"a": b"1", "sources/x/00000": b"\0\n\xff" * 9})
    second = history.commit("ünd", {"a": b"2"}, ["sources/x/00000"])

    assert history.head() == Head("main", second.hash)
    assert [c.message for c in history.commits(None)] == ["ünd", "first\n\nbecause"]
    assert [c.hash for c in history.commits(1)] == [second.hash]
    assert history.tree(second.hash) == {"a": blob_hash(b"2")}
    tree = history.tree(first.hash)
    assert history.read(tree.values()) == [b"1", b"\0\n\xff" * 9]
    assert first.time > 10**9 and first.author.endswith("<user@localhost>")
    assert git(tmp_path / "history", "fsck", "--strict", "--no-dangling") == ""


def test_who_commits_is_who_git_says(history: History, tmp_path: Path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text(
        "[user]\nname = A <B>\nemail = a@b.c\n[commit]\ngpgsign = true\n"
    )
    assert history.commit("x", {"a": b"1"}).author == "A B <a@b.c>"

    monkeypatch.setenv("GIT_AUTHOR_NAME", "Other")
    assert history.commit("x", {"a": b"2"}).author == "Other <a@b.c>"


def test_revisions(history: History):
    first = history.commit("1", {"a": b"1"}).hash
    second = history.commit("2", {"a": b"2"}).hash
    history.make_branch("side/way", first)

    for name in ("main", "HEAD", "@", second, second[:8]):
        assert history.resolve(name) == second
    for name in ("HEAD~1", "HEAD^", "side/way", "main~"):
        assert history.resolve(name) == first
    assert history.is_branch("main") and not history.is_branch("HEAD")
    assert history.is_on_a_branch(first)


@pytest.mark.parametrize(
    "name", ["", "nope", "-h", "--all", "HEAD~9", "HEAD:a", "a b", "$(x)", "main..HEAD", "\n", "é"]
)
def test_what_is_no_revision_is_told(history: History, name: str):
    history.commit("1", {"a": b"1"})

    with pytest.raises(UnknownRevisionError):
        history.resolve(name)


@pytest.mark.parametrize("name", ["-x", "", "a b", "../x", "a..b", "x.lock", "a/", "HEAD", "x."])
def test_what_cannot_be_a_branch_is_told(history: History, name: str):
    commit = history.commit("1", {"a": b"1"}).hash

    with pytest.raises(ProjectError):
        history.make_branch(name, commit)


def test_a_branch_is_not_moved(history: History):
    commit = history.commit("1", {"a": b"1"}).hash

    with pytest.raises(ProjectError, match="already"):
        history.make_branch("main", commit)


def test_a_commit_on_no_branch(history: History, tmp_path: Path):
    first = history.commit("1", {"a": b"1"}).hash
    (tmp_path / "history" / "HEAD").write_text(first + "\n")

    second = history.commit("2", {"a": b"2"}).hash

    assert history.head() == Head(None, second)
    assert history.resolve("main") == first and not history.is_on_a_branch(second)


def test_what_a_repository_names_is_not_run(history: History, tmp_path: Path):
    ran = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {ran}\n")
    script.chmod(0o755)
    first = history.commit("1", {"a": b"1"}).hash
    folder = tmp_path / "history"
    hooks = folder / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-commit", "pre-commit", "post-update"):
        (hooks / name).symlink_to(script)
    with (folder / "config").open("a") as config:
        config.write(
            f"""
[core]
    hooksPath = {hooks}
    fsmonitor = {script}
    pager = {script}
    sshCommand = {script}
    editor = {script}
    repositoryFormatVersion = 1
[extensions]
    partialClone = origin
[remote "origin"]
    url = ext::{script}
    promisor = true
[protocol "ext"]
    allow = always
[protocol]
    allow = always
[gpg]
    program = {script}
[log]
    showSignature = true
[alias]
    rev-parse = !{script}
    cat-file = !{script}
"""
        )
    history.commit("2", {"a": b"2"})
    history.commits(None)
    history.make_branch("x", first)
    with pytest.raises(ProjectError):
        history.read(["0" * 40])
    with pytest.raises(ProjectError):
        history.tree("0" * 40)

    assert not ran.exists()


def test_a_damaged_repository_is_told(history: History, tmp_path: Path):
    history.commit("1", {"a": b"1"})
    for path in (tmp_path / "history" / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"x")

    with pytest.raises((ProjectError, UnknownRevisionError)):
        history.tree(history.resolve("HEAD"))


def test_what_killed_processes_left_is_removed(history: History, tmp_path: Path, monkeypatch):
    history.commit("1", {"a": b"1"})
    folder = tmp_path / "history"
    for name in ("HEAD.lock", "refs/heads/main.lock", "refs/datumaro/pending.lock"):
        (folder / name).touch()
    (folder / "fast_import_crash_123").touch()
    with pytest.raises(ProjectError, match=r"git .* failed"):  # they may be a living process'
        history.commit("2", {"a": b"2"})

    monkeypatch.setattr(module, "_STALE", -1.0)
    history.commit("2", {"a": b"2"})

    assert not list(folder.glob("fast_import_crash_*"))


def test_without_git_the_command_is_named(history: History, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(MissingDependencyError, match="git"):
        history.commit("1", {"a": b"1"})


def test_variables_of_another_repository_do_not_matter(
    history: History, tmp_path: Path, monkeypatch
):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))

    history.commit("1", {"a": b"1"})

    assert history.exists and not (tmp_path / "elsewhere").exists()
