"""Annotations: what is said of an item's media."""

from __future__ import annotations

from enum import IntEnum


class AnnotationType(IntEnum):
    """Kinds of annotations, by the numbers of the published package's version 1.10.

    Version 1.13 renumbered the last ones; that is a matter of the files it writes, and only
    `datumaro.formats.datumaro_binary` knows of it.
    """

    unknown = 0
    label = 1
    mask = 2
    points = 3
    polygon = 4
    polyline = 5
    bbox = 6
    caption = 7
    cuboid_3d = 8
    super_resolution_annotation = 9
    depth_annotation = 10
    ellipse = 11
    hash_key = 12
    feature_vector = 13
    tabular = 14
    rotated_bbox = 15
    cuboid_2d = 16
    skeleton = 17
