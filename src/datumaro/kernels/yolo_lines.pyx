"""The lines of YOLO's label files: a class, then numbers.

A `LineReader` is given one file after another and keeps what all of them hold in a few arrays;
`print_lines` makes the text of many lines at once.
"""

import numpy as np

from datumaro.kernels._json cimport *
from datumaro.kernels._lines cimport is_blank, taken
from libc.math cimport floor

cdef enum:
    BOX = 4              # numbers behind the class
    TOKEN = 400          # bytes of the longest number; the smallest double has 327

cdef double LIMIT = 1e9  # of a number, which is a share of an image's side


cdef class LineReader:
    cdef Buffer _classes, _numbers, _values, _line_ends, _file_ends
    cdef Py_ssize_t _n_classes, _n_values
    cdef int64_t _n_lines, _n_read

    def __init__(self, Py_ssize_t n_classes, Py_ssize_t n_values=0):
        self._n_classes, self._n_values = n_classes, n_values

    def __dealloc__(self):
        buffer_free(&self._classes)
        buffer_free(&self._numbers)
        buffer_free(&self._values)
        buffer_free(&self._line_ends)
        buffer_free(&self._file_ends)

    def add(self, bytes data):
        cdef Cursor c
        cdef list problems = []
        cdef int64_t line = 1
        cdef int32_t number = 0
        cdef size_t before
        cdef Py_ssize_t begin
        cdef object problem
        start(&c, data)
        if c.end > 3 and c.data[0] == 0xEF and c.data[1] == 0xBB and c.data[2] == 0xBF:
            c.pos = 3  # a byte order mark
        while c.pos < c.end - 1:
            if is_blank(c.data[c.pos]):
                c.pos += 1
            elif c.data[c.pos] == c"\n":
                c.pos += 1
                line += 1
            else:
                before = self._values.size
                begin = c.pos
                problem = self._line(&c, number)
                if problem is not None:
                    self._values.size = before
                    while c.pos < c.end - 1 and c.data[c.pos] != c"\n":
                        c.pos += 1
                    text = data[begin:min(c.pos, begin + 60)].decode("utf-8", "replace").strip()
                    problems.append((line, problem[0], text, problem[1]))
                number += 1
        if buffer_int64(&self._file_ends, self._n_lines) < 0:
            raise MemoryError
        return problems or None

    cdef object _line(self, Cursor* c, int32_t number):
        """Read a line up to its end; (kind of problem, its place or number) when it is wrong."""
        cdef double value = 0
        cdef int64_t count = 0
        cdef int32_t index
        if not number_of(c, &value):
            return "class", token(c)
        if value != floor(value) or value < 0 or value >= 2147483648.0:
            return "class", repr(value)
        if value >= self._n_classes:
            return "label", str(<int64_t>value)
        index = <int32_t>value
        while True:
            while is_blank(c.data[c.pos]) and c.pos < c.end - 1:
                c.pos += 1
            if c.pos >= c.end - 1 or c.data[c.pos] == c"\n":
                break
            if not number_of(c, &value):
                return "number", token(c)
            if not -LIMIT <= value <= LIMIT:
                return "range", repr(value)
            if buffer_double(&self._values, value) < 0:
                raise MemoryError
            count += 1
        if count != self._n_values if self._n_values else (
            count != BOX and (count < 6 or count % 2)
        ):
            return "fields", str(count + 1)
        self._n_lines += 1
        self._n_read += count
        if (
            buffer_int32(&self._classes, index) < 0
            or buffer_int32(&self._numbers, number) < 0
            or buffer_int64(&self._line_ends, self._n_read) < 0
        ):
            raise MemoryError
        return None

    def take(self):
        """All that was read since the last call; see the stub."""
        cdef object ends = taken(&self._line_ends, np.int64), files = taken(&self._file_ends, np.int64)
        self._n_lines = self._n_read = 0
        return (
            taken(&self._classes, np.int32),
            taken(&self._numbers, np.int32),
            taken(&self._values, np.float64),
            np.concatenate([np.zeros(1, np.int64), ends]),
            np.concatenate([np.zeros(1, np.int64), files]),
        )


cdef void start(Cursor* c, bytes data) noexcept:
    # the zero byte behind the text counts too: so that a number at its end has an end
    c.data = <const uint8_t*><const char*>data
    c.pos = 0
    c.end = len(data) + 1
    c.nonfinite = False


cdef inline bint ends_token(uint8_t byte) noexcept nogil:
    return byte == 0 or byte == c"\n" or is_blank(byte)


cdef bint number_of(Cursor* c, double* value):
    """Take a number, whether as JSON has it (all usual ones) or as Python has it (.5, +1, 007)."""
    cdef Py_ssize_t begin = c.pos
    if json_double(c, value) == JSON_OK and ends_token(c.data[c.pos]):
        return True
    c.pos = begin
    text = token(c)
    if "_" in text or len(text) >= TOKEN:
        return False
    try:
        value[0] = float(text)
    except ValueError:
        return False
    if value[0] != value[0]:
        return False
    c.pos = begin + len(text.encode("utf-8", "surrogateescape"))
    return True


cdef object token(Cursor* c):
    cdef Py_ssize_t end = c.pos
    while end < c.end - 1 and not ends_token(c.data[end]) and end - c.pos < TOKEN:
        end += 1
    return (<const char*>(c.data + c.pos))[:end - c.pos].decode("utf-8", "surrogateescape")


def print_lines(
    const int32_t[::1] classes,
    const double[::1] values,
    const int64_t[::1] ends,
    const uint8_t[::1] decimals,
):
    cdef Py_ssize_t n = classes.shape[0], i, k, d
    cdef Buffer out
    cdef double value
    cdef uint64_t whole
    cdef uint8_t* p
    cdef object text_ends = np.zeros(n + 1, np.int64)
    cdef int64_t[::1] line_ends = text_ends
    if ends.shape[0] != n + 1 or decimals.shape[0] != n:
        raise ValueError("lines of different counts")
    if n and (ends[0] != 0 or ends[n] != values.shape[0]):
        raise ValueError("the lines do not have all values")
    out.data = NULL
    out.size = out.room = 0
    try:
        for i in range(n):
            if ends[i + 1] < ends[i] or decimals[i] > 9:
                raise ValueError("ends must rise, and decimals be at most 9")
            if put_int64(&out, classes[i]) < 0:
                raise MemoryError
            for k in range(ends[i], ends[i + 1]):
                value = values[k]
                if not -1e9 < value < 1e9:
                    text = b" %.*f" % (decimals[i], value)
                    if buffer_add(&out, <const char*>text, len(text)) < 0:
                        raise MemoryError
                    continue
                if buffer_reserve(&out, 40) < 0:
                    raise MemoryError
                p = out.data + out.size
                p[0] = c" "
                p += 1
                whole = <uint64_t>rint(fabs(value) * <double>dm_upow10[decimals[i]])
                if value < 0 and whole:
                    p[0] = c"-"
                    p += 1
                p = put_digits(p, whole // dm_upow10[decimals[i]])
                whole %= dm_upow10[decimals[i]]
                p[0] = c"."
                for d in range(decimals[i], 0, -1):
                    p[d] = <uint8_t>(c"0" + whole % 10)
                    whole //= 10
                out.size = p + 1 + decimals[i] - out.data
            if buffer_byte(&out, c"\n") < 0:
                raise MemoryError
            line_ends[i + 1] = out.size
        return (<const char*>out.data)[:out.size] if out.size else b"", text_ends
    finally:
        buffer_free(&out)
