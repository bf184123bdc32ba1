"""Names of labels in KITTI's lines."""

from __future__ import annotations

import pytest

from datumaro.errors import UnsupportedContentError
from datumaro.formats import kitti_labels


@pytest.mark.parametrize("name", ["Car", "traffic light", "7", "7 dwarfs", "2nd 1st", "猫"])
def test_names_that_a_line_can_hold(name: str):
    kitti_labels.check(name)


@pytest.mark.parametrize("name", ["", " ", "a  b", " a", "a ", "a\nb", "a\tb", "route 66", "a inf"])
def test_names_that_a_line_cannot_hold(name: str):
    with pytest.raises(UnsupportedContentError, match="rename the label"):
        kitti_labels.check(name)
