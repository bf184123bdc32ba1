"""Exports of what is made of encrypted images: nothing goes into the clear unsaid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import datumaro as dm
from datumaro.crypto import generate_key
from datumaro.formats import registry
from datumaro.model.media import (
    Image,
    MediaElement,
    MosaicImage,
    MultiframeImage,
    PointCloud,
    RoIImage,
    Video,
    VideoFrame,
)
from datumaro.model.resized_image import ResizedImage
from videos import write_video

KEY, OTHER = generate_key(), generate_key()
BINARY = "datumaro_binary"
SAID = "1 media are in encrypted files"
LEFT, RIGHT = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 3), np.uint8)
MADE = ["region", "region of a region", "mosaic", "resized", "region of a mosaic"]


def one(media: MediaElement) -> dm.Dataset:
    kind = Image if isinstance(media, Image) else MediaElement
    return dm.Dataset.from_iterable([dm.DatasetItem("x", media=media)], media_type=kind)


def read(folder: Path, format: str = BINARY, key: str | None = None) -> Any:
    options = {} if key is None else {"encryption_key": key}
    return dm.Dataset.import_from(folder, format, **options).get("x").media


def encrypted(folder: Path, media: MediaElement, storage: str = "records") -> Any:
    """The medium, as it comes from an encrypted data set."""
    one(media).export(folder, BINARY, save_media=True, storage=storage, encryption_key=KEY)
    found = read(folder, key=KEY)
    assert found.is_encrypted
    return found


@pytest.fixture(params=["records", "parquet"])
def image(tmp_path: Path, request: pytest.FixtureRequest) -> Image:
    return encrypted(tmp_path / "in", Image.from_numpy(LEFT, ext=".png"), request.param)


def made_of(image: Image, how: str) -> tuple[Image, np.ndarray]:
    """(An image that is made of another, its pixels)."""
    region = RoIImage.from_image(image, (2, 1, 5, 4))
    plain = Image.from_numpy(RIGHT)
    mosaic = MosaicImage.from_image_roi_pairs(
        [(plain, (0, 0, 8, 6)), (image, (8, 0, 8, 6))], (6, 16)
    )
    return {
        "region": (region, LEFT[1:5, 2:7]),
        "region of a region": (RoIImage.from_image(region, (1, 1, 2, 2)), LEFT[2:4, 3:5]),
        "mosaic": (mosaic, np.hstack([RIGHT, LEFT])),
        "resized": (ResizedImage(image, (6, 8)), LEFT),
        "region of a mosaic": (RoIImage.from_image(mosaic, (7, 0, 2, 6)),
                               np.hstack([RIGHT[:, 7:], LEFT[:, :1]])),
    }[how]  # fmt: skip


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("how", MADE)
@pytest.mark.parametrize(
    ("format", "options"),
    [("coco", {}), ("datumaro", {}), (BINARY, {}), (BINARY, {"storage": "parquet"})],
)
def test_without_media_it_is_said(
    image: Image, how: str, format: str, options: Any, tmp_path: Path, caplog: Any
) -> None:
    one(made_of(image, how)[0]).export(tmp_path / "out", format, **options)
    assert SAID in caplog.text
    assert not any(image.path.encode() in data for data in contents(tmp_path / "out"))


@pytest.mark.parametrize("how", MADE)
@pytest.mark.parametrize("format", ["coco", "datumaro", BINARY])
def test_saved_ones_have_their_pixels(
    image: Image, how: str, format: str, tmp_path: Path, caplog: Any
) -> None:
    media, pixels = made_of(image, how)
    one(media).export(tmp_path / "out", format, save_media=True, image_ext=".png")
    assert SAID not in caplog.text
    np.testing.assert_array_equal(read(tmp_path / "out", format).data, pixels)


@pytest.mark.parametrize("how", MADE)
@pytest.mark.parametrize("storage", ["records", "parquet"])
def test_saved_ones_are_encrypted_anew(
    image: Image, how: str, storage: str, tmp_path: Path
) -> None:
    media, pixels = made_of(image, how)
    encrypting = {"encryption_key": OTHER, "storage": storage, "image_ext": ".png"}
    one(media).export(tmp_path / "out", BINARY, save_media=True, **encrypting)
    assert not any(b"PNG" in data[:8] for data in contents(tmp_path / "out"))
    found = read(tmp_path / "out", key=OTHER)
    assert found.is_encrypted
    np.testing.assert_array_equal(found.data, pixels)


# --- images that belong to other media ------------------------------------------------------------


def holding(kind: str, *images: Image) -> MediaElement:
    frames = kind == "frames"
    return MultiframeImage(images) if frames else PointCloud.from_bytes(b"points", images)


def held(media: Any) -> list[Image]:
    return media.data if isinstance(media, MultiframeImage) else media.extra_images


@pytest.mark.parametrize("kind", ["frames", "point cloud"])
@pytest.mark.parametrize("format", ["datumaro", BINARY])
def test_a_region_is_not_taken_for_its_image(
    kind: str, format: str, tmp_path: Path, caplog: Any
) -> None:
    """Also where nothing is encrypted."""
    path = tmp_path / "whole.png"
    Image.from_numpy(LEFT).save(path)
    media = holding(kind, RoIImage.from_image(Image.from_file(path), (2, 1, 5, 4)))
    one(media).export(tmp_path / "out", format)
    assert re.search("1 (images|frames) that are (only )?in memory", caplog.text)
    assert not any(b"whole" in data for data in contents(tmp_path / "out"))
    one(media).export(tmp_path / "saved", format, save_media=True)
    np.testing.assert_array_equal(held(read(tmp_path / "saved", format))[0].data, LEFT[1:5, 2:7])


@pytest.mark.parametrize("kind", ["frames", "point cloud"])
@pytest.mark.parametrize("format", ["datumaro", BINARY])
@pytest.mark.parametrize("how", ["whole", "region"])
def test_encrypted_images_of_plain_media(
    image: Image, kind: str, format: str, how: str, tmp_path: Path, caplog: Any
) -> None:
    part, pixels = (image, LEFT) if how == "whole" else made_of(image, how)
    one(holding(kind, part)).export(tmp_path / "out", format)
    assert SAID in caplog.text
    one(holding(kind, part)).export(tmp_path / "saved", format, save_media=True)
    found = held(read(tmp_path / "saved", format))[0]
    assert not found.is_encrypted
    np.testing.assert_array_equal(found.data, pixels)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A video of three frames, each of one brightness."""
    frames = [np.full((48, 64, 3), value, np.uint8) for value in (0, 100, 200)]
    return write_video(tmp_path / "clip.avi", frames)


@pytest.mark.parametrize("format", ["datumaro", BINARY])
def test_frames_of_an_encrypted_video(clip: Path, format: str, tmp_path: Path, caplog: Any) -> None:
    frame = VideoFrame(encrypted(tmp_path / "in", Video(clip)), 1)
    region = RoIImage.from_image(frame, (2, 1, 16, 16))
    assert region.is_encrypted
    for number, media in enumerate(
        (region, MultiframeImage([frame, region]), PointCloud.from_bytes(b"points", [frame]))
    ):
        caplog.clear()
        one(media).export(tmp_path / f"out {number}", format)
        assert SAID in caplog.text
        assert not any(b"clip" in data for data in contents(tmp_path / f"out {number}"))
        one(media).export(tmp_path / f"saved {number}", format, save_media=True)
        found = read(tmp_path / f"saved {number}", format)
        for image in [found] if isinstance(found, Image) else held(found):
            assert abs(int(image.data[0, 0, 0]) - 100) < 3


# --- formats that are media files -----------------------------------------------------------------


@pytest.mark.parametrize("format", sorted({*registry.writable()} - {"kitti_raw", "sly_pointcloud"}))
def test_a_format_declares_that_it_always_saves_media(format: str, tmp_path: Path) -> None:
    Image.from_numpy(LEFT).save(tmp_path / "a.png")
    item = dm.DatasetItem(
        "x", media=Image.from_file(tmp_path / "a.png"),
        annotations=[dm.Label(0), dm.Bbox(0, 0, 2, 2, label=0)],
    )  # fmt: skip
    writer = registry.get(format)
    dm.Dataset.from_iterable([item], categories=["cat"]).export(tmp_path / "out", format)
    saved = any((tmp_path / "a.png").read_bytes() in data for data in contents(tmp_path / "out"))
    assert saved == writer.always_saves_media


@pytest.mark.parametrize("format", ["image_dir", "image_zip", "imagenet"])
def test_where_media_are_always_saved_nobody_says_that_they_stay(
    format: str, tmp_path: Path, caplog: Any
) -> None:
    image = encrypted(tmp_path / "in", Image.from_numpy(LEFT, ext=".png"))
    item = dm.DatasetItem("x", media=image, annotations=[dm.Label(0)])
    dm.Dataset.from_iterable([item], categories=["cat"]).export(tmp_path / "out", format)
    assert any(image.bytes in data for data in contents(tmp_path / "out"))
    assert "in encrypted files" not in caplog.text
