"""DatumaroBinary and Datumaro JSON: nothing is lost between the published package and ours."""

from __future__ import annotations

from typing import Any

import pytest

from interop.cases import ARRAY_CASES, BEYOND, BEYOND_CASES, NATIVE_CASES, Case
from interop.compare import differences, without
from interop.exchange import Exchange


def by_name(case: Case) -> str:
    return case.name


def content(dump: dict[str, Any]) -> dict[str, Any]:
    """The dump without what an export changes: where media lie, and whether a size is known."""
    return without(dump, lambda path, value: path[-1] in ("path", "has_size"))


def assert_same(left: dict[str, Any], right: dict[str, Any]) -> None:
    found = [str(difference) for difference in differences(left, right)]
    assert not found, "\n".join(found[:30])


@pytest.mark.parametrize("case", NATIVE_CASES, ids=by_name)
def test_both_build_the_same(exchange: Exchange, case: Case):
    theirs, ours = exchange.theirs, exchange.ours
    assert_same(content(exchange.source(theirs, case)), content(exchange.source(ours, case)))


@pytest.mark.parametrize("case", NATIVE_CASES, ids=by_name)
def test_we_read_what_they_write(exchange: Exchange, case: Case):
    theirs, ours = exchange.theirs, exchange.ours
    read = exchange.read(ours, theirs, case)
    assert_same(content(exchange.source(theirs, case)), content(read))
    assert_same(exchange.read(theirs, theirs, case), read)


@pytest.mark.parametrize("case", NATIVE_CASES, ids=by_name)
def test_they_read_what_we_write(exchange: Exchange, case: Case):
    theirs, ours = exchange.theirs, exchange.ours
    read = exchange.read(theirs, ours, case)
    assert_same(content(exchange.source(ours, case)), content(read))
    assert_same(read, exchange.read(ours, ours, case))


@pytest.mark.parametrize("case", ARRAY_CASES, ids=by_name)
@pytest.mark.parametrize("writer", ["theirs", "ours"])
def test_images_in_memory(exchange: Exchange, case: Case, writer: str):
    wrote = exchange.theirs if writer == "theirs" else exchange.ours
    assert_same(
        exchange.read(exchange.theirs, wrote, case), exchange.read(exchange.ours, wrote, case)
    )


@pytest.mark.parametrize("case", BEYOND_CASES, ids=by_name)
def test_they_open_what_they_cannot_hold_and_we_keep_it(exchange: Exchange, case: Case):
    theirs, ours = exchange.theirs, exchange.ours
    source = content(exchange.source(ours, case))
    assert_same(source, content(exchange.read(ours, ours, case)))

    known = without(
        source, lambda path, value: isinstance(value, dict) and value.get("type") in BEYOND
    )
    assert len(known["subsets"]["train"][0]["annotations"]) == 2
    assert_same(known, content(exchange.read(theirs, ours, case)))
