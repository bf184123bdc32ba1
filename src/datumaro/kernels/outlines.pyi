from datumaro.table.schema import Array

DAMAGED: int
"""The state of a mask whose run lengths are damaged or do not add up to its size."""
TOO_LARGE: int
"""The state of a mask that is not decoded, since it would fill the memory."""

def polygon_masks(
    points: Array, starts: Array, ends: Array, heights: Array, widths: Array
) -> tuple[Array, bytes, Array]:
    """The masks of polygons, as pycocotools draws them.

    Parameters
    ----------
    points : float64, x, y, … of all polygons, in pixels.
    starts, ends : int64 [n], each one's span of ``points``.
    heights, widths : int32 [n], of the masks; their products are below 2³².

    Returns
    -------
    int64 [n + 1] offsets, the compressed run lengths, and int8 [n] states: 0, or TOO_LARGE of a
    polygon that crosses too many columns.

    Raises
    ------
    ValueError
        The spans do not lie in ``points``.
    """

def mask_bounds(
    data: Array, starts: Array, ends: Array, heights: Array, widths: Array
) -> tuple[Array, Array]:
    """The bounds of masks' pixels.

    Parameters
    ----------
    data : uint8, the compressed run lengths of all masks.
    starts, ends : int64 [n], each one's span of ``data``.
    heights, widths : int32 [n], of the masks.

    Returns
    -------
    int64 [n, 4]: x1, y1, x2, y2 of the pixels' edges; and int8 [n] states: 1, 0 of a mask without
    pixels, DAMAGED.
    """

def mask_outlines(
    data: Array, starts: Array, ends: Array, heights: Array, widths: Array
) -> tuple[Array, Array, Array, Array]:
    """The outlines of masks' parts, along the pixels' edges; of parts that touch at a corner, each.

    Parameters
    ----------
    See `mask_bounds`.

    Returns
    -------
    points : float32, x, y, … of the corners of all polygons, clockwise on the screen.
    offsets : int64 [n polygons + 1] into ``points``.
    first : int64 [n + 1], each mask's first polygon.
    holes : int64 [n], how many holes it has, whose outlines are left out; DAMAGED or TOO_LARGE.
    """

def resized_masks(
    data: Array,
    starts: Array,
    ends: Array,
    heights: Array,
    widths: Array,
    new_heights: Array,
    new_widths: Array,
) -> tuple[Array, bytes, Array]:
    """The masks in another size: each pixel is that which its middle lies in.

    Parameters
    ----------
    new_heights, new_widths : int32 [n], from 1 on. For the others see `mask_bounds`.

    Returns
    -------
    int64 [n + 1] offsets, the compressed run lengths, and int8 [n] states: 0, DAMAGED, TOO_LARGE.
    """
