"""Reading COCO."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
)
from datumaro.formats.base import ReadContext
from datumaro.formats.coco.file_reader import lookup
from datumaro.model.annotation import AnnotationType as Type
from formats.coco.coco_files import annotation, image, items, read, rows, save


def kinds(annotations: list[dict[str, Any]]) -> list[str]:
    return [Type(row["type"]).name for row in annotations]


def labels(content: Any) -> list[str]:
    categories = content.categories
    return [label.name for label in categories[Type.label]] if Type.label in categories else []


# --- items -----------------------------------------------------------------------------------


def test_items_are_images(tmp_path: Path):
    images = [image(40, "dir\\b.x.jpg"), image(5, "a.png", height=0), image(9, "猫.jpg")]
    content = read(save(tmp_path, "instances_val2017.json", images))
    found = items(content)
    assert [item["id"] for item in found] == ["dir/b.x", "a", "猫"]
    assert {item["subset"] for item in found} == {"val2017"}
    assert [json.loads(item["attributes"]) for item in found] == [{"id": i} for i in (40, 5, 9)]
    assert [(item["height"], item["width"]) for item in found] == [(6, 8), (0, 0), (6, 8)]
    assert found[0]["path"] == f"{tmp_path}/images/val2017/dir/b.x.jpg"


@pytest.mark.parametrize("folder", ["images/train", "images", "train", "."])
def test_images_lie_in_one_of_the_usual_places(tmp_path: Path, folder: str):
    save(tmp_path)
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / folder / "a.jpg").write_bytes(b"")
    (found,) = items(read(tmp_path))
    assert Path(found["path"]).samefile(tmp_path / folder / "a.jpg")


@pytest.mark.parametrize("name", ["../../secret.jpg", "/etc/passwd", "C:\\a.jpg", "a\0.jpg"])
def test_file_names_may_not_lead_out(tmp_path: Path, name: str):
    save(tmp_path, images=[image(1), image(2, name)])
    with pytest.raises(PathOutsideDatasetError, match="file_name of image 2"):
        read(tmp_path)


def test_a_trusted_data_set_may_lead_out(tmp_path: Path):
    images = [image(1, "/elsewhere/a.jpg"), image(2, "b.jpg"), image(3, "../../c/d.jpg")]
    found = items(read(save(tmp_path, images=images), allow_external_media=True))
    assert [item["id"] for item in found] == ["elsewhere/a", "b", "c/d"]
    assert [item["path"] for item in found] == [
        "/elsewhere/a.jpg",
        f"{tmp_path}/images/train/b.jpg",
        f"{tmp_path}/images/train/../../c/d.jpg",
    ]


def test_names_with_dots_that_stay_inside(tmp_path: Path):
    save(tmp_path, images=[image(1, "x/../a..b.jpg"), image(2, "1:2.jpg")])
    first, second = items(read(tmp_path))
    assert (first["id"], second["id"]) == ("a..b", "1:2")
    assert first["path"] == f"{tmp_path}/images/train/x/../a..b.jpg"


# --- annotations -----------------------------------------------------------------------------


def test_annotations_go_to_their_images_in_the_files_order(tmp_path: Path):
    rng = np.random.default_rng(1)
    image_ids = rng.choice(10**12, 50, replace=False).tolist()
    images = [image(number, f"{number}.jpg") for number in image_ids]
    of_image = rng.integers(0, 50, 300).tolist()
    annotations = [annotation(i + 1, image_ids[k]) for i, k in enumerate(of_image)]
    found = rows(read(save(tmp_path, images=images, annotations=annotations)))
    for k, number in enumerate(image_ids):
        expected = [i + 1 for i, other in enumerate(of_image) if other == k]
        assert [row["id"] for row in found[str(number)]] == expected


def test_an_annotation_is_a_row_for_each_of_its_parts(tmp_path: Path):
    polygons = [[0, 0, 4, 0, 4, 4], [1, 1, 2, 1, 2, 2.5]]
    one = annotation(5, segmentation=polygons, area=9.25, score=0.5, attributes={"x": "é"})
    two = annotation(6, segmentation={"counts": [40, 8], "size": [6, 8]}, iscrowd=1)
    found = rows(read(save(tmp_path, annotations=[one, two])))["a"]
    assert kinds(found) == ["polygon", "polygon", "bbox", "mask", "bbox"]
    assert [row["points"] for row in found[:3]] == [*polygons, [1, 2, 4, 6]]
    assert [(row["id"], row["group"]) for row in found] == [(5, 5)] * 3 + [(6, 6)] * 2
    assert {row["area"] for row in found[:3]} == {9.25}
    assert json.loads(found[0]["attributes"]) == {"x": "é", "is_crowd": False, "score": 0.5}
    assert json.loads(found[3]["attributes"]) == {"is_crowd": True}
    assert (found[3]["mask_height"], found[3]["mask_width"]) == (6, 8)
    assert all(row["object_id"] == -1 and row["z_order"] == 0 for row in found)


def test_boxes_crowds_and_segmentations_may_be_missing(tmp_path: Path):
    bare = annotation(1, bbox=..., iscrowd=..., segmentation=..., area=...)
    box = annotation(2, iscrowd=..., segmentation=..., area=...)
    (found,) = rows(read(save(tmp_path, annotations=[bare, box])))["a"]
    assert found["id"] == 2 and math.isnan(found["area"])


def test_captions(tmp_path: Path):
    texts = ["two cats", "два\n猫 \"'\\", ""]
    annotations = [{"id": i, "image_id": 1, "caption": text} for i, text in enumerate(texts)]
    content = read(save(tmp_path, "captions_val.json", annotations=annotations), "coco_captions")
    found = rows(content)["a"]
    assert [row["text"] for row in found] == texts
    assert kinds(found) == ["caption"] * 3 and {row["label"] for row in found} == {None}
    assert content.categories == {}


def test_labels_of_images(tmp_path: Path):
    annotations = [{"id": 9, "image_id": 1, "category_id": 7, "attributes": {"u": [1]}, "score": 2}]
    content = read(save(tmp_path, "labels_val.json", annotations=annotations), "coco_labels")
    (row,) = rows(content)["a"]
    assert (kinds([row]), row["label"]) == (["label"], 1)
    assert json.loads(row["attributes"]) == {"u": [1], "score": 2}


def test_key_points(tmp_path: Path):
    categories = [
        {"id": 1, "name": "person", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]},
        {"id": 2, "name": "stone", "keypoints": [], "skeleton": []},
    ]
    one = annotation(1, category_id=1, keypoints=[1, 2, 2, 0, 0, 0], num_keypoints=1)
    two = annotation(2, category_id=2)
    save(tmp_path, "person_keypoints_val.json", annotations=[one, two], categories=categories)
    content = read(tmp_path, "coco_person_keypoints")
    found = rows(content)["a"]
    assert kinds(found) == ["points", "bbox", "bbox"]
    assert (found[0]["points"], found[0]["visibility"]) == ([1, 2, 0, 0], [2, 0])
    points: Any = content.categories[Type.points]
    assert list(points.items) == [0]
    assert (points[0].labels, points[0].joints) == (["nose", "tail"], {(1, 2)})


# --- categories ------------------------------------------------------------------------------


def test_labels_are_numbered_by_the_categories_ids(tmp_path: Path):
    categories = [{"id": 90, "name": "z"}, {"id": 3, "name": "y", "supercategory": None}]
    annotations = [annotation(1, category_id=90), annotation(2, category_id=3)]
    content = read(save(tmp_path, annotations=annotations, categories=categories))
    assert labels(content) == ["y", "z"]
    assert [row["label"] for row in rows(content)["a"]] == [1, 0]
    assert content.infos["coco"]["category_ids"] == {"y": 3, "z": 90}


def test_original_ids_can_be_the_labels(tmp_path: Path):
    annotations = [annotation(1, category_id=7)]
    content = read(save(tmp_path, annotations=annotations), keep_original_category_ids=True)
    assert labels(content) == [*(f"class-{i}" for i in range(3)), "cat",
                               *(f"class-{i}" for i in range(4, 7)), "猫"]  # fmt: skip
    assert rows(content)["a"][0]["label"] == 7


@pytest.mark.parametrize("number", [-1, 10**9])
def test_original_ids_must_be_of_a_sensible_size(tmp_path: Path, number: int):
    save(tmp_path, categories=[{"id": number, "name": "x"}])
    with pytest.raises(MalformedFileError, match="expected ids from 0"):
        read(tmp_path, keep_original_category_ids=True)


def test_category_0_is_none_unless_it_is_declared(tmp_path: Path):
    annotations = [annotation(1, category_id=0)]
    save(tmp_path / "undeclared", annotations=annotations)
    assert rows(read(tmp_path / "undeclared"))["a"][0]["label"] is None
    categories = [{"id": 0, "name": "background"}, {"id": 1, "name": "cat"}]
    save(tmp_path / "declared", annotations=annotations, categories=categories)
    assert rows(read(tmp_path / "declared"))["a"][0]["label"] == 0


def test_files_whose_ids_differ_agree_by_the_names(tmp_path: Path):
    save(tmp_path, "instances_a.json", [image(1, "a.jpg")], [annotation(category_id=3)])
    categories = [{"id": 1, "name": "猫"}, {"id": 2, "name": "dog"}]
    save(tmp_path, "instances_b.json", [image(1, "b.jpg")], [annotation(category_id=1)], categories)
    content = read(tmp_path)
    assert sorted(labels(content)) == ["cat", "dog", "猫"]
    found = {item: labels(content)[row["label"]] for item, (row,) in rows(content).items()}
    assert found == {"a": "cat", "b": "猫"}


def test_infos_keep_what_coco_says_of_the_data_set(tmp_path: Path):
    blank = {"info": {"year": "", "url": ""}, "licenses": [{"name": "", "id": 0, "url": ""}]}
    save(tmp_path, "instances_a.json", [], info={"year": 2017}, licenses=[{"id": 4}])
    save(tmp_path, "instances_b.json", [], **blank)
    infos = read(tmp_path).infos["coco"]
    assert infos["info"] == {"a": {"year": 2017}} and infos["licenses"] == {"a": [{"id": 4}]}


# --- files -----------------------------------------------------------------------------------


def test_a_file_may_be_named_itself(tmp_path: Path):
    save(tmp_path, "instances_val.json")
    assert items(read(tmp_path / "annotations" / "instances_val.json"))[0]["subset"] == "val"
    (tmp_path / "annotations" / "instances_val.json").rename(tmp_path / "any name.json")
    assert items(read(tmp_path / "any name.json"))[0]["subset"] == "default"
    assert items(read(tmp_path / "any name.json", subset="mine"))[0]["subset"] == "mine"


def test_annotation_files_may_lie_in_the_folder_itself(tmp_path: Path):
    save(tmp_path)
    assert len(read(tmp_path / "annotations")) == 1
    (tmp_path / "annotations" / "instances_train.json").rename(tmp_path / "instances.json")
    assert items(read(tmp_path))[0]["subset"] == "default"


def test_a_byte_order_mark_is_passed_over(tmp_path: Path):
    path = save(tmp_path) / "annotations" / "instances_train.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read(tmp_path)) == 1


def test_an_element_may_be_larger_than_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("datumaro.formats.coco.file_reader.BLOCK", 64)
    points = np.arange(2000).tolist()
    save(tmp_path, annotations=[annotation(1, segmentation=[points]), annotation(2)])
    found = rows(read(tmp_path))["a"]
    assert found[0]["points"] == points and len(found) == 3


def test_an_element_may_not_be_huge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("datumaro.formats.coco.file_reader.BLOCK", 64)
    monkeypatch.setattr("datumaro.formats.coco.file_reader.MAX_ELEMENT", 1024)
    save(tmp_path, annotations=[annotation(1, segmentation=[list(range(2000))])])
    with pytest.raises(MalformedFileError, match=r"annotations\[0\].*more than 1024 bytes"):
        read(tmp_path)


def test_progress_is_told_in_bytes(tmp_path: Path):
    from datumaro.progress import ProgressReporter

    class Reporter(ProgressReporter):
        def start(self, total: int, *, desc: str | None = None) -> None:
            self.total, self.done = total, 0

        def report_status(self, progress: int) -> None:
            self.done = progress

    save(tmp_path, "instances_a.json")
    save(tmp_path, "instances_b.json")
    reporter = Reporter()
    read(tmp_path, context=ReadContext(progress=reporter))
    assert reporter.done == reporter.total > 0


# --- all tasks merged ------------------------------------------------------------------------


def test_tasks_of_a_subset_are_merged(tmp_path: Path):
    save(tmp_path, annotations=[annotation(1, segmentation=[[0, 0, 4, 0, 4, 4]]), annotation(2)])
    captions = [{"id": 1, "image_id": 1, "caption": "a cat"}]
    save(tmp_path, "captions_train.json", annotations=captions, categories=[])
    labels_of = [{"id": 1, "image_id": 2, "category_id": 7}]
    save(tmp_path, "labels_train.json", [image(2, "b.jpg"), image(1)], annotations=labels_of)
    save(tmp_path, "image_info_train.json", [image(3, "c.jpg")])
    points = annotation(1, segmentation=[[0, 0, 4, 0, 4, 4]], keypoints=[1, 2, 2])
    other = annotation(9, image_id=1, keypoints=[3, 4, 1])
    categories = [{"id": 3, "name": "cat", "keypoints": ["nose"], "skeleton": []}]
    save(tmp_path, "person_keypoints_train.json", None, [points, other], categories)
    content = read(tmp_path, "coco")
    found = rows(content)
    assert list(found) == ["a", "b", "c"]
    # the polygon and box of annotation 1 are not there twice; those of 9 are there once
    assert Counter(kinds(found["a"])) == Counter(polygon=1, bbox=3, points=2, caption=1)
    assert {row["id"] for row in found["a"] if row["type"] == Type.points} == {1, 9}
    assert kinds(found["b"]) == ["label"] and found["b"][0]["label"] == 1
    assert labels(content) == ["cat", "猫"]
    assert list(content.categories[Type.points].items) == [0]


def test_images_are_merged_by_name_whatever_their_ids(tmp_path: Path):
    save(tmp_path, images=[image(1, "a.jpg", height=None)], annotations=[annotation(1)])
    captions = [{"id": 1, "image_id": 77, "caption": "a cat"}]
    save(tmp_path, "captions_train.json", [image(77, "a.jpg")], captions)
    content = read(tmp_path, "coco")
    (item,) = items(content)
    assert json.loads(item["attributes"]) == {"id": 1} and item["height"] == 6
    assert kinds(rows(content)["a"]) == ["bbox", "caption"]


def test_one_task_is_read_too(tmp_path: Path):
    assert len(read(save(tmp_path), "coco")) == 1


def test_tasks_that_are_not_read_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    save(tmp_path)
    save(tmp_path, "panoptic_train.json")
    read(tmp_path, "coco")
    assert "panoptic_train.json" in caplog.text


# --- bad input -------------------------------------------------------------------------------


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match=r"instances_\*\.json"):
        read(tmp_path)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "the end of the file"),
        ("[]", "expected an object"),
        ("{}", "no key 'images'"),
        ('{"images": []}', "no key 'annotations'"),
        ('{"images": {}, "annotations": []}', "expected an array"),
        ('{"images": [], "annotations": []', "the end of the file"),
        ('{"images": [], "annotations": []}}', "expected the end of the file"),
        ('{"images": [{"id": 1, "file_name": "a', r"\$\.images\[0\] .*the end of the file"),
        ('{"images": [], "annotations": [{"id": }]}', r"\$\.annotations\[0\] \(byte 38\)"),
        (
            '{"images": [], "annotations": [], "categories": 5}',
            r"categories: 5; expected an array",
        ),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', r"categories\[0\].*name"),
        ('{"images": [{"id": 1, "file_name": 5}], "annotations": []}', "images.0..file_name"),
        ('{"images": [' + "[" * 100_000, "JSON"),
        ('{"images": [], "annotations": [], "info": 1e999}', r"\$\.info"),
    ],
)
def test_bad_files_are_errors_that_name_the_place(tmp_path: Path, text: str, message: str):
    path = tmp_path / "instances_x.json"
    path.write_text(text)
    with pytest.raises(MalformedFileError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "category",
    [
        {"id": 3, "name": "other"},
        {"id": 4, "name": "cat"},
        {"id": 1.5, "name": "x"},
        {"id": 2**63, "name": "x"},
    ],
)
def test_categories_that_contradict(tmp_path: Path, category: Any):
    save(tmp_path, categories=[{"id": 3, "name": "cat"}, category])
    with pytest.raises(MalformedFileError, match=r"\$\.categories\[1\]"):
        read(tmp_path)


def test_a_bad_annotation_names_its_place_and_what_was_expected(tmp_path: Path):
    save(tmp_path, annotations=[annotation(1), annotation(2, bbox=[1, 2, 3])])
    with pytest.raises(MalformedFileError) as caught:
        read(tmp_path)
    error = caught.value
    assert error.path.endswith("instances_train.json")
    assert error.place.startswith("$.annotations[1].bbox (byte ")
    assert "[1, 2, 3]" in error.found and error.expected == "[x, y, width, height]"


PROBLEMS = {
    "image": (annotation(2, image_id=99), r"annotations\[1\].image_id: 99"),
    "category": (annotation(2, category_id=99), r"annotations\[1\].category_id: 99"),
    "type": (annotation(2, area="x"), r"annotations\[1\].area"),
}


@pytest.mark.parametrize("bad, message", PROBLEMS.values(), ids=PROBLEMS.keys())
def test_bad_annotations_fail_or_are_skipped(tmp_path: Path, bad: Any, message: str):
    save(tmp_path, annotations=[annotation(1), bad, annotation(3)])
    with pytest.raises(DatasetImportError, match=message):
        read(tmp_path)
    context = ReadContext(on_error="skip")
    found = rows(read(tmp_path, context=context))["a"]
    assert [row["id"] for row in found] == [1, 3]
    assert context.n_problems == 1


def test_problems_after_skipped_annotations_name_the_right_place(tmp_path: Path):
    bad = [annotation(1, area="x"), annotation(2, bbox=[1]), annotation(3, image_id=99)]
    save(tmp_path, annotations=[*bad, annotation(4)])
    context = ReadContext(on_error="skip")
    assert [row["id"] for row in rows(read(tmp_path, context=context))["a"]] == [4]
    assert "annotations[2].image_id" in str(context.problems[2])
    assert isinstance(context.problems[2], InvalidAnnotationError)


@pytest.mark.parametrize("top", [3, 2**62, 2**63 - 1])
def test_free_groups_are_no_ids(tmp_path: Path, top: int):
    parts = {"segmentation": [[0, 0, 4, 0, 4, 4]]}
    made = [annotation(n, **parts) for n in (top, 1, 2, 0)]
    found = rows(read(save(tmp_path, annotations=made)))["a"]
    assert found[-1]["group"] == found[-2]["group"]
    assert found[-1]["group"] not in (0, 1, 2, top)


def test_key_points_join_an_object_with_the_id_0(tmp_path: Path):
    parts = {"segmentation": [[0, 0, 4, 0, 4, 4]]}
    points = {"keypoints": [1, 2, 2], "num_keypoints": 1}
    save(tmp_path, annotations=[annotation(0, **parts)])
    save(tmp_path, "person_keypoints_train.json", annotations=[annotation(0, **parts, **points)])
    found = rows(read(tmp_path, "coco"))["a"]
    assert len(found) == 3 and len({row["group"] for row in found}) == 1 and found[0]["group"] != 0


@pytest.mark.parametrize("spread", [1, 10**15])
def test_lookup(spread: int):
    keys = np.array([5, -3, 7, 0], np.int64) * spread
    wanted = np.array([7, 8, -3, 2**62, 5, -(2**62)], np.int64)
    wanted[[0, 2, 4]] *= spread
    assert lookup(keys, wanted).tolist() == [2, -1, 1, -1, 0, -1]
    assert lookup(keys[:0], wanted).tolist() == [-1] * 6
    assert lookup(keys, wanted[:0]).tolist() == []


# --- real samples ----------------------------------------------------------------------------

SAMPLES = {
    "coco_instances": Counter(bbox=3, mask=1, polygon=1),
    "coco_person_keypoints": Counter(points=3, bbox=3, mask=1, polygon=1),
    "coco_captions": Counter(caption=3),
    "coco_image_info": Counter[str](),
    # the published package reads but one task that has labels: no points and labels there
    "coco": Counter(caption=3, mask=2, bbox=4, polygon=1, points=3, label=3),
}


@pytest.mark.parametrize("name, expected", SAMPLES.items(), ids=SAMPLES.keys())
def test_real_samples(shared_data: Path, name: str, expected: Counter[str]):
    content = read(shared_data / "formats" / "coco_dataset" / name, name)
    found = rows(content)
    assert Counter(kind for item in found.values() for kind in kinds(item)) == expected
    assert [(item["id"], item["subset"]) for item in items(content)] == [
        ("a", "train"),
        ("b", "val"),
    ]
    assert all(Path(item["path"]).is_file() for item in items(content))


def test_what_more_is_told_of_images_comes_from_the_first_file_that_tells(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    a, b = (1, "a.jpg"), (2, "b.jpg")
    save(tmp_path, "captions_val.json", [image(*a, license=9), image(*b, license=4)])
    save(tmp_path, "instances_val.json", [image(*a, license=3), image(*b)])
    first, second = items(read(tmp_path, "coco"))
    assert [json.loads(item["attributes"])["license"] for item in (first, second)] == [3, 4]
    (message,) = caplog.messages
    assert "captions_val.json: of 1 images more is told" in message


def test_values_that_are_no_numbers_are_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    save(tmp_path, images=[image(gain=math.nan, x=1)])
    (item,) = items(read(tmp_path))
    assert json.loads(item["attributes"]) == {"id": 1, "x": 1}
    assert "1 values of keys that COCO does not define" in caplog.text


def test_annotations_without_any_part_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    empty = annotation(2, bbox=..., segmentation=..., area=...)
    save(tmp_path, annotations=[annotation(1), empty])
    assert sum(map(len, rows(read(tmp_path)).values())) == 1
    assert "1 annotations have neither a box nor an outline nor key points" in caplog.text
