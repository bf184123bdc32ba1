"""ICDAR, word recognition: the text of each image, in a list for each subset.

``<subset>/gt.txt`` has lines ``word_1.png, "PROPER"``; images lie in ``<subset>/images``.
Definition: https://rrc.cvc.uab.es/?ch=2&com=tasks
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.errors import (
    MalformedFileError,
    RepeatedItemInFileError,
    UnsupportedContentError,
)
from datumaro.formats.base import Confidence, Folder, Format, ReadContext, Rejected, WriteContext
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.files import read_text, stem_of
from datumaro.formats.icdar import files
from datumaro.formats.icdar.files import Images, Subset
from datumaro.formats.plain_names import joined, plain_names
from datumaro.formats.rows import ChunkRows
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import MediaType
from datumaro.paths import join_inside
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content

FILE = "gt.txt"

_LINE = re.compile(r'(.+?), "(.*)"\s*')
_HEAD = re.compile(rb'(\xef\xbb\xbf)?[^\n]+?\.\w+, *("|\r?\n|$)')
_PLAIN_LINE = re.compile(
    r'^([A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)*), "([^"\\\n]*)"$', re.MULTILINE | re.ASCII
)
_CHUNK_ITEMS = 1 << 16
_CAPTION = int(AnnotationType.caption)


class IcdarWordRecognition(Format):
    """Captions."""

    name = "icdar_word_recognition"
    title = "ICDAR, word recognition: the text of each image"
    owned = (f"*/{FILE}",)
    holds = Capabilities(
        annotations={AnnotationType.caption: Held(label="none")},
        labels="none",
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: there is a list in the folder or one in it."""
        name = files.detect(folder, lambda name: name == FILE, f"no {FILE}")
        if not _HEAD.match(folder.head(name)):
            raise Rejected(f"{name} has no lines of an image and its text")
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets.

        Raises
        ------
        DatasetNotFoundError
            There is no list.
        DatasetImportError
            A list is damaged; the message names it and the line.
        """
        found = files.find(path, lambda name: name == FILE, f"no {FILE}")
        subsets = context.progress.iter(found, desc="Reading ICDAR")
        return Content([c for subset in subsets for c in _chunks(subset, options, context)])

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a list for each subset.

        Raises
        ------
        UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
            A name cannot be written, or the media are no images.
        """
        images = Images(content, folder, options, context)
        writer = FileWriter(folder)
        context.progress.start(len(content), desc="Writing ICDAR")
        done = 0
        for subset, chunks in content.by_subset().items():
            texts: list[bytes] = []
            for chunk in chunks:
                text = _usual_lines(chunk, options)
                if text is None:
                    rows = ChunkRows(chunk)
                    lines = (_lines(rows, item, images, context) for item in range(len(rows)))
                    text = "".join(chain.from_iterable(lines)).encode()
                texts.append(text)
                done += len(chunk)
                context.progress.report_status(done)
            writer.save(f"{subset}/{FILE}", b"".join(texts))
        context.progress.finish()
        images.save()


def _chunks(subset: Subset, options: Any, context: ReadContext) -> list[Chunk]:
    file = f"{subset.folder}/{FILE}"
    text = read_text(file)
    usual = _usual_chunk(subset, text)
    if usual is not None:
        return [usual]
    chunks: list[Chunk] = []
    columns = ChunkColumns()
    places: dict[str, int] = {}
    last = ""  # the image whose captions are read
    open_item: tuple[str, str] | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        name = match[1] if match else line.rstrip().rstrip(",")
        if match is None and (not name or '"' in line.rpartition(", ")[2]):
            context.problem(
                MalformedFileError(
                    file, f"line {number}", repr(line[:60]), 'an image and its text: a.png, "text"'
                )
            )
            continue
        if name != last:
            item_id = stem_of(name)
            if item_id in places:
                key, first = (item_id, subset.name), f"line {places[item_id]}"
                context.problem(RepeatedItemInFileError(key, file, f"line {number}", first))
                continue
            if open_item is not None:
                columns.add_item(open_item[0], subset.name, open_item[1])
                if len(columns) >= _CHUNK_ITEMS:
                    chunks.append(columns.finish())
                    columns = ChunkColumns()
            path = join_inside(
                f"{subset.folder}/{files.IMAGES}", name, what=f"{file}: line {number}: image",
                allow_external=options.allow_external_media,
            )  # fmt: skip
            places[item_id] = number
            open_item, last = (item_id, path), name
        if match is not None:
            columns.add_caption(files.unescaped(match[2]))
    if open_item is not None:
        columns.add_item(open_item[0], subset.name, open_item[1])
    return [*chunks, columns.finish()]


def _usual_chunk(subset: Subset, text: str) -> Chunk | None:
    """The items of a list that has one line for each image, all of them plain; None of another."""
    lines = _PLAIN_LINE.findall(text)
    n = len(lines)
    if not n or n > _CHUNK_ITEMS or n != text.count("\n") + (not text.endswith("\n")):
        return None
    ids = [stem_of(name) for name, _ in lines]
    if len(set(ids)) < n:
        return None
    kind = pa.large_string()
    images = f"{subset.folder}/{files.IMAGES}/"
    items = {
        "id": pa.array(ids, kind),
        "subset": schema.constant_dictionary(subset.name, n),
        "media_type": schema.primitive(np.full(n, MediaType.IMAGE, np.uint8), pa.uint8()),
        "path": pa.array([images + name for name, _ in lines], kind),
    }
    captions = {
        "type": schema.primitive(np.full(n, _CAPTION, np.uint8), pa.uint8()),
        "text": pa.array([caption for _, caption in lines], kind),
    }
    return Chunk(
        schema.item_batch(n, items), schema.annotation_batch(n, captions), np.arange(n + 1)
    )


def _usual_lines(chunk: Chunk, options: Any) -> bytes | None:
    """The lines of a chunk of plain names with a caption each; None of another one."""
    kinds = chunk.annotations.column("type").to_numpy()
    if (np.diff(chunk.offsets) != 1).any() or not (kinds == _CAPTION).all():
        return None
    names = plain_names(chunk, options, ".png")
    if names is None:
        return None
    texts = chunk.annotations.column("text")
    if pc.any(pc.match_substring_regex(texts, r'[\\"\r\n]')).as_py():
        return None
    return joined(names, ', "', texts, '"\n')


def _lines(rows: ChunkRows, item: int, images: Images, context: WriteContext) -> list[str]:
    """An item's lines: one for each caption, or one without."""
    item_id = rows.ids[item]
    name = images.add_item(rows, item)
    if "\n" in name or "\r" in name or ', "' in name or name != name.strip():
        raise UnsupportedContentError(
            f"item {item_id!r} cannot be told in a line: rename it before export"
        )
    made: list[str] = []
    for row in range(rows.offsets[item], rows.offsets[item + 1]):
        if rows.types[row] != _CAPTION:
            continue
        text = rows.caption(row)
        if "\n" in text or "\r" in text:
            context.lost("captions with line breaks", 1, f"item {item_id!r}")
        else:
            made.append(f"{name}, {files.quoted(text)}\n")
    return made or [f"{name}, \n"]
