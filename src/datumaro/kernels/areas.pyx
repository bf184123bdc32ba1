# Areas that a source states, as differences to those of polygons. docs/storage.md says it for
# readers in other languages.

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from datumaro.kernels._offsets cimport rises
from datumaro.kernels._validity cimport fit_if_any, is_valid

ctypedef uint8_t u8
ctypedef uint64_t u64
ctypedef int64_t i64

cdef enum:
    POLYGON = 4


cdef inline i64 bits_of(double value) noexcept nogil:
    cdef i64 bits
    memcpy(&bits, &value, 8)
    return bits


cdef inline double double_of(u64 bits) noexcept nogil:
    cdef double value
    memcpy(&value, &bits, 8)
    return value


cdef inline i64 bits_of_run(
    const u8* types, const i64* ids, const i64* doubled, i64 row, i64 begin, i64 end
) noexcept nogil:
    """The area, as bits, of the run of polygons that begins at row; that of 0 at all other rows."""
    cdef u64 total = 0
    cdef i64 k = row
    if types[row] != POLYGON or (
        row > begin and types[row - 1] == POLYGON and ids[row - 1] == ids[row]
    ):
        return 0
    while k < end and types[k] == POLYGON and ids[k] == ids[row]:
        total += <u64>doubled[k]
        k += 1
    return bits_of(<double><i64>total / 20000.0)


cdef int check(
    const i64[::1] offsets, const u8[::1] types, const i64[::1] ids, const i64[::1] doubled
) except -1:
    cdef i64 n_items = offsets.shape[0] - 1, n = types.shape[0]
    if n_items < 0 or ids.shape[0] != n or doubled.shape[0] != n or offsets[n_items] != n:
        raise ValueError("arrays of different lengths")
    if offsets[0] != 0:
        raise ValueError("offsets that do not begin at 0")
    return rises(offsets, n)


def encode(
    const i64[::1] offsets not None,
    const u8[::1] types not None,
    const i64[::1] ids not None,
    const i64[::1] doubled not None,
    const double[::1] areas not None,
):
    cdef i64 n_items = offsets.shape[0] - 1, n = types.shape[0], item, row, begin, end, d, stated
    cdef i64 before = 0
    check(offsets, types, ids, doubled)
    if areas.shape[0] != n:
        raise ValueError("arrays of different lengths")
    coded_array = np.zeros(n, np.int64)
    untold_array = np.zeros(n, np.uint8)
    cdef i64[::1] coded = coded_array
    cdef u8[::1] untold = untold_array
    with nogil:
        for item in range(n_items):
            begin = offsets[item]
            end = offsets[item + 1]
            for row in range(begin, end):
                stated = bits_of(areas[row])
                if row > begin and ids[row] == ids[row - 1]:
                    untold[row] = stated == before
                else:
                    untold[row] = areas[row] != areas[row]
                before = stated
                if not untold[row]:
                    d = <i64>(
                        <u64>stated
                        - <u64>bits_of_run(&types[0], &ids[0], &doubled[0], row, begin, end)
                    )
                    coded[row] = <i64>(<u64>d << 1) ^ (d >> 63)
    return coded_array, untold_array


def decode(
    const i64[::1] offsets not None,
    const u8[::1] types not None,
    const i64[::1] ids not None,
    i64[::1] doubled not None,
    const i64[::1] coded not None,
    const u8[::1] valid,
    i64 first,
):
    cdef i64 n_items = offsets.shape[0] - 1, n = types.shape[0], item, row, begin, end
    cdef u64 d
    cdef double nothing = float("nan")
    check(offsets, types, ids, doubled)
    if coded.shape[0] != n:
        raise ValueError("arrays of different lengths")
    cdef const u8* bits = &valid[0] if fit_if_any(valid, first, n) else NULL
    areas_array = np.asarray(doubled).view(np.float64)  # of a row that is done none is asked again
    cdef double[::1] areas = areas_array
    with nogil:
        for item in range(n_items):
            begin = offsets[item]
            end = offsets[item + 1]
            for row in range(begin, end):
                if bits == NULL or is_valid(bits, first + row):
                    d = (<u64>coded[row] >> 1) ^ (0 - (<u64>coded[row] & 1))
                    d += <u64>bits_of_run(&types[0], &ids[0], &doubled[0], row, begin, end)
                    areas[row] = double_of(d)
                elif row > begin and ids[row] == ids[row - 1]:
                    areas[row] = areas[row - 1]
                else:
                    areas[row] = nothing
    return areas_array
