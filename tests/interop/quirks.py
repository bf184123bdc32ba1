"""Differences that are expected, each because the published package does something wrong.

A quirk explains single differences between two dumps; whatever no quirk explains fails a test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from interop.compare import MISSING, Difference
from interop.dump import digest
from interop.samples.detection import (
    AROUND_MASK,
    BEYOND_EDGES,
    WITHIN_EDGES,
    WITHOUT_BOXES,
    WITHOUT_MASK,
)
from interop.samples.parts import SPACED_ID
from interop.samples.pascal_voc import PERSON


@dataclass(frozen=True)
class Quirk:
    """A known fault of the published package.

    ``formats`` are those in which it shows; ``explains(difference)`` takes differences between
    theirs (left) and ours (right).
    """

    formats: tuple[str, ...]
    reason: str
    explains: Callable[[Difference], bool]


COCO = (
    "coco",
    "coco_instances",
    "coco_person_keypoints",
    "coco_captions",
    "coco_labels",
    "coco_stuff",
    "coco_panoptic",
    "mmdet_coco",
    "roboflow_coco",
)
UNSEGMENTED = 255  # the number of what no mask has in masks of instances
STUFF = 7  # the annotation in the sample's stuff that its instances do not have
VOC_MASKS = ("voc_segmentation", "voc_instance_segmentation")
VOC_PEOPLE = ("voc_layout", "voc_action")
VOC = ("voc", "voc_classification", "voc_detection", *VOC_MASKS, *VOC_PEOPLE)


def ours_alone(difference: Difference, *kinds: str) -> bool:
    """Whether a whole annotation, of one of the kinds, is there on our side alone."""
    return difference.left is MISSING and difference.path[-1] in kinds


def item_or_subset(difference: Difference) -> bool:
    """Whether a whole item, or a whole subset, is there on one side alone."""
    return difference.path[0] == "subsets" and len(difference.path) <= 3


IMAGE_KEYS = ("license", "flickr_url", "coco_url", "date_captured")

READING = [
    Quirk(
        COCO,
        "what more is told of images is lost",
        lambda d: (
            d.left is MISSING and d.path[-2:-1] == ("attributes",) and d.path[-1] in IMAGE_KEYS
        ),
    ),
    Quirk(
        COCO,
        "the ids of the categories are lost; we keep them, to write the same ones again",
        lambda d: d.left is MISSING and d.path == ("infos", "coco"),
    ),
    Quirk(
        COCO,
        "with dataset_meta.json the labels lose their parents",
        lambda d: d.path[:3] == ("categories", "label", "labels") and d.left == "",
    ),
    Quirk(
        ("coco",),
        "of the tasks that have labels only one is read; we read all",
        lambda d: (
            ours_alone(d, "points", "label")
            or (ours_alone(d, "mask", "bbox") and d.right["id"] == STUFF)
            or (d.left is MISSING and d.path == ("categories", "points"))
        ),
    ),
    Quirk(
        ("coco_person_keypoints",),
        "an object without key points gets an annotation of no points",
        lambda d: d.right is MISSING and d.path[-1] == "points" and d.left["points"] == [],
    ),
    Quirk(
        COCO,
        "the parts of an annotation with the id 0 get group 0, which means none",
        lambda d: d.path[-1] == "group" and d.left == 0,
    ),
    Quirk(
        ("voc", "voc_layout"),
        "the parts that a label map lists do not get the label as their parent",
        lambda d: d.path[:3] == ("categories", "label", "labels") and d.left == "",
    ),
    Quirk(
        VOC,
        "the first object of a file and its parts get group 0, which means none",
        lambda d: d.path[-1] == "group" and d.left == 0,
    ),
    Quirk(
        VOC_PEOPLE,
        "only objects of the label person are read; we read those of all labels",
        lambda d: ours_alone(d, "bbox") and d.right["label"] != PERSON,
    ),
    Quirk(
        ("voc_layout",),
        "ids are cut at the first space",
        lambda d: item_or_subset(d) and d.path[-1] in (SPACED_ID, SPACED_ID.partition(" ")[0]),
    ),
    Quirk(
        ("imagenet",),
        "a label's folder in another label's is not its child (1.10), or, by a name that no label "
        "has, of a group (1.13)",
        lambda d: (
            (d.path[:3] == ("categories", "label", "labels") and d.left == "")
            or (d.path[:3] == ("categories", "label", "groups") and d.right is MISSING)
        ),
    ),
    Quirk(
        ("open_images",),
        "images that are not there lose the sizes that images.meta states",
        lambda d: d.path[-1] == "media" and d.left is None,
    ),
    Quirk(
        ("open_images",),
        "the labels' names for people are lost; we keep them, to write them again",
        lambda d: d.left is MISSING and d.path == ("infos", "open_images"),
    ),
    Quirk(
        ("cvat",),
        "the frames of videos lose the size that their file states",
        lambda d: d.path[-1] == "has_size" and d.left is False,
    ),
    Quirk(
        ("image_dir",),
        "folders within the folder are not read, though they are written",
        lambda d: d.left is MISSING and item_or_subset(d) and "/" in str(d.path[-1]),
    ),
]

CLOUDS = [
    Quirk(
        ("kitti3d",),
        "a calibration has a path where there is none",
        lambda d: d.path[-1] == "calib_path" and d.right is MISSING,
    ),
    Quirk(
        ("kitti_raw", "sly_pointcloud"),
        "a point cloud has a path where there is none",
        lambda d: d.path[-1] == "media" and d.right is None and d.left["bytes"] is None,
    ),
    Quirk(
        ("sly_pointcloud",),
        "of the data sets of a project only ds0 is read, which is the default subset",
        lambda d: d.left is MISSING and item_or_subset(d) and d.path[1] in ("train", "val"),
    ),
    Quirk(
        ("sly_pointcloud",),
        "objects get values of the tags that they do not have",
        lambda d: d.path[-2:-1] == ("attributes",) and d.left in ("", 0) and d.right is MISSING,
    ),
    Quirk(
        ("kitti3d",),
        "scores are not read",
        lambda d: d.path[-1] == "score" and d.left is MISSING,
    ),
]
READING += CLOUDS

STREET = [
    Quirk(
        ("camvid", "kitti_segmentation", "kitti"),
        "what no mask has becomes a mask of the background",
        lambda d: d.right is MISSING and d.path[-1] == "mask" and d.left["label"] == 0,
    ),
]
READING += STREET

VISTAS = [
    Quirk(
        ("mapillary_vistas_instances", "mapillary_vistas"),
        "the pixels that no mask has, which we mark, become one",
        lambda d: d.right is MISSING and d.path[-1] == "mask" and d.left["id"] == UNSEGMENTED,
    ),
    Quirk(
        ("mapillary_vistas_panoptic", "mapillary_vistas"),
        "images without segments are passed over",
        lambda d: d.left is MISSING and item_or_subset(d),
    ),
]
READING += VISTAS


READING += [
    Quirk(
        ("roboflow_yolo", "roboflow_yolo_obb"),
        "label files that are empty, and so their images, are passed over",
        lambda d: d.left is MISSING and item_or_subset(d) and d.path[-1] in WITHOUT_BOXES,
    ),
    Quirk(
        ("roboflow_create_ml",),
        "the middle of a box is taken for its top left corner",
        lambda d: d.path[-1] == "bbox" or (len(d.path) > 1 and "points" in d.path),
    ),
]

READING += [
    Quirk(
        ("mot_seq_gt",),
        "the list of frames without boxes and images, which is ours, is not read",
        lambda d: d.left is MISSING and item_or_subset(d),
    ),
    Quirk(
        ("mots_png",),
        "images without a file of masks are passed over",
        lambda d: d.left is MISSING and item_or_subset(d),
    ),
]

READING += [
    Quirk(
        ("celeba", "align_celeba"),
        "the names of coordinates are taken for those of points, each of another label",
        lambda d: d.path[:2] == ("categories", "points"),
    ),
]

TFRECORD = ("tf_detection_api", "roboflow_tfrecord")
NO_PIXELS = digest(np.packbits(np.zeros((6, 8), bool)).tobytes())


def nameless_label(difference: Difference) -> bool:
    """Whether a label of blanks is there on their side alone, or they have no label."""
    if difference.path[:3] == ("categories", "label", "labels"):
        return difference.right is MISSING and not difference.left[0].strip()
    return difference.path[-1] == "label" and difference.left is None


READING += [
    Quirk(
        TFRECORD,
        "boxes are cut at the image's edges",
        lambda d: (
            d.path[-1] == "bbox"
            and (
                (d.left is MISSING and d.right["points"] == BEYOND_EDGES)
                or (d.right is MISSING and d.left["points"] == WITHIN_EDGES)
            )
        ),
    ),
    Quirk(
        TFRECORD,
        "where there are masks, boxes are lost, and with them what is one object",
        lambda d: (
            (ours_alone(d, "bbox") and d.right["group"] > 0)
            or (d.path[-2:] == ("mask", "group") and d.left == 0)
        ),
    ),
    Quirk(
        TFRECORD,
        "an object without a mask, where another has one, becomes a mask without pixels",
        lambda d: (
            (ours_alone(d, "bbox") and d.right["points"] == WITHOUT_MASK)
            or (d.right is MISSING and d.path[-1] == "mask" and d.left["mask"] == [6, 8, NO_PIXELS])
        ),
    ),
    Quirk(
        TFRECORD,
        "in what they write, names are without letters that are not ASCII: such labels are lost",
        nameless_label,
    ),
    Quirk(
        TFRECORD,
        "an image without a source_id gets one that is empty, or none",
        lambda d: d.path[-1] == "source_id" and d.left in ("", None) and d.right is MISSING,
    ),
    Quirk(
        TFRECORD,
        "images that are not there lose the sizes that the records state (1.13)",
        lambda d: d.path[-1] == "media" and d.left is None,
    ),
    Quirk(
        ("roboflow_tfrecord",),
        "images that are not there are not looked for in the folder of their subset (1.10)",
        lambda d: d.path[-1] == "path" and d.right == f"{d.path[1]}/{d.left}",
    ),
]

WRITING = [
    Quirk(
        TFRECORD,
        "images that have no source_id get an empty one; we write their id",
        lambda d: d.path[-1] == "source_id" and d.left in ("", MISSING) and d.right == d.path[-3],
    ),
    Quirk(
        TFRECORD,
        "the box around a mask is a pixel too small (1.10)",
        lambda d: (
            d.path[-1] == "bbox"
            and (
                (d.left is MISSING and d.right["points"] == AROUND_MASK)
                or (d.right is MISSING and d.left["points"] == [2, 1, 4, 3])
            )
        ),
    ),
    Quirk(TFRECORD, "letters of labels that are not ASCII are left out", nameless_label),
    Quirk(
        ("label_me",),
        "objects are numbered anew; we keep their ids",
        lambda d: d.path[-1] == "id",
    ),
    Quirk(
        ("mot_seq_gt",),
        "frames without boxes are lost when their images are not saved",
        lambda d: d.left is MISSING and item_or_subset(d),
    ),
    Quirk(
        ("mots_png",),
        "items without masks are lost when their images are not saved",
        lambda d: d.left is MISSING and item_or_subset(d),
    ),
    Quirk(
        ("sly_pointcloud",),
        "the items of all subsets are written to ds0, which is the default subset",
        lambda d: d.right is MISSING and item_or_subset(d) and d.path[1] == "default",
    ),
    Quirk(
        ("sly_pointcloud",),
        "attributes that no label declares are left out, unless an option says otherwise",
        lambda d: d.left is MISSING and (d.path[-1] == "occluded" or d.right == "occluded"),
    ),
    Quirk(
        ("cvat",),
        "attributes that are numbers are declared as text, and so become it",
        lambda d: d.path[-1] == "age" and d.left == "3.5" and d.right == 3.5,
    ),
    Quirk(
        ("kitti_detection", "kitti"),
        "boxes get the score 1, whether they have one or not",
        lambda d: d.path[-1] == "score" and d.left == 1 and d.right is MISSING,
    ),
    Quirk(
        ("kitti_detection", "kitti"),
        "items without boxes get no file, and are lost when their images are not saved",
        lambda d: d.left is MISSING and item_or_subset(d),
    ),
    Quirk(
        ("voc_classification", *VOC_MASKS, *VOC_PEOPLE),
        "items that have annotations, but none of the task, are in no list",
        lambda d: d.left is MISSING and item_or_subset(d),
    ),
    Quirk(
        VOC,
        "items without objects get no XML, and so their images' names and sizes are lost",
        lambda d: d.path[-1] in ("media", "has_size") and d.left in (None, False),
    ),
    Quirk(
        ("open_images",),
        "the sizes of images without boxes are not written",
        lambda d: d.path[-1] == "has_size" and d.left is False,
    ),
    Quirk(
        ("coco_stuff",),
        "every outline becomes the mask of a crowd",
        lambda d: (
            (d.path[-1] == "is_crowd" and d.left is True)
            or ours_alone(d, "polygon")
            or (d.right is MISSING and d.path[-1] == "mask")
        ),
    ),
    Quirk(
        ("coco_person_keypoints",),
        "objects without key points are not written",
        lambda d: ours_alone(d, "polygon", "mask", "bbox", "points") and d.right["id"] in (1, 2),
    ),
]


def unexplained(quirks: list[Quirk], format_name: str, found: list[Difference]) -> list[Difference]:
    """The differences that no quirk of the format explains."""
    known = [quirk for quirk in quirks if format_name in quirk.formats]
    return [d for d in found if not any(quirk.explains(d) for quirk in known)]
