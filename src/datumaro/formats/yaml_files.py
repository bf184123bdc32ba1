"""Parsing YAML files that nobody vouches for.

PyYAML does it, though the configuration of projects needs ruamel.yaml, which keeps comments. That
one is Python alone, 17 times as slow: 20,000 names of classes take 10 s, and here 0.6 s; a hostile
file of the 16 MB that are read, minutes. And what is written here is read by programs with YAML
1.1, whose words (``no``, ``on``) PyYAML quotes; ruamel.yaml does so only below ``%YAML 1.1``.
"""

from __future__ import annotations

from typing import Any, cast

import yaml

from datumaro.errors import MalformedFileError

_MAX_DEPTH = 32

# Base: every scalar is a str, as written, so that a name "no" is not False. C where there is it.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def parse_yaml(data: bytes, path: object) -> dict[str, Any]:
    """A file's content: a mapping of str to str, lists and mappings; no other kinds are made.

    The caller limits the length of ``data``.

    Raises
    ------
    MalformedFileError
        It is no YAML, or no mapping, has aliases (a few can stand for billions of values), or is
        nested too deeply; the message names ``path`` and the line.
    """
    try:
        depth = 0
        # asked before values are made: that is done by recursion
        for event in yaml.parse(data, _Loader):
            if isinstance(event, yaml.AliasEvent):
                raise MalformedFileError(
                    path, _line(event.start_mark), "an alias", "none: they are not resolved"
                )
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _MAX_DEPTH:
                    raise MalformedFileError(
                        path, _line(event.start_mark), f"more than {_MAX_DEPTH} levels", "fewer"
                    )
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
        value: Any = yaml.load(data, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        found = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        raise MalformedFileError(path, _line(mark), str(found), "YAML") from None
    except UnicodeError:
        raise MalformedFileError(path, "", "not UTF-8", "YAML") from None
    if not isinstance(value, dict):
        raise MalformedFileError(path, "", repr(value)[:80], "a mapping, such as 'names: [cat]'")
    return cast("dict[str, Any]", value)


def print_yaml(value: dict[str, Any]) -> str:
    """The text of a mapping, in its order. Strings that would be read as something else are quoted.

    Innermost lists and mappings are written on a line each only where they are of strings.
    """
    text: str = yaml.dump(  # pyright: ignore[reportUnknownMemberType]
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 20
    )
    return text


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}" if mark is not None else ""
