"""``datum project checkout``: let the project, or sources of it, be as they were."""

from __future__ import annotations

import argparse

from datumaro.cli.arguments import Subparsers, add_command
from datumaro.cli.exit_codes import ExitCode
from datumaro.cli.project_arguments import add_project_flag, chosen_project

_EXAMPLES = """
datum project checkout HEAD~1            the whole project, as it was before the last commit
datum project checkout main              back to the newest commit
datum project checkout -- source-1       one source, as it was committed last
datum project checkout 1a2b3c -- photos  one source, as it was in a commit
datum project checkout -b cleaning       begin a branch
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = add_command(
        subparsers,
        "checkout",
        run,
        help="let the project, or sources of it, be as they were in a revision",
        description="Let the project be as it was in a revision: a commit's hash or the beginning "
        'of one, a branch,\nHEAD~1. With names of sources after "--": only these, and the project '
        "stays where it is.",
        examples=_EXAMPLES,
        format_options=True,
    )
    parser.usage = "datum project checkout [-f] [-b NAME] [-p DIR] [REV] [-- SOURCE ...]"
    parser.add_argument(
        "revision",
        nargs="?",
        metavar="REV",
        help="the revision (default: the commit that the project stands at)",
    )
    parser.add_argument("-b", "--branch", metavar="NAME", help="begin a branch there")
    parser.add_argument(
        "-f", "--force", action="store_true", help="drop changes that are not committed"
    )
    add_project_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Check out."""
    from datumaro.cli.inputs import log
    from datumaro.cli.progress import progress_reporter
    from datumaro.project.versions import head_text

    sources: list[str] = args.format_options
    project = chosen_project(args)
    with progress_reporter(args.quiet) as progress:
        status = project.checkout(
            args.revision,
            sources,
            force=args.force,
            branch=args.branch,
            progress_reporter=progress,
        )
    if sources:
        log.info("restored %s", ", ".join(sources))
    else:
        print(head_text(status.head))
    return ExitCode.OK
