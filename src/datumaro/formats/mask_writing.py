"""Painting items' masks in threads, a bounded number of items at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from datumaro.formats.base import WriteContext
from datumaro.formats.mask_painting import MaskToPaint

_THREADS = min(8, os.cpu_count() or 1)
_IN_WORK = 4 * _THREADS
_SMALL_PIXELS = 1 << 16

Paint = Callable[[str, list[MaskToPaint]], list[str]]
"""Writes an item's mask files, given its id; returns what was lost, each as a plural."""


class MaskPainters:
    """Threads that paint. Use it in a ``with`` statement: leaving it waits for all of them."""

    def __init__(self, paint: Paint, context: WriteContext) -> None:
        self._paint, self._context = paint, context
        self._threads = ThreadPoolExecutor(_THREADS)
        self._in_work: deque[tuple[str, Future[list[str]]]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            while kind is None and self._in_work:
                self._finish_one()
        finally:
            self._threads.shutdown(cancel_futures=True)

    def add(self, item_id: str, masks: list[MaskToPaint]) -> None:
        """Paint an item's masks; small ones at once, sooner than a thread could be told to."""
        if masks and masks[0].height * masks[0].width <= _SMALL_PIXELS:
            self._tell(item_id, self._paint(item_id, masks))
            return
        if len(self._in_work) >= _IN_WORK:
            self._finish_one()
        self._in_work.append((item_id, self._threads.submit(self._paint, item_id, masks)))

    def _finish_one(self) -> None:
        item_id, future = self._in_work.popleft()
        self._tell(item_id, future.result())

    def _tell(self, item_id: str, losses: list[str]) -> None:
        for what in losses:
            self._context.lost(what, 1, f"item {item_id!r}")
