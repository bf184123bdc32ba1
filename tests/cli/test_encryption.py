"""Encryption from the command line: the documented commands, and no key in any output."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import datumaro as dm
from datumaro.cli.main import main
from datumaro.crypto import generate_key

JPEG = b"\xff\xd8\xff"
OTHER = generate_key()


@pytest.fixture
def voc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A pictured data set of three items in VOC format, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATUMARO_ENCRYPTION_KEY", raising=False)
    assert main(["-q", "sample", "made", "--count", "3"]) == 0
    assert (
        main(["-q", "convert", "-i", "made", "-f", "voc", "-o", "VOC", "--", "--save-media"]) == 0
    )
    return "VOC"


@pytest.fixture
def key(voc: str) -> str:
    """The key of an encrypted data set in the folder OUT."""
    words = ["convert", "-if", "voc", "-i", voc, "-f", "datumaro_binary", "-o", "OUT"]
    assert main([*words, "--", "--save-media", "--encryption"]) == 0
    return Path("OUT/secret_key.txt").read_text()


def pictures(folder: str) -> list[bytes]:
    return [p.read_bytes() for p in Path(folder).rglob("*") if p.suffix in (".jpg", ".png")]


def test_the_documented_commands(capsys: pytest.CaptureFixture[str], key: str):
    said = capsys.readouterr().err
    assert [line for line in said.splitlines() if "key" in line] == [
        "datum: warning: the key is in the file secret_key.txt of the data set. Move it to a safe "
        "place, away from the data: who has both can read them, and without it nobody can"
    ]
    assert len(Path("OUT/secret_key.txt").read_bytes()) == 50
    assert stat.S_IMODE(Path("OUT/secret_key.txt").stat().st_mode) == 0o600
    assert pictures("OUT") and not any(data.startswith(JPEG) for data in pictures("OUT"))
    words = ["convert", "-if", "datumaro_binary", "-i", "OUT", "-f", "coco", "-o", "OUT2"]
    assert main([*words, "--encryption-key", key, "--", "--save-media"]) == 0
    assert len(pictures("OUT2")) == 3
    assert all(data.startswith(JPEG) for data in pictures("OUT2"))


def test_a_key_file_on_both_sides(voc: str):
    words = ["convert", "-i", voc, "-if", "voc", "-f", "datumaro_binary", "-o", "OUT"]
    assert main([*words, "--", "--key-file", "my.key"]) == 0
    assert not Path("OUT/secret_key.txt").exists()
    assert main(["info", "OUT", "--key-file", "my.key"]) == 0
    again = ["convert", "-i", "OUT", "--key-file", "my.key", "-f", "datumaro_binary", "-o", "OUT2"]
    assert main([*again, "--", "--key-file", "my.key"]) == 0
    assert len(dm.Dataset.import_from("OUT2", key_file="my.key")) == 3


def test_the_environment(key: str, monkeypatch: pytest.MonkeyPatch):
    assert main(["info", "OUT"]) == 1
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", key)
    assert main(["info", "OUT"]) == 0
    assert main(["stats", "OUT", "-o", "s.json"]) == 0


def test_detection_needs_no_key(key: str, capsys: pytest.CaptureFixture[str]):
    assert main(["detect", "OUT"]) == 0
    assert main(["detect", "OUT", "--encryption-key", key]) == 0
    assert capsys.readouterr().out.count("Detected format: datumaro_binary") == 2


def test_no_key_is_ever_shown(key: str, capfd: pytest.CaptureFixture[str]):
    """Every way to give a key, right and wrong, with all that is told of it."""
    out = ["-f", "datumaro_binary", "-o", "X"]
    commands = [
        ["info", "OUT"],
        ["info", "OUT", "--encryption-key", key],
        ["info", "OUT", "--encryption-key", OTHER],
        ["info", "OUT", "--encryption-key", key[:-1]],
        ["info", "OUT", "--encryption-key", key + key],
        ["info", "OUT", "--key-file", key],
        ["info", "OUT", "--key-file", "OUT/secret_key.txt", "--encryption-key", key],
        ["info", "made", "--encryption-key", key],
        ["info", "VOC:voc", "--encryption-key", key],
        ["info", key],
        ["info", "OUT", "--encryption-kye", key],
        ["info", "OUT", key],
        ["info", "OUT", "--import-option", f"encryption_key={key}"],
        ["info", "OUT", "--import-option", f"encryption_key={OTHER}"],
        ["info", "OUT", "--import-option", f"encryption-key {key}"],
        ["info", "OUT", "--import-option", f"key={key}"],
        ["stats", "OUT", "--encryption-key", key, "-o", "s.json"],
        ["stats", "OUT", "--encryption-key", OTHER, "-o", "s.json"],
        ["convert", "-i", "OUT", "--encryption-key", key, "-f", "coco", "-o", "Y"],
        ["convert", "-i", "OUT", "--encryption-key", key, *out, "--", "--encryption"],
        ["convert", "-i", "made", *out, "--", "--encryption-key", key],
        ["convert", "-i", "made", *out, "--", "--key-file", key[:20] + "/" + key],
        ["convert", "-i", "made", *out, "--", "--no-media-encryption"],
        ["convert", "-i", "made", "-f", "coco", "-o", "Z", "--", "--encryption-key", key],
        ["convert", "-i", "made", "-f", "coco", "-o", "Z", "--", key],
        ["convert", "-i", "made", "-f", key, "-o", "Z"],
    ]
    failed = 0
    for command in commands:
        for level in ("info", "debug"):
            failed += main(["--loglevel", level, *command]) != 0
    said = capfd.readouterr()
    assert failed > len(commands)
    assert "the key is not the one that" in said.err and "Traceback" in said.err
    for secret in (key, OTHER):
        shown = [x for x in (said.out + said.err).splitlines() if secret[6:40] in x]
        assert not shown
    for path in Path().glob("*.json"):
        assert key[6:] not in path.read_text()


def test_key_errors_come_before_anything_is_written(key: str):
    before = sorted(p.name for p in Path().iterdir())
    words = ["convert", "-i", "OUT", "-f", "coco", "-o", "Y"]
    assert main([*words, "--encryption-key", OTHER]) == 1
    assert main([*words, "--key-file", "nowhere"]) == 1
    assert sorted(p.name for p in Path().iterdir()) == before


def test_a_changed_file_is_named(key: str, capsys: pytest.CaptureFixture[str]):
    path = next(Path("OUT/images").rglob("*.jpg"))
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    words = ["convert", "-i", "OUT", "--key-file", "OUT/secret_key.txt", "-f", "coco", "-o", "Y"]
    assert main([*words, "--", "--save-media"]) == 1
    said = capsys.readouterr().err
    assert f"media file '{path}': " in said and "it was changed" in said
    assert not Path("Y").exists()


@pytest.mark.parametrize("terminal", [False, True])
def test_no_key_in_the_output_of_a_process(key: str, terminal: bool):
    """With a terminal on standard error, the progress bar is on it, too."""
    pty = pytest.importorskip("pty")
    main_end, other_end = pty.openpty() if terminal else os.pipe()
    command = [sys.executable, "-m", "datumaro", "info", "OUT", "--encryption-key", key]
    sources = os.pathsep.join(path for path in sys.path if path)
    environment = os.environ | {"PYTHONPATH": sources}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=other_end if terminal else None, env=environment,
        check=True,
    )  # fmt: skip
    os.close(other_end)
    shown = done.stdout
    with io.FileIO(main_end) as stream:
        while terminal and (part := _read(stream)):
            shown += part
    assert b"length: 3" in shown
    assert key[6:].encode() not in shown


def _read(stream: io.FileIO) -> bytes:
    try:
        return stream.read(1000) or b""
    except OSError:  # the other end of a terminal is closed
        return b""
