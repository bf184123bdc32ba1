"""The command with the formats that are really there."""

from __future__ import annotations

from pathlib import Path

import pytest


def counts(text: str) -> list[str]:
    """The lines of ``datum info`` that count, as subsets may come in another order."""
    return sorted(line for line in text.splitlines() if "subsets:" not in line)


@pytest.fixture
def sample(datum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A pictured COCO data set of 12 images in the current folder."""
    monkeypatch.chdir(tmp_path)
    assert datum("sample", "coco", "--count", "12").code == 0
    return "coco"


@pytest.mark.parametrize("format", ["datumaro_binary", "datumaro", "coco_instances"])
def test_formats_that_hold_everything(datum, sample: str, format: str):
    assert datum("convert", "-i", sample, "-f", format, "-o", "out").code == 0
    assert datum("detect", "out").out == f"Detected format: {format}\n"
    assert counts(datum("info", "out").out) == counts(datum("info", sample).out)


def test_media_are_copied_when_asked_for(datum, sample: str):
    argv = ["convert", "-i", sample, "-f", "datumaro_binary"]
    assert datum(*argv, "-o", "without").code == 0
    assert datum(*argv, "-o", "with", "--", "--save-media").code == 0
    assert not list(Path("without").rglob("*.jpg"))
    assert len(list(Path("with").rglob("*.jpg"))) == len(list(Path(sample).rglob("*.jpg"))) == 12


def test_voc_to_binary_and_back(
    datum, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    voc = shared_data / "formats" / "voc_dataset" / "voc_dataset1"
    media = ("--", "--save-media")
    to_binary = ("convert", "-if", "voc", "-i", voc, "-f", "datumaro_binary", "-o", "OUT")
    assert datum(*to_binary, *media).code == 0
    to_voc = ("convert", "-if", "datumaro_binary", "-i", "OUT", "-f", "voc", "-o", "OUT2")
    assert datum(*to_voc, *media).code == 0

    assert datum("detect", "OUT2").out == "Detected format: voc\n"
    assert counts(datum("info", "OUT2").out) == counts(datum("info", voc, "-if", "voc").out)
    assert len(list(Path("OUT2/JPEGImages").iterdir())) == 2


def test_what_a_format_cannot_hold_is_told(datum, sample: str):
    done = datum("convert", "-i", sample, "-f", "image_dir", "-o", "out")
    assert done.code == 0
    assert "datum: warning: image_dir cannot hold" in done.err
    assert datum("convert", "-q", "-i", sample, "-f", "image_dir", "-o", "quiet").err.startswith(
        "datum: warning: image_dir cannot hold"
    )


def test_what_a_format_can_do_is_shown(datum):
    done = datum("convert", "-f", "datumaro_binary", "--", "--help")
    assert done.code == 0
    assert "--save-media" in done.out and "--image-ext" in done.out
