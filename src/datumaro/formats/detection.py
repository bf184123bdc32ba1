"""Tell which format a data set is of.

Every format is asked about the path itself and, while a folder holds nothing but one other folder
(as unpacked archives often do), about the folder inside. The surest answer wins; of equally sure
ones the outermost folder's. Where none is sure, the formats that are nearest are told, and what
they miss.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

from datumaro.errors import (
    DatumaroError,
    MultipleFormatsMatchError,
    NoMatchingFormatsError,
    RemoteStorageError,
)
from datumaro.formats import registry
from datumaro.formats.base import Confidence, Folder, Format, Rejected
from datumaro.formats.nearness import LEAST, nearness
from datumaro.remote.path import RemotePath, as_remote, located, raise_missing
from datumaro.remote.tools import copying

log = logging.getLogger("datumaro")

DEFAULT_DEPTH = 2
SURE = Confidence.LOW
"""With less confidence it is a guess, and others are told, too."""

_MOST_NEAREST = 5

# What systems and archivers leave beside a data set.
_CLUTTER = frozenset({"__MACOSX", "__MSOSX", "Thumbs.db", "desktop.ini"})

UNMET_REQUIREMENTS = "unmet_requirements"
INSUFFICIENT_CONFIDENCE = "insufficient_confidence"
DETECTION_UNSUPPORTED = "detection_unsupported"


@dataclass(frozen=True)
class Rejection:
    """Why a format was ruled out.

    Attributes
    ----------
    reason : ``"unmet_requirements"``, ``"insufficient_confidence"`` (it matches, but another
        matches better) or ``"detection_unsupported"`` (it is never detected, or could not be
        asked).
    message : the same in words, with what is missing.
    """

    reason: str
    message: str


@dataclass(frozen=True)
class Detection:
    """What is known of a path's format.

    Attributes
    ----------
    formats : names of the formats that match best, sorted: none, one, or several.
    where : the folder that they match: the path asked about, or a folder inside it.
    confidence : how sure they are; None when no format matches.
    rejected : all other readable formats' reasons, by name.
    nearest : where none is sure: names of rejected formats of which some files are there, the
        nearest first, five at most. A format that is part of another is not told beside it.
    """

    formats: list[str]
    where: Path
    confidence: Confidence | None = None
    rejected: dict[str, Rejection] = field(default_factory=dict[str, Rejection])
    nearest: list[str] = field(default_factory=list[str])

    @property
    def is_sure(self) -> bool:
        """Whether a format matches, and not by little."""
        return self.confidence is not None and self.confidence >= SURE


@dataclass
class _Level:
    """What the formats say of a folder."""

    where: Path
    folder: Folder
    sure: dict[str, Confidence] = field(default_factory=dict[str, Confidence])
    rejected: dict[str, Rejection] = field(default_factory=dict[str, Rejection])

    @property
    def best(self) -> Confidence | None:
        """The most that a format is sure of."""
        return max(self.sure.values(), default=None)


def detect(path: str | Path, depth: int = DEFAULT_DEPTH) -> Detection:
    """Ask all readable formats about ``path``.

    Parameters
    ----------
    path : a folder, or a file.
    depth : how many times to step into a folder's only folder.

    Raises
    ------
    DatasetNotFoundError
        There is nothing at ``path``.
    OSError
        It may not be read.
    """
    path = located(path)
    if not path.exists():
        raise_missing(path)
    if path.is_file():
        path.open("rb").close()  # every format would be rejected for the one reason
    formats, unloaded = _load()
    if as_remote(path):
        local = [name for name, kind in formats.items() if not kind.at_urls]
        unloaded |= dict.fromkeys(
            local, Rejection(DETECTION_UNSUPPORTED, "it is not read from URLs")
        )
        formats = {name: kind for name, kind in formats.items() if kind.at_urls}
    levels = [_Level(where, folder) for where, folder in _levels(path, depth)]
    for level in levels:
        for name, kind in formats.items():
            answer = _ask(kind, level.folder)
            if isinstance(answer, Rejection):
                level.rejected[name] = answer
            else:
                level.sure[name] = answer
    # max() returns the first of equals: the outermost folder.
    level = max(levels, key=lambda level: level.best or 0)
    near: dict[str, int] = {}
    if level.best is None:
        each = [(_near(formats, level), level) for level in levels]
        near, level = max(each, key=lambda pair: max(pair[0].values(), default=0))
    elif level.best < SURE:
        near = _near(formats, level)
    found = sorted(name for name, confidence in level.sure.items() if confidence == level.best)
    rejected = dict(level.rejected)
    for name in level.sure.keys() - set(found):
        rejected[name] = Rejection(
            INSUFFICIENT_CONFIDENCE, f"it may be, but {' and '.join(found)} matches better"
        )
    nearest = [name for name in near if name in rejected][:_MOST_NEAREST]
    all_rejected = dict(sorted((rejected | unloaded).items()))
    return Detection(found, level.where, level.best, all_rejected, nearest)


def _near(formats: dict[str, Format], level: _Level) -> dict[str, int]:
    """Formats of which some files are in a folder, the nearest first; those that match are first.

    Of a format and those that are part of it, it alone is told, as near as the nearest of them.
    """
    found: dict[str, int] = {}
    for name, kind in formats.items():
        points = 100 + level.sure[name] if name in level.sure else nearness(kind, level.folder)
        whole = kind.part_of if kind.part_of in formats else name
        found[whole] = max(points, found.get(whole, 0))
    near = [(name, points) for name, points in found.items() if points >= LEAST]
    return dict(sorted(near, key=lambda pair: (-pair[1], pair[0])))


def detect_one(path: str | Path, depth: int = DEFAULT_DEPTH) -> tuple[str, Path]:
    """The one format of the data set at ``path``, and the folder that holds it.

    Raises
    ------
    NoMatchingFormatsError, MultipleFormatsMatchError
        There is not exactly one.
    DatasetNotFoundError, OSError
        As `detect` does.
    """
    where = located(path)
    if as_remote(where) is None:  # each look at a URL costs, and few formats are read there
        with contextlib.suppress(OSError):  # what may not be read is told by those asked next
            known = registry.unmistakable(Folder(where))
            if known is not None:  # all others need not be loaded
                return known, where
    detection = detect(path, depth)
    if not detection.formats:
        near = "; ".join(f"{n}: {detection.rejected[n].message}" for n in detection.nearest[:2])
        raise NoMatchingFormatsError(
            f"{path}: no known format matches"
            + (f" (nearest: {near})" if near else "")
            + (
                f"; {at_urls(remote)}"
                if (remote := as_remote(detection.where))
                else "; name the format, or see why each was rejected with "
                "`datum detect --show-rejections`"
            )
        )
    if len(detection.formats) > 1:
        raise MultipleFormatsMatchError(detection.formats, str(path))
    return detection.formats[0], detection.where


def at_urls(place: RemotePath) -> str:
    """What is found at URLs, and what to do about the rest."""
    return (
        "of a URL, name the folder that holds annotations/*.datum of storage parquet; other "
        f"formats are not read there: copy them to a local folder first: {copying(place)}"
    )


def _load() -> tuple[dict[str, Format], dict[str, Rejection]]:
    """The readable formats, and those that cannot be loaded, so that they stop no other."""
    formats, errors = registry.load_all()
    for name, error in errors.items():
        log.debug("format %s cannot be loaded: %s", name, error)
    unloaded = {
        name: Rejection(DETECTION_UNSUPPORTED, f"it cannot be loaded: {error}")
        for name, error in errors.items()
    }
    return {name: kind for name, kind in formats.items() if kind.reads}, unloaded


def _ask(kind: Format, folder: Folder) -> Confidence | Rejection:
    try:
        return kind.detect(folder)
    except Rejected as rejected:
        supported = type(kind).detect is not Format.detect
        return Rejection(UNMET_REQUIREMENTS if supported else DETECTION_UNSUPPORTED, str(rejected))
    except RemoteStorageError:  # it says nothing of the files
        raise
    except (OSError, UnicodeDecodeError, DatumaroError) as error:
        # A file that cannot be read, or is damaged: not to be recognised, and the reason is told.
        return Rejection(UNMET_REQUIREMENTS, f"{type(error).__name__}: {error}")


def _levels(path: Path, depth: int) -> list[tuple[Path, Folder]]:
    """The path, and the only folders inside it."""
    levels = [(path, Folder(path))]
    try:
        while len(levels) <= depth:
            where, folder = levels[-1]
            entries = [n for n in folder.files() + folder.folders() if not _is_clutter(n)]
            if len(entries) != 1 or entries[0] not in folder.folders():
                break
            levels.append((where / entries[0], Folder(where / entries[0])))
    except PermissionError:
        if len(levels) == 1:
            raise
        levels.pop()  # an inner folder that may not be read: what lies outside it still counts
    return levels


def _is_clutter(name: str) -> bool:
    return name in _CLUTTER or name.startswith(".")
