"""``datum detect``: tell the format of a data set."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from datumaro.cli.arguments import Subparsers, add_command, add_key_flags
from datumaro.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from datumaro.formats.detection import Detection

_EXAMPLES = """
datum detect coco/
datum detect unknown/ --show-rejections
datum detect coco/ --json-report report.json
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "detect",
        run,
        help="tell the format of a data set",
        description="Tell the format of a data set, from the names of its files and a few bytes of "
        "them.\nWhere none is sure, the nearest formats are told, and what they miss.\nReturns 0 "
        "also when no format matches.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "path",
        nargs="?",
        default=".",
        metavar="PATH",
        help="the data set (default: the current folder)",
    )
    add_key_flags(parser)  # taken as by the other commands; telling the format needs none
    parser.add_argument(
        "--show-rejections",
        action="store_true",
        help="tell for every other format why it does not match",
    )
    parser.add_argument("--json-report", metavar="FILE", help="write all of this as JSON, too")
    parser.add_argument(
        "--depth",
        type=_depth,
        default=2,
        metavar="N",
        help="how many times to step into a folder that holds nothing but one folder (default: 2)",
    )


def _depth(text: str) -> int:
    depth = int(text)
    if depth < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return depth


def run(args: argparse.Namespace) -> int:
    """Detect, print, report."""
    from datumaro.cli.inputs import log
    from datumaro.formats.detection import at_urls, detect
    from datumaro.remote.path import as_remote, located

    path = located(args.path)
    found = detect(path, args.depth)
    if not found.formats:
        print("Unable to detect the format")
    elif len(found.formats) == 1:
        print(f"Detected format: {found.formats[0]}")
    else:
        print("Ambiguous dataset; detected the following formats:\n")
        for name in found.formats:
            print(f"- {name}")
    if found.formats and found.where != path:
        log.info("found in the folder %s", found.where)
    remote = as_remote(found.where)
    if found.nearest and remote is None:
        _print_nearest(found)
    if not found.formats and remote is not None:
        print(f"\n{found.where}: {at_urls(remote)}")
    if args.show_rejections:
        _print_rejections(found)
    if args.json_report:
        Path(args.json_report).write_text(json.dumps(report(found), indent=2) + "\n", "utf-8")
    return ExitCode.OK


def _print_nearest(found: Detection) -> None:
    """The formats of which some files are there, and what they miss."""
    from datumaro.cli.messages import print_lines

    print()
    if found.formats:
        print("It is a guess. The nearest of the others, and what they miss:\n")
    else:
        print(f"The nearest formats, and what they miss in {found.where}:\n")
    for name in found.nearest:
        print(f"{name}:")
        print_lines(f"  {line}" for line in found.rejected[name].message.splitlines())
    print("\nIf it is one of them, name it: -if FORMAT; reading it tells what is wrong, and where.")


def _print_rejections(found: Detection) -> None:
    from datumaro.cli.messages import print_lines

    print()
    if not found.rejected:
        print("No formats were rejected.")
        return
    print("The following formats were rejected:\n")
    others = [name for name in sorted(found.rejected) if name not in found.nearest]
    for name in [*found.nearest, *others]:
        print(f"{name}:")
        print_lines(f"  {line}" for line in found.rejected[name].message.splitlines())


def report(found: Detection) -> dict[str, object]:
    """What ``--json-report`` writes."""
    return {
        "rejected_formats": {
            name: {"reason": r.reason, "message": r.message} for name, r in found.rejected.items()
        },
        "detected_formats": found.formats,
        "nearest_formats": found.nearest,
    }
