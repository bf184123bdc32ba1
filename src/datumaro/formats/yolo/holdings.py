"""What the files of the family can hold."""

from __future__ import annotations

from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.yolo.subset_names import TRAIN
from datumaro.model.annotation import AnnotationType

LABEL_PATTERN = r"\S([^\n\r]*\S)?"
LINES = ("*.txt", "*.names", "*.meta")
_SHAPE = Held(label="required")
_TURNED = Held(label="required", tolerance=0.02)


def holding(*kinds: AnnotationType) -> Capabilities:
    """What label files can hold whose lines are of shapes of these kinds."""
    return Capabilities(
        annotations={
            kind: _TURNED if kind == AnnotationType.rotated_bbox else _SHAPE for kind in kinds
        },
        size_needed=True,
        default_subset=TRAIN,
        item_ids=r"[^\n\r]+",
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
    label_pattern=LABEL_PATTERN,
    key_points=True,
    infos=("yolo",),
    lines=LINES,
)
