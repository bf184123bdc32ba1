# Growing memory as arrays.

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from datumaro.kernels._json cimport Buffer


cdef inline array_of(const Buffer* b, kind):
    """A copy of a buffer as an array of a data type."""
    import numpy as np

    out = np.empty(b.size, np.uint8)
    cdef uint8_t[::1] memory = out
    if b.size:
        memcpy(&memory[0], b.data, b.size)
    return out.view(kind)
