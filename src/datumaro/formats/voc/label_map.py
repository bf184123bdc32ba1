"""The labels of a PASCAL VOC data set: names, colours, body parts, actions.

They stand in ``labelmap.txt``, in ``dataset_meta.json``, or nowhere: then they are those of the
challenge (http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from datumaro.errors import InvalidAnnotationInFileError, MalformedFileError
from datumaro.formats import dataset_meta
from datumaro.formats.base import ReadContext
from datumaro.formats.dataset_meta import BLACK, DatasetMeta
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import (
    Categories,
    LabelCategories,
    MaskCategories,
    RgbColor,
    generate_colormap,
)

LABEL_MAP_FILE = "labelmap.txt"
HEADER = "# label:color_rgb:parts:actions"
BACKGROUND = "background"
IGNORED = "ignored"

# what every object of the format may have
COMMON_ATTRIBUTES = frozenset({"difficult", "truncated", "occluded"})

LABELS = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair",
    "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor", "ignored",
)  # fmt: skip
PARTS = ("head", "hand", "foot")
ACTIONS = (
    "other", "jumping", "phoning", "playinginstrument", "reading", "ridingbike", "ridinghorse",
    "running", "takingphoto", "usingcomputer", "walking",
)  # fmt: skip
IGNORED_COLOR: RgbColor = (224, 224, 192)  # of the contours in the challenge's masks: number 255

_MAX_BYTES = 1 << 26


@dataclass
class Entry:
    """A label of the map. ``color`` is None when the map has none for it."""

    name: str
    color: RgbColor | None = None
    parts: list[str] = field(default_factory=list[str])
    actions: list[str] = field(default_factory=list[str])


@dataclass
class LabelMap:
    """The labels, in order.

    Attributes
    ----------
    standard : whether it is a map of the challenge.
    """

    entries: list[Entry]
    standard: bool = False

    def names(self, *, parts: bool) -> list[str]:
        """The labels; with ``parts`` those follow that are not labels of their own."""
        names = dict.fromkeys(entry.name for entry in self.entries)
        if parts:
            names.update(dict.fromkeys(part for entry in self.entries for part in entry.parts))
        return list(names)

    def colormap(self) -> dict[int, RgbColor]:
        """{label index: colour}: as stated, or, when no label has one, VOC's palette."""
        if any(entry.color is not None for entry in self.entries):
            return {i: e.color for i, e in enumerate(self.entries) if e.color is not None}
        return generate_colormap(len(self.entries))

    def categories(self, *, parts: bool, masks: bool) -> dict[AnnotationType, Categories]:
        """The categories of a data set with this map: labels and, for ``masks``, colours.

        Actions are their labels' attributes. A part's parent is its object's label; not in the maps
        of the challenge, whose parts are known by their names.
        """
        labels = LabelCategories(attributes=set(COMMON_ATTRIBUTES))
        parents: dict[str, str] = {}
        if parts and not self.standard:
            for entry in self.entries:
                for part in entry.parts:
                    if part != entry.name:
                        parents.setdefault(part, entry.name)
        actions = {entry.name: entry.actions for entry in self.entries}
        for name in self.names(parts=parts):
            labels.add(name, parents.get(name, ""), actions.get(name))
        made: dict[AnnotationType, Categories] = {AnnotationType.label: labels}
        if masks:
            made[AnnotationType.mask] = MaskCategories(self.colormap())
        return made


def standard(task: str) -> LabelMap:
    """The labels of the challenge, as its tasks use them.

    Parameters
    ----------
    task : a format's name: ``voc``, ``voc_layout``, …
    """
    names = ("background", "person") if task in ("voc_layout", "voc_action") else LABELS
    colors = generate_colormap(len(LABELS))
    colors[LABELS.index(IGNORED)] = IGNORED_COLOR
    entries = [Entry(name, colors[LABELS.index(name)]) for name in names]
    person = next(entry for entry in entries if entry.name == "person")
    if task in ("voc", "voc_layout"):
        person.parts = list(PARTS)
    if task in ("voc", "voc_action"):
        person.actions = list(ACTIONS)
    return LabelMap(entries, standard=True)


# --- files --------------------------------------------------------------------------------------


def load(root: Path, task: str, context: ReadContext) -> LabelMap:
    """The label map of the data set at ``root``.

    Raises
    ------
    MalformedFileError
        Its file is damaged; the message names the line or key.
    """
    meta = dataset_meta.find(root, context)
    if meta is not None:
        return _known(_from_meta(meta))
    text = root / LABEL_MAP_FILE
    return load_text(text) if text.is_file() else standard(task)


def _known(label_map: LabelMap) -> LabelMap:
    """A map with the mark that it is one of the challenge, if its labels and parts are."""
    mine = [(entry.name, entry.parts) for entry in label_map.entries]
    label_map.standard = any(
        mine == [(entry.name, entry.parts) for entry in standard(task).entries]
        for task in ("voc", "voc_layout")
    )
    return label_map


def load_text(path: Path) -> LabelMap:
    """Read a ``labelmap.txt``.

    Each line is ``label:r,g,b:parts:actions``, where colour, parts and actions may be empty; ``#``
    begins a comment.
    """
    entries: list[Entry] = []
    seen: dict[str, int] = {}  # lines
    for number, line in enumerate(_lines(path), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        fields = line.split(":")
        place = f"line {number}"
        if len(fields) != 4:
            raise InvalidAnnotationInFileError(
                path,
                place,
                f"{line[:80]!r}, of {len(fields)} fields",
                "4, separated by ':' (label:r,g,b:parts:actions)",
            )
        name = fields[0].strip()
        if not name or name in seen:
            found = f"label {name!r}, which line {seen[name]} has too" if name else repr(line[:80])
            raise InvalidAnnotationInFileError(
                path, place, found, "a name of its own for each label"
            )
        seen[name] = number
        color = _color(fields[1], path, place) if fields[1].strip() else None
        entries.append(Entry(name, color, _names(fields[2]), _names(fields[3])))
    return _known(LabelMap(entries))


def _lines(path: Path) -> list[str]:
    size = path.stat().st_size
    if size > _MAX_BYTES:
        expected = f"a label map of at most {_MAX_BYTES}"
        raise MalformedFileError(path, f"byte {_MAX_BYTES}", f"{size} bytes", expected)
    try:
        return path.read_bytes().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise MalformedFileError(path, f"byte {error.start}", "not UTF-8", "UTF-8 text") from error


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))


def _color(text: str, path: Path, place: str) -> RgbColor:
    values = [value.strip() for value in text.split(",")]
    numbers = [int(v) for v in values if v.isascii() and v.isdigit() and int(v[:4]) < 256]
    if len(values) != 3 or len(numbers) != 3:
        found = f"colour {text.strip()[:80]!r}"
        raise InvalidAnnotationInFileError(path, place, found, "three numbers from 0 to 255")
    return numbers[0], numbers[1], numbers[2]


def _from_meta(meta: DatasetMeta) -> LabelMap:
    return LabelMap(
        [
            Entry(name, meta.colors.get(i), meta.parts.get(i, []), meta.actions.get(i, []))
            for i, name in enumerate(meta.labels)
        ]
    )


def save(label_map: LabelMap, root: Path, *, as_meta: bool) -> None:
    """Write ``labelmap.txt``.

    It is ``dataset_meta.json`` if wanted (``as_meta``), or when a name has a separator of the
    former.
    """
    entries = label_map.entries
    if not as_meta and all(_fits_text(entry) for entry in entries):
        lines = [HEADER]
        for entry in entries:
            color = ",".join(map(str, entry.color)) if entry.color is not None else ""
            lines.append(f"{entry.name}:{color}:{','.join(entry.parts)}:{','.join(entry.actions)}")
        (root / LABEL_MAP_FILE).write_text("\n".join(lines) + "\n", "utf-8", newline="\n")
        return
    black = [i for i, entry in enumerate(entries) if entry.color == BLACK]
    meta = DatasetMeta(
        [entry.name for entry in entries],
        {i: entry.color for i, entry in enumerate(entries) if entry.color is not None},
        black[0] if black else None,
        {i: entry.parts for i, entry in enumerate(entries) if entry.parts},
        {i: entry.actions for i, entry in enumerate(entries) if entry.actions},
    )
    dataset_meta.write(meta, root)


def _fits_text(entry: Entry) -> bool:
    for name, forbidden in (
        (entry.name, ":"),
        *((part, ":,") for part in entry.parts),
        *((action, ":,") for action in entry.actions),
    ):
        bad = any(c in name for c in forbidden) or name.startswith("#")
        if bad or name != name.strip() or len(name.splitlines()) != 1:
            return False
    return True
