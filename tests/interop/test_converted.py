"""COCO, VOC, YOLO and others: both packages read the same from the same files.

These formats do not hold all that a data set has, so what was read is compared, not what was built.
Their order does not count: the published package reads COCO backwards.
"""

from __future__ import annotations

from typing import Any

import pytest

from interop.cases import CONVERTED_CASES, READ_BY_THEM_CASES, SAMPLES, Case, Sample
from interop.compare import differences_in_any_order
from interop.exchange import Exchange
from interop.quirks import READING, WRITING, Quirk, unexplained

# COCO and VOC files hold decimal text: half of the last of two digits
TOLERANCE = 0.0051


def by_name(case: Case | Sample) -> str:
    return case.name


def assert_agree(
    quirks: list[Quirk], format_name: str, theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    found = list(differences_in_any_order(theirs, ours, TOLERANCE))
    left = [str(difference) for difference in unexplained(quirks, format_name, found)]
    assert not left, "\n".join(left[:30])


def need_writer(exchange: Exchange, case: Case) -> None:
    if exchange.version in case.unwritten_by:
        pytest.skip(f"the published {exchange.version} fails to write it")


@pytest.mark.parametrize("case", CONVERTED_CASES, ids=by_name)
def test_we_read_what_they_write(exchange: Exchange, case: Case):
    need_writer(exchange, case)
    theirs, ours = exchange.theirs, exchange.ours
    read = exchange.read(theirs, theirs, case), exchange.read(ours, theirs, case)
    assert_agree(READING, case.format, *read)


@pytest.mark.parametrize("case", CONVERTED_CASES + READ_BY_THEM_CASES, ids=by_name)
def test_they_read_what_we_write(exchange: Exchange, case: Case):
    theirs, ours = exchange.theirs, exchange.ours
    read = exchange.read(theirs, ours, case), exchange.read(ours, ours, case)
    assert_agree(READING, case.format, *read)


# (their exporter writes neither parts nor actions)
@pytest.mark.parametrize(
    "case", [c for c in CONVERTED_CASES if c.sample != "voc_people"], ids=by_name
)
def test_they_read_the_same_from_both(exchange: Exchange, case: Case):
    need_writer(exchange, case)
    theirs, ours = exchange.theirs, exchange.ours
    read = exchange.read(theirs, theirs, case), exchange.read(theirs, ours, case)
    assert_agree(WRITING, case.format, *read)


@pytest.mark.parametrize("sample", SAMPLES, ids=by_name)
def test_real_samples(sample: Sample, sample_dumps: tuple[dict[str, Any], dict[str, Any]]):
    assert_agree(READING, sample.format, *sample_dumps)
