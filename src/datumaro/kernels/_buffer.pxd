# Growing memory. Everything is inline and needs no GIL; functions return -1 when there is no memory.

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from datumaro.kernels._words cimport likely


cdef struct Buffer:      # all zero: empty. Whoever has one calls buffer_free, or gives `data` away.
    uint8_t* data
    size_t size          # bytes in use
    size_t room          # bytes there are


cdef inline void buffer_free(Buffer* b) noexcept nogil:
    free(b.data)
    b.data = NULL
    b.size = b.room = 0


cdef inline int buffer_grow(Buffer* b, size_t extra) noexcept nogil:
    cdef size_t room = b.room + (b.room >> 1) + 256
    cdef uint8_t* data
    if extra > <size_t>-1 - b.size:
        return -1
    if room < b.size + extra:
        room = b.size + extra
    data = <uint8_t*>realloc(b.data, room)
    if data == NULL:
        return -1
    b.data = data
    b.room = room
    return 0


cdef inline int buffer_reserve(Buffer* b, size_t extra) noexcept nogil:
    """Make room for ``extra`` bytes after those in use."""
    if likely(extra <= b.room - b.size):
        return 0
    return buffer_grow(b, extra)


cdef inline int buffer_add(Buffer* b, const void* data, size_t size) noexcept nogil:
    if buffer_reserve(b, size) < 0:
        return -1
    if size:
        memcpy(b.data + b.size, data, size)
    b.size += size
    return 0


cdef inline int buffer_byte(Buffer* b, uint8_t byte) noexcept nogil:
    if buffer_reserve(b, 1) < 0:
        return -1
    b.data[b.size] = byte
    b.size += 1
    return 0


cdef inline int buffer_int64(Buffer* b, int64_t value) noexcept nogil:
    """Append the eight bytes of a number (an array of them, not text)."""
    if buffer_reserve(b, 8) < 0:
        return -1
    (<int64_t*>(b.data + b.size))[0] = value
    b.size += 8
    return 0


cdef inline int buffer_int32(Buffer* b, int32_t value) noexcept nogil:
    if buffer_reserve(b, 4) < 0:
        return -1
    (<int32_t*>(b.data + b.size))[0] = value
    b.size += 4
    return 0


cdef inline int buffer_float(Buffer* b, float value) noexcept nogil:
    if buffer_reserve(b, 4) < 0:
        return -1
    (<float*>(b.data + b.size))[0] = value
    b.size += 4
    return 0


cdef inline int buffer_double(Buffer* b, double value) noexcept nogil:
    if buffer_reserve(b, 8) < 0:
        return -1
    (<double*>(b.data + b.size))[0] = value
    b.size += 8
    return 0
