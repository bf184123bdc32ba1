"""Fixtures of encrypted data sets, and of media to be encrypted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datumaro.model.media import Image
from formats.datumaro_binary.encryption.encrypted_files import BINARY, KEY, dataset, pixels
from videos import write_video


@pytest.fixture
def encrypted(tmp_path: Path) -> Path:
    """Three images in two subsets, encrypted with KEY."""
    folder = tmp_path / "encrypted"
    dataset().export(folder, BINARY, save_media=True, encryption_key=KEY)
    return folder


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "cloud.pcd").write_bytes(b"points in space")
    for number, name in enumerate(("left.png", "right.png")):
        Image.from_numpy(data=pixels(50 + number)).save(folder / name)
    return folder


@pytest.fixture
def clip(sources: Path) -> Path:
    """A video of four frames, each of one brightness."""
    frames = [np.full((48, 64, 3), 20 * i, np.uint8) for i in range(4)]
    return write_video(sources / "clip.avi", frames)
