# Columns with nulls as plain arrays: a pass over values and validity bits, without Arrow's generality.

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t

ctypedef fused integer:
    int32_t
    int64_t


cdef inline bint is_valid(const uint8_t* valid, int64_t bit) noexcept nogil:
    return valid[bit >> 3] >> (bit & 7) & 1


cdef int fits(const uint8_t[::1] valid, int64_t first, int64_t n) except -1:
    if first < 0 or (n and (first + n + 7) >> 3 > valid.shape[0]):
        raise ValueError("fewer validity bits than values")
    return 0


def filled(const integer[::1] values, const uint8_t[::1] valid, int64_t first, integer missing):
    cdef int64_t i, n = values.shape[0]
    fits(valid, first, n)
    array = np.empty(n, np.asarray(values).dtype)
    cdef integer[::1] out = array
    with nogil:
        for i in range(n):
            out[i] = values[i] if is_valid(&valid[0], first + i) else missing
    return array


def filled_from(
    const integer[::1] values, const uint8_t[::1] valid, int64_t first, const integer[::1] others
):
    cdef int64_t i, n = values.shape[0]
    fits(valid, first, n)
    if others.shape[0] != n:
        raise ValueError("arrays of different lengths")
    array = np.empty(n, np.asarray(values).dtype)
    cdef integer[::1] out = array
    with nogil:
        for i in range(n):
            out[i] = values[i] if is_valid(&valid[0], first + i) else others[i]
    return array


def filled_before(
    const integer[::1] values,
    const uint8_t[::1] valid,
    int64_t first,
    const uint8_t[::1] which,
    integer missing,
):
    cdef int64_t i, n = values.shape[0]
    cdef integer last = missing
    fits(valid, first, n)
    if which.shape[0] != n:
        raise ValueError("arrays of different lengths")
    array = np.empty(n, np.asarray(values).dtype)
    cdef integer[::1] out = array
    with nogil:
        for i in range(n):
            if is_valid(&valid[0], first + i):
                last = values[i]
            elif not which[i]:
                last = missing
            out[i] = last
    return array


def nulls_are_empty(const int64_t[::1] offsets, const uint8_t[::1] valid, int64_t first):
    cdef int64_t i, n = offsets.shape[0] - 1
    cdef bint some = False
    fits(valid, first, n)
    with nogil:
        for i in range(n):
            some |= not is_valid(&valid[0], first + i) and offsets[i] != offsets[i + 1]
    return not some
