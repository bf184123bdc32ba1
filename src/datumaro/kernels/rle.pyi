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

def paint(canvas: Array, rle: bytes, value: int) -> int:
    """Put a value where a mask is; how many pixels those are, -1 when the mask does not fit.

    Parameters
    ----------
    canvas : int32 [height * width], column by column.
    rle : compressed run lengths.
    """
