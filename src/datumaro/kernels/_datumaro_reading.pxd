# The state of reading the `datumaro` format's JSON, and what items and annotations both have.

from libc.stdint cimport INT32_MAX

from datumaro.kernels._datumaro_json cimport *
from datumaro.kernels._datumaro_values cimport take_integer
from datumaro.kernels._json cimport *


cdef struct Reading:         # columns in the making, and where the text stands
    Buffer[COLUMNS] columns
    size_t[COLUMNS] annotation_marks     # the columns' sizes before the annotation
    Buffer numbers           # of the array that is being read
    Buffer escaped           # a key with escapes, resolved
    int64_t n_labels         # -1: any
    int key
    Py_ssize_t value_at      # where the value of `key` begins, or what should have it
    int64_t element          # the place in the key's array; -1 outside of any


cdef inline void value_begins(Reading* r, Cursor* c) noexcept nogil:
    json_peek(c)
    r.value_at = c.pos


cdef inline int next_key(Reading* r, Cursor* c, bint* first, Span* key) noexcept nogil:
    cdef int code
    r.key, r.element = K_NONE, -1
    code = json_key(c, first, key)
    if code == JSON_OK:
        value_begins(r, c)
        if span_plain(key, &r.escaped) < 0:
            return JSON_MEMORY
    return code


cdef inline int take_size(Reading* r, Cursor* c, int64_t* height, int64_t* width) noexcept nogil:
    """``[height, width]`` in pixels."""
    cdef bint first = True
    cdef int code
    cdef int64_t n = 0
    cdef int64_t[2] size
    code = json_open(c, c'[')
    while code == JSON_OK:
        r.element = n
        code = json_element(c, &first)
        if code:
            break
        if n == 2:
            return BAD_COUNT
        size[n] = -1
        code = take_integer(c, 0, INT32_MAX, &size[n])
        if code == JSON_OK and size[n] < 0:
            return JSON_TYPE
        n += 1
    if code != JSON_END:
        return code
    r.element = -1
    if n != 2:
        return BAD_COUNT
    height[0], width[0] = size[0], size[1]
    return JSON_OK
