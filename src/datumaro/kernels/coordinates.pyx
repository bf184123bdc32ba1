# Coordinates of annotations: boxes and areas that polygons tell. Coordinates as bits are written by
# `coordinate_encoding` and read by `coordinate_decoding`.

import numpy as np

from datumaro.kernels._coordinates cimport *
from datumaro.kernels.coordinate_decoding import CODES, decode
from datumaro.kernels.coordinate_encoding import CODE_LENGTHS, encode
from libc.string cimport memcmp

# --- boxes that are the bounds of polygons ----------------------------------------------------


def boxes_of_polygons(
    const i64[::1] offsets not None,
    const u8[::1] types not None,
    const i64[::1] ids not None,
    const u8[::1] alike not None,
    const i64[::1] point_offsets not None,
    const float[::1] points not None,
):
    cdef i64 n_items = offsets.shape[0] - 1, n = types.shape[0], item, row
    if (
        ids.shape[0] != n or alike.shape[0] != n or point_offsets.shape[0] != n + 1
        or offsets[n_items] != n
    ):
        raise ValueError("arrays of different lengths")
    rises(offsets, n)
    rises(point_offsets, points.shape[0])
    boxes_array = np.zeros(n, np.uint8)
    cdef u8[::1] boxes = boxes_array
    cdef const i64* at = &point_offsets[0]
    cdef const float* xy = &points[0] if points.shape[0] else NULL
    cdef float box[4]
    with nogil:
        for item in range(n_items):
            for row in range(offsets[item] + 1, offsets[item + 1]):
                if types[row] == BBOX and alike[row] and at[row + 1] - at[row] == 4:
                    boxes[row] = (
                        bounds_before(&types[0], &ids[0], at, xy, offsets[item], row, box)
                        and memcmp(box, xy + at[row], sizeof(box)) == 0
                    )
    return boxes_array


def with_boxes(const i64[::1] offsets not None, const u8[::1] followed not None):
    cdef i64 n_items = offsets.shape[0] - 1, n = followed.shape[0], item, row, k = 0, total = n
    if offsets[n_items] != n:
        raise ValueError("arrays of different lengths")
    rises(offsets, n)
    for row in range(n):
        total += followed[row] != 0
    offsets_array = np.zeros(n_items + 1, np.int64)
    rows_array = np.empty(total, np.int64)
    boxes_array = np.zeros(total, np.uint8)
    cdef i64[::1] unfolded = offsets_array
    cdef i64[::1] rows = rows_array
    cdef u8[::1] boxes = boxes_array
    with nogil:
        for item in range(n_items):
            for row in range(offsets[item], offsets[item + 1]):
                rows[k] = row
                k += 1
                if followed[row]:
                    rows[k] = row
                    boxes[k] = 1
                    k += 1
            unfolded[item + 1] = k
    return offsets_array, rows_array, boxes_array


def same_as_before(const i64[::1] text_offsets not None, const u8[::1] data not None):
    cdef i64 n = text_offsets.shape[0] - 1, row, length
    rises(text_offsets, data.shape[0])
    same_array = np.zeros(n, np.uint8)
    cdef u8[::1] same = same_array
    cdef const i64* at = &text_offsets[0]
    cdef const u8* text = &data[0] if data.shape[0] else NULL
    with nogil:
        for row in range(1, n):
            length = at[row + 1] - at[row]
            same[row] = at[row] - at[row - 1] == length and (
                length == 0 or memcmp(text + at[row - 1], text + at[row], length) == 0
            )
    return same_array


# --- areas ------------------------------------------------------------------------------------


def areas_of_polygons(
    const i64[::1] offsets not None,
    const u8[::1] types not None,
    const i64[::1] ids not None,
    const i64[::1] doubled not None,
):
    cdef i64 n_items = offsets.shape[0] - 1, n = types.shape[0], item, row, begin
    cdef u64 total
    if ids.shape[0] != n or doubled.shape[0] != n or offsets[n_items] != n:
        raise ValueError("arrays of different lengths")
    rises(offsets, n)
    areas_array = np.zeros(n, np.float64)
    cdef double[::1] areas = areas_array
    with nogil:
        for item in range(n_items):
            row = offsets[item]
            while row < offsets[item + 1]:
                begin = row
                total = 0
                while row < offsets[item + 1] and types[row] == POLYGON and ids[row] == ids[begin]:
                    total += <u64>doubled[row]
                    row += 1
                if row > begin:
                    areas[begin] = <double><i64>total / 20000.0
                else:
                    row += 1
    return areas_array
