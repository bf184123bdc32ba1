# Values of Parquet's pages, decoded densely, and moved apart where there are nulls. Functions return
# False for what is wrong, or not known here; nothing is read beyond a page. Everything is inline,
# needs no GIL and makes no Python object.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

from datumaro.kernels._parquet cimport (
    BYTE_STREAM_SPLIT, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, PLAIN, PLAIN_DICTIONARY,
    RLE_DICTIONARY, DeltaHead, Runs, bits_at, delta_head, next_run,
)
from datumaro.kernels._parquet_levels cimport Page, lowest
from datumaro.kernels._thrift cimport Cursor, thrift_integer

ctypedef fused number:
    uint32_t
    uint64_t


# --- values -------------------------------------------------------------------------------------


cdef inline bint is_indexed(const Page* page) noexcept nogil:
    return page.encoding == RLE_DICTIONARY or page.encoding == PLAIN_DICTIONARY


# `n` (1 or more) indices; False when they end too soon, or one is not below `words`.
cdef inline bint dense_indices(
    const uint8_t* data, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t n, uint32_t* out, int64_t words
) noexcept nogil:
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


# `n` (1 or more) numbers of DELTA_BINARY_PACKED, of `bits` bits each; no more may be there.
#
# ended : where they end is written there.
cdef inline bint dense_deltas(
    const uint8_t* data, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t n, int bits, number* out,
    Py_ssize_t* ended,
) noexcept nogil:
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


# `n` numbers of BYTE_STREAM_SPLIT: the first bytes of all, the second of all, …
cdef inline void dense_split(const uint8_t* data, Py_ssize_t n, number* out) noexcept nogil:
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


# A page's numbers that are not null, one or more; False when they are not as many.
cdef inline bint dense_numbers(Page* page, number* out, const number* words, int64_t n_words) noexcept nogil:
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


# The first `there` of `n` numbers to the places of those that are not null, 0 elsewhere.
#
# From the last to the first: none is overwritten before it is moved.
cdef inline void move_apart(
    number* out, const uint64_t* valid, Py_ssize_t n, Py_ssize_t there
) noexcept nogil:
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


# Ends of texts in `out[1:there + 1]` to `out[1:n + 1]`: null are empty.
cdef inline void ends_apart(
    int64_t* out, const uint64_t* valid, Py_ssize_t n, Py_ssize_t there
) noexcept nogil:
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


# The `n` numbers of a column, 0 for null; False when they are not as many.
cdef inline bint fill(
    Page* pages, Py_ssize_t n_pages, number* out, Py_ssize_t n, const uint64_t* valid,
    const number* words, int64_t n_words,
) noexcept nogil:
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


# Where a page's PLAIN texts end, from `total` on; False when they go on beyond it.
cdef inline bint plain_ends(Page* page, int64_t* ends, int64_t total) noexcept nogil:
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


# The same of DELTA_LENGTH_BYTE_ARRAY; `page.begin` is where the first begins.
cdef inline bint delta_ends(Page* page, int64_t* ends, int64_t total) noexcept nogil:
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


# The same of indices, which are written to `indices`, into a dictionary.
cdef inline bint word_ends(
    Page* page, int64_t* ends, int64_t total, uint32_t* indices, const Words* words
) noexcept nogil:
    cdef Py_ssize_t i
    if not dense_indices(page.data, page.values, page.size, page.there, indices, words.n):
        return False
    for i in range(page.there):
        total += words.ends[indices[i] + 1] - words.ends[indices[i]]
        if total > <int64_t>1 << 31:  # more than a column may have
            return False
        ends[i] = total
    return True


# Where the texts of all pages end that are not null; False as above.
#
# ends : the first text's begin; the ends are written after it.
# index : has room for all indices, which are written there.
cdef inline bint text_ends(
    Page* pages, Py_ssize_t n_pages, int64_t* ends, uint32_t* index, const Words* words,
    int64_t* total,
) noexcept nogil:
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


cdef inline void copy_words(
    uint8_t* out, const uint32_t* indices, Py_ssize_t n, const Words* words
) noexcept nogil:
    cdef Py_ssize_t i
    cdef int64_t begin, size
    for i in range(n):
        begin = words.ends[indices[i]]
        size = words.ends[indices[i] + 1] - begin
        memcpy(out, words.data + begin, size)
        out += size


cdef inline void copy_plain(uint8_t* out, Page* page) noexcept nogil:
    cdef Py_ssize_t at = page.values, i
    cdef uint32_t size
    for i in range(page.there):
        memcpy(&size, page.data + at, 4)
        memcpy(out, page.data + at + 4, size)
        at += 4 + size
        out += size


# The texts of all pages, whose ends have been found.
cdef inline void copy_texts(
    uint8_t* out, Page* pages, Py_ssize_t n_pages, const uint32_t* index, const Words* words
) noexcept nogil:
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


# Whether words may end so in `size` bytes.
cdef inline bint are_ends(const Words* words, Py_ssize_t size) noexcept nogil:
    cdef int64_t i
    if words.n < 0 or words.ends[0] < 0 or words.ends[words.n] > size:
        return False
    for i in range(words.n):
        if words.ends[i] > words.ends[i + 1]:
            return False
    return True
