"""Pixels of images of indices: their stretches of equal values, and other values for them."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from datumaro.kernels._json cimport Buffer, buffer_free, buffer_int64

cdef enum:
    BAND = 32  # columns that are turned at a time


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


cdef inline uint64_t eight_bytes(const void* data) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, data, 8)
    return word


cdef int scan(
    const Pixel* column, Py_ssize_t height, int64_t at, Pixel* last, Table* table, Buffer* numbers,
    Buffer* starts,
) noexcept nogil:
    """Append the runs that begin in a column, which is as high as ``height``; -1 without memory.

    ``at`` is its first pixel's number; ``last`` the value of the pixel before.
    """
    cdef Py_ssize_t y = 0, each = 8 // sizeof(Pixel), i
    cdef Pixel value = last[0]
    cdef Pixel[8] same
    cdef uint64_t word
    cdef int64_t number
    if at == 0 and height and column[0] == value:
        value = <Pixel>(value ^ 1)  # the first pixel begins a run
    while True:
        for i in range(each):
            same[i] = value
        word = eight_bytes(same)
        while y + each <= height and eight_bytes(column + y) == word:
            y += each
        while y < height and column[y] == value:
            y += 1
        if y == height:
            last[0] = value
            return 0
        value = column[y]
        number = number_of(table, <int64_t>value)
        if number < 0 or buffer_int64(numbers, number) < 0 or buffer_int64(starts, at + y) < 0:
            return -1
        y += 1


def find_runs(const Pixel[:, ::1] pixels):
    """See pixels.pyi."""
    cdef Table table
    cdef Buffer numbers, starts
    cdef Py_ssize_t height = pixels.shape[0], width = pixels.shape[1], x, y, x0, n, pitch
    cdef int64_t i, n_runs
    cdef const Pixel* row
    cdef Pixel* band = NULL
    cdef Pixel last = 0
    cdef bint sound = True
    memset(&table, 0, sizeof(Table))
    memset(&numbers, 0, sizeof(Buffer))
    memset(&starts, 0, sizeof(Buffer))
    # columns lie a cache line further apart than they are high, or all would share a few lines
    pitch = height + 64 // sizeof(Pixel)
    try:
        with nogil:
            table.room = 512
            table.places = <int64_t*>calloc(table.room, sizeof(int64_t))
            band = <Pixel*>malloc(pitch * BAND * sizeof(Pixel))
            sound = table.places != NULL and band != NULL
            if sound and height:
                x0 = 0
                while x0 < width and sound:
                    n = min(<Py_ssize_t>BAND, width - x0)
                    for y in range(height):
                        row = &pixels[y, x0]
                        for x in range(n):
                            band[x * pitch + y] = row[x]
                    for x in range(n):
                        if scan(
                            band + x * pitch, height, (x0 + x) * height, &last, &table, &numbers,
                            &starts,
                        ) < 0:
                            sound = False
                            break
                    x0 += BAND
        if not sound:
            raise MemoryError()
        n_runs = starts.size // sizeof(int64_t)
        values = of_buffer(&table.values)
        run_starts, run_numbers = of_buffer(&starts), of_buffer(&numbers)
        order = np.argsort(values)
        rank = np.empty(len(values), np.int64)
        rank[order] = np.arange(len(values))
        renumber(run_numbers, rank)
        return values[order], run_numbers, run_starts
    finally:
        free(table.places)
        free(band)
        buffer_free(&table.values)
        buffer_free(&numbers)
        buffer_free(&starts)


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
