# Points of differences, which `coordinate_decoding` has read: first in hundredths, one after another,
# in place of the differences, then as pixels, four numbers at once where that is possible.

from datumaro.kernels._coordinates cimport i64, magnitude, predicted_step, u32, u64
from datumaro.kernels._coordinates cimport unlikely_to_be, weight_of_first

cdef extern from *:
    """
    /* n numbers in hundredths (x, y, ...) from a first point as pixels; bounds take them in */
    #if defined(__SSE2__) || defined(_M_X64)
    #include <emmintrin.h>
    static inline void put_pixels(
        const int *numbers, long long n, const int first[2], float *pixels, float low[2], float high[2]
    ) {
        const __m128 hundred = _mm_set1_ps(100.0f);
        const __m128i from = _mm_castps_si128(two_twice(first));
        __m128 least = two_twice(low), most = two_twice(high), some;
        long long j = 0;
        for (; j + 4 <= n; j += 4) {
            some = _mm_cvtepi32_ps(_mm_add_epi32(
                _mm_loadu_si128((const __m128i *)(numbers + j)), from
            ));
            least = _mm_min_ps(least, some);
            most = _mm_max_ps(most, some);
            _mm_storeu_ps(pixels + j, _mm_div_ps(some, hundred));
        }
        if (j < n) {
            some = _mm_cvtepi32_ps(_mm_add_epi32(
                _mm_loadl_epi64((const __m128i *)(numbers + j)), from
            ));
            some = _mm_movelh_ps(some, some);
            least = _mm_min_ps(least, some);
            most = _mm_max_ps(most, some);
            _mm_storel_pi((__m64 *)(pixels + j), _mm_div_ps(some, hundred));
        }
        _mm_storel_pi((__m64 *)low, _mm_min_ps(least, _mm_movehl_ps(least, least)));
        _mm_storel_pi((__m64 *)high, _mm_max_ps(most, _mm_movehl_ps(most, most)));
    }
    #else
    static inline void put_pixels(
        const int *numbers, long long n, const int first[2], float *pixels, float low[2], float high[2]
    ) {
        long long j;
        for (j = 0; j < n; j++) {
            const float number = (float)(numbers[j] + first[j & 1]);
            low[j & 1] = number < low[j & 1] ? number : low[j & 1];
            high[j & 1] = number > high[j & 1] ? number : high[j & 1];
            pixels[j] = number / 100.0f;
        }
    }
    #endif
    """
    void put_pixels(
        const int* numbers, i64 n, const int* first, float* pixels, float* low, float* high
    ) nogil

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


cdef inline void add_up(int* d, i64 n, bint closed, i64* numbers, i64* doubled) noexcept nogil:
    """Differences of an annotation's numbers from the third on, as hundredths in their place.

    They are from the first point, which ``numbers`` are; these become the last of each parity.
    ``doubled`` becomes twice the area (shoelace formula) of what is ``closed``, modulo 2^64. ``n``
    are all numbers, two or more.
    """
    cdef i64 x = 0, y = 0, left = n >> 1
    cdef i64 step_x = 0, step_y = 0, before_x = 0, before_y = 0, next_x, next_y, weight = 0
    cdef const int* end = d + (n & ~1) - 2
    cdef u64 area = 0
    while d < end:
        if closed:
            weight = weight_of_first(left)
            left -= 1
        next_x = moved(d[0], step_x, before_x, -x, weight)
        next_y = moved(d[1], step_y, before_y, -y, weight)
        if closed:
            area += <u64>x * <u64>(step_y + next_y)
        before_x = step_x
        before_y = step_y
        step_x = next_x
        step_y = next_y
        x += step_x
        y += step_y
        d[0] = <int>x
        d[1] = <int>y
        d += 2
    if closed:
        area += <u64>x * <u64>(step_y - y)
        doubled[0] = magnitude(area)
    if n > 2 and n & 1:
        weight = weight_of_first(1) if closed else 0
        x += moved(d[0], step_x, before_x, -x, weight)
        d[0] = <int>x
    numbers[0] += x
    numbers[1] += y
