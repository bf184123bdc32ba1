"""Videos: frames in order, by index, of a range; without PyAV a clear error."""

from __future__ import annotations

import copy
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from datumaro.errors import MediaError, MissingDependencyError
from datumaro.model.media import MediaType, Video, VideoFrame
from videos import write_video

N = 8


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A video of 8 frames; frame i is gray of brightness 25 i, with a blue corner."""
    frames = np.empty((N, 48, 64, 3), np.uint8)
    frames[:] = 25 * np.arange(N).reshape(N, 1, 1, 1)
    frames[:, :8, :8] = (255, 0, 0)  # BGR
    return str(write_video(tmp_path_factory.mktemp("video") / "v.avi", frames))


def brightness(frame: VideoFrame) -> int:
    assert frame.data is not None
    return int(frame.data[-1, -1, 0])


def test_frames_in_order(path: str) -> None:
    video = Video(path)
    assert (video.type, video.ext, video.length) == (MediaType.VIDEO, ".avi", None)
    assert video.frame_size == (48, 64)
    assert [(f.index, brightness(f)) for f in video] == [(i, 25 * i) for i in range(N)]
    assert video.length == N


def test_a_frame_is_an_image(path: str) -> None:
    frame = VideoFrame(Video(path), 3)
    assert (frame.type, frame.path, frame.index) == (MediaType.VIDEO_FRAME, path, 3)
    assert (frame.size, frame.ext, frame.bytes) == ((48, 64), None, None)
    assert frame.data is not None
    np.testing.assert_array_equal(frame.data[0, 0], (255, 0, 0))
    frame.data[:] = 0
    assert brightness(frame) == 75, "changing what was handed out changes no frame"


@pytest.mark.parametrize(
    ("choice", "indices"),
    [
        ({"step": 3}, [0, 3, 6]),
        ({"start_frame": 5}, [5, 6, 7]),
        ({"end_frame": 2}, [0, 1, 2]),
        ({"step": 2, "start_frame": 1, "end_frame": 6}, [1, 3, 5]),
        ({"step": 100}, [0]),
    ],
)
def test_a_choice_of_frames(path: str, choice: dict[str, int], indices: list[int]) -> None:
    video = Video(path, **choice)
    assert [frame.index for frame in video] == indices
    assert video.length == len(indices)
    assert [brightness(video[i]) for i in reversed(indices)] == [25 * i for i in reversed(indices)]
    for i in sorted({-1, *range(N + 2)} - set(indices)):
        with pytest.raises(IndexError):
            _ = video[i]


@pytest.mark.parametrize("choice", [{"end_frame": N}, {"start_frame": N}])
def test_a_range_beyond_the_end(path: str, choice: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"has {N} frames"):
        list(Video(path, **choice))


@pytest.mark.parametrize(
    "choice", [{"step": 0}, {"start_frame": -1}, {"start_frame": 3, "end_frame": 2}]
)
def test_impossible_choices(choice: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="step"):
        Video("a.avi", **choice)


def test_a_frame_that_is_not_there(path: str) -> None:
    with pytest.raises(MediaError, match="no frame 50"):
        _ = VideoFrame(Video(path), 50).data
    with pytest.raises(ValueError, match="-1"):
        VideoFrame(Video(path), -1)


def test_equality_and_hash(path: str, tmp_path: Path) -> None:
    other = str(shutil.copy(path, tmp_path / "copy.avi"))
    assert Video(path) == Video(other)
    assert hash(Video(path)) == hash(Video(other))
    assert Video(path) != Video(path, step=2)
    assert VideoFrame(Video(path), 2) == VideoFrame(Video(other), 2)
    assert VideoFrame(Video(path), 2) != VideoFrame(Video(other), 3)
    assert VideoFrame(Video(path), 2) != VideoFrame(Video("/nowhere.avi"), 2)
    (tmp_path / "other.avi").write_bytes(b"other")
    assert Video(path) != Video(tmp_path / "other.avi")


def test_copies_open_the_file_for_themselves(path: str) -> None:
    frame = next(iter(Video(path, start_frame=2)))
    assert brightness(frame) == 50
    for other in (copy.deepcopy(frame), pickle.loads(pickle.dumps(frame))):
        assert other == frame
        assert brightness(other) == 50


def test_a_closed_video_opens_again(path: str) -> None:
    video = Video(path)
    assert brightness(video[4]) == 100
    video.close()
    assert brightness(video[1]) == 25


def test_saving(path: str, tmp_path: Path) -> None:
    Video(path).save(tmp_path / "x" / "v.avi")
    assert (tmp_path / "x" / "v.avi").read_bytes() == Path(path).read_bytes()
    frame = VideoFrame(Video(path), 3)
    frame.save(tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 0


def test_a_missing_video(tmp_path: Path) -> None:
    video = Video("/nowhere.avi")
    assert (video.has_data, video.bytes, video.frame_size) == (False, None, None)
    frame = VideoFrame(video, 0)
    assert (frame.data, frame.size, frame.has_data) == (None, None, False)
    with pytest.raises(FileNotFoundError):
        video.save(tmp_path / "v.avi")
    with pytest.raises(FileNotFoundError):
        list(video)


def test_a_file_that_is_no_video(path: str, tmp_path: Path) -> None:
    (tmp_path / "text.avi").write_text("text" * 1000)
    with pytest.raises(MediaError, match=r"text\.avi"):
        list(Video(tmp_path / "text.avi"))
    cut = tmp_path / "cut.avi"
    cut.write_bytes(Path(path).read_bytes()[: Path(path).stat().st_size // 2])
    try:
        n = len(list(Video(cut)))
    except (MediaError, ValueError):
        return
    assert n < N


def test_without_pyav_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.avi").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingDependencyError, match=r"datumaro\[video\]"):
        list(Video(tmp_path / "a.avi"))


def test_frames_are_counted_without_decoding(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    video = Video(path)
    monkeypatch.setattr(Video, "_has", None)
    assert video.count_frames() == (N, N, None)
    assert video.length == N
