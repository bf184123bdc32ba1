"""The storage in Parquet: its files as other tools see them, shards, and damage."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetImportError,
    DatumaroError,
    MalformedFileError,
)


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
    metadata = pq.read_metadata(path).metadata
    table = change(pq.read_table(path).replace_schema_metadata({"datumaro": metadata[b"datumaro"]}))
    pq.write_table(table, path)


def told(data):
    return [(item.id, item.subset, item.annotations, item.attributes) for item in data]


# --- as other tools see it ----------------------------------------------------------------------


def test_a_row_is_an_item_and_its_annotations_a_list_of_structs(tmp_path):
    table = pq.read_table(export(tmp_path) / "annotations" / "train.datum")
    assert table.column("id").to_pylist() == [f"item {i}" for i in range(5)]
    polygon, box, caption = table.column("annotations")[3].as_py()
    assert (polygon["type"], polygon["label"], polygon["id"]) == ("polygon", 1, 4)
    assert (polygon["coordinates"], box["coordinates"]) == (6, -1)
    assert (caption["text"], caption["label"]) == ("a cat", None)


def test_the_metadata_say_what_the_columns_do_not(tmp_path):
    path = export(tmp_path) / "annotations" / "train.datum"
    told = json.loads(pq.read_metadata(path).metadata[b"datumaro"])
    assert (told["format"], told["version"]) == ("datumaro_binary", "2.0")
    assert (told["subset"], told["items"], told["infos"]) == ("train", 5, {"by": "me"})
    assert [label["name"] for label in told["categories"]["label"]["labels"]] == ["cat", "dog"]


def test_columns_of_nothing_are_left_out(tmp_path):
    names = pq.read_schema(export(tmp_path) / "annotations" / "train.datum").names
    assert "media_extra" not in names
    assert "coordinates_3" not in names


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
        (with_annotations(coordinates=1000), r"item 'item 0': coordinates: more coordinates"),
        (with_annotations(coordinates=-1), r"fewer coordinates"),
        (with_annotations(coordinates=None), r"fewer coordinates"),
        (with_annotations(attributes="{"), r"attributes.*JSON object"),
        (with_annotations(label=7), r"label 7; expected 0 to 1"),
        (with_annotations(visibility=b"\x01"), r"parts that do not fit"),
        (with_annotations(exact_points=b"\x01"), r"float32"),
        (changed("coordinates_0", [b"\0"] * 5), r"coordinates"),
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
        ({"needs": ["coordinate_planes", "wavelets"]}, "with wavelets"),
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
