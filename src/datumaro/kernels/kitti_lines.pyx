"""The lines of KITTI's label files: a label, then 14 or 15 numbers.

A `LineReader` is given one file after another and keeps what all of them hold in a few arrays;
`print_lines` makes the text of many lines at once.
"""

import numpy as np

from datumaro.kernels._json cimport *
from datumaro.kernels._lines cimport is_blank, taken

cdef enum:
    NUMBERS = 14      # behind the label; one more with a score
    TOKENS = 64       # of a line, at most: labels of more words are none
    TOKEN = 400       # bytes of the longest number; the smallest double has 327

cdef double LIMIT = 1e9  # of a coordinate, in pixels


cdef struct Token:
    Py_ssize_t begin
    Py_ssize_t end


cdef class LineReader:
    cdef Buffer _labels, _numbers, _flags, _boxes, _scores, _file_ends
    cdef int64_t _n_lines
    cdef dict _known
    cdef object _label_of

    def __init__(self, label_of):
        self._label_of = label_of
        self._known = {}

    def __dealloc__(self):
        buffer_free(&self._labels)
        buffer_free(&self._numbers)
        buffer_free(&self._flags)
        buffer_free(&self._boxes)
        buffer_free(&self._scores)
        buffer_free(&self._file_ends)

    def add(self, bytes data):
        cdef const uint8_t* text = <const uint8_t*><const char*>data
        cdef Py_ssize_t size = len(data), pos = 0, begin
        cdef int64_t line = 1
        cdef int32_t number = 0
        cdef Token[TOKENS] tokens
        cdef int n
        cdef list problems = []
        if size > 2 and text[0] == 0xEF and text[1] == 0xBB and text[2] == 0xBF:
            pos = 3  # a byte order mark
        while pos < size:
            begin = pos
            n = 0
            while pos < size and text[pos] != c"\n":
                if is_blank(text[pos]):
                    pos += 1
                    continue
                if n < TOKENS:
                    tokens[n].begin = pos
                while pos < size and text[pos] != c"\n" and not is_blank(text[pos]):
                    pos += 1
                if n < TOKENS:
                    tokens[n].end = pos
                n += 1
            pos += 1
            if n:
                problem = self._line(data, tokens, n, number)
                if problem is not None:
                    shown = data[begin:min(pos - 1, begin + 80)].decode("utf-8", "replace")
                    problems.append((line, *problem, shown.strip()))
                number += 1
            line += 1
        if buffer_int64(&self._file_ends, self._n_lines) < 0:
            raise MemoryError
        return problems or None

    cdef object _line(self, bytes data, Token* tokens, int n, int32_t number):
        """Take a line; (kind of problem, what it is about) when it is wrong."""
        cdef double[NUMBERS + 1] values
        cdef int words, found = 0, i
        cdef uint8_t flags
        cdef double score = 0
        # numbers from the line's end on: the label may have spaces
        while found <= NUMBERS and found < n - 1 and n <= TOKENS:
            if not number_of(data, tokens[n - 1 - found], &values[NUMBERS - found]):
                break
            found += 1
        if found < NUMBERS:
            return "fields", str(n)
        words = n - found
        name = data[tokens[0].begin:tokens[words - 1].end]
        if words > 1:
            name = b" ".join(name.split())
        label = self._known.get(name)
        if label is None:
            try:
                label = self._label_of(name.decode())
            except UnicodeDecodeError:
                return "encoding", repr(name[:80])
            if label is None:
                return "label", name[:80].decode("utf-8", "replace")
            self._known[name] = label
        i = NUMBERS + 1 - found
        if found > NUMBERS:
            score = values[NUMBERS]
            if not -1e300 < score < 1e300:
                return "range", repr(score)
        for k in range(i + 3, i + 7):
            if not -LIMIT < values[k] < LIMIT:
                return "range", repr(values[k])
        flags = (values[i] != 0) | (values[i + 1] != 0) << 1 | (found > NUMBERS) << 2
        self._n_lines += 1
        if (
            buffer_int32(&self._labels, label) < 0
            or buffer_int32(&self._numbers, number) < 0
            or buffer_byte(&self._flags, flags) < 0
            or buffer_add(&self._boxes, &values[i + 3], 4 * sizeof(double)) < 0
            or buffer_double(&self._scores, score) < 0
        ):
            raise MemoryError
        return None

    def take(self):
        """All that was read since the last call; see the stub."""
        self._n_lines = 0
        return (
            taken(&self._labels, np.int32),
            taken(&self._numbers, np.int32),
            taken(&self._flags, np.uint8),
            taken(&self._boxes, np.float64),
            taken(&self._scores, np.float64),
            np.concatenate([np.zeros(1, np.int64), taken(&self._file_ends, np.int64)]),
        )


cdef bint number_of(bytes data, Token token, double* value):
    """Take a number, whether as JSON has it (all usual ones) or as Python has it (.5, +1, 007)."""
    cdef Cursor c
    c.data = <const uint8_t*><const char*>data
    c.pos = token.begin
    c.end = len(data) + 1  # the zero byte behind the text counts: so that a number has an end
    c.nonfinite = False
    if json_double(&c, value) == JSON_OK and c.pos == token.end:
        return True
    text = data[token.begin:token.end]
    if b"_" in text or len(text) >= TOKEN:
        return False
    try:
        value[0] = float(text)
    except ValueError:
        return False
    return value[0] == value[0]


def print_lines(
    list heads,
    const int32_t[::1] head_of,
    const double[::1] boxes,
    list tails,
    const int32_t[::1] tail_of,
):
    cdef Py_ssize_t n = head_of.shape[0], i, k
    cdef Buffer out
    cdef bytes text
    cdef object text_ends = np.zeros(n + 1, np.int64)
    cdef int64_t[::1] ends = text_ends
    if tail_of.shape[0] != n or boxes.shape[0] != 4 * n:
        raise ValueError("lines of different counts")
    for i in range(n):
        if not (0 <= head_of[i] < len(heads) and 0 <= tail_of[i] < len(tails)):
            raise ValueError("indices beyond the texts")
    out.data = NULL
    out.size = out.room = 0
    try:
        for i in range(n):
            text = heads[head_of[i]]
            if buffer_add(&out, <const char*>text, len(text)) < 0:
                raise MemoryError
            for k in range(4 * i, 4 * i + 4):
                if put_coordinate(&out, boxes[k]) < 0:
                    raise MemoryError
            text = tails[tail_of[i]]
            if buffer_add(&out, <const char*>text, len(text)) < 0:
                raise MemoryError
            ends[i + 1] = out.size
        return (<const char*>out.data)[:out.size] if out.size else b"", text_ends
    finally:
        buffer_free(&out)


cdef int put_coordinate(Buffer* out, double value) except -1:
    """Append a space, and the number with two decimals."""
    cdef uint64_t whole
    cdef uint8_t* p
    cdef bytes text
    if not -1e15 < value < 1e15:
        text = b" %.2f" % value
        return buffer_add(out, <const char*>text, len(text))
    if buffer_reserve(out, 32) < 0:
        raise MemoryError
    p = out.data + out.size
    p[0] = c" "
    p += 1
    whole = <uint64_t>rint(fabs(value) * 100)
    if value < 0 and whole:
        p[0] = c"-"
        p += 1
    p = put_digits(p, whole // 100)
    p[0] = c"."
    p[1] = <uint8_t>(c"0" + whole % 100 // 10)
    p[2] = <uint8_t>(c"0" + whole % 10)
    out.size = p + 3 - out.data
    return 0
