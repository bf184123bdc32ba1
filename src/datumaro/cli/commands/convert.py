"""``datum convert``: read a data set in one format, write it in another."""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path

from datumaro.cli import filters
from datumaro.cli.arguments import Subparsers, add_command, add_input_flags
from datumaro.cli.exit_codes import ExitCode

_EXAMPLES = """
datum convert -i coco/ -f datumaro_binary -o out/
datum convert -if voc -i VOC2012/ -f coco -o out/ -- --save-media
datum convert -i coco/ -f datumaro -o out/ --overwrite -- --save-media --image-ext .png
datum convert -if voc -i VOC2012/ -f datumaro_binary -o out/ -- --save-media --encryption
datum convert -if datumaro_binary -i out/ -f coco -o out2/ --key-file key.txt -- --save-media
datum convert -i zoo@HEAD~1 -f voc -o out/         what a project was in a revision
datum convert -i coco/ -e '/item[subset="val"]' -f voc -o out/
datum convert -f voc -- -h          the options of the format voc
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "convert",
        run,
        help="convert a data set to another format",
        description="Read a data set and write it in another format. Media files are copied only "
        'with "-- --save-media".\nOptions of the output format follow after "--".',
        examples=_EXAMPLES,
        format_options=True,
    )
    parser.usage = "datum convert [-i PATH] [-if FORMAT] -f FORMAT [-o DIR] [...] [-- OPTIONS]"
    parser.add_argument(
        "-i",
        "--input-path",
        default=".",
        metavar="PATH",
        help="data set to read, or PROJECT[@REV][:SOURCE] (default: the current folder)",
    )
    parser.add_argument(
        "-if", "--input-format", metavar="FORMAT", help="its format (default: detected)"
    )
    parser.add_argument(
        "-f",
        "--output-format",
        required=True,
        metavar="FORMAT",
        help="format to write; `datum format -le` lists them",
    )
    parser.add_argument(
        "-o",
        "--output-dir",
        metavar="DIR",
        help="folder to write (default: INPUT-FORMAT in the current folder, with a number when "
        "it exists)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a data set that is in the output folder already",
    )
    filters.add_flags(parser, "convert")
    add_input_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Convert."""
    from datumaro.cli.format_options import parse_export_options, writing_format
    from datumaro.cli.inputs import find_source, log
    from datumaro.cli.outputs import check_output_folder
    from datumaro.cli.progress import progress_reporter
    from datumaro.cli.project_targets import ProjectTarget
    from datumaro.operations.filtering.filter import Filter
    from datumaro.remote.path import located

    began = time.monotonic()
    kind = writing_format(args.output_format)
    options = parse_export_options(kind, args.format_options, "datum convert")
    if args.filter is not None:  # is it well-formed?
        Filter(args.filter, filter_annotations=args.filter_mode != filters.ITEMS)
    source = find_source(args.input_path, args.input_format, args)
    named = source.source or source.path if isinstance(source, ProjectTarget) else args.input_path
    folder = located(args.output_dir or _default_folder(named, args.output_format))
    if isinstance(source, ProjectTarget):
        source.check_output(folder)
        check_output_folder(folder, overwrite=args.overwrite)
    else:
        check_output_folder(folder, overwrite=args.overwrite, source=source.path)
    with progress_reporter(args.quiet) as progress:
        dataset = source.read(progress)
        if args.filter is not None:
            dataset.filter(args.filter, **filters.options(args.filter_mode))
        dataset.export(folder, args.output_format, progress_reporter=progress, **options)
    log.info("wrote %d items to %s (%.1f s)", len(dataset), folder, time.monotonic() - began)
    return ExitCode.OK


def _default_folder(input_path: str | Path, output_format: str) -> str:
    """A free name in the current folder: that of the input, and the format."""
    from datumaro.cli.outputs import next_free_name
    from datumaro.remote.path import located

    name = located(input_path).resolve().name or "dataset"
    return next_free_name(f"{name}-{re.sub(r'[^a-z0-9_]+', '-', output_format.lower())}")
