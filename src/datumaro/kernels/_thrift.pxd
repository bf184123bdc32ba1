# Thrift's compact protocol in C, which Parquet's footers and page headers are written in
# (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md). Everything is
# inline, needs no GIL and makes no Python object.
#
# Reading goes through a `Cursor`. Functions return a code: THRIFT_OK, or what is wrong, with
# `cursor.pos` at or after the place. No function reads beyond `cursor.end`, and each value takes a
# byte at least, so that the time is bounded by the bytes, whatever lengths are written in them.

from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef enum:
    THRIFT_OK = 0
    THRIFT_CUT = 1  # a value goes on beyond the end
    THRIFT_NUMBER = 2  # a number of more than 64 bits
    THRIFT_TYPE = 3  # a type that there is not, or another than expected
    THRIFT_DEEP = 4  # values in values in values …
    THRIFT_FIELD = 5  # a field's number that is no int16
    MOST_DEPTH = 32

# types of fields
cdef enum:
    STOP = 0
    TRUE = 1
    FALSE = 2
    BYTE = 3
    I16 = 4
    I32 = 5
    I64 = 6
    DOUBLE = 7
    BINARY = 8
    LIST = 9
    SET = 10
    MAP = 11
    STRUCT = 12
    UUID = 13

cdef struct Cursor:
    const uint8_t* data
    Py_ssize_t pos
    Py_ssize_t end


cdef inline int thrift_varint(Cursor* c, uint64_t* value) noexcept nogil:
    cdef int shift = 0
    cdef uint8_t byte
    value[0] = 0
    while True:
        if c.pos >= c.end:
            return THRIFT_CUT
        byte = c.data[c.pos]
        if shift == 63 and byte > 1:
            return THRIFT_NUMBER
        c.pos += 1
        value[0] |= <uint64_t>(byte & 127) << shift
        if byte < 128:
            return THRIFT_OK
        shift += 7


cdef inline int thrift_integer(Cursor* c, int64_t* value) noexcept nogil:
    cdef uint64_t zigzag
    cdef int code = thrift_varint(c, &zigzag)
    value[0] = <int64_t>(zigzag >> 1) ^ -<int64_t>(zigzag & 1)
    return code


# The bytes of a text: their number, with the cursor at the first.
cdef inline int thrift_size(Cursor* c, Py_ssize_t* size) noexcept nogil:
    cdef uint64_t n
    cdef int code = thrift_varint(c, &n)
    if code:
        return code
    if n > <uint64_t>(c.end - c.pos):
        return THRIFT_CUT
    size[0] = <Py_ssize_t>n
    return THRIFT_OK


# The header of a struct's next field; `number` holds that of the field before it, 0 at first.
cdef inline int thrift_field(Cursor* c, int64_t* number, int* kind) noexcept nogil:
    cdef uint8_t head
    cdef int code
    if c.pos >= c.end:
        return THRIFT_CUT
    head = c.data[c.pos]
    c.pos += 1
    kind[0] = head & 15
    if head == STOP:
        return THRIFT_OK
    if kind[0] == STOP or kind[0] > UUID:
        return THRIFT_TYPE
    if head >> 4:
        number[0] += head >> 4
    else:
        code = thrift_integer(c, number)
        if code:
            return code
    return THRIFT_OK if -32768 <= number[0] <= 32767 else THRIFT_FIELD


# The header of a list: how many values of which type follow, of a byte each at least.
cdef inline int thrift_list(Cursor* c, Py_ssize_t* size, int* kind) noexcept nogil:
    cdef uint8_t head
    if c.pos >= c.end:
        return THRIFT_CUT
    head = c.data[c.pos]
    c.pos += 1
    kind[0] = head & 15
    if kind[0] == STOP or kind[0] > UUID:
        return THRIFT_TYPE
    if head >> 4 == 15:
        return thrift_size(c, size)
    size[0] = head >> 4
    return THRIFT_OK if size[0] <= c.end - c.pos else THRIFT_CUT


# Go over a value; `element` says that it is a list's, where truths take a byte.
cdef inline int thrift_skip(Cursor* c, int kind, bint element, int depth) noexcept nogil:
    cdef uint64_t ignored
    cdef Py_ssize_t size = 0, i
    cdef int64_t number = 0
    cdef int inner = 0, other, code
    if depth > MOST_DEPTH:
        return THRIFT_DEEP
    if kind == TRUE or kind == FALSE:
        size = 1 if element else 0
    elif kind == BYTE:
        size = 1
    elif kind == I16 or kind == I32 or kind == I64:
        return thrift_varint(c, &ignored)
    elif kind == DOUBLE:
        size = 8
    elif kind == UUID:
        size = 16
    elif kind == BINARY:
        code = thrift_size(c, &size)
        if code:
            return code
    elif kind == LIST or kind == SET:
        code = thrift_list(c, &size, &inner)
        for i in range(size if code == THRIFT_OK else 0):
            code = thrift_skip(c, inner, True, depth + 1)
            if code:
                break
        return code
    elif kind == MAP:
        code = thrift_size(c, &size)
        if code or not size:
            return code
        if c.pos >= c.end:
            return THRIFT_CUT
        inner, other = c.data[c.pos] >> 4, c.data[c.pos] & 15
        c.pos += 1
        for i in range(size):
            code = thrift_skip(c, inner, True, depth + 1)
            if not code:
                code = thrift_skip(c, other, True, depth + 1)
            if code:
                return code
        return THRIFT_OK
    elif kind == STRUCT:
        while True:
            code = thrift_field(c, &number, &inner)
            if code or inner == STOP:
                return code
            code = thrift_skip(c, inner, False, depth + 1)
            if code:
                return code
    else:
        return THRIFT_TYPE
    if size > c.end - c.pos:
        return THRIFT_CUT
    c.pos += size
    return THRIFT_OK


cdef inline str thrift_message(int code):
    if code == THRIFT_CUT:
        return "the end within a value"
    if code == THRIFT_NUMBER:
        return "a number of more than 64 bits"
    if code == THRIFT_TYPE:
        return "a value of another type"
    if code == THRIFT_DEEP:
        return "values in values, too deep"
    return "a field's number beyond 16 bits"
