"""Expressions: what they say, and where they are wrong."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, strategies as st

from datumaro.errors import InvalidFilterError
from datumaro.operations.filtering.needs import needs_of
from datumaro.operations.filtering.xpath import (
    Call,
    Negative,
    Number,
    Operation,
    Path,
    Step,
    Text,
    parse,
)


def child(*names: str) -> Path:
    return Path(tuple(Step("child", name) for name in names))


def test_a_path_with_conditions():
    condition = Operation("=", (child("label"), Text("cat")))
    steps = (Step("child", "item"), Step("child", "annotation", (condition, Number(2.0))))
    assert parse("/item/annotation[label = 'cat'][2]") == Path(steps, absolute=True)


def test_operators_bind_as_they_should():
    assert parse("a or b and c = 1 + 2 * 3") == Operation(
        "or",
        (
            child("a"),
            Operation(
                "and",
                (
                    child("b"),
                    Operation(
                        "=",
                        (
                            child("c"),
                            Operation(
                                "+", (Number(1), Operation("*", (Number(2), Number(3))))
                            ),
                        ),
                    ),
                ),
            ),
        ),
    )  # fmt: skip
    assert parse("1 - 2 - 3") == Operation("-", (Number(1), Number(2), Number(3)))
    assert parse("1 - 2 + 3") == Operation("+", (Operation("-", (Number(1), Number(2))), Number(3)))


def test_words_that_are_operators_only_in_their_place():
    assert parse("div div mod") == Operation("div", (child("div"), child("mod")))
    assert parse("* * *") == Operation("*", (child("*"), child("*")))
    assert parse("a-b") == child("a-b")
    assert parse("a - -b") == Operation("-", (child("a"), Negative(child("b"))))


def test_short_forms():
    assert parse("//x") == Path((Step("descendant-or-self", "node()"), Step("child", "x")), True)
    assert parse("../@x") == Path((Step("parent", "node()"), Step("attribute", "x")))
    assert parse("self::node()") == parse(".")
    assert parse("/") == Path((), True)
    assert parse("count(a | b)") == Call("count", (Operation("|", (child("a"), child("b"))),))
    assert parse("(a)[1]/b") == Path((Step("child", "b"),), False, child("a"), (Number(1),))


@pytest.mark.parametrize(
    ("text", "says", "mark"),
    [
        ("", "empty", 0),
        ("  ", "empty", 0),
        ("/item[", "the end is where the name of an element was expected", 6),
        ("/item[a]]", r"'\]' is where an operator", 8),
        ("/item[a", r"the end is where '\]' to close the condition", 7),
        ("(a", r"the end is where '\)' to close the bracket", 2),
        ("count(a", r"the end is where '\)' to close the call", 7),
        ("a b", "'b' is where an operator, or the end, was expected", 2),
        ("a = ", "the end is where the name", 4),
        ('a = "b', '" is not closed', 4),
        ("a # b", "'#' has no meaning", 2),
        ("a:b", "':' has no meaning", 1),
        ("$a", "no variables", 0),
        ("near::a", "no axis 'near'", 0),
        ("item(1)", r"no function 'item'", 0),
        ("not()", r"not\(\) has 0 arguments; 1 expected", 0),
        ("substring(a, 1, 2, 3)", "4 arguments; 2 to 3 expected", 0),
        ("/item/annotation[label='cat'", "to close the condition", 28),
        ("a\nor b c", "'c' is where", 5),
        ("(" * 100 + "a" + ")" * 100, "too much within one another", 50),
        ("a" + "+1-1" * 100, "too much within one another", 60),
        ("a or " * 300_000 + "b", "characters; at most", None),
    ],
)
def test_what_is_wrong_is_shown_where_it_is(text: str, says: str, mark: int | None):
    with pytest.raises(InvalidFilterError, match=says) as caught:
        parse(text)
    lines = str(caught.value).split("\n")
    if mark is not None:
        assert lines[2].index("^") - 2 == mark
        assert lines[3].startswith("  an example: /item[")


def test_long_lists_of_alternatives():
    found = parse(" or ".join(f'id="{n}"' for n in range(20_000)))
    assert isinstance(found, Operation) and len(found.operands) == 20_000


@given(st.text("()[]/@.*|<>=!-+,:$'\"ab 1or", max_size=20))
def test_any_text_is_an_expression_or_an_error(text: str):
    with contextlib.suppress(InvalidFilterError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('/item[subset="train"]', {"item", "subset"}),
        ("count(annotation[label='a']) > bbox/x", {"annotation", "label", "bbox", "x"}),
        ("/item/annotation/../id", {"item", "annotation", "id"}),
        ("not(annotation) and image", {"annotation", "image"}),
        ("annotation = 'text of all in it'", None),
        ("contains(., 'cat')", None),
        ("annotation/*", None),
        ("annotation/text()", None),
        ("string()", None),
        ("annotation/following-sibling::annotation", None),
        ("(annotation | image) = 1", None),
    ],
)
def test_the_elements_that_an_expression_looks_at(text: str, names: set[str] | None):
    assert needs_of(parse(text)).names == names
