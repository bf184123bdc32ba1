# Polygons as runs of pixels.
#
# As COCO's API draws them: corners are rounded to a grid of fifths of pixels, edges are lines of grid
# points that step along the longer axis, and where such a line goes from one side of a column's
# middle to the other, the column changes between inside and outside, at the row whose middle follows.
# COCO makes all grid points; here only those at the middles of the image's columns are looked at.

from libc.math cimport ceil
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from datumaro.kernels._buffer cimport Buffer, buffer_int64, buffer_reserve

cdef enum:
    SCALE = 5              # of the grid
    FARTHEST = 1 << 30     # coordinates beyond count as this, on that grid


cdef inline int64_t on_grid(double x) noexcept nogil:
    x = SCALE * x + 0.5
    if not x > -FARTHEST:  # NaN too
        return -FARTHEST
    return FARTHEST if x > FARTHEST else <int64_t>x


cdef inline int cross(Buffer* crossings, int64_t column, int64_t v, int64_t height) noexcept nogil:
    cdef double y = (v + 0.5) / SCALE - 0.5
    if y < 0:
        y = 0
    elif y > height:
        y = height
    return buffer_int64(crossings, column * height + <int64_t>ceil(y))


cdef inline int draw_edge(
    Buffer* crossings, int64_t x0, int64_t y0, int64_t x1, int64_t y1, int64_t height, int64_t width
) noexcept nogil:
    """Append where an edge crosses the middles of columns; -1 without memory."""
    cdef int64_t dx = x1 - x0, dy = y1 - y0, low, high, column, u, v, w, t
    cdef double slope
    cdef bint steep
    if dx < 0:
        dx = -dx
    if dy < 0:
        dy = -dy
    if dx == 0:
        return 0
    steep = dy > dx
    if (y0 > y1) if steep else (x0 > x1):
        x0, x1 = x1, x0
        y0, y1 = y1, y0
    # columns whose middle lies between two neighbouring grid points: 5 column + 2 and the next
    low, high = (x0, x1) if x0 < x1 else (x1, x0)
    low = 0 if low <= 2 else (low - 2 + SCALE - 1) // SCALE
    if high < 3:
        return 0
    high = (high - 3) // SCALE
    if high > width - 1:
        high = width - 1
    if not steep:
        slope = <double>(y1 - y0) / dx
        for column in range(low, high + 1):
            t = SCALE * column + 2 - x0
            v = <int64_t>(y0 + slope * t + 0.5)
            w = <int64_t>(y0 + slope * (t + 1) + 0.5)
            if cross(crossings, column, v if v < w else w, height) < 0:
                return -1
        return 0
    slope = <double>(x1 - x0) / dy
    for column in range(low, high + 1):
        u = SCALE * column + 2
        # the first step after which the line is on the other side
        t = <int64_t>ceil((u + 0.5 - x0) / slope)
        if t < 1:
            t = 1
        elif t > dy:
            t = dy
        if slope > 0:
            while t > 1 and <int64_t>(x0 + slope * (t - 1) + 0.5) > u:
                t -= 1
            while t < dy and <int64_t>(x0 + slope * t + 0.5) <= u:
                t += 1
        else:
            while t > 1 and <int64_t>(x0 + slope * (t - 1) + 0.5) <= u:
                t -= 1
            while t < dy and <int64_t>(x0 + slope * t + 0.5) > u:
                t += 1
        if cross(crossings, column, y0 + t - 1, height) < 0:
            return -1
    return 0


cdef inline Py_ssize_t merge_pairs(const int64_t* at, int64_t* out, Py_ssize_t n) noexcept nogil:
    """Merge each two neighbouring rising stretches into one: how many stretches there were."""
    cdef Py_ssize_t i, j, middle, end = 0, k = 0, stretches = 0
    while end < n:
        i, middle = end, end + 1
        while middle < n and at[middle - 1] <= at[middle]:
            middle += 1
        stretches += 1
        end = middle
        if middle < n:
            end += 1
            while end < n and at[end - 1] <= at[end]:
                end += 1
            stretches += 1
        j = middle
        while i < middle and j < end:
            if at[j] < at[i]:
                out[k] = at[j]
                j += 1
            else:
                out[k] = at[i]
                i += 1
            k += 1
        memcpy(out + k, at + i, (middle - i) * sizeof(int64_t))
        k += middle - i
        memcpy(out + k, at + j, (end - j) * sizeof(int64_t))
        k += end - j
    return stretches


cdef inline int sort_places(Buffer* places, Buffer* spare) noexcept nogil:
    """Sort numbers, of which each edge has left a rising stretch; -1 without memory."""
    cdef Py_ssize_t n = places.size // sizeof(int64_t)
    cdef Buffer other
    spare.size = 0
    if buffer_reserve(spare, places.size) < 0:
        return -1
    while merge_pairs(<const int64_t*>places.data, <int64_t*>spare.data, n) > 2:
        spare.size = places.size
        other = places[0]
        places[0] = spare[0]
        spare[0] = other
    spare.size = places.size
    other = places[0]
    places[0] = spare[0]
    spare[0] = other
    return 0


cdef inline Py_ssize_t to_runs(int64_t* at, Py_ssize_t n) noexcept nogil:
    """Turn sorted places of changes into runs, in place: how many there are.

    Two changes at one place are none.
    """
    cdef Py_ssize_t j = 1, m = 1
    cdef int64_t before = 0, place
    for j in range(n):
        place = at[j]
        at[j] -= before
        before = place
    j = 1
    while j < n:
        if at[j] > 0:
            at[m] = at[j]
            m += 1
            j += 1
        else:
            j += 1
            if j < n:
                at[m - 1] += at[j]
                j += 1
    return m
