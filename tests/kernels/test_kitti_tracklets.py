"""Usual files of KITTI's tracklets: the kernel gives what an XML parser gives, or nothing."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from datumaro.errors import DatumaroError
from datumaro.formats.kitti_raw import tracklets
from datumaro.formats.kitti_raw.tracklets import Poses, Track
from datumaro.kernels.kitti_tracklets import read

LIMITS = (1e9, 2**31 - 1)
PLACES = np.array([[1, 2, 3, 0, 0, 0.5], [-1e-7, 2e8, 3, 0.1, 0, 1e-5], [1, 2, 3, 0, 0, 0]])
FILE = tracklets.text(
    [
        Track("Car", [1.5, 2.0, 4.25], [(3, 0, False, {}), (6, 1, True, {})]),
        Track("a bus", [3.0, 2.5, 9.0], [(0, 2, False, {})]),
    ],
    PLACES,
).encode()


def fail(error: DatumaroError) -> None:
    raise error


def parsed(data: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Poses | None:
    """What the parser finds; None for a file with damage."""
    (folder / "f.xml").write_bytes(data)
    with monkeypatch.context() as patch:
        patch.setattr(tracklets.kitti_tracklets, "read", lambda *_: None)
        try:
            return tracklets.read(folder / "f.xml", fail)
        except DatumaroError:
            return None


def told(poses: Poses) -> list[object]:
    columns = poses.owners, poses.frames, poses.places, poses.occluded
    return [poses.objects, *(column.tolist() for column in columns), poses.attributes]


def agree(data: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the kernel read it; what it gives must be the parser's."""
    if read(data, *LIMITS) is None:
        return False
    other = parsed(data, folder, monkeypatch)
    assert other is not None
    assert told(tracklets.read(folder / "f.xml", fail)) == told(other)
    return True


def test_usual_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert agree(FILE, tmp_path, monkeypatch)
    assert agree(FILE.replace(b"\n", b"\r\n"), tmp_path, monkeypatch)
    found = read(FILE, *LIMITS)
    assert found is not None
    objects, frames, places, occluded = found
    assert [(o[0], o[2:5], o[5]) for o in objects] == [
        ("Car", (1.5, 2.0, 4.25), 2), ("a bus", (3.0, 2.5, 9.0), 3),
    ]  # fmt: skip
    assert frames.tolist() == [3, 6, 0]
    assert places.tolist() == PLACES.tolist()
    assert occluded.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    "old, new",
    [
        (b"<h>1.5</h>", b"<h>1.5</h><h>2.5</h>"),
        (b"<h>1.5</h>", b"<h> 1.5</h>"),
        (b"<h>1.5</h>", b"<h>nan</h>"),
        (b"<h>1.5</h>", b"<h>1e300</h>"),
        (b"Car", b"C&amp;r"),
        (b"Car", b"C<!-- -->r"),
        (b"Car", "C\u00e4r".encode()),
        (b"Car", b" "),
        (b"<occlusion>1</occlusion>", b"<occlusion>OcclusionStates.PARTLY</occlusion>"),
        (b"<tx>1.0</tx>", b""),
        (b"<first_frame>3<", b"<first_frame>2147483647<"),
        (b"<first_frame>3<", b"<first_frame>-3<"),
        (b'class_id="2"', b'class_id="2" class_id="3"'),
        (b'class_id="2"', b'id="2"'),
        (b"<!DOCTYPE boost_serialization>", b"<!DOCTYPE b [<!ENTITY x 'y'>]>"),
        (b"UTF-8", b"UTF-16"),
        (b"</boost_serialization>\n", b"</boost_serialization><more/>"),
        (b"<finished>", b"<attributes/><finished>"),
    ],
)
def test_unusual_files_are_given_up(old: bytes, new: bytes):
    assert old in FILE
    assert read(FILE.replace(old, new, 1), *LIMITS) is None


def test_damaged_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    chance = random.Random(1)
    for end in range(0, len(FILE) - 1, 29):
        assert read(FILE[:end], *LIMITS) is None
    for _ in range(400):
        data = bytearray(FILE)
        data[chance.randrange(len(data))] = chance.choice(b'<>&"/ 0-.eax\n\0\xff')
        agree(bytes(data), tmp_path, monkeypatch)


def test_nothing():
    empty = b"<boost_serialization><tracklets></tracklets></boost_serialization>"
    found = read(empty, *LIMITS)
    assert found is not None
    assert not found[0] and found[2].shape == (0, 6) and found[1].dtype == np.int64
    assert read(b"", *LIMITS) is None
