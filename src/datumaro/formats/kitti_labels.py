"""Names of labels in KITTI's lines, in which numbers follow them."""

from __future__ import annotations

import re

from datumaro.errors import UnsupportedContentError
from datumaro.formats.number_texts import is_number

PATTERN = r"\S+( \S+)*"
"""The names that a line can hold; see `datumaro.formats.capabilities.Capabilities`."""

_NAME = re.compile(PATTERN)


def check(name: str) -> None:
    """Refuse a name that cannot be told from the numbers behind it.

    Raises
    ------
    UnsupportedContentError
    """
    words = name.split(" ")
    if not _NAME.fullmatch(name) or (len(words) > 1 and is_number(words[-1])):
        raise UnsupportedContentError(
            f"label {name!r}: KITTI's lines hold words with single spaces between them, of which "
            "the last is no number; rename the label before export"
        )
