# Writing JSON into a `Buffer`, which grows: put_… appends text, and returns -1 when there is no memory.

from libc.math cimport fabs, fabsf, isfinite, rint, rintf
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from datumaro.kernels._buffer cimport *
from datumaro.kernels._decimal cimport *
from datumaro.kernels._json_numbers cimport EXACT_HUNDREDTHS
from datumaro.kernels._json_text cimport Span
from datumaro.kernels._words cimport *

cdef extern from "Python.h":
    char* PyOS_double_to_string(double v, char code, int precision, int flags, int* kind)
    void PyMem_Free(void* p)
    enum: Py_DTSF_ADD_DOT_0


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
