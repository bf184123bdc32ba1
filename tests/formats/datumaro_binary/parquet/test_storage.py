"""The storage in Parquet: its files as other tools see them, shards, and damage."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetImportError,
    DatumaroError,
    MalformedFileError,
)
from datumaro.table.chunk import Content


def dataset(n=5):
    items = [
        dm.DatasetItem(
            f"item {i}",
            subset="train",
            annotations=[
                dm.Polygon([i, 0, i + 4.25, 0, i, 8], label=i % 2, id=i + 1, group=i + 1),
                dm.Bbox(i, 0, 4.25, 8, label=i % 2, id=i + 1, group=i + 1),
                dm.Caption("a cat"),
            ],
            attributes={"n": i},
        )
        for i in range(n)
    ]
    return dm.Dataset.from_iterable(items, categories=["cat", "dog"], infos={"by": "me"})


def export(folder, data=None, **options):
    (data or dataset()).export(folder, "datumaro_binary", storage="parquet", **options)
    return folder


def files(folder):
    return sorted(path.name for path in (folder / "annotations").iterdir())


def rewrite(path, change):
    """Change a file as another tool would; ``change`` is given its table."""
    told = json.loads(pq.read_metadata(path).metadata[b"datumaro"])
    told.pop("columns")
    table = pq.read_table(path).replace_schema_metadata({"datumaro": json.dumps(told)})
    pq.write_table(change(table), path)


def told(data):
    return [(item.id, item.subset, item.annotations, item.attributes) for item in data]


# --- as other tools see it ----------------------------------------------------------------------


def test_a_row_is_an_item_and_its_annotations_a_list_of_structs(tmp_path):
    table = pq.read_table(export(tmp_path) / "annotations" / "train.datum")
    assert table.column("id").to_pylist() == [f"item {i}" for i in range(5)]
    polygon, box, caption = table.column("annotations")[3].as_py()
    assert (box["type"], box["label"], box["n_coordinates"]) == ("bbox", 1, None)
    assert (polygon["type"], polygon["label"], polygon["id"]) == ("polygon", 1, 4)
    assert (polygon["n_coordinates"], caption["n_coordinates"]) == (6, None)
    assert (caption["text"], caption["label"]) == ("a cat", None)


def test_any_reader_gets_plain_types(tmp_path):
    kind = pq.read_schema(export(tmp_path) / "annotations" / "train.datum")
    fields = kind.field("annotations").type.value_type
    assert {str(field.type) for field in fields} == {"string", "int32", "int64"}


def test_the_metadata_say_what_the_columns_do_not(tmp_path):
    path = export(tmp_path) / "annotations" / "train.datum"
    told = json.loads(pq.read_metadata(path).metadata[b"datumaro"])
    assert (told["format"], told["version"]) == ("datumaro_binary", "2.0")
    assert (told["subset"], told["items"], told["infos"]) == ("train", 5, {"by": "me"})
    assert [label["name"] for label in told["categories"]["label"]["labels"]] == ["cat", "dog"]


def test_columns_of_nothing_are_left_out(tmp_path):
    names = pq.read_schema(export(tmp_path) / "annotations" / "train.datum").names
    assert "media_extra" not in names
    assert "path" not in names


def test_columns_that_others_have_added_are_ignored(tmp_path):
    path = export(tmp_path) / "annotations" / "train.datum"
    rewrite(path, lambda table: table.append_column("note", pa.array(["x"] * 5)))
    assert told(dm.Dataset.import_from(tmp_path)) == told(dataset())


def test_files_that_other_tools_have_written_anew_are_read(tmp_path):
    path = export(tmp_path) / "annotations" / "train.datum"

    def plain(table):
        """Without Arrow's own types, as another engine would write it."""
        fields = [f.with_type(pa.string()) if f.name == "id" else f for f in table.schema]
        return table.cast(pa.schema(fields, table.schema.metadata))

    metadata = pq.read_metadata(path).metadata
    table = plain(pq.read_table(path))
    with pq.ParquetWriter(path, table.schema, compression="snappy", store_schema=False) as writer:
        writer.write_table(table, row_group_size=2)
        writer.add_key_value_metadata({b"datumaro": metadata[b"datumaro"]})
    assert told(dm.Dataset.import_from(tmp_path)) == told(dataset())


# --- what others tell takes no room -------------------------------------------------------------

SQUARE = [1, 1, 3, 1, 3, 3, 1, 3]
BOX = (1, 1, 2, 2)


def one_item(*annotations):
    return dm.Dataset.from_iterable(
        [dm.DatasetItem("a", annotations=list(annotations))], categories=["cat", "dog"]
    )


def rows_of(folder, data):
    """The rows of annotations in the file of one item, after they were seen to come back."""
    export(folder, data)
    assert told(dm.Dataset.import_from(folder)) == told(data)
    return pq.read_table(folder / "annotations" / "default.datum")["annotations"][0].as_py()


@pytest.mark.parametrize(
    "box",
    [
        dm.Bbox(*BOX, label=1, id=4),
        dm.Bbox(*BOX, id=4, group=9),
        dm.Bbox(*BOX, label=0, id=4, z_order=1, object_id=3, attributes={"occluded": True}),
    ],
)
def test_a_box_that_its_polygon_tells_has_no_coordinates(tmp_path, box):
    polygon, found = rows_of(tmp_path, one_item(dm.Polygon(SQUARE, label=0, id=4), box))
    assert (polygon["id"], found["id"]) == (4, None)
    assert (found["type"], found["label"], found["n_coordinates"]) == ("bbox", box.label, None)


@pytest.mark.parametrize("box", [dm.Bbox(*BOX, id=5), dm.Bbox(1, 1, 2, 2.01, id=4)])
def test_another_box_has_them(tmp_path, box):
    _, found = rows_of(tmp_path, one_item(dm.Polygon(SQUARE, label=0, id=4), box))
    assert (found["id"], found["n_coordinates"]) == (box.id, 4)


def test_a_box_may_have_several_polygons(tmp_path):
    polygons = [dm.Polygon([x, 0, x + 2, 0, x, 2], label=1, id=4) for x in (0, 5)]
    box = dm.Bbox(0, 0, 7, 2, label=1, id=4)
    rows = rows_of(tmp_path, one_item(dm.Caption("so"), *polygons, box, dm.Caption("on")))
    assert [row["n_coordinates"] for row in rows] == [None, 6, 6, None, None]


def test_attributes_that_repeat_the_id_are_patterns(tmp_path):
    def item(name, attributes):
        return dm.DatasetItem(name, attributes=attributes)

    data = dm.Dataset.from_iterable(
        [
            item("000139", {"id": 139, "url": "http://host/000139.jpg", "n": 1139}),
            item("house", {"file": "house.png"}),
            item("other", {"license": 3}),
            item("none", {}),
        ]
    )
    export(tmp_path, data)
    assert told(dm.Dataset.import_from(tmp_path)) == told(data)
    table = pq.read_table(tmp_path / "annotations" / "default.datum")
    assert table.column("attributes_pattern").to_pylist() == [
        '{"id":\x01,"url":"http://host/\0.jpg","n":1139}',
        '{"file":"\0.png"}',
        None,
        None,
    ]
    assert table.column("attributes").to_pylist() == [None, None, '{"license":3}', None]


def test_attributes_that_have_the_id_by_chance_are_not(tmp_path):
    items = [dm.DatasetItem(f"{n:05}", attributes={"n": 103}) for n in range(100, 105)]
    data = dm.Dataset.from_iterable(items)
    export(tmp_path, data)
    assert told(dm.Dataset.import_from(tmp_path)) == told(data)
    path = tmp_path / "annotations" / "default.datum"
    assert pq.read_table(path, columns=["attributes"])["attributes"].null_count == 0


AREAS = [4.0, 4.000000000000001, 0.0, -0.0, 1e300, float("inf"), 17.25]


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("shape", ["polygon", "box", "both"])
def test_areas_come_back_to_the_bit(tmp_path, area, shape):
    polygon, box = dm.Polygon(SQUARE, id=4), dm.Bbox(*BOX, id=4)
    data = one_item(*{"polygon": [polygon], "box": [box], "both": [polygon, box]}[shape])
    chunk = data.content().chunks[0]
    index = chunk.annotations.schema.get_field_index("area")
    field = chunk.annotations.schema.field("area")
    column = pa.array([area] * len(chunk.annotations), pa.float64())
    chunk.annotations = chunk.annotations.set_column(index, field, column)
    export(tmp_path, dm.Dataset(Content([chunk])))
    back = dm.Dataset.import_from(tmp_path).content().chunks[0].annotations.column("area")
    assert back.to_numpy().tobytes() == column.to_numpy().tobytes()
    row, *_ = pq.read_table(tmp_path / "annotations" / "default.datum")["annotations"][0].as_py()
    if shape != "box" and area in AREAS[:2]:
        assert row["area_bits"] == 2 * AREAS.index(area)


def test_masks_are_as_large_as_their_image(tmp_path):
    masks = [dm.Mask(np.ones(size, bool), label=0) for size in ((4, 6), (3, 6), (4, 6))]
    image = dm.Image.from_file("a.jpg", size=(4, 6))
    item = dm.DatasetItem("a", media=image, annotations=[*masks, dm.Label(1)])
    rows = rows_of(tmp_path, dm.Dataset.from_iterable([item], categories=["cat", "dog"]))
    assert [row["mask_height"] for row in rows] == [None, 3, None, None]
    assert "mask_width" not in rows[0]


def with_paths(paths):
    return dm.Dataset.from_iterable(
        [dm.DatasetItem(name, media=dm.Image.from_file(path)) for name, path in paths]
    )


@pytest.mark.parametrize(
    ("paths", "kept"),
    [
        ([("one", "/in/one.jpg"), ("b/c", "/in/b/c.jpg")], [None, None]),
        (
            [("007", "/in/007.jpg"), ("one", "/in/two.jpg"), ("008", "/008/8.jpg")],
            [None, "/in/two.jpg", None],
        ),
        ([("one", "/in/b.jpg"), ("two", "/in/b.jpg")], ["/in/b.jpg", "/in/b.jpg"]),
        ([("a", "/in/a.jpg"), ("b", "/in/b.jpg")], ["/in/a.jpg", "/in/b.jpg"]),
    ],
)
def test_paths_are_told_by_ids(tmp_path, paths, kept):
    data = with_paths(paths)
    export(tmp_path, data)
    back = dm.Dataset.import_from(tmp_path)
    assert [item.media.path for item in back] == [path for _, path in paths]
    table = pq.read_table(tmp_path / "annotations" / "default.datum")
    found = table["path"].to_pylist() if "path" in table.column_names else [None] * len(paths)
    assert found == kept


def test_patterns_may_be_many(tmp_path):
    names = [f"00{i}" for i in range(40)]
    export(tmp_path, with_paths([(name, f"/in/{name}.jpg") for name in names]))
    patterns = [None, *(f"/{i}/\0/\1" for i in range(1, 40))]
    rewrite(tmp_path / "annotations" / "default.datum", changed("path_pattern", patterns))
    first, *others = (item.media for item in dm.Dataset.import_from(tmp_path))
    assert first is None
    assert [media.path for media in others] == [f"/{i}/00{i}/{i}" for i in range(1, 40)]


@pytest.mark.parametrize("name", ["path", "attributes"])
def test_patterns_have_few_marks(tmp_path, name):
    item = dm.DatasetItem("one", media=dm.Image.from_file("/one.jpg"), attributes={"a": "one"})
    export(tmp_path, dm.Dataset.from_iterable([item]))
    path = tmp_path / "annotations" / "default.datum"
    rewrite(path, changed(f"{name}_pattern", ["\0" * 17]))
    with pytest.raises(MalformedFileError, match=rf"{name}_pattern: row 0.*at most 16 marks"):
        dm.Dataset.import_from(tmp_path, "datumaro_binary")


def test_any_number_of_workers_writes_the_same_bytes(tmp_path):
    data = dataset(40)
    for n in (0, 1, 3):
        export(tmp_path / str(n), data, num_workers=n, shard_size=7)
    first, *others = (
        [p.read_bytes() for p in sorted(tmp_path.glob(f"{n}/*/*"))] for n in (0, 1, 3)
    )
    assert len(first) == 6
    assert others == [first, first]


# --- shards -------------------------------------------------------------------------------------


def test_shards_are_named_by_their_number(tmp_path):
    export(tmp_path, shard_size=2)
    assert files(tmp_path) == [f"train-{i:05}-of-00003.datum" for i in range(3)]
    assert told(dm.Dataset.import_from(tmp_path)) == told(dataset())


def test_a_shard_is_read_alone(tmp_path):
    export(tmp_path, shard_size=2)
    path = tmp_path / "annotations" / "train-00001-of-00003.datum"
    back = dm.Dataset.import_from(path, "datumaro_binary")
    assert told(back) == told(dataset())[2:4]
    assert list(back.subsets()) == ["train"]


def test_a_missing_shard_is_named(tmp_path):
    export(tmp_path, shard_size=2)
    (tmp_path / "annotations" / "train-00001-of-00003.datum").unlink()
    with pytest.raises(DatasetImportError, match=r"train-00001-of-00003\.datum"):
        dm.Dataset.import_from(tmp_path, "datumaro_binary").init_cache()


def test_another_export_leaves_no_old_shards(tmp_path):
    export(tmp_path, shard_size=2)
    export(tmp_path, shard_size=4)
    assert files(tmp_path) == ["train-00000-of-00002.datum", "train-00001-of-00002.datum"]
    dataset().export(tmp_path, "datumaro_binary")
    assert files(tmp_path) == ["train.datum"]


def test_workers_write_the_same_bytes(tmp_path):
    one, two = (
        export(tmp_path / f"{n}", dataset(50), shard_size=20, num_workers=n) for n in (0, 2)
    )
    for name in files(one):
        assert (one / "annotations" / name).read_bytes() == (
            two / "annotations" / name
        ).read_bytes()


# --- options ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{"storage": "parquet", "shard_size": -1}, {"shard_size": 2}, {"storage": "zip"}],
)
def test_options_that_make_no_sense(tmp_path, options):
    with pytest.raises(DatumaroError, match=r"shard_size|storage"):
        dataset().export(tmp_path / "out", "datumaro_binary", **options)
    assert not (tmp_path / "out").exists()


# --- damage -------------------------------------------------------------------------------------


def test_files_of_both_storages_in_one_folder_are_refused(tmp_path):
    export(tmp_path)
    dataset().export(tmp_path / "other", "datumaro_binary")
    (tmp_path / "other" / "annotations" / "train.datum").rename(
        tmp_path / "annotations" / "val.datum"
    )
    with pytest.raises(DatasetImportError, match=r"val\.datum.*records, and"):
        dm.Dataset.import_from(tmp_path, "datumaro_binary").init_cache()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_cut_files(tmp_path, share):
    path = export(tmp_path) / "annotations" / "train.datum"
    data = path.read_bytes()
    path.write_bytes(b"PAR1" + data[4 : int(len(data) * share)])
    with pytest.raises(MalformedFileError, match=r"train\.datum"):
        dm.Dataset.import_from(tmp_path, "datumaro_binary").init_cache()


def test_a_changed_byte_is_found(tmp_path):
    path = export(tmp_path) / "annotations" / "train.datum"
    data = path.read_bytes()
    expected = told(dataset())
    for at in range(4, len(data), 37):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        try:
            found = told(dm.Dataset.import_from(tmp_path, "datumaro_binary"))
        except (DatumaroError, OSError) as error:
            assert "train.datum" in str(error)
        else:
            # page checksums cover all data; what is left is the footer's statistics and names
            assert len(found) == len(expected)


def changed(name, values):
    def change(table):
        index = table.schema.get_field_index(name)
        return table.set_column(index, name, pa.array(values))

    return change


def with_annotations(**fields):
    """Change fields of all annotations."""

    def change(table):
        lists = [
            [{**row, **fields} for row in rows] for rows in table.column("annotations").to_pylist()
        ]
        return changed("annotations", lists)(table)

    return change


def test_the_label_that_stands_for_none_is_none(tmp_path):
    dataset = dm.Dataset.from_iterable(
        [dm.DatasetItem("a", subset="train", annotations=[dm.Label(0), dm.Label(1)])],
        categories=["cat", "dog"],
    )
    dataset.export(tmp_path, "datumaro_binary", storage="parquet")

    def change(table):
        told = json.loads(table.schema.metadata[b"datumaro"])
        told.pop("counts")
        lists = table.column("annotations").to_pylist()
        lists[0][1]["label"] = -(2**31)
        index, kind = table.schema.get_field_index("annotations"), table.schema.field("annotations")
        table = table.set_column(index, kind, pa.array(lists, kind.type))
        return table.replace_schema_metadata({"datumaro": json.dumps(told)})

    rewrite(tmp_path / "annotations" / "train.datum", change)
    found = dm.Dataset.import_from(tmp_path, "datumaro_binary").to_arrow()
    assert [row["label"] for row in found["annotations"].to_pylist()[0]] == [0, None]


@pytest.mark.parametrize("column", ["attributes_pattern", "annotations.list.element.label"])
def test_a_column_that_is_lost_is_missed(tmp_path, column):
    """Columns that are all null are left out: that one is missing must be seen in another way."""
    path = export(tmp_path) / "annotations" / "train.datum"
    name = column.rpartition(".")[2].encode()
    data = path.read_bytes()
    size = int.from_bytes(data[-8:-4], "little") + 8
    path.write_bytes(data[:-size] + data[-size:].replace(name, name[:-1] + b"x", 1))
    with pytest.raises(MalformedFileError, match=rf"no column {column}; .* it says"):
        dm.Dataset.import_from(tmp_path, "datumaro_binary").init_cache()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed("id", ["a", None, "c", "d", "e"]), r"id: a null"),
        (changed("id", [[1]] * 5), r"id"),
        (changed("attributes", ["[1]"] * 5), r"attributes: row 0: \[1\]; expected a JSON object"),
        (changed("annotations", [1] * 5), r"annotations: no list of structs"),
        (changed("annotations", [None] * 5), r"annotations"),
        (with_annotations(type="sphere"), r"'sphere'; expected one of"),
        (with_annotations(type=None), r"type"),
        (with_annotations(n_coordinates=1000), r"item 'item 0': coordinates: more coordinates"),
        (with_annotations(n_coordinates=-9), r"more coordinates"),
        (with_annotations(type="polygon", n_coordinates=None), r"fewer coordinates"),
        (with_annotations(type="bbox", n_coordinates=0), r"box without numbers; expected polygons"),
        (with_annotations(attributes="{"), r"attributes.*JSON object"),
        (with_annotations(label=7), r"label 7; expected 0 to 1"),
        (with_annotations(visibility=b"\x01"), r"parts that do not fit"),
        (changed("coordinates", [b"\0"] * 5), r"coordinates"),
        (lambda table: table.drop_columns(["annotations"]), r"annotations"),
        (lambda table: table.slice(0, 3), r"3 rows; expected 5"),
        (lambda table: table.replace_schema_metadata({}), r"no key 'datumaro'"),
        (lambda table: table.replace_schema_metadata({"datumaro": "{"}), r"metadata"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, message):
    path = export(tmp_path) / "annotations" / "train.datum"
    rewrite(path, change)
    with pytest.raises(DatumaroError, match=message) as info:
        dm.Dataset.import_from(tmp_path, "datumaro_binary").init_cache()
    assert "train.datum" in str(info.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "3.0"}, "version 3.0"),
        ({"needs": ["paired_coordinates", "wavelets"]}, "with wavelets"),
        ({"format": "other"}, "other version"),
        ({"shard": 5}, "shard 5 of 1"),
        ({"items": -1}, "-1"),
        ({"media_type": 99}, "99"),
        ({"categories": {"label": 3}}, "categories"),
        ({"infos": []}, "infos"),
    ],
)
def test_files_that_need_what_is_not_known_here(tmp_path, change, message):
    path = export(tmp_path) / "annotations" / "train.datum"

    def changed(table):
        metadata = json.loads(table.schema.metadata[b"datumaro"])
        return table.replace_schema_metadata({"datumaro": json.dumps({**metadata, **change})})

    rewrite(path, changed)
    with pytest.raises(DatumaroError, match=message) as info:
        dm.Dataset.import_from(tmp_path, "datumaro_binary").init_cache()
    assert "train.datum" in str(info.value)
