"""Where a data set belongs: the place it is saved to again, and the one it was read from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from datumaro.paths import absolute, is_url
from datumaro.table.chunk import Content


@dataclass(frozen=True)
class Binding:
    """Where `Dataset.save` writes.

    Attributes
    ----------
    path : the folder, or a URL.
    format : the format's name.
    options : options of the import or export that it comes from.
    """

    path: str
    format: str
    options: dict[str, Any] = field(default_factory=dict[str, Any])


class Bound:
    """What may have a place that it is saved to. `Dataset` derives from it."""

    _bound: Binding | None = None

    def bind(
        self, path: str, format: str = "datumaro", *, options: Mapping[str, Any] | None = None
    ) -> None:
        """Say where `save` writes."""
        self._bound = Binding(path, format, dict(options or {}))

    @property
    def is_bound(self) -> bool:
        """Whether the data set has a folder: where it was read from or last written to."""
        return self._bound is not None

    @property
    def data_path(self) -> str | None:
        """The folder that the data set is bound to."""
        return self._bound.path if self._bound else None

    @property
    def format(self) -> str | None:
        """The format that the data set is bound to."""
        return self._bound.format if self._bound else None

    @property
    def options(self) -> dict[str, Any]:
        """The options that the data set is bound with."""
        return self._bound.options if self._bound else {}


class Origin:
    """The folder, or URL, that a data set was read from, and its media's paths then."""

    def __init__(self, path: str, content: Content) -> None:
        self._place = _absolute(path)
        self._media: list[pa.Array] = [chunk.items.column("path") for chunk in content.chunks]

    def media_in(self, folder: str) -> set[str]:
        """The media files that the data set had in its folder, if that is ``folder``.

        All of them that are still wanted are saved anew, so that the old ones are stale.
        """
        place = _absolute(folder)
        if place != self._place:
            return set()
        root = place + ("/" if is_url(place) else os.sep)
        paths = (path for column in self._media for path in column.to_pylist() if path)
        inside = (path for path in map(_absolute, paths) if path.startswith(root))
        return {path[len(root) :].replace(os.sep, "/") for path in inside}


def _absolute(path: str) -> str:
    """A path from the root, its links kept; or a URL as it is."""
    return path if is_url(path) else absolute(path)
