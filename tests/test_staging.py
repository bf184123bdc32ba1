"""A folder is replaced as a whole, or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from datumaro import staging
from datumaro.errors import DatasetExportError, DatasetImportError
from datumaro.staging import read_whole, staged

OWNED = ("annotations/*.json", "**/*.txt")


def write(folder: Path, *names: str, text: str = "new") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def neighbours(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path != target)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """An old data set, the only thing in its folder."""
    target = tmp_path / "data" / "set"
    write(target, "annotations/a.json", "annotations/keep.xml", "x/y/z.txt", text="old")
    write(target, "images/1.jpg", "images/2.jpg", text="old")
    return target


# --- success ----------------------------------------------------------------------------------


@pytest.mark.parametrize("exists", [False, True])
def test_a_new_target_is_made_with_the_folders_above_it(tmp_path: Path, exists: bool) -> None:
    target = tmp_path / "a" / "b" / "set"
    if exists:
        target.mkdir(parents=True)
    with staged(target, OWNED) as folder:
        write(folder, "annotations/b.json")
        assert not list(target.glob("*"))
    assert tree(target) == {"annotations/b.json": "new"}
    assert neighbours(target) == []
    mask = os.umask(0)
    os.umask(mask)
    assert target.stat().st_mode & 0o777 == 0o777 & ~mask


def test_stale_files_of_the_format_go_and_all_others_stay(target: Path) -> None:
    target.chmod(0o750)
    (target / "link").symlink_to("images/1.jpg")
    (target / "empty").mkdir()
    image = (target / "images/1.jpg").stat().st_ino
    with staged(target, OWNED) as folder:
        write(folder, "annotations/b.json", "images/2.jpg")
    assert tree(target) == {
        "annotations/b.json": "new",
        "annotations/keep.xml": "old",
        "images/1.jpg": "old",
        "images/2.jpg": "new",
        "link": "old",
    }
    assert (target / "link").readlink() == Path("images/1.jpg")
    assert (target / "empty").is_dir()
    assert not (target / "x").exists()
    assert (target / "images/1.jpg").stat().st_ino == image, "linked, not copied"
    assert target.stat().st_mode & 0o777 == 0o750
    assert neighbours(target) == []


def test_files_are_copied_where_links_are_not_possible(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with staged(target, OWNED) as folder:
        write(folder, "annotations/b.json")
    assert tree(target)["images/1.jpg"] == "old"


def test_a_link_to_a_folder_stands_for_the_folder(target: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(target)
    with staged(link, OWNED) as folder:
        assert folder.parent == target.parent
        write(folder, "annotations/b.json")
    assert link.is_symlink()
    assert tree(target) == tree(link)
    assert "annotations/b.json" in tree(target)


def test_what_was_a_file_may_become_a_folder_and_the_reverse(target: Path) -> None:
    write(target, "a", "b/c", text="old")
    with staged(target, ()) as folder:
        write(folder, "a/x", "b")
    assert (target / "a/x").read_text() == (target / "b").read_text() == "new"


def test_names_of_any_length_and_with_pattern_characters(tmp_path: Path) -> None:
    for name in ("n" * 255, "[a-z]*", "träger set"):
        for _ in range(2):
            with staged(tmp_path / name, ("*",)) as folder:
                write(folder, "f")
        assert tree(tmp_path / name) == {"f": "new"}
        assert neighbours(tmp_path / name) == []
        (tmp_path / name / "f").unlink()
        (tmp_path / name).rmdir()


@pytest.mark.parametrize(
    ("path", "pattern", "owned"),
    [
        ("annotations/a.json", "annotations/*.json", True),
        ("annotations/b/a.json", "annotations/*.json", False),
        ("a.json", "**/*.json", True),
        ("x/y/a.json", "**/*.json", True),
        ("x/y/a.json", "x/**", True),
        ("y/x/a.json", "x/**", False),
        ("Annotations/a.json", "annotations/*.json", False),
        ("a1.json", "a[0-9].json", True),
    ],
)
def test_patterns(tmp_path: Path, path: str, pattern: str, owned: bool) -> None:
    target = tmp_path / "set"
    write(target, path, text="old")
    with staged(target, (pattern,)) as folder:
        write(folder, "other")
    assert (target / path).exists() is not owned


# --- failure ----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_a_failure_the_old_target_is_untouched(
    target: Path, error: type[BaseException]
) -> None:
    before = tree(target)
    with pytest.raises(error), staged(target, OWNED) as folder:
        write(folder, "annotations/a.json")
        raise error
    assert tree(target) == before
    assert neighbours(target) == []


def test_after_a_failure_the_folders_made_are_gone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), staged(tmp_path / "a/b/c", ()) as folder:
        write(folder, "x")
        raise ValueError("no")
    assert list(tmp_path.iterdir()) == []


def test_folders_cannot_be_made_below_a_file(tmp_path: Path) -> None:
    write(tmp_path, "file")
    with pytest.raises(DatasetExportError, match="cannot make"), staged(tmp_path / "file/a", ()):
        pytest.fail("not reached")


def test_targets_that_are_refused(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "file")
    monkeypatch.setenv("HOME", str(tmp_path / "data"))
    cases = {tmp_path / "file": "is a file", Path("/"): "root", tmp_path / "data": "home"}
    monkeypatch.chdir(target)
    cases |= {Path(): "current folder", target: "current folder", tmp_path: "current folder"}
    before = tree(tmp_path)
    for place, reason in cases.items():
        with pytest.raises(DatasetExportError, match=reason), staged(place, ()):
            pytest.fail("not reached")
    assert tree(tmp_path) == before


# --- other processes --------------------------------------------------------------------------

CHILD = """
import sys, time
from pathlib import Path
from datumaro.staging import read_whole, staged

with staged(Path(sys.argv[1]), ("annotations/*.json",)) as folder:
    (folder / "annotations").mkdir()
    (folder / "annotations/half.json").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def child(target: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="locks of folders")
def test_a_killed_export_leaves_the_old_target_and_the_next_one_cleans_up(target: Path) -> None:
    before = tree(target)
    process = child(target)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert tree(target) == before
    assert len(neighbours(target)) == 1
    with staged(target, OWNED) as folder:
        assert neighbours(target) == [folder.name]
        write(folder, "annotations/b.json")
    assert neighbours(target) == []


@pytest.mark.skipif(sys.platform == "win32", reason="locks of folders")
def test_an_export_that_lives_is_not_cleaned_away(target: Path) -> None:
    process = child(target)
    try:
        with staged(target, OWNED) as folder:
            write(folder, "annotations/b.json")
        assert len(neighbours(target)) == 1
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("age", [0, 2])
def test_where_folders_cannot_be_locked_age_decides(
    target: Path, monkeypatch: pytest.MonkeyPatch, age: int
) -> None:
    left = target.parent / ".set.partial-0123"
    left.mkdir()
    os.utime(left, (time.time() - age * 86400,) * 2)
    monkeypatch.setattr(staging, "_lock", lambda *_, **__: None)
    with staged(target, OWNED) as folder:
        write(folder, "annotations/b.json")
    assert neighbours(target) == ([] if age else [left.name])


def test_without_an_atomic_exchange_the_old_target_is_renamed_away(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "_exchange_at_once", lambda *_: False)
    with staged(target, OWNED) as folder:
        write(folder, "annotations/b.json")
    assert "annotations/b.json" in tree(target)
    assert "images/1.jpg" in tree(target)
    assert neighbours(target) == []


def test_without_an_atomic_exchange_a_failure_restores_the_old_target(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rename = tree(target), Path.rename

    def fail_to_take_the_place(self: Path, to: Path) -> Path:
        if to == target and ".partial-" in self.name:
            raise OSError(errno.EIO, "broken disk")
        return rename(self, to)

    monkeypatch.setattr(staging, "_exchange_at_once", lambda *_: False)
    monkeypatch.setattr(Path, "rename", fail_to_take_the_place)
    with pytest.raises(DatasetExportError, match="broken disk"), staged(target, OWNED) as folder:
        write(folder, "annotations/b.json")
    assert tree(target) == before
    assert neighbours(target) == []


def test_an_export_that_died_between_two_renames_is_put_right(target: Path) -> None:
    before = tree(target)
    target.rename(target.with_name(".set.replaced-0123"))
    with pytest.raises(ValueError, match="no"), staged(target, OWNED):
        raise ValueError("no")
    assert tree(target) == before
    assert neighbours(target) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the exchange is atomic on Linux")
def test_a_reader_always_sees_one_whole_data_set(target: Path) -> None:
    """The file is there, and whole, at every moment, while the folder is replaced 100 times."""
    path, stop, problems, reads = target / "annotations/a.json", threading.Event(), [], []
    size = 20_000
    path.write_text("0" * size)

    def read() -> None:
        while not stop.is_set():
            try:
                text = path.read_text()
            except FileNotFoundError:
                problems.append("missing")
                continue
            reads.append(text[0])
            if len(text) != size or text.strip(text[0]):
                problems.append("in parts")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for round_ in range(100):
            with staged(target, OWNED) as folder:
                write(folder, "annotations/a.json", text=str(round_ % 10) * size)
    finally:
        stop.set()
        reader.join()
    assert problems == []
    assert len(set(reads)) > 1


def test_two_exports_at_once_leave_one_of_the_two(tmp_path: Path) -> None:
    target, errors = tmp_path / "set", []
    write(target, *(f"images/{i}.jpg" for i in range(50)), text="old")

    def export(text: str) -> None:
        try:
            for _ in range(20):
                with staged(target, ("*.json",)) as folder:
                    write(folder, "a.json", "b.json", text=text)
        except BaseException as error:  # noqa: BLE001 - shown by the test's thread
            errors.append(error)

    threads = [threading.Thread(target=export, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    left = tree(target)
    assert left.pop("a.json") == left.pop("b.json")
    assert left == {f"images/{i}.jpg": "old" for i in range(50)}
    assert neighbours(target) == []


# --- readers ----------------------------------------------------------------------------------


def replace_with(target: Path, name: str) -> None:
    with staged(target, OWNED) as folder:
        write(folder, f"annotations/{name}.json", text=name)


def test_what_is_replaced_while_it_is_read_is_read_again(target: Path) -> None:
    found: list[list[str]] = []

    def read() -> list[str]:
        first = [path.name for path in (target / "annotations").glob("*.json")]
        if not found:
            replace_with(target, "b")
        found.append(first + [path.name for path in (target / "annotations").glob("*.json")])
        return found[-1]

    assert read_whole(target, read) == ["b.json", "b.json"]
    assert found[0] == ["a.json", "b.json"]


def test_an_error_of_a_reader_counts_only_when_nothing_was_replaced(target: Path) -> None:
    attempts = 0

    def read() -> str:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            replace_with(target, "b")
        return (target / "annotations" / "a.json").read_text()

    with pytest.raises(FileNotFoundError):
        read_whole(target, read)
    assert attempts == 2


def test_what_is_replaced_all_the_time_is_an_error(target: Path) -> None:
    with pytest.raises(DatasetImportError, match="was replaced 10 times"):
        read_whole(target, lambda: replace_with(target, "b"))


def test_a_file_alone_is_read_whole(target: Path) -> None:
    path = target / "annotations" / "a.json"
    texts: list[str] = []

    def read() -> str:
        texts.append(path.read_text())
        if len(texts) == 1:
            write(target.parent, "new.json")
            (target.parent / "new.json").rename(path)
        return texts[-1]

    assert read_whole(path, read) == "new"
    assert texts == ["old", "new"]
