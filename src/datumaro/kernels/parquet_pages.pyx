"""Single values of Parquet's pages, without the values around them.

The encodings are those of https://parquet.apache.org/docs/file-format/data-pages/encodings/. Every
length is checked against what is there; whatever is wrong, or not known here, is a ValueError.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from datumaro.kernels._parquet cimport (
    BYTE_STREAM_SPLIT, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, PLAIN, DeltaHead, Runs, bits_at,
    delta_head, next_run, ones_in,
)
from datumaro.kernels._thrift cimport (
    I32, STOP, STRUCT, Cursor, thrift_field, thrift_integer, thrift_skip,
)


# --- headers ------------------------------------------------------------------------------------


cdef int _numbers(Cursor* c, int64_t* found, int n, int depth) noexcept nogil:
    """The int32 fields 1 to n of a struct, in ``found[1]`` to ``found[n]``."""
    cdef int64_t number = 0
    cdef int kind = 0, code
    while True:
        code = thrift_field(c, &number, &kind)
        if code or kind == STOP:
            return code
        if kind == I32 and 1 <= number <= n:
            code = thrift_integer(c, &found[number])
        else:
            code = thrift_skip(c, kind, False, depth)
        if code:
            return code


def page_header(const uint8_t[::1] data):
    """See parquet_pages.pyi."""
    cdef Cursor c
    cdef int64_t number = 0, crc = -1
    cdef int64_t[5] head
    cdef int64_t[5] inner
    cdef int kind = 0, code = 0, i
    for i in range(5):
        head[i] = inner[i] = -1
    c.data, c.pos, c.end = &data[0] if data.shape[0] else NULL, 0, data.shape[0]
    while True:
        code = thrift_field(&c, &number, &kind)
        if code or kind == STOP:
            break
        if kind == I32 and 1 <= number <= 3:
            code = thrift_integer(&c, &head[number])
        elif kind == I32 and number == 4:
            code = thrift_integer(&c, &crc)
            crc &= 0xFFFFFFFF
        elif kind == STRUCT and (number == 5 or number == 7):  # of data, of a dictionary
            code = _numbers(&c, inner, 4, 1)
        else:
            code = thrift_skip(&c, kind, False, 0)
        if code:
            break
    if code:
        raise ValueError("no header of a page")
    return head[1], head[2], head[3], crc, inner[1], inner[2], inner[3], inner[4], c.pos


# --- runs of levels and indices -----------------------------------------------------------------

cdef inline uint32_t _run_value(Runs* r, Py_ssize_t i) noexcept nogil:
    if not r.packed:
        return r.value
    return <uint32_t>bits_at(r.data + r.at, r.end - r.at, <uint64_t>i * r.width, r.width)


cdef int _begin_runs(
    Runs* r, const uint8_t[::1] body, Py_ssize_t begin, Py_ssize_t end, int width
) except -1:
    if not (0 <= begin < end <= body.shape[0] and 1 <= width <= 32):
        raise ValueError("bounds outside the page")
    r.data, r.pos, r.end, r.width, r.n = &body[0], begin, end, width, 0
    return 0


def row_bounds(
    const uint8_t[::1] body, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t count, Py_ssize_t row
):
    """See parquet_pages.pyi."""
    cdef Runs r
    cdef Py_ssize_t seen = 0, begun = 0, first = -1, i, n, step, lot
    cdef uint64_t word
    _begin_runs(&r, body, begin, end, 1)
    with nogil:
        while seen < count and next_run(&r):
            n = min(r.n, count - seen)
            i = 0
            while i < n:
                if r.packed and not i & 7 and n - i >= 8:  # 64 or 8 at once
                    lot = 64 if n - i >= 64 else 8
                    word = 0
                    memcpy(&word, r.data + r.at + (i >> 3), 8 if lot == 64 else 1)
                    step = lot - ones_in(word)
                    if begun + step <= row or (first >= 0 and step == 0):
                        begun += step
                        i += lot
                        continue
                elif not r.packed and (r.value or begun + (n - i) <= row):
                    begun += 0 if r.value else n - i
                    break
                if _run_value(&r, i) == 0:
                    begun += 1
                    if begun == row + 1:
                        first = seen + i
                    elif begun == row + 2:
                        with gil:
                            return first, seen + i, begun
                i += 1
            seen += n
    if seen < count:
        raise ValueError("levels that end too soon")
    return first, count, begun


def levels(
    const uint8_t[::1] body, Py_ssize_t begin, Py_ssize_t end, int most, Py_ssize_t first,
    Py_ssize_t last,
):
    """See parquet_pages.pyi."""
    cdef Runs r
    cdef Py_ssize_t seen = 0, before = 0, i, n, till, lot
    cdef int width = 1 if most == 1 else 2
    cdef uint64_t word, odd = ~<uint64_t>0 // 3
    if not (1 <= most <= 3 and 0 <= first <= last <= <Py_ssize_t>1 << 31):
        raise ValueError("levels of another kind")
    _begin_runs(&r, body, begin, end, width)
    cdef bytearray found = bytearray(last - first)
    cdef uint8_t[::1] out = found
    with nogil:
        while seen < last and next_run(&r):
            n = min(r.n, last - seen)
            till = min(n, max(first - seen, 0))
            if not r.packed:
                before += till if r.value == <uint32_t>most else 0
                i = till
            else:
                i = 0
                while i < till:
                    if not i & 7 and till - i >= 8 and most < 3:  # 32 or 8 at once
                        lot = 32 if till - i >= 32 else 8
                        word = 0
                        if lot == 8:
                            memcpy(&word, r.data + r.at + (i >> 3) * width, width)
                        elif most == 1:
                            memcpy(&word, r.data + r.at + (i >> 3), 4)
                        else:
                            memcpy(&word, r.data + r.at + (i >> 2), 8)
                        # two bits each: those that are 2
                        before += ones_in(word if most == 1 else (word >> 1) & ~word & odd)
                        i += lot
                        continue
                    before += 1 if _run_value(&r, i) == <uint32_t>most else 0
                    i += 1
            while i < n:
                out[seen + i - first] = <uint8_t>_run_value(&r, i)
                i += 1
            seen += n
    if seen < last:
        raise ValueError("levels that end too soon")
    return before, bytes(found)


def indices(const uint8_t[::1] body, Py_ssize_t begin, Py_ssize_t skip, Py_ssize_t n):
    """See parquet_pages.pyi."""
    cdef Runs r
    cdef Py_ssize_t seen = 0, i, till
    cdef list found = []
    if not 0 <= begin < body.shape[0] or skip < 0 or n < 0:
        raise ValueError("bounds outside the page")
    if n == 0:
        return found
    if body[begin] == 0:
        return [0] * n
    _begin_runs(&r, body, begin + 1, body.shape[0], body[begin])
    while seen < skip + n and next_run(&r):
        till = min(r.n, skip + n - seen)
        for i in range(max(skip - seen, 0), till):
            found.append(_run_value(&r, i))
        seen += till
    if len(found) != n:
        raise ValueError("indices that end too soon")
    return found


# --- numbers ------------------------------------------------------------------------------------

cdef struct Deltas:
    Py_ssize_t end  # where they end, in bytes
    int64_t total  # how many there are
    int64_t before  # the sum of those before the wanted ones


cdef int _deltas(
    const uint8_t[::1] body, Py_ssize_t begin, Py_ssize_t skip, Py_ssize_t n, bint summed,
    list found, Deltas* d,
) except -1:
    """DELTA_BINARY_PACKED: the numbers ``skip`` to ``skip + n`` are appended to ``found``.

    With ``summed``, numbers are lengths: they may not be negative, and are summed.
    """
    cdef Cursor c
    cdef DeltaHead head
    cdef uint64_t value, sum = 0
    cdef int64_t least = 0
    cdef Py_ssize_t size, i, j, seen = 1, widths, mini, there, begun
    cdef uint64_t word, mask
    cdef int width
    c.data, c.pos, c.end = &body[0] if body.shape[0] else NULL, begin, body.shape[0]
    if not 0 <= begin <= c.end or skip < 0 or n < 0:
        raise ValueError("bounds outside the page")
    if not delta_head(&c, &head) or skip + n > head.total:
        raise ValueError("numbers of another form")
    size, there = head.size, head.total
    value = <uint64_t>head.first
    if there:
        if summed and not 0 <= head.first <= <int64_t>1 << 31:
            raise ValueError("a length that cannot be")
        if skip > 0:
            sum += value
        elif n:
            found.append(<int64_t>value)
    while seen < there:
        if thrift_integer(&c, &least) or head.minis > c.end - c.pos:
            raise ValueError("numbers that end too soon")
        widths = c.pos
        c.pos += head.minis
        for mini in range(head.minis):
            if seen >= there:
                break
            width = body[widths + mini]
            if width > 64 or size * width // 8 > c.end - c.pos:
                raise ValueError("numbers that end too soon")
            i = min(size, there - seen)
            begun = 0
            if not summed and width <= 56 and c.end - c.pos >= size * width // 8 + 8:
                mask = (<uint64_t>1 << width) - 1
                begun = min(i, max(skip - seen, 0))
                for j in range(begun):  # of these the sum alone counts
                    memcpy(&word, &body[0] + c.pos + (j * width >> 3), 8)
                    value += <uint64_t>least + ((word >> (j * width & 7)) & mask)
            if seen < skip + n:
                for j in range(begun, min(i, skip + n - seen)):
                    value += <uint64_t>least + bits_at(
                        &body[0] + c.pos, c.end - c.pos, <uint64_t>j * width, width
                    )
                    if summed and not 0 <= <int64_t>value <= <int64_t>1 << 31:
                        raise ValueError("a length that cannot be")
                    if seen + j < skip:
                        sum += value
                    else:
                        found.append(<int64_t>value)
            seen += i
            c.pos += size * width // 8
    d.end, d.total, d.before = c.pos, there, <int64_t>sum
    return 0


def integers(
    const uint8_t[::1] body, Py_ssize_t begin, int encoding, int size, Py_ssize_t skip,
    Py_ssize_t n,
):
    """See parquet_pages.pyi."""
    cdef Deltas d
    cdef Py_ssize_t stride, i, j
    cdef uint64_t value
    cdef list found = []
    if size not in (4, 8) or not 0 <= begin <= body.shape[0] or skip < 0 or n < 0:
        raise ValueError("bounds outside the page")
    if encoding == DELTA_BINARY_PACKED:
        _deltas(body, begin, skip, n, False, found, &d)
        if size == 4:
            found = [<int32_t><uint64_t>(v & 0xFFFFFFFF) for v in found]
        return found
    if encoding != PLAIN and encoding != BYTE_STREAM_SPLIT:
        raise ValueError("another encoding")
    stride = (body.shape[0] - begin) // size  # the values that there are
    if skip + n > stride or (body.shape[0] - begin) % size:
        raise ValueError("numbers that end too soon")
    for i in range(skip, skip + n):
        value = 0
        for j in range(size):
            if encoding == PLAIN:
                value |= <uint64_t>body[begin + i * size + j] << (8 * j)
            else:
                value |= <uint64_t>body[begin + j * stride + i] << (8 * j)
        found.append(<int32_t>value if size == 4 else <int64_t>value)
    return found


# --- bytes --------------------------------------------------------------------------------------


def texts(const uint8_t[::1] body, Py_ssize_t begin, int encoding, Py_ssize_t skip, Py_ssize_t n):
    """See parquet_pages.pyi."""
    cdef Deltas d
    cdef Py_ssize_t at, i, end = body.shape[0]
    cdef uint32_t size
    cdef list found = [], sizes = []
    if not 0 <= begin <= end or skip < 0 or n < 0:
        raise ValueError("bounds outside the page")
    if encoding == DELTA_LENGTH_BYTE_ARRAY:
        _deltas(body, begin, skip, n, True, sizes, &d)
        if d.before > end - d.end:
            raise ValueError("texts that end too soon")
        at = d.end + d.before
        for i in range(n):
            size = sizes[i]
            if size > end - at:
                raise ValueError("texts that end too soon")
            found.append(bytes(body[at : at + size]))
            at += size
        return found
    if encoding != PLAIN:
        raise ValueError("another encoding")
    at = begin
    for i in range(skip + n):
        if end - at < 4:
            raise ValueError("texts that end too soon")
        size = (
            body[at] | <uint32_t>body[at + 1] << 8 | <uint32_t>body[at + 2] << 16
            | <uint32_t>body[at + 3] << 24
        )
        at += 4
        if size > end - at:
            raise ValueError("texts that end too soon")
        if i >= skip:
            found.append(bytes(body[at : at + size]))
        at += size
    return found
