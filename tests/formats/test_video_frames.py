"""Frames of videos."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetExportError,
    DatasetNotFoundError,
    InvalidOptionError,
    MalformedFileError,
)
from datumaro.formats import video_frames
from datumaro.formats.base import Confidence, Format
from datumaro.model import video_reader
from datumaro.model.media import Video, VideoFrame
from datumaro.testing import FormatConformance
from format_files import detect, make, read
from videos import write_video

av = pytest.importorskip("av")

N = 10


def video(path: Path, n: int = N) -> Path:
    """A video of frames that get brighter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0)
    frames = np.empty((n, 48, 64, 3), np.uint8)
    for index, pixels in enumerate(frames):
        pixels[:] = 20 * index % 256
        pixels[:, 32:] = noise.integers(0, 256, (48, 32, 3))
    return write_video(path, frames)


def shades(dataset: dm.Dataset) -> dict[str, int]:
    return {item.id: int(item.media.data[0, 0, 0]) // 20 for item in dataset}


def test_sample(shared_data: Path):
    root = shared_data / "formats/video_dataset"
    for path in (root, root / "video.avi"):
        found = read(path, "video_frames")
        assert [i.id for i in found] == [f"{n:06}" for n in range(8)]
        assert found.media_type() is VideoFrame
        assert {i.media.size for i in found} == {(32, 32)}
        assert found.get("000003").media.data.shape == (32, 32, 3)
    assert dm.Dataset.detect(root) == dm.Dataset.detect(root / "video.avi") == "video_frames"


@pytest.mark.parametrize("name", ["a.avi", "a.mkv"])  # one says how many frames it has, one not
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, range(N)),
        ({"step": 3}, range(0, N, 3)),
        ({"start_frame": 4, "end_frame": 7}, range(4, 8)),
        ({"start_frame": 1, "end_frame": 9, "step": 4}, (1, 5, 9)),
        ({"start_frame": 9}, (9,)),
    ],
)
def test_frames(tmp_path: Path, name: str, options: dict[str, Any], expected: Any):
    found = read(video(tmp_path / name), "video_frames", name_pattern="f/%03d", **options)
    assert shades(found) == {f"f/{index:03}": index for index in expected}
    assert [i.media.index for i in found] == list(expected)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The videos that are opened, one after another."""
    files: list[Any] = []
    real = av.open
    monkeypatch.setattr(av, "open", lambda file, *more: files.append(file) or real(file, *more))
    return files


def test_frames_are_decoded_once_in_order(
    tmp_path: Path, opened: list[Any], monkeypatch: pytest.MonkeyPatch
):
    path = video(tmp_path / "a.avi", n=2 * N)
    opened.clear()
    monkeypatch.setattr(video_frames, "_CHUNK_ITEMS", N - 1)
    monkeypatch.setattr(video_reader, "_KEPT_FRAMES", 1)
    found = read(path, "video_frames")
    assert len(opened) == 1  # to count them
    assert [item.media.data[0, 0, 0] for item in found] == [(20 * n) % 256 for n in range(2 * N)]
    assert len(opened) == 2
    found.export(tmp_path / "out", "image_dir")
    assert len(opened) == 3


def test_other_formats_take_them(tmp_path: Path):
    found = read(video(tmp_path / "a.avi"), "video_frames", subset="x", step=4)
    found.export(tmp_path / "images", "image_dir", image_ext=".png")
    images = read(tmp_path / "images", "image_dir")
    assert shades(images) == {f"{n:06}": n for n in (0, 4, 8)}
    found.export(tmp_path / "binary", "datumaro_binary")
    again = read(tmp_path / "binary", "datumaro_binary", allow_external_media=True)
    assert shades(again) == shades(images)
    assert [type(i.media) for i in again] == [VideoFrame] * 3


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("format", ["image_dir", "image_zip", "coco"])
def test_frames_of_a_data_set_are_decoded_once(
    tmp_path: Path, opened: list[Any], format: str, workers: int
):
    """Those of several videos in turn, each known by its columns alone."""
    paths = [video(tmp_path / f"{name}.avi") for name in "ab"]
    opened.clear()
    frames = [VideoFrame(Video(path), index) for index in range(N) for path in paths]
    items = [dm.DatasetItem(f"{n:02}", media=frame) for n, frame in enumerate(frames)]
    dataset = dm.Dataset.from_iterable(items, media_type=dm.Image)
    options = {"image_ext": ".png", "save_media": True, "num_workers": workers}
    dataset.export(tmp_path / "out", format, **options)
    assert sorted(opened) == sorted(map(str, paths))
    expected = {f"{n:02}": frame.index for n, frame in enumerate(frames)}
    assert shades(read(tmp_path / "out", format)) == expected
    for path in paths:
        path.unlink()
    assert {item.media.data for item in dataset} == {None}


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("datumaro", {}),
        ("datumaro_binary", {}),
        ("datumaro_binary", {"encryption": True}),
        ("datumaro_binary", {"storage": "parquet"}),
        ("datumaro_binary", {"storage": "parquet", "encryption": True}),
    ],
)
def test_frames_that_are_read_back_are_decoded_once(
    tmp_path: Path, opened: list[Any], format: str, options: dict[str, Any]
):
    sent = read(video(tmp_path / "a.avi"), "video_frames")
    sent.export(tmp_path / "out", format, save_media=True, **options)
    (tmp_path / "a.avi").unlink()
    keys: dict[str, Any] = {}
    if "encryption" in options:
        keys["encryption_key"] = (tmp_path / "out/secret_key.txt").read_text()
    opened.clear()
    expected = {f"{n:06}": n for n in range(N)}
    found = dm.Dataset.import_from(tmp_path / "out", format, **keys)
    assert shades(found) == expected
    assert len(opened) == 1
    found = dm.Dataset.import_from(tmp_path / "out", format, **keys)
    found.export(tmp_path / "images", "image_dir", image_ext=".png")
    assert len(opened) == 2
    assert shades(read(tmp_path / "images", "image_dir")) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="open files are told by /proc")
def test_an_export_closes_what_it_opened(tmp_path: Path):
    def open_videos() -> list[str]:
        files = [os.path.realpath(place) for place in Path("/proc/self/fd").iterdir()]
        return [file for file in files if file.startswith(str(tmp_path))]

    frames = [VideoFrame(Video(video(tmp_path / "a.avi")), index) for index in range(4)]
    items = [dm.DatasetItem(f"{n}", media=frame) for n, frame in enumerate(frames)]
    dataset = dm.Dataset.from_iterable(items, media_type=dm.Image)
    dataset.export(tmp_path / "out", "image_dir")
    assert not open_videos()
    dataset.put(dm.DatasetItem("9", media=VideoFrame(frames[0].video, N)))
    with pytest.raises(DatasetExportError, match=f"item '9'.*has no frame {N}"):
        dataset.export(tmp_path / "out", "image_dir")
    assert not open_videos()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"step": 0}, "step 0, start_frame 0; expected a step from 1 on"),
        ({"start_frame": -1}, "start_frame -1"),
        ({"start_frame": 5, "end_frame": 4}, "end_frame 4 is before start_frame 5"),
        ({"end_frame": 10}, r"it has 10 frames; start_frame 0 and end_frame 10 must be less"),
        ({"start_frame": 10}, r"it has 10 frames"),
        ({"name_pattern": "x"}, "name_pattern 'x'; expected text with one number"),
        ({"name_pattern": "%d%d"}, "name_pattern"),
        ({"name_pattern": "%999999999d"}, "name_pattern"),
        ({"name_pattern": "%s"}, "name_pattern"),
    ],
)
def test_wrong_options(tmp_path: Path, options: dict[str, Any], says: str):
    path = video(tmp_path / "a.avi")
    with pytest.raises(InvalidOptionError, match=says):
        read(path, "video_frames", **options)


def test_what_is_no_video(tmp_path: Path):
    make(tmp_path, {"a.avi": "text", "b/x.txt": ""})
    with pytest.raises(MalformedFileError, match=r"a\.avi.*expected a video"):
        read(tmp_path / "a.avi", "video_frames")
    with pytest.raises(DatasetNotFoundError, match="there is no video"):
        read(tmp_path / "b", "video_frames")
    make(tmp_path, {"b.mp4": ""})
    with pytest.raises(DatasetNotFoundError, match=r"several videos \(a.avi, b.mp4\): name one"):
        read(tmp_path, "video_frames")


def test_a_video_that_is_cut(tmp_path: Path):
    path = video(tmp_path / "a.avi")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(MalformedFileError, match=rf"a\.avi: \d frames, then: .*; expected {N}, as"):
        read(path, "video_frames")
    found = read(path, "video_frames", error_policy="skip")
    assert shades(found) == {f"{n:06}": n for n in range(len(found))}
    assert 0 < len(found) < N


def test_detection(tmp_path: Path):
    make(tmp_path, {"a/x.MP4": "", "a/.hidden": "", "b/x.mp4": "", "b/x.txt": "", "c/.x": ""})
    assert detect(tmp_path / "a", "video_frames") == Confidence.LOW
    assert "'x.txt' is no video" in str(detect(tmp_path / "b", "video_frames"))
    assert "there is no video" in str(detect(tmp_path / "c", "video_frames"))
    assert "'a' is no video" in str(detect(tmp_path, "video_frames"))
    make(tmp_path, {"a/y.mp4": ""})
    assert "several videos: name one" in str(detect(tmp_path / "a", "video_frames"))
    assert "not that of a video" in str(detect(tmp_path / "b/x.txt", "video_frames"))


class TestConformance(FormatConformance):
    format = "video_frames"

    def make_sample(self, kind: Format, folder: Path) -> None:
        if kind.name != self.format:
            return super().make_sample(kind, folder)
        video(folder / "video.avi")
        return None
