# Columns that are indices into a dictionary, as what they stand for.

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcmp, memcpy

from datumaro.kernels._offsets cimport rises
from datumaro.kernels._validity cimport fit_if_any, is_valid

cdef enum:
    SHORT = 16  # bytes that are copied at once


def numbers(
    const int32_t[::1] indices not None,
    const uint8_t[::1] valid,
    int64_t first,
    const uint8_t[::1] meanings not None,
    uint8_t missing,
):
    cdef int64_t i, n = indices.shape[0], bad = -1
    cdef uint8_t[::1] out
    cdef const uint8_t* bits = &valid[0] if fit_if_any(valid, first, n) else NULL
    array = np.empty(n, np.uint8)
    out = array
    with nogil:
        for i in range(n):
            if bits != NULL and not is_valid(bits, first + i):
                out[i] = missing
            elif 0 <= indices[i] < meanings.shape[0]:
                out[i] = meanings[indices[i]]
            else:
                bad = i
                break
    return bad, array


def texts(
    const int32_t[::1] indices not None,
    const uint8_t[::1] valid,
    int64_t first,
    const int64_t[::1] offsets not None,
    const uint8_t[::1] data not None,
):
    cdef int64_t i, n = indices.shape[0], n_texts = offsets.shape[0] - 1, bad = -1, total = 0, size
    cdef const uint8_t* bits = &valid[0] if fit_if_any(valid, first, n) else NULL
    cdef const uint8_t* text
    cdef int64_t[::1] ends
    cdef uint8_t[::1] memory
    cdef uint8_t* to
    rises(offsets, data.shape[0])
    ends_array = np.empty(n + 1, np.int64)
    ends = ends_array
    with nogil:
        ends[0] = 0
        for i in range(n):
            if bits == NULL or is_valid(bits, first + i):
                if not 0 <= indices[i] < n_texts:
                    bad = i
                    break
                total += offsets[indices[i] + 1] - offsets[indices[i]]
            ends[i + 1] = total
    if bad >= 0:
        return bad, ends_array, np.zeros(0, np.uint8)
    array = np.empty(total, np.uint8)
    memory = array
    if total:
        with nogil:
            to = &memory[0]
            for i in range(n):
                size = ends[i + 1] - ends[i]
                if size:
                    text = &data[0] + offsets[indices[i]]
                    # what is copied too much is written over by the next text
                    if (
                        size <= 2 * SHORT
                        and total - ends[i] >= 2 * SHORT
                        and data.shape[0] - offsets[indices[i]] >= 2 * SHORT
                    ):
                        memcpy(to + ends[i], text, SHORT)
                        memcpy(to + ends[i] + SHORT, text + SHORT, SHORT)
                    else:
                        memcpy(to + ends[i], text, size)
    return bad, ends_array, array


def indices(const uint8_t[::1] values not None, const int32_t[::1] places not None):
    cdef int64_t i, n = values.shape[0]
    if places.shape[0] != 256:
        raise ValueError("not a place for each value")
    array = np.empty(n, np.int32)
    cdef int32_t[::1] out = array
    with nogil:
        for i in range(n):
            out[i] = places[values[i]]
    return array


def runs(const int64_t[::1] offsets not None, const uint8_t[::1] data not None):
    cdef int64_t i, n = offsets.shape[0] - 1, size, before = -1, found = 0
    rises(offsets, data.shape[0])
    starts_array = np.empty(n + 1, np.int64)
    cdef int64_t[::1] starts = starts_array
    with nogil:
        for i in range(n):
            size = offsets[i + 1] - offsets[i]
            if size != before or (
                size and memcmp(&data[0] + offsets[i], &data[0] + offsets[i - 1], size)
            ):
                starts[found] = i
                found += 1
            before = size
        starts[found] = n
    return starts_array[: found + 1]
