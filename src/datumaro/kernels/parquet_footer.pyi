def footer(data: bytes | memoryview) -> tuple[int, dict[bytes, bytes]] | None:
    """(The number of rows, the key-value metadata) of a Parquet file's footer.

    Of several values of a key the last counts. None when the file is encrypted or signed, so that
    a key is needed to trust what is told.

    Parameters
    ----------
    data : the FileMetaData, in Thrift's compact protocol.

    Raises
    ------
    ValueError
        It is none; the message says why and where.
    """

def column_places(
    data: bytes | memoryview, group: int
) -> list[tuple[int, int, int, int, int, int]]:
    """Of each column of a row group: its physical type and codec, by their numbers, how many values
    it has, its bytes as they are stored, where its pages of data begin in the file, and where its
    dictionary; -1 for what is not told.

    Parameters
    ----------
    data : as `footer` has it.

    Raises
    ------
    ValueError
        It is damaged, there is no such group, or a column is in another file.
    """
