"""Filters of a data set's content. See `Dataset.filter`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from lxml import etree

from datumaro.errors import InvalidFilterError
from datumaro.model.item import DatasetItem
from datumaro.operations.content import HasContent
from datumaro.operations.filtering import columns, item_xml
from datumaro.operations.filtering.elements import Block, blocks
from datumaro.operations.filtering.needs import needs_of
from datumaro.operations.filtering.xpath import EXAMPLE, Expression, Operation, Path, parse
from datumaro.table.chunk import Chunk, Content
from datumaro.table.schema import Array

ANNOTATION_EXAMPLE = '/item/annotation[label="cat" and area > 100]'

# Annotations that are looked at at a time: bounds the memory of temporaries.
_ON_COLUMNS = 1 << 18
_AS_XML = 1 << 14

_parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)


class HasItems(HasContent, Iterable[DatasetItem], Protocol):
    """A data set whose items can be gone through."""


class Filter:
    """An expression, ready to be asked.

    Parameters
    ----------
    text : XPath 1.0 over the XML of an item.
    filter_annotations : it selects annotations, and not items.

    Raises
    ------
    InvalidFilterError
        The expression is wrong; the message shows where.
    """

    def __init__(self, text: str, *, filter_annotations: bool = False) -> None:
        self.text = text
        self.filter_annotations = filter_annotations
        self.expression: Expression = parse(text)
        self._check(self.expression)
        self.needs = needs_of(self.expression)
        try:
            self._compiled = etree.XPath(text)
        except etree.XPathError as error:
            raise self._wrong(error) from error

    def chosen(self, chunk: Chunk, labels: list[str]) -> Array:
        """Which items (with ``filter_annotations``, annotations) of a chunk are chosen, bool [n].

        Raises
        ------
        InvalidFilterError
            The expression cannot be evaluated, or selects something else than annotations.
        """
        try:
            parts = [self._on_columns(block) for block in blocks(chunk, labels, _ON_COLUMNS)]
        except columns.NotOnColumnsError:
            parts = [self._as_xml(block) for block in blocks(chunk, labels, _AS_XML)]
        return np.concatenate(parts) if parts else np.zeros(0, bool)

    def _check(self, expression: Expression) -> None:
        """Refuse what never selects what it should."""
        if isinstance(expression, Operation) and expression.operator == "|":
            for operand in expression.operands:
                self._check(operand)
            return
        first = last = None
        if isinstance(expression, Path) and expression.steps:
            first, last = expression.steps[0], expression.steps[-1]
            if expression.start is None and first.axis == "child" and first.test != "*":
                if expression.absolute and first.test != "item":
                    raise self._wrong(f"there is no /{first.test}, only /item")
                if not expression.absolute and first.test == "item":
                    raise self._wrong("an item has no child <item>: /item is meant")
        if self.filter_annotations and (last is None or last.axis == "child"):
            if last is None:
                raise self._wrong("it selects no elements, and annotations are wanted")
            if last.test not in ("annotation", "*", "node()"):
                raise self._wrong(f"it selects <{last.test}>, and annotations are wanted")

    def _on_columns(self, block: Block) -> Array:
        if self.filter_annotations:
            return columns.chosen_annotations(block, self.expression)
        return columns.chosen_items(block, self.expression)

    def _as_xml(self, block: Block) -> Array:
        found = map(self._evaluated, item_xml.items(block, self.needs))
        if not self.filter_annotations:
            return np.fromiter((bool(result) for _, result in found), bool, block.n_items)
        chosen = np.zeros(block.n_annotations, bool)
        for begin, (item, result) in zip(block.chunk.offsets.tolist(), found, strict=False):
            if result:
                place = {element: i for i, element in enumerate(item.iterchildren("annotation"))}
                for element in result:
                    if element not in place:
                        found = f"<{getattr(element, 'tag', 'text')}>"
                        raise self._wrong(f"it selects {found}, and annotations are wanted")
                    chosen[begin + place[element]] = True
        return chosen

    def _evaluated(self, text: str) -> tuple[etree._Element, Any]:  # pyright: ignore[reportPrivateUsage]
        """(an item's element, the expression's value for it)."""
        item = etree.fromstring(text, _parser)
        try:
            return item, self._compiled(item)
        except etree.XPathError as error:
            raise self._wrong(error) from error

    def _wrong(self, why: object) -> InvalidFilterError:
        example = ANNOTATION_EXAMPLE if self.filter_annotations else EXAMPLE
        return InvalidFilterError(
            f"the filter cannot be used: {why}\n  {self.text[:1000]}\n  an example: {example}"
        )


def filtered(
    dataset: HasItems,
    condition: str | Callable[..., Any],
    *,
    filter_annotations: bool,
    remove_empty: bool,
) -> Content:
    """What meets a condition: see `Dataset.filter`."""
    if isinstance(condition, str):
        content = dataset.content()
        chosen = chosen_by_expression(content, condition, filter_annotations=filter_annotations)
    elif callable(condition):  # pyright: ignore[reportUnnecessaryComparison]
        chosen = chosen_by_function(dataset, condition, filter_annotations=filter_annotations)
        content = dataset.content()  # with what the function has changed
    else:
        raise TypeError(f"a filter of {type(condition).__name__}; expected text or a function")
    return kept(content, chosen, filter_annotations=filter_annotations, remove_empty=remove_empty)


def chosen_by_expression(content: Content, text: str, *, filter_annotations: bool) -> Array:
    """Which items (with ``filter_annotations``, annotations) an expression chooses, bool [n]."""
    asked = Filter(text, filter_annotations=filter_annotations)
    labels = content.label_names
    parts = [asked.chosen(chunk, labels) for chunk in content.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, bool)


def chosen_by_function(
    items: Iterable[DatasetItem], condition: Callable[..., Any], *, filter_annotations: bool
) -> Array:
    """The same, by a function of an item, or of an item and an annotation."""
    if filter_annotations:
        found = [bool(condition(item, each)) for item in items for each in list(item.annotations)]
    else:
        found = [bool(condition(item)) for item in items]
    return np.array(found, bool)


def kept(
    content: Content, chosen: Array, *, filter_annotations: bool, remove_empty: bool
) -> Content:
    """The content without the items, or annotations, that are not chosen.

    Raises
    ------
    RuntimeError
        There are not as many of them as were chosen from.
    """
    chunks: list[Chunk] = []
    begin = 0
    for chunk in content.chunks:
        n = len(chunk.annotations) if filter_annotations else len(chunk)
        flags = chosen[begin : begin + n]
        begin += n
        if len(flags) < n:
            break
        part = _annotations_kept(chunk, flags) if filter_annotations else _items_kept(chunk, flags)
        if filter_annotations and remove_empty:
            part = _items_kept(part, np.diff(part.offsets) > 0)
        chunks.append(part)
    if begin != len(chosen):
        raise RuntimeError("items or annotations were added or removed while they were filtered")
    return Content(chunks, content.categories, content.infos, content.media_type)


def xml(content: Content) -> Iterator[str]:
    """The XML of each item, for people."""
    for chunk in content.chunks:
        for block in blocks(chunk, content.label_names, _AS_XML):
            yield from item_xml.pretty(block)


def _items_kept(chunk: Chunk, kept: Array) -> Chunk:
    return chunk if kept.all() else chunk.take(np.flatnonzero(kept))


def _annotations_kept(chunk: Chunk, kept: Array) -> Chunk:
    if kept.all():
        return chunk
    before = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(kept, out=before[1:])
    rows = chunk.annotations.filter(pa.array(kept))
    return Chunk(chunk.items, rows, before[chunk.offsets], chunk.media)
