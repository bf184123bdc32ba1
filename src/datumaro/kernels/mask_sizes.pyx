# Sizes of masks that are those of their items' images.

import numpy as np

from libc.stdint cimport int32_t, int64_t

from datumaro.kernels._offsets cimport rises


cdef int64_t check(
    const int64_t[::1] offsets, const int64_t[::1] rle_ends, const int32_t[::1] sizes
) except -1:
    """How many items there are, each with its annotations and size."""
    cdef int64_t n = sizes.shape[0]
    if offsets.shape[0] != n + 1 or offsets[0] != 0 or offsets[n] != rle_ends.shape[0] - 1:
        raise ValueError("arrays of different lengths")
    rises(offsets, offsets[n])
    return n


cdef inline int64_t next_mask(const int64_t* rle_ends, int64_t row, int64_t n) noexcept nogil:
    """The first annotation of n, from ``row`` on, that has run lengths; n when there is none."""
    while row < n and rle_ends[row + 1] == rle_ends[row]:
        row += 1
    return row


def of_items(
    const int64_t[::1] offsets not None,
    const int64_t[::1] rle_ends not None,
    const int32_t[::1] sizes not None,
):
    cdef int64_t row, item = 0, n = offsets[check(offsets, rle_ends, sizes)]
    array = np.zeros(n, np.int32)
    cdef int32_t[::1] found = array
    with nogil:
        row = next_mask(&rle_ends[0], 0, n)
        while row < n:
            while offsets[item + 1] <= row:
                item += 1
            found[row] = sizes[item]
            row = next_mask(&rle_ends[0], row + 1, n)
    return array


def are_of_items(
    const int32_t[::1] told not None,
    const int64_t[::1] offsets not None,
    const int64_t[::1] rle_ends not None,
    const int32_t[::1] sizes not None,
):
    cdef int64_t row = 0, mask, item = 0, n = offsets[check(offsets, rle_ends, sizes)]
    cdef int32_t other = 0
    if told.shape[0] != n:
        raise ValueError("arrays of different lengths")
    with nogil:
        while not other:
            mask = next_mask(&rle_ends[0], row, n)
            for row in range(row, mask):
                other |= told[row]
            if mask == n:
                break
            while offsets[item + 1] <= mask:
                item += 1
            other |= told[mask] ^ sizes[item]
            row = mask + 1
    return not other
