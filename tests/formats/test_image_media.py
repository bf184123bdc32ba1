"""Data sets whose media are images, and mixed ones."""

from __future__ import annotations

from pathlib import Path

import pytest

import datumaro as dm
from datumaro.errors import DatumaroError
from datumaro.formats import registry
from datumaro.model.media import MediaElement
from format_files import NO_IMAGES, image

WHOLE = {"datumaro", "datumaro_binary"}  # hold all media
CLOUDS = {"kitti_raw", "sly_pointcloud"}
BY_LABELS = {"yolo_ultralytics_classification"}  # of the items here none has one


@pytest.mark.parametrize(
    "format",
    [name for name in registry.writable() if name not in WHOLE | CLOUDS],
)
def test_what_is_no_image_is_not_saved_as_one(
    tmp_path: Path, format: str, caplog: pytest.LogCaptureFixture
):
    for name in ("a.mp4", "a.pcd"):
        (tmp_path / name).write_bytes(b"no picture")
    media = {"x": image()} | {name: make(tmp_path) for name, make in NO_IMAGES.items()}
    made = dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                name, subset="train", media=medium, annotations=[dm.Bbox(1, 1, 3, 3, label=0)]
            )
            for name, medium in media.items()
        ],
        categories=["cat"],
        media_type=MediaElement,
    )
    try:
        made.export(tmp_path / "out", format, save_media=True)
    except DatumaroError as error:
        assert "video" in str(error)  # the first of them
        assert not (tmp_path / "out").exists()
        return
    saved = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not any(b"no picture" in content for content in saved)
    assert format in BY_LABELS or "5 media that are no images" in caplog.text
