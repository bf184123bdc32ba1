"""What the pages of a Parquet file are made of: levels, numbers and texts as they are encoded.

The encodings are those of https://parquet.apache.org/docs/file-format/data-pages/encodings/.
`parquet_columns` is the reverse.
"""

import numpy as np

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy

from datumaro.kernels._buffer cimport Buffer, buffer_byte, buffer_free, buffer_reserve

ctypedef fused integer:
    int32_t
    int64_t

ctypedef fused small:
    uint8_t
    int32_t

cdef enum:
    GROUP = 8  # values that are packed together
    LEAST_REPEATED = 512  # values of a run of one: shorter ones compress better packed
    BLOCK = 128  # deltas
    MINI = 32  # of which these many have as many bits
    MINIS = 4
    MOST_LENGTH = 0x7FFFFFFF


cdef bytes _taken(Buffer* b):
    """What is in a buffer, which is freed."""
    try:
        return PyBytes_FromStringAndSize(<char*>b.data, <Py_ssize_t>b.size)
    finally:
        buffer_free(b)


cdef int _enough(int code, Buffer* b) except -1:
    if code < 0:
        buffer_free(b)
        raise MemoryError
    return 0


cdef inline int _varint(Buffer* b, uint64_t value) noexcept nogil:
    if buffer_reserve(b, 10) < 0:
        return -1
    while value > 127:
        b.data[b.size] = <uint8_t>(value & 127 | 128)
        b.size += 1
        value >>= 7
    b.data[b.size] = <uint8_t>value
    b.size += 1
    return 0


cdef inline int _signed(Buffer* b, int64_t value) noexcept nogil:
    return _varint(b, (<uint64_t>value << 1) ^ <uint64_t>(value >> 63))


# --- levels -------------------------------------------------------------------------------------


def list_levels(const int64_t[::1] offsets not None):
    """See parquet_encoding.pyi."""
    cdef Py_ssize_t n = offsets.shape[0] - 1, i, size = 0, at = 0
    cdef int64_t k, length
    if n < 0:
        raise ValueError("no offsets")
    for i in range(n):
        length = offsets[i + 1] - offsets[i]
        if length < 0:
            raise ValueError("offsets that do not rise")
        size += max(length, 1)
    repeated, there = np.empty(size, np.uint8), np.empty(size, np.uint8)
    cdef uint8_t[::1] again = repeated, full = there
    with nogil:
        for i in range(n):
            again[at] = 0
            full[at] = offsets[i + 1] > offsets[i]
            at += 1
            for k in range(1, offsets[i + 1] - offsets[i]):
                again[at] = full[at] = 1
                at += 1
    return repeated, there


def nested_levels(const uint8_t[::1] there not None, const uint8_t[::1] valid not None):
    """See parquet_encoding.pyi."""
    cdef Py_ssize_t n = there.shape[0], i, at = 0, begin = 0, end
    cdef const uint8_t* empty
    for i in range(n):
        at += there[i] != 0
    if at != valid.shape[0]:
        raise ValueError("other numbers of values")
    found = np.zeros(n, np.uint8)
    cdef uint8_t[::1] out = found
    at = 0
    with nogil:
        while begin < n:  # from one empty list to the next
            empty = <const uint8_t*>memchr(&there[begin], 0, n - begin)
            end = n if empty == NULL else empty - &there[0]
            for i in range(end - begin):
                out[begin + i] = 1 + valid[at + i]
            at += end - begin
            begin = end + 1
    return found


cdef inline bint _is_one(const small* values) noexcept nogil:
    """Whether a group has one value."""
    cdef uint64_t word = 0
    cdef int i
    if small is uint8_t:
        memcpy(&word, values, 8)
        word ^= <uint64_t>values[0] * <uint64_t>0x0101010101010101
    else:
        for i in range(1, GROUP):
            word |= <uint64_t>(values[i] ^ values[0])
    return word == 0


cdef inline void _pack_group(const small* values, int width, uint8_t* out) noexcept nogil:
    """A group as ``width`` bytes, the lowest bits first."""
    cdef uint64_t word = 0
    cdef int i, bits = 0
    if small is uint8_t:
        memcpy(&word, values, 8)
        if width == 8:
            memcpy(out, &word, 8)
            return
        if width == 1:
            out[0] = <uint8_t>((word * <uint64_t>0x0102040810204080) >> 56)
            return
        if width == 2:
            word = (word | word >> 6) & <uint64_t>0x000F000F000F000F
            word = (word | word >> 12) & <uint64_t>0x000000FF000000FF
            word |= word >> 24
            out[0], out[1] = <uint8_t>word, <uint8_t>(word >> 8)
            return
        word = 0
    for i in range(GROUP):
        word |= <uint64_t>values[i] << bits
        bits += width
        while bits >= 8:
            out[0] = <uint8_t>word
            out += 1
            word >>= 8
            bits -= 8


cdef int _packed(Buffer* b, const small* values, Py_ssize_t groups, int width) noexcept nogil:
    """A run of whole groups."""
    cdef Py_ssize_t i
    if groups == 0:
        return 0
    if _varint(b, <uint64_t>groups << 1 | 1) < 0 or buffer_reserve(b, groups * width) < 0:
        return -1
    for i in range(groups):
        _pack_group(values + i * GROUP, width, b.data + b.size)
        b.size += width
    return 0


cdef int _repeated(Buffer* b, uint32_t value, Py_ssize_t n, int width) noexcept nogil:
    """A run of one value."""
    cdef int i
    if _varint(b, <uint64_t>n << 1) < 0:
        return -1
    for i in range((width + 7) // 8):
        if buffer_byte(b, <uint8_t>(value >> 8 * i)) < 0:
            return -1
    return 0


cdef int _runs(Buffer* b, const small* values, Py_ssize_t n, int width) noexcept nogil:
    cdef Py_ssize_t begun = 0, at = 0, end
    cdef small[GROUP] rest
    cdef int i
    while n - at >= GROUP:
        end = at
        while n - end >= GROUP and values[end] == values[at] and _is_one(values + end):
            end += GROUP
        if end == n - n % GROUP and end > at:  # at the end a run need not be of groups
            while end < n and values[end] == values[at]:
                end += 1
        if end - at >= LEAST_REPEATED:
            if _packed(b, values + begun, (at - begun) // GROUP, width) < 0:
                return -1
            if _repeated(b, <uint32_t>values[at], end - at, width) < 0:
                return -1
            begun = end
        at = max(end, at + GROUP)
    if begun == n:
        return 0
    if _packed(b, values + begun, (n - begun) // GROUP, width) < 0:
        return -1
    begun += (n - begun) // GROUP * GROUP
    if begun < n:  # filled up
        for i in range(GROUP):
            rest[i] = values[begun + i] if begun + i < n else 0
        return _packed(b, &rest[0], 1, width)
    return 0


def runs(const small[::1] values not None, int width):
    """See parquet_encoding.pyi."""
    cdef Buffer b
    cdef Py_ssize_t n = values.shape[0]
    cdef int code = 0
    if not 1 <= width <= 8 * <int>sizeof(small) - (sizeof(small) > 1):
        raise ValueError(f"{width} bits")
    b.data, b.size, b.room = NULL, 0, 0
    with nogil:
        if n:
            code = _runs(&b, &values[0], n, width)
    _enough(code, &b)
    return _taken(&b)


# --- numbers ------------------------------------------------------------------------------------


def picked(const integer[::1] values not None, const uint8_t[::1] valid not None):
    """See parquet_encoding.pyi."""
    cdef Py_ssize_t n = values.shape[0], i, at = 0
    if valid.shape[0] != n:
        raise ValueError("arrays of different lengths")
    found = np.empty(n + 1, np.asarray(values).dtype)  # one more, to write without a branch
    cdef integer[::1] out = found
    with nogil:
        for i in range(n):
            out[at] = values[i]
            at += valid[i] != 0
    return found[:at]


cdef inline int _bits_of(uint64_t value) noexcept nogil:
    cdef int bits = 0
    while value:
        value >>= 1
        bits += 1
    return bits


cdef int _pack_mini(Buffer* b, const uint64_t* values, int width) noexcept nogil:
    """MINI numbers of ``width`` bits, at most 64: as many words of half the size."""
    cdef uint64_t word = 0
    cdef int i, bits = 0
    if width == 0:
        return 0
    if buffer_reserve(b, MINI * width // 8 + 8) < 0:
        return -1
    for i in range(MINI):
        word |= values[i] << bits
        bits += width
        if bits >= 64:
            memcpy(b.data + b.size, &word, 8)
            b.size += 8
            bits -= 64
            word = values[i] >> (width - bits) if bits else 0
    if bits:  # half a word: MINI is 32
        memcpy(b.data + b.size, &word, 8)
        b.size += bits // 8
    return 0


cdef int _deltas(Buffer* b, const integer* values, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t at = 1, size, i
    cdef uint64_t[BLOCK] steps
    cdef uint64_t most
    cdef integer step, least = 0
    cdef int k, width
    if (
        _varint(b, BLOCK) < 0 or _varint(b, MINIS) < 0 or _varint(b, n) < 0
        or _signed(b, values[0] if n else 0) < 0
    ):
        return -1
    while at < n:
        size = min(BLOCK, n - at)
        for i in range(size):  # of so many bits as the numbers have: they wrap
            if integer is int32_t:
                step = <int32_t>(<uint32_t>values[at + i] - <uint32_t>values[at + i - 1])
            else:
                step = <int64_t>(<uint64_t>values[at + i] - <uint64_t>values[at + i - 1])
            steps[i] = <uint64_t><int64_t>step
            if i == 0 or step < least:
                least = step
        for i in range(size):
            if integer is int32_t:
                steps[i] = <uint32_t>steps[i] - <uint32_t>least
            else:
                steps[i] -= <uint64_t>least
        for i in range(size, BLOCK):
            steps[i] = 0
        if _signed(b, least) < 0 or buffer_reserve(b, MINIS) < 0:
            return -1
        for k in range(MINIS):
            most = 0
            for i in range(MINI):
                most |= steps[k * MINI + i]
            b.data[b.size + k] = <uint8_t>_bits_of(most)
        i = <Py_ssize_t>b.size
        b.size += MINIS
        for k in range(MINIS):
            width = b.data[i + k]
            if _pack_mini(b, &steps[k * MINI], width) < 0:
                return -1
        at += size
    return 0


def deltas(const integer[::1] values not None):
    """See parquet_encoding.pyi."""
    cdef Buffer b
    cdef Py_ssize_t n = values.shape[0]
    cdef int code
    b.data, b.size, b.room = NULL, 0, 0
    with nogil:
        code = _deltas(&b, &values[0] if n else NULL, n)
    _enough(code, &b)
    return _taken(&b)


cdef inline void _swap(uint64_t* a, uint64_t* b, int bits, uint64_t mask) noexcept nogil:
    """The upper halves of what ``mask`` has of one with the lower ones of the other."""
    cdef uint64_t both = (a[0] >> bits ^ b[0]) & mask
    b[0] ^= both
    a[0] ^= both << bits


cdef inline void _transposed(uint64_t* words) noexcept nogil:
    """Eight words, of which the first become the first bytes of all."""
    cdef int i, k
    for i in range(4):
        _swap(&words[i], &words[i + 4], 32, <uint64_t>0x00000000FFFFFFFF)
    for i in range(4):
        k = i + (i & 2)  # 0, 1, 4, 5
        _swap(&words[k], &words[k + 2], 16, <uint64_t>0x0000FFFF0000FFFF)
    for i in range(0, 8, 2):
        _swap(&words[i], &words[i + 1], 8, <uint64_t>0x00FF00FF00FF00FF)


def split(const integer[::1] values not None):
    """See parquet_encoding.pyi."""
    cdef Py_ssize_t n = values.shape[0], i, lot
    cdef int k, size = <int>sizeof(integer)
    cdef uint64_t[GROUP] words
    cdef bytearray found = bytearray(n * size)
    cdef uint8_t[::1] out = found
    with nogil:
        for lot in range(n // GROUP):
            i = lot * GROUP
            for k in range(GROUP):
                words[k] = <uint64_t>values[i + k]
            _transposed(words)
            for k in range(size):
                memcpy(&out[k * n + i], &words[k], GROUP)
        for i in range(n - n % GROUP, n):
            for k in range(size):
                out[k * n + i] = <uint8_t>(values[i] >> 8 * k)
    return found


# --- texts --------------------------------------------------------------------------------------


def lengths(const int64_t[::1] offsets not None, const uint8_t[::1] valid):
    """See parquet_encoding.pyi."""
    cdef Py_ssize_t n = offsets.shape[0] - 1, i, at = 0
    cdef int64_t size
    cdef bint whole = True
    if n < 0 or (valid is not None and valid.shape[0] != n):
        raise ValueError("arrays of different lengths")
    found = np.empty(n, np.int32)
    cdef int32_t[::1] out = found
    cdef const uint8_t* there = &valid[0] if valid is not None and n else NULL
    with nogil:
        for i in range(n):
            size = offsets[i + 1] - offsets[i]
            if there != NULL and not there[i]:
                whole &= size == 0
                continue
            if not 0 <= size <= MOST_LENGTH:
                with gil:
                    raise ValueError(f"a length of {size} bytes")
            out[at] = <int32_t>size
            at += 1
    return found[:at], whole


cdef int _inside(const int64_t[::1] offsets, const uint8_t[::1] data) except -1:
    cdef Py_ssize_t n = offsets.shape[0] - 1, i
    if n < 0 or offsets[0] < 0 or offsets[n] > data.shape[0]:
        raise ValueError("offsets beyond the bytes")
    for i in range(n):
        if not 0 <= offsets[i + 1] - offsets[i] <= MOST_LENGTH:
            raise ValueError(f"a length of {offsets[i + 1] - offsets[i]} bytes")
    return 0


def picked_bytes(
    const int64_t[::1] offsets not None, const uint8_t[::1] data not None,
    const uint8_t[::1] valid not None,
):
    """See parquet_encoding.pyi."""
    cdef Py_ssize_t n = offsets.shape[0] - 1, i, total = 0, at = 0
    _inside(offsets, data)
    if valid.shape[0] != n:
        raise ValueError("arrays of different lengths")
    for i in range(n):
        total += offsets[i + 1] - offsets[i] if valid[i] else 0
    cdef bytearray found = bytearray(total)
    cdef uint8_t[::1] out = found
    with nogil:
        for i in range(n):
            if valid[i] and offsets[i + 1] > offsets[i]:
                memcpy(&out[at], &data[offsets[i]], offsets[i + 1] - offsets[i])
                at += offsets[i + 1] - offsets[i]
    return found


def plain_texts(const int64_t[::1] offsets not None, const uint8_t[::1] data not None):
    """See parquet_encoding.pyi."""
    cdef Py_ssize_t n = offsets.shape[0] - 1, i, at = 0
    cdef uint32_t size
    _inside(offsets, data)
    cdef bytearray found = bytearray(offsets[n] - offsets[0] + 4 * n)
    cdef uint8_t[::1] out = found
    with nogil:
        for i in range(n):
            size = <uint32_t>(offsets[i + 1] - offsets[i])
            memcpy(&out[at], &size, 4)  # the machine is little-endian, as Arrow's are
            at += 4
            if size:
                memcpy(&out[at], &data[offsets[i]], size)
            at += size
    return found
