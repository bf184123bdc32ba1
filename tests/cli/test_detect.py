"""``datum detect``."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path


def test_the_format(datum, toy: Path):
    done = datum("detect", toy)
    assert (done.code, done.out, done.err) == (0, "Detected format: toy\n", "")


def test_a_folder_inside(datum, toy: Path):
    Path("outer").mkdir()
    toy.rename("outer/toy")
    done = datum("detect", "outer")
    assert (done.out, done.err) == ("Detected format: toy\n", "found in the folder outer/toy\n")
    shallow = datum("detect", "outer", "--depth", "0").out
    assert shallow.startswith("Unable to detect the format\n")
    assert datum("detect", "outer", "--depth", "-1").code == 2


def test_several_formats(datum, toy: Path):
    (toy / "twin").touch()
    done = datum("detect", toy)
    assert done.code == 0
    assert done.out == ("Ambiguous dataset; detected the following formats:\n\n- toy\n- toy_twin\n")


def test_rejections(datum, toy: Path):
    done = datum("detect", toy, "--show-rejections")
    head, _, rejected = done.out.partition("\n\nThe following formats were rejected:\n\n")
    assert head == "Detected format: toy"
    assert "toy_twin:\n  there is no twin\n" in rejected
    assert "toy_broken:\n  it cannot be loaded: No module named 'no_such_module'\n" in rejected
    assert "toy_write_only" not in rejected


def test_a_report(datum, toy: Path):
    assert datum("detect", toy, "--json-report", "report.json").code == 0

    report = json.loads(Path("report.json").read_text())
    assert report["detected_formats"] == ["toy"]
    assert report["rejected_formats"]["toy_twin"] == {
        "reason": "unmet_requirements",
        "message": "there is no twin",
    }
    assert report["rejected_formats"]["toy_broken"]["reason"] == "detection_unsupported"


def test_a_path_that_is_not_there(datum, toy: Path):
    done = datum("detect", "nowhere")
    assert (done.code, done.out) == (1, "")
    assert done.err == "datum: error: nowhere: no such file or folder\n"


def test_a_report_that_cannot_be_written(datum, toy: Path):
    done = datum("detect", toy, "--json-report", "nowhere/report.json")
    assert done.code == 1
    assert done.err == "datum: error: nowhere/report.json: No such file or directory\n"


def test_the_nearest_formats(datum, toy: Path):
    (toy / "toy.json").unlink()
    (toy / "annotations").mkdir()
    (toy / "annotations/instances.json").touch()
    done = datum("detect", "toy", "--show-rejections", "--json-report", "report.json")
    assert done.out.startswith(
        "Unable to detect the format\n\nThe nearest formats, and what they miss in toy:\n\n"
    )
    assert "datumaro:\n  " in done.out
    assert "If it is one of them, name it: -if FORMAT" in done.out
    nearest = json.loads(Path("report.json").read_text())["nearest_formats"]
    assert {"coco", "datumaro"} <= set(nearest) and "voc" not in nearest
    rejected = done.out.partition("The following formats were rejected:\n\n")[2]
    assert rejected.startswith(f"{nearest[0]}:\n")


def test_a_format_that_is_not_sure(datum, toy: Path):
    Path("images").mkdir()
    Path("images/a.png").touch()
    done = datum("detect", "images")
    assert done.out == "Detected format: image_dir\n"  # nothing else is near
    Path("archives").mkdir()
    with zipfile.ZipFile("archives/a.zip", "w"):
        pass
    assert datum("detect", "archives").out == "Detected format: image_zip\n"
