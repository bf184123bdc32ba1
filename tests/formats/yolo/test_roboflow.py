"""Roboflow's layouts of YOLO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    InvalidAnnotationError,
    MediaTypeError,
)
from datumaro.formats import registry
from datumaro.formats.base import Folder, Rejected
from datumaro.formats.detection import detect
from formats.yolo.yolo_files import found, image, make, names, read

YOLO, OBB = "roboflow_yolo", "roboflow_yolo_obb"
YAML = "train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['zebra', 'an ant']\n"


def test_sample(shared_data: Path):
    dataset = dm.Dataset.import_from(str(shared_data / "formats/roboflow_dataset/yolo"))
    assert dataset.format == YOLO
    assert {name: len(subset) for name, subset in dataset.subsets().items()} == {
        "train": 2,
        "val": 1,
    }
    assert names(dataset) == ["label_0", "label_1"]
    assert dataset.get_annotations() == 4


def test_boxes_and_polygons(tmp_path: Path):
    files: dict[str, str | bytes] = {
        "data.yaml": YAML,
        "train/images/a.png": b"",
        "train/labels/a.txt": "1 0.5 0.5 0.2 0.4\n0 0 0 1 0 1 1",
        "train/images/background.png": b"",
        "valid/images/deep/b.png": b"",
        "valid/labels/deep/b.txt": "",
        "other/x.txt": "no labels",
    }
    make(tmp_path / "x", files)
    for path in (tmp_path / "x", tmp_path / "x/data.yaml", tmp_path):
        assert found(read(path, YOLO)) == {
            ("train", "a"): [("bbox", 1, [8, 3, 12, 7]), ("polygon", 0, [0, 0, 20, 0, 20, 10])],
            ("train", "background"): [],
            ("valid", "deep/b"): [],
        }
    assert detect(tmp_path / "x").formats == [YOLO]
    make(tmp_path, {"x/train/labels/lost.txt": "0 0 0 1 1"})
    with pytest.raises(InvalidAnnotationError, match=r"lost\.txt.*it has no image"):
        read(tmp_path, YOLO)


def test_key_points(tmp_path: Path):
    files: dict[str, str | bytes] = {
        "data.yaml": YAML + "kpt_shape: [1, 3]\n",
        "train/images/a.png": b"",
        "train/labels/a.txt": "1 0.5 0.5 0.2 0.4 0.5 0.5 2",
    }
    assert found(read(make(tmp_path, files), YOLO))["train", "a"] == [
        ("bbox", 1, [8, 3, 12, 7]),
        ("points", 1, [10, 5]),
    ]


def obb(text: str | bytes, folder: str = "labelTxt") -> dict[str, str | bytes]:
    return {"data.yaml": YAML, "train/images/a.png": b"", f"train/{folder}/a.txt": text}


def test_rotated_boxes(tmp_path: Path):
    text = "1 1 5 1 5 3 1 3 zebra 0\r\n\n10 5 12 7 10 9 8 7 an ant 1\n"
    dataset = read(make(tmp_path, obb(text)), OBB)
    assert names(dataset) == ["zebra", "an ant"]
    (item,) = dataset
    first, second = item.annotations
    assert (first.label, first.points, first.attributes) == (0, [3, 2, 4, 2, 0], {})
    assert (second.label, second.id, second.group) == (1, 1, 1)
    assert second.points == pytest.approx([10, 7, 2.83, 2.83, 45], abs=0.001)
    assert second.attributes == {"difficult": True}
    assert registry.get(OBB).detect(Folder(tmp_path)) == 10
    with pytest.raises(Rejected, match=OBB):
        registry.get("yolo").detect(Folder(tmp_path))


def test_rotated_boxes_as_ultralytics_has_them(tmp_path: Path):
    make(tmp_path, obb("0 0.25 0.2 0.75 0.2 0.75 0.8 0.25 0.8", "labels"))
    assert found(read(tmp_path, OBB))["train", "a"] == [("rotated_bbox", 0, [10, 5, 10, 6, 0])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 1 5 1 5 3 1 3 zebra", "line 1: 9 fields"),
        ("\n1 1 5 1 5 3 1 3 cat 0", "line 2: label 'cat' is not in data.yaml"),
        ("1 1 5 1 five 3 1 3 zebra 0", "line 1: '1 1 5 1 five 3 1 3'; expected eight numbers"),
        ("1 1 5 1 nan 3 1 3 zebra 0", "line 1: .*expected eight numbers"),
        ("1 1 5 1 1e300 3 1 3 zebra 0", "line 1: .*expected eight numbers"),
        (b"\n\xff", "line 2: not UTF-8"),
    ],
)
def test_wrong_lines(tmp_path: Path, text: str | bytes, message: str):
    with pytest.raises(DatasetImportError, match=message) as info:
        read(make(tmp_path, obb(text)), OBB)
    assert "a.txt" in str(info.value)


SHAPES: dict[str, dm.Annotation] = {
    YOLO: dm.Bbox(1, 2, 3.5, 4.25, label=1),
    OBB: dm.RotatedBbox(10, 5, 4, 2, 30, label=1, attributes={"difficult": True}),
}


@pytest.mark.parametrize("format", SHAPES)
def test_round_trip(tmp_path: Path, format: str):
    items = [
        dm.DatasetItem(
            item_id, subset=subset, media=image(tmp_path), annotations=[SHAPES[format]] * number
        )
        for subset in ("train", "valid")
        for number, item_id in enumerate(["1", "with space", "ünï/cödé.x"])
    ]
    sent = dm.Dataset.from_iterable(items, categories=["b", "a c"])
    sent.export(str(tmp_path / "o"), format, save_media=True)
    assert "val: ../valid/images\n" in (tmp_path / "o/data.yaml").read_text()
    received = read(tmp_path / "o", format)
    assert names(received) == ["b", "a c"]
    assert found(received).keys() == found(sent).keys()
    for key, shapes in found(sent).items():
        for (kind, label, points), expected in zip(found(received)[key], shapes, strict=True):
            assert (kind, label) == expected[:2]
            assert points == pytest.approx(expected[2], abs=0.011)
    for item in received:
        assert all(a.attributes == SHAPES[format].attributes for a in item.annotations)


def test_boxes_without_images(tmp_path: Path):
    item: Any = dm.DatasetItem(
        "1", subset="train", media=image(tmp_path), annotations=[SHAPES[YOLO]]
    )
    dm.Dataset.from_iterable([item], categories=["a", "b"]).export(str(tmp_path / "o"), YOLO)
    assert found(read(tmp_path / "o", YOLO)) == {("train", "1"): [("bbox", 1, [1, 2, 4.5, 6.25])]}


def test_other_media_are_refused(tmp_path: Path):
    item = dm.DatasetItem("x", media=dm.PointCloud.from_file(path="x.pcd"))
    clouds = dm.Dataset.from_iterable([item], media_type=dm.PointCloud)
    for format in SHAPES:
        with pytest.raises(MediaTypeError, match="POINT_CLOUD"):
            clouds.export(str(tmp_path / "out"), format)


def test_nothing_there(tmp_path: Path):
    make(tmp_path, {"data.yaml": YAML, "labels/a.txt": ""})
    for format in (YOLO, OBB):
        with pytest.raises(DatasetNotFoundError, match=r"no data\.yaml beside folders"):
            read(tmp_path, format)
        with pytest.raises(Rejected, match="no folder has images and label"):
            registry.get(format).detect(Folder(tmp_path))
        with pytest.raises(Rejected, match="a file"):
            registry.get(format).detect(Folder(tmp_path / "data.yaml"))
