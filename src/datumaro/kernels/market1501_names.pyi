"""Usual names of Market-1501's files; Python looks at the others."""

from datumaro.table.schema import Array

def told(names: list[str]) -> tuple[list[str | None], list[bytes | None]]:
    """The id and the attributes (a JSON object) that the path of each image tells.

    None and None for names beyond ASCII.

    Parameters
    ----------
    names : relative to the data set's folder, with the extension.
    """

def print_paths(
    usual: Array,
    ids: tuple[Array, Array],
    attributes: tuple[Array, Array],
    paths: tuple[Array, Array],
    extension: bytes,
    default: bytes,
    place: bytes,
) -> tuple[bytes, Array]:
    """Print the path of each item's image, a line each, where the id alone tells its attributes.

    Parameters
    ----------
    usual : uint8 [n], which items to look at.
    ids, attributes, paths : each offsets, int64 [n + 1], into its bytes.
    extension : of all images; empty: that of each path, or ``default``.
    place : the folder of those that are no queries, with a slash.

    Returns
    -------
    The text, and int64 [n + 1], where in it a line begins and ends; an item that was not understood
    has none.

    Raises
    ------
    ValueError
        Arrays do not fit each other.
    """
