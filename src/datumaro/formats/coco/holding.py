"""What COCO's annotation files can hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from datumaro.formats.capabilities import Capabilities, Held
from datumaro.formats.coco.layout import Task
from datumaro.model.annotation import AnnotationType

_CROWD = {"is_crowd": (False, True)}
_OUTLINE = Held(attributes="json", names=_CROWD, ids=True, groups="objects", boxed=True)
_BOX = Held(attributes="json", names=_CROWD, ids=True, groups="objects")
_WHOLE = Held(attributes="json", ids=True)
_KINDS = {
    Task.INSTANCES: {
        AnnotationType.polygon: _OUTLINE,
        AnnotationType.mask: _OUTLINE,
        AnnotationType.bbox: _BOX,
    },
    Task.PERSON_KEYPOINTS: {AnnotationType.points: _OUTLINE},
    Task.STUFF: {
        AnnotationType.mask: _OUTLINE,
        AnnotationType.bbox: _BOX,
    },
    Task.PANOPTIC: {AnnotationType.mask: replace(_OUTLINE, overlap=False)},
    Task.LABELS: {AnnotationType.label: _WHOLE},
    Task.CAPTIONS: {AnnotationType.caption: replace(_WHOLE, label="none")},
    Task.IMAGE_INFO: dict[AnnotationType, Held](),
}


def holding(
    tasks: Sequence[Task], *, attributes: bool = True, as_masks: bool = False
) -> Capabilities:
    """What files of some tasks can hold; ``as_masks`` when polygons are written as masks."""
    wanted = set(tasks) | ({Task.INSTANCES} if Task.PERSON_KEYPOINTS in tasks else set[Task]())
    # of what several hold the first counts: instances keep the pixels that masks share
    in_order = [task for task in reversed(_KINDS) if task in wanted]
    annotations = {kind: held for task in in_order for kind, held in _KINDS[task].items()}
    if as_masks and AnnotationType.mask in annotations:
        annotations[AnnotationType.polygon] = _OUTLINE
    if not attributes:
        annotations = {kind: replace(held, attributes="none") for kind, held in annotations.items()}
    becomes = {AnnotationType.polygon: AnnotationType.mask}
    labelled = wanted - {Task.CAPTIONS, Task.IMAGE_INFO}
    return Capabilities(
        annotations=annotations,
        becomes=becomes if wanted <= {Task.STUFF, Task.PANOPTIC} else {},
        item_attributes="json",
        item_names={"id": (None,)},
        labels="all" if labelled else "none",
        label_parents=bool(labelled),
        key_points=Task.PERSON_KEYPOINTS in tasks,
        infos=("coco",),
    )
