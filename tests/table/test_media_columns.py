"""Media as columns and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datumaro.crypto import Cipher, generate_key
from datumaro.model.item import DatasetItem
from datumaro.model.media import (
    Image,
    MediaElement,
    MediaType,
    MosaicImage,
    MultiframeImage,
    PointCloud,
    RoIImage,
    Video,
    VideoFrame,
)
from datumaro.table import media_columns
from datumaro.table.builder import build

CIPHER = Cipher(generate_key())
A_FILE = Image.from_file("images/ä b.JPG", size=(4, 6))
IN_FILES: list[MediaElement] = [
    MediaElement("some/thing"),
    MediaElement(),
    A_FILE,
    Image.from_file("a.jpg"),
    Image.from_file("a", ".png", (1, 2)),
    Image.from_file("/elsewhere/a.jpg", external=True),
    PointCloud.from_file("a.pcd"),
    PointCloud.from_file(
        "a.pcd", [A_FILE, Image.from_file("x", ".bmp"), Image.from_file("/y", external=True)]
    ),
    PointCloud.from_file("/a.pcd", [Image.from_file("/y.png", external=True)], external=True),
    Video("a.mp4"),
    Video("a.mp4", step=2, start_frame=3, end_frame=40),
    Video("/a.mp4", external=True),
    VideoFrame(Video("a.mp4"), 7),
    VideoFrame(Video("a.mp4", step=2, start_frame=3), 5),
    VideoFrame(Video("/a.mp4", external=True), 7),
    MultiframeImage(["a.png", "b.png"], path="scan.dcm"),
    MultiframeImage([], path="scan.dcm"),
    MultiframeImage([A_FILE, Image.from_file("b", ".png")]),
]
PIXELS = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
IN_MEMORY: list[MediaElement] = [
    Image.from_numpy(PIXELS),
    Image.from_numpy(lambda: PIXELS),
    Image.from_bytes(b"\x89PNG", size=(2, 3)),
    PointCloud.from_bytes(b"points", [Image.from_numpy(PIXELS)]),
    PointCloud.from_file("a.pcd", [Image.from_numpy(PIXELS), A_FILE]),
    MultiframeImage([PIXELS, "b.png"]),
    RoIImage.from_image(Image.from_numpy(PIXELS), (0, 0, 1, 1)),
    MosaicImage.from_image_roi_pairs([(Image.from_numpy(PIXELS), (0, 0, 2, 2))], (2, 2)),
]


def through_columns(media: MediaElement | None) -> MediaElement | None:
    chunk = build([DatasetItem("first", media=A_FILE), DatasetItem("a", media=media)])
    return media_columns.media_object(media_columns.read(chunk, 1, 2)[0])


def known(media: Any) -> Any:
    """All arguments that made it, those of the media in it too."""
    if isinstance(media, MediaElement):
        return type(media), {k: known(v) for k, v in media.as_dict().items()}
    return [known(v) for v in media] if isinstance(media, list | tuple) else media


def test_frames_of_one_video_have_it_in_common() -> None:
    frames = [VideoFrame(Video("a.mp4"), 1), VideoFrame(Video("b.mp4"), 1), A_FILE]
    frames += [VideoFrame(Video("a.mp4"), 2), VideoFrame(Video("a.mp4", step=2), 4)]
    chunk = build([DatasetItem(f"{n}", media=frame) for n, frame in enumerate(frames)])
    parts = [chunk, chunk, chunk.slice(1, 5), chunk.take(np.array([3, 0]))]
    found = [
        media_columns.media_object(told)
        for part in parts
        for told in media_columns.read(part, 0, len(part))
    ]
    videos = {id(frame.video) for frame in found if isinstance(frame, VideoFrame)}
    assert len(videos) == 3
    alone = media_columns.media_object(media_columns.describe(frames[0]))
    assert isinstance(alone, VideoFrame) and id(alone.video) not in videos


@pytest.mark.parametrize("media", IN_FILES, ids=repr)
def test_media_in_files_are_told_in_columns(media: MediaElement) -> None:
    assert media_columns.describe(media).in_memory is None
    found = through_columns(media)
    assert found is not media and known(found) == known(media)
    assert found == media and media == found


@pytest.mark.parametrize("media", IN_MEMORY, ids=lambda media: type(media).__name__)
def test_media_in_memory_are_kept_as_they_are(media: MediaElement) -> None:
    told = media_columns.describe(media)
    assert told.in_memory is media and told.path == "" and told.kind == media.type
    assert through_columns(media) is media


def test_no_media() -> None:
    assert media_columns.describe(None) == media_columns.Told()
    assert through_columns(None) is None


def test_describing_opens_no_file(tmp_path: Any) -> None:
    file = tmp_path / "a.png"
    Image.from_numpy(PIXELS).save(file)
    told = media_columns.describe(Image.from_file(file))
    assert (told.height, told.width) == (0, 0)
    known_size = media_columns.describe(Image.from_file(file, size=(2, 2)))
    assert (known_size.height, known_size.width) == (2, 2)


@pytest.mark.parametrize("external", ["point cloud", "frames"])
def test_what_lies_outside_stays_refused(external: str) -> None:
    outside = Image.from_file("/etc/passwd.png", external=True)
    if external == "point cloud":
        found: Any = through_columns(PointCloud.from_file("a.pcd", [A_FILE, outside]))
        assert [image.is_external for image in found.extra_images] == [False, True]
    else:
        found = through_columns(MultiframeImage([outside], path="a"))
        assert found.is_external and found.data[0].is_external


def test_pictures_beside_a_refused_point_cloud_are_refused_too() -> None:
    found: Any = through_columns(PointCloud.from_file("/a.pcd", [A_FILE], external=True))
    assert found.extra_images[0].is_external


def test_classes_and_numbers() -> None:
    for kind in (MediaElement, Image, PointCloud, Video, VideoFrame, MultiframeImage, RoIImage):
        assert media_columns.media_class(media_columns.media_number(kind)) is kind
    assert media_columns.media_number(type(A_FILE)) is MediaType.IMAGE
    assert media_columns.media_number(type(IN_FILES[6])) is MediaType.POINT_CLOUD
    assert media_columns.media_class(MediaType.BYTE_IMAGE) is Image
    assert media_columns.media_class(MediaType.NONE) is MediaElement


def test_an_encrypted_image_in_any_medium_is_seen() -> None:
    plain, secret = Image.from_file("a.png"), Image.from_file("b.png", cipher=CIPHER)
    region = RoIImage.from_image(secret, (0, 0, 1, 1))
    for images, expected in (([plain], False), ([plain, secret], True), ([region], True)):
        for medium in (
            PointCloud.from_bytes(b"points", images),
            PointCloud.from_bytes(b"points", lambda images=images: images),
            PointCloud.from_file("c.pcd", images),
            MultiframeImage(images),
        ):
            assert media_columns.is_encrypted(medium) is expected
    told = media_columns.describe(region)
    assert told.in_memory is region and (told.path, told.extra) == ("", b"")


def test_describing_calls_no_function_of_a_cloud_in_memory() -> None:
    def pictures() -> list[Image]:
        raise AssertionError

    media_columns.describe(PointCloud.from_bytes(b"points", pictures))


def test_an_image_without_a_path_is_no_media() -> None:
    assert media_columns.media_object(media_columns.Told(MediaType.IMAGE)) is None
