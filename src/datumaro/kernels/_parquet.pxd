# What is in Parquet's pages, in C (https://parquet.apache.org/docs/file-format/data-pages/encodings/).
# Everything is inline, needs no GIL and makes no Python object; nothing reads beyond the ends that it
# is given.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from datumaro.kernels._thrift cimport Cursor, thrift_integer, thrift_varint

# encodings, by parquet.thrift
cdef enum:
    PLAIN = 0
    PLAIN_DICTIONARY = 2
    DELTA_BINARY_PACKED = 5
    DELTA_LENGTH_BYTE_ARRAY = 6
    RLE_DICTIONARY = 8
    BYTE_STREAM_SPLIT = 9


# --- bits ---------------------------------------------------------------------------------------

# How many bits are set.
cdef inline int ones_in(uint64_t x) noexcept nogil:
    x -= (x >> 1) & 0x5555555555555555ULL
    x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL)
    x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0FULL
    return <int>(x * 0x0101010101010101ULL >> 56)


# `width` bits (at most 64) from bit `at` on, lowest first; all are before `end` bytes.
cdef inline uint64_t bits_at(const uint8_t* data, Py_ssize_t end, uint64_t at, int width) noexcept nogil:
    cdef Py_ssize_t byte = <Py_ssize_t>(at >> 3)
    cdef int shift = <int>(at & 7), got
    cdef uint64_t value = 0, more
    if width == 0:
        return 0
    if end - byte >= 8:  # the machine is little-endian, as Arrow's are
        memcpy(&value, data + byte, 8)
    else:
        memcpy(&value, data + byte, end - byte)
    value >>= shift
    got = 64 - shift
    if width > got:
        more = data[byte + 8]
        value |= more << got
    return value if width == 64 else value & ((<uint64_t>1 << width) - 1)


# --- runs of levels and indices -----------------------------------------------------------------

cdef struct Runs:
    const uint8_t* data
    Py_ssize_t pos
    Py_ssize_t end
    int width  # bits of a value, 1 to 32
    Py_ssize_t n  # values of this run
    bint packed  # in as many bits each, from `at` on; or all are `value`
    Py_ssize_t at
    uint32_t value


# Go to the next run; False when there is none that is whole.
cdef inline bint next_run(Runs* r) noexcept nogil:
    cdef Cursor c
    cdef uint64_t head
    cdef int i, size = (r.width + 7) // 8
    c.data, c.pos, c.end = r.data, r.pos, r.end
    if thrift_varint(&c, &head):
        return False
    r.packed = head & 1
    head >>= 1
    if head == 0 or head > <uint64_t>1 << 40:
        return False
    if r.packed:
        r.at = c.pos
        r.n = <Py_ssize_t>head * 8
        if <Py_ssize_t>head * r.width > c.end - c.pos:
            return False
        r.pos = c.pos + <Py_ssize_t>head * r.width
    else:
        r.n = <Py_ssize_t>head
        if size > c.end - c.pos:
            return False
        r.value = 0
        for i in range(size):
            r.value |= <uint32_t>r.data[c.pos + i] << (8 * i)
        r.pos = c.pos + size
    return True


# --- DELTA_BINARY_PACKED ------------------------------------------------------------------------

cdef struct DeltaHead:
    Py_ssize_t size  # numbers of a miniblock
    Py_ssize_t minis  # miniblocks of a block
    Py_ssize_t total  # how many numbers there are
    int64_t first


# What numbers begin with; False when it is of another form.
cdef inline bint delta_head(Cursor* c, DeltaHead* head) noexcept nogil:
    cdef uint64_t block = 0, minis = 0, total = 0
    if (
        thrift_varint(c, &block) or thrift_varint(c, &minis) or thrift_varint(c, &total)
        or thrift_integer(c, &head.first)
        or not 1 <= minis <= 512 or block > 1 << 16 or block % minis or (block // minis) % 8
        or block == 0 or total > <uint64_t>1 << 31
    ):
        return False
    head.size, head.minis, head.total = block // minis, minis, total
    return True
