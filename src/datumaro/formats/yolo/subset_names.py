"""What the subsets of a data set are called in YOLO's files."""

from __future__ import annotations

from collections.abc import Collection

from datumaro.errors import UnsupportedContentError
from datumaro.formats.base import WriteContext
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.paths import check_subset_name
from datumaro.table.chunk import Content

TRAIN = "train"


def written(content: Content, reserved: Collection[str], context: WriteContext) -> dict[str, str]:
    """{subset: its name in the files}: the default one is ``train``, what every trainer looks for.

    Parameters
    ----------
    reserved : what no subset can be called.
    context : is told when the default subset gets another name.

    Raises
    ------
    UnsupportedContentError, PathSeparatorInSubsetNameError
        A subset's name cannot be written.
    """
    names = {name: name for name in content.subset_names()}
    if DEFAULT_SUBSET_NAME in names and TRAIN not in names:
        names[DEFAULT_SUBSET_NAME] = TRAIN
        context.lost(f"names of subsets ({DEFAULT_SUBSET_NAME!r} is {TRAIN!r} now)")
    for name in names.values():
        check_subset_name(name)
        if name in reserved:
            raise UnsupportedContentError(
                f"subset {name!r} has the name of something else in the file that lists the "
                "subsets; rename it before export"
            )
        if name != name.strip() or name.startswith(".") or "=" in name or not name.isprintable():
            raise UnsupportedContentError(
                f"subset {name!r} cannot be written: its name begins or ends with white space, "
                "begins with a dot, or has a '=' or what cannot be printed; rename it before export"
            )
    return names
