"""Differences that are expected, each because the published package does something wrong.

A quirk explains single differences between two dumps; whatever no quirk explains fails a test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from interop.compare import Difference


@dataclass(frozen=True)
class Quirk:
    """A known fault of the published package.

    ``formats`` are those in which it shows; ``explains(difference)`` takes differences between
    theirs (left) and ours (right).
    """

    formats: tuple[str, ...]
    reason: str
    explains: Callable[[Difference], bool]


QUIRKS: list[Quirk] = []


def unexplained(format_name: str, found: list[Difference]) -> list[Difference]:
    """The differences that no quirk of the format explains."""
    quirks = [quirk for quirk in QUIRKS if format_name in quirk.formats]
    return [d for d in found if not any(quirk.explains(d) for quirk in quirks)]
