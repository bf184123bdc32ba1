"""Rich data sets, built by the same code under the published package and under ours.

Only the documented API is used. `build` makes each by its name; media come from the folder that
`tests/interop/conftest.py` fills. The modules import each other relatively: the jobs find them as
`samples`, the tests as `interop.samples`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .classification import (
    flags,
    folders_of_labels,
    listed_labels,
    small_color_images,
    small_images,
)
from .detection import (
    boxes,
    boxes_of_a_subset,
    detected,
    detected_masks,
    detected_partly,
    tracked,
    tracked_masks,
    turned_boxes,
    yolo,
    yolo_flat,
)
from .in_space import objects_in_space, point_clouds, tracks, tracks_in_subsets
from .media_kinds import arrays, beyond, images, mixed, no_media, plain_images, video_frames, videos
from .pascal_voc import voc, voc_boxes, voc_people
from .recognition import faces, identities, named_identities, pairs, people, wide_faces
from .segmentation import (
    anything,
    blobs,
    coco,
    cvat_shapes,
    open_images,
    outlines,
    panoptic,
    shapes,
    street,
)
from .text import characters, word_shapes, words

BUILDERS: dict[str, Callable[[Path], Any]] = {
    builder.__name__: builder
    for builder in (
        images,
        arrays,
        point_clouds,
        tracks,
        tracks_in_subsets,
        objects_in_space,
        videos,
        video_frames,
        no_media,
        mixed,
        coco,
        panoptic,
        voc,
        voc_people,
        plain_images,
        street,
        cvat_shapes,
        outlines,
        voc_boxes,
        anything,
        wide_faces,
        words,
        word_shapes,
        characters,
        boxes,
        boxes_of_a_subset,
        yolo,
        yolo_flat,
        flags,
        detected,
        detected_masks,
        detected_partly,
        folders_of_labels,
        listed_labels,
        open_images,
        tracked,
        tracked_masks,
        turned_boxes,
        small_images,
        small_color_images,
        shapes,
        blobs,
        faces,
        identities,
        named_identities,
        pairs,
        people,
        beyond,
    )
}


def build(name: str, media: str) -> Any:
    """The data set of that name, over the media files in a folder."""
    return BUILDERS[name](Path(media))
