"""Lists of files: in parts that stay the same, checked when read; and the memory of hashes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from datumaro.errors import ProjectError
from datumaro.project.file_list import FileList, Index, Stored, decode, differences, encode
from datumaro.project.file_tree import File, walk

HASH = "ab" * 32

part = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=6).filter(
    lambda text: text not in (".", "..")
)
paths = st.lists(part, min_size=1, max_size=3).map("/".join)
stored = st.builds(
    Stored, st.integers(0, 2**50), st.binary(min_size=32, max_size=32).map(bytes.hex)
)


@given(st.dictionaries(paths, stored, max_size=20))
def test_a_list_is_read_as_it_was_written(files: FileList):
    assert decode(encode(files), "x") == files


def test_names_that_are_no_utf8_are_kept():
    files = {os.fsdecode(b"a\xff\n.jpg"): Stored(1, HASH)}

    assert decode(encode(files), "x") == files


def test_an_empty_list_has_a_part():
    assert encode({}) == [b""] and decode([b""], "x") == {}


def many(n: int) -> FileList:
    return {f"images/{i:06d}.jpg": Stored(i, f"{i:064x}") for i in range(n)}


def test_a_change_changes_one_part():
    before = many(20_000)
    after = dict(before)
    del after["images/000010.jpg"]
    after["images/015000.jpg"] = Stored(1, HASH)
    after["images/019999-b.jpg"] = Stored(1, HASH)

    old, new = encode(before), encode(after)

    assert 20 < len(old) < 80
    assert len(set(new) - set(old)) <= 3


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "{}",
        "[]",
        '["a", 1]',
        f'["../a", 1, "{HASH}"]',
        f'["/a", 1, "{HASH}"]',
        f'["a//b", 1, "{HASH}"]',
        f'["a/./b", 1, "{HASH}"]',
        f'["", 1, "{HASH}"]',
        f'["a\\u0000", 1, "{HASH}"]',
        f'[5, 1, "{HASH}"]',
        f'["a", -1, "{HASH}"]',
        f'["a", "1", "{HASH}"]',
        f'["a", Infinity, "{HASH}"]',
        f'["a", NaN, "{HASH}"]',
        '["a", 1, "../../../etc/passwd"]',
        '["a", 1, null]',
        "[" * 100_000,
    ],
)
def test_a_line_from_strangers_is_checked(line: str):
    good = f'["ok", 1, "{HASH}"]\n'
    with pytest.raises(ProjectError, match="line 2 of a list of files"):
        decode([(good + line + "\n").encode()], "source a")


def test_a_huge_part_is_refused():
    with pytest.raises(ProjectError, match="bytes"):
        decode([b" " * (1 << 27)], "x")


def test_differences():
    a = {"same": Stored(1, HASH), "gone": Stored(1, HASH), "other": Stored(1, HASH)}
    b = {"same": Stored(1, HASH), "new": Stored(1, HASH), "other": Stored(2, HASH)}

    assert list(differences(a, b)) == [
        ("removed", "gone"),
        ("added", "new"),
        ("modified", "other"),
    ]


# --- the index -----------------------------------------------------------------------------------


def old(file: File) -> File:
    return file._replace(mtime=10**18, ctime=10**18)


@pytest.fixture
def file(tmp_path: Path) -> File:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_bytes(b"x")
    (file,) = walk(tmp_path / "data")
    return old(file)


def test_a_file_that_did_not_change_is_known(tmp_path: Path, file: File):
    index = Index(tmp_path / "index" / "s")
    index.write([(file, HASH)], index.now())

    again = Index(tmp_path / "index" / "s")

    assert again.hash(file) == HASH
    assert again.is_as_seen([file]) and not again.is_as_seen([])


@pytest.mark.parametrize("field", ["size", "mtime", "ctime", "inode"])
def test_a_file_that_changed_is_not(tmp_path: Path, file: File, field: str):
    index = Index(tmp_path / "s")
    index.write([(file, HASH)], index.now())

    changed = file._replace(**{field: getattr(file, field) + 1})

    assert Index(tmp_path / "s").hash(changed) is None
    assert not Index(tmp_path / "s").is_as_seen([changed])


def test_a_file_that_was_young_when_it_was_seen_is_hashed_again(tmp_path: Path, file: File):
    young = file._replace(mtime=10**9, ctime=5 * 10**9)
    index = Index(tmp_path / "s")

    index.write([(young, HASH)], 6 * 10**9)
    assert Index(tmp_path / "s").hash(young) is None

    index.write([(young, HASH)], 9 * 10**9)
    assert Index(tmp_path / "s").hash(young) == HASH


@pytest.mark.parametrize("content", [b"", b"\xff" * 10, b"\x92\x00\x80" * 3, b"\x92\x01\x01"])
def test_a_damaged_index_is_forgotten(tmp_path: Path, file: File, content: bytes):
    (tmp_path / "s").write_bytes(content)

    assert Index(tmp_path / "s").hash(file) is None


def test_an_index_that_cannot_be_written_does_not_matter(tmp_path: Path, file: File):
    (tmp_path / "file").touch()
    index = Index(tmp_path / "file" / "s")

    index.write([(file, HASH)], index.now())

    assert index.now() == 0 and Index(tmp_path / "file" / "s").hash(file) is None
