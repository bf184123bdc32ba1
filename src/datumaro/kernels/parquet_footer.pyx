"""Of a Parquet file's footer what needs no Arrow: the number of rows, and the metadata."""

from libc.stdint cimport int64_t, uint8_t

from datumaro.kernels._thrift cimport (
    BINARY, I64, LIST, STOP, STRUCT, THRIFT_OK, THRIFT_TYPE, Cursor, thrift_field, thrift_integer,
    thrift_list, thrift_message, thrift_size, thrift_skip,
)

# fields of FileMetaData and KeyValue, by parquet-format's parquet.thrift
cdef enum:
    ROWS = 3
    METADATA = 5
    ENCRYPTION = 8
    SIGNING = 9
    NAME = 1
    VALUE = 2


cdef int _pair(Cursor* c, const uint8_t[::1] data, dict found) except -1:
    """One KeyValue, added to ``found``; a code of _thrift.pxd."""
    cdef int64_t number = 0
    cdef Py_ssize_t size = 0
    cdef int kind = 0, code
    name, value = None, b""
    while True:
        code = thrift_field(c, &number, &kind)
        if code:
            return code
        if kind == STOP:
            break
        if number == NAME or number == VALUE:
            code = THRIFT_TYPE if kind != BINARY else thrift_size(c, &size)
            if code:
                return code
            text = bytes(data[c.pos : c.pos + size])
            c.pos += size
            if number == NAME:
                name = text
            else:
                value = text
        else:
            code = thrift_skip(c, kind, False, 0)
            if code:
                return code
    if name is None:
        return THRIFT_TYPE
    found[name] = value
    return THRIFT_OK


def footer(const uint8_t[::1] data):
    """See parquet_footer.pyi."""
    cdef Cursor c
    cdef int64_t number = 0, rows = -1
    cdef Py_ssize_t size = 0, i
    cdef int kind = 0, inner = 0, code = THRIFT_OK
    cdef bint encrypted = False
    cdef dict found = {}
    c.data, c.pos, c.end = &data[0] if data.shape[0] else NULL, 0, data.shape[0]
    while True:
        code = thrift_field(&c, &number, &kind)
        if code or kind == STOP:
            break
        if number == ROWS:
            code = THRIFT_TYPE if kind != I64 else thrift_integer(&c, &rows)
        elif number == METADATA:
            code = THRIFT_TYPE if kind != LIST else thrift_list(&c, &size, &inner)
            if code == THRIFT_OK and size and inner != STRUCT:
                code = THRIFT_TYPE
            for i in range(size if code == THRIFT_OK else 0):
                code = _pair(&c, data, found)
                if code:
                    break
        else:
            encrypted = encrypted or number == ENCRYPTION or number == SIGNING
            with nogil:
                code = thrift_skip(&c, kind, False, 0)
        if code:
            break
    if code:
        raise ValueError(f"{thrift_message(code)} at its byte {c.pos}")
    if rows < 0:
        raise ValueError("no number of rows")
    return None if encrypted else (rows, found)
