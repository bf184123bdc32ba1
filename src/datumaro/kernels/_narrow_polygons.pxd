# Polygons less than 327 pixels wide and high: their numbers, as hundredths from their first point,
# fit into 16 bits, and eight of them are predicted at once. All is exact, as for wide ones.

from datumaro.kernels._coordinates cimport i64, u32

cdef extern from *:
    """
    enum { NARROW_SIDE = 32767 };  /* sides are less than it */

    #if defined(__SSE2__) || defined(_M_X64)
    #include <emmintrin.h>
    #include <string.h>
    /* Put n numbers from their first two, an even number of them and two at least, and zeros behind
       them, if they are narrow. Room is for eight more. Bounds take them in, as pixels. */
    static inline int narrow_polygon(
        const int *h, long long n, short *from_first, float low[2], float high[2]
    ) {
        const __m128i zeros = _mm_setzero_si128();
        const __m128i first = _mm_shuffle_epi32(_mm_loadl_epi64((const __m128i *)h), 0x44);
        const __m128 hundred = _mm_set1_ps(100.0f);
        __m128i least = zeros, most = zeros, some, sides;
        __m128 below, above;
        short ends[8];
        long long j = 0;
        for (; j + 8 <= n; j += 8) {
            some = _mm_packs_epi32(
                _mm_sub_epi32(_mm_loadu_si128((const __m128i *)(h + j)), first),
                _mm_sub_epi32(_mm_loadu_si128((const __m128i *)(h + j + 4)), first)
            );
            least = _mm_min_epi16(least, some);
            most = _mm_max_epi16(most, some);
            _mm_storeu_si128((__m128i *)(from_first + j), some);
        }
        for (; j < n; j += 2) {
            some = _mm_loadl_epi64((const __m128i *)(h + j));
            some = _mm_packs_epi32(_mm_sub_epi32(some, first), zeros);
            some = _mm_shuffle_epi32(some, 0);
            least = _mm_min_epi16(least, some);
            most = _mm_max_epi16(most, some);
            memcpy(from_first + j, &some, 4);
        }
        _mm_storeu_si128((__m128i *)(from_first + n), zeros);
        least = _mm_min_epi16(least, _mm_shuffle_epi32(least, 0x4E));
        most = _mm_max_epi16(most, _mm_shuffle_epi32(most, 0x4E));
        least = _mm_min_epi16(least, _mm_shuffle_epi32(least, 0xB1));
        most = _mm_max_epi16(most, _mm_shuffle_epi32(most, 0xB1));
        sides = _mm_subs_epi16(most, least);
        if (_mm_movemask_epi8(_mm_cmpeq_epi16(sides, _mm_set1_epi16(NARROW_SIDE)))) return 0;
        least = _mm_srai_epi32(_mm_unpacklo_epi16(least, least), 16);
        most = _mm_srai_epi32(_mm_unpacklo_epi16(most, most), 16);
        below = _mm_div_ps(_mm_cvtepi32_ps(_mm_add_epi32(least, first)), hundred);
        above = _mm_div_ps(_mm_cvtepi32_ps(_mm_add_epi32(most, first)), hundred);
        _mm_storel_pi(
            (__m64 *)low, _mm_min_ps(below, _mm_loadl_pi(below, (const __m64 *)low))
        );
        _mm_storel_pi(
            (__m64 *)high, _mm_max_ps(above, _mm_loadl_pi(above, (const __m64 *)high))
        );
        return 1;
    }

    /* The differences of a narrow polygon's numbers from the third on, and room for seven more;
       twice its area, with a sign. Four zeros are before the numbers. */
    static inline long long narrow_differences(
        const short *from_first, long long n, const unsigned *weight, unsigned *to
    ) {
        const __m128i only_x = _mm_set1_epi32(0xFFFF), zeros = _mm_setzero_si128();
        __m128i high = zeros, low = zeros;
        int sums[8];
        long long j;
        for (j = 2; j < n; j += 8) {
            const __m128i now = _mm_loadu_si128((const __m128i *)(from_first + j));
            const __m128i last = _mm_loadu_si128((const __m128i *)(from_first + j - 2));
            const __m128i second = _mm_loadu_si128((const __m128i *)(from_first + j - 4));
            const __m128i third = _mm_loadu_si128((const __m128i *)(from_first + j - 6));
            const __m128i next = _mm_loadu_si128((const __m128i *)(from_first + j + 2));
            const __m128i step = _mm_sub_epi16(now, last);
            const __m128i step_before = _mm_sub_epi16(last, second);
            const __m128i step_second = _mm_sub_epi16(second, third);
            const __m128i product = _mm_madd_epi16(  /* x, and the way from the y before to the next */
                _mm_and_si128(now, only_x), _mm_srli_epi32(_mm_sub_epi16(next, last), 16)
            );
            int k;
            high = _mm_add_epi32(high, _mm_srai_epi32(product, 16));
            low = _mm_add_epi32(low, _mm_and_si128(product, only_x));
            for (k = 0; k < 8; k += 4) {
                #define HALF(a, b) (k ? _mm_unpackhi_epi16(a, b) : _mm_unpacklo_epi16(a, b))
                const __m128i far = _mm_madd_epi16(
                    HALF(last, step_second),
                    _mm_loadu_si128((const __m128i *)(weight + j - 2 + k))
                );
                const __m128i predicted = _mm_srai_epi32(_mm_add_epi32(
                    far, _mm_srai_epi32(HALF(zeros, step_before), 1)
                ), 16);
                const __m128i moved = _mm_srai_epi32(HALF(step, step), 16);
                const __m128i d = _mm_sub_epi32(moved, predicted);
                #undef HALF
                _mm_storeu_si128((__m128i *)(to + j - 2 + k), _mm_or_si128(
                    _mm_cmpeq_epi32(moved, zeros),
                    _mm_xor_si128(_mm_add_epi32(d, d), _mm_srai_epi32(d, 31))
                ));
            }
        }
        _mm_storeu_si128((__m128i *)sums, high);
        _mm_storeu_si128((__m128i *)(sums + 4), low);
        return ((long long)sums[0] + sums[1] + sums[2] + sums[3]) * 65536
            + ((long long)sums[4] + sums[5] + sums[6] + sums[7]);
    }
    #else
    static inline int narrow_polygon(
        const int *h, long long n, short *from_first, float low[2], float high[2]
    ) {
        return 0;  /* one by one, these are not faster than wide ones */
    }
    static inline long long narrow_differences(
        const short *from_first, long long n, const unsigned *weight, unsigned *to
    ) {
        return 0;
    }
    #endif
    """
    bint narrow_polygon(const int* h, i64 n, short* from_first, float* low, float* high) nogil
    i64 narrow_differences(const short* from_first, i64 n, const u32* weight, u32* to) nogil
