# What readers of files of lines share.

from libc.stdint cimport uint8_t

from datumaro.kernels._arrays cimport array_of
from datumaro.kernels._buffer cimport Buffer


cdef inline bint is_blank(uint8_t c) noexcept nogil:
    return c == c" " or c == c"\t" or c == c"\r" or c == c"\f" or c == c"\v"


cdef inline taken(Buffer* b, kind):
    """What a buffer holds, as an array; the buffer is empty then."""
    array = array_of(b, kind)
    b.size = 0
    return array
