"""Entries of COCO's ``images`` and items: the texts of the ones, made of the others."""

import numpy as np

from datumaro.kernels._arrays cimport array_of
from datumaro.kernels._coco cimport BLANK, BLANK_SIZE
from datumaro.kernels._json cimport *

cdef enum:
    BAD_ATTRIBUTES = 1
    NO_MEMORY = 2


# --- read -----------------------------------------------------------------------------------------

def item_texts(
    const uint8_t[::1] names,
    const int64_t[::1] offsets,
    const int64_t[::1] image_ids,
    const uint8_t[::1] rest,
    const int64_t[::1] rest_offsets,
    bytes prefix,
):
    """Item ids, attributes and paths of images, each as (offsets int64 [n + 1], bytes).

    An id is the file's name without its extension; the attributes are ``{"id": image id}`` and the
    ``rest``, members of an object each with a comma before it; a path is ``prefix`` and the name.
    The fourth value are the rows whose names might lead out of the folder: absolute ones, and those
    with ``..``, a colon or NUL.
    """
    cdef Py_ssize_t n = image_ids.shape[0], i, k, begin, end, dot, n_prefix = len(prefix)
    cdef const uint8_t* lead = prefix
    cdef Buffer ids, attributes, paths
    cdef bint odd
    cdef int bad = 0
    if offsets.shape[0] != n + 1 or (n and offsets[n] != names.shape[0]):
        raise ValueError("one name for each image is needed")
    if rest_offsets.shape[0] != n + 1 or rest_offsets[n] > rest.shape[0]:
        raise ValueError("the rest of each image is needed")
    ids.data = attributes.data = paths.data = NULL
    ids.size = attributes.size = paths.size = ids.room = attributes.room = paths.room = 0
    id_ends, attribute_ends, path_ends = (np.zeros(n + 1, np.int64) for _ in range(3))
    cdef int64_t[::1] id_out = id_ends, attribute_out = attribute_ends, path_out = path_ends
    strange = np.zeros(n, np.uint8)
    cdef uint8_t[::1] strange_out = strange
    with nogil:
        for i in range(n):
            begin = offsets[i]
            end = offsets[i + 1]
            odd = names[begin] == c'/'
            dot = end
            for k in range(begin, end):
                if names[k] == c'/':
                    dot = end
                elif names[k] == c'.':
                    if k > begin and names[k - 1] != c'/':
                        dot = k
                    odd = odd or (k > begin and names[k - 1] == c'.')
                elif names[k] == c':' or names[k] == 0:
                    odd = True
            if dot < end and all_dots(&names[begin], dot - begin):
                dot = end
            strange_out[i] = odd
            bad = bad | buffer_add(&ids, &names[begin], dot - begin)
            bad = bad | buffer_add(&attributes, b'{"id":', 6) | put_int64(&attributes, image_ids[i])
            if rest_offsets[i] < rest_offsets[i + 1]:
                bad = bad | buffer_add(
                    &attributes, &rest[rest_offsets[i]], rest_offsets[i + 1] - rest_offsets[i]
                )
            bad = bad | buffer_byte(&attributes, c'}') | buffer_add(&paths, lead, n_prefix)
            bad = bad | buffer_add(&paths, &names[begin], end - begin)
            id_out[i + 1] = ids.size
            attribute_out[i + 1] = attributes.size
            path_out[i + 1] = paths.size
    try:
        if bad:
            raise MemoryError
        return (
            (id_ends, array_of(&ids, np.uint8)),
            (attribute_ends, array_of(&attributes, np.uint8)),
            (path_ends, array_of(&paths, np.uint8)),
            np.flatnonzero(strange),
        )
    finally:
        buffer_free(&ids)
        buffer_free(&attributes)
        buffer_free(&paths)


cdef inline bint all_dots(const uint8_t* name, Py_ssize_t n) noexcept nogil:
    """Whether the last part of a path is nothing but dots: what follows is no extension."""
    while n and name[n - 1] == c'.':
        n -= 1
    return n == 0 or name[n - 1] == c'/'


# --- to write -------------------------------------------------------------------------------------

def image_ids(const int64_t[::1] offsets, const uint8_t[::1] attributes):
    """What items' attributes say of image ids.

    Returns
    -------
    (ids, known, more) : int64 [n], the integer under ``id``; bool [n], whether there is one;
        bool [n], whether there is anything else.
    """
    cdef Py_ssize_t n = offsets.shape[0] - 1, i
    cdef Cursor c
    cdef Span key
    cdef bint first
    cdef int code
    ids, known, more = np.zeros(n, np.int64), np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    cdef int64_t[::1] id_out = ids
    cdef uint8_t[::1] known_out = known, more_out = more
    c.nonfinite = True
    c.data = &attributes[0] if attributes.shape[0] else NULL
    with nogil:
        for i in range(n):
            c.pos = offsets[i]
            c.end = offsets[i + 1]
            first = True
            if c.pos == c.end:
                continue
            if json_open(&c, c'{'):
                more_out[i] = True
                continue
            while True:
                code = json_key(&c, &first, &key)
                if code:
                    more_out[i] = more_out[i] or code != JSON_END
                    break
                if span_is(&key, b"id", 2) and json_int64(&c, &id_out[i]) == JSON_OK:
                    known_out[i] = True
                    continue
                more_out[i] = True
                if json_skip(&c):
                    break
    return ids, known.view(bool), more.view(bool)


def image_texts(
    const int64_t[::1] name_offsets, const uint8_t[::1] names, const int64_t[::1] image_ids,
    const int32_t[::1] heights, const int32_t[::1] widths,
    const int64_t[::1] offsets, const uint8_t[::1] attributes,
):
    """The entries of ``images`` as bytes, with a comma after each.

    Attributes of an item (JSON objects, texts by int64 [n + 1] offsets) are keys of its image, but for
    those that have the name of a key of COCO's.
    """
    cdef Py_ssize_t n = image_ids.shape[0], i
    cdef Buffer out
    cdef const uint8_t* data = &names[0] if names.shape[0] else NULL
    cdef Cursor c
    cdef int code = 0
    if (name_offsets.shape[0] != n + 1 or heights.shape[0] != n or widths.shape[0] != n
            or names.shape[0] < name_offsets[n] or offsets.shape[0] != n + 1
            or attributes.shape[0] < offsets[n]):
        raise ValueError("the columns' lengths do not agree")
    out.data = NULL
    out.size = out.room = 0
    c.nonfinite = True
    c.data = &attributes[0] if attributes.shape[0] else NULL
    with nogil:
        for i in range(n):
            code = buffer_add(&out, b'{"id":', 6) | put_int64(&out, image_ids[i])
            code = code | buffer_add(&out, b',"width":', 9) | put_int64(&out, widths[i])
            code = code | buffer_add(&out, b',"height":', 10) | put_int64(&out, heights[i])
            code = code | buffer_add(&out, b',"file_name":', 13)
            code = code | put_string(
                &out, data + name_offsets[i], name_offsets[i + 1] - name_offsets[i]
            )
            if code == 0:
                c.pos = offsets[i]
                c.end = offsets[i + 1]
                code = put_image_attributes(&c, &out)
            if code == 0:
                code = buffer_add(&out, b'},', 2)
            if code:
                break
    try:
        if code == BAD_ATTRIBUTES:
            raise ValueError(f"attributes of item {i} are no JSON object")
        if code:
            raise MemoryError
        return out.data[:out.size] if out.size else b""
    finally:
        buffer_free(&out)


cdef int put_image_attributes(Cursor* c, Buffer* out) noexcept nogil:
    """Print the members of an item's attributes as members of its image."""
    cdef Span key, value
    cdef bint first = True
    cdef size_t before = out.size
    cdef int code
    if c.pos < c.end:
        if json_open(c, c'{'):
            return BAD_ATTRIBUTES
        while True:
            code = json_key(c, &first, &key)
            if code == JSON_END:
                break
            if code or json_raw(c, &value):
                return BAD_ATTRIBUTES
            if (span_is(&key, b"id", 2) or span_is(&key, b"file_name", 9)
                    or span_is(&key, b"width", 5) or span_is(&key, b"height", 6)):
                continue
            if put_member(out, c',', &key, &value) < 0:
                return NO_MEMORY
    if out.size == before:
        return buffer_add(out, BLANK, BLANK_SIZE)
    return 0
