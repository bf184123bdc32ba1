"""Pieces of the commands' argument parsers. Nothing here imports what costs time."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

from datumaro.cli.exit_codes import ExitCode
from datumaro.keys import redacted

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


class Subparsers(Protocol):
    """Where a command adds its parser."""

    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser:
        """Add the parser of a command."""
        ...


def boolean(text: str) -> bool:
    """The truth of a word: true, t, yes, y, on, 1 and their opposites, in any case."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither yes nor no")


def add_common_flags(parser: argparse.ArgumentParser) -> None:
    """The flags that every command has, before and after the command's name."""
    group = parser.add_argument_group("messages")
    group.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="no progress bar, and no messages but warnings and errors",
    )
    group.add_argument(
        "--loglevel",
        choices=LOG_LEVELS,
        type=str.lower,
        default=argparse.SUPPRESS,
        metavar="LEVEL",
        help=f"least serious message to show: {', '.join(LOG_LEVELS)} (default: info)",
    )


def add_command(
    subparsers: Subparsers,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    help: str,
    description: str = "",
    examples: str,
    aliases: tuple[str, ...] = (),
    format_options: bool = False,
) -> argparse.ArgumentParser:
    """Add a command's parser.

    Parameters
    ----------
    run : does the command's work and returns its exit code.
    help : one line, in the list of commands.
    description : what the command's own help says before the options (default: ``help``).
    examples : lines at the end of the help.
    format_options : whether the command takes a format's options after ``--``.
    """
    parser = subparsers.add_parser(
        name,
        aliases=list(aliases),
        help=help,
        description=description or help[0].upper() + help[1:] + ".",
        epilog=_examples(examples),
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, takes_format_options=format_options)
    add_common_flags(parser)
    return parser


def add_group(
    subparsers: Subparsers, name: str, *, help: str, description: str, examples: str
) -> Subparsers:
    """Add a command that consists of others; alone it prints its help and returns 1."""
    parser = subparsers.add_parser(
        name,
        help=help,
        description=description,
        epilog=_examples(examples),
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )

    def run(_: argparse.Namespace) -> int:
        parser.print_help()
        return ExitCode.ERROR

    parser.set_defaults(run=run, takes_format_options=False)
    add_common_flags(parser)
    return parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")


def _examples(lines: str) -> str:
    return "examples:\n" + "\n".join(f"  {line}" for line in lines.strip().splitlines())


class Parser(argparse.ArgumentParser):
    """A parser whose errors do not repeat an encryption key."""

    def error(self, message: str) -> NoReturn:
        super().error(redacted(message))


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps line breaks of texts, and leaves the flags enough room."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32)


def add_input_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of how a data set is read."""
    parser.add_argument(
        "--allow-external-media",
        action="store_true",
        help="follow media paths that lead outside the data set's folder (trusted data only)",
    )
    parser.add_argument(
        "--on-error",
        choices=("fail", "skip"),
        default="fail",
        help="what a broken item or annotation does: stop, or be left out and counted "
        "(default: fail)",
    )
    add_key_flags(parser)
    parser.add_argument(
        "--num-workers",
        metavar="N",
        help="workers that read, for formats that are read by several (datumaro_binary); "
        "0 for none (default: one for each core, at most 8)",
    )
    parser.add_argument(
        "--import-option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set an option of the input format; `datum format NAME` lists them; may be repeated",
    )


def add_key_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of an encrypted data set's key."""
    parser.add_argument(
        "--key-file",
        metavar="FILE",
        help="file with the key of an encrypted data set; or set DATUMARO_ENCRYPTION_KEY",
    )
    parser.add_argument(
        "--encryption-key",
        metavar="KEY",
        help="the key itself; others may see it in the list of processes",
    )
    parser.add_argument(
        "--passphrase-file",
        metavar="FILE",
        help="file with the passphrase of an encrypted data set; or set DATUMARO_PASSPHRASE",
    )
    parser.add_argument(
        "--kms",
        metavar="MODULE:NAME",
        help="key management service of an encrypted data set, a Python object (trusted ones only)",
    )


def key_options(args: argparse.Namespace) -> dict[str, Any]:
    """What the flags of `add_key_flags` were given, as import options."""
    names = ("encryption_key", "key_file", "passphrase_file", "kms")
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def add_target_arguments(parser: argparse.ArgumentParser) -> None:
    """The data set that a command looks at, and how it is read."""
    parser.add_argument(
        "target",
        nargs="?",
        default=".",
        metavar="PATH[:FORMAT]",
        help="the data set, or PROJECT[@REV][:SOURCE] (default: the current folder)",
    )
    parser.add_argument(
        "-if",
        "--input-format",
        metavar="FORMAT",
        help="its format (default: detected)",
    )
    add_input_flags(parser)
