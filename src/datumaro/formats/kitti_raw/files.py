"""Where a recording of KITTI's raw data keeps its files, and finding them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from datumaro.errors import MalformedFileError, RepeatedItemInFileError
from datumaro.formats.files import FileIndex, find_root, folders, read_text
from datumaro.model.image_codec import IMAGE_EXTENSIONS
from datumaro.model.item import DEFAULT_SUBSET_NAME

TRACKLETS = "tracklet_labels.xml"
FRAMES = "frame_list.txt"
CLOUDS = "velodyne_points/data"
CLOUD_EXTENSIONS = frozenset({".pcd", ".bin"})
MAX_FRAME = 2**31 - 1
MOST_ASKED = 20
"""How many XML files of other names are looked into: a folder may have thousands."""

_MAX_BYTES = 1 << 26
_CAMERA = re.compile(r"image_.+", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)
_LINE = re.compile(r"\s*([0-9]{1,10})[ \t]+(.*?)\s*", re.ASCII)
_HEAD = 1 << 12


def find(path: Path) -> Path:
    """The file of tracklets at ``path``: it, in the folder, or up to three levels below it.

    Raises
    ------
    DatasetNotFoundError
        There is none, or there are several.
    """
    if path.is_file():
        return path
    root = find_root(path, lambda folder: bool(tracklet_file(folder)), f"no {TRACKLETS}")
    return root / tracklet_file(root)


def tracklet_file(folder: Path) -> str:
    """The name of the file of tracklets in a folder; "" for none."""
    if (folder / TRACKLETS).is_file():
        return TRACKLETS
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.name.endswith(".xml"))
    for name in names[:MOST_ASKED]:
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                if is_tracklets(file.read(_HEAD)):
                    return name
    return ""


def is_tracklets(head: bytes) -> bool:
    """Whether a file that begins so is one of tracklets."""
    return b"<boost_serialization" in head and b"<tracklets" in head


def name_of(frame: int) -> str:
    """What the files of a frame are called where no list says it."""
    return f"{frame:010}"


def frame_of(name: str) -> int | None:
    """The frame whose files are called so where no list says it; None for none."""
    return int(name) if _DIGITS.fullmatch(name) and int(name) <= MAX_FRAME else None


def read_frames(root: Path) -> dict[int, str] | None:
    """{frame: item id}, from ``frame_list.txt``; None without it.

    Raises
    ------
    MalformedFileError
        A line is not a number and a name, or says again what another says.
    """
    path = root / FRAMES
    if not path.is_file():
        return None
    frames: dict[int, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(read_text(path, _MAX_BYTES).split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None or not found[2] or int(found[1]) > MAX_FRAME:
            raise MalformedFileError(
                path, f"line {number}", repr(line[:80]), "a frame's number and its name"
            )
        frame, name = int(found[1]), found[2]
        if frame in frames:
            raise MalformedFileError(
                path, f"line {number}", f"frame {frame} a second time", "each frame once"
            )
        if name in lines:
            first = f"line {lines[name]}"
            item = (name, DEFAULT_SUBSET_NAME)
            raise RepeatedItemInFileError(item, path, f"line {number}", first)
        frames[frame] = name
        lines[name] = number
    return frames


class MediaFiles:
    """The point clouds and images of a recording, by the names of its frames."""

    def __init__(self, root: Path) -> None:
        self.clouds = FileIndex(root / CLOUDS, CLOUD_EXTENSIONS)
        self.images = [
            FileIndex(root / name / "data", IMAGE_EXTENSIONS)
            for name in folders(root)
            if _CAMERA.fullmatch(name)
        ]

    def cloud(self, name: str) -> str:
        """The path of a frame's point cloud; "" for none."""
        found = self.clouds.find(name)
        return f"{self.clouds.folder}/{found}" if found else ""

    def pictures(self, name: str) -> list[str]:
        """The paths of a frame's images, by camera."""
        found = [(index.folder, index.find(name)) for index in self.images]
        return [f"{folder}/{file}" for folder, file in found if file]
