# Which types occur, and how often each label with each of them.

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t


def bounds(const int32_t[::1] labels not None, int32_t none):
    cdef int64_t i, n = labels.shape[0]
    cdef int32_t least = 0, most = -1, no_label, stated
    with nogil:
        for i in range(n):  # without a branch, so that it is compiled to vectors
            no_label = -(labels[i] == none)  # all bits
            stated = labels[i] & ~no_label
            least = stated if stated < least else least
            stated = labels[i] | no_label
            most = stated if stated > most else most
    return least, most


def count(
    const uint8_t[::1] types not None, const int32_t[::1] labels not None, int32_t none, int32_t bits
):
    cdef int64_t i, n = types.shape[0], width
    cdef int32_t all_bits = 0
    cdef int64_t* tables[512]  # by type and turn
    if labels.shape[0] != n or not 0 <= bits < 31:
        raise ValueError("arrays of different lengths, or not 0 to 30 bits")
    with nogil:
        for i in range(n):
            all_bits |= labels[i] if labels[i] != none else 0
    if all_bits >> bits:  # or a label below 0
        return None
    there = occurring(types)
    width = 1 + (1 << (<object>all_bits).bit_length())
    # in turns in two tables: one count of the same is not waited for by the next
    array = np.zeros((2, len(there), width), np.int64)
    cdef int64_t[:, :, ::1] counts = array
    for i, kind in enumerate(there.tolist()):
        tables[2 * <int>kind] = &counts[0, i, 0]
        tables[2 * <int>kind + 1] = &counts[1, i, 0]
    with nogil:
        for i in range(n):
            tables[2 * types[i] | i & 1][labels[i] + 1 if labels[i] != none else 0] += 1
    return there, array.sum(0)


def occurring(const uint8_t[::1] types not None):
    cdef int64_t i
    array = np.zeros(256, np.uint8)
    cdef uint8_t[::1] there = array
    with nogil:
        for i in range(types.shape[0]):
            there[types[i]] = 1
    return np.flatnonzero(array)
