"""The label map of a data set that is to be written."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from datumaro.errors import UnknownOptionError
from datumaro.formats.base import WriteContext
from datumaro.formats.voc import label_map, tasks
from datumaro.formats.voc.label_map import BACKGROUND, BLACK, PARTS, Entry, LabelMap
from datumaro.model.categories import (
    LabelCategory,
    RgbColor,
    colormap_of,
    free_colors,
)
from datumaro.table.chunk import Content

SOURCE = "source"


@dataclass(frozen=True)
class LabelPlan:
    """How the labels of a data set are written.

    Attributes
    ----------
    map : the label map to write.
    names : the name of each label index; None when the map does not have it.
    classes : for masks, the index in the map of each label index; -1 when it has none.
    background : for masks, the index of pixels of no mask.
    palette : the colour of each index of the map.
    """

    map: LabelMap
    names: list[str | None]
    classes: list[int]
    background: int
    palette: dict[int, RgbColor]


def make(
    content: Content, option: str, *, parts: bool, masks: bool, context: WriteContext
) -> LabelPlan:
    """Plan a data set's labels.

    Parameters
    ----------
    option : ``"source"`` (its own labels), the name of a format of the family (the labels of the
        challenge), or a label map file.
    parts : whether parts are written; without, their labels are like others.
    masks : whether masks are written.

    Raises
    ------
    UnknownOptionError
        ``option`` is none of these.
    """
    labels = content.labels.items
    if option == SOURCE:
        colormap = colormap_of(content.categories)
        chosen = _own_map(labels, colormap, parts=parts, context=context)
    else:
        chosen = _other_map(option)
    if masks:
        _color(chosen, context)
    known = set(chosen.names(parts=True))
    own = {entry.name: index for index, entry in enumerate(chosen.entries)}
    palette = chosen.colormap()
    black = [index for index, color in palette.items() if color == BLACK]
    return LabelPlan(
        chosen,
        [label.name if label.name in known else None for label in labels],
        [own.get(label.name, -1) for label in labels],
        own.get(BACKGROUND, black[0] if black else 0),
        palette,
    )


def _other_map(option: str) -> LabelMap:
    if option == "voc" or option in tasks.NAMES:
        return label_map.standard(option)
    path = Path(option)
    if not path.is_file():
        raise UnknownOptionError(
            f"label_map {option!r}: no such file; expected a label map file, 'source', or one of "
            + ", ".join(tasks.NAMES)
        )
    return label_map.load_text(path)


def _own_map(
    labels: list[LabelCategory],
    colormap: dict[int, RgbColor],
    *,
    parts: bool,
    context: WriteContext,
) -> LabelMap:
    names = [label.name for label in labels]
    parts_of = _parts(labels) if parts else {}
    nested = {part for of_label in parts_of.values() for part in of_label}
    entries = [
        Entry(
            label.name, colormap.get(index), parts_of.get(label.name, []), sorted(label.attributes)
        )
        for index, label in enumerate(labels)
        if label.name not in nested
    ]
    plain = all(
        not label.attributes and colormap.get(index) is None
        for index, label in enumerate(labels)
        if label.name in nested
    )
    kept = nested
    # A part that the map declares is no line of its own, for the published package's sake. So it
    # has neither colour nor actions, and its place is behind the labels.
    if not plain or LabelMap(entries).names(parts=True) != names:
        kept = set[str]()
        entries = [
            Entry(label.name, colormap.get(index), [], sorted(label.attributes))
            for index, label in enumerate(labels)
        ]
    orphans = [label.name for label in labels if label.parent and label.name not in kept]
    context.lost("parents of labels", len(orphans), f"label {orphans[0]!r}" if orphans else "")
    return LabelMap(entries)


def _parts(labels: list[LabelCategory]) -> dict[str, list[str]]:
    """{label: its parts}: labels of which it is the parent, or a person's in the challenge."""
    names = {label.name for label in labels}
    parts: dict[str, list[str]] = {}
    for label in labels:
        if label.parent in names and label.parent != label.name:
            parts.setdefault(label.parent, []).append(label.name)
    if "person" in names and not parts:
        parts["person"] = [part for part in PARTS if part in names]
    return {name: of_label for name, of_label in parts.items() if of_label}


def _color(chosen: LabelMap, context: WriteContext) -> None:
    """See to it that masks can be painted: one black label, and colours that differ."""
    entries = chosen.entries
    background = next((e for e in entries if e.name == BACKGROUND), None)
    if background is None:
        background = next((e for e in entries if e.color == BLACK), None)
    if background is None:
        background = Entry(BACKGROUND)
        entries.insert(0, background)
    if entries[0] is background and all(entry.color is None for entry in entries):
        return  # VOC's palette, which needs not be stated
    if background.color != BLACK:
        entries[entries.index(background)] = background = dataclasses.replace(
            background, color=BLACK
        )
    free = free_colors(entry.color for entry in entries if entry.color is not None)
    taken = {BLACK}
    repeated: list[str] = []
    for index, entry in enumerate(entries):
        if entry is background:
            continue
        if entry.color is None or entry.color in taken:
            if entry.color is not None:
                repeated.append(entry.name)
            entries[index] = dataclasses.replace(entry, color=next(free))
        taken.add(entries[index].color or BLACK)
    if repeated:
        context.lost(
            "colours of labels that other labels have too", len(repeated), f"label {repeated[0]!r}"
        )
