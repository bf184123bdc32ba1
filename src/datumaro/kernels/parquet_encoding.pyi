from datumaro.table.schema import Array

Bytes = bytes | bytearray | memoryview | Array

def list_levels(offsets: Array) -> tuple[Array, Array]:
    """(Repetition levels, what is 1 for an element and 0 for a list that has none) of lists.

    Both are uint8 with one number for each element, and one for each empty list.

    Parameters
    ----------
    offsets : int64 [n + 1], the first element of each list.

    Raises
    ------
    ValueError
        They do not rise.
    """

def nested_levels(there: Array, valid: Array) -> Array:
    """Definition levels, uint8: 0 of an empty list, 1 of a null, 2 of a value.

    Parameters
    ----------
    there : as `list_levels` has it.
    valid : uint8, for each element 1 or, of a null, 0.
    """

def runs(values: Array, width: int) -> bytes:
    """Levels or indices as RLE / bit-packed runs.

    Parameters
    ----------
    values : uint8 or int32, below 2 ** width.
    width : bits of a value, from 1 to 8 or 31.
    """

def picked(values: Array, valid: Array) -> Array:
    """Those of the numbers, int32 or int64, for which the uint8 ``valid`` is not 0."""

def deltas(values: Array) -> bytes:
    """Numbers, int32 or int64, by DELTA_BINARY_PACKED."""

def split(values: Array) -> bytearray:
    """Numbers, int32 or int64, by BYTE_STREAM_SPLIT: the lowest bytes of all, then the next."""

def lengths(offsets: Array, valid: Array | None) -> tuple[Array, bool]:
    """(The lengths, int32, of texts that are there; whether the others take no bytes).

    Parameters
    ----------
    offsets : int64 [n + 1].
    valid : uint8 [n], 0 where there is none; None for all.

    Raises
    ------
    ValueError
        One has more than 2 ** 31 - 1 bytes.
    """

def picked_bytes(offsets: Array, data: Bytes, valid: Array) -> bytearray:
    """The bytes of texts that are there, one after another; see `lengths`."""

def plain_texts(offsets: Array, data: Bytes) -> bytearray:
    """Texts by PLAIN: each after its length."""
