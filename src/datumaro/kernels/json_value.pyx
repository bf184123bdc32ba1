"""JSON values of any kind, gone over."""

from libc.stdint cimport uint8_t

from datumaro.kernels._json cimport JSON_MORE, Cursor, json_message, json_skip

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
