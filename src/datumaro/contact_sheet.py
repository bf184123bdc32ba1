"""A contact sheet: a data set's images side by side, with their annotations drawn on them."""

from __future__ import annotations

import colorsys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from datumaro.model.image_codec import eight_bits

if TYPE_CHECKING:
    from PIL import Image as PILImage, ImageDraw as PILImageDraw, ImageFont as PILImageFont

    Font = PILImageFont.FreeTypeFont | PILImageFont.ImageFont

Array = npt.NDArray[Any]
Colour = tuple[int, int, int]

_GAP, _TITLE = 12, 26  # pixels: between thumbnails, and above each for its title
_PAPER, _EMPTY, _INK, _FAINT = (250, 250, 248), (228, 228, 224), (34, 36, 40), (120, 124, 130)
_MASK_OPACITY = 0.45


def contact_sheet(
    items: Iterable[Any], label_names: Sequence[str], columns: int = 4, thumb: int = 320
) -> PILImage.Image:
    """Draw items as thumbnails, row by row.

    Parameters
    ----------
    items : `DatasetItem` objects. Images are shrunk to fit; an item whose image is missing gets an
        empty field of its image's shape, annotated all the same.
    label_names : the labels' names by index.
    columns : how many thumbnails a row has.
    thumb : each one's width and height in pixels, its title not counted.

    Returns
    -------
    An RGB image, for ``.save("sheet.png")``. Drawn are boxes, rotated boxes, polygons, polylines,
    points, ellipses, masks (translucent), and, below the image's upper edge, captions and labels of
    the whole image. Kinds that lie in space (cuboids, …) are counted in the title.

    Raises
    ------
    ValueError
        ``columns`` or ``thumb`` is not positive.
    """
    from PIL import Image, ImageDraw, ImageFont

    if columns < 1 or thumb < 1:
        raise ValueError(f"columns is {columns} and thumb {thumb}; expected 1 or more of both")
    font, small = ImageFont.load_default(14), ImageFont.load_default(11)
    cells = [_cell(item, label_names, thumb, font, small) for item in items]
    rows = -(-len(cells) // columns)
    used = min(columns, max(1, len(cells)))
    step_x, step_y = thumb + _GAP, thumb + _TITLE + _GAP
    size = (used * step_x + _GAP, max(1, rows) * step_y + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    for i, cell in enumerate(cells):
        sheet.paste(cell, (_GAP + i % columns * step_x, _GAP + i // columns * step_y))
    if not cells:
        ImageDraw.Draw(sheet).text((_GAP, _GAP), "no items", _FAINT, font)
    return sheet


def label_colour(label: int | None) -> Colour:
    """A colour for a label: neighbours differ clearly, and none is dark."""
    if label is None:
        return (245, 245, 245)
    hue = (label * 0.61803398875 + 0.02) % 1.0  # the golden ratio spreads hues evenly
    bright = 1.0 if label % 3 else 0.86
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.78, bright)
    return round(red * 255), round(green * 255), round(blue * 255)


def _cell(item: Any, names: Sequence[str], thumb: int, font: Font, small: Font) -> PILImage.Image:
    from PIL import Image

    picture, scale = _thumbnail(item, thumb)
    picture = _draw_masks(picture, item.annotations)
    hidden = _Drawing(picture, scale, names, small).draw(item.annotations)
    cell = Image.new("RGB", (thumb, thumb + _TITLE), _PAPER)
    cell.paste(picture, ((thumb - picture.width) // 2, _TITLE))
    _write_title(cell, item, hidden, font, small)
    return cell


def _thumbnail(item: Any, thumb: int) -> tuple[PILImage.Image, float]:
    """The item's image, shrunk or enlarged to fit, and by what factor."""
    from PIL import Image

    pixels: Any = item.media.data if getattr(item.media, "has_data", False) else None
    if getattr(pixels, "ndim", 0) in (2, 3):
        image = _rgb(np.asarray(pixels))
    else:
        height, width = getattr(item.media, "size", None) or _extent(item.annotations)
        image = Image.new("RGB", (max(1, width), max(1, height)), _EMPTY)
    scale = thumb / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS), scale


def _rgb(pixels: Array) -> PILImage.Image:
    from PIL import Image

    if pixels.dtype == np.uint16:
        pixels = pixels // 257
    pixels = eight_bits(pixels)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return Image.fromarray(pixels.reshape(pixels.shape[:2])).convert("RGB")
    return Image.fromarray(np.ascontiguousarray(pixels[:, :, 2::-1]))


def _extent(annotations: Iterable[Any]) -> tuple[int, int]:
    """(height, width) that shows all annotations, for want of an image's."""
    height, width = 3, 4
    for annotation in annotations:
        kind = annotation.type.name
        if kind == "mask":
            rows, columns = annotation.image.shape
            height, width = max(height, rows), max(width, columns)
        elif kind in _SHAPES and len(annotation.points) >= 2 and kind != "rotated_bbox":
            xy = np.asarray(annotation.points, np.float64).reshape(-1, 2)
            far = np.nan_to_num(xy.max(0), posinf=0)
            width, height = max(width, int(far[0]) + 1), max(height, int(far[1]) + 1)
    return min(height, 1 << 13), min(width, 1 << 13)


def _draw_masks(picture: PILImage.Image, annotations: Iterable[Any]) -> PILImage.Image:
    """Masks under all the rest, lower ones first."""
    from PIL import Image

    masks = [a for a in annotations if a.type.name == "mask"]
    for mask in sorted(masks, key=lambda a: a.z_order):
        filled = np.asarray(mask.image, bool)
        if not filled.size:
            continue
        area = Image.fromarray(filled.astype(np.uint8) * 255).resize(picture.size)
        colour = Image.new("RGB", picture.size, label_colour(mask.label))
        picture.paste(Image.blend(picture, colour, _MASK_OPACITY), None, area)
        edge = _edge(np.asarray(area) > 127)
        picture.paste(colour, None, Image.fromarray(edge.astype(np.uint8) * 255))
    return picture


def _edge(filled: Array) -> Array:
    """The pixels of a mask that have a neighbour outside it."""
    padded = np.pad(filled, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return filled & ~inner


_SHAPES = frozenset({"bbox", "rotated_bbox", "polygon", "polyline", "points", "ellipse"})
_WORDS = frozenset({"label", "caption"})


class _Drawing:
    """Draws annotations on a thumbnail whose pixels are ``scale`` of the image's."""

    def __init__(
        self, picture: PILImage.Image, scale: float, names: Sequence[str], font: Font
    ) -> None:
        from PIL import ImageDraw

        self._draw: PILImageDraw.ImageDraw = ImageDraw.Draw(picture)
        self._size, self._scale, self._names, self._font = picture.size, scale, names, font
        self._taken: list[tuple[float, float, float, float]] = []  # by tags
        self._groups: set[tuple[int, int | None]] = set()

    def draw(self, annotations: Iterable[Any]) -> int:
        """Draw them; give the number of those that cannot be drawn in a plane."""
        annotations = list(annotations)
        hidden = 0
        for annotation in sorted(annotations, key=lambda a: getattr(a, "z_order", 0)):
            kind = annotation.type.name
            if kind in _SHAPES:
                self._shape(kind, annotation)
            elif kind not in _WORDS and kind != "mask":
                hidden += 1
        # names on top of all outlines, one for the parts of one object
        for annotation in annotations:
            kind = annotation.type.name
            if kind in _SHAPES or kind == "mask":
                self._name(kind, annotation)
        words = [a for a in annotations if a.type.name in _WORDS]
        for line, annotation in enumerate(words):
            is_label = annotation.type.name == "label"
            text = self._label(annotation.label) if is_label else annotation.caption
            colour = label_colour(annotation.label if is_label else None)
            self._tag(text, (4, 4 + 17 * line), colour)
        return hidden

    def _xy(self, kind: str, annotation: Any) -> list[tuple[float, float]]:
        values = np.asarray(annotation.points, np.float64)
        if kind == "rotated_bbox":
            cx, cy, w, h, degrees = values
            angle = np.deg2rad(degrees)
            along = np.array([np.cos(angle), np.sin(angle)]) * w / 2
            across = np.array([-np.sin(angle), np.cos(angle)]) * h / 2
            centre = np.array([cx, cy])
            corners = [along + across, across - along, -along - across, along - across]
            values = np.array([centre + corner for corner in corners])
        elif kind == "bbox":
            x1, y1, x2, y2 = values
            values = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
        # far outside, Pillow would count pixels for ever
        limit = 4.0 * max(self._size)
        points = np.clip(np.nan_to_num(values.reshape(-1, 2) * self._scale), -limit, limit)
        return [(float(x), float(y)) for x, y in points]

    def _shape(self, kind: str, annotation: Any) -> None:
        xy = self._xy(kind, annotation)
        colour = label_colour(annotation.label)
        if kind == "points":
            visibility = [int(v) for v in annotation.visibility]
            for (x, y), visible in zip(xy, visibility, strict=True):
                if visible:  # hidden ones hollow
                    box = (x - 3, y - 3, x + 3, y + 3)
                    self._draw.ellipse(box, colour if visible == 2 else None, (20, 20, 20))
        elif kind == "ellipse":
            (x1, y1), (x2, y2) = xy
            box = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
            self._draw.ellipse(box, None, colour, 2)
        elif kind == "bbox":
            for begin, end in zip(xy, xy[1:] + xy[:1], strict=True):
                self._dashes(begin, end, colour)
        else:
            self._line(xy if kind == "polyline" else [*xy, xy[0]], colour)

    def _line(self, xy: list[tuple[float, float]], colour: Colour) -> None:
        self._draw.line(xy, (20, 20, 20), 4, joint="curve")  # a dark rim, for light backgrounds
        self._draw.line(xy, colour, 2, joint="curve")

    def _dashes(self, begin: tuple[float, float], end: tuple[float, float], colour: Colour) -> None:
        """A dashed line: boxes stay apart from the outlines inside them."""
        start, way = np.array(begin), np.array(end) - np.array(begin)
        n = max(1, int(np.hypot(*way) / 9))
        for i in range(n):
            a, b = start + way * i / n, start + way * (i + 0.6) / n
            self._draw.line([*a.tolist(), *b.tolist()], colour, 2)

    def _label(self, label: int | None) -> str:
        if label is None:
            return "?"
        return self._names[label] if 0 <= label < len(self._names) else f"#{label}"

    def _name(self, kind: str, annotation: Any) -> None:
        if annotation.label is None:
            return
        if annotation.group:
            key = (int(annotation.group), annotation.label)
            if key in self._groups:
                return
            self._groups.add(key)
        if kind == "mask":
            mask = np.asarray(annotation.image)
            rows, columns = np.nonzero(mask)
            if not len(rows):
                return
            x = float(columns.mean()) / mask.shape[1] * self._size[0]
            y = float(rows.mean()) / mask.shape[0] * self._size[1]
        else:
            xy = self._xy(kind, annotation)
            if kind == "points":
                xy = [at for at, v in zip(xy, annotation.visibility, strict=True) if int(v)]
            if not xy:
                return
            x, y = min(p[0] for p in xy), min(p[1] for p in xy) - 14
        self._tag(self._label(annotation.label), (x, y), label_colour(annotation.label))

    def _tag(self, text: str, at: tuple[float, float], colour: Colour) -> None:
        """A name on a coloured field, inside the picture, moved down from tags that are there."""
        text = _shortened(text, self._font, self._size[0] - 10)
        left, top, right, bottom = self._font.getbbox(text)
        width, height = right - left + 6, bottom - top + 5
        x = min(max(0.0, at[0]), max(0.0, self._size[0] - width))
        y = min(max(0.0, at[1]), max(0.0, self._size[1] - height))
        for _ in range(8):
            over = [t for t in self._taken if x < t[2] and t[0] < x + width
                    and y < t[3] and t[1] < y + height]  # fmt: skip
            if not over or y + height >= self._size[1]:
                break
            y = min(max(t[3] for t in over), max(0.0, self._size[1] - height))
        self._taken.append((x, y, x + width, y + height))
        self._draw.rectangle((x, y, x + width - 1, y + height - 1), colour)
        luminance = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]
        ink = (0, 0, 0) if luminance > 110 else (255, 255, 255)
        self._draw.text((x + 3 - left, y + 2 - top), text, ink, self._font)


def _shortened(text: str, font: Font, width: float) -> str:
    """The text on one line, its end cut off where it is wider; no accents: the font lacks them."""
    letters = unicodedata.normalize("NFKD", text[:500])
    text = " ".join("".join(c for c in letters if not unicodedata.combining(c)).split()) or " "
    if font.getlength(text) <= width:
        return text
    while len(text) > 1 and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _write_title(cell: PILImage.Image, item: Any, hidden: int, font: Font, small: Font) -> None:
    from PIL import ImageDraw

    draw = ImageDraw.Draw(cell)
    n = len(item.annotations)
    right = f"{item.subset} · {n} annotation{'' if n == 1 else 's'}"
    right += f", {hidden} not drawn" if hidden else ""
    right = _shortened(right, small, cell.width * 0.6)
    taken = small.getlength(right)
    draw.text((cell.width - taken, 8), right, _FAINT, small)
    draw.text((0, 5), _shortened(str(item.id), font, cell.width - taken - 10), _INK, font)
