# What reading and writing coordinates have in common: the numbers of the code (docs/storage.md says
# it for readers in other languages), predictions, and the checks of arrays.

from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

ctypedef uint8_t u8
ctypedef uint32_t u32
ctypedef uint64_t u64
ctypedef int64_t i64

cdef extern from *:
    """
    #if defined(_MSC_VER)
    #include <intrin.h>
    #include <stdlib.h>
    static inline int last_bit(unsigned long long v) {
        unsigned long i; _BitScanReverse64(&i, v); return (int)i;
    }
    #define swapped _byteswap_uint64
    #define unlikely_to_be(condition) (condition)
    #else
    /* what is done for each number changes state that has to stay in registers */
    #undef CYTHON_INLINE
    #define CYTHON_INLINE inline __attribute__((always_inline))
    static inline int last_bit(unsigned long long v) { return 63 ^ __builtin_clzll(v); }
    #define swapped __builtin_bswap64
    #define unlikely_to_be(condition) __builtin_expect(!!(condition), 0)
    #endif
    /* how much a number is drawn to where its polygon began, in 65536ths, by how many points it is
       away on the way round */
    enum { CLOSING_ = 36864, WEIGHTS_ = 1024 };
    static long long weights_[WEIGHTS_];
    static void make_weights(void) {
        int k;
        for (k = 1; k < WEIGHTS_; k++) weights_[k] = CLOSING_ / k;
    }
    static inline long long weight_of_first(long long left) {
        return unlikely_to_be(left >= WEIGHTS_) ? CLOSING_ / left : weights_[left];
    }
    /* bounds take in n points, two at once; NaN is left out. In the same order with vectors and
       without: of 0.0 and -0.0, which are the same, both find the same. */
    #if defined(__SSE2__) || defined(_M_X64)
    #include <emmintrin.h>
    /* two numbers, which may be anywhere in memory, and again */
    static inline __m128 two_twice(const void *two) {
        const __m128 some = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)two));
        return _mm_movelh_ps(some, some);
    }
    static inline void take_in(const float *xy, long long n, float low[2], float high[2]) {
        __m128 least = two_twice(low), most = two_twice(high), some;
        for (; n >= 2; n -= 2, xy += 4) {
            some = _mm_loadu_ps(xy);
            least = _mm_min_ps(some, least);
            most = _mm_max_ps(some, most);
        }
        if (n) {
            some = _mm_loadl_pi(least, (const __m64 *)xy);
            least = _mm_min_ps(some, least);
            most = _mm_max_ps(_mm_loadl_pi(most, (const __m64 *)xy), most);
        }
        _mm_storel_pi((__m64 *)low, _mm_min_ps(_mm_movehl_ps(least, least), least));
        _mm_storel_pi((__m64 *)high, _mm_max_ps(_mm_movehl_ps(most, most), most));
    }
    #else
    static inline void take_in(const float *xy, long long n, float low[2], float high[2]) {
        float least[4] = {low[0], low[1], low[0], low[1]};
        float most[4] = {high[0], high[1], high[0], high[1]};
        int k;
        for (; n >= 2; n -= 2, xy += 4)
            for (k = 0; k < 4; k++) {
                least[k] = xy[k] < least[k] ? xy[k] : least[k];
                most[k] = xy[k] > most[k] ? xy[k] : most[k];
            }
        for (k = 0; k < 2 * n; k++) {
            least[k] = xy[k] < least[k] ? xy[k] : least[k];
            most[k] = xy[k] > most[k] ? xy[k] : most[k];
        }
        for (k = 0; k < 2; k++) {
            low[k] = least[k + 2] < least[k] ? least[k + 2] : least[k];
            high[k] = most[k + 2] > most[k] ? most[k + 2] : most[k];
        }
    }
    #endif
    static inline int is_little(void) { const int one = 1; return *(const char *)&one; }
    static inline unsigned long long big_endian(unsigned long long v) {
        return is_little() ? swapped(v) : v;
    }
    """
    int last_bit(u64 value) nogil  # number of the highest bit of a value that is not 0
    u64 big_endian(u64 value) nogil
    bint unlikely_to_be(bint condition) nogil
    void make_weights()
    i64 weight_of_first(i64 left) nogil
    void take_in(const float* xy, i64 n, float* low, float* high) nogil

cdef enum:
    WEIGHTS = 1024  # as above
    BBOX = 6
    POLYGON = 4
    LIMIT = 1 << 24  # hundredths: below it, all are float32 numbers
    ESCAPE = 31  # the quotient is as large as this or larger
    SAME = 32  # the number is the one two before it
    SYMBOLS = 33
    SHORTEST = 2
    LONGEST = 10  # bits of a symbol's code
    START_FIRST = 320000  # eightfold mean of the differences, before any is known:
    START_NEXT = 8000  # of annotations' first two numbers, and of the others
    MOST_LENGTH = 28  # bits of a difference, when the numbers are below LIMIT
    STAYS = 0xFFFFFFFF  # in place of the difference of a number that is the one two before it


cdef inline i64 predicted_step(i64 step, i64 step_before, i64 away, i64 weight) noexcept nogil:
    """By how much a number is likely to differ from the one two before it, from the third on.

    ``away`` is how far that one is from the polygon's first, ``weight`` how much it is drawn there,
    in 65536ths.
    """
    return (4096 * (8 * step + step_before) + away * weight) >> 16


cdef inline int remainder_bits(u64 eightfold) noexcept nogil:
    return last_bit(eightfold) - 4  # the mean's length less 2; the eightfold is 16 or more


cdef inline u64 next_mean(u64 eightfold, u64 differences) noexcept nogil:
    """The eightfold mean after a pair; ``differences`` is the sum of both."""
    return eightfold - (eightfold >> 2) + differences + 4


cdef inline i64 magnitude(u64 doubled) noexcept nogil:
    return <i64>((doubled ^ (0 - (doubled >> 63))) + (doubled >> 63))


cdef inline bint bounds_before(
    const u8* types,
    const i64* ids,
    const i64* at,
    const float* points,
    i64 begin,
    i64 row,
    float* box,
) noexcept nogil:
    """The bounds of the polygons of row's id right before it, in the item from ``begin``; if any."""
    cdef bint found = False
    cdef i64 k = row - 1, n
    box[0] = box[1] = INFINITY
    box[2] = box[3] = -INFINITY
    while k >= begin and types[k] == POLYGON and ids[k] == ids[row]:
        n = (at[k + 1] - at[k]) >> 1
        found |= n > 0
        take_in(points + at[k], n, box, box + 2)
        k -= 1
    return found
