# Where texts or lists begin and end among their values.

from libc.stdint cimport int64_t


cdef inline int rises(const int64_t[::1] offsets, int64_t last) except -1:
    """See that offsets rise within ``last``."""
    cdef int64_t k, n = offsets.shape[0]
    if n == 0 or offsets[0] < 0 or offsets[n - 1] > last:
        raise ValueError("offsets outside their values")
    for k in range(n - 1):
        if offsets[k + 1] < offsets[k]:
            raise ValueError("offsets that do not rise")
    return 0
