# Levels of Parquet's pages as bits, one for each, so that those of 64 values are looked at together.
# Everything is inline, needs no GIL and makes no Python object.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from datumaro.kernels._parquet cimport (
    BYTE_STREAM_SPLIT, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, PLAIN, PLAIN_DICTIONARY,
    RLE_DICTIONARY, Runs, next_run, ones_in,
)


cdef struct Page:
    const uint8_t* data
    Py_ssize_t size  # bytes
    Py_ssize_t count  # values, with nulls
    int encoding
    Py_ssize_t repeated  # where repetition levels begin and end
    Py_ssize_t repeated_end
    Py_ssize_t defined  # and definition levels
    Py_ssize_t values  # where definition levels end, and values begin
    Py_ssize_t there  # values that are not null
    Py_ssize_t begin  # where the bytes of its texts begin, and how many there are
    Py_ssize_t bytes


# --- bits ---------------------------------------------------------------------------------------


# The `n` lowest bits, 0 to 64.
cdef inline uint64_t lowest(Py_ssize_t n) noexcept nogil:
    return ~<uint64_t>0 if n >= 64 else (<uint64_t>1 << n) - 1


# Set `n` bits from bit `at` on; all there are 0, and those of `word` beyond `n`.
cdef inline void put(uint64_t* out, Py_ssize_t at, uint64_t word, int n) noexcept nogil:
    cdef int shift = at & 63
    out[at >> 6] |= word << shift
    if shift + n > 64:
        out[(at >> 6) + 1] |= word >> (64 - shift)


cdef inline void put_ones(uint64_t* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t step
    while n > 0:
        step = min(n, 64 - (at & 63))
        out[at >> 6] |= lowest(step) << (at & 63)
        at += step
        n -= step


# The bits 0, 2, 4, … together.
cdef inline uint64_t even(uint64_t x) noexcept nogil:
    x &= 0x5555555555555555ULL
    x = (x | x >> 1) & 0x3333333333333333ULL
    x = (x | x >> 2) & 0x0F0F0F0F0F0F0F0FULL
    x = (x | x >> 4) & 0x00FF00FF00FF00FFULL
    x = (x | x >> 8) & 0x0000FFFF0000FFFFULL
    return (x | x >> 16) & 0x00000000FFFFFFFFULL


cdef inline Py_ssize_t ones_between(const uint64_t* bits, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t found = 0, w, first = begin >> 6, last = end >> 6
    if begin >= end:
        return 0
    for w in range(first, last):
        found += ones_in(bits[w])
    if end & 63:
        found += ones_in(bits[last] & lowest(end & 63))
    return found - ones_in(bits[first] & lowest(begin & 63))


# --- levels -------------------------------------------------------------------------------------


# Levels of one or two bits to the bits from `at` on; False when they are no levels.
cdef inline bint put_levels(
    const uint8_t* data, Py_ssize_t begin, Py_ssize_t end, int width, Py_ssize_t count,
    uint64_t* low, uint64_t* high, Py_ssize_t at,
) noexcept nogil:
    cdef Runs r
    cdef Py_ssize_t seen = 0, n, i, step
    cdef uint64_t word
    r.data, r.pos, r.end, r.width, r.n = data, begin, end, width, 0
    while seen < count:
        if not next_run(&r):
            return False
        n = min(r.n, count - seen)
        if not r.packed:
            if r.value >> width:
                return False
            if r.value & 1:
                put_ones(low, at + seen, n)
            if r.value & 2:
                put_ones(high, at + seen, n)
        elif width == 1:
            for i in range(0, n, 64):
                step = min(64, n - i)
                word = 0
                memcpy(&word, r.data + r.at + (i >> 3), (step + 7) >> 3)
                put(low, at + seen + i, word & lowest(step), step)
        else:
            for i in range(0, n, 32):
                step = min(32, n - i)
                word = 0
                memcpy(&word, r.data + r.at + (i >> 2), (step + 3) >> 2)
                word &= lowest(2 * step)
                put(low, at + seen + i, even(word), step)
                put(high, at + seen + i, even(word >> 1), step)
        seen += n
    return True


cdef inline bint is_known(int encoding) noexcept nogil:
    return (
        encoding == PLAIN or encoding == PLAIN_DICTIONARY or encoding == RLE_DICTIONARY
        or encoding == DELTA_BINARY_PACKED or encoding == DELTA_LENGTH_BYTE_ARRAY
        or encoding == BYTE_STREAM_SPLIT
    )


# Where levels begin and end that have their size before them; False when they go on beyond the page.
cdef inline bint go_over_levels(Page* page, Py_ssize_t* begin, Py_ssize_t* at) noexcept nogil:
    cdef uint32_t size
    if page.size - at[0] < 4:
        return False
    memcpy(&size, page.data + at[0], 4)
    if size > page.size - at[0] - 4:
        return False
    begin[0] = at[0] + 4
    at[0] += 4 + size
    return True


# Where a page's levels are; False when they go on beyond it.
cdef inline bint find_levels(Page* page, bint nested, int most) noexcept nogil:
    cdef Py_ssize_t at = 0
    page.repeated = page.repeated_end = page.defined = page.values = 0
    if nested and not go_over_levels(page, &page.repeated, &at):
        return False
    page.repeated_end = at
    if most and not go_over_levels(page, &page.defined, &at):
        return False
    page.values = at
    return True


# Which of `n` levels are 0: empty lists; False when one is more than the highest there is.
#
# bits : the higher bits of the levels, which say what is there.
# low : the lower ones, or NULL; it may be `empty`.
cdef inline bint find_empty(
    uint64_t* bits, uint64_t* low, uint64_t* empty, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t w
    cdef uint64_t wrong = 0, one = 0
    for w in range((n + 63) >> 6):
        if low != NULL:
            one = low[w]
        wrong |= bits[w] & one
        empty[w] = ~(bits[w] | one) & lowest(n - (w << 6))
    return wrong == 0


# Where lists begin among the values of `n` levels, and the last ends.
cdef inline void list_offsets(
    int64_t* out, const uint64_t* repeated, const uint64_t* empty, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t w, gone = 0
    cdef uint64_t word, below
    for w in range((n + 63) >> 6):
        word = ~repeated[w] & lowest(n - (w << 6))
        while word:
            below = (word & (~word + 1)) - 1  # the bits below the lowest one
            out[0] = (w << 6) + ones_in(below) - gone - ones_in(empty[w] & below)
            out += 1
            word &= word - 1
        gone += ones_in(empty[w])
    out[0] = n - gone


# Those of `n` bits that are not gone, one after another.
cdef inline void put_others(
    uint64_t* out, const uint64_t* bits, const uint64_t* gone, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t w, at = 0, step, i
    cdef uint64_t word, found
    cdef int k
    for w in range((n + 63) >> 6):
        step = min(64, n - (w << 6))
        if gone[w] == 0:
            put(out, at, bits[w], step)
            at += step
            continue
        found = 0
        k = 0
        for i in range(step):
            word = ~(gone[w] >> i) & 1
            found |= (bits[w] >> i & word) << k
            k += word
        put(out, at, found, k)
        at += k
