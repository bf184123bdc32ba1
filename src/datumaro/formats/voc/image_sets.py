"""The lists in ``ImageSets``: which items a subset has, and which labels items have.

``ImageSets/<task>/<subset>.txt`` has an item id on each line; in ``Layout`` and ``Action`` the
number of an object may follow it. ``ImageSets/Main/<label>_<subset>.txt`` has an id and 1 (the
label is there), -1 (it is not) or 0 (hard to tell).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from datumaro.errors import (
    DatasetImportError,
    InvalidAnnotationInFileError,
    MalformedFileError,
    RepeatedItemInFileError,
    UnsupportedContentError,
)

_MAX_BYTES = 1 << 30

Problem = Callable[[DatasetImportError], None]
_OBJECT_NUMBER = re.compile(r"[ \t]+\d+$")


@dataclass
class TaskLists:
    """The lists of one folder of ``ImageSets``.

    Attributes
    ----------
    subsets : {subset: its list}.
    labels : {(label, subset): its list}.
    unknown : lists that are neither: of labels that the label map does not have.
    """

    subsets: dict[str, Path] = field(default_factory=dict[str, Path])
    labels: dict[tuple[str, str], Path] = field(default_factory=dict[tuple[str, str], Path])
    unknown: list[Path] = field(default_factory=list[Path])


def sort_lists(folder: Path, names: Iterable[str], labels: Iterable[str]) -> TaskLists:
    """Tell what each list of a folder is, by its name.

    ``a_b.txt`` is the list of label ``a`` when there is a subset ``b`` and a label ``a``; it is a
    subset's own when nothing speaks for a label's.

    Parameters
    ----------
    names : the files' names.
    labels : names of labels (in ``Action``: of actions).
    """
    known = set(labels)
    stems = sorted(name[: -len(".txt")] for name in names if name.endswith(".txt"))
    present = set(stems)
    plain = {stem for stem in stems if "_" not in stem}
    lists = TaskLists()
    for stem in stems:
        path = folder / f"{stem}.txt"
        splits = [(stem[:i], stem[i + 1 :]) for i, c in enumerate(stem) if c == "_"]
        pairs = [(label, subset) for label, subset in splits if subset in present]
        of_label = next(((a, b) for a, b in reversed(pairs) if a in known), None)
        if of_label is not None:
            lists.labels[of_label] = path
        elif any(subset in plain for _, subset in pairs) and _has_flags(path):
            lists.unknown.append(path)
        else:
            lists.subsets[stem] = path
    return lists


def _has_flags(path: Path) -> bool:
    """Whether a list's first line ends with -1, 0 or 1 after an id."""
    with path.open("rb") as file:
        for line in file.read(1 << 16).split(b"\n")[:-1]:
            words = line.split()
            if words and not words[0].startswith(b"#"):
                return len(words) > 1 and words[-1] in (b"-1", b"0", b"1")
    return False


def _lines(path: Path) -> list[str]:
    size = path.stat().st_size
    if size > _MAX_BYTES:
        expected = f"a list of at most {_MAX_BYTES}"
        raise MalformedFileError(path, f"byte {_MAX_BYTES}", f"{size} bytes", expected)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedFileError(path, f"byte {error.start}", "not UTF-8", "UTF-8 text") from error
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")


def read_ids(
    path: Path, problem: Problem, *, is_item: Callable[[str], bool] | None = None
) -> list[str]:
    """The ids of a subset's list, each once, in order. ``#`` at a line's begin is a comment.

    Parameters
    ----------
    problem : is told of ids (with object numbers: of ids and numbers) that an earlier line has.
    is_item : for lists that may have object numbers behind ids: whether a whole line is an id.
    """
    ids: dict[str, None] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(_lines(path), 1):
        line = line.strip()
        if not line or line[0] == "#":
            continue
        if lines.setdefault(line, number) != number:
            before = f"line {lines[line]}"
            problem(RepeatedItemInFileError((line, path.stem), path, f"line {number}", before))
            continue
        if is_item is not None and line[-1].isdigit() and not is_item(line):
            line = _OBJECT_NUMBER.sub("", line)
        ids[line] = None
    return list(ids)


def read_flags(path: Path, subset: str, problem: Problem) -> list[str]:
    """The ids of a label's list that have the label.

    Parameters
    ----------
    problem : is told of lines that are not an id and -1, 0 or 1, and of ids that an earlier has.
    """
    ids: list[str] = []
    lines: dict[str, int] = {}
    for number, line in enumerate(_lines(path), 1):
        words = line.rsplit(None, 1)
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or words[1] not in ("1", "0", "-1", "+1"):
            problem(
                InvalidAnnotationInFileError(
                    path, f"line {number}", repr(line[:80]), "an item id and 1, 0 or -1"
                )
            )
            continue
        item_id = words[0].lstrip()
        if lines.setdefault(item_id, number) != number:
            before = f"line {lines[item_id]}"
            problem(RepeatedItemInFileError((item_id, subset), path, f"line {number}", before))
        elif words[1] in ("1", "+1"):
            ids.append(item_id)
    return ids


def check_id(item_id: str, subset: str) -> None:
    """Refuse an id that no list can hold.

    Raises
    ------
    UnsupportedContentError
    """
    reason = ""
    if "\n" in item_id or "\r" in item_id:
        reason = "has a line break, and the lists in ImageSets hold one id a line"
    elif not item_id or item_id != item_id.strip():
        reason = "begins or ends with white space, or is empty"
    elif item_id.startswith("#"):
        reason = "begins with '#', which begins a comment in the lists in ImageSets"
    if reason:
        raise UnsupportedContentError(
            f"item {item_id!r} of subset {subset!r}: the id {reason}; rename the item before export"
        )
