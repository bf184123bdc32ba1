"""Growing columns: what is added comes out as a data set."""

import numpy as np
import pytest

from datumaro.dataset import Dataset
from datumaro.errors import InvalidAnnotationError
from datumaro.formats.columns import ChunkColumns
from datumaro.model.annotation import AnnotationType, Caption, Label
from datumaro.model.item import DatasetItem
from datumaro.model.masks import RleMask
from datumaro.model.media import Image
from datumaro.model.shapes import Bbox, Cuboid2D, Points, Polygon, Skeleton
from datumaro.table.chunk import Content
from datumaro.table.schema import NO_LABEL


def items_of(columns: ChunkColumns) -> list[DatasetItem]:
    return list(Dataset(Content([columns.finish()])))


def test_every_kind_keeps_its_values():
    columns = ChunkColumns()
    columns.add_label(1, b'{"score":0.5}', number=3)
    columns.add_box(4, 5, 0, (1.0, 2.0, 11.0, 22.004), b"")
    columns.add_shape(AnnotationType.polygon, [0, 0, 4, 0, 4, 4], NO_LABEL, group=5)
    columns.set_z_order(7)
    columns.add_points([1, 2, 3, 4], bytes([2, 0]), 0)
    columns.set_object_id(9)
    columns.add_mask(b"04L4", (2, 4), 1)
    columns.add_caption("a cat", b'{"by":"me"}')
    columns.add_item("a/b", "train", "a/b.png", 10, 20, b'{"id":7}')

    (item,) = items_of(columns)

    assert (item.id, item.subset, item.attributes) == ("a/b", "train", {"id": 7})
    assert item.media.path == "a/b.png"
    assert item.media.size == (10, 20)
    label, box, polygon, points, mask, caption = item.annotations
    assert label == Label(1, id=3, attributes={"score": 0.5})
    assert box == Bbox(1, 2, 10, 20, id=4, group=5, label=0)
    assert polygon == Polygon([0, 0, 4, 0, 4, 4], z_order=7, group=5)
    assert points == Points([1, 2, 3, 4], [2, 0], label=0, object_id=9)
    assert mask == RleMask({"counts": b"04L4", "size": [2, 4]}, label=1)
    assert caption == Caption("a cat", attributes={"by": "me"})


def test_annotations_belong_to_the_item_that_is_added_after_them():
    columns = ChunkColumns()
    columns.add_label(0)
    columns.add_item("a", "train", "")
    columns.add_item("b", "val", "")
    columns.add_label(1)
    columns.add_label(2)
    columns.add_item("c", "train", "")

    a, b, c = items_of(columns)

    assert [len(item.annotations) for item in (a, b, c)] == [1, 0, 2]
    assert [item.subset for item in (a, b, c)] == ["train", "val", "train"]
    assert a.media is None


def test_no_items_are_an_empty_chunk():
    assert items_of(ChunkColumns()) == []


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_ids_beyond_64_bits_are_refused(number: int):
    with pytest.raises(InvalidAnnotationError, match="64 bits"):
        ChunkColumns().add_label(0, number=number)


@pytest.mark.parametrize("size", [(2**31, 1), (1, -1)])
def test_sizes_that_no_image_has_are_refused(size: tuple[int, int]):
    with pytest.raises(InvalidAnnotationError, match="pixels"):
        ChunkColumns().add_item("a", "train", "a.png", *size)


def test_shapes_and_items_in_bulk():
    columns = ChunkColumns()
    columns.add_label(0)
    columns.add_item("a", "train", "")
    before = columns.add_shapes(
        np.array([6, 3, 1], np.uint8),
        np.array([0, NO_LABEL, 1], np.int32),
        np.array([0, 4, 0]),
        np.array([0, 2, 0], np.int32),
        np.array([4, 8, 8]),
        np.array([1, 2, 11, 22, 1, 2, 3, 4], float),
        [b'{"a":1}', b"", b""],
    )
    assert before == 1
    columns.add_item("b", "train", "", end=before + 2)
    columns.add_item("c", "val", "", end=before + 3)

    a, b, c = items_of(columns)
    assert [len(item.annotations) for item in (a, b, c)] == [1, 2, 1]
    assert b.annotations == [
        Bbox(1, 2, 10, 20, label=0, attributes={"a": 1}),
        Points([1, 2, 3, 4], [2, 2], z_order=2, group=4),
    ]
    assert c.annotations == [Label(1)]


def test_cuboids_are_not_rounded_and_skeletons_have_elements():
    columns = ChunkColumns()
    corners = [(float(i), i + 0.123456) for i in range(8)]
    columns.add_cuboid([value for corner in corners for value in corner], 1, group=2)
    columns.add_skeleton([{"points": [1.5, 2.0], "visibility": [1], "label": 0}], 1, b'{"a":1}')
    columns.set_z_order(3)
    columns.add_item("a", "train", "", in_memory=Image.from_numpy(data=np.zeros((4, 6), np.uint8)))

    (item,) = items_of(columns)
    cuboid, skeleton = item.annotations
    assert cuboid == Cuboid2D(corners, label=1, group=2)
    elements = [Points([1.5, 2], [1], label=0)]
    assert skeleton == Skeleton(elements, label=1, z_order=3, attributes={"a": 1})
    assert item.media.data.shape == (4, 6)
