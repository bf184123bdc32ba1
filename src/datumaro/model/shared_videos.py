"""Videos that the frames of a data set have in common."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from datumaro.model.video import Video
from datumaro.model.video_reader import MOST_OPEN

if TYPE_CHECKING:
    from datumaro.crypto import Opener


class SharedVideos:
    """The videos that were asked for last, so that frames of one are of the same `Video`.

    It is open once for all of them. It closes when it is not among the last any more and no frame
    of it is left, or when this object goes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: dict[tuple[Any, ...], Video] = {}  # what was asked for last is the last

    def get(
        self,
        path: str,
        step: int = 1,
        start_frame: int = 0,
        end_frame: int | None = None,
        *,
        external: bool = False,
        cipher: Opener | None = None,
    ) -> Video:
        """A `Video` of these arguments. Ciphers of one file are taken to be the same."""
        key = path, step, start_frame, end_frame, external, cipher is None
        with self._lock:
            video = self._recent.pop(key, None)
            if video is None:
                video = Video(path, step, start_frame, end_frame, external=external, cipher=cipher)
            self._recent[key] = video
            oldest = next(iter(self._recent)) if len(self._recent) > MOST_OPEN else None
            dropped = None if oldest is None else self._recent.pop(oldest)
        del dropped  # and close it, if nobody has it: not while others wait
        return video

    def __reduce__(self) -> tuple[type[SharedVideos], tuple[()]]:  # a copy opens its own
        return SharedVideos, ()
