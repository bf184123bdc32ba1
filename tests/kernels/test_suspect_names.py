"""Names and paths that may lead elsewhere."""

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels.suspect_names import suspects
from datumaro.table import schema

NAME = re.compile(r"^$|^/|^[A-Za-z]:|\\|\x00|\.\.")
PATH = re.compile(r"(^|/)\.|//|\\|:|\x00")
_texts = st.lists(st.text(alphabet="aZ./\\:\0é1", max_size=8))


@given(_texts, st.integers(0, 3))
@pytest.mark.parametrize(("paths", "pattern"), [(False, NAME), (True, PATH)])
def test_what_is_suspect(paths, pattern, texts, begin):
    column = pa.array(texts, pa.large_string())[begin:]
    found = suspects(*schema.list_parts(column), paths=paths)
    assert found.tolist() == [
        row for row, text in enumerate(column.to_pylist()) if pattern.search(text)
    ]


@pytest.mark.parametrize("offsets", [[], [0, 4], [2, 1], [-1, 2]])
def test_offsets_outside_the_bytes_are_refused(offsets):
    with pytest.raises(ValueError, match="offsets"):
        suspects(np.array(offsets, np.int64), np.zeros(3, np.uint8), paths=False)
