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
    const i64[::1] point_offsets not None,
    const float[::1] points not None,
):
    cdef i64 n_items = offsets.shape[0] - 1, n = types.shape[0], item, row
    if (
        ids.shape[0] != n or point_offsets.shape[0] != n + 1
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
                if types[row] == BBOX and at[row + 1] - at[row] == 4:
                    boxes[row] = (
                        bounds_before(&types[0], &ids[0], at, xy, offsets[item], row, box)
                        and memcmp(box, xy + at[row], sizeof(box)) == 0
                    )
    return boxes_array
