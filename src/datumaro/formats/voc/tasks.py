"""What the formats of the family differ in: the challenge's tasks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A task of the challenge, or all of them merged.

    Attributes
    ----------
    name : the format's name.
    sets : folders of ``ImageSets`` whose lists tell the items; of several, a later one adds the
        items that the earlier ones do not list.
    written_sets : the folders of ``ImageSets`` that are written.
    labels : whether items have labels (lists of ``ImageSets/Main``).
    boxes : whether objects have boxes (``Annotations``).
    parts, actions : whether objects have these.
    masks : whether objects have masks (``SegmentationClass``, ``SegmentationObject``).
    only_known : whether objects whose label the label map has not are of other tasks, and skipped.
    """

    name: str
    sets: tuple[str, ...]
    written_sets: tuple[str, ...]
    labels: bool = False
    boxes: bool = False
    parts: bool = False
    actions: bool = False
    masks: bool = False
    only_known: bool = False


MAIN, SEGMENTATION, LAYOUT, ACTION = "Main", "Segmentation", "Layout", "Action"
SETS = (MAIN, SEGMENTATION, LAYOUT, ACTION)

ALL = Task("voc", SETS, SETS, labels=True, boxes=True, parts=True, actions=True, masks=True)
CLASSIFICATION = Task("voc_classification", (MAIN,), (MAIN,), labels=True)
DETECTION = Task("voc_detection", (MAIN,), (MAIN,), boxes=True)
SEGMENTATION_TASK = Task("voc_segmentation", (SEGMENTATION,), (SEGMENTATION,), masks=True)
INSTANCE_SEGMENTATION = Task(
    "voc_instance_segmentation", (SEGMENTATION,), (MAIN, SEGMENTATION), boxes=True, masks=True
)
LAYOUT_TASK = Task("voc_layout", (LAYOUT,), (MAIN, LAYOUT), boxes=True, parts=True, only_known=True)
ACTION_TASK = Task(
    "voc_action", (ACTION,), (MAIN, ACTION), boxes=True, actions=True, only_known=True
)
NAMES = tuple(
    task.name
    for task in (
        ALL,
        CLASSIFICATION,
        DETECTION,
        SEGMENTATION_TASK,
        INSTANCE_SEGMENTATION,
        LAYOUT_TASK,
        ACTION_TASK,
    )
)
