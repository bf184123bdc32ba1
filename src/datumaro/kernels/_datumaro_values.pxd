# Values that the `datumaro` format's JSON has: numbers that may be null, objects kept as text, paths.

from libc.math cimport NAN, isfinite, rint
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memchr

from datumaro.kernels._json cimport *


cdef inline int take_integer(Cursor* c, int64_t low, int64_t high, int64_t* out) noexcept nogil:
    """Take an integer within bounds, also one that is written as 3.0; null leaves ``out`` alone."""
    cdef Py_ssize_t begin
    cdef double value
    cdef int code, byte = json_peek(c)
    if byte == c'n':
        return json_null(c)
    begin = c.pos
    code = json_int64(c, out)
    if code == JSON_TYPE and (c'0' <= byte <= c'9' or byte == c'-'):
        c.pos = begin
        code = json_double(c, &value)
        if code == JSON_OK:
            if value != rint(value) or not -9e15 < value < 9e15:
                c.pos = begin
                return JSON_TYPE
            out[0] = <int64_t>value
    if code == JSON_OK and not low <= out[0] <= high:
        c.pos = begin
        return JSON_RANGE
    return code


cdef inline int take_numbers(Cursor* c, Buffer* out, Py_ssize_t* count) noexcept nogil:
    """Append an array of numbers as doubles; null, as orjson writes NaN, is NaN."""
    cdef bint first = True
    cdef double value
    cdef int code = json_open(c, c'[')
    count[0] = 0
    while code == JSON_OK:
        code = json_element(c, &first)
        if code:
            break
        if json_peek(c) == c'n':
            value = NAN
            code = json_null(c)
        else:
            code = json_double(c, &value)
        if code == JSON_OK:
            if buffer_double(out, value) < 0:
                return JSON_MEMORY
            count[0] += 1
    return JSON_OK if code == JSON_END else code


cdef inline int compact(const Span* value, Buffer* out) noexcept nogil:
    """Append checked JSON without white space; NaN and infinities, which it cannot hold, as null.

    JSON_RANGE for a number that is too large for a double: nobody could read it again.
    """
    cdef Cursor c
    cdef Span text
    cdef Py_ssize_t begin
    cdef double number
    cdef int code
    cdef uint8_t byte
    c.data, c.pos, c.end, c.nonfinite = value.data, 0, value.size, True
    while c.pos < c.end:
        byte = c.data[c.pos]
        begin = c.pos
        if byte == c'"':
            code = json_string(&c, &text)
        elif c'0' <= byte <= c'9' or byte == c'-' or byte == c'N' or byte == c'I':
            code = json_double(&c, &number)
            if code == JSON_OK and not isfinite(number):
                if byte == c'N' or byte == c'I' or c.data[begin + 1] == c'I':
                    if buffer_add(out, b"null", 4) < 0:
                        return JSON_MEMORY
                    continue
                return JSON_RANGE
        else:
            c.pos += 1
            if byte <= 32:
                continue
            code = JSON_OK
        if code:
            return code
        if buffer_add(out, c.data + begin, c.pos - begin) < 0:
            return JSON_MEMORY
    return JSON_OK


cdef inline int take_object(Cursor* c, Buffer* out) noexcept nogil:
    """Append an object's text, compact; nothing for ``{}`` and null."""
    cdef Span raw
    cdef size_t size = out.size
    cdef Py_ssize_t begin
    cdef int code, byte = json_peek(c)
    if byte == c'n':
        return json_null(c)
    if byte >= 0 and byte != c'{':
        return JSON_TYPE
    if c.end - c.pos > 1 and c.data[c.pos + 1] == c'}':
        c.pos += 2
        return JSON_OK
    begin = c.pos
    code = json_raw(c, &raw)
    if code == JSON_OK:
        code = compact(&raw, out)
        if code:
            c.pos = begin
        elif out.size == size + 2:          # {} with white space
            out.size = size
    return code


# --- paths ------------------------------------------------------------------------------------------

cdef enum:
    PATH_INSIDE, PATH_ABSOLUTE, PATH_CLIMBS, PATH_BROKEN


cdef inline int path_kind(const uint8_t* p, size_t n) noexcept nogil:
    """As datumaro.paths.escapes, which explains it."""
    cdef size_t i = 0, begin
    cdef int depth = 0
    if n and memchr(p, 0, n) != NULL:
        return PATH_BROKEN
    if n and (p[0] == c'/' or p[0] == c'\\'):
        return PATH_ABSOLUTE
    if n > 1 and p[1] == c':' and c'a' <= (p[0] | 0x20) <= c'z':
        return PATH_ABSOLUTE
    while i <= n:
        begin = i
        while i < n and p[i] != c'/' and p[i] != c'\\':
            i += 1
        if i - begin == 2 and p[begin] == c'.' and p[begin + 1] == c'.':
            depth -= 1
            if depth < 0:
                return PATH_CLIMBS
        elif i > begin and not (i - begin == 1 and p[begin] == c'.'):
            depth += 1
        i += 1
    return PATH_INSIDE


cdef inline bint has_parent_step(const uint8_t* p, size_t n) noexcept nogil:
    cdef size_t i
    for i in range(1, n):
        if p[i] == c'.' and p[i - 1] == c'.':
            return True
    return False
