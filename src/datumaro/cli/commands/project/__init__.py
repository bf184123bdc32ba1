"""``datum project``: a folder that remembers where its data came from, and their history."""

from __future__ import annotations

from datumaro.cli.arguments import Subparsers, add_group
from datumaro.cli.commands.project import (
    add,
    checkout,
    commit,
    create,
    export,
    filter,
    import_source,
    info,
    log,
    remove,
    status,
    transform,
)

_EXAMPLES = """
datum project create
datum project import -f coco ../coco
datum project commit -m "COCO as downloaded"
datum project export -f voc -o ../voc -- --save-media
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command and those in it."""
    group = add_group(
        subparsers,
        "project",
        help="keep data sets together, with their history",
        description="Keep data sets together in a folder, which remembers where they came from, "
        "what is done\nto them, and what they were before. The project is found from any folder "
        "inside it.",
        examples=_EXAMPLES,
    )
    for command in (
        create, import_source, add, remove, info, export, filter, transform, status, commit, log,
        checkout,
    ):  # fmt: skip
        command.add_parser(group)
