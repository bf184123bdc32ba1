# Powers of ten, and doubles times and through them.

from libc.stdint cimport uint64_t


cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #include <math.h>

    static const double dm_pow10[23] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
        1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

    static const uint64_t dm_upow10[20] = {
        1ull, 10ull, 100ull, 1000ull, 10000ull, 100000ull, 1000000ull, 10000000ull, 100000000ull,
        1000000000ull, 10000000000ull, 100000000000ull, 1000000000000ull, 10000000000000ull,
        100000000000000ull, 1000000000000000ull, 10000000000000000ull, 100000000000000000ull,
        1000000000000000000ull, 10000000000000000000ull};

    static const char dm_pairs[201] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";

    #ifdef __SIZEOF_INT128__
    typedef unsigned __int128 dm_u128;

    /* m / 10^k, 0 <= k <= 19, rounded to the nearest double (ties to even). */
    static inline int dm_divide(uint64_t m, int k, double *out) {
        int lead, keep = 0;
        uint64_t divisor = dm_upow10[k], top, rest;
        dm_u128 n, q;
        if (!m) { *out = 0; return 1; }
        lead = __builtin_clzll(m);
        n = (dm_u128)(m << lead) << 64;
        q = n / divisor;                         /* at least 2^63: enough bits to round once */
        rest = (uint64_t)(n - q * divisor);
        top = (uint64_t)(q >> 64);
        if (top) {
            int h = __builtin_clzll(top);
            q <<= h;
            top = (uint64_t)(q >> 64);
            rest |= (uint64_t)q;
            keep = 64 - h;
        } else {
            top = (uint64_t)q;
        }
        *out = ldexp((double)(top | (rest != 0)), keep - 64 - lead);
        return 1;
    }

    /* v * 10^d rounded to the nearest integer (ties to even), for a normal v > 0 and 0 <= d <= 19;
       0 when it does not fit. */
    static inline int dm_scaled(double v, int d, uint64_t *out) {
        uint64_t bits, m;
        int e;
        dm_u128 p, q, rest, half;
        memcpy(&bits, &v, 8);
        e = (int)(bits >> 52) - 1075;
        if (e == -1075) return 0;
        m = (bits & 0xFFFFFFFFFFFFFull) | (1ull << 52);
        p = (dm_u128)m * dm_upow10[d];
        if (e >= 0) {
            if (e > 10) return 0;
            q = p << e;
        } else {
            if (e <= -127) return 0;
            q = p >> -e;
            rest = p - (q << -e);
            half = (dm_u128)1 << (-e - 1);
            if (rest > half || (rest == half && (q & 1))) q++;
        }
        if (q >> 63) return 0;
        *out = (uint64_t)q;
        return 1;
    }
    #else
    static inline int dm_divide(uint64_t m, int k, double *out) { return 0; }
    static inline int dm_scaled(double v, int d, uint64_t *out) { return 0; }
    #endif
    """
    const double[23] dm_pow10
    const uint64_t[20] dm_upow10
    const char* dm_pairs
    int dm_divide(uint64_t m, int k, double* out) noexcept nogil
    int dm_scaled(double v, int d, uint64_t* out) noexcept nogil
