"""Mapillary Vistas: what is read of instances, segments and polygons, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    InvalidOptionError,
    MalformedFileError,
    PathOutsideDatasetError,
    UndeclaredLabelError,
)
from datumaro.formats.base import Confidence, Format
from datumaro.testing import FormatConformance
from format_files import (
    colors,
    count,
    detect,
    label_names,
    make,
    of_stated_size,
    png,
    read,
)

ALL = ("mapillary_vistas", "mapillary_vistas_instances", "mapillary_vistas_panoptic")
CONFIG = json.dumps({"labels": [{"name": "car", "color": [1, 2, 3]}, {"name": "tree"}]})
IDS = np.array([[[1, 0, 0], [0, 1, 0]]], np.uint8)  # red, green


def panoptic(**changes: Any) -> str:
    """A JSON file of an image with the segments 1 and 256."""
    segments = [{"id": 1, "category_id": 5, "iscrowd": 1}, {"id": 256, "category_id": 0}]
    known = {
        "images": [{"id": "x", "file_name": "a.jpg", "width": 2, "height": 1}],
        "annotations": [{"image_id": "x", "file_name": "a.png", "segments_info": segments}],
        "categories": [{"id": 5, "name": "car", "supercategory": "thing", "color": [1, 2, 3]}],
    }
    return json.dumps(known | changes)


def files(version: str = "v2.0", **changes: str | bytes) -> dict[str, str | bytes]:
    year = {"v1.2": 2018, "v2.0": 2020}[version]
    known: dict[str, tuple[str, str | bytes]] = {
        "config": (f"config_{version}.json", CONFIG),
        "instances": (f"t/{version}/instances/a.png", png(np.array([[0, 257]], np.uint16))),
        "panoptic": (f"t/{version}/panoptic/panoptic_{year}.json", panoptic()),
        "segments": (f"t/{version}/panoptic/a.png", png(IDS)),
        "image": ("t/images/a.jpg", b""),
    }
    return {path: changes.get(key, content) for key, (path, content) in known.items()}


def annotations(item: dm.DatasetItem) -> list[tuple[str, int | None, int, Any]]:
    """(kind, label, id, pixels or points) of an item's annotations."""
    return [
        (
            a.type.name,
            a.label,
            a.id,
            np.asarray(a.image).astype(int).tolist() if isinstance(a, dm.Mask) else a.points,
        )
        for a in item.annotations
    ]


class TestConformance(FormatConformance):
    """It is only read."""

    format = "mapillary_vistas_panoptic"

    def make_sample(self, kind: Format, folder: Path) -> None:
        if kind.name == self.format:
            make(folder, files() | files("v1.2"))
        else:
            super().make_sample(kind, folder)


# --- both -----------------------------------------------------------------------------------------


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


# --- instances ------------------------------------------------------------------------------------


def test_instances(tmp_path: Path):
    make(tmp_path, {**files(), "t/images/b.png": b"", "test/images/c.jpg": b""})
    found = read(tmp_path, "mapillary_vistas_instances")
    assert count(found)[0] == {"t": 2, "test": 1}
    assert annotations(found.get("a", "t")) == [
        ("mask", 0, 0, [[1, 0]]),
        ("mask", 1, 1, [[0, 1]]),
    ]
    assert (label_names(found), colors(found)) == (["car", "tree"], {0: (1, 2, 3)})


def test_where_labels_are(tmp_path: Path):
    make(tmp_path, files())
    (tmp_path / "config_v2.0.json").rename(tmp_path / "t/config_v2.0.json")
    assert label_names(read(tmp_path, "mapillary_vistas_instances")) == ["car", "tree"]
    (tmp_path / "t/config_v2.0.json").unlink()
    with pytest.raises(DatasetNotFoundError, match="use_original_config"):
        read(tmp_path, "mapillary_vistas_instances")
    assert label_names(read(tmp_path, "mapillary_vistas")) == ["car"]  # panoptic
    found = read(tmp_path, "mapillary_vistas_instances", use_original_config=True)
    assert (len(label_names(found)), label_names(found)[0]) == (124, "animal--bird")
    assert colors(found)[0] == (165, 42, 42)
    make(tmp_path, {"dataset_meta.json": '{"labels": ["a", "b"]}'})
    assert label_names(read(tmp_path, "mapillary_vistas_instances")) == ["a", "b"]
    make(tmp_path / "old", files("v1.2"))
    found = read(tmp_path / "old", "mapillary_vistas_instances", use_original_config=True)
    assert len(label_names(found)) == 66


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"config": '{"labels": [{"name": 5}]}'}, MalformedFileError, r"labels\[0\].name"),
        ({"config": '{"labels": [{"name": "a"}, {"name": "a"}]}'}, MalformedFileError, "line 2"),
        (
            {"config": '{"labels": [{"name": "a", "color": [0, 0, 256]}]}'},
            MalformedFileError,
            "color",
        ),
        (
            {"instances": png(np.array([[512]], np.uint16))},
            UndeclaredLabelError,
            "value 512.*label.*2",
        ),
        ({"instances": png(np.zeros((1, 1, 3), np.uint8))}, MalformedFileError, "in colours"),
        (
            {"instances": of_stated_size(png(np.zeros((1, 1), np.uint16)), 40000, 40000)},
            MalformedFileError,
            "40000 x 40000",
        ),
    ],
)
def test_wrong_instances(tmp_path: Path, changes: Any, error: type[Exception], message: str):
    make(tmp_path, files(**changes))
    with pytest.raises(error, match=f"(?s)(config_v2.0.json|a.png).*{message}"):
        read(tmp_path, "mapillary_vistas_instances")


# --- panoptic segments --------------------------------------------------------------------------


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
