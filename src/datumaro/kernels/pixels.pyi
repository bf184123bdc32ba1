from datumaro.table.schema import Array

def find_runs(pixels: Array) -> tuple[Array, Array, Array]:
    """The stretches of equal values down the columns of an image, from left to right.

    Parameters
    ----------
    pixels : uint8, uint16, int32 or int64 [height, width], row by row.

    Returns
    -------
    int64, the values that occur, rising; int64 [n_runs], the index of each run's value in them; and
    int64 [n_runs], each run's first pixel, counted column by column.
    """

def look_up(indices: Array, values: Array, out: Array) -> None:
    """Put a value for each index.

    Parameters
    ----------
    indices : uint8, uint16 or int32 [height, width].
    values : uint8, uint16 or int32 [n].
    out : of the same kind [height, width].

    Raises
    ------
    ValueError
        An index has no value, or the images differ in size.
    """
