# Arrow's validity bits, lowest first.

from libc.stdint cimport int64_t, uint8_t


cdef inline bint is_valid(const uint8_t* valid, int64_t bit) noexcept nogil:
    return valid[bit >> 3] >> (bit & 7) & 1


cdef inline int fits(const uint8_t[::1] valid, int64_t first, int64_t n) except -1:
    """See that there are bits for n values from a number on."""
    if first < 0 or (n and n > 8 * valid.shape[0] - first):
        raise ValueError("fewer validity bits than values")
    return 0


cdef inline int fit_if_any(const uint8_t[::1] valid, int64_t first, int64_t n) except -1:
    """The same where there may be none; whether there are some."""
    if valid is None:
        return 0
    fits(valid, first, n)
    return n > 0
