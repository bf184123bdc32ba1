"""CRC-32 at the speed of memory, where the processor multiplies without carries.

Sixteen bytes are a polynomial over two elements; what stands 64 bytes before others has their
checksum when it is multiplied by x^512, of which the remainder alone matters. So four lanes of
sixteen bytes go through the data, and the last sixteen are left to zlib. See V. Gopal et al., Fast
CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction, Intel, 2009.
"""

import zlib

from libc.stdint cimport uint8_t

cdef extern from *:
    """
    #if defined(__x86_64__) && defined(__GNUC__)
    #include <immintrin.h>

    #define DM_CARRYLESS __attribute__((target("sse2,pclmul")))

    DM_CARRYLESS static inline __m128i dm_crc_fold(__m128i x, __m128i k, __m128i next)
    {
        return _mm_xor_si128(
            _mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00), _mm_clmulepi64_si128(x, k, 0x11)), next);
    }

    #define DM_LOAD(at) _mm_loadu_si128((const __m128i*)(at))

    /* n: a multiple of 16, at least 64 */
    DM_CARRYLESS static void dm_crc_rest(const uint8_t* data, Py_ssize_t n, uint8_t* rest)
    {
        /* remainders of x^(512 + 32), x^(512 - 32); x^(128 + 32), x^(128 - 32), bits reversed */
        const __m128i far = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
        const __m128i near = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
        const uint8_t* end = data + n;
        __m128i a = DM_LOAD(data), b = DM_LOAD(data + 16);
        __m128i c = DM_LOAD(data + 32), d = DM_LOAD(data + 48);
        a = _mm_xor_si128(a, _mm_cvtsi32_si128(-1));
        for (data += 64; end - data >= 64; data += 64) {
            a = dm_crc_fold(a, far, DM_LOAD(data));
            b = dm_crc_fold(b, far, DM_LOAD(data + 16));
            c = dm_crc_fold(c, far, DM_LOAD(data + 32));
            d = dm_crc_fold(d, far, DM_LOAD(data + 48));
        }
        a = dm_crc_fold(dm_crc_fold(dm_crc_fold(a, near, b), near, c), near, d);
        for (; end - data >= 16; data += 16)
            a = dm_crc_fold(a, near, DM_LOAD(data));
        _mm_storeu_si128((__m128i*)rest, a);
    }

    static int dm_crc_is_fast(void)
    {
        __builtin_cpu_init();
        return __builtin_cpu_supports("pclmul") != 0;
    }
    #else
    static void dm_crc_rest(const uint8_t* data, Py_ssize_t n, uint8_t* rest) {}
    static int dm_crc_is_fast(void) { return 0; }
    #endif
    """
    void dm_crc_rest(const uint8_t* data, Py_ssize_t n, uint8_t* rest) noexcept nogil
    bint dm_crc_is_fast() noexcept nogil

IS_FAST = dm_crc_is_fast()

cdef bint is_fast = IS_FAST


def crc32(const uint8_t[::1] data):
    """See crc.pyi."""
    cdef Py_ssize_t n = data.shape[0] & ~<Py_ssize_t>15
    cdef uint8_t[16] rest
    if not is_fast or n < 64:
        return zlib.crc32(data)
    with nogil:
        dm_crc_rest(&data[0], n, rest)
    # its register is not inverted again
    return zlib.crc32(data[n:], zlib.crc32(rest[:16], 0xFFFFFFFF))
