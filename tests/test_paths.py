"""Names from files become paths that stay inside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from datumaro.errors import PathOutsideDatasetError, PathSeparatorInSubsetNameError
from datumaro.paths import check_subset_name, escapes, join_inside


@pytest.mark.parametrize(
    "name",
    ["a", "a/b", "a/../b", "a/./b", "..a", "a..", "...", "a//b", "", ".", "a/b/../../c", "ä ü"],
)
def test_names_inside(name: str) -> None:
    assert not escapes(name)
    assert join_inside("root", name) == os.path.join("root", name)  # noqa: PTH118 - what it stands for


@pytest.mark.parametrize(
    "name",
    [
        "/a", "..", "../a", "a/../..", "a/../../b", "\\a", "..\\a", "a\\..\\..\\b", "C:a", "c:/a",
        "a\0", "./..", "a/./../..",
    ],
)  # fmt: skip
def test_names_outside(name: str) -> None:
    assert escapes(name)
    with pytest.raises(
        PathOutsideDatasetError, match=r"file_name of image 7.*allow_external_media"
    ):
        join_inside("root", name, what="file_name of image 7")
    assert join_inside("root", name, allow_external=True)


@given(st.lists(st.sampled_from(["..", ".", "a", "b", "", "..."]), max_size=8).map("/".join))
def test_whatever_is_joined_lies_inside(name: str) -> None:
    root = Path("/some/root")
    try:
        joined = join_inside(root, name)
    except PathOutsideDatasetError:
        return
    assert Path(os.path.normpath(joined)).is_relative_to(root)


def test_subsets_whose_names_no_file_can_have() -> None:
    check_subset_name("train 1.x")
    for name in ("a/b", "a\\b", "/"):
        with pytest.raises(PathSeparatorInSubsetNameError, match="rename the subset"):
            check_subset_name(name)
