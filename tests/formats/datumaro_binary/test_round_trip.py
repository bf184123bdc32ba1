"""What is written comes back: annotations, categories and infos."""

import math

import numpy as np
from hypothesis import HealthCheck, given, settings, strategies as st

from datumaro.formats.datumaro_binary import writing
from datumaro.model.annotation import AnnotationType as Kind
from datumaro.model.categories import LabelCategories, MaskCategories
from datumaro.model.media import MediaType
from datumaro.table.chunk import Content
from formats.datumaro_binary.datum_files import (
    chunk,
    each_storage,
    labelled,
    one_file,
    read,
    told,
    write,
)

_hundredths = st.integers(-(10**6), 10**6).map(lambda n: float(np.float32(n / 100)))
_objects = st.sampled_from(["", '{"a":1}', '{"é":[1.5,null,{"b":"\\n"}]}'])
_int64 = st.integers(-(2**63), 2**63 - 1)
_int32 = st.integers(-(2**31), 2**31 - 1)


def _points(smallest, largest, values=_hundredths):
    size = st.integers(smallest, largest)
    return size.flatmap(lambda n: st.lists(values, min_size=n, max_size=n))


_SHAPES = {
    Kind.polygon: _points(3, 6).map(lambda p: p + p),
    Kind.polyline: _points(0, 5).map(lambda p: p + p),
    Kind.bbox: _points(4, 4),
    Kind.ellipse: _points(4, 4),
    Kind.rotated_bbox: _points(5, 5),
    Kind.cuboid_2d: _points(16, 16, st.floats(width=32)),
}
_EXTRAS = {
    Kind.skeleton: '{"elements":[{"type":"points"}]}',
    Kind.hash_key: '{"values":[1,2]}',
    Kind.feature_vector: '{"values":[0.5]}',
    Kind.tabular: '{"values":{"x":1}}',
    Kind.depth_annotation: '{"image":{"npy":"AAAA"}}',
}
_KINDS = [kind for kind in Kind if kind not in (Kind.unknown, Kind.super_resolution_annotation)]


@st.composite
def _annotation(draw):
    kind = draw(st.sampled_from(_KINDS))
    row = {
        "type": kind,
        "id": draw(_int64),
        "group": draw(_int64),
        "object_id": draw(_int32),
        "attributes": draw(_objects),
        "area": draw(st.sampled_from([math.nan, math.nan, 0.0, 702.1057499999998])),
    }
    if kind != Kind.caption:
        row["label"] = draw(st.none() | st.sampled_from([0, 1, 5, 2**31 - 1]))
    if kind in _SHAPES:
        row["points"], row["z_order"] = draw(_SHAPES[kind]), draw(_int32)
    elif kind == Kind.points:
        pairs = draw(st.lists(st.tuples(_hundredths, _hundredths, st.integers(0, 2)), max_size=4))
        row["points"] = [v for x, y, _ in pairs for v in (x, y)]
        row["visibility"] = [seen for _, _, seen in pairs]
    elif kind == Kind.mask:
        row |= {"mask_height": 2, "mask_width": 3, "rle": b"231", "z_order": draw(_int32)}
    elif kind == Kind.caption:
        row["text"] = draw(st.text(max_size=5))
    elif kind == Kind.cuboid_3d:
        row["points"] = draw(_points(9, 9))
        row["extra"] = draw(st.sampled_from(["", f'{{"points":{[0.1] * 9}}}']))
    elif kind in _EXTRAS:
        row["extra"] = _EXTRAS[kind]
    return row


@st.composite
def _item(draw, subset):
    item = {
        "id": draw(st.text(min_size=1, max_size=6)),
        "subset": subset,
        "attributes": draw(_objects),
    }
    return item, draw(st.lists(_annotation(), max_size=5))


@st.composite
def _chunks(draw):
    subsets = draw(st.lists(st.sampled_from(["train", "é val"]), min_size=1, max_size=3))
    return [
        chunk(draw(st.lists(_item(subset), min_size=1, max_size=4))) for subset in sorted(subsets)
    ]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    _chunks(),
    st.sampled_from([1 << 20, 100]),
    st.sampled_from([{}, {"storage": "parquet"}, {"storage": "parquet", "shard_size": 2}]),
)
def test_every_annotation_comes_back(tmp_path_factory, chunks, blob_size, options):
    folder = tmp_path_factory.mktemp("datum")
    content = Content(chunks, {Kind.mask: MaskCategories.generate(2)}, {"note": [1, "é"]})
    usual, writing.BLOB_SIZE = writing.BLOB_SIZE, blob_size
    try:
        write(content, folder, **options)
    finally:
        writing.BLOB_SIZE = usual
    back = read(folder)
    assert sorted(told(back), key=repr) == sorted(told(content), key=repr)
    assert [i["id"] for i, _ in told(back) if i["subset"] == "train"] == [
        i["id"] for i, _ in told(content) if i["subset"] == "train"
    ]
    assert (back.categories, back.infos) == (content.categories, content.infos)


@each_storage
def test_annotations_without_records_keep_their_places(tmp_path, storage):
    rotated = {"type": Kind.rotated_bbox, "points": [1.0, 2.0, 3.0, 4.0, 30.0]}
    label = {"type": Kind.label, "label": 0}
    items = [
        ({"id": "0"}, [rotated | {"id": 1}, label, rotated | {"id": 2}, rotated | {"id": 3}]),
        ({"id": "1"}, []),
        ({"id": "2"}, [label, label, rotated | {"id": 4}]),
        ({"id": "3"}, [rotated | {"id": 5}]),
    ]
    content = Content([chunk(items[:2]), chunk(items[2:])])
    assert told(read(write(content, tmp_path, storage=storage))) == told(content)


@each_storage
def test_an_empty_data_set_can_be_read(tmp_path, storage):
    content = Content([], {Kind.label: LabelCategories.from_iterable(["a"])}, {"n": 1})
    back = read(write(content, tmp_path, storage=storage))
    assert one_file(tmp_path).name == "default.datum"
    assert (len(back), back.categories, back.infos) == (0, content.categories, content.infos)


@each_storage
def test_kinds_of_media_that_the_header_cannot_say(tmp_path, storage):
    content = labelled(0)
    content.media_type = MediaType.MULTIFRAME_IMAGE
    assert read(write(content, tmp_path, storage=storage)).media_type == MediaType.MULTIFRAME_IMAGE
