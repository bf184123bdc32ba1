"""COCO's run lengths of several masks at a time: from the runs of an image, and into an image."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset

from datumaro.kernels._json cimport Buffer, buffer_free, buffer_int64
from datumaro.kernels._rle cimport Runs, put_runs, runs_begin, runs_next


def encode_groups(
    const int64_t[::1] begins, const int64_t[::1] ends, const int64_t[::1] first, int64_t n_pixels
):
    """See rle.pyi."""
    cdef Buffer text, runs
    cdef Py_ssize_t n = first.shape[0] - 1, n_runs = begins.shape[0], mask, row
    cdef int64_t at
    cdef bint sound = n >= 0 and ends.shape[0] == n_runs
    memset(&text, 0, sizeof(Buffer))
    memset(&runs, 0, sizeof(Buffer))
    out = np.zeros(n + 1 if n >= 0 else 1, np.int64)
    cdef int64_t[::1] offsets = out
    if not sound or first[0] != 0 or first[n] != n_runs or not 0 <= n_pixels <= 0xFFFFFFFF:
        raise ValueError("the runs of masks do not fit together")
    try:
        with nogil:
            for mask in range(n):
                at = 0
                runs.size = 0
                if not 0 <= first[mask] <= first[mask + 1] <= n_runs:
                    sound = False
                    break
                for row in range(first[mask], first[mask + 1]):
                    if not at <= begins[row] <= ends[row] <= n_pixels:
                        sound = False
                        break
                    if at == begins[row] and runs.size:  # goes on where the last one ended
                        (<int64_t*>(runs.data + runs.size))[-1] += ends[row] - begins[row]
                    elif (
                        buffer_int64(&runs, begins[row] - at) < 0
                        or buffer_int64(&runs, ends[row] - begins[row]) < 0
                    ):
                        with gil:
                            raise MemoryError()
                    at = ends[row]
                if not sound:
                    break
                if (at < n_pixels or not runs.size) and buffer_int64(&runs, n_pixels - at) < 0:
                    with gil:
                        raise MemoryError()
                if put_runs(&text, <const int64_t*>runs.data, runs.size // sizeof(int64_t)) < 0:
                    with gil:
                        raise MemoryError()
                offsets[mask + 1] = text.size
        if not sound:
            raise ValueError("the runs of masks do not fit together")
        return out, (<char*>text.data)[: text.size] if text.size else b""
    finally:
        buffer_free(&text)
        buffer_free(&runs)


def paint(int32_t[::1] canvas, bytes rle, int32_t value):
    """See rle.pyi."""
    cdef Runs runs
    cdef int64_t run, total = 0, painted = 0
    cdef Py_ssize_t size = canvas.shape[0], i
    cdef bint inside = False
    cdef int code
    # once over the text first: nothing is painted of a damaged mask
    runs_begin(&runs, <const uint8_t*><char*>rle, len(rle))
    with nogil:
        while True:
            code = runs_next(&runs, &run)
            if code <= 0:
                break
            total += run
            if total > size:
                break
    if code < 0 or total != size:
        return -1
    runs_begin(&runs, <const uint8_t*><char*>rle, len(rle))
    with nogil:
        total = 0
        while runs_next(&runs, &run) > 0:
            if inside:
                for i in range(total, total + run):
                    canvas[i] = value
                painted += run
            total += run
            inside = not inside
    return painted
