"""The `datumaro` format, by columns: what is written is read, and what is bad is told."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    DatumaroError,
    MalformedFileError,
    MediaTypeError,
    PathOutsideDatasetError,
    PathSeparatorInSubsetNameError,
    RepeatedItemInFileError,
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
from datumaro.formats.datumaro_json.format import DatumaroJson
from datumaro.formats.datumaro_json.media_reading import MediaFolders
from datumaro.formats.datumaro_json.reading import read_file
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories, MaskCategories, PointsCategories
from datumaro.model.media import Image, MediaType, MultiframeImage
from datumaro.options import make_options
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content, empty_chunk

FORMAT = DatumaroJson()
LABELS = {"label": {"labels": [{"name": "cat", "parent": ""}, {"name": "dog", "parent": ""}]}}


def read(path: Path, on_error: Any = "fail", **options: Any) -> Content:
    context = ReadContext(on_error=on_error)
    return FORMAT.read(path, make_options(FORMAT.read_options, options, "datumaro"), context)


def write(content: Content, folder: Path, **options: Any) -> WriteContext:
    folder.mkdir()
    context = WriteContext()
    given = make_options(FORMAT.write_options, options, "datumaro")
    FORMAT.write(content, folder, given, context)
    return context


def rows(content: Content) -> list[dict[str, Any]]:
    """All items with all that is known of them."""
    found: list[dict[str, Any]] = []
    for chunk in content.chunks:
        annotations = chunk.annotations.to_pylist()
        for annotation in annotations:
            if annotation["area"] != annotation["area"]:
                annotation["area"] = None
        for i, item in enumerate(chunk.items.to_pylist()):
            begin, end = chunk.offsets[i], chunk.offsets[i + 1]
            found.append(item | {"annotations": annotations[begin:end]})
    return found


def chunk_of(items: list[dict[str, Any]]) -> Chunk:
    """A chunk of items; each has ``annotations``; columns that are not given are blank."""
    annotations = [a for item in items for a in item["annotations"]]
    offsets = np.cumsum([0, *(len(item["annotations"]) for item in items)])

    def column(field: pa.Field, given: list[dict[str, Any]]) -> pa.Array:
        return pa.array([one[field.name] for one in given], field.type)

    def columns(kinds: pa.Schema, given: list[dict[str, Any]]) -> dict[str, pa.Array]:
        names = given[0].keys() if given else ()
        return {field.name: column(field, given) for field in kinds if field.name in names}

    item_columns = columns(schema.ITEMS, items)
    if "subset" not in item_columns:
        item_columns["subset"] = schema.constant_dictionary("default", len(items))
    return Chunk(
        schema.item_batch(len(items), item_columns),
        schema.annotation_batch(len(annotations), columns(schema.ANNOTATIONS, annotations)),
        offsets.astype(np.int64),
    )


def put(folder: Path, name: str = "a", **members: Any) -> Path:
    """Write a file of the format by hand."""
    text = {"dm_format_version": "1.0", "categories": LABELS, "items": []} | members
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    path = folder / "annotations" / f"{name}.json"
    path.write_text(json.dumps({k: v for k, v in text.items() if v is not ...}))
    return path


def item(*annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "a", "annotations": list(annotations), **more}


# --- what goes in comes out ---------------------------------------------------------------------

T = AnnotationType
hundredths = st.integers(-4_000_000, 4_000_000).map(lambda n: float(np.float32(n / 100).round(2)))
texts = st.text(st.characters(codec="utf-8"), max_size=8)
objects = st.dictionaries(texts, st.none() | st.booleans() | texts | st.integers(-9, 9), max_size=2)
object_texts = objects.map(
    lambda v: json.dumps(v, ensure_ascii=False, separators=(",", ":")) if v else ""
)
extra_texts = st.sampled_from(['{"values":[1,2]}', '{"elements":[{"type":"points"}]}', '{"é":{}}'])


def numbers(n: int | None = None, step: int = 2, least: int = 0) -> Any:
    if n is not None:
        return st.lists(hundredths, min_size=n, max_size=n)
    return st.integers(least, 5).flatmap(lambda k: numbers(step * k))


@st.composite
def annotations(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from([t for t in T if t != T.unknown]))
    row: dict[str, Any] = {
        "type": int(kind),
        "id": draw(st.integers(-(2**63), 2**63 - 1)),
        "group": draw(st.integers(-(2**63), 2**63 - 1)),
        "object_id": draw(st.integers(-(2**31), 2**31 - 1)),
        "label": draw(st.none() | st.integers(0, 4)),
        "z_order": draw(st.integers(-(2**31), 2**31 - 1)),
        "attributes": draw(object_texts),
        "points": [],
        "visibility": [],
        "mask_height": 0,
        "mask_width": 0,
        "rle": b"",
        "text": "",
        "extra": "",
        "area": draw(st.none() | st.floats(0, 1e9)) or float("nan"),
    }
    if kind == T.polygon:
        row["points"] = draw(numbers(least=0))  # fewer than three points, too
    elif kind == T.polyline:
        row["points"] = draw(numbers())
    elif kind == T.points:
        row["points"] = draw(numbers())
        n = len(row["points"]) // 2
        row["visibility"] = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    elif kind in (T.bbox, T.ellipse):
        row["points"] = draw(numbers(4))
    elif kind == T.rotated_bbox:
        row["points"] = draw(numbers(5))
    elif kind in (T.cuboid_2d, T.cuboid_3d):
        exact = draw(numbers(16 if kind == T.cuboid_2d else 9))
        if draw(st.booleans()):
            exact[0] = 1e8 + 0.01  # which float32 cannot hold
            if kind == T.cuboid_3d:
                exact = [round(v, 2) for v in exact]
            row["extra"] = json.dumps({"points": exact}, separators=(",", ":"))
        row["points"] = [float(np.float32(v)) for v in exact]
    elif kind == T.mask:
        row["mask_height"], row["mask_width"], row["rle"] = draw(
            st.sampled_from([(2, 2, b"13"), (3, 4, b"<"), (5, 4, b"0d0"), (0, 0, b"")])
        )
    elif kind == T.caption:
        row["text"] = draw(texts)
    elif kind != T.label:
        row["extra"] = draw(extra_texts)
    if kind in (T.label, T.caption, T.cuboid_3d):
        row["z_order"] = 0
    if kind == T.caption:
        row["label"] = None
    return row


@st.composite
def chunks(draw: st.DrawFn) -> Chunk:
    ids = draw(st.lists(texts.filter(bool), max_size=4, unique=True))
    items = [
        {
            "id": name,
            "attributes": draw(object_texts),
            "annotations": draw(st.lists(annotations(), max_size=4)),
            **draw(
                st.sampled_from(
                    [
                        {"media_type": 0, "path": "", "height": 0, "width": 0},
                        {"media_type": 2, "path": '/x/é "1".jpg', "height": 3, "width": 4},
                        {"media_type": 2, "path": "/x/2.jpg", "height": 0, "width": 0},
                    ]
                )
            ),
        }
        for name in ids
    ]
    return chunk_of(items)


@settings(deadline=None)
@given(chunks(), st.integers(60, 2000))
def test_everything_comes_back(chunk: Chunk, block: int) -> None:
    labels = LabelCategories.from_iterable("abcde")
    parts = [chunk.slice(0, len(chunk) // 2), chunk.slice(len(chunk) // 2, len(chunk))]
    content = Content(parts, {T.label: labels}, {"by": ["x", 1], "big": 2**70})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "d"
        write(content, folder)
        found = read(folder, allow_external_media=True)
        assert rows(found) == rows(content)
        assert (found.categories, found.infos) == (content.categories, content.infos)
        assert found.media_type == MediaType.IMAGE
        for file in (folder / "annotations").iterdir():  # in pieces, it is the same
            folders = MediaFolders.beside("/", allow_external=True)
            again = read_file(file, "default", folders, ReadContext(), block)
            assert rows(Content(again.chunks)) == rows(content)


def test_an_empty_data_set_comes_back(tmp_path: Path) -> None:
    content = Content([], {T.label: LabelCategories.from_iterable(["a"])}, {"n": 1})
    for name, one in (
        ("a", content),
        ("b", Content([empty_chunk()], content.categories, {"n": 1})),
    ):
        write(one, tmp_path / name)
        found = read(tmp_path / name)
        assert len(found) == 0
        assert found.categories == content.categories
        assert found.infos == {"n": 1}


def test_subsets_have_a_file_each(tmp_path: Path) -> None:
    items = [{"id": f"{i}", "subset": name, "annotations": []} for i, name in enumerate("yxyxz")]
    write(Content([chunk_of(items)]), tmp_path / "d")
    assert sorted(p.name for p in (tmp_path / "d" / "annotations").iterdir()) == [
        "x.json",
        "y.json",
        "z.json",
    ]
    found = read(tmp_path / "d")
    assert [(r["subset"], r["id"]) for r in rows(found)] == [
        ("x", "1"), ("x", "3"), ("y", "0"), ("y", "2"), ("z", "4")
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a/b", "a\\b", "..", "."])
def test_subset_names_that_are_no_file_names(tmp_path: Path, name: str) -> None:
    content = Content([chunk_of([{"id": "1", "subset": name, "annotations": []}])])
    with pytest.raises(PathSeparatorInSubsetNameError):
        write(content, tmp_path / "d")


def test_the_text_is_as_the_format_says(tmp_path: Path) -> None:
    one = {
        "id": 3, "group": 7, "object_id": 5, "label": 1, "z_order": 0, "attributes": '{"k":"v"}',
        "points": [], "visibility": [], "rle": b"", "mask_height": 0, "mask_width": 0, "text": "",
        "extra": "", "area": float("nan"), "type": 1,
    }  # fmt: skip
    plain = one | {"id": 0, "group": 0, "object_id": -1, "attributes": "", "label": None}
    given = [
        one,
        plain | {"type": 2, "rle": b"13", "mask_height": 2, "mask_width": 2, "z_order": 2},
        plain | {"type": 4, "points": [0.1, 1, 3.3, 4, 7.78, 8], "label": 0, "area": 12.5},
        plain | {"type": 3, "points": [1, 2, 3, 4], "visibility": [0, 2]},
        plain | {"type": 6, "points": [0.1, 0.2, 0.4, 100.97], "z_order": -4},
        plain | {"type": 7, "text": 'é"', "object_id": 4},
        plain | {"type": 8, "points": [1.12, 2, 3, 0, 0, 0.1, 1, 1, 1], "label": 1},
        plain | {"type": 16, "points": [1, 2.5] * 8},
        plain | {"type": 15, "points": [1, 2, 3, 4, 45]},
        plain | {"type": 11, "points": [1, 2, 3, 4]},
    ]
    items = [
        {
            "id": "é", "attributes": '{"frame":3}', "annotations": given, "media_type": 2,
            "path": "/x.jpg", "height": 4, "width": 6,
        }
    ]  # fmt: skip
    categories = {
        T.label: LabelCategories.from_iterable(["cat", ("dog", "cat", ["b", "a"])]),
        T.mask: MaskCategories({0: (1, 2, 3)}),
        T.points: PointsCategories.from_iterable([(0, ["x"], [(0, 1)])]),
    }
    write(Content([chunk_of(items)], categories), tmp_path / "d")
    assert (tmp_path / "d" / "annotations" / "default.json").read_text("utf-8") == (
        '{"dm_format_version":"1.0","media_type":2,"infos":{},"categories":{"label":{"labels":['
        '{"name":"cat","parent":"","attributes":[]},'
        '{"name":"dog","parent":"cat","attributes":["a","b"]}],"label_groups":[],"attributes":[]},'
        '"mask":{"colormap":[{"label_id":0,"r":1,"g":2,"b":3}]},'
        '"points":{"items":[{"label_id":0,"labels":["x"],"joints":[[0,1]],"positions":[]}]}},'
        '"items":[{"id":"é","annotations":['
        '{"id":3,"type":"label","attributes":{"k":"v"},"group":7,"object_id":5,"label_id":1},'
        '{"id":0,"type":"mask","attributes":{},"group":0,"label_id":null,'
        '"rle":{"counts":"13","size":[2,2]},"z_order":2},'
        '{"id":0,"type":"polygon","attributes":{},"group":0,"label_id":0,'
        '"points":[0.1,1,3.3,4,7.78,8],"z_order":0,"area":12.5},'
        '{"id":0,"type":"points","attributes":{},"group":0,"label_id":null,'
        '"points":[1,2,3,4],"z_order":0,"visibility":[0,2]},'
        '{"id":0,"type":"bbox","attributes":{},"group":0,"label_id":null,"z_order":-4,'
        '"bbox":[0.1,0.2,0.3,100.77]},'
        '{"id":0,"type":"caption","attributes":{},"group":0,"object_id":4,"caption":"é\\""},'
        '{"id":0,"type":"cuboid_3d","attributes":{},"group":0,"label_id":1,'
        '"position":[1.12,2.0,3.0],"rotation":[0.0,0.0,0.1],"scale":[1.0,1.0,1.0]},'
        '{"id":0,"type":"cuboid_2d","attributes":{},"group":0,"label_id":null,'
        '"points":[' + ",".join(["[1.0,2.5]"] * 8) + '],"z_order":0},'
        '{"id":0,"type":"ellipse","attributes":{},"group":0,"label_id":null,'
        '"points":[1,2,3,4],"z_order":0}],'
        '"attr":{"frame":3},"image":{"path":"/x.jpg","size":[4,6]},"extended_annotations":['
        '{"index":8,"id":0,"type":"rotated_bbox","attributes":{},"group":0,"label_id":null,'
        '"z_order":0,"points":[1,2,3,4,45],"extra":{}}]}]}'
    )


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    label = {"type": 1, "label": 1}
    content = Content(
        [chunk_of([{"id": "x", "annotations": [label]}])],
        {T.label: LabelCategories.from_iterable(["only"])},
    )
    with pytest.raises(UnsupportedContentError, match=r"'x'.*label 1.*1 labels"):
        write(content, tmp_path / "a")
    mask = {"type": 2, "rle": b"\xff", "mask_height": 1, "mask_width": 1}
    with pytest.raises(UnsupportedContentError, match=r"'x': annotation 0 has mask counts"):
        write(Content([chunk_of([{"id": "x", "annotations": [mask]}])]), tmp_path / "b")
    line = {"type": 5, "points": [1.0, float("inf"), float("nan"), 2.0]}
    context = write(Content([chunk_of([{"id": "x", "annotations": [line]}])]), tmp_path / "c")
    assert context.losses == {"infinite coordinates (written as null)": 1}
    (found,) = rows(read(tmp_path / "c"))
    assert np.array_equal(found["annotations"][0]["points"], [1, np.nan, np.nan, 2], equal_nan=True)


# --- older and other files ----------------------------------------------------------------------


def test_members_in_any_order(tmp_path: Path) -> None:
    text = {"items": [item({"type": "label", "label_id": 1})], "more": [{}], "categories": LABELS}
    (tmp_path / "annotations").mkdir()
    path = tmp_path / "annotations" / "a.json"
    path.write_text(json.dumps(text, indent=3) + "\n")
    assert rows(read(tmp_path))[0]["annotations"][0]["label"] == 1
    text["items"][0]["annotations"][0]["label_id"] = 2
    path.write_text(json.dumps(text))
    with pytest.raises(UndeclaredLabelError):
        read(tmp_path)


def test_a_legacy_file(tmp_path: Path) -> None:
    items = [
        {"id": "1", "annotations": [], "image": {"path": "1.jpg"}},
        {"id": "2/x", "annotations": [], "image": {"path": "2/x.jpg", "size": [3, 4]}},
        {"id": "3", "annotations": [], "image": {"path": "3.jpg"}},
    ]
    put(tmp_path, "train", dm_format_version=..., items=items)
    images = tmp_path / "images"
    (images / "2").mkdir(parents=True)
    (images / "train").mkdir()
    for name in ("1.jpg", "2/x.jpg", "train/1.jpg"):
        (images / name).touch()
    found = read(tmp_path)
    assert found.media_type == MediaType.IMAGE
    assert [r["path"] for r in rows(found)] == [
        str(images / name) for name in ("train/1.jpg", "2/x.jpg", "train/3.jpg")
    ]

    put(tmp_path, "train", dm_format_version=..., items=[item(point_cloud={"path": "a.pcd"})])
    assert read(tmp_path).media_type == MediaType.POINT_CLOUD
    put(tmp_path, "train", dm_format_version="legacy", items=[item(media={"path": "x"})])
    assert read(tmp_path).media_type == MediaType.MEDIA_ELEMENT


def test_labels_are_not_checked_when_none_are_declared(tmp_path: Path) -> None:
    put(tmp_path, categories={}, items=[item({"type": "label", "label_id": 70})])
    assert rows(read(tmp_path))[0]["annotations"][0]["label"] == 70


def test_one_file_by_its_path(tmp_path: Path) -> None:
    path = put(tmp_path, "train", items=[item(image={"path": "1.jpg"})])
    (row,) = rows(read(path, subset="other"))
    assert row["subset"] == "other"
    assert row["path"] == str(tmp_path / "images" / "train" / "1.jpg")
    alone = tmp_path / "alone.json"
    path.rename(alone)
    (row,) = rows(read(alone))
    assert row["path"] == str(tmp_path / "1.jpg")


def test_subset_names_one_file(tmp_path: Path) -> None:
    put(tmp_path, "a")
    put(tmp_path, "b")
    with pytest.raises(DatasetImportError, match="2 subsets"):
        read(tmp_path, subset="c")


def test_files_of_one_data_set_must_agree(tmp_path: Path) -> None:
    put(tmp_path, "a", infos={"x": 1})
    put(tmp_path, "b", infos={"y": 2})
    assert read(tmp_path).infos == {"x": 1, "y": 2}
    put(tmp_path, "c", infos={"x": 2})
    with pytest.raises(DatasetImportError, match=r"c\.json.*infos\.x"):
        read(tmp_path)
    put(tmp_path, "c", categories={})
    with pytest.raises(DatasetImportError, match=r"\$\.categories: .* that differ"):
        read(tmp_path)


# --- what is bad --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "place", "found"),
    [
        ({"dm_format_version": "2.0"}, r"\$\.dm_format_version", "'2.0'"),
        ({"dm_format_version": 1.0}, r"\$\.dm_format_version", "1.0; expected a string"),
        ({"media_type": 99}, r"\$\.media_type", "99"),
        ({"media_type": "image"}, r"\$\.media_type", '"image"; expected an integer'),
        ({"categories": ...}, r"\$", "categories"),
        ({"items": ...}, r"\$", "items"),
        ({"items": {}}, r"\$\.items", "{}"),
        ({"categories": []}, r"\$\.categories", r"\[\]; expected an object"),
        ({"categories": {"label": {"labels": [{}]}}}, r"\$\.categories\.label", "name"),
        ({"infos": []}, r"\$\.infos", r"\[\]; expected an object or null"),
        ({"items": [item(), item()]}, r"\$\.items\[1\]\.id", "'a'"),
        (
            {"items": [item({"type": "label", "label_id": 2})]},
            r"\$\.items\[0\]\.annotations\[0\]\.label_id \(byte \d+\)",
            r"label 2.*item 'a'.*one of the 2 declared labels",
        ),
        (
            {"items": [item(extended_annotations=[{"type": "skeleton"}])]},
            r"\$\.items\[0\]\.extended_annotations\[0\]\.extra",
            "nothing",
        ),
        (
            {"items": [item(*[{"type": "label", "label_id": 0}] * 2, extended_annotations=[
                {"type": "label", "label_id": 0, "index": 1}] * 2)]},
            r"\$\.items\[0\]\.extended_annotations",
            "an index twice",
        ),
        ({"items": [item(video={"path": "a", "step": 0})]}, r"\$\.items\[0\]\.video\.step", ">= 1"),
        (
            {"items": [item(video={"path": "a", "start_frame": 5, "end_frame": 4})]},
            r"\$\.items\[0\]\.video",
            "end_frame 4 before start_frame 5",
        ),
        ({"items": [item(video={})]}, r"\$\.items\[0\]\.video", "path"),
        ({"items": [item(video_frame={"video_path": "a"})]}, r"\$\.items\[0\]", "frame_index"),
    ],
)  # fmt: skip
def test_a_bad_file(tmp_path: Path, members: dict[str, Any], place: str, found: str) -> None:
    path = put(tmp_path, **members)
    with pytest.raises(MalformedFileError, match=rf"(?s){path}: {place}.*{found}"):
        read(tmp_path)


def test_a_file_cut_anywhere(tmp_path: Path) -> None:
    path = put(
        tmp_path, items=[item({"type": "bbox", "bbox": [1, 2, 3, 4], "attributes": {"a": 1}})]
    )
    text = path.read_bytes()
    for n in range(len(text)):
        path.write_bytes(text[:n])
        for on_error in ("fail", "skip"):
            with pytest.raises(MalformedFileError, match=r"byte \d+"):
                read(tmp_path, on_error)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"categories":{},"items":[]} x',
        b'{"categories":{},"items":[],}',
        b'{"categories":{},"items":[],"items":[]}',
        b'{"categories":{},"categories":{},"items":[]}',
        b'{"categories":{},"items":[{"id":"\xff","annotations":[]}]}',
        b'{"infos":' + b'{"a":' * 100_000,
        b'{"more":' + b"[" * 100_000,
        b'{"infos":{"a":1e999},"categories":{},"items":[]}',
        b"\xef\xbb\xbf{}",
    ],
)
def test_text_that_is_bad(tmp_path: Path, text: bytes) -> None:
    path = put(tmp_path)
    path.write_bytes(text)
    for on_error in ("fail", "skip"):
        with pytest.raises(MalformedFileError, match=r"a\.json"):
            read(tmp_path, on_error)


def test_an_item_twice_names_both_places(tmp_path: Path) -> None:
    bad = item() | {"id": ""}
    made = [item(), item() | {"id": "b"}, bad, item() | {"id": "c"}, item() | {"id": "b"}]
    put(tmp_path, items=made[:2] + made[3:])
    with pytest.raises(RepeatedItemInFileError) as caught:
        read(tmp_path)
    error = caught.value
    assert error.path.endswith("a.json") and error.item_id == ("b", "a")
    assert (error.place, error.expected) == ("$.items[3].id", "an id of its own for each item")
    assert error.found == "item id 'b' a second time in subset 'a', after $.items[1].id"
    put(tmp_path, items=made)  # places count the items that are left out
    context = ReadContext(on_error="skip")
    found = FORMAT.read(tmp_path, FORMAT.read_options(), context)
    assert [row["id"] for row in rows(found)] == ["a", "b", "c"]
    places = [p.place.partition(" ")[0] for p in context.problems]
    assert places == ["$.items[2].id", "$.items[4].id"]


def test_bad_items_and_annotations_can_be_left_out(tmp_path: Path) -> None:
    good = {"type": "label", "label_id": 1}
    tabular = {"type": "tabular", "extra": {"values": {"a": 1}}}
    put(
        tmp_path,
        items=[
            {"id": "a", "annotations": [good, {"type": "label", "label_id": 9}, good]},
            {"id": "b"},
            {"id": "a", "annotations": []},
            {"id": "c", "annotations": [], "video": {}},
            {"id": "d", "annotations": [], "image": {"path": "../../x"}},
            {"id": "e", "annotations": [], "point_cloud": {"path": "../x"}},
            {
                "id": "f",
                "annotations": [{"type": "bbox"}, good],
                "extended_annotations": [tabular | {"index": 1}],
            },
        ],
    )
    context = ReadContext(on_error="skip")
    options = FORMAT.read_options()
    found = FORMAT.read(tmp_path, options, context)
    assert [(r["id"], [a["type"] for a in r["annotations"]]) for r in rows(found)] == [
        ("a", [T.label, T.label]),
        ("f", [T.label, T.tabular]),
    ]
    assert context.n_problems == 7
    places = sorted(p.place.partition(" ")[0] for p in context.problems)
    assert places == [
        "$.items[0].annotations[1].label_id",
        "$.items[1].annotations",
        "$.items[2].id",
        "$.items[3].video",
        "$.items[4].image.path",
        "$.items[5]",
        "$.items[6].annotations[0].bbox",
    ]


def test_media_must_be_of_the_kind_that_the_file_says(tmp_path: Path) -> None:
    put(tmp_path, media_type=2, items=[item(point_cloud={"path": "x.pcd"})])
    with pytest.raises(MediaTypeError, match=r"IMAGE.*POINT_CLOUD"):
        read(tmp_path)
    assert read(tmp_path, "skip").media_type == MediaType.MEDIA_ELEMENT


# --- media --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "media",
    [
        {"image": {"path": "../../../etc/x.jpg"}},
        {"point_cloud": {"path": "../../../x.pcd"}},
        {"point_cloud": {"path": "x.pcd"}, "related_images": [{"path": "a/../../x.jpg"}]},
        {"video": {"path": "../x.avi"}},
        {"video_frame": {"video_path": "..", "frame_index": 1}},
        {"multiframe_image": {"paths": ["../x.jpg"]}},
    ],
)
def test_paths_that_climb_out_are_refused(tmp_path: Path, media: dict[str, Any]) -> None:
    put(tmp_path, items=[item(**media)])
    with pytest.raises(PathOutsideDatasetError, match="allow_external_media"):
        read(tmp_path)
    assert len(read(tmp_path, allow_external_media=True)) == 1


@pytest.mark.parametrize(
    "media",
    [
        {"image": {"path": "/e/x.jpg"}},
        {"point_cloud": {"path": "/e/x.pcd"}},
        {"point_cloud": {"path": "x.pcd"}, "related_images": [{"path": "/e/x.jpg"}]},
        {"video": {"path": "/e/x.avi"}},
        {"video_frame": {"video_path": "/e/x.avi", "frame_index": 1}},
        {"multiframe_image": {"paths": ["/e/x.jpg"]}},
    ],
)
def test_absolute_paths_are_known_and_marked(tmp_path: Path, media: dict[str, Any]) -> None:
    put(tmp_path, items=[item(**media)])
    assert json.loads(rows(read(tmp_path))[0]["media_extra"])["external"] is True
    extra = rows(read(tmp_path, allow_external_media=True))[0]["media_extra"]
    assert "external" not in extra
    inside = json.dumps(media).replace("/e/", f"{tmp_path}/")
    put(tmp_path, items=[item(**json.loads(inside))])
    assert "external" not in rows(read(tmp_path))[0]["media_extra"]


def test_other_media_come_back(tmp_path: Path) -> None:
    cloud = {
        "extra_images": [{"path": "/e/0.jpg", "size": [3, 4]}, {"path": "/e/1.jpg", "size": None}]
    }
    video = {"step": 2, "start_frame": 1, "end_frame": 9}
    told = [
        (MediaType.POINT_CLOUD, "/e/a.pcd", cloud),
        (MediaType.VIDEO, "/e/a.avi", video),
        (MediaType.VIDEO, "/e/b.avi", video | {"end_frame": None}),
        (MediaType.VIDEO_FRAME, "/e/a.avi", {"index": 4}),
        (MediaType.VIDEO_FRAME, "/e/a.avi", {"index": 4, "video": video}),
        (MediaType.MULTIFRAME_IMAGE, "", {"paths": ["/e/0.jpg"]}),
        (MediaType.MEDIA_ELEMENT, "/e/a", {}),
    ]
    items = [
        {
            "id": f"{i}", "annotations": [], "media_type": int(kind), "path": path,
            "media_extra": json.dumps(extra, separators=(",", ":")) if extra else "",
        }
        for i, (kind, path, extra) in enumerate(told)
    ]  # fmt: skip
    content = Content([chunk_of(items)], media_type=MediaType.MEDIA_ELEMENT)
    write(content, tmp_path / "d")
    found = read(tmp_path / "d", allow_external_media=True)
    assert rows(found) == rows(content)
    assert found.media_type == MediaType.MEDIA_ELEMENT


def picture(path: Path, value: int) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.from_numpy(data=np.full((4, 6, 3), value, np.uint8)).save(str(path))
    return str(path)


def test_saved_media_do_not_overwrite_each_other(tmp_path: Path) -> None:
    names = ["a/b", "a_b", "a\\b", "C:x"]
    items = [
        {"id": name, "annotations": [], "media_type": 2, "path": picture(tmp_path / f"{i}.png", i)}
        for i, name in enumerate(names)
    ]
    write(Content([chunk_of(items)]), tmp_path / "d", save_media=True)
    images = tmp_path / "d" / "images" / "default"
    assert (images / "a_b.png").read_bytes() == (tmp_path / "0.png").read_bytes()
    found = rows(read(tmp_path / "d"))
    assert [Path(r["path"]).read_bytes() for r in found] == [
        (tmp_path / f"{i}.png").read_bytes() for i in range(len(names))
    ]
    assert not any(r["media_extra"] for r in found)


def test_images_in_memory_are_saved_as_wished(tmp_path: Path) -> None:
    chunk = chunk_of([{"id": "x", "annotations": [], "media_type": 2, "height": 4, "width": 6}])
    chunk.media[0] = Image.from_numpy(data=np.zeros((4, 6, 3), np.uint8))
    context = write(Content([chunk]), tmp_path / "a", save_media=True, image_ext=".png")
    assert not context.losses
    (row,) = rows(read(tmp_path / "a"))
    assert (row["path"], row["height"]) == (str(tmp_path / "a/images/default/x.png"), 4)
    assert Path(row["path"]).is_file()

    context = write(Content([chunk]), tmp_path / "b")
    assert sum(context.losses.values()) == 1
    (row,) = rows(read(tmp_path / "b"))
    assert row["path"] == str(tmp_path / "b/images/default/x.jpg")


def test_point_clouds_and_videos_are_saved(tmp_path: Path) -> None:
    (tmp_path / "c.pcd").write_bytes(b"cloud")
    for name in ("1/v.avi", "2/v.avi"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
    extra = {"extra_images": [{"path": picture(tmp_path / "e.png", 1), "size": [4, 6]}]}
    clouds = [
        {
            "id": name, "annotations": [], "media_type": 6, "path": str(tmp_path / "c.pcd"),
            "media_extra": json.dumps(extra),
        }
        for name in ("a/b", "a_b")
    ]  # fmt: skip
    frames = [
        {
            "id": f"{i}", "annotations": [], "media_type": 4, "path": str(tmp_path / path),
            "media_extra": f'{{"index":{i}}}',
        }
        for i, path in enumerate(["1/v.avi", "2/v.avi", "1/v.avi"])
    ]  # fmt: skip
    content = Content([chunk_of(clouds + frames)], media_type=MediaType.MEDIA_ELEMENT)
    write(content, tmp_path / "d", save_media=True)
    found = rows(read(tmp_path / "d"))
    assert [Path(r["path"]).read_text() for r in found] == [
        "cloud", "cloud", "1/v.avi", "2/v.avi", "1/v.avi"
    ]  # fmt: skip
    assert len(list((tmp_path / "d" / "videos" / "default").iterdir())) == 2
    for row in found[:2]:
        (image,) = json.loads(row["media_extra"])["extra_images"]
        assert Path(image["path"]).read_bytes() == (tmp_path / "e.png").read_bytes()
        assert image["size"] == [4, 6]


def test_frames_of_images_are_saved(tmp_path: Path) -> None:
    frames = [picture(tmp_path / f"{i}.png", i) for i in range(2)]
    one = {
        "id": "a/b",
        "annotations": [],
        "media_type": 7,
        "media_extra": json.dumps({"paths": frames}),
    }
    chunk = chunk_of([one, one | {"id": "a_b", "media_extra": ""}])
    chunk.media[1] = MultiframeImage([Image.from_numpy(data=np.zeros((4, 6, 3), np.uint8))])
    content = Content([chunk], media_type=MediaType.MULTIFRAME_IMAGE)
    write(content, tmp_path / "d", save_media=True)
    found = [json.loads(r["media_extra"])["paths"] for r in rows(read(tmp_path / "d"))]
    assert [Path(p).read_bytes() for p in found[0]] == [Path(p).read_bytes() for p in frames]
    assert found[1] == [str(tmp_path / "d/images/default/a_b_2/frame_0.jpg")]
    assert Path(found[1][0]).is_file()


def test_infos_that_are_not_json(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedContentError, match="infos"):
        write(Content([], infos={"a": object()}), tmp_path / "d")


def test_related_images_that_the_published_package_notes_elsewhere(tmp_path: Path) -> None:
    saved = picture(tmp_path / "images" / "a" / "x" / "y" / "extra_image_0.png", 1)
    cloud = {
        "point_cloud": {"path": "x_y.pcd"},
        "related_images": [{"path": "x_y/extra_image_0.png"}],
    }
    put(tmp_path, items=[{"id": "x/y", "annotations": [], **cloud}])
    extra = json.loads(rows(read(tmp_path))[0]["media_extra"])
    assert extra["extra_images"][0]["path"] == saved


def test_external_media_are_not_copied(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = picture(tmp_path / "secret.png", 1)
    put(tmp_path / "hostile", items=[item(image={"path": secret})])
    write(read(tmp_path / "hostile"), tmp_path / "d", save_media=True)
    assert not list((tmp_path / "d" / "images").rglob("*.png"))
    assert "allow_external_media" in caplog.text
    assert rows(read(tmp_path / "d"))[0]["path"] == secret


def test_relative_paths_that_lead_to_files_become_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "here" / "x.png", 1)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    paths = ["../here/x.png", "no/such/folder.png", "nothing.png"]
    items = [
        {"id": str(i), "annotations": [], "media_type": 2, "path": path}
        for i, path in enumerate(paths)
    ]
    write(Content([chunk_of(items)]), tmp_path / "d")
    text = json.loads((tmp_path / "d" / "annotations" / "default.json").read_text())
    assert [i["image"]["path"] for i in text["items"]] == [
        str(tmp_path / "here" / "x.png"), "no/such/folder.png", "nothing.png"
    ]  # fmt: skip


# --- detection ----------------------------------------------------------------------------------


def test_detection(tmp_path: Path) -> None:
    put(tmp_path / "x" / "y" / "z")
    for folder in (tmp_path, tmp_path / "x" / "y" / "z", tmp_path / "x/y/z/annotations/a.json"):
        assert FORMAT.detect(Folder(folder)) == Confidence.MEDIUM
        assert read(folder).categories
    deep = tmp_path / "deep" / "1" / "2" / "3" / "4"
    put(deep)
    with pytest.raises(Rejected):
        FORMAT.detect(Folder(tmp_path / "deep"))
    with pytest.raises(DatasetNotFoundError):
        read(tmp_path / "deep")
    with pytest.raises(DatasetNotFoundError):
        read(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("text", "is_ours"),
    [
        ('{"dm_format_version": "1.0", "items": []}', True),
        ('{"infos": {}, "categories": {"label": {"labels": [', True),
        ('{"categories": {}, "items": [{"images": 1', True),
        ('{"categories": {"label": {"labels": [' + '{"name": "a"},' * 10_000, True),
        ('{"categories": [], "images": [], "annotations": []}', False),
        ('{"info": {}, "licenses": [], "categories": [], "items": []}', False),
        ('{"annotations": [], "categories": [{"name": "a", "items": [], "infos": {}}]}', False),
        ('{"items": [1], "other": 2}', False),
        ('["dm_format_version"]', False),
        ('{"a": "dm_format_version"}', False),
        ("", False),
        ('{"dm_format_version', False),
    ],
)
def test_detection_by_the_first_keys(tmp_path: Path, text: str, is_ours: bool) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    if is_ours:
        assert FORMAT.detect(Folder(path)) == Confidence.MEDIUM
    else:
        with pytest.raises(Rejected):
            FORMAT.detect(Folder(path))


def test_every_error_is_one_of_the_packages(tmp_path: Path) -> None:
    """Any single byte changed in a file with all that it can have: read, or refused."""
    tabular = {"index": 0, "type": "tabular", "extra": {"values": {}}}
    mask = {"type": "mask", "rle": {"counts": "13", "size": [2, 2]}}
    path = put(
        tmp_path,
        items=[
            item(mask, attr={"é\\": [1.5]}, image={"path": "a.jpg", "size": [1, 2]}),
            {
                "id": "b",
                "annotations": [],
                "extended_annotations": [tabular],
                "video": {"path": "v"},
            },
        ],
    )
    text = path.read_bytes()
    for at in range(len(text)):
        others = b'"]}\\0-\xff\x00'
        for byte in {others[at % 8], others[(at // 8) % 8]}:
            path.write_bytes(text[:at] + bytes([byte]) + text[at + 1 :])
            try:
                found = read(tmp_path)
            except DatumaroError:
                continue
            for chunk in found.chunks:
                chunk.items.validate(full=True)
                chunk.annotations.validate(full=True)
