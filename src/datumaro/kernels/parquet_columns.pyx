"""Whole columns of Parquet's pages, as Arrow has them in memory.

The encodings are those of https://parquet.apache.org/docs/file-format/data-pages/encodings/. Every
length, index and number is checked against what is there; whatever is wrong, or not known here, is
a ValueError.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memmove

from datumaro.kernels._parquet cimport DELTA_LENGTH_BYTE_ARRAY, ones_in
from datumaro.kernels._parquet_levels cimport (
    Page, find_empty, find_levels, is_known, list_offsets, ones_between, put_levels, put_others,
)
from datumaro.kernels._parquet_values cimport (
    Words, are_ends, copy_texts, dense_indices, ends_apart, fill, is_indexed, move_apart, text_ends,
)

cdef enum:
    MOST_VALUES = 1 << 22  # of a page


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
        cdef Py_ssize_t i, indexed = 0, filled = 0, last = -1
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
