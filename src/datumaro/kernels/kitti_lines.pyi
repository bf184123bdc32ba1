from collections.abc import Callable

from datumaro.table.schema import Array

class LineReader:
    """Reads label files.

    Parameters
    ----------
    label_of : the index of a label's name; None for one that is not declared. Asked once for each.
    """

    def __init__(self, label_of: Callable[[str], int | None]) -> None: ...
    def add(self, data: bytes) -> list[tuple[int, str, str, str]] | None:
        """Read a file's content. Lines that are wrong are left out.

        Returns
        -------
        None when all is right; otherwise of each wrong line its number, what is wrong, what it is
        about, and the line's text:

        - "fields": how many fields the line has, of which too few at its end are numbers
        - "label": a label that is not declared
        - "encoding": a label that is no UTF-8
        - "range": a coordinate beyond 10^9, or a score that is not finite
        """

    def take(self) -> tuple[Array, Array, Array, Array, Array, Array]:
        """All that was read since the last call.

        Returns
        -------
        - int32 [lines]: labels
        - int32 [lines]: the number of the line in its file, from 0 on; blank ones do not count
        - uint8 [lines]: 1 for truncated, 2 for occluded, 4 for a score
        - float64 [lines * 4]: x1, y1, x2, y2
        - float64 [lines]: scores; 0 without one
        - int64 [files + 1]: where in the lines a file's begin and end
        """

def print_lines(
    heads: list[bytes], head_of: Array, boxes: Array, tails: list[bytes], tail_of: Array
) -> tuple[bytes, Array]:
    """Make the text of lines: a head, four numbers with two decimals, a tail.

    Parameters
    ----------
    head_of, tail_of : int32 [lines], indices into ``heads`` and ``tails``
    boxes : float64 [lines * 4], finite

    Returns
    -------
    The text, and int64 [lines + 1], where in it a line begins and ends.
    """
