"""Items one after another, and what is told of them on the way."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from datumaro.formats.columns import ChunkColumns
from datumaro.formats.rows import ChunkRows, each_item, each_subset
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import MediaType
from datumaro.progress import ProgressReporter
from datumaro.table.chunk import Chunk, Content


class Told(ProgressReporter):
    def __init__(self) -> None:
        self.all: list[object] = []

    def start(self, total: int, *, desc: str | None = None) -> None:
        self.all.append((total, desc))

    def report_status(self, progress: int) -> None:
        self.all.append(progress)

    def finish(self) -> None:
        self.all.append("done")


def chunk(ids: Sequence[str], subset: str = "train") -> Chunk:
    columns = ChunkColumns()
    for item_id in ids:
        columns.add_item(item_id, subset, "")
    return columns.finish()


def test_all_items_in_order():
    content, told = Content([chunk(["a", "b"]), chunk([]), chunk(["c"], "val")]), Told()
    found = [(r.ids[i], r.subsets[i]) for r, i in each_item(content, told, "Writing")]
    assert found == [("a", "train"), ("b", "train"), ("c", "val")]
    assert told.all == [(3, "Writing"), 3, "done"]


def test_subset_after_subset():
    content = Content([chunk(["a"]), chunk(["b"], "val"), chunk(["c"])])
    subsets = each_subset(content.by_subset(), Told(), "Writing")
    assert {name: [r.ids[i] for r, i in items] for name, items in subsets} == {
        "train": ["a", "c"],
        "val": ["b"],
    }


def test_nothing():
    told = Told()
    assert not list(each_item(Content([]), told, "Writing"))
    assert told.all == [(0, "Writing"), 0, "done"]


def test_progress_is_told_every_512_items():
    told = Told()
    for _ in each_item(Content([chunk([str(n) for n in range(1100)])]), told, ""):
        pass
    assert told.all == [(1100, ""), 512, 1024, 1100, "done"]


@pytest.mark.parametrize(("size", "expected"), [((7, 8), (7, 8)), ((0, 0), (2, 3))])
def test_a_size_that_is_not_known_is_that_of_a_mask(
    size: tuple[int, int], expected: tuple[int, int]
):
    columns = ChunkColumns()
    columns.add_box(0, 0, 0, (0, 0, 1, 1), b"")
    columns.add_mask(b"06", (2, 3), 0)
    columns.add_item("a", "train", "", *size)
    columns.add_item("b", "train", "")
    rows = ChunkRows(columns.finish())
    assert (rows.size_or_mask(0), rows.size_or_mask(1)) == (expected, (0, 0))


def test_texts_of_shapes():
    columns = ChunkColumns()
    columns.add_label(0)
    columns.add_box(0, 0, 0, (1, 2.5, 4.25, 3), b"")
    columns.add_shape(AnnotationType.polygon, [1, 2, 3.5, 4], 0)
    columns.add_box(0, 0, 0, (0.1, 0.2, 0.3, 0.3), b"")
    columns.add_item("a", "train", "")
    rows = ChunkRows(columns.finish())
    assert [rows.box_text(row) for row in (1, 3)] == ["1.0,2.5,3.25,0.5", "0.1,0.2,0.2,0.1"]
    assert rows.point_texts(2) == ["1.0", "2.0", "3.5", "4.0"]
    assert rows.short_points(2) == ["1", "2", "3.5", "4"]
    assert rows.point_texts(0) == rows.short_points(0) == []


def test_cuboids():
    columns = ChunkColumns()
    exact = [0.12, 1e7 + 0.01, 3, 0, 0, 0.5, 4, 2, 1.5]
    columns.add_box(0, 0, 0, (1, 2, 3, 4), b"")
    columns.add_shape(AnnotationType.cuboid_3d, range(9), 0)
    columns.add_shape(AnnotationType.cuboid_3d, exact, 0)
    columns.add_item("a", "train", "/a.pcd", media=MediaType.POINT_CLOUD)
    columns.add_item("b", "train", "/b.png")
    rows = ChunkRows(columns.finish())
    assert rows.cuboids().tolist() == [list(range(9)), exact]
    assert [rows.cloud_path(item) for item in (0, 1)] == ["/a.pcd", ""]
    assert [rows.has_cloud(item) for item in (0, 1)] == [True, False]
