# JSON in C: what the kernels that read and write JSON share. Everything is inline, needs no GIL
# (a few rare numbers take it for a moment) and makes no Python object.
#
# Reading goes through a `Cursor` over bytes that need not be the whole text. Every function returns
# a code: JSON_OK; JSON_END (the closing bracket was taken); JSON_MORE when the bytes end within the
# value (a caller who has no more says "the file ends here"); otherwise what is wrong, with
# `cursor.pos` at the place. After JSON_TYPE (well-formed so far, but another kind of value)
# `cursor.pos` is at the value's first byte, so that it can be skipped. A number that touches the
# end of the bytes is JSON_MORE, since its next digit may follow.
#
# The grammar is RFC 8259's, strictly: no comments, no trailing commas, no leading zeros, valid
# UTF-8, escapes that stand for a character. `NaN`, `Infinity` and `-Infinity`, which Python's json
# writes, are accepted where `cursor.nonfinite` is set.
#
# Writing goes into a `Buffer`, which grows; functions return -1 when there is no memory.

from libc.math cimport INFINITY, NAN, fabs, fabsf, rint, rintf, isfinite
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy

from datumaro.kernels._buffer cimport *
from datumaro.kernels._decimal cimport *
from datumaro.kernels._json_numbers cimport *
from datumaro.kernels._json_print cimport *
from datumaro.kernels._json_text cimport *
from datumaro.kernels._words cimport *


cdef inline int json_scalar(Cursor* c, int byte) noexcept nogil:
    """Check and go over a string, number or literal that begins with ``byte``."""
    cdef Span span
    cdef Number number
    cdef double value
    if byte == c'"':
        return json_string(c, &span)
    if c'0' <= byte <= c'9' or (byte == c'-' and not (
        c.pos + 1 < c.end and c.data[c.pos + 1] == c'I'
    )):
        return json_scan_number(c, &number)
    if byte == c't':
        return json_word(c, b"true", 4)
    if byte == c'f':
        return json_word(c, b"false", 5)
    if byte == c'n':
        return json_word(c, b"null", 4)
    if byte == c'N' or byte == c'I' or byte == c'-':
        return json_nonfinite(c, &value)
    return JSON_BAD


cdef inline int json_skip(Cursor* c) noexcept nogil:
    """Check a value of any kind and go over it. Nesting beyond JSON_DEPTH is an error."""
    cdef uint64_t[8] objects                    # one bit for each open level: an object, or an array
    cdef int depth = 0, code, byte
    cdef bint first = True, in_object
    cdef Span key
    while True:
        # a value stands here
        byte = json_peek(c)
        if byte < 0:
            return JSON_MORE
        if byte == c'{' or byte == c'[':
            if depth >= JSON_DEPTH:
                return JSON_DEEP
            c.pos += 1
            if byte == c'{':
                objects[depth >> 6] |= <uint64_t>1 << (depth & 63)
            else:
                objects[depth >> 6] &= ~(<uint64_t>1 << (depth & 63))
            depth += 1
            first = True
        else:
            code = json_scalar(c, byte)
            if code:
                return code
            first = False
        # go to the next value, closing what ends before it
        while True:
            if depth == 0:
                return JSON_OK
            in_object = objects[(depth - 1) >> 6] >> ((depth - 1) & 63) & 1
            code = json_key(c, &first, &key) if in_object else json_element(c, &first)
            if code == JSON_OK:
                break
            if code != JSON_END:
                return code
            depth -= 1
            first = False


cdef inline int json_raw(Cursor* c, Span* out) noexcept nogil:
    """Check a value of any kind; its text, as it stands."""
    cdef int code
    cdef Py_ssize_t begin
    json_space(c)
    begin = c.pos
    code = json_skip(c)
    out.data = c.data + begin
    out.size = c.pos - begin
    out.escaped = False
    return code
