"""Of a Parquet file's footer what needs no Arrow: the number of rows, the metadata, and where
the columns are."""

from libc.stdint cimport int64_t, uint8_t

from datumaro.kernels._thrift cimport (
    BINARY, I32, I64, LIST, STOP, STRUCT, THRIFT_OK, THRIFT_TYPE, Cursor, thrift_field,
    thrift_integer, thrift_list, thrift_message, thrift_size, thrift_skip,
)

# fields of FileMetaData, KeyValue, RowGroup and ColumnChunk, by parquet-format's parquet.thrift
cdef enum:
    ROWS = 3
    GROUPS = 4
    COLUMNS = 1
    OTHER_FILE = 1
    COLUMN = 3
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


cdef int _enter(Cursor* c, int wanted, int kind, int* found) except -1:
    """Go into the field ``wanted`` of a struct, of type ``kind``; a code of _thrift.pxd."""
    cdef int64_t number = 0
    cdef int code
    while True:
        code = thrift_field(c, &number, found)
        if code or found[0] == STOP:
            return code
        if number == wanted:
            return THRIFT_OK if found[0] == kind else THRIFT_TYPE
        code = thrift_skip(c, found[0], False, 0)
        if code:
            return code


cdef int _place(Cursor* c, list places) except -1:
    """One ColumnChunk, appended to ``places``; a code of _thrift.pxd."""
    cdef int64_t number = 0, inner
    cdef int64_t[12] told
    cdef int kind = 0, i, code
    for i in range(12):
        told[i] = -1
    while True:
        code = thrift_field(c, &number, &kind)
        if code:
            return code
        if kind == STOP:
            break
        if number == COLUMN and kind == STRUCT:
            inner = 0
            while True:
                code = thrift_field(c, &inner, &kind)
                if code:
                    return code
                if kind == STOP:
                    break
                if (kind == I32 or kind == I64) and 0 < inner < 12:
                    code = thrift_integer(c, &told[inner])
                else:
                    code = thrift_skip(c, kind, False, 0)
                if code:
                    return code
            continue
        if number == OTHER_FILE:
            return THRIFT_TYPE
        code = thrift_skip(c, kind, False, 0)
        if code:
            return code
    # type, codec, values, bytes as stored, where pages of data and the dictionary are
    places.append((told[1], told[4], told[5], told[7], told[9], told[11]))
    return THRIFT_OK


def column_places(const uint8_t[::1] data, Py_ssize_t group):
    """See parquet_footer.pyi."""
    cdef Cursor c
    cdef Py_ssize_t size = 0, i
    cdef int kind = 0, inner = 0, code
    cdef list places = []
    c.data, c.pos, c.end = &data[0] if data.shape[0] else NULL, 0, data.shape[0]
    code = _enter(&c, GROUPS, LIST, &kind)
    if code == THRIFT_OK and kind == STOP:
        code = THRIFT_TYPE
    if code == THRIFT_OK:
        code = thrift_list(&c, &size, &inner)
    if code == THRIFT_OK and (inner != STRUCT or not 0 <= group < size):
        code = THRIFT_TYPE
    for i in range(group if code == THRIFT_OK else 0):
        code = thrift_skip(&c, STRUCT, True, 0)
        if code:
            break
    if code == THRIFT_OK:
        code = _enter(&c, COLUMNS, LIST, &kind)
    if code == THRIFT_OK and kind == STOP:
        code = THRIFT_TYPE
    if code == THRIFT_OK:
        code = thrift_list(&c, &size, &inner)
    if code == THRIFT_OK and size and inner != STRUCT:
        code = THRIFT_TYPE
    for i in range(size if code == THRIFT_OK else 0):
        code = _place(&c, places)
        if code:
            break
    if code:
        raise ValueError(f"{thrift_message(code)} at its byte {c.pos}")
    return places
