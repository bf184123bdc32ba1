"""``datum stats``: statistics of a data set's annotations and images."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from datumaro.cli.arguments import Subparsers, add_command, add_target_arguments, boolean
from datumaro.cli.exit_codes import ExitCode

_EXAMPLES = """
datum stats coco/
datum stats VOC2012:voc --subset train --image-stats no
datum stats coco/ -o coco-statistics.json
"""
_MOST_LABELS = 20


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "stats",
        run,
        help="compute statistics of annotations and images",
        description="Compute statistics of a data set: annotations by kind and label, attributes, "
        "areas;\nrepeated images, mean and deviation of colours. Prints the main ones and writes "
        "all\nto a JSON file.",
        examples=_EXAMPLES,
    )
    add_target_arguments(parser)
    parser.add_argument("-s", "--subset", metavar="NAME", help="only items of this subset")
    parser.add_argument(
        "--image-stats",
        type=boolean,
        metavar="yes|no",
        help="read the images; takes a while (default: yes, when the media are images)",
    )
    parser.add_argument(
        "--ann-stats",
        type=boolean,
        default=True,
        metavar="yes|no",
        help="count annotations (default: yes)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="JSON file to write, replaced when it exists (default: statistics.json in the current "
        "folder, with a number when it exists)",
    )


def run(args: argparse.Namespace) -> int:
    """Compute, print, write."""
    from datumaro.cli.errors import CliError
    from datumaro.cli.inputs import find_target, log
    from datumaro.cli.messages import print_lines
    from datumaro.cli.outputs import next_free_name
    from datumaro.cli.progress import progress_reporter
    from datumaro.errors import MediaTypeError
    from datumaro.operations.statistics import compute_ann_statistics, compute_image_statistics

    if args.output and not Path(args.output).parent.is_dir():
        raise CliError(f"{args.output}: the folder for it does not exist; make it first")
    statistics: dict[str, Any] = {}
    with progress_reporter(args.quiet) as progress:
        content = find_target(args).read(progress).content()
        if args.subset is not None:
            content = _only(content, args.subset)
        if args.image_stats is not False:
            try:
                statistics |= compute_image_statistics(content, progress=progress)
            except MediaTypeError as error:
                if args.image_stats:
                    raise
                log.info("no image statistics: %s", error)
        if args.ann_stats:
            statistics |= compute_ann_statistics(content)
    print_lines(table(statistics))
    path = Path(args.output or next_free_name("statistics", ".json"))
    _write(path, statistics)
    log.info("wrote all statistics to %s", path)
    return ExitCode.OK


def _only(content: Any, subset: str) -> Any:
    from datumaro.cli.errors import CliError
    from datumaro.operations.content import subset_content

    known = content.subset_names()
    if subset not in known:
        raise CliError(f"there is no subset {subset!r}; the subsets are: {', '.join(known)}")
    return subset_content(content, subset)


def _write(path: Path, statistics: dict[str, Any]) -> None:
    """Write a whole file or none."""
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            json.dump(statistics, file, indent=2, ensure_ascii=False)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def table(statistics: dict[str, Any]) -> list[str]:
    """The main figures, for people."""
    lines: list[str] = []
    if "annotations by type" in statistics:
        lines += _annotation_lines(statistics)
    if "dataset" in statistics:
        lines += _image_lines(statistics)
    return lines


def _annotation_lines(statistics: dict[str, Any]) -> list[str]:
    images, empty = statistics["images count"], statistics["unannotated images count"]
    kinds = {k: v["count"] for k, v in statistics["annotations by type"].items() if v["count"]}
    labels = statistics["annotations"]["labels"]["distribution"]
    segments = statistics["annotations"]["segments"]
    lines = [
        f"items           {images:>12,}  ({empty:,} without annotations)",
        f"annotations     {statistics['annotations count']:>12,}",
        *(f"  {name:<14}{n:>12,}" for name, n in kinds.items()),
    ]
    if segments["area distribution"]:
        lines.append(f"average area    {segments['avg. area']:>12,.1f}  square pixels")
    if labels:
        used = [pair for pair in labels.items() if pair[1][0]]
        unused = len(labels) - len(used)
        lines.append(f"labels          {len(labels):>12,}  ({unused:,} without annotations)")
        most = sorted(used, key=lambda pair: -pair[1][0])
        width = max((len(name) for name, _ in most[:_MOST_LABELS]), default=0)
        lines += [
            f"  {name:<{width}}{n:>12,}  {share:6.1%}" for name, (n, share) in most[:_MOST_LABELS]
        ]
        if len(most) > _MOST_LABELS:
            lines.append(f"  and {len(most) - _MOST_LABELS} more")
    return lines


def _image_lines(statistics: dict[str, Any]) -> list[str]:
    whole = statistics["dataset"]
    n, different = whole["images count"], whole["unique images count"]
    lines = [f"images          {n:>12,}  ({different:,} different)"]
    if whole["missing images count"]:
        lines.append(f"  missing       {whole['missing images count']:>12,}")
    if whole["unreadable images"]:
        lines.append(f"  unreadable    {len(whole['unreadable images']):>12,}")
    for name, subset in statistics["subsets"].items():
        if subset["images count"]:
            mean = ", ".join(f"{v:.1f}" for v in subset["image mean (RGB)"])
            std = ", ".join(f"{v:.1f}" for v in subset["image std (RGB)"])
            lines.append(f"  {name}: mean RGB {mean}; deviation {std}")
    return lines
