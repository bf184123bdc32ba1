"""Encrypted DatumaroBinary goes through files to and from the published package."""

from __future__ import annotations

from typing import Any

import pytest

from interop.cases import ENCRYPTED_CASES, Case
from interop.compare import without
from interop.exchange import Exchange
from interop.test_native import assert_same, by_name

# The published package encrypts images alone, and can open nothing else that we have encrypted.
READ_BY_THEM = [case for case in ENCRYPTED_CASES if case.sample == "images" or not case.save_media]


@pytest.fixture(autouse=True)
def reads_encrypted(exchange: Exchange) -> None:
    if exchange.version != "1.10.0":
        pytest.skip("the published package reads no encrypted files since 1.12")


def decrypted(dump: dict[str, Any]) -> dict[str, Any]:
    """The dump without what an export changes, encryption included; with the images' pixels."""
    return without(dump, lambda path, value: path[-1] in ("path", "has_size", "bytes"))


def bare(dump: dict[str, Any]) -> dict[str, Any]:
    """The dump without pixels, which only those of encrypted images have."""
    return without(decrypted(dump), lambda path, value: path[-1] == "pixels")


def images_with_pixels(dump: Any) -> int:
    if isinstance(dump, dict):
        return ("pixels" in dump) + sum(map(images_with_pixels, dump.values()))
    return sum(map(images_with_pixels, dump)) if isinstance(dump, list) else 0


@pytest.mark.parametrize("case", ENCRYPTED_CASES, ids=by_name)
def test_we_read_what_they_encrypt(exchange: Exchange, case: Case):
    theirs, ours = exchange.theirs, exchange.ours
    read = exchange.read(ours, theirs, case)
    assert_same(bare(exchange.source(theirs, case)), bare(read))
    if case.sample == "images":
        assert_same(decrypted(read), decrypted(exchange.read(ours, ours, case)))
        assert bool(images_with_pixels(read)) == case.save_media


@pytest.mark.parametrize("case", READ_BY_THEM, ids=by_name)
def test_they_read_what_we_encrypt(exchange: Exchange, case: Case):
    theirs, ours = exchange.theirs, exchange.ours
    read = exchange.read(theirs, ours, case)
    assert_same(bare(exchange.source(ours, case)), bare(read))
    assert_same(decrypted(read), decrypted(exchange.read(theirs, theirs, case)))
    assert bool(images_with_pixels(read)) == case.save_media


@pytest.mark.parametrize("case", ENCRYPTED_CASES, ids=by_name)
def test_we_read_what_we_encrypt(exchange: Exchange, case: Case):
    source, read = exchange.source(exchange.ours, case), exchange.read(*[exchange.ours] * 2, case)
    assert_same(bare(source), bare(read))
