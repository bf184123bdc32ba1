# The parts of a COCO annotation as JSON. Functions return 0, or what is wrong.

from datumaro.kernels._coco cimport CROWD, PLAIN
from datumaro.kernels._json cimport *
from datumaro.kernels._rle cimport Runs, runs_begin, runs_next

cdef enum:
    BAD_ATTRIBUTES = 1
    BAD_LABEL = 2
    BAD_MASK = 3
    NO_MEMORY = 4


cdef struct Column:      # texts or lists
    const int64_t* offsets
    const uint8_t* values

cdef struct Box:         # in hundredths of pixels
    bint known
    double x1, y1, x2, y2

cdef struct Attributes:
    bint crowd
    Buffer score         # as it is written
    Buffer own           # the others, but for the closing brace
    Buffer key


cdef inline void attributes_free(Attributes* a) noexcept nogil:
    buffer_free(&a.score)
    buffer_free(&a.own)
    buffer_free(&a.key)


cdef inline void widen(Box* box, double x, double y) noexcept nogil:
    if not box.known:
        box.known = True
        box.x1 = box.x2 = x
        box.y1 = box.y2 = y
        return
    box.x1 = min(box.x1, x)
    box.x2 = max(box.x2, x)
    box.y1 = min(box.y1, y)
    box.y2 = max(box.y2, y)


cdef inline int put_rounded(Buffer* out, double value) noexcept nogil:
    """Append a number rounded to hundredths."""
    cdef double scaled = rint(fabs(value) * 100)
    if scaled < 1e15:
        return put_decimal(out, value < 0 and scaled > 0, <uint64_t>scaled, 2)
    return put_double(out, value)


cdef inline void points_box(
    const Column* points, const Column* visibility, Py_ssize_t row, Box* box
) noexcept nogil:
    """The box of the key points that are there; of all when none is."""
    cdef const float* p = <const float*>points.values + points.offsets[row]
    cdef int64_t n = (points.offsets[row + 1] - points.offsets[row]) // 2, i
    cdef int64_t begin = visibility.offsets[row]
    cdef int64_t known = visibility.offsets[row + 1] - begin
    cdef int turn
    for turn in range(2):
        for i in range(n):
            if turn or i >= known or visibility.values[begin + i]:
                widen(box, p[2 * i], p[2 * i + 1])
        if box.known:
            return


cdef inline int put_keypoints(
    Buffer* out, const Column* points, const Column* visibility, Py_ssize_t row
) noexcept nogil:
    """Print a row's key points; none where it is -1."""
    cdef int64_t n = 0, i, begin, known = 0, seen = 0, first = 0
    cdef uint8_t visible
    if buffer_add(out, b',"keypoints":[', 14) < 0:
        return NO_MEMORY
    if row >= 0:
        first = points.offsets[row]
        n = (points.offsets[row + 1] - first) // 2
        begin = visibility.offsets[row]
        known = visibility.offsets[row + 1] - begin
    for i in range(n):
        visible = visibility.values[begin + i] if i < known else 2
        seen += visible > 0
        if ((i and buffer_byte(out, c',') < 0)
                or put_hundredths(out, (<const float*>points.values)[first + 2 * i]) < 0
                or buffer_byte(out, c',') < 0
                or put_hundredths(
                    out, (<const float*>points.values)[first + 2 * i + 1]) < 0
                or buffer_byte(out, c',') < 0
                or buffer_byte(out, <uint8_t>(c'0' + min(visible, 2))) < 0):
            return NO_MEMORY
    if buffer_add(out, b'],"num_keypoints":', 18) < 0 or put_int64(out, seen) < 0:
        return NO_MEMORY
    return 0


cdef inline int put_mask(
    Buffer* out, const uint8_t* rle, Py_ssize_t size, int64_t height, int64_t width, Box* box,
    double* area,
) noexcept nogil:
    """Print a mask as run lengths; its box (of whole pixels) and its number of pixels."""
    cdef int64_t run, at = 0, total = 0, top, bottom
    cdef Runs runs
    cdef bint first = True, inside = False
    cdef int code
    if buffer_add(out, b'{"counts":', 10) < 0:
        return NO_MEMORY
    runs_begin(&runs, rle, size)
    while True:
        code = runs_next(&runs, &run)
        if code < 0:
            return BAD_MASK
        if code == 0:
            break
        if buffer_byte(out, c'[' if first else c',') < 0 or put_int64(out, run) < 0:
            return NO_MEMORY
        first = False
        if inside and run and height > 0:
            total += run
            # a run that goes on in the next column touches the top and the bottom
            top, bottom = at % height, (at + run - 1) % height
            if at // height != (at + run - 1) // height:
                top, bottom = 0, height - 1
            widen(box, <double>(at // height), <double>top)
            widen(box, <double>((at + run - 1) // height + 1), <double>(bottom + 1))
        at += run
        inside = not inside
    if at != height * width:
        return BAD_MASK
    area[0] = <double>total
    if ((first and buffer_byte(out, c'[') < 0)
            or buffer_add(out, b'],"size":[', 10) < 0 or put_int64(out, height) < 0
            or buffer_byte(out, c',') < 0 or put_int64(out, width) < 0
            or buffer_add(out, b"]}", 2) < 0):
        return NO_MEMORY
    return 0


cdef inline int read_attributes(
    Attributes* a, const uint8_t* text, int64_t size, bint objects
) noexcept nogil:
    """Take attributes apart: the crowd's flag (of objects), the score, the others."""
    cdef Cursor c
    cdef Span key, value, plain
    cdef bint first = True
    cdef int code
    a.own.size = a.score.size = 0
    a.crowd = False
    if size == 0:
        return 0
    if objects and size == 18 and memcmp(text, PLAIN, 18) == 0:
        return 0
    if objects and size == 17 and memcmp(text, CROWD, 17) == 0:
        a.crowd = True
        return 0
    c.data = text
    c.pos = 0
    c.end = size
    c.nonfinite = False
    if json_open(&c, c'{'):
        return BAD_ATTRIBUTES
    while True:
        code = json_key(&c, &first, &key)
        if code == JSON_END:
            break
        if code or json_raw(&c, &value):
            return BAD_ATTRIBUTES
        plain = key
        if span_plain(&plain, &a.key) < 0:
            return NO_MEMORY
        if objects and span_is(&plain, b"is_crowd", 8):
            a.crowd = not (
                span_is(&value, b"false", 5) or span_is(&value, b"0", 1)
                or span_is(&value, b"null", 4) or span_is(&value, b'""', 2)
            )
        elif span_is(&plain, b"score", 5) and json_starts_number(value.data[0]):
            a.score.size = 0
            if buffer_add(&a.score, value.data, value.size) < 0:
                return NO_MEMORY
        elif put_member(&a.own, c',' if a.own.size else c'{', &key, &value) < 0:
            return NO_MEMORY
    json_space(&c)
    return 0 if c.pos == c.end else BAD_ATTRIBUTES


cdef inline int put_attributes(Buffer* out, const Attributes* a, bint allowed) noexcept nogil:
    """Print what `read_attributes` found."""
    if a.score.size and (
        buffer_add(out, b',"score":', 9) < 0
        or buffer_add(out, a.score.data, a.score.size) < 0
    ):
        return NO_MEMORY
    if allowed and a.own.size and (
        buffer_add(out, b',"attributes":', 14) < 0
        or buffer_add(out, a.own.data, a.own.size) < 0
        or buffer_byte(out, c'}') < 0
    ):
        return NO_MEMORY
    return 0
