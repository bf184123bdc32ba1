"""LFW: Labeled Faces in the Wild: pairs of images of the same and of different people.

Definition: http://vis-www.cs.umass.edu/lfw/README.txt. See docs/formats/lfw.md.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from datumaro.formats import dataset_meta
from datumaro.formats.base import (
    Confidence,
    Folder,
    Format,
    ReadContext,
    Rejected,
    WriteContext,
    WriteOptions,
)
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.formats.files import find_root, folders
from datumaro.model.annotation import AnnotationType
from datumaro.table.chunk import Content

ANNOTATIONS, IMAGES = "annotations", "images"
PAIRS, PEOPLE, LANDMARKS = "pairs.txt", "people.txt", "landmarks.txt"
NOBODY = "-"  # stands for the name of who has none
POSITIVE, NEGATIVE = "positive_pairs", "negative_pairs"
LABEL_NAME = re.compile(
    r"(?!-$|\.{1,2}$)[^\s/\\]([^\t\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029/\\]*[^\s/\\])?"
)


class Lfw(Format):
    """People, pairs, and key points."""

    name = "lfw"
    title = "LFW: pairs of faces of the same and of different people"
    write_options: ClassVar[type[WriteOptions]] = MetaWriteOptions
    owned = (f"*/{ANNOTATIONS}/*.txt", dataset_meta.FILE)
    holds = Capabilities(
        annotations={
            AnnotationType.label: Held(
                label="required", most=1, names={POSITIVE: (None,), NEGATIVE: (None,)}
            ),
            AnnotationType.points: Held(most=1, visibility=False),
        },
        media_found=True,
        label_pattern=LABEL_NAME.pattern,
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a list of pairs or people in a subset's folder."""
        if folder.is_file:
            raise Rejected(f"a file; expected a folder with subsets' folders, and {PAIRS} in them")
        for subset in folder.folders():
            if {PAIRS, PEOPLE} & set(folder.files(f"{subset}/{ANNOTATIONS}")):
                return Confidence.MEDIUM
        raise Rejected(f"no {ANNOTATIONS}/{PAIRS} in the folder of a subset")

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets in a folder, or the one whose folder ``path`` is.

        Raises
        ------
        DatasetNotFoundError
            There are no pairs.
        DatasetImportError
            A line is wrong; the message names file and line.
        """
        from datumaro.formats.lfw_reader import read

        path = path.absolute()
        if _has_lists(path):
            return read(path.parent, [path.name], context)
        expected = f"no {ANNOTATIONS}/{PAIRS} in the folder of a subset"
        root = find_root(path, _is_root, expected)
        return read(root, [name for name in folders(root) if _has_lists(root / name)], context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write pairs, people, key points, and the images if they are wanted.

        Raises
        ------
        MediaTypeError
            The media are no images.
        UnsupportedContentError
            A name cannot be written.
        PathOutsideDatasetError, PathSeparatorInSubsetNameError
            An item's id or a subset's name leads outside the folder.
        """
        from datumaro.formats.lfw_writer import write

        write(content, folder, options, context)


def _has_lists(folder: Path) -> bool:
    return any((folder / ANNOTATIONS / name).is_file() for name in (PAIRS, PEOPLE))


def _is_root(folder: Path) -> bool:
    return any(_has_lists(folder / name) for name in folders(folder))


def numbered(person: str, number: int) -> str:
    """The id of a person's image of that number."""
    return f"{person}_{number:04}"


def number_of(person: str, item_id: str) -> int:
    """The reverse; 0 for an id that is no such."""
    text = item_id.removeprefix(f"{person}_")
    if text.isascii() and text.isdecimal() and 4 <= len(text) < 10:
        number = int(text)
        return number if numbered(person, number) == item_id else 0
    return 0
