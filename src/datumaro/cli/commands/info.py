"""``datum info``: what is in a data set."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from datumaro.cli.arguments import Subparsers, add_command, add_target_arguments
from datumaro.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from datumaro.table.counts import Count, Summary

_EXAMPLES = """
datum info coco/
datum info VOC2012:voc
datum info zoo@HEAD~1:photos        what a source of a project was in a revision
datum info data/ -if datumaro --all
datum info coco/ --label-counts
"""
_FEW_LABELS = 10


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "info",
        run,
        aliases=("dinfo",),
        help="print what is in a data set: subsets, labels, numbers of annotations",
        examples=_EXAMPLES,
    )
    add_target_arguments(parser)
    parser.add_argument(
        "--all", action="store_true", help=f"print all labels, not only the first {_FEW_LABELS}"
    )
    parser.add_argument(
        "--label-counts",
        action="store_true",
        help="print how many annotations each label has, the most first",
    )


def run(args: argparse.Namespace) -> int:
    """Print a data set's summary."""
    from datumaro.cli.inputs import find_target
    from datumaro.cli.messages import print_lines
    from datumaro.cli.progress import progress_reporter

    with progress_reporter(args.quiet) as progress:
        summary = find_target(args).summary(progress)
    lines = summary_lines(summary, all_labels=args.all)
    print_lines(lines + _label_counts(summary) if args.label_counts else lines)
    return ExitCode.OK


def summary_lines(summary: Summary, *, all_labels: bool = False) -> list[str]:
    """The lines that the command prints."""
    categories = _categories(summary, all_labels)
    lines = [
        f"length: {summary.total.items}",
        f"media type: {summary.media_type.name.lower()}",
        *_annotations(summary.total),
        *categories,
        f"subsets: {', '.join(summary.subsets)}",
    ]
    for name, count in summary.subsets.items():
        block = [f"length: {count.items}", *_annotations(count), *categories]
        lines += [f"  '{name}':", *("    " + line for line in block)]
    return lines


def _annotations(count: Count) -> list[str]:
    kinds = sorted(count.annotations.items(), key=lambda pair: (-pair[1], pair[0].name))
    return [
        f"annotations: {sum(count.annotations.values())}",
        *(f"  {kind.name}: {n}" for kind, n in kinds),
    ]


def _label_counts(summary: Summary) -> list[str]:
    counts = sorted(summary.label_counts().items(), key=lambda pair: -pair[1])
    width = max((len(name) for name, _ in counts), default=0)
    return ["annotations by label:", *(f"  {name:<{width}}{n:>12,}" for name, n in counts)]


def _categories(summary: Summary, all_labels: bool) -> list[str]:
    from datumaro.model.categories import LabelCategories

    lines = [f"categories: {', '.join(kind.name for kind in summary.categories)}"]
    for kind, categories in summary.categories.items():
        lines.append(f"  {kind.name}:")
        if isinstance(categories, LabelCategories):
            names = [c.name for c in categories]
            shown = names if all_labels else names[:_FEW_LABELS]
            more = f" (and {len(names) - len(shown)} more)" if len(shown) < len(names) else ""
            lines += [f"    count: {len(names)}", f"    labels: {', '.join(shown)}{more}"]
    return lines
