"""``datum key create``. What other commands of keys do is tested with encrypted Parquet storage."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

import datumaro as dm
from datumaro.cli.main import main
from datumaro.crypto import Cipher
from datumaro.keys import read_key_file


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_fresh_key_in_a_file_of_its_owners(capfd: pytest.CaptureFixture[str]):
    assert main(["key", "create", "my.key"]) == 0
    key = read_key_file("my.key")
    assert Cipher(key).key == key
    assert stat.S_IMODE(Path("my.key").stat().st_mode) == 0o600
    said = capfd.readouterr()
    assert said.out == ""
    assert "wrote a key to my.key" in said.err
    assert key not in said.err and key[6:] not in said.err
    assert main(["-q", "key", "create", "other.key"]) == 0
    assert read_key_file("other.key") != key
    assert capfd.readouterr() == ("", "")


def test_it_encrypts_and_opens():
    assert main(["-q", "key", "create", "my.key"]) == 0
    key = Path("my.key").read_bytes()
    assert main(["-q", "sample", "made", "--count", "2"]) == 0
    words = ["-q", "convert", "-i", "made", "-f", "datumaro_binary", "-o", "OUT", "--"]
    assert main([*words, "--encryption", "--key-file", "my.key"]) == 0
    assert Path("my.key").read_bytes() == key
    assert len(dm.Dataset.import_from("OUT", "datumaro_binary", key_file="my.key")) == 2


def test_a_printed_key_is_the_only_thing_on_the_output(capfd: pytest.CaptureFixture[str]):
    assert main(["key", "create", "--print"]) == 0
    said = capfd.readouterr()
    assert Cipher(said.out.removesuffix("\n")).key + "\n" == said.out
    assert said.err == ""
    assert not list(Path().iterdir())


@pytest.mark.parametrize("before", ["", "datum-something", "anything"])
def test_nothing_is_overwritten(before: str, capfd: pytest.CaptureFixture[str]):
    Path("my.key").write_text(before)
    assert main(["key", "create", "my.key"]) == 1
    assert "exists; a key is never written over another" in capfd.readouterr().err
    assert Path("my.key").read_text() == before


def test_no_link_is_followed(capfd: pytest.CaptureFixture[str]):
    Path("link.key").symlink_to("elsewhere.key")
    assert main(["key", "create", "link.key"]) == 1
    assert not Path("elsewhere.key").exists()


@pytest.mark.parametrize(
    ("words", "code", "match"),
    [
        ([], 2, "FILE"),
        (["my.key", "--print"], 2, "not allowed with"),
        (["no/such/folder/my.key"], 1, "No such file"),
        (["."], 1, "exists"),
    ],
)
def test_what_cannot_be_written(
    words: list[str], code: int, match: str, capfd: pytest.CaptureFixture[str]
):
    assert main(["key", "create", *words]) == code
    said = capfd.readouterr()
    assert match in said.err and said.out == ""
    assert not list(Path().iterdir())


def test_the_help_has_examples(capfd: pytest.CaptureFixture[str]):
    assert main(["key", "create", "--help"]) == 0
    assert "datum key create my.key" in capfd.readouterr().out
