from datumaro.table.schema import Array

CUT: int
"""The code of a value that goes on where the text ends."""

def skip_value(
    data: bytearray | bytes, begin: int, end: int, nonfinite: bool = False
) -> tuple[int, int]:
    """Check one JSON value: (0, its end), or (a code, where it is wrong).

    Parameters
    ----------
    data : the value begins at ``begin``, and the text goes on to ``end``.
    nonfinite : let NaN and infinities pass.

    Raises
    ------
    ValueError
        The bounds are not in the data.
    """

def message(code: int) -> str:
    """What such a code means."""

def other_keys(offsets: Array, data: Array, names: tuple[str, ...]) -> Array:
    """Which JSON objects may have a key that is none of these names (uint8 [n]).

    It is 1, too, for keys with escapes and for what is no object; 0 for empty texts.

    Parameters
    ----------
    offsets : int64 [n + 1], rising, into the bytes ``data``.

    Raises
    ------
    ValueError
        They do not fit each other.
    """
