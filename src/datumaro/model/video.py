"""Videos and their frames, decoded by PyAV (the extra ``datumaro[video]``)."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from datumaro.errors import MediaError
from datumaro.model.image import Image, Size
from datumaro.model.media_element import InFile, MediaType, normal_path, read_bytes
from datumaro.model.video_reader import VideoReader
from datumaro.paths import extension, is_url

if TYPE_CHECKING:
    from datumaro.crypto import Opener

Array = npt.NDArray[Any]

_READERS = 4  # threads that read the same video at places of their own, and find them again


class Video(InFile):
    """A video, or the frames of it that a step and a first and last frame choose.

    Iterating gives `VideoFrame` objects. Two videos are equal when they choose the same frames of
    files with the same content (or of the same path, when both are missing).

    Parameters
    ----------
    path : the file. It is opened when frames are asked for.
    step : every how many frames one is chosen; from 1 on.
    start_frame : the first frame, counted from 0.
    end_frame : the last frame, included; None for the file's last.
    external : know the path, and refuse to open it (see `Image.from_file`).
    cipher : decrypts the file, in memory (see `Image.from_file`).
    """

    __slots__ = (
        "_cipher", "_damage", "_end_frame", "_external", "_frame_count", "_frame_size", "_lock",
        "_readers", "_stamp", "_start_frame", "_step",
    )  # fmt: skip
    _type: ClassVar[MediaType] = MediaType.VIDEO

    def __init__(
        self,
        path: str | os.PathLike[str],
        step: int = 1,
        start_frame: int = 0,
        end_frame: int | None = None,
        *,
        external: bool = False,
        cipher: Opener | None = None,
    ) -> None:
        self._path = normal_path(path)
        if not self._path:
            raise ValueError("a video's path is not empty")
        if step < 1 or start_frame < 0 or (end_frame is not None and end_frame < start_frame):
            raise ValueError(
                f"a video's step is at least 1 and its frames are 0 <= start_frame <= end_frame, "
                f"not step {step}, start_frame {start_frame}, end_frame {end_frame}"
            )
        self._step, self._start_frame, self._end_frame = step, start_frame, end_frame
        self._external = external
        self._cipher = cipher
        self._lock = threading.RLock()  # of all that follows
        self._readers: list[VideoReader] = []
        self._stamp: tuple[int, ...] | None = None  # of the file that the following is known of
        self._frame_count: int | None = None
        self._frame_size: Size | None = None
        self._damage: tuple[int, str] | None = None  # the first frame that cannot be decoded

    @property
    def step(self) -> int:
        """Every how many frames one is chosen."""
        return self._step

    @property
    def start_frame(self) -> int:
        """The first frame."""
        return self._start_frame

    @property
    def end_frame(self) -> int | None:
        """The last frame, included; None for the file's last."""
        return self._end_frame

    @property
    def ext(self) -> str:
        """The path's extension, with its dot; "" when it has none."""
        return extension(self._path)

    @property
    def length(self) -> int | None:
        """How many frames are chosen; None as long as it is not known where the file ends."""
        if self._end_frame is not None:
            end = self._end_frame
        elif self._frame_count is not None:
            end = self._frame_count - 1
        else:
            return None
        return max(0, (end - self._start_frame) // self._step + 1)

    @property
    def frame_size(self) -> Size | None:
        """(height, width) of the frames in pixels; None when the file is missing.

        Raises
        ------
        MediaError
            The file is not a video.
        MissingDependencyError
            PyAV is not installed.
        """
        with self._lock:
            self._look_anew()
            if self._frame_size is None and self.has_data:
                self._reader(0)
            return self._frame_size

    def count_frames(self) -> tuple[int, int, MediaError | None]:
        """How many frames the file has.

        Where as many packets of frames are in the file as it says, they are counted; otherwise it
        is decoded.

        Returns
        -------
        (How many there are, how many the file says; 0 when it does not say; what is wrong behind
        those that there are).

        Raises
        ------
        FileNotFoundError
            There is no such file.
        MediaError
            The file is not a video, or damaged in its first frame.
        MissingDependencyError
            PyAV is not installed.
        """
        damage = None
        with self._lock:
            self.close()
            self._look_anew()
            count, stated = self._reader(0).count_packets()
            self.close()
            if count != stated:
                count = 0
                try:
                    while self._has(count):
                        count += 1
                except MediaError as error:
                    if not count:
                        raise
                    damage = error
                self.close()
            self._frame_count = count
        return count, stated, damage

    def _look_anew(self) -> None:
        """Forget what is known of the file if another one lies at its path now."""
        stamp = None if is_url(self._path) or self._external else _stamp(self._path)
        if stamp != self._stamp:
            self.close()
            self._stamp = stamp
            self._frame_count = self._frame_size = self._damage = None

    def _reader(self, index: int) -> VideoReader:
        """The reader that is nearest before frame ``index``, or at it."""
        near = [reader for reader in self._readers if reader.reaches(index)]
        if near:
            reader = max(near, key=lambda reader: reader.next_index)
            reader.used()
            return reader
        if not self.has_data:
            read_bytes(self._path, self._external)  # says why
            raise FileNotFoundError(f"there is no video {self._path!r}")
        self._readers.sort(key=lambda reader: reader.turn)
        while len(self._readers) >= _READERS:
            self._readers.pop(0).close()
        reader = VideoReader(self._path, self._cipher, self._lock)
        self._readers.append(reader)
        self._frame_size = reader.size
        return reader

    def _reader_with(self, index: int) -> VideoReader | None:
        """The reader that has just decoded frame ``index``; None when the video ends before it."""
        self._look_anew()
        if self._damage is not None and index >= self._damage[0]:
            raise MediaError(self._damage[1])
        if self._frame_count is not None and index >= self._frame_count:
            return None
        reader = self._reader(index)
        try:
            if reader.read(index) is not None:
                return reader
        except MediaError as error:
            if isinstance(error.__cause__, ValueError):  # what is in the file, not how it is read
                self._damage = reader.next_index, str(error)
            raise
        self._frame_count = reader.next_index
        return None

    def _has(self, index: int) -> bool:
        """Whether the video has frame ``index``."""
        with self._lock:
            return self._reader_with(index) is not None

    def _read(self, index: int) -> Array | None:
        """The pixels of frame ``index``; None when the video ends before it."""
        with self._lock:
            reader = self._reader_with(index)
            return None if reader is None else reader.pixels(index)

    def _chooses(self, index: int) -> bool:
        return (
            index >= self._start_frame
            and (self._end_frame is None or index <= self._end_frame)
            and (index - self._start_frame) % self._step == 0
        )

    def __iter__(self) -> Iterator[VideoFrame]:
        """The chosen frames.

        Raises
        ------
        ValueError
            At the end: there is no frame ``end_frame``, or none at all.
        """
        index = self._start_frame
        while (self._end_frame is None or index <= self._end_frame) and (self._has(index)):
            yield VideoFrame(self, index)
            index += self._step
        if self._end_frame is not None and self._frame_count is None:
            self._has(self._end_frame)
        if self._frame_count is not None and (
            max(self._start_frame, self._end_frame or 0) >= self._frame_count
        ):
            raise ValueError(
                f"video {self._path!r} has {self._frame_count} frames: start_frame "
                f"{self._start_frame} and end_frame {self._end_frame} must be less"
            )

    def __getitem__(self, index: int) -> VideoFrame:
        """Frame ``index``, counted from 0 in the file. IndexError when it is not chosen."""
        if not self._chooses(index) or not self._has(index):
            raise IndexError(f"video {self._path!r} has no frame {index} among those chosen")
        return VideoFrame(self, index)

    def get_frame_data(self, idx: int) -> Array:
        """The pixels of frame ``idx``, uint8 [height, width, 3] (BGR), or IndexError."""
        pixels = self._read(idx) if idx >= 0 else None
        if pixels is None:
            raise IndexError(f"video {self._path!r} has no frame {idx}")
        return pixels

    def close(self) -> None:
        """Close the file. It is opened again when frames are asked for."""
        with self._lock:
            for reader in self._readers:
                reader.close()
            self._readers.clear()

    def as_dict(self) -> dict[str, Any]:
        """The arguments that make it."""
        known: dict[str, Any] = {
            "path": self._path,
            "step": self._step,
            "start_frame": self._start_frame,
            "end_frame": self._end_frame,
        }
        known |= {"external": True} if self._external else {}
        return known if self._cipher is None else known | {"cipher": self._cipher}

    def __getstate__(self) -> dict[str, Any]:  # an open file cannot be copied
        return self.as_dict()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)

    def _choice(self) -> tuple[int, int, int | None]:
        return self._step, self._start_frame, self._end_frame

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Video):
            return NotImplemented
        if self._choice() != other._choice():
            return False
        return self._path == other._path or (
            self.has_data and other.has_data and self.bytes == other.bytes
        )

    def __hash__(self) -> int:
        return hash(self._choice())


def _stamp(path: str) -> tuple[int, ...] | None:
    """What tells a file from the one that is put in its place; None when there is none."""
    try:
        told = os.stat(path)  # noqa: PTH116 - a str
    except OSError:
        return None
    return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns


class VideoFrame(Image):
    """A frame of a video. Lazy, as all images are.

    Parameters
    ----------
    video : the video.
    index : which frame, counted from 0 in the file.
    """

    __slots__ = ("_index", "_video")
    _type: ClassVar[MediaType] = MediaType.VIDEO_FRAME

    def __init__(self, video: Video, index: int) -> None:
        if index < 0:
            raise ValueError(f"a frame's index is not negative: {index}")
        self._video, self._index = video, index
        self._path = video.path
        self._ext = None
        self._size = None

    @property
    def video(self) -> Video:
        """The video."""
        return self._video

    @property
    def index(self) -> int:
        """Which frame, counted from 0 in the file."""
        return self._index

    @property
    def is_external(self) -> bool:
        """Whether the video's file may not be opened."""
        return self._video.is_external

    @property
    def is_encrypted(self) -> bool:
        """Whether the video's file is encrypted."""
        return self._video.is_encrypted

    @property
    def has_data(self) -> bool:
        """Whether the video's file exists and may be opened."""
        return self._video.has_data

    @property
    def size(self) -> Size | None:
        """(height, width) in pixels; None when the video is missing."""
        return self._video.frame_size

    def _pixels(self) -> Array | None:
        if not self._video.has_data and not self._video.is_external:
            return None
        try:
            return self._video.get_frame_data(self._index)
        except IndexError as error:
            raise MediaError(str(error)) from error

    def as_dict(self) -> dict[str, Any]:
        """The arguments that make it."""
        return {"video": self._video, "index": self._index}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VideoFrame):
            return NotImplemented
        if self._index == other._index and self._path == other._path:
            return True
        if not self.has_data or not other.has_data:
            return self.has_data == other.has_data and self._index == other._index
        return np.array_equal(self.get_data_as_dtype(None), other.get_data_as_dtype(None))  # pyright: ignore[reportArgumentType]
