# Names and paths that may lead elsewhere: more of them than do, found quickly.

import numpy as np

from libc.stdint cimport int64_t, uint8_t


cdef inline bint is_letter(uint8_t byte) noexcept nogil:
    return c"a" <= (byte | 32) <= c"z"


cdef inline bint is_suspect_name(const uint8_t* p, int64_t n) noexcept nogil:
    cdef int64_t i
    cdef bint found = n == 0 or p[0] == c"/" or (n > 1 and p[1] == c":" and is_letter(p[0]))
    cdef uint8_t before = 0
    for i in range(n):
        found |= p[i] == c"\\" or p[i] == 0 or (p[i] == c"." and before == c".")
        before = p[i]
    return found


cdef inline bint is_suspect_path(const uint8_t* p, int64_t n) noexcept nogil:
    cdef int64_t i
    cdef bint found = False, begins = True  # a part of the path
    for i in range(n):
        found |= (
            p[i] == c"\\" or p[i] == 0 or p[i] == c":"
            or (begins and (p[i] == c"." or (p[i] == c"/" and i > 0)))
        )
        begins = p[i] == c"/"
    return found


def suspects(
    const int64_t[::1] offsets not None, const uint8_t[::1] data not None, bint paths
):
    cdef int64_t row, n = offsets.shape[0] - 1, found = 0, length
    cdef bint suspect
    cdef const uint8_t* p = &data[0] if data.shape[0] else NULL
    if n < 0 or offsets[0] < 0 or offsets[n] > data.shape[0]:
        raise ValueError("offsets outside their values")
    for row in range(n):
        if offsets[row + 1] < offsets[row]:
            raise ValueError("offsets that do not rise")
    rows_array = np.empty(n + 1, np.int64)
    cdef int64_t[::1] rows = rows_array
    with nogil:
        for row in range(n):
            length = offsets[row + 1] - offsets[row]
            if paths:
                suspect = is_suspect_path(p + offsets[row], length)
            else:
                suspect = is_suspect_name(p + offsets[row], length)
            rows[found] = row
            found += suspect
    return rows_array[:found]
