"""Key files, and texts without keys."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from datumaro.errors import EncryptionKeyError
from datumaro.keys import read_key_file, redacted, write_key_file

KEY = "datum-MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def test_a_key_file_is_the_key_alone_and_its_owners(tmp_path: Path):
    path = tmp_path / "key.txt"
    write_key_file(path, KEY)
    assert path.read_bytes() == KEY.encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key_file(path) == KEY


def test_white_space_around_a_key_does_not_count(tmp_path: Path):
    (tmp_path / "key.txt").write_text(f"  {KEY}\r\n")
    assert read_key_file(tmp_path / "key.txt") == KEY


def test_a_key_is_not_written_over_another_file(tmp_path: Path):
    path = tmp_path / "key.txt"
    path.write_text("something")
    with pytest.raises(EncryptionKeyError, match="exists; a key is never written over another"):
        write_key_file(path, KEY)
    assert path.read_text() == "something"
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EncryptionKeyError):
        write_key_file(tmp_path / "link", KEY)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("content", [b"", KEY[:-1].encode(), b"\xff" * 50, b"x" * 100_000])
def test_what_is_no_key_file_is_refused_and_not_repeated(tmp_path: Path, content: bytes):
    path = tmp_path / "key.txt"
    path.write_bytes(content)
    with pytest.raises(EncryptionKeyError, match=r"key\.txt' holds no key; expected") as caught:
        read_key_file(path)
    assert KEY[6:40] not in repr(caught.value)


def test_a_key_given_as_a_files_name_is_not_repeated(tmp_path: Path):
    with pytest.raises(EncryptionKeyError, match=r"'datum-…': No such file") as caught:
        read_key_file(KEY)
    error: BaseException | None = caught.value
    while error is not None:
        assert KEY[6:] not in f"{error!r} {error}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    with pytest.raises(EncryptionKeyError, match="cannot be written: No such file"):
        write_key_file(tmp_path / "no" / "key.txt", KEY)


def test_redacted_texts_keep_all_but_keys():
    assert redacted(f"--key {KEY}, {KEY[:30]} end") == "--key datum-…, datum-… end"
    assert redacted("datum-convert of datum-2024/images") == "datum-convert of datum-2024/images"
