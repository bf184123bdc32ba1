"""Every format that the published package has, too, goes through files with it."""

from __future__ import annotations

import pytest

from datumaro.formats import registry
from interop.cases import (
    CASES,
    OURS_ALONE_CASES,
    OURS_ALONE_FORMATS,
    SAMPLES,
    TENSORFLOW_CASES,
    TENSORFLOW_READ_BY_THEM_CASES,
)
from interop.exchange import Exchange

BOTH_WRITE = {case.format for case in CASES + TENSORFLOW_CASES}
WE_WRITE = BOTH_WRITE | {case.format for case in OURS_ALONE_CASES + TENSORFLOW_READ_BY_THEM_CASES}
BOTH_READ = {case.read_as for case in CASES if case.read_as} | {s.format for s in SAMPLES}


@pytest.fixture(scope="module")
def theirs(exchange: Exchange) -> dict[str, list[str]]:
    exchange.theirs.run({"formats": {"formats": True}})
    return exchange.theirs.result("formats")


@pytest.mark.parametrize("name", registry.own_names())
def test_it_is_compared(name: str):
    assert (name in WE_WRITE | BOTH_READ) != (name in OURS_ALONE_FORMATS)


@pytest.mark.parametrize("name", registry.own_names())
def test_what_they_write_is_compared_in_both_directions(theirs: dict[str, list[str]], name: str):
    if name in theirs["writes"]:
        assert name in BOTH_WRITE


@pytest.mark.parametrize("name", registry.own_names())
def test_what_they_read_is_compared(theirs: dict[str, list[str]], name: str):
    if name in theirs["reads"]:
        assert name in WE_WRITE | BOTH_READ


def test_formats_of_ours_alone_are_not_theirs(theirs: dict[str, list[str]]):
    assert not OURS_ALONE_FORMATS & {*theirs["reads"], *theirs["writes"]}
