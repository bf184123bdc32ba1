# Literals, numbers and arrays of numbers in JSON. See _json.pxd.

from libc.math cimport INFINITY, NAN, fabs, isfinite, rintf
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy

from datumaro.kernels._buffer cimport *
from datumaro.kernels._decimal cimport *
from datumaro.kernels._json_text cimport *
from datumaro.kernels._words cimport *

cdef extern from "Python.h":
    double PyOS_string_to_double(const char* s, char** end, void* overflow) except? -1.0

cdef enum:
    # Below 65536.00 float32 tells hundredths apart, so that n hundredths, divided as doubles or as
    # floats, rounded again or not, are one and the same float32.
    EXACT_HUNDREDTHS = 6553600


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
