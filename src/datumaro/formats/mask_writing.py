"""Painting items' masks in workers, a bounded number of items at a time."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from datumaro.formats.base import WriteContext
from datumaro.formats.mask_painting import MaskToPaint
from datumaro.workers import Workers, batched

_MOST_WAITING = 1024
_BATCH_ITEMS = 64
_BATCH_PIXELS = 1 << 20

Paint = Callable[[str, list[MaskToPaint]], list[str]]
"""Writes an item's mask files, given its id; returns what was lost, each as a plural."""


class MaskPainters:
    """Workers that paint. Use it in a ``with`` statement: leaving it waits for all of them."""

    def __init__(self, paint: Paint, context: WriteContext) -> None:
        self._paint, self._context = paint, context
        self._workers = context.workers if context.workers.share_memory else Workers()
        self._waiting: list[tuple[str, list[MaskToPaint]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._paint_all()

    def add(self, item_id: str, masks: list[MaskToPaint]) -> None:
        """Let an item's masks be painted."""
        self._waiting.append((item_id, masks))
        if len(self._waiting) == _MOST_WAITING:
            self._paint_all()

    def _paint_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        with self._workers.map(self._one, batched(waiting, _batch_items(waiting))) as losses:
            for (item_id, _), of_item in zip(waiting, losses, strict=True):
                for what in of_item:
                    self._context.lost(what, 1, f"item {item_id!r}")

    def _one(self, item: tuple[str, list[MaskToPaint]]) -> list[str]:
        return self._paint(*item)


def _batch_items(items: list[tuple[str, list[MaskToPaint]]]) -> int:
    """How many items a worker gets at a time: few large ones, many small ones."""
    n_pixels = max((m.height * m.width for _, masks in items for m in masks[:1]), default=0)
    return max(1, min(_BATCH_ITEMS, _BATCH_PIXELS // max(1, n_pixels)))
