"""Ids that occur twice in COCO's files: errors, but where nothing is ambiguous."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datumaro.errors import MalformedFileError, RepeatedItemError, RepeatedItemInFileError
from datumaro.formats.base import ReadContext
from datumaro.formats.coco.info import BLANK
from formats.coco.coco_files import annotation, image, items, read, rows, save

TRIANGLE = {"segmentation": [[0, 0, 4, 0, 4, 4]]}
IMAGES = [image(), image(2, "b.jpg")]


def refused(folder: Path, name: str = "coco_instances") -> MalformedFileError:
    with pytest.raises(MalformedFileError) as caught:
        read(folder, name)
    assert Path(caught.value.path).parent == folder / "annotations"
    return caught.value


# --- annotations -------------------------------------------------------------------------------


def test_an_id_twice_in_an_image_is_an_error(tmp_path: Path):
    made = [annotation(5), annotation(5, image_id=2), annotation(9), annotation(5)]
    error = refused(save(tmp_path, images=IMAGES, annotations=made))
    assert error.place == "$.annotations[3].id"
    assert error.found == "5, which $.annotations[0] of the same image has too"
    assert error.expected.startswith("an id of its own for each annotation of an image")


@pytest.mark.parametrize("name", ["captions", "labels", "person_keypoints"])
def test_in_every_task(tmp_path: Path, name: str):
    made = [annotation(5, caption="x"), annotation(5, caption="y")]
    save(tmp_path, f"{name}_train.json", annotations=made)
    assert refused(tmp_path, f"coco_{name}").place == "$.annotations[1].id"


def test_places_count_what_was_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    made = [annotation(1, area="x"), annotation(5), annotation(2, area="x"), annotation(5)]
    save(tmp_path, annotations=made, images=[image(0, ""), image(), image(0, "")])
    context = ReadContext(on_error="skip")
    read(tmp_path, context=context)
    assert [str(p).split(": ")[1].split(" ")[0] for p in context.problems] == [
        "$.images[0].file_name",
        "$.images[2].file_name",
        "$.annotations[0].area",
        "$.annotations[2].area",
    ]
    assert "$.annotations[3].id, 5, which $.annotations[1] has too" in caplog.text


@pytest.mark.parametrize("by_datumaro", [True, False])
def test_annotations_of_one_id_stay_apart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, by_datumaro: bool
):
    numbers = [(9, 1), (5, 1), (5, 1), (0, 1), (0, 1), (5, 2)]
    made = [annotation(n, of, **TRIANGLE) for n, of in numbers]
    made[1]["segmentation"] = []
    # Datumaro 1.x writes such files of data sets whose items number their annotations from 0
    save(tmp_path, images=IMAGES, annotations=made, **(BLANK if by_datumaro else {}))
    context = ReadContext(on_error="fail" if by_datumaro else "skip")
    found = rows(read(tmp_path, context=context))
    assert [row["id"] for row in found["a"]] == [9, 9, 5, 5, 5, 0, 0, 0, 0]
    groups = [row["group"] for row in found["a"]]
    assert groups[:3] == [9, 9, 5]  # the first of an id keeps it
    assert groups[3] == groups[4] and groups[5] == groups[6] and groups[7] == groups[8]
    assert len({0, *groups}) == 6  # and none is group 0, which means none
    assert [row["group"] for row in found["b"]] == [5, 5]
    assert not context.n_problems  # all are kept
    told = [record.getMessage() for record in caplog.records]
    assert [text.partition("json: ")[2] for text in told] == [
        "2 annotations have the id of an earlier one of the same image (first: $.annotations[2].id,"
        " 5, which $.annotations[1] has too); each is kept as an object of its own",
        "1 annotations have the id of an earlier one of another image (first: $.annotations[5].id,"
        " 5, which $.annotations[1] has too); each is kept as an object of its own",
    ]


def test_ids_that_begin_anew_in_each_image_are_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    made = [annotation(n, of, **TRIANGLE) for of in (2, 1) for n in (1, 2, 3)]
    found = rows(read(save(tmp_path, images=IMAGES, annotations=made)))
    assert [row["group"] for row in found["a"]] == [1, 1, 2, 2, 3, 3]
    assert [row["group"] for row in found["b"]] == [1, 1, 2, 2, 3, 3]
    (record,) = caplog.records
    assert f"{tmp_path}/annotations/instances_train.json: 3 annotations" in record.getMessage()
    assert "$.annotations[3].id, 1, which $.annotations[0] has too" in record.getMessage()


def test_key_points_find_their_object_by_id_and_image(tmp_path: Path):
    points = {"keypoints": [1, 2, 2], "num_keypoints": 1}
    made: list[dict[str, Any]] = [annotation(1, of, **TRIANGLE) for of in (1, 2)]
    save(tmp_path, images=IMAGES, annotations=made)
    with_points = [part | points for part in made]
    save(tmp_path, "person_keypoints_train.json", images=IMAGES, annotations=with_points)
    found = rows(read(tmp_path, "coco"))
    for of in ("a", "b"):  # a polygon, a box and points: none of them twice
        assert sorted(row["type"] for row in found[of]) == [3, 4, 6]
        assert {row["group"] for row in found[of]} == {1}


# --- images ------------------------------------------------------------------------------------


def test_two_images_of_one_id(tmp_path: Path):
    save(tmp_path, images=[image(1), image(2, "b.jpg"), image(1, "c.jpg")])
    error = refused(tmp_path)
    assert (error.place, error.found) == ("$.images[2].id", "1, which $.images[0] has too")
    assert error.expected == "an id of its own for each image"
    context = ReadContext(on_error="skip")
    assert [item["id"] for item in items(read(tmp_path, context=context))] == ["a", "b"]


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_two_images_that_make_one_item(tmp_path: Path, name: str):
    made = [annotation(n, of) for n, of in ((1, 1), (2, 2), (3, 3))]
    save(tmp_path, images=[*IMAGES, image(3, name)], annotations=made)
    with pytest.raises(RepeatedItemInFileError) as caught:
        read(tmp_path)
    error = caught.value
    assert isinstance(error, RepeatedItemError)
    assert error.item_id == ("a", "train")
    assert error.place == "$.images[2].file_name"
    assert error.found == "item id 'a' a second time in subset 'train', after $.images[0].file_name"
    assert error.expected == "an id of its own for each item"

    context = ReadContext(on_error="skip")
    found = rows(read(tmp_path, context=context))
    assert context.n_problems == 1
    assert {item: [row["id"] for row in its] for item, its in found.items()} == {"a": [1], "b": [2]}


def test_two_files_that_make_one_item(tmp_path: Path):
    save(tmp_path, images=[image(), image(2, "b.jpg")], annotations=[annotation(1, 2)])
    captions = [annotation(1, 1, caption="x"), annotation(2, 2, caption="y")]
    captioned = [image(1, "b.png"), image(2, "a.jpg")]
    save(tmp_path, "captions_train.json", images=captioned, annotations=captions)
    error = refused(tmp_path, "coco")
    assert error.path.endswith("captions_train.json") and error.place == "$.images[0].file_name"
    assert "after" in error.found and "instances_train.json: $.images[1].file_name" in error.found
    found = rows(read(tmp_path, "coco", ReadContext(on_error="skip")))
    assert {item: [row["text"] for row in its] for item, its in found.items()} == {
        "a": ["y"],
        "b": [""],
    }


def test_images_of_one_name_in_one_file_are_not_mixed(tmp_path: Path):
    save(tmp_path, images=[image(), image(2)], annotations=[annotation(1), annotation(2, 2)])
    save(tmp_path, "captions_train.json", annotations=[annotation(1, caption="x")])
    assert refused(tmp_path, "coco").place == "$.images[1].file_name"


# --- categories --------------------------------------------------------------------------------


@pytest.mark.parametrize("key, value", [("id", 1), ("name", "x")])
def test_categories_of_one_id_or_name(tmp_path: Path, key: str, value: Any):
    categories = [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}, {"id": 3, "name": "z"}]
    categories[2][key] = value
    error = refused(save(tmp_path, categories=categories))
    assert error.place == f"$.categories[2].{key}"
    assert error.found == f"{value!r}, which $.categories[0] has too"
    assert error.expected == f"a {key} of its own for each category"
