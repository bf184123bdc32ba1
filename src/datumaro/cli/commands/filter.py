"""``datum filter``: keep the items, or annotations, that an expression chooses."""

from __future__ import annotations

import argparse
import time

from datumaro.cli import filters
from datumaro.cli.arguments import Subparsers, add_command, add_target_arguments
from datumaro.cli.changes import add_result_flags
from datumaro.cli.exit_codes import ExitCode

_EXAMPLES = """
datum filter coco/ -e '/item[subset="train"]' -o train/
datum filter coco/ -e '/item[image/width < image/height]' --overwrite
datum filter coco/ -e '/item/annotation[label="cat" and area > 100]' -m i+a -o cats/
datum filter VOC2012:voc -e '/item[annotation/occluded="True"]' --dry-run | less
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "filter",
        run,
        help="keep the items or annotations that an expression chooses",
        description="Keep the items, or annotations, that an expression chooses, and write the "
        "data set in\nits own format, with its media. The expression is XPath 1.0 over the XML of "
        "an item,\nwhich --dry-run shows.",
        examples=_EXAMPLES,
    )
    add_target_arguments(parser)
    parser.add_argument("-e", "--filter", required=True, metavar="XPATH", help="the expression")
    filters.add_mode_flag(parser, "-m", "--mode")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="write nothing; print the XML of the items as they would be then",
    )
    add_result_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Filter."""
    from datumaro.cli.changes import result_folder, write_result
    from datumaro.cli.inputs import find_changeable, log
    from datumaro.cli.progress import progress_reporter
    from datumaro.operations.filtering.filter import Filter, xml

    began = time.monotonic()
    options = filters.options(args.mode)
    Filter(args.filter, filter_annotations=options["filter_annotations"])  # is it well-formed?
    source = find_changeable(args, "filter")
    folder = None if args.dry_run else result_folder(source, args)
    with progress_reporter(args.quiet) as progress:
        dataset = source.read(progress)
        before = len(dataset), dataset.get_annotations()
        dataset.filter(args.filter, **options)
        if folder is not None:
            write_result(dataset, folder, progress)
    if folder is None:
        for item in xml(dataset.content()):
            print(item)
    log.info(
        "kept %d of %d items and %d of %d annotations%s (%.1f s)",
        len(dataset), before[0], dataset.get_annotations(), before[1],
        f", wrote them to {folder}" if folder else "", time.monotonic() - began,
    )  # fmt: skip
    return ExitCode.OK
