"""YOLO: what is written, in each format, and what cannot be."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import datumaro as dm
from datumaro.errors import (
    DatasetExportError,
    MediaTypeError,
    PathSeparatorInSubsetNameError,
    UnsupportedContentError,
)
from datumaro.formats import registry
from datumaro.formats.base import WriteContext
from datumaro.formats.columns import ChunkColumns
from datumaro.table.chunk import Content
from formats.yolo.yolo_files import found, image, names, read

DETECTION = ("yolo", "yolo_ultralytics")
SHAPES: dict[str, dm.Annotation] = {
    "yolo": dm.Bbox(1, 2, 3.5, 4.25, label=1),
    "yolo_ultralytics": dm.Bbox(1, 2, 3.5, 4.25, label=1),
    "yolo_ultralytics_segmentation": dm.Polygon([1, 2, 3.5, 4.25, 19.99, 0.01], label=1),
    "yolo_ultralytics_obb": dm.RotatedBbox(10, 5, 4, 2, 30, label=1),
}


def dataset(items: list[dm.DatasetItem], labels: Any = ("cat", "a dog")) -> dm.Dataset:
    return dm.Dataset.from_iterable(items, categories=list(labels))


def one(tmp_path: Path, *annotations: dm.Annotation, **more: Any) -> dm.Dataset:
    item = dm.DatasetItem(
        "1", subset="train", media=image(tmp_path), annotations=list(annotations), **more
    )
    return dataset([item])


# --- files --------------------------------------------------------------------------------------


def test_darknet_files(tmp_path: Path):
    item = dm.DatasetItem(
        "deep/1", media=image(tmp_path), annotations=[dm.Bbox(1, 2, 4, 5, label=1)]
    )
    dataset([item]).export(str(tmp_path / "out"), "yolo", save_media=True)
    out = tmp_path / "out"
    assert (out / "obj.data").read_text() == (
        "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"
    )
    assert (out / "obj.names").read_text() == "cat\na dog\n"
    assert (out / "train.txt").read_text() == "data/obj_train_data/deep/1.png\n"
    label_file = out / "obj_train_data/deep/1.txt"
    assert label_file.read_text() == "1 0.150000 0.450000 0.200000 0.500000\n"
    assert (out / "obj_train_data/deep/1.png").is_file()
    assert not (out / "images.meta").exists()
    dataset([item]).export(str(out), "yolo", add_path_prefix=False)
    assert "train = train.txt\n" in (out / "obj.data").read_text()
    assert (out / "train.txt").read_text() == "obj_train_data/deep/1.png\n"
    assert (out / "images.meta").read_text() == "deep/1 10 20\n"


def test_ultralytics_files(tmp_path: Path):
    one(tmp_path).export(str(tmp_path / "out"), "yolo_ultralytics", image_ext=".jpg")
    out = tmp_path / "out"
    assert (out / "data.yaml").read_text() == "train: train.txt\nnames:\n  0: cat\n  1: a dog\n"
    assert (out / "train.txt").read_text() == "./images/train/1.jpg\n"
    assert (out / "labels/train/1.txt").read_text() == ""


# --- round trips --------------------------------------------------------------------------------


@pytest.mark.parametrize("format", SHAPES)
@pytest.mark.parametrize("save_media", [False, True])
def test_round_trip(tmp_path: Path, format: str, save_media: bool):
    """Odd ids, several subsets, items without annotations, the same id twice, sizes."""
    ids = ["1", "with space", "ünï/cödé.x", "deep/er/2", "quote'n\"%20#", "{x}", "a.png"]
    items = [
        dm.DatasetItem(
            item_id,
            subset=subset,
            media=image(tmp_path, size),
            annotations=[SHAPES[format]] * (number % 3),
        )
        for subset, size in (("train", (10, 20)), ("val", (30, 40)), ("default", (10, 20)))
        for number, item_id in enumerate(ids)
    ]
    sent = dataset(items, ["no", "猫 и кот", "1"])
    sent.export(str(tmp_path / "out"), format, save_media=save_media)
    received = read(tmp_path / "out", format)
    assert names(received) == ["no", "猫 и кот", "1"]
    assert found(received).keys() == found(sent).keys()
    for key, shapes in found(sent).items():
        for (kind, label, points), expected in zip(found(received)[key], shapes, strict=True):
            assert (kind, label) == expected[:2]
            assert points == pytest.approx(expected[2], abs=0.011)
        item = received.get(key[1], key[0])
        assert item.media.size == sent.get(key[1], key[0]).media.size
        assert (item.media.data is not None) == save_media


@settings(max_examples=50)
@given(
    size=st.tuples(st.integers(1, 50_000), st.integers(1, 50_000)),
    boxes=st.lists(
        st.tuples(*[st.integers(-1000, 100_000)] * 2, *[st.integers(0, 100_000)] * 2), min_size=1
    ),
)
def test_hundredths_of_pixels_survive(
    tmp_path_factory: pytest.TempPathFactory, size: tuple[int, int], boxes: list[Any]
):
    out = tmp_path_factory.mktemp("out")
    annotations = [dm.Bbox(*(v / 100 for v in box), label=0) for box in boxes]
    media = dm.Image.from_file(path="none.jpg", size=size)
    sent = dataset([dm.DatasetItem("a", media=media, annotations=annotations)])
    sent.export(str(out), "yolo")
    (item,) = read(out)
    for ours, theirs in zip(item.annotations, annotations, strict=True):
        assert ours.points == theirs.points


def test_an_empty_data_set(tmp_path: Path):
    for format in SHAPES:
        dataset([]).export(str(tmp_path / format), format)
        received = read(tmp_path / format, format)
        assert len(received) == 0 and names(received) == ["cat", "a dog"]
    dataset([], []).export(str(tmp_path / "none"), "yolo")
    assert names(read(tmp_path / "none")) == []


def test_items_without_media(tmp_path: Path):
    for format in SHAPES:
        dataset([dm.DatasetItem("1", subset="val")]).export(str(tmp_path / format), format)
        assert found(read(tmp_path / format, format)) == {("val", "1"): []}


def test_images_in_memory(tmp_path: Path):
    media = dm.Image.from_numpy(data=np.full((10, 20, 3), 7, np.uint8))
    item = dm.DatasetItem("1", media=media, annotations=[dm.Bbox(1, 2, 3, 4, label=0)])
    dataset([item]).export(str(tmp_path / "o"), "yolo", save_media=True, image_ext=".png")
    (received,) = read(tmp_path / "o")
    assert received.media.data.tolist() == media.data.tolist()
    assert received.annotations[0].points == [1, 2, 4, 6]


def test_an_image_that_could_not_be_saved(tmp_path: Path):
    media = dm.Image.from_file(path=str(tmp_path / "none.jpg"), size=(10, 20))
    item = dm.DatasetItem("a b", media=media, annotations=[dm.Bbox(1, 2, 3, 4, label=0)])
    other = dm.DatasetItem("c", media=image(tmp_path))
    dataset([item, other]).export(str(tmp_path / "o"), "yolo", save_media=True)
    assert (tmp_path / "o/images.meta").read_text() == "'a b' 10 20\n"
    assert found(read(tmp_path / "o"))["train", "a b"] == [("bbox", 0, [1, 2, 4, 6])]


def test_labels_from_dataset_meta(tmp_path: Path):
    box = dm.Bbox(1, 2, 3, 4, label=1)
    one(tmp_path, box).export(str(tmp_path / "o"), "yolo", save_dataset_meta=True)
    (tmp_path / "o/obj.names").write_text("0\n1\n")
    assert names(read(tmp_path / "o")) == ["cat", "a dog"]


# --- subsets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", DETECTION)
def test_the_default_subset_is_written_as_train(
    tmp_path: Path, format: str, caplog: pytest.LogCaptureFixture
):
    items = [dm.DatasetItem("1"), dm.DatasetItem("1", subset="val")]
    dataset(items).export(str(tmp_path / "o"), format)
    assert sorted(found(read(tmp_path / "o"))) == [("train", "1"), ("val", "1")]
    assert "'default' is 'train' now" in caplog.text
    items.append(dm.DatasetItem("1", subset="train"))
    dataset(items).export(str(tmp_path / "o"), format)
    assert {subset for subset, _ in found(read(tmp_path / "o"))} == {"default", "train", "val"}


@pytest.mark.parametrize("subset", ["names", "backup", "classes", "a=b", " a", ".", ".a", "a\nb"])
def test_subsets_that_cannot_be_written(tmp_path: Path, subset: str):
    with pytest.raises(UnsupportedContentError, match="rename"):
        dataset([dm.DatasetItem("1", subset=subset)]).export(str(tmp_path / "o"), "yolo")


@pytest.mark.parametrize("name", ["yolo", "yolo_ultralytics_pose", "roboflow_yolo"])
@pytest.mark.parametrize("item_id", [".", "...", "a/.", "a/", "a\nb"])
def test_ids_that_cannot_be_read_again(tmp_path: Path, name: str, item_id: str):
    for media in (None, dm.Image.from_numpy(data=np.zeros((2, 2, 3), np.uint8))):
        with pytest.raises(UnsupportedContentError, match="rename the item"):
            dataset([dm.DatasetItem(item_id, media=media)]).export(
                str(tmp_path / "o"), name, save_media=True
            )


@pytest.mark.parametrize("item_id", [".a", "a.", "a/.b", ".a/b", "..a"])
def test_ids_with_dots(tmp_path: Path, item_id: str):
    media = dm.Image.from_numpy(data=np.zeros((2, 2, 3), np.uint8))
    sent = dataset([dm.DatasetItem(item_id, media=media)])
    sent.export(str(tmp_path / "o"), "yolo", save_media=True)
    (received,) = dm.Dataset.import_from(str(tmp_path / "o"), "yolo")
    assert (received.id, received.media.size) == (item_id, (2, 2))
    if item_id != "a.":  # images with hidden names are passed over where no list names them
        with pytest.raises(UnsupportedContentError, match="begins with a dot"):
            sent.export(str(tmp_path / "r"), "roboflow_yolo_obb")


def test_other_names_that_cannot_be_written(tmp_path: Path):
    with pytest.raises(PathSeparatorInSubsetNameError):
        dataset([dm.DatasetItem("1", subset="a/b")]).export(str(tmp_path / "o"), "yolo")
    with pytest.raises(UnsupportedContentError, match="has the name of something else"):
        items = [dm.DatasetItem("1", subset="path")]
        dataset(items).export(str(tmp_path / "o"), "yolo_ultralytics")
    for label in ("", " a", "a\nb"):
        with pytest.raises(UnsupportedContentError, match="label"):
            dataset([], [label]).export(str(tmp_path / "o"), "yolo")


# --- what cannot be held ------------------------------------------------------------------------


def test_a_size_that_is_not_known(tmp_path: Path):
    box = dm.Bbox(1, 2, 3, 4, label=0)
    missing = dm.Image.from_file(path=str(tmp_path / "none.jpg"))
    for media, hint in ((missing, "none.jpg"), (None, "give it an image")):
        item = dm.DatasetItem("x", media=media, annotations=[box])
        with pytest.raises(UnsupportedContentError, match=f"'x'.*size.*not known.*{hint}"):
            dataset([item]).export(str(tmp_path / "o"), "yolo")
    assert not (tmp_path / "o").exists()


def test_other_media_are_refused(tmp_path: Path):
    item = dm.DatasetItem("x", media=dm.PointCloud.from_file(path="x.pcd"))
    clouds = dm.Dataset.from_iterable([item], media_type=dm.PointCloud)
    with pytest.raises(MediaTypeError, match="POINT_CLOUD"):
        clouds.export(str(tmp_path / "out"), "yolo")


def test_what_is_lost_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    mask = dm.Mask(np.ones((10, 20), bool), label=0)
    others = [dm.Polygon([0, 0, 1, 1, 2, 0], label=0), mask, dm.Caption("x"), dm.Label(0)]
    boxes = [dm.Bbox(0, 0, 1, 1), dm.Bbox(1, 2, 3, 4, label=0, attributes={"a": 1}, z_order=3)]
    with caplog.at_level(logging.WARNING):
        one(tmp_path, *others, *boxes).export(str(tmp_path / "o"), "yolo")
    for part in ("1 polygons", "1 masks", "1 captions", "1 labels of items",
                 "1 boxes without a label", "1 attributes of boxes", "1 z orders"):  # fmt: skip
        assert part in caplog.text
    ((_, received),) = found(read(tmp_path / "o")).items()
    assert received == [("bbox", 0, [1, 2, 4, 6])]


def test_shapes_that_are_none(tmp_path: Path):
    columns = ChunkColumns()
    for points in ([0, 0, 1, 1], [0, 0, 1e30, 1, 2, 0], [0, 0, float("nan"), 1, 2, 0]):
        columns.add_shape(dm.AnnotationType.polygon, points, 0)
    columns.add_shape(dm.AnnotationType.polygon, [0, 0, 1, 1, 2, 0], 2)
    columns.add_item("a", "train", "none.jpg", 10, 20)
    labels = {dm.AnnotationType.label: dm.LabelCategories.from_iterable(["x", "y"])}
    format, context = registry.get("yolo_ultralytics_segmentation"), WriteContext()
    content = Content([columns.finish()], dict(labels))
    format.write(content, tmp_path, format.write_options(), context)
    assert context.losses == {
        "polygons of fewer than three points": 1,
        "annotations that are far outside": 2,
        "annotations of a label that is not among the categories": 1,
    }
    assert list(found(read(tmp_path)).values()) == [[]]


def test_two_images_with_one_file(tmp_path: Path):
    items = [
        dm.DatasetItem("a", media=image(tmp_path, (1, 2))),
        dm.DatasetItem("./a", media=image(tmp_path, (3, 4))),
    ]
    with pytest.raises(DatasetExportError, match="rename"):
        dataset(items).export(str(tmp_path / "o"), "yolo", save_media=True)
