"""The table that other tools are given."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import datumaro as dm
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import MediaType
from datumaro.table import nested


def dataset() -> dm.Dataset:
    items = [
        dm.DatasetItem("a", subset="train", media=dm.Image.from_file("a.jpg", size=(3, 4))),
        dm.DatasetItem(
            "b",
            subset="val",
            annotations=[dm.Bbox(1, 2, 3, 4, label=1), dm.Polygon([0, 0, 4, 0, 4, 4.5])],
        ),
    ]
    return dm.Dataset.from_iterable(items, categories=["cat", "dog"])


def test_a_row_is_an_item_with_its_annotations():
    table = dataset().to_arrow()
    a, b = table.to_pylist()
    assert (a["id"], a["subset"], a["media_type"], a["height"]) == ("a", "train", "image", 3)
    assert a["annotations"] == []
    assert (b["subset"], b["media_type"]) == ("val", "none")
    assert [row["type"] for row in b["annotations"]] == ["bbox", "polygon"]
    assert b["annotations"][0]["points"] == [1, 2, 4, 6]
    assert [row["label"] for row in b["annotations"]] == [1, None]
    assert [row["label_name"] for row in b["annotations"]] == ["dog", None]


def test_columns_are_not_copied():
    chunks = dataset().content().chunks
    ours = chunks[0].annotations.column("points").values
    theirs = nested.nested(chunks).column("annotations").chunk(0).values.field("points").values
    assert theirs.buffers()[1].address == ours.buffers()[1].address


def test_a_selection_has_its_own_annotations():
    chosen = dataset().select(lambda item: item.id == "b")
    (row,) = chosen.to_arrow().to_pylist()
    assert len(row["annotations"]) == 2


def test_labels_are_counted_without_objects():
    annotations = pc.list_flatten(dataset().to_arrow().column("annotations")).combine_chunks()
    counts = pc.value_counts(annotations.field("label")).to_pylist()
    assert {row["values"]: row["counts"] for row in counts} == {1: 1, None: 1}


def test_every_number_has_its_name():
    for kinds, names in ((AnnotationType, nested._TYPES), (MediaType, nested._MEDIA)):
        assert [int(kind) for kind in kinds] == list(range(len(names)))


def test_an_empty_data_set_has_the_columns():
    table = dm.Dataset.from_iterable([]).to_arrow()
    assert table.num_rows == 0
    assert table.schema.equals(nested.ITEMS)
    assert pa.types.is_large_list(table.schema.field("annotations").type)
    assert np.array_equal(table.column("id").to_numpy(), [])


def test_labels_that_are_not_declared_have_no_name():
    chunks = dataset().content().chunks
    (table,) = nested.nested(chunks, ["cat"]).column("annotations").chunks
    assert table.values.field("label_name").to_pylist() == [None, None]


def test_chunks_come_back():
    (chunk,) = dataset().content().chunks
    (batch,) = nested.nested([chunk], ["cat", "dog"]).to_batches()
    for labels in (["cat", "dog"], None):
        back = nested.NestedReader(batch, "batch 0", labels).chunk()
        assert back.items.to_pylist() == chunk.items.to_pylist()
        assert repr(back.annotations.to_pylist()) == repr(chunk.annotations.to_pylist())
        assert np.array_equal(back.offsets, chunk.offsets)


def test_only_ids_and_types_are_needed():
    batch = pa.RecordBatch.from_pylist([{"id": "a", "annotations": [{"type": "label", "id": 3}]}])
    chunk = nested.NestedReader(batch, "batch 0", None).chunk()
    (item,) = chunk.items.to_pylist()
    assert (item["id"], item["subset"], item["path"]) == ("a", "default", "")
    (row,) = chunk.annotations.to_pylist()
    assert (row["id"], row["group"], row["object_id"], row["label"]) == (3, 3, -1, None)
