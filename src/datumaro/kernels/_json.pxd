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


cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #include <math.h>

    static const double dm_pow10[23] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
        1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

    static const uint64_t dm_upow10[20] = {
        1ull, 10ull, 100ull, 1000ull, 10000ull, 100000ull, 1000000ull, 10000000ull, 100000000ull,
        1000000000ull, 10000000000ull, 100000000000ull, 1000000000000ull, 10000000000000ull,
        100000000000000ull, 1000000000000000ull, 10000000000000000ull, 100000000000000000ull,
        1000000000000000000ull, 10000000000000000000ull};

    static const char dm_pairs[201] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";

    #define DM_EACH(byte) (0x0101010101010101ull * (byte))

    #if defined(__GNUC__) || defined(__clang__)
    #define DM_TRAILING_ZEROS(x) __builtin_ctzll(x)
    #define DM_LIKELY(x) __builtin_expect(!!(x), 1)
    #define DM_UNLIKELY(x) __builtin_expect(!!(x), 0)
    #else
    #include <intrin.h>
    static __inline int DM_TRAILING_ZEROS(uint64_t x) {
        unsigned long i; _BitScanForward64(&i, x); return (int)i; }
    #define DM_LIKELY(x) (x)
    #define DM_UNLIKELY(x) (x)
    #endif

    /* Eight bytes, the first the least significant. */
    static inline uint64_t dm_load8(const uint8_t *p) {
        uint64_t w;
        memcpy(&w, p, 8);
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        w = __builtin_bswap64(w);
    #endif
        return w;
    }

    /* How many of the 8 bytes at p are plain: ASCII, no quote, no backslash, no control character. */
    static inline int dm_plain8(const uint8_t *p) {
        uint64_t w = dm_load8(p), q = w ^ DM_EACH('"'), b = w ^ DM_EACH(0x5c);
        uint64_t stop = ((q - DM_EACH(1)) | (b - DM_EACH(1)) | (w - DM_EACH(0x20)) | w) & DM_EACH(0x80);
        return stop ? DM_TRAILING_ZEROS(stop) >> 3 : 8;
    }

    /* A number without sign and exponent whose text and the byte after it lie in the 8 bytes at p:
       its length in bytes, its digits as an integer, and how many of them are decimals. 0 when it is
       not such a number (or none at all): take the long way. */
    static inline int dm_short_number(const uint8_t *p, uint64_t *mantissa, int *decimals) {
        uint64_t w = dm_load8(p) ^ DM_EACH('0');
        uint64_t other = ((w + DM_EACH(0x76)) | w) & DM_EACH(0x80), digits;
        int n, count, after;
        if (DM_UNLIKELY(!other)) return 0;
        n = DM_TRAILING_ZEROS(other) >> 3;
        if (DM_UNLIKELY(!n || (p[0] == '0' && n > 1))) return 0;
        after = p[n];
        if (after == '.') {
            int whole = n;
            other &= other - 1;
            if (DM_UNLIKELY(!other)) return 0;
            n = DM_TRAILING_ZEROS(other) >> 3;
            *decimals = n - whole - 1;
            if (DM_UNLIKELY(!*decimals)) return 0;
            after = p[n];
            count = n - 1;
            digits = (w & ((1ull << (8 * whole)) - 1)) | ((w >> (8 * (whole + 1))) << (8 * whole));
        } else {
            *decimals = 0;
            count = n;
            digits = w;
        }
        if (DM_UNLIKELY((after | 0x20) == 'e' || after == '.')) return 0;
        digits <<= 8 * (8 - count);
        digits = digits * 10 + (digits >> 8);
        *mantissa = (((digits & 0x000000FF000000FFull) * 0x000F424000000064ull)
                     + (((digits >> 16) & 0x000000FF000000FFull) * 0x0000271000000001ull)) >> 32;
        return n;
    }

    #ifdef __SIZEOF_INT128__
    typedef unsigned __int128 dm_u128;

    /* m / 10^k, 0 <= k <= 19, rounded to the nearest double (ties to even). */
    static inline int dm_divide(uint64_t m, int k, double *out) {
        int lead, keep = 0;
        uint64_t divisor = dm_upow10[k], top, rest;
        dm_u128 n, q;
        if (!m) { *out = 0; return 1; }
        lead = __builtin_clzll(m);
        n = (dm_u128)(m << lead) << 64;
        q = n / divisor;                         /* at least 2^63: enough bits to round once */
        rest = (uint64_t)(n - q * divisor);
        top = (uint64_t)(q >> 64);
        if (top) {
            int h = __builtin_clzll(top);
            q <<= h;
            top = (uint64_t)(q >> 64);
            rest |= (uint64_t)q;
            keep = 64 - h;
        } else {
            top = (uint64_t)q;
        }
        *out = ldexp((double)(top | (rest != 0)), keep - 64 - lead);
        return 1;
    }

    /* v * 10^d rounded to the nearest integer (ties to even), for a normal v > 0 and 0 <= d <= 19;
       0 when it does not fit. */
    static inline int dm_scaled(double v, int d, uint64_t *out) {
        uint64_t bits, m;
        int e;
        dm_u128 p, q, rest, half;
        memcpy(&bits, &v, 8);
        e = (int)(bits >> 52) - 1075;
        if (e == -1075) return 0;
        m = (bits & 0xFFFFFFFFFFFFFull) | (1ull << 52);
        p = (dm_u128)m * dm_upow10[d];
        if (e >= 0) {
            if (e > 10) return 0;
            q = p << e;
        } else {
            if (e <= -127) return 0;
            q = p >> -e;
            rest = p - (q << -e);
            half = (dm_u128)1 << (-e - 1);
            if (rest > half || (rest == half && (q & 1))) q++;
        }
        if (q >> 63) return 0;
        *out = (uint64_t)q;
        return 1;
    }
    #else
    static inline int dm_divide(uint64_t m, int k, double *out) { return 0; }
    static inline int dm_scaled(double v, int d, uint64_t *out) { return 0; }
    #endif
    """
    const double[23] dm_pow10
    const uint64_t[20] dm_upow10
    const char* dm_pairs
    int dm_plain8(const uint8_t* p) noexcept nogil
    int dm_short_number(const uint8_t* p, uint64_t* mantissa, int* decimals) noexcept nogil
    int dm_divide(uint64_t m, int k, double* out) noexcept nogil
    int dm_scaled(double v, int d, uint64_t* out) noexcept nogil
    bint likely "DM_LIKELY"(bint) noexcept nogil
    bint unlikely "DM_UNLIKELY"(bint) noexcept nogil


cdef extern from "Python.h":
    double PyOS_string_to_double(const char* s, char** end, void* overflow) except? -1.0
    char* PyOS_double_to_string(double v, char code, int precision, int flags, int* kind)
    void PyMem_Free(void* p)
    enum: Py_DTSF_ADD_DOT_0


# --- what a function can answer --------------------------------------------------------------

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

    # Below 65536.00 float32 tells hundredths apart, so that n hundredths, divided as doubles or as
    # floats, rounded again or not, are one and the same float32.
    EXACT_HUNDREDTHS = 6553600


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


# --- growing memory ----------------------------------------------------------------------------

cdef struct Buffer:      # all zero: empty. Whoever has one calls buffer_free, or gives `data` away.
    uint8_t* data
    size_t size          # bytes in use
    size_t room          # bytes there are


cdef inline void buffer_free(Buffer* b) noexcept nogil:
    free(b.data)
    b.data = NULL
    b.size = b.room = 0


cdef inline int buffer_grow(Buffer* b, size_t extra) noexcept nogil:
    cdef size_t room = b.room + (b.room >> 1) + 256
    cdef uint8_t* data
    if extra > <size_t>-1 - b.size:
        return -1
    if room < b.size + extra:
        room = b.size + extra
    data = <uint8_t*>realloc(b.data, room)
    if data == NULL:
        return -1
    b.data = data
    b.room = room
    return 0


cdef inline int buffer_reserve(Buffer* b, size_t extra) noexcept nogil:
    """Make room for ``extra`` bytes after those in use."""
    if likely(extra <= b.room - b.size):
        return 0
    return buffer_grow(b, extra)


cdef inline int buffer_add(Buffer* b, const void* data, size_t size) noexcept nogil:
    if buffer_reserve(b, size) < 0:
        return -1
    if size:
        memcpy(b.data + b.size, data, size)
    b.size += size
    return 0


cdef inline int buffer_byte(Buffer* b, uint8_t byte) noexcept nogil:
    if buffer_reserve(b, 1) < 0:
        return -1
    b.data[b.size] = byte
    b.size += 1
    return 0


cdef inline int buffer_int64(Buffer* b, int64_t value) noexcept nogil:
    """Append the eight bytes of a number (an array of them, not text)."""
    if buffer_reserve(b, 8) < 0:
        return -1
    (<int64_t*>(b.data + b.size))[0] = value
    b.size += 8
    return 0


cdef inline int buffer_int32(Buffer* b, int32_t value) noexcept nogil:
    if buffer_reserve(b, 4) < 0:
        return -1
    (<int32_t*>(b.data + b.size))[0] = value
    b.size += 4
    return 0


cdef inline int buffer_float(Buffer* b, float value) noexcept nogil:
    if buffer_reserve(b, 4) < 0:
        return -1
    (<float*>(b.data + b.size))[0] = value
    b.size += 4
    return 0


cdef inline int buffer_double(Buffer* b, double value) noexcept nogil:
    if buffer_reserve(b, 8) < 0:
        return -1
    (<double*>(b.data + b.size))[0] = value
    b.size += 8
    return 0


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


# --- literals and numbers ------------------------------------------------------------------------

cdef inline int json_word(Cursor* c, const char* word, Py_ssize_t size) noexcept nogil:
    """Take a literal whose first byte has been seen."""
    cdef Py_ssize_t n = min(size, c.end - c.pos)
    if memcmp(c.data + c.pos, word, n):
        return JSON_BAD
    if n < size:
        return JSON_MORE
    c.pos += size
    return JSON_OK


cdef inline int json_null(Cursor* c) noexcept nogil:
    """Take ``null``; JSON_TYPE when another value stands there."""
    cdef int byte = json_peek(c)
    if byte < 0:
        return JSON_MORE
    return json_word(c, b"null", 4) if byte == c'n' else JSON_TYPE


cdef inline int json_bool(Cursor* c, bint* out) noexcept nogil:
    cdef int byte = json_peek(c)
    if byte < 0:
        return JSON_MORE
    if byte == c't':
        out[0] = True
        return json_word(c, b"true", 4)
    if byte == c'f':
        out[0] = False
        return json_word(c, b"false", 5)
    return JSON_TYPE


cdef struct Number:      # (-1)^negative * mantissa * 10^exponent, when `exact`
    bint negative
    bint exact           # the mantissa holds all of the digits
    bint whole           # written without point and exponent
    uint64_t mantissa
    int64_t exponent


cdef inline int json_scan_number(Cursor* c, Number* out) noexcept nogil:
    """Take a number's text and tell its parts. On an error the cursor stays, or is at the place."""
    cdef Py_ssize_t pos = c.pos, end = c.end, begin
    cdef const uint8_t* p = c.data
    cdef uint64_t mantissa = 0
    cdef int64_t exponent = 0, written = 0
    cdef int digits = 0
    cdef bint minus = False
    out.negative = out.whole = False
    if pos < end and p[pos] == c'-':
        out.negative = True
        pos += 1
    if pos >= end:
        return JSON_MORE
    begin = pos
    while pos < end and c'0' <= p[pos] <= c'9':
        if digits < 19:
            mantissa = 10 * mantissa + (p[pos] - c'0')
            digits += mantissa != 0
        else:
            digits += 1
        pos += 1
    if pos == begin or (p[begin] == c'0' and pos - begin > 1):
        c.pos = begin
        return JSON_BAD
    out.whole = True
    if pos < end and p[pos] == c'.':
        out.whole = False
        pos += 1
        begin = pos
        while pos < end and c'0' <= p[pos] <= c'9':
            if digits < 19:
                mantissa = 10 * mantissa + (p[pos] - c'0')
                digits += mantissa != 0
                exponent -= 1
            else:
                digits += 1
            pos += 1
        if pos >= end:
            return JSON_MORE
        if pos == begin:
            c.pos = pos
            return JSON_BAD
    if pos < end and p[pos] | 0x20 == c'e':
        out.whole = False
        pos += 1
        if pos < end and (p[pos] == c'-' or p[pos] == c'+'):
            minus = p[pos] == c'-'
            pos += 1
        begin = pos
        while pos < end and c'0' <= p[pos] <= c'9':
            if written < 1000000:
                written = 10 * written + (p[pos] - c'0')
            pos += 1
        if pos < end and pos == begin:
            c.pos = pos
            return JSON_BAD
        exponent += -written if minus else written
    if pos >= end:
        return JSON_MORE
    out.exact = digits <= 19
    out.mantissa = mantissa
    out.exponent = exponent
    c.pos = pos
    return JSON_OK


cdef inline int json_nonfinite(Cursor* c, double* out) noexcept nogil:
    """Take NaN, Infinity or -Infinity; JSON_TYPE when it is none of them."""
    cdef Py_ssize_t begin = c.pos
    cdef bint minus = c.data[c.pos] == c'-'
    cdef int code
    if c.data[c.pos] == c'N':
        out[0] = NAN
        code = json_word(c, b"NaN", 3)
    elif c.data[c.pos] == c'I' or minus:
        out[0] = -INFINITY if minus else INFINITY
        code = json_word(c, b"-Infinity" if minus else b"Infinity", 9 if minus else 8)
    else:
        return JSON_TYPE
    if code == JSON_OK and not c.nonfinite:
        c.pos = begin
        return JSON_NONFINITE
    return code


cdef inline int json_hard_double(const uint8_t* text, Py_ssize_t size, double* out) noexcept nogil:
    """A number's value where a few machine operations cannot find it: as Python's float() does."""
    cdef char* copy = <char*>malloc(size + 1)
    if copy == NULL:
        return JSON_MEMORY
    memcpy(copy, text, size)
    copy[size] = 0
    with gil:
        try:
            out[0] = PyOS_string_to_double(copy, NULL, NULL)
        except ValueError:
            free(copy)
            return JSON_BAD
    free(copy)
    return JSON_OK


cdef inline bint json_starts_number(int byte) noexcept nogil:
    return c'0' <= byte <= c'9' or byte == c'-'


cdef inline int json_double(Cursor* c, double* out) noexcept nogil:
    """Take a number: the nearest double, as Python's float() has it. Too large: an infinity."""
    cdef Number number
    cdef Py_ssize_t begin
    cdef uint64_t mantissa
    cdef int code, decimals, n, byte = json_peek(c)
    if byte < 0:
        return JSON_MORE
    if c.end - c.pos >= 8:
        n = dm_short_number(c.data + c.pos, &mantissa, &decimals)
        if n:
            c.pos += n
            out[0] = <double>mantissa / dm_pow10[decimals]
            return JSON_OK
    if not c'0' <= byte <= c'9' and (
        byte != c'-' or (c.pos + 1 < c.end and c.data[c.pos + 1] == c'I')
    ):
        return json_nonfinite(c, out)
    begin = c.pos
    code = json_scan_number(c, &number)
    if code:
        return code
    if number.exact:
        if number.mantissa == 0:
            out[0] = 0
        elif number.mantissa <= <uint64_t>1 << 53 and -22 <= number.exponent <= 22:
            if number.exponent < 0:
                out[0] = <double>number.mantissa / dm_pow10[-number.exponent]
            else:
                out[0] = <double>number.mantissa * dm_pow10[number.exponent]
        elif not (-19 <= number.exponent <= 0
                  and dm_divide(number.mantissa, <int>-number.exponent, out)):
            return json_hard_double(c.data + begin, c.pos - begin, out)
        if number.negative:
            out[0] = -out[0]
        return JSON_OK
    return json_hard_double(c.data + begin, c.pos - begin, out)


cdef inline int json_int64(Cursor* c, int64_t* out) noexcept nogil:
    """Take an integer. JSON_TYPE for 1.0 and 1e3 (they are no integers), JSON_RANGE beyond 64 bits."""
    cdef Number number
    cdef Py_ssize_t begin
    cdef uint64_t mantissa, limit
    cdef int code, decimals, n, byte = json_peek(c)
    if byte < 0:
        return JSON_MORE
    if c.end - c.pos >= 8:
        n = dm_short_number(c.data + c.pos, &mantissa, &decimals)
        if n and decimals == 0:
            c.pos += n
            out[0] = <int64_t>mantissa
            return JSON_OK
    if not json_starts_number(byte):
        return JSON_TYPE
    begin = c.pos
    code = json_scan_number(c, &number)
    if code:
        return code
    limit = <uint64_t>1 << 63
    if not number.whole or not number.exact or number.mantissa > limit - (not number.negative):
        c.pos = begin
        return JSON_RANGE if number.whole else JSON_TYPE
    out[0] = <int64_t>(0 - number.mantissa) if number.negative else <int64_t>number.mantissa
    return JSON_OK


# --- whole values ------------------------------------------------------------------------------------

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


# --- arrays of numbers ---------------------------------------------------------------------------------

cdef inline float to_hundredths(double value) noexcept nogil:
    """A coordinate as columns hold it: ``np.array([value], np.float32).round(2)``."""
    cdef float single = <float>value
    cdef float scaled = rintf(single * <float>100)
    return scaled / <float>100 if isfinite(scaled) else single


cdef inline int json_hundredths(Cursor* c, Buffer* out, Py_ssize_t* count) noexcept nogil:
    """Take an array of numbers and append them as float32, rounded to hundredths.

    JSON_RANGE for a number that float32 cannot hold. Without JSON_OK, ``out`` is as before.
    """
    cdef size_t size = out.size
    cdef bint first = True
    cdef int code, n, decimals, byte
    cdef uint64_t mantissa
    cdef uint64_t[3] scale
    cdef double value
    cdef float single
    scale[0], scale[1], scale[2] = 100, 10, 1
    count[0] = 0
    code = json_open(c, c'[')
    if code:
        return code
    while True:
        # the usual case in few steps: "," or ", ", a short number
        if likely(c.end - c.pos >= 10):
            byte = c.data[c.pos]
            if byte == c',' and not first:
                n = 2 if c.data[c.pos + 1] == c' ' else 1
            else:
                n = 0 if first else -1
            if n >= 0:
                decimals = 3
                byte = dm_short_number(c.data + c.pos + n, &mantissa, &decimals)
                if byte and decimals <= 2 and mantissa * scale[decimals] < EXACT_HUNDREDTHS:
                    if unlikely(buffer_float(
                        out, <float>(mantissa * scale[decimals]) / <float>100
                    ) < 0):
                        code = JSON_MEMORY
                        break
                    c.pos += n + byte
                    count[0] += 1
                    first = False
                    continue
        code = json_element(c, &first)
        if code:
            break
        code = json_double(c, &value)
        if code:
            break
        single = to_hundredths(value)
        if not isfinite(single) and isfinite(value):
            code = JSON_RANGE
            break
        if buffer_float(out, single) < 0:
            code = JSON_MEMORY
            break
        count[0] += 1
    if code == JSON_END:
        return JSON_OK
    out.size = size
    return code


cdef inline int json_doubles(Cursor* c, Buffer* out, Py_ssize_t* count) noexcept nogil:
    """Take an array of numbers and append them as doubles. Without JSON_OK, ``out`` is as before."""
    cdef size_t size = out.size
    cdef bint first = True
    cdef double value
    cdef int code = json_open(c, c'[')
    count[0] = 0
    if code:
        return code
    while True:
        code = json_element(c, &first)
        if code:
            break
        code = json_double(c, &value)
        if code:
            break
        if buffer_double(out, value) < 0:
            code = JSON_MEMORY
            break
        count[0] += 1
    if code == JSON_END:
        return JSON_OK
    out.size = size
    return code


cdef inline int json_int64s(Cursor* c, Buffer* out, Py_ssize_t* count) noexcept nogil:
    """Take an array of integers and append them as int64. Without JSON_OK, ``out`` is as before."""
    cdef size_t size = out.size
    cdef bint first = True
    cdef int64_t value
    cdef int code = json_open(c, c'[')
    count[0] = 0
    if code:
        return code
    while True:
        code = json_element(c, &first)
        if code:
            break
        code = json_int64(c, &value)
        if code:
            break
        if buffer_int64(out, value) < 0:
            code = JSON_MEMORY
            break
        count[0] += 1
    if code == JSON_END:
        return JSON_OK
    out.size = size
    return code


# --- writing -----------------------------------------------------------------------------------------
# put_…: append text to a Buffer; -1 without memory.

cdef inline uint8_t* put_digits(uint8_t* p, uint64_t value) noexcept nogil:
    """Write an integer's digits at p, where 20 bytes are free; the place after them."""
    cdef char[20] text
    cdef int i = 20
    cdef uint64_t rest
    while value >= 100:
        rest = value // 100
        i -= 2
        memcpy(text + i, dm_pairs + 2 * (value - 100 * rest), 2)
        value = rest
    if value >= 10:
        i -= 2
        memcpy(text + i, dm_pairs + 2 * value, 2)
    else:
        i -= 1
        text[i] = <char>(c'0' + value)
    memcpy(p, text + i, 20 - i)
    return p + (20 - i)


cdef inline int put_int64(Buffer* b, int64_t value) noexcept nogil:
    cdef uint8_t* p
    cdef uint64_t size = <uint64_t>value
    if buffer_reserve(b, 21) < 0:
        return -1
    p = b.data + b.size
    if value < 0:
        p[0] = c'-'
        p += 1
        size = 0 - size
    b.size = put_digits(p, size) - b.data
    return 0


cdef inline int put_decimal(Buffer* b, bint negative, uint64_t n, int decimals) noexcept nogil:
    """Append n / 10^decimals, 0 <= decimals <= 19, without trailing zeros: 12.5, 0.07, -3."""
    cdef uint8_t* p
    cdef uint64_t whole, part
    cdef int i
    if buffer_reserve(b, 48) < 0:
        return -1
    p = b.data + b.size
    if negative:
        p[0] = c'-'
        p += 1
    whole = n // dm_upow10[decimals]
    part = n - whole * dm_upow10[decimals]
    p = put_digits(p, whole)
    if part:
        while part % 10 == 0:
            part //= 10
            decimals -= 1
        p[0] = c'.'
        for i in range(decimals, 0, -1):
            p[i] = <uint8_t>(c'0' + part % 10)
            part //= 10
        p += 1 + decimals
    b.size = p - b.data
    return 0


cdef inline int put_python_double(Buffer* b, double value) noexcept nogil:
    """As repr() has it, for the numbers that are too large or small for the quick way."""
    cdef char* text
    cdef int code = -1
    cdef size_t size
    with gil:
        text = PyOS_double_to_string(value, c'r', 0, Py_DTSF_ADD_DOT_0, NULL)
        if text != NULL:
            size = 0
            while text[size]:
                size += 1
            code = buffer_add(b, text, size)
            PyMem_Free(text)
    return code


cdef inline int shortest(double value, int low, int high, bint single, uint64_t* n) noexcept nogil:
    """The decimals and (in n) the digits of the shortest decimal that reads as ``value`` > 0 again.

    Tries ``low`` to ``high`` significant digits; -1 when they do not do or it is out of reach.
    """
    cdef int magnitude = 0, digits, decimals
    cdef double back
    if not 1e-3 <= value < 1e15:
        return -1
    while magnitude < 15 and value >= dm_pow10[magnitude + 1]:
        magnitude += 1
    if value < 1:
        magnitude = -1 if value >= 0.1 else (-2 if value >= 0.01 else -3)
    for digits in range(low, high + 1):
        decimals = digits - 1 - magnitude
        if not 0 <= decimals <= 19 or not dm_scaled(value, decimals, n):
            continue
        if n[0] <= <uint64_t>1 << 53:
            back = <double>n[0] / dm_pow10[decimals]
        elif not dm_divide(n[0], decimals, &back):
            continue
        if back == value or (single and <float>back == <float>value):
            return decimals
    return -1


cdef inline int put_double(Buffer* b, double value) noexcept nogil:
    """Append a double so that it reads back the same: 12.5, 3.0, 702.1057499999998; NaN is null."""
    cdef double size = fabs(value)
    cdef uint64_t n
    cdef int decimals
    cdef bint negative = value < 0
    if not isfinite(value):
        return buffer_add(b, b"null", 4)
    if size < 1e13:
        n = <uint64_t>rint(size * 100)
        if <double>n / 100 == size and (n or not negative):
            if n == 0:
                return buffer_add(b, b"-0.0", 4) if 1 / value < 0 else buffer_add(b, b"0.0", 3)
            if put_decimal(b, negative, n, 2) < 0:
                return -1
            return buffer_add(b, b".0", 2) if n % 100 == 0 else 0
    decimals = shortest(size, 15, 17, False, &n)
    if decimals < 0:
        return put_python_double(b, value)
    if put_decimal(b, negative, n, decimals) < 0:
        return -1
    return buffer_add(b, b".0", 2) if n % dm_upow10[decimals] == 0 else 0


cdef inline int put_hundredths(Buffer* b, float value) noexcept nogil:
    """Append a coordinate as the shortest decimal that reads back the same: 12.5, 0.07, -3.

    NaN and infinities are null.
    """
    cdef float size = fabsf(value)
    cdef float scaled = rintf(size * <float>100)
    cdef uint64_t n
    cdef uint32_t whole, part
    cdef int decimals
    cdef uint8_t* p
    if likely(scaled < <float>EXACT_HUNDREDTHS and scaled / <float>100 == size):
        if unlikely(buffer_reserve(b, 16) < 0):
            return -1
        whole = <uint32_t>scaled
        part = whole % 100
        whole //= 100
        p = b.data + b.size
        if value < 0:
            p[0] = c'-'
            p += 1
        if whole >= 10000:
            p = put_digits(p, whole)
        elif whole >= 100:
            if whole >= 1000:
                memcpy(p, dm_pairs + 2 * (whole // 100), 2)
                p += 2
            else:
                p[0] = <uint8_t>(c'0' + whole // 100)
                p += 1
            memcpy(p, dm_pairs + 2 * (whole % 100), 2)
            p += 2
        elif whole >= 10:
            memcpy(p, dm_pairs + 2 * whole, 2)
            p += 2
        else:
            p[0] = <uint8_t>(c'0' + whole)
            p += 1
        if part:
            p[0] = c'.'
            memcpy(p + 1, dm_pairs + 2 * part, 2)
            p += 3 if part % 10 else 2
        b.size = p - b.data
        return 0
    if not isfinite(value):
        return buffer_add(b, b"null", 4)
    if size < <float>1e15 and rintf(size) == size:
        return put_int64(b, <int64_t>value)
    decimals = shortest(size, 6, 9, True, &n)
    if decimals < 0:
        return put_python_double(b, value)
    return put_decimal(b, value < 0, n, decimals)


cdef inline int put_hundredths_array(Buffer* b, const float* values, Py_ssize_t n) noexcept nogil:
    """Append ``[v,v,…]``."""
    cdef Py_ssize_t i
    if buffer_byte(b, c'[') < 0:
        return -1
    for i in range(n):
        if i and buffer_byte(b, c',') < 0:
            return -1
        if put_hundredths(b, values[i]) < 0:
            return -1
    return buffer_byte(b, c']')


cdef inline int put_string(Buffer* b, const uint8_t* text, Py_ssize_t size) noexcept nogil:
    """Append UTF-8 text in quotes, escaping what JSON demands; the rest stays as it is."""
    cdef Py_ssize_t i = 0, begin = 0
    cdef uint8_t byte
    cdef int n
    cdef char[6] escape
    if buffer_reserve(b, size + 2) < 0 or buffer_byte(b, c'"') < 0:
        return -1
    while i < size:
        if size - i >= 8:
            n = dm_plain8(text + i)
            i += n
            if n == 8:
                continue
        byte = text[i]
        if byte >= 32 and byte != c'"' and byte != c'\\':
            i += 1
            continue
        if buffer_add(b, text + begin, i - begin) < 0:
            return -1
        escape[0] = c'\\'
        n = 2
        if byte == c'"' or byte == c'\\':
            escape[1] = <char>byte
        elif byte == 8:
            escape[1] = c'b'
        elif byte == 9:
            escape[1] = c't'
        elif byte == 10:
            escape[1] = c'n'
        elif byte == 12:
            escape[1] = c'f'
        elif byte == 13:
            escape[1] = c'r'
        else:
            memcpy(escape, b"\\u00", 4)
            escape[4] = <char>(c'0' + (byte >> 4))
            escape[5] = b"0123456789abcdef"[byte & 15]
            n = 6
        if buffer_add(b, escape, n) < 0:
            return -1
        i += 1
        begin = i
    if buffer_add(b, text + begin, size - begin) < 0:
        return -1
    return buffer_byte(b, c'"')


cdef inline int put_member(
    Buffer* b, uint8_t before, const Span* key, const Span* value
) noexcept nogil:
    """Append a byte and ``"key":value``, both as they stand in a text."""
    if buffer_reserve(b, key.size + value.size + 4) < 0:
        return -1
    buffer_byte(b, before)
    buffer_byte(b, c'"')
    buffer_add(b, key.data, key.size)
    buffer_add(b, b'":', 2)
    return buffer_add(b, value.data, value.size)
