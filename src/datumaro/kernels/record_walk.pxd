from libc.stdint cimport int64_t, uint8_t

from datumaro.kernels._records cimport Walk

cdef int walk(Walk* w, const int64_t* bounds, int64_t n_blobs, bint fill) noexcept nogil
cdef int64_t covered(const uint8_t* p, int64_t n, int64_t limit) noexcept nogil
