"""COCO's JSON into columns; and, through it, the JSON that all kernels read."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from pycocotools import mask as coco_mask

from datumaro.kernels.coco_images import item_texts
from datumaro.kernels.coco_parse import (
    CAPTIONS,
    DONE,
    FATAL,
    IMAGE_INFO,
    INSTANCES,
    KEYPOINTS,
    MORE,
    PROBLEM,
    Parser,
)
from datumaro.model.annotation import AnnotationType


def annotation(member: str) -> str:
    """An annotation with this member beside the ids."""
    return '{"id": 1, "image_id": 1, "category_id": 1, ' + member + "}"


def file(images: str = "", annotations: str = "") -> str:
    """A file of these images and annotations."""
    return '{"images": [' + images + '], "annotations": [' + annotations + "]}"


def feed(text: str | bytes, task: int = INSTANCES) -> tuple[int, Parser]:
    """Parse a whole text; the last status, and the parser."""
    data = text.encode() if isinstance(text, str) else text
    parser = Parser(task)
    status, used = parser.feed(data, 0, len(data))
    while status == PROBLEM:
        status, used = parser.feed(data, used, len(data))
    return status, parser


def feed_in_blocks(data: bytes, step: int) -> Parser:
    """Parse a whole text, of which the parser sees so many bytes more each time."""
    parser = Parser(INSTANCES)
    status, used = parser.feed(data, 0, 0)
    for end in range(step, len(data) + step, step):
        end = min(end, len(data))
        status, used = parser.feed(data, used, end)
        while status == PROBLEM:
            status, used = parser.feed(data, used, end)
    assert status == DONE and parser.ended and used == len(data)
    return parser


def rows(parser: Parser) -> dict[str, Any]:
    """All rows of a parser, in the file's order, as lists."""
    n = parser.n_rows
    first = parser.place_rows(np.zeros(parser.n_objects, np.int32), np.zeros(1, np.int64))
    kinds, ids, labels = np.zeros(n, np.uint8), np.zeros(n, np.int64), np.zeros(n, np.int32)
    areas, sizes = np.zeros(n), np.zeros((2, n), np.int32)
    offsets = [np.zeros(n + 1, np.int64) for _ in range(5)]
    of_objects = np.zeros(parser.n_objects, np.int32)
    parser.fill(
        first, of_objects, kinds, ids, labels, areas, *offsets[:3], offsets[3], sizes, offsets[4]
    )
    ends = [np.cumsum(lengths) for lengths in offsets]
    dtypes = (np.uint8, np.float32, np.uint8, np.uint8, np.uint8)
    values = [np.zeros(int(end[-1]), dtype) for end, dtype in zip(ends, dtypes, strict=True)]
    pairs = [x for pair in zip(ends, values, strict=True) for x in pair]
    parser.copy(first, *pairs)
    names = ("attributes", "points", "visibility", "rle", "text")
    columns: dict[str, Any] = {
        name: [v[end[i] : end[i + 1]] for i in range(n)]
        for name, end, v in zip(names, ends, values, strict=True)
    }
    for name in ("attributes", "text", "rle"):
        columns[name] = [value.tobytes().decode() for value in columns[name]]
    return columns | {"kind": kinds.tolist(), "id": ids.tolist(), "area": areas, "size": sizes.T}


def annotations(*members: str, task: int = INSTANCES) -> dict[str, Any]:
    """The rows of annotations with these members beside the ids."""
    status, parser = feed(file(annotations=",".join(map(annotation, members))), task)
    assert status == DONE, parser.problem
    assert not parser.skipped, parser.problem
    return rows(parser)


# --- numbers ------------------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers().map(str),
    st.from_regex(r"\A-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?\Z"),
)


@settings(max_examples=400)
@given(st.lists(NUMBERS, min_size=1, max_size=5))
@example(["9007199254740993", "1e23", "0.1", "-0.0", "5e-324", "2.2250738585072014e-308"])
@example(["702.1057499999998", "123456789012345678901234567890.5", "18446744073709551615"])
def test_doubles_are_those_of_python(texts: list[str]):
    found = annotations(*(f'"area": {text}, "bbox": [0, 0, 1, 1]' for text in texts))["area"]
    for text, value in zip(texts, found, strict=True):
        assert struct.pack("d", value) == struct.pack("d", float(text))


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.floats(-1e30, 1e30),
            st.floats(0, 70000).map(lambda v: round(v, 2)),
            st.integers(-(10**12), 10**12),
        ),
        min_size=6,
        max_size=40,
    ),
    st.sampled_from([",", ", ", " ,\n\t"]),
)
def test_coordinates_are_float32_rounded_as_numpy_does(values: list[float], separator: str):
    values = values[: len(values) // 2 * 2]
    text = separator.join(map(json.dumps, values))
    (points,) = annotations(f'"segmentation": [[{text}]]')["points"]
    assert points.tolist() == np.array(values, np.float32).round(2).tolist()


def test_boxes_become_corners_summed_as_doubles():
    (points,) = annotations('"bbox": [473.07, 395.93, 38.65, 28.67]')["points"]
    expected = np.array([473.07, 395.93, 473.07 + 38.65, 395.93 + 28.67], np.float32).round(2)
    assert points.tolist() == expected.tolist()


@pytest.mark.parametrize("text", ["1.0", "1e3", "9223372036854775808", '"1"', "null", "true"])
def test_ids_are_integers_of_64_bits(text: str):
    _, parser = feed(file(annotations='{"id": ' + text + ', "image_id": 1}'))
    assert parser.skipped == [0]
    assert parser.problem[:2] == ("$.annotations[0].id", "an integer")


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0, -7])
def test_ids_use_all_64_bits(number: int):
    whole = {"id": number, "image_id": number, "category_id": 3}
    _, parser = feed(file(annotations=json.dumps(whole)))
    ids, images, categories = parser.objects()
    assert (ids.tolist(), images.tolist(), categories.tolist()) == ([number], [number], [3])


# --- strings ------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.booleans())
@example('quote " backslash \\ slash / \b\f\n\r\t \x00\x1f \x7f é 猫 😀', True)
def test_strings_are_unescaped(text: str, ascii_only: bool):
    value = json.dumps(text, ensure_ascii=ascii_only)
    assert annotations(f'"caption": {value}', task=CAPTIONS)["text"] == [text]


@pytest.mark.parametrize(
    "bad",
    [
        rb'"\ud800"',  # half of a surrogate pair
        rb'"\udc00\ud800"',
        rb'"\ud800\u0041"',
        rb'"\x41"',
        rb'"\u12g4"',
        b'"\xff"',
        b'"\xc0\xaf"',  # a slash in two bytes
        b'"\xed\xa0\x80"',  # a surrogate
        b'"\xf4\x90\x80\x80"',  # beyond Unicode
        b'"\xe2\x82"',
        b'"line\nbreak"',
    ],
)
def test_strings_must_stand_for_characters(bad: bytes):
    status, _ = feed(b'{"images": [{"id": 1, "file_name": ' + bad + b"}]}")
    assert status == FATAL
    status, _ = feed(b'{"images": [], "other": {"key": [' + bad + b"]}}")
    assert status == FATAL


def test_keys_may_be_escaped():
    (points,) = annotations(r'"\u0062bo\u0078": [1, 2, 3, 4]')["points"]
    assert points.tolist() == [1, 2, 4, 6]


# --- the grammar --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "01", "+1", ".5", "1.", "1e", "--1", "0x10", "tru", "nul", "[1,]", "[,1]", "[1 2]", "{,}",
        '{"a"}', '{"a":}', '{"a":1,}', '{"a" 1}', "{1: 2}", "{'a': 1}", '"open', "]", "/**/ 1",
        "Inf", "-NaN", "[" * 513 + "]" * 513,
    ],
)  # fmt: skip
def test_what_is_not_json_is_refused(value: str):
    assert feed('{"images": [], "info": ' + value + "}")[0] in (FATAL, MORE)
    assert feed(file('{"id": 1, "file_name": "a", "x": ' + value + "}"))[0] in (FATAL, MORE)


@pytest.mark.parametrize(
    "value", ["[" * 500 + "]" * 500, "-0.5E+10", "NaN", '[{"a": [{}, [], null]}]']
)
def test_values_of_other_keys_are_passed_over(value: str):
    status, parser = feed(file('{"x": ' + value + ', "id": 5, "file_name": "a"}'))
    assert (status, parser.n_images) == (DONE, 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def is_json(text: bytes) -> bool:
    try:
        decoded = json.loads(text.decode())
        json.dumps(decoded, ensure_ascii=False).encode()  # half a surrogate pair is none
    except ValueError:
        return False
    return True


@settings(max_examples=400)
@given(JSON, st.integers(0), st.sampled_from(b'{}[]",:\\ 01.eE+-tfnu\x00\x80\xc3'))
def test_texts_are_json_if_python_says_so(value: Any, place: int, byte: int):
    text = bytearray(json.dumps(value, ensure_ascii=bool(place % 2)).encode())
    text[place % len(text)] = byte
    whole = b'{"other": {"value": ' + text + b"}}"
    status, parser = feed(whole)
    assert (status == DONE and parser.ended) == is_json(whole)


FILE = json.dumps(
    {
        "info": {"year": 2017},
        "images": [
            {"id": 7, "file_name": "dir\\é.jpg", "height": 4, "width": 5},
            {"file_name": "b.png", "id": 9},
        ],
        "licenses": [],
        "unknown": [1, [2], {"x": "y"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "segmentation": [[0, 0, 4.5, 0, 4, 3]],
             "area": 1.5, "bbox": [0, 0, 4.25, 3], "iscrowd": 0, "attributes": {"x": [1], "é": ""}},
            {"id": 2, "image_id": 9, "category_id": 3, "iscrowd": 1, "score": 0.10,
             "segmentation": {"counts": [0, 20], "size": [4, 5]}},
        ],
        "categories": [{"id": 3, "name": "c"}],
    }, indent=1, ensure_ascii=False,
).encode()  # fmt: skip


@pytest.mark.parametrize("step", [1, 7, 64])
def test_blocks_may_end_anywhere(step: int):
    _, whole = feed(FILE)
    parser = feed_in_blocks(FILE, step)
    assert parser.raw == whole.raw
    for mine, theirs in zip(parser.images(), whole.images(), strict=True):
        assert mine.tolist() == theirs.tolist()
    mine, theirs = rows(parser), rows(whole)
    assert mine["attributes"] == theirs["attributes"] and mine["rle"] == theirs["rle"]
    assert [p.tolist() for p in mine["points"]] == [p.tolist() for p in theirs["points"]]


def test_no_cut_file_passes_for_a_whole_one():
    for end in range(len(FILE)):
        status, parser = feed(FILE[:end])
        assert status in (MORE, FATAL) and not parser.ended


def test_keys_that_occur_twice_count_the_last_time():
    (points,) = annotations('"bbox": [9, 9, 9, 9], "bbox": [1, 2, 3, 4]')["points"]
    assert points.tolist() == [1, 2, 4, 6]
    _, parser = feed('{"images": [{"id": 1, "file_name": "a"}], "images": []}')
    assert parser.n_images == 0


# --- annotations --------------------------------------------------------------------------------


def test_an_object_has_a_row_for_each_part_in_order():
    found = annotations(
        '"bbox": [0, 0, 4, 4], "segmentation": [[0, 0, 4, 0, 4, 4], [1, 1, 2, 2, 3, 1, 1, 2]],'
        '"keypoints": [1, 2, 2, 3, 4, 1, 0, 0, 0], "num_keypoints": 2, "area": 8.5',
        task=KEYPOINTS,
    )
    kinds = [AnnotationType(kind).name for kind in found["kind"]]
    assert kinds == ["points", "polygon", "polygon", "bbox"]
    assert found["points"][0].tolist() == [1, 2, 3, 4, 0, 0]
    assert found["visibility"][0].tolist() == [2, 1, 0]
    assert found["points"][2].tolist() == [1, 1, 2, 2, 3, 1, 1, 2]
    assert found["area"].tolist() == [8.5] * 4
    assert set(found["attributes"]) == {'{"is_crowd":false}'}


@pytest.mark.parametrize(
    "member",
    ['"segmentation": []', '"segmentation": null', '"bbox": []', '"bbox": null', '"iscrowd": 0'],
)
def test_boxes_and_segmentations_may_be_missing(member: str):
    assert annotations(member)["kind"] == []


def test_a_stated_area_may_be_nan():
    assert math.isnan(annotations('"bbox": [0, 0, 1, 1], "area": NaN')["area"][0])
    assert math.isnan(annotations('"bbox": [0, 0, 1, 1]')["area"][0])


def test_attributes_take_in_the_crowd_flag_and_the_score():
    found = annotations(
        '"bbox": [0, 0, 1, 1], "iscrowd": 1, "attributes": {"x": [1, {"y": "}"}], "is_crowd": 5}',
        '"bbox": [0, 0, 1, 1], "score": 0.10, "attributes": {"score": 7, "é": "\\n"}',
        '"bbox": [0, 0, 1, 1], "attributes": {"score": "high"}',
        '"bbox": [0, 0, 1, 1], "iscrowd": true',
    )["attributes"]
    assert found == [
        '{"x":[1, {"y": "}"}],"is_crowd":true}',
        '{"é":"\\n","is_crowd":false,"score":0.10}',
        '{"is_crowd":false,"score":"high"}',
        '{"is_crowd":true}',
    ]


@given(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=8))
def test_masks_are_compressed_as_pycocotools_does(columns: list[list[bool]]):
    pixels = np.asfortranarray(np.array(columns, np.uint8).T)
    flat = pixels.ravel(order="F")
    ends = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
    counts = np.diff([0, *ends, flat.size]).tolist()
    compressed = coco_mask.encode(pixels)["counts"].decode()
    height, width = pixels.shape
    for value in (counts, compressed):
        rle = json.dumps({"counts": value, "size": [height, width]})
        found = annotations(f'"segmentation": {rle}')
        assert found["rle"] == [compressed]
        assert found["size"].tolist() == [[height, width]]


BAD = {
    "an odd polygon": '"segmentation": [[0, 0, 1, 1, 2, 2, 3]]',
    "a line": '"segmentation": [[0, 0, 1, 1]]',
    "an empty polygon": '"segmentation": [[]]',
    "a flat polygon": '"segmentation": [0, 0, 1, 1, 2, 0]',
    "a NaN in a polygon": '"segmentation": [[0, 0, 1, NaN, 2, 0]]',
    "a number too large for float32": '"segmentation": [[0, 0, 1, 1e300, 2, 0]]',
    "text in a polygon": '"segmentation": [[0, 0, 1, "1", 2, 0]]',
    "text for polygons": '"segmentation": "polygon"',
    "an RLE that is too short": '"segmentation": {"counts": [3, 4], "size": [4, 5]}',
    "an RLE that is too long": '"segmentation": {"counts": [3, 40], "size": [4, 5]}',
    "a negative run": '"segmentation": {"counts": [-3, 23], "size": [4, 5]}',
    "runs that overflow": '"segmentation": {"counts": [9223372036854775807, 9], "size": [4, 5]}',
    "a compressed RLE that is too short": '"segmentation": {"counts": "62", "size": [4, 5]}',
    "characters of no RLE": '"segmentation": {"counts": "é\\u0001", "size": [4, 5]}',
    "an RLE that breaks off": '"segmentation": {"counts": "oooo", "size": [4, 5]}',
    "an RLE without size": '"segmentation": {"counts": [20]}',
    "an RLE without counts": '"segmentation": {"size": [4, 5]}',
    "a size of one number": '"segmentation": {"counts": [20], "size": [20]}',
    "a negative size": '"segmentation": {"counts": [20], "size": [-4, -5]}',
    "a huge mask": '"segmentation": {"counts": [10000000000], "size": [100000, 100000]}',
    "a box of three": '"bbox": [0, 0, 1]',
    "a box of five": '"bbox": [0, 0, 1, 1, 1]',
    "a box of text": '"bbox": "0 0 1 1"',
    "an infinite box": '"bbox": [0, 0, Infinity, 1]',
    "a box too large for float32": '"bbox": [0, 0, 1e39, 1]',
    "keypoints of two numbers": '"keypoints": [1, 2]',
    "an unknown visibility": '"keypoints": [1, 2, 3]',
    "text for an area": '"area": "1"',
    "a crowd of 2": '"iscrowd": 2',
    "text for a score": '"score": "1"',
    "a list of attributes": '"attributes": [1]',
    "a NaN in attributes": '"attributes": {"x": NaN}',
}


@pytest.mark.parametrize("member", BAD.values(), ids=BAD.keys())
def test_bad_annotations_are_left_out_one_by_one(member: str):
    good = annotation('"bbox": [0, 0, 1, 1]')
    text = file(annotations=f"{good}, {annotation(member)}, {good}")
    status, parser = feed(text, KEYPOINTS)
    assert (status, parser.n_objects, parser.skipped) == (DONE, 2, [1])
    place, expected, at, _ = parser.problem
    key = member.split('"')[1]
    assert place.startswith(f"$.annotations[1].{key}") and expected
    assert text.encode()[at:].lstrip()[:1] != b""
    assert rows(parser)["kind"] == [AnnotationType.bbox] * 2


@pytest.mark.parametrize("key", ["id", "image_id", "category_id"])
def test_required_keys(key: str):
    whole = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}
    del whole[key]
    _, parser = feed(json.dumps({"annotations": [whole]}))
    assert parser.problem == (f"$.annotations[0].{key}", "an integer", 17, True)


@pytest.mark.parametrize(
    "image, key",
    [
        ('{"file_name": "a"}', ".id"),
        ('{"id": 1}', ".file_name"),
        ('{"id": 1, "file_name": ""}', ".file_name"),
        ('{"id": 1, "file_name": 5}', ".file_name"),
        ('{"id": 1, "file_name": "a", "height": -1}', ".height"),
        ('{"id": 1, "file_name": "a", "width": 4294967296}', ".width"),
        ("[]", ""),
    ],
)
def test_bad_images_are_left_out_one_by_one(image: str, key: str):
    status, parser = feed(file(image + ', {"id": 2, "file_name": "b"}'))
    assert (status, parser.n_images) == (DONE, 1)
    assert parser.problem[0] == f"$.images[0]{key}"


def test_image_infos_have_no_annotations():
    status, parser = feed('{"annotations": [{"whatever": 1}, 2], "images": []}', IMAGE_INFO)
    assert (status, parser.n_objects) == (DONE, 0)


# --- images -------------------------------------------------------------------------------------


def test_what_coco_does_not_define_of_images_are_attributes():
    image = (
        '{"x\\u0031": [1, {"a": null}], "id": 7, "license": 0, "file_name": "a.jpg", "score": 2}'
    )
    _, parser = feed(file(image + ', {"id": 8, "y": 1}, {"id": 9, "file_name": "b"}'))
    *_, rest, offsets = parser.images()
    assert parser.n_images == 2
    assert rest.tobytes() == b',"x\\u0031":[1, {"a": null}],"license":0,"score":2'
    assert offsets.tolist() == [0, len(rest), len(rest)]
    names = np.frombuffer(b"a.jpgb", np.uint8)
    _, (ends, texts), *_ = item_texts(
        names, np.array([0, 5, 6]), np.array([7, 9]), rest, offsets, b""
    )
    assert json.loads(texts[: ends[1]].tobytes()) == {
        "id": 7, "x1": [1, {"a": None}], "license": 0, "score": 2,
    }  # fmt: skip
    assert json.loads(texts[ends[1] :].tobytes()) == {"id": 9}


def test_blanks_of_images_are_no_attributes():
    blank = '"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0'
    _, parser = feed(file('{"id": 1, "file_name": "a", ' + blank + "}"))
    assert parser.images()[4].tobytes() == b""


def test_values_that_attributes_cannot_hold_are_counted():
    _, parser = feed(
        file('{"id": 1, "file_name": "a", "x": [NaN], "y": 1}', annotation('"z": -Infinity'))
    )
    assert parser.images()[4].tobytes() == b',"y":1'
    assert (parser.n_nonfinite, parser.n_objects) == (2, 1)


def test_values_that_attributes_cannot_hold_are_counted_once_wherever_a_block_ends():
    text = file('{"id": 1, "file_name": "a", "x": [NaN]}', annotation('"z": NaN, "area": 1'))
    for step in (1, 7, len(text) - 8):
        assert feed_in_blocks(text.encode(), step).n_nonfinite == 2


def test_of_an_element_that_is_left_out_no_values_are_counted():
    _, parser = feed(file(annotations='{"z": NaN}, ' + annotation('"z": NaN')))
    assert (parser.n_nonfinite, parser.skipped) == (1, [0])


def test_what_coco_does_not_define_of_annotations_are_attributes():
    members = '"track": {"id": 3}, "num_keypoints": 4, "attributes": {"a": 1}, "bbox": [1, 2, 3, 4]'
    _, parser = feed(file(annotations=annotation(members)))
    (row,) = rows(parser)["attributes"]
    assert json.loads(row) == {"track": {"id": 3}, "a": 1, "is_crowd": False}
