# An element of COCO's arrays `images` and `annotations`, as it is taken from the text, before anything of
# it is kept. What is of no use to the task is gone over.
#
# Functions return codes as those of _json.pxd do, or INVALID. With them the element says what is wrong.

from libc.string cimport memcmp, memcpy

from datumaro.kernels._coco cimport BLANK, BLANK_SIZE
from datumaro.kernels._coco_fields cimport *
from datumaro.kernels._json cimport *
from datumaro.kernels._rle cimport RLE_LIMIT, put_runs, runs_fill

cdef enum:
    T_INSTANCES, T_KEYPOINTS, T_CAPTIONS, T_LABELS, T_IMAGE_INFO
    INVALID = 100        # beside JSON's codes: a value that COCO does not allow


cdef inline bint held(double value) noexcept nogil:
    """Whether float32 can hold a coordinate, and a sum of two."""
    return fabs(value) < 1e38


cdef struct Element:
    int task
    # what is wrong with it
    const char* bad_key
    const char* expected
    Py_ssize_t bad_at
    bint is_missing
    # an image's
    Span name                            # in the text
    int64_t height
    int64_t width
    # an annotation's
    int64_t image_id
    int64_t category
    bint crowd
    double area                          # NaN: not known
    bint has_box
    double[4] box
    Buffer polygon_points
    Buffer polygon_sizes
    Buffer keypoints
    Buffer rle
    bint is_mask
    int32_t[2] mask_size
    Buffer text
    Buffer own_attributes                # members of its `attributes`, each with a comma before it
    Buffer score
    Buffer other_score                   # among its attributes
    # both have
    int64_t id
    Buffer rest                          # members that are not COCO's, each with a comma before it
    Py_ssize_t n_nonfinite               # the same that were left out for NaN or infinity
    # memory of what is in hand
    Buffer key_text
    Buffer numbers


cdef inline void element_free(Element* e) noexcept nogil:
    buffer_free(&e.polygon_points)
    buffer_free(&e.polygon_sizes)
    buffer_free(&e.keypoints)
    buffer_free(&e.rle)
    buffer_free(&e.text)
    buffer_free(&e.own_attributes)
    buffer_free(&e.score)
    buffer_free(&e.other_score)
    buffer_free(&e.rest)
    buffer_free(&e.key_text)
    buffer_free(&e.numbers)


cdef inline int bad(
    Element* e, int code, Py_ssize_t at, const char* key, const char* expected
) noexcept nogil:
    """Note what is wrong with a value; the code goes on up."""
    e.bad_at = at
    e.bad_key = key
    e.expected = expected
    return code


cdef inline int missing(
    Element* e, Py_ssize_t at, const char* key, const char* expected
) noexcept nogil:
    """Note that the object at a byte lacks a key."""
    e.is_missing = True
    return bad(e, INVALID, at, key, expected)


cdef inline int next_key(
    Element* e, Cursor* c, bint* first, Field* field, Span* key
) noexcept nogil:
    """Go to the next key of an object; ``key`` is as it is written."""
    cdef Span plain
    cdef int code = json_key(c, first, key)
    if code == JSON_OK:
        plain = key[0]
        if span_plain(&plain, &e.key_text) < 0:
            return JSON_MEMORY
        field[0] = field_of(&plain)
    return code


cdef inline int take_other(Element* e, Cursor* c, const Span* key) noexcept nogil:
    """Keep a key that is not COCO's, and its value."""
    cdef Span value
    cdef Py_ssize_t begin = c.pos
    cdef int code = json_raw(c, &value)
    if code == JSON_NONFINITE:
        c.pos = begin
        e.n_nonfinite += 1
        return skip(c)
    if code:
        return code
    return JSON_MEMORY if put_member(&e.rest, c',', key, &value) < 0 else JSON_OK


# --- images ---------------------------------------------------------------------------------------

cdef inline int take_image(Element* e, Cursor* c) noexcept nogil:
    """Take an image; its size is 0 when it is not known."""
    cdef bint first = True, has_id = False
    cdef Field field
    cdef Span key
    cdef Py_ssize_t begin = c.pos, at
    cdef int code = json_open(c, c'{')
    if code:
        return bad(e, code, c.pos, NULL, b"an object")
    e.name.size = e.rest.size = e.n_nonfinite = 0
    e.height = e.width = 0
    while True:
        code = next_key(e, c, &first, &field, &key)
        if code == JSON_END:
            break
        if code:
            return code
        at = c.pos
        if field == K_ID:
            code = json_int64(c, &e.id)
            if code:
                return bad(e, code, at, b"id", b"an integer")
            has_id = True
        elif field == K_FILE_NAME:
            code = json_string(c, &e.name)
            if code or not e.name.size:
                return bad(e, code or INVALID, at, b"file_name", b"a file's name")
        elif field == K_HEIGHT:
            code = take_side(c, &e.height)
            if code:
                return bad(e, code, at, b"height", b"a number of pixels")
        elif field == K_WIDTH:
            code = take_side(c, &e.width)
            if code:
                return bad(e, code, at, b"width", b"a number of pixels")
        else:
            code = take_other(e, c, &key)
            if code:
                return code
    if not has_id:
        return missing(e, begin, b"id", b"an integer")
    if not e.name.size:
        return missing(e, begin, b"file_name", b"a file's name")
    if not e.height or not e.width:
        e.height = e.width = 0
    if e.rest.size == BLANK_SIZE and memcmp(e.rest.data, BLANK, BLANK_SIZE) == 0:
        e.rest.size = 0
    return JSON_OK


cdef inline int take_side(Cursor* c, int64_t* out) noexcept nogil:
    """Take an image's or mask's height or width; null is 0: not known."""
    cdef int code = json_int64(c, out)
    if code == JSON_TYPE and json_null(c) == JSON_OK:
        out[0] = 0
        return JSON_OK
    if code == JSON_OK and not 0 <= out[0] <= 0x7FFFFFFF:
        return JSON_RANGE
    return code


# --- annotations ----------------------------------------------------------------------------------

cdef inline int take_annotation(Element* e, Cursor* c) noexcept nogil:
    """Take an annotation."""
    cdef bint first = True, has_id = False, has_image = False, has_category = False
    cdef bint has_caption = False
    cdef Field field
    cdef Span span, key
    cdef Py_ssize_t begin = c.pos, at, n
    cdef int code = json_open(c, c'{')
    if code:
        return bad(e, code, c.pos, NULL, b"an object")
    e.polygon_points.size = e.polygon_sizes.size = e.keypoints.size = 0
    e.own_attributes.size = e.rest.size = e.score.size = e.other_score.size = 0
    e.text.size = e.n_nonfinite = 0
    e.is_mask = e.has_box = e.crowd = False
    e.category = 0
    e.area = NAN
    while True:
        code = next_key(e, c, &first, &field, &key)
        if code == JSON_END:
            break
        if code:
            return code
        at = c.pos
        if field == K_ID:
            code = json_int64(c, &e.id)
            if code:
                return bad(e, code, at, b"id", b"an integer")
            has_id = True
        elif field == K_IMAGE:
            code = json_int64(c, &e.image_id)
            if code:
                return bad(e, code, at, b"image_id", b"an integer")
            has_image = True
        elif field == K_CATEGORY and e.task != T_CAPTIONS:
            code = json_int64(c, &e.category)
            if code:
                return bad(e, code, at, b"category_id", b"an integer")
            has_category = True
        elif field == K_SEGMENTATION and e.task <= T_KEYPOINTS:
            code = take_segmentation(e, c)
            if code:
                return code
        elif field == K_BBOX and e.task <= T_KEYPOINTS:
            e.numbers.size = 0
            n = 0
            code = json_null(c)
            if code == JSON_TYPE:
                code = json_doubles(c, &e.numbers, &n)
            if code or (n != 0 and n != 4):
                return bad(e, code or INVALID, at, b"bbox", b"[x, y, width, height]")
            e.has_box = n == 4
            if e.has_box:
                memcpy(e.box, e.numbers.data, 32)
                if not (held(e.box[0]) and held(e.box[1])
                        and held(e.box[2]) and held(e.box[3])):
                    return bad(e, JSON_RANGE, at, b"bbox", b"numbers that float32 can hold")
        elif field == K_AREA and e.task <= T_KEYPOINTS:
            code = json_null(c)
            if code == JSON_OK:
                e.area = NAN
            else:
                c.nonfinite = True
                code = json_double(c, &e.area)
                c.nonfinite = False
                if code:
                    return bad(e, code, at, b"area", b"a number of square pixels")
        elif field == K_CROWD and e.task <= T_KEYPOINTS:
            code = take_crowd(c, &e.crowd)
            if code:
                return bad(e, code, at, b"iscrowd", b"0 or 1")
        elif field == K_KEYPOINTS and e.task == T_KEYPOINTS:
            code = take_keypoints(e, c)
            if code:
                return bad(e, code, at, b"keypoints", b"[x, y, v, ...] with v 0, 1 or 2")
        elif field == K_CAPTION and e.task == T_CAPTIONS:
            code = json_string(c, &span)
            if code:
                return bad(e, code, at, b"caption", b"a string")
            e.text.size = 0
            if span_add(&span, &e.text) < 0:
                return JSON_MEMORY
            has_caption = True
        elif field == K_SCORE:
            code = take_score(e, c)
            if code:
                return bad(e, code, at, b"score", b"a number")
        elif field == K_ATTRIBUTES:
            code = take_attributes(e, c)
            if code:
                return bad(e, code, at, b"attributes", b"an object of JSON values")
        elif field == K_OTHER:
            code = take_other(e, c, &key)
            if code:
                return code
        else:
            code = skip(c)
            if code:
                return code
    if not has_id:
        return missing(e, begin, b"id", b"an integer")
    if not has_image:
        return missing(e, begin, b"image_id", b"an integer")
    if e.task == T_CAPTIONS:
        if not has_caption:
            return missing(e, begin, b"caption", b"a string")
    elif not has_category:
        return missing(e, begin, b"category_id", b"an integer")
    return JSON_OK


cdef inline int take_crowd(Cursor* c, bint* out) noexcept nogil:
    cdef int64_t number
    cdef int code = json_bool(c, out)
    if code == JSON_TYPE:
        code = json_int64(c, &number)
        if code == JSON_OK:
            if number != 0 and number != 1:
                return INVALID
            out[0] = number != 0
    return code


cdef inline int take_keypoints(Element* e, Cursor* c) noexcept nogil:
    cdef Py_ssize_t n = 0, i
    cdef double* values
    cdef int code = json_null(c)
    e.keypoints.size = 0
    if code != JSON_TYPE:
        return code
    code = json_doubles(c, &e.keypoints, &n)
    if code:
        return code
    values = <double*>e.keypoints.data
    for i in range(2, n, 3):
        if values[i] != 0 and values[i] != 1 and values[i] != 2:
            return INVALID
        if not held(values[i - 1]) or not held(values[i - 2]):
            return JSON_RANGE
    return JSON_OK if n % 3 == 0 else INVALID


cdef inline int take_score(Element* e, Cursor* c) noexcept nogil:
    """Take a score as it is written: 1 stays 1, and 0.10 stays 0.10."""
    cdef Number number
    cdef Py_ssize_t begin = c.pos
    cdef int code = json_null(c)
    e.score.size = 0
    if code != JSON_TYPE:
        return code
    if not json_starts_number(c.data[c.pos]):
        return JSON_TYPE
    code = json_scan_number(c, &number)
    if code == JSON_OK and buffer_add(&e.score, c.data + begin, c.pos - begin) < 0:
        return JSON_MEMORY
    return code


cdef inline int take_attributes(Element* e, Cursor* c) noexcept nogil:
    """Copy an object's members, but for those that COCO has keys of its own for."""
    cdef bint first = True
    cdef Span key, value, plain
    cdef int code = json_null(c)
    e.own_attributes.size = e.other_score.size = 0
    if code != JSON_TYPE:
        return code
    code = json_open(c, c'{')
    if code:
        return code
    while True:
        code = json_key(c, &first, &key)
        if code == JSON_END:
            return JSON_OK
        if code:
            return code
        code = json_raw(c, &value)
        if code:
            return code
        plain = key
        if span_plain(&plain, &e.key_text) < 0:
            return JSON_MEMORY
        if e.task <= T_KEYPOINTS and span_is(&plain, b"is_crowd", 8):
            continue
        if span_is(&plain, b"score", 5):
            e.other_score.size = 0
            if buffer_add(&e.other_score, value.data, value.size) < 0:
                return JSON_MEMORY
            continue
        if put_member(&e.own_attributes, c',', &key, &value) < 0:
            return JSON_MEMORY


cdef inline int take_segmentation(Element* e, Cursor* c) noexcept nogil:
    cdef bint first = True
    cdef Py_ssize_t n = 0, at = c.pos
    cdef int code, byte = json_peek(c)
    e.polygon_points.size = e.polygon_sizes.size = 0
    e.is_mask = False
    if byte == c'{':
        return take_mask(e, c)
    code = json_null(c)
    if code == JSON_OK:
        return JSON_OK
    if code == JSON_TYPE:
        code = json_open(c, c'[')
    while code == JSON_OK:
        code = json_element(c, &first)
        if code == JSON_END:
            return JSON_OK
        if code == JSON_OK:
            at = c.pos
            code = json_hundredths(c, &e.polygon_points, &n)
            if code:
                break
            if n < 6 or n & 1:
                return bad(
                    e, INVALID, at, b"segmentation", b"polygons of three or more x, y pairs"
                )
            if n > 0x7FFFFFFF:
                return bad(e, JSON_RANGE, at, b"segmentation", b"fewer points")
            if buffer_int32(&e.polygon_sizes, <int32_t>n) < 0:
                return JSON_MEMORY
    return bad(
        e, code, at, b"segmentation", b"a list of polygons, or an RLE with size and counts"
    )


cdef inline int take_mask(Element* e, Cursor* c) noexcept nogil:
    cdef bint first = True, has_size = False, has_counts = False, compressed = False
    cdef Field field
    cdef Span span, key
    cdef int64_t[2] size
    cdef int64_t pixels, total = 0
    cdef int64_t* runs
    cdef Py_ssize_t at = c.pos, begin = c.pos, size_at = c.pos, counts_at = c.pos, n = 0, i
    cdef int code = json_open(c, c'{')
    while code == JSON_OK:
        code = next_key(e, c, &first, &field, &key)
        if code == JSON_END:
            break
        if code:
            return code
        at = c.pos
        if field == K_SIZE:
            size_at = at
            e.numbers.size = 0
            code = json_int64s(c, &e.numbers, &n)
            if code or n != 2:
                return bad(e, code or INVALID, at, b"segmentation.size", b"[height, width]")
            memcpy(size, e.numbers.data, 16)
            has_size = True
        elif field == K_COUNTS:
            counts_at = at
            e.rle.size = 0
            code = json_string(c, &span)
            compressed = code == JSON_OK
            if compressed:
                if span_add(&span, &e.rle) < 0:
                    return JSON_MEMORY
            elif code == JSON_TYPE:
                code = json_int64s(c, &e.rle, &n)
            if code:
                return bad(
                    e, code, at, b"segmentation.counts", b"a string, or a list of run lengths"
                )
            has_counts = True
        else:
            code = skip(c)
    if code != JSON_END:
        return code
    if not has_size or not has_counts:
        return missing(
            e, begin, b"segmentation.counts" if has_size else b"segmentation.size",
            b"an RLE with size and counts",
        )
    if not (0 <= size[0] <= 0x7FFFFFFF and 0 <= size[1] <= 0x7FFFFFFF
            and size[0] * size[1] <= RLE_LIMIT):
        return bad(
            e, INVALID, size_at, b"segmentation.size", b"a mask of less than 2^32 pixels"
        )
    pixels = size[0] * size[1]
    if not compressed:
        n = e.rle.size // 8
        if buffer_reserve(&e.numbers, e.rle.size) < 0:
            return JSON_MEMORY
        e.numbers.size = e.rle.size
        if n:
            memcpy(e.numbers.data, e.rle.data, e.rle.size)
        runs = <int64_t*>e.numbers.data
        for i in range(n):
            if not 0 <= runs[i] <= pixels - total:
                total = -1
                break
            total += runs[i]
        e.rle.size = 0
        if total == pixels and put_runs(&e.rle, runs, n) < 0:
            return JSON_MEMORY
    if total != pixels if not compressed else not runs_fill(e.rle.data, e.rle.size, pixels):
        return bad(
            e, INVALID, counts_at, b"segmentation.counts",
            b"run lengths that add up to height x width"
        )
    if e.rle.size > 0x7FFFFFFF:
        return bad(e, JSON_RANGE, counts_at, b"segmentation.counts", b"fewer runs")
    e.mask_size[0] = <int32_t>size[0]
    e.mask_size[1] = <int32_t>size[1]
    e.is_mask = True
    return JSON_OK
