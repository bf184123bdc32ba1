"""Reading Mapillary Vistas: samples, versions, polygons, detection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    InvalidOptionError,
    MalformedFileError,
    UndeclaredLabelError,
)
from datumaro.formats.base import Confidence
from format_files import colors, count, detect, label_names, make, read
from formats.mapillary_vistas.mapillary_files import ALL, annotations, files


@pytest.mark.parametrize("format", ALL)
@pytest.mark.parametrize("version", ["v1.2", "v2.0"])
def test_sample(shared_data: Path, format: str, version: str):
    path = shared_data / "formats/mapillary_vistas_dataset"
    found = read(path, format, format_version=version)
    assert count(found) == ({"train": 1, "val": 2}, {"mask": 10})
    assert label_names(found)[1] == "construction--barrier--separator"
    assert colors(found)[2] == (119, 11, 32)
    assert all(item.media.size == (5, 5) for item in found)
    assert count(read(path / "val", format))[0] == {"val": 2}
    assert dm.Dataset.detect(path) == "mapillary_vistas"


def test_the_newest_version_that_is_there(tmp_path: Path):
    make(tmp_path, files("v1.2"))
    for format in ALL:
        assert count(read(tmp_path, format)) == ({"t": 1}, {"mask": 2})
        with pytest.raises(DatasetNotFoundError, match=r"no v2.0/"):
            read(tmp_path, format, format_version="v2.0")


@pytest.mark.parametrize("format", ALL)
def test_polygons(tmp_path: Path, format: str):
    objects = [
        {"id": 3, "label": "car", "polygon": [[0, 0], [1, 0], [1, 1.5]]},
        {"label": "car", "polygon": [[0, 0, 1, 0, 1, 1], [5, 5, 6, 5, 6, 6]]},
    ]
    make(tmp_path, {**files(), "t/v2.0/polygons/a.json": json.dumps({"objects": objects})})
    (item,) = read(tmp_path, format, parse_polygon=True)
    assert annotations(item)[2:] == [
        ("polygon", 0, 3, [0, 0, 1, 0, 1, 1.5]),
        ("polygon", 0, 0, [0, 0, 1, 0, 1, 1]),
        ("polygon", 0, 0, [5, 5, 6, 5, 6, 6]),
    ]
    with pytest.raises(InvalidOptionError, match=r"v1.2 has no polygons"):
        read(tmp_path, format, parse_polygon=True, format_version="v1.2")


@pytest.mark.parametrize(
    ("thing", "error", "message"),
    [
        ({"label": "x", "polygon": []}, UndeclaredLabelError, r"objects\[0\].label: label 'x'"),
        ({"label": "car", "polygon": [[1, 2]]}, InvalidAnnotationError, "2 numbers"),
        ({"label": "car", "polygon": [[1, 2, 3, 4, 5]]}, InvalidAnnotationError, "5 numbers"),
        ({"label": "car", "polygon": [[1, 2, 3, 4, 5, 1e99]]}, InvalidAnnotationError, "6 numbers"),
        ({"label": "car", "polygon": "x"}, MalformedFileError, "polygon"),
    ],
)
def test_wrong_polygons(tmp_path: Path, thing: Any, error: type[Exception], message: str):
    make(tmp_path, {**files(), "t/v2.0/polygons/a.json": json.dumps({"objects": [thing]})})
    with pytest.raises(error, match=f"a.json.*{message}"):
        read(tmp_path, "mapillary_vistas", parse_polygon=True)
    found = read(tmp_path, "mapillary_vistas", parse_polygon=True, error_policy="skip")
    assert count(found)[1] == {"mask": 2}


def test_detection(tmp_path: Path):
    make(tmp_path, {"t/v2.0/instances/a.png": b""})
    assert [detect(tmp_path, name) for name in ALL[:2]] == [Confidence.MEDIUM, Confidence.LOW]
    assert "no folder v2.0 or v1.2 with panoptic" in str(detect(tmp_path, ALL[2]))
    for name in ALL:
        with pytest.raises(DatasetNotFoundError, match=r"no v2.0/"):
            read(make(tmp_path / "x", {"a": ""}), name)
