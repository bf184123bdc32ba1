"""Data sets in Amazon's object store: what is fetched, what is put, what is said when it fails."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import datumaro as dm
from at_urls import assert_same, export, keys, put, read
from datumaro.cli.main import main
from datumaro.errors import (
    DatasetExportError,
    DatasetImportError,
    EncryptionKeyError,
    NoMatchingFormatsError,
    NotAvailableError,
    PathOutsideDatasetError,
    RemoteStorageError,
)
from datumaro.formats.datumaro_binary.parquet import writing
from datumaro.remote import claim, upload
from datumaro.remote.path import located
from datumaro.remote.steady import MARK


@pytest.fixture(scope="module")
def _shared():
    return {}


@pytest.fixture
def stored(s3, photos, _shared):
    """The URL of the photos' data set, which is only read."""
    if not _shared:
        _shared["url"] = f"s3://{s3.new_bucket()}/set"
        export(photos, _shared["url"])
        s3.requests.clear()
    return _shared["url"]


@pytest.fixture
def numbered():
    """Makes 200 items with texts that do not compress."""
    random = np.random.default_rng(1)
    items = [
        dm.DatasetItem(f"{n}", annotations=[dm.Caption(random.bytes(1000).hex())])
        for n in range(200)
    ]
    return dm.Dataset.from_iterable(items)


# --- there and back -------------------------------------------------------------------------------


def test_shards(bucket, photos):
    export(photos, f"{bucket}/set", shard_size=1)
    assert_same(photos, read(f"{bucket}/set"))
    assert len(read(f"{bucket}/set", shard="1/5")) == 1
    one = dm.Dataset.import_from(f"{bucket}/set/annotations/train-00001-of-00003.datum")
    assert [item.id for item in one] == ["p2"]
    assert one.get("p2", "train").media.data[0, 0].tolist() == [20, 20, 20]


def test_from_one_url_to_another_and_to_a_local_folder(bucket, stored, tmp_path):
    export(read(stored), f"{bucket}/b")
    read(f"{bucket}/b").export(tmp_path / "coco", "coco", save_media=True)
    coco = dm.Dataset.import_from(tmp_path / "coco", "coco")
    assert coco.get("p3", "val").media.data[0, 0].tolist() == [30, 30, 30]


def test_a_new_key_does_not_go_to_the_data(bucket, photos, tmp_path):
    with pytest.raises(EncryptionKeyError, match="key_file"):
        export(photos, f"{bucket}/set", encryption=True)
    export(photos, f"{bucket}/set", key_file=str(tmp_path / "key"))
    assert_same(photos, read(f"{bucket}/set", key_file=str(tmp_path / "key")))
    assert not [key for key in keys(bucket) if "key" in Path(key).stem]


def test_a_data_set_without_its_media_names_them_where_they_are(bucket, photos, tmp_path):
    export(photos, f"{bucket}/set")
    for storage in ("parquet", "records"):
        folder = tmp_path / storage
        read(f"{bucket}/set").export(folder, "datumaro_binary", storage=storage)
        media = read(folder).get("p1", "val").media
        assert media.path == f"{bucket}/set/images/val/p1.png"
        with pytest.raises(PathOutsideDatasetError, match="allow_external_media"):
            _ = media.data
        trusted = read(folder, allow_external_media=True).get("p1", "val").media
        assert trusted.data[0, 0].tolist() == [10, 10, 10]


def test_media_in_another_bucket_are_not_fetched(s3, bucket, photos):
    other = f"s3://{s3.new_bucket()}"
    export(photos, f"{other}/set")
    urls = f"{other}/set/images/val/p1.png", f"{bucket}/set/../secret.png", "http://127.0.0.1:1/x"
    for url in urls:
        item = dm.DatasetItem("a", media=dm.Image.from_file(url))
        export(dm.Dataset.from_iterable([item]), f"{bucket}/set", save_media=False)
        s3.requests.clear()
        media = read(f"{bucket}/set").get("a").media
        assert media.is_external
        with pytest.raises(PathOutsideDatasetError):
            _ = media.data
        assert not s3.asked("png|secret")


def test_point_clouds_and_sizes(bucket, tmp_path):
    (tmp_path / "points.pcd").write_bytes(b"points")
    cloud = dm.PointCloud.from_file(tmp_path / "points.pcd")
    made = dm.Dataset.from_iterable([dm.DatasetItem("a", media=cloud)], media_type=dm.PointCloud)
    export(made, f"{bucket}/set")
    assert read(f"{bucket}/set").get("a").media.data == b"points"
    file = io.BytesIO()
    Pillow.new("RGB", (300, 200)).save(file, "png")
    put(f"{bucket}/large.png", file.getvalue() + bytes(1 << 20))
    image = dm.Image.from_file(f"{bucket}/large.png")
    assert image.has_data and image.size == (200, 300)
    missing = dm.Image.from_file(f"{bucket}/none.png")
    assert (missing.has_data, missing.size, missing.data) == (False, None, None)


def test_settings_in_the_url_hold_for_media_too(s3, bucket, photos, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    host = s3.endpoint.removeprefix("http://")
    name = s3.new_bucket()
    url = f"s3://name:se%2Fcret@{name}/set?scheme=http&endpoint_override={host}"
    export(photos, url)
    back = dm.Dataset.import_from(url)
    assert_same(photos, back)
    assert "se" + "%2Fcret" not in repr(back) and "name:" not in repr(back)
    back.save()
    assert (back.data_path, len(read(f"s3://{name}/set"))) == (f"s3://{name}/set", 5)


def test_storage_options(s3, bucket, photos, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    url = f"s3://{s3.new_bucket()}/set"
    options = {"endpoint_override": s3.endpoint, "access_key": "name", "secret_key": "secret"}
    export(photos, url, storage_options=options)
    assert_same(photos, read(url, storage_options=options))


# --- what is fetched ------------------------------------------------------------------------------


def test_rows_are_fetched_alone(s3, bucket, numbered, monkeypatch):
    monkeypatch.setattr(writing, "ROW_GROUP", 10)
    export(numbered, f"{bucket}/set")
    (size,) = [info.size for info in located(f"{bucket}/set/annotations").infos()]
    s3.requests.clear()
    part = read(f"{bucket}/set", rows="0:10")
    fetched = s3.fetched("datum$")
    assert [item.id for item in part] == [f"{n}" for n in range(10)]
    assert size / 20 < fetched < size / 2
    s3.requests.clear()
    assert len(read(f"{bucket}/set")) == 200
    assert size < s3.fetched("datum$") < 1.5 * size


def test_a_worker_s_shard_is_fetched_and_the_others_footers(s3, bucket, numbered):
    export(numbered, f"{bucket}/set", shard_size=50)
    s3.requests.clear()
    assert len(read(f"{bucket}/set", shard="2/4")) == 50
    fetched = [s3.fetched(f"default-0000{n}") for n in range(4)]
    assert fetched[2] > 50_000 and max(fetched[:2]) < 66_000 + 64


def test_annotations_and_sizes_fetch_no_media(s3, stored):
    s3.requests.clear()
    back = read(stored)
    assert all(item.media.size == (4, 6) for item in back)
    assert {a.label for item in back for a in item.annotations if hasattr(a, "label")} >= {0, 1}
    assert not s3.asked("images")


def test_an_image_is_fetched_alone_when_it_is_looked_at(s3, stored):
    back = read(stored)
    s3.requests.clear()
    assert back.get("p2", "train").media.data[0, 0].tolist() == [20, 20, 20]
    assert {key.rpartition("/")[2] for _, key, _ in s3.requests} == {"p2.png"}
    assert len(s3.requests) == 2


def test_each_file_is_opened_once(s3, stored):
    s3.requests.clear()
    read(stored)
    asked = [method for method, _, _ in s3.asked("train.datum")]
    assert asked.count("HEAD") == 1 and asked.count("GET") <= 3


# --- an export that replaces, or fails ------------------------------------------------------------


def test_annotations_come_last(s3, bucket, photos):
    export(photos, f"{bucket}/set")
    put_ = [key.partition("/set/")[2] for method, key, _ in s3.requests if method == "PUT"]
    put_ = [key for key in put_ if key]
    assert put_[0].startswith(claim.PREFIX) and put_[1] == MARK
    assert [key.partition("/")[0] for key in put_[2:]] == ["images"] * 5 + ["annotations"] * 2
    removed = [key.partition("/set/")[2] for method, key, _ in s3.requests if method == "DELETE"]
    assert removed == [MARK, put_[0]]
    assert not [key for key in keys(f"{bucket}/set") if key.startswith("export-")]


@pytest.mark.parametrize("refused", [MARK, "images/val/p3", "annotations/val"])
def test_a_failed_export_to_a_free_place_leaves_nothing(s3, bucket, photos, refused):
    s3.refuses = f"PUT .*/{refused}"
    with pytest.raises(DatasetExportError, match=f"{bucket}/zoo/set.*permission.*was removed"):
        export(photos, f"{bucket}/zoo/set")
    s3.refuses = ""
    assert keys(bucket) == []


def test_what_cannot_be_removed_again_is_told(s3, bucket, photos):
    s3.refuses = "PUT .*/annotations/|DELETE .*/images/|POST"
    with pytest.raises(DatasetExportError, match="5 uploaded files could not be removed"):
        export(photos, f"{bucket}/set")


def test_a_replacement_that_cannot_begin_changes_nothing(s3, bucket, photos):
    export(photos, f"{bucket}/set")
    s3.refuses = f"PUT .*/{MARK}"
    with pytest.raises(DatasetExportError, match="as it was"):
        export(photos, f"{bucket}/set")
    s3.refuses = ""
    assert_same(photos, read(f"{bucket}/set"))


def test_an_interrupted_export_leaves_nothing(bucket, photos, monkeypatch):
    def interrupted(self, names, claim):
        raise KeyboardInterrupt

    monkeypatch.setattr(upload._Upload, "_check", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(photos, f"{bucket}/set")
    assert keys(bucket) == []


def test_a_data_set_that_is_replaced_while_it_is_read_is_read_again(bucket, photos, monkeypatch):
    from datumaro.formats.datumaro_binary.parquet import dataset

    export(photos, f"{bucket}/set")
    whole, calls = dataset.read, []

    def replaced(*args):
        content = whole(*args)
        if not calls:
            monkeypatch.setattr(dataset, "read", whole)
            smaller = dm.Dataset.from_iterable([dm.DatasetItem("new", subset="train")])
            export(smaller, f"{bucket}/set")
        calls.append(len(content.chunks))
        return content

    monkeypatch.setattr(dataset, "read", replaced)
    assert [item.id for item in read(f"{bucket}/set")] == ["new"]


def test_large_files_go_in_parts(s3, bucket):
    data = np.random.default_rng(0).bytes(12 << 20)
    made = dm.Dataset.from_iterable([dm.DatasetItem("a", media=dm.Image.from_bytes(data, ".png"))])
    export(made, f"{bucket}/set")
    assert sum(method == "PUT" for method, _, _ in s3.asked("a.png")) > 1
    assert dm.Image.from_file(f"{bucket}/set/images/default/a.png").bytes == data


# --- what goes wrong ------------------------------------------------------------------------------


def test_no_permission(s3, stored):
    back = read(stored)
    s3.refuses = "."
    with pytest.raises(RemoteStorageError, match=f"{stored}: permission was refused; give"):
        read(stored)
    with pytest.raises(RemoteStorageError, match=r"p1.png: permission was refused"):
        _ = back.get("p1", "val").media.data
    s3.refuses = "GET .*datum$"
    with pytest.raises(RemoteStorageError, match=r"set/annotations/.*\.datum: permission"):
        read(stored)


def test_no_server_and_no_secret_in_the_message(s3, photos):
    url = "s3://name:topsecret@bucket/set?endpoint_override=http://127.0.0.1:9"
    with pytest.raises(RemoteStorageError, match=r"s3://bucket/set: .*cannot be reached") as told:
        dm.Dataset.import_from(url)
    assert "topsecret" not in str(told.value) and "endpoint_override" in str(told.value)


def test_a_damaged_file_is_told_as_one(bucket, photos):
    export(photos, f"{bucket}/set")
    data = located(f"{bucket}/set/annotations/val.datum").read_bytes()
    put(f"{bucket}/set/annotations/val.datum", data[:-40])
    with pytest.raises(DatasetImportError, match=f"{bucket}/set/annotations/val.datum: footer"):
        read(f"{bucket}/set")
    put(f"{bucket}/set/annotations/val.datum", data[:300] + bytes(200) + data[500:])
    with pytest.raises(DatasetImportError, match=f"{bucket}/set/annotations/val.datum: row group"):
        read(f"{bucket}/set")


def test_other_formats_and_records_are_not_at_urls(bucket, photos, tmp_path):
    with pytest.raises(DatasetExportError, match="format coco is not written to URLs"):
        photos.export(f"{bucket}/set", "coco")
    with pytest.raises(DatasetExportError, match="--storage parquet"):
        photos.export(f"{bucket}/set", "datumaro_binary")
    photos.export(tmp_path / "set", "datumaro_binary")
    for name in ("train", "val"):
        file = tmp_path / f"set/annotations/{name}.datum"
        put(f"{bucket}/set/annotations/{name}.datum", file.read_bytes())
    with pytest.raises(DatasetImportError, match="its storage is records"):
        dm.Dataset.import_from(f"{bucket}/set")
    with pytest.raises(
        DatasetImportError, match=f"not read from URLs.*aws s3 sync {bucket}/set FOL"
    ):
        dm.Dataset.import_from(f"{bucket}/set", "coco")
    with pytest.raises(NoMatchingFormatsError, match="name the folder that holds annotations"):
        dm.Dataset.import_from(f"{bucket}/set/annotations")


def test_projects_are_local(bucket, photos, tmp_path):
    from datumaro.project.project import Project

    project = Project.create(tmp_path / "project")
    with pytest.raises(NotAvailableError, match="a project's source is a local folder"):
        project.import_source(f"{bucket}/set")
    with pytest.raises(NotAvailableError, match="a project's source is a local folder"):
        project.add_source(f"{bucket}/set")


# --- the command line -----------------------------------------------------------------------------


def test_the_command_line(bucket, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photos.export("coco", "coco", save_media=True)
    url = f"{bucket}/set"
    there = ["convert", "-q", "-i", "coco", "-f", "datumaro_binary", "-o", url]
    stored = ["--", "--storage", "parquet", "--save-media"]
    assert main([*there, *stored]) == 0
    assert main([*there, *stored]) == 1
    assert f"{url}: exists and is not empty" in capsys.readouterr().err
    assert main([*there, "--overwrite", *stored]) == 0
    assert main(["detect", url]) == 0
    assert capsys.readouterr().out == "Detected format: datumaro_binary\n"
    assert main(["info", url]) == 0
    assert "subsets: train, val" in capsys.readouterr().out
    assert main(["info", f"{url}:datumaro_binary"]) == 0
    assert main(["stats", "-q", url]) == 0
    assert "5 different" in capsys.readouterr().out
    assert main(["convert", "-q", "-i", url, "-f", "image_dir", "--", "--save-media"]) == 0
    assert len(list((tmp_path / "set-image_dir").glob("*.*"))) == 5
    assert main(["filter", "-q", url, "-e", "/item[id='p1']", "-o", f"{bucket}/one"]) == 0
    assert len(read(f"{bucket}/one")) == 1
    command = ["transform", "-q", url, "-t", "remap_labels", "--overwrite"]
    assert main([*command, "--", "-l", "cat:ox"]) == 0
    assert read(url).get_label_cat_names()[0] == "ox"
    assert not (tmp_path / "s3:").exists()


def test_the_command_line_s_errors(s3, bucket, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["info", "s3://name:topsecret@bucket/x", "--no-such-flag"]) == 2
    assert main(["convert", "-i", "s3://n:topsecret@b/x", "-f", "coco", "-o", bucket]) == 1
    assert main(["info", "--loglevel", "debug", "s3://n:topsecret@b/x?secret_key=topsecret"]) == 1
    out, err = capsys.readouterr()
    assert "topsecret" not in out + err
    assert main(["sample", f"{bucket}/sample"]) == 1
    assert main(["key", "show-recipients", f"{bucket}/set"]) == 1
    assert not list(tmp_path.iterdir())


def test_what_other_formats_are_told(bucket, photos, tmp_path, capsys):
    photos.export(tmp_path / "coco", "coco")
    put(f"{bucket}/coco/annotations/instances.json", b"{}")
    copy = f"aws s3 sync {bucket}/coco FOLDER"
    convert = ["convert", "-i", f"{bucket}/coco", "-f", "voc", "-o", str(tmp_path / "out")]
    for command in (convert, [*convert, "-if", "coco"], ["info", f"{bucket}/coco:coco"]):
        assert main(command) == 1
        error = capsys.readouterr().err
        assert "not read" in error and copy in error
    assert main(["detect", f"{bucket}/coco"]) == 0
    assert copy in capsys.readouterr().out
    assert main(["convert", "-i", str(tmp_path / "coco"), "-f", "voc", "-o", f"{bucket}/voc"]) == 1
    assert "export datumaro_binary with storage parquet there" in capsys.readouterr().err
    assert main(["convert", "-i", "s3:/bucket/set", "-f", "voc", "-o", "out"]) == 1
    assert "two slashes" in capsys.readouterr().err
