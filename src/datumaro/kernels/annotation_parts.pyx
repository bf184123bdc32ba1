"""Whether the parts of annotation rows are those that their types have."""

from libc.stdint cimport int64_t, uint8_t


def bad_parts(
    const uint8_t[::1] types,
    const int64_t[::1] point_ends,
    const int64_t[::1] seen_ends,
    const uint8_t[::1] seen,
    const int64_t[::1] coordinates,
    uint8_t points,
):
    """The first row whose coordinates or visibilities are not as many as its type has; -1 for none.

    Parameters
    ----------
    types : uint8 [n].
    point_ends : int64 [n + 1], where each row's coordinates begin and end.
    seen_ends, seen : int64 [n + 1], and the visibilities between: 0, 1 or 2, or the row is bad.
    coordinates : int64 [256], how many numbers each type has, or -1 for pairs of any number.
    points : the type that has a visibility for each pair.

    Raises
    ------
    ValueError
        The lengths do not agree.
    """
    cdef Py_ssize_t n = types.shape[0], row, bad = -1
    cdef int64_t count, wanted, pairs, i
    if (point_ends.shape[0] != n + 1 or seen_ends.shape[0] != n + 1 or coordinates.shape[0] != 256
            or seen_ends[0] < 0 or seen_ends[n] > seen.shape[0]):
        raise ValueError("the lengths of the columns do not agree")
    with nogil:
        for row in range(n):
            count = point_ends[row + 1] - point_ends[row]
            wanted = coordinates[types[row]]
            if (wanted < 0 and count & 1) or (wanted >= 0 and count != wanted):
                bad = row
                break
            pairs = count >> 1 if types[row] == points else 0
            if seen_ends[row + 1] - seen_ends[row] != pairs or seen_ends[row] < 0:
                bad = row
                break
            if pairs and seen_ends[row + 1] <= seen.shape[0]:
                for i in range(seen_ends[row], seen_ends[row + 1]):
                    if seen[i] > 2:
                        bad = row
                if bad >= 0:
                    break
    return bad
