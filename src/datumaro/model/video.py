"""Videos and their frames, decoded by PyAV (the extra ``datumaro[video]``)."""

from __future__ import annotations

import importlib
import os
import threading
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt

from datumaro.errors import DamagedTokenError, MediaError, MissingDependencyError
from datumaro.model.image import Image, Size
from datumaro.model.media_element import (
    InFile,
    MediaType,
    check_whole,
    normal_path,
    open_file,
    read_bytes,
)
from datumaro.paths import extension, is_url

if TYPE_CHECKING:
    from datumaro.crypto import Opener

Array = npt.NDArray[Any]


def _av() -> Any:
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise MissingDependencyError(
            "videos are decoded by PyAV; install it with: pip install 'datumaro[video]'"
        ) from error


class _Reader:
    """An open video: its frames one after another."""

    def __init__(self, path: str, cipher: Opener | None) -> None:
        self._path = path
        self._container: Any = None
        self._file: BinaryIO | None = None
        if cipher is not None or is_url(path):
            self._file = open_file(path, cipher=cipher)
        if self._file is not None:  # the decoder closes files alone that it opened
            weakref.finalize(self, self._file.close)
        try:
            self._container = _av().open(self._file or path)
            stream = self._container.streams.video[0]
        except (OSError, ValueError, IndexError) as error:
            self._check_file()
            self.close()
            raise MediaError(f"video {path!r} cannot be opened: {error}") from error
        self.size: Size = (stream.height, stream.width)
        self._frames: Iterator[Any] = self._container.decode(stream)
        self._index = -1

    def read(self, index: int) -> Array | None:
        """Frame ``index``, which is not before any that was read; None at the end of the video."""
        frame: Any = None
        try:
            while self._index < index:
                frame = next(self._frames, None)
                self._check_file()
                if frame is None:
                    return None
                self._index += 1
            return None if frame is None else frame.to_ndarray(format="bgr24")
        except (OSError, ValueError) as error:
            self._check_file()
            raise MediaError(
                f"video {self._path!r} is damaged at frame {self._index + 1}: {error}"
            ) from error

    def count_packets(self) -> tuple[int, int]:
        """(Packets of frames, frames that the file says it has). No frame is read after it."""
        stream = self._container.streams.video[0]
        try:
            found = sum(packet.size > 0 for packet in self._container.demux(stream))
            self._check_file()
        except (OSError, ValueError) as error:
            self._check_file()
            raise MediaError(f"video {self._path!r} is damaged: {error}") from error
        return found, stream.frames

    @property
    def next_index(self) -> int:
        return self._index + 1

    def _check_file(self) -> None:
        try:
            check_whole(self._file)
        except DamagedTokenError:
            self.close()
            raise

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None
        if self._file is not None:
            self._file.close()


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
        "_cipher", "_end_frame", "_external", "_frame_count", "_frame_size", "_last", "_lock",
        "_reader", "_start_frame", "_step",
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
        self._lock = threading.RLock()  # a decoder has one place in the file
        self._reader: _Reader | None = None
        self._last: tuple[int, Array] | None = None  # the frame read last
        self._frame_count: int | None = None
        self._frame_size: Size | None = None

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
            if self._frame_size is None and self.has_data:
                self._frame_size = self._open(0).size
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
            count, stated = self._open(0).count_packets()
            self.close()
            if count != stated:
                count = 0
                try:
                    while self._read(count) is not None:
                        count += 1
                except MediaError as error:
                    if not count:
                        raise
                    damage = error
                self.close()
                self._last = None
            self._frame_count = count
        return count, stated, damage

    def _open(self, index: int) -> _Reader:
        """The reader, at or before frame ``index``."""
        if self._reader is None or self._reader.next_index > index:
            self.close()
            if not self.has_data:
                read_bytes(self._path, self._external)  # says why
                raise FileNotFoundError(f"there is no video {self._path!r}")
            self._reader = _Reader(self._path, self._cipher)
            self._frame_size = self._reader.size
        return self._reader

    def _read(self, index: int) -> Array | None:
        """The pixels of frame ``index``; None when the video ends before it."""
        with self._lock:
            if self._last is not None and self._last[0] == index:
                return self._last[1].copy()
            if self._frame_count is not None and index >= self._frame_count:
                return None
            reader = self._open(index)
            pixels = reader.read(index)
            if pixels is None:
                self._frame_count = reader.next_index
                return None
            self._last = index, pixels
            return pixels.copy()

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
        while (self._end_frame is None or index <= self._end_frame) and (
            self._read(index) is not None
        ):
            yield VideoFrame(self, index)
            index += self._step
        if self._end_frame is not None and self._frame_count is None:
            self._read(self._end_frame)
        if self._frame_count is not None and (
            max(self._start_frame, self._end_frame or 0) >= self._frame_count
        ):
            raise ValueError(
                f"video {self._path!r} has {self._frame_count} frames: start_frame "
                f"{self._start_frame} and end_frame {self._end_frame} must be less"
            )

    def __getitem__(self, index: int) -> VideoFrame:
        """Frame ``index``, counted from 0 in the file. IndexError when it is not chosen."""
        if not self._chooses(index) or self._read(index) is None:
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
            if self._reader is not None:
                self._reader.close()
                self._reader = None

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
