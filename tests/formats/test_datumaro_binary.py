"""`.datum` files: their bytes, what goes through them, and what is refused."""

import importlib.util
import json
import math
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    MalformedFileError,
    PathOutsideDatasetError,
    PathSeparatorInSubsetNameError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats.base import (
    Confidence,
    Folder,
    ReadContext,
    Rejected,
    WriteContext,
)
from datumaro.formats.datumaro_binary import extension, writing
from datumaro.formats.datumaro_binary.format import (
    DatumaroBinary,
    DatumaroBinaryReadOptions,
    DatumaroBinaryWriteOptions,
)
from datumaro.model.annotation import AnnotationType as Kind
from datumaro.model.categories import LabelCategories, MaskCategories
from datumaro.model.media import Image, MediaType, PointCloud
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content

FORMAT = DatumaroBinary()
ROOT = Path(__file__).resolve().parents[2]


each_storage = pytest.mark.parametrize("storage", ["records", "parquet"])


# --- building and looking ---------------------------------------------------------------------


def batch(kind, blank, rows):
    """A batch of rows given as dicts of what is not blank."""
    names = {name for row in rows for name in row}
    default = {name: blank.column(name)[0].as_py() for name in kind.names}
    columns = {
        name: pa.array([(default | row)[name] for row in rows], kind.field(name).type)
        for name in names
    }
    return columns


def annotations(rows):
    return schema.annotation_batch(
        len(rows), batch(schema.ANNOTATIONS, schema.annotation_batch(1, {}), rows)
    )


def chunk(items, media=None):
    """A chunk of (item, annotations), both given as dicts of what is not blank."""
    constant = {"subset": schema.constant_dictionary("train", 1)}
    rows = [{"subset": "train"} | item for item, _ in items]
    columns = batch(schema.ITEMS, schema.item_batch(1, constant), rows)
    subset = pa.array([row["subset"] for row in rows], pa.large_string()).dictionary_encode()
    columns["subset"] = subset.cast(schema.ITEMS.field("subset").type)
    offsets = np.cumsum([0, *(len(own) for _, own in items)])
    own = annotations([row for _, rows in items for row in rows])
    return Chunk(schema.item_batch(len(items), columns), own, offsets, media or {})


def told(content):
    """Everything in chunks, as plain values that compare (NaN equals NaN)."""
    items = []
    for part in content.chunks:
        rows = part.annotations.to_pylist()
        for i, item in enumerate(part.items.to_pylist()):
            own = rows[part.offsets[i] : part.offsets[i + 1]]
            items.append(
                (item, [row | {n: repr(row[n]) for n in ("area", "points")} for row in own])
            )
    return items


def write(content, folder, context=None, **options):
    folder.mkdir(parents=True, exist_ok=True)
    FORMAT.write(content, folder, DatumaroBinaryWriteOptions(**options), context or WriteContext())
    return folder


def read(folder, on_error="fail", **options):
    return FORMAT.read(folder, DatumaroBinaryReadOptions(**options), ReadContext(on_error=on_error))


def one_file(folder):
    (path,) = folder.glob("annotations/*.datum")
    return path


def labelled(*labels):
    """A data set of one item with a label annotation for each."""
    return Content(
        [chunk([({"id": "1"}, [{"type": Kind.label, "label": label} for label in labels])])],
        {Kind.label: LabelCategories.from_iterable(["a", "b"])},
    )


def image_item(item_id, path, **more):
    return {"id": item_id, "media_type": MediaType.IMAGE, "path": path} | more


def paths_of(content):
    return [item["path"] for item, _ in told(content)]


# --- bytes ------------------------------------------------------------------------------------


def test_a_file_is_what_the_format_says(tmp_path):
    content = Content(
        [chunk([(image_item("7", "/x/a.jpg", height=4, width=5), [{"type": 1, "label": 0}])])],
        {Kind.label: LabelCategories.from_iterable(["cat"])},
    )
    version = b'{"dm_format_version":"1.0","media_encryption":false}'
    categories = (
        b'{"label":{"labels":[{"name":"cat","parent":"","attributes":[]}],'
        b'"label_groups":[],"attributes":[]}}'
    )
    u32 = struct.Struct("<I").pack
    record = b"".join(
        [
            u32(1) + b"7" + u32(5) + b"train",
            u32(2) + u32(8) + b"/x/a.jpg" + struct.pack("<ii", 4, 5),
            u32(0) + u32(1),
            struct.pack("<Bqqi", 1, 0, 0, -1) + u32(0) + u32(0),
        ]
    )
    assert one_file(write(content, tmp_path)).read_bytes() == b"".join(
        [
            b"signature:datumaro_binary",
            u32(4 + len(version)) + u32(len(version)) + version,
            u32(0),
            u32(4) + u32(0),
            u32(4 + len(categories)) + u32(len(categories)) + categories,
            u32(20) + u32(16) + b'{"media_type":2}',
            u32(8) + u32(1) + u32(len(record)),
            record,
        ]
    )


def test_a_blob_ends_with_the_item_that_overfills_it(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "BLOB_SIZE", 30)
    items = [({"id": str(i), "subset": "s"}, []) for i in range(5)]
    parts = [chunk(items[:3]), chunk(items[3:])]
    path = one_file(write(Content(parts), tmp_path))
    assert struct.pack("<IIiii", 16, 3, 44, 44, 22) in path.read_bytes()
    assert [item["id"] for item, _ in told(read(tmp_path))] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(("version", "number"), [("1.10", 16), ("1.13", 15)])
def test_2d_cuboids_have_the_number_of_the_version(tmp_path, version, number):
    cuboid = {"type": Kind.cuboid_2d, "points": [float(i) for i in range(16)]}
    content = Content([chunk([({"id": "1", "subset": "s"}, [cuboid])])])
    path = one_file(write(content, tmp_path, compatible_with=version))
    assert path.read_bytes()[-101] == number
    assert told(read(tmp_path)) == told(content)


def test_what_a_record_holds_needs_no_extension(tmp_path):
    write(labelled(0, 1), tmp_path)
    assert extension.MAGIC not in one_file(tmp_path).read_bytes()


# --- round trips --------------------------------------------------------------------------------

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


# --- media ------------------------------------------------------------------------------------


@each_storage
def test_every_kind_of_media_comes_back(tmp_path, storage):
    kinds = MediaType
    rows = [
        {"media_type": kinds.IMAGE, "path": "a.jpg", "height": 4, "width": 5},
        {"media_type": kinds.IMAGE, "path": "b/c.png"},
        {"media_type": kinds.NONE},
        {"media_type": kinds.VIDEO_FRAME, "path": "v.avi", "media_extra": '{"index":7}'},
        {
            "media_type": kinds.VIDEO_FRAME,
            "path": "v.avi",
            "media_extra": '{"index":7,"video":{"step":2,"start_frame":1,"end_frame":null}}',
        },
        {
            "media_type": kinds.VIDEO,
            "path": "v.avi",
            "media_extra": '{"step":2,"start_frame":0,"end_frame":0}',
        },
        {
            "media_type": kinds.VIDEO,
            "path": "v.avi",
            "height": 6,
            "width": 7,
            "media_extra": '{"step":1,"start_frame":0,"end_frame":null}',
        },
        {"media_type": kinds.POINT_CLOUD, "path": "p.pcd"},
        {
            "media_type": kinds.POINT_CLOUD,
            "path": "p.pcd",
            "media_extra": '{"extra_images":[{"path":"e.jpg","size":[3,4]},'
            '{"path":"f.jpg","size":null}]}',
        },
        {"media_type": kinds.MEDIA_ELEMENT, "path": "thing.bin"},
        {"media_type": kinds.MEDIA_ELEMENT},
        {
            "media_type": kinds.MULTIFRAME_IMAGE,
            "path": "scan",
            "media_extra": '{"paths":["s0.png","s1.png"]}',
        },
    ]
    content = Content(
        [chunk([({"id": f"i{i}"} | row, []) for i, row in enumerate(rows)])],
        media_type=kinds.MEDIA_ELEMENT,
    )
    back = read(write(content, tmp_path, storage=storage))
    text = json.dumps(told(back))
    for kind in ("images", "point_clouds", "videos"):
        text = text.replace(f"{tmp_path}/{kind}/train/", "")
    assert json.loads(text) == json.loads(json.dumps(told(content)))
    assert back.media_type == kinds.MEDIA_ELEMENT
    assert paths_of(back)[3] == f"{tmp_path}/videos/train/v.avi"


@each_storage
def test_saved_images_are_beside_the_annotations(tmp_path, storage):
    picture = tmp_path / "p.png"
    Image.from_numpy(data=np.full((4, 5, 3), 7, np.uint8)).save(str(picture))
    in_memory = Image.from_numpy(data=np.full((2, 3, 3), 9, np.uint8), ext=".png")
    items = [
        (image_item("a/b", str(picture), height=4, width=5), []),
        (image_item("a_b", str(picture), height=4, width=5), []),
        (image_item("m", "", height=2, width=3), []),
        (image_item("gone", "/nowhere/x.png"), []),
    ]
    content = Content([chunk(items, {2: in_memory})])
    out = write(content, tmp_path / "out", save_media=True, storage=storage)
    back = read(out)
    names = ["a_b.png", "a_b_2.png", "m.png", "gone.png"]
    assert paths_of(back) == [f"{out}/images/train/{name}" for name in names]
    assert Path(paths_of(back)[1]).read_bytes() == picture.read_bytes()
    saved = Image.from_file(path=paths_of(back)[2])
    assert np.array_equal(saved.data, in_memory.data)


@each_storage
def test_saved_images_can_get_another_extension(tmp_path, storage):
    picture = tmp_path / "p.png"
    Image.from_numpy(data=np.zeros((4, 5, 3), np.uint8)).save(str(picture))
    content = Content([chunk([(image_item("a", str(picture)), [])])])
    out = write(content, tmp_path / "out", save_media=True, image_ext=".jpg", storage=storage)
    assert (out / "images/train/a.jpg").read_bytes()[:2] == b"\xff\xd8"


@each_storage
def test_point_clouds_and_videos_are_saved(tmp_path, storage):
    for name in ("p.pcd", "e.png", "v.avi"):
        (tmp_path / name).write_bytes(name.encode())
    cloud = {
        "id": "c/1",
        "media_type": MediaType.POINT_CLOUD,
        "path": f"{tmp_path}/p.pcd",
        "media_extra": json.dumps({"extra_images": [{"path": f"{tmp_path}/e.png", "size": None}]}),
    }
    frames = [
        {
            "id": str(i),
            "media_type": MediaType.VIDEO_FRAME,
            "path": f"{tmp_path}/v.avi",
            "media_extra": f'{{"index":{i}}}',
        }
        for i in range(2)
    ]
    memory = PointCloud.from_bytes(data=b"cloud")
    rows = [cloud, *frames, {"id": "m", "media_type": MediaType.POINT_CLOUD}]
    content = Content([chunk([(row, []) for row in rows], {3: memory})])
    out = write(content, tmp_path / "out", save_media=True, storage=storage)
    back = read(out)
    assert paths_of(back) == [
        f"{out}/point_clouds/train/c_1.pcd",
        f"{out}/videos/train/v.avi",
        f"{out}/videos/train/v.avi",
        f"{out}/point_clouds/train/m.pcd",
    ]
    extra = json.loads(told(back)[0][0]["media_extra"])
    assert extra["extra_images"][0]["path"] == f"{out}/images/train/c_1/extra_image_0.png"
    assert Path(extra["extra_images"][0]["path"]).read_bytes() == b"e.png"
    assert (out / "point_clouds/train/m.pcd").read_bytes() == b"cloud"


@each_storage
def test_pixels_that_are_not_saved_are_reported(tmp_path, storage):
    in_memory = Image.from_numpy(data=np.zeros((2, 3, 3), np.uint8))
    content = Content([chunk([(image_item("a/b", "", height=2, width=3), [])], {0: in_memory})])
    context = WriteContext()
    back = read(write(content, tmp_path, context, storage=storage))
    assert sum(context.losses.values()) == 1
    assert list(context.examples.values()) == ["a/b"]
    (item, _), = told(back)  # fmt: skip
    assert (item["path"], item["height"]) == (f"{tmp_path}/images/train/a_b.jpg", 2)


@each_storage
def test_a_depth_map_in_a_file_goes_with_the_data_set(tmp_path, storage):
    (tmp_path / "depth.png").write_bytes(b"deep")
    extra = json.dumps({"image": {"path": f"{tmp_path}/depth.png", "size": [2, 3]}})
    content = Content([chunk([({"id": "1"}, [{"type": Kind.depth_annotation, "extra": extra}])])])
    bare = told(read(write(content, tmp_path / "bare", storage=storage)))[0][1][0]["extra"]
    assert json.loads(bare)["image"]["external"] is True
    saved = told(read(write(content, tmp_path / "saved", save_media=True, storage=storage)))[0][1][
        0
    ]["extra"]
    assert Path(json.loads(saved)["image"]["path"]).read_bytes() == b"deep"
    assert "external" not in json.loads(saved)["image"]


# --- paths ------------------------------------------------------------------------------------


@each_storage
def test_paths_outside_are_kept_but_not_followed(tmp_path, storage):
    content = Content([chunk([(image_item("1", "/elsewhere/a.jpg"), [])])])
    write(content, tmp_path, storage=storage)
    item = told(read(tmp_path))[0][0]
    assert (item["path"], item["media_extra"]) == ("/elsewhere/a.jpg", '{"external":true}')
    item = told(read(tmp_path, allow_external_media=True))[0][0]
    assert (item["path"], item["media_extra"]) == ("/elsewhere/a.jpg", "")


@each_storage
def test_absolute_paths_into_the_data_set_are_followed(tmp_path, storage):
    inside = f"{tmp_path}/images/train/a.jpg"
    write(Content([chunk([(image_item("1", inside), [])])]), tmp_path, storage=storage)
    assert told(read(tmp_path))[0][0]["media_extra"] == ""
    write(
        Content([chunk([(image_item("1", f"{tmp_path}/../a.jpg"), [])])]), tmp_path, storage=storage
    )
    assert told(read(tmp_path))[0][0]["media_extra"] == '{"external":true}'


@each_storage
def test_media_outside_are_not_copied(tmp_path, storage):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    write(Content([chunk([(image_item("1", str(secret)), [])])]), tmp_path / "a", storage=storage)
    write(read(tmp_path / "a"), tmp_path / "b", save_media=True, storage=storage)
    assert not list((tmp_path / "b" / "images").rglob("*.png"))
    assert paths_of(read(tmp_path / "b")) == [str(secret)]
    write(
        read(tmp_path / "a", allow_external_media=True),
        tmp_path / "c",
        save_media=True,
        storage=storage,
    )
    assert (tmp_path / "c/images/train/1.png").read_bytes() == b"secret"


@pytest.mark.parametrize(
    "row",
    [
        image_item("1", "../../../a.jpg"),
        {"id": "1", "media_type": MediaType.VIDEO, "path": "x/../../../v.avi"},
        {
            "id": "1",
            "media_type": MediaType.POINT_CLOUD,
            "path": "p",
            "media_extra": '{"extra_images":[{"path":"../../../e.jpg","size":null}]}',
        },
    ],
)
@each_storage
def test_relative_paths_that_climb_out_are_refused(tmp_path, row, monkeypatch, storage):
    monkeypatch.setattr("datumaro.formats.datumaro_binary.media_out.escapes", lambda path: False)
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    write(Content([chunk([(row, [])])]), tmp_path, storage=storage)
    with pytest.raises(PathOutsideDatasetError, match=r"item '1'.*\.\./.*allow_external_media"):
        read(tmp_path)
    assert len(read(tmp_path, allow_external_media=True)) == 1


@each_storage
def test_paths_that_mean_something_here_mean_the_same_there(tmp_path, monkeypatch, storage):
    (tmp_path / "coco").mkdir()
    monkeypatch.chdir(tmp_path)
    given = ["coco/a.jpg", "../b.jpg", "nowhere/c.jpg", "/d.jpg"]
    items = [(image_item(str(i), path), []) for i, path in enumerate(given)]
    write(Content([chunk(items)]), tmp_path / "out", storage=storage)
    assert paths_of(read(tmp_path / "out")) == [
        f"{tmp_path}/coco/a.jpg",
        f"{tmp_path.parent}/b.jpg",
        f"{tmp_path}/out/images/train/nowhere/c.jpg",
        "/d.jpg",
    ]


@pytest.mark.parametrize("name", ["a/b", "a\\b", "..", "."])
@each_storage
def test_subset_names_that_are_paths_are_refused(tmp_path, name, storage):
    with pytest.raises(PathSeparatorInSubsetNameError):
        write(Content([chunk([({"id": "1", "subset": name}, [])])]), tmp_path, storage=storage)


# --- bad input ----------------------------------------------------------------------------------


def u32(*numbers):
    return struct.pack(f"<{len(numbers)}I", *numbers)


def header(version='{"dm_format_version":"1.0","media_encryption":false}', key=b"", infos="",
           categories="", media='{"media_type":2}', sizes=b"\0\0\0\0"):  # fmt: skip
    parts = [version, infos, categories, media]
    version, *rest = (u32(4 + len(p), len(p)) + p.encode() for p in parts)
    file = b"signature:datumaro_binary" + version + u32(len(key)) + key
    return file + b"".join(rest) + u32(len(sizes)) + sizes


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "byte 0: another signature: an empty file"),
        (b"signature:datumaro", "byte 0: another signature: b'signature:datumaro'"),
        (header()[:27], "byte 25: the length of the version header of 4 bytes, but 2 are left"),
        (header()[:60], "byte 29: the version header of 56 bytes, but 31 are left"),
        (header('{"dm_format_version":"2.0"}'), "byte 25: format version '2.0'; expected '1.0'"),
        (header('{"dm_format_version":1.0}'), "format version 1.0"),
        (header('{"dm_format_version":"1.0","media_encryption":3}'), "media_encryption 3"),
        (header("[1]"), "byte 33: the version header '[1]'"),
        (header('{"a":'), "byte 33: the version header '{\"a\":'"),
        (header(categories='{"label":{"labels":3}}'), "$.label.labels: 3; expected an array"),
        (header(media='{"media_type":"x"}'), "media type 'x'; expected one of 1, 2, 4, 5, 6"),
        (header(media='{"media_type":7}'), "media type 7"),
        (header(media=""), "media type None"),
        (header(sizes=u32(2, 0)), "2 blob sizes; expected 1"),
        (header(sizes=u32(2**32 - 1, 0)), "4294967295 blob sizes; expected 1"),
        (header(sizes=b"\0\0\0"), "a list of blob sizes in 3 bytes"),
        (header(sizes=u32(1, 2**32 - 5)), "a blob of -5 bytes"),
        (header(sizes=u32(1, 7)) + b"1234", "blobs of 7 bytes, but 4 are left"),
        (header() + b"1234", "4 bytes after the last blob"),
        (header(sizes=u32(1, 4)) + u32(99), "the blob ends before the 99 bytes"),
    ],
)
def test_damaged_files_are_refused_with_the_place(tmp_path, data, message):
    path = tmp_path / "annotations" / "s.datum"
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(DatasetImportError) as caught:
        read(tmp_path)
    assert str(caught.value).startswith(f"{path}: byte ")
    assert message in str(caught.value)


def test_the_headers_two_lengths_must_agree(tmp_path):
    path = one_file(write(labelled(0), tmp_path))
    data = path.read_bytes()
    path.write_bytes(data[:29] + u32(5) + data[33:])
    with pytest.raises(MalformedFileError, match=r"byte 29: .* with the inner length 5"):
        read(tmp_path)


def test_a_damaged_record_is_named_by_its_place_in_the_file(tmp_path):
    path = one_file(write(labelled(0), tmp_path))
    data = bytearray(path.read_bytes())
    data[-29] = 99
    path.write_bytes(data)
    with pytest.raises(MalformedFileError, match=f"byte {len(data) - 29}: annotation type 99"):
        read(tmp_path)


@each_storage
def test_undeclared_labels_are_errors_or_left_out(tmp_path, storage):
    write(labelled(0, 2, 1, -1), tmp_path, storage=storage)
    with pytest.raises(UndeclaredLabelError, match="'1': annotation 1: label 2; expected 0 to 1"):
        read(tmp_path)
    context = ReadContext(on_error="skip")
    back = FORMAT.read(tmp_path, DatumaroBinaryReadOptions(), context)
    assert [row["label"] for row in told(back)[0][1]] == [0, 1]
    assert context.n_problems == 2


@each_storage
def test_labels_need_no_categories(tmp_path, storage):
    content = labelled(7)
    content.categories = {}
    assert told(read(write(content, tmp_path, storage=storage))) == told(content)


@pytest.mark.parametrize(
    ("place", "value", "at", "message"),
    [
        (18, u32(2), 18, "extension version 2; expected 1"),
        (22, u32(9), 22, "an extension of 9 bytes"),
        (40, b"\xff", 30, "a damaged extension: its checksum is"),
    ],
)
def test_a_damaged_extension_is_refused(tmp_path, place, value, at, message):
    rotated = {"type": Kind.rotated_bbox, "points": [1.0, 2.0, 3.0, 4.0, 30.0]}
    path = one_file(write(Content([chunk([({"id": "1"}, [rotated])])]), tmp_path))
    data = bytearray(path.read_bytes())
    begin = data.index(extension.MAGIC)
    data[begin + place : begin + place + len(value)] = value
    path.write_bytes(data)
    with pytest.raises(DatasetImportError, match=f"byte {begin + at}: {message}"):
        read(tmp_path)


@pytest.mark.parametrize(
    "row",
    [
        {"type": Kind.bbox, "points": [1.0, 2.0, 3.0]},
        {"type": Kind.polygon, "points": [1.0, 2.0, 3.0]},
        {"type": Kind.points, "points": [1.0, 2.0], "visibility": []},
        {"type": Kind.points, "points": [1.0, 2.0], "visibility": [3]},
        {"type": Kind.mask, "mask_height": 2, "mask_width": 3, "rle": b"23"},
        {"type": Kind.cuboid_3d, "points": [0.0] * 9, "extra": '{"points":[0.1]}'},
    ],
)
@each_storage
def test_what_could_not_be_read_again_is_not_written(tmp_path, row, storage):
    label = {"type": Kind.label, "label": 0}
    content = Content([chunk([({"id": "ok"}, []), ({"id": "bad"}, [label, row])])])
    with pytest.raises(UnsupportedContentError, match="item 'bad': annotation 1"):
        write(content, tmp_path, storage=storage)


def test_video_numbers_that_do_not_fit_are_refused(tmp_path):
    video = {"id": "v", "media_type": MediaType.VIDEO_FRAME, "path": "v.avi"}
    content = Content([chunk([(video | {"media_extra": '{"index":4294967296}'}, [])])])
    with pytest.raises(UnsupportedContentError, match="item 'v': the video's index"):
        write(content, tmp_path)


@pytest.mark.parametrize("more", [{}, {"height": 3, "width": 4}])
@each_storage
def test_videos_whose_frames_do_not_rise_are_refused(tmp_path, more, storage):
    video = {"id": "v", "media_type": MediaType.VIDEO, "path": "v.avi"} | more
    frames = '{"step":1,"start_frame":5,"end_frame":4}'
    write(Content([chunk([(video | {"media_extra": frames}, [])])]), tmp_path, storage=storage)
    with pytest.raises(MalformedFileError, match="item 'v': a video of frames 5 to 4 by 1"):
        read(tmp_path)


@each_storage
def test_subsets_with_different_categories_are_refused(tmp_path, storage):
    write(labelled(0), tmp_path, storage=storage)
    other = Content([chunk([({"id": "1", "subset": "val"}, [])])])
    write(other, tmp_path, storage=storage)
    with pytest.raises(DatasetImportError, match=r"the categories: .* those of the other"):
        read(tmp_path)


# --- finding ----------------------------------------------------------------------------------


@each_storage
def test_it_is_recognised_by_its_signature(tmp_path, storage):
    write(labelled(0), tmp_path / "a" / "b" / "c", storage=storage)
    for path in ("", "a", "a/b", "a/b/c", "a/b/c/annotations/train.datum"):
        assert FORMAT.detect(Folder(tmp_path / path)) == Confidence.MEDIUM
        assert len(read(tmp_path / path)) == 1
    (tmp_path / "a/b/c/annotations/other.datum").write_bytes(b"no")
    with pytest.raises(Rejected, match=r"other\.datum does not begin with signature:"):
        FORMAT.detect(Folder(tmp_path))


def test_a_folder_without_files_is_not_found(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"no annotations/\*\.datum"):
        read(tmp_path)
    with pytest.raises(Rejected):
        FORMAT.detect(Folder(tmp_path))


@each_storage
def test_a_file_by_itself_is_read(tmp_path, storage):
    write(labelled(0), tmp_path, storage=storage)
    alone = tmp_path / "train.datum"
    one_file(tmp_path).rename(alone)
    assert [item["subset"] for item, _ in told(read(alone))] == ["train"]


# --- fuzz -------------------------------------------------------------------------------------


def test_no_damage_does_harm(tmp_path):
    spec = importlib.util.spec_from_file_location("fuzz_datum", ROOT / "bench" / "fuzz_datum.py")
    fuzz = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = fuzz
    spec.loader.exec_module(fuzz)
    outcomes = fuzz.run(400, 5, tmp_path)
    assert outcomes["read"] > 20
    assert outcomes["MalformedFileError"] > 100
