"""Annotations as values: fields, copies, equality; and the kinds without a shape."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from datumaro.model.annotation import (
    Annotation,
    Annotations,
    AnnotationType,
    Caption,
    FeatureVector,
    HashKey,
    Label,
    Tabular,
)
from datumaro.model.image_annotation import DepthAnnotation, SuperResolutionAnnotation
from datumaro.model.masks import ExtractedMask, Mask, RleMask
from datumaro.model.media import Image
from datumaro.model.shapes import (
    Bbox,
    Cuboid2D,
    Cuboid3d,
    Ellipse,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
)

EVERY_KIND: list[Annotation] = [
    Label(3),
    Mask(np.eye(3), label=1, z_order=2),
    RleMask({"counts": [1, 2, 1], "size": [2, 2]}, label=1),
    ExtractedMask(np.array([[1, 2], [2, 2]]), 2, label=5),
    PolyLine([1, 2, 3, 4.5], label=1, z_order=1),
    Polygon([1, 2, 3, 4, 5.25, 6], label=1),
    Bbox(1, 2, 3.5, 4, label=0, z_order=-1),
    RotatedBbox(5, 5, 4, 2, 30, label=1),
    Ellipse(1, 2, 3, 4, label=1),
    Points([1, 2, 3, 4], [0, 2], label=1),
    Caption("a dog"),
    Cuboid3d([1, 2, 3], [0.1, 0.2, 0.3], [4, 5, 6], label=1),
    Cuboid2D([(i, i + 0.123456789) for i in range(8)], label=1),
    Skeleton([Points([1, 2], [1], label=4), Points([3, 4], label=5)], label=1, z_order=3),
    HashKey(np.arange(96)),
    FeatureVector(np.array([0.5, 1e-9, 3], np.float32)),
    Tabular({"age": 3, "name": "x"}),
    DepthAnnotation(Image.from_numpy(np.arange(6, dtype=np.uint16).reshape(2, 3))),
    SuperResolutionAnnotation(Image.from_file("some/where.png", size=(4, 6))),
]
NAMES = [type(annotation).__name__ for annotation in EVERY_KIND]
COMMON: dict[str, Any] = {
    "id": 7,
    "group": 3,
    "object_id": 9,
    "attributes": {"occluded": True, "deep": {"list": [1, 2]}},
}


@pytest.mark.parametrize("annotation", EVERY_KIND, ids=NAMES)
def test_every_kind_is_equal_to_its_copies(annotation: Annotation) -> None:
    full = annotation.wrap(**COMMON)
    assert (full.id, full.group, full.object_id) == (7, 3, 9)
    assert full.attributes == COMMON["attributes"]
    assert full != annotation
    for twin in (
        full.wrap(),
        type(full)(**full.as_dict()),
        copy.copy(full),
        copy.deepcopy(full),
        pickle.loads(pickle.dumps(full)),
    ):
        assert type(twin) is type(full) and twin is not full
        assert twin == full and full == twin


@pytest.mark.parametrize("annotation", EVERY_KIND, ids=NAMES)
def test_a_copy_has_its_own_attributes(annotation: Annotation) -> None:
    full = annotation.wrap(**copy.deepcopy(COMMON))
    for twin in (full.wrap(), copy.copy(full), copy.deepcopy(full)):
        twin.attributes["new"] = 1
        assert "new" not in full.attributes


@pytest.mark.parametrize("field", ["id", "group", "object_id", "attributes"])
@pytest.mark.parametrize("annotation", EVERY_KIND, ids=NAMES)
def test_each_common_field_counts_in_equality(annotation: Annotation, field: str) -> None:
    other = annotation.wrap(**{field: {"x": 1} if field == "attributes" else 5})
    assert other != annotation and annotation != other


@pytest.mark.parametrize("annotation", EVERY_KIND, ids=NAMES)
def test_kinds_are_told_by_type_and_hash_to_nothing(annotation: Annotation) -> None:
    assert annotation.type is not AnnotationType.unknown
    assert type(annotation).__name__ in repr(annotation)
    with pytest.raises(TypeError):
        hash(annotation)


def test_kinds_of_the_same_values_differ() -> None:
    assert Polygon([1, 2, 3, 4, 5, 6]) != PolyLine([1, 2, 3, 4, 5, 6])
    assert Bbox(1, 2, 2, 2) != Ellipse(1, 2, 3, 4)
    assert Label(1) != 1


def test_none_stands_for_the_default() -> None:
    label = Label(1, id=None, attributes=None, group=None, object_id=None)
    assert (label.id, label.attributes, label.group, label.object_id) == (0, {}, 0, -1)


def test_numbers_are_cast() -> None:
    label = Label("3", id=4.0, group="2")
    assert (label.label, label.id, label.group) == (3, 4, 2)
    with pytest.raises(TypeError):
        Label(None)
    label.label = None
    assert label.label is None


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(TypeError):
        Label(1, colour="red")
    with pytest.raises(TypeError):
        Label(1).wrap(colour="red")


def test_arrays_in_attributes_compare_by_content() -> None:
    one, other = (Label(1, attributes={"a": [np.arange(3)], "b": np.eye(2)}) for _ in range(2))
    assert one == other
    other.attributes["a"][0][1] = 9
    assert one != other


def test_a_caption_is_text() -> None:
    assert Caption(5).caption == "5"


def test_a_hash_key_has_96_bytes() -> None:
    with pytest.raises(ValueError, match=r"\(95,\).*\(96,\)"):
        HashKey(np.zeros(95))
    key = HashKey(np.zeros(96))
    with pytest.raises(ValueError):
        key.hash_key = np.zeros(5)


def test_painting_all_masks() -> None:
    left, right = np.array([[1, 1, 0]]), np.array([[0, 1, 1]])
    annotations = Annotations(
        [Mask(left, label=2, z_order=1), Label(7), Mask(right, label=3), Mask(right * 0, label=4)]
    )
    painted = annotations.get_semantic_seg_mask(ignore_index=255)
    assert painted.tolist() == [[2, 2, 3]] and painted.dtype == np.uint8
    empty = Annotations([Mask(np.zeros((1, 2)), label=2)])
    assert empty.get_semantic_seg_mask(ignore_index=9).tolist() == [[9, 9]]


def test_painting_refuses_no_masks_and_unequal_ones() -> None:
    with pytest.raises(ValueError, match="no mask"):
        Annotations([Label(1)]).get_semantic_seg_mask()
    with pytest.raises(ValueError, match=r"\(1, 2\).*\(2, 2\)"):
        Annotations(
            [Mask(np.ones((1, 2)), label=1), Mask(np.ones((2, 2)), label=1)]
        ).get_semantic_seg_mask()
    with pytest.raises(ValueError, match="without a label"):
        Annotations([Mask(np.ones((1, 2)))]).get_semantic_seg_mask()


def test_a_depth_map_keeps_its_kind_of_numbers() -> None:
    depth = DepthAnnotation(Image.from_numpy(np.array([[0.5, 1000.25]], np.float32)))
    again = depth._decode(depth.extra())
    assert again.get_data_as_dtype(None).tolist() == [[0.5, 1000.25]]


def test_an_image_outside_the_data_set_stays_refused() -> None:
    depth = DepthAnnotation(Image.from_file("/etc/passwd.png", external=True))
    assert depth._decode(depth.extra()).is_external
