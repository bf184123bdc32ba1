"""Whole columns of Parquet's pages, as Arrow has them in memory.

The encodings are those of https://parquet.apache.org/docs/file-format/data-pages/encodings/. Levels
become bits, one for each, so that those of 64 values are looked at together; values are decoded
densely, and moved apart where there are nulls. Every length, index and number is checked against
what is there; whatever is wrong, or not known here, is a ValueError.
"""

import numpy as np

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memmove, memset

from datumaro.kernels._parquet cimport (
    BYTE_STREAM_SPLIT, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, PLAIN, PLAIN_DICTIONARY,
    RLE_DICTIONARY, DeltaHead, Runs, bits_at, delta_head, next_run, ones_in,
)
from datumaro.kernels._thrift cimport Cursor, thrift_integer

cdef enum:
    MOST_VALUES = 1 << 22  # of a page

cdef int64_t MOST_BYTES = <int64_t>1 << 31  # of a column's texts

ctypedef fused number:
    uint32_t
    uint64_t

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


cdef inline uint64_t lowest(Py_ssize_t n) noexcept nogil:
    """The ``n`` lowest bits, 0 to 64."""
    return ~<uint64_t>0 if n >= 64 else (<uint64_t>1 << n) - 1


cdef inline void put(uint64_t* out, Py_ssize_t at, uint64_t word, int n) noexcept nogil:
    """Set ``n`` bits from bit ``at`` on; all there are 0, and those of ``word`` beyond ``n``."""
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


cdef inline uint64_t even(uint64_t x) noexcept nogil:
    """The bits 0, 2, 4, … together."""
    x &= 0x5555555555555555ULL
    x = (x | x >> 1) & 0x3333333333333333ULL
    x = (x | x >> 2) & 0x0F0F0F0F0F0F0F0FULL
    x = (x | x >> 4) & 0x00FF00FF00FF00FFULL
    x = (x | x >> 8) & 0x0000FFFF0000FFFFULL
    return (x | x >> 16) & 0x00000000FFFFFFFFULL


cdef Py_ssize_t ones_between(const uint64_t* bits, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t found = 0, w, first = begin >> 6, last = end >> 6
    if begin >= end:
        return 0
    for w in range(first, last):
        found += ones_in(bits[w])
    if end & 63:
        found += ones_in(bits[last] & lowest(end & 63))
    return found - ones_in(bits[first] & lowest(begin & 63))


# --- levels -------------------------------------------------------------------------------------


cdef bint put_levels(
    const uint8_t* data, Py_ssize_t begin, Py_ssize_t end, int width, Py_ssize_t count,
    uint64_t* low, uint64_t* high, Py_ssize_t at,
) noexcept nogil:
    """Levels of one or two bits to the bits from ``at`` on; False when they are no levels."""
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


cdef bint find_levels(Page* page, bint nested, int most) noexcept nogil:
    """Where a page's levels are; False when they go on beyond it."""
    cdef Py_ssize_t at = 0
    cdef uint32_t size
    page.repeated = page.repeated_end = page.defined = page.values = 0
    if nested:
        if page.size - at < 4:
            return False
        memcpy(&size, page.data + at, 4)
        at += 4
        if size > page.size - at:
            return False
        page.repeated = at
        page.repeated_end = at = at + size
    if most:
        if page.size - at < 4:
            return False
        memcpy(&size, page.data + at, 4)
        at += 4
        if size > page.size - at:
            return False
        page.defined = at
        at += size
    page.values = at
    return True


# --- values -------------------------------------------------------------------------------------


cdef inline bint is_indexed(const Page* page) noexcept nogil:
    return page.encoding == RLE_DICTIONARY or page.encoding == PLAIN_DICTIONARY


cdef bint dense_indices(
    const uint8_t* data, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t n, uint32_t* out, int64_t words
) noexcept nogil:
    """``n`` (1 or more) indices; False when they end too soon, or one is not below ``words``."""
    cdef Runs r
    cdef Py_ssize_t seen = 0, i, j, left, at
    cdef uint32_t* to
    cdef uint32_t most = 0, mask
    cdef uint64_t word
    cdef int width
    if begin >= end or data[begin] > 32 or words <= 0:
        return False
    width = data[begin]
    if width == 0:
        memset(out, 0, n * 4)
        return True
    mask = <uint32_t>lowest(width)
    r.data, r.pos, r.end, r.width, r.n = data, begin + 1, end, width, 0
    while seen < n:
        if not next_run(&r):
            return False
        left = min(r.n, n - seen)
        to = out + seen
        i = 0
        if not r.packed:
            if r.value >= <uint64_t>words:
                return False
            for i in range(left):
                to[i] = r.value
        else:
            if width <= 8:
                at = r.at
                while i + 8 <= left and end - at >= 8:
                    memcpy(&word, data + at, 8)
                    for j in range(8):
                        to[i + j] = <uint32_t>(word >> (j * width)) & mask
                    i += 8
                    at += width
            while i < left:
                to[i] = <uint32_t>bits_at(
                    data + r.at, end - r.at, <uint64_t>i * <uint64_t>width, width
                )
                i += 1
            most = 0
            for i in range(left):
                most = max(most, to[i])
            if most >= <uint64_t>words:
                return False
        seen += left
    return True


cdef inline bint fits(int64_t value, int bits) noexcept nogil:
    return bits == 64 or -(<int64_t>1 << 31) <= value < <int64_t>1 << 31


cdef bint dense_deltas(
    const uint8_t* data, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t n, int bits, number* out,
    Py_ssize_t* ended,
) noexcept nogil:
    """``n`` (1 or more) numbers of DELTA_BINARY_PACKED, of ``bits`` bits each; no more may be there.

    Parameters
    ----------
    ended : where they end is written there.
    """
    cdef Cursor c
    cdef DeltaHead head
    cdef int64_t least = 0
    cdef Py_ssize_t seen = 1, mini, widths, i, j, size
    cdef uint64_t value, word, mask
    cdef int width
    c.data, c.pos, c.end = data, begin, end
    if not delta_head(&c, &head) or head.total != n or head.size % 32 or not fits(head.first, bits):
        return False
    value = <uint64_t>head.first
    out[0] = <number>value
    while seen < n:
        if thrift_integer(&c, &least) or head.minis > end - c.pos or not fits(least, bits):
            return False
        widths = c.pos
        c.pos += head.minis
        for mini in range(head.minis):
            if seen >= n:
                break
            width = data[widths + mini]
            size = head.size // 8 * width
            if width > bits or size > end - c.pos:
                return False
            i = min(head.size, n - seen)
            if width == 0:
                for j in range(i):
                    value += <uint64_t>least
                    out[seen + j] = <number>value
            elif width <= 56 and end - c.pos >= size + 8:
                mask = lowest(width)
                for j in range(i):
                    memcpy(&word, data + c.pos + (j * width >> 3), 8)
                    value += <uint64_t>least + ((word >> (j * width & 7)) & mask)
                    out[seen + j] = <number>value
            else:
                for j in range(i):
                    value += <uint64_t>least + bits_at(
                        data + c.pos, end - c.pos, <uint64_t>j * <uint64_t>width, width
                    )
                    out[seen + j] = <number>value
            seen += i
            c.pos += size
    ended[0] = c.pos
    return True


cdef void dense_split(const uint8_t* data, Py_ssize_t n, number* out) noexcept nogil:
    """``n`` numbers of BYTE_STREAM_SPLIT: the first bytes of all, the second of all, …"""
    cdef Py_ssize_t i
    if number is uint32_t:
        for i in range(n):
            out[i] = (
                data[i] | <uint32_t>data[n + i] << 8 | <uint32_t>data[2 * n + i] << 16
                | <uint32_t>data[3 * n + i] << 24
            )
    else:
        for i in range(n):
            out[i] = (
                data[i] | <uint64_t>data[n + i] << 8 | <uint64_t>data[2 * n + i] << 16
                | <uint64_t>data[3 * n + i] << 24 | <uint64_t>data[4 * n + i] << 32
                | <uint64_t>data[5 * n + i] << 40 | <uint64_t>data[6 * n + i] << 48
                | <uint64_t>data[7 * n + i] << 56
            )


cdef bint dense_numbers(Page* page, number* out, const number* words, int64_t n_words) noexcept nogil:
    """A page's numbers that are not null, one or more; False when they are not as many."""
    cdef const uint8_t* data = page.data + page.values
    cdef Py_ssize_t size = page.size - page.values, n = page.there, i, ended = 0
    cdef uint32_t* indices = <uint32_t*>out
    if page.encoding == DELTA_BINARY_PACKED:
        return dense_deltas(data, 0, size, n, 8 * sizeof(number), out, &ended)
    if page.encoding == PLAIN_DICTIONARY or page.encoding == RLE_DICTIONARY:
        if not dense_indices(data, 0, size, n, indices, n_words):
            return False
        for i in range(n - 1, -1, -1):  # indices are no larger than numbers: none is overwritten
            out[i] = words[indices[i]]
        return True
    if size != n * <Py_ssize_t>sizeof(number):
        return False
    if page.encoding == PLAIN:
        memcpy(out, data, size)
    elif page.encoding == BYTE_STREAM_SPLIT:
        dense_split(data, n, out)
    else:
        return False
    return True


cdef void move_apart(
    number* out, const uint64_t* valid, Py_ssize_t n, Py_ssize_t there
) noexcept nogil:
    """The first ``there`` of ``n`` numbers to the places of those that are not null, 0 elsewhere.

    From the last to the first: none is overwritten before it is moved.
    """
    cdef Py_ssize_t i = n, begin
    cdef uint64_t word, one
    while i > there:
        begin = (i - 1) & ~<Py_ssize_t>63
        word = valid[begin >> 6] & lowest(i - begin)
        if word == 0:
            memset(out + begin, 0, (i - begin) * sizeof(number))
            i = begin
        elif word == lowest(i - begin):
            there -= i - begin
            memmove(out + begin, out + there, (i - begin) * sizeof(number))
            i = begin
        else:
            word <<= 64 - (i - begin)
            while i > begin:
                i -= 1
                one = word >> 63
                word <<= 1
                there -= one
                out[i] = out[there] & (0 - <number>one)


cdef void ends_apart(
    int64_t* out, const uint64_t* valid, Py_ssize_t n, Py_ssize_t there
) noexcept nogil:
    """Ends of texts in ``out[1:there + 1]`` to ``out[1:n + 1]``: null are empty."""
    cdef Py_ssize_t i = n, begin, j
    cdef uint64_t word
    cdef int64_t end
    while i > there:
        begin = (i - 1) & ~<Py_ssize_t>63
        word = valid[begin >> 6] & lowest(i - begin)
        if word == 0:
            end = out[there]
            for j in range(begin + 1, i + 1):
                out[j] = end
            i = begin
        else:
            while i > begin:
                out[i] = out[there]
                i -= 1
                there -= word >> (i - begin) & 1


cdef bint fill(
    Page* pages, Py_ssize_t n_pages, number* out, Py_ssize_t n, const uint64_t* valid,
    const number* words, int64_t n_words,
) noexcept nogil:
    """The ``n`` numbers of a column, 0 for null; False when they are not as many."""
    cdef Py_ssize_t i, at = 0
    for i in range(n_pages):
        if pages[i].there:
            if not dense_numbers(&pages[i], out + at, words, n_words):
                return False
            at += pages[i].there
    if at < n:
        move_apart(out, valid, n, at)
    return True


# --- texts --------------------------------------------------------------------------------------

cdef bint plain_ends(Page* page, int64_t* ends, int64_t total) noexcept nogil:
    """Where a page's PLAIN texts end, from ``total`` on; False when they go on beyond it."""
    cdef Py_ssize_t at = page.values, i
    cdef uint32_t size
    for i in range(page.there):
        if page.size - at < 4:
            return False
        memcpy(&size, page.data + at, 4)
        at += 4
        if size > page.size - at:
            return False
        at += size
        total += size
        ends[i] = total
    return at == page.size


cdef bint delta_ends(Page* page, int64_t* ends, int64_t total) noexcept nogil:
    """The same of DELTA_LENGTH_BYTE_ARRAY; ``page.begin`` is where the first begins."""
    cdef Py_ssize_t i
    cdef int64_t sum = 0, left
    if not dense_deltas(
        page.data, page.values, page.size, page.there, 32, <uint64_t*>ends, &page.begin
    ):
        return False
    left = page.size - page.begin
    for i in range(page.there):
        if not 0 <= ends[i] <= left - sum:
            return False
        sum += ends[i]
        ends[i] = total + sum
    return sum == left


cdef bint word_ends(
    Page* page, int64_t* ends, int64_t total, uint32_t* indices, const int64_t* words, int64_t n_words
) noexcept nogil:
    """The same of indices, which are written to ``indices``, into a dictionary."""
    cdef Py_ssize_t i
    if not dense_indices(page.data, page.values, page.size, page.there, indices, n_words):
        return False
    for i in range(page.there):
        total += words[indices[i] + 1] - words[indices[i]]
        if total > MOST_BYTES:
            return False
        ends[i] = total
    return True


cdef void copy_words(
    uint8_t* out, const uint32_t* indices, Py_ssize_t n, const int64_t* words, const uint8_t* data
) noexcept nogil:
    cdef Py_ssize_t i
    cdef int64_t begin, size
    for i in range(n):
        begin = words[indices[i]]
        size = words[indices[i] + 1] - begin
        memcpy(out, data + begin, size)
        out += size


cdef void copy_plain(uint8_t* out, Page* page) noexcept nogil:
    cdef Py_ssize_t at = page.values, i
    cdef uint32_t size
    for i in range(page.there):
        memcpy(&size, page.data + at, 4)
        memcpy(out, page.data + at + 4, size)
        at += 4 + size
        out += size


cdef bint are_ends(const int64_t[::1] ends, Py_ssize_t size) noexcept nogil:
    """Whether texts may end so in ``size`` bytes."""
    cdef Py_ssize_t i
    if ends.shape[0] == 0 or ends[0] < 0 or ends[ends.shape[0] - 1] > size:
        return False
    for i in range(ends.shape[0] - 1):
        if ends[i] > ends[i + 1]:
            return False
    return True


cdef object part_of(body, Py_ssize_t begin, Py_ssize_t size):
    return memoryview(body).cast("B")[begin : begin + size]


# --- columns ------------------------------------------------------------------------------------


cdef class Column:
    """See parquet_columns.pyi."""
    cdef Page* pages
    cdef Py_buffer* buffers
    cdef Py_ssize_t n_pages, n_buffers, n_levels, n_words
    cdef list bodies
    cdef object allocate
    cdef bint nested
    cdef object repeated, empty, bits  # uint64 arrays: of repetition, of levels of empty lists, of values
    cdef uint64_t* valid_bits
    cdef readonly Py_ssize_t n, there
    cdef readonly object offsets

    def __cinit__(self, list pages, bint nested, int most, Column like=None, allocate=None):
        cdef Py_ssize_t i
        cdef Page* page
        if not (nested <= most <= 1 + nested):
            raise ValueError("levels of another kind")
        self.nested, self.n_pages, self.bodies = nested, len(pages), []
        self.allocate = allocate
        self.pages = <Page*>calloc(max(self.n_pages, 1), sizeof(Page))
        self.buffers = <Py_buffer*>calloc(max(self.n_pages, 1), sizeof(Py_buffer))
        if self.pages == NULL or self.buffers == NULL:
            raise MemoryError
        for i in range(self.n_pages):
            body, count, encoding = pages[i]
            PyObject_GetBuffer(body, &self.buffers[i], PyBUF_SIMPLE)
            self.n_buffers += 1
            self.bodies.append(body)
            page = &self.pages[i]
            page.data, page.size = <const uint8_t*>self.buffers[i].buf, self.buffers[i].len
            page.count, page.encoding = count, encoding
            if not 0 < page.count <= MOST_VALUES:
                raise ValueError("a page of too many values, or none")
            if not find_levels(page, nested, most):
                raise ValueError("levels beyond the page")
            self.n_levels += page.count
        if most == 0:
            for i in range(self.n_pages):
                self.pages[i].there = self.pages[i].count
            self.n = self.there = self.n_levels
        else:
            self.read_levels(most, like)

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.n_buffers):
            PyBuffer_Release(&self.buffers[i])
        free(self.pages)
        free(self.buffers)

    cdef int read_levels(self, int most, Column like) except -1:
        cdef Py_ssize_t at = 0, i, size = (self.n_levels >> 6) + 2
        low_bits, high_bits = np.zeros(size, np.uint64), None
        cdef uint64_t[::1] low = low_bits, high = None
        cdef uint64_t* highs = NULL
        cdef Page* page
        cdef bint whole = True
        if most == 2:
            high_bits = np.zeros(size, np.uint64)
            high = high_bits
            highs = &high[0]
        with nogil:
            for i in range(self.n_pages):
                page = &self.pages[i]
                whole = whole and put_levels(
                    page.data, page.defined, page.values, most, page.count, &low[0], highs, at
                )
                at += page.count
        if not whole:
            raise ValueError("levels of another kind")
        if not self.nested:
            self.bits, self.n = low_bits, self.n_levels
            self.valid_bits = &low[0]
            self.count_values()
            return 0
        self.split_levels(low, high, most == 2)
        self.bits = high_bits if most == 2 else low_bits
        self.valid_bits = highs if most == 2 else &low[0]
        self.empty = low_bits if most == 2 else self.empty
        self.count_values()  # by levels: empty lists are among them
        if like is None:
            self.read_lists()
        else:
            self.check_lists(like)
        self.leave_out_empty()
        return 0

    cdef int split_levels(self, uint64_t[::1] low, uint64_t[::1] high, bint optional) except -1:
        """Levels to the bits of values that are there, and of empty lists.

        Those of values take the place of the highest bit of levels; those of empty lists are
        made of level 0.
        """
        cdef Py_ssize_t w, n = self.n_levels
        cdef uint64_t all, first, second, wrong = 0
        cdef uint64_t[::1] empty
        if optional:
            with nogil:
                for w in range((n + 63) >> 6):
                    all = lowest(n - (w << 6))
                    first, second = low[w], high[w]
                    wrong |= first & second
                    low[w] = ~(first | second) & all
            if wrong:
                raise ValueError("a level of more than there is")
            return 0
        found = np.zeros(low.shape[0], np.uint64)
        empty = found
        with nogil:
            for w in range((n + 63) >> 6):
                empty[w] = ~low[w] & lowest(n - (w << 6))
        self.empty = found
        return 0

    cdef int count_values(self) except -1:
        """How many values that are not null each page has."""
        cdef Py_ssize_t at = 0, i
        cdef Page* page
        self.there = 0
        with nogil:
            for i in range(self.n_pages):
                page = &self.pages[i]
                page.there = ones_between(self.valid_bits, at, at + page.count)
                at += page.count
                self.there += page.there
        return 0

    cdef object repetitions(self):
        """The repetition levels' bits."""
        found = np.zeros((self.n_levels >> 6) + 2, np.uint64)
        cdef uint64_t[::1] bits = found
        cdef Py_ssize_t at = 0, i
        cdef Page* page
        cdef bint whole = True
        with nogil:
            for i in range(self.n_pages):
                page = &self.pages[i]
                whole = whole and put_levels(
                    page.data, page.repeated, page.repeated_end, 1, page.count, &bits[0], NULL, at
                )
                at += page.count
        if not whole:
            raise ValueError("levels of another kind")
        return found

    cdef int read_lists(self) except -1:
        """Where the lists begin and end, of the levels."""
        cdef Py_ssize_t w, n = self.n_levels, rows = 0, row = 0, gone = 0
        cdef uint64_t wrong = 0, word, next_, all, below
        self.repeated = self.repetitions()
        cdef uint64_t[::1] repeated = self.repeated, empty = self.empty
        if n and repeated[0] & 1:
            raise ValueError("a list that goes on before the first")
        with nogil:
            for w in range((n + 63) >> 6):
                rows += ones_in(repeated[w])
                # an empty list is alone: it begins, and none goes on after it
                next_ = repeated[w] >> 1 | repeated[w + 1] << 63
                wrong |= empty[w] & (repeated[w] | next_)
        if wrong:
            raise ValueError("an empty list that is not alone")
        rows = n - rows
        self.offsets = self.array(rows + 1, np.int64)
        cdef int64_t[::1] offsets = self.offsets
        with nogil:
            for w in range((n + 63) >> 6):
                all = lowest(n - (w << 6))
                word = ~repeated[w] & all
                while word:
                    below = (word & (~word + 1)) - 1  # the bits below the lowest one
                    offsets[row] = (w << 6) + ones_in(below) - gone - ones_in(empty[w] & below)
                    row += 1
                    word &= word - 1
                gone += ones_in(empty[w])
            offsets[rows] = n - gone
        return 0

    cdef int check_lists(self, Column like) except -1:
        """That the lists are those of another column."""
        cdef Py_ssize_t size = ((self.n_levels + 63) >> 6) * 8
        cdef uint64_t[::1] mine, others
        if like.offsets is None or self.n_levels != like.n_levels:
            raise ValueError("lists of different lengths")
        if not self.is_repeated_alike(like):
            mine, others = self.repetitions(), like.repeated
            if memcmp(&mine[0], &others[0], size):
                raise ValueError("lists of different lengths")
        mine, others = self.empty, like.empty
        if memcmp(&mine[0], &others[0], size):
            raise ValueError("lists of different lengths")
        self.offsets, self.repeated = like.offsets, like.repeated
        return 0

    cdef bint is_repeated_alike(self, Column like) noexcept:
        """Whether repetition levels are stored in the same bytes."""
        cdef Py_ssize_t i, size
        if self.n_pages != like.n_pages:
            return False
        for i in range(self.n_pages):
            size = self.pages[i].repeated_end - self.pages[i].repeated
            if (
                self.pages[i].count != like.pages[i].count
                or size != like.pages[i].repeated_end - like.pages[i].repeated
                or memcmp(
                    self.pages[i].data + self.pages[i].repeated,
                    like.pages[i].data + like.pages[i].repeated,
                    size,
                )
            ):
                return False
        return True

    cdef int leave_out_empty(self) except -1:
        """The bits of values, without those of empty lists."""
        cdef uint64_t[::1] empty = self.empty, bits
        cdef Py_ssize_t w, j, n = self.n_levels, gone = 0, at = 0, step
        cdef uint64_t word, lists
        cdef int k
        for w in range((n + 63) >> 6):
            gone += ones_in(empty[w])
        self.n = n - gone
        if not gone or self.there == self.n:
            return 0
        found = np.zeros((self.n >> 6) + 2, np.uint64)
        bits = found
        with nogil:
            for w in range((n + 63) >> 6):
                step = min(64, n - (w << 6))
                word, lists = self.valid_bits[w], empty[w]
                if lists == 0:
                    put(&bits[0], at, word, step)
                    at += step
                elif lists != lowest(step):
                    k = 0
                    for j in range(step):
                        if not lists >> j & 1:
                            if word >> j & 1:
                                bits[(at + k) >> 6] |= <uint64_t>1 << ((at + k) & 63)
                            k += 1
                    at += k
        self.bits = found
        self.valid_bits = &bits[0]
        return 0

    @property
    def nulls(self):
        return self.n - self.there

    @property
    def valid(self):
        if self.there == self.n:
            return None
        return self.bits.view(np.uint8)[: (self.n + 7) >> 3]

    cdef object array(self, Py_ssize_t n, kind):
        """An array of ``n`` of a data type, not filled."""
        if self.allocate is None:
            return np.empty(n, kind)
        return np.ndarray(n, kind, self.allocate(n * np.dtype(kind).itemsize))

    def are_indices(self):
        cdef Py_ssize_t i
        for i in range(self.n_pages):
            if self.pages[i].there and not is_indexed(&self.pages[i]):
                return False
        return True

    def numbers(self, int size, words=None):
        cdef const uint32_t[::1] words_4
        cdef const uint64_t[::1] words_8
        cdef uint32_t[::1] out_4
        cdef uint64_t[::1] out_8
        cdef int64_t n_words = 0 if words is None else len(words)
        cdef bint whole
        if size not in (4, 8):
            raise ValueError("numbers of another size")
        found = self.array(self.n, np.int32 if size == 4 else np.int64)
        if self.n == 0:
            return found
        if size == 4:
            out_4 = found.view(np.uint32)
            words_4 = found.view(np.uint32) if words is None else words.view(np.uint32)
            with nogil:
                whole = fill(
                    self.pages, self.n_pages, &out_4[0], self.n, self.valid_bits,
                    &words_4[0] if n_words else NULL, n_words,
                )
        else:
            out_8 = found.view(np.uint64)
            words_8 = found.view(np.uint64) if words is None else words.view(np.uint64)
            with nogil:
                whole = fill(
                    self.pages, self.n_pages, &out_8[0], self.n, self.valid_bits,
                    &words_8[0] if n_words else NULL, n_words,
                )
        if not whole:
            raise ValueError("numbers of another form, or another number of them")
        return found

    def indices(self, int64_t words):
        found = self.array(self.n, np.int32)
        if self.n == 0:
            return found
        cdef uint32_t[::1] out = found.view(np.uint32)
        cdef Py_ssize_t i, at = 0
        cdef Page* page
        cdef bint whole = True
        with nogil:
            for i in range(self.n_pages):
                page = &self.pages[i]
                if page.there:
                    whole = whole and is_indexed(page) and dense_indices(
                        page.data, page.values, page.size, page.there, &out[at], words
                    )
                    at += page.there
            if whole and at < self.n:
                move_apart(&out[0], self.valid_bits, self.n, at)
        if not whole:
            raise ValueError("indices of another form, or beyond the dictionary")
        return found

    def texts(self, words=None, memory=None):
        cdef Py_ssize_t i, at = 0, indexed = 0, filled = 0, last = -1, n
        cdef int64_t n_words = 0, total = 0
        cdef const int64_t[::1] words_at
        cdef const uint8_t[::1] words_data
        cdef const int64_t* ats = NULL
        cdef const uint8_t* data = NULL
        cdef int64_t[::1] ends
        cdef uint32_t[::1] index
        cdef uint8_t[::1] out
        cdef Page* page
        cdef bint whole = True, movable = memory is not None
        if words is not None:
            words_at, words_data = words
            if not are_ends(words_at, words_data.shape[0]):
                raise ValueError("a dictionary of another form")
            ats, n_words = &words_at[0], words_at.shape[0] - 1
            data = &words_data[0] if words_data.shape[0] else NULL
        for i in range(self.n_pages):
            page = &self.pages[i]
            if page.there:
                last = i
                filled += 1
                movable = movable and page.encoding == DELTA_LENGTH_BYTE_ARRAY
                indexed += page.there if is_indexed(page) else 0
        offsets = self.array(self.n + 1, np.int64)
        ends, index = offsets, self.array(max(indexed, 1), np.uint32)
        ends[0] = indexed = 0
        with nogil:
            for i in range(self.n_pages):
                page = &self.pages[i]
                page.bytes = 0
                if not page.there:
                    continue
                if is_indexed(page):
                    whole = word_ends(page, &ends[at + 1], total, &index[indexed], ats, n_words)
                    indexed += page.there
                elif page.encoding == PLAIN:
                    whole = plain_ends(page, &ends[at + 1], total)
                else:
                    whole = page.encoding == DELTA_LENGTH_BYTE_ARRAY and delta_ends(
                        page, &ends[at + 1], total
                    )
                if not whole:
                    break
                at += page.there
                page.bytes = ends[at] - total
                total = ends[at]
            if whole and at < self.n:
                ends_apart(&ends[0], self.valid_bits, self.n, at)
        if not whole:
            raise ValueError("texts of another form, another number of them, or too large")
        if total == 0:
            return offsets, memoryview(b"")
        if filled == 1 and self.pages[last].encoding == DELTA_LENGTH_BYTE_ARRAY:
            return offsets, part_of(self.bodies[last], self.pages[last].begin, total)
        if movable:
            return offsets, part_of(memory, self.move_together(memory), total)
        joined = self.array(total, np.uint8)
        out = joined
        at = indexed = 0
        with nogil:
            for i in range(self.n_pages):
                page = &self.pages[i]
                if page.bytes and is_indexed(page):
                    copy_words(&out[at], &index[indexed], page.there, ats, data)
                elif page.bytes and page.encoding == PLAIN:
                    copy_plain(&out[at], page)
                elif page.bytes:
                    memcpy(&out[at], page.data + page.begin, page.bytes)
                at += page.bytes
                indexed += page.there if is_indexed(page) else 0
        return offsets, memoryview(joined)

    cdef Py_ssize_t move_together(self, uint8_t[::1] memory) except -1:
        """The bytes of all pages, which are parts of ``memory``, one after another: where they begin."""
        cdef Py_ssize_t i, at = -1, begin, first = -1
        cdef Page* page
        cdef uint8_t* base = &memory[0]
        for i in range(self.n_pages):
            page = &self.pages[i]
            if not page.bytes:
                continue
            begin = page.data + page.begin - base
            if not max(at, 0) <= begin <= memory.shape[0] - page.bytes:
                raise ValueError("pages elsewhere")
            at = begin + page.bytes if at < 0 else at + page.bytes
        at = -1
        with nogil:
            for i in range(self.n_pages):
                page = &self.pages[i]
                if not page.bytes:
                    continue
                begin = page.data + page.begin - base
                if at < 0:
                    first = at = begin
                elif begin != at:
                    memmove(base + at, base + begin, page.bytes)
                at += page.bytes
        return first
