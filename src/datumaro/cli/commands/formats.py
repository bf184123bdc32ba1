"""``datum formats``: a table of all formats and what they hold."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from datumaro.cli.arguments import Subparsers, add_command
from datumaro.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from datumaro.formats.summary import FormatSummary

_EXAMPLES = """
datum formats                       all formats
datum formats kitti --read          those with "kitti" in their names that can be read
datum formats --write --json        for scripts
"""
_HEAD = ("format", "reads", "writes", "annotations", "media", "what it is")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "formats",
        run,
        help="print a table of the formats and what they hold",
        description="Print a table of the formats: which are read and written, and the kinds of\n"
        "annotations and media that they hold. An asterisk marks kinds that are written "
        "with an option only.",
        examples=_EXAMPLES,
    )
    parser.add_argument("part", nargs="?", default="", metavar="TEXT", help="part of their names")
    parser.add_argument("--read", action="store_true", help="only formats that can be read")
    parser.add_argument("--write", action="store_true", help="only formats that can be written")
    parser.add_argument(
        "--json", action="store_true", help="as a JSON array, with options and all that is held"
    )


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    from datumaro.cli.errors import CliError
    from datumaro.cli.inputs import log
    from datumaro.cli.messages import print_lines
    from datumaro.formats import registry
    from datumaro.formats.summary import summarize

    formats, errors = registry.load_all()
    for name, error in errors.items():
        log.warning("format %s cannot be used: %s", name, error)
    part = args.part.lower()
    found = [
        summarize(kind)
        for name, kind in formats.items()
        if part in name.lower() and kind.reads >= args.read and kind.writes >= args.write
    ]
    if not found:
        can = " and ".join(["be read"] * args.read + ["be written"] * args.write)
        which = f"no format that can {can}" if can else "no format"
        raise CliError(f"{which} has {args.part!r} in its name; `datum formats` lists all")
    if args.json:
        print(json.dumps([one.as_dict() for one in found], indent=2, ensure_ascii=False))
    else:
        print_lines(_table([_HEAD, *map(_row, found)]))
    return ExitCode.OK


def _row(one: FormatSummary) -> tuple[str, ...]:
    reads, writes = ("yes" if can else "-" for can in (one.reads, one.writes))
    return one.name, reads, writes, one.kinds, one.media_kinds, one.title


def _table(rows: list[tuple[str, ...]]) -> Iterable[str]:
    """Rows with their columns below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
