# Coordinates as bits: predicted, and what the prediction missed in a prefix code.
#
# An item's coordinates are one sequence, annotation after annotation, of hundredths of a pixel. Each
# is predicted from those before it; the difference is split into a quotient, which has a code of 2
# to 10 bits, and a remainder of as many bits as the last differences were long. docs/storage.md says
# it for readers in other languages.

import numpy as np

from libc.math cimport rint
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

ctypedef uint8_t u8
ctypedef uint16_t u16
ctypedef uint32_t u32
ctypedef uint64_t u64
ctypedef int64_t i64

cdef extern from *:
    """
    #if defined(_MSC_VER)
    #include <intrin.h>
    #include <stdlib.h>
    static inline int last_bit(unsigned long long v) {
        unsigned long i; _BitScanReverse64(&i, v); return (int)i;
    }
    #define swapped _byteswap_uint64
    #else
    /* what is done for each number changes state that has to stay in registers */
    #undef CYTHON_INLINE
    #define CYTHON_INLINE inline __attribute__((always_inline))
    static inline int last_bit(unsigned long long v) { return 63 ^ __builtin_clzll(v); }
    #define swapped __builtin_bswap64
    #endif
    static const double ROUNDS = 6755399441055744.0;  /* 1.5 * 2^52 */
    static inline int is_little(void) { const int one = 1; return *(const char *)&one; }
    static inline unsigned long long big_endian(unsigned long long v) {
        return is_little() ? swapped(v) : v;
    }
    """
    const double ROUNDS
    int last_bit(u64 value) nogil  # number of the highest bit of a value that is not 0
    u64 big_endian(u64 value) nogil

cdef enum:
    BBOX = 6
    POLYGON = 4
    LIMIT = 1 << 29  # hundredths
    ESCAPE = 31  # the quotient is as large as this or larger
    SAME = 32  # the number is the one two before it
    SYMBOLS = 33
    SHORTEST = 2
    LONGEST = 10  # bits of a symbol's code
    START_FIRST = 320000  # eightfold mean of the differences, before any is known:
    START_NEXT = 8000  # of an annotation's first two numbers, and of the others
    MOST_BITS = 80  # of one number: escape 8, length less one 32, quotient and remainder 34
    RECIPROCALS = 1024
    MOST_LENGTH = 33  # bits of a difference: predictions may be a few times LIMIT

# what decode() may find wrong
CODES = {
    1: ("more coordinates than its bytes have", "as many as its annotations say"),
    2: ("fewer coordinates than its bytes have", "as many as its annotations say"),
    3: ("a count of -2,147,483,648", "how many numbers there are"),
    4: ("a box without numbers", "polygons of its id right before it, whose bounds it is"),
    5: ("coordinates beyond 5,368,709 pixels", "smaller ones"),
}

CODE_LENGTHS = (
    2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 7, 8, 8, 8, 8, 9, 9, 9, 9,
    10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 8, 7,
)  # fmt: skip

cdef u16[SYMBOLS] code_of
cdef u8[SYMBOLS] length_of
cdef u16[1 << LONGEST] symbol_at  # symbol << 4 | its length, by the next LONGEST bits
cdef i64[RECIPROCALS] reciprocal


cdef void make_tables():
    """The canonical code of CODE_LENGTHS: shorter codes first, then by symbol."""
    cdef int code = 0, length, symbol, k
    for length in range(1, LONGEST + 1):
        for symbol in range(SYMBOLS):
            if CODE_LENGTHS[symbol] == length:
                code_of[symbol] = code
                length_of[symbol] = length
                for k in range(1 << (LONGEST - length)):
                    symbol_at[(code << (LONGEST - length)) + k] = symbol << 4 | length
                code += 1
        code <<= 1
    for k in range(1, RECIPROCALS):
        reciprocal[k] = 36864 // k


make_tables()


# --- what both directions share ---------------------------------------------------------------


cdef struct State:
    i64 before[2]  # the numbers two and one before, by parity in their annotation
    i64 eightfold[2]  # mean of the coded differences: of first numbers, of others


cdef inline void start(State* state) noexcept nogil:
    state.before[0] = state.before[1] = 0
    state.eightfold[0] = START_FIRST
    state.eightfold[1] = START_NEXT


cdef inline i64 weight_of_first(i64 left) noexcept nogil:
    """How much a number is drawn to where its polygon began, in 65536ths.

    ``left`` is how many points it is away on the way round.
    """
    return reciprocal[left] if left < RECIPROCALS else 36864 // left


cdef inline i64 prediction(
    i64 last, i64 step, i64 step_before, i64 first, i64 weight
) noexcept nogil:
    """What a number is likely to be, from an annotation's third on."""
    return last + ((26 * step + 7 * step_before) >> 6) + (((first - last) * weight) >> 16)


cdef inline int remainder_bits(i64 eightfold) noexcept nogil:
    return last_bit(<u64>eightfold | 16) - 4  # the mean's length less 2, or 0


# --- encoding ---------------------------------------------------------------------------------


cdef inline i64 hundredths(float value) noexcept nogil:
    """The nearest hundredth, half to even, of a value below LIMIT."""
    # beyond 2^52 doubles have no fraction: adding and taking away rounds, without a call
    return <i64>((<double>value * 100.0 + ROUNDS) - ROUNDS)


cdef bint in_hundredths(const float* values, i64 n) noexcept nogil:
    """Whether all values are exactly what their nearest hundredths give back."""
    cdef const u32* bits = <const u32*>values
    cdef i64 j
    cdef double scaled
    cdef int other = 0
    for j in range(n):  # without an early end, so that it is compiled to vectors
        scaled = <double>values[j] * 100.0
        other |= <int>(scaled < 1 - LIMIT) | <int>(scaled > LIMIT - 1)
        # NaN, too
        other |= <int>(<float>(((scaled + ROUNDS) - ROUNDS) / 100.0) != values[j])
        other |= <int>(bits[j] == <u32>0x80000000)  # -0.0
    return not other


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


cdef inline void put_number(
    Sink* sink, i64 value, i64 last, i64 predicted, i64* eightfold
) noexcept nogil:
    cdef i64 difference = value - predicted
    cdef u64 z = <u64>((difference << 1) ^ (difference >> 63)), quotient
    cdef int low, length
    if value == last:
        put(sink, code_of[SAME], length_of[SAME])
        return
    low = remainder_bits(eightfold[0])
    quotient = z >> low
    z &= (<u64>1 << low) - 1
    eightfold[0] += <i64>(quotient << low | z) - (eightfold[0] >> 3)
    if quotient < ESCAPE:
        put(sink, <u64>code_of[quotient] << low | z, length_of[quotient] + low)
        return
    quotient -= ESCAPE - 1
    length = last_bit(quotient) + 1
    put(sink, <u64>code_of[ESCAPE] << (length - 1), length_of[ESCAPE] + length - 1)
    put(sink, quotient << low | z, length + low)


cdef void put_annotation(
    Sink* to, State* state, const float* xy, i64 n, bint closed, u64* doubled
) noexcept nogil:
    """Append an annotation's n numbers, all in hundredths.

    ``doubled`` is twice the signed area (shoelace formula) in hundredths, modulo 2^64.
    """
    cdef Sink sink = to[0]
    cdef i64 first_mean = state.eightfold[0], mean = state.eightfold[1], weight, left = n >> 1
    cdef i64 x = hundredths(xy[0]), y = 0, last_x, last_y, j, first_x = x, first_y = 0
    cdef i64 step_x = 0, step_y = 0, before_x = 0, before_y = 0
    cdef u64 area = 0
    put_number(&sink, x, state.before[0], state.before[0], &first_mean)
    if n > 1:
        y = first_y = hundredths(xy[1])
        put_number(&sink, y, state.before[1], state.before[1], &first_mean)
    for j in range(2, n - 1, 2):
        last_x = x
        last_y = y
        x = hundredths(xy[j])
        y = hundredths(xy[j + 1])
        weight = weight_of_first(left) if closed else 0
        left -= 1
        put_number(
            &sink, x, last_x, prediction(last_x, step_x, before_x, first_x, weight), &mean
        )
        put_number(
            &sink, y, last_y, prediction(last_y, step_y, before_y, first_y, weight), &mean
        )
        before_x = step_x
        before_y = step_y
        step_x = x - last_x
        step_y = y - last_y
        area += cross(last_x, last_y, x, y)
    if n > 1:
        area += cross(x, y, first_x, first_y)
        state.before[1] = y
    if n > 1 and n & 1:
        last_x = x
        x = hundredths(xy[n - 1])
        weight = weight_of_first(1) if closed else 0
        put_number(
            &sink, x, last_x, prediction(last_x, step_x, before_x, first_x, weight), &mean
        )
    state.before[0] = x
    state.eightfold[0] = first_mean
    state.eightfold[1] = mean
    to[0] = sink
    doubled[0] = area


cdef inline u64 cross(i64 x, i64 y, i64 next_x, i64 next_y) noexcept nogil:
    """A side's part of twice the polygon's signed area; the sum of all may pass 2^64."""
    return <u64>(x * next_y) - <u64>(next_x * y)


cdef inline i64 magnitude(u64 doubled) noexcept nogil:
    return <i64>((doubled ^ (0 - (doubled >> 63))) + (doubled >> 63))


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
    cdef i64 item = 0, row, j, length, total = 0, used, most = 0
    cdef const i64* at = &point_offsets[0]
    cdef const float* xy = &points[0] if points.shape[0] else NULL
    cdef u64 area = 0
    with nogil:
        for row in range(n):
            if boxes[row]:
                continue
            length = at[row + 1] - at[row]
            counts[row] = <int>(length if in_hundredths(xy + at[row], length) else -length)
            total += length
    # 12 bits a number are usual, and room is made when they are more
    buffer = np.empty(2 * total + 4096, np.uint8)
    cdef u8[::1] data = buffer
    cdef Sink sink
    cdef State state
    cdef u32 word
    sink.held = 0
    sink.n_held = 0
    sink.at = &data[0]
    while True:
        with nogil:
            while item < n_items:
                length = at[offsets[item + 1]] - at[offsets[item]]
                most = length * (MOST_BITS // 8) + 64
                if (sink.at - &data[0]) + most > data.shape[0]:
                    break
                start(&state)
                for row in range(offsets[item], offsets[item + 1]):
                    if counts[row] > 0:
                        put_annotation(
                            &sink, &state, xy + at[row], counts[row], types[row] == POLYGON, &area
                        )
                        if types[row] == POLYGON:
                            doubled[row] = magnitude(area)
                    elif counts[row] < 0:
                        for j in range(at[row], at[row + 1]):
                            memcpy(&word, xy + j, 4)
                            put(&sink, word, 32)
                flush(&sink)
                item += 1
                ends[item] = sink.at - &data[0]
        used = sink.at - &data[0]
        if item == n_items:
            return counts_array, ends_array, buffer[:used], doubled_array
        buffer = np.concatenate([buffer[:used], np.empty(used + 2 * most, np.uint8)])
        data = buffer
        sink.at = &data[0] + used


# --- decoding ---------------------------------------------------------------------------------


cdef struct Source:
    const u8* data
    i64 size  # bytes
    i64 at  # bits
    u64 word  # the next bits, highest first: as many as were read and not yet taken


cdef inline u64 peek(Source* source) noexcept nogil:
    """The next 57 bits or more, highest first; zeros after the last."""
    cdef u64 word = 0
    cdef i64 byte = source.at >> 3
    if byte + 8 <= source.size:
        memcpy(&word, source.data + byte, 8)
    elif byte < source.size:
        memcpy(&word, source.data + byte, source.size - byte)
    return big_endian(word) << (source.at & 7)


cdef inline void refill(Source* source) noexcept nogil:
    source.word = peek(source)


cdef inline bint take_number(
    Source* source, i64 last, i64 predicted, i64* eightfold, i64* value
) noexcept nogil:
    """Read a number; True if it is too large.

    The source's word has its first LONGEST bits, and the remainder that follows a quotient.
    """
    cdef u32 entry = symbol_at[source.word >> (64 - LONGEST)], symbol = entry >> 4
    cdef int length = entry & 15, low
    cdef u64 quotient
    cdef i64 z
    source.word <<= length
    source.at += length
    if symbol == SAME:
        value[0] = last
        return False
    low = remainder_bits(eightfold[0])
    if symbol < ESCAPE:
        z = <i64>(<u64>symbol << low | source.word >> 1 >> (63 - low))
        source.word <<= low
        source.at += low
    else:
        refill(source)
        if source.word >> (64 - MOST_LENGTH) == 0:
            return True
        length = 64 - last_bit(source.word)
        source.at += length - 1
        quotient = (peek(source) >> (64 - length)) + (ESCAPE - 1)
        source.at += length
        if quotient >> (MOST_LENGTH - low):
            return True
        z = <i64>(quotient << low | peek(source) >> 1 >> (63 - low))
        source.at += low
        refill(source)
    eightfold[0] += z - (eightfold[0] >> 3)
    z = predicted + ((z >> 1) ^ -(z & 1))
    value[0] = z
    return <u64>(z + LIMIT) >= 2 * LIMIT


cdef bint take_annotation(
    Source* of, State* state, float* xy, i64 n, bint closed, u64* doubled
) noexcept nogil:
    """Read an annotation's n numbers; True if one is too large. ``doubled`` as when writing."""
    cdef Source source = of[0]
    cdef i64 first_mean = state.eightfold[0], mean = state.eightfold[1], weight, begin, left = n >> 1
    cdef i64 x = 0, y = 0, last_x, last_y, j, first_x, first_y = 0
    cdef i64 step_x = 0, step_y = 0, before_x = 0, before_y = 0
    cdef u64 area = 0
    cdef bint wrong
    refill(&source)
    wrong = take_number(&source, state.before[0], state.before[0], &first_mean, &x)
    first_x = x
    xy[0] = <float>(<double>x / 100.0)
    if n > 1:
        refill(&source)
        wrong |= take_number(&source, state.before[1], state.before[1], &first_mean, &y)
        first_y = y
        xy[1] = <float>(<double>y / 100.0)
    for j in range(2, n - 1, 2):
        last_x = x
        last_y = y
        weight = weight_of_first(left) if closed else 0
        left -= 1
        begin = source.at
        refill(&source)
        wrong |= take_number(
            &source, last_x, prediction(last_x, step_x, before_x, first_x, weight), &mean, &x
        )
        if source.at - begin + LONGEST + remainder_bits(mean) > 57:
            refill(&source)
        wrong |= take_number(
            &source, last_y, prediction(last_y, step_y, before_y, first_y, weight), &mean, &y
        )
        if wrong:
            return True
        before_x = step_x
        before_y = step_y
        step_x = x - last_x
        step_y = y - last_y
        area += cross(last_x, last_y, x, y)
        xy[j] = <float>(<double>x / 100.0)
        xy[j + 1] = <float>(<double>y / 100.0)
    if n > 1:
        area += cross(x, y, first_x, first_y)
        state.before[1] = y
    if n > 1 and n & 1:
        last_x = x
        weight = weight_of_first(1) if closed else 0
        refill(&source)
        wrong |= take_number(
            &source, last_x, prediction(last_x, step_x, before_x, first_x, weight), &mean, &x
        )
        xy[n - 1] = <float>(<double>x / 100.0)
    state.before[0] = x
    state.eightfold[0] = first_mean
    state.eightfold[1] = mean
    of[0] = source
    doubled[0] = area
    return wrong


cdef int check_counts(
    const i64* offsets,
    i64 n_items,
    const int* counts,
    const u8* boxes,
    const i64* ends,
    i64* point_offsets,
    i64* bad,
) noexcept nogil:
    """See that each item has bytes enough for its counts, and sum up the points of all annotations."""
    cdef i64 item, row, bits, total = 0
    point_offsets[0] = 0
    for item in range(n_items):
        bad[0] = item
        bits = 8 * (ends[item + 1] - ends[item])
        for row in range(offsets[item], offsets[item + 1]):
            if boxes[row]:
                total += 4
            elif counts[row] < 0:
                if counts[row] < -0x7FFFFFFF:
                    return 3
                bits -= -32 * <i64>counts[row]
                total -= counts[row]
            else:
                bits -= SHORTEST * <i64>counts[row]
                total += counts[row]
            if bits < 0:
                return 1
            point_offsets[row + 1] = total
    return 0


def decode(
    const i64[::1] offsets not None,
    const u8[::1] types not None,
    const i64[::1] ids not None,
    const int[::1] counts not None,
    const u8[::1] boxes not None,
    const i64[::1] ends not None,
    const u8[::1] data not None,
):
    cdef i64 n_items = offsets.shape[0] - 1, n = types.shape[0], item = 0, row, j, bad = 0
    cdef int code
    if (
        ids.shape[0] != n or counts.shape[0] != n or boxes.shape[0] != n
        or offsets[0] != 0 or offsets[n_items] != n or ends.shape[0] != n_items + 1
    ):
        raise ValueError("arrays of different lengths")
    rises(offsets, n)
    rises(ends, data.shape[0])
    cdef const i64* id_of = &ids[0] if n else NULL
    cdef const u8* type_of = &types[0] if n else NULL
    cdef const int* count_of = &counts[0] if n else NULL
    cdef const u8* is_box = &boxes[0] if n else NULL
    at_array = np.zeros(n + 1, np.int64)
    doubled_array = np.zeros(n, np.int64)
    cdef i64[::1] at = at_array
    cdef i64[::1] doubled = doubled_array
    with nogil:
        code = check_counts(&offsets[0], n_items, count_of, is_box, &ends[0], &at[0], &bad)
    if code:
        return code, bad, at_array, np.zeros(0, np.float32), doubled_array
    points_array = np.empty(int(at[n]), np.float32)
    cdef float[::1] points = points_array
    cdef float* xy = &points[0] if points.shape[0] else NULL
    cdef Source source
    cdef State state
    cdef u64 area = 0
    cdef u32 word
    source.data = &data[0] if data.shape[0] else NULL
    source.size = data.shape[0]
    with nogil:
        for item in range(n_items):
            source.at = 8 * ends[item]
            start(&state)
            for row in range(offsets[item], offsets[item + 1]):
                if is_box[row]:
                    if type_of[row] != BBOX or not bounds_before(
                        type_of, id_of, &at[0], xy, offsets[item], row, xy + at[row]
                    ):
                        code = 4
                elif count_of[row] > 0:
                    if take_annotation(
                        &source, &state, xy + at[row], count_of[row], type_of[row] == POLYGON, &area
                    ):
                        code = 5
                    if type_of[row] == POLYGON:
                        doubled[row] = magnitude(area)
                elif count_of[row] < 0:
                    for j in range(at[row], at[row + 1]):
                        word = <u32>(peek(&source) >> 32)
                        memcpy(xy + j, &word, 4)
                        source.at += 32
                if code:
                    break
            if not code and (source.at + 7) >> 3 != ends[item + 1]:
                code = 1 if source.at > 8 * ends[item + 1] else 2
            if code:
                bad = item
                break
    return code, bad, at_array, points_array, doubled_array


# --- boxes that are the bounds of polygons ----------------------------------------------------


cdef bint bounds_before(
    const u8* types,
    const i64* ids,
    const i64* at,
    const float* points,
    i64 begin,
    i64 row,
    float* box,
) noexcept nogil:
    """The bounds of the polygons of row's id right before it, in the item from ``begin``; if any."""
    cdef float low_x = 0, low_y = 0, high_x = 0, high_y = 0, x, y
    cdef bint found = False
    cdef i64 k = row - 1, j
    while k >= begin and types[k] == POLYGON and ids[k] == ids[row]:
        for j in range(at[k], at[k + 1] - 1, 2):
            x = points[j]
            y = points[j + 1]
            if not found:
                low_x = high_x = x
                low_y = high_y = y
                found = True
            low_x = x if x < low_x else low_x
            low_y = y if y < low_y else low_y
            high_x = x if x > high_x else high_x
            high_y = y if y > high_y else high_y
        k -= 1
    box[0] = low_x
    box[1] = low_y
    box[2] = high_x
    box[3] = high_y
    return found


def boxes_of_polygons(
    const i64[::1] offsets not None,
    const u8[::1] types not None,
    const i64[::1] ids not None,
    const i64[::1] point_offsets not None,
    const float[::1] points not None,
):
    cdef i64 n_items = offsets.shape[0] - 1, n = types.shape[0], item, row
    if (
        ids.shape[0] != n or point_offsets.shape[0] != n + 1
        or offsets[n_items] != n
    ):
        raise ValueError("arrays of different lengths")
    rises(offsets, n)
    rises(point_offsets, points.shape[0])
    boxes_array = np.zeros(n, np.uint8)
    cdef u8[::1] boxes = boxes_array
    cdef const i64* at = &point_offsets[0]
    cdef const float* xy = &points[0] if points.shape[0] else NULL
    cdef float box[4]
    with nogil:
        for item in range(n_items):
            for row in range(offsets[item] + 1, offsets[item + 1]):
                if types[row] == BBOX and at[row + 1] - at[row] == 4:
                    boxes[row] = (
                        bounds_before(&types[0], &ids[0], at, xy, offsets[item], row, box)
                        and memcmp(box, xy + at[row], sizeof(box)) == 0
                    )
    return boxes_array


cdef int rises(const i64[::1] offsets, i64 last) except -1:
    """See that offsets rise within ``last``."""
    cdef i64 k, n = offsets.shape[0]
    if n == 0 or offsets[0] < 0 or offsets[n - 1] > last:
        raise ValueError("offsets outside their values")
    for k in range(n - 1):
        if offsets[k + 1] < offsets[k]:
            raise ValueError("offsets that do not rise")
    return 0
