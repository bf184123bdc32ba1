"""Names of Market-1501's files: the kernel tells what Python tells, or nothing."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from datumaro.formats import market1501
from datumaro.formats.base import WriteContext, WriteOptions
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.rows import ChunkRows
from datumaro.kernels.market1501_names import print_paths, told
from datumaro.table import json_text

Texts = tuple[np.ndarray, np.ndarray]

NAMES = st.one_of(
    st.text("0123456789_cs-./aé", max_size=30),
    st.from_regex(r"(-1|\d{1,19})_c\d{1,10}s\d{1,10}_\d{1,19}_\d{1,19}.{0,3}", fullmatch=True),
)
FOLDERS = st.sampled_from(["", "query/", "bounding_box_train/", "bounding_box_", "a/b/", "query"])


def texts(*values: str) -> Texts:
    data = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, data)]).astype(np.int64)
    return ends, np.frombuffer(b"".join(data) or b" ", np.uint8)


@given(FOLDERS, NAMES, st.sampled_from(["", ".jpg", ".", ".a.png"]))
@example("query/", "", "")
@example("bounding_box_x/", "0001_c1s1_000001_01_", ".jpg")
@example("", "...", ".jpg")
def test_it_tells_what_python_tells(folder: str, name: str, extension: str):
    path = f"{folder}{name}{extension}"
    ids, attributes = told([path])
    if path.isascii():
        assert (ids[0], attributes[0]) == market1501._told(path)
    else:
        assert (ids, attributes) == ([None], [None])


@st.composite
def items(draw: st.DrawFn) -> tuple[str, dict[str, object], str]:
    """An id, attributes that fit it more or less, and the path of an image."""
    item_id = draw(NAMES)
    known = dict(json_text.decode(market1501._told(item_id)[1]))
    for name in draw(st.sets(st.sampled_from([*known, "camera_id", "x"]), max_size=2)):
        known[name] = draw(st.sampled_from([True, 1, "0001", None]))
    if draw(st.booleans()):
        known.pop("query", None)
    return (
        item_id,
        known,
        draw(st.sampled_from(["/a/b.jpg", "a.b/c", "x/.png", "", "x.é", "x.a\n"])),
    )


@given(st.lists(items(), max_size=3), st.sampled_from([None, "png"]))
def test_it_prints_what_python_prints(given: list[tuple[str, dict[str, object], str]], ext: str):
    columns = ChunkColumns()
    for item_id, known, path in given:
        columns.add_item(item_id, "train", path, attributes=json_text.encode(known))
    chunk = columns.finish()
    names = market1501._Names(Path("/out"), WriteOptions(image_ext=ext), WriteContext())
    text, ends = names.usual_lines(chunk, "train")
    rows = ChunkRows(chunk)
    for item, (begin, end) in enumerate(pairwise(ends.tolist())):
        if begin < end:
            assert text[begin:end] == names.line(rows, item, "train").encode()
    assert not names.context.losses


def test_usual_items_are_printed():
    ids = texts("0002_c1s3_000151_01", "a/face", "0002_c1s3_000151_01", "../x", "é")
    known = '{"person_id":"0002","camera_id":0,"track_id":3,"frame_id":151,"bbox_id":1'
    attributes = texts(f'{known},"query":true}}', "", '{"camera_id":4}', "", "")
    paths = texts("/m/1.png", "", "", "", "")
    text, ends = print_paths(np.ones(5, np.uint8), ids, attributes, paths, b"", b".jpg", b"b/")
    assert text == b"query/0002_c1s3_000151_01.png\nb/a/face.jpg\n"
    assert np.diff(ends).tolist() == [30, 13, 0, 0, 0]


@pytest.mark.parametrize("ends", [[0, 9], [1, 0], [-1, 1], [0]])
def test_texts_that_do_not_fit(ends: list[int]):
    good, bad = texts("a"), (np.array(ends, np.int64), np.zeros(3, np.uint8))
    for columns in ((bad, good, good), (good, bad, good), (good, good, bad)):
        with pytest.raises(ValueError, match="fit"):
            print_paths(np.ones(1, np.uint8), *columns, b"", b"", b"")
