"""Whole columns of Parquet's pages, as Arrow has them in memory.

The encodings are those of https://parquet.apache.org/docs/file-format/data-pages/encodings/. Levels
become bits, one for each, so that those of 64 values are looked at together; values are decoded
densely, and moved apart where there are nulls. Every length, index and number is checked against
what is there; whatever is wrong, or not known here, is a ValueError.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
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


cdef inline bint is_known(int encoding) noexcept nogil:
    return (
        encoding == PLAIN or encoding == PLAIN_DICTIONARY or encoding == RLE_DICTIONARY
        or encoding == DELTA_BINARY_PACKED or encoding == DELTA_LENGTH_BYTE_ARRAY
        or encoding == BYTE_STREAM_SPLIT
    )


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


cdef bint find_empty(
    uint64_t* bits, uint64_t* low, uint64_t* empty, Py_ssize_t n
) noexcept nogil:
    """Which of ``n`` levels are 0: empty lists; False when one is more than the highest there is.

    Parameters
    ----------
    bits : the higher bits of the levels, which say what is there.
    low : the lower ones, or NULL; it may be ``empty``.
    """
    cdef Py_ssize_t w
    cdef uint64_t wrong = 0, one = 0
    for w in range((n + 63) >> 6):
        if low != NULL:
            one = low[w]
        wrong |= bits[w] & one
        empty[w] = ~(bits[w] | one) & lowest(n - (w << 6))
    return wrong == 0


cdef void list_offsets(
    int64_t* out, const uint64_t* repeated, const uint64_t* empty, Py_ssize_t n
) noexcept nogil:
    """Where lists begin among the values of ``n`` levels, and the last ends."""
    cdef Py_ssize_t w, gone = 0
    cdef uint64_t word, below
    for w in range((n + 63) >> 6):
        word = ~repeated[w] & lowest(n - (w << 6))
        while word:
            below = (word & (~word + 1)) - 1  # the bits below the lowest one
            out[0] = (w << 6) + ones_in(below) - gone - ones_in(empty[w] & below)
            out += 1
            word &= word - 1
        gone += ones_in(empty[w])
    out[0] = n - gone


cdef void put_others(
    uint64_t* out, const uint64_t* bits, const uint64_t* gone, Py_ssize_t n
) noexcept nogil:
    """Those of ``n`` bits that are not gone, one after another."""
    cdef Py_ssize_t w, at = 0, step, i
    cdef uint64_t word, found
    cdef int k
    for w in range((n + 63) >> 6):
        step = min(64, n - (w << 6))
        if gone[w] == 0:
            put(out, at, bits[w], step)
            at += step
            continue
        found = 0
        k = 0
        for i in range(step):
            word = ~(gone[w] >> i) & 1
            found |= (bits[w] >> i & word) << k
            k += word
        put(out, at, found, k)
        at += k


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

cdef struct Words:
    const int64_t* ends  # n + 1
    const uint8_t* data
    int64_t n


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
    Page* page, int64_t* ends, int64_t total, uint32_t* indices, const Words* words
) noexcept nogil:
    """The same of indices, which are written to ``indices``, into a dictionary."""
    cdef Py_ssize_t i
    if not dense_indices(page.data, page.values, page.size, page.there, indices, words.n):
        return False
    for i in range(page.there):
        total += words.ends[indices[i] + 1] - words.ends[indices[i]]
        if total > MOST_BYTES:
            return False
        ends[i] = total
    return True


cdef bint text_ends(
    Page* pages, Py_ssize_t n_pages, int64_t* ends, uint32_t* index, const Words* words,
    int64_t* total,
) noexcept nogil:
    """Where the texts of all pages end that are not null; False as above.

    Parameters
    ----------
    ends : the first text's begin; the ends are written after it.
    index : has room for all indices, which are written there.
    """
    cdef Py_ssize_t i, at = 0
    cdef Page* page
    cdef bint whole
    for i in range(n_pages):
        page = &pages[i]
        if not page.there:
            continue
        if is_indexed(page):
            whole = word_ends(page, ends + at + 1, total[0], index, words)
            index += page.there
        elif page.encoding == PLAIN:
            whole = plain_ends(page, ends + at + 1, total[0])
        else:
            whole = page.encoding == DELTA_LENGTH_BYTE_ARRAY and delta_ends(
                page, ends + at + 1, total[0]
            )
        if not whole:
            return False
        at += page.there
        page.bytes = ends[at] - total[0]
        total[0] = ends[at]
    return True


cdef void copy_words(
    uint8_t* out, const uint32_t* indices, Py_ssize_t n, const Words* words
) noexcept nogil:
    cdef Py_ssize_t i
    cdef int64_t begin, size
    for i in range(n):
        begin = words.ends[indices[i]]
        size = words.ends[indices[i] + 1] - begin
        memcpy(out, words.data + begin, size)
        out += size


cdef void copy_plain(uint8_t* out, Page* page) noexcept nogil:
    cdef Py_ssize_t at = page.values, i
    cdef uint32_t size
    for i in range(page.there):
        memcpy(&size, page.data + at, 4)
        memcpy(out, page.data + at + 4, size)
        at += 4 + size
        out += size


cdef void copy_texts(
    uint8_t* out, Page* pages, Py_ssize_t n_pages, const uint32_t* index, const Words* words
) noexcept nogil:
    """The texts of all pages, whose ends have been found."""
    cdef Py_ssize_t i
    cdef Page* page
    for i in range(n_pages):
        page = &pages[i]
        if is_indexed(page):
            if page.bytes:
                copy_words(out, index, page.there, words)
            index += page.there
        elif page.encoding == PLAIN:
            copy_plain(out, page)
        elif page.bytes:
            memcpy(out, page.data + page.begin, page.bytes)
        out += page.bytes


cdef bint are_ends(const Words* words, Py_ssize_t size) noexcept nogil:
    """Whether words may end so in ``size`` bytes."""
    cdef int64_t i
    if words.n < 0 or words.ends[0] < 0 or words.ends[words.n] > size:
        return False
    for i in range(words.n):
        if words.ends[i] > words.ends[i + 1]:
            return False
    return True


# --- columns ------------------------------------------------------------------------------------


cdef class View:
    """The memory of an object, as long as it is needed."""
    cdef Py_buffer view
    cdef bint held
    cdef uint8_t* data
    cdef Py_ssize_t size

    def __cinit__(self, memory, bint writable=False):
        PyObject_GetBuffer(memory, &self.view, PyBUF_WRITABLE if writable else PyBUF_SIMPLE)
        self.held = True
        self.data, self.size = <uint8_t*>self.view.buf, self.view.len

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)


cdef object part_of(memory, Py_ssize_t begin, Py_ssize_t size):
    return memoryview(memory).cast("B")[begin : begin + size]


cdef uint64_t* no_bits(Py_ssize_t n) except NULL:
    """Memory for ``n`` bits, all 0, and a word more."""
    cdef uint64_t* found = <uint64_t*>calloc((n >> 6) + 2, 8)
    if found == NULL:
        raise MemoryError
    return found


cdef class Column:
    """See parquet_columns.pyi."""
    cdef Page* pages
    cdef Py_ssize_t n_pages, n_levels
    cdef list bodies, views
    cdef bint nested
    cdef object allocate
    cdef uint64_t* repeated  # bits of the levels: whether it goes on in a list
    cdef uint64_t* empty  # whether it is an empty list
    cdef uint64_t* bits  # of the values: whether they are not null
    cdef readonly Py_ssize_t n, there, lists
    cdef readonly object offsets

    def __cinit__(self, list pages, bint nested, int most, Column like=None, allocate=bytearray):
        cdef Py_ssize_t i
        cdef Page* page
        cdef View view
        if not (nested <= most <= 1 + nested):
            raise ValueError("levels of another kind")
        self.nested, self.n_pages, self.bodies, self.views = nested, len(pages), [], []
        self.allocate = allocate
        self.pages = <Page*>calloc(max(self.n_pages, 1), sizeof(Page))
        if self.pages == NULL:
            raise MemoryError
        for i in range(self.n_pages):
            body, count, encoding = pages[i]
            view = View(body)
            self.bodies.append(body)
            self.views.append(view)
            page = &self.pages[i]
            page.data, page.size = view.data, view.size
            page.count, page.encoding = count, encoding
            if not 0 < page.count <= MOST_VALUES:
                raise ValueError("a page of too many values, or none")
            if not is_known(page.encoding):
                raise ValueError("another encoding")
            if not find_levels(page, nested, most):
                raise ValueError("levels beyond the page")
            self.n_levels += page.count
        if most:
            self.read_levels(most, like)
            return
        for i in range(self.n_pages):
            self.pages[i].there = self.pages[i].count
        self.n = self.there = self.n_levels

    def __dealloc__(self):
        free(self.pages)
        free(self.repeated)
        free(self.empty)
        free(self.bits)

    cdef int read_levels(self, int most, Column like) except -1:
        cdef Py_ssize_t at = 0, i
        cdef uint64_t* low = no_bits(self.n_levels)
        cdef uint64_t* high = NULL
        cdef Page* page
        cdef bint whole = True
        self.bits = low
        if most == 2:
            self.empty = low
            self.bits = NULL
            self.bits = high = no_bits(self.n_levels)
        elif self.nested:
            self.empty = no_bits(self.n_levels)
        with nogil:
            for i in range(self.n_pages):
                page = &self.pages[i]
                whole = whole and put_levels(
                    page.data, page.defined, page.values, most, page.count, low, high, at
                )
                at += page.count
            whole = whole and (not self.nested or find_empty(
                self.bits, low if most == 2 else NULL, self.empty, self.n_levels
            ))
        if not whole:
            raise ValueError("levels of another kind")
        self.count_values()  # by levels: empty lists are among them
        self.n = self.n_levels
        if self.nested:
            if like is None:
                self.read_lists()
            else:
                self.check_lists(like)
            self.leave_out_empty()
        return 0

    cdef int count_values(self) except -1:
        """How many values that are not null each page has."""
        cdef Py_ssize_t at = 0, i
        cdef Page* page
        with nogil:
            for i in range(self.n_pages):
                page = &self.pages[i]
                page.there = ones_between(self.bits, at, at + page.count)
                at += page.count
                self.there += page.there
        return 0

    cdef int read_repeated(self) except -1:
        """The repetition levels' bits."""
        cdef Py_ssize_t at = 0, i
        cdef Page* page
        cdef bint whole = True
        self.repeated = no_bits(self.n_levels)
        with nogil:
            for i in range(self.n_pages):
                page = &self.pages[i]
                whole = whole and put_levels(
                    page.data, page.repeated, page.repeated_end, 1, page.count, self.repeated, NULL,
                    at,
                )
                at += page.count
        if not whole:
            raise ValueError("levels of another kind")
        return 0

    cdef int read_lists(self) except -1:
        """Where the lists begin and end, of the levels."""
        cdef Py_ssize_t w, n = self.n_levels
        cdef uint64_t wrong = 0
        cdef View out
        self.read_repeated()
        if self.repeated[0] & 1:
            raise ValueError("a list that goes on before the first")
        self.lists = n
        with nogil:
            for w in range((n + 63) >> 6):
                self.lists -= ones_in(self.repeated[w])
                # an empty list is alone: it begins, and none goes on after it
                wrong |= self.empty[w] & (
                    self.repeated[w] | self.repeated[w] >> 1 | self.repeated[w + 1] << 63
                )
        if wrong:
            raise ValueError("an empty list that is not alone")
        self.offsets, out = self.memory((self.lists + 1) * 8)
        with nogil:
            list_offsets(<int64_t*>out.data, self.repeated, self.empty, n)
        return 0

    cdef int check_lists(self, Column like) except -1:
        """That the lists are those of another column."""
        cdef Py_ssize_t size = ((self.n_levels + 63) >> 6) * 8
        if like.offsets is None or self.n_levels != like.n_levels:
            raise ValueError("lists of different lengths")
        if not self.is_repeated_alike(like):
            self.read_repeated()
            if like.repeated == NULL:
                like.read_repeated()
            if memcmp(self.repeated, like.repeated, size):
                raise ValueError("lists of different lengths")
        if memcmp(self.empty, like.empty, size):
            raise ValueError("lists of different lengths")
        self.offsets, self.lists = like.offsets, like.lists
        return 0

    cdef bint is_repeated_alike(self, Column like) noexcept:
        """Whether repetition levels are stored in the same bytes."""
        cdef Py_ssize_t i, size
        cdef Page* page
        cdef Page* other
        if self.n_pages != like.n_pages:
            return False
        for i in range(self.n_pages):
            page, other = &self.pages[i], &like.pages[i]
            size = page.repeated_end - page.repeated
            if (
                page.count != other.count
                or size != other.repeated_end - other.repeated
                or memcmp(page.data + page.repeated, other.data + other.repeated, size)
            ):
                return False
        return True

    cdef int leave_out_empty(self) except -1:
        """The bits of values, without those of empty lists."""
        cdef Py_ssize_t w, gone = 0
        cdef uint64_t* found
        for w in range((self.n_levels + 63) >> 6):
            gone += ones_in(self.empty[w])
        self.n -= gone
        if gone and self.there < self.n:
            found = no_bits(self.n)
            with nogil:
                put_others(found, self.bits, self.empty, self.n_levels)
            free(self.bits)
            self.bits = found
        return 0

    cdef tuple memory(self, Py_ssize_t size):
        """(Memory of so many bytes, a view of it)."""
        found = self.allocate(size)
        cdef View view = View(found, True)
        if view.size < size:
            raise ValueError("less memory than was asked for")
        return found, view

    @property
    def nulls(self):
        return self.n - self.there

    @property
    def valid(self):
        if self.there == self.n:
            return None
        return <bytes>(<char*>self.bits)[: (self.n + 7) >> 3]

    def are_indices(self):
        cdef Py_ssize_t i
        for i in range(self.n_pages):
            if self.pages[i].there and not is_indexed(&self.pages[i]):
                return False
        return True

    def numbers(self, int size, words=None):
        cdef View out, told = None if words is None else View(words)
        cdef uint8_t* data = NULL
        cdef int64_t n = 0
        cdef bint whole
        if size not in (4, 8):
            raise ValueError("numbers of another size")
        if told is not None:
            data, n = told.data, told.size // size
        found, out = self.memory(self.n * size)
        with nogil:
            if size == 4:
                whole = fill[uint32_t](
                    self.pages, self.n_pages, <uint32_t*>out.data, self.n, self.bits,
                    <const uint32_t*>data, n,
                )
            else:
                whole = fill[uint64_t](
                    self.pages, self.n_pages, <uint64_t*>out.data, self.n, self.bits,
                    <const uint64_t*>data, n,
                )
        if not whole:
            raise ValueError("numbers of another form, or another number of them")
        return found

    def indices(self, int64_t words):
        cdef View view
        cdef uint32_t* out
        cdef Py_ssize_t i, at = 0
        cdef Page* page
        cdef bint whole = True
        found, view = self.memory(self.n * 4)
        out = <uint32_t*>view.data
        with nogil:
            for i in range(self.n_pages):
                page = &self.pages[i]
                if page.there:
                    whole = whole and is_indexed(page) and dense_indices(
                        page.data, page.values, page.size, page.there, out + at, words
                    )
                    at += page.there
            if whole and at < self.n:
                move_apart(out, self.bits, self.n, at)
        if not whole:
            raise ValueError("indices of another form, or beyond the dictionary")
        return found

    def texts(self, words=None, memory=None):
        cdef Py_ssize_t i, at = 0, indexed = 0, filled = 0, last = -1
        cdef int64_t total = 0
        cdef View view, out, told_at = None, told = None
        cdef Words w
        cdef int64_t* ends
        cdef uint32_t* index = NULL
        cdef Page* page
        cdef bint whole = True, movable = memory is not None
        w.n, w.ends, w.data = 0, NULL, NULL
        if words is not None:
            told_at, told = View(words[0]), View(words[1])
            w.ends, w.n, w.data = <const int64_t*>told_at.data, told_at.size // 8 - 1, told.data
            if not are_ends(&w, told.size):
                raise ValueError("a dictionary of another form")
        for i in range(self.n_pages):
            page = &self.pages[i]
            page.bytes = 0
            if page.there:
                last = i
                filled += 1
                movable = movable and page.encoding == DELTA_LENGTH_BYTE_ARRAY
                indexed += page.there if is_indexed(page) else 0
        offsets, view = self.memory((self.n + 1) * 8)
        ends = <int64_t*>view.data
        ends[0] = 0
        if indexed:
            index = <uint32_t*>malloc(indexed * 4)
            if index == NULL:
                raise MemoryError
        try:
            with nogil:
                whole = text_ends(self.pages, self.n_pages, ends, index, &w, &total)
                if whole and self.there < self.n:
                    ends_apart(ends, self.bits, self.n, self.there)
            if not whole:
                raise ValueError("texts of another form, another number of them, or too large")
            if total == 0:
                return offsets, memoryview(b"")
            if filled == 1 and self.pages[last].encoding == DELTA_LENGTH_BYTE_ARRAY:
                return offsets, part_of(self.bodies[last], self.pages[last].begin, total)
            if movable:
                return offsets, part_of(memory, self.move_together(View(memory, True)), total)
            found, out = self.memory(total)
            with nogil:
                copy_texts(out.data, self.pages, self.n_pages, index, &w)
            return offsets, memoryview(found)
        finally:
            free(index)

    cdef Py_ssize_t move_together(self, View memory) except -1:
        """The texts of all pages, which are parts of ``memory``, one after another: where they begin."""
        cdef Py_ssize_t i, at = -1, begin, first = -1
        cdef Page* page
        for i in range(self.n_pages):
            page = &self.pages[i]
            if not page.bytes:
                continue
            begin = page.data + page.begin - memory.data
            if not max(at, 0) <= begin <= memory.size - page.bytes:
                raise ValueError("pages elsewhere")
            first = begin if first < 0 else first
            at = begin + page.bytes
        at = first
        with nogil:
            for i in range(self.n_pages):
                page = &self.pages[i]
                if page.bytes:
                    begin = page.data + page.begin - memory.data
                    if begin != at:
                        memmove(memory.data + at, memory.data + begin, page.bytes)
                    at += page.bytes
        return first
