"""Servers that fail: what is tried again, what is said, and what is left."""

import pytest
from pyarrow.fs import AwsStandardS3RetryStrategy

import datumaro as dm
from at_urls import assert_same, export, keys, read
from datumaro.cli.main import main
from datumaro.errors import DatasetImportError, RemoteStorageError
from datumaro.remote.steady import MARK

ONCE = {"storage_options": {"retry_strategy": AwsStandardS3RetryStrategy(max_attempts=1)}}


@pytest.fixture
def there(bucket, photos):
    """The URL of a data set in a bucket where nothing is tried again."""
    export(photos, f"{bucket}/set", **ONCE)
    return f"{bucket}/set"


@pytest.mark.parametrize(
    ("request_", "how", "message"),
    [
        ("GET .*datum", "503", "is overloaded, or gets too many requests; .*num_workers"),
        ("GET .*datum", "500", "failed; try again later"),
        ("GET .*datum", "cut", "broke off; see to the network, and try again"),
        ("GET .*datum", "404", "is not there any more"),
        ("GET .*datum", "401", "permission was refused; give the credentials"),
        ("GET /[^/]*/?$", "503", "is overloaded"),  # the listing
        ("GET /[^/]*/?$", "403", "permission was refused"),
        ("HEAD", "503", "is overloaded"),
    ],
)
def test_what_fails_when_it_is_read_is_told(s3, there, request_, how, message):
    s3.fails[request_] = how
    for format in (None, "datumaro_binary"):  # detected, and given
        with pytest.raises(RemoteStorageError, match=f"{there}.*{message}"):
            dm.Dataset.import_from(there, format)
    s3.fails.clear()
    assert len(read(there)) == 5


@pytest.mark.parametrize(
    ("how", "message"), [("503", "overloaded|answered with an error"), ("cut", "broke off")]
)
def test_what_fails_of_media_is_told_and_nothing_is_taken_for_an_image(s3, there, how, message):
    media = read(there).get("p1", "val").media
    s3.fails["GET .*png"] = how
    with pytest.raises(RemoteStorageError, match=rf"{there}/images/val/p1\.png: .*({message})"):
        _ = media.data
    s3.fails.clear()
    assert media.data[0, 0].tolist() == [10, 10, 10]


def test_a_server_that_does_not_answer(s3, bucket, photos):
    url = f"{bucket}/set?request_timeout=1"
    export(photos, url, **ONCE)
    s3.fails["HEAD .*datum"] = "stall"
    with pytest.raises(RemoteStorageError, match="did not answer in time; see to the network"):
        read(url, **ONCE)


def test_a_request_is_tried_three_times(s3, bucket, photos):
    export(photos, f"{bucket}/set")
    media = read(f"{bucket}/set").get("p1", "val").media
    s3.fails["HEAD .*png"] = "503"
    s3.requests.clear()
    with pytest.raises(RemoteStorageError, match="overloaded"):
        _ = media.data
    assert len(s3.asked("p1.png")) == 3


@pytest.mark.parametrize(
    ("request_", "how"),
    [
        ("PUT .*png", "503"),
        ("PUT .*val.datum", "500"),
        ("GET /[^/]*/?$", "503"),
        (f"DELETE .*{MARK}|POST", "503"),
    ],
)
def test_nothing_half_written_is_taken_for_a_data_set(s3, bucket, photos, request_, how):
    url = f"{bucket}/set"
    export(dm.Dataset.from_iterable([dm.DatasetItem("old")]), url, **ONCE)
    s3.fails[request_] = how
    with pytest.raises(RemoteStorageError, match=url) as told:
        export(photos, url)
    s3.fails.clear()
    if MARK in keys(url):
        assert f"while the file {MARK} is there: export again" in str(told.value)
        with pytest.raises(DatasetImportError, match="broken off"):
            read(url)
    else:
        assert [item.id for item in read(url)] == ["old"]
    export(photos, url)  # the remedy
    assert_same(photos, read(url))


def test_a_removal_that_fails_is_not_tried_for_each_file(s3, bucket, photos):
    url = f"{bucket}/new"
    s3.fails["PUT .*val.datum"] = "500"
    s3.fails["DELETE"] = "503"
    with pytest.raises(RemoteStorageError, match=r"[67] uploaded files could not be removed again"):
        export(photos, url, **ONCE)
    s3.fails.clear()
    assert len(s3.asked("png")) == 10 - 5  # uploads alone
    with pytest.raises(DatasetImportError, match="broken off"):
        read(url)


def test_the_command_line_tells_it(s3, there, capsys):
    s3.fails["GET .*datum"] = "503"
    for command in ("info", "detect", "stats"):
        assert main([command, there]) == 1
        assert "is overloaded" in capsys.readouterr().err
