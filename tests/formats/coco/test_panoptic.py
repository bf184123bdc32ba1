"""Panoptic segmentation: segments in JSON, their pixels in PNG images."""

from __future__ import annotations

import io
import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image as PillowImage

import datumaro as dm
from datumaro.errors import (
    DatasetExportError,
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
    UnsupportedContentError,
)
from datumaro.formats.base import ReadContext
from formats.coco.coco_files import Json, image, load, read, rows, save, write

NAME = "coco_panoptic"
CROWD = '{"is_crowd":true}'


def png(ids: Any) -> bytes:
    """A PNG image of the ids of segments."""
    ids = np.array(ids, np.int64)
    colors = np.stack([ids & 255, ids >> 8 & 255, ids >> 16], -1).astype(np.uint8)
    out = io.BytesIO()
    PillowImage.fromarray(colors).save(out, "PNG")
    return out.getvalue()


def segment(number: int, category: int = 3, **more: Any) -> Json:
    return {"id": number, "category_id": category, "iscrowd": 0, "area": 1, **more}


def make(
    folder: Path,
    ids: Any = ((0, 1), (70000, 70000)),
    segments: list[Json] | None = None,
    images: list[Json] | None = None,
    data: bytes | None = None,
    **entry: Any,
) -> Path:
    """A data set of one image and its segments."""
    made = [segment(1), segment(70000, 7, iscrowd=1)] if segments is None else segments
    told = {"image_id": 1, "file_name": "a.png", "segments_info": made} | entry
    save(folder, "panoptic_train.json", images or [image()], [told])
    (folder / "annotations/panoptic_train").mkdir(exist_ok=True)
    (folder / "annotations/panoptic_train/a.png").write_bytes(png(ids) if data is None else data)
    return folder


def masks(folder: Path, item: str = "a", **options: Any) -> dict[int, Any]:
    """The masks of an item by their ids."""
    dataset = dm.Dataset.import_from(str(folder), NAME, **options)
    found = next(one for one in dataset if one.id == item)
    return {mask.id: mask for mask in found.annotations}


# --- reading ----------------------------------------------------------------------------------


def test_a_segment_is_a_mask(tmp_path: Path):
    found = masks(make(tmp_path))
    assert list(found) == [1, 70000]
    assert found[1].image.tolist() == [[False, True], [False, False]]
    assert found[70000].image.tolist() == [[False, False], [True, True]]
    assert [(m.group, m.label, m.attributes) for m in found.values()] == [
        (1, 0, {"is_crowd": False}),
        (70000, 1, {"is_crowd": True}),
    ]


def test_attributes_of_segments(tmp_path: Path):
    found = masks(make(tmp_path, [[5]], [segment(5, attributes={"x": 1, "is_crowd": True})]))
    assert found[5].attributes == {"x": 1, "is_crowd": True}


def test_gray_and_palette_images_show_colours_too(tmp_path: Path):
    gray = io.BytesIO()
    PillowImage.fromarray(np.array([[0, 7]], np.uint8)).save(gray, "PNG")
    found = masks(make(tmp_path, data=gray.getvalue(), segments=[segment(7 * 0x010101)]))
    assert found[460551].image.tolist() == [[False, True]]
    indexed = PillowImage.fromarray(np.array([[0, 1, 2]], np.uint8))
    indexed.putpalette([0, 0, 0, 9, 1, 0, 9, 1, 0])  # one colour twice
    out = io.BytesIO()
    indexed.save(out, "PNG")
    found = masks(make(tmp_path, data=out.getvalue(), segments=[segment(9 + 256)]))
    assert found[265].image.tolist() == [[False, True, True]]


def test_a_segment_of_which_nothing_is_seen_is_an_empty_mask(tmp_path: Path):
    found = masks(make(tmp_path, [[1, 0]], [segment(1), segment(2)]))
    assert not found[2].image.any() and found[2].image.shape == (1, 2)


def test_images_without_segments_and_several_entries_of_one(tmp_path: Path):
    make(tmp_path, images=[image(2, "none.jpg"), image(), image(3, "neither.jpg")])
    whole = load(tmp_path, "panoptic_train.json")
    (tmp_path / "annotations/panoptic_train/more.png").write_bytes(png([[9]]))
    more = {"image_id": 1, "file_name": "more.png", "segments_info": [segment(9)]}
    save(tmp_path, "panoptic_train.json", whole["images"], [*whole["annotations"], more])
    found = rows(read(tmp_path, NAME))
    assert {item: len(annotations) for item, annotations in found.items()} == {
        "none": 0,
        "a": 3,
        "neither": 0,
    }


def test_undeclared_category_zero_is_no_label(tmp_path: Path):
    assert masks(make(tmp_path, [[1]], [segment(1, 0)]))[1].label is None


def test_coco_reads_segments_where_no_other_file_has_the_objects(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    make(tmp_path)
    save(tmp_path, "captions_train.json", annotations=[{"id": 4, "image_id": 1, "caption": "x"}])
    found = rows(read(tmp_path, "coco"))["a"]
    assert [row["id"] for row in found] == [4, 1, 70000]
    assert [row["text"] for row in found] == ["x", "", ""]
    save(tmp_path, "instances_train.json")
    assert [row["id"] for row in rows(read(tmp_path, "coco"))["a"]] == [4]
    assert "panoptic_train.json" in caplog.text


def test_real_sample(shared_data: Path):
    path = shared_data / "formats/coco_dataset/coco_panoptic"
    dataset = dm.Dataset.import_from(str(path), NAME)
    assert {name: len(subset) for name, subset in dataset.subsets().items()} == {
        "train": 1,
        "val": 1,
    }
    found = [annotation for item in dataset for annotation in item.annotations]
    assert Counter(annotation.type.name for annotation in found) == {"mask": 3}
    assert [(mask.id, mask.get_area()) for mask in found] == [(460551, 25), (7, 20), (20, 20)]
    with_all = dm.Dataset.import_from(str(path), "coco")
    assert sum(len(item.annotations) for item in with_all) == 3


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"segments": [segment(1)]}, "no segment 70000; expected the segment 70000"),
        ({"segments": [segment(1), segment(70000), segment(1)]}, r"segments_info\[2\].id: 1"),
        ({"segments": [segment(1), segment(70000), segment(0)]}, r"segments_info\[2\].id: 0"),
        ({"segments": [segment(1), segment(70000), segment(1 << 24)]}, "16777216"),
        ({"segments": [segment(1), segment(70000, 99)]}, r"segments_info\[1\].category_id: 99"),
        ({"image_id": 5}, r"\$.annotations\[0\].image_id: 5; expected"),
    ],
)
def test_segments_that_contradict_each_other(tmp_path: Path, changed: Json, says: str):
    make(tmp_path, **changed)
    with pytest.raises(InvalidAnnotationError, match=says) as caught:
        read(tmp_path, NAME)
    assert "panoptic_train.json" in str(caught.value)


def test_problems_may_be_skipped(tmp_path: Path):
    make(tmp_path, segments=[segment(1), segment(1), segment(5, 99)])
    context = ReadContext(on_error="skip")
    assert [row["id"] for row in rows(read(tmp_path, NAME, context))["a"]] == [1]
    assert context.n_problems == 3


@pytest.mark.parametrize(
    "data, says",
    [
        (b"", "an empty file"),
        (b"GIF89a", "PNG"),
        (png([[1, 2]])[:45], "damaged"),
        (png(np.arange(1 << 17).reshape(1, -1)), "different colours"),
    ],
)
def test_damaged_images(tmp_path: Path, data: bytes, says: str):
    make(tmp_path, data=data)
    with pytest.raises(MalformedFileError, match=says) as caught:
        read(tmp_path, NAME)
    assert "panoptic_train/a.png" in str(caught.value)


def test_an_image_that_is_missing(tmp_path: Path):
    make(tmp_path, file_name="b.png")
    with pytest.raises(MalformedFileError, match=r"b\.png: byte 0: no such file"):
        read(tmp_path, NAME)


def test_gray_values_of_two_bytes(tmp_path: Path):
    out = io.BytesIO()
    PillowImage.fromarray(np.array([[0, 300]], np.uint16)).save(out, "PNG")
    make(tmp_path, data=out.getvalue())
    with pytest.raises(MalformedFileError, match="16 bits"):
        read(tmp_path, NAME)


@pytest.mark.parametrize("name", ["../../../a.png", "/etc/passwd"])
def test_names_of_images_may_not_lead_out(tmp_path: Path, name: str):
    make(tmp_path, file_name=name)
    with pytest.raises(PathOutsideDatasetError, match="panoptic_train"):
        read(tmp_path, NAME)


@pytest.mark.parametrize(
    "annotations, place",
    [
        ([{"image_id": 1, "segments_info": []}], r"\$.annotations\[0\]"),
        ([{"image_id": "1", "file_name": "a", "segments_info": []}], r"\[0\].image_id"),
        ([{"image_id": 1, "file_name": "a", "segments_info": [{"id": 1}]}], r"segments_info\[0\]"),
    ],
)
def test_wrong_json(tmp_path: Path, annotations: list[Json], place: str):
    make(tmp_path)
    save(tmp_path, "panoptic_train.json", None, annotations)
    with pytest.raises(MalformedFileError, match=place):
        read(tmp_path, NAME)


def test_cut_json(tmp_path: Path):
    make(tmp_path)
    path = tmp_path / "annotations/panoptic_train.json"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(MalformedFileError, match=r"panoptic_train\.json"):
        read(tmp_path, NAME)


# --- writing ----------------------------------------------------------------------------------


def dataset_of(*annotations: Any, item_id: str = "a", **more: Any) -> dm.Dataset:
    item = dm.DatasetItem(
        item_id,
        subset="train",
        media=dm.Image.from_numpy(data=np.zeros((2, 3, 3), np.uint8)),
        annotations=list(annotations),
    )
    return dm.Dataset.from_iterable([item], categories=["cat", ("dog", "animal")], **more)


def test_what_is_written(tmp_path: Path):
    top = dm.Mask(np.array([[1, 1, 0], [0, 0, 0]]), label=1, id=300, z_order=2,
                  attributes={"is_crowd": True, "x": 1})  # fmt: skip
    under = dm.Mask(np.array([[1, 0, 1], [1, 1, 1]]), label=0, id=0)
    dataset_of(top, under).export(str(tmp_path), NAME)
    whole = load(tmp_path, "panoptic_train.json")
    assert whole["categories"] == [
        {"id": 1, "name": "cat", "supercategory": "", "isthing": 0},
        {"id": 2, "name": "dog", "supercategory": "animal", "isthing": 0},
    ]
    assert whole["annotations"] == [
        {
            "image_id": 1,
            "file_name": "a.png",
            "segments_info": [
                {"id": 1, "category_id": 1, "iscrowd": 0, "area": 4, "bbox": [0, 0, 3, 2]},
                {"id": 300, "category_id": 2, "iscrowd": 1, "attributes": {"x": 1}, "area": 2,
                 "bbox": [0, 0, 2, 1]},
            ],
        }
    ]  # fmt: skip
    with PillowImage.open(tmp_path / "annotations/panoptic_train/a.png") as found:
        assert found.mode == "RGB"
        colors = np.array(found).tolist()
    assert colors == [[[44, 1, 0], [44, 1, 0], [1, 0, 0]], [[1, 0, 0]] * 3]


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(0, 6), min_size=4, max_size=4), min_size=3, max_size=3))
def test_there_and_back(tmp_path_factory: pytest.TempPathFactory, pixels: list[list[int]]):
    image = np.array(pixels)
    annotations = [
        dm.Mask(image == value, label=value % 2, id=value * 5000, group=value * 5000,
                attributes={"is_crowd": value == 3})
        for value in np.unique(image[image > 0]).tolist()
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("there")
    dataset_of(*annotations, item_id="dir/ünï.code 1").export(str(folder), NAME)
    found = masks(folder, "dir/ünï.code 1")
    assert list(found.values()) == annotations


def test_what_was_read_is_written_again(tmp_path: Path):
    make(tmp_path / "in")
    categories = [{"id": 3, "name": "cat", "isthing": 1}, {"id": 7, "name": "sky", "isthing": 0}]
    whole = load(tmp_path / "in", "panoptic_train.json")
    save(tmp_path / "in", "panoptic_train.json", [image(13)],
         [whole["annotations"][0] | {"image_id": 13}], categories)  # fmt: skip
    write(read(tmp_path / "in", NAME), tmp_path / "out", NAME)
    again = load(tmp_path / "out", "panoptic_train.json")
    assert [(c["id"], c["isthing"]) for c in again["categories"]] == [(3, 1), (7, 0)]
    assert again["images"][0]["id"] == 13
    assert [s["id"] for s in again["annotations"][0]["segments_info"]] == [1, 70000]


def test_covered_masks_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    part = dm.Mask(np.array([[1, 1, 0], [0, 0, 0]]), label=0, id=1)
    whole = dm.Mask(np.ones((2, 3)), label=1, id=2, z_order=1)
    other = dm.Mask(np.ones((5, 5)), label=1, id=3, z_order=1)
    with caplog.at_level(logging.WARNING):
        dataset_of(part, whole, other, dm.Bbox(0, 0, 1, 1)).export(str(tmp_path), NAME)
    for text in (
        "1 masks that others cover",
        "1 masks of another size",
        "1 boxes",
    ):
        assert text in caplog.text
    assert list(masks(tmp_path)) == [2]


def test_polygons_become_masks(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    dataset = dataset_of(dm.Polygon([0, 0, 2, 0, 2, 2, 0, 2], label=0, id=4))
    dataset.export(str(tmp_path), NAME, segmentation_mode="mask")
    assert not caplog.text
    assert masks(tmp_path)[4].image.tolist() == [[True, True, False], [True, True, False]]


def test_options(tmp_path: Path):
    mask = dm.Mask(np.ones((2, 3)), label=0, id=9, attributes={"x": 1})
    dataset_of(mask).export(str(tmp_path), NAME, reindex=True, allow_attributes=False)
    found = masks(tmp_path)
    assert list(found) == [1] and found[1].attributes == {"is_crowd": False}


def test_damaged_masks_and_labels(tmp_path: Path):
    damaged = dm.RleMask({"counts": b"\xff", "size": [2, 3]}, label=0, id=1)
    with pytest.raises(UnsupportedContentError, match="item 'a'"):
        dataset_of(damaged).export(str(tmp_path / "a"), NAME)
    with pytest.raises(DatasetExportError, match="label 7"):
        dataset_of(dm.Mask(np.ones((2, 3)), label=7)).export(str(tmp_path / "b"), NAME)


def test_stuff_and_panoptic_are_tasks_of_coco(tmp_path: Path):
    mask = dm.Mask(np.array([[1, 0, 0], [0, 0, 0]]), label=0, id=3, group=3,
                   attributes={"is_crowd": True})  # fmt: skip
    dataset_of(mask).export(str(tmp_path / "all"), "coco")
    names = {p.name for p in (tmp_path / "all/annotations").iterdir()}
    assert names == {"instances_train.json"}
    dataset_of(mask).export(str(tmp_path / "some"), "coco", tasks="stuff,panoptic,instances")
    names = {p.name for p in (tmp_path / "some/annotations").iterdir()}
    assert names == {
        "instances_train.json",
        "stuff_train.json",
        "panoptic_train.json",
        "panoptic_train",
    }
    (row,) = rows(read(tmp_path / "some", "coco_stuff"))["a"][:1]
    assert row["attributes"] == CROWD
    both = rows(read(tmp_path / "some", "coco"))["a"]  # once, though three files have it
    assert [row["id"] for row in both if row["mask_height"]] == [3]


def test_stuff(tmp_path: Path):
    polygon = dm.Polygon([0, 0, 2, 0, 2, 2, 0, 2], label=0, id=4)
    box = dm.Bbox(0, 0, 1, 1, label=1, id=5)
    dataset_of(polygon, box).export(str(tmp_path), "coco_stuff", segmentation_mode="mask")
    first, second = load(tmp_path, "stuff_train.json")["annotations"]
    assert first["segmentation"] == {"counts": [0, 4, 2], "size": [2, 3]}
    assert second["segmentation"] == [] and second["bbox"] == [0, 0, 1, 1]


def test_categories_survive_without_items(tmp_path: Path):
    empty = dm.Dataset.from_iterable([], categories=["a", "b"])
    empty.export(str(tmp_path), NAME)
    again = dm.Dataset.import_from(str(tmp_path), NAME)
    assert len(again) == 0
    assert [label.name for label in again.categories()[dm.AnnotationType.label]] == ["a", "b"]


def test_the_json_file_alone_can_be_named(tmp_path: Path):
    make(tmp_path)
    assert len(masks(tmp_path / "annotations/panoptic_train.json")) == 2
    text = (tmp_path / "annotations/panoptic_train.json").read_text()
    assert json.loads(text)["images"]
