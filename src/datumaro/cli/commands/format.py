"""``datum format``: list the formats, or one format's options."""

from __future__ import annotations

import argparse

from datumaro.cli.arguments import Subparsers, add_command
from datumaro.cli.exit_codes import ExitCode

_EXAMPLES = """
datum format                        all formats, for reading and for writing
datum format -li -d ,               those that can be read, separated by commas
datum format voc                    what voc is, and its options
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "format",
        run,
        help="list the formats, or the options of one",
        examples=_EXAMPLES,
    )
    parser.add_argument("name", nargs="?", metavar="FORMAT", help="a format to describe")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "-li", "--list-import", action="store_true", help="only formats that can be read"
    )
    which.add_argument(
        "-le", "--list-export", action="store_true", help="only formats that can be written"
    )
    parser.add_argument(
        "-d", "--delimiter", default="\n", metavar="TEXT", help="between names (default: newline)"
    )


def run(args: argparse.Namespace) -> int:
    """Print lists."""
    if args.name:
        print("\n".join(_description(args.name)))
        return ExitCode.OK
    readable, writable = _names()
    if args.list_import:
        print(args.delimiter.join(readable))
    elif args.list_export:
        print(args.delimiter.join(writable))
    else:
        print(f"Supported import formats:\n{args.delimiter.join(readable)}\n")
        print(f"Supported export formats:\n{args.delimiter.join(writable)}")
    return ExitCode.OK


def _names() -> tuple[list[str], list[str]]:
    from datumaro.cli.inputs import log
    from datumaro.formats import registry

    formats, errors = registry.load_all()
    for name, error in errors.items():
        log.warning("format %s cannot be used: %s", name, error)
    readable = [name for name, kind in formats.items() if kind.reads]
    writable = [name for name, kind in formats.items() if kind.writes]
    return readable, writable


def _description(name: str) -> list[str]:
    from datumaro.cli.format_options import describe
    from datumaro.formats import registry

    kind = registry.get(name)
    lines = [f"{name}: {kind.title}"]
    for heading, does, options in (
        ("import options (--import-option NAME=VALUE):", kind.reads, kind.read_options),
        ('export options (after "--", as --name VALUE):', kind.writes, kind.write_options),
    ):
        if does:
            lines += ["", heading]
            for option, default, help in describe(options):
                lines.append(f"  {option}" + (f" (default: {default})" if default else ""))
                lines.append(f"      {help}")
    return lines
