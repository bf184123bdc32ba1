"""What commands that change a data set share: where the result goes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datumaro.cli.inputs import Source
    from datumaro.dataset import Dataset
    from datumaro.progress import ProgressReporter


def add_result_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of where the changed data set is written."""
    parser.add_argument(
        "-o",
        "--output-dir",
        metavar="DIR",
        help="folder to write (default: the data set's own, which needs --overwrite)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the data set in the output folder",
    )


def result_folder(source: Source, args: argparse.Namespace) -> Path:
    """The folder that the result is to be written to, found fit for it before any work is done.

    Raises
    ------
    CliError
        The format cannot be written; or the folder holds something, and --overwrite is not given;
        or it holds the data set that is read, but is not its own folder.
    """
    from datumaro.cli.errors import CliError
    from datumaro.cli.outputs import check_output_folder
    from datumaro.formats import registry
    from datumaro.remote.path import located

    if not registry.get(source.format).writes:
        raise CliError(
            f"format {source.format!r} can be read but not written; convert the data set first"
        )
    if source.path.is_file() and not args.output_dir:
        raise CliError(f"{source.path}: is a file; choose a folder for the result with -o")
    folder = located(args.output_dir) if args.output_dir else source.path
    if folder.resolve() != source.path.resolve():
        check_output_folder(folder, overwrite=args.overwrite, source=source.path)
    elif not args.overwrite:
        raise CliError(
            f"{folder}: the result would take the place of the data set that is read; say so with "
            "--overwrite, or choose another folder with -o"
        )
    return folder


def write_result(dataset: Dataset, folder: Path, progress: ProgressReporter) -> None:
    """Write the result in its own format, with its media, by the options it was written with."""
    dataset.save(folder, save_media=True, progress_reporter=progress)
