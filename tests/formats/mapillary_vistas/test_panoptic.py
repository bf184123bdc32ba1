"""Reading panoptic segments of Mapillary Vistas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import datumaro as dm
from datumaro.errors import (
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
    UndeclaredLabelError,
)
from format_files import count, label_names, make, png, read
from formats.mapillary_vistas.mapillary_files import annotations, files, panoptic


def test_segments(tmp_path: Path):
    make(tmp_path, {**files(), "t/images/b.png": b"", "test/images/c.jpg": b""})
    found = read(tmp_path, "mapillary_vistas_panoptic")
    assert count(found)[0] == {"t": 2, "test": 1}
    item = found.get("a", "t")
    assert annotations(item) == [("mask", 0, 1, [[1, 0]]), ("mask", None, 256, [[0, 1]])]
    assert [a.attributes["is_crowd"] for a in item.annotations] == [True, False]
    assert [a.group for a in item.annotations] == [1, 256]
    (label,) = found.categories()[dm.AnnotationType.label]
    assert (label.name, label.parent) == ("car", "thing")
    assert item.media.has_size


def test_labels_numbered_as_categories(tmp_path: Path):
    make(tmp_path, files())
    found = read(tmp_path, "mapillary_vistas_panoptic", keep_original_category_ids=True)
    assert label_names(found) == [*(f"class-{n}" for n in range(5)), "car"]
    (item,) = found
    assert [a.label for a in item.annotations] == [5, None]


def test_segments_without_pixels_and_gray_images(tmp_path: Path):
    entry = {"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 0x030303}, {"id": 7}]}
    gray = png(np.array([[0, 3]], np.uint8))
    make(tmp_path, files(panoptic=panoptic(annotations=[entry], images=[]), segments=gray))
    (item,) = read(tmp_path, "mapillary_vistas_panoptic")
    assert annotations(item) == [
        ("mask", None, 0x030303, [[0, 1]]),
        ("mask", None, 7, [[0, 0]]),
    ]


def entry(**changes: Any) -> dict[str, Any]:
    segments = [{"id": 1}, {"id": 256}]
    return {"image_id": "x", "file_name": "a.png", "segments_info": segments} | changes


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"annotations": [entry(), entry()]}, InvalidAnnotationError, "another entry of image 'a'"),
        ({"annotations": [entry(file_name="../../a.png")]}, PathOutsideDatasetError, "file_name"),
        ({"annotations": [entry(file_name="b/../a.png")]}, MalformedFileError, "file_name"),
        (
            {"annotations": [entry(segments_info=[{"id": 1}])]},
            InvalidAnnotationError,
            "no segment 256",
        ),
        (
            {"annotations": [entry(segments_info=[{"id": 1}, {"id": 1}, {"id": 256}])]},
            InvalidAnnotationError,
            r"segments_info\[1\].id: 1",
        ),
        (
            {"annotations": [entry(segments_info=[{"id": 1, "category_id": 9}, {"id": 256}])]},
            UndeclaredLabelError,
            "category_id: 9",
        ),
        (
            {"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]},
            MalformedFileError,
            "'a'",
        ),
        ({"categories": [{"id": 10**9, "name": "a"}]}, MalformedFileError, "an id below 65536"),
        (
            {"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]},
            MalformedFileError,
            "id 1",
        ),
        ({"images": [{"id": "x", "file_name": "a", "width": -1}]}, MalformedFileError, "width"),
        ({"annotations": 5}, MalformedFileError, r"\$.annotations"),
    ],
)
def test_wrong_segments(tmp_path: Path, changes: Any, error: type[Exception], message: str):
    make(tmp_path, files(panoptic=panoptic(**changes)))
    with pytest.raises(error, match=message):
        read(tmp_path, "mapillary_vistas_panoptic")


def test_damaged_segments(tmp_path: Path):
    for segments, message in (
        (png(np.array([[300]], np.uint16)), "gray values of 16 bits"),
        (b"no", "expected a PNG image"),
    ):
        make(tmp_path, files(segments=segments))
        with pytest.raises(MalformedFileError, match=message):
            read(tmp_path, "mapillary_vistas_panoptic")
        assert count(read(tmp_path, "mapillary_vistas_panoptic", error_policy="skip"))[1] == {}
    (tmp_path / "t/v2.0/panoptic/a.png").unlink()
    with pytest.raises(MalformedFileError, match=r"a.png.*no such file"):
        read(tmp_path, "mapillary_vistas_panoptic")
