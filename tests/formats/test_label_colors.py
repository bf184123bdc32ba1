"""Labels and colours in files, and what masks are painted with."""

from __future__ import annotations

from pathlib import Path

import pytest

from datumaro.errors import MalformedFileError, UnsupportedContentError
from datumaro.formats import label_colors, paint_plan
from datumaro.formats.base import ReadContext, WriteContext
from datumaro.formats.label_colors import LabelColors
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories, MaskCategories
from datumaro.table.chunk import Content
from format_files import make

STANDARD = LabelColors(["a"], {0: (1, 1, 1)})


def load(root: Path, *, painted: bool = True) -> LabelColors:
    return label_colors.load(root, STANDARD, ReadContext(), painted=painted)


def content(labels: list[str], colors: dict[int, tuple[int, int, int]]) -> Content:
    return Content(
        [],
        {
            AnnotationType.label: LabelCategories.from_iterable(labels),
            AnnotationType.mask: MaskCategories(colors),
        },
    )


def test_the_standard_labels_where_there_is_no_file(tmp_path: Path):
    assert load(tmp_path) is STANDARD


@pytest.mark.parametrize(
    "labels",
    [
        LabelColors([], {}),
        LabelColors(["x", "1", "1 2"], {}),
        LabelColors(["x", "y"], {1: (0, 0, 0)}),
        LabelColors(["1 2 3 x", "#y", "two words", "猫"], {0: (1, 2, 3)}),
    ],
)
def test_what_is_saved_is_loaded(tmp_path: Path, labels: LabelColors):
    label_colors.save(labels, tmp_path)
    assert load(tmp_path, painted=False) == labels


def test_files_with_windows_line_ends(tmp_path: Path):
    make(tmp_path, {"label_colors.txt": "\ufeff1 2 3 x\r\ny\r\n"})
    assert load(tmp_path, painted=False) == LabelColors(["x", "y"], {0: (1, 2, 3)})


def test_a_file_that_is_no_text(tmp_path: Path):
    make(tmp_path, {"label_colors.txt": b"1 2 3 \xff"})
    with pytest.raises(MalformedFileError, match=r"byte 6: not UTF-8"):
        load(tmp_path)


def test_plan():
    plan = paint_plan.make(
        content(["x", "background", "y"], {0: (0, 0, 0), 2: (9, 9, 9)}),
        "source",
        {},
        WriteContext(),
        distinct=True,
    )
    assert plan.background == 1
    assert plan.classes == [0, 1, 2]
    assert plan.labels.colors == {0: (0, 0, 0), 1: (128, 0, 0), 2: (9, 9, 9)}
    assert plan.palette(1).tolist() == [[0, 0, 0], [0, 0, 0], [128, 0, 0], [9, 9, 9], [0, 0, 0]]


def test_plan_with_other_labels():
    plan = paint_plan.make(
        content(["x", "a"], {}), "mine", {"mine": STANDARD}, WriteContext(), distinct=True
    )
    assert (plan.labels.names, plan.classes, plan.background) == (["a"], [-1, 0], None)


@pytest.mark.parametrize("labels", [LabelCategories.from_iterable([""])])
def test_labels_without_a_name(labels: LabelCategories):
    with pytest.raises(UnsupportedContentError, match="without a name"):
        paint_plan.make(
            Content([], {AnnotationType.label: labels}), "source", {}, WriteContext(), distinct=True
        )
