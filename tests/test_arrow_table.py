"""A data set as an Arrow table and back."""

import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

import datumaro as dm
from datumaro.crypto import Cipher, generate_key
from datumaro.errors import (
    DatasetImportError,
    MalformedFileError,
    MissingDependencyError,
    RepeatedItemError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.testing.strategies import datasets

FILES = [
    None,
    dm.Image.from_file("a.jpg", size=(3, 4)),
    dm.Image.from_file("/no/ü 猫.png"),
    dm.Image.from_file("a.bin", ext=".png", external=True),
    dm.Video("v.mp4"),
    dm.Video("v.mp4", step=2, start_frame=3, end_frame=9, external=True),
    dm.VideoFrame(dm.Video("v.mp4"), 7),
    dm.VideoFrame(dm.Video("v.mp4", step=2), 3),
    dm.PointCloud.from_file("c.pcd"),
    dm.PointCloud.from_file("c.pcd", [dm.Image.from_file("x.png", size=(5, 6))]),
    dm.MultiframeImage([dm.Image.from_file("1.png"), dm.Image.from_file("2.png", size=(1, 2))]),
    dm.MultiframeImage([dm.Image.from_file("1.png")], path="m"),
    dm.MediaElement("some.file"),
    dm.MediaElement(),
]


def dataset():
    items = [
        dm.DatasetItem("a", subset="train", media=dm.Image.from_file("a.jpg", size=(3, 4))),
        dm.DatasetItem(
            "b",
            subset="val",
            attributes={"n": 1},
            annotations=[
                dm.Bbox(1, 2, 3, 4, label=1, id=5, group=6, attributes={"k": "v"}),
                dm.Points([1, 2, 3, 4], [1, 2], label=0),
                dm.Caption("a cat"),
            ],
        ),
    ]
    return dm.Dataset.from_iterable(items, categories=["cat", "dog"], infos={"by": "me"})


@st.composite
def in_files(draw):
    """Data sets whose media are files."""
    made = draw(datasets())
    kept = dm.Dataset.from_iterable(
        [item.wrap(media=draw(st.sampled_from(FILES))) for item in made],
        infos=made.infos(),
        categories=made.categories(),
        media_type=dm.MediaElement,
    )
    return kept


def same(one, other):
    assert list(one) == list(other)
    assert (one.categories(), one.infos()) == (other.categories(), other.infos())
    assert one.media_type() is other.media_type()
    told = [repr([item.media and item.media.as_dict() for item in side]) for side in (one, other)]
    assert told[0] == told[1]
    # as text, in which a NaN is a NaN
    tables = [(d.items_table, d.annotations_table) for d in (one, other)]
    assert repr([t.to_pylist() for t in tables[0]]) == repr([t.to_pylist() for t in tables[1]])


# --- there and back -----------------------------------------------------------------------------


@given(in_files())
def test_all_comes_back(made):
    same(made, dm.Dataset.from_arrow(made.to_arrow()))


@settings(max_examples=30)
@given(in_files())
def test_all_comes_back_through_a_file(tmp_path_factory, made):
    path = tmp_path_factory.getbasetemp() / "whole.parquet"
    pq.write_table(made.to_arrow(), path, row_group_size=2)
    same(made, dm.Dataset.from_arrow(pq.read_table(path)))


@settings(max_examples=30)
@given(in_files(), st.integers(1, 3))
def test_all_comes_back_through_plain_types(made, size):
    """As other tools have them: 32-bit offsets, dictionaries, doubles, nulls for nothing."""
    table = made.to_arrow()
    rows = table.to_pylist()
    for row in rows:
        row["subset"] = None if row["subset"] == "default" else row["subset"]
        for annotation in row["annotations"]:
            for name, value in annotation.items():
                is_nothing = value in ("", [], b"") or (name == "z_order" and value == 0)
                if is_nothing or (isinstance(value, float) and np.isnan(value)):
                    annotation[name] = None
    plain = pa.Table.from_pylist(rows, metadata=table.schema.metadata) if rows else table
    names = [name for name in plain.column_names if name != "annotations"][::-1]
    plain = plain.select([*names, "annotations"])
    same(made, dm.Dataset.from_arrow(pa.RecordBatchReader.from_batches(
        plain.schema, plain.to_batches(max_chunksize=size)
    )))  # fmt: skip


def test_nothing_is_copied():
    table = dataset().to_arrow()
    given = table.column("annotations").chunk(0).values.field("points").values
    back = dm.Dataset.from_arrow(table).content().chunks[0]
    taken = back.annotations.column("points").values
    assert taken.buffers()[1].address == given.buffers()[1].address


def test_sources():
    table = dataset().to_arrow()

    class Streams:
        def __arrow_c_stream__(self, requested_schema=None):
            return table.__arrow_c_stream__(requested_schema)

    for source in (table, table.to_reader(), table.combine_chunks().to_batches()[0], Streams()):
        same(dataset(), dm.Dataset.from_arrow(source))
    with pytest.raises(TypeError, match=r"a list; expected a pyarrow\.Table"):
        dm.Dataset.from_arrow([1])


def test_slices():
    table = dataset().to_arrow()
    back = dm.Dataset.from_arrow(table.slice(1))
    assert [item.id for item in back] == ["b"]
    assert list(back) == [dataset().get("b", "val")]


def test_an_empty_data_set():
    made = dm.Dataset.from_iterable([], categories=["cat"], infos={"a": 1})
    same(made, dm.Dataset.from_arrow(made.to_arrow()))


def test_changes_are_in_the_table():
    made = dataset()
    made.get("b", "val").annotations[0].label = 0
    rows = made.to_arrow().to_pylist()[1]["annotations"]
    assert [(row["label"], row["label_name"]) for row in rows] == [
        (0, "cat"), (0, "cat"), (None, None),
    ]  # fmt: skip
    same(made, dm.Dataset.from_arrow(made.to_arrow()))


# --- what a table tells -------------------------------------------------------------------------


def test_the_metadata_say_what_the_columns_do_not():
    told = json.loads(dataset().to_arrow().schema.metadata[b"datumaro"])
    assert (told["format"], told["media_type"], told["infos"]) == (
        "datumaro_arrow", "image", {"by": "me"},
    )  # fmt: skip
    assert [label["name"] for label in told["categories"]["label"]["labels"]] == ["cat", "dog"]


def test_metadata_that_are_lost_are_said_by_the_caller():
    table = dataset().to_arrow().replace_schema_metadata(None)
    with pytest.raises(MalformedFileError, match=r"no key 'datumaro'.*categories="):
        dm.Dataset.from_arrow(table)
    same(dataset(), dm.Dataset.from_arrow(table, categories=["cat", "dog"], infos={"by": "me"}))
    videos = dm.Dataset.from_iterable(
        [dm.DatasetItem("v", media=dm.Video("v.mp4"))], media_type=dm.Video
    )
    table = videos.to_arrow().replace_schema_metadata(None)
    assert dm.Dataset.from_arrow(table, categories=[]).media_type() is dm.Video


def test_what_the_caller_says_comes_first():
    back = dm.Dataset.from_arrow(dataset().to_arrow(), infos={"by": "you"})
    assert (back.infos(), back.get_label_cat_names()) == ({"by": "you"}, ["cat", "dog"])


def without(field, **changed):
    """The table with annotations of other fields."""
    table = dataset().to_arrow()
    lists = [
        [{k: v for k, v in (row | changed).items() if k != field} for row in rows]
        for rows in table.column("annotations").to_pylist()
    ]
    # the empty list last, so that the fields are known
    order = pa.array(lists)
    return table.set_column(table.schema.get_field_index("annotations"), "annotations", order)


def test_labels_are_found_by_their_names():
    same(dataset(), dm.Dataset.from_arrow(without("label")))
    same(dataset(), dm.Dataset.from_arrow(without("label_name")))
    with pytest.raises(MalformedFileError, match=r"item 'b': .*label_name: 'cow'; expected one of"):
        dm.Dataset.from_arrow(without("label", label_name="cow"))
    with pytest.raises(MalformedFileError, match="'dog' beside label 0; expected the name of that"):
        dm.Dataset.from_arrow(without("", label=0))


def test_labels_without_categories_have_no_names():
    made = dm.Dataset.from_iterable([dm.DatasetItem("a", annotations=[dm.Label(7)])])
    (row,) = made.to_arrow().to_pylist()
    assert row["annotations"][0]["label_name"] is None
    same(made, dm.Dataset.from_arrow(made.to_arrow()))


# --- media --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "medium",
    [
        dm.Image.from_numpy(np.zeros((3, 4, 3), np.uint8)),
        dm.Image.from_bytes(b"\x89PNG"),
        dm.PointCloud.from_bytes(data=b"x"),
        dm.PointCloud.from_file("c.pcd", [dm.Image.from_bytes(b"\x89PNG")]),
        dm.RoIImage.from_image(dm.Image.from_file("a.png"), (0, 0, 1, 1)),
        dm.Image.from_file("a.jpg", cipher=Cipher(generate_key())),
    ],
)
def test_media_that_are_no_files(medium):
    made = dm.Dataset.from_iterable(
        [dm.DatasetItem("x"), dm.DatasetItem("y", subset="s", media=medium)],
        media_type=dm.MediaElement,
    )
    with pytest.raises(UnsupportedContentError, match=r"item 'y' of subset 's'.*save_media"):
        made.to_arrow()
    table = made.to_arrow(media_in_memory="omit")
    assert table.column("media_type").to_pylist() == ["none", "none"]
    assert [item.media for item in dm.Dataset.from_arrow(table)] == [None, None]
    with pytest.raises(ValueError, match="'fail' or 'omit'"):
        made.to_arrow(media_in_memory="drop")


def test_images_of_annotations_are_kept():
    pixels = np.arange(12, dtype=np.float32).reshape(3, 4)
    made = dm.Dataset.from_iterable(
        [dm.DatasetItem("a", annotations=[dm.DepthAnnotation(dm.Image.from_numpy(pixels))])]
    )
    (item,) = dm.Dataset.from_arrow(made.to_arrow())
    assert np.array_equal(item.annotations[0].image.data, pixels)


def test_infos_that_json_has_not():
    made = dm.Dataset.from_iterable([], infos={"a": object()})
    with pytest.raises(UnsupportedContentError, match="infos"):
        made.to_arrow()


# --- pandas -------------------------------------------------------------------------------------


def test_pandas_has_the_same_columns():
    pytest.importorskip("pandas")
    frame = dataset().to_pandas()
    assert list(frame.columns) == dataset().to_arrow().column_names
    assert frame["id"].tolist() == ["a", "b"]
    boxes = frame["annotations"].list.flatten()
    assert boxes.struct.field("label_name").dropna().tolist() == ["dog", "cat"]
    table = pa.Table.from_pandas(frame, preserve_index=False)
    same(dataset(), dm.Dataset.from_arrow(table, categories=["cat", "dog"], infos={"by": "me"}))


def test_pandas_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependencyError, match="pip install pandas"):
        dataset().to_pandas()


# --- what is wrong ------------------------------------------------------------------------------


def changed(name, values):
    def change(table):
        return table.set_column(table.schema.get_field_index(name), name, pa.array(values))

    return change


def field(row, **values):
    """Change fields of the second item's annotation."""

    def change(table):
        lists = table.column("annotations").to_pylist()
        lists[1][row] |= values
        return changed("annotations", lists)(table)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed("id", ["a", None]), "id: a null"),
        (changed("id", [[1], [2]]), "id: "),
        (changed("id", ["/etc/passwd", "b"]), "passwd"),
        (changed("id", [b"\xff", b"b"]), "id: .*UTF"),
        (lambda table: table.drop_columns(["id"]), "id: no column"),
        (lambda table: table.drop_columns(["annotations"]), "annotations: no column"),
        (changed("annotations", [1, 2]), "annotations: int64; expected a list of structs"),
        (changed("annotations", [[1], [2]]), "expected a list of structs"),
        (changed("annotations", [None, [{"type": "label"}]]), "item 'a': annotations: null"),
        (changed("annotations", [[], [None, {"type": "label"}]]), "item 'b': annotations: a null"),
        (changed("annotations", [[], [{"label": 1}]]), r"annotations\.type: no field"),
        (changed("attributes", ["[1]", ""]), r"attributes: row 0: \[1\]; expected a JSON object"),
        (changed("media_extra", ["{", ""]), "media_extra: row 0"),
        (changed("media_extra", ['{"encrypted": true}', ""]), "item 'a': its media.*encrypted"),
        (changed("media_type", ["picture", "none"]), "media_type: 'picture'; expected one of"),
        (changed("media_type", ["roi_image", "none"]), "item 'a': its media: roi_image"),
        (changed("height", [-1, 1]), "height: a negative number"),
        (changed("width", [2**40, 1]), "width: "),
        (field(0, type="sphere"), r"annotations\.type: 'sphere'; expected one of"),
        (field(0, type="unknown"), "item 'b': annotation 0: a unknown"),
        (field(0, type=None), r"annotations\.type: a null"),
        (field(0, points=[1.0]), "item 'b': annotation 0: a bbox whose parts do not fit"),
        (field(0, points=[1, None, 2, 3]), r"annotations\.points: a null in a list"),
        (field(1, visibility=[1]), "item 'b': annotation 1: a points whose parts"),
        (field(2, type="skeleton", extra="{}"), "annotation 2: a skeleton"),
        (field(2, type="skeleton", extra='{"elements": [{"x": 1}]}'), "annotation 2: a skeleton"),
        (field(2, type="hash_key", extra='{"values": [[1]]}'), "annotation 2: a hash_key"),
        (field(2, type="feature_vector", extra='{"values": 1}'), "a feature_vector"),
        (field(2, type="tabular", extra='{"values": 1}'), "annotation 2: a tabular"),
        (field(2, type="depth_annotation", extra='{"image": 1}'), "a depth_annotation"),
        (field(2, type="mask", rle=b"1", mask_height=3, mask_width=3), "annotation 2: a mask"),
        (field(0, label_name=None, label=7), "label 7; expected 0 to 1"),
        (field(0, attributes="{"), r"annotations\.attributes: row 0"),
        (lambda table: table.replace_schema_metadata({"datumaro": "{"}), "metadata 'datumaro'"),
        (lambda table: metadata(table, version="2.0"), "datumaro_arrow version 2.0"),
        (lambda table: metadata(table, media_type="sound"), "media_type|SOUND"),
        (lambda table: metadata(table, categories={"label": 3}), "categories"),
        (lambda table: pa.concat_tables([table, table]), "item id 'a' a second time"),
    ],
)
def test_what_is_wrong_is_named(change, message):
    table = change(dataset().to_arrow())
    with pytest.raises(DatasetImportError, match=message):
        dm.Dataset.from_arrow(table)


def metadata(table, **changes):
    told = json.loads(table.schema.metadata[b"datumaro"])
    return table.replace_schema_metadata({"datumaro": json.dumps(told | changes)})


def test_errors_are_of_their_kinds():
    table = dataset().to_arrow()
    with pytest.raises(RepeatedItemError):
        dm.Dataset.from_arrow(pa.concat_tables([table, table]))
    with pytest.raises(UndeclaredLabelError):
        dm.Dataset.from_arrow(field(0, label_name=None, label=7)(table))


def test_files_of_the_format_are_not_such_tables(tmp_path):
    dataset().export(tmp_path, "datumaro_binary", storage="parquet")
    table = pq.read_table(tmp_path / "annotations" / "val.datum")
    with pytest.raises(MalformedFileError, match=r"coordinates.*read by Dataset\.import_from"):
        dm.Dataset.from_arrow(table)


def test_numbers_without_objects():
    """What the table is for."""
    annotations = pc.list_flatten(dataset().to_arrow().column("annotations")).combine_chunks()
    boxes = annotations.filter(pc.equal(annotations.field("type"), "bbox"))
    (points,) = boxes.field("points").to_pylist()
    assert points == [1, 2, 4, 6]
