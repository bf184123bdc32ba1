"""URLs, what they are taken for, and data sets in file systems of fsspec's."""

import builtins
import io
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

import datumaro as dm
from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    InvalidOptionError,
    MissingDependencyError,
    NotAvailableError,
    RemoteStorageError,
)
from datumaro.keys import redacted
from datumaro.paths import is_url
from datumaro.remote.connection import Connection
from datumaro.remote.failures import failure
from datumaro.remote.path import RemotePath, local, located
from datumaro.remote.ranges import RangedFile


@pytest.mark.parametrize("text", ["s3://b/x", "memory://x", "gs+x://b", "S3://b"])
def test_urls(text):
    assert is_url(text)


@pytest.mark.parametrize("text", ["", "a/b", "/s3://b", "C://x", "://x", "./s3:/b", "1s3://b"])
def test_paths_that_are_none(text):
    assert not is_url(text)
    assert located(text) == Path(text)


def test_a_path_at_a_url():
    path = located("s3://bucket//zoo/./photos/../train.datum/")
    assert str(path) == "s3://bucket/zoo/train.datum"
    assert (path.name, path.stem, path.suffix) == ("train.datum", "train", ".datum")
    assert [str(folder) for folder in path.parents] == ["s3://bucket/zoo", "s3://bucket"]
    assert path.parent / "a" / "b" == path.parent / "a/b"
    assert str(path.relative_to(path.parent)) == "train.datum"
    assert pickle.loads(pickle.dumps(path)) == path
    with pytest.raises(NotAvailableError, match=r"train\.datum: a local file"):
        os.stat(path)  # noqa: PTH116 - what code for local files does


@given(st.text("ab/.", max_size=12))
def test_no_path_leaves_its_bucket(text):
    path = RemotePath(Connection("s3", "bucket"), "set") / text
    assert path.place == "bucket" or path.place.startswith("bucket/")
    assert ".." not in path.key.split("/")


def test_file_urls_are_local_paths(tmp_path):
    assert located((tmp_path / "a b").as_uri()) == tmp_path / "a b"
    with pytest.raises(InvalidOptionError, match="no URL of a local file"):
        located("file://elsewhere/x")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3:///x", "bucket's name is missing"),
        ("s3:/bucket/x", "'s3:/bucket/x' is no URL: s3://… has two slashes"),
        (Path("gs://bucket/x"), "pathlib.Path drops one"),
        ("s3://b/x?colour=red", "no setting 'colour'; there are access_key, anonymous"),
        ("s3://b/x?connect_timeout=soon", "'soon' is no number"),
        ("gs://me@b/x", "GOOGLE_APPLICATION_CREDENTIALS"),
    ],
)
def test_wrong_urls(url, message):
    with pytest.raises(InvalidOptionError, match=message):
        located(url)


def test_settings_for_a_local_path_are_refused(tmp_path):
    with pytest.raises(InvalidOptionError, match="storage_options are for URLs"):
        dm.Dataset.import_from(tmp_path, storage_options={"region": "x"})


def test_no_text_shows_credentials():
    path = located("s3://name:topsecret@hidden/set?session_token=topsecret")
    assert "topsecret" not in f"{path} {path!r} {path.connection!r}"
    assert redacted("at s3://n:topsecret@b/x?a=1&secret_key=topsecret") == (
        "at s3://…@b/x?a=1&secret_key=…"
    )
    told = failure(OSError("AWS Error UNKNOWN: topsecret"), str(path), path.connection)
    assert told is not None and "topsecret" not in str(told)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError("AWS Error NETWORK_CONNECTION: curlCode: 28, Timeout"), "did not answer in time"),
        (OSError("AWS Error NETWORK_CONNECTION: curlCode: 6, …"), "leads nowhere"),
        (OSError("AWS Error NETWORK_CONNECTION: curlCode: 7, …"), "cannot be reached"),
        (OSError("AWS Error NETWORK_CONNECTION: curlCode: 18, partial"), "broke off"),
        (OSError("AWS Error SLOW_DOWN during GetObject"), "too many requests"),
        (OSError("google::cloud::Status(UNAVAILABLE: HTTP status code: 429)"), "too many requests"),
        (OSError("google::cloud::Status(UNAVAILABLE: CURL error [7]=…)"), "cannot be reached"),
        (OSError("google::cloud::Status(X: OAuth2 access token)"), "no credentials were found"),
        (FileNotFoundError("google::cloud::Status(NOT_FOUND)"), "is not there any more"),
        (OSError("AWS Error INTERNAL_FAILURE: Failed to flush response stream"), "with an error"),
        (OSError("AWS Error NO_SUCH_BUCKET during …"), "there is no bucket 'b'"),
        (OSError("google::cloud::Status(PERMISSION_DENIED)"), "permission was refused"),
        (ConnectionResetError("reset"), "failed"),
        (TimeoutError(), "did not answer in time"),
    ],
)
def test_failures_of_servers(error, message):
    told = failure(error, "s3://b/x", Connection("s3", "b"))
    assert isinstance(told, RemoteStorageError) and isinstance(told, DatasetImportError)
    assert message in str(told) and str(told).startswith("s3://b/x: ")


def test_damage_and_bugs_are_no_failures_of_servers():
    for error in (OSError("Couldn't deserialize thrift"), ValueError("x"), FileNotFoundError("x")):
        assert failure(error, "s3://b/x", Connection("s3", "b")) is None


# --- fsspec ---------------------------------------------------------------------------------------


def test_in_memory(memory, photos):
    photos.export(f"{memory}/set", "datumaro_binary", storage="parquet", save_media=True)
    back = dm.Dataset.import_from(f"{memory}/set")
    assert [item.id for item in back.get_subset("train")] == ["p0", "p2", "p4"]
    media = back.get("p3", "val").media
    assert media.path == f"{memory}/set/images/val/p3.png"
    assert np.array_equal(media.data, photos.get("p3", "val").media.data)
    photos.export(f"{memory}/set", "datumaro_binary", storage="parquet", shard_size=2)
    assert [item.id for item in dm.Dataset.import_from(f"{memory}/set", rows="2:")] == ["p4"]


def test_single_items_and_numbers_of_items(photos):
    url = "memory://here/items"
    photos.export(url, "datumaro_binary", storage="parquet", save_media=True)
    reader = pickle.loads(pickle.dumps(dm.ItemReader(url)))
    expected = [item for subset in photos.subsets().values() for item in subset]
    assert list(reader) == expected
    assert (reader[4].media.data == expected[4].media.data).all()
    assert dm.summarize(url) == dm.summarize(photos)
    with pytest.raises(DatasetNotFoundError, match="memory://here/nothing"):
        dm.ItemReader("memory://here/nothing")


def test_a_local_data_set_by_its_url(photos, tmp_path):
    url = (tmp_path / "set").as_uri()
    photos.export(url, "coco", save_media=True)
    assert len(dm.Dataset.import_from(url)) == 5


def test_fsspec_is_named_where_it_lacks(monkeypatch):
    whole = builtins.__import__

    def without(name, *args):
        if name == "fsspec":
            raise ImportError(name)
        return whole(name, *args)

    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"pip install 'datumaro\[remote\]'"):
        dm.Dataset.import_from("memory://x")


def test_a_scheme_that_nobody_knows(memory):
    with pytest.raises(InvalidOptionError, match="nonsense"):
        dm.Dataset.import_from("nonsense://x/set")


def test_keys_are_turned_where_the_files_are(memory):
    from datumaro.formats.datumaro_binary.parquet.rotation import recipients

    with pytest.raises(NotAvailableError, match="copy the data set"):
        recipients(f"{memory}/set")
    with pytest.raises(NotAvailableError, match="the place is a local folder"):
        local(memory, "the place")


@given(
    data=st.binary(max_size=50), steps=st.lists(st.tuples(st.integers(-60, 60), st.integers(0, 9)))
)
def test_ranges_are_those_of_a_file(data, steps):
    pytest.importorskip("fsspec")
    from fsspec.implementations.memory import MemoryFileSystem

    filesystem = MemoryFileSystem()
    filesystem.pipe("/ranges", data)
    ours, theirs = RangedFile(filesystem, "/ranges"), io.BytesIO(data)
    for offset, n in steps:
        whence = io.SEEK_END if offset < 0 else io.SEEK_SET
        assert ours.seek(offset, whence) == theirs.seek(max(offset, -len(data)), whence)
        assert ours.read(n) == theirs.read(n)
    assert ours.size() == len(data)


def test_whatever_a_server_sends_more_is_refused():
    class Talkative:
        def info(self, path):
            return {"type": "file", "size": 4}

        def cat_file(self, path, start, end):
            return b"too much"

    with pytest.raises(OSError, match="8 bytes came where 2 were asked for"):
        RangedFile(Talkative(), "x").read(2)
