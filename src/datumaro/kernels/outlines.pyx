"""Masks of polygons, outlines and bounds of masks, masks of another size: many rows at a time."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from datumaro.kernels._arrays cimport array_of
from datumaro.kernels._json cimport Buffer, buffer_free, buffer_int64, buffer_reserve
from datumaro.kernels._polygon_runs cimport draw_edge, on_grid, sort_places, to_runs
from datumaro.kernels._rle cimport Runs, put_runs, runs_begin, runs_fill, runs_next

cdef enum:
    MOST_PIXELS = 1 << 28  # of a mask that is decoded: a byte each
    MOST_CROSSINGS = 1 << 25  # of a polygon: eight bytes each

cdef enum:
    INSIDE = 1
    SEEN = 2               # the edge above the pixel belongs to an outline

cdef enum:
    BAD = -1
    LARGE = -2

DAMAGED, TOO_LARGE = BAD, LARGE


# --- polygons to masks ----------------------------------------------------------------------------


def polygon_masks(
    const double[::1] points,
    const int64_t[::1] starts,
    const int64_t[::1] ends,
    const int32_t[::1] heights,
    const int32_t[::1] widths,
):
    """See outlines.pyi."""
    cdef Buffer text, crossings, spare
    cdef Py_ssize_t n = starts.shape[0], row, m
    cdef int64_t i, k, x0, y0, x1, y1, firstx, firsty, height, width
    cdef bint sound = ends.shape[0] == heights.shape[0] == widths.shape[0] == n
    cdef int failed = 0
    memset(&text, 0, sizeof(Buffer))
    memset(&crossings, 0, sizeof(Buffer))
    memset(&spare, 0, sizeof(Buffer))
    out = np.zeros(n + 1, np.int64)
    states = np.zeros(n, np.int8)
    cdef int64_t[::1] offsets = out
    cdef signed char[::1] codes = states
    try:
        if sound:
            with nogil:
                for row in range(n):
                    height, width = heights[row], widths[row]
                    k = (ends[row] - starts[row]) // 2
                    if not 0 <= starts[row] <= ends[row] <= points.shape[0] or height < 0 or width < 0:
                        sound = False
                        break
                    crossings.size = 0
                    if k:
                        i = starts[row]
                        firstx, firsty = on_grid(points[i]), on_grid(points[i + 1])
                        x0, y0 = firstx, firsty
                        for i in range(starts[row] + 2, starts[row] + 2 * k, 2):
                            x1, y1 = on_grid(points[i]), on_grid(points[i + 1])
                            failed |= draw_edge(&crossings, x0, y0, x1, y1, height, width)
                            x0, y0 = x1, y1
                            if crossings.size > MOST_CROSSINGS * sizeof(int64_t):
                                codes[row] = LARGE
                                break
                        failed |= draw_edge(&crossings, x0, y0, firstx, firsty, height, width)
                    failed |= buffer_int64(&crossings, height * width)
                    if failed:
                        break
                    if codes[row]:
                        offsets[row + 1] = text.size
                        continue
                    if sort_places(&crossings, &spare) < 0:
                        failed = -1
                        break
                    m = crossings.size // sizeof(int64_t)
                    m = to_runs(<int64_t*>crossings.data, m)
                    if put_runs(&text, <const int64_t*>crossings.data, m) < 0:
                        failed = -1
                        break
                    offsets[row + 1] = text.size
        if failed:
            raise MemoryError()
        if not sound:
            raise ValueError("the places of polygons do not fit their points")
        return out, (<char*>text.data)[: text.size] if text.size else b"", states
    finally:
        buffer_free(&text)
        buffer_free(&crossings)
        buffer_free(&spare)


# --- masks ----------------------------------------------------------------------------------------


cdef struct Box:           # in pixels; right and bottom are the last ones within
    int64_t left
    int64_t top
    int64_t right
    int64_t bottom


cdef int bounds_of(
    const uint8_t* text, Py_ssize_t size, int64_t height, int64_t width, Box* box
) noexcept nogil:
    """The bounds of a mask's pixels: 1, 0 when it has none, DAMAGED."""
    cdef Runs runs
    cdef int64_t run, at = 0, left, right, top, bottom
    cdef bint inside = False, some = False
    if height < 0 or width < 0 or not runs_fill(text, size, height * width):
        return BAD
    runs_begin(&runs, text, size)
    while runs_next(&runs, &run) > 0:
        if inside and run:
            left, right = at // height, (at + run - 1) // height
            top, bottom = 0, height - 1
            if left == right:
                top, bottom = at - left * height, at + run - 1 - left * height
            if not some:
                box.left, box.right, box.top, box.bottom = left, right, top, bottom
                some = True
            else:
                box.right = right
                if top < box.top:
                    box.top = top
                if bottom > box.bottom:
                    box.bottom = bottom
        at += run
        inside = not inside
    return some


cdef bint fit(
    const uint8_t[::1] data,
    const int64_t[::1] starts,
    const int64_t[::1] ends,
    const int32_t[::1] heights,
    const int32_t[::1] widths,
) noexcept:
    """Whether the masks' texts lie in the data."""
    cdef Py_ssize_t row, n = starts.shape[0]
    if not ends.shape[0] == heights.shape[0] == widths.shape[0] == n:
        return False
    for row in range(n):
        if not 0 <= starts[row] <= ends[row] <= data.shape[0]:
            return False
    return True


def mask_bounds(
    const uint8_t[::1] data,
    const int64_t[::1] starts,
    const int64_t[::1] ends,
    const int32_t[::1] heights,
    const int32_t[::1] widths,
):
    """See outlines.pyi."""
    cdef Py_ssize_t row, n = starts.shape[0]
    cdef Box box
    if not fit(data, starts, ends, heights, widths):
        raise ValueError("the places of masks do not fit their data")
    found = np.zeros((n, 4), np.int64)
    states = np.zeros(n, np.int8)
    cdef int64_t[:, ::1] boxes = found
    cdef signed char[::1] codes = states
    with nogil:
        for row in range(n):
            codes[row] = bounds_of(
                &data[0] + starts[row] if ends[row] > starts[row] else NULL,
                ends[row] - starts[row],
                heights[row],
                widths[row],
                &box,
            )
            if codes[row] == 1:
                boxes[row, 0], boxes[row, 1] = box.left, box.top
                boxes[row, 2], boxes[row, 3] = box.right + 1, box.bottom + 1
    return found, states


# --- outlines -------------------------------------------------------------------------------------


cdef inline int put_corner(Buffer* out, int64_t x, int64_t y) noexcept nogil:
    if buffer_reserve(out, 2 * sizeof(float)) < 0:
        return -1
    (<float*>(out.data + out.size))[0] = <float>x
    (<float*>(out.data + out.size))[1] = <float>y
    out.size += 2 * sizeof(float)
    return 0


cdef int follow(
    uint8_t* cells, int64_t stride, int64_t x, int64_t y, int64_t left, int64_t top, Buffer* out
) noexcept nogil:
    """Follow an outline from the edge above a cell, with the inside on the right.

    Where two parts touch at a corner, it stays with its own. Returns 1 for an outline, 0 for that of
    a hole (nothing is kept of it), -1 without memory.
    """
    cdef int64_t startx = x, starty = y, area = 0
    cdef Py_ssize_t begin = out.size
    cdef int direction = 0, turned
    cdef uint8_t* cell
    cdef bint ahead_left, ahead_right
    if put_corner(out, x + left, y + top) < 0:
        return -1
    while True:
        # walk the edge from the corner (x, y); cells: the corner's lower right one is (x, y)
        if direction == 0:
            cells[x * stride + y] |= SEEN
            area -= y
            x += 1
        elif direction == 1:
            area += 0
            y += 1
        elif direction == 2:
            area += y
            x -= 1
        else:
            y -= 1
        # the two cells ahead of the new corner, seen in the direction of the walk
        cell = cells + x * stride + y
        if direction == 0:
            ahead_left, ahead_right = (cell - 1)[0] & INSIDE, cell[0] & INSIDE
        elif direction == 1:
            ahead_left, ahead_right = cell[0] & INSIDE, (cell - stride)[0] & INSIDE
        elif direction == 2:
            ahead_left, ahead_right = (cell - stride)[0] & INSIDE, (cell - stride - 1)[0] & INSIDE
        else:
            ahead_left, ahead_right = (cell - stride - 1)[0] & INSIDE, (cell - 1)[0] & INSIDE
        if not ahead_right:
            turned = (direction + 1) & 3
        elif ahead_left:
            turned = (direction + 3) & 3
        else:
            turned = direction
        if x == startx and y == starty and turned == 0:
            break
        if turned != direction and put_corner(out, x + left, y + top) < 0:
            return -1
        direction = turned
    if area > 0:
        return 1
    out.size = begin
    return 0


def mask_outlines(
    const uint8_t[::1] data,
    const int64_t[::1] starts,
    const int64_t[::1] ends,
    const int32_t[::1] heights,
    const int32_t[::1] widths,
):
    """See outlines.pyi."""
    cdef Buffer corners, polygons
    cdef Runs runs
    cdef Box box
    cdef Py_ssize_t row, n = starts.shape[0]
    cdef int64_t run, at, i, x, y, height, stride, columns
    cdef uint8_t* cells
    cdef const uint8_t* text
    cdef bint inside
    cdef int code, failed = 0
    if not fit(data, starts, ends, heights, widths):
        raise ValueError("the places of masks do not fit their data")
    memset(&corners, 0, sizeof(Buffer))
    memset(&polygons, 0, sizeof(Buffer))
    first_of = np.zeros(n + 1, np.int64)
    hole_counts = np.zeros(n, np.int64)
    cdef int64_t[::1] first = first_of
    cdef int64_t[::1] holes = hole_counts
    try:
        with nogil:
            for row in range(n):
                height = heights[row]
                text = &data[0] + starts[row] if ends[row] > starts[row] else NULL
                code = bounds_of(text, ends[row] - starts[row], height, widths[row], &box)
                if code == 1:
                    # a border of cells all around; columns one after another, as the runs are
                    stride = box.bottom - box.top + 3
                    columns = box.right - box.left + 3
                    if stride * columns > MOST_PIXELS:
                        code = LARGE
                if code < 0:
                    holes[row] = code
                elif code == 1:
                    cells = <uint8_t*>calloc(stride * columns, 1)
                    if cells == NULL:
                        failed = -1
                        break
                    at = 0
                    inside = False
                    runs_begin(&runs, text, ends[row] - starts[row])
                    while runs_next(&runs, &run) > 0:
                        if inside:
                            for i in range(at, at + run):
                                x, y = i // height, i % height
                                cells[(x - box.left + 1) * stride + y - box.top + 1] = INSIDE
                        at += run
                        inside = not inside
                    for y in range(1, stride - 1):
                        for x in range(1, columns - 1):
                            i = x * stride + y
                            if cells[i] == INSIDE and not (cells + i - 1)[0] & INSIDE:
                                code = follow(
                                    cells, stride, x, y, box.left - 1, box.top - 1, &corners
                                )
                                if code < 0 or (
                                    code and buffer_int64(&polygons, corners.size // sizeof(float)) < 0
                                ):
                                    failed = -1
                                    break
                                holes[row] += not code
                        if failed:
                            break
                    free(cells)
                    if failed:
                        break
                first[row + 1] = polygons.size // sizeof(int64_t)
        if failed:
            raise MemoryError()
        offsets = np.zeros(polygons.size // sizeof(int64_t) + 1, np.int64)
        offsets[1:] = array_of(&polygons, np.int64)
        return array_of(&corners, np.float32), offsets, first_of, hole_counts
    finally:
        buffer_free(&corners)
        buffer_free(&polygons)


# --- another size ---------------------------------------------------------------------------------


def resized_masks(
    const uint8_t[::1] data,
    const int64_t[::1] starts,
    const int64_t[::1] ends,
    const int32_t[::1] heights,
    const int32_t[::1] widths,
    const int32_t[::1] new_heights,
    const int32_t[::1] new_widths,
):
    """See outlines.pyi."""
    cdef Buffer text, changes
    cdef Runs runs
    cdef Py_ssize_t row, n = starts.shape[0], m
    cdef int64_t run, at, i, x, y, source, height, width, new_height, new_width
    cdef uint8_t* cells
    cdef uint8_t* column
    cdef int64_t* rows
    cdef const uint8_t* own
    cdef uint8_t value
    cdef bint inside
    cdef int failed = 0
    if not (
        fit(data, starts, ends, heights, widths)
        and new_heights.shape[0] == new_widths.shape[0] == n
    ):
        raise ValueError("the places of masks do not fit their data")
    memset(&text, 0, sizeof(Buffer))
    memset(&changes, 0, sizeof(Buffer))
    out = np.zeros(n + 1, np.int64)
    states = np.zeros(n, np.int8)
    cdef int64_t[::1] offsets = out
    cdef signed char[::1] codes = states
    try:
        with nogil:
            for row in range(n):
                height, width = heights[row], widths[row]
                new_height, new_width = new_heights[row], new_widths[row]
                own = &data[0] + starts[row] if ends[row] > starts[row] else NULL
                if (
                    height < 1 or width < 1 or new_height < 1 or new_width < 1
                    or not runs_fill(own, ends[row] - starts[row], height * width)
                ):
                    codes[row] = BAD
                elif height * width > MOST_PIXELS or new_height * new_width > MOST_PIXELS:
                    codes[row] = LARGE
                if codes[row]:
                    offsets[row + 1] = text.size
                    continue
                cells = <uint8_t*>calloc(height * width, 1)
                rows = <int64_t*>malloc(new_height * sizeof(int64_t))
                changes.size = 0
                if cells == NULL or rows == NULL:
                    failed = -1
                else:
                    at = 0
                    inside = False
                    runs_begin(&runs, own, ends[row] - starts[row])
                    while runs_next(&runs, &run) > 0:
                        if inside:
                            memset(cells + at, INSIDE, run)
                        at += run
                        inside = not inside
                    for y in range(new_height):  # the pixel that the new one's middle lies in
                        rows[y] = (2 * y + 1) * height // (2 * new_height)
                    value = 0
                    for x in range(new_width):
                        source = (2 * x + 1) * width // (2 * new_width)
                        column = cells + source * height
                        for y in range(new_height):
                            if column[rows[y]] != value:
                                value = column[rows[y]]
                                failed |= buffer_int64(&changes, x * new_height + y)
                    failed |= buffer_int64(&changes, new_height * new_width)
                    if not failed:
                        m = changes.size // sizeof(int64_t)
                        m = to_runs(<int64_t*>changes.data, m)
                        failed |= put_runs(&text, <const int64_t*>changes.data, m)
                free(cells)
                free(rows)
                if failed:
                    break
                offsets[row + 1] = text.size
        if failed:
            raise MemoryError()
        return out, (<char*>text.data)[: text.size] if text.size else b"", states
    finally:
        buffer_free(&text)
        buffer_free(&changes)
