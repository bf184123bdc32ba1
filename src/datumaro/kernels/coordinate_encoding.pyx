# Coordinates to bits: predicted, and what the prediction missed in a prefix code.
#
# An item's numbers are hundredths of a pixel. Each is predicted from those before it; the difference
# is split into a quotient, which has a code of 2 to 10 bits, and a remainder of as many bits as the
# last differences were long, the same for two numbers. docs/storage.md says it all.

import numpy as np

from datumaro.kernels._coordinates cimport *
from libc.string cimport memcpy

cdef extern from *:
    """
    static const double ROUNDS = 6755399441055744.0;  /* 1.5 * 2^52 */
    """
    const double ROUNDS

cdef enum:
    MOST_BITS = 96  # of one number: escape 7, quotient 55, remainder 27
    MOST_REMAINDER = 18  # bits of a remainder with which two numbers fit into 56

CODE_LENGTHS = (
    2, 2, 3, 3, 4, 5, 5, 5, 6, 6, 7, 7, 8, 8, 8, 9, 9, 9, 9,
    10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 7, 7,
)  # fmt: skip

cdef u64[SYMBOLS] code_of
cdef int[SYMBOLS] length_of


def canonical_codes():
    codes = []
    code = 0
    for length in range(1, LONGEST + 1):
        for symbol in range(SYMBOLS):
            if CODE_LENGTHS[symbol] == length:
                codes.append((symbol, length, code))
                code += 1
        code <<= 1
    return codes


for _symbol, _length, _code in canonical_codes():
    code_of[_symbol] = _code
    length_of[_symbol] = _length

make_weights()


# --- hundredths -------------------------------------------------------------------------------


cdef bint in_hundredths(const float* values, i64 n) noexcept nogil:
    """Whether all values are exactly what their nearest hundredths give back."""
    cdef const u32* bits = <const u32*>values
    cdef i64 j
    cdef double scaled
    cdef int other = 0
    for j in range(n):  # without an early end, so that it is compiled to vectors
        scaled = <double>values[j] * 100.0
        # beyond 2^52 doubles have no fraction: adding and taking away rounds, half to even
        # NaN differs, too; below LIMIT a hundredth is a float32, and the quotient is rounded once
        other |= <int>(<float>((scaled + ROUNDS) - ROUNDS) / <float>100.0 != values[j])
        other |= <int>(scaled < 1 - LIMIT) | <int>(scaled > LIMIT - 1)
        other |= <int>(bits[j] == <u32>0x80000000)  # -0.0
    return not other


cdef void to_hundredths(const float* values, i64 n, int* hundredths) noexcept nogil:
    """The nearest hundredths of values that have such."""
    cdef i64 j
    for j in range(n):
        hundredths[j] = <int>((<double>values[j] * 100.0 + ROUNDS) - ROUNDS)


# --- differences ------------------------------------------------------------------------------


cdef inline u32 zigzag(i64 difference) noexcept nogil:
    cdef u32 d = <u32>difference
    return (d << 1) ^ (0 - (d >> 31))


cdef u32* put_first(const int* h, i64 n, i64* before, u32* to) noexcept nogil:
    """The differences of an annotation's first numbers to the last of the one before it."""
    cdef i64 j
    for j in range(2 if n > 1 else 1):
        to[0] = STAYS if h[j] == before[j] else zigzag(h[j] - before[j])
        to += 1
    if n > 1:
        before[1] = h[n - 1 - (n & 1)]
    before[0] = h[n - 2 + (n & 1)]
    return to


cdef u32* put_next(const int* h, i64 n, bint closed, u32* to, u64* doubled) noexcept nogil:
    """The differences of an annotation's other numbers.

    ``doubled`` is twice the signed area (shoelace formula) in hundredths, modulo 2^64.
    """
    cdef i64 first_x = h[0], first_y = h[1] if n > 1 else 0, x = first_x, y = first_y, left = n >> 1
    cdef i64 step_x = 0, step_y = 0, before_x = 0, before_y = 0, weight = 0, next_x, next_y, j
    cdef u64 area = 0
    for j in range(2, n - 1, 2):
        if closed:
            weight = weight_of_first(left)
        left -= 1
        next_x = h[j] - x
        next_y = h[j + 1] - y
        to[0] = STAYS if next_x == 0 else zigzag(
            next_x - predicted_step(step_x, before_x, first_x - x, weight)
        )
        to[1] = STAYS if next_y == 0 else zigzag(
            next_y - predicted_step(step_y, before_y, first_y - y, weight)
        )
        to += 2
        area += <u64>x * <u64>(step_y + next_y)
        before_x = step_x
        before_y = step_y
        step_x = next_x
        step_y = next_y
        x += step_x
        y += step_y
    area += <u64>x * <u64>(first_y - y + step_y) + <u64>first_x * <u64>(first_y - y)
    if n > 2 and n & 1:
        weight = weight_of_first(1) if closed else 0
        next_x = h[n - 1] - x
        to[0] = STAYS if next_x == 0 else zigzag(
            next_x - predicted_step(step_x, before_x, first_x - x, weight)
        )
        to += 1
    doubled[0] = area
    return to


# --- bits -------------------------------------------------------------------------------------


cdef struct Sink:
    u8* at
    u64 held  # less than 8 bits that are not yet written, at the top
    int n_held


cdef inline void put(Sink* sink, u64 value, int bits) noexcept nogil:
    """Append 1 to 56 bits, highest first; up to 8 bytes after the last are written over."""
    cdef u64 out
    sink.n_held += bits
    sink.held |= value << (64 - sink.n_held)
    out = big_endian(sink.held)
    memcpy(sink.at, &out, 8)
    sink.at += sink.n_held >> 3
    sink.held <<= sink.n_held & ~7
    sink.n_held &= 7


cdef inline void flush(Sink* sink) noexcept nogil:
    """Fill the last byte with zeros."""
    sink.at += (sink.n_held + 7) >> 3
    sink.held = 0
    sink.n_held = 0


cdef u64 put_rare(Sink* to, const u32* z, int n, int low) noexcept nogil:
    """Append one or two numbers of any kind; their sum."""
    cdef Sink sink = to[0]
    cdef u64 quotient, total = 0
    cdef int length, j
    for j in range(n):
        quotient = z[j] >> low
        if z[j] == STAYS:
            put(&sink, code_of[SAME], length_of[SAME])
            continue
        total += z[j]
        if quotient < ESCAPE:
            put(&sink, code_of[quotient], length_of[quotient])
            continue
        quotient -= ESCAPE - 1
        length = last_bit(quotient) + 1
        put(&sink, code_of[ESCAPE] << (length - 1), length_of[ESCAPE] + length - 1)
        put(&sink, quotient, length)
    for j in range(n):
        if z[j] != STAYS and low:
            put(&sink, z[j] & ((<u64>1 << low) - 1), low)
    to[0] = sink
    return total


cdef void put_all(Sink* to, const u32* z, i64 n, u64 mean) noexcept nogil:
    """Append numbers, pair by pair."""
    cdef Sink sink = to[0]
    cdef i64 j
    cdef u64 a, b, code
    cdef int low, bits
    for j in range(0, n - 1, 2):
        low = remainder_bits(mean)
        a = z[j] >> low
        b = z[j + 1] >> low
        if unlikely_to_be(a >= ESCAPE or b >= ESCAPE or low > MOST_REMAINDER):
            mean = next_mean(mean, put_rare(&sink, z + j, 2, low))
            continue
        code = code_of[a] << length_of[b] | code_of[b]
        bits = length_of[a] + length_of[b] + 2 * low
        code = (code << low | z[j] - (a << low)) << low | z[j + 1] - (b << low)
        put(&sink, code, bits)
        mean = next_mean(mean, <u64>z[j] + z[j + 1])
    if n & 1:
        put_rare(&sink, z + n - 1, 1, remainder_bits(mean))
    to[0] = sink


# --- items ------------------------------------------------------------------------------------


cdef void put_item(
    Sink* sink,
    const int* counts,
    const u8* types,
    const i64* at,
    const float* xy,
    i64 begin,
    i64 end,
    int* hundredths,
    u32* z,
    i64* doubled,
) noexcept nogil:
    """Append an item's annotations, those from ``begin`` to ``end``."""
    cdef i64 before[2]
    cdef i64 row, j
    cdef u32 word
    cdef u32* to = z
    cdef u64 area = 0
    cdef int* h = hundredths
    before[0] = before[1] = 0
    for row in range(begin, end):
        if counts[row] < 0:
            for j in range(at[row], at[row + 1]):
                memcpy(&word, xy + j, 4)
                put(sink, word, 32)
        elif counts[row] > 0:
            to_hundredths(xy + at[row], counts[row], h)
            to = put_first(h, counts[row], before, to)
            h += counts[row]
    put_all(sink, z, to - z, START_FIRST)
    to = z
    h = hundredths
    for row in range(begin, end):
        if counts[row] > 0:
            to = put_next(h, counts[row], types[row] == POLYGON, to, &area)
            h += counts[row]
            if types[row] == POLYGON:
                doubled[row] = magnitude(area)
    put_all(sink, z, to - z, START_NEXT)
    flush(sink)


def encode(
    const i64[::1] offsets not None,
    const u8[::1] types not None,
    const i64[::1] point_offsets not None,
    const float[::1] points not None,
    const u8[::1] boxes not None,
):
    cdef i64 n_items = offsets.shape[0] - 1, n = types.shape[0]
    if boxes.shape[0] != n or point_offsets.shape[0] != n + 1 or offsets[n_items] != n:
        raise ValueError("arrays of different lengths")
    rises(offsets, n)
    rises(point_offsets, points.shape[0])
    counts_array = np.zeros(n, np.int32)
    doubled_array = np.zeros(n, np.int64)
    ends_array = np.zeros(n_items + 1, np.int64)
    cdef int[::1] counts = counts_array
    cdef i64[::1] doubled = doubled_array
    cdef i64[::1] ends = ends_array
    cdef i64 item = 0, row, length, total = 0, largest = 0, used, most = 0
    cdef const i64* at = &point_offsets[0]
    cdef const float* xy = &points[0] if points.shape[0] else NULL
    with nogil:
        for row in range(n):
            if boxes[row]:
                continue
            length = at[row + 1] - at[row]
            counts[row] = <int>(length if in_hundredths(xy + at[row], length) else -length)
            total += length
        for item in range(n_items):
            largest = max(largest, at[offsets[item + 1]] - at[offsets[item]])
    hundredths_array = np.empty(largest + 1, np.int32)
    z_array = np.empty(largest + 1, np.uint32)
    cdef int[::1] hundredths = hundredths_array
    cdef u32[::1] z = z_array
    # 12 bits a number are usual, and room is made when they are more
    buffer = np.empty(2 * total + 4096, np.uint8)
    cdef u8[::1] data = buffer
    cdef Sink sink
    sink.held = 0
    sink.n_held = 0
    sink.at = &data[0]
    item = 0
    while True:
        with nogil:
            while item < n_items:
                length = at[offsets[item + 1]] - at[offsets[item]]
                most = length * (MOST_BITS // 8) + 64
                if (sink.at - &data[0]) + most > data.shape[0]:
                    break
                if length:
                    put_item(
                        &sink, &counts[0], &types[0], at, xy, offsets[item], offsets[item + 1],
                        &hundredths[0], &z[0], &doubled[0],
                    )  # fmt: skip
                item += 1
                ends[item] = sink.at - &data[0]
        used = sink.at - &data[0]
        if item == n_items:
            return counts_array, ends_array, buffer[:used], doubled_array
        buffer = np.concatenate([buffer[:used], np.empty(used + 2 * most, np.uint8)])
        data = buffer
        sink.at = &data[0] + used
