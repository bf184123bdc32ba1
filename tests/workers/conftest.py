"""Executors of each kind, and data sets for them to read and write."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import datumaro as dm
from datumaro import media_store
from datumaro.formats.datumaro_binary import reading, writing
from workers.pools import dask_cluster, process_pool


@pytest.fixture(scope="package")
def processes() -> Iterator[ProcessPoolExecutor]:
    with process_pool(2) as pool:
        yield pool


@pytest.fixture(scope="package")
def dask_executor() -> Iterator[Executor]:
    with dask_cluster(2) as executor:
        yield executor


@pytest.fixture(params=["threads", "processes", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "threads":
        with ThreadPoolExecutor(2) as pool:
            yield pool
    else:
        name = "processes" if request.param == "processes" else "dask_executor"
        yield request.getfixturevalue(name)


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    (tmp_path / "pictures").mkdir()
    paths = [str(tmp_path / "pictures" / f"{i}.jpg") for i in range(40)]
    for i, path in enumerate(paths):
        dm.Image.from_numpy(np.full((8, 8, 3), 6 * i, np.uint8)).save(path)
    return paths


@pytest.fixture
def dataset(pictures: list[str], monkeypatch: pytest.MonkeyPatch) -> dm.Dataset:
    """Forty images and their boxes, in many batches."""
    monkeypatch.setattr(media_store, "_BATCH", 4)
    monkeypatch.setattr(writing, "BLOB_SIZE", 300)
    monkeypatch.setattr(reading, "_GROUP", 1000)
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                id=f"{i}",
                media=dm.Image.from_file(path),
                annotations=[dm.Bbox(i, 1, 2, 3, label=0), dm.Caption("x" * i)],
            )
            for i, path in enumerate(pictures)
        ],
        categories=["a"],
    )


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """An old data set, alone in its folder."""
    target = tmp_path / "sets" / "old"
    old = dm.Dataset.from_iterable([dm.DatasetItem(id="old")])
    old.export(target, "datumaro_binary")
    return target
