Bytes = bytes | bytearray | memoryview

def page_header(
    data: Bytes,
) -> tuple[int, int, int, int, int, int, int, int, int]:
    """A page's header: its type, its bytes uncompressed and compressed, its CRC-32, how many values
    it has, their encoding, the encodings of definition and repetition levels, the header's bytes.

    What it does not say is -1.

    Raises
    ------
    ValueError
        It is none, or ``data`` ends within it.
    """

def row_bounds(body: Bytes, begin: int, end: int, count: int, row: int) -> tuple[int, int, int]:
    """Where a row's values are: (first, last, number of rows that were begun up to there).

    Parameters
    ----------
    begin, end : the repetition levels, of one bit each, in the page.
    count : how many there are.
    row : counted from 0, by those that begin in the page. When there are fewer, ``first`` is -1.
    """

def levels(
    body: Bytes, begin: int, end: int, most: int, first: int, last: int
) -> tuple[int, bytes]:
    """(How many levels before ``first`` are ``most``, the levels ``first`` to ``last``).

    Parameters
    ----------
    begin, end : the definition levels in the page.
    most : the highest level, 1 to 3.
    """

def indices(body: Bytes, begin: int, skip: int, n: int) -> list[int]:
    """Numbers ``skip`` to ``skip + n`` of those that point into a dictionary."""

def integers(body: Bytes, begin: int, encoding: int, size: int, skip: int, n: int) -> list[int]:
    """Signed numbers ``skip`` to ``skip + n`` of those in a page, of 4 or 8 bytes each.

    Parameters
    ----------
    begin : where the values begin in the page.
    encoding : PLAIN, DELTA_BINARY_PACKED or BYTE_STREAM_SPLIT, by its number.
    """

def texts(body: Bytes, begin: int, encoding: int, skip: int, n: int) -> list[bytes]:
    """Texts or bytes ``skip`` to ``skip + n`` of those in a page.

    Parameters
    ----------
    begin : where the values begin in the page.
    encoding : PLAIN or DELTA_LENGTH_BYTE_ARRAY, by its number.
    """
