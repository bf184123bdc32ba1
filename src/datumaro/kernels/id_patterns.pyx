# Texts that repeat their item's id, with marks in its place. docs/storage.md says it for readers in
# other languages.

import numpy as np

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp, memcpy

from datumaro.kernels._offsets cimport rises
from datumaro.kernels._words cimport trailing_zeros  # DM_TRAILING_ZEROS, below

cdef extern from *:
    """
    /* the place of the first of n bytes that is 0 or 1; n if there is none */
    static inline long long first_mark_from(const unsigned char *p, long long n, long long j) {
        while (j < n && p[j] > 1) j++;
        return j;
    }
    /* the place of the first three bytes of ``wanted`` among n bytes; -1 if they are not there */
    static inline long long three_bytes_from(
        const unsigned char *p, long long n, const unsigned char *wanted, long long j
    ) {
        for (; j + 3 <= n; j++)
            if (p[j] == wanted[0] && p[j + 1] == wanted[1] && p[j + 2] == wanted[2]) return j;
        return -1;
    }
    #if defined(__SSE2__) || defined(_M_X64)
    #include <emmintrin.h>
    static inline long long first_mark(const unsigned char *p, long long n) {
        const __m128i ones = _mm_set1_epi8(1);
        long long j;
        for (j = 0; j + 16 <= n; j += 16) {
            const __m128i some = _mm_loadu_si128((const __m128i *)(p + j));
            const int marks = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(some, ones), some));
            if (marks) return j + DM_TRAILING_ZEROS(marks);
        }
        return first_mark_from(p, n, j);
    }
    static inline long long three_bytes(
        const unsigned char *p, long long n, const unsigned char *wanted
    ) {
        const __m128i a = _mm_set1_epi8(wanted[0]), b = _mm_set1_epi8(wanted[1]);
        const __m128i c = _mm_set1_epi8(wanted[2]);
        long long j;
        for (j = 0; j + 18 <= n; j += 16) {
            const int same = _mm_movemask_epi8(_mm_and_si128(
                _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(p + j)), a),
                _mm_and_si128(
                    _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(p + j + 1)), b),
                    _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(p + j + 2)), c)
                )
            ));
            if (same) return j + DM_TRAILING_ZEROS(same);
        }
        return three_bytes_from(p, n, wanted, j);
    }
    #else
    #define first_mark(p, n) first_mark_from(p, n, 0)
    #define three_bytes(p, n, wanted) three_bytes_from(p, n, wanted, 0)
    #endif
    """
    int64_t first_mark(const uint8_t* p, int64_t n) nogil
    int64_t three_bytes(const uint8_t* p, int64_t n, const uint8_t* wanted) nogil

ctypedef uint8_t u8
ctypedef int64_t i64

cdef enum:
    WHOLE = 0  # stands for the id
    SHORT = 1  # for the id without leading zeros
    LEAST = 3  # bytes that are worth a mark; by so many a name is looked for

MOST_MARKS = 16
cdef i64 most_marks = MOST_MARKS


cdef struct Text:
    const u8* at
    i64 length


cdef u8 none_of_them = 0


cdef inline const u8* bytes_of(const u8[::1] data) noexcept:
    """Where bytes begin. Not NULL when there are none: these are copied, too."""
    return &data[0] if data.shape[0] else &none_of_them


cdef inline Text text_of(const u8* data, const i64* offsets, i64 row) noexcept nogil:
    cdef Text text
    text.at = data + offsets[row]
    text.length = offsets[row + 1] - offsets[row]
    return text


cdef inline Text without_zeros(Text name) noexcept nogil:
    while name.length and name.at[0] == c"0":
        name.at += 1
        name.length -= 1
    return name


cdef enum:
    WORD = 1

cdef u8[256] kind_of  # of a byte


cdef void make_table():
    cdef int byte
    for byte in range(256):
        if chr(byte).isalnum() or byte == c"_" or byte >= 128:
            kind_of[byte] = WORD


make_table()


cdef inline bint stands_at(Text text, i64 at, Text name) noexcept nogil:
    """Whether the name is a word of a text, from a place on."""
    cdef i64 end = at + name.length
    return (
        name.length >= LEAST
        and at >= 0
        and end <= text.length
        and (at == 0 or kind_of[text.at[at - 1]] != WORD)
        and (end == text.length or kind_of[text.at[end]] != WORD)
        and memcmp(text.at + at, name.at, name.length) == 0
    )


cdef inline i64 beginning_of(Text text, i64 at, Text name) noexcept nogil:
    """Where the first `LEAST` bytes of a name are in a text, from a place on; -1 for nowhere."""
    cdef i64 found = three_bytes(text.at + at, text.length - at, name.at)
    return found if found < 0 else at + found


cdef inline i64 next_mark(Text text, i64 at) noexcept nogil:
    """Where the next mark is, from ``at`` on; the length when there is none."""
    return at + first_mark(text.at + at, text.length - at)


cdef i64 marked(Text text, Text name, u8* out, i64* marks) noexcept nogil:
    """Write the text with marks, which is no longer than it, and say its length."""
    cdef Text short = without_zeros(name), found
    cdef Text sought = short if short.length >= LEAST else name
    cdef i64 at = 0, begin = 0, n = 0, zeros = sought.at - name.at
    cdef int kind
    marks[0] = 0
    if next_mark(text, 0) < text.length:
        return 0  # they would be taken for marks
    while sought.length >= LEAST and marks[0] < most_marks:
        at = beginning_of(text, at, sought)
        if at < 0:
            break
        if at - zeros >= begin and stands_at(text, at - zeros, name):
            at -= zeros
            kind = WHOLE
            found = name
        elif stands_at(text, at, short):
            kind = SHORT
            found = short
        else:
            at += 1
            continue
        memcpy(out + n, text.at + begin, at - begin)
        n += at - begin
        out[n] = kind
        n += 1
        marks[0] += 1
        at += found.length
        begin = at
    memcpy(out + n, text.at + begin, text.length - begin)
    return n + text.length - begin


def encode(
    const i64[::1] id_offsets not None,
    const u8[::1] ids not None,
    const i64[::1] offsets not None,
    const u8[::1] texts not None,
):
    cdef i64 n = check(id_offsets, ids, offsets, texts), row, length, marks = 0, used = 0
    cdef i64 size = offsets[n] - offsets[0]
    ends_array = np.zeros(n + 1, np.int64)
    buffer = np.empty(size + 1, np.uint8)
    cdef i64[::1] ends = ends_array
    cdef u8[::1] out = buffer
    cdef const u8* id_at = bytes_of(ids)
    cdef const u8* text_at = bytes_of(texts)
    with nogil:
        for row in range(n):
            length = marked(
                text_of(text_at, &offsets[0], row),
                text_of(id_at, &id_offsets[0], row),
                &out[used],
                &marks,
            )
            used += length if marks else 0
            ends[row + 1] = used
    return ends_array, buffer[:used]


cdef i64 length_of(Text pattern, Text name) noexcept nogil:
    """How long a pattern is with its marks replaced; -1 with too many of them."""
    cdef i64 at = 0, mark, marks = 0, length = pattern.length
    while at < pattern.length:
        mark = next_mark(pattern, at)
        at = mark + 1
        if mark < pattern.length:
            marks += 1
            if marks > most_marks:
                return -1
            length += (name if pattern.at[mark] == WHOLE else without_zeros(name)).length - 1
    return length


cdef void replace_marks(Text pattern, Text name, u8* out) noexcept nogil:
    cdef i64 at = 0, mark
    cdef Text found
    while at < pattern.length:
        mark = next_mark(pattern, at)
        memcpy(out, pattern.at + at, mark - at)
        out += mark - at
        at = mark + 1
        if mark < pattern.length:
            found = name if pattern.at[mark] == WHOLE else without_zeros(name)
            memcpy(out, found.at, found.length)
            out += found.length


def decode(
    const i64[::1] id_offsets not None,
    const u8[::1] ids not None,
    const i64[::1] offsets not None,
    const u8[::1] patterns not None,
):
    cdef i64 n = check(id_offsets, ids, offsets, patterns), row, length
    cdef i64 bad = -1
    cdef const u8* id_at = bytes_of(ids)
    cdef const u8* text_at = bytes_of(patterns)
    ends_array = np.zeros(n + 1, np.int64)
    cdef i64[::1] ends = ends_array
    with nogil:
        for row in range(n):
            length = length_of(
                text_of(text_at, &offsets[0], row), text_of(id_at, &id_offsets[0], row)
            )
            if length < 0:
                bad = row
                break
            ends[row + 1] = ends[row] + length
    if bad >= 0:
        return bad, ends_array, np.zeros(0, np.uint8)
    buffer = np.empty(ends[n] + 1, np.uint8)
    cdef u8[::1] out = buffer
    with nogil:
        for row in range(n):
            replace_marks(
                text_of(text_at, &offsets[0], row),
                text_of(id_at, &id_offsets[0], row),
                &out[ends[row]],
            )
    return bad, ends_array, buffer[: ends[n]]


cdef i64 check(
    const i64[::1] id_offsets, const u8[::1] ids, const i64[::1] offsets, const u8[::1] texts
) except -1:
    """How many texts there are, whose offsets rise within their bytes."""
    cdef i64 n = offsets.shape[0] - 1
    if n < 0 or id_offsets.shape[0] != n + 1:
        raise ValueError("arrays of different lengths")
    rises(id_offsets, ids.shape[0])
    rises(offsets, texts.shape[0])
    return n
