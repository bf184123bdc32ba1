"""Which elements an expression looks at, so that no others are made for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datumaro.operations.filtering.elements import CONTAINERS
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

_DESCEND = Step("descendant-or-self", "node()")
_OF_BOOLEANS = ("and", "or")


@dataclass(frozen=True)
class Needs:
    """Names of elements.

    Attributes
    ----------
    names : None for all.
    anywhere : whether elements are looked for at any depth (``//x``).
    """

    names: frozenset[str] | None
    anywhere: bool = False

    def __contains__(self, name: object) -> bool:
        return self.names is None or name in self.names

    def container(self, name: str, leaves: Iterable[str]) -> bool:
        """Whether an element that has ``leaves`` is needed."""
        if self.names is None or name in self.names:
            return True
        return self.anywhere and not self.names.isdisjoint(leaves)

    def annotations(self) -> bool:
        """Whether any annotations are needed."""
        return self.names is None or self.anywhere or "annotation" in self.names


EVERYTHING = Needs(None)


class _EverythingError(Exception):
    """The expression may look at any element."""


def needs_of(expression: Expression) -> Needs:
    """The elements that an expression looks at."""
    names: set[str] = set()
    try:
        anywhere = _collect(expression, False, names)
    except _EverythingError:
        return EVERYTHING
    return Needs(frozenset(names), anywhere)


def _collect(expression: Expression, as_value: bool, names: set[str]) -> bool:
    """Add the names; True when elements at any depth are meant.

    ``as_value`` says whether the text of nodes counts, and not only that there are some: then that
    of a container is the text of all in it.
    """
    if isinstance(expression, Text | Number):
        return False
    if isinstance(expression, Negative):
        return _collect(expression.operand, True, names)
    if isinstance(expression, Operation):
        value = as_value if expression.operator == "|" else expression.operator not in _OF_BOOLEANS
        return any([_collect(operand, value, names) for operand in expression.operands])
    if isinstance(expression, Call):
        if not expression.arguments and expression.name not in (
            "true", "false", "position", "last",
        ):  # fmt: skip
            raise _EverythingError
        value = expression.name not in ("not", "boolean", "count")
        return any([_collect(argument, value, names) for argument in expression.arguments])
    return _collect_path(expression, as_value, names)


def _collect_path(path: Path, as_value: bool, names: set[str]) -> bool:
    anywhere = False
    if path.start is not None:
        anywhere |= _collect(path.start, as_value and not path.steps, names)
        anywhere |= any([_collect(p, False, names) for p in path.predicates])
    elif not path.steps and as_value:
        raise _EverythingError
    for place, step in enumerate(path.steps):
        is_last = place == len(path.steps) - 1
        if step == _DESCEND and not is_last:
            anywhere = True
        elif step.test == "node()" and step.axis in ("self", "parent"):
            if is_last and as_value:
                raise _EverythingError
        elif step.axis == "child" and not step.test.endswith(("*", "()")):
            if is_last and as_value and step.test in CONTAINERS:
                raise _EverythingError
            names.add(step.test)
        else:
            raise _EverythingError
        anywhere |= any([_collect(p, False, names) for p in step.predicates])
    return anywhere
