"""Tell which format a data set is of.

Every format is asked about the path itself and, while a folder holds nothing but one other folder
(as unpacked archives often do), about the folder inside. The surest answer wins; of equally sure
ones the outermost folder's.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from datumaro.errors import (
    DatasetNotFoundError,
    DatumaroError,
    MultipleFormatsMatchError,
    NoMatchingFormatsError,
)
from datumaro.formats import registry
from datumaro.formats.base import Confidence, Folder, Format, Rejected

log = logging.getLogger("datumaro")

DEFAULT_DEPTH = 2

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
    """

    formats: list[str]
    where: Path
    confidence: Confidence | None = None
    rejected: dict[str, Rejection] = field(default_factory=dict[str, Rejection])


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
    path = Path(path)
    if not path.exists():
        raise DatasetNotFoundError(f"{path}: no such file or folder")
    if path.is_file():
        path.open("rb").close()  # every format would be rejected for the one reason
    formats, unloaded = _load()
    levels: list[tuple[Path, dict[str, Confidence], dict[str, Rejection]]] = []
    for where, folder in _levels(path, depth):
        sure: dict[str, Confidence] = {}
        rejected: dict[str, Rejection] = {}
        for name, kind in formats.items():
            answer = _ask(kind, folder)
            if isinstance(answer, Rejection):
                rejected[name] = answer
            else:
                sure[name] = answer
        levels.append((where, sure, rejected))
    # max() returns the first of equals: the outermost folder.
    where, sure, rejected = max(levels, key=lambda level: max(level[1].values(), default=0))
    best = max(sure.values(), default=None)
    found = sorted(name for name, confidence in sure.items() if confidence == best)
    for name in sure.keys() - set(found):
        rejected[name] = Rejection(
            INSUFFICIENT_CONFIDENCE, f"it may be, but {' and '.join(found)} matches better"
        )
    return Detection(found, where, best, dict(sorted((rejected | unloaded).items())))


def detect_one(path: str | Path, depth: int = DEFAULT_DEPTH) -> tuple[str, Path]:
    """The one format of the data set at ``path``, and the folder that holds it.

    Raises
    ------
    NoMatchingFormatsError, MultipleFormatsMatchError
        There is not exactly one.
    DatasetNotFoundError, OSError
        As `detect` does.
    """
    detection = detect(path, depth)
    if not detection.formats:
        raise NoMatchingFormatsError(
            f"{path}: no known format matches; name the format, or see why each was rejected with "
            "`datum detect --show-rejections`"
        )
    if len(detection.formats) > 1:
        raise MultipleFormatsMatchError(detection.formats, str(path))
    return detection.formats[0], detection.where


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
