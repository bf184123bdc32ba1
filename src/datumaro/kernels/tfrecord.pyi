from typing import Final

Values = list[float] | list[tuple[int, int]]

BYTES: Final[int]
FLOATS: Final[int]
INTEGERS: Final[int]

def crc32c(data: bytes | bytearray | memoryview) -> int:
    """The CRC-32C (Castagnoli) of some bytes, not masked."""

def decode(
    data: bytes | bytearray | memoryview,
) -> dict[bytes, tuple[int, Values]]:
    """Take a serialized `tf.train.Example` apart.

    Returns
    -------
    Each feature by its name: (BYTES, FLOATS, INTEGERS, or 0 for none of them; its values). Of bytes
    these are (begin, end), where in ``data`` they are.

    Raises
    ------
    ValueError
        It is none: (the byte at which it is not, what is there).
    """
