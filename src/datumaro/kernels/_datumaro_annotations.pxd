# The annotations of the `datumaro` format's JSON, taken into columns.
#
# Functions return codes as those of _json.pxd do, or of _datumaro_json.pxd; the `Reading` has the place.

from libc.math cimport NAN, isfinite, rint
from libc.stdint cimport INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN
from libc.string cimport memset

from datumaro.kernels._datumaro_json cimport *
from datumaro.kernels._datumaro_reading cimport *
from datumaro.kernels._datumaro_values cimport take_integer, take_numbers, take_object
from datumaro.kernels._json cimport *
from datumaro.kernels._rle cimport RLE_LIMIT, put_runs, runs_fill


cdef struct Row:             # an annotation in the making
    bint extended
    int type                 # -1: not known yet
    uint32_t seen            # keys, by bit
    uint32_t later           # keys whose values wait for the type
    bint exact               # the points are those of `exact_points`
    int64_t id
    int64_t group
    int64_t object_id
    int64_t label
    int64_t z_order
    int64_t index
    double area
    double[9] cuboid
    int64_t height
    int64_t width
    Py_ssize_t[KEYS] at


cdef inline int take_annotation(Reading* r, Cursor* c, bint extended) noexcept nogil:
    cdef Row row
    cdef Span key
    cdef Cursor later
    cdef bint first = True
    cdef int code, k
    cdef Py_ssize_t begin = r.value_at
    memset(&row, 0, sizeof(row))
    row.extended = extended
    row.type = row.index = row.object_id = -1
    row.label = NO_LABEL
    row.area = NAN
    code = json_open(c, c'{')
    while code == JSON_OK:
        code = next_key(r, c, &first, &key)
        if code:
            break
        k = annotation_key(&key)
        if k == K_NONE:
            code = json_skip(c)
            continue
        r.key = k
        if row.seen >> k & 1:
            return BAD_TWICE
        row.seen |= <uint32_t>1 << k
        row.at[k] = r.value_at
        if k < K_POINTS:
            code = take_common(r, c, k, &row)
        elif row.type >= 0:
            code = take_value(r, c, k, &row)
        else:
            row.later |= <uint32_t>1 << k
            code = json_skip(c)
    if code != JSON_END:
        return code
    r.value_at = begin
    r.key = K_TYPE
    if row.type < 0:
        return BAD_MISSING
    for k in range(K_POINTS, KEYS):
        if row.later >> k & 1:
            r.key = k
            later = c[0]
            later.pos = r.value_at = row.at[k]
            code = take_value(r, &later, k, &row)
            if code:
                c.pos = later.pos
                return code
    code = finish(r, &row)
    r.value_at = row.at[r.key] if row.seen >> r.key & 1 else begin
    return code


cdef inline int take_common(Reading* r, Cursor* c, int k, Row* row) noexcept nogil:
    cdef Span text
    cdef int code
    if k == K_TYPE:
        code = json_string(c, &text)
        if code:
            return code
        row.type = type_number(&text)
        if row.type < 0 or (not row.extended and (
            row.type == UNKNOWN or row.type == SKELETON or row.type == SUPER_RESOLUTION
            or row.type == DEPTH or row.type == FEATURE_VECTOR or row.type == TABULAR
        )):
            return BAD_KIND
        return JSON_OK
    if k == K_ATTRIBUTES:
        return take_object(c, &r.columns[A_ATTRIBUTES])
    if k == K_ID:
        return take_integer(c, INT64_MIN, INT64_MAX, &row.id)
    if k == K_GROUP:
        return take_integer(c, INT64_MIN, INT64_MAX, &row.group)
    if k == K_OBJECT:
        return take_integer(c, INT32_MIN, INT32_MAX, &row.object_id)
    if k == K_Z_ORDER:
        return take_integer(c, INT32_MIN, INT32_MAX, &row.z_order)
    if k == K_INDEX:
        if not row.extended:
            return json_skip(c)
        return take_integer(c, 0, INT32_MAX, &row.index)
    if k == K_LABEL:
        code = take_integer(c, INT64_MIN, INT64_MAX, &row.label)
        if code == JSON_OK and c.data[row.at[K_LABEL]] != c'n' and not (
            0 <= row.label < (r.n_labels if r.n_labels >= 0 else INT32_MAX)
        ):
            return BAD_LABEL
        return code
    if k == K_AREA:
        if json_peek(c) == c'n':
            return json_null(c)
        code = json_double(c, &row.area)
        return JSON_RANGE if code == JSON_OK and not isfinite(row.area) else code
    if row.extended:
        return take_object(c, &r.columns[A_EXTRA])
    return json_skip(c)


cdef inline int take_value(Reading* r, Cursor* c, int k, Row* row) noexcept nogil:
    """A value whose meaning depends on the type; of no meaning for this type: gone over."""
    cdef int t = row.type
    if k == K_POINTS:
        if row.exact:
            return json_skip(c)
        if row.extended:
            return take_exact_points(r, c)
        if t == CUBOID_2D:
            return take_cuboid_2d(r, c)
        if (t == POLYGON or t == POLYLINE or t == POINTS or t == ELLIPSE
                or t == ROTATED_BBOX):
            return take_points(r, c)
    elif k == K_EXACT and not row.extended and t != CUBOID_2D and t != CUBOID_3D:
        r.columns[A_POINTS].size = r.annotation_marks[A_POINTS]
        row.exact = True
        return take_exact_points(r, c)
    elif k == K_BBOX and t == BBOX and not row.extended:
        return json_skip(c) if row.exact else take_bbox(r, c)
    elif k == K_VISIBILITY and t == POINTS:
        return take_visibility(r, c)
    elif k == K_RLE and t == MASK:
        return take_rle(r, c, row)
    elif k == K_CAPTION and t == CAPTION:
        return take_caption(r, c)
    elif t == CUBOID_3D and not row.extended and K_POSITION <= k <= K_SCALE:
        return take_cuboid_part(r, c, &row.cuboid[3 * (k - K_POSITION)])
    return json_skip(c)


cdef inline int take_points(Reading* r, Cursor* c) noexcept nogil:
    cdef Py_ssize_t n, i
    cdef Cursor begin
    cdef int code
    json_peek(c)
    begin = c[0]
    code = json_hundredths(c, &r.columns[A_POINTS], &n)
    if code == JSON_OK:
        return code
    if code == JSON_TYPE and json_peek(c) == c'n':     # a NaN, as null
        c[0] = begin
        code = read_numbers(r, c, &n)
        if code == JSON_OK:
            return put_rounded_points(r, <double*>r.numbers.data, n)
        return code
    r.element = n
    return code


cdef inline int read_numbers(Reading* r, Cursor* c, Py_ssize_t* n) noexcept nogil:
    cdef int code
    r.numbers.size = 0
    code = take_numbers(c, &r.numbers, n)
    if code:
        r.element = n[0]
    return code


cdef inline int put_rounded_points(Reading* r, const double* values, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef float value
    for i in range(n):
        value = to_hundredths(values[i])
        if isfinite(values[i]) and not isfinite(value):
            r.element = i
            return JSON_RANGE
        if buffer_float(&r.columns[A_POINTS], value) < 0:
            return JSON_MEMORY
    return JSON_OK


cdef inline int take_exact_points(Reading* r, Cursor* c) noexcept nogil:
    """An array of numbers that are float32 already, in a decimal form."""
    cdef Py_ssize_t n, i
    cdef double value
    cdef int code = read_numbers(r, c, &n)
    if code:
        return code
    for i in range(n):
        value = (<double*>r.numbers.data)[i]
        if isfinite(value) and not isfinite(<float>value):
            r.element = i
            return JSON_RANGE
        if buffer_float(&r.columns[A_POINTS], <float>value) < 0:
            return JSON_MEMORY
    return JSON_OK


cdef inline int take_bbox(Reading* r, Cursor* c) noexcept nogil:
    """``[x, y, w, h]`` as corners."""
    cdef Py_ssize_t n
    cdef double* v
    cdef int code = read_numbers(r, c, &n)
    if code:
        return code
    if n != 4:
        return BAD_COUNT
    v = <double*>r.numbers.data
    v[2] += v[0]
    v[3] += v[1]
    return put_rounded_points(r, v, 4)


cdef inline int take_cuboid_2d(Reading* r, Cursor* c) noexcept nogil:
    """Eight pairs of numbers, which are not rounded."""
    cdef bint first = True
    cdef Py_ssize_t n
    cdef int64_t pair = 0
    cdef int code = json_open(c, c'[')
    r.numbers.size = 0
    while code == JSON_OK:
        r.element = pair
        code = json_element(c, &first)
        if code:
            break
        code = take_numbers(c, &r.numbers, &n)
        if code == JSON_OK and n != 2:
            return BAD_COUNT
        pair += 1
    if code != JSON_END:
        return code
    r.element = -1
    return put_double_points(r, r.numbers.size // 8, False)


cdef inline int take_cuboid_part(Reading* r, Cursor* c, double* out) noexcept nogil:
    cdef Py_ssize_t n
    cdef int i
    cdef double rounded
    cdef int code = read_numbers(r, c, &n)
    if code:
        return code
    if n != 3:
        return BAD_COUNT
    for i in range(3):
        rounded = rint((<double*>r.numbers.data)[i] * 100) / 100
        out[i] = rounded if isfinite(rounded) else (<double*>r.numbers.data)[i]
    return JSON_OK


cdef inline int put_double_points(Reading* r, Py_ssize_t n, bint rounded) noexcept nogil:
    """Take ``numbers`` for points; the doubles themselves into `extra` if float32 loses anything.

    ``rounded``: a reader rounds the float32 values to hundredths, as doubles, first.
    """
    cdef double* values = <double*>r.numbers.data
    cdef double back
    cdef Buffer* extra = &r.columns[A_EXTRA]
    cdef bint exact = True
    cdef Py_ssize_t i
    for i in range(n):
        if isfinite(values[i]) and not isfinite(<float>values[i]):
            r.element = i
            return JSON_RANGE
        back = <double><float>values[i]
        if rounded and isfinite(back * 100):
            back = rint(back * 100) / 100
        exact &= back == values[i] or values[i] != values[i]
        if buffer_float(&r.columns[A_POINTS], <float>values[i]) < 0:
            return JSON_MEMORY
    if exact:
        return JSON_OK
    if buffer_add(extra, b'{"points":[', 11) < 0:
        return JSON_MEMORY
    for i in range(n):
        if (i and buffer_byte(extra, c',') < 0) or put_double(extra, values[i]) < 0:
            return JSON_MEMORY
    return JSON_MEMORY if buffer_add(extra, b"]}", 2) < 0 else JSON_OK


cdef inline int take_visibility(Reading* r, Cursor* c) noexcept nogil:
    cdef Py_ssize_t n, i
    cdef int64_t value
    cdef int code
    r.numbers.size = 0
    code = json_int64s(c, &r.numbers, &n)
    if code:
        r.element = n
        return code
    for i in range(n):
        value = (<int64_t*>r.numbers.data)[i]
        if not 0 <= value <= 2:
            r.element = i
            return BAD_VALUE
        if buffer_byte(&r.columns[A_VISIBILITY], <uint8_t>value) < 0:
            return JSON_MEMORY
    return JSON_OK


cdef inline int take_caption(Reading* r, Cursor* c) noexcept nogil:
    cdef Span text
    cdef int code = json_string(c, &text)
    if code == JSON_OK and span_add(&text, &r.columns[A_TEXT]) < 0:
        return JSON_MEMORY
    return code


cdef inline int take_rle(Reading* r, Cursor* c, Row* row) noexcept nogil:
    cdef Span key, text
    cdef bint first = True, counts = False, size = False
    cdef Buffer* out = &r.columns[A_RLE]
    cdef size_t begin = out.size
    cdef Py_ssize_t n, i, place = r.value_at
    cdef int code = json_open(c, c'{')
    while code == JSON_OK:
        r.key, r.value_at = K_RLE, place
        code = json_key(c, &first, &key)
        if code:
            break
        value_begins(r, c)
        if span_is(&key, b"size", 4):
            r.key = K_SIZE
            if size:
                return BAD_TWICE
            size = True
            code = take_size(r, c, &row.height, &row.width)
        elif span_is(&key, b"counts", 6):
            r.key = K_COUNTS
            if counts:
                return BAD_TWICE
            counts = True
            if json_peek(c) == c'[':
                r.numbers.size = 0
                code = json_int64s(c, &r.numbers, &n)
                if code:
                    r.element = n
                    return code
                for i in range(n):
                    if not 0 <= (<int64_t*>r.numbers.data)[i] <= RLE_LIMIT:
                        r.element = i
                        return BAD_RLE
                if put_runs(out, <int64_t*>r.numbers.data, n) < 0:
                    return JSON_MEMORY
            else:
                code = json_string(c, &text)
                if code == JSON_OK and span_add(&text, out) < 0:
                    return JSON_MEMORY
        else:
            code = json_skip(c)
    if code != JSON_END:
        return code
    r.key = K_COUNTS if size else K_SIZE
    if not counts or not size:
        return BAD_MISSING
    r.key = K_RLE
    if not runs_fill(out.data + begin, out.size - begin, row.height * row.width):
        return BAD_RLE
    return JSON_OK


cdef inline int finish(Reading* r, Row* row) noexcept nogil:
    """Check what the type needs, and append the row."""
    cdef Buffer* b = r.columns
    cdef int t = row.type
    cdef size_t n, v, i
    cdef bint bad = False
    r.element = -1
    if t == HASH_KEY and not row.extended:
        return NOT_KEPT              # the published package leaves them out, too
    if t == CUBOID_3D and not row.extended:
        r.key = K_POSITION
        if not row.seen >> K_POSITION & 1:
            return BAD_MISSING
        if not row.seen >> K_SCALE & 1:
            row.cuboid[6] = row.cuboid[7] = row.cuboid[8] = 1
        r.numbers.size = 0
        if buffer_add(&r.numbers, row.cuboid, 72) < 0:
            return JSON_MEMORY
        if put_double_points(r, 9, True):
            return JSON_RANGE
    n = (b[A_POINTS].size - r.annotation_marks[A_POINTS]) // 4
    v = b[A_VISIBILITY].size - r.annotation_marks[A_VISIBILITY]
    if t == LABEL:
        r.key = K_LABEL
        if row.label == NO_LABEL and not row.extended:
            return BAD_MISSING
    elif t == MASK:
        r.key = K_RLE
        if not row.seen >> K_RLE & 1:
            return BAD_MISSING
    elif t == CAPTION:
        r.key = K_CAPTION
        if not row.seen >> K_CAPTION & 1:
            return BAD_MISSING
    elif t == BBOX or t == ELLIPSE:
        r.key = K_BBOX if t == BBOX and not row.extended else K_POINTS
        bad = n != 4
    elif t == POLYGON or t == POLYLINE:
        r.key = K_POINTS
        bad = n & 1 or (t == POLYGON and n < 6 and not row.extended)
    elif t == POINTS:
        r.key = K_POINTS
        bad = n & 1
        if not bad and not row.seen >> K_VISIBILITY & 1:
            for i in range(n // 2):
                if buffer_byte(&b[A_VISIBILITY], 2) < 0:
                    return JSON_MEMORY
        elif not bad and 2 * v != n:
            r.key = K_VISIBILITY
            bad = True
    elif t == CUBOID_2D or t == CUBOID_3D or t == ROTATED_BBOX:
        r.key = K_POINTS
        bad = n != (16 if t == CUBOID_2D else (9 if t == CUBOID_3D else 5))
    elif t != UNKNOWN:
        r.key = K_EXTRA
        if not row.seen >> K_EXTRA & 1:
            return BAD_MISSING
    if bad:
        return BAD_COUNT if row.seen >> r.key & 1 else BAD_MISSING
    if row.extended:
        r.key = K_INDEX
        if row.index < 0:
            return BAD_MISSING
        if (buffer_int64(&b[E_ROW], b[A_TYPE].size) < 0
                or buffer_int64(&b[E_INDEX], row.index) < 0):
            return JSON_MEMORY
    if (buffer_byte(&b[A_TYPE], <uint8_t>t) < 0
            or buffer_int64(&b[A_ID], row.id) < 0
            or buffer_int64(&b[A_GROUP], row.group) < 0
            or buffer_int32(&b[A_OBJECT], <int32_t>row.object_id) < 0
            or buffer_int32(&b[A_LABEL], <int32_t>row.label) < 0
            or buffer_int32(&b[A_Z_ORDER], <int32_t>row.z_order) < 0
            or buffer_int64(&b[A_ATTRIBUTES_AT], b[A_ATTRIBUTES].size) < 0
            or buffer_int64(&b[A_POINTS_AT], b[A_POINTS].size // 4) < 0
            or buffer_int64(&b[A_VISIBILITY_AT], b[A_VISIBILITY].size) < 0
            or buffer_int32(&b[A_MASK_HEIGHT], <int32_t>row.height) < 0
            or buffer_int32(&b[A_MASK_WIDTH], <int32_t>row.width) < 0
            or buffer_int64(&b[A_RLE_AT], b[A_RLE].size) < 0
            or buffer_int64(&b[A_TEXT_AT], b[A_TEXT].size) < 0
            or buffer_int64(&b[A_EXTRA_AT], b[A_EXTRA].size) < 0
            or buffer_double(&b[A_AREA], row.area) < 0):
        return JSON_MEMORY
    return JSON_OK
