# Bits to coordinates. docs/storage.md says what the bits are.
#
# How many bits a number has is known only when it has been read, and all that is done to it waits for
# that. So the differences of two items are read in turn, number by number, each by a lane of its
# own: while one waits, the other goes on. A lane whose item is read makes the differences the item's
# points, and takes up the next.

import numpy as np

from datumaro.kernels._coordinate_points cimport UNFOLDED_STAYS, Bounds, add_up, put_pixels, unfold
from datumaro.kernels._coordinates cimport *
from datumaro.kernels._offsets cimport rises
from datumaro.kernels.coordinate_encoding import CODE_LENGTHS, canonical_codes
from libc.string cimport memcpy

cdef enum:
    PAIR = 12  # bits by which two symbols are found
    MOST_BITS = 56  # of a pair that is read at once
    OTHERS = 255  # in place of a pair's bits: not to be read at once
    TOO_LARGE = 1 << 30  # a difference that makes any number too large

# what decode() may find wrong
CODES = {
    1: ("more coordinates than its bytes have", "as many as its annotations say"),
    2: ("fewer coordinates than its bytes have", "as many as its annotations say"),
    3: ("a count of -2,147,483,648", "how many numbers there are"),
    4: ("a box without numbers", "polygons of its id right before it, whose bounds it is"),
    5: ("coordinates beyond 167,772 pixels", "smaller ones"),
}

cdef struct Pair:
    u8 bits  # of both symbols, or `OTHERS`
    u8 first
    u8 second
    u8 unused

cdef struct Tables:
    u64[64] power  # of two
    Pair[1 << PAIR] pair  # the two symbols of the next bits
    u32[1 << LONGEST] symbol  # symbol << 8 | its length, by the next bits

cdef Tables tables


cdef void make_tables():
    cdef int k, bits, code
    found = canonical_codes()
    for symbol, length, value in found:
        for k in range(1 << (LONGEST - length)):
            tables.symbol[(value << (LONGEST - length)) + k] = symbol << 8 | length
    for k in range(1 << PAIR):
        tables.pair[k].bits = OTHERS
    found = [entry for entry in found if entry[0] < ESCAPE]
    for symbol, length, value in found:
        for second, second_length, second_value in found:
            bits = PAIR - length - second_length
            if bits >= 0:
                code = (value << second_length | second_value) << bits
                for k in range(1 << bits):
                    tables.pair[code + k].bits = PAIR - bits
                    tables.pair[code + k].first = symbol
                    tables.pair[code + k].second = second
    for k in range(64):
        tables.power[k] = <u64>1 << k


make_weights()
make_tables()


cdef struct Job:
    const i64* offsets
    const u8* types
    const i64* ids
    const int* counts
    const u8* boxes
    const i64* ends
    const u8* data
    i64 size  # bytes of the data
    const i64* at
    float* points
    i64* doubled
    i64 n_items
    i64 item  # the next that no lane has taken
    i64 bad  # the first item with something wrong
    int code  # and what


cdef struct Lane:
    i64 item  # -1: none
    i64 n_first  # how many numbers are annotations' first two, and how many are others
    i64 n_next
    i64 n_other  # float32 numbers
    i64 left  # of those that are being read
    bint next  # the others are being read
    i64 at  # bits
    u64 mean
    u32* differences  # of the item; `STAYS` for numbers that stay
    u32* to


# --- differences ------------------------------------------------------------------------------


cdef u64 peek_end(const u8* data, i64 size, i64 at) noexcept nogil:
    """As `peek` where less than 8 bytes are left."""
    cdef u64 word = 0
    cdef i64 byte
    for byte in range(at >> 3, (at >> 3) + 8):
        word = word << 8 | (data[byte] if byte < size else 0)
    return word << (at & 7)


cdef inline u64 peek(const u8* data, i64 size, i64 at) noexcept nogil:
    """The next 57 bits or more, highest first; zeros after the last."""
    cdef u64 word
    if unlikely_to_be((at >> 3) + 8 > size):
        return peek_end(data, size, at)
    memcpy(&word, data + (at >> 3), 8)
    return big_endian(word) << (at & 7)


cdef inline u64 take_quotient(
    const u8* data, i64 size, u64* word, i64* at, int* low, u32* stays
) noexcept nogil:
    """Read a symbol and what belongs to it; ``word`` are the bits from ``at`` on.

    ``low``, how many bits the remainder has, becomes 0 for a number that stays.
    """
    cdef u32 entry = tables.symbol[word[0] >> (64 - LONGEST)]
    cdef u64 quotient = entry >> 8
    cdef int zeros
    at[0] += entry & 255
    word[0] <<= entry & 255
    if quotient == SAME:
        low[0] = 0
        stays[0] = STAYS
    elif quotient == ESCAPE:
        word[0] = peek(data, size, at[0])
        zeros = 63 - last_bit(word[0] | <u64>1 << (64 - MOST_LENGTH))
        at[0] += zeros
        quotient = peek(data, size, at[0]) >> (63 - zeros)
        if quotient >> zeros == 0:  # more zeros than numbers have
            quotient = TOO_LARGE
        quotient += ESCAPE - 1
        at[0] += zeros + 1
        word[0] = peek(data, size, at[0])
    return quotient


cdef inline u32 difference_of(u64 quotient, u64* word, i64* at, int low, u32 stays) noexcept nogil:
    """The difference with the remainder that follows; ``stays`` has all bits set if it stays."""
    cdef u64 z = quotient << low | word[0] >> 1 >> (63 - low)
    word[0] <<= low
    at[0] += low
    return stays | <u32>(z if z >> MOST_LENGTH == 0 else TOO_LARGE)


cdef i64 take_rare(const u8* data, i64 size, i64 at, int low, int n, u32* to) noexcept nogil:
    """Read one or two numbers of any kind, wherever they are; the bit after them."""
    cdef u64 word = peek(data, size, at), quotient, second = 0
    cdef int second_low = low
    cdef u32 stays = 0, second_stays = 0
    quotient = take_quotient(data, size, &word, &at, &low, &stays)
    if n == 2:
        second = take_quotient(data, size, &word, &at, &second_low, &second_stays)
    word = peek(data, size, at)
    to[0] = difference_of(quotient, &word, &at, low, stays)
    if n == 2:
        to[1] = difference_of(second, &word, &at, second_low, second_stays)
    return at


cdef inline i64 room(i64 size, i64 at) noexcept nogil:
    """How many pairs can be read from a bit on without looking where the data end."""
    return max(0, (8 * size - 64 - at) // MOST_BITS)


cdef inline void take_pair(
    const u8* data, i64 size, i64* at, u64* mean, u32* to, i64* end, i64 i
) noexcept nogil:
    """Read two numbers, the pair ``i``; ``end`` becomes less if there is room for fewer."""
    cdef u64 word, a, b, power, low = remainder_bits(mean[0]), bits
    cdef const Pair* pair
    memcpy(&word, data + (at[0] >> 3), 8)
    word = big_endian(word) << (at[0] & 7)
    pair = &tables.pair[word >> (64 - PAIR)]
    bits = pair.bits + 2 * low
    if unlikely_to_be(bits > MOST_BITS):
        at[0] = take_rare(data, size, at[0], <int>low, 2, to + 2 * i)
        end[0] = min(end[0], room(size, at[0]) + i + 1)
        a = to[2 * i] if to[2 * i] != STAYS else 0
        b = to[2 * i + 1] if to[2 * i + 1] != STAYS else 0
    else:
        at[0] += bits
        power = tables.power[low]
        word >>= 64 - bits
        b = (word & (power - 1)) + pair.second * power
        word >>= low
        a = (word & (power - 1)) + pair.first * power
        to[2 * i] = <u32>a
        to[2 * i + 1] = <u32>b
    mean[0] = next_mean(mean[0], a + b)


cdef void take_one_lane(const u8* data, i64 size, Lane* lane, i64 end) noexcept nogil:
    """Read pairs; at most ``end``, for which there is room."""
    cdef i64 at = lane.at, i = 0
    cdef u64 mean = lane.mean
    cdef u32* to = lane.to
    while i < end:
        take_pair(data, size, &at, &mean, to, &end, i)
        i += 1
    advance_by(lane, at, mean, i)


cdef void take_two_lanes(
    const u8* data, i64 size, Lane* first, Lane* second, i64 end
) noexcept nogil:
    """The same of two lanes, in turn."""
    cdef i64 at = first.at, second_at = second.at, i = 0
    cdef u64 mean = first.mean, second_mean = second.mean
    cdef u32* to = first.to
    cdef u32* second_to = second.to
    while i < end:
        take_pair(data, size, &at, &mean, to, &end, i)
        take_pair(data, size, &second_at, &second_mean, second_to, &end, i)
        i += 1
    advance_by(first, at, mean, i)
    advance_by(second, second_at, second_mean, i)


cdef inline void advance_by(Lane* lane, i64 at, u64 mean, i64 pairs) noexcept nogil:
    lane.at = at
    lane.mean = mean
    lane.to += 2 * pairs
    lane.left -= 2 * pairs


cdef void take_last(const u8* data, i64 size, Lane* lane) noexcept nogil:
    """Read the numbers that no pair is left of, and those at the end of the data."""
    cdef int n, j
    cdef u64 total
    while lane.left == 1 or lane.left > 0 and room(size, lane.at) == 0:
        n = 2 if lane.left > 1 else 1
        lane.at = take_rare(data, size, lane.at, remainder_bits(lane.mean), n, lane.to)
        total = 0
        for j in range(n):
            total += lane.to[j] if lane.to[j] != STAYS else 0
        lane.mean = next_mean(lane.mean, total)
        lane.to += n
        lane.left -= n


# --- points -----------------------------------------------------------------------------------


cdef void put_others(Job* job, i64 item) noexcept nogil:
    """Put the float32 numbers of an item, with which its bits begin."""
    cdef i64 row, j
    cdef u32 word
    cdef const u8* byte = job.data + job.ends[item]
    for row in range(job.offsets[item], job.offsets[item + 1]):
        if job.boxes[row] or job.counts[row] > 0:
            continue
        for j in range(job.at[row], job.at[row + 1]):
            word = <u32>byte[0] << 24 | <u32>byte[1] << 16 | <u32>byte[2] << 8 | byte[3]
            memcpy(job.points + j, &word, 4)
            byte += 4


cdef int finish(Job* job, Lane* lane) noexcept nogil:
    """Make an item's points of its differences; what is wrong with them."""
    cdef i64 begin = job.offsets[lane.item], end = job.offsets[lane.item + 1], row, n, around_id = 0
    cdef const u8* types = job.types  # locals: what is written may be anything, to a compiler
    cdef const i64* ids = job.ids
    cdef const int* counts = job.counts
    cdef const u8* boxes = job.boxes
    cdef const i64* at = job.at
    cdef float* points = job.points
    cdef bint has_others = lane.n_other != 0
    cdef i64 numbers[2]  # of each parity, the last
    cdef int first[2]  # point of an annotation
    cdef float* xy
    cdef const int* d = <const int*>lane.differences
    cdef int* next_d = <int*>d + lane.n_first
    cdef Bounds bounds, around  # of an annotation; of the polygons of an id right before a row
    cdef bint is_around = False, is_polygon
    cdef int k
    around.low[0] = around.low[1] = around.high[0] = around.high[1] = 0
    bounds = around
    unfold(lane.differences, lane.n_first + lane.n_next)
    numbers[0] = numbers[1] = 0
    for row in range(begin, end):
        xy = points + at[row]
        n = counts[row]
        if boxes[row]:
            if not has_others:
                if types[row] != BBOX or not is_around or ids[row] != around_id:
                    return 4
                for k in range(2):
                    xy[k] = around.low[k] / <float>100.0
                    xy[k + 2] = around.high[k] / <float>100.0
            is_around = False
            continue
        is_polygon = types[row] == POLYGON
        if n > 0:
            numbers[0] += d[0] if d[0] != UNFOLDED_STAYS else 0
            xy[0] = <float>numbers[0] / <float>100.0
            d += 1
            if n > 1:
                numbers[1] += d[0] if d[0] != UNFOLDED_STAYS else 0
                xy[1] = <float>numbers[1] / <float>100.0
                d += 1
            for k in range(2):
                first[k] = <int>numbers[k]
                bounds.low[k] = bounds.high[k] = <float>first[k]
            if n > 1:
                if is_polygon:
                    add_up(next_d, n, True, numbers, job.doubled + row)
                else:
                    add_up(next_d, n, False, numbers, NULL)
                put_pixels(next_d, (n & ~1) - 2, first, xy + 2, bounds.low, bounds.high)
                if n & 1 and n > 2:
                    xy[n - 1] = <float><int>numbers[0] / <float>100.0
                next_d += n - 2
            if (
                min(bounds.low[0], bounds.low[1]) <= -LIMIT
                or max(bounds.high[0], bounds.high[1]) >= LIMIT
                or not -LIMIT < numbers[0] < LIMIT
            ):
                return 5
        if not is_polygon:
            is_around = False
        elif not is_around or ids[row] != around_id:
            is_around = n > 1
            around_id = ids[row]
            around = bounds
        elif n > 1:
            for k in range(2):
                around.low[k] = min(around.low[k], bounds.low[k])
                around.high[k] = max(around.high[k], bounds.high[k])
    if has_others:
        put_others(job, lane.item)
        for row in range(begin, end):
            if boxes[row] and (types[row] != BBOX or not bounds_before(
                types, ids, at, points, begin, row, points + at[row]
            )):
                return 4
    if (lane.at + 7) >> 3 != job.ends[lane.item + 1]:
        return 1 if lane.at > 8 * job.ends[lane.item + 1] else 2
    return 0


cdef void begin(Job* job, Lane* lane) noexcept nogil:
    """Take up the next item."""
    cdef i64 row, n, n_first = 0, n_next = 0, n_other = 0
    for row in range(job.offsets[job.item], job.offsets[job.item + 1]):
        n = 0 if job.boxes[row] else job.counts[row]
        if n < 0:
            n_other -= n
        else:
            n_first += min(n, 2)
            n_next += max(n - 2, 0)
    lane.item = job.item
    lane.n_first = n_first
    lane.n_next = n_next
    lane.n_other = n_other
    lane.at = 8 * job.ends[job.item] + 32 * n_other
    lane.next = False
    lane.left = n_first
    lane.mean = START_FIRST
    lane.to = lane.differences
    job.item += 1


cdef bint advance(Job* job, Lane* lane) noexcept nogil:
    """See that a lane has something to read; False if there is nothing left."""
    cdef int code
    while lane.left == 0:
        if lane.item >= 0 and not lane.next:
            lane.next = True
            lane.left = lane.n_next
            lane.mean = START_NEXT
            continue
        if lane.item >= 0:
            code = finish(job, lane)
            if code and (not job.code or lane.item < job.bad):
                job.code = code
                job.bad = lane.item
            lane.item = -1
        if job.code or job.item == job.n_items:
            return False
        begin(job, lane)
    return True


cdef void read_all(Job* job, Lane* first, Lane* second) noexcept nogil:
    """Read all items, or those until one is wrong."""
    cdef bint some = advance(job, first), more = advance(job, second)
    while some or more:
        if some and more:
            take_two_lanes(
                job.data, job.size, first, second,
                min(
                    min(first.left >> 1, second.left >> 1),
                    min(room(job.size, first.at), room(job.size, second.at)),
                ),
            )  # fmt: skip
        elif some:
            take_one_lane(job.data, job.size, first, min(first.left >> 1, room(job.size, first.at)))
        else:
            take_one_lane(
                job.data, job.size, second, min(second.left >> 1, room(job.size, second.at))
            )
        take_last(job.data, job.size, first)
        take_last(job.data, job.size, second)
        some = advance(job, first)
        more = advance(job, second)


cdef int check_counts(Job* job, i64* point_offsets, i64* largest) noexcept nogil:
    """See that each item has bytes enough for its counts, and sum up the points of all annotations.

    ``largest`` becomes how many numbers are in the item that has most.
    """
    cdef i64 item, row, bits, total = 0, before
    point_offsets[0] = 0
    for item in range(job.n_items):
        job.bad = item
        bits = 8 * (job.ends[item + 1] - job.ends[item])
        before = total
        for row in range(job.offsets[item], job.offsets[item + 1]):
            if job.boxes[row]:
                total += 4
            elif job.counts[row] < 0:
                if job.counts[row] < -0x7FFFFFFF:
                    return 3
                bits -= -32 * <i64>job.counts[row]
                total -= job.counts[row]
            else:
                bits -= SHORTEST * <i64>job.counts[row]
                total += job.counts[row]
            if bits < 0:
                return 1
            point_offsets[row + 1] = total
        largest[0] = max(largest[0], total - before)
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
    cdef i64 n_items = offsets.shape[0] - 1, n = types.shape[0], largest = 0
    rises(offsets, n)
    rises(ends, data.shape[0])
    if (
        ids.shape[0] != n or counts.shape[0] != n or boxes.shape[0] != n
        or offsets[0] != 0 or offsets[n_items] != n or ends.shape[0] != n_items + 1
    ):
        raise ValueError("arrays of different lengths")
    at_array = np.empty(n + 1, np.int64)
    doubled_array = np.zeros(n + 1, np.int64)
    cdef i64[::1] at = at_array
    cdef i64[::1] doubled = doubled_array
    cdef Job job
    job.offsets = &offsets[0]
    job.types = &types[0] if n else NULL
    job.ids = &ids[0] if n else NULL
    job.counts = &counts[0] if n else NULL
    job.boxes = &boxes[0] if n else NULL
    job.ends = &ends[0]
    job.data = &data[0] if data.shape[0] else NULL
    job.size = data.shape[0]
    job.at = &at[0]
    job.doubled = &doubled[0]
    job.n_items = n_items
    job.item = job.bad = 0
    with nogil:
        job.code = check_counts(&job, &at[0], &largest)
    if job.code:
        return job.code, job.bad, at_array, np.zeros(0, np.float32), doubled_array[:n]
    points_array = np.empty(int(at[n]), np.float32)
    differences_array = np.empty(2 * largest + 2, np.uint32)
    cdef float[::1] points = points_array
    cdef u32[::1] differences = differences_array
    cdef Lane first, second
    job.points = &points[0] if points.shape[0] else NULL
    first.item = second.item = -1
    first.left = second.left = 0
    first.differences = &differences[0]
    second.differences = &differences[largest + 1]
    with nogil:
        read_all(&job, &first, &second)
    return job.code, job.bad, at_array, points_array, doubled_array[:n]
