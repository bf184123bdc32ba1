"""Filters choose the same as the published package's, where it has XML for what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interop.compare import differences
from interop.exchange import Exchange

ITEMS = [
    '/item[subset="train"]',
    '/item[subset="train" and annotation/label="person"]',
    "/item[image/width > 7 and image/height = 6]",
    '/item[annotation/is_crowd="True"]',
    "/item[count(annotation) > 3]",
    '/item/annotation[type="points"]/point[visible="hidden"]',
    "/item/annotation[bbox/area > 20]",
    '/item[not(annotation/label="person")]',
    'contains(id, "space")',
    "/item/annotation[caption]",
    "string-length(id) > 8",
    "/item[annotation[3]]",
    '/item[image/has_data="1"]',
    "0",
]
ANNOTATIONS = [
    '/item/annotation[label="person"]',
    "/item/annotation[w > 3 or bbox/w > 3]",
    '/item/annotation[note="猫"]',
    "/item/annotation[position() = last()]",
    '/item[subset="train"]/annotation[group = 1 and not(type="caption")]',
    "//annotation[label_id != 0]",
    "/item/annotation[x * 2 = 2]",
]


def name(text: str, options: dict[str, bool]) -> str:
    return f"filter {text} {options}"


CASES = [(text, dict[str, bool]()) for text in ITEMS]
CASES += [(text, {"filter_annotations": True}) for text in ANNOTATIONS]
CASES += [(text, {"filter_annotations": True, "remove_empty": True}) for text in ANNOTATIONS]


@pytest.fixture(scope="module")
def filtered(exchange: Exchange, media: Path) -> Exchange:
    """Both have filtered."""
    jobs: dict[str, Any] = {
        name(text, options): {
            "change": "coco",
            "media": str(media),
            "calls": [["filter", [text], options]],
        }
        for text, options in CASES
    }
    exchange.theirs.run(jobs)
    exchange.ours.run(jobs)
    return exchange


@pytest.mark.parametrize(("text", "options"), CASES)
def test_the_same_is_chosen(filtered: Exchange, text: str, options: dict[str, bool]):
    job = name(text, options)
    theirs, ours = filtered.theirs.result(job), filtered.ours.result(job)
    found = [str(difference) for difference in differences(theirs, ours)]
    assert not found, "\n".join(found[:30])
