"""Usual images of CVAT's files, read in one pass; an XML parser reads the others."""

from collections.abc import Callable, Sequence

from datumaro.table.schema import Array

Image = tuple[int, str, str | None, int, int]
"""An image's id, name, subset, height and width in pixels."""

Columns = tuple[Array, Array, Array, Array, Array, Array, list[bytes]]
"""kinds (uint8), labels (int32, NO_LABEL for none), groups (int64), z orders (int32) and ends of
coordinates (int64), each [n]; coordinates (float64), in pixels; and attributes."""

def scan(
    data: bytes,
    begin: int,
    labels: dict[bytes, int],
    kinds: Sequence[int],
    make: Callable[[int, bool, bool, bytes], bytes | None],
    accept: Callable[[int, Image, int], bool],
) -> tuple[int, Columns]:
    """Read the images that follow one another from a byte on, up to the first unusual one.

    Parameters
    ----------
    labels : {name in UTF-8: index}.
    kinds : the numbers of boxes, polygons, polylines, points and tags.
    make : makes attributes of a shape's label, whether it is a tag, whether it is occluded, and the
        ``<attribute>`` elements in it; None for what it does not understand.
    accept : is told where an image begins, the image, and how many shapes there are up to its end;
        False leaves it out.

    Returns
    -------
    Where it ends, and the shapes.

    Raises
    ------
    ValueError
        ``begin`` is not in the data, or there are not five kinds.
    """
