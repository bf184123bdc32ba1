"""Items as XML, as far as somebody looks at it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape

from lxml import etree

from datumaro.operations.filtering.elements import (
    AXES_3D,
    BOX_LEAVES,
    IMAGE_LEAVES,
    Block,
)
from datumaro.operations.filtering.needs import EVERYTHING, Needs
from datumaro.operations.filtering.values import Leaf, Words

# what XML cannot hold
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(value: str) -> str:
    """A text as it stands in XML; characters that XML does not have become U+FFFD."""
    return escape(_UNFIT.sub("\ufffd", value)).replace("\r", "&#13;")


def items(block: Block, needs: Needs = EVERYTHING) -> Iterator[str]:
    """The XML of each item of a block."""
    heads = [_leaf(block.item_leaf(name), name, block.n_items, needs) for name in ("id", "subset")]
    if needs.container("image", IMAGE_LEAVES):
        parts = [_leaf(block.image_leaf(name), name, block.n_items, needs) for name in IMAGE_LEAVES]
        joined = _joined(parts, block.n_items)
        image = [""] * block.n_items
        for row in block.images.tolist():
            image[row] = f"<image>{joined[row]}</image>"
        heads.append(image)
    head = _joined(heads, block.n_items)
    if not needs.annotations():
        yield from (f"<item>{text}</item>" for text in head)
        return
    annotations = _annotations(block, needs)
    ends = block.chunk.offsets.tolist()
    for row in range(block.n_items):
        inner = "</annotation><annotation>".join(annotations[ends[row] : ends[row + 1]])
        if ends[row] < ends[row + 1]:
            inner = f"<annotation>{inner}</annotation>"
        yield f"<item>{head[row]}{inner}</item>"


def pretty(block: Block) -> Iterator[str]:
    """The XML of each item of a block, for people."""
    for item in items(block):
        yield etree.tostring(etree.fromstring(item), pretty_print=True, encoding="unicode")


def _annotations(block: Block, needs: Needs) -> list[str]:
    n = block.n_annotations
    parts: list[list[str]] = []

    def leaves(*names: str) -> None:
        for name in names:
            if name in needs:
                parts.extend(_leaf(leaf, name, n, needs) for leaf in block.own_leaves(name))

    leaves("id", "type")
    if needs.names is None or any(map(block.has_attribute, needs.names)):
        codes, found = block.attributes()
        elements = [
            "".join(f"<{name}>{text(value)}</{name}>" for name, value in pairs if name in needs)
            for pairs in found
        ]
        parts.append([elements[code] for code in codes.tolist()])
    leaves("group", "label", "label_id", "x", "y", "cx", "cy", "x1", "y1", "x2", "y2", "w", "h")
    leaves("r", "area", "caption")
    if needs.container("bbox", BOX_LEAVES):
        inner = _joined([_leaf(block.box_leaf(name), name, n, needs) for name in BOX_LEAVES], n)
        boxes = [""] * n
        for row in block.boxes[0].tolist():
            boxes[row] = f"<bbox>{inner[row]}</bbox>"
        parts.append(boxes)
    if needs.container("point", ("x", "y", "visible")):
        parts.append(["".join(_points(block, row)) for row in range(n)])
    parts.append(_others(block, needs))
    return _joined(parts, n)


def _points(block: Block, row: int) -> Iterator[str]:
    for x, y, seen in block.points_of(row):
        visible = f"<visible>{seen}</visible>" if seen else ""
        yield f"<point><x>{x}</x><y>{y}</y>{visible}</point>"


def _others(block: Block, needs: Needs) -> list[str]:
    """The elements of 3D cuboids and tables."""
    found = [""] * block.n_annotations
    if any(needs.container(name, ("x", "y", "z")) for name in AXES_3D):
        for row, numbers in block.cuboids():
            found[row] = "".join(
                f"<{name}><x>{x}</x><y>{y}</y><z>{z}</z></{name}>"
                for name, (x, y, z) in numbers.items()
            )
    if needs.container("values", ()):
        for row, values in block.tables():
            inner = "".join(f"<{name}>{text(value)}</{name}>" for name, value in values)
            found[row] = f"<values>{inner}</values>"
    return found


def _leaf(leaf: Leaf | None, name: str, n: int, needs: Needs) -> list[str]:
    """The elements of a leaf for each of n parents; "" for none."""
    if leaf is None or name not in needs:
        return [""] * n
    values = leaf.values
    if isinstance(values, Words):
        words = [f"<{name}>{text(word)}</{name}>" for word in values.names]
        codes: list[int] = values.codes.tolist()
        made = [words[code] for code in codes]
    else:
        made = [f"<{name}>{number}</{name}>" for number in values.texts()]
    if len(made) == n:
        return made
    found = [""] * n
    for row, element in zip(leaf.owners.tolist(), made, strict=True):
        found[row] = element
    return found


def _joined(parts: list[list[str]], n: int) -> list[str]:
    return list(map("".join, zip(*parts, strict=True))) if parts else [""] * n
