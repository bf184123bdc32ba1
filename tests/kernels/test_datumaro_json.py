"""The kernels of the `datumaro` format: JSON text to columns, and columns to JSON text."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels import (
    datumaro_json as kernel,
    datumaro_json_text as text_kernel,
    json_value,
)

CUT = kernel.CODES["cut"]


def reader(**options: Any) -> kernel.ItemReader:
    given = {"n_labels": -1, "images": b"/d/images/s/", "root": b"/d/", "allow_external": False}
    return kernel.ItemReader(**(given | {"skip": False} | options))


def items(*annotations: dict[str, Any], **more: Any) -> bytes:
    """The text of an array with one item, without its opening bracket."""
    return json.dumps([{"id": "a", "annotations": list(annotations), **more}]).encode()[1:]


def columns(text: bytes, **options: Any) -> dict[str, Any]:
    r = reader(**options)
    assert r.read(text, 0, len(text)) == len(text)
    assert (r.code, r.done) == (0, True)
    return r.take()


def failure(text: bytes, **options: Any) -> tuple[int, Any, bytes]:
    """(code, place, the text from where it is wrong)."""
    r = reader(**options)
    at = r.read(text, 0, len(text))
    assert r.code not in (0, CUT)
    return r.code, r.place, text[at:]


def test_a_box_becomes_corners_rounded_as_numpy_rounds_float32() -> None:
    box = {"type": "bbox", "bbox": [0.1, 1.005, 0.3, 100.777]}
    expected = np.array([0.1, 1.005, 0.1 + 0.3, 1.005 + 100.777], np.float32).round(2)
    assert columns(items(box))["points"].tobytes() == expected.tobytes()


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4))
def test_any_box_as_the_published_package_reads_it(box: list[float]) -> None:
    x, y, w, h = box
    expected = np.array([x, y, x + w, y + h], np.float32).round(2)
    found = columns(items({"type": "bbox", "bbox": box}))["points"]
    assert np.array_equal(found, expected)


@given(st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6))
def test_any_polygon_as_the_published_package_reads_it(points: list[float]) -> None:
    found = columns(items({"type": "polygon", "points": points}))["points"]
    assert np.array_equal(found, np.array(points, np.float32).round(2))


def test_null_in_an_array_of_points_is_nan() -> None:
    found = columns(items({"type": "polyline", "points": [None, 1.25, 2, 3]}))["points"]
    assert np.array_equal(found, np.array([np.nan, 1.25, 2, 3], np.float32), equal_nan=True)


def test_missing_values_have_defaults() -> None:
    found = columns(items({"type": "label", "label_id": 3}, {"type": "caption", "caption": "é"}))
    assert found["id"].tolist() == found["group"].tolist() == found["z_order"].tolist() == [0, 0]
    assert found["object_id"].tolist() == [-1, -1]
    assert found["label"].tolist() == [3, -(2**31)]
    assert np.isnan(found["area"]).all()
    assert found["text"].tobytes().decode() == "é"


def test_keys_in_any_order_and_escaped() -> None:
    text = (
        rb'{"annotations":[{"z_order":1,"points":[1,2,3,4,5,6],"\u006cabel_id":0,"id":7,'
        rb'"type":"polygon"}],"id":"\u00e9\ud83d\ude00"}]'
    )
    found = columns(text)
    assert found["points"].tolist() == [1, 2, 3, 4, 5, 6]
    assert (found["label"][0], found["id"][0], found["z_order"][0]) == (0, 7, 1)
    assert found["item.id"].tobytes().decode() == "é😀"


def test_attributes_lose_white_space_and_what_json_cannot_hold() -> None:
    text = b'{"id":"a","annotations":[],"attr":{ "a" : [ 1 , NaN, -Infinity, " x " ] }}]'
    assert columns(text)["item.attributes"].tobytes() == b'{"a":[1,null,null," x "]}'


def test_visibility_is_all_visible_when_missing() -> None:
    found = columns(items({"type": "points", "points": [1, 2, 3, 4]}))
    assert found["visibility"].tolist() == [2, 2]


def test_run_lengths_are_compressed() -> None:
    counts, size = [1, 3, 2, 3, 1, 100, 0, 10], [10, 12]
    mask = {"type": "mask", "rle": {"counts": counts, "size": size}}
    from pycocotools import mask as coco

    expected = coco.frPyObjects({"counts": counts, "size": size}, *size)["counts"]
    found = columns(items(mask))
    assert found["rle"].tobytes() == expected
    assert (found["mask_height"][0], found["mask_width"][0]) == (10, 12)
    again = {"type": "mask", "rle": {"size": size, "counts": expected.decode()}}
    assert columns(items(again))["rle"].tobytes() == expected


@pytest.mark.parametrize(
    ("counts", "size"),
    [
        ("13", [2, 3]),
        ("1", [2, 2]),
        ("~~", [2, 2]),
        ("P", [1, 1]),
        ([5], [2, 2]),
        ([-1, 5], [2, 2]),
    ],
)
def test_run_lengths_must_fill_the_mask(counts: Any, size: list[int]) -> None:
    code, place, _ = failure(items({"type": "mask", "rle": {"counts": counts, "size": size}}))
    assert code == kernel.CODES["rle"]
    assert place[3] == ("rle.counts" if counts == [-1, 5] else "rle")


def test_cuboids_keep_doubles_that_float32_cannot_hold() -> None:
    corners = [[0.5, 1]] * 7 + [[0.1, 2]]
    cuboid = {
        "type": "cuboid_3d",
        "position": [1.115, 2, 3],
        "rotation": [0, 0, 0.1],
        "scale": [1e5, 1, 1],
    }
    found = columns(items({"type": "cuboid_2d", "points": corners}, cuboid))
    exact = json.loads(found["extra"].tobytes())["points"]  # of the first only
    assert exact == [v for pair in corners for v in pair]
    assert found["points"][16:].tolist() == np.float32([1.12, 2, 3, 0, 0, 0.1, 1e5, 1, 1]).tolist()
    big = cuboid | {"position": [100000000.01, 0, 0]}
    extra = json.loads(columns(items(big))["extra"].tobytes())
    assert extra["points"] == [100000000.01, 0, 0, 0, 0, 0.1, 1e5, 1, 1]


@given(st.data())
def test_pieces_of_any_size_give_the_same_columns(data: st.DataObject) -> None:
    text = items(
        {"type": "bbox", "bbox": [1, 2.5, 3e0, 4], "attributes": {"k": "v\\\"é", "n": [1.5]}},
        {"type": "mask", "rle": {"counts": "13", "size": [2, 2]}, "area": 12.75},
        image={"path": "x y.jpg", "size": [4, 5]},
        attr={"é": None},
        extended_annotations=[{"index": 0, "type": "tabular", "extra": {"values": {"a": 1}}}],
    )[:-1] + b' , {"id":"b","annotations":[{"type":"label","label_id":12}]} ]'  # fmt: skip
    whole = columns(text)
    r = reader()
    begin = end = 0
    while not r.done:
        end = min(len(text), end + data.draw(st.integers(1, len(text))))
        begin = r.read(text, begin, end)
        assert r.code in (0, CUT)
    assert begin == len(text)
    for name, array in r.take().items():
        assert array.tobytes() == whole[name].tobytes(), name


@pytest.mark.parametrize(
    ("annotation", "code", "key", "at"),
    [
        ({"type": "label", "label_id": 2}, "label", "label_id", b"2}"),
        ({"type": "label", "label_id": -1}, "label", "label_id", b"-1}"),
        ({"type": "label", "label_id": "x"}, "type", "label_id", b'"x"'),
        ({"type": "label", "label_id": 0.5}, "type", "label_id", b"0.5"),
        ({"type": "label", "label_id": None}, "missing", "label_id", b""),
        ({"type": "label"}, "missing", "label_id", b""),
        ({"label_id": 0}, "missing", "type", b""),
        ({"type": "square"}, "kind", "type", b'"square"'),
        ({"type": "skeleton", "extra": {}}, "kind", "type", b'"skeleton"'),
        ({"type": 6}, "type", "type", b"6"),
        ({"id": 2**63, "type": "label"}, "range", "id", b"9223372036854775808"),
        ({"object_id": 2**31, "type": "label"}, "range", "object_id", b"2147483648"),
        ({"z_order": -(2**31) - 1, "type": "label"}, "range", "z_order", b"-2147483649"),
        ({"attributes": [], "type": "label"}, "type", "attributes", b"[]"),
        ({"type": "bbox", "bbox": [1, 2, 3]}, "count", "bbox", b"[1, 2, 3]"),
        ({"type": "bbox"}, "missing", "bbox", b""),
        ({"type": "bbox", "bbox": [1, 2, 1e39, 3]}, "range", "bbox", b"[1, 2, 1e+39"),
        ({"type": "polygon", "points": [1, 2, 3, 4]}, "count", "points", b""),
        ({"type": "polyline", "points": [1, 2, 3]}, "count", "points", b""),
        ({"type": "polyline", "points": [1, "2"]}, "type", "points", b'[1, "2"]'),
        ({"type": "polyline", "points": "12"}, "type", "points", b'"12"'),
        ({"type": "points", "points": [1, 2], "visibility": [3]}, "value", "visibility", b""),
        ({"type": "points", "points": [1, 2], "visibility": []}, "count", "visibility", b""),
        ({"type": "mask"}, "missing", "rle", b""),
        ({"type": "mask", "rle": {"counts": "13"}}, "missing", "rle.size", b""),
        ({"type": "mask", "rle": {"counts": "13", "size": [4]}}, "count", "rle.size", b""),
        (
            {"type": "mask", "rle": {"counts": "13", "size": [-4, 1]}},
            "range",
            "rle.size",
            b"[-4, 1]",
        ),
        ({"type": "cuboid_2d", "points": [[1, 2]] * 7}, "count", "points", b""),
        ({"type": "cuboid_2d", "points": [[1, 2, 3]] * 8}, "count", "points", b""),
        ({"type": "cuboid_3d", "position": [1, 2]}, "count", "position", b"[1, 2]"),
        ({"type": "caption", "caption": 3}, "type", "caption", b"3"),
        ([], "type", "", b"[]"),
    ],
)  # fmt: skip
def test_a_bad_annotation(annotation: Any, code: str, key: str, at: bytes) -> None:
    good = {"type": "label", "label_id": 1}
    found, place, rest = failure(items(good, annotation), n_labels=2)
    assert found == kernel.CODES[code]
    assert place[:4] == (0, 1, False, key)
    assert rest.startswith(at)

    # and it alone is left out when that is wished
    r = reader(n_labels=2, skip=True)
    text = items(good, annotation, good)
    assert r.read(text, 0, len(text)) == len(text)
    (problem,) = r.take_problems()
    assert problem[0] == kernel.CODES[code]
    assert problem[2:4].tolist() == [0, 1]
    assert r.take()["label"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("item", "code", "key"),
    [
        ({"annotations": []}, "missing", "id"),
        ({"id": "a"}, "missing", "annotations"),
        ({"id": "", "annotations": []}, "value", "id"),
        ({"id": None, "annotations": []}, "type", "id"),
        ({"id": "a", "annotations": {}}, "type", "annotations"),
        ({"id": "a", "annotations": [], "attr": 1}, "type", "attr"),
        ({"id": "a", "annotations": [], "image": []}, "type", "image"),
        ({"id": "a", "annotations": [], "image": {"path": "../x"}}, "path", "image.path"),
        ({"id": "a", "annotations": [], "image": {"path": "a\0"}}, "path", "image.path"),
        ({"id": "a", "annotations": [], "image": {}, "video": {}}, "media", ""),
        (7, "type", ""),
    ],
)
def test_a_bad_item(item: Any, code: str, key: str) -> None:
    good = {"id": "b", "annotations": []}
    text = json.dumps([good, item, good]).encode()[1:]
    found, place, _ = failure(text)
    assert (found, place[0], place[3]) == (kernel.CODES[code], 1, key)

    r = reader(skip=True)
    assert r.read(text, 0, len(text)) == len(text)
    assert r.take_problems()[:, 2].tolist() == [1]
    assert r.take()["item.source"].tolist() == [0, 2]


def test_keys_that_stand_twice() -> None:
    text = b'{"id":"a","annotations":[{"type":"label","label_id":1,"type":"bbox"}]}]'
    assert failure(text)[0] == kernel.CODES["twice"]
    assert failure(b'{"id":"a","annotations":[],"id":"b"}]')[0] == kernel.CODES["twice"]


@pytest.mark.parametrize(
    "text",
    [
        b'{"id":"a","annotations":[',  # then nested too deep
        b'{"id":"\xff","annotations":[]}]',
        b'{"id":"\\ud800","annotations":[]}]',
        b'{"id":"\\x","annotations":[]}]',
        b'{"id":"a","annotations":[],}]',
        b'{"id":"a" "annotations":[]}]',
        b'{"id":"a","annotations":[{"type":"label","label_id":01}]}]',
        b'{"id":"a","annotations":[tru]}]',
        b'{"id":"a\n","annotations":[]}]',
        b",]",
        b"x]",
    ],
)
def test_text_that_is_not_json_is_never_skipped(text: bytes) -> None:
    if text.endswith(b"["):
        text += b'{"attributes":' + b'{"a":' * 100_000
    assert failure(text)[0]
    code, _, _ = failure(text, skip=True)
    assert code not in kernel.CODES.values()
    assert json_value.message(code)


def test_paths() -> None:
    def path(image: Any, **options: Any) -> tuple[str, str]:
        found = columns(items(image=image), **options)
        return found["item.path"].tobytes().decode(), found["item.media_extra"].tobytes().decode()

    external = '{"external":true}'
    assert path({"path": "x/../y.jpg"}) == ("/d/images/s/x/../y.jpg", "")
    assert path({"path": None}) == path({}) == path({"path": ""}) == ("/d/images/s/a.jpg", "")
    assert path({"path": "/d/images/x.jpg"}) == ("/d/images/x.jpg", "")
    assert path({"path": "/e/x.jpg"}) == ("/e/x.jpg", external)
    assert path({"path": "/d/../e/x.jpg"}) == ("/d/../e/x.jpg", external)
    assert path({"path": "C:\\x.jpg"}) == ("C:\\x.jpg", external)
    assert path({"path": "/e/x.jpg"}, allow_external=True) == ("/e/x.jpg", "")
    assert path({"path": "../x.jpg"}, allow_external=True) == ("/d/images/s/../x.jpg", "")


def test_extended_annotations_say_their_place() -> None:
    label = {"type": "label", "label_id": 0}
    box = {"index": 1, "type": "rotated_bbox", "points": [1, 2, 3, 4, 0.125]}
    found = columns(items(label, label, extended_annotations=[box]))
    assert found["extended_row"].tolist() == [2]
    assert found["extended_index"].tolist() == [1]
    assert found["points"].tolist() == [1, 2, 3, 4, 0.125]  # as it stands
    bad = items(label, extended_annotations=[box | {"index": 2}])
    assert failure(bad)[0] == kernel.CODES["value"]


def test_bounds_are_checked() -> None:
    with pytest.raises(ValueError, match="outside"):
        reader().read(b"[]", 0, 3)
    with pytest.raises(ValueError, match="outside"):
        json_value.skip_value(b"[]", 2, 1)


# --- writing -----------------------------------------------------------------------------------


def written(**more: Any) -> dict[str, Any]:
    """What the writer makes of one item with one annotation."""
    zero_at = np.zeros(2, np.int64)
    nothing = np.zeros(0, np.uint8)
    one: dict[str, Any] = {
        "offsets": np.array([0, 1]), "item.id": np.frombuffer(b"a", np.uint8),
        "item.id_at": np.array([0, 1]), "item.attributes": nothing, "item.attributes_at": zero_at,
        "item.media": nothing, "item.media_at": zero_at,
        "item.media_kind": np.zeros(1, np.uint8),
        "item.height": np.zeros(1, np.int32), "item.width": np.zeros(1, np.int32),
        "type": np.array([6], np.uint8), "id": np.zeros(1, np.int64),
        "group": np.zeros(1, np.int64), "object_id": np.full(1, -1, np.int32),
        "label": np.full(1, -(2**31), np.int32), "z_order": np.zeros(1, np.int32),
        "mask_height": np.zeros(1, np.int32), "mask_width": np.zeros(1, np.int32),
        "area": np.full(1, np.nan), "points": np.zeros(0, np.float32), "points_at": zero_at,
    }  # fmt: skip
    for name in ("attributes", "visibility", "rle", "text", "extra"):
        one[name], one[f"{name}_at"] = nothing, zero_at
    for name in ("points", "rle", "extra"):
        if name in more:
            one[f"{name}_at"] = np.array([0, len(more[name])])
    text = text_kernel.ItemWriter(one | more).write(0, 1)
    return json.loads(text) | {"text": text}


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(finite, min_size=4, max_size=4))
def test_any_box_is_found_again(corners: list[float]) -> None:
    points = np.array(corners, np.float32)
    with np.errstate(over="ignore"):
        if np.isinf(points[2:] - points[:2]).any():
            return
    item = written(points=points)
    assert np.array_equal(columns(item["text"] + b"]")["points"], points)


hundredths = st.integers(-4_000_000, 4_000_000).map(lambda n: n / 100)


@given(st.lists(hundredths, min_size=4, max_size=4))
def test_a_rounded_box_is_short_and_exact_for_all_readers(corners: list[float]) -> None:
    points = np.array(corners, np.float32).round(2)
    (box,) = written(points=points)["annotations"]
    assert "exact_points" not in box
    x, y, w, h = box["bbox"]
    assert np.array_equal(np.array([x, y, x + w, y + h], np.float32).round(2), points)
    assert all(len(repr(v).partition(".")[2]) <= 2 for v in (x, y, w, h) if v)


@given(st.lists(finite, min_size=6, max_size=6))
def test_any_polygon_is_found_again(corners: list[float]) -> None:
    points = np.array(corners, np.float32)
    item = written(points=points, type=np.array([4], np.uint8))
    assert np.array_equal(columns(item["text"] + b"]")["points"], points)


def test_numbers_are_short() -> None:
    points = np.array([0.1, 2, 1234.56, 3.3, 5.5, 7.07], np.float32)
    item = written(points=points, type=np.array([4], np.uint8))
    assert b'"points":[0.1,2,1234.56,3.3,5.5,7.07]' in item["text"]


def test_mask_counts_that_are_none_are_refused() -> None:
    with pytest.raises(text_kernel.BadRow):
        written(type=np.array([2], np.uint8), rle=np.frombuffer(b'1"\xff', np.uint8))
    with pytest.raises(text_kernel.BadRow):
        written(type=np.array([99], np.uint8))


@pytest.mark.parametrize("extra", [b"{}", b'{"points":[]}', b'{"points":[1,2', b'{"points":[1]}'])
@pytest.mark.parametrize(("kind", "n"), [(8, 9), (16, 16)])
def test_a_cuboids_exact_points_must_be_as_many(extra: bytes, kind: int, n: int) -> None:
    with pytest.raises(text_kernel.BadRow):
        written(
            type=np.array([kind], np.uint8),
            points=np.zeros(n, np.float32),
            extra=np.frombuffer(extra, np.uint8),
        )
