"""The tables of labels, boxes and masks, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.errors import InvalidAnnotationError, MalformedFileError, UndeclaredLabelError
from datumaro.formats.base import ReadContext
from datumaro.formats.csv_tables import Block, read_blocks
from datumaro.formats.open_images.files import FLAGS
from datumaro.formats.open_images.items import ItemIndex
from datumaro.table import json_text
from datumaro.table.schema import Array

CORNERS = ("XMin", "YMin", "XMax", "YMax")
MASK_CORNERS = tuple(f"Box{name}" for name in CORNERS)

_MAX_SHARE = 1000.0  # of an image's size


@dataclass(frozen=True)
class Labels:
    """Annotations with a label: rows of one or more tables.

    Attributes
    ----------
    items : int64 [n], numbers of images.
    labels : int32 [n], indices.
    texts : the different attributes, as JSON.
    codes : int64 [n], each row's attributes among them.
    """

    items: Array
    labels: Array
    texts: list[bytes]
    codes: Array


@dataclass(frozen=True)
class Boxes(Labels):
    """Boxes.

    Attributes
    ----------
    corners : float64 [n, 4]: x1, y1, x2, y2, as shares of the image's size.
    """

    corners: Array


@dataclass(frozen=True)
class Mask:
    """A row of a table of masks.

    Attributes
    ----------
    corners : of its box, NaN where they are not told.
    """

    item: int
    label: int
    subset: str
    path: str
    box_id: str
    iou: float
    corners: tuple[float, ...]


class TableReader:
    """Reads tables.

    Parameters
    ----------
    labels : the labels' names, large_string.
    items : gets the images that only tables of annotations name.
    progressed : is called when a file was read.
    """

    def __init__(
        self,
        labels: pa.Array,
        items: ItemIndex,
        context: ReadContext,
        progressed: Callable[[Path], None],
    ) -> None:
        self.label_names, self.items, self.context = labels, items, context
        self.progressed = progressed

    def images(self, subset: str, path: Path) -> None:
        """Read a list of images; without ``subset`` it tells that of each."""
        told = "Subset" if not subset else ""
        text = ["ImageID", "Subset"] if told else ["ImageID"]
        seen: set[tuple[str, str]] = set()
        for block in read_blocks(path, text, [], self.context.problem):
            ids: list[str] = block.text["ImageID"].to_pylist()
            subsets: list[str] = block.text["Subset"].to_pylist() if told else [subset] * len(ids)
            for row, (name, item_id) in enumerate(zip(subsets, ids, strict=True)):
                if not item_id or not name or (name, item_id) in seen:
                    found = f"image {item_id!r} of subset {name!r}"
                    again = " again" if (name, item_id) in seen else ""
                    self.problem(path, block.line + row, found + again, "images that differ")
                    continue
                seen.add((name, item_id))
                self.items.add(name, item_id)
        self.progressed(path)

    def labels(self, tables: Iterable[tuple[str, Path]]) -> Labels:
        """Read tables of labels."""
        rows = _Gathered(n_flags=0)
        for subset, path in tables:
            text = ["ImageID", "LabelName"]
            for block in read_blocks(path, text, ["Confidence"], self.context.problem):
                items, labels, good = self.named(subset, path, block)
                rows.add(items, labels, block.numbers["Confidence"], good)
            self.progressed(path)
        return Labels(*rows.arrays())

    def boxes(self, tables: Iterable[tuple[str, Path]]) -> Boxes:
        """Read tables of boxes."""
        rows = _Gathered(n_flags=len(FLAGS))
        corners: list[Array] = []
        numbers = ["Confidence", *CORNERS, *FLAGS]
        for subset, path in tables:
            for block in read_blocks(
                path, ["ImageID", "LabelName"], numbers, self.context.problem, optional=[*FLAGS]
            ):
                items, labels, good = self.named(subset, path, block)
                of_block = np.stack([block.numbers[name] for name in CORNERS], 1)
                inside = (np.abs(of_block) <= _MAX_SHARE).all(1)  # of NaN it is false
                for row in np.flatnonzero(good & ~inside).tolist():
                    found = f"the box {', '.join(f'{v:g}' for v in of_block[row].tolist())}"
                    self.problem(path, block.line + row, found, "shares of the image's size")
                good &= inside
                flags = [block.numbers[name] for name in FLAGS]
                rows.add(items, labels, block.numbers["Confidence"], good, flags)
                corners.append(of_block[good])
            self.progressed(path)
        return Boxes(*rows.arrays(), _joined(corners, (0, 4)))

    def masks(self, tables: Iterable[tuple[str, Path]]) -> list[Mask]:
        """Read tables of masks."""
        masks: list[Mask] = []
        text = ["ImageID", "LabelName", "MaskPath", "BoxID"]
        numbers = ["PredictedIoU", *MASK_CORNERS]
        for subset, path in tables:
            for block in read_blocks(
                path, text, numbers, self.context.problem, optional=["BoxID", *numbers]
            ):
                items, labels, good = self.named(subset, path, block)
                paths: list[str] = block.text["MaskPath"].to_pylist()
                box_ids: list[str] = block.text["BoxID"].to_pylist()
                ious = block.numbers["PredictedIoU"].tolist()
                corners = np.stack([block.numbers[name] for name in MASK_CORNERS], 1).tolist()
                for row in np.flatnonzero(good).tolist():
                    if not paths[row]:
                        self.problem(path, block.line + row, "no MaskPath", "the mask's file")
                        continue
                    masks.append(
                        Mask(
                            int(items[row]),
                            int(labels[row]),
                            subset,
                            paths[row],
                            box_ids[row],
                            ious[row],
                            tuple(corners[row]),
                        )
                    )
            self.progressed(path)
        return masks

    def named(self, subset: str, path: Path, block: Block) -> tuple[Array, Array, Array]:
        """The images and labels that rows name, and which rows are good."""
        ids, names = block.text["ImageID"], block.text["LabelName"]
        items = self.items.find(subset, ids)
        found = pc.index_in(names, value_set=self.label_names)
        labels: Array = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        good = labels >= 0
        for row in np.flatnonzero(~good).tolist():
            n = len(self.label_names)
            self.context.problem(
                UndeclaredLabelError(
                    f"{path}: line {block.line + row}: label {names[row].as_py()[:80]!r}; "
                    f"expected one of the {n} labels of the list of classes"
                )
            )
        empty: Array = pc.equal(pc.binary_length(ids), 0).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(empty).tolist():
            self.problem(path, block.line + row, "no ImageID", "an image's id")
        return items, labels, good & ~empty

    def problem(self, path: Path, line: int, found: str, expected: str) -> None:
        """Report a row that is left out."""
        error = MalformedFileError(path, f"line {line}", found, expected)
        self.context.problem(InvalidAnnotationError(str(error)))


class _Gathered:
    """Rows of several blocks, and their attributes."""

    def __init__(self, n_flags: int) -> None:
        self.n_flags = n_flags
        self._items: list[Array] = []
        self._labels: list[Array] = []
        self._scores: list[Array] = []
        self._flags: list[Array] = []

    def add(
        self,
        items: Array,
        labels: Array,
        scores: Array,
        good: Array,
        flags: Iterable[Array] = (),
    ) -> None:
        """Append the good rows of a block."""
        self._items.append(items[good])
        self._labels.append(labels[good])
        self._scores.append(scores[good])
        code = np.zeros(int(good.sum()), np.int64)
        for column in flags:  # 0 for not told (which files write as -1), 1 for no, 2 for yes
            values = column[good]
            code = code * 3 + np.where(values >= 0, 1 + (values > 0), 0)
        self._flags.append(code)

    def arrays(self) -> tuple[Array, Array, list[bytes], Array]:
        """Items, labels, the different attributes and each row's."""
        scores, score_of = np.unique(_joined(self._scores, (0,)), return_inverse=True)
        base = 3**self.n_flags
        combined = score_of.astype(np.int64) * base + _joined(self._flags, (0,), np.int64)
        found, codes = np.unique(combined, return_inverse=True)
        texts = [self._text(float(scores[value // base]), value % base) for value in found.tolist()]
        items, labels = _joined(self._items, (0,), np.int64), _joined(self._labels, (0,), np.int32)
        return items, labels, texts, codes.astype(np.int64)

    def _text(self, score: float, flags: int) -> bytes:
        attributes: dict[str, Any] = {} if np.isnan(score) else {"score": score}
        for place, name in enumerate(list(FLAGS.values())[: self.n_flags]):
            digit = flags // 3 ** (self.n_flags - 1 - place) % 3
            if digit:
                attributes[name] = digit == 2
        return json_text.encode(attributes)


def _joined(arrays: list[Array], empty: tuple[int, ...], kind: Any = np.float64) -> Array:
    return np.concatenate(arrays) if arrays else np.zeros(empty, kind)
