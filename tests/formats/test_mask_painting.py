"""Painting masks over each other."""

import numpy as np
import pytest

from datumaro.errors import UnsupportedContentError
from datumaro.formats.mask_painting import MaskToPaint, instance_numbers, paint
from datumaro.model.masks import Mask


def mask(rows: list[str], cls: int, *, z_order: int = 0, group: int = 0) -> MaskToPaint:
    pixels = np.array([[c == "x" for c in row] for row in rows])
    rle = Mask(pixels).rle
    return MaskToPaint(rle["counts"], *rle["size"], z_order, group, cls)


def test_a_higher_z_order_lies_on_top():
    painted = paint("a", [mask(["xx."], 3, z_order=1), mask([".xx"], 5)], background=0)
    assert painted.classes.tolist() == [[3, 3, 5]]
    assert painted.instances.tolist() == [[2, 2, 1]]
    assert painted.losses == ["masks that others cover in part or whole: the covered pixels"]


def test_groups_become_numbers_when_no_other_mask_has_them():
    assert instance_numbers([7, 0, 1, 1]) == [7, 1, 2, 3]
    assert instance_numbers([300], most=255) == [1]
    assert instance_numbers([300], most=999) == [300]


def test_masks_without_a_class_are_background_and_counted():
    painted = paint("a", [mask(["x."], -1), mask([".x"], 2)], background=9)
    assert painted.classes.tolist() == [[9, 2]]
    assert painted.unlabelled == 1


def test_masks_of_another_size_are_told():
    painted = paint("a", [mask(["x."], 1), mask(["x"], 2)], background=0)
    assert painted.losses == ["masks of another size than their item's first"]


def test_damaged_run_lengths_name_the_item():
    with pytest.raises(UnsupportedContentError, match="'a'"):
        paint("a", [MaskToPaint(b"\xff\xff", 2, 2, 0, 0, 1)], background=0)


def test_large_groups_take_no_large_memory():
    painted = paint("a", [mask(["x."], 0, group=2**30)], background=0, most=2**30)
    assert painted.instances.tolist() == [[2**30, 0]]


@pytest.mark.parametrize("size", [(1, 3), (1 << 20, 1 << 20)])
def test_sizes_that_lie(size: tuple[int, int]):
    rle = Mask(np.ones((1, 2), bool)).rle["counts"]
    with pytest.raises(UnsupportedContentError, match="item 'a'"):
        paint("a", [MaskToPaint(rle, *size, 0, 0, 1)], background=0)
