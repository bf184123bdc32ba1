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
