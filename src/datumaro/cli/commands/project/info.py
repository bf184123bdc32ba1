"""``datum project info``: what is in the project."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from datumaro.cli.arguments import Subparsers, add_command
from datumaro.cli.exit_codes import ExitCode
from datumaro.cli.project_arguments import add_project_flag, chosen_project

if TYPE_CHECKING:
    from datumaro.project.configuration import Source
    from datumaro.project.project import Project
    from datumaro.project.stages import Stage

_EXAMPLES = """
datum project info
datum project info HEAD~1
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "info",
        run,
        help="print the sources of the project, and what is done to them",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "revision", nargs="?", metavar="REV", help="as it was in a revision (default: now)"
    )
    add_project_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Print."""
    from datumaro.cli.messages import print_lines

    project = chosen_project(args)
    configuration = project.configuration(args.revision)
    lines = ["Project:", f"  location: {project.path}", "Sources:"]
    for source in configuration.sources.values():
        lines += source_lines(project, source)
    if configuration.stages:
        lines += ["Stages:", *_stage_lines(configuration.stages, "  ")]
    print_lines(lines)
    return ExitCode.OK


def source_lines(project: Project, source: Source) -> list[str]:
    """What there is to tell of a source."""
    lines = [f"  {source.name}:", f"    format: {source.format}"]
    if source.origin:
        lines.append(f"    imported from: {source.origin}")
    lines.append(f"    location: {project.path / source.name}")
    if source.path:
        lines.append(f"    path: {source.path}")
    if source.options:
        given = ", ".join(f"{name}: {value}" for name, value in source.options.items())
        lines.append(f"    options: {given}")
    if source.stages:
        lines += ["    stages:", *_stage_lines(source.stages, "      ")]
    return lines


def _stage_lines(stages: tuple[Stage, ...], indent: str) -> list[str]:
    return [f"{indent}{number}. {stage}" for number, stage in enumerate(stages, 1)]
