"""Data sets at URLs: what holds of every object store. What is one's own is in its own module."""

from collections.abc import Callable

import pytest

import datumaro as dm
from at_urls import assert_same, export, keys, put, read
from datumaro.crypto import generate_key
from datumaro.errors import (
    DatasetExportError,
    DatasetImportError,
    DatasetNotFoundError,
    EncryptionKeyError,
)

STORES = ("s3", "gs")


@pytest.fixture(params=STORES)
def scheme(request):
    return request.param


@pytest.fixture
def server(request, scheme):
    return request.getfixturevalue({"s3": "s3", "gs": "gcs"}[scheme])


@pytest.fixture
def bucket(scheme, server):
    """The URL of an empty bucket."""
    return f"{scheme}://{server.new_bucket()}"


@pytest.fixture
def refuse(scheme, server) -> Callable[[str], None]:
    """Refuses to take files with such a name; "" takes all again."""

    def refuse(name: str) -> None:
        if scheme == "s3":
            server.refuses = f"PUT .*{name}" if name else ""
        elif name:
            server.fails(f"POST .*{name}", "403")
        else:
            server.clear()

    return refuse


def test_what_goes_there_comes_back(bucket, photos):
    export(photos, f"{bucket}/zoo/photos")
    back = dm.Dataset.import_from(f"{bucket}/zoo/photos")  # the format is detected
    assert_same(photos, back)
    assert back.data_path == f"{bucket}/zoo/photos"
    assert back.get("p1", "val").media.path == f"{bucket}/zoo/photos/images/val/p1.png"
    assert [key.rpartition("/")[0] for key in keys(f"{bucket}/zoo/photos")] == [
        *["annotations"] * 2,
        *["images/train"] * 3,
        *["images/val"] * 2,
    ]
    assert dm.summarize(f"{bucket}/zoo/photos") == dm.summarize(photos)


def test_a_bucket_may_be_the_data_set(bucket, photos):
    export(photos, bucket)
    assert_same(photos, read(bucket))
    assert_same(photos, read(f"{bucket}/"))


@pytest.mark.parametrize("media", [True, False])
def test_encrypted(bucket, photos, media):
    key = {"encryption_key": generate_key()}
    export(photos, f"{bucket}/set", **key, no_media_encryption=not media)
    assert_same(photos, read(f"{bucket}/set", **key))
    with pytest.raises(DatasetImportError, match=f"{bucket}/set/annotations/train.datum: .*key"):
        read(f"{bucket}/set")
    with pytest.raises(EncryptionKeyError):
        read(f"{bucket}/set", encryption_key=generate_key())


def test_an_older_data_set_is_replaced_and_other_files_stay(bucket, photos):
    export(photos, f"{bucket}/set", shard_size=1)
    put(f"{bucket}/set/notes.txt", b"mine")
    back = read(f"{bucket}/set")
    back.remove("p0", "train")
    back.save(shard_size=0, save_media=True)
    assert keys(f"{bucket}/set") == [
        "annotations/train.datum",
        "annotations/val.datum",
        "images/train/p2.png",
        "images/train/p4.png",
        "images/val/p1.png",
        "images/val/p3.png",
        "notes.txt",
    ]
    assert len(read(f"{bucket}/set")) == 4


def test_a_failed_replacement_is_told_and_not_read(bucket, photos, refuse):
    export(photos, f"{bucket}/set")
    refuse("annotations/val")
    with pytest.raises(DatasetExportError, match=r"was being replaced: . of 7 files") as told:
        export(photos, f"{bucket}/set")
    assert "export again" in str(told.value)
    refuse("")
    with pytest.raises(DatasetImportError, match="broken off"):
        read(f"{bucket}/set")
    export(photos, f"{bucket}/set")  # the remedy
    assert_same(photos, read(f"{bucket}/set"))


def test_nothing_there(scheme, bucket, photos):
    with pytest.raises(DatasetNotFoundError, match=f"{bucket}/none: there is nothing at this URL"):
        dm.Dataset.import_from(f"{bucket}/none")
    with pytest.raises(DatasetNotFoundError, match="there is no bucket 'no-such-bucket'"):
        dm.Dataset.import_from(f"{scheme}://no-such-bucket/set")
    with pytest.raises(DatasetExportError, match="there is no bucket 'no-such-bucket'"):
        export(photos, f"{scheme}://no-such-bucket/set")
    assert dm.Image.from_file(f"{bucket}/none.png").data is None


def test_where_a_file_lies_is_no_data_set_made(bucket, photos):
    put(f"{bucket}/file", b"x")
    with pytest.raises(DatasetExportError, match="it is a file"):
        export(photos, f"{bucket}/file")
