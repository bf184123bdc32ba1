"""The list of an image's characters."""

from __future__ import annotations

import re
from typing import Any

from datumaro.errors import UnsupportedContentError
from datumaro.formats.base import WriteContext
from datumaro.formats.icdar import files
from datumaro.formats.mask_painting import MaskToPaint
from datumaro.formats.rows import ChunkRows
from datumaro.model import run_lengths
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import generate_colormap
from datumaro.table import json_text

WHITE = 0xFFFFFF
"""The colour of pixels that are no character's."""

_COLOR = re.compile(r"(\d{1,3}) (\d{1,3}) (\d{1,3})", re.ASCII)
_MASK = int(AnnotationType.mask)


class ItemText:
    """An item's list, and the masks to paint.

    Attributes
    ----------
    masks : in the colours that the list says, as r << 16 | g << 8 | b (`MaskToPaint.cls`).
    """

    def __init__(self, rows: ChunkRows, item: int, context: WriteContext) -> None:
        self._rows, self._context = rows, context
        self._where = f"item {rows.ids[item]!r}"
        chosen = [
            row
            for row in range(rows.offsets[item], rows.offsets[item + 1])
            if rows.types[row] == _MASK
        ]
        self._given = {row: json_text.decode(rows.ann_attributes[row]) for row in chosen}
        words = self._words(chosen)
        ordered = [row for word in words for row in word]
        colors = self._colors(ordered)
        self.masks = [
            MaskToPaint(*rows.mask(row), rows.z_orders[row], 0, colors[row]) for row in ordered
        ]
        lines = {row: self._line(row, colors[row]) for row in ordered}
        self.text = "\n".join("".join(lines[row] for row in word) for word in words)

    def _words(self, chosen: list[int]) -> list[list[int]]:
        """Rows by word: the masks of a group; in the order of the attribute ``index``, if all
        have one.
        """
        indices = [self._given[row].get("index") for row in chosen]
        numbers = [index for index in indices if isinstance(index, int)]
        if len(numbers) == len(chosen):
            chosen = [row for _, row in sorted(zip(numbers, chosen, strict=True))]
            if sorted(numbers) != list(range(len(numbers))):
                what = "attributes index of masks that are not their places"
                self._context.lost(what, len(numbers), self._where)
        words: dict[int, list[int]] = {}
        for row in chosen:
            group = self._rows.groups[row]
            words.setdefault(group if group else -1 - row, []).append(row)
        return list(words.values())

    def _colors(self, rows: list[int]) -> dict[int, int]:
        """A colour for each mask: its own, where no other has it; else a free one."""
        found: dict[int, int] = {}
        taken = {WHITE}
        for row in rows:
            color = self._given[row].get("color")
            code = _code(color)
            if code is not None and code not in taken:
                found[row] = code
                taken.add(code)
            elif color is not None:
                what = "colours of masks that are none, white, or those of others"
                self._context.lost(what, 1, self._where)
        count = 2 * len(rows) + 1
        if count > 1 << 24:
            raise UnsupportedContentError(f"{self._where}: {len(rows)} masks, more than colours")
        free = (
            code
            for r, g, b in generate_colormap(count, include_background=False).values()
            if (code := r << 16 | g << 8 | b) not in taken
        )
        return {row: found[row] if row in found else next(free) for row in rows}

    def _line(self, row: int, code: int) -> str:
        given: dict[str, Any] = self._given[row]
        counts, height, width = self._rows.mask(row)
        try:
            x, y, w, h = run_lengths.bounds({"counts": counts, "size": [height, width]})
        except ValueError as error:
            raise UnsupportedContentError(f"{self._where}: a mask is damaged: {error}") from None
        text, center = given.get("text", ""), given.get("center")
        if not isinstance(text, str) or "\n" in text or "\r" in text:
            self._context.lost("texts that are no line", 1, self._where)
            text = ""
        if not isinstance(center, str) or len(center.split()) != 2:
            if center is not None:
                self._context.lost("centres that are no two words", 1, self._where)
            center = "- -"
        begin = "#" if text == " " else ""
        color = f"{code >> 16} {code >> 8 & 255} {code & 255}"
        box = f"{x} {y} {x + max(w, 1) - 1} {y + max(h, 1) - 1}"  # the last pixels included
        return f"{begin}{color} {center} {box} {files.quoted(text)}\n"


def _code(color: object) -> int | None:
    """A colour's code; None for what is none."""
    match = _COLOR.fullmatch(color) if isinstance(color, str) else None
    if match is None:
        return None
    r, g, b = (int(value) for value in match.groups())
    return r << 16 | g << 8 | b if max(r, g, b) < 256 else None
