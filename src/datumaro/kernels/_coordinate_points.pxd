# Points of differences, which `coordinate_decoding` has read.

from datumaro.kernels._coordinates cimport i64, magnitude, predicted_step, u32, u64
from datumaro.kernels._coordinates cimport unlikely_to_be, weight_of_first

cdef extern from *:
    """
    /* bounds of points in hundredths, which are put as pixels; x and y at once where that is possible */
    #if defined(__SSE2__) || defined(_M_X64)
    #include <emmintrin.h>
    typedef struct { __m128 low, high; } Reach;
    static inline __m128 reach_point(int x, int y) {
        return _mm_cvtepi32_ps(_mm_unpacklo_epi32(_mm_cvtsi32_si128(x), _mm_cvtsi32_si128(y)));
    }
    static inline void reach_begin(Reach *reach, int x, int y) {
        reach->low = reach->high = reach_point(x, y);
    }
    static inline void reach_put(Reach *reach, int x, int y, float *pixels) {
        const __m128 point = reach_point(x, y);
        reach->low = _mm_min_ps(reach->low, point);
        reach->high = _mm_max_ps(reach->high, point);
        _mm_storel_pi((__m64 *)pixels, _mm_div_ps(point, _mm_set1_ps(100.0f)));
    }
    static inline void reach_end(const Reach *reach, float *low, float *high) {
        _mm_storel_pi((__m64 *)low, reach->low);
        _mm_storel_pi((__m64 *)high, reach->high);
    }
    #else
    typedef struct { float low[2], high[2]; } Reach;
    static inline void reach_begin(Reach *reach, int x, int y) {
        reach->low[0] = reach->high[0] = (float)x;
        reach->low[1] = reach->high[1] = (float)y;
    }
    static inline void reach_put(Reach *reach, int x, int y, float *pixels) {
        const float point[2] = {(float)x, (float)y};
        int k;
        for (k = 0; k < 2; k++) {
            reach->low[k] = point[k] < reach->low[k] ? point[k] : reach->low[k];
            reach->high[k] = point[k] > reach->high[k] ? point[k] : reach->high[k];
            pixels[k] = point[k] / 100.0f;
        }
    }
    static inline void reach_end(const Reach *reach, float *low, float *high) {
        int k;
        for (k = 0; k < 2; k++) { low[k] = reach->low[k]; high[k] = reach->high[k]; }
    }
    #endif
    """
    ctypedef struct Reach:
        pass
    void reach_begin(Reach* reach, int x, int y) nogil
    void reach_put(Reach* reach, int x, int y, float* pixels) nogil
    void reach_end(const Reach* reach, float* low, float* high) nogil

cdef enum:
    UNFOLDED_STAYS = -0x7FFFFFFF - 1  # what `unfold` makes of `STAYS`


cdef inline void unfold(u32* z, i64 n) noexcept nogil:
    """Differences as they were, from 0, -1, 1, -2, …; `STAYS` becomes the smallest number."""
    cdef i64 j
    for j in range(n):
        z[j] = (z[j] >> 1) ^ (0 - (z[j] & 1))


cdef struct Bounds:  # of points, in hundredths
    float low[2]
    float high[2]


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
    cdef Reach reach
    reach_begin(&reach, <int>x, <int>y)
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
        reach_put(&reach, <int>x, <int>y, xy + j)
    if closed:
        area += <u64>x * <u64>(first_y - y + step_y) + <u64>first_x * <u64>(first_y - y)
        doubled[0] = magnitude(area)
    reach_end(&reach, bounds.low, bounds.high)
    if n > 2 and n & 1:
        weight = weight_of_first(1) if closed else 0
        x += moved(d[0], step_x, before_x, first_x - x, weight)
        xy[n - 1] = <float><int>x / <float>100.0
        d += 1
    numbers[0] = x
    numbers[1] = y
    return d
