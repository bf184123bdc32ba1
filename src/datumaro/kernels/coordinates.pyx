# Coordinates as differences in hundredths of a pixel, and back.
#
# An item's coordinates are one sequence, annotation after annotation. Each is told as hundredths,
# less those of the coordinate two before it (x from x, y from y; 0 before the first two), in zigzag
# form: 0, -1, 1, -2, … become 0, 1, 2, 3, …. The bytes of these numbers are kept apart, as planes of
# low to top bytes: nearly all compression is in the upper ones.

import numpy as np

from libc.math cimport rint
from libc.string cimport memcpy

ctypedef unsigned char u8
ctypedef unsigned int u32
ctypedef long long i64

cdef enum:
    BBOX = 6
    POLYGON = 4
    OF_POLYGONS = -1  # the count of a box that is the bounds of the polygons before it
    LIMIT = 1 << 29  # hundredths: differences of such numbers fit 31 bits

IS_BOUNDS = OF_POLYGONS

# what decode() may find wrong
CODES = {
    1: ("more coordinates than its planes have", "as many as its annotations say"),
    2: ("fewer coordinates than its planes have", "as many as its annotations say"),
    3: ("a negative number of coordinates", "0 or more"),
    4: ("a box of the bounds of polygons, without polygons before it", "polygons of the same id"),
    5: ("planes of different lengths", "each empty or as long as the first"),
    6: ("coordinates beyond 5,368,709 pixels", "smaller ones"),
}


cdef inline bint in_hundredths(float value, i64* out) noexcept nogil:
    """Whether the value is exactly what its nearest hundredth gives back."""
    cdef double scaled = rint(<double>value * 100.0)
    cdef float back
    if not (-LIMIT < scaled < LIMIT):  # NaN too
        return False
    back = <float>(scaled / 100.0)
    if differ(back, value) or (value == 0 and differ(value, 0.0)):
        return False
    out[0] = <i64>scaled
    return True


cdef inline bint differ(float a, float b) noexcept nogil:
    """Whether two floats differ in any bit: -0.0 is not 0.0."""
    cdef u32 x, y
    memcpy(&x, &a, 4)
    memcpy(&y, &b, 4)
    return x != y


cdef bint is_bounds(
    const u8* types, const i64* ids, const i64* at, const float* points, i64 begin, i64 row
) noexcept nogil:
    """Whether a box is that of the polygons of its id right before it, in the item from ``begin``."""
    cdef float low_x = 0, low_y = 0, high_x = 0, high_y = 0
    cdef bint any_ = False
    cdef i64 k = row - 1, j
    cdef const float* box = points + at[row]
    if at[row + 1] - at[row] != 4:
        return False
    while k >= begin and types[k] == POLYGON and ids[k] == ids[row]:
        j = at[k]
        while j + 1 < at[k + 1]:
            extend(points[j], points[j + 1], &low_x, &low_y, &high_x, &high_y, &any_)
            j += 2
        k -= 1
    return any_ and not (
        differ(box[0], low_x)
        or differ(box[1], low_y)
        or differ(box[2], high_x)
        or differ(box[3], high_y)
    )


cdef inline void extend(
    float x, float y, float* low_x, float* low_y, float* high_x, float* high_y, bint* any_
) noexcept nogil:
    if not any_[0]:
        low_x[0] = high_x[0] = x
        low_y[0] = high_y[0] = y
        any_[0] = True
        return
    if x < low_x[0]:
        low_x[0] = x
    if x > high_x[0]:
        high_x[0] = x
    if y < low_y[0]:
        low_y[0] = y
    if y > high_y[0]:
        high_y[0] = y


def encode(
    const i64[::1] offsets not None,
    const u8[::1] types not None,
    const i64[::1] ids not None,
    const i64[::1] point_offsets not None,
    const float[::1] points not None,
):
    cdef i64 n_items = offsets.shape[0] - 1, n = types.shape[0]
    if ids.shape[0] != n or point_offsets.shape[0] != n + 1 or offsets[n_items] != n:
        raise ValueError("arrays of different lengths")
    if n and (point_offsets[0] < 0 or point_offsets[n] > points.shape[0]):
        raise ValueError("offsets outside the points")
    counts_array = np.zeros(n, np.int32)
    exact_array = np.zeros(n, np.uint8)
    starts_array = np.zeros(n_items + 1, np.int64)
    planes_array = np.zeros(n_items, np.uint8)
    cdef int[::1] counts = counts_array
    cdef u8[::1] exact = exact_array, n_planes = planes_array
    cdef i64[::1] starts = starts_array
    cdef i64 item, row, j, k, total = 0, value = 0, length
    cdef const u8* type_of = &types[0] if n else NULL
    cdef const i64* id_of = &ids[0] if n else NULL
    cdef const i64* at = &point_offsets[0]
    cdef const float* xy = &points[0] if points.shape[0] else NULL
    with nogil:
        for item in range(n_items):
            for row in range(offsets[item], offsets[item + 1]):
                length = at[row + 1] - at[row]
                if type_of[row] == BBOX and is_bounds(
                    type_of, id_of, at, xy, offsets[item], row
                ):
                    counts[row] = OF_POLYGONS
                    continue
                for j in range(at[row], at[row + 1]):
                    if not in_hundredths(xy[j], &value):
                        exact[row] = 1
                        break
                if not exact[row]:
                    counts[row] = <int>length
                    total += length
            starts[item + 1] = total
    coded_array = np.empty(total, np.uint32)
    cdef u32[::1] coded = coded_array
    cdef i64 previous[2]
    cdef i64 difference
    cdef u32 seen
    cdef int which
    with nogil:
        k = 0
        for item in range(n_items):
            previous[0] = previous[1] = 0
            which = 0
            seen = 0
            for row in range(offsets[item], offsets[item + 1]):
                if exact[row] or counts[row] < 0:
                    continue
                for j in range(at[row], at[row + 1]):
                    in_hundredths(xy[j], &value)
                    difference = value - previous[which]
                    previous[which] = value
                    which ^= 1
                    coded[k] = <u32>((difference << 1) ^ (difference >> 63))
                    seen |= coded[k]
                    k += 1
            n_planes[item] = 1 if seen < 1 << 8 else 2 if seen < 1 << 16 else 3 if seen < 1 << 24 else 4
    return counts_array, exact_array, starts_array, planes_array, coded_array


def plane(
    const i64[::1] starts not None,
    const u8[::1] n_planes not None,
    const u32[::1] coded not None,
    int number,
):
    cdef i64 n = n_planes.shape[0], item, j, total = 0
    if starts.shape[0] != n + 1 or starts[n] != coded.shape[0] or not 0 <= number < 4:
        raise ValueError("arrays of different lengths")
    offsets_array = np.zeros(n + 1, np.int64)
    cdef i64[::1] offsets = offsets_array
    for item in range(n):
        if n_planes[item] > number:
            total += starts[item + 1] - starts[item]
        offsets[item + 1] = total
    data_array = np.empty(total, np.uint8)
    cdef u8[::1] data = data_array
    cdef int shift = 8 * number
    cdef i64 k = 0
    with nogil:
        for item in range(n):
            if n_planes[item] > number:
                for j in range(starts[item], starts[item + 1]):
                    data[k] = <u8>(coded[j] >> shift)
                    k += 1
    return offsets_array, data_array


cdef struct Planes:
    const u8* data[4]
    const i64* offsets[4]
    i64 lengths[4]


cdef int check_counts(
    const i64* offsets,
    i64 n_items,
    const int* counts,
    const i64* exact_at,
    Planes* planes,
    i64* point_offsets,
    i64* bad,
) noexcept nogil:
    """See that each item's counts and planes agree, and sum up the points of all annotations."""
    cdef i64 item, row, length, wanted, total = 0, size
    cdef int p
    point_offsets[0] = 0
    for item in range(n_items):
        bad[0] = item
        length = planes.offsets[0][item + 1] - planes.offsets[0][item]
        for p in range(1, 4):
            size = planes.offsets[p][item + 1] - planes.offsets[p][item]
            if size != 0 and size != length:
                return 5
        wanted = 0
        for row in range(offsets[item], offsets[item + 1]):
            if counts[row] < OF_POLYGONS:
                return 3
            if exact_at[row + 1] > exact_at[row]:
                total += (exact_at[row + 1] - exact_at[row]) >> 2
                if counts[row] != 0:
                    return 2
            elif counts[row] == OF_POLYGONS:
                total += 4
            else:
                wanted += counts[row]
                total += counts[row]
                if wanted > length:
                    return 1
            point_offsets[row + 1] = total
        if wanted != length:
            return 2
    return 0


cdef int decode_item(
    i64 item,
    const i64* offsets,
    const u8* types,
    const i64* ids,
    const int* counts,
    const i64* exact_at,
    const u8* exact,
    Planes* planes,
    const i64* at,
    float* points,
) noexcept nogil:
    cdef const u8* source[4]
    cdef i64 previous[2]
    cdef i64 row, j, k, value, position = 0
    cdef int p, which = 0, n = 0
    cdef u32 number
    cdef float low_x = 0, low_y = 0, high_x = 0, high_y = 0
    cdef bint any_
    previous[0] = previous[1] = 0
    for p in range(4):
        source[p] = planes.data[p] + planes.offsets[p][item]
        if planes.offsets[p][item + 1] > planes.offsets[p][item]:
            n = p + 1
    for row in range(offsets[item], offsets[item + 1]):
        if exact_at[row + 1] > exact_at[row]:
            memcpy(points + at[row], exact + exact_at[row], exact_at[row + 1] - exact_at[row])
            continue
        if counts[row] == OF_POLYGONS:
            any_ = False
            k = row - 1
            while k >= offsets[item] and types[k] == POLYGON and ids[k] == ids[row]:
                j = at[k]
                while j + 1 < at[k + 1]:
                    extend(points[j], points[j + 1], &low_x, &low_y, &high_x, &high_y, &any_)
                    j += 2
                k -= 1
            if not any_ or types[row] != BBOX:
                return 4
            points[at[row]] = low_x
            points[at[row] + 1] = low_y
            points[at[row] + 2] = high_x
            points[at[row] + 3] = high_y
            continue
        for j in range(at[row], at[row + 1]):
            number = source[0][position]
            if n > 1:
                if planes.offsets[1][item + 1] > planes.offsets[1][item]:
                    number |= <u32>source[1][position] << 8
                if n > 2:
                    if planes.offsets[2][item + 1] > planes.offsets[2][item]:
                        number |= <u32>source[2][position] << 16
                    if n > 3:
                        number |= <u32>source[3][position] << 24
            position += 1
            value = previous[which] + (<i64>(number >> 1) ^ -<i64>(number & 1))
            if not -LIMIT < value < LIMIT:
                return 6
            previous[which] = value
            which ^= 1
            points[j] = <float>(<double>value / 100.0)
    return 0


def decode(
    const i64[::1] offsets not None,
    const u8[::1] types not None,
    const i64[::1] ids not None,
    const int[::1] counts not None,
    const i64[::1] exact_offsets not None,
    const u8[::1] exact not None,
    list planes not None,
):
    cdef i64 n_items = offsets.shape[0] - 1, n = types.shape[0], item, bad = 0
    cdef Planes view
    cdef const i64[::1] plane_offsets
    cdef const u8[::1] plane_data
    cdef int p, code
    if (
        ids.shape[0] != n or counts.shape[0] != n or exact_offsets.shape[0] != n + 1
        or offsets[0] != 0 or offsets[n_items] != n or len(planes) != 4
    ):
        raise ValueError("arrays of different lengths")
    rises(offsets, n)
    rises(exact_offsets, exact.shape[0])
    held = []
    for p in range(4):
        plane_offsets, plane_data = planes[p]
        if plane_offsets.shape[0] != n_items + 1:
            raise ValueError("arrays of different lengths")
        rises(plane_offsets, plane_data.shape[0])
        view.offsets[p] = &plane_offsets[0]
        view.data[p] = &plane_data[0] if plane_data.shape[0] else NULL
        held.append((plane_offsets, plane_data))
    cdef const u8* type_of = &types[0] if n else NULL
    cdef const i64* id_of = &ids[0] if n else NULL
    cdef const int* count_of = &counts[0] if n else NULL
    cdef const u8* exact_data = &exact[0] if exact.shape[0] else NULL
    point_offsets_array = np.zeros(n + 1, np.int64)
    cdef i64[::1] point_offsets = point_offsets_array
    with nogil:
        code = check_counts(
            &offsets[0], n_items, count_of, &exact_offsets[0], &view, &point_offsets[0], &bad
        )
    if code:
        return code, bad, point_offsets_array, np.zeros(0, np.float32)
    points_array = np.empty(int(point_offsets[n]), np.float32)
    cdef float[::1] points = points_array
    cdef float* out = &points[0] if points.shape[0] else NULL
    with nogil:
        for item in range(n_items):
            code = decode_item(
                item, &offsets[0], type_of, id_of, count_of, &exact_offsets[0], exact_data, &view,
                &point_offsets[0], out,
            )
            if code:
                bad = item
                break
    return code, bad, point_offsets_array, points_array


cdef int rises(const i64[::1] offsets, i64 last) except -1:
    """See that offsets rise within ``last``."""
    cdef i64 k, n = offsets.shape[0]
    if n == 0 or offsets[0] < 0 or offsets[n - 1] > last:
        raise ValueError("offsets outside their values")
    for k in range(n - 1):
        if offsets[k + 1] < offsets[k]:
            raise ValueError("offsets that do not rise")
    return 0
