"""Which labels and colours a data set's masks are painted with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datumaro.errors import UnknownOptionError, UnsupportedContentError
from datumaro.formats import label_colors
from datumaro.formats.base import WriteContext
from datumaro.formats.dataset_meta import BLACK
from datumaro.formats.index_masks import Array
from datumaro.formats.label_colors import LabelColors
from datumaro.formats.mask_painting import MaskToPaint
from datumaro.formats.rows import ChunkRows
from datumaro.model.annotation import AnnotationType
from datumaro.table.chunk import Content

SOURCE = "source"

_MASK = int(AnnotationType.mask)


@dataclass(frozen=True)
class PaintPlan:
    """How the labels of a data set are painted.

    Attributes
    ----------
    labels : as the export has them.
    classes : for each label index of the data set, its index in ``labels``; -1 when they have none.
    background : the index of the label of pixels that no mask has; None when there is none.
    """

    labels: LabelColors
    classes: list[int]
    background: int | None

    def palette(self, first: int) -> Array:
        """The colours of the labels, black before and behind them.

        Parameters
        ----------
        first : the index of the first label's colour.

        Returns
        -------
        uint8 [first + labels + 1, 3]
        """
        colors = [self.labels.colors.get(i, BLACK) for i in range(len(self.labels.names))]
        return np.array([*[BLACK] * first, *colors, BLACK], np.uint8)

    def masks(
        self,
        rows: ChunkRows,
        item: int,
        context: WriteContext,
        number: Callable[[int], int] | None = None,
    ) -> list[MaskToPaint]:
        """An item's masks whose label is among ``labels``.

        Masks without a label are passed over; `WriteContext.lost` is told of the others that are.

        Parameters
        ----------
        number : what becomes the group of a row's mask; its id when not given.
        """
        masks: list[MaskToPaint] = []
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            label = rows.labels[row]
            if rows.types[row] != _MASK or label < 0:
                continue
            cls = self.classes[label] if label < len(self.classes) else -1
            if cls < 0 or cls == self.labels.background:
                what = (
                    "masks of the background: it is what no other mask has"
                    if cls >= 0
                    else "masks whose label the label map has not"
                )
                context.lost(what, 1, f"item {rows.ids[item]!r}")
                continue
            group = rows.ann_ids[row] if number is None else number(row)
            masks.append(MaskToPaint(*rows.mask(row), rows.z_orders[row], group, cls))
        return masks


def make(
    content: Content,
    option: str,
    standards: Mapping[str, LabelColors],
    context: WriteContext,
    *,
    masks: bool = True,
    distinct: bool,
) -> PaintPlan:
    """Plan a data set's labels.

    The background is the label of that name, or else the first black one.

    Parameters
    ----------
    option : ``"source"`` (its own labels), a name in ``standards``, or a file of labels and
        colours.
    masks : whether masks are written. If there are some, every label gets a colour.
    distinct : whether no two labels may have one colour, since masks are told by it.

    Raises
    ------
    UnknownOptionError
        ``option`` is none of these.
    UnsupportedContentError
        A label has no name, or the name of another.
    """
    own = label_colors.of_categories(content.categories)
    labels = own if option == SOURCE else _chosen(option, standards)
    if len(set(labels.names)) != len(labels.names) or "" in labels.names:
        raise UnsupportedContentError("labels without a name, or with one name; rename them")
    index = {name: i for i, name in enumerate(labels.names)}
    background = labels.background if labels.background >= 0 else None
    if background is None and labels.has_black:
        background = next(i for i, color in labels.colors.items() if color == BLACK)
    if background is not None and background not in labels.colors and not labels.has_black:
        labels = dataclasses.replace(labels, colors={**labels.colors, background: BLACK})
    if labels.colors or (masks and has_masks(content)):
        labels = label_colors.with_colors(labels, context, distinct=distinct)
    return PaintPlan(labels, [index.get(name, -1) for name in own.names], background)


def _chosen(option: str, standards: Mapping[str, LabelColors]) -> LabelColors:
    if option in standards:
        return standards[option]
    path = Path(option)
    if not path.is_file():
        raise UnknownOptionError(
            f"label_map {option!r}: no such file; expected a file of labels and colours, "
            f"'{SOURCE}' or {' or '.join(repr(name) for name in standards)}"
        )
    return label_colors.load_file(path)


def has_masks(content: Content) -> bool:
    """Whether a data set has masks."""
    return any(
        bool((chunk.annotations.column("type").to_numpy() == _MASK).any())
        for chunk in content.chunks
    )
