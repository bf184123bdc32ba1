"""`Dataset.filter`, and the XML that it asks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from lxml import etree

import datumaro as dm
from datumaro.errors import InvalidFilterError
from datumaro.operations.filtering.filter import xml


def dataset() -> dm.Dataset:
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                "a",
                subset="train",
                media=dm.Image.from_file(path="a.jpg", size=(4, 6)),
                annotations=[dm.Label(0, id=1), dm.Bbox(1, 2, 3, 4, label=1, id=2)],
            ),
            dm.DatasetItem("b", subset="train"),
            dm.DatasetItem("c", subset="val", annotations=[dm.Label(1, id=3)]),
        ],
        categories=["cat", "dog"],
    )


def ids(dataset: dm.Dataset) -> dict[str, list[int]]:
    return {item.id: [a.id for a in item.annotations] for item in dataset}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('/item[subset="train"]', ["a", "b"]),
        ('subset="train"', ["a", "b"]),
        ('/item/annotation[label="dog"]', ["a", "c"]),
        ("//annotation[w > 2]", ["a"]),
        ("/item[annotation/w > 2 or image]", ["a"]),
        ("count(annotation)", ["a", "c"]),
        ("string-length(id) = 1", ["a", "b", "c"]),
        ("annotation[2]", ["a"]),
        ('""', []),
    ],
)
def test_items(text: str, kept: list[str]):
    filtered = dataset()
    assert filtered.filter(text) is filtered
    assert list(ids(filtered)) == kept
    assert ids(filtered) == {k: v for k, v in ids(dataset()).items() if k in kept}


def test_annotations():
    text = '/item/annotation[label="dog"]'
    assert ids(dataset().filter(text, filter_annotations=True)) == {"a": [2], "b": [], "c": [3]}
    filtered = dataset().filter(text, filter_annotations=True, remove_empty=True)
    assert ids(filtered) == {"a": [2], "c": [3]}
    text = "/item/annotation[position() = last()]"
    assert ids(dataset().filter(text, filter_annotations=True)) == {"a": [2], "b": [], "c": [3]}


def test_functions():
    assert ids(dataset().filter(lambda item: item.id == "b")) == {"b": []}
    filtered = dataset().filter(
        lambda item, annotation: item.subset == "train" and annotation.label == 1,
        filter_annotations=True,
    )
    assert ids(filtered) == {"a": [2], "b": [], "c": []}


def test_what_a_function_changes_stays():
    def marked(item: dm.DatasetItem, annotation: dm.Annotation) -> bool:
        annotation.attributes["seen"] = True
        return annotation.id > 1

    filtered = dataset().filter(marked, filter_annotations=True)
    assert [a.attributes for item in filtered for a in item.annotations] == [{"seen": True}] * 2


def test_changes_count():
    changed = dataset()
    changed[1].subset = "val"
    changed.put(dm.DatasetItem("d", subset="val"))
    changed.remove("c", "val")
    assert list(ids(changed.filter('/item[subset="val"]'))) == ["b", "d"]
    assert changed.get("d", "val") is not None and changed.get("a", "train") is None
    assert len(changed) == 2


def test_a_function_must_not_add_items():
    grown = dataset()

    def adding(item: dm.DatasetItem) -> bool:
        grown.put(dm.DatasetItem(f"{item.id}-more"))
        return True

    with pytest.raises(RuntimeError, match="added or removed"):
        grown.filter(adding)


@pytest.mark.parametrize(
    ("text", "annotations", "says"),
    [
        ("/item[", False, "no XPath"),
        ('count("x")', False, "cannot be used: Invalid type"),
        ("/annotation", False, "there is no /annotation, only /item"),
        ('item[id="a"]', False, "/item is meant"),
        ("/item", True, "it selects <item>, and annotations are wanted"),
        ("/item/annotation/label", True, "it selects <label>, and annotations are wanted"),
        ("/item/annotation[label]/..", True, "it selects <item>, and annotations are wanted"),
        ("/item/annotation | /item/id", True, "it selects <id>"),
        ("count(annotation) = 2", True, "it selects no elements"),
    ],
)
def test_wrong_filters(text: str, annotations: bool, says: str):
    unchanged = dataset()
    with pytest.raises(InvalidFilterError, match=says) as caught:
        unchanged.filter(text, filter_annotations=annotations)
    assert "an example: /item" in str(caught.value)
    assert ids(unchanged) == ids(dataset())


def test_something_else_than_a_filter():
    with pytest.raises(TypeError, match="a filter of int"):
        dataset().filter(7)


def test_an_empty_data_set():
    empty = dm.Dataset.from_iterable([], categories=["cat"])
    assert len(empty.filter("/item[id]")) == 0
    assert len(empty.filter("/item/annotation", filter_annotations=True)) == 0


# --- XML ----------------------------------------------------------------------------------------


def test_the_xml_of_an_item():
    first, second, _ = xml(dataset().content())
    assert first == (
        "<item>\n"
        "  <id>a</id>\n"
        "  <subset>train</subset>\n"
        "  <image>\n"
        "    <height>4</height>\n"
        "    <width>6</width>\n"
        "    <has_data>0</has_data>\n"
        "    <path>a.jpg</path>\n"
        "  </image>\n"
        "  <annotation>\n"
        "    <id>1</id>\n"
        "    <type>label</type>\n"
        "    <group>0</group>\n"
        "    <label>cat</label>\n"
        "    <label_id>0</label_id>\n"
        "  </annotation>\n"
        "  <annotation>\n"
        "    <id>2</id>\n"
        "    <type>bbox</type>\n"
        "    <group>0</group>\n"
        "    <label>dog</label>\n"
        "    <label_id>1</label_id>\n"
        "    <x>1.0</x>\n"
        "    <y>2.0</y>\n"
        "    <w>3.0</w>\n"
        "    <h>4.0</h>\n"
        "    <area>12.0</area>\n"
        "  </annotation>\n"
        "</item>\n"
    )
    assert second == "<item>\n  <id>b</id>\n  <subset>train</subset>\n</item>\n"


def one(annotation: dm.Annotation, categories: list[str] | None = None) -> etree._Element:
    item = dm.DatasetItem("a", annotations=[annotation])
    (text,) = xml(dm.Dataset.from_iterable([item], categories=categories or ["cat"]).content())
    found = etree.fromstring(text).find("annotation")
    assert found is not None
    return found


def texts(annotation: dm.Annotation) -> dict[str, str | None]:
    return {e.tag: e.text for e in one(annotation) if e.tag not in ("id", "type", "group")}


def test_attributes_whose_names_no_element_can_have():
    attributes = {"a b": 1, "1": 2, "12x": 3, "ns:a": 4, "": 5, "é": 6, "-a": 7, "x²": 8}
    found = one(dm.Label(0, attributes=attributes))
    names = [element.tag for element in found][2:-3]
    assert names == ["a-b", "_1", "_12x", "ns-a", "_", "é", "_-a", "x-"]


def test_values_of_attributes():
    attributes = {"a": True, "b": 1.5, "c": None, "d": [1, "x"], "e": "<&>", "f": "\x00\x1f\r"}
    assert texts(dm.Label(0, attributes=attributes)) == {
        "a": "True", "b": "1.5", "c": "None", "d": "[1, 'x']", "e": "<&>", "f": "\ufffd\ufffd\r",
        "label": "cat", "label_id": "0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (
            dm.Polygon([0, 0, 4, 0, 4, 3]),
            "<bbox><x>0.0</x><y>0.0</y><w>4.0</w><h>3.0</h><area>12.0</area></bbox>"
            "<point><x>0.0</x><y>0.0</y></point><point><x>4.0</x><y>0.0</y></point>"
            "<point><x>4.0</x><y>3.0</y></point>",
        ),
        (
            dm.Points([1, 2, 3, 4.5], [0, 2]),
            "<bbox><x>3.0</x><y>4.5</y><w>0.0</w><h>0.0</h><area>0.0</area></bbox>"
            "<point><x>1.0</x><y>2.0</y><visible>absent</visible></point>"
            "<point><x>3.0</x><y>4.5</y><visible>visible</visible></point>",
        ),
        (dm.PolyLine([]), "<bbox><x>0.0</x><y>0.0</y><w>0.0</w><h>0.0</h><area>0.0</area></bbox>"),
        (
            dm.Ellipse(0, 0, 4, 3),
            "<x1>0.0</x1><y1>0.0</y1><x2>4.0</x2><y2>3.0</y2><area>9.42477796076938</area>",
        ),
        (dm.Mask(np.eye(2, dtype=bool)), ""),
        (
            dm.RotatedBbox(1, 2, 3, 4, 30),
            "<cx>1.0</cx><cy>2.0</cy><w>3.0</w><h>4.0</h><r>30.0</r><area>12.0</area>",
        ),
        (
            dm.Cuboid3d([1, 2, 3], [0.1, 0, 0], [1, 1, 2]),
            "<position><x>1.0</x><y>2.0</y><z>3.0</z></position>"
            "<rotation><x>0.1</x><y>0.0</y><z>0.0</z></rotation>"
            "<scale><x>1.0</x><y>1.0</y><z>2.0</z></scale>",
        ),
        (
            dm.Skeleton([dm.Points([1, 2], [2]), dm.Points([3, 4], [1])]),
            "<bbox><x>1.0</x><y>2.0</y><w>2.0</w><h>2.0</h><area>4.0</area></bbox>"
            "<point><x>1.0</x><y>2.0</y><visible>visible</visible></point>"
            "<point><x>3.0</x><y>4.0</y><visible>hidden</visible></point>",
        ),
    ],
)
def test_shapes(annotation: dm.Annotation, expected: str):
    found = one(annotation)
    label = found.find("label_id")
    assert label is not None and label.text == "None"
    inner = "".join(
        etree.tostring(element, encoding="unicode").strip()
        for element in found
        if element.tag not in ("id", "type", "group", "label", "label_id")
    )
    assert inner.replace("\n", "").replace("  ", "") == expected


def test_kinds_without_a_label():
    assert texts(dm.Caption("a <b>")) == {"caption": "a <b>"}
    assert texts(dm.HashKey(np.zeros(96, np.uint8))) == {}
    table = one(dm.Tabular({"a b": 1.5, "c": "x"}))
    values = table.find("values")
    assert values is not None
    assert {e.tag: e.text for e in values} == {"a-b": "1.5", "c": "x"}


def test_images(tmp_path):
    dm.Image.from_numpy(np.zeros((4, 6, 3), np.uint8)).save(str(tmp_path / "a.png"))
    media = [
        dm.Image.from_file(path=str(tmp_path / "a.png")),
        dm.Image.from_file(path=str(tmp_path / "missing.png")),
        dm.Image.from_numpy(np.zeros((2, 3), np.uint8)),
    ]
    items = [dm.DatasetItem(str(i), media=m) for i, m in enumerate(media)]
    found = [etree.fromstring(t) for t in xml(dm.Dataset.from_iterable(items).content())]
    names = ("height", "width", "has_data", "path")
    assert [[item.findtext(f"image/{name}") for name in names] for item in found] == [
        ["4", "6", "1", str(tmp_path / "a.png")],
        ["unknown", "unknown", "0", str(tmp_path / "missing.png")],
        ["2", "3", "1", None],
    ]


def test_the_expressions_in_the_documentation():
    page = Path(__file__).parents[3] / "docs" / "filter.md"
    expressions = re.findall(
        r"""^    (/item\S.*)$|filter\('(.*?)'|-e '(.*?)'""", page.read_text(), re.M
    )
    found = [one or other or third for one, other, third in expressions]
    assert len(found) > 10
    for text in found:
        of_annotations = text.startswith("/item/annotation") or "]/annotation" in text
        dataset().filter(text, filter_annotations=of_annotations)
