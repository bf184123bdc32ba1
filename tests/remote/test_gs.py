"""Data sets in Google's object store, against an emulator: what is fetched, put, said."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

import datumaro as dm
from at_urls import assert_same, export, keys, put, read
from datumaro.cli.main import main
from datumaro.errors import (
    DatasetExportError,
    InvalidOptionError,
    RemoteStorageError,
)
from datumaro.formats.datumaro_binary.parquet import writing
from datumaro.remote.claim import PREFIX
from datumaro.remote.connection import Connection
from datumaro.remote.path import RemotePath, _Onwards
from datumaro.remote.steady import MARK


@pytest.fixture
def bucket(gcs):
    """The URL of an empty bucket."""
    return f"gs://{gcs.new_bucket()}"


# --- there and back -------------------------------------------------------------------------------


def test_the_scheme_has_another_name(bucket, photos):
    export(photos, f"{bucket}/set")
    assert_same(photos, read(f"{bucket}/set".replace("gs://", "gcs://")))


def test_from_there_to_a_local_folder(gcs, bucket, photos, tmp_path):
    export(photos, f"{bucket}/set")
    back = read(f"{bucket}/set")
    gcs.clear()
    back.export(tmp_path / "coco", "coco", save_media=True)
    assert len(gcs.asked("png")) == 5
    coco = dm.Dataset.import_from(tmp_path / "coco", "coco")
    assert coco.get("p3", "val").media.data[0, 0].tolist() == [30, 30, 30]


def test_single_items(gcs, bucket, photos):
    export(photos, f"{bucket}/set")
    reader = dm.ItemReader(f"{bucket}/set")
    expected = [item for subset in photos.subsets().values() for item in subset]
    assert list(reader) == expected
    gcs.clear()
    assert reader[4].media.data[0, 0].tolist() == [30, 30, 30]
    assert len(gcs.asked("images")) == 1


def test_large_files_go_in_parts(gcs, bucket):
    data = np.random.default_rng(0).bytes(20 << 20)
    made = dm.Dataset.from_iterable([dm.DatasetItem("a", media=dm.Image.from_bytes(data, ".png"))])
    export(made, f"{bucket}/set")
    assert sum(method == "PUT" for method, _, _ in gcs.asked("a.png")) > 1
    assert dm.Image.from_file(f"{bucket}/set/images/default/a.png").bytes == data


@settings(max_examples=30)
@given(
    data=st.binary(max_size=50), steps=st.lists(st.tuples(st.integers(-60, 60), st.integers(0, 9)))
)
def test_what_is_read_onwards_is_read_as_of_a_file(data, steps):
    class Sent(RemotePath):
        def stream(self):
            return io.BytesIO(data)

        def arrow_file(self):
            return pa.PythonFile(io.BytesIO(data), mode="r")

    with _Onwards(Sent(Connection("gs", "bucket"), "x")) as ours:
        theirs = io.BytesIO(data)
        for offset, n in steps:
            if offset % 3:
                whence = io.SEEK_END if offset < 0 else io.SEEK_SET
                assert ours.seek(offset, whence) == theirs.seek(max(offset, -len(data)), whence)
            assert ours.read(n) == theirs.read(n)


# --- what is fetched ------------------------------------------------------------------------------


def test_rows_are_fetched_alone(gcs, bucket, monkeypatch):
    monkeypatch.setattr(writing, "ROW_GROUP", 10)
    random = np.random.default_rng(1)
    made = dm.Dataset.from_iterable(
        [
            dm.DatasetItem(f"{n}", annotations=[dm.Caption(random.bytes(1000).hex())])
            for n in range(200)
        ]
    )
    export(made, f"{bucket}/set")
    gcs.clear()
    whole = read(f"{bucket}/set")
    size = gcs.fetched("datum")
    gcs.clear()
    part = read(f"{bucket}/set", rows="0:10")
    assert [item.id for item in part] == [f"{n}" for n in range(10)] and len(whole) == 200
    assert size / 20 < gcs.fetched("datum") < size / 2


def test_a_file_is_opened_once_and_media_are_not(gcs, bucket, photos):
    export(photos, f"{bucket}/set")
    gcs.clear()
    back = read(f"{bucket}/set")
    assert all(item.media.size == (4, 6) for item in back)
    assert not gcs.asked("images")
    asked = [path for _, path, _ in gcs.asked("/o/set/annotations/train.datum")]
    by_range = [path for path in asked if " bytes=" in path]
    # its metadata; the whole file, which pyarrow asks for and breaks off; and the ranges
    assert len(by_range) <= 3 and len(asked) == len(by_range) + 2
    gcs.clear()
    assert back.get("p2", "train").media.data[0, 0].tolist() == [20, 20, 20]
    assert len(gcs.requests) == 1 and gcs.asked("p2.png")


# --- an export that replaces, meets another, or fails ---------------------------------------------


def test_two_exports_at_once_never_mix(bucket, photos):
    fewer = dm.Dataset.from_iterable([dm.DatasetItem("one", subset="train")])
    barrier = threading.Barrier(2)

    def run(made):
        barrier.wait()
        try:
            export(made, f"{bucket}/set", shard_size=1)
        except DatasetExportError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        errors = list(pool.map(run, (photos, fewer)))
    whole = read(f"{bucket}/set")
    assert not errors[len(whole) == 1] and len(whole) in (1, 5)
    assert all(not error or "another export to it is under way" in error for error in errors)
    assert not [key for key in keys(f"{bucket}/set") if key.startswith("export-")]


def test_who_is_refused_is_told_how_to_go_on(bucket, photos):
    put(f"{bucket}/set/{PREFIX}a", b"eve@host, process 7")
    with pytest.raises(
        DatasetExportError, match=r"by eve@host, process 7 since .*gcloud storage rm"
    ):
        export(photos, f"{bucket}/set")


@pytest.mark.parametrize("refused", [PREFIX, MARK, "images/val/p3", "annotations/val"])
def test_a_failed_export_to_a_free_place_leaves_nothing(gcs, bucket, photos, refused):
    gcs.fails(f"POST .*/o.*name=set/{refused}", "403")
    with pytest.raises(DatasetExportError, match=f"{bucket}/set.*permission.*GOOGLE_APPLICATION"):
        export(photos, f"{bucket}/set")
    gcs.clear()
    assert keys(bucket) == []


# --- what goes wrong ------------------------------------------------------------------------------


def test_no_permission(gcs, bucket, photos):
    export(photos, f"{bucket}/set")
    back = read(f"{bucket}/set")
    gcs.fails(".", "403")
    with pytest.raises(RemoteStorageError, match=f"{bucket}/set: permission was refused; name"):
        read(f"{bucket}/set")
    with pytest.raises(RemoteStorageError, match=r"p1.png: permission was refused"):
        _ = back.get("p1", "val").media.data


SHORT = {"storage_options": {"retry_time_limit": 1}}


@pytest.mark.parametrize("request_", ["GET .*datum.*alt=media", "GET .*prefix"])  # the listing
def test_what_pyarrow_hides_is_told(gcs, bucket, photos, request_):
    export(photos, f"{bucket}/set")
    gcs.fails(request_, "403")
    with pytest.raises(RemoteStorageError, match=f"{bucket}/set.*permission was refused"):
        dm.Dataset.import_from(f"{bucket}/set")


def test_half_an_image_is_none(gcs, bucket, photos):
    export(photos, f"{bucket}/set", **SHORT)
    media = read(f"{bucket}/set").get("p1", "val").media
    gcs.fails("GET .*png", "cut")
    with pytest.raises(RemoteStorageError, match=r"p1\.png: .*(broke off|did not answer in time)"):
        _ = media.data


def test_no_server(monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:9")
    with pytest.raises(RemoteStorageError, match=r"gs://b/set: .*(reached.*EMULATOR|in time)"):
        dm.Dataset.import_from("gs://b/set", **SHORT)


def test_settings_in_the_url(gcs, photos, monkeypatch):
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    url = f"gs://anonymous@{gcs.new_bucket()}/set?endpoint_override={gcs.host}"
    export(photos, url)
    assert_same(photos, dm.Dataset.import_from(url))
    options = {"endpoint_override": gcs.host.partition("//")[2], "scheme": "http"}
    name = gcs.new_bucket()
    export(photos, f"gs://{name}/set", storage_options={**options, "anonymous": True})
    assert len(read(f"gs://{name}/set")) == 5
    with pytest.raises(InvalidOptionError, match="retry_time_limit"):
        read(f"gs://{name}/set?colour=red")


# --- the command line -----------------------------------------------------------------------------


def test_the_command_line(bucket, photos, tmp_path, capsys):
    photos.export(tmp_path / "coco", "coco", save_media=True)
    url = f"{bucket}/set"
    there = ["convert", "-q", "-i", str(tmp_path / "coco"), "-f", "datumaro_binary", "-o", url]
    stored = ["--", "--storage", "parquet", "--save-media"]
    assert main([*there, *stored]) == 0
    assert main([*there, *stored]) == 1
    assert f"{url}: exists and is not empty" in capsys.readouterr().err
    assert main([*there, "--overwrite", *stored]) == 0
    assert main(["detect", url]) == 0
    assert capsys.readouterr().out == "Detected format: datumaro_binary\n"
    assert main(["info", url]) == 0
    assert "subsets: train, val" in capsys.readouterr().out
    out = str(tmp_path / "out")
    assert main(["convert", "-q", "-i", url, "-f", "voc", "-o", out, "--", "--save-media"]) == 0
    assert len(dm.Dataset.import_from(out)) == 5
