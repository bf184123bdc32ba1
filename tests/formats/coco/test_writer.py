"""Writing COCO: what was read is written again, and what others made is written as COCO."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image as PillowImage

from datumaro import Caption, Dataset, Label
from datumaro.errors import (
    DatasetExportError,
    PathSeparatorInSubsetNameError,
    UnknownOptionError,
)
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories, MaskCategories, PointsCategories
from datumaro.model.item import DatasetItem
from datumaro.model.masks import Mask
from datumaro.model.media import Image, PointCloud
from datumaro.model.shapes import Bbox, Points, Polygon, PolyLine
from datumaro.table.builder import build
from datumaro.table.chunk import Content, empty_chunk
from formats.coco.coco_files import (
    CATEGORIES,
    Json,
    annotation,
    image,
    items,
    load,
    read,
    rows,
    save,
    write,
)


def content_of(*made: DatasetItem) -> Content:
    """A data set of these items."""
    labels = LabelCategories.from_iterable(["cat", "dog", "cow"])
    return Content([build(made)], {AnnotationType.label: labels})


def files(folder: Path) -> list[str]:
    """All files below a folder."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


# --- there and back ----------------------------------------------------------------------------

hundredths = st.integers(-5000, 99999).map(lambda n: n / 100)
polygons = st.lists(hundredths, min_size=3, max_size=8).flatmap(
    lambda xs: st.lists(hundredths, min_size=len(xs), max_size=len(xs)).map(
        lambda ys: [v for pair in zip(xs, ys, strict=True) for v in pair]
    )
)
values = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=4)
attributes = st.dictionaries(
    st.text(max_size=4).filter(lambda k: k not in ("score", "is_crowd")), values, max_size=3
)


@st.composite
def runs(draw: st.DrawFn) -> Json:
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    cuts = draw(st.lists(st.integers(0, height * width), max_size=6).map(sorted))
    counts = np.diff([0, *cuts, height * width]).tolist()
    return {"counts": counts, "size": [height, width]}


objects = st.builds(
    lambda segmentation, area, box, crowd, category, extra: {
        "segmentation": segmentation, "area": area, "bbox": box, "iscrowd": crowd,
        "category_id": category, **extra,
    },
    st.lists(polygons, max_size=3) | runs(),
    st.floats(0, 1e9),
    st.lists(hundredths.map(abs), min_size=4, max_size=4),
    st.integers(0, 1),
    st.sampled_from([3, 7]),
    st.fixed_dictionaries({}, optional={
        "score": st.floats(0, 1), "attributes": attributes.filter(bool)}),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([4, 9]), objects), max_size=6))
def test_instances_come_out_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, given: list[tuple[int, Json]]
):
    folder = tmp_path_factory.mktemp("coco")
    images = [image(9, "b.png"), image(4, "a.jpg", height=0, width=0)]
    annotations = [
        {"id": 5 * i + 2, "image_id": number, **members}
        for i, (number, members) in enumerate(given)
    ]
    save(folder, images=images, annotations=annotations)
    write(read(folder), folder / "out")
    out = load(folder / "out")
    assert out["categories"] == CATEGORIES
    assert [{key: i[key] for key in images[0]} for i in out["images"]] == images
    by_image = sorted(annotations, key=lambda a: [9, 4].index(a["image_id"]))
    assert out["annotations"] == by_image


def test_compressed_masks_are_written_as_run_lengths(tmp_path: Path):
    segmentation = {"counts": "X153", "size": [6, 8]}
    save(tmp_path, annotations=[annotation(1, segmentation=segmentation)])
    write(read(tmp_path), tmp_path / "out")
    assert load(tmp_path / "out")["annotations"][0]["segmentation"] == {
        "counts": [40, 5, 3],
        "size": [6, 8],
    }


def test_key_points_come_out_as_they_went_in(tmp_path: Path):
    categories = [
        {"id": 1, "name": "person", "supercategory": "", "keypoints": ["nose", "tail"],
         "skeleton": [[1, 2]]},
        {"id": 2, "name": "stone", "supercategory": "", "keypoints": [], "skeleton": []},
    ]  # fmt: skip
    annotations = [
        annotation(1, category_id=1, keypoints=[1, 2.5, 2, 0, 0, 0], num_keypoints=1),
        annotation(2, category_id=2, keypoints=[], num_keypoints=0),
    ]
    name = "person_keypoints_val.json"
    save(tmp_path, name, annotations=annotations, categories=categories)
    write(read(tmp_path, "coco_person_keypoints"), tmp_path / "out", "coco_person_keypoints")
    out = load(tmp_path / "out", name)
    assert (out["annotations"], out["categories"]) == (annotations, categories)


def test_captions_and_labels_come_out_as_they_went_in(tmp_path: Path):
    captions = [
        {"id": 4, "image_id": 1, "category_id": 0, "caption": "猫 \"x\"\n"},
        {"id": 2, "image_id": 1, "category_id": 0, "caption": "", "score": 0.5,
         "attributes": {"by": "me", "is_crowd": True}},
    ]  # fmt: skip
    save(tmp_path, "captions_val.json", annotations=captions, categories=[])
    write(read(tmp_path, "coco_captions"), tmp_path / "out", "coco_captions")
    assert load(tmp_path / "out", "captions_val.json")["annotations"] == captions
    labels = [
        {"id": 4, "image_id": 1, "category_id": 7},
        {"id": 5, "image_id": 1, "category_id": 3},
    ]
    save(tmp_path, "labels_val.json", annotations=labels)
    write(read(tmp_path, "coco_labels"), tmp_path / "out", "coco_labels")
    assert load(tmp_path / "out", "labels_val.json")["annotations"] == labels


def test_info_and_licenses_are_kept_by_subset(tmp_path: Path):
    known = {"info": {"year": 2017, "url": "猫"}, "licenses": [{"id": 4, "name": "x"}]}
    save(tmp_path, "instances_a.json", **known)
    save(tmp_path, "instances_b.json")
    write(read(tmp_path), tmp_path / "out")
    a, b = (load(tmp_path / "out", f"instances_{subset}.json") for subset in "ab")
    assert {key: a[key] for key in known} == known
    assert set(b["info"].values()) == {""} and b["licenses"][0]["id"] == 0


def test_merged_tasks_come_apart_again(tmp_path: Path):
    save(tmp_path, annotations=[annotation(1), annotation(2)])
    categories = [{**CATEGORIES[0], "keypoints": ["nose"], "skeleton": []}]
    points = annotation(2, keypoints=[1, 2, 2], num_keypoints=1)
    save(tmp_path, "person_keypoints_train.json", None, [points], categories)
    captions = [{"id": 1, "image_id": 1, "category_id": 0, "caption": "a cat"}]
    save(tmp_path, "captions_train.json", annotations=captions)
    first = read(tmp_path, "coco")
    write(first, tmp_path / "out", "coco")
    out = tmp_path / "out"
    assert load(out)["annotations"] == [annotation(1), annotation(2)]
    assert load(out, "person_keypoints_train.json")["annotations"] == [points]
    assert load(out, "captions_train.json")["annotations"] == captions
    assert files(out) == [f"annotations/{task}_train.json"
                          for task in ("captions", "instances", "person_keypoints")]  # fmt: skip
    again = read(out, "coco")
    assert rows(again) == rows(first) or str(rows(again)) == str(rows(first))  # NaN is not NaN
    assert again.categories == first.categories


# --- from elsewhere ----------------------------------------------------------------------------


def test_objects_get_ids_that_differ(tmp_path: Path):
    made = [Bbox(0, 0, i + 1, 1, label=0, id=number) for i, number in enumerate([0, 3, 3, 0, -1])]
    write(content_of(DatasetItem("a", annotations=made)), tmp_path)
    ids = [found["id"] for found in load(tmp_path, "instances_default.json")["annotations"]]
    assert ids == [4, 3, 5, 6, 7]


def test_images_get_ids_that_differ(tmp_path: Path):
    given = [7, None, 7, "8", 9]
    made = [
        DatasetItem(f"i{n}", attributes={} if number is None else {"id": number})
        for n, number in enumerate(given)
    ]
    context = write(content_of(*made), tmp_path)
    ids = [found["id"] for found in load(tmp_path, "instances_default.json")["images"]]
    assert ids == [7, 10, 11, 12, 9]
    assert context.losses == {"attributes 'id' of items that are no ids of images": 1}


def test_reindex_numbers_all_anew(tmp_path: Path):
    made = [
        DatasetItem(str(n), attributes={"id": 50 - n}, annotations=[Bbox(0, 0, 1, 1, id=9 - n)])
        for n in range(3)
    ]
    write(content_of(*made), tmp_path, reindex=True)
    out = load(tmp_path, "instances_default.json")
    assert [i["id"] for i in out["images"]] == [1, 2, 3]
    assert [(a["id"], a["image_id"]) for a in out["annotations"]] == [(1, 1), (2, 2), (3, 3)]


def test_category_ids_are_kept_while_they_fit(tmp_path: Path):
    content = read(save(tmp_path))
    labels: Any = content.categories[AnnotationType.label]
    labels.add("dog")
    write(content, tmp_path / "more")
    categories = load(tmp_path / "more")["categories"]
    assert [(c["id"], c["name"]) for c in categories] == [(3, "cat"), (7, "猫"), (8, "dog")]
    content.categories[AnnotationType.label] = LabelCategories.from_iterable(["猫", "cat"])
    write(content, tmp_path / "turned")  # ids must rise with the labels: readers sort by them
    categories = load(tmp_path / "turned")["categories"]
    assert [(c["id"], c["name"]) for c in categories] == [(1, "猫"), (2, "cat")]
    content.infos["coco"]["category_ids"] = ["nonsense"]
    write(content, tmp_path / "changed")
    assert [c["id"] for c in load(tmp_path / "changed")["categories"]] == [1, 2]


def test_attributes_of_an_object_are_united(tmp_path: Path):
    made = [
        Polygon([0, 0, 4, 0, 4, 4], label=0, id=1, group=1, attributes={"x": 1, "same": "s"}),
        Bbox(0, 0, 4, 4, label=0, id=1, group=1, attributes={"y": 2, "same": "s", "x": 9}),
    ]
    context = write(content_of(DatasetItem("a", annotations=made)), tmp_path)
    (found,) = load(tmp_path, "instances_default.json")["annotations"]
    assert found["attributes"] == {"x": 1, "same": "s", "y": 2}
    assert context.losses == {"attributes that contradict others of the same object": 1}


def test_groups_that_are_no_objects_are_told(tmp_path: Path):
    made = [
        Bbox(0, 0, 4, 4, label=0, group=1),
        Bbox(1, 1, 2, 2, label=1, group=1),  # of another label
        Bbox(0, 0, 4, 4, label=0, group=2),
        Bbox(1, 1, 2, 2, label=0, group=2),  # an object has one box
        Polygon([0, 0, 4, 0, 4, 4], label=1, group=3),
        Bbox(0, 0, 4, 4, label=1, group=3),
    ]
    items = [DatasetItem("a", annotations=made), DatasetItem("b", annotations=made[4:])]
    context = write(content_of(*items), tmp_path)
    assert context.losses == {"groups of annotations that are several objects": 2}


def test_attributes_of_items_are_keys_of_images(tmp_path: Path):
    told = {"id": 4, "license": 2, "weather": {"rain": [1, None]}, "width": 3, "score": 0.5}
    content = content_of(DatasetItem("a", attributes=told), DatasetItem("b"))
    context = write(content, tmp_path)
    first, second = load(tmp_path, "instances_default.json")["images"]
    assert context.losses == {"attributes 'width' of items, as COCO has such a key": 1}
    assert first == {
        "id": 4, "file_name": "a.jpg", "width": 0, "height": 0,
        "license": 2, "weather": {"rain": [1, None]}, "score": 0.5,
    }  # fmt: skip
    assert second.items() >= {"license": 0, "coco_url": "", "date_captured": 0}.items()


def test_masks_are_no_crowds_unless_they_say_so(tmp_path: Path):
    pixels = np.zeros((6, 8), bool)
    pixels[1:3, 2:5] = True
    made = [Mask(pixels, label=0, id=1), Mask(pixels, label=0, id=2, attributes={"is_crowd": True})]
    write(content_of(DatasetItem("a", annotations=made)), tmp_path)
    first, second = load(tmp_path, "instances_default.json")["annotations"]
    assert (first["iscrowd"], second["iscrowd"]) == (0, 1)
    assert (first["area"], first["bbox"]) == (6, [2, 1, 3, 2])


def test_what_coco_cannot_hold_is_told(tmp_path: Path):
    made = [
        PolyLine([0, 0, 1, 1], label=0),
        Points([1, 2], label=0),
        Bbox(0, 0, 1, 1, object_id=5, z_order=3),
        Caption("a cat"),
    ]
    labels = LabelCategories.from_iterable([("cat", "", ["colour"])])
    labels.add_label_group("animals", ["cat"])
    content = content_of(
        DatasetItem("a", annotations=made, attributes={"id": 1, "weather": "rain"}),
    )
    content.categories = {
        AnnotationType.label: labels,
        AnnotationType.mask: MaskCategories({0: (1, 2, 3)}),
    }
    content.infos["author"] = "me"
    context = write(content, tmp_path)
    assert context.losses == {
        "polylines": 1,
        "points": 1,
        "captions": 1,
        "z orders": 1,
        "object ids": 1,
        "groups of labels": 1,
        "names of attributes of labels": 1,
        "colours of labels": 1,
        "infos": 1,
    }
    assert context.examples["z orders"] == "item 'a'"


def test_all_tasks_write_what_there_is(tmp_path: Path):
    train = [Bbox(0, 0, 1, 1, label=0, id=1, group=1), Points([1, 2], label=0, id=1, group=1)]
    content = content_of(
        DatasetItem("a", subset="train", annotations=train),
        DatasetItem("b", subset="val", annotations=[Label(1)]),
        DatasetItem("c", subset="empty"),
    )
    points = PointsCategories.from_iterable([(0, ["nose"])])
    content.categories[AnnotationType.points] = points
    write(content, tmp_path, "coco")
    # the published package would not find the images of val and empty without image_info
    assert files(tmp_path) == [
        "annotations/image_info_empty.json",
        "annotations/image_info_val.json",
        "annotations/instances_train.json",
        "annotations/labels_val.json",
        "annotations/person_keypoints_train.json",
    ]
    again = read(tmp_path, "coco")
    assert {item["id"]: item["subset"] for item in items(again)} == {
        "a": "train", "b": "val", "c": "empty"}  # fmt: skip
    assert [row["type"] for row in rows(again)["a"]] == [AnnotationType.bbox, AnnotationType.points]
    assert rows(again)["b"][0]["label"] == 1


def test_tasks_can_be_chosen(tmp_path: Path):
    made = [Bbox(0, 0, 1, 1, label=0), Caption("a cat"), Label(0)]
    content = content_of(DatasetItem("a", annotations=made))
    context = write(content, tmp_path / "two", "coco", tasks="captions,coco_labels")
    assert files(tmp_path / "two") == [
        "annotations/captions_default.json",
        "annotations/labels_default.json",
    ]
    assert context.losses == {"boxes": 1}
    write(content, tmp_path / "one", "coco", tasks=["instances"])
    assert files(tmp_path / "one") == ["annotations/instances_default.json"]
    with pytest.raises(UnknownOptionError, match="names boxes"):
        write(content, tmp_path / "none", "coco", tasks="boxes")


@pytest.mark.parametrize("name", ["coco", "coco_instances", "coco_captions", "coco_image_info"])
def test_an_empty_data_set_can_be_read_again(tmp_path: Path, name: str):
    write(Content([empty_chunk()]), tmp_path / "empty", name)
    assert len(read(tmp_path / "empty", name)) == 0
    content = content_of(DatasetItem("a"))
    context = write(content, tmp_path / "bare", name)
    again = read(tmp_path / "bare", name)
    assert [item["id"] for item in items(again)] == ["a"]
    if name in ("coco", "coco_instances"):
        assert again.categories == content.categories
    else:
        assert context.losses == {"names of labels": 3}


@pytest.mark.parametrize("name", ["a b", "猫/ünï.x", "dots.in.name", 'quote " \\n'])
def test_odd_names(tmp_path: Path, name: str):
    write(content_of(DatasetItem(name, annotations=[Bbox(0, 0, 1, 1, label=0)])), tmp_path)
    (found,) = load(tmp_path, "instances_default.json")["images"]
    assert found["file_name"] == name.replace("\\", "/") + ".jpg"
    (again,) = items(read(tmp_path, allow_external_media=True))
    assert again["id"] == name.replace("\\", "/")


def test_subsets_are_parts_of_file_names(tmp_path: Path):
    with pytest.raises(PathSeparatorInSubsetNameError):
        write(content_of(DatasetItem("a", subset="x/y")), tmp_path)
    assert files(tmp_path) == []


def test_a_label_without_a_category_is_an_error(tmp_path: Path):
    made = [Bbox(0, 0, 1, 1, label=5)]
    with pytest.raises(DatasetExportError, match=r"item 'a'.*label 5"):
        write(content_of(DatasetItem("a", annotations=made)), tmp_path)


def test_allow_attributes(tmp_path: Path):
    made = [Bbox(0, 0, 1, 1, label=0, attributes={"x": 1, "score": 0.5})]
    content = content_of(DatasetItem("a", annotations=made))
    write(content, tmp_path, allow_attributes=False)
    (found,) = load(tmp_path, "instances_default.json")["annotations"]
    assert "attributes" not in found and found["score"] == 0.5


# --- images --------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    pixels = PillowImage.fromarray(np.full((6, 8, 3), 90, np.uint8))
    pixels.save(folder / "a.png")
    pixels.save(folder / "b.jpg")
    return folder


def test_sizes_are_read_from_the_files(tmp_path: Path, pictures: Path):
    made = [
        DatasetItem("a", media=Image.from_file(path=str(pictures / "a.png"))),
        DatasetItem("gone", media=Image.from_file(path=str(pictures / "gone.png"))),
        DatasetItem("told", media=Image.from_file(path="nowhere.jpg", size=(3, 4))),
        DatasetItem("array", media=Image.from_numpy(data=np.zeros((5, 7, 3), np.uint8))),
        DatasetItem("none"),
    ]
    write(content_of(*made), tmp_path / "out")
    found = load(tmp_path / "out", "instances_default.json")["images"]
    assert [(i["file_name"], i["height"], i["width"]) for i in found] == [
        ("a.png", 6, 8),
        ("gone.png", 0, 0),
        ("told.jpg", 3, 4),
        ("array.jpg", 5, 7),
        ("none.jpg", 0, 0),
    ]


def test_images_are_saved_by_subset(tmp_path: Path, pictures: Path):
    made = [
        DatasetItem("a", subset="train", media=Image.from_file(path=str(pictures / "a.png"))),
        DatasetItem("dir/b", subset="val", media=Image.from_file(path=str(pictures / "b.jpg"))),
        DatasetItem("c", subset="val", media=Image.from_numpy(data=np.zeros((5, 7, 3), np.uint8))),
        DatasetItem("none", subset="val"),
    ]
    content = content_of(*made)
    write(content, tmp_path / "out", save_media=True)
    images = [name for name in files(tmp_path / "out") if name.startswith("images")]
    assert images == ["images/train/a.png", "images/val/c.jpg", "images/val/dir/b.jpg"]
    assert (tmp_path / "out" / images[0]).read_bytes() == (pictures / "a.png").read_bytes()
    paths = {item["id"]: item["path"] for item in items(read(tmp_path / "out"))}
    assert paths["dir/b"] == f"{tmp_path}/out/images/val/dir/b.jpg"
    write(content, tmp_path / "merged", save_media=True, merge_images=True, image_ext=".png")
    images = [name for name in files(tmp_path / "merged") if name.startswith("images")]
    assert images == ["images/a.png", "images/c.png", "images/dir/b.png"]
    assert Path(items(read(tmp_path / "merged"))[1]["path"]).is_file()


def test_the_published_package_needs_a_folder_of_images(tmp_path: Path):
    write(content_of(DatasetItem("a")), tmp_path)
    assert (tmp_path / "images").is_dir()


def test_point_clouds_are_no_images(tmp_path: Path):
    made = DatasetItem("a", media=PointCloud.from_file(path=str(tmp_path / "a.pcd")))
    context = write(content_of(made), tmp_path / "out", save_media=True)
    assert context.losses["media that are no images"] == 1
    assert load(tmp_path / "out", "instances_default.json")["images"][0]["file_name"] == "a.jpg"


# --- real samples ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["coco_instances", "coco_captions", "coco_image_info"])
def test_real_samples_come_out_as_they_went_in(tmp_path: Path, shared_data: Path, name: str):
    folder = shared_data / "formats" / "coco_dataset" / name
    write(read(folder, name), tmp_path, name, save_media=True)
    for path in sorted((folder / "annotations").glob("*.json")):
        wanted = json.loads(path.read_bytes())
        assert load(tmp_path, path.name) == wanted
    assert [n for n in files(tmp_path) if n.startswith("images")] == [
        "images/train/a.jpg",
        "images/val/b.jpg",
    ]


@pytest.mark.parametrize("between", ["datumaro_binary", "datumaro"])
def test_what_coco_says_survives_the_home_formats(tmp_path: Path, between: str):
    told = {
        "license": 4, "coco_url": "http://a/a.jpg", "date_captured": "2013-11-14 16:28:13",
        "neg_category_ids": [3, 7],
    }  # fmt: skip
    more = {"info": {"year": 2017}, "licenses": [{"id": 4, "name": "x", "url": ""}]}
    made = [annotation(5, track=8, segmentation=[[1, 2, 4, 2, 4, 6]])]
    save(tmp_path / "coco", "instances_train.json", [image(**told)], made, **more)
    dataset = Dataset.import_from(tmp_path / "coco", "coco")
    dataset.export(tmp_path / "between", between)
    dataset = Dataset.import_from(tmp_path / "between", between)
    dataset.export(tmp_path / "back", "coco")
    back = load(tmp_path / "back", "instances_train.json")
    assert back["images"] == [image(**told)]
    assert (back["info"], back["licenses"]) == (more["info"], more["licenses"])
    (found,) = back["annotations"]
    assert found.pop("attributes") == {"track": 8}
    assert found == {key: value for key, value in made[0].items() if key != "track"}
