"""Roboflow's layouts of CreateML and of labels of images."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    MediaTypeError,
    PathOutsideDatasetError,
    PathSeparatorInSubsetNameError,
    UnsupportedContentError,
)
from datumaro.formats import registry
from datumaro.formats.base import Folder, Rejected
from datumaro.formats.detection import detect
from formats.yolo.yolo_files import found, image, make, names, read

CREATE_ML, MULTICLASS = "roboflow_create_ml", "roboflow_multiclass"
VOC = "roboflow_voc"
JSON, CSV = "_annotations.createml.json", "_classes.csv"


def record(name: str, *boxes: tuple[Any, ...]) -> dict[str, Any]:
    annotations = [
        {"label": label, "coordinates": dict(zip(("x", "y", "width", "height"), at, strict=True))}
        for label, *at in boxes
    ]
    return {"image": name, "annotations": annotations}


# --- CreateML -----------------------------------------------------------------------------------


def test_create_ml(tmp_path: Path):
    """x and y are those of the middle."""
    records = [
        record("a b.png", ("zebra", 5, 6, 4, 2), ("ant", 5.5, 6.25, 4.5, 2)),
        record("none.jpg"),
    ]
    make(
        tmp_path / "x/mine",
        {
            f"train/{JSON}": json.dumps(records),
            "train/a b.png": b"",
            "train/other.png": b"",
            f"valid/{JSON}": "[]",
        },
    )
    expected = {
        ("train", "a b"): [("bbox", 1, [3, 5, 7, 7]), ("bbox", 0, [3.25, 5.25, 7.75, 7.25])],
        ("train", "none"): [],
        ("train", "other"): [],  # an image that no annotation names
    }
    for path in (tmp_path, tmp_path / "x/mine", tmp_path / "x/mine/train"):
        dataset = read(path, CREATE_ML)
        assert names(dataset) == ["ant", "zebra"]
        assert found(dataset) == expected
    assert found(read(tmp_path / "x/mine/train" / JSON, CREATE_ML)) == expected
    (first, *_) = dataset
    assert [(a.id, a.group) for a in first.annotations] == [(0, 0), (1, 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{]", "not JSON"),
        ("{}", r"\$: .*expected an array"),
        ('[{"image": 7}]', r"\$\[0\]\.image: 7; expected a string"),
        ('[{"image": "a", "annotations": [{"label": "x"}]}]', r"\$\[0\]\.annotations\[0\]: "),
        (
            json.dumps([record("a", ("x", 1, 2, 3, "4"))]),
            r"coordinates\.height: \"4\"; expected a number",
        ),
        (json.dumps([record("a", ("x", 1, 2, 3, 1e300))]), r"\$\[0\]\.annotations\[0\]\.coord"),
        ("[" * 100_000, r"expected an object"),
        (b"[{\xff", "not JSON"),
    ],
)
def test_damaged_create_ml(tmp_path: Path, text: str | bytes, message: str):
    with pytest.raises((MalformedFileError, InvalidAnnotationError), match=message) as info:
        read(make(tmp_path, {f"train/{JSON}": text}), CREATE_ML)
    assert JSON in str(info.value)


# --- labels -------------------------------------------------------------------------------------


def test_multiclass(tmp_path: Path):
    table = 'filename, zebra, "ant, red", Bee\na b.png, 1, 0, 1\n\n"c, d.png",0,0,0\n'
    make(tmp_path, {f"train/{CSV}": table, "train/a b.png": b"", "train/deep/e.png": b""})
    dataset = read(tmp_path, MULTICLASS)
    assert names(dataset) == ["Bee", "ant, red", "zebra"]
    assert found(dataset) == {
        ("train", "a b"): [("label", 2, []), ("label", 0, [])],
        ("train", "c, d"): [],
        ("train", "deep/e"): [],  # an image that the table does not name
    }


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "line 1: .*the column filename"),
        ("name, a\n", "line 1: .*the column filename"),
        ("filename, a, a\n", "line 1, column 3: 'a'; expected labels' names, each once"),
        ("filename, \n", "line 1, column 2"),
        ("filename, a\nx.png\n", "line 2: 1 fields; expected 2"),
        ("filename, a\nx.png, yes\n", "line 2: 'yes'; expected 0 or 1"),
        ('filename, a\n"x.png, 1\n', "line 2: "),
        (b"filename, a\n\xff, 1\n", "line 2: not UTF-8"),
        ("filename, a\n" + "x" * 200_000, "line 2: field larger"),
    ],
)
def test_damaged_multiclass(tmp_path: Path, table: str | bytes, message: str):
    with pytest.raises(DatasetImportError, match=message) as info:
        read(make(tmp_path, {f"train/{CSV}": table}), MULTICLASS)
    assert CSV in str(info.value)


# --- both ---------------------------------------------------------------------------------------


def annotated(tmp_path: Path, format: str) -> dm.Dataset:
    def annotations(label: int) -> list[dm.Annotation]:
        box = dm.Bbox(0.01, 2.5, 3.33, 4, label=label)
        return [box, dm.Bbox(1, 1, 2, 2, label=0)] if format == CREATE_ML else [dm.Label(label)]

    items = [
        dm.DatasetItem(
            item_id,
            subset=subset,
            media=image(tmp_path),
            annotations=annotations(number % 3) if number else [],
        )
        for subset in ("train", "val 2", "default")
        for number, item_id in enumerate(["1", "with space", "ünï/cödé.x", "q'\", %"])
    ]
    return dm.Dataset.from_iterable(items, categories=["a", "b, c", "猫"])


@pytest.mark.parametrize("format", [CREATE_ML, MULTICLASS])
@pytest.mark.parametrize("save_media", [False, True])
def test_round_trip(tmp_path: Path, format: str, save_media: bool):
    sent = annotated(tmp_path, format)
    sent.export(str(tmp_path / "o"), format, save_media=save_media)
    received = read(tmp_path / "o", format)
    assert names(received) == names(sent)
    assert found(received) == found(sent)
    assert all((item.media.data is not None) == save_media for item in received)
    assert detect(tmp_path / "o").formats == [format]


@pytest.mark.parametrize("format", [CREATE_ML, MULTICLASS])
def test_names_that_cannot_be_written_and_other_media(tmp_path: Path, format: str):
    out = str(tmp_path / "o")
    with pytest.raises(PathSeparatorInSubsetNameError):
        dm.Dataset.from_iterable([dm.DatasetItem("a", subset="a/b")]).export(out, format)
    with pytest.raises(UnsupportedContentError, match="rename"):
        dm.Dataset.from_iterable([dm.DatasetItem("a", subset=".")]).export(out, format)
    item = dm.DatasetItem("x", media=dm.PointCloud.from_file(path="x.pcd"))
    with pytest.raises(MediaTypeError, match="POINT_CLOUD"):
        dm.Dataset.from_iterable([item], media_type=dm.PointCloud).export(out, format)


@pytest.mark.parametrize("label", ["", " a", "a\nb"])
def test_labels_that_no_table_can_hold(tmp_path: Path, label: str):
    with pytest.raises(UnsupportedContentError, match=r"label .*rename"):
        dm.Dataset.from_iterable([], categories=[label]).export(str(tmp_path / "o"), MULTICLASS)


@pytest.mark.parametrize("format", [CREATE_ML, MULTICLASS])
def test_what_is_lost_is_said(tmp_path: Path, format: str, caplog: pytest.LogCaptureFixture):
    annotations = [dm.Label(0), dm.Bbox(1, 2, 3, 4, label=0), dm.Caption("x"), dm.Label(0)]
    annotations[0].attributes = annotations[1].attributes = {"a": 1}
    item = dm.DatasetItem("a", subset="s", annotations=annotations, attributes={"b": 2})
    with caplog.at_level(logging.WARNING):
        dm.Dataset.from_iterable([item], categories=["x"]).export(str(tmp_path / "o"), format)
    kept, lost = ("boxes", "2 labels of items")
    if format == MULTICLASS:
        kept, lost = ("labels of items", "1 boxes")
    for part in (lost, "1 captions", f"1 attributes of {kept}", "1 attributes of items"):
        assert part in caplog.text


@pytest.mark.parametrize(
    ("format", "files"),
    [
        (CREATE_ML, {f"train/{JSON}": json.dumps([record("../../a.png")])}),
        (MULTICLASS, {f"train/{CSV}": "filename, a\n/a.png, 1\n"}),
    ],
)
def test_images_that_lead_outside(tmp_path: Path, format: str, files: dict[str, str | bytes]):
    make(tmp_path / "in", files)
    with pytest.raises(PathOutsideDatasetError, match="allow_external_media"):
        read(tmp_path / "in", format)


def test_nothing_there_and_several(tmp_path: Path):
    make(tmp_path, {"train/a.png": b""})
    for format in (CREATE_ML, MULTICLASS):
        with pytest.raises(DatasetNotFoundError, match="no folder with"):
            read(tmp_path, format)
        with pytest.raises(Rejected, match="no _"):
            registry.get(format).detect(Folder(tmp_path))
        with pytest.raises(Rejected, match="not called"):
            registry.get(format).detect(Folder(tmp_path / "train/a.png"))
    make(tmp_path, {f"x/train/{JSON}": "[]", f"y/train/{JSON}": "[]"})
    with pytest.raises(DatasetNotFoundError, match="several"):
        read(tmp_path, CREATE_ML)
    make(tmp_path, {f"z/{CSV}": "name\n", f"z/{JSON}": "{}"})
    for format in (CREATE_ML, MULTICLASS):
        with pytest.raises(Rejected):
            registry.get(format).detect(Folder(tmp_path / "z"))


# --- PASCAL VOC ---------------------------------------------------------------------------------


def voc_file(*names: str, filename: str = "a.png", source: str = "roboflow.ai") -> str:
    """A file with a box for each name."""
    objects = "".join(
        f"<object>\n<name>{name}</name><bndbox><xmin>{n}</xmin><ymin>2</ymin>"
        "<xmax>5</xmax><ymax>4</ymax></bndbox></object>"
        for n, name in enumerate(names)
    )
    return (
        f"<annotation><folder></folder><filename>{filename}</filename>"
        f"<source><database>{source}</database></source>"
        f"<size><width>8</width><height>6</height><depth>3</depth></size>{objects}</annotation>"
    )


def test_voc_sample(shared_data: Path):
    root = shared_data / "formats/roboflow_dataset/voc"
    data_set = read(root, VOC)
    assert names(data_set) == ["label_0", "label_1"]
    item = data_set.get("val_001", "val")
    assert [(a.id, a.label, a.points) for a in item.annotations] == [
        (0, 0, [0, 0, 1, 2]), (1, 1, [0, 0, 9, 1]),
    ]  # fmt: skip
    assert item.media.path.endswith("val/val_001.jpg") and item.media.size == (5, 10)
    assert item.annotations[0].attributes == dict.fromkeys(
        ("difficult", "truncated", "occluded"), False
    )


def test_voc_labels_of_all_subsets_are_sorted(tmp_path: Path):
    files = {"train/a.xml": voc_file("zebra"), "valid/b.xml": voc_file("ant", "zebra")}
    make(tmp_path, files)
    data_set = read(tmp_path, VOC)
    assert names(data_set) == ["ant", "zebra"]
    assert [a.label for a in data_set.get("b", "valid").annotations] == [0, 1]
    assert {item.id for item in read(tmp_path / "valid", VOC)} == {"b"}


def test_voc_images_of_other_names(tmp_path: Path):
    """An image of the file's own name is found, too."""
    make(tmp_path / "train", {"x.xml": voc_file(filename="gone.jpg"), "x.png": b""})
    (item,) = read(tmp_path, VOC)
    assert item.media.path.endswith("train/x.png")


def test_voc_is_detected_by_its_source(tmp_path: Path):
    make(tmp_path, {"train/a.xml": voc_file("a", source="The VOC2007 Database")})
    with pytest.raises(Rejected, match="does not say that it is Roboflow's"):
        registry.get(VOC).detect(Folder(tmp_path))
    make(tmp_path, {"train/a.xml": voc_file("a", source="roboflow.com")})
    assert detect(tmp_path).formats == [VOC]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("<annotation>", MalformedFileError, "whole XML"),
        (voc_file("a").replace("<ymin>2", "<ymin>x"), InvalidAnnotationError, "line 2.*<ymin> 'x'"),
        (voc_file(filename="../../x.png"), PathOutsideDatasetError, "<filename> in"),
    ],
)
def test_damaged_voc(tmp_path: Path, content: str, error: type[Exception], message: str):
    make(tmp_path / "train", {"a.xml": content})
    with pytest.raises(error, match=message) as info:
        read(tmp_path, VOC)
    assert "a.xml" in str(info.value)


def test_no_voc(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match=r"\.xml"):
        read(tmp_path, VOC)


def test_voc_ids_have_no_folders(tmp_path: Path):
    data_set = dm.Dataset.from_iterable([dm.DatasetItem("a/b", subset="train")])
    with pytest.raises(UnsupportedContentError, match="no folders"):
        data_set.export(str(tmp_path / "x"), VOC)


@pytest.mark.parametrize("name", [CREATE_ML, MULTICLASS, VOC, "roboflow_coco"])
def test_one_subset_is_a_part_which_save_would_not_replace(tmp_path: Path, name: str):
    items = [
        dm.DatasetItem(
            "a",
            subset=subset,
            media=image(tmp_path / "images"),
            annotations=[dm.Bbox(1, 1, 2, 2, label=0)],
        )
        for subset in ("train", "valid")
    ]
    dm.Dataset.from_iterable(items, categories=["cat"]).export(
        tmp_path / "o", name, save_media=True
    )

    assert dm.Dataset.import_from(tmp_path / "o", name).is_bound
    assert not dm.Dataset.import_from(tmp_path / "o" / "train", name).is_bound
