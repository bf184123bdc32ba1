"""Pixels of PNG files: the zlib stream and the filters of rows, both ways.

Reading takes whole, sound streams alone, and says so of all others: whoever reads a file has
another decoder at hand for what is unusual, and for telling what is wrong with a damaged one.

Definitions: https://www.w3.org/TR/png-3/ (rows and filters), RFC 1950 (zlib), RFC 1951 (DEFLATE).
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

cimport datumaro.kernels._json  # for dm_load8


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
    """
    uint32_t dm_adler32(uint32_t sum, const uint8_t* p, size_t n) noexcept nogil
    uint64_t load8 "dm_load8"(const uint8_t* p) noexcept nogil
    void store8 "dm_store8"(uint8_t* p, uint64_t word, size_t n) noexcept nogil


# --- inflate --------------------------------------------------------------------------------------


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


# RFC 1951, 3.2.5
cdef uint16_t[29] LENGTH_BASE = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258,
]
cdef uint8_t[29] LENGTH_EXTRA = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]
cdef uint16_t[30] DISTANCE_BASE = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
    3073, 4097, 6145, 8193, 12289, 16385, 24577,
]
cdef uint8_t[30] DISTANCE_EXTRA = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
]
cdef uint8_t[19] ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]


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


cdef int set_codes(Codes* codes, const uint8_t* sizes, int n, bint distance) noexcept nogil:
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


cdef int fixed_codes(Inflate* z) noexcept nogil:
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


cdef int read_codes(Inflate* z) noexcept nogil:
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


cdef Py_ssize_t inflate_block(Inflate* z, uint8_t* out, Py_ssize_t at, Py_ssize_t n) noexcept nogil:
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


cdef int inflate(Inflate* z, uint8_t* out, Py_ssize_t n) noexcept nogil:
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


# --- filters --------------------------------------------------------------------------------------





cdef inline uint8_t paeth(int left, int above, int corner) noexcept nogil:
    cdef int to_left = above - corner, to_above = left - corner, to_corner = to_left + to_above
    to_left = -to_left if to_left < 0 else to_left
    to_above = -to_above if to_above < 0 else to_above
    to_corner = -to_corner if to_corner < 0 else to_corner
    if to_left <= to_above and to_left <= to_corner:
        return <uint8_t>left
    return <uint8_t>(above if to_above <= to_corner else corner)


cdef inline uint64_t add_bytes(uint64_t a, uint64_t b) noexcept nogil:
    """Eight sums of bytes."""
    return ((a & ~<uint64_t>0x8080808080808080) + (b & ~<uint64_t>0x8080808080808080)) ^ ((a ^ b) & <uint64_t>0x8080808080808080)


cdef inline uint64_t repeated(uint64_t pixel, Py_ssize_t step) noexcept nogil:
    """A pixel of ``step`` bytes, the lowest ones, again and again."""
    if step == 1:
        return (pixel & 0xFF) * <uint64_t>0x0101010101010101
    if step == 2:
        return (pixel & 0xFFFF) * <uint64_t>0x0001000100010001
    if step == 3:
        pixel &= 0xFFFFFF
        return pixel | pixel << 24 | pixel << 48
    pixel &= (<uint64_t>1 << 32) - 1
    return pixel | pixel << 32


cdef inline void undo_sub(uint8_t* row, Py_ssize_t size, Py_ssize_t step) noexcept nogil:
    """As many bytes as are whole pixels, up to eight, at a time."""
    cdef Py_ssize_t x = step, n = 8 - 8 % step, i
    cdef uint64_t word, before
    if size >= 8 + step:
        before = repeated(load8(row), step)
        while x + 8 <= size:
            word = load8(row + x)
            i = step
            while i < 8:
                word = add_bytes(word, word << (8 * i))
                i *= 2
            word = add_bytes(word, before)
            before = repeated(word >> (8 * (n - step)), step)
            store8(row + x, word, n)
            x += n
    while x < size:
        row[x] += row[x - step]
        x += 1


cdef inline void undo_paeth(
    uint8_t* row, const uint8_t* above, Py_ssize_t size, Py_ssize_t step
) noexcept nogil:
    cdef Py_ssize_t x, end
    cdef uint64_t left
    for x in range(min(step, size)):
        row[x] += above[x]
    x = step
    while x < size:
        end = min(x + 8, size)
        # where all around is one colour, as in most of a mask, that goes on
        while x + 8 <= size and load8(row + x) == 0:
            left = repeated(load8(row + x - step), step)
            if load8(above + x) != left or repeated(load8(above + x - step), step) != left:
                break
            store8(row + x, left, 8)
            x += 8
            end = min(x + 8, size)
        while x < end:
            row[x] += paeth(row[x - step], above[x], above[x - step])
            x += 1


cdef int unfilter(
    uint8_t* rows, Py_ssize_t height, Py_ssize_t size, Py_ssize_t step
) noexcept nogil:
    """Undo the filters of rows of ``size`` bytes, each behind that of its kind; -1 for no such.

    ``step`` is how many bytes before a byte that of the pixel before lies: 1 to 4.
    """
    cdef Py_ssize_t y, x
    cdef uint8_t* row = rows + 1
    cdef const uint8_t* above
    cdef int kind
    for y in range(height):
        kind = (row - 1)[0]
        above = row - size - 1
        if y == 0 and kind == 2:
            kind = 0
        elif y == 0 and kind == 4:
            kind = 1           # of three, two of them 0, Paeth takes the one on the left
        if kind == 1 and step == 1:  # each step's loop is compiled for itself
            undo_sub(row, size, 1)
        elif kind == 1 and step == 2:
            undo_sub(row, size, 2)
        elif kind == 1 and step == 3:
            undo_sub(row, size, 3)
        elif kind == 1:
            undo_sub(row, size, 4)
        elif kind == 2:
            for x in range(size):
                row[x] += above[x]
        elif kind == 3 and y == 0:
            for x in range(step, size):
                row[x] += row[x - step] >> 1
        elif kind == 3:
            for x in range(min(step, size)):
                row[x] += above[x] >> 1
            for x in range(step, size):
                row[x] += <uint8_t>((<int>row[x - step] + above[x]) >> 1)
        elif kind == 4 and step == 1:
            undo_paeth(row, above, size, 1)
        elif kind == 4 and step == 2:
            undo_paeth(row, above, size, 2)
        elif kind == 4 and step == 3:
            undo_paeth(row, above, size, 3)
        elif kind == 4:
            undo_paeth(row, above, size, 4)
        elif kind:
            return -1
        row += size + 1
    return 0


# --- pixels ---------------------------------------------------------------------------------------


cdef void unpack(
    const uint8_t* rows, uint8_t* out, Py_ssize_t height, Py_ssize_t width, Py_ssize_t size,
    int bits, int channels, int scale,
) noexcept nogil:
    """Copy pixels out of rows, as `read_pixels` has them."""
    cdef Py_ssize_t y, x, per_byte = 8 // bits if bits < 8 else 1, shift
    cdef int mask = (1 << bits) - 1
    cdef const uint8_t* row = rows + 1
    cdef uint16_t* words
    cdef int32_t* colors
    for y in range(height):
        if channels >= 3:
            colors = <int32_t*>out + y * width
            if channels == 3:
                for x in range(width):
                    colors[x] = row[3 * x] << 16 | row[3 * x + 1] << 8 | row[3 * x + 2]
            else:
                for x in range(width):
                    colors[x] = row[4 * x] << 16 | row[4 * x + 1] << 8 | row[4 * x + 2]
        elif bits == 16:
            words = <uint16_t*>out + y * width
            for x in range(width):
                words[x] = <uint16_t>(row[2 * x] << 8 | row[2 * x + 1])
        elif bits == 8:
            memcpy(out + y * width, row, width)
        else:
            for x in range(width):
                shift = 8 - bits * (x % per_byte + 1)
                out[y * width + x] = <uint8_t>(((row[x // per_byte] >> shift) & mask) * scale)
        row += size + 1


cdef enum:
    MOST_KEPT = 1 << 24        # bytes of a file's rows whose room is kept for the next


cdef class Room:               # what one file's decoding needs
    cdef Inflate z
    cdef uint8_t* rows
    cdef Py_ssize_t size

    def __dealloc__(self):
        free(self.rows)


# Most files are as large as the one before, and to get fresh memory from the system for each takes
# as long as to decode it.
cdef list idle = []


cdef Room room_for(Py_ssize_t size):
    cdef Room room = idle.pop() if idle else Room()
    if room.size < size:
        free(room.rows)
        room.size = 0
        room.rows = <uint8_t*>malloc(size)
        if room.rows == NULL:
            raise MemoryError()
        room.size = size
    return room


def read_pixels(
    const uint8_t[::1] stream, int bits, int channels, int scale, Py_ssize_t height,
    Py_ssize_t width, uint8_t[::1] out,
):
    """See png.pyi."""
    cdef Py_ssize_t size, each = 4 if channels >= 3 else 2 if bits == 16 else 1
    cdef Room room
    cdef bint sound = False
    if (
        bits not in (1, 2, 4, 8, 16)
        or channels not in (1, 3, 4)
        or (channels > 1 and bits != 8)
        or not 0 < height <= 1 << 31
        or not 0 < width <= 1 << 31
        or height * width > 1 << 31
        or out.shape[0] != height * width * each
        or not 0 < scale <= 255
    ):
        raise ValueError("no such image, or an output of another size")
    size = (width * bits * channels + 7) // 8
    # DEFLATE makes at most 258 bytes of two bits: no room is made for what cannot be
    if not stream.shape[0] or (size + 1) * height // 1032 > stream.shape[0]:
        return False
    room = room_for(height * (size + 1) + SLACK)
    with nogil:
        room.z.data = &stream[0]
        room.z.size = stream.shape[0]
        sound = (
            inflate(&room.z, room.rows, height * (size + 1)) == 0
            and unfilter(room.rows, height, size, max(1, bits * channels // 8)) == 0
        )
        if sound:
            unpack(room.rows, &out[0], height, width, size, bits, channels, scale)
    if room.size <= MOST_KEPT and len(idle) < 16:
        idle.append(room)
    return sound


# --- writing --------------------------------------------------------------------------------------


cdef inline void put_differences(
    uint8_t* to, const uint16_t* row, const uint16_t* before, Py_ssize_t n
) noexcept nogil:
    """Each byte's difference to that of another pixel; of a pixel the high one first."""
    cdef Py_ssize_t x
    for x in range(n):
        to[2 * x] = <uint8_t>((row[x] >> 8) - (before[x] >> 8))
        to[2 * x + 1] = <uint8_t>(row[x] - before[x])


def filter_rows(const uint16_t[:, ::1] pixels, uint8_t[:, ::1] out):
    """See png.pyi."""
    cdef Py_ssize_t height = pixels.shape[0], width = pixels.shape[1], x, y
    cdef const uint16_t* row
    cdef const uint16_t* above
    cdef uint8_t* to
    cdef uint32_t by_left, by_top  # how many pixels change
    if out.shape[0] != height or out.shape[1] != 2 * width + 1:
        raise ValueError("an output of another size")
    if not width:
        return
    with nogil:
        for y in range(height):
            row = &pixels[y, 0]
            above = &pixels[y - 1, 0] if y else row
            to = &out[y, 0]
            by_left = by_top = 0
            for x in range(width):
                by_top += row[x] != above[x]
            for x in range(1, width):
                by_left += row[x] != row[x - 1]
            if not y:
                by_top = by_left
            if by_top < by_left:
                to[0] = 2
                put_differences(to + 1, row, above, width)
            else:
                to[0] = 1
                to[1] = <uint8_t>(row[0] >> 8)
                to[2] = <uint8_t>row[0]
                put_differences(to + 3, row + 1, row, width - 1)


cdef inline void put_color_differences(
    uint8_t* to, const int32_t* row, const int32_t* before, Py_ssize_t n
) noexcept nogil:
    """Red, green and blue of each pixel less those of another, which mostly is the same."""
    cdef Py_ssize_t x
    cdef uint32_t a, b
    memset(to, 0, 3 * n)
    for x in range(n):
        if row[x] != before[x]:
            a, b = <uint32_t>row[x], <uint32_t>before[x]
            to[3 * x] = <uint8_t>(a - b)
            to[3 * x + 1] = <uint8_t>((a >> 8) - (b >> 8))
            to[3 * x + 2] = <uint8_t>((a >> 16) - (b >> 16))


def filter_color_rows(const int32_t[:, ::1] pixels, uint8_t[:, ::1] out):
    """See png.pyi."""
    cdef Py_ssize_t height = pixels.shape[0], width = pixels.shape[1], x, y
    cdef const int32_t* row
    cdef const int32_t* above
    cdef int32_t nothing = 0
    cdef uint8_t* to
    cdef uint32_t by_left, by_top  # how many pixels change
    if out.shape[0] != height or out.shape[1] != 3 * width + 1:
        raise ValueError("an output of another size")
    if not width:
        return
    with nogil:
        for y in range(height):
            row = &pixels[y, 0]
            above = &pixels[y - 1, 0] if y else row
            to = &out[y, 0]
            by_left = by_top = 0
            for x in range(width):
                by_top += row[x] != above[x]
            for x in range(1, width):
                by_left += row[x] != row[x - 1]
            if y and by_top < by_left:
                to[0] = 2
                put_color_differences(to + 1, row, above, width)
            else:
                to[0] = 1
                put_color_differences(to + 1, row, &nothing, 1)
                put_color_differences(to + 4, row + 1, row, width - 1)
