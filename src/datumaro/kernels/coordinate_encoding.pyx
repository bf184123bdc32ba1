# Coordinates to bits: predicted, and what the prediction missed in a prefix code.
#
# An item's numbers are hundredths of a pixel. Each is predicted from those before it; the difference
# is split into a quotient, which has a code of 2 to 10 bits, and a remainder of as many bits as the
# last differences were long, the same for two numbers. docs/storage.md says it all.

import numpy as np

from datumaro.kernels._coordinates cimport *
from datumaro.kernels._narrow_polygons cimport narrow_differences, narrow_polygon
from datumaro.kernels._offsets cimport rises
from libc.math cimport INFINITY
from libc.string cimport memcmp, memcpy

cdef extern from *:
    """
    #include <string.h>
    static const double ROUNDS = 6755399441055744.0;  /* 1.5 * 2^52: beyond it is no fraction */

    /* Values as hundredths, if all are exactly what these give back: LIMIT > any. NaN and -0.0 are
       not. Doubles find the nearest hundredth always, float32 mostly, and twice as fast. */
    static int nearest_hundredths(const float *values, long long n, int *hundredths) {
        long long j;
        int other = 0;
        for (j = 0; j < n; j++) {  /* without an early end, which would be a branch for each */
            const double scaled = (double)values[j] * 100.0;
            const float back = (float)((scaled + ROUNDS) - ROUNDS) / 100.0f;
            unsigned bits, bits_back;
            memcpy(&bits, values + j, 4);
            memcpy(&bits_back, &back, 4);
            other |= !(scaled >= 1 - (1 << 24) && scaled <= (1 << 24) - 1);
            other |= (int)(bits ^ bits_back);  /* 0.0 and -0.0 are the same, not their bits */
        }
        if (other) return 0;
        for (j = 0; j < n; j++) hundredths[j] = (int)(values[j] * 100.0 + ROUNDS - ROUNDS);
        return 1;
    }
    #if defined(__SSE2__) || defined(_M_X64)
    #include <emmintrin.h>
    static inline __m128i not_hundredths(__m128 some, __m128i *hundredths) {
        const __m128 hundred = _mm_set1_ps(100.0f);
        const __m128i last = _mm_set1_epi32((1 << 24) - 1), first = _mm_set1_epi32(1 - (1 << 24));
        __m128i same;
        *hundredths = _mm_cvtps_epi32(_mm_mul_ps(some, hundred));
        same = _mm_cmpeq_epi32(
            _mm_castps_si128(_mm_div_ps(_mm_cvtepi32_ps(*hundredths), hundred)),
            _mm_castps_si128(some)
        );
        return _mm_or_si128(
            _mm_or_si128(_mm_cmpgt_epi32(*hundredths, last), _mm_cmplt_epi32(*hundredths, first)),
            _mm_xor_si128(same, _mm_set1_epi32(-1))
        );
    }
    static inline int to_hundredths(const float *values, long long n, int *hundredths) {
        __m128i other = _mm_setzero_si128(), found;
        float left[4] = {0, 0, 0, 0};
        int end[4];
        long long j;
        for (j = 0; j + 4 <= n; j += 4) {
            other = _mm_or_si128(other, not_hundredths(_mm_loadu_ps(values + j), &found));
            _mm_storeu_si128((__m128i *)(hundredths + j), found);
        }
        if (j < n) {
            memcpy(left, values + j, (n - j) * sizeof(float));
            other = _mm_or_si128(other, not_hundredths(_mm_loadu_ps(left), &found));
            _mm_storeu_si128((__m128i *)end, found);
            memcpy(hundredths + j, end, (n - j) * sizeof(int));
        }
        return !_mm_movemask_epi8(other) || nearest_hundredths(values, n, hundredths);
    }
    #else
    #define to_hundredths nearest_hundredths
    #endif
    """
    const double ROUNDS
    bint to_hundredths(const float* values, i64 n, int* hundredths) nogil

cdef enum:
    MOST_BITS = 96  # of one number: escape 7, quotient 55, remainder 27
    MOST_REMAINDER = 16  # bits of a remainder, for two to be put at once
    PAIRED = 31  # the largest quotient of a pair; it is the escape, and one bit
    BEFORE = 4  # zeros before an annotation's numbers, for predictions of its second and third point
    PADDING = 16  # numbers that there is room for beside an item's

CODE_LENGTHS = (
    2, 2, 3, 3, 4, 5, 5, 5, 6, 6, 7, 7, 8, 8, 8, 9, 9, 9, 9,
    10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 7, 7,
)  # fmt: skip

cdef u64[SYMBOLS] code_of
cdef int[SYMBOLS] length_of
cdef u32[(PAIRED + 1) << 5] pair_of  # by two quotients, the second << 5: a code, its length << 24


cdef struct Remainder:  # of so many bits, for two numbers, the second << 32
    u64 beyond  # not 0 in numbers whose quotient is larger than PAIRED
    u64 mask
    u64 joined  # times the remainders are both of them, << 32
    u64 shifted  # times a code is the code before both of them


cdef Remainder[MOST_LENGTH] remainders  # those of up to MOST_REMAINDER bits are used
# Shifts as factors, which takes less time: of a value to its place, if there are n bits with it, and
# by the whole bytes of them
cdef u64[64] to_top
cdef u64[64] past_bytes
# of a first number, over -65536, by how many points it is away on the way round: the furthest first,
# twice, for x and y
cdef double[2 * WEIGHTS] weights
# the same for narrow polygons, over 65536 (the lower half), and of the step before (the upper)
cdef u32[2 * WEIGHTS + PADDING] narrow_weights


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


cdef void make_tables():
    cdef u64 codes[PAIRED + 1]
    cdef int lengths[PAIRED + 1]
    cdef u64 mask
    cdef int j, k
    for j in range(PAIRED + 1):
        codes[j] = code_of[j] if j < ESCAPE else code_of[ESCAPE] << 1 | 1
        lengths[j] = length_of[j] + (j == ESCAPE)
    for j in range(PAIRED + 1):
        for k in range(PAIRED + 1):
            pair_of[k << 5 | j] = <u32>(
                codes[j] << lengths[k] | codes[k] | (lengths[j] + lengths[k]) << 24
            )
    for k in range(MOST_REMAINDER + 1):
        mask = (<u64>1 << k) - 1
        remainders[k].mask = mask | mask << 32
        remainders[k].beyond = ~(PAIRED * ((<u64>1 << 32 | 1) << k) | remainders[k].mask)
        remainders[k].joined = 1 | <u64>1 << (32 + k)
        remainders[k].shifted = <u64>1 << 2 * k
    for k in range(1, 64):
        to_top[k] = <u64>1 << (64 - k)
        past_bytes[k] = <u64>1 << (k & ~7)
    put_weights(weights, WEIGHTS - 1)
    for k in range(2, WEIGHTS):
        j = 2 * (WEIGHTS - 1 - k)
        narrow_weights[j] = narrow_weights[j + 1] = (
            <u32>(-weight_of_first(k)) & 0xFFFF | 4096 << 16
        )


cdef void put_weights(double* to, i64 left) noexcept nogil:
    while left:
        to[0] = to[1] = weight_of_first(left) / -65536.0
        to += 2
        left -= 1


make_weights()
make_tables()


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


cdef inline void differences_of(
    const int* h, i64 n, bint closed, const double* weight, u32* to
) noexcept nogil:
    """The differences of an annotation's numbers from the third on; these are from the first point.

    ``weight`` is that of the second point's x, which others follow. All is exact in doubles, and
    compiled to vectors.
    """
    cdef i64 j
    cdef int last, step
    cdef double predicted
    cdef u32 d
    for j in range(2, n):
        last = h[j - 2]
        step = h[j] - last
        predicted = (8 * (last - h[j - 4]) + h[j - 4] - h[j - 6]) * 0.0625
        if closed:
            predicted += last * weight[j - 2]
        # rounded down: 2^-16 is the least that there is of a fraction
        d = step - <int>(((predicted - (0.5 - 0.5 / 65536)) + ROUNDS) - ROUNDS)
        to[j - 2] = ((d << 1) ^ (0 - (d >> 31))) | (0 - <u32>(step == 0))


cdef i64 doubled_area(const int* h, i64 n) noexcept nogil:
    """Twice the area (shoelace formula) of a polygon whose first point is (0, 0), modulo 2^64."""
    cdef u64 area = 0
    cdef i64 j, last = (n & ~1) - 2
    for j in range(2, last, 2):
        area += <u64>h[j] * <u64>(<i64>h[j + 3] - h[j - 1])
    if last > 0:
        area -= <u64>h[last] * <u64><i64>h[last - 1]
    return magnitude(area)


# --- bits -------------------------------------------------------------------------------------


cdef struct Sink:
    u8* at
    u64 held  # less than 8 bits that are not yet written, at the top
    int n_held


cdef inline void put(Sink* sink, u64 value, int bits) noexcept nogil:
    """Append 1 to 56 bits, highest first; up to 8 bytes after the last are written over."""
    cdef u64 out
    cdef int n = sink.n_held + bits
    sink.held |= value * to_top[n]
    out = big_endian(sink.held)
    memcpy(sink.at, &out, 8)
    sink.at += n >> 3
    sink.held *= past_bytes[n]
    sink.n_held = n & 7


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
    cdef u64 both, quotients, code
    cdef int low
    cdef u32 pair
    cdef const Remainder* remainder
    for j in range(0, n - 1, 2):
        low = remainder_bits(mean)
        remainder = remainders + low
        both = z[j] | <u64>z[j + 1] << 32
        if unlikely_to_be(low > MOST_REMAINDER or both & remainder.beyond):
            mean = next_mean(mean, put_rare(&sink, z + j, 2, low))
            continue
        quotients = both >> low
        pair = pair_of[quotients & PAIRED | (quotients >> 27) & (PAIRED << 5)]
        code = (both & remainder.mask) * remainder.joined >> 32
        code |= (pair & 0xFFFFFF) * remainder.shifted
        put(&sink, code, <int>(pair >> 24) + 2 * low)
        mean = next_mean(mean, <u64>z[j] + z[j + 1])
    if n & 1:
        put_rare(&sink, z + n - 1, 1, remainder_bits(mean))
    to[0] = sink


# --- items ------------------------------------------------------------------------------------


cdef struct Around:  # the polygons of an id right before a row
    bint some
    i64 id
    float[4] box


cdef inline void begin_polygon(Around* around, i64 id) noexcept nogil:
    if not around.some or id != around.id:
        around.box[0] = around.box[1] = INFINITY
        around.box[2] = around.box[3] = -INFINITY
        around.id = id
        around.some = False


cdef inline bint is_around(
    const Around* around, u8 kind, i64 id, const float* xy, i64 n
) noexcept nogil:
    """Whether it is a box that is their bounds."""
    return (
        kind == BBOX and n == 4 and around.some and id == around.id
        and memcmp(around.box, xy, sizeof(around.box)) == 0
    )


cdef struct Room:  # for an item's numbers, and PADDING more
    int* hundredths
    int* from_first
    short* narrow
    double* far
    u32* first  # differences of annotations' first two numbers
    u32* next  # and of the others


cdef void put_item(
    Sink* sink,
    int* counts,
    u8* boxes,
    const u8* types,
    const i64* ids,
    const i64* at,
    const float* xy,
    i64 begin,
    i64 end,
    const Room* room,
    i64* doubled,
) noexcept nogil:
    """Append an item's annotations, those from ``begin`` to ``end``, and put what they count."""
    cdef i64 before[2]
    cdef i64 row, n
    cdef u32* first = room.first
    cdef u32* next = room.next
    cdef const int* h
    cdef bint exact, narrow
    cdef Around around
    cdef bint whole = to_hundredths(xy + at[begin], at[end] - at[begin], room.hundredths)
    around.some = False
    before[0] = before[1] = 0
    for row in range(begin, end):
        n = at[row + 1] - at[row]
        if is_around(&around, types[row], ids[row], xy + at[row], n):
            boxes[row] = 1
            n = 0
        h = room.hundredths + at[row] - at[begin]
        exact = n and (whole or to_hundredths(xy + at[row], n, <int*>h))
        narrow = False
        if types[row] == POLYGON:
            begin_polygon(&around, ids[row])
            around.some |= n > 1
            narrow = (
                exact and not n & 1 and n >> 1 < WEIGHTS
                and narrow_polygon(h, n, room.narrow + BEFORE, around.box, around.box + 2)
            )
            if not narrow:
                take_in(xy + at[row], n >> 1, around.box, around.box + 2)
        else:
            around.some = False
        counts[row] = <int>(n if exact else -n)
        if not exact:
            put_floats(sink, xy + at[row], n)
            continue
        first = put_first(h, n, before, first)
        if narrow:
            doubled[row] = magnitude(narrow_differences(
                room.narrow + BEFORE, n, narrow_weights + 2 * (WEIGHTS - 1 - (n >> 1)), next
            ))
            next += n - 2
        elif n > 2:
            doubled[row] = put_next(h, n, types[row] == POLYGON, room, next)
            next += n - 2
    put_all(sink, room.first, first - room.first, START_FIRST)
    put_all(sink, room.next, next - room.next, START_NEXT)
    flush(sink)


cdef void put_floats(Sink* sink, const float* xy, i64 n) noexcept nogil:
    """Append numbers as they are."""
    cdef i64 j
    cdef u32 word
    for j in range(n):
        memcpy(&word, xy + j, 4)
        put(sink, word, 32)


cdef i64 put_next(const int* h, i64 n, bint closed, const Room* room, u32* to) noexcept nogil:
    """The differences of an annotation's numbers from the third on; twice a polygon's area."""
    cdef int* from_first = room.from_first + BEFORE
    cdef const double* weight = room.far
    cdef i64 j
    for j in range(0, n - 1, 2):
        from_first[j] = h[j] - h[0]
        from_first[j + 1] = h[j + 1] - h[1]
    from_first[n - 1] = h[n - 1] - h[1 - (n & 1)]
    if not closed:
        differences_of(from_first, n, False, NULL, to)
        return 0
    if n >> 1 < WEIGHTS:
        weight = weights + 2 * (WEIGHTS - 1 - (n >> 1))
    else:
        put_weights(room.far, n >> 1)
    differences_of(from_first, n, True, weight, to)
    return doubled_area(from_first, n)


def encode(
    const i64[::1] offsets not None,
    const u8[::1] types not None,
    const i64[::1] ids not None,
    const i64[::1] point_offsets not None,
    const float[::1] points not None,
):
    cdef i64 n_items = offsets.shape[0] - 1, n = types.shape[0]
    rises(offsets, n)
    rises(point_offsets, points.shape[0])
    if (
        ids.shape[0] != n or point_offsets.shape[0] != n + 1
        or offsets[0] != 0 or offsets[n_items] != n
    ):
        raise ValueError("arrays of different lengths")
    counts_array = np.zeros(n, np.int32)
    boxes_array = np.zeros(n, np.uint8)
    doubled_array = np.zeros(n, np.int64)
    ends_array = np.zeros(n_items + 1, np.int64)
    cdef int[::1] counts = counts_array
    cdef u8[::1] boxes = boxes_array
    cdef i64[::1] doubled = doubled_array
    cdef i64[::1] ends = ends_array
    cdef i64 item, length, total = 0, largest = 0, used, most = 0
    cdef const i64* at = &point_offsets[0]
    cdef const float* xy = &points[0] if points.shape[0] else NULL
    with nogil:
        for item in range(n_items):
            length = at[offsets[item + 1]] - at[offsets[item]]
            largest = max(largest, length)
            total += length
    largest += PADDING
    cdef int[::1] hundredths = np.empty(largest, np.int32)
    cdef int[::1] from_first = np.zeros(largest, np.int32)
    cdef short[::1] narrow = np.zeros(largest, np.int16)
    cdef double[::1] far = np.empty(largest, np.float64)
    cdef u32[::1] first = np.empty(largest, np.uint32)
    cdef u32[::1] next = np.empty(largest, np.uint32)
    cdef Room room
    room.hundredths = &hundredths[0]
    room.from_first = &from_first[0]
    room.narrow = &narrow[0]
    room.far = &far[0]
    room.first = &first[0]
    room.next = &next[0]
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
                        &sink, &counts[0], &boxes[0], &types[0], &ids[0], at, xy, offsets[item],
                        offsets[item + 1], &room, &doubled[0],
                    )  # fmt: skip
                item += 1
                ends[item] = sink.at - &data[0]
        used = sink.at - &data[0]
        if item == n_items:
            return boxes_array, counts_array, ends_array, buffer[:used], doubled_array
        buffer = np.concatenate([buffer[:used], np.empty(used + 2 * most, np.uint8)])
        data = buffer
        sink.at = &data[0] + used
