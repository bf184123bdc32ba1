"""Filters on columns choose what lxml chooses, whatever is asked and whatever there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from lxml import etree

import datumaro as dm
from datumaro.operations.filtering import columns, item_xml
from datumaro.operations.filtering.elements import Block
from datumaro.operations.filtering.filter import Filter
from datumaro.operations.filtering.needs import EVERYTHING, needs_of
from datumaro.operations.filtering.xpath import parse

LABELS = ["cat", "dog", "a label"]

# --- data -----------------------------------------------------------------------------------------

quarters = st.integers(-40, 400).map(lambda n: n / 4)
names = st.sampled_from(["occluded", "score", "a b", "label", "id", "x", "type", "bbox", "猫", "1"])
values = st.sampled_from([True, False, 1, 0, 2.5, "cat", "", "True", " 3 ", "1e2", "-", None, [1]])
attributes = st.dictionaries(names, values, max_size=3)
common = {
    "id": st.integers(0, 3),
    "group": st.integers(0, 3),
    "attributes": attributes,
}
labelled = {**common, "label": st.none() | st.integers(0, 2)}


def coordinates(fewest: int, most: int) -> st.SearchStrategy[list[float]]:
    pairs = st.lists(st.tuples(quarters, quarters), min_size=fewest, max_size=most)
    return pairs.map(lambda p: [number for pair in p for number in pair])


annotations = st.one_of(
    st.builds(dm.Label, st.integers(0, 2), **common),
    st.builds(dm.Bbox, quarters, quarters, quarters, quarters, **labelled),
    st.builds(dm.Ellipse, quarters, quarters, quarters, quarters, **labelled),
    st.builds(dm.RotatedBbox, quarters, quarters, quarters, quarters, quarters, **labelled),
    st.builds(dm.Polygon, coordinates(3, 5), **labelled),
    st.builds(dm.PolyLine, coordinates(0, 3), **labelled),
    st.builds(
        lambda seen, **more: dm.Points([float(i) for i in range(2 * len(seen))], seen, **more),
        st.lists(st.integers(0, 2), max_size=3),
        **labelled,
    ),
    st.builds(lambda **more: dm.Mask(np.eye(3, dtype=bool), **more), **labelled),
    st.builds(dm.Caption, st.sampled_from(["cat", "a <b> & c", "", "\x01\r\n"]), **common),
    st.builds(
        lambda **more: dm.Cuboid3d([1, 2, 3], [0.5, 0, 0], [1, 1, 1], **more), **labelled
    ),
    st.builds(lambda **more: dm.Cuboid2D([(i, i + 0.5) for i in range(8)], **more), **labelled),
    st.builds(
        lambda **more: dm.Skeleton([dm.Points([1, 2], [2]), dm.Points([3, 4], [0])], **more),
        **labelled,
    ),
    st.builds(lambda **more: dm.Tabular({"x y": 1.5, "label": "cat"}, **more), **common),
    st.builds(lambda **more: dm.HashKey(np.zeros(96, np.uint8), **more), **common),
)  # fmt: skip
media = st.sampled_from(
    [
        None,
        dm.Image.from_file(path="/nowhere/a b.jpg", size=(4, 6)),
        dm.Image.from_file(path="/nowhere/c.jpg"),
        dm.Image.from_numpy(np.zeros((3, 5), np.uint8)),
    ]
)
items = st.builds(
    lambda media, annotations: (media, annotations), media, st.lists(annotations, max_size=4)
)


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    found = [
        dm.DatasetItem(
            f"item-{number}",
            subset=("train", "val")[number % 2],
            media=media,
            annotations=annotations,
        )
        for number, (media, annotations) in enumerate(draw(st.lists(items, max_size=4)))
    ]
    content = dm.Dataset.from_iterable(found, categories=LABELS).content()
    chunks = content.chunks
    return Block(chunks[0], content.label_names) if chunks else empty()


def empty() -> Block:
    from datumaro.table.chunk import empty_chunk

    return Block(empty_chunk(), LABELS)


# --- expressions ----------------------------------------------------------------------------------

literals = ["cat", "dog", "train", "item-0", "True", "bbox", "1", "2.5", "-0.0", "0.0", "", "None"]
numbers = ["0", "1", "2.5", "100", "3", "0.25"]
of_item = ["id", "subset", "image/width", "image/height", "image/path", "image/has_data", "*"]
of_annotation = [
    "id", "type", "group", "label", "label_id", "x", "y", "w", "h", "area", "x1", "cx", "r",
    "caption", "occluded", "score", "a-b", "猫", "_1", "bbox", "bbox/x", "bbox/w", "bbox/area",
    "nothing", "point/x", "point", "position/z", "values/label", "*", ".", "point[1]/x", "..",
    "../id", "/item/subset",
]  # fmt: skip


class Writer:
    """Writes expressions at random."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def one_of(self, choices: list[Any]) -> Any:
        return self.draw(st.sampled_from(choices))

    def path(self, depth: int, annotation: bool) -> str:
        if annotation:
            return self.one_of(of_annotation)
        way = self.one_of(["leaf", "annotation", "in annotation", "some"])
        if way == "leaf":
            return self.one_of(of_item)
        inner = f"[{self.condition(depth - 1, True)}]" if way == "some" and depth else ""
        end = f"/{self.one_of(of_annotation)}" if way != "annotation" else ""
        return f"annotation{inner}{end}"

    def operand(self, depth: int, annotation: bool) -> str:
        way = self.one_of(["path", "text", "number", "count", "negative", "sum"])
        if way == "text":
            return f'"{self.one_of(literals)}"'
        if way == "number":
            return self.one_of(numbers)
        path = self.path(depth, annotation)
        if way == "sum":
            other = self.operand(0, annotation)
            return f"{path} {self.one_of(['+', '-', '*', 'div', 'mod'])} {other}"
        return {"path": path, "count": f"count({path})", "negative": f"-{path}"}[way]

    def condition(self, depth: int, annotation: bool) -> str:
        way = self.one_of(["both", "not", "true", "path", "compare", "text", "search", "odd"])
        if depth and way == "both":
            one, other = (self.condition(depth - 1, annotation) for _ in range(2))
            return f"({one}) {self.one_of(['and', 'or'])} ({other})"
        if depth and way in ("not", "true"):
            inner = self.condition(depth - 1, annotation)
            return f"not({inner})" if way == "not" else f"({inner}) = true()"
        if way == "odd":
            return self.one_of(["true()", "false()", "position() = 2", "last() > 1", "string()"])
        operator = self.one_of(["=", "!=", "<", "<=", ">", ">="])
        if way == "compare":
            return f"{self.operand(depth, annotation)} {operator} {self.operand(depth, annotation)}"
        path = self.path(depth, annotation)
        literal = self.one_of(literals)
        if way == "text":
            return f'{path} {operator} "{literal}"'
        if way == "search":
            return f'{self.one_of(["contains", "starts-with"])}({path}, "{literal}")'
        return path


@st.composite
def item_filters(draw: st.DrawFn) -> str:
    writer = Writer(draw)
    way = writer.one_of(["{}", "/item[{}]", "/item/annotation[{}]", "//annotation[{}]", "//{}"])
    if way == "//{}":
        return way.format(writer.one_of([n for n in of_annotation if n[0] not in "./"]))
    return way.format(writer.condition(2, "annotation" in way))


@st.composite
def annotation_filters(draw: st.DrawFn) -> str:
    writer = Writer(draw)
    one, other = writer.condition(2, True), writer.condition(1, True)
    return writer.one_of(
        [
            f"/item/annotation[{one}]",
            f"//annotation[{one}][{other}]",
            f'/item[subset = "train" or annotation[{other}]]/annotation[{one}]',
            f"/item/annotation[{one}] | /item/annotation[{other}][id]",
            f"/item/annotation/*[{other}]/parent::annotation",
        ]
    )


# --- the same -------------------------------------------------------------------------------------


def by_lxml(block: Block, text: str, needs: Any) -> list[list[int] | bool] | str:
    """What lxml makes of each item: the chosen annotations, or the value's truth."""
    results: list[list[int] | bool] = []
    try:
        compiled = etree.XPath(text)
        for item in map(etree.fromstring, item_xml.items(block, needs)):
            found: Any = compiled(item)
            places = {element: i for i, element in enumerate(item.findall("annotation"))}
            of_annotations = isinstance(found, list) and all(e in places for e in found)
            results.append([places[e] for e in found] if of_annotations else bool(found))
    except etree.XPathError as error:
        return str(error)
    return results


@settings(max_examples=100, deadline=None)
@given(blocks(), item_filters())
def test_items(block: Block, text: str):
    expected = by_lxml(block, text, EVERYTHING)
    assert by_lxml(block, text, needs_of(parse(text))) == expected
    if isinstance(expected, str):  # such as arithmetic with too many nodes
        return
    try:
        chosen = columns.chosen_items(block, parse(text))
    except columns.NotOnColumnsError:
        return
    assert chosen.tolist() == [bool(found) for found in expected]


@settings(max_examples=100, deadline=None)
@given(blocks(), annotation_filters())
def test_annotations(block: Block, text: str):
    expected = by_lxml(block, text, EVERYTHING)
    assert by_lxml(block, text, needs_of(parse(text))) == expected
    asked = Filter(text, filter_annotations=True)
    rows = [
        begin + place
        for begin, found in zip(block.chunk.offsets.tolist(), expected, strict=False)
        for place in (found if isinstance(found, list) else [])
    ]
    assert np.flatnonzero(asked.chosen(block.chunk, LABELS)).tolist() == sorted(rows)


@pytest.mark.parametrize(
    "text",
    [
        '/item[subset="train" and image/width > 300]',
        '/item[id="a" or starts-with(id, "b")]',
        '/item[annotation/label="cat"]',
        '/item[not(annotation/label="cat" or annotation/type="mask")]',
        '/item[count(annotation[label="cat"]) >= 3]',
        "//annotation[area > 100 and area < 200.5]",
        '/item/annotation[label="cat" and not(occluded="True")]',
        '/item[subset="val"]/annotation[w * h > 100][bbox/area > 3 or x mod 2 = 1]',
        '/item/annotation[contains(caption, "cat")] | /item/annotation[group != 0]',
    ],
)
def test_what_filters_mostly_say_is_done_on_columns(text: str):
    columns.chosen_items(empty(), parse(text))
