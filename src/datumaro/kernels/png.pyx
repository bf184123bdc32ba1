"""Pixels of PNG files: the zlib stream and the filters of rows, both ways.

Reading takes whole, sound streams alone, and says so of all others: whoever reads a file has
another decoder at hand for what is unusual, and for telling what is wrong with a damaged one.

Definitions: https://www.w3.org/TR/png-3/ (rows and filters), RFC 1950 (zlib), RFC 1951 (DEFLATE).
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from datumaro.kernels._inflate cimport *


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
