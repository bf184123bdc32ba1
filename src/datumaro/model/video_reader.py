"""Videos that are open, decoded by PyAV (the extra ``datumaro[video]``).

A decoder goes forward alone: an earlier frame is had by opening the file again. So who reads frames
in rising order shares one reader (`datumaro.model.video.Video` holds it), and the frames decoded
last are kept, for threads that ask for neighbouring frames in another order. Of all videos together
a bounded number is open; one more closes that which was not read for longest.
"""

from __future__ import annotations

import importlib
import itertools
import os
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from datumaro.errors import DamagedTokenError, MediaError, MissingDependencyError
from datumaro.model.media_element import check_whole, open_file
from datumaro.paths import is_url

if TYPE_CHECKING:
    from datumaro.crypto import Opener

Array = npt.NDArray[Any]

MOST_OPEN = 8  # videos; decoders of large ones take some 50 MB each. Threads may read further ones
_KEPT_FRAMES = 16
_KEPT_BYTES = 16 << 20  # of each reader
_BYTES_OF_PIXEL = 4

_lock = threading.Lock()  # of the set
_holding: weakref.WeakSet[VideoReader] = weakref.WeakSet()  # a file, or frames, or both
_abandoned: list[Any] = []  # by a forked process
_turns = itertools.count()


def _av() -> Any:
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise MissingDependencyError(
            "videos are decoded by PyAV; install it with: pip install 'datumaro[video]'"
        ) from error


class VideoReader:
    """An open video: its frames one after another. One thread uses it at a time.

    Parameters
    ----------
    lock : who uses the reader holds it; when nobody does, the reader may be closed to make room.

    Raises
    ------
    MediaError
        The file is not a video.
    MissingDependencyError
        PyAV is not installed.
    """

    def __init__(self, path: str, cipher: Opener | None, lock: threading.RLock) -> None:
        self._path, self._lock = path, lock
        self._container: Any = None
        self._frames: Iterator[Any] = iter(())
        self._file: BinaryIO | None = None
        self._kept: deque[tuple[int, Any]] = deque()
        self._index = -1  # of the frame decoded last
        self.used()
        _close_longest_unused(MOST_OPEN - 1)
        if cipher is not None or is_url(path):
            self._file = open_file(path, cipher=cipher)
        # the decoder's objects hold each other, and it closes files alone that it opened
        self._end = weakref.finalize(self, _close, None, self._file)
        try:
            self._container = _av().open(self._file or path)
            self._end.detach()
            self._end = weakref.finalize(self, _close, self._container, self._file)
            stream = self._container.streams.video[0]
        except (OSError, ValueError, IndexError) as error:
            self._check_file()
            self.close()
            raise MediaError(f"video {path!r} cannot be opened: {error}") from error
        self.size: tuple[int, int] = (stream.height, stream.width)
        self._stated: int = stream.frames
        self._frames = self._container.decode(stream)
        with _lock:
            _holding.add(self)

    @property
    def next_index(self) -> int:
        """The frame after the one decoded last."""
        return self._index + 1

    @property
    def is_open(self) -> bool:
        """Whether the file is open."""
        return self._container is not None

    def used(self) -> None:
        """Note that it is used now."""
        self.turn = next(_turns)

    def reaches(self, index: int) -> bool:
        """Whether it can give frame ``index``, or say that there is none."""
        return (self.is_open and self._index < index) or any(n == index for n, _ in self._kept)

    def read(self, index: int) -> Any:
        """Frame ``index``, which it `reaches`, as the decoder's; None at the end of the video.

        Behind the video's last frame the file is closed.

        Raises
        ------
        MediaError
            The video is damaged.
        DamagedTokenError
            It is encrypted, and was changed.
        """
        for number, frame in self._kept:
            if number == index:
                return frame
        frame: Any = None
        try:
            while self._index < index:
                frame = next(self._frames, None)
                self._check_file()
                if frame is None:
                    self.close()
                    return None
                self._index += 1
                self._keep(frame)
        except (OSError, ValueError) as error:
            raise self._damaged(error) from error
        if self.next_index == self._stated:  # if there are more, they are read when asked for
            self.close(forget=False)
        return frame

    def pixels(self, index: int) -> Array | None:
        """The same as uint8 [height, width, 3] (BGR), not shared with anybody."""
        frame = self.read(index)
        try:
            return None if frame is None else np.asarray(frame.to_ndarray(format="bgr24"))
        except (OSError, ValueError) as error:
            raise self._damaged(error) from error

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

    def _keep(self, frame: Any) -> None:
        self._kept.append((self._index, frame))
        nbytes = max(1, frame.width * frame.height * _BYTES_OF_PIXEL)
        while len(self._kept) > max(1, min(_KEPT_FRAMES, _KEPT_BYTES // nbytes)):
            self._kept.popleft()

    def _damaged(self, error: Exception) -> MediaError:
        self._check_file()
        self.close()
        return MediaError(f"video {self._path!r} is damaged at frame {self.next_index}: {error}")

    def _check_file(self) -> None:
        try:
            check_whole(self._file)
        except DamagedTokenError:
            self.close()
            raise

    def close(self, *, forget: bool = True) -> None:
        """Close the file, and forget the frames that are kept."""
        if forget:
            self._kept.clear()
            with _lock:
                _holding.discard(self)
        self._frames, self._container = iter(()), None
        self._end()

    def close_unless_used(self) -> None:
        """Close it if no thread is using it."""
        if self._lock.acquire(blocking=False):
            try:
                self.close()
            finally:
                self._lock.release()

    def abandon(self) -> None:
        """Forget, in a forked process, the file that the other one has open.

        Its place in the file would move for both. Closing would wait for threads of the decoder,
        which are not in this process.
        """
        self._end.detach()
        _abandoned.append((self._container, self._frames, self._file))
        self._container, self._frames = None, iter(())


def close_unused() -> None:
    """Close all videos that no thread is reading just now. They open again when they are read."""
    _close_longest_unused(0)


def _close_longest_unused(remaining: int) -> None:
    with _lock:
        readers = sorted(_holding, key=lambda reader: reader.turn)
    for reader in readers[: max(0, len(readers) - remaining)]:
        reader.close_unless_used()


def _close(container: Any, file: BinaryIO | None) -> None:
    if container is not None:
        container.close()
    if file is not None:
        file.close()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for reader in list(_holding):
        reader.abandon()
    _holding.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
