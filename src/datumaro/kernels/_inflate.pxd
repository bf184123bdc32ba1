# zlib streams (RFC 1950) of DEFLATE's blocks (RFC 1951), taken apart in one go.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cimport datumaro.kernels._words  # for dm_load8

cdef extern from *:
    uint64_t load8 "dm_load8"(const uint8_t* p) noexcept nogil


cdef extern from *:
    """
    /* Up to eight bytes, the least significant the first. */
    static inline void dm_store8(uint8_t *p, uint64_t word, size_t n) {
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
    #endif
        memcpy(p, &word, n);
    }

    /* The sum of 16 bytes each of up to 1024 blocks, and that of the bytes times how many bytes there
       are from each one to the end. */
    #if defined(__SSE2__) || defined(_M_X64)
    #include <emmintrin.h>
    static void dm_sums(const uint8_t *p, size_t blocks, uint64_t *sum, uint64_t *weighted) {
        const __m128i zero = _mm_setzero_si128();
        const __m128i low = _mm_set_epi16(9, 10, 11, 12, 13, 14, 15, 16);
        const __m128i high = _mm_set_epi16(1, 2, 3, 4, 5, 6, 7, 8);
        __m128i each = zero, before = zero, placed = zero;
        uint32_t out[4];
        for (; blocks; blocks--, p += 16) {
            __m128i bytes = _mm_loadu_si128((const __m128i *)p);
            before = _mm_add_epi32(before, each);
            each = _mm_add_epi32(each, _mm_sad_epu8(bytes, zero));
            placed = _mm_add_epi32(placed, _mm_madd_epi16(_mm_unpacklo_epi8(bytes, zero), low));
            placed = _mm_add_epi32(placed, _mm_madd_epi16(_mm_unpackhi_epi8(bytes, zero), high));
        }
        _mm_storeu_si128((__m128i *)out, each);
        *sum = (uint64_t)out[0] + out[2];
        _mm_storeu_si128((__m128i *)out, before);
        *weighted = 16 * ((uint64_t)out[0] + out[2]);
        _mm_storeu_si128((__m128i *)out, placed);
        *weighted += (uint64_t)out[0] + out[1] + out[2] + out[3];
    }
    #else
    static void dm_sums(const uint8_t *p, size_t blocks, uint64_t *sum, uint64_t *weighted) {
        uint32_t each[16] = {0}, before[16] = {0};
        int lane;
        for (; blocks; blocks--, p += 16)
            for (lane = 0; lane < 16; lane++) {
                before[lane] += each[lane];
                each[lane] += p[lane];
            }
        *sum = *weighted = 0;
        for (lane = 0; lane < 16; lane++) {
            *sum += each[lane];
            *weighted += 16 * (uint64_t)before[lane] + (uint64_t)(16 - lane) * each[lane];
        }
    }
    #endif

    /* Adler-32 (RFC 1950, 8.2) of n bytes, after others whose sum is ``begin``. */
    static uint32_t dm_adler32(uint32_t begin, const uint8_t *p, size_t n) {
        uint64_t a = begin & 0xFFFF, b = begin >> 16, sum, weighted;
        while (n >= 16) {
            size_t blocks = n / 16 < 1024 ? n / 16 : 1024;
            dm_sums(p, blocks, &sum, &weighted);
            b = (b + a * 16 * blocks + weighted) % 65521;
            a = (a + sum) % 65521;
            p += 16 * blocks;
            n -= 16 * blocks;
        }
        for (; n; n--) {
            a += *p++;
            b += a;
        }
        return (uint32_t)(b % 65521 << 16 | a % 65521);
    }

    /* RFC 1951, 3.2.5 */
    static const uint16_t dm_length_base[29] = {
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
        163, 195, 227, 258};
    static const uint8_t dm_length_extra[29] = {
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t dm_distance_base[30] = {
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
        2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    static const uint8_t dm_distance_extra[30] = {
        0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13,
        13};
    static const uint8_t dm_order[19] = {
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    """
    const uint16_t[29] LENGTH_BASE "dm_length_base"
    const uint8_t[29] LENGTH_EXTRA "dm_length_extra"
    const uint16_t[30] DISTANCE_BASE "dm_distance_base"
    const uint8_t[30] DISTANCE_EXTRA "dm_distance_extra"
    const uint8_t[19] ORDER "dm_order"
    uint32_t dm_adler32(uint32_t sum, const uint8_t* p, size_t n) noexcept nogil
    void store8 "dm_store8"(uint8_t* p, uint64_t word, size_t n) noexcept nogil


cdef enum:
    LITERAL = 0x80             # kinds of a code; otherwise its number of extra bits
    BLOCK_END = 0x40
    MOST_BITS = 15             # of a code
    N_LENGTHS = 288            # codes of literals and lengths
    N_DISTANCES = 32
    SLACK = 512                # bytes behind the output that may be written: a match and more


cdef struct Code:              # of the bits that come next
    uint16_t value             # a literal, or the least length or distance
    uint8_t extra              # see LITERAL
    uint8_t size               # in bits; 0 where no code has these bits


cdef struct Codes:
    Code[1 << MOST_BITS] at
    int bits                   # how many a look into the table takes


cdef struct Inflate:
    const uint8_t* data
    Py_ssize_t size
    Py_ssize_t pos             # of the next byte that is not in ``hold``
    uint64_t hold              # bits, the next one the lowest
    int held                   # how many
    int beyond                 # bytes that were taken behind the end, as zeros
    Codes lengths
    Codes distances


cdef inline void fill(Inflate* z) noexcept nogil:
    """Hold at least 56 bits."""
    if z.pos + 8 <= z.size:
        z.hold |= load8(z.data + z.pos) << z.held
        z.pos += (63 - z.held) >> 3
        z.held |= 56
        return
    while z.held < 56:
        if z.pos < z.size:
            z.hold |= <uint64_t>z.data[z.pos] << z.held
            z.pos += 1
        else:
            z.beyond += 1
        z.held += 8


cdef inline uint32_t take(Inflate* z, int bits) noexcept nogil:
    """Some bits, up to 16, of those that are held."""
    cdef uint32_t taken = <uint32_t>(z.hold & ((<uint64_t>1 << bits) - 1))
    z.hold >>= bits
    z.held -= bits
    return taken


cdef inline bint ended(const Inflate* z) noexcept nogil:
    """Whether more bits were taken than there are."""
    return 8 * z.beyond > z.held


cdef inline Code meaning(int symbol, bint distance) noexcept nogil:
    cdef Code code
    code.size = 0
    code.value = <uint16_t>symbol
    code.extra = LITERAL
    if distance:
        if symbol < 30:
            code.value = DISTANCE_BASE[symbol]
            code.extra = DISTANCE_EXTRA[symbol]
    elif symbol == 256:
        code.extra = BLOCK_END
    elif 256 < symbol < 286:
        code.value = LENGTH_BASE[symbol - 257]
        code.extra = LENGTH_EXTRA[symbol - 257]
    return code


cdef inline int set_codes(Codes* codes, const uint8_t* sizes, int n, bint distance) noexcept nogil:
    """Make the table of canonical codes (RFC 1951, 3.2.2), given each symbol's size in bits.

    -1 when they are too many, or, but for a single distance, too few.
    """
    cdef int[MOST_BITS + 2] count, first
    cdef int symbol, size, code, reverse, bit, used = 0, longest = 0, left = 1, place
    cdef Code entry
    memset(count, 0, sizeof(count))
    for symbol in range(n):
        count[sizes[symbol]] += 1
        if sizes[symbol]:
            used += 1
    count[0] = 0
    first[0] = first[1] = 0
    for size in range(1, MOST_BITS + 1):
        left = 2 * left - count[size]
        if left < 0:
            return -1
        if count[size]:
            longest = size
        first[size + 1] = (first[size] + count[size]) << 1
    if left and not (distance and (used == 0 or (used == 1 and longest == 1))):
        return -1
    codes.bits = longest or 1
    if left:
        memset(codes.at, 0, sizeof(Code) << codes.bits)
    for symbol in range(n):
        size = sizes[symbol]
        if not size:
            continue
        code = first[size]
        first[size] += 1
        reverse = 0
        for bit in range(size):
            reverse |= ((code >> bit) & 1) << (size - 1 - bit)
        entry = meaning(symbol, distance)
        # of symbols that have no meaning: no code
        entry.size = <uint8_t>size
        if entry.extra == LITERAL and (distance or symbol > 256):
            entry.size = 0
        place = reverse
        while place < 1 << codes.bits:
            codes.at[place] = entry
            place += 1 << size
    return 0


cdef inline int fixed_codes(Inflate* z) noexcept nogil:
    """RFC 1951, 3.2.6."""
    cdef uint8_t[N_LENGTHS] sizes
    memset(sizes, 8, 144)
    memset(sizes + 144, 9, 112)
    memset(sizes + 256, 7, 24)
    memset(sizes + 280, 8, 8)
    if set_codes(&z.lengths, sizes, N_LENGTHS, False) < 0:
        return -1
    memset(sizes, 5, N_DISTANCES)
    return set_codes(&z.distances, sizes, N_DISTANCES, True)


cdef inline int read_codes(Inflate* z) noexcept nogil:
    """RFC 1951, 3.2.7. -1 when they are damaged."""
    cdef uint8_t[N_LENGTHS + N_DISTANCES] sizes
    cdef uint8_t[19] own
    cdef int n_lengths, n_distances, n_own, i, repeat
    cdef uint8_t value
    cdef Code code
    fill(z)
    n_lengths = take(z, 5) + 257
    n_distances = take(z, 5) + 1
    n_own = take(z, 4) + 4
    if n_lengths > 286 or n_distances > 30:
        return -1
    memset(own, 0, sizeof(own))
    for i in range(n_own):
        if z.held < 3:
            fill(z)
        own[ORDER[i]] = <uint8_t>take(z, 3)
    # the table of the distances is free until it is made
    if set_codes(&z.distances, own, 19, False) < 0:
        return -1
    i = 0
    while i < n_lengths + n_distances:
        if z.held < 32:
            fill(z)
            if ended(z):
                return -1
        code = z.distances.at[z.hold & ((1 << z.distances.bits) - 1)]
        if not code.size:
            return -1
        take(z, code.size)
        value = 0
        if code.value < 16:
            repeat = 1
            value = <uint8_t>code.value
        elif code.value == 16:
            if i == 0:
                return -1
            repeat = 3 + take(z, 2)
            value = sizes[i - 1]
        else:
            repeat = 3 + take(z, 3) if code.value == 17 else 11 + take(z, 7)
        if i + repeat > n_lengths + n_distances:
            return -1
        memset(sizes + i, value, repeat)
        i += repeat
    if not sizes[256]:
        return -1
    if set_codes(&z.lengths, sizes, n_lengths, False) < 0:
        return -1
    return set_codes(&z.distances, sizes + n_lengths, n_distances, True)


cdef inline void repeat_bytes(uint8_t* out, Py_ssize_t distance, Py_ssize_t length) noexcept nogil:
    """Write what lies ``distance`` bytes before again; up to 15 bytes more may be written."""
    cdef const uint8_t* source = out - distance
    cdef uint8_t* end = out + length
    cdef uint8_t[16] pattern
    cdef Py_ssize_t i, step
    if distance >= 16:
        while out < end:
            memcpy(out, source, 16)
            out += 16
            source += 16
    elif distance == 1:
        memset(out, source[0], length)
    else:
        for i in range(distance):
            pattern[i] = source[i]
        for i in range(distance, 16):
            pattern[i] = pattern[i - distance]
        step = 16 - 16 % distance
        while out < end:
            memcpy(out, pattern, 16)
            out += step


cdef inline Py_ssize_t inflate_block(Inflate* z, uint8_t* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil:
    """Write a compressed block from ``at`` on; where it ends, or -1."""
    cdef Code code
    cdef Py_ssize_t length, distance
    cdef uint64_t length_bits = (<uint64_t>1 << z.lengths.bits) - 1
    cdef uint64_t distance_bits = (<uint64_t>1 << z.distances.bits) - 1
    while True:
        fill(z)
        code = z.lengths.at[z.hold & length_bits]
        if code.extra == LITERAL and code.size:
            z.hold >>= code.size
            z.held -= code.size
            out[at] = <uint8_t>code.value
            at += 1
            code = z.lengths.at[z.hold & length_bits]
            if code.extra == LITERAL and code.size:
                z.hold >>= code.size
                z.held -= code.size
                out[at] = <uint8_t>code.value
                at += 1
                if at > n or ended(z):
                    return -1
                continue
        if not code.size:
            return -1
        z.hold >>= code.size
        z.held -= code.size
        if code.extra == BLOCK_END:
            return -1 if at > n or ended(z) else at
        length = code.value + take(z, code.extra)
        if z.held < 28:
            fill(z)
        code = z.distances.at[z.hold & distance_bits]
        if not code.size:
            return -1
        z.hold >>= code.size
        z.held -= code.size
        distance = code.value + take(z, code.extra)
        if distance > at or at + length > n or ended(z):
            return -1
        repeat_bytes(out + at, distance, length)
        at += length


cdef inline int inflate(Inflate* z, uint8_t* out, Py_ssize_t n) noexcept nogil:
    """Write the ``n`` bytes that a zlib stream is, and up to SLACK more behind; 0, or -1."""
    cdef Py_ssize_t at = 0, stored, n_blocks = 0, most = 64 + n // 1024
    cdef bint last = False
    cdef int kind, i
    cdef uint32_t check = 0
    cdef uint8_t head, flags
    if z.size < 6:
        return -1
    head, flags = z.data[0], z.data[1]
    if head & 15 != 8 or head >> 4 > 7 or flags & 0x20 or (head << 8 | flags) % 31:
        return -1
    z.pos = 2
    z.hold = z.held = z.beyond = 0
    while not last:
        # a table costs much more than the few bytes that say it: who makes one for next to
        # nothing, again and again, is not waited for
        n_blocks += 1
        if n_blocks > most:
            return -1
        fill(z)
        last = take(z, 1)
        kind = take(z, 2)
        if kind == 0:
            take(z, z.held & 7)
            fill(z)
            stored = take(z, 16)
            if take(z, 16) != (stored ^ 0xFFFF) or ended(z):
                return -1
            z.pos -= z.held // 8 - z.beyond
            z.hold = z.held = z.beyond = 0
            if stored > z.size - z.pos or stored > n - at:
                return -1
            memcpy(out + at, z.data + z.pos, stored)
            z.pos += stored
            at += stored
            continue
        if kind == 3 or (fixed_codes(z) if kind == 1 else read_codes(z)) < 0:
            return -1
        at = inflate_block(z, out, at, n)
        if at < 0:
            return -1
    take(z, z.held & 7)
    for i in range(4):
        fill(z)
        check = check << 8 | take(z, 8)
    if at != n or ended(z) or check != dm_adler32(1, out, n):
        return -1
    return 0
