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
