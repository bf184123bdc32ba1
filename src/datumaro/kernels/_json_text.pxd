# Going through JSON: codes, brackets, keys, strings. See _json.pxd.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from datumaro.kernels._buffer cimport *
from datumaro.kernels._words cimport *

cdef enum:
    JSON_END = -1        # the closing bracket was taken
    JSON_OK = 0
    JSON_MORE = 1        # the bytes end here
    JSON_BAD = 2         # not JSON
    JSON_TYPE = 3        # JSON, but another kind of value
    JSON_RANGE = 4       # a number that does not fit
    JSON_DEEP = 5        # more than JSON_DEPTH levels
    JSON_UTF8 = 6        # not UTF-8
    JSON_ESCAPE = 7      # a bad escape in a string, or half of a surrogate pair
    JSON_NONFINITE = 8   # NaN or Infinity
    JSON_MEMORY = 9

    JSON_DEPTH = 512     # levels of nesting that skipped values may have


cdef inline str json_message(int code):
    """What a code means, for an error's text."""
    if code == JSON_MORE:
        return "the text ends here"
    if code == JSON_TYPE:
        return "another kind of value"
    if code == JSON_RANGE:
        return "a number out of range"
    if code == JSON_DEEP:
        return f"more than {JSON_DEPTH} levels of nesting"
    if code == JSON_UTF8:
        return "bytes that are not UTF-8"
    if code == JSON_ESCAPE:
        return "a bad escape in a string"
    if code == JSON_NONFINITE:
        return "NaN or Infinity"
    return "not JSON"


# --- walking -------------------------------------------------------------------------------------

cdef struct Cursor:
    const uint8_t* data
    Py_ssize_t pos
    Py_ssize_t end
    bint nonfinite       # take NaN, Infinity and -Infinity for numbers


cdef struct Span:        # a string's bytes between its quotes; escapes checked, not resolved
    const uint8_t* data
    Py_ssize_t size
    bint escaped


cdef inline void json_space(Cursor* c) noexcept nogil:
    """Go over white space."""
    cdef uint8_t byte
    while c.pos < c.end:
        byte = c.data[c.pos]
        if byte > 32 or (byte != 32 and byte != 10 and byte != 13 and byte != 9):
            return
        c.pos += 1


cdef inline int json_peek(Cursor* c) noexcept nogil:
    """The first byte that is not white space, not taken; -1 at the end of the bytes."""
    if c.pos < c.end and c.data[c.pos] > 32:
        return c.data[c.pos]
    json_space(c)
    return c.data[c.pos] if c.pos < c.end else -1


cdef inline int json_take(Cursor* c, uint8_t expected) noexcept nogil:
    """Take one byte after white space; JSON_BAD when it is another."""
    cdef int byte = json_peek(c)
    if byte < 0:
        return JSON_MORE
    if byte != expected:
        return JSON_BAD
    c.pos += 1
    return JSON_OK


cdef inline int json_open(Cursor* c, uint8_t bracket) noexcept nogil:
    """Take ``[`` or ``{``; JSON_TYPE when another value stands there."""
    cdef int code = json_take(c, bracket)
    return JSON_TYPE if code == JSON_BAD else code


cdef inline int json_element(Cursor* c, bint* first) noexcept nogil:
    """Go to the next element of an array; JSON_END after its last.

    ``first`` is true before the first call after ``json_open(c, b'[')``.
    """
    cdef int byte = json_peek(c)
    if byte < 0:
        return JSON_MORE
    if byte == c']':
        c.pos += 1
        return JSON_END
    if first[0]:
        first[0] = False
        return JSON_OK
    if byte != c',':
        return JSON_BAD
    c.pos += 1
    byte = json_peek(c)
    if byte < 0:
        return JSON_MORE
    return JSON_BAD if byte == c']' else JSON_OK


cdef inline int json_key(Cursor* c, bint* first, Span* key) noexcept nogil:
    """Go to the next key of an object and past its colon; JSON_END after the last."""
    cdef int code, byte = json_peek(c)
    if byte < 0:
        return JSON_MORE
    if byte == c'}':
        c.pos += 1
        return JSON_END
    if first[0]:
        first[0] = False
    else:
        if byte != c',':
            return JSON_BAD
        c.pos += 1
        byte = json_peek(c)
        if byte < 0:
            return JSON_MORE
    if byte != c'"':
        return JSON_BAD
    code = json_string(c, key)
    if code:
        return code
    code = json_take(c, c':')
    if code:
        return code
    return JSON_MORE if json_peek(c) < 0 else JSON_OK


# --- strings ---------------------------------------------------------------------------------------

cdef inline int json_utf8(const uint8_t* p, Py_ssize_t n) noexcept nogil:
    """Length of the UTF-8 sequence at p, whose first byte is not ASCII; 0: bad, -1: cut off."""
    cdef uint8_t low = 0x80, high = 0xBF
    cdef int size, i
    if p[0] < 0xC2 or p[0] > 0xF4:
        return 0
    if p[0] < 0xE0:
        size = 2
    elif p[0] < 0xF0:
        size = 3
        if p[0] == 0xE0:
            low = 0xA0
        elif p[0] == 0xED:
            high = 0x9F       # no surrogates
    else:
        size = 4
        if p[0] == 0xF0:
            low = 0x90
        elif p[0] == 0xF4:
            high = 0x8F       # nothing above U+10FFFF
    for i in range(1, size):
        if i >= n:
            return -1
        if not low <= p[i] <= high:
            return 0
        low = 0x80
        high = 0xBF
    return size


cdef inline int json_hex(uint8_t byte) noexcept nogil:
    if c'0' <= byte <= c'9':
        return byte - c'0'
    byte |= 0x20
    if c'a' <= byte <= c'f':
        return byte - c'a' + 10
    return -1


cdef inline int json_hex4(const uint8_t* p, Py_ssize_t n) noexcept nogil:
    """Four hexadecimal digits; -1: bad, -2: cut off."""
    cdef int value = 0, digit, i
    for i in range(4):
        if i >= n:
            return -2
        digit = json_hex(p[i])
        if digit < 0:
            return -1
        value = (value << 4) | digit
    return value


cdef inline int json_escape(Cursor* c) noexcept nogil:
    """Check the escape at the cursor and go over it."""
    cdef const uint8_t* p = c.data + c.pos
    cdef Py_ssize_t n = c.end - c.pos
    cdef int unit
    if n < 2:
        return JSON_MORE
    if p[1] != c'u':
        if (p[1] == c'"' or p[1] == c'\\' or p[1] == c'/' or p[1] == c'b' or p[1] == c'f'
                or p[1] == c'n' or p[1] == c'r' or p[1] == c't'):
            c.pos += 2
            return JSON_OK
        return JSON_ESCAPE
    unit = json_hex4(p + 2, n - 2)
    if unit < 0:
        return JSON_MORE if unit == -2 else JSON_ESCAPE
    if 0xDC00 <= unit <= 0xDFFF:
        return JSON_ESCAPE
    if 0xD800 <= unit <= 0xDBFF:
        if (n > 6 and p[6] != c'\\') or (n > 7 and p[7] != c'u'):
            return JSON_ESCAPE
        if n < 8:
            return JSON_MORE
        unit = json_hex4(p + 8, n - 8)
        if unit == -2:
            return JSON_MORE
        if not 0xDC00 <= unit <= 0xDFFF:
            return JSON_ESCAPE
        c.pos += 6
    c.pos += 6
    return JSON_OK


cdef inline int json_string(Cursor* c, Span* out) noexcept nogil:
    """Take a string: all of it is checked, nothing is copied."""
    cdef Py_ssize_t begin
    cdef int code, n, byte = json_peek(c)
    if byte < 0:
        return JSON_MORE
    if byte != c'"':
        return JSON_TYPE
    c.pos += 1
    begin = c.pos
    out.escaped = False
    while True:
        while c.end - c.pos >= 8:
            n = dm_plain8(c.data + c.pos)
            c.pos += n
            if n < 8:
                break
        if c.pos >= c.end:
            return JSON_MORE
        byte = c.data[c.pos]
        if byte == c'"':
            out.data = c.data + begin
            out.size = c.pos - begin
            c.pos += 1
            return JSON_OK
        if byte == c'\\':
            out.escaped = True
            code = json_escape(c)
            if code:
                return code
        elif byte < 32:
            return JSON_BAD
        elif byte < 128:
            c.pos += 1
        else:
            n = json_utf8(c.data + c.pos, c.end - c.pos)
            if n <= 0:
                return JSON_MORE if n < 0 else JSON_UTF8
            c.pos += n


cdef inline bint span_is(const Span* span, const char* text, Py_ssize_t size) noexcept nogil:
    """Whether a span without escapes is that text. (Resolve a span with escapes first.)"""
    return span.size == size and memcmp(span.data, text, size) == 0


cdef inline int span_unescape(const Span* span, Buffer* out) noexcept nogil:
    """Append a checked span's characters as UTF-8; -1 without memory."""
    cdef const uint8_t* p = span.data
    cdef const uint8_t* end = span.data + span.size
    cdef uint8_t* q
    cdef uint32_t unit
    if buffer_reserve(out, span.size) < 0:      # no escape is shorter than what it stands for
        return -1
    q = out.data + out.size
    while p < end:
        if p[0] != c'\\':
            q[0] = p[0]
            p += 1
            q += 1
            continue
        if p[1] != c'u':
            if p[1] == c'b':
                q[0] = 8
            elif p[1] == c'f':
                q[0] = 12
            elif p[1] == c'n':
                q[0] = 10
            elif p[1] == c'r':
                q[0] = 13
            elif p[1] == c't':
                q[0] = 9
            else:
                q[0] = p[1]
            p += 2
            q += 1
            continue
        unit = <uint32_t>json_hex4(p + 2, 4)
        p += 6
        if 0xD800 <= unit <= 0xDBFF:
            unit = 0x10000 + ((unit & 0x3FF) << 10) + (<uint32_t>json_hex4(p + 2, 4) & 0x3FF)
            p += 6
        if unit < 0x80:
            q[0] = <uint8_t>unit
            q += 1
        elif unit < 0x800:
            q[0] = <uint8_t>(0xC0 | (unit >> 6))
            q[1] = <uint8_t>(0x80 | (unit & 0x3F))
            q += 2
        elif unit < 0x10000:
            q[0] = <uint8_t>(0xE0 | (unit >> 12))
            q[1] = <uint8_t>(0x80 | ((unit >> 6) & 0x3F))
            q[2] = <uint8_t>(0x80 | (unit & 0x3F))
            q += 3
        else:
            q[0] = <uint8_t>(0xF0 | (unit >> 18))
            q[1] = <uint8_t>(0x80 | ((unit >> 12) & 0x3F))
            q[2] = <uint8_t>(0x80 | ((unit >> 6) & 0x3F))
            q[3] = <uint8_t>(0x80 | (unit & 0x3F))
            q += 4
    out.size = q - out.data
    return 0


cdef inline int span_add(const Span* span, Buffer* out) noexcept nogil:
    """Append a checked span's characters, resolving escapes if it has any; -1 without memory."""
    if span.escaped:
        return span_unescape(span, out)
    return buffer_add(out, span.data, span.size)


cdef inline int span_plain(Span* span, Buffer* text) noexcept nogil:
    """Resolve a checked span's escapes, if it has any, into ``text``, where it lies then.

    -1 without memory.
    """
    if unlikely(span.escaped):
        text.size = 0
        if span_unescape(span, text) < 0:
            return -1
        span.data, span.size, span.escaped = text.data, text.size, False
    return 0
