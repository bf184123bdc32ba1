"""Labels and their colours in ``label_colors.txt``, as formats of painted masks have them.

A line is ``R G B name``, or the name alone; ``#`` begins a comment. The file is Datumaro's, after
CamVid's. ``dataset_meta.json`` beside it goes before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from datumaro.errors import InvalidAnnotationInFileError
from datumaro.formats import dataset_meta
from datumaro.formats.base import ReadContext, WriteContext
from datumaro.formats.dataset_meta import BLACK, DatasetMeta
from datumaro.formats.files import read_text
from datumaro.formats.index_masks import ClassColors, class_colors
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import (
    Categories,
    LabelCategories,
    MaskCategories,
    RgbColor,
    colormap_of,
    free_colors,
    generate_colormap,
    label_names,
)

FILE = "label_colors.txt"
BACKGROUND = "background"

_MAX_BYTES = 1 << 26


@dataclass
class LabelColors:
    """Labels, each once, in the order of their indices; and the colours of those that have one."""

    names: list[str]
    colors: dict[int, RgbColor] = field(default_factory=dict[int, RgbColor])

    @property
    def has_black(self) -> bool:
        """Whether black is the colour of a label, and not that of pixels without one."""
        return BLACK in self.colors.values()

    @property
    def background(self) -> int:
        """The index of the label of pixels that are no object's; -1 when there is none."""
        return self.names.index(BACKGROUND) if BACKGROUND in self.names else -1

    def meaning(self, *, shifted: bool) -> ClassColors:
        """What the values of masks mean that are painted in these labels.

        Parameters
        ----------
        shifted : whether index 0 means no label, and 1 the first one, where no label is black or
            the background, as the published package has it.
        """
        first = 1 if shifted and not self.has_black and self.background < 0 else 0
        return class_colors(
            self.colors, len(self.names), None, first=first, background=self.background
        )

    def categories(self) -> dict[AnnotationType, Categories]:
        """The labels and their colours."""
        return {
            AnnotationType.label: LabelCategories.from_iterable(self.names),
            AnnotationType.mask: MaskCategories(self.colors),
        }


def is_declared(root: Path) -> bool:
    """Whether a folder has a file of labels: a data set without items may have nothing else."""
    return (root / FILE).is_file() or (root / dataset_meta.FILE).is_file()


def load(
    root: Path, standard: LabelColors, context: ReadContext, *, painted: bool = True
) -> LabelColors:
    """The labels of the data set in a folder: as its files say, or the format's standard ones.

    Parameters
    ----------
    painted : whether there are masks. When no label has a colour, they then get those of VOC's
        palette, which are not black.

    Raises
    ------
    InvalidAnnotationInFileError, MalformedFileError
        A file is damaged; the message names the line or key.
    """
    meta = dataset_meta.find(root, context)
    if meta is not None:
        found = LabelColors(meta.labels, meta.colors)
    else:
        path = root / FILE
        if not path.is_file():
            return standard
        found = parse(read_text(path, _MAX_BYTES), path)
    if painted and not found.colors:
        found.colors = generate_colormap(len(found.names), include_background=False)
    return found


def load_file(path: Path) -> LabelColors:
    """The labels of a file that a user names, of either kind.

    Raises
    ------
    InvalidAnnotationInFileError, MalformedFileError
        As `load`.
    """
    text = read_text(path, _MAX_BYTES)
    if path.suffix == ".json":
        meta = dataset_meta.parse(text.encode(), path)
        return LabelColors(meta.labels, meta.colors)
    return parse(text, path)


def parse(text: str, path: Path) -> LabelColors:
    """Read the text of a ``label_colors.txt``; ``path`` is for messages."""
    found = LabelColors([])
    index: dict[str, int] = {}
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        color, name = _split(line, path, number)
        if name in index:
            raise InvalidAnnotationInFileError(
                path, f"line {number}", f"label {name!r} is declared twice", "labels that differ"
            )
        index[name] = len(found.names)
        found.names.append(name)
        if color is not None:
            found.colors[index[name]] = color
    return found


def _split(line: str, path: Path, number: int) -> tuple[RgbColor | None, str]:
    """A line's colour, if it has one, and name."""
    fields = line.split(None, 3)
    numbers = [field for field in fields[:3] if field.lstrip("-").isdecimal()]
    if len(numbers) < 3:
        return None, line
    if len(fields) < 4:
        raise InvalidAnnotationInFileError(
            path, f"line {number}", repr(line[:80]), "'R G B name' or a name"
        )
    color = [int(number[:5]) for number in numbers]
    if not all(0 <= value <= 255 for value in color):
        raise InvalidAnnotationInFileError(
            path, f"line {number}", f"colour {' '.join(numbers)}", "three numbers from 0 to 255"
        )
    return (color[0], color[1], color[2]), fields[3]


def save(labels: LabelColors, root: Path) -> None:
    """Write ``label_colors.txt``; ``dataset_meta.json`` when a name does not fit its lines.

    Names with spaces do not, for the published package's sake, which reads one word.
    """
    if not all(_fits(name) for name in labels.names):
        dataset_meta.write(DatasetMeta(labels.names, labels.colors), root)
        return
    lines = [
        " ".join([*map(str, labels.colors[i]), name]) if i in labels.colors else name
        for i, name in enumerate(labels.names)
    ]
    text = "".join(f"{line}\n" for line in lines)
    (root / FILE).write_text(text, "utf-8", newline="\n")


def _fits(name: str) -> bool:
    return "#" not in name and name.split() == [name]


# --- colours for painting -------------------------------------------------------------------------


def with_colors(labels: LabelColors, context: WriteContext, *, distinct: bool) -> LabelColors:
    """The labels, each with a colour; those that have none get one of VOC's palette.

    Parameters
    ----------
    distinct : give no two labels the same. The first keeps it; `WriteContext.lost` is told of the
        others.
    """
    free = free_colors(labels.colors.values())
    used: set[RgbColor] = set()
    colors: dict[int, RgbColor] = {}
    for index, name in enumerate(labels.names):
        color = labels.colors.get(index)
        if color in used and distinct:
            context.lost("colours of labels that other labels have too", 1, f"label {name!r}")
            color = None
        colors[index] = color or next(free)
        used.add(colors[index])
    return LabelColors(labels.names, colors)


def of_categories(categories: Mapping[AnnotationType, Categories]) -> LabelColors:
    """A data set's labels, and the colours that it has for them."""
    names = label_names(categories)
    colormap = colormap_of(categories)
    return LabelColors(names, {i: colormap[i] for i in range(len(names)) if i in colormap})
