# Points of differences, which `coordinate_decoding` has read.

from datumaro.kernels._coordinates cimport i64, magnitude, predicted_step, u32, u64
from datumaro.kernels._coordinates cimport unlikely_to_be, weight_of_first

cdef enum:
    UNFOLDED_STAYS = -0x7FFFFFFF - 1  # what `unfold` makes of `STAYS`


cdef inline void unfold(u32* z, i64 n) noexcept nogil:
    """Differences as they were, from 0, -1, 1, -2, …; `STAYS` becomes the smallest number."""
    cdef i64 j
    for j in range(n):
        z[j] = (z[j] >> 1) ^ (0 - (z[j] & 1))


cdef struct Bounds:  # of points, in hundredths
    float low_x
    float low_y
    float high_x
    float high_y


cdef inline i64 moved(
    int difference, i64 step, i64 step_before, i64 away, i64 weight
) noexcept nogil:
    """By how much a number differs from the one two before it."""
    if unlikely_to_be(difference == UNFOLDED_STAYS):
        return 0
    return predicted_step(step, step_before, away, weight) + difference


cdef inline const int* take_next(
    const int* d, float* xy, i64 n, bint closed, i64* numbers, Bounds* bounds, i64* doubled
) noexcept nogil:
    """An annotation's points from the second on; the first differences not used.

    ``numbers`` are the first two hundredths, and become the last of each parity. ``doubled`` becomes
    twice the area (shoelace formula) of what is ``closed``, modulo 2^64.
    """
    cdef i64 first_x = numbers[0], first_y = numbers[1], x = first_x, y = first_y, left = n >> 1
    cdef i64 step_x = 0, step_y = 0, before_x = 0, before_y = 0, next_x, next_y, weight = 0, j
    cdef u64 area = 0
    cdef float px = <float>x, py = <float>y, low_x = px, low_y = py, high_x = px, high_y = py
    for j in range(2, n - 1, 2):
        if closed:
            weight = weight_of_first(left)
            left -= 1
        next_x = moved(d[0], step_x, before_x, first_x - x, weight)
        next_y = moved(d[1], step_y, before_y, first_y - y, weight)
        d += 2
        if closed:
            area += <u64>x * <u64>(step_y + next_y)
        before_x = step_x
        before_y = step_y
        step_x = next_x
        step_y = next_y
        x += step_x
        y += step_y
        px = <float><int>x
        py = <float><int>y
        low_x = px if px < low_x else low_x
        low_y = py if py < low_y else low_y
        high_x = px if px > high_x else high_x
        high_y = py if py > high_y else high_y
        xy[j] = px / <float>100.0
        xy[j + 1] = py / <float>100.0
    if closed:
        area += <u64>x * <u64>(first_y - y + step_y) + <u64>first_x * <u64>(first_y - y)
        doubled[0] = magnitude(area)
    bounds.low_x = low_x
    bounds.low_y = low_y
    bounds.high_x = high_x
    bounds.high_y = high_y
    if n > 2 and n & 1:
        weight = weight_of_first(1) if closed else 0
        x += moved(d[0], step_x, before_x, first_x - x, weight)
        xy[n - 1] = <float><int>x / <float>100.0
        d += 1
    numbers[0] = x
    numbers[1] = y
    return d
