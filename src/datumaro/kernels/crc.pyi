IS_FAST: bool
"""Whether the processor has what makes it faster than zlib's."""

def crc32(data: bytes | bytearray | memoryview) -> int:
    """As `zlib.crc32`, of all bytes; the GIL is released."""
