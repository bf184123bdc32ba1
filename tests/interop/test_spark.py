"""Spark opens encrypted Parquet storage with the wrapping key, by Parquet's own key tools.

It needs an interpreter that has pyspark, named by the variable DATUMARO_SPARK_PYTHON, and a JDK:

    python -m venv ~/.cache/datumaro-spark
    ~/.cache/datumaro-spark/bin/pip install pyspark
    DATUMARO_SPARK_PYTHON=~/.cache/datumaro-spark/bin/python pytest tests/interop/test_spark.py
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import datumaro as dm
from datumaro.crypto import generate_key
from datumaro.formats.datumaro_binary.parquet.other_engines import engine_keys
from datumaro.formats.datumaro_binary.parquet.rotation import GivenKey

HERE = Path(__file__).parent
JARS = "import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent / 'jars')"


@pytest.fixture
def python() -> str:
    found = os.environ.get("DATUMARO_SPARK_PYTHON")
    if not found:
        pytest.skip("DATUMARO_SPARK_PYTHON names no interpreter that has pyspark")
    if shutil.which("javac") is None:
        pytest.skip("there is no javac")
    return str(Path(found).expanduser())


def dataset(ids: str) -> dm.Dataset:
    items = [
        dm.DatasetItem(
            f"{ids}{number}",
            subset=("train", "val")[number % 2],
            annotations=[
                dm.Bbox(1, 2, 3, 4, label=number % 3),
                dm.Polygon([1, 2, 3, 4, 5, 6], label=2, attributes={"seen": True}),
                dm.Caption("a cat"),
            ],
        )
        for number in range(100)
    ]
    return dm.Dataset.from_iterable(items, categories=["cat", "dog", "bird"])


def labels_of(data: dm.Dataset) -> dict[int | None, int]:
    return Counter(getattr(a, "label", None) for item in data for a in item.annotations)


def test_it_counts_the_same(python: str, tmp_path: Path):
    reads: list[dict[str, Any]] = []
    for name in ("one", "two"):
        key = generate_key()
        options: dict[str, Any] = {"storage": "parquet", "encryption_key": key, "shard_size": 30}
        dataset(name).export(tmp_path / name, "datumaro_binary", **options)
        keys = engine_keys(tmp_path / name, GivenKey(encryption_key=key))
        wrapping = base64.b64encode(keys.wrapping[tmp_path / name / "annotations"]).decode()
        reads.append({"files": [str(path) for path in keys.data], "key": wrapping})
    reads.append({"files": reads[0]["files"], "key": reads[1]["key"]})
    jars = subprocess.run([python, "-c", JARS], check=True, capture_output=True, text=True).stdout
    words = ["javac", "-cp", f"{jars.strip()}/*", "-d", tmp_path, HERE / "DatumaroKms.java"]
    subprocess.run(words, check=True)
    done = subprocess.run(
        [python, HERE / "spark_job.py"],
        input=json.dumps({"classes": str(tmp_path), "reads": reads}),
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    answers = json.loads(done.stdout)
    for name, answer in zip(("one", "two"), answers, strict=False):
        assert answer["ids"] == sorted(item.id for item in dataset(name)), answer
        assert dict(answer["labels"]) == labels_of(dataset(name))
    assert "error" in answers[2], "the key of another data set opens nothing"
