"""Columns into COCO's JSON; and, through it, the numbers and strings that all kernels write."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from pycocotools import mask as coco_mask

from datumaro.kernels.coco_print import Printer
from datumaro.model.annotation import AnnotationType as Type
from datumaro.table.schema import NO_LABEL

Row = dict[str, Any]


def lists(values: list[Any], dtype: Any) -> tuple[Any, Any]:
    """A column of lists or bytes as (offsets, values)."""
    arrays = [np.frombuffer(v, np.uint8) if isinstance(v, bytes) else np.array(v, dtype)
              for v in values]  # fmt: skip
    offsets = np.zeros(len(values) + 1, np.int64)
    np.cumsum([len(array) for array in arrays], out=offsets[1:])
    return offsets, np.concatenate([*arrays, np.zeros(0, dtype)]).astype(dtype)


def printer(*items: list[Row]) -> Printer:
    """A printer of items with these annotations."""
    rows = [row for item in items for row in item]
    counts = np.cumsum([0, *map(len, items)])

    def column(name: str, default: Any, dtype: Any) -> Any:
        return np.array([row.get(name, default) for row in rows], dtype)

    made = Printer(
        counts.astype(np.int64),
        column("kind", 0, np.uint8),
        column("id", 0, np.int64),
        column("group", 0, np.int64),
        column("label", NO_LABEL, np.int32),
        column("height", 0, np.int32),
        column("width", 0, np.int32),
        column("area", math.nan, np.float64),
        lists([row.get("attributes", "").encode() for row in rows], np.uint8),
        lists([row.get("points", []) for row in rows], np.float32),
        lists([row.get("visibility", []) for row in rows], np.uint8),
        lists([row.get("rle", b"") for row in rows], np.uint8),
        lists([row.get("text", "").encode() for row in rows], np.uint8),
    )
    made.group()
    return made


def objects(*items: list[Row], keypoints: bool = False, attributes: bool = True) -> list[Any]:
    """The items' objects, printed and read again."""
    made = printer(*items)
    text = made.objects(
        np.arange(made.n_objects),
        np.array([row.get("id", 0) for item in items for row in item])[made.first_rows()],
        np.arange(len(items)) + 100,
        np.array([1, 2, 7], np.int32),
        keypoints,
        attributes,
    )
    return json.loads(b"[" + bytes(text)[:-1] + b"]")


def bbox(*corners: float, **more: Any) -> Row:
    return {"kind": Type.bbox, "points": corners, **more}


def polygon(*points: float, **more: Any) -> Row:
    return {"kind": Type.polygon, "points": points, **more}


def mask(pixels: Any, **more: Any) -> Row:
    array = np.array(pixels, np.uint8)
    rle = coco_mask.encode(np.asfortranarray(array))["counts"]
    height, width = array.shape
    return {"kind": Type.mask, "rle": rle, "height": height, "width": width, **more}


# --- numbers and strings --------------------------------------------------------------------------


@settings(max_examples=500)
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(702.1057499999998)
@example(5e-324)
@example(-0.0)
@example(1e15)
@example(9007199254740993.0)
def test_doubles_are_printed_as_repr_does(area: float):
    made = printer([bbox(0, 0, 1, 1, area=area)])
    args = (np.zeros(1, np.int64), np.ones(1, np.int64), np.ones(1, np.int64))
    text = bytes(made.objects(*args, np.array([1], np.int32), False, True)).decode()
    printed = text.split('"area":')[1].split(",")[0]
    assert printed == repr(area)


@settings(max_examples=500)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
@example(0.07)
@example(65535.99)
@example(16777216.0)
@example(123456.79)
def test_coordinates_are_read_again_the_same(value: float):
    value = float(np.float32(value))
    (printed,) = objects([polygon(value, 0, 1, 1, 2, 2)])
    (found,) = [p[0] for p in printed["segmentation"]]
    assert np.float32(found) == np.float32(value)
    assert len(json.dumps(found)) <= len(repr(value))


@pytest.mark.parametrize("value", [12.5, 0.07, -3, 0, 639.99, -0.01, 100, 1234.5, 10.1])
def test_hundredths_are_short(value: float):
    made = printer([polygon(value, 0, 1, 1, 2, 2)])
    args = (np.zeros(1, np.int64), np.ones(1, np.int64), np.ones(1, np.int64))
    text = bytes(made.objects(*args, np.array([1], np.int32), False, True)).decode()
    assert f"[[{value:g}," in text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@example('quote " backslash \\ \b\f\n\r\t \x00\x1f \x7f é 猫 😀')
def test_captions_are_read_again_the_same(text: str):
    made = printer([{"kind": Type.caption, "text": text}])
    one = np.ones(1, np.int64)
    printed = json.loads(bytes(made.captions(np.zeros(1, np.int64), one, one, True))[:-1])
    assert printed == {"id": 1, "image_id": 1, "category_id": 0, "caption": text}


# --- objects --------------------------------------------------------------------------------------


def test_a_stated_area_holds_as_long_as_every_outline_states_it():
    box = bbox(0, 0, 4, 4, group=5, id=5, area=7.5)
    whole = polygon(0, 0, 4, 0, 4, 4, group=5, id=5, area=7.5)
    changed = polygon(1, 1, 2, 1, 2, 2, group=5, id=5)
    assert objects([whole, box])[0]["area"] == 7.5
    assert objects([whole, changed, box])[0]["area"] == 8.5
    assert objects([changed, box])[0]["area"] == 0.5
    assert objects([whole, {**box, "area": float("nan")}])[0]["area"] == 7.5


def test_rows_of_a_group_and_label_are_one_object():
    (printed,) = objects(
        [
            polygon(0, 0, 4, 0, 4, 4, group=5, id=5, label=2, area=7.5),
            polygon(1, 1, 2, 1, 2, 2, group=5, id=5, label=2, area=7.5),
            bbox(0, 0, 4, 4.25, group=5, id=5, label=2, area=7.5),
        ]
    )
    assert printed == {
        "id": 5,
        "image_id": 100,
        "category_id": 7,
        "segmentation": [[0, 0, 4, 0, 4, 4], [1, 1, 2, 1, 2, 2]],
        "area": 7.5,
        "bbox": [0, 0, 4, 4.25],
        "iscrowd": 0,
    }


def test_groups_may_be_mixed_with_others():
    printed = objects(
        [
            polygon(0, 0, 4, 0, 4, 4, group=1, id=1),
            polygon(0, 0, 5, 0, 4, 4, group=2, id=2),
            bbox(0, 0, 9, 9, group=2, id=2),
            bbox(0, 0, 8, 8, group=1, id=1),
        ],
        [bbox(0, 0, 7, 7, group=1, id=3)],
    )
    assert [(p["id"], p["image_id"], p["bbox"]) for p in printed] == [
        (1, 100, [0, 0, 8, 8]),
        (2, 100, [0, 0, 9, 9]),
        (3, 101, [0, 0, 7, 7]),
    ]


@pytest.mark.parametrize(
    "first, second",
    [
        (bbox(0, 0, 1, 1), bbox(0, 0, 1, 1)),  # no group: each alone
        (bbox(0, 0, 1, 1, group=1), bbox(0, 0, 2, 2, group=1)),  # an object has one box
        (bbox(0, 0, 1, 1, group=1, label=0), bbox(0, 0, 2, 2, group=1, label=1)),
        (mask([[1]], group=1), mask([[1]], group=1)),  # and one mask
        (mask([[1]], group=1), polygon(0, 0, 1, 0, 1, 1, group=1)),
        (polygon(0, 0, 1, 0, 1, 1, group=1), mask([[1]], group=1)),
    ],
)
def test_what_does_not_fit_is_another_object(first: Row, second: Row):
    assert len(objects([first, second])) == 2


def test_many_groups_in_one_item():
    rng = np.random.default_rng(3)
    groups = rng.permutation(np.repeat(np.arange(1, 2001), 2)).tolist()
    seen: set[int] = set()
    rows: list[Row] = []
    for group in groups:
        rows.append(
            polygon(0, 0, 4, 0, 4, 4, group=group)
            if group in seen
            else bbox(0, 0, 1, 1, group=group)
        )
        seen.add(group)
    made = printer(rows)
    assert made.n_objects == 2000
    assert set(made.parts().tolist()) == {1 | 4}


@given(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=8))
def test_masks_have_run_lengths_area_and_box(lines: list[list[bool]]):
    pixels = np.array(lines, np.uint8)
    (printed,) = objects([mask(pixels, label=0)])
    rle = printed["segmentation"]
    encoded: Any = coco_mask.frPyObjects(rle, *pixels.shape)
    assert np.array_equal(coco_mask.decode(encoded), pixels)
    assert printed["area"] == pixels.sum()
    assert printed["bbox"] == coco_mask.toBbox(encoded).tolist()
    assert printed["iscrowd"] == 0


def test_without_a_box_it_is_that_of_the_outline():
    (printed,) = objects([polygon(1, 2, 5.5, 2, 3, 7.25), polygon(9, 9, 9, 9, 9, 9)][:1])
    assert printed["bbox"] == [1, 2, 4.5, 5.25]
    assert printed["area"] == pytest.approx(4.5 * 5.25 / 2)


def test_key_points():
    row = {"kind": Type.points, "points": [1, 2, 3.5, 4, 0, 0], "visibility": [2, 1, 0]}
    (printed,) = objects([row], keypoints=True)
    assert printed["keypoints"] == [1, 2, 2, 3.5, 4, 1, 0, 0, 0]
    assert printed["num_keypoints"] == 2
    assert printed["bbox"] == [1, 2, 2.5, 2]  # of those that are there
    (printed,) = objects([bbox(0, 0, 1, 1)], keypoints=True)
    assert (printed["keypoints"], printed["num_keypoints"]) == ([], 0)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", {"iscrowd": 0}),
        ('{"is_crowd":false}', {"iscrowd": 0}),
        ('{"is_crowd":true}', {"iscrowd": 1}),
        ('{ "is_crowd" : 1 }', {"iscrowd": 1}),
        ('{"x":[1,{"y":"}"}],"score":0.10}', {"iscrowd": 0, "score": 0.1,
                                              "attributes": {"x": [1, {"y": "}"}]}}),
        ('{"score":"high"}', {"iscrowd": 0, "attributes": {"score": "high"}}),
        ('{"is\\u005fcrowd":true,"é":null}', {"iscrowd": 1, "attributes": {"é": None}}),
    ],
)  # fmt: skip
def test_attributes(text: str, expected: dict[str, Any]):
    (printed,) = objects([bbox(0, 0, 1, 1, attributes=text)])
    for key in ("id", "image_id", "category_id", "segmentation", "area", "bbox"):
        del printed[key]
    assert printed == expected
    (bare,) = objects([bbox(0, 0, 1, 1, attributes=text)], attributes=False)
    assert "attributes" not in bare and bare.get("score") == expected.get("score")


def test_objects_of_mixed_attributes_are_told():
    rows = [
        bbox(0, 0, 1, 1, group=1, attributes='{"x":1}'),
        bbox(0, 0, 1, 1, group=2, attributes='{"x":1}'),
        polygon(0, 0, 1, 0, 1, 1, group=1, attributes='{"x":2}'),
        polygon(0, 0, 1, 0, 1, 1, group=2, attributes='{"x":1}'),
    ]
    assert printer(rows).mixed_objects() == [[0, 2]]


# --- what is wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row, what",
    [
        (bbox(0, 0, 1, 1, label=3), "label 3"),
        (bbox(0, 0, 1, 1, label=-1), "label -1"),
        (bbox(0, 0, 1, 1, attributes="[1]"), "attributes"),
        (bbox(0, 0, 1, 1, attributes='{"x":}'), "attributes"),
        (bbox(0, 0, 1, 1, attributes='{"x":1} '+"x"), "attributes"),
        (mask([[1, 0]]) | {"width": 3}, "run lengths"),
        (mask([[1, 0]]) | {"rle": b"\xff"}, "run lengths"),
    ],
)  # fmt: skip
def test_bad_rows_are_named_by_their_item(row: Row, what: str):
    with pytest.raises(ValueError) as caught:
        objects([], [bbox(0, 0, 1, 1)], [row])
    assert what in caught.value.args[0] and caught.value.args[1] == 2


def test_columns_must_agree():
    with pytest.raises(ValueError, match="lengths"):
        Printer(
            np.array([0, 5]),
            *(np.zeros(1, d) for d in (np.uint8, np.int64, np.int64, np.int32, np.int32, np.int32)),
            np.zeros(1),
            *(lists([[]], d) for d in (np.uint8, np.float32, np.uint8, np.uint8, np.uint8)),
        )


# --- images ---------------------------------------------------------------------------------------
