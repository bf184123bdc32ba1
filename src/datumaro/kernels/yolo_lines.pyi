from datumaro.table.schema import Array

class LineReader:
    """Reads label files.

    Parameters
    ----------
    n_classes : classes are from 0 to below this.
    n_values : how many numbers stand behind each class; 0: 4 of a box, or 6 and more, in pairs, of
        a polygon.
    """

    def __init__(self, n_classes: int, n_values: int = 0) -> None: ...
    def add(self, data: bytes) -> list[tuple[int, str, str, str]] | None:
        """Read a file's content. Lines that are wrong are left out.

        Returns
        -------
        None when all is right; otherwise of each wrong line its number, what is wrong, its text,
        and the token that is meant:

        - "class": it does not begin with a class, a whole number
        - "label": the class is not below ``n_classes``
        - "number": what is no number
        - "range": a number beyond 10^9
        - "fields": how many fields the line has
        """

    def take(self) -> tuple[Array, Array, Array, Array, Array]:
        """All that was read since the last call.

        Returns
        -------
        - int32 [lines]: classes
        - int32 [lines]: the number of the line in its file, from 0 on; blank ones do not count
        - float64: the numbers behind the classes
        - int64 [lines + 1]: where in these a line's begin and end
        - int64 [files + 1]: where in the lines a file's begin and end
        """

def print_lines(classes: Array, values: Array, ends: Array, decimals: Array) -> tuple[bytes, Array]:
    """Make the text of lines.

    Parameters
    ----------
    classes : int32 [lines]
    values : float64, finite
    ends : int64 [lines + 1], where in ``values`` a line's begin and end
    decimals : uint8 [lines], at most 9

    Returns
    -------
    The text, and int64 [lines + 1], where in it a line begins and ends (with its line break).
    """
