"""Open videos: how often they are opened, by whom, how many at a time, and when they are closed."""

from __future__ import annotations

import gc
import os
import random
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from datumaro.errors import MediaError
from datumaro.model import video_reader
from datumaro.model.video import Video, VideoFrame
from datumaro.model.video_reader import MOST_OPEN, close_unused

av = pytest.importorskip("av")

N = 12
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="open files are told by /proc")


def write_video(path: Path, n: int = N, step: int = 20, noise: int = 0) -> Path:
    """A video of n frames; frame i is gray of brightness step · i, but for ``noise`` columns."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)  # a codec without loss
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for i in range(n):
            pixels = np.full((48, 64, 3), step * i, np.uint8)
            pixels[:, 64 - noise :] = random.integers(0, 256, (48, noise, 3))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "a.avi")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are opened, one after another."""
    paths: list[str] = []
    real = av.open
    monkeypatch.setattr(av, "open", lambda path, *more: paths.append(path) or real(path, *more))
    return paths


def brightness(video: Video, index: int) -> int:
    pixels = video.get_frame_data(index)
    assert (pixels == pixels[0, 0, 0]).all()
    return int(pixels[0, 0, 0])


def open_files(folder: Path) -> list[str]:
    """The names of the files in a folder that this process has open."""
    files = [Path(os.path.realpath(place)) for place in Path("/proc/self/fd").iterdir()]
    return [file.name for file in files if file.parent == folder]


# --- how often a video is opened ------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 3])
def test_rising_frames_are_read_from_one_opened_file(
    clip: Path, opened: list[str], step: int
) -> None:
    video = Video(clip)
    assert [brightness(video, i) for i in range(0, N, step)] == [20 * i for i in range(0, N, step)]
    assert len(opened) == 1


def test_frames_nearby_are_kept(clip: Path, opened: list[str]) -> None:
    """Threads that take turns do not ask in order."""
    video = Video(clip)
    order = [1, 0, 3, 2, 2, 6, 4, 5, 9, 8, 7, 11, 10, 11]
    assert [brightness(video, i) for i in order] == [20 * i for i in order]
    assert len(opened) == 1


def test_kept_frames_take_bounded_memory(
    clip: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_reader, "_KEPT_BYTES", 2 * 64 * 48 * 4)
    video = Video(clip)
    for order in ([5, 4], [3]):
        assert [brightness(video, i) for i in order] == [20 * i for i in order]
    assert len(opened) == 2
    monkeypatch.setattr(video_reader, "_KEPT_BYTES", 0)
    assert brightness(video, 8) == brightness(video, 8) == 160  # one is kept, however large


def test_readers_at_two_places_find_theirs_again(clip: Path, opened: list[str]) -> None:
    video = Video(clip)
    close_unused()
    for i in range(N // 2):
        assert (brightness(video, i), brightness(video, N // 2 + i)) == (20 * i, 120 + 20 * i)
    assert len(opened) <= 2


@pytest.mark.parametrize("order", ["falling", "any"])
def test_frames_in_other_orders(clip: Path, order: str) -> None:
    video = Video(clip)
    indices = [*range(N)] * 3
    random.Random(1).shuffle(indices)
    indices = sorted(indices, reverse=True) if order == "falling" else indices
    assert [brightness(video, i) for i in indices] == [20 * i for i in indices]


# --- threads --------------------------------------------------------------------------------------


def test_threads_on_one_video(clip: Path, opened: list[str]) -> None:
    video = Video(clip)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: VideoFrame(video, i).data, range(N)))
    assert [int(pixels[0, 0, 0]) for pixels in found if pixels is not None] == [
        20 * i for i in range(N)
    ]
    assert len(opened) <= 4


def test_threads_on_more_videos_than_may_be_open(tmp_path: Path) -> None:
    videos = [Video(write_video(tmp_path / f"{n}.avi", 6, 1 + n)) for n in range(MOST_OPEN + 3)]
    failed: list[str] = []

    def read_all(first: int) -> None:
        for i in range(6):
            for n in range(len(videos)):
                number = (first + n) % len(videos)
                if brightness(videos[number], i) != (1 + number) * i:
                    failed.append(f"frame {i} of video {number}")

    threads = [threading.Thread(target=read_all, args=(first,)) for first in (0, 4, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


# --- how many are open, and when they are closed --------------------------------------------------


@on_linux
def test_a_bounded_number_is_open(tmp_path: Path) -> None:
    videos = [Video(write_video(tmp_path / f"{n}.avi", 3)) for n in range(MOST_OPEN + 3)]
    for i in range(2):  # frames of several videos in turn
        assert [brightness(video, i) for video in videos] == [20 * i] * len(videos)
        assert len(open_files(tmp_path)) == MOST_OPEN


@on_linux
@pytest.mark.parametrize("name", ["a.avi", "a.mkv"])  # one says how many frames it has, one not
def test_a_video_is_closed_at_its_end(tmp_path: Path, name: str) -> None:
    video = Video(write_video(tmp_path / name))
    assert len([frame.data for frame in video]) == N
    assert not open_files(tmp_path)
    assert brightness(video, N - 1) == 20 * (N - 1)


@on_linux
def test_a_video_that_is_gone_is_closed_at_once(tmp_path: Path) -> None:
    gc.disable()
    try:
        frame = VideoFrame(Video(write_video(tmp_path / "a.avi")), 1)
        assert frame.data is not None
        assert open_files(tmp_path) == ["a.avi"]
        del frame
        assert not open_files(tmp_path)
    finally:
        gc.enable()


@on_linux
def test_files_that_are_no_videos_are_closed(tmp_path: Path) -> None:
    (tmp_path / "a.avi").write_text("text" * 1000)
    video = Video(tmp_path / "a.avi")
    for _ in range(3):
        with pytest.raises(MediaError, match=r"a\.avi' cannot be opened"):
            video.get_frame_data(0)
    assert not open_files(tmp_path)


@on_linux
def test_closing_leaves_videos_that_are_being_read(tmp_path: Path) -> None:
    video = Video(write_video(tmp_path / "a.avi"))
    assert brightness(video, 1) == 20
    with video._lock:  # as long as a thread reads
        thread = threading.Thread(target=close_unused)
        thread.start()
        thread.join()
        assert open_files(tmp_path) == ["a.avi"]
    close_unused()
    assert not open_files(tmp_path)
    assert brightness(video, 2) == 40


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_opens_the_file_for_itself(tmp_path: Path, opened: list[str]) -> None:
    video = Video(write_video(tmp_path / "a.avi", 60, 4))
    opened.clear()
    assert brightness(video, 3) == 12
    child = os.fork()
    if not child:
        right = [brightness(video, i) == 4 * i for i in range(4, 60)]
        video.close()
        os._exit(0 if all(right) and len(opened) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [brightness(video, i) for i in range(4, 60)] == [4 * i for i in range(4, 60)]
    assert len(opened) == 1


# --- files that are replaced, missing or damaged --------------------------------------------------


def test_another_file_in_its_place_is_read(tmp_path: Path) -> None:
    video = Video(write_video(tmp_path / "a.avi", 3))
    assert [brightness(video, i) for i in range(3)] == [0, 20, 40]
    assert (len(list(video)), video.length) == (3, 3)
    write_video(tmp_path / "b.avi", 5, 7).replace(tmp_path / "a.avi")
    assert [brightness(video, i) for i in (1, 2, 4)] == [7, 14, 28]
    shutil.copy(write_video(tmp_path / "c.avi", 9, 3), tmp_path / "a.avi")
    assert [frame.index for frame in video] == [*range(9)]
    assert brightness(video, 8) == 24


def test_a_file_that_is_removed(tmp_path: Path) -> None:
    video = Video(write_video(tmp_path / "a.avi"))
    frame = VideoFrame(video, 2)
    assert frame.data is not None
    (tmp_path / "a.avi").unlink()
    assert frame.data is None
    with pytest.raises(FileNotFoundError, match=r"no video .*a\.avi"):
        video.get_frame_data(2)


def test_frames_behind_damage(tmp_path: Path, opened: list[str]) -> None:
    """Each tells of it, and the file is not decoded for each."""
    path = write_video(tmp_path / "cut.avi", noise=32)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    opened.clear()
    video = Video(path)
    told: list[str] = []
    good = 0
    for i in range(N):
        try:
            assert video.get_frame_data(i)[0, 0, 0] == 20 * i
            good += 1
        except MediaError as error:
            told.append(str(error))
    assert 0 < good < N and opened == [video.path]
    assert len(told) == N - good and len(set(told)) == 1
    assert f"is damaged at frame {good}:" in told[0]
    assert video.get_frame_data(0)[0, 0, 0] == 0
