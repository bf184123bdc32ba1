from datumaro.table.schema import Array

def encode_groups(begins: Array, ends: Array, first: Array, n_pixels: int) -> tuple[Array, bytes]:
    """The compressed run lengths of several masks.

    Parameters
    ----------
    begins, ends : int64 [n_runs], the masks' runs of pixels, mask after mask; pixels are counted
        column by column. Those of a mask rise and do not overlap.
    first : int64 [n_masks + 1], each mask's first run.
    n_pixels : of the image.

    Returns
    -------
    int64 [n_masks + 1] offsets, and the text.

    Raises
    ------
    ValueError
        The runs contradict this.
    """

def encode_values(
    values: Array, starts: Array, mask_of: Array, n_masks: int, n_pixels: int
) -> tuple[Array, bytes]:
    """The compressed run lengths of masks that together have an image's pixels, or some of them.

    Parameters
    ----------
    values : int64 [n_runs], of the image's stretches of equal values, in the order of their pixels,
        which are counted column by column.
    starts : int64 [n_runs], the first pixel of each; it ends where the next one begins.
    mask_of : int64, the mask of each value, or -1 for none. Values of one mask become one.
    n_pixels : of the image.

    Returns
    -------
    int64 [n_masks + 1] offsets, and the text.

    Raises
    ------
    ValueError
        The runs contradict this.
    """

def paint(canvas: Array, rle: bytes, value: int) -> int:
    """Put a value where a mask is; how many pixels those are, -1 when the mask does not fit.

    Parameters
    ----------
    canvas : int32 [height * width], column by column.
    rle : compressed run lengths.
    """

def paint_all(rles: list[bytes], height: int, width: int) -> tuple[Array, Array, Array]:
    """Paint masks over each other, later ones on top.

    Parameters
    ----------
    rles : compressed run lengths. One that does not fit the size is left out.

    Returns
    -------
    uint8, uint16 or int32 (the smallest that holds n) [height, width], the number of the mask that
    each pixel shows, counted from 1, 0 for none; int64 [n], the masks' areas in pixels, -1 for
    those that do not fit; and int64 [n + 1], how many pixels show each number.

    Raises
    ------
    ValueError
        The size is negative.
    """

def bounds_of_numbers(pixels: Array, n: int) -> Array:
    """Where the numbers from 0 to n are in an image: x, y, width, height in pixels, zeros for none.

    Parameters
    ----------
    pixels : as `paint_all` gives them.

    Returns
    -------
    int64 [n + 1, 4]

    Raises
    ------
    ValueError
        There is another number.
    """

def lengths(rle: bytes, n_pixels: int) -> Array | None:
    """The lengths of the runs of 0 and 1, in turn (int64); None where they do not fit."""

def measure(rle: bytes, height: int, width: int) -> tuple[int, list[int]] | None:
    """The pixels that are 1: how many, and their bounds; None where the mask does not fit.

    The bounds are x, y, width, height in pixels, zeros when there are none.
    """

def decode(rle: bytes, n_pixels: int) -> Array | None:
    """The pixels, column by column (uint8, 0 or 1); None where the mask does not fit."""
