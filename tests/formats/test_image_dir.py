"""Folders of images."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image as PILImage

import datumaro as dm
from datumaro.errors import (
    DatasetExportError,
    DatasetNotFoundError,
    MediaTypeError,
    PathOutsideDatasetError,
)
from datumaro.formats import registry
from datumaro.formats.base import Confidence, Folder, Rejected, WriteContext
from datumaro.formats.files import item_ids


def make(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PILImage.fromarray(np.full((2 + number, 3, 3), number, np.uint8)).save(path)
    return root


def read(path: Path, **options: object) -> dm.Dataset:
    return dm.Dataset.import_from(str(path), "image_dir", **options)


def test_sample(shared_data: Path):
    dataset = read(shared_data / "formats/image_dir_dataset")
    assert [(item.id, item.subset) for item in dataset] == [("1", "default"), ("2", "default")]
    assert all(item.media.data is not None for item in dataset)


def test_reading(tmp_path: Path):
    make(tmp_path, "b.jpg", "a b.PNG", "deep/er/c.bmp", "ünï.dots.png", ".hidden.png", ".git/x.png")
    (tmp_path / "notes.txt").write_text("no image")
    dataset = read(tmp_path, subset="mine")
    assert [item.id for item in dataset] == ["a b", "b", "deep/er/c", "ünï.dots"]
    assert {item.subset for item in dataset} == {"mine"}
    assert dataset.get("a b", "mine").media.size == (3, 3)
    assert [item.id for item in read(tmp_path / "b.jpg")] == ["b"]


def test_sizes_are_not_looked_at(tmp_path: Path):
    (tmp_path / "broken.png").write_bytes(b"")
    (item,) = read(tmp_path)
    assert not item.media.has_size


def test_names_that_differ_in_their_extension_alone(tmp_path: Path):
    assert item_ids(["a.jpg", "a.png", "b.png"]) == ["a", "a.png", "b"]
    assert item_ids(["a.jpg", "a.png", "a.png.jpg"]) == ["a", "a.png", "a.png.jpg"]
    make(tmp_path / "in", "a.jpg", "a.png")
    dataset = read(tmp_path / "in")
    assert [item.id for item in dataset] == ["a", "a.png"]


def test_no_images(tmp_path: Path):
    (tmp_path / "a.txt").write_text("")
    for path in (tmp_path, tmp_path / "a.txt"):
        with pytest.raises(DatasetNotFoundError, match="no images"):
            read(path)


def test_links_to_folders_are_not_followed(tmp_path: Path):
    make(tmp_path, "in/a.png")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in", target_is_directory=True)
    assert [item.id for item in read(tmp_path / "in")] == ["a"]


def test_round_trip(tmp_path: Path):
    """Images are saved without being asked for, and byte by byte."""
    make(tmp_path / "in", "a.png", "deep/b.jpg", "with space.bmp")
    read(tmp_path / "in").export(str(tmp_path / "out"), "image_dir")
    for name in ("a.png", "deep/b.jpg", "with space.bmp"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "in" / name).read_bytes()


def test_images_in_memory_and_another_extension(tmp_path: Path):
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    items = [
        dm.DatasetItem("memory", media=dm.Image.from_numpy(data=pixels)),
        dm.DatasetItem("none"),
    ]
    dm.Dataset.from_iterable(items).export(str(tmp_path / "out"), "image_dir", image_ext=".png")
    (item,) = read(tmp_path / "out")
    assert np.array_equal(item.media.data, pixels)


def test_what_is_lost_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    make(tmp_path, "a.png")
    media = dm.Image.from_file(path=str(tmp_path / "a.png"))
    items = [
        dm.DatasetItem(
            "a", subset="s", media=media, attributes={"x": 1}, annotations=[dm.Label(0)]
        ),
        dm.DatasetItem("b", subset="s"),
    ]
    dataset = dm.Dataset.from_iterable(items, categories=["l"])
    with caplog.at_level(logging.WARNING):
        dataset.export(str(tmp_path / "out"), "image_dir")
    for part in ("1 labels of items", "1 names of labels", "1 attributes of items",
                 "1 names of subsets", "1 items without media (first: item 'b')"):  # fmt: skip
        assert part in caplog.text


def test_one_file_for_two_images(tmp_path: Path):
    make(tmp_path, "in/a.png", "in/b.png")
    paths = [str(tmp_path / "in" / name) for name in ("a.png", "b.png")]
    items = [
        dm.DatasetItem("x", subset=subset, media=dm.Image.from_file(path=path))
        for subset, path in zip(("train", "val"), paths, strict=True)
    ]
    with pytest.raises(DatasetExportError, match="rename"):
        dm.Dataset.from_iterable(items).export(str(tmp_path / "out"), "image_dir")
    items[1].media = items[0].media
    dm.Dataset.from_iterable(items).export(str(tmp_path / "out"), "image_dir")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x.png"]


def test_an_id_may_not_lead_outside(tmp_path: Path):
    make(tmp_path, "a.png")
    media = dm.Image.from_file(path=str(tmp_path / "a.png"))
    content = dm.Dataset.from_iterable([dm.DatasetItem("x", media=media)]).content()
    (chunk,) = content.chunks
    index = chunk.items.schema.get_field_index("id")
    ids = pa.array(["../x"], pa.large_string())
    chunk.items = chunk.items.set_column(index, chunk.items.schema.field("id"), ids)
    format = registry.get("image_dir")
    (tmp_path / "out").mkdir()
    with pytest.raises(PathOutsideDatasetError):
        format.write(content, tmp_path / "out", format.write_options(), WriteContext())
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a.png"]


def test_other_media_are_refused(tmp_path: Path):
    item = dm.DatasetItem("x", media=dm.PointCloud.from_file(path="x.pcd"))
    dataset = dm.Dataset.from_iterable([item], media_type=dm.PointCloud)
    with pytest.raises(MediaTypeError, match="PointCloud"):
        dataset.export(str(tmp_path / "out"), "image_dir")


def test_detection(tmp_path: Path):
    format = registry.get("image_dir")
    make(tmp_path, "in/a.png", "in/b.JPG")
    assert format.detect(Folder(tmp_path / "in")) == Confidence.EXTREME_LOW
    with pytest.raises(Rejected, match="folders"):
        format.detect(Folder(tmp_path))
    with pytest.raises(Rejected, match="a file"):
        format.detect(Folder(tmp_path / "in/a.png"))
    (tmp_path / "in/labels.txt").write_text("")
    with pytest.raises(Rejected, match=r"labels\.txt"):
        format.detect(Folder(tmp_path / "in"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(Rejected, match="no images"):
        format.detect(Folder(tmp_path / "empty"))
