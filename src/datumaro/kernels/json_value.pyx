"""JSON values of any kind, gone over."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free

import numpy as np

from datumaro.kernels._json cimport (
    JSON_END,
    JSON_MORE,
    Cursor,
    Span,
    json_key,
    json_message,
    json_open,
    json_skip,
    span_is,
)

CUT = JSON_MORE


def skip_value(const uint8_t[::1] data, Py_ssize_t begin, Py_ssize_t end, bint nonfinite=False):
    """See json_value.pyi."""
    cdef Cursor c
    cdef int code
    if not 0 <= begin <= end <= data.shape[0]:
        raise ValueError("bounds outside the data")
    c.data, c.pos, c.end, c.nonfinite = &data[0] if end else NULL, begin, end, nonfinite
    with nogil:
        code = json_skip(&c)
    return code, c.pos


def message(int code):
    """See json_value.pyi."""
    return json_message(code)


def other_keys(const int64_t[::1] offsets, const uint8_t[::1] data, tuple names):
    """See json_value.pyi."""
    cdef Py_ssize_t i, n = offsets.shape[0] - 1
    cdef Cursor c
    cdef list kept = [name.encode() for name in names]
    if n < 0 or offsets[0] < 0 or offsets[n] > data.shape[0]:
        raise ValueError("texts do not fit")
    for i in range(n):
        if offsets[i] > offsets[i + 1]:
            raise ValueError("texts do not fit")
    cdef Span* known = <Span*>calloc(len(kept) + 1, sizeof(Span))
    if known == NULL:
        raise MemoryError
    for i in range(len(kept)):
        known[i].data = <const uint8_t*>PyBytes_AS_STRING(kept[i])
        known[i].size = len(kept[i])
    found = np.zeros(n, np.uint8)
    cdef uint8_t[::1] others = found
    cdef Py_ssize_t n_known = len(kept)
    c.data, c.nonfinite = &data[0] if data.shape[0] else NULL, False
    with nogil:
        for i in range(n):
            c.pos, c.end = offsets[i], offsets[i + 1]
            if c.pos < c.end:
                others[i] = has_other_key(&c, known, n_known)
    free(known)
    return found


cdef bint has_other_key(Cursor* c, const Span* known, Py_ssize_t n) noexcept nogil:
    """Whether an object has a key that is not known, or is none."""
    cdef bint first = True
    cdef Span key
    cdef Py_ssize_t i
    cdef int code
    if json_open(c, c"{"):
        return True
    while True:
        code = json_key(c, &first, &key)
        if code == JSON_END:
            return False
        if code or key.escaped:
            return True
        i = 0
        while i < n and not span_is(&key, <const char*>known[i].data, known[i].size):
            i += 1
        if i == n or json_skip(c):
            return True
