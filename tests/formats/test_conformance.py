"""Every format passes the conformance suite."""

from __future__ import annotations

import pytest

from datumaro.formats import registry
from datumaro.testing import FormatConformance

OWN = {"align_celeba", "celeba", "kitti", "kitti_detection", "lfw", "vgg_face2"}  # see their tests
NAMES = [
    name for name in registry.names() if registry.get(name).holds is not None and name not in OWN
]


@pytest.mark.parametrize("format_name", NAMES)
class TestEveryFormat(FormatConformance):
    pass
