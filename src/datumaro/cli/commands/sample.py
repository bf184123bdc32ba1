"""``datum sample``: make a small data set to try things out with."""

from __future__ import annotations

import argparse

from datumaro.cli.arguments import Subparsers, add_command
from datumaro.cli.exit_codes import ExitCode

_EXAMPLES = """
datum sample coco-sample
datum sample big --count 100000 --no-images
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "sample",
        run,
        help="make a sample data set in COCO format, with drawn pictures",
        examples=_EXAMPLES,
    )
    parser.add_argument("folder", metavar="DIR", help="folder to make")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an older sample in the folder"
    )
    parser.add_argument(
        "--count", type=_count, default=20, metavar="N", help="number of images (default: 20)"
    )
    parser.add_argument(
        "--no-images", action="store_true", help="make the annotations only, without picture files"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="another number makes another data set (default: 0)",
    )


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return count


def run(args: argparse.Namespace) -> int:
    """Make the data set."""
    from datumaro.cli.inputs import log
    from datumaro.cli.outputs import check_output_folder
    from datumaro.remote.path import local
    from datumaro.sample import write_sample

    folder = local(args.folder, "the sample's place")
    check_output_folder(folder, overwrite=args.overwrite)
    write_sample(folder, n_images=args.count, seed=args.seed, images=not args.no_images)
    log.info("wrote a data set of %d images to %s", args.count, folder)
    return ExitCode.OK
