"""The groups of annotations: rows of one group are one COCO annotation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datumaro.formats.coco.file_reader import CocoFile
from datumaro.formats.coco.layout import Task
from datumaro.table.schema import Array

_WITH_PARTS = (Task.INSTANCES, Task.PERSON_KEYPOINTS)


def object_groups(files: Sequence[CocoFile], firsts: Sequence[Array], ids: Array) -> Array:
    """The annotations' ids, and free numbers where these do not tell annotations apart.

    Group 0 means none, so the parts of an annotation with the id 0 would fall asunder; and those
    of two annotations that have the same id in one image would fall together.

    Parameters
    ----------
    firsts : for each file, the annotations' first rows; -1 for none.
    ids : int64 [n], the rows' ids.

    Returns
    -------
    int64 [n]; ``ids`` itself when all is well.
    """
    groups, zero_group, free = ids, 0, 0
    starts = None
    for file, first in zip(files, firsts, strict=True):
        own, _, _ = file.parser.objects()
        zero = own == 0 if file.file.task in _WITH_PARTS else np.zeros(len(own), bool)
        again = np.zeros(len(own), bool)
        again[file.repeated.in_image] = True
        zero, again = zero & (first >= 0), again & (first >= 0)
        if not (zero.any() or again.any()):
            continue
        if starts is None:
            groups = ids.copy()
            zero_group = _free_number(ids)
            free = zero_group + 1
            starts = np.unique(np.concatenate([f[f >= 0] for f in firsts] + [[len(ids)]]))
        for number in np.flatnonzero(zero | again).tolist():
            begin = int(first[number])
            if begin == len(ids) or ids[begin] != own[number]:
                continue  # it has no rows, and those are the next one's
            end = int(starts[np.searchsorted(starts, begin, "right")])
            if again[number]:
                groups[begin:end] = free
                free += 1
            else:
                groups[begin:end] = zero_group
    return groups


def _free_number(ids: Array) -> int:
    """The first of many positive numbers that are no ids."""
    low = max(int(ids.max(initial=0)), 0) + 1
    if low < 1 << 62:
        return low
    low = 1
    for number in np.unique(ids[ids > 0]).tolist():
        if number - low > len(ids):
            break
        low = number + 1
    return low
