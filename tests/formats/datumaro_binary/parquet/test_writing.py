"""What row groups have: so many items, and not too many bytes."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

import datumaro as dm
from datumaro.crypto import generate_key
from datumaro.errors import UnsupportedContentError
from datumaro.formats.datumaro_binary.parquet import writing
from datumaro.testing.strategies import datasets


def captions(*lengths: int) -> dm.Dataset:
    """Items with a caption each: its letters, the item's id of one and 96 bytes."""
    return dm.Dataset.from_iterable(
        [dm.DatasetItem(str(i), annotations=[dm.Caption("x" * n)]) for i, n in enumerate(lengths)]
    )


def export(folder: Path, made: dm.Dataset, **options) -> Path:
    made.export(folder, "datumaro_binary", storage="parquet", **options)
    return folder


def groups(folder: Path) -> list[int]:
    """How many items each row group has."""
    found = []
    for path in sorted(folder.glob("annotations/*.datum")):
        told = pq.ParquetFile(path).metadata
        found += [told.row_group(i).num_rows for i in range(told.num_row_groups)]
    return found


@pytest.mark.parametrize(
    ("lengths", "rows"),
    [
        ([35] * 6, [2, 2, 2]),  # 264 bytes are full
        ([36, 35, 35], [1, 2]),
        ([0] * 4, [2, 2]),
        ([500, 0, 0, 500, 0], [1, 2, 1, 1]),  # those that are larger are by themselves
        ([500], [1]),
    ],
)
def test_items_with_much_are_in_smaller_row_groups(tmp_path, monkeypatch, lengths, rows):
    monkeypatch.setattr(writing, "GROUP_BYTES", 264)
    export(tmp_path, captions(*lengths))
    assert groups(tmp_path) == rows
    assert list(dm.Dataset.import_from(tmp_path)) == list(captions(*lengths))


@settings(max_examples=30)
@given(datasets(max_items=6), st.integers(0, 2000))
def test_whatever_their_size_all_comes_back(tmp_path_factory, made, most):
    whole = export(tmp_path_factory.mktemp("whole"), made, save_media=True)
    parted = tmp_path_factory.mktemp("parted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "GROUP_BYTES", most)
        export(parted, made, save_media=True)
    assert list(dm.Dataset.import_from(parted)) == list(dm.Dataset.import_from(whole))


@pytest.mark.parametrize(
    "options",
    [{}, {"shard_size": 1}, {"encryption_key": generate_key()}],
    ids=["", "shards", "key"],
)
def test_an_item_that_no_reader_would_take_is_refused(tmp_path, monkeypatch, options):
    monkeypatch.setattr(writing, "GROUP_BYTES", 100)
    monkeypatch.setattr(writing, "_MOST_BYTES", 200)
    with pytest.raises(UnsupportedContentError, match=r"item '1'.* 598 bytes .*at most 200"):
        export(tmp_path / "out", captions(3, 501, 3), **options)
    assert not (tmp_path / "out").exists()


def test_a_row_group_has_8192_items_of_the_usual_size(tmp_path):
    export(tmp_path, captions(*[5] * 20_000))
    assert groups(tmp_path) == [8192, 8192, 3616]
