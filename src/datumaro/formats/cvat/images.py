"""Where the images of a data set of CVAT's lie."""

from __future__ import annotations

import os
from pathlib import Path

from datumaro.formats.base import ReadOptions
from datumaro.formats.files import FileIndex
from datumaro.paths import escapes, join_inside

IMAGES = "images"


class ImageFiles:
    """Where images are."""

    def __init__(self, root: Path, index: FileIndex, options: ReadOptions) -> None:
        self._root = os.fspath(root)
        self._folder = os.fspath(root / IMAGES)
        self._index, self._options = index, options

    def find(self, name: str, subset: str, place: str) -> str:
        """The file of an image, which need not be there.

        Raises
        ------
        PathOutsideDatasetError
            It leads outside.
        """
        if escapes(name):
            return join_inside(
                self._folder, name, what=place, allow_external=self._options.allow_external_media
            )
        for known in (f"{subset}/{name}", name):
            if known in self._index:
                return f"{self._folder}/{known}"
        beside = f"{self._root}/{name}"
        if not os.path.isdir(self._folder) and os.path.isfile(beside):  # noqa: PTH112, PTH113 - a str
            return beside
        return f"{self._folder}/{name}"

    def frame(self, name: str, subset: str) -> str:
        """The file of a video's frame."""
        found = self._index.find(f"{subset}/{name}") or self._index.find(name)
        return f"{self._folder}/{found or name + '.png'}"
