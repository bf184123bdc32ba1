# Names and paths that may lead elsewhere: more of them than do, found quickly.

import numpy as np

from libc.stdint cimport int64_t, uint8_t

from datumaro.kernels._offsets cimport rises


cdef enum:
    ALWAYS = 1  # suspect in any text
    DOT = 2
    SLASH = 4
    COLON = 8

cdef uint8_t[256] kind_of  # of a byte

kind_of[0] = kind_of[c"\\"] = ALWAYS
kind_of[c"."] = DOT
kind_of[c"/"] = SLASH
kind_of[c":"] = COLON


cdef inline uint8_t kinds_in(const uint8_t* p, int64_t n) noexcept nogil:
    cdef int64_t i
    cdef uint8_t kinds = 0
    for i in range(n):
        kinds |= kind_of[p[i]]
    return kinds


cdef bint may_be_suspect(const uint8_t* p, int64_t n, bint paths) noexcept nogil:
    """Whether any bytes but the first of a text may make it suspect; p are texts, end to end."""
    cdef int64_t i
    cdef uint8_t found = 0, before = c"/" if paths else c".", also = c"/" if paths else c"."
    for i in range(n):
        found |= (p[i] == 0) | (p[i] == c"\\") | (p[i] == c":")
    for i in range(1, n):
        found |= (p[i - 1] == before) & ((p[i] == c".") | (p[i] == also))
    return found != 0


cdef inline bint is_suspect_name(const uint8_t* p, int64_t n) noexcept nogil:
    cdef int64_t i
    cdef uint8_t kinds = kinds_in(p, n)
    if n == 0 or kinds & ALWAYS or p[0] == c"/":
        return True
    if kinds & COLON and n > 1 and p[1] == c":" and c"a" <= (p[0] | 32) <= c"z":
        return True
    if kinds & DOT:
        for i in range(1, n):
            if p[i] == c"." and p[i - 1] == c".":
                return True
    return False


cdef inline bint is_suspect_path(const uint8_t* p, int64_t n) noexcept nogil:
    cdef int64_t i
    cdef uint8_t kinds = kinds_in(p, n)
    if kinds & (ALWAYS | COLON) or (n and p[0] == c"."):
        return True
    if kinds & SLASH:
        for i in range(1, n):
            if p[i - 1] == c"/" and (p[i] == c"." or p[i] == c"/"):
                return True
    return False


def suspects(
    const int64_t[::1] offsets not None, const uint8_t[::1] data not None, bint paths
):
    cdef int64_t row, n = offsets.shape[0] - 1, found = 0, length
    cdef bint suspect, few
    cdef const uint8_t* p = &data[0] if data.shape[0] else NULL
    rises(offsets, data.shape[0])
    rows_array = np.empty(n + 1, np.int64)
    cdef int64_t[::1] rows = rows_array
    with nogil:
        few = not may_be_suspect(p + offsets[0], offsets[n] - offsets[0], paths)
        for row in range(n):
            length = offsets[row + 1] - offsets[row]
            if few and paths:
                suspect = length > 0 and p[offsets[row]] == c"."
            elif few:
                suspect = length == 0 or p[offsets[row]] == c"/"
            elif paths:
                suspect = is_suspect_path(p + offsets[row], length)
            else:
                suspect = is_suspect_name(p + offsets[row], length)
            rows[found] = row
            found += suspect
    return rows_array[:found]
