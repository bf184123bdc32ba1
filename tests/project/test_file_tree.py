"""Walking over a data set's files, and copying them: links, keys, and what is no file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from datumaro.crypto import generate_key
from datumaro.errors import PathOutsideDatasetError, ProjectError
from datumaro.progress import NullProgressReporter
from datumaro.project.file_tree import copy_tree, walk, without_keys
from datumaro.workers import Workers


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "1.txt").write_text("one")
    (folder / "2 é.txt").write_text("two")
    (tmp_path / "secret.txt").write_text("outside")
    return folder


def found(folder: Path, **options: bool) -> list[str]:
    return sorted(file.path for file in walk(folder, **options))


def test_all_files_are_found(tree: Path):
    assert found(tree) == ["2 é.txt", "a/b/1.txt"]


def test_links_inside_are_followed(tree: Path):
    (tree / "c").symlink_to("a")
    (tree / "3.txt").symlink_to(tree / "a" / "b" / "1.txt")

    assert found(tree) == ["2 é.txt", "3.txt", "a/b/1.txt", "c/b/1.txt"]


@pytest.mark.parametrize("target", ["../secret.txt", "..", "/"])
def test_links_that_lead_outside_are_refused(tree: Path, target: str):
    (tree / "link").symlink_to(target)

    with pytest.raises(PathOutsideDatasetError, match="allow_external_media"):
        found(tree)


def test_links_that_lead_outside_can_be_allowed(tree: Path):
    (tree / "link").symlink_to("../secret.txt")

    assert "link" in found(tree, allow_external=True)


def test_a_link_that_begins_with_the_folders_name_is_outside(tree: Path):
    shutil.copytree(tree, tree.with_name("data2"))
    (tree / "link").symlink_to(tree.with_name("data2"))

    with pytest.raises(PathOutsideDatasetError):
        found(tree)


def test_circles_of_links_end(tree: Path):
    (tree / "a" / "up").symlink_to("..")

    with pytest.raises(ProjectError, match="circle"):
        found(tree)


def test_links_that_make_very_many_ways_end(tree: Path):
    for depth in range(20):
        (tree / f"d{depth}").mkdir()
        for way in "xyz":
            (tree / f"d{depth}" / way).symlink_to(f"../d{depth + 1}")
    (tree / "d20").mkdir()

    with pytest.raises(ProjectError, match="ways"):
        found(tree)


def test_a_link_that_leads_nowhere_is_told(tree: Path):
    (tree / "link").symlink_to("nowhere")

    with pytest.raises(ProjectError, match="leads nowhere"):
        found(tree)


def test_what_is_no_file_is_told(tree: Path):
    os.mkfifo(tree / "pipe")

    with pytest.raises(ProjectError, match="neither a file nor a folder"):
        found(tree)


def test_files_that_hold_a_key_are_told_apart(tree: Path):
    (tree / "secret_key.txt").write_text(f"{generate_key()}\n")
    (tree / "no_key.txt").write_text("datum-" + "x" * 20)

    files, keys = without_keys(list(walk(tree)))

    assert [file.path for file in keys] == ["secret_key.txt"]
    assert sorted(file.path for file in files) == ["2 é.txt", "a/b/1.txt", "no_key.txt"]


def copy(source: Path, target: Path, *, link: bool = False) -> None:
    copy_tree(
        list(walk(source)), target, link=link, workers=Workers(), progress=NullProgressReporter()
    )


def test_copies_have_content_and_times(tree: Path, tmp_path: Path):
    os.utime(tree / "2 é.txt", ns=(10**18, 10**18))

    copy(tree, tmp_path / "new")

    assert found(tmp_path / "new") == found(tree)
    assert (tmp_path / "new" / "2 é.txt").read_text() == "two"
    assert (tmp_path / "new" / "2 é.txt").stat().st_mtime_ns == 10**18
    assert not (tmp_path / "new" / "2 é.txt").samefile(tree / "2 é.txt")


def test_links_are_made_for_those_who_ask(tree: Path, tmp_path: Path):
    copy(tree, tmp_path / "new", link=True)

    assert (tmp_path / "new" / "2 é.txt").samefile(tree / "2 é.txt")


def test_where_links_cannot_be_made_that_is_told(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(source: str, target: str) -> None:
        raise OSError(18, "Invalid cross-device link", source)

    monkeypatch.setattr(os, "link", refuse)

    with pytest.raises(ProjectError, match=r"cross-device link; leave out --link"):
        copy(tree, tmp_path / "new", link=True)


def test_a_file_that_goes_meanwhile_is_told(tree: Path, tmp_path: Path):
    files = list(walk(tree))
    (tree / "2 é.txt").unlink()

    with pytest.raises(ProjectError, match="it has been removed"):
        copy_tree(
            files,
            tmp_path / "new",
            link=False,
            workers=Workers(),
            progress=NullProgressReporter(),
        )
