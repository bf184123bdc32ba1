"""Options of formats and transforms: small frozen dataclasses, the only place that declares them.

The command line's flags, their help, and the keyword arguments of Python calls come from them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, TypeVar, cast

from datumaro.errors import InvalidOptionError, UnknownOptionError

T = TypeVar("T")


def option(
    default: Any = dataclasses.MISSING,
    help: str = "",
    *,
    choices: Sequence[str] | None = None,
    parse: Callable[[str], Any] | None = None,
    metavar: str | None = None,
    short: str | None = None,
    flag: str | None = None,
    many: bool = False,
    secret: bool = False,
) -> Any:
    """Declare a field of an options dataclass.

    Parameters
    ----------
    default : its value when not given; without one it must be given. A False makes a flag
        (``--save-media``), a True a flag that takes a word (``--allow-attributes no``).
    help : one sentence for the command line's help and the documentation.
    choices : the words allowed.
    parse : makes the value of the command line's word (default: by the type of ``default``). Its
        ValueError is shown.
    short : a short flag, with its dash.
    flag : the long flag, when it is not the field's name (``--label``).
    many : the flag may be repeated, and the value is a tuple.
    secret : the text of the options does not show its value, and an export has no flag for it.
    """
    metadata = {
        "help": help,
        "choices": choices,
        "parse": parse,
        "metavar": metavar,
        "short": short,
        "flag": flag,
        "many": many,
        "secret": secret,
    }
    return dataclasses.field(default=default, metadata=metadata, repr=not secret)


def make_options(kind: type[T], given: Mapping[str, Any], owner: str) -> T:
    """Build an options object from keywords.

    Parameters
    ----------
    owner : whose options they are, for messages.

    Raises
    ------
    UnknownOptionError
        There is no option of a name (the message lists those there are), or its value is none of
        its choices.
    InvalidOptionError
        One that must be given is not.
    """
    known = {f.name: f for f in dataclasses.fields(cast(Any, kind))}
    for name, value in given.items():
        if name not in known:
            options = f"known options: {', '.join(sorted(known))}" if known else "it has none"
            raise UnknownOptionError(f"{owner} has no option {name!r}; {options}")
        choices = known[name].metadata.get("choices")
        if choices and value is not None and value not in choices:
            raise UnknownOptionError(
                f"{owner}: option {name!r} is {value!r}; expected one of {', '.join(choices)}"
            )
    for name, field in known.items():
        if is_required(field) and name not in given:
            raise InvalidOptionError(
                f"{owner}: the option {name!r} is not given: {field.metadata.get('help', '')}"
            )
    return kind(**given)


_KINDS: dict[str, tuple[type, str]] = {
    "bool": (bool, "true or false"),
    "int": (Integral, "a whole number"),
    "float": (Real, "a number"),
    "str": (str, "a text"),
    "None": (type(None), "nothing"),
}


def check_kinds(kind: type[Any], given: Mapping[str, Any], owner: str) -> None:
    """See that options that are texts, numbers or truths are given such.

    Raises
    ------
    InvalidOptionError
        One is given something else.
    """
    for field in dataclasses.fields(kind):
        declared = getattr(field.type, "__name__", None) or str(field.type)
        words = [word.strip() for word in declared.split("|")]
        if field.name not in given or not set(words) <= _KINDS.keys():
            continue
        value = given[field.name]
        if not any(
            isinstance(value, _KINDS[word][0]) and (word == "bool" or not isinstance(value, bool))
            for word in words
        ):
            expected = " or ".join(_KINDS[word][1] for word in words)
            raise InvalidOptionError(
                f"{owner}: option {field.name!r} is {value!r}; expected {expected}"
            )


def is_required(field: dataclasses.Field[Any]) -> bool:
    """Whether an option has no default."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
