"""Expressions evaluated on columns: what filters mostly say, without XML.

An expression is evaluated for all items, or all annotations, of a block at once. What is not known
here (positions, text of elements that hold others, odd axes and functions) is left to lxml; the
tests compare both.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from datumaro.operations.filtering.elements import Block, spread
from datumaro.operations.filtering.values import Leaf, Numbers, Words, parse_number
from datumaro.operations.filtering.xpath import (
    Call,
    Expression,
    Negative,
    Number,
    Operation,
    Path,
    Step,
    Text,
)
from datumaro.table.schema import Array


class NotOnColumnsError(Exception):
    """The expression needs XML."""


@dataclass(frozen=True)
class Nodes:
    """Nodes for each row of a context, in the document's order.

    Attributes
    ----------
    kind : root, item, image, annotation, bbox or leaf.
    owners : int64 [n], rising: the context's row that each node belongs to.
    rows : int64 [n], the nodes among those of their kind: items for root, item and image,
        annotations for annotation and bbox.
    values : of leaves.
    """

    kind: str
    owners: Array
    rows: Array
    values: Numbers | Words | None = None

    def take(self, wanted: Array) -> Nodes:
        """Some of the nodes."""
        values = None if self.values is None else self.values.take(wanted)
        return Nodes(self.kind, self.owners[wanted], self.rows[wanted], values)


Value = Nodes | str | Array  # arrays: bool or float64, one for each row of the context

_NO_ROWS = np.zeros(0, np.int64)
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_REVERSED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_ARITHMETIC: dict[str, Callable[[Array, Array], Array]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "div": np.divide, "mod": np.fmod,
}  # fmt: skip
_SPACE_OF = {"root": "item", "item": "item", "image": "item"}


def chosen_items(block: Block, expression: Expression) -> Array:
    """For which items the expression is true, bool [n_items].

    Raises
    ------
    NotOnColumnsError
        It is not known here.
    """
    with np.errstate(all="ignore"):
        evaluator = _Evaluator(block, "item")
        return evaluator.boolean(evaluator.value(expression))


def chosen_annotations(block: Block, expression: Expression) -> Array:
    """Which annotations the expression selects, bool [n_annotations]."""
    with np.errstate(all="ignore"):
        found = _Evaluator(block, "item").value(expression)
    if not isinstance(found, Nodes) or found.kind != "annotation":
        raise NotOnColumnsError
    chosen = np.zeros(block.n_annotations, bool)
    chosen[found.rows] = True
    return chosen


class _Evaluator:
    """Values for all nodes of a kind."""

    def __init__(self, block: Block, kind: str) -> None:
        self.block, self.kind = block, kind
        in_items = kind in _SPACE_OF
        self.n = block.n_items if in_items else block.n_annotations

    # --- conversions --------------------------------------------------------------------------

    def boolean(self, value: Value) -> Array:
        """XPath's boolean(), bool [n]."""
        if isinstance(value, str):
            return np.full(self.n, bool(value))
        if isinstance(value, Nodes):
            found = np.zeros(self.n, bool)
            found[value.owners] = True
            return found
        return value if value.dtype == bool else (value != 0) & ~np.isnan(value)

    def number(self, value: Value) -> Array:
        """XPath's number(), float64 [n]."""
        if isinstance(value, str):
            return np.full(self.n, parse_number(value))
        if isinstance(value, Nodes):
            first = self.first(value)
            found = np.full(self.n, np.nan)
            if first.values is not None and len(first.owners):
                found[first.owners] = first.values.numbers()
            return found
        return value.astype(np.float64)

    def first(self, nodes: Nodes) -> Nodes:
        """The first node of each row of the context: what counts as the nodes' text."""
        if nodes.kind != "leaf":
            raise NotOnColumnsError
        return nodes.take(np.unique(nodes.owners, return_index=True)[1])

    # --- expressions --------------------------------------------------------------------------

    def value(self, expression: Expression) -> Value:
        """An expression's value."""
        if isinstance(expression, Text):
            return expression.value
        if isinstance(expression, Number):
            return np.full(self.n, expression.value)
        if isinstance(expression, Negative):
            return -self.number(self.value(expression.operand))
        if isinstance(expression, Call):
            return self.call(expression)
        if isinstance(expression, Operation):
            return self.operation(expression)
        return self.path(expression)

    def operation(self, expression: Operation) -> Value:
        """Operands with an operator between them."""
        name = expression.operator
        values = (self.value(operand) for operand in expression.operands)
        found = next(values)
        for value in values:
            if name == "or":
                found = self.boolean(found) | self.boolean(value)
            elif name == "and":
                found = self.boolean(found) & self.boolean(value)
            elif name == "|":
                found = self.union(found, value)
            elif name in _ARITHMETIC:
                found = _ARITHMETIC[name](self.number(found), self.number(value))
            else:
                found = self.compare(name, found, value)
        return found

    def union(self, left: Value, right: Value) -> Nodes:
        """The nodes of both."""
        if not isinstance(left, Nodes) or not isinstance(right, Nodes) or left.kind != right.kind:
            raise NotOnColumnsError
        if left.kind == "leaf":
            raise NotOnColumnsError
        pairs = np.stack([np.append(left.owners, right.owners), np.append(left.rows, right.rows)])
        owners, rows = np.unique(pairs, axis=1)
        return Nodes(left.kind, owners, rows)

    def compare(self, name: str, left: Value, right: Value) -> Array:
        """A comparison, bool [n]."""
        if isinstance(right, Nodes):
            if isinstance(left, Nodes):
                raise NotOnColumnsError
            left, right, name = right, left, _REVERSED[name]
        if isinstance(left, Nodes) and not (isinstance(right, np.ndarray) and right.dtype == bool):
            return self.compare_nodes(name, left, right)
        if name in _ORDER:
            return _ORDER[name](self.number(left), self.number(right))
        if any(isinstance(side, np.ndarray) and side.dtype == bool for side in (left, right)):
            same = self.boolean(left) == self.boolean(right)
        elif isinstance(left, str) and isinstance(right, str):
            same = np.full(self.n, left == right)
        else:
            a, b = self.number(left), self.number(right)
            return a == b if name == "=" else a != b
        return same if name == "=" else ~same

    def compare_nodes(self, name: str, nodes: Nodes, other: Value) -> Array:
        """Whether any of the nodes compares so with a text or number, bool [n]."""
        if nodes.kind != "leaf":
            raise NotOnColumnsError
        if nodes.values is None:  # there are no such nodes
            return np.zeros(self.n, bool)
        if isinstance(other, str) and name in ("=", "!="):
            holds = nodes.values.equal(other)
            if name == "!=":
                holds = ~holds
        else:
            numbers, wanted = nodes.values.numbers(), self.number(other)[nodes.owners]
            if name in _ORDER:
                holds = _ORDER[name](numbers, wanted)
            else:
                holds = numbers == wanted if name == "=" else numbers != wanted
        return self.boolean(nodes.take(np.flatnonzero(holds)))

    # --- functions ----------------------------------------------------------------------------

    def call(self, call: Call) -> Value:
        """A function's value."""
        name = call.name
        if name in ("true", "false"):
            return np.full(self.n, name == "true")
        arguments = [self.value(argument) for argument in call.arguments]
        if name == "not":
            return ~self.boolean(arguments[0])
        if name == "boolean":
            return self.boolean(arguments[0])
        if name == "number" and arguments:
            return self.number(arguments[0])
        if name == "count" and isinstance(arguments[0], Nodes):
            return np.bincount(arguments[0].owners, minlength=self.n).astype(np.float64)
        if name in ("contains", "starts-with"):
            return self.search(name, *arguments)
        raise NotOnColumnsError

    def search(self, name: str, where: Value, what: Value) -> Array:
        """Whether a text contains another, or starts with it, bool [n]."""
        if not isinstance(where, Nodes) or not isinstance(what, str):
            raise NotOnColumnsError
        first = self.first(where)
        holds = np.full(self.n, not what)  # no node: the text is empty
        if first.values is not None:
            values = first.values
            names = values.names if isinstance(values, Words) else values.texts()
            test = str.__contains__ if name == "contains" else str.startswith
            found = np.array([test(text, what) for text in names] or [False])
            codes = values.codes if isinstance(values, Words) else np.arange(len(names))
            holds[first.owners] = found[codes]
        return holds

    # --- paths --------------------------------------------------------------------------------

    def path(self, path: Path) -> Nodes:
        """The nodes of a path."""
        if path.start is not None:
            raise NotOnColumnsError
        rows = np.arange(self.n)
        nodes = Nodes(self.kind, rows, rows)
        steps = path.steps
        if path.absolute:
            if self.kind not in _SPACE_OF:
                rows = self.block.item_of
            nodes = Nodes("root", nodes.owners, rows)
            steps = _from_root(steps)
        for step in steps:
            nodes = self.step(nodes, step)
        return nodes

    def step(self, nodes: Nodes, step: Step) -> Nodes:
        """The nodes that a step leads to."""
        if step == Step("self", "node()"):
            return nodes
        if step.axis != "child" or step.test == "*" or step.test.endswith("()"):
            raise NotOnColumnsError
        found = self.child(nodes, step.test)
        for predicate in step.predicates:
            if found.kind == "leaf":
                raise NotOnColumnsError
            inner = _Evaluator(self.block, found.kind)
            value = inner.value(predicate)
            if isinstance(value, np.ndarray) and value.dtype != bool:
                raise NotOnColumnsError  # a position
            found = found.take(np.flatnonzero(inner.boolean(value)[found.rows]))
        return found

    def child(self, nodes: Nodes, name: str) -> Nodes:
        """The children of that name."""
        block = self.block
        if nodes.kind == "root":
            return Nodes("item", nodes.owners, nodes.rows) if name == "item" else _none()
        if nodes.kind == "item":
            if name == "annotation":
                return _joined(nodes, name, block.item_of)
            if name == "image":
                return _joined(nodes, name, block.images, block.images)
            return _leaves(nodes, [block.item_leaf(name)])
        if nodes.kind == "image":
            return _leaves(nodes, [block.image_leaf(name)])
        if nodes.kind == "annotation":
            if name in ("point", "position", "rotation", "scale", "values"):
                raise NotOnColumnsError
            leaves = block.annotation_leaves(name)
            if name == "bbox":
                if leaves:
                    raise NotOnColumnsError  # an attribute of that name
                return _joined(nodes, name, block.boxes[0], block.boxes[0])
            return _leaves(nodes, leaves)
        if nodes.kind == "bbox":
            return _leaves(nodes, [block.box_leaf(name)])
        return _none()


def _from_root(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps, with ``//annotation`` and ``//item`` as the paths that they stand for."""
    if len(steps) > 1 and steps[0] == Step("descendant-or-self", "node()"):
        if steps[1].test == "annotation":
            return (Step("child", "item"), *steps[1:])
        if steps[1].test == "item":
            return steps[1:]
    return steps


def _none() -> Nodes:
    return Nodes("leaf", _NO_ROWS, _NO_ROWS)


def _joined(nodes: Nodes, kind: str, parents: Array, rows: Array | None = None) -> Nodes:
    """Children of nodes: child k is ``rows[k]`` (k without them), its parent ``parents[k]``."""
    places, owners = _join(nodes, parents)
    return Nodes(kind, owners, places if rows is None else rows[places])


def _join(nodes: Nodes, parents: Array) -> tuple[Array, Array]:
    """(places in the rising ``parents`` of all nodes' rows, the nodes' owners)."""
    first = np.searchsorted(parents, nodes.rows, "left")
    counts = np.searchsorted(parents, nodes.rows, "right") - first
    return spread(first, counts), np.repeat(nodes.owners, counts)


def _leaves(nodes: Nodes, leaves: list[Leaf | None] | list[Leaf]) -> Nodes:
    """The leaves of nodes; of several for one node, the earlier first."""
    found: list[Nodes] = []
    for leaf in leaves:
        if leaf is not None:
            places, owners = _join(nodes, leaf.owners)
            found.append(Nodes("leaf", owners, places, leaf.values.take(places)))
    if len(found) < 2:
        return found[0] if found else _none()
    values = [part.values for part in found if part.values is not None]
    texts = [text for value in values for text in value.texts()]
    owners = np.concatenate([part.owners for part in found])
    order = np.argsort(owners, kind="stable")
    everything = Nodes("leaf", owners, owners, Words(np.arange(len(texts)), texts))
    return everything.take(order)
