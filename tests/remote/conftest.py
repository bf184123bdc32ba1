"""Servers for data sets at URLs."""

import importlib.util

import numpy as np
import pytest

import datumaro as dm


@pytest.fixture(scope="session")
def s3_server():
    if not all(importlib.util.find_spec(name) for name in ("moto", "flask")):
        pytest.skip("moto is not installed: pip install 'moto[server]'")
    from s3_server import started

    s3, server = started()
    yield s3
    server.shutdown()
    server.server_close()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """An S3 server, which the environment leads to. See `s3_server.S3`."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "name")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3_server.refuses = ""
    s3_server.fails.clear()
    s3_server.requests.clear()
    return s3_server


@pytest.fixture
def bucket(s3):
    """The URL of an empty bucket."""
    return f"s3://{s3.new_bucket()}"


@pytest.fixture(scope="session")
def gcs_server():
    if importlib.util.find_spec("gcp_storage_emulator") is None:
        pytest.skip("gcp-storage-emulator is not installed: pip install gcp-storage-emulator")
    from gcs_server import started

    gcs = started()
    yield gcs
    gcs.stop()


@pytest.fixture
def gcs(gcs_server, monkeypatch):
    """A server of Google's storage, which the environment leads to. See `gcs_server.GCS`."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.host)
    gcs_server.clear()
    return gcs_server


@pytest.fixture
def memory():
    """The URL of an empty folder in fsspec's memory."""
    if importlib.util.find_spec("fsspec") is None:
        pytest.skip("fsspec is not installed")
    from fsspec.implementations.memory import MemoryFileSystem

    def clear():
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]

    clear()
    yield "memory://home"
    clear()


@pytest.fixture
def photos():
    """Five images of one colour each in two subsets, each with a box and a caption."""
    items = [
        dm.DatasetItem(
            f"p{n}",
            subset=("train", "val")[n % 2],
            media=dm.Image.from_numpy(np.full((4, 6, 3), 10 * n, np.uint8), ext=".png"),
            annotations=[dm.Bbox(n, 1, 2, 3, label=n % 2), dm.Caption(f"photo {n}")],
        )
        for n in range(5)
    ]
    return dm.Dataset.from_iterable(items, categories=["cat", "dog"], infos={"by": "me"})
