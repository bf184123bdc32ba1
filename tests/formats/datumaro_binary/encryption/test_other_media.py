"""Encrypted media other than images of items: point clouds, videos, frames."""

from __future__ import annotations

import shutil
from pathlib import Path

import datumaro as dm
from datumaro.model.image_annotation import DepthAnnotation
from datumaro.model.media import Image, MultiframeImage, PointCloud, Video, VideoFrame
from formats.datumaro_binary.encryption.encrypted_files import (
    BINARY,
    KEY,
    OTHER,
    brightness,
    dataset,
    files,
    plain_files,
    read,
)


def test_point_clouds_and_their_images_are_encrypted(tmp_path: Path, sources: Path):
    pictures = [Image.from_file(sources / name) for name in ("left.png", "right.png")]
    cloud = PointCloud.from_file(sources / "cloud.pcd", pictures)
    source = dataset(dm.DatasetItem("x", media=cloud), media_type=PointCloud)
    source.export(tmp_path / "out", BINARY, save_media=True, encryption_key=KEY)
    assert len(files(tmp_path / "out")) == 4
    assert not plain_files(tmp_path / "out")
    back = read(tmp_path / "out")
    media = back.get("x").media
    assert media.data == b"points in space"
    assert [int(image.data[0, 0, 0]) for image in media.extra_images] == [50, 51]
    back.export(tmp_path / "plain", "datumaro", save_media=True)
    media = dm.Dataset.import_from(tmp_path / "plain", "datumaro").get("x").media
    assert media.data == b"points in space"
    assert [int(image.data[0, 0, 0]) for image in media.extra_images] == [50, 51]


def test_videos_are_encrypted_and_decoded_in_memory(tmp_path: Path, clip: Path):
    source = dataset(dm.DatasetItem("v", media=Video(clip, step=2)), media_type=Video)
    source.export(tmp_path / "out", BINARY, save_media=True, encryption_key=KEY)
    assert not plain_files(tmp_path / "out")
    back = read(tmp_path / "out")
    video = back.get("v").media
    assert [(frame.index, int(frame.data[0, 0, 0])) for frame in video] == [(0, 0), (2, 40)]
    assert video.bytes == clip.read_bytes()
    back.export(tmp_path / "plain", "datumaro", save_media=True)
    assert (tmp_path / "plain/videos/default/clip.avi").read_bytes() == clip.read_bytes()
    back.export(tmp_path / "again", BINARY, save_media=True)
    assert (tmp_path / "again/videos/default/clip.avi").read_bytes() == clip.read_bytes()


def test_frames_of_videos_too(tmp_path: Path, clip: Path):
    video = Video(clip, start_frame=1)
    items = [dm.DatasetItem(str(i), media=VideoFrame(video, i)) for i in (3, 1)]
    source = dataset(*items, media_type=VideoFrame)
    source.export(tmp_path / "out", BINARY, save_media=True, encryption_key=KEY)
    assert not plain_files(tmp_path / "out")
    back = read(tmp_path / "out")
    assert [(i.id, i.media.video.start_frame, brightness(i)) for i in back] == [
        ("3", 1, 60),
        ("1", 1, 20),
    ]
    back.export(tmp_path / "again", BINARY, save_media=True, encryption_key=OTHER)
    again = read(tmp_path / "again", encryption_key=OTHER)
    assert [(i.media.video.start_frame, brightness(i)) for i in again] == [(1, 60), (1, 20)]


def test_frames_and_images_of_annotations_too(tmp_path: Path, sources: Path):
    frames = MultiframeImage([sources / "left.png", sources / "right.png"])
    depth = DepthAnnotation(Image.from_file(sources / "right.png"))
    item = dm.DatasetItem("m", media=frames, annotations=[depth])
    source = dataset(item, media_type=MultiframeImage)
    source.export(tmp_path / "out", BINARY, save_media=True, encryption_key=KEY)
    assert not plain_files(tmp_path / "out")
    shutil.rmtree(sources)
    back = read(tmp_path / "out")
    back.export(tmp_path / "again", BINARY, save_media=True, encryption_key=OTHER)
    for item in (back.get("m"), read(tmp_path / "again", encryption_key=OTHER).get("m")):
        assert [int(image.data[0, 0, 0]) for image in item.media.data] == [50, 51]
        assert int(item.annotations[0].image.data[0, 0, 0]) == 51
