# Usual names of Market-1501's files: see market1501_names.pyi.
#
# ``<person>_c<camera>s<sequence>_<frame>_<box>``, which a name of its own may follow. What is not
# ASCII, or might be more than a name, is left to Python.

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DecodeASCII

import numpy as np

from datumaro.kernels._json cimport *

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    const uint8_t* PyUnicode_1BYTE_DATA(object text)

cdef struct Name:
    Py_ssize_t base      # where the name of the file begins
    Py_ssize_t stem      # where the part before the extension ends
    Py_ssize_t own       # where a name of its own begins; -1: nothing is told
    Py_ssize_t person    # where the person's number ends
    int64_t[4] numbers   # camera, from 0 on; sequence, frame, box


cdef bint digits(const uint8_t* text, Py_ssize_t* at, Py_ssize_t end, int most, int64_t* value) noexcept nogil:
    """Go past at most so many digits (18 fit)."""
    cdef Py_ssize_t begin = at[0]
    value[0] = 0
    while at[0] < end and at[0] - begin < most and c"0" <= text[at[0]] <= c"9":
        value[0] = 10 * value[0] + (text[at[0]] - 48)
        at[0] += 1
    return at[0] > begin


cdef bint byte(const uint8_t* text, Py_ssize_t* at, Py_ssize_t end, uint8_t expected) noexcept nogil:
    if at[0] >= end or text[at[0]] != expected:
        return False
    at[0] += 1
    return True


cdef Py_ssize_t extension_of(const uint8_t* text, Py_ssize_t size, Py_ssize_t base) noexcept nogil:
    """Where the extension of a path begins, as `os.path.splitext` says."""
    cdef Py_ssize_t i = size - 1, dot
    while i >= base and text[i] != c".":
        i -= 1
    dot = i
    while i > base:
        i -= 1
        if text[i] != c".":
            return dot
    return size


cdef Py_ssize_t base_of(const uint8_t* text, Py_ssize_t size) noexcept nogil:
    """Where the last part of a path begins."""
    while size > 0 and text[size - 1] != c"/":
        size -= 1
    return size


cdef void parse(const uint8_t* text, Name* name) noexcept nogil:
    """What a name tells, from its base to the end of its stem."""
    cdef Py_ssize_t at = name.base, end = name.stem
    cdef int64_t person
    name.own = -1
    if end - at > 1 and text[at] == c"-" and text[at + 1] == c"1":
        at += 2
    elif not digits(text, &at, end, 18, &person):
        return
    name.person = at
    if not byte(text, &at, end, c"_") or not byte(text, &at, end, c"c"):
        return
    if not digits(text, &at, end, 9, &name.numbers[0]) or not byte(text, &at, end, c"s"):
        return
    if not digits(text, &at, end, 9, &name.numbers[1]) or not byte(text, &at, end, c"_"):
        return
    if not digits(text, &at, end, 18, &name.numbers[2]) or not byte(text, &at, end, c"_"):
        return
    if not digits(text, &at, end, 18, &name.numbers[3]):
        return
    name.numbers[0] -= 1
    name.own = at


cdef int put_text(Buffer* out, const char* text) noexcept nogil:
    cdef Py_ssize_t n = 0
    while text[n]:
        n += 1
    return buffer_add(out, text, n)


cdef int put_told(Buffer* out, const uint8_t* text, const Name* name) noexcept nogil:
    """Print the attributes that a name tells, up to the comma before the next one."""
    if name.own < 0:
        return buffer_byte(out, c"{")
    if put_text(out, b'{"person_id":"') < 0:
        return -1
    if buffer_add(out, text + name.base, name.person - name.base) < 0:
        return -1
    if put_text(out, b'","camera_id":') < 0 or put_int64(out, name.numbers[0]) < 0:
        return -1
    if put_text(out, b',"track_id":') < 0 or put_int64(out, name.numbers[1]) < 0:
        return -1
    if put_text(out, b',"frame_id":') < 0 or put_int64(out, name.numbers[2]) < 0:
        return -1
    if put_text(out, b',"bbox_id":') < 0 or put_int64(out, name.numbers[3]) < 0:
        return -1
    return buffer_byte(out, c",")


cdef bint begins(const uint8_t* text, Py_ssize_t size, const char* head, Py_ssize_t n) noexcept nogil:
    return size >= n and memcmp(text, head, n) == 0


def told(list names):
    """See market1501_names.pyi."""
    cdef Buffer out
    cdef Name name
    cdef const uint8_t* text
    cdef Py_ssize_t size, begin, own
    cdef bint is_query
    cdef list ids = [], attributes = []
    out.data, out.size, out.room = NULL, 0, 0
    try:
        for given in names:
            if not isinstance(given, str) or not PyUnicode_IS_ASCII(given):
                ids.append(None)
                attributes.append(None)
                continue
            text, size = PyUnicode_1BYTE_DATA(given), PyUnicode_GET_LENGTH(given)
            is_query = begins(text, size, b"query/", 6)
            begin = 0
            if is_query:
                begin = 6
            elif begins(text, size, b"bounding_box_", 13):
                while begin < size and text[begin] != c"/":
                    begin += 1
                begin = begin + 1 if begin < size else 0
            if begin == size:  # nothing behind the folder
                begin = 0
            text, size = text + begin, size - begin
            name.base = base_of(text, size)
            name.stem = extension_of(text, size, name.base)
            parse(text, &name)
            out.size = 0
            if put_told(&out, text, &name) < 0:
                raise MemoryError
            if put_text(&out, b'"query":true}' if is_query else b'"query":false}') < 0:
                raise MemoryError
            attributes.append(PyBytes_FromStringAndSize(<char*>out.data, out.size))
            own = name.own
            if own < 0 or own == name.stem:
                ids.append(PyUnicode_DecodeASCII(<const char*>text, name.stem, NULL))
                continue
            if text[own] == c"_" and own + 1 < name.stem:
                own += 1
            out.size = 0
            if buffer_add(&out, text, name.base) < 0:
                raise MemoryError
            if buffer_add(&out, text + own, name.stem - own) < 0:
                raise MemoryError
            ids.append(PyUnicode_DecodeASCII(<const char*>out.data, out.size, NULL))
    finally:
        buffer_free(&out)
    return ids, attributes


# --- printing -----------------------------------------------------------------------------------


cdef struct Texts:
    const int64_t* ends
    const uint8_t* data


cdef int take_texts(Texts* texts, tuple given, int64_t n) except -1:
    cdef const int64_t[::1] ends = given[0]
    cdef const uint8_t[::1] data = given[1]
    cdef int64_t i
    if ends.shape[0] != n + 1 or ends[0] < 0 or ends[n] > data.shape[0]:
        raise ValueError("texts do not fit")
    for i in range(n):
        if ends[i] > ends[i + 1]:
            raise ValueError("texts do not fit")
    texts.ends = &ends[0]
    texts.data = &data[0] if data.shape[0] else NULL
    return 0


cdef const uint8_t* at(const Texts* texts, Py_ssize_t i) noexcept nogil:
    return texts.data + texts.ends[i]


cdef Py_ssize_t length(const Texts* texts, Py_ssize_t i) noexcept nogil:
    return texts.ends[i + 1] - texts.ends[i]


cdef bint is_plain(const uint8_t* text, Py_ssize_t size) noexcept nogil:
    """Whether an id can be a path in a folder as it stands, and a line."""
    cdef Py_ssize_t i
    if size == 0 or text[0] == c"/":
        return False
    for i in range(size):
        if not 32 <= text[i] < 127 or text[i] == c":" or text[i] == c"\\":
            return False
        if text[i] == c"." and i and text[i - 1] == c".":
            return False
    return True


cdef int query_behind(const uint8_t* text, Py_ssize_t size) noexcept nogil:
    """Whether the last attribute says that it is a query; -1 for another one."""
    if size == 14 and memcmp(text, b'"query":false}', 14) == 0:
        return 0
    return 1 if size == 13 and memcmp(text, b'"query":true}', 13) == 0 else -1


cdef int query_of(const uint8_t* text, Py_ssize_t size, const Buffer* told) noexcept nogil:
    """Whether an item's attributes say that it is a query; -1 where the name tells others."""
    cdef Py_ssize_t n = <Py_ssize_t>told.size
    if size == 0:
        return 0
    if begins(text, size, <const char*>told.data, n):
        return query_behind(text + n, size - n)
    if size == n and text[n - 1] == c"}" and memcmp(text, told.data, n - 1) == 0:
        return 0
    return query_behind(text + 1, size - 1) if text[0] == c"{" else -1


cdef int put_extension(Buffer* out, const uint8_t* path, Py_ssize_t size, bytes default) noexcept:
    """Print a path's extension, or the default; 1 for an odd one."""
    cdef Py_ssize_t i, dot = extension_of(path, size, base_of(path, size))
    if dot == size:
        return buffer_add(out, <const char*>default, len(default))
    for i in range(dot, size):
        if path[i] < 32 or path[i] == c"\\":
            return 1
    return buffer_add(out, path + dot, size - dot)


def print_paths(const uint8_t[::1] usual, tuple ids, tuple attributes, tuple paths,
                bytes extension, bytes default, bytes place):
    """See market1501_names.pyi."""
    cdef Texts id_texts, attribute_texts, path_texts
    cdef Py_ssize_t i, n = usual.shape[0], size
    cdef const uint8_t* text
    cdef Buffer out, known
    cdef Name name
    cdef int is_query, code = 0
    take_texts(&id_texts, ids, n)
    take_texts(&attribute_texts, attributes, n)
    take_texts(&path_texts, paths, n)
    found = np.zeros(n + 1, np.int64)
    cdef int64_t[::1] ends = found
    out.data, out.size, out.room = NULL, 0, 0
    known.data, known.size, known.room = NULL, 0, 0
    try:
        for i in range(n):
            ends[i + 1] = out.size
            text, size = at(&id_texts, i), length(&id_texts, i)
            if not usual[i] or not is_plain(text, size):
                continue
            name.base, name.stem = base_of(text, size), size
            parse(text, &name)
            if 0 <= name.own < size:
                continue
            known.size = 0
            if put_told(&known, text, &name) < 0:
                raise MemoryError
            is_query = query_of(at(&attribute_texts, i), length(&attribute_texts, i), &known)
            if is_query < 0:
                continue
            if is_query:
                code = put_text(&out, b"query/")
            else:
                code = buffer_add(&out, <const char*>place, len(place))
            if code < 0 or buffer_add(&out, text, size) < 0:
                raise MemoryError
            if extension:
                code = buffer_add(&out, <const char*>extension, len(extension))
            else:
                code = put_extension(&out, at(&path_texts, i), length(&path_texts, i), default)
            if code < 0 or buffer_byte(&out, c"\n") < 0:
                raise MemoryError
            if code > 0:
                out.size = ends[i]
            ends[i + 1] = out.size
        return PyBytes_FromStringAndSize(<char*>out.data, out.size), found
    finally:
        buffer_free(&out)
        buffer_free(&known)
