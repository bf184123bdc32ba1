"""Flags from declared options: one source for help, names and types (`datumaro.options`)."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from datumaro.cli.arguments import HelpFormatter, Parser, boolean, key_options
from datumaro.cli.errors import CliError
from datumaro.errors import UnknownOptionError
from datumaro.formats import registry
from datumaro.formats.base import Format, ReadOptions, WriteOptions
from datumaro.options import is_required

Options = type[ReadOptions] | type[WriteOptions]


def parse_words(
    options: type[Any], words: Sequence[str], prog: str, description: str
) -> dict[str, Any]:
    """The options given in ``words``, by name; those not given are left out.

    Wrong words end the program as argparse does it: exit code 2, or 0 for ``-h``.

    Parameters
    ----------
    options : a dataclass of `datumaro.options.option` fields. Secret ones have no flag: others
        would see them in the list of processes.
    """
    parser = Parser(
        prog=prog,
        description=description,
        formatter_class=HelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    for field in dataclasses.fields(options):
        if not field.metadata.get("secret"):
            _add_flag(parser, field)
    found: dict[str, Any] = vars(parser.parse_args(list(words)))
    many = {f.name for f in dataclasses.fields(options) if f.metadata.get("many")}
    return {name: tuple(value) if name in many else value for name, value in found.items()}


def import_parser(kind: Format, prog: str) -> argparse.ArgumentParser:
    """A parser of the flags that follow ``--`` when ``kind`` is read."""
    parser = Parser(
        prog=f"{prog} -f {kind.name} ... --",
        description=f"Options of the import format {kind.name}: {kind.title}",
        formatter_class=HelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    for field in dataclasses.fields(kind.read_options):
        _add_flag(parser, field)
    return parser


def add_access_options(options: dict[str, Any], kind: Format, args: argparse.Namespace) -> None:
    """Add to an import's options what the flags of external media and of keys were given.

    Raises
    ------
    CliError
        A key was given for a format that is never encrypted.
    """
    if args.allow_external_media:
        options["allow_external_media"] = True
    known = {field.name for field in dataclasses.fields(kind.read_options)}
    for name, value in key_options(args).items():
        if name not in known:
            flag = "--" + name.replace("_", "-")
            raise CliError(f"data sets of format {kind.name} are never encrypted; leave out {flag}")
        options[name] = value


def writing_format(name: str) -> Format:
    """The format of that name, which writes.

    Raises
    ------
    CliError
        It is only read.
    """
    kind = registry.get(name)
    if not kind.writes:
        raise CliError(
            f"format {kind.name!r} can be read but not written; `datum format -le` lists"
        )
    return kind


def parse_export_options(kind: Format, words: Sequence[str], prog: str) -> dict[str, Any]:
    """The options of an export given in ``words``; see `parse_words`."""
    return parse_words(
        kind.write_options,
        words,
        f"{prog} -f {kind.name} ... --",
        f"Options of the export format {kind.name}: {kind.title}",
    )


def parse_import_options(kind: Format, pairs: Sequence[str]) -> dict[str, Any]:
    """The options given as ``NAME=VALUE``, by name.

    Raises
    ------
    CliError
        A pair is none, or its value cannot be understood.
    UnknownOptionError
        The format has no option of that name; the message lists those it has.
    """
    fields = {f.name: f for f in dataclasses.fields(kind.read_options)}
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise CliError(f"--import-option {pair!r}: expected NAME=VALUE")
        if name not in fields:
            raise UnknownOptionError(
                f"{kind.name} has no import option {name!r}; it has: {', '.join(sorted(fields))}"
            )
        options[name] = _value(fields[name], text)
    return options


def describe(options: Options) -> list[tuple[str, str, str]]:
    """(name, default, help) of each option that a command line may set, for lists."""
    return [
        (f.name, _default_text(f), str(f.metadata.get("help", "")))
        for f in dataclasses.fields(options)
        if issubclass(options, ReadOptions) or not f.metadata.get("secret")
    ]


def _default_text(field: dataclasses.Field[Any]) -> str:
    default = field.default
    if isinstance(default, bool):
        return "yes" if default else "no"
    if default is dataclasses.MISSING or default in (None, ()):
        return ""
    return str(default)


def _parse(field: dataclasses.Field[Any]) -> Callable[[str], Any]:
    """What makes the option's value of a word."""
    given = field.metadata.get("parse")
    if given is not None:
        return _explained(given)
    for kind, parse in ((bool, boolean), (int, int), (float, float)):
        if isinstance(field.default, kind):
            return parse
    return str


def _explained(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """The same with errors that argparse shows."""

    def explained(word: str) -> Any:
        try:
            return parse(word)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return explained


def _value(field: dataclasses.Field[Any], text: str) -> Any:
    try:
        value = _parse(field)(text)
    except (argparse.ArgumentTypeError, ValueError) as error:
        raise CliError(f"--import-option {field.name}: {error}") from error
    choices = field.metadata.get("choices")
    if choices and value not in choices:
        raise CliError(f"--import-option {field.name}: {text!r} is not one of {', '.join(choices)}")
    return value


def _add_flag(parser: argparse.ArgumentParser, field: dataclasses.Field[Any]) -> None:
    metadata = field.metadata
    flag = metadata.get("flag") or "--" + field.name.replace("_", "-")
    names = [name for name in (metadata.get("short"), flag) if name]
    help = str(metadata.get("help") or "").replace("%", "%%")
    default = _default_text(field)
    settings: dict[str, Any] = {"dest": field.name, "type": _parse(field)}
    if metadata.get("many"):
        settings["action"] = "append"
        help += "; may be repeated"
    if is_required(field):
        settings["required"] = True
    if field.default is False and metadata.get("parse") is None:
        settings |= {"nargs": "?", "const": True, "metavar": "yes|no"}
    elif field.default is True and metadata.get("parse") is None:
        settings |= {"metavar": "yes|no"}
        help += " (default: yes)"
    else:
        choices = metadata.get("choices")
        settings |= {"choices": choices, "metavar": metadata.get("metavar")}
        if choices and not settings["metavar"]:
            settings["metavar"] = "{" + ",".join(choices) + "}"
        help += f" (default: {default})".replace("%", "%%") if default else ""
    parser.add_argument(*names, help=help, **settings)
