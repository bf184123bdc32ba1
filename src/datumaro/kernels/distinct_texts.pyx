# Whether texts are all different.

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from datumaro.kernels._offsets cimport rises

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define soon(place) __builtin_prefetch(place, 1)
    #else
    #define soon(place) ((void)(place))
    #endif
    """
    void soon(const void* place) nogil  # it will be read and written

cdef enum:
    STEPS = 8  # for a text, on average, beyond which it is not looked for its place
    TOGETHER = 64  # texts whose places are fetched while others are looked for


cdef inline uint64_t hash_of(const uint8_t* p, int64_t n) noexcept nogil:
    """A number that is never 0."""
    cdef uint64_t found = <uint64_t>n * 0x9E3779B97F4A7C15ULL, word
    while n > 0:
        word = 0
        memcpy(&word, p, 8 if n >= 8 else n)
        found = (found ^ word) * 0xD6E8FEB86659FD93ULL
        found ^= found >> 32
        p += 8
        n -= 8
    found *= 0xD6E8FEB86659FD93ULL
    return (found ^ found >> 32) | 1


def are_distinct(list columns not None):
    cdef int64_t total = 0, steps, row, n, mask, size = 16, begin, end
    cdef const int64_t[::1] offsets
    cdef const uint8_t[::1] data
    cdef const uint8_t* p
    cdef uint64_t[TOGETHER] found
    cdef int64_t place, k
    for offsets, data in columns:
        rises(offsets, data.shape[0])
        total += offsets.shape[0] - 1
    while size < 2 * total:
        size *= 2
    mask = size - 1
    steps = STEPS * total
    cdef uint64_t[::1] table = np.zeros(size, np.uint64)
    for offsets, data in columns:
        n = offsets.shape[0] - 1
        p = &data[0] if data.shape[0] else NULL
        begin = 0
        with nogil:
            while begin < n:
                end = min(begin + TOGETHER, n)
                for row in range(begin, end):
                    k = row - begin
                    found[k] = hash_of(p + offsets[row], offsets[row + 1] - offsets[row])
                    soon(&table[<int64_t>(found[k] >> 20) & mask])
                for k in range(end - begin):
                    place = <int64_t>(found[k] >> 20) & mask
                    while table[place] and table[place] != found[k] and steps:
                        place = (place + 1) & mask
                        steps -= 1
                    if table[place]:
                        with gil:
                            return False
                    table[place] = found[k]
                begin = end
    return True
