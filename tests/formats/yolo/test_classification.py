"""YOLO: labels of images, by folders."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetExportError,
    DatasetNotFoundError,
    MediaTypeError,
    UnsupportedContentError,
)
from datumaro.formats import registry
from datumaro.formats.base import Folder, Rejected
from formats.yolo.yolo_files import found, image, make, names, read

FORMAT = "yolo_ultralytics_classification"


def item(tmp_path: Path, item_id: str, label: int, subset: str = "train") -> dm.DatasetItem:
    return dm.DatasetItem(
        item_id, subset=subset, media=image(tmp_path), annotations=[dm.Label(label)]
    )


def test_reading(tmp_path: Path):
    make(
        tmp_path,
        {
            "train/dog/1.png": b"",
            "train/cat/1.png": b"",
            "train/cat/deep/2.png": b"",
            "train/cat/.hidden.png": b"",
            "train/lost.png": b"",
            "val/owl/3.png": b"",
            "val/notes.txt": "x",
            "README.md": "x",
        },
    )
    dataset = read(tmp_path, FORMAT)
    assert names(dataset) == ["cat", "dog", "owl"]
    assert {key: shapes[0][:2] for key, shapes in found(dataset).items()} == {
        ("train", "cat/1"): ("label", 0),
        ("train", "deep/2"): ("label", 0),
        ("train", "dog/1"): ("label", 1),
        ("val", "3"): ("label", 2),
    }


def test_round_trip(tmp_path: Path):
    items = [
        item(tmp_path, "with space/x.y", 1),
        item(tmp_path, "ünï", 0, "val"),
        item(tmp_path, "1", 1, "val"),
    ]
    sent = dm.Dataset.from_iterable(items, categories=["a cat", "dog", "never seen"])
    sent.export(str(tmp_path / "o"), FORMAT)
    assert (tmp_path / "o/val/never seen").is_dir()
    received = read(tmp_path / "o", FORMAT)
    assert names(received) == ["a cat", "dog", "never seen"]
    assert found(received) == found(sent)
    assert all(each.media.data is not None for each in received)


def test_what_is_lost_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    several = item(tmp_path, "a", 0)
    several.annotations.append(dm.Label(1))
    items = [several, dm.DatasetItem("b", subset="train", media=image(tmp_path))]
    items.append(dm.DatasetItem("c", subset="train", annotations=[dm.Label(0)]))
    with caplog.at_level(logging.WARNING):
        dm.Dataset.from_iterable(items, categories=["x", "y"]).export(str(tmp_path / "o"), FORMAT)
    assert "1 labels of items beyond 1 of an item" in caplog.text
    assert "1 items without annotations (first: item 'b')" in caplog.text
    assert "1 items without media (first: item 'c')" in caplog.text
    assert list(found(read(tmp_path / "o", FORMAT))) == [("train", "a")]


def test_names_that_cannot_be_written(tmp_path: Path):
    for label in ("", ".x", "a/b", "a\\b", "a\0"):
        for items in ([], [item(tmp_path, "1", 0)]):
            made = dm.Dataset.from_iterable(items, categories=[label])
            with pytest.raises(UnsupportedContentError, match="rename"):
                made.export(str(tmp_path / "o"), FORMAT)
    for item_id in (".x", "a/.b", "a//b"):
        with pytest.raises(DatasetExportError, match="rename"):
            dm.Dataset.from_iterable([item(tmp_path, item_id, 0)], categories=["x"]).export(
                str(tmp_path / "o"), FORMAT
            )


def test_other_media_are_refused(tmp_path: Path):
    cloud = dm.DatasetItem(
        "x", media=dm.PointCloud.from_file(path="x.pcd"), annotations=[dm.Label(0)]
    )
    dataset = dm.Dataset.from_iterable([cloud], media_type=dm.PointCloud, categories=["x"])
    with pytest.raises(MediaTypeError, match="PointCloud"):
        dataset.export(str(tmp_path / "o"), FORMAT)


def test_nothing_there_and_detection(tmp_path: Path):
    make(tmp_path, {"train/a.png": b""})
    for path in (tmp_path, tmp_path / "train/a.png"):
        with pytest.raises(DatasetNotFoundError, match="no folders of classes"):
            read(path, FORMAT)
    with pytest.raises(Rejected, match="name the format"):
        registry.get(FORMAT).detect(Folder(tmp_path))
