"""TFRecord files: both packages read the same from the same files.

The published package needs TensorFlow for it (hundreds of MB), so these tests run when they are
asked for. They make environments of their own, as CONTRIBUTING.md tells:

    DATUMARO_TENSORFLOW=1 pytest tests/interop/test_tensorflow.py
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from interop import published
from interop.cases import (
    TENSORFLOW_CASES,
    TENSORFLOW_PARTLY_CASES,
    TENSORFLOW_READ_BY_THEM_CASES,
    TENSORFLOW_SAMPLES,
    Case,
    Sample,
)
from interop.compare import differences_in_any_order
from interop.exchange import Exchange, exchanged
from interop.quirks import READING, WRITING
from interop.test_converted import assert_agree, by_name

ROBOFLOW_JOB = Path(__file__).parent / "roboflow_job.py"


@pytest.fixture(scope="module", params=published.VERSIONS)
def exchange(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, media: Path
) -> Exchange:
    """As the other tests' exchange, with TensorFlow on the other side."""
    if not os.environ.get("DATUMARO_TENSORFLOW"):
        pytest.skip("DATUMARO_TENSORFLOW=1 asks for it (it installs TensorFlow)")
    version: str = request.param
    try:
        python = published.interpreter(version, published.TENSORFLOW)
    except published.NotAvailableError as error:
        pytest.fail(str(error))
    root = tmp_path_factory.mktemp(f"{version}-tensorflow")
    return exchanged(
        version,
        python,
        root,
        media,
        cases=TENSORFLOW_CASES + TENSORFLOW_PARTLY_CASES,
        ours_alone=TENSORFLOW_READ_BY_THEM_CASES,
        samples=TENSORFLOW_SAMPLES,
    )


@pytest.mark.parametrize("case", TENSORFLOW_CASES, ids=by_name)
def test_we_read_what_they_write(exchange: Exchange, case: Case):
    theirs, ours = exchange.theirs, exchange.ours
    read = exchange.read(theirs, theirs, case), exchange.read(ours, theirs, case)
    assert_agree(READING, case.format, *read)


@pytest.mark.parametrize(
    "case",
    TENSORFLOW_CASES + TENSORFLOW_PARTLY_CASES + TENSORFLOW_READ_BY_THEM_CASES,
    ids=by_name,
)
def test_they_read_what_we_write(exchange: Exchange, case: Case):
    theirs, ours = exchange.theirs, exchange.ours
    read = exchange.read(theirs, ours, case), exchange.read(ours, ours, case)
    assert_agree(READING, case.format, *read)


@pytest.mark.parametrize("case", TENSORFLOW_CASES, ids=by_name)
def test_they_read_the_same_from_both(exchange: Exchange, case: Case):
    theirs, ours = exchange.theirs, exchange.ours
    read = exchange.read(theirs, theirs, case), exchange.read(theirs, ours, case)
    assert_agree(WRITING, case.format, *read)


@pytest.mark.parametrize("case", TENSORFLOW_PARTLY_CASES, ids=by_name)
def test_we_read_what_they_write_and_cannot_read(exchange: Exchange, case: Case):
    """An object without a mask, where another of the image has one, gets one of no bytes."""
    theirs, ours = exchange.theirs, exchange.ours
    assert "error" in theirs.results[f"read theirs {case.name}"]
    read = exchange.read(ours, theirs, case), exchange.read(ours, ours, case)
    assert_agree(WRITING, case.format, *read)


@pytest.fixture(scope="module")
def in_roboflows_layout(exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    """Both have read what they wrote, laid out as Roboflow does (theirs has no writer of it)."""
    theirs, ours = exchange.theirs, exchange.ours
    root = tmp_path_factory.mktemp("roboflow")
    folders = [
        str(path)
        for case in TENSORFLOW_CASES
        for path in (theirs.folder / case.name, root / case.name)
    ]
    subprocess.run(
        [str(theirs.python), str(ROBOFLOW_JOB), *folders], check=True, capture_output=True
    )
    jobs: dict[str, Any] = {
        f"roboflow {case.name}": {
            "read": str(root / case.name),
            "format": "roboflow_tfrecord",
            "options": {},
        }
        for case in TENSORFLOW_CASES
    }
    theirs.run(jobs)
    ours.run(jobs)
    return exchange


@pytest.mark.parametrize("case", TENSORFLOW_CASES, ids=by_name)
def test_we_read_roboflows_layout_written_by_tensorflow(in_roboflows_layout: Exchange, case: Case):
    sides = in_roboflows_layout.theirs, in_roboflows_layout.ours
    dumps = [who.result(f"roboflow {case.name}") for who in sides]
    assert_agree(READING, "roboflow_tfrecord", *dumps)


@pytest.mark.parametrize("sample", TENSORFLOW_SAMPLES, ids=by_name)
def test_real_samples(sample: Sample, sample_dumps: tuple[dict[str, Any], dict[str, Any]]):
    assert not [str(d) for d in differences_in_any_order(*sample_dumps)]
