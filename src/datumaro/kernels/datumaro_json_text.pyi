from typing import Any, Final

import numpy.typing as npt

MEDIA_NONE: Final[int]
MEDIA_IMAGE: Final[int]
"""The item's media text is an image's path."""
MEDIA_PATHLESS: Final[int]
"""An image without a path."""
MEDIA_TEXT: Final[int]
"""The item's media text is JSON: a key and its value, or several."""

class BadRow(ValueError):
    """A row that cannot be written; ``args``: (item, annotation, what is wrong)."""

class ItemWriter:
    """Makes JSON of a chunk's columns.

    Parameters
    ----------
    columns : contiguous arrays, none of which may change while the writer lives.
        Items: ``item.id``, ``item.attributes``, ``item.media`` (uint8, UTF-8, each with offsets
        int64 [n + 1] as ``…_at``), ``item.media_kind`` (uint8, one of MEDIA_…), ``item.height``,
        ``item.width`` (int32), ``offsets`` (int64 [n + 1]). Annotations: the names of
        `table.schema.ANNOTATIONS` with its dtypes; lists and texts as values and ``…_at``;
        ``label`` with schema.NO_LABEL for none. Offsets must lie within what they point into.
    """

    def __init__(self, columns: dict[str, npt.NDArray[Any]]) -> None: ...
    def write(self, begin: int, end: int) -> bytes:
        """Items ``begin:end`` as JSON objects with commas between them; the GIL is released.

        Annotations that the format does not know, or not so, are written to the item's
        ``extended_annotations``, each with its ``index`` among all.

        Raises
        ------
        BadRow
            A row's text or numbers are not what its kind has.
        """
