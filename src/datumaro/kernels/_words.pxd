# Eight bytes at a time, and what one tells the compiler.

from libc.stdint cimport uint8_t, uint64_t


cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    #define DM_EACH(byte) (0x0101010101010101ull * (byte))

    #if defined(__GNUC__) || defined(__clang__)
    #define DM_TRAILING_ZEROS(x) __builtin_ctzll(x)
    #define DM_LIKELY(x) __builtin_expect(!!(x), 1)
    #define DM_UNLIKELY(x) __builtin_expect(!!(x), 0)
    #else
    #include <intrin.h>
    static __inline int DM_TRAILING_ZEROS(uint64_t x) {
        unsigned long i; _BitScanForward64(&i, x); return (int)i; }
    #define DM_LIKELY(x) (x)
    #define DM_UNLIKELY(x) (x)
    #endif

    /* Eight bytes, the first the least significant. */
    static inline uint64_t dm_load8(const uint8_t *p) {
        uint64_t w;
        memcpy(&w, p, 8);
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        w = __builtin_bswap64(w);
    #endif
        return w;
    }

    /* How many of the 8 bytes at p are plain: ASCII, no quote, no backslash, no control character. */
    static inline int dm_plain8(const uint8_t *p) {
        uint64_t w = dm_load8(p), q = w ^ DM_EACH('"'), b = w ^ DM_EACH(0x5c);
        uint64_t stop = ((q - DM_EACH(1)) | (b - DM_EACH(1)) | (w - DM_EACH(0x20)) | w) & DM_EACH(0x80);
        return stop ? DM_TRAILING_ZEROS(stop) >> 3 : 8;
    }

    /* A number without sign and exponent whose text and the byte after it lie in the 8 bytes at p:
       its length in bytes, its digits as an integer, and how many of them are decimals. 0 when it is
       not such a number (or none at all): take the long way. */
    static inline int dm_short_number(const uint8_t *p, uint64_t *mantissa, int *decimals) {
        uint64_t w = dm_load8(p) ^ DM_EACH('0');
        uint64_t other = ((w + DM_EACH(0x76)) | w) & DM_EACH(0x80), digits;
        int n, count, after;
        if (DM_UNLIKELY(!other)) return 0;
        n = DM_TRAILING_ZEROS(other) >> 3;
        if (DM_UNLIKELY(!n || (p[0] == '0' && n > 1))) return 0;
        after = p[n];
        if (after == '.') {
            int whole = n;
            other &= other - 1;
            if (DM_UNLIKELY(!other)) return 0;
            n = DM_TRAILING_ZEROS(other) >> 3;
            *decimals = n - whole - 1;
            if (DM_UNLIKELY(!*decimals)) return 0;
            after = p[n];
            count = n - 1;
            digits = (w & ((1ull << (8 * whole)) - 1)) | ((w >> (8 * (whole + 1))) << (8 * whole));
        } else {
            *decimals = 0;
            count = n;
            digits = w;
        }
        if (DM_UNLIKELY((after | 0x20) == 'e' || after == '.')) return 0;
        digits <<= 8 * (8 - count);
        digits = digits * 10 + (digits >> 8);
        *mantissa = (((digits & 0x000000FF000000FFull) * 0x000F424000000064ull)
                     + (((digits >> 16) & 0x000000FF000000FFull) * 0x0000271000000001ull)) >> 32;
        return n;
    }
    """
    int trailing_zeros "DM_TRAILING_ZEROS"(uint64_t value) noexcept nogil  # of one that is not 0
    int dm_plain8(const uint8_t* p) noexcept nogil
    int dm_short_number(const uint8_t* p, uint64_t* mantissa, int* decimals) noexcept nogil
    bint likely "DM_LIKELY"(bint) noexcept nogil
    bint unlikely "DM_UNLIKELY"(bint) noexcept nogil
