# Columns with nulls as plain arrays: a pass over values and validity bits, without Arrow's generality.

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t

from datumaro.kernels._validity cimport fit_if_any, is_valid

cdef enum:
    BLOCK = 1024  # values that are looked at without an end in between

ctypedef fused integer:
    int32_t
    int64_t

ctypedef fused number:
    uint8_t
    int32_t
    int64_t


cdef inline integer chosen(integer value, integer other, bint first) noexcept nogil:
    """One of two, without a branch: which of them, can hardly be foreseen."""
    return other ^ ((value ^ other) & -<integer>first)


def filled(const integer[::1] values, const uint8_t[::1] valid, int64_t first, integer missing):
    cdef int64_t i, n = values.shape[0]
    cdef const uint8_t* bits = &valid[0] if fit_if_any(valid, first, n) else NULL
    array = np.empty(n, np.asarray(values).dtype)
    cdef integer[::1] out = array
    with nogil:
        for i in range(n):
            out[i] = chosen(values[i], missing, bits == NULL or is_valid(bits, first + i))
    return array


def filled_from(
    const integer[::1] values, const uint8_t[::1] valid, int64_t first, const integer[::1] others
):
    cdef int64_t i, n = values.shape[0]
    cdef const uint8_t* bits = &valid[0] if fit_if_any(valid, first, n) else NULL
    if others.shape[0] != n:
        raise ValueError("arrays of different lengths")
    array = np.empty(n, np.asarray(values).dtype)
    cdef integer[::1] out = array
    with nogil:
        for i in range(n):
            out[i] = chosen(values[i], others[i], bits == NULL or is_valid(bits, first + i))
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
    cdef const uint8_t* bits = &valid[0] if fit_if_any(valid, first, n) else NULL
    if which.shape[0] != n:
        raise ValueError("arrays of different lengths")
    array = np.empty(n, np.asarray(values).dtype)
    cdef integer[::1] out = array
    with nogil:
        for i in range(n):
            last = chosen(last, missing, which[i] != 0)
            last = chosen(values[i], last, bits == NULL or is_valid(bits, first + i))
            out[i] = last
    return array


def nulls_are_empty(const int64_t[::1] offsets, const uint8_t[::1] valid, int64_t first):
    cdef int64_t i, n = offsets.shape[0] - 1
    cdef bint some = False
    cdef const uint8_t* bits = &valid[0] if fit_if_any(valid, first, n) else NULL
    with nogil:
        for i in range(n):
            some |= not (bits == NULL or is_valid(bits, first + i)) and offsets[i] != offsets[i + 1]
    return not some


cdef inline object bits_for(int64_t n):
    """Memory for the validity bits of n values."""
    return np.zeros((n + 7) >> 3, np.uint8)


def validity(const number[::1] values not None, number missing):
    cdef int64_t i, j, n = values.shape[0], count = 0
    cdef uint8_t byte
    array = bits_for(n)
    cdef uint8_t[::1] bits = array
    with nogil:
        for i in range(0, n & ~7, 8):
            byte = 0
            for j in range(8):
                byte |= (values[i + j] != missing) << j
                count += values[i + j] == missing
            bits[i >> 3] = byte
        for i in range(n & ~7, n):
            bits[i >> 3] |= (values[i] != missing) << (i & 7)
            count += values[i] == missing
    return count, array


def validity_of_others(const integer[::1] values, const integer[::1] others):
    cdef int64_t i, n = values.shape[0], count = 0
    if others.shape[0] != n:
        raise ValueError("arrays of different lengths")
    array = bits_for(n)
    cdef uint8_t[::1] bits = array
    with nogil:
        for i in range(n):
            bits[i >> 3] |= (values[i] != others[i]) << (i & 7)
            count += values[i] == others[i]
    return count, array


def validity_of_texts(const int64_t[::1] offsets not None):
    cdef int64_t i, n = offsets.shape[0] - 1, count = 0
    array = bits_for(max(n, 0))
    cdef uint8_t[::1] bits = array
    with nogil:
        for i in range(n):
            bits[i >> 3] |= (offsets[i] != offsets[i + 1]) << (i & 7)
            count += offsets[i] == offsets[i + 1]
    return count, array


def has_another(const number[::1] values not None, number missing):
    cdef int64_t i = 0, j, n = values.shape[0]
    cdef bint found = False
    with nogil:
        while i < n and not found:
            for j in range(i, min(i + BLOCK, n)):
                found |= values[j] != missing
            i += BLOCK
    return found


def has_number(const double[::1] values not None):
    cdef int64_t i = 0, j, n = values.shape[0]
    cdef bint found = False
    with nogil:
        while i < n and not found:
            for j in range(i, min(i + BLOCK, n)):
                found |= values[j] == values[j]
            i += BLOCK
    return found


def are_others(const number[::1] values not None, const number[::1] others not None):
    cdef int64_t i = 0, j, n = values.shape[0]
    cdef bint found = False
    if others.shape[0] != n:
        raise ValueError("arrays of different lengths")
    with nogil:
        while i < n and not found:
            for j in range(i, min(i + BLOCK, n)):
                found |= values[j] != others[j]
            i += BLOCK
    return found
