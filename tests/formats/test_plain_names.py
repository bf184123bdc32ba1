"""Names of images that are made all at once."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

import datumaro as dm
from datumaro.formats.base import WriteContext, WriteOptions
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.plain_names import joined, plain_names
from datumaro.formats.rows import ChunkRows
from datumaro.table.chunk import Chunk
from format_files import image

PATHS = st.sampled_from(["", "/a/b.jpg", "/a/b.JPG", "a.b/c", "x/.jpg", "a..jpg", "a.j-g", "a.é"])


def chunk_of(items: list[tuple[str, str]]) -> Chunk:
    columns = ChunkColumns()
    for item_id, path in items:
        columns.add_item(item_id, "train", path)
    return columns.finish()


def names(*items: tuple[str, str], **options: object) -> list[str] | None:
    found = plain_names(chunk_of(list(items)), WriteOptions(**options))  # pyright: ignore
    return None if found is None else found.to_pylist()


@given(
    st.lists(st.tuples(st.text("ab/.-_0 é\n\\:", min_size=1, max_size=4), PATHS), max_size=3),
    st.sampled_from([None, "png", ".tar.gz"]),
)
def test_they_are_as_one_after_another(items: list[tuple[str, str]], ext: str | None):
    chunk, options = chunk_of(items), WriteOptions(image_ext=ext)
    found = plain_names(chunk, options)
    if found is not None:
        jobs, rows = ImageJobs(None, options, WriteContext()), ChunkRows(chunk)  # pyright: ignore
        assert found.to_pylist() == [jobs.name(rows, item) for item in range(len(rows))]


def test_plain_items():
    assert names(("a", "/x/1.png"), ("b/c-0.1", "/x/2.png")) == ["a.png", "b/c-0.1.png"]
    assert names(("a", "/x/1.png"), ("b", "/x/2.jpg"), ("c", "")) == ["a.png", "b.jpg", "c.jpg"]
    assert names(("a", "/x/1.png"), image_ext="BMP") == ["a.bmp"]


@pytest.mark.parametrize("item_id", ["../a", "/a", "a b", "a,b", "é", "a\n", "a//b", ".a", "a:b"])
def test_other_names_are_left(item_id: str):
    assert names(("a", ""), (item_id, "")) is None


def test_images_that_are_saved_or_in_memory_are_left():
    assert names(("a", ""), save_media=True) is None
    item = dm.DatasetItem("a", media=image())
    for chunk in dm.Dataset.from_iterable([item]).content().chunks:
        assert plain_names(chunk, WriteOptions()) is None


def test_joined_rows():
    texts = pa.array(["a", "é", "b"], pa.large_string())
    assert joined(texts.slice(1), ",", texts.slice(1), "\n") == "é,é\nb,b\n".encode()
