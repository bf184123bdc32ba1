"""ICDAR, text segmentation: the pixels of each character, by colours in an image beside a list.

``<subset>/<id>_GT.txt`` has a line for each character, ``R G B cx cy x1 y1 x2 y2 "c"``, in pixels:
its colour in ``<subset>/<id>_GT.bmp``, its centre and its box. An empty line ends a word; ``#``
stands before white space. Images lie in ``<subset>/images``. Definition:
https://rrc.cvc.uab.es/?ch=1&com=tasks
"""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PILImage

from datumaro.errors import (
    DatasetImportError,
    InvalidAnnotationInFileError,
    MalformedFileError,
)
from datumaro.formats.base import Confidence, Folder, Format, ReadContext, WriteContext
from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.file_writer import FileWriter
from datumaro.formats.files import read_file, read_text
from datumaro.formats.icdar import files
from datumaro.formats.icdar.character_text import WHITE, ItemText
from datumaro.formats.icdar.files import Images, Subset
from datumaro.formats.index_masks import Array, empty_mask, masks_of
from datumaro.formats.mask_painting import COVERED, MaskToPaint, of_one_size, paint_order
from datumaro.formats.mask_writing import MaskPainters
from datumaro.formats.rows import each_item
from datumaro.model.annotation import AnnotationType
from datumaro.table import json_text, schema
from datumaro.table.chunk import Content

_BMP = struct.Struct("<2sIIIIiiHHI")  # up to how the pixels are packed
_END = "_GT.txt"
_EXPECTED = f"no <id>{_END}"
_CHUNK_ITEMS = 2048
_MAX_BYTES = 1 << 29
_MAX_PIXELS = 1 << 27
_MAX_PIXELS_SMALL = 1 << 24  # of a file of few bytes: it may be a decompression bomb
_LINE = re.compile(
    r"#?\s*(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s+(\S+)\s+(\S+)\s+\S+\s+\S+\s+\S+\s+\S+\s+\"(.*)\"\s*",
    re.ASCII,
)
# what Pillow raises for damaged files
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError)


class IcdarTextSegmentation(Format):
    """Masks of characters."""

    name = "icdar_text_segmentation"
    title = "ICDAR, text segmentation: masks of characters"
    owned = (f"*/*{_END}", f"*/**/*{_END}", "*/*_GT.bmp", "*/**/*_GT.bmp")
    holds = Capabilities(
        annotations={
            AnnotationType.mask: Held(
                label="none",
                names={
                    "index": (),
                    "color": (),
                    "text": ("", "F", " ", '"'),
                    "center": (None, "0 1", "12 7"),
                },
                groups="any",
                overlap=False,
            )
        },
        labels="none",
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: there are lists of characters in the folder or one in it."""
        files.detect(folder, _is_annotation, _EXPECTED)
        return Confidence.MEDIUM

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read all subsets.

        Raises
        ------
        DatasetNotFoundError
            There is no list of characters.
        DatasetImportError
            A file is damaged; the message names it and the line.
        """

        def add(columns: ChunkColumns, subset: Subset, name: str) -> str:
            item_id = name.removesuffix(_END)
            _read(columns, subset, item_id, context)
            return item_id

        found = files.find(path, _is_annotation, _EXPECTED)
        return files.read(found, add, _CHUNK_ITEMS, context)

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        """Write a list for each item, and an image for those with masks.

        Raises
        ------
        UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
            A name cannot be written, or the media are no images.
        """
        images = Images(content, folder, options, context)
        writer = FileWriter(folder)

        def paint(name: str, masks: list[MaskToPaint]) -> list[str]:
            data, losses = _painted(name, masks)
            writer.save(name, data)
            return losses

        with MaskPainters(paint, context) as painters:
            for rows, item in each_item(content, context.progress, "Writing ICDAR"):
                images.add_beside_files(rows, item)
                made = ItemText(rows, item, context)
                name = f"{rows.subsets[item]}/{rows.ids[item]}"
                writer.save(f"{name}{_END}", made.text.encode())
                if made.masks:
                    painters.add(f"{name}_GT.bmp", made.masks)
        images.save()


def _is_annotation(name: str) -> bool:
    return name.endswith(_END)


# --- reading --------------------------------------------------------------------------------------


def _read(columns: ChunkColumns, subset: Subset, item_id: str, context: ReadContext) -> None:
    """Append an item's masks."""
    path = f"{subset.folder}/{item_id}{_END}"
    try:
        lines = read_text(path).split("\n")
        if not any(line.strip() for line in lines):
            return
        codes = _codes(f"{subset.folder}/{item_id}_GT.bmp")
    except DatasetImportError as error:
        context.problem(error)
        return
    found = masks_of(codes)
    height, width = codes.shape
    words: list[list[tuple[int, bytes]]] = [[]]
    index = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            words.append([])
            continue
        match = _LINE.fullmatch(line)
        if match is None or max(rgb := [int(match[i]) for i in (1, 2, 3)]) > 255:
            context.problem(
                InvalidAnnotationInFileError(
                    path, f"line {number}", repr(line[:60]), 'R G B cx cy x1 y1 x2 y2 "c"'
                )
            )
            continue
        center = f"{match[4]} {match[5]}"
        attributes = {
            "index": index,
            "color": " ".join(map(str, rgb)),
            "text": files.unescaped(match[6]),
        } | ({} if center == "- -" else {"center": center})
        words[-1].append((rgb[0] << 16 | rgb[1] << 8 | rgb[2], json_text.encode(attributes)))
        index += 1
    group = 0
    for word in words:
        group += len(word) > 1
        for code, text in word:
            rle = found.get(code) or empty_mask(height * width)
            number = group if len(word) > 1 else 0
            columns.add_mask(rle, (height, width), schema.NO_LABEL, text, group=number)


def _codes(path: str) -> Array:
    """The colours of an image as r << 16 | g << 8 | b: int32 [height, width].

    Raises
    ------
    MalformedFileError
        There is no such file, it is damaged, no BMP or PNG, or too large.
    """
    data = read_file(path, _MAX_BYTES)
    if data is None or len(data) > _MAX_BYTES:
        found = "no such file" if data is None else f"more than {_MAX_BYTES} bytes"
        raise MalformedFileError(path, "", found, "the colours of characters")
    usual = _bmp_codes(data)
    if usual is not None:
        return usual
    try:
        with PILImage.open(io.BytesIO(data), formats=("BMP", "PNG")) as image:
            if (
                not 0
                < image.height * image.width
                <= min(_MAX_PIXELS, max(_MAX_PIXELS_SMALL, 64 * len(data)))
            ):
                found = f"{image.width} x {image.height} pixels in {len(data)} bytes"
                raise MalformedFileError(path, "the header", found, "fewer")
            rgb = image.convert("RGB")
            pixels = np.frombuffer(rgb.tobytes("raw", "BGRX"), "<i4") & 0xFFFFFF
            return pixels.reshape(image.height, image.width)
    except PILImage.DecompressionBombError as error:
        raise MalformedFileError(path, "the header", str(error), "fewer pixels") from error
    except _DAMAGE as error:
        if isinstance(error, MalformedFileError):
            raise
        raise MalformedFileError(
            path, "", f"damaged data ({error})", "a BMP or PNG image"
        ) from error


def _bmp_codes(data: bytes) -> Array | None:
    """The same of a BMP file of 24 bits a pixel, from its lowest row up; None of any other."""
    if len(data) < _BMP.size:
        return None
    magic, _, _, offset, head, width, height, planes, bits, packed = _BMP.unpack_from(data)
    if (magic, head, planes, bits, packed) != (b"BM", 40, 1, 24, 0) or offset != 54:
        return None
    stride = (3 * width + 3) // 4 * 4
    if not (width > 0 and height > 0 and width * height <= _MAX_PIXELS):
        return None
    if len(data) < offset + stride * height:
        return None
    # four bytes from every third on: blue, green, red, and what is cut off
    padded = data if len(data) > offset + stride * height else data + b"\0"
    pixels = np.ndarray((height, width), "<i4", padded, offset, (stride, 3))
    return (pixels[::-1] & 0xFFFFFF).astype(np.int32, copy=False)


# --- writing --------------------------------------------------------------------------------------


def _painted(name: str, masks: list[MaskToPaint]) -> tuple[bytes, list[str]]:
    """A BMP file of masks in their colours (`MaskToPaint.cls`), and what it does not show."""
    fitting, losses = of_one_size(masks)
    order = paint_order(name, fitting)
    losses += [COVERED] * order.n_covered
    codes = order.values([WHITE, *(mask.cls for mask in fitting)]).astype(np.int32)
    rgb = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=2).astype(np.uint8)
    out = io.BytesIO()
    PILImage.fromarray(rgb).save(out, "BMP")
    return out.getvalue(), losses
