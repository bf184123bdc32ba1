"""XPath 1.0 expressions as trees: read to show where one is wrong, and to see what it looks at.

The grammar is that of https://www.w3.org/TR/1999/REC-xpath-19991116, without variables, which no
filter has. Evaluating whatever a tree says is left to lxml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from datumaro.errors import InvalidFilterError

EXAMPLE = """/item[subset="train" and annotation/label="cat"]"""


@dataclass(frozen=True)
class Text:
    """A literal."""

    value: str


@dataclass(frozen=True)
class Number:
    """A number."""

    value: float


@dataclass(frozen=True)
class Call:
    """A function's call."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Operation:
    """Two operands or more, from left to right.

    ``operator`` is or, and, =, !=, <, <=, >, >=, +, -, *, div, mod or |.
    """

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class Negative:
    """A number with the other sign."""

    operand: Expression


@dataclass(frozen=True)
class Step:
    """A step of a path: ``axis::test[predicate]…``.

    ``test`` is a name, ``*``, or a kind with its parentheses such as ``node()``.
    """

    axis: str
    test: str
    predicates: tuple[Expression, ...] = ()


@dataclass(frozen=True)
class Path:
    """Nodes.

    Attributes
    ----------
    steps : one after another.
    absolute : whether they begin at the root.
    start : what they begin at, when that is another expression.
    predicates : of ``start``.
    """

    steps: tuple[Step, ...]
    absolute: bool = False
    start: Expression | None = None
    predicates: tuple[Expression, ...] = field(default=())


Expression = Text | Number | Call | Operation | Negative | Path

AXES = frozenset(
    (
        "ancestor", "ancestor-or-self", "attribute", "child", "descendant", "descendant-or-self",
        "following", "following-sibling", "namespace", "parent", "preceding", "preceding-sibling",
        "self",
    )
)  # fmt: skip

# {function: the fewest and the most arguments}
FUNCTIONS = {
    "boolean": (1, 1), "ceiling": (1, 1), "concat": (2, 999), "contains": (2, 2), "count": (1, 1),
    "false": (0, 0), "floor": (1, 1), "id": (1, 1), "lang": (1, 1), "last": (0, 0),
    "local-name": (0, 1), "name": (0, 1), "namespace-uri": (0, 1), "normalize-space": (0, 1),
    "not": (1, 1), "number": (0, 1), "position": (0, 0), "round": (1, 1), "starts-with": (2, 2),
    "string": (0, 1), "string-length": (0, 1), "substring": (2, 3), "substring-after": (2, 2),
    "substring-before": (2, 2), "sum": (1, 1), "translate": (3, 3), "true": (0, 0),
}  # fmt: skip

NODE_TYPES = frozenset(("comment", "node", "processing-instruction", "text"))
_WORDS = frozenset(("and", "or", "div", "mod"))
_LEVELS = (("or",), ("and",), ("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "div", "mod"))

_MAX_LENGTH = 1 << 20
_MAX_DEPTH = 50

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"[^"]*"|'[^']*')
    | (?P<number>\d+(?:\.\d*)?|\.\d+)
    | (?P<symbol>\.\.|::|//|!=|<=|>=|[()\[\]@,./|+\-=<>*$])
    | (?P<name>[^\W\d][\w.\-]*)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(text: str) -> Expression:
    """Read an expression.

    Raises
    ------
    InvalidFilterError
        It is none; the message shows the place, and an example.
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > _MAX_LENGTH:
            raise InvalidFilterError(f"a filter of {len(text)} characters; at most {_MAX_LENGTH}")
        if not text.strip():
            raise self.error(0, "it is empty")
        self.tokens = list(self.scan())
        self.place = 0
        self.depth = 0

    def error(self, at: int, what: str) -> InvalidFilterError:
        """What is wrong, with the line and a mark below the place."""
        begin = self.text.rfind("\n", 0, at) + 1
        end = self.text.find("\n", at)
        line = self.text[begin : end if end >= 0 else len(self.text)].replace("\t", " ")
        first = max(0, at - begin - 60)
        mark = " " * (at - begin - first) + "^"
        return InvalidFilterError(
            f"the filter is no XPath: {what}\n  {line[first : first + 100]}\n  {mark}\n"
            f"  an example: {EXAMPLE}"
        )

    def scan(self) -> Iterator[_Token]:
        """The tokens, and one of the kind "end"."""
        at, end = 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                at = at + len(self.text[at:]) - len(self.text[at:].lstrip())
                found = self.text[at]
                what = f"{found} is not closed" if found in "\"'" else f"{found!r} has no meaning"
                raise self.error(at, what)
            kind = match.lastgroup or ""
            yield _Token(kind, match[kind], match.start(kind))
            at = match.end()
        yield _Token("end", "", len(self.text))

    # --- tokens -------------------------------------------------------------------------------

    @property
    def token(self) -> _Token:
        """The token that is next."""
        return self.tokens[self.place]

    def follows(self, *symbols: str) -> bool:
        """Whether one of the symbols is next."""
        return self.token.kind == "symbol" and self.token.text in symbols

    def take(self, *symbols: str) -> bool:
        """Go on if one of the symbols is next."""
        found = self.follows(*symbols)
        self.place += found
        return found

    def need(self, symbol: str, why: str) -> None:
        """Go on behind a symbol that must be next."""
        if not self.take(symbol):
            raise self.unexpected(f"{symbol!r} {why}")

    def unexpected(self, wanted: str) -> InvalidFilterError:
        """The next token is another than is wanted."""
        found = f"{self.token.text!r} is" if self.token.text else "the end is"
        return self.error(self.token.at, f"{found} where {wanted} was expected")

    def symbol_after(self) -> str:
        """The symbol behind the next token; "" for none."""
        after = self.tokens[min(self.place + 1, len(self.tokens) - 1)]
        return after.text if after.kind == "symbol" else ""

    # --- expressions --------------------------------------------------------------------------

    def whole(self) -> Expression:
        """The expression, which nothing may follow."""
        found = self.expression()
        if self.token.kind != "end":
            raise self.unexpected("an operator, or the end,")
        return found

    def expression(self, level: int = 0) -> Expression:
        """Operands with the operators of a level and those that bind closer."""
        if level == 0:
            self.deepen()
        if level == len(_LEVELS):
            return self.unary()
        found = self.expression(level + 1)
        begun = self.depth
        while self.is_operator(level):
            operator = self.token.text
            operands = [found]
            while self.is_operator(level) and self.token.text == operator:
                self.place += 1
                operands.append(self.expression(level + 1))
            found = Operation(operator, tuple(operands))
            self.deepen()
        self.depth = begun
        if level == 0:
            self.depth -= 1
        return found

    def is_operator(self, level: int) -> bool:
        """Whether an operator of that level is next."""
        token = self.token
        return token.text in _LEVELS[level] and (token.kind == "symbol" or token.text in _WORDS)

    def deepen(self) -> None:
        """Count a level of the tree."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error(self.token.at, "there is too much within one another")

    def unary(self) -> Expression:
        """A union of paths, perhaps with signs before it."""
        signs = 0
        while self.take("-"):
            signs += 1
        paths = [self.path()]
        while self.take("|"):
            paths.append(self.path())
        found = Operation("|", tuple(paths)) if len(paths) > 1 else paths[0]
        for _ in range(min(signs, 2 - signs % 2)):
            found = Negative(found)
        return found

    def path(self) -> Expression:
        """A path, or what may begin one: a literal, a number, a call, an expression in brackets."""
        start = self.primary()
        if start is None:
            return self.location()
        predicates = self.predicates()
        steps: list[Step] = []
        while self.follows("/", "//"):
            steps += self.separator()
            steps.append(self.step())
        return Path(tuple(steps), False, start, predicates) if steps or predicates else start

    def primary(self) -> Expression | None:
        """What may begin a path; None when it begins with a step."""
        token = self.token
        if token.kind == "text":
            self.place += 1
            return Text(token.text[1:-1])
        if token.kind == "number":
            self.place += 1
            return Number(float(token.text))
        if self.follows("$"):
            raise self.error(token.at, "a filter has no variables")
        if self.take("("):
            found = self.expression()
            self.need(")", "to close the bracket")
            return found
        is_call = token.kind == "name" and self.symbol_after() == "("
        if is_call and token.text not in NODE_TYPES:
            return self.call()
        return None

    def call(self) -> Call:
        """A function's call."""
        token = self.token
        if token.text not in FUNCTIONS:
            raise self.error(
                token.at,
                f"there is no function {token.text!r}; there are {', '.join(FUNCTIONS)}",
            )
        self.place += 2
        arguments: list[Expression] = []
        if not self.follows(")"):
            arguments.append(self.expression())
            while self.take(","):
                arguments.append(self.expression())
        self.need(")", "to close the call")
        fewest, most = FUNCTIONS[token.text]
        if not fewest <= len(arguments) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise self.error(
                token.at, f"{token.text}() has {len(arguments)} arguments; {wanted} expected"
            )
        return Call(token.text, tuple(arguments))

    # --- paths --------------------------------------------------------------------------------

    def location(self) -> Path:
        """A path of steps."""
        steps: list[Step] = []
        absolute = self.follows("/", "//")
        if absolute:
            steps += self.separator()
            if not steps and not self.begins_step():
                return Path((), True)  # the root
        steps.append(self.step())
        while self.follows("/", "//"):
            steps += self.separator()
            steps.append(self.step())
        return Path(tuple(steps), absolute)

    def separator(self) -> list[Step]:
        """``/``, or ``//``, which stands for a step of its own."""
        if self.take("//"):
            return [Step("descendant-or-self", "node()")]
        self.place += 1
        return []

    def begins_step(self) -> bool:
        """Whether a step is next."""
        return self.token.kind == "name" or self.follows(".", "..", "@", "*")

    def step(self) -> Step:
        """One step with its predicates."""
        if self.take(".."):
            return Step("parent", "node()")
        if self.take("."):
            return Step("self", "node()")
        axis = "child"
        if self.take("@"):
            axis = "attribute"
        elif self.token.kind == "name" and self.symbol_after() == "::":
            axis = self.token.text
            if axis not in AXES:
                raise self.error(self.token.at, f"there is no axis {axis!r}")
            self.place += 2
        token = self.token
        if self.take("*"):
            test = "*"
        elif token.kind == "name":
            self.place += 1
            test = token.text
            if test in NODE_TYPES and self.take("("):
                self.need(")", "to close the test")
                test += "()"
        else:
            raise self.unexpected("the name of an element")
        return Step(axis, test, self.predicates())

    def predicates(self) -> tuple[Expression, ...]:
        """Conditions in brackets."""
        found: list[Expression] = []
        while self.take("["):
            found.append(self.expression())
            self.need("]", "to close the condition")
        return tuple(found)
