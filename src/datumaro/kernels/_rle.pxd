# COCO's run-length encoding of masks, as pycocotools defines it: the mask column by column, runs of
# 0 and 1 in turn, beginning with 0. Compressed, each run from the fourth on is written as its
# difference to the run of the same value before it, in groups of five bits, as text.

from libc.stdint cimport int64_t, uint8_t

from datumaro.kernels._json cimport Buffer, buffer_reserve

cdef enum:
    RLE_LIMIT = 0xFFFFFFFF     # pycocotools counts pixels in 32 bits


cdef struct Runs:              # a walk over compressed runs
    const uint8_t* text
    Py_ssize_t size
    Py_ssize_t pos
    int64_t index              # of the next run
    int64_t last               # the run before, and the one before that
    int64_t before


cdef inline void runs_begin(Runs* r, const uint8_t* text, Py_ssize_t size) noexcept nogil:
    r.text = text
    r.size = size
    r.pos = r.index = r.last = r.before = 0


cdef inline int runs_next(Runs* r, int64_t* run) noexcept nogil:
    """1 and the next run's length in pixels; 0 at the end; -1 when the text is none of a mask."""
    cdef int64_t value = 0
    cdef int shift = 0, group = 0x20
    if r.pos >= r.size:
        return 0
    while group & 0x20:
        if r.pos >= r.size or shift > 35:
            return -1
        group = <int>r.text[r.pos] - 48
        if not 0 <= group < 64:
            return -1
        value |= <int64_t>(group & 0x1F) << shift
        shift += 5
        r.pos += 1
    if group & 0x10:
        value -= <int64_t>1 << shift
    if r.index > 2:
        value += r.before
    if not 0 <= value <= RLE_LIMIT:
        return -1
    r.before = r.last
    r.last = value
    r.index += 1
    run[0] = value
    return 1


cdef inline bint runs_fill(const uint8_t* text, Py_ssize_t size, int64_t pixels) noexcept nogil:
    """Whether compressed runs are sound and add up to the mask's pixels."""
    cdef Runs runs
    cdef int64_t run, total = 0
    cdef int code
    runs_begin(&runs, text, size)
    while True:
        code = runs_next(&runs, &run)
        if code <= 0:
            return code == 0 and total == pixels
        total += run
        if total > pixels:
            return False


cdef inline int put_runs(Buffer* out, const int64_t* runs, Py_ssize_t n) noexcept nogil:
    """Append runs, each from 0 to RLE_LIMIT, compressed; -1 without memory."""
    cdef Py_ssize_t i
    cdef int64_t value
    cdef int group
    cdef bint more
    for i in range(n):
        if buffer_reserve(out, 8) < 0:
            return -1
        value = runs[i]
        if i > 2:
            value -= runs[i - 2]
        more = True
        while more:
            group = value & 0x1F
            value >>= 5
            more = value != -1 if group & 0x10 else value != 0
            out.data[out.size] = <uint8_t>((group | 0x20 if more else group) + 48)
            out.size += 1
    return 0
