"""Growing columns of items and annotations, for readers that take values one after another."""

from __future__ import annotations

from array import array

import numpy as np
import pyarrow as pa

from datumaro.formats.voc.annotation_xml import Box
from datumaro.formats.voc.masks import MaskRow
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import MediaType
from datumaro.table import schema
from datumaro.table.chunk import Chunk

_LABEL, _BBOX, _MASK = (
    int(kind) for kind in (AnnotationType.label, AnnotationType.bbox, AnnotationType.mask)
)


class ChunkColumns:
    """Items and their annotations: labels, boxes and masks. Add an item's annotations, then it."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._subsets: dict[str, int] = {}
        self._codes = array("i")
        self._media = array("B")
        self._paths: list[str] = []
        self._heights, self._widths = array("i"), array("i")
        self._ends = array("q", [0])
        self._types, self._labels = array("B"), array("i")
        self._ann_ids, self._groups = array("q"), array("q")
        self._attributes: list[bytes] = []
        self._points, self._point_ends = array("d"), array("q", [0])
        self._masks: dict[int, tuple[bytes, int, int]] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def add_label(self, label: int) -> None:
        """Append a label annotation."""
        self._row(_LABEL, 0, 0, label, b"")

    def add_box(self, number: int, group: int, label: int, box: Box, attributes: bytes) -> None:
        """Append a box; ``number`` is its id, ``attributes`` a JSON object or empty."""
        self._points.extend(box)
        self._row(_BBOX, number, group, label, attributes)

    def add_mask(self, mask: MaskRow, shape: tuple[int, int]) -> None:
        """Append a mask."""
        self._masks[len(self._types)] = (mask.rle, *shape)
        label = schema.NO_LABEL if mask.label is None else mask.label
        self._row(_MASK, 0, mask.number, label, b"")

    def _row(self, kind: int, number: int, group: int, label: int, attributes: bytes) -> None:
        self._types.append(kind)
        self._ann_ids.append(number)
        self._groups.append(group)
        self._labels.append(label)
        self._attributes.append(attributes)
        self._point_ends.append(len(self._points))

    def add_item(self, item_id: str, subset: str, path: str, height: int, width: int) -> None:
        """Append an item; without ``path`` it has no media."""
        self._ids.append(item_id)
        self._codes.append(self._subsets.setdefault(subset, len(self._subsets)))
        self._media.append(MediaType.IMAGE if path else MediaType.NONE)
        self._paths.append(path)
        self._heights.append(height)
        self._widths.append(width)
        self._ends.append(len(self._types))

    def finish(self) -> Chunk:
        """All that was added, as a chunk."""
        text = pa.large_string()
        subsets = pa.array(list(self._subsets) or ["default"], text)
        codes = schema.primitive(np.frombuffer(self._codes, np.int32), pa.int32())
        items = {
            "id": pa.array(self._ids, text),
            "subset": pa.DictionaryArray.from_arrays(codes, subsets),
            "media_type": schema.primitive(np.frombuffer(self._media, np.uint8), pa.uint8()),
            "path": pa.array(self._paths, text),
            "height": schema.primitive(np.frombuffer(self._heights, np.int32), pa.int32()),
            "width": schema.primitive(np.frombuffer(self._widths, np.int32), pa.int32()),
        }
        return Chunk(
            schema.item_batch(len(self), items),
            self._annotations(),
            np.frombuffer(self._ends, np.int64),
        )

    def _annotations(self) -> pa.RecordBatch:
        n = len(self._types)
        kinds = {field.name: field.type for field in schema.ANNOTATIONS}
        points = np.frombuffer(self._points, np.float64).round(2).astype(np.float32)
        columns = {
            "type": schema.primitive(np.frombuffer(self._types, np.uint8), pa.uint8()),
            "id": schema.primitive(np.frombuffer(self._ann_ids, np.int64), pa.int64()),
            "group": schema.primitive(np.frombuffer(self._groups, np.int64), pa.int64()),
            "label": schema.labels(np.frombuffer(self._labels, np.int32)),
            "attributes": _joined(self._attributes, kinds["attributes"]),
            "points": schema.lists(
                np.frombuffer(self._point_ends, np.int64), points, kinds["points"]
            ),
        }
        if self._masks:
            rles = [b""] * n
            heights, widths = np.zeros(n, np.int32), np.zeros(n, np.int32)
            for row, (rle, height, width) in self._masks.items():
                rles[row], heights[row], widths[row] = rle, height, width
            columns["rle"] = _joined(rles, kinds["rle"])
            columns["mask_height"] = schema.primitive(heights, pa.int32())
            columns["mask_width"] = schema.primitive(widths, pa.int32())
        return schema.annotation_batch(n, columns)


def _joined(values: list[bytes], kind: pa.DataType) -> pa.Array:
    ends = np.zeros(len(values) + 1, np.int64)
    np.cumsum([len(value) for value in values], out=ends[1:])
    return schema.texts(ends, b"".join(values), kind)
