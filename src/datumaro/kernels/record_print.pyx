"""Columns into item records of `.datum` files, version 1.0 of the format."""

import sys

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from datumaro.kernels._records cimport *

if sys.byteorder != "little":
    raise ImportError("the kernels need a little-endian machine")


cdef class Records:
    """Columns of some items, ready to be written: the same that `read_records` returns.

    Columns that may be missing there may be missing here.
    """
    cdef Walk w
    cdef const uint8_t[::1] subset
    cdef list kept           # the arrays that the pointers in ``w`` point into

    def __init__(self, dict columns, const uint8_t[::1] subset):
        cdef Walk* w = &self.w
        cdef int64_t n, m
        memset(w, 0, sizeof(Walk))
        self.subset = subset
        self.kept = []
        n = w.items = len(columns["media_type"])
        m = w.annotations = len(columns["type"])
        w.id_offsets = <int64_t*>self.offsets_of(columns, "id_offsets", n, "ids")
        w.ids = <uint8_t*>self.bytes_of(columns, "ids", -1)
        w.media_type = <uint8_t*>self.bytes_of(columns, "media_type", n)
        w.path_offsets = <int64_t*>self.offsets_of(columns, "path_offsets", n, "paths")
        w.paths = <uint8_t*>self.bytes_of(columns, "paths", -1)
        w.height = <int32_t*>self.int32_of(columns, "height", n)
        w.width = <int32_t*>self.int32_of(columns, "width", n)
        w.offsets = <int64_t*>self.offsets_of(columns, "offsets", n, "type")
        w.type = <uint8_t*>self.bytes_of(columns, "type", m)
        w.id = <int64_t*>self.int64_of(columns, "id", m)
        w.group = <int64_t*>self.int64_of(columns, "group", m)
        w.object_id = <int32_t*>self.int32_of(columns, "object_id", m)
        w.label = <int32_t*>self.int32_of(columns, "label", m)
        w.z_order = <int32_t*>self.int32_of(columns, "z_order", m)
        if "tails" in columns:
            w.tail_offsets = <int64_t*>self.offsets_of(columns, "tail_offsets", n, "tails")
            w.tails = <uint8_t*>self.bytes_of(columns, "tails", -1)
        if "item_attributes" in columns:
            w.item_attribute_offsets = <int64_t*>self.offsets_of(
                columns, "item_attribute_offsets", n, "item_attributes"
            )
            w.item_attributes = <uint8_t*>self.bytes_of(columns, "item_attributes", -1)
        if "attributes" in columns:
            w.attribute_offsets = <int64_t*>self.offsets_of(
                columns, "attribute_offsets", m, "attributes"
            )
            w.attributes = <uint8_t*>self.bytes_of(columns, "attributes", -1)
        if "points" in columns:
            w.point_offsets = <int64_t*>self.offsets_of(columns, "point_offsets", m, "points")
            w.point_values = <float*>self.floats_of(columns, "points")
        if "visibility" in columns:
            w.visibility_offsets = <int64_t*>self.offsets_of(
                columns, "visibility_offsets", m, "visibility"
            )
            w.visibility = <uint8_t*>self.bytes_of(columns, "visibility", -1)
        if "rle" in columns:
            w.mask_height = <int32_t*>self.int32_of(columns, "mask_height", m)
            w.mask_width = <int32_t*>self.int32_of(columns, "mask_width", m)
            w.rle_offsets = <int64_t*>self.offsets_of(columns, "rle_offsets", m, "rle")
            w.rle = <uint8_t*>self.bytes_of(columns, "rle", -1)
        if "text" in columns:
            w.text_offsets = <int64_t*>self.offsets_of(columns, "text_offsets", m, "text")
            w.text = <uint8_t*>self.bytes_of(columns, "text", -1)

    cdef const uint8_t* bytes_of(self, dict columns, str name, int64_t n) except? NULL:
        cdef const uint8_t[::1] view = columns[name]
        if n >= 0 and view.shape[0] != n:
            raise ValueError(f"column {name} has {view.shape[0]} values; expected {n}")
        self.kept.append(columns[name])
        return start(view)

    cdef const float* floats_of(self, dict columns, str name) except? NULL:
        cdef const float[::1] view = columns[name]
        self.kept.append(columns[name])
        return &view[0] if view.shape[0] else NULL

    cdef const int32_t* int32_of(self, dict columns, str name, int64_t n) except? NULL:
        cdef const int32_t[::1] view = columns[name]
        if view.shape[0] != n:
            raise ValueError(f"column {name} has {view.shape[0]} values; expected {n}")
        self.kept.append(columns[name])
        return &view[0] if n else NULL

    cdef const int64_t* int64_of(self, dict columns, str name, int64_t n) except? NULL:
        cdef const int64_t[::1] view = columns[name]
        if view.shape[0] != n:
            raise ValueError(f"column {name} has {view.shape[0]} values; expected {n}")
        self.kept.append(columns[name])
        return &view[0] if n else NULL

    cdef const int64_t* offsets_of(
        self, dict columns, str name, int64_t n, str values
    ) except? NULL:
        """Offsets, which must rise within the values."""
        cdef const int64_t* offsets = self.int64_of(columns, name, n + 1)
        cdef int64_t i, low = 0, limit = len(columns[values])
        cdef bint rising = True
        with nogil:
            for i in range(n + 1):
                rising &= low <= offsets[i]
                low = offsets[i]
        if not rising or low > limit:
            raise ValueError(f"column {name} does not rise within {values}")
        return offsets

    def sizes(self):
        """Bytes of each item's record (int64 [n])."""
        array = np.empty(self.w.items, np.int64)
        cdef int64_t[::1] out = array
        cdef int64_t i
        with nogil:
            for i in range(self.w.items):
                out[i] = item_size(&self.w, i, self.subset.shape[0])
        return array

    def write(self, int64_t begin, int64_t end, uint8_t[::1] out):
        """Write the records of items ``begin:end`` and return their size in bytes."""
        cdef int64_t i, size
        cdef uint8_t* p
        cdef uint8_t* limit
        cdef const uint8_t* subset = start(self.subset)
        cdef bint fits = True
        if not 0 <= begin <= end <= self.w.items:
            raise ValueError(f"items {begin} to {end} of {self.w.items}")
        if begin == end:
            return 0
        if not out.shape[0]:
            raise ValueError("the buffer is too small")
        p = &out[0]
        limit = p + out.shape[0]
        with nogil:
            for i in range(begin, end):
                size = item_size(&self.w, i, self.subset.shape[0])
                if size > limit - p:
                    fits = False
                    break
                put_item(&self.w, i, subset, self.subset.shape[0], p)
                p += size
        if not fits:
            raise ValueError("the buffer is too small")
        return p - &out[0]


cdef inline int64_t attribute_span(
    const int64_t* offsets, const uint8_t* data, int64_t i
) noexcept nogil:
    if offsets == NULL or offsets[i] == offsets[i + 1]:
        return 0
    return attributes_size(data + offsets[i], offsets[i + 1] - offsets[i])


cdef inline int64_t annotation_size(Walk* w, int64_t i) noexcept nogil:
    cdef int64_t size = 25 + attribute_span(w.attribute_offsets, w.attributes, i)
    cdef int kind = w.type[i]
    if kind == TYPE_CAPTION:
        return size + 4 + span(w.text_offsets, i)
    if kind == TYPE_LABEL:
        return size + 4
    if kind == TYPE_MASK:
        return size + 20 + span(w.rle_offsets, i)
    if kind == TYPE_CUBOID_3D:
        return size + 8 + 4 * span(w.point_offsets, i)
    if kind == TYPE_POINTS:
        size += 4 + 4 * span(w.visibility_offsets, i)
    return size + 12 + 4 * span(w.point_offsets, i)


cdef inline int64_t item_size(Walk* w, int64_t i, int64_t subset_size) noexcept nogil:
    cdef int64_t size = 20 + span(w.id_offsets, i) + subset_size, row
    if w.media_type[i] != NONE:
        size += 4 + span(w.path_offsets, i)
        if w.media_type[i] == IMAGE:
            size += 8
    size += span(w.tail_offsets, i)
    size += attribute_span(w.item_attribute_offsets, w.item_attributes, i)
    for row in range(w.offsets[i], w.offsets[i + 1]):
        size += annotation_size(w, row)
    return size


cdef inline uint8_t* put32(uint8_t* p, int64_t value) noexcept nogil:
    cdef uint32_t low = <uint32_t>value
    memcpy(p, &low, 4)
    return p + 4


cdef inline uint8_t* put_bytes(uint8_t* p, const uint8_t* data, int64_t size) noexcept nogil:
    p = put32(p, size)
    if size:
        memcpy(p, data, size)
    return p + size


cdef inline uint8_t* put_span(
    uint8_t* p, const int64_t* offsets, const uint8_t* data, int64_t i
) noexcept nogil:
    return put32(p, 0) if offsets == NULL else put_bytes(p, data + offsets[i], span(offsets, i))


cdef void put_item(
    Walk* w, int64_t i, const uint8_t* subset, int64_t subset_size, uint8_t* p
) noexcept nogil:
    """Write a record of ``item_size`` bytes."""
    cdef int64_t row, size
    p = put_span(p, w.id_offsets, w.ids, i)
    p = put_bytes(p, subset, subset_size)
    p = put32(p, w.media_type[i])
    if w.media_type[i] != NONE:
        p = put_span(p, w.path_offsets, w.paths, i)
        if w.media_type[i] == IMAGE:
            if w.height[i] == 0 and w.width[i] == 0:
                p = put32(put32(p, NO_HEIGHT), NO_WIDTH)
            else:
                p = put32(put32(p, w.height[i]), w.width[i])
    size = span(w.tail_offsets, i)
    if size:
        memcpy(p, w.tails + w.tail_offsets[i], size)
        p += size
    size = attribute_span(w.item_attribute_offsets, w.item_attributes, i)
    p = put32(p, size)
    if size:
        memcpy(p, w.item_attributes + w.item_attribute_offsets[i], size)
        p += size
    p = put32(p, w.offsets[i + 1] - w.offsets[i])
    for row in range(w.offsets[i], w.offsets[i + 1]):
        p = put_annotation(w, row, p)


cdef inline uint8_t* put_annotation(Walk* w, int64_t i, uint8_t* p) noexcept nogil:
    cdef int kind = w.type[i]
    cdef int64_t size, k
    p[0] = <uint8_t>kind
    memcpy(p + 1, &w.id[i], 8)
    memcpy(p + 9, &w.group[i], 8)
    memcpy(p + 17, &w.object_id[i], 4)
    p += 21
    size = attribute_span(w.attribute_offsets, w.attributes, i)
    p = put32(p, size)
    if size:
        memcpy(p, w.attributes + w.attribute_offsets[i], size)
        p += size
    if kind == TYPE_CAPTION:
        return put_span(p, w.text_offsets, w.text, i)
    p = put32(p, FILE_NO_LABEL if w.label[i] == NO_LABEL else w.label[i])
    if kind == TYPE_LABEL:
        return p
    if kind != TYPE_CUBOID_3D:
        p = put32(p, w.z_order[i])
    if kind == TYPE_MASK:
        if w.rle_offsets == NULL:
            return put32(put32(put32(p, 0), 0), 0)
        p = put32(put32(p, w.mask_height[i]), w.mask_width[i])
        return put_span(p, w.rle_offsets, w.rle, i)
    size = span(w.point_offsets, i)
    p = put32(p, size)
    if size:
        memcpy(p, w.point_values + w.point_offsets[i], 4 * size)
        p += 4 * size
    if kind == TYPE_POINTS:
        size = span(w.visibility_offsets, i)
        p = put32(p, size)
        for k in range(size):
            p = put32(p, w.visibility[w.visibility_offsets[i] + k])
    return p
