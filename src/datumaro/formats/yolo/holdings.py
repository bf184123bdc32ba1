"""What the files of the family can hold."""

from __future__ import annotations

from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.yolo.subset_names import TRAIN
from datumaro.model.annotation import AnnotationType

ITEM_IDS = r"([^\n\r]*/)?[^\n\r/]*[^./\n\r][^\n\r/]*"
"""No line breaks; the name of a file is not of dots alone: no extension is told from those."""
SEEN_IDS = r"[^./\n\r][^\n\r/]*(/[^./\n\r][^\n\r/]*)*"
"""Nor is any name empty or hidden: where images are found, and not named, those are not seen."""
LABEL_PATTERN = r"\S([^\n\r]*\S)?"
LINES = ("*.txt", "*.names", "*.meta")
_SHAPE = Held(label="required")
_TURNED = Held(label="required", tolerance=0.02)


def holding(*kinds: AnnotationType, item_ids: str = ITEM_IDS) -> Capabilities:
    """What label files can hold whose lines are of shapes of these kinds."""
    return Capabilities(
        annotations={
            kind: _TURNED if kind == AnnotationType.rotated_bbox else _SHAPE for kind in kinds
        },
        size_needed=True,
        default_subset=TRAIN,
        item_ids=item_ids,
        label_pattern=LABEL_PATTERN,
        lines=LINES,
    )


POSES = Capabilities(
    annotations={
        AnnotationType.bbox: _SHAPE,
        AnnotationType.points: Held(label="required", boxed=True),
    },
    size_needed=True,
    default_subset=TRAIN,
    item_ids=ITEM_IDS,
    label_pattern=LABEL_PATTERN,
    key_points=True,
    infos=("yolo",),
    lines=LINES,
)
