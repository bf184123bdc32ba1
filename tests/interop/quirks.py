"""Differences that are expected, each because the published package does something wrong.

A quirk explains single differences between two dumps; whatever no quirk explains fails a test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from interop.compare import MISSING, Difference


@dataclass(frozen=True)
class Quirk:
    """A known fault of the published package.

    ``formats`` are those in which it shows; ``explains(difference)`` takes differences between
    theirs (left) and ours (right).
    """

    formats: tuple[str, ...]
    reason: str
    explains: Callable[[Difference], bool]


COCO = ("coco", "coco_instances", "coco_person_keypoints", "coco_captions", "coco_labels")


def _is_annotation(difference: Difference, *kinds: str) -> bool:
    """Whether a whole annotation, of one of the kinds, is there on our side alone."""
    return difference.left is MISSING and difference.path[-1] in kinds


QUIRKS = [
    Quirk(
        COCO,
        "the ids of the categories are lost; we keep them, to write the same ones again",
        lambda d: d.left is MISSING and d.path == ("infos", "coco"),
    ),
    Quirk(
        ("coco",),
        "of the tasks that have labels only one is read; we read all",
        lambda d: (
            _is_annotation(d, "points", "label")
            or (d.left is MISSING and d.path == ("categories", "points"))
        ),
    ),
]


def unexplained(format_name: str, found: list[Difference]) -> list[Difference]:
    """The differences that no quirk of the format explains."""
    quirks = [quirk for quirk in QUIRKS if format_name in quirk.formats]
    return [d for d in found if not any(quirk.explains(d) for quirk in quirks)]
