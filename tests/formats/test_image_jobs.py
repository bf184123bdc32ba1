"""Images that are noted and saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import datumaro as dm
from datumaro.errors import MediaTypeError, PathOutsideDatasetError
from datumaro.formats.base import WriteContext, WriteOptions
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import image_of
from datumaro.formats.rows import ChunkRows
from format_files import image, make, png


def rows_of(*items: tuple[str, str]) -> ChunkRows:
    columns = ChunkColumns()
    for item_id, path in items:
        columns.add_item(item_id, "train", path)
    return ChunkRows(columns.finish())


def test_images_go_to_their_places(tmp_path: Path):
    given = make(
        tmp_path / "given",
        {"1.png": png(np.full((2, 2), 1, np.uint8)), "2.png": png(np.full((2, 2), 2, np.uint8))},
    )
    rows = rows_of(("a/b", f"{given}/1.png"), ("c", ""), ("d", f"{given}/2.png"))
    out = tmp_path / "out"
    out.mkdir()
    jobs = ImageJobs(out, WriteOptions(save_media=True), WriteContext(), ".bmp")
    assert jobs.add(rows, 0, "x") == "a/b.png"
    assert jobs.add(rows, 1, "x") == "c.bmp"  # has none
    assert jobs.add(rows, 2, "", "other") == "other.png"
    assert jobs.save() == 2
    found = sorted(p.relative_to(out).as_posix() for p in out.rglob("*.*"))
    assert found == ["other.png", "x/a/b.png"]


def test_images_that_are_not_wanted_are_not_saved(tmp_path: Path):
    jobs = ImageJobs(tmp_path, WriteOptions(image_ext=".bmp"), WriteContext())
    assert jobs.add(rows_of(("a", "/nowhere/1.png")), 0, "x") == "a.bmp"
    assert jobs.save() == 0
    assert not list(tmp_path.iterdir())


def test_names_that_lead_outside_are_refused_with_images_and_without(tmp_path: Path):
    jobs = ImageJobs(tmp_path, WriteOptions(), WriteContext())
    for path in ("", "/nowhere/1.png"):
        with pytest.raises(PathOutsideDatasetError, match="item id"):
            jobs.add(rows_of(("../../a", path)), 0, "x")


def test_media_that_are_no_images():
    medium = image()
    assert image_of(medium, "a", "f") is medium
    assert image_of("a.png", "a", "f") is None
    assert image_of(None, "a", "f") is None
    with pytest.raises(MediaTypeError, match="item 'a': f holds images, not PointCloudFromBytes"):
        image_of(dm.PointCloud.from_bytes(data=b""), "a", "f")
