"""Pixels of images of indices: their stretches of equal values, and other values for them."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from datumaro.kernels._json cimport Buffer, buffer_free, buffer_int64


cdef extern from *:
    uint64_t load8 "dm_load8"(const uint8_t* p) noexcept nogil
    int trailing_zeros "DM_TRAILING_ZEROS"(uint64_t word) noexcept nogil

ctypedef fused Pixel:
    uint8_t
    uint16_t
    int32_t
    int64_t


ctypedef fused Index:
    uint8_t
    uint16_t
    int32_t


ctypedef fused Small:
    uint8_t
    uint16_t
    int32_t


# --- the values that occur ------------------------------------------------------------------------


cdef struct Table:             # open addressing
    Buffer values              # int64, in the order in which they came
    int64_t n
    int64_t* places            # the number of a value, counted from 1; 0 where there is none
    int64_t room               # a power of two


cdef inline int64_t place_of(const Table* t, int64_t value) noexcept nogil:
    """Where a value stands in the table, or would."""
    cdef const int64_t* values = <const int64_t*>t.values.data
    cdef int64_t place = <int64_t>((<uint64_t>value * <uint64_t>0x9E3779B97F4A7C15) >> 20)
    place &= t.room - 1
    while t.places[place] and values[t.places[place] - 1] != value:
        place = (place + 1) & (t.room - 1)
    return place


cdef int grow(Table* t) noexcept nogil:
    """Twice the room; -1 without memory."""
    cdef int64_t i
    cdef int64_t* places = <int64_t*>calloc(2 * t.room, sizeof(int64_t))
    if places == NULL:
        return -1
    free(t.places)
    t.places = places
    t.room *= 2
    for i in range(t.n):
        t.places[place_of(t, (<int64_t*>t.values.data)[i])] = i + 1
    return 0


cdef inline int64_t number_of(Table* t, int64_t value) noexcept nogil:
    """The number of a value, which may be the first time that it comes; -1 without memory."""
    cdef int64_t place = place_of(t, value)
    if t.places[place]:
        return t.places[place] - 1
    if buffer_int64(&t.values, value) < 0:
        return -1
    t.n += 1
    t.places[place] = t.n
    if 2 * t.n > t.room and grow(t) < 0:
        return -1
    return t.n - 1


# --- runs -----------------------------------------------------------------------------------------


cdef inline int add_changes(
    uint64_t word, int64_t y, Py_ssize_t x, int each, int64_t* runs_of, Buffer* changes
) noexcept nogil:
    """Note the pixels of eight bytes from (``x``, ``y``) on that differ; -1 without memory.

    ``word`` has bits set where they do, those of the first pixel the lowest; ``each`` pixel has
    that many bytes.
    """
    cdef int place
    cdef uint64_t lane = ~<uint64_t>0 >> (64 - 8 * each)
    while word:
        place = trailing_zeros(word) // (8 * each)
        word &= ~(lane << (8 * each * place))
        runs_of[x + place] += 1
        if buffer_int64(changes, y << 32 | (x + place)) < 0:
            return -1
    return 0


cdef int compare(
    const Pixel* row, const Pixel* above, int64_t y, Py_ssize_t width, int64_t* runs_of,
    Buffer* changes
) noexcept nogil:
    """Note where a row differs from the one above, and count that by column; -1 without memory."""
    cdef Py_ssize_t n = 8 // sizeof(Pixel), x = 0, i
    cdef uint64_t[4] words
    while x + 4 * n <= width:
        for i in range(4):
            words[i] = load8(<const uint8_t*>(row + x + i * n))
            words[i] ^= load8(<const uint8_t*>(above + x + i * n))
        if words[0] | words[1] | words[2] | words[3]:
            for i in range(4):
                if add_changes(words[i], y, x + i * n, sizeof(Pixel), runs_of, changes) < 0:
                    return -1
        x += 4 * n
    while x < width:
        if row[x] != above[x]:
            runs_of[x] += 1
            if buffer_int64(changes, y << 32 | x) < 0:
                return -1
        x += 1
    return 0


def find_runs(const Pixel[:, ::1] pixels):
    """See pixels.pyi."""
    cdef Table table
    cdef Buffer changes            # int64: a run's first pixel, y << 32 | x, row by row
    cdef Py_ssize_t height = pixels.shape[0], width = pixels.shape[1], x, y
    cdef int64_t number, n_runs = 0, i, place
    cdef int64_t* next_of = NULL   # by column: how many runs begin there; then the next one's place
    cdef int64_t[::1] starts, numbers
    cdef bint sound
    if height > 0x7FFFFFFF or width > 0x7FFFFFFF:
        raise ValueError("an image of more than 2147483647 rows or columns")
    memset(&table, 0, sizeof(Table))
    memset(&changes, 0, sizeof(Buffer))
    try:
        # Rows are compared, which lie in memory as they are; what is found is then put in the order
        # of the columns.
        with nogil:
            table.room = 512
            table.places = <int64_t*>calloc(table.room, sizeof(int64_t))
            next_of = <int64_t*>calloc(width + 1, sizeof(int64_t))
            sound = table.places != NULL and next_of != NULL
            if sound and height:
                for x in range(width):
                    if x == 0 or pixels[0, x] != pixels[height - 1, x - 1]:
                        next_of[x] = 1
                        sound = sound and buffer_int64(&changes, x) == 0
                y = 1
                while y < height and width and sound:
                    sound = compare(
                        &pixels[y, 0], &pixels[y - 1, 0], y, width, next_of, &changes
                    ) == 0
                    y += 1
                for x in range(width):
                    place = n_runs
                    n_runs += next_of[x]
                    next_of[x] = place
        if not sound:
            raise MemoryError()
        run_starts, run_numbers = np.empty(n_runs, np.int64), np.empty(n_runs, np.int64)
        starts, numbers = run_starts, run_numbers
        with nogil:
            for i in range(n_runs):
                place = (<int64_t*>changes.data)[i]
                y, x = place >> 32, place & 0x7FFFFFFF
                number = number_of(&table, <int64_t>pixels[y, x])
                if number < 0:
                    sound = False
                    break
                starts[next_of[x]] = x * height + y
                numbers[next_of[x]] = number
                next_of[x] += 1
        if not sound:
            raise MemoryError()
        values = of_buffer(&table.values)
        order = np.argsort(values)
        rank = np.empty(len(values), np.int64)
        rank[order] = np.arange(len(values))
        renumber(run_numbers, rank)
        return values[order], run_numbers, run_starts
    finally:
        free(table.places)
        free(next_of)
        buffer_free(&table.values)
        buffer_free(&changes)


cdef object of_buffer(const Buffer* buffer):
    """A copy of a buffer's integers."""
    made = np.empty(buffer.size // sizeof(int64_t), np.int64)
    cdef int64_t[::1] numbers = made
    if buffer.size:
        memcpy(&numbers[0], buffer.data, buffer.size)
    return made


cdef void renumber(int64_t[::1] numbers, const int64_t[::1] rank):
    cdef Py_ssize_t i
    with nogil:
        for i in range(numbers.shape[0]):
            numbers[i] = rank[numbers[i]]


# --- values ---------------------------------------------------------------------------------------


def look_up(const Index[:, ::1] indices, const Small[::1] values, Small[:, ::1] out):
    """See pixels.pyi."""
    cdef Py_ssize_t height = indices.shape[0], width = indices.shape[1], x, y
    cdef Py_ssize_t n = values.shape[0], index
    cdef bint sound = out.shape[0] == height and out.shape[1] == width
    if sound:
        with nogil:
            for y in range(height):
                for x in range(width):
                    index = indices[y, x]
                    if not 0 <= index < n:
                        sound = False
                        break
                    out[y, x] = values[index]
    if not sound:
        raise ValueError("an index without a value, or images that differ in size")
