# Which types occur, and how often each label with each of them.

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t


def bounds(const int32_t[::1] labels not None, int32_t none):
    cdef int64_t i, n = labels.shape[0]
    cdef int32_t least = 0, most = -1, label
    with nogil:
        for i in range(n):
            label = labels[i]
            least = min(least, label if label != none else 0)
            most = max(most, label if label != none else -1)
    return least, most


def count(const uint8_t[::1] types not None, const int32_t[::1] labels not None, int32_t most):
    cdef int64_t i, n = types.shape[0]
    if labels.shape[0] != n or most < -1:
        raise ValueError("arrays of different lengths, or a label below 0")
    array = np.zeros((<int64_t>most + 2, 256), np.int64)
    cdef int64_t[:, ::1] counts = array
    with nogil:
        for i in range(n):
            counts[labels[i] + 1 if 0 <= labels[i] <= most else 0, types[i]] += 1
    return array


def occurring(const uint8_t[::1] types not None):
    cdef int64_t i
    array = np.zeros(256, np.uint8)
    cdef uint8_t[::1] there = array
    with nogil:
        for i in range(types.shape[0]):
            there[types[i]] = 1
    return np.flatnonzero(array)
