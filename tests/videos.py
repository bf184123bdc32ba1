"""Small videos for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

_PIXEL_FORMATS = {"ffv1": "bgr0", "rawvideo": "bgr24"}


def write_video(path: Path, frames: Sequence[np.ndarray] | np.ndarray, codec: str = "ffv1") -> Path:
    """Write frames (each (height, width, 3), uint8, BGR) without loss; skip the test without PyAV.

    ``codec`` is ``ffv1`` or ``rawvideo``. Returns ``path``.
    """
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.pix_fmt = _PIXEL_FORMATS[codec]
        stream.height, stream.width = frames[0].shape[:2]
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode(None))
    return path
