"""COCO's run lengths of several masks at a time: from the runs of an image, and into an image."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from datumaro.kernels._json cimport Buffer, buffer_free, buffer_reserve
from datumaro.kernels._rle cimport Runs, runs_begin, runs_fill, runs_next


cdef enum:
    TILE = 16  # pixels, of the squares in which images are turned


# --- runs to text ---------------------------------------------------------------------------------


cdef enum:
    SOUND = 0
    NO_MEMORY = -1
    UNSOUND = -2


cdef struct Mask:              # whose text is being written
    int64_t at                 # where the last run ended
    int64_t begin              # of the last run; it may still go on
    int64_t last               # the run before that is written, and the one before it
    int64_t before
    int64_t n                  # how many are written


cdef inline void begin_mask(Mask* mask) noexcept nogil:
    mask.at = mask.begin = mask.last = mask.before = mask.n = 0


cdef inline void put_run(Buffer* text, Mask* mask, int64_t run) noexcept nogil:
    """Append a run's text, for which there is room."""
    cdef int64_t value = run - mask.before if mask.n > 2 else run
    cdef uint8_t* out = text.data + text.size
    mask.before = mask.last
    mask.last = run
    mask.n += 1
    while not -16 <= value < 16:
        out[0] = <uint8_t>((value & 0x1F | 0x20) + 48)
        out += 1
        value >>= 5
    out[0] = <uint8_t>((value & 0x1F) + 48)
    text.size = out + 1 - text.data


cdef inline int add_run(Buffer* text, Mask* mask, int64_t begin, int64_t end) noexcept nogil:
    """Add a run of a mask's pixels."""
    if not mask.at <= begin <= end:
        return UNSOUND
    if mask.at != begin or not mask.n:
        # the last one is over, and what follows it is not the mask's
        if buffer_reserve(text, 32) < 0:
            return NO_MEMORY
        if mask.n:
            put_run(text, mask, mask.at - mask.begin)
        put_run(text, mask, begin - mask.at)
        mask.begin = begin
    mask.at = end
    return SOUND


cdef inline int end_mask(Buffer* text, Mask* mask, int64_t n_pixels) noexcept nogil:
    """Append the rest of a mask's text."""
    if mask.at > n_pixels:
        return UNSOUND
    if buffer_reserve(text, 32) < 0:
        return NO_MEMORY
    if mask.n:
        put_run(text, mask, mask.at - mask.begin)
    if mask.at < n_pixels or not mask.n:
        put_run(text, mask, n_pixels - mask.at)
    return SOUND


cdef object finished(int code, object offsets, Buffer* text):
    if code == NO_MEMORY:
        raise MemoryError()
    if code != SOUND:
        raise ValueError("the runs of masks do not fit together")
    return offsets, (<char*>text.data)[: text.size] if text.size else b""


def encode_groups(
    const int64_t[::1] begins, const int64_t[::1] ends, const int64_t[::1] first, int64_t n_pixels
):
    """See rle.pyi."""
    cdef Buffer text
    cdef Mask built
    cdef Py_ssize_t n = first.shape[0] - 1, n_runs = begins.shape[0], mask, row
    cdef int code = SOUND
    memset(&text, 0, sizeof(Buffer))
    out = np.zeros(n + 1 if n >= 0 else 1, np.int64)
    cdef int64_t[::1] offsets = out
    if (
        n < 0
        or ends.shape[0] != n_runs
        or first[0] != 0
        or first[n] != n_runs
        or not 0 <= n_pixels <= 0xFFFFFFFF
    ):
        raise ValueError("the runs of masks do not fit together")
    try:
        with nogil:
            for mask in range(n):
                begin_mask(&built)
                if not 0 <= first[mask] <= first[mask + 1] <= n_runs:
                    code = UNSOUND
                    break
                for row in range(first[mask], first[mask + 1]):
                    code = add_run(&text, &built, begins[row], ends[row])
                    if code != SOUND:
                        break
                if code == SOUND:
                    code = end_mask(&text, &built, n_pixels)
                if code != SOUND:
                    break
                offsets[mask + 1] = text.size
        return finished(code, out, &text)
    finally:
        buffer_free(&text)


def encode_values(
    const int64_t[::1] values,
    const int64_t[::1] starts,
    const int64_t[::1] mask_of,
    Py_ssize_t n_masks,
    int64_t n_pixels,
):
    """See rle.pyi."""
    cdef Buffer text
    cdef Mask built
    cdef Py_ssize_t n_runs = starts.shape[0], n_values = mask_of.shape[0], mask, row, place
    cdef int code = SOUND
    cdef int64_t* first = NULL  # each mask's first run in ``order``
    cdef int64_t* order = NULL  # the runs, mask after mask
    memset(&text, 0, sizeof(Buffer))
    if values.shape[0] != n_runs or n_masks < 0 or not 0 <= n_pixels <= 0xFFFFFFFF:
        raise ValueError("the runs of masks do not fit together")
    out = np.zeros(n_masks + 1, np.int64)
    cdef int64_t[::1] offsets = out
    try:
        with nogil:
            first = <int64_t*>calloc(n_masks + 2, sizeof(int64_t))
            order = <int64_t*>malloc((n_runs or 1) * sizeof(int64_t))
            if first == NULL or order == NULL:
                code = NO_MEMORY
            else:
                for row in range(n_runs):
                    if not 0 <= values[row] < n_values or mask_of[values[row]] >= n_masks:
                        code = UNSOUND
                        break
                    if mask_of[values[row]] >= 0:
                        first[mask_of[values[row]] + 2] += 1
            if code == SOUND:
                for mask in range(n_masks):
                    first[mask + 1] += first[mask]
                    # counted one place further on: filling moves each to the next one's first
                for row in range(n_runs):
                    mask = mask_of[values[row]]
                    if mask >= 0:
                        order[first[mask + 1]] = row
                        first[mask + 1] += 1
                for mask in range(n_masks):
                    begin_mask(&built)
                    for place in range(first[mask], first[mask + 1]):
                        row = order[place]
                        code = add_run(
                            &text, &built, starts[row],
                            starts[row + 1] if row + 1 < n_runs else n_pixels,
                        )
                        if code != SOUND:
                            break
                    if code == SOUND:
                        code = end_mask(&text, &built, n_pixels)
                    if code != SOUND:
                        break
                    offsets[mask + 1] = text.size
        return finished(code, out, &text)
    finally:
        free(first)
        free(order)
        buffer_free(&text)


# --- text to runs ---------------------------------------------------------------------------------


def lengths(bytes rle, int64_t n_pixels):
    """See rle.pyi."""
    cdef const uint8_t* text = <const uint8_t*><char*>rle
    cdef Py_ssize_t n = len(rle), count = 0, i
    cdef Runs runs
    cdef int64_t run
    if not runs_fill(text, n, n_pixels):
        return None
    for i in range(n):
        count += not (text[i] - 48) & 0x20
    found = np.empty(count, np.int64)
    cdef int64_t[::1] out = found
    runs_begin(&runs, text, n)
    i = 0
    while runs_next(&runs, &run) > 0:
        out[i] = run
        i += 1
    return found


def measure(bytes rle, int64_t height, int64_t width):
    """See rle.pyi."""
    cdef const uint8_t* text = <const uint8_t*><char*>rle
    cdef Py_ssize_t n = len(rle)
    cdef Runs runs
    cdef int64_t run, at = 0, area = 0, first, last
    cdef int64_t left = -1, right = -1, top = height, bottom = -1
    cdef bint inside = False
    if height < 0 or width < 0 or not runs_fill(text, n, height * width):
        return None
    runs_begin(&runs, text, n)
    while runs_next(&runs, &run) > 0:
        if inside and run:
            area += run
            first, last = at, at + run - 1
            if left < 0:
                left = first // height
            right = last // height
            if right != first // height:  # over a column's end: it is at both edges
                top, bottom = 0, height - 1
            else:
                top, bottom = min(top, first % height), max(bottom, last % height)
        at += run
        inside = not inside
    if left < 0:
        return 0, [0, 0, 0, 0]
    return area, [left, top, right - left + 1, bottom - top + 1]


# --- text to pixels -------------------------------------------------------------------------------


ctypedef fused Number:
    uint8_t
    uint16_t
    int32_t


cdef int64_t paint_mask(
    Number* canvas, Py_ssize_t size, const uint8_t* text, Py_ssize_t n, Number value
) noexcept nogil:
    """See `paint`."""
    cdef Runs runs
    cdef int64_t run, total = 0, painted = 0
    cdef Py_ssize_t i
    cdef bint inside = False
    cdef int code
    # once over the text first: nothing is painted of a damaged mask
    runs_begin(&runs, text, n)
    while True:
        code = runs_next(&runs, &run)
        if code <= 0:
            break
        total += run
        if total > size:
            break
    if code < 0 or total != size:
        return -1
    runs_begin(&runs, text, n)
    total = 0
    while runs_next(&runs, &run) > 0:
        if inside:
            for i in range(total, total + run):
                canvas[i] = value
            painted += run
        total += run
        inside = not inside
    return painted


def paint(int32_t[::1] canvas, bytes rle, int32_t value):
    """See rle.pyi."""
    cdef const uint8_t* text = <const uint8_t*><char*>rle
    cdef Py_ssize_t n = len(rle), size = canvas.shape[0]
    cdef int32_t nothing = 0
    cdef int32_t* pixels = &canvas[0] if size else &nothing
    cdef int64_t painted
    with nogil:
        painted = paint_mask(pixels, size, text, n, value)
    return painted


def decode(bytes rle, Py_ssize_t n_pixels):
    """See rle.pyi."""
    cdef const uint8_t* text = <const uint8_t*><char*>rle
    cdef Py_ssize_t n = len(rle)
    cdef Runs runs
    cdef int64_t run
    cdef uint8_t value = 0
    cdef uint8_t* at
    if n_pixels < 0 or not runs_fill(text, n, n_pixels):
        return None
    found = np.empty(n_pixels, np.uint8)
    if not n_pixels:
        return found
    cdef uint8_t[::1] pixels = found
    at = &pixels[0]
    with nogil:
        runs_begin(&runs, text, n)
        while runs_next(&runs, &run) > 0:
            memset(at, value, run)
            at += run
            value ^= 1
    return found


cdef struct Text:              # of a mask
    const uint8_t* data
    Py_ssize_t size


cdef int paint_masks(
    Number[:, ::1] order, const Text* masks, Py_ssize_t n, int64_t[::1] areas, int64_t[::1] seen
) noexcept nogil:
    """See `paint_all`; -1 without memory."""
    cdef Py_ssize_t height = order.shape[0], width = order.shape[1], size = height * width
    cdef Py_ssize_t mask, begin = 0, i, x, y, x0, y0
    # column by column, as run lengths are
    cdef Number* canvas = <Number*>calloc(size or 1, sizeof(Number))
    if canvas == NULL:
        return -1
    for mask in range(n):
        areas[mask] = paint_mask(
            canvas, size, masks[mask].data, masks[mask].size, <Number>(mask + 1)
        )
    for i in range(1, size + 1):
        if i == size or canvas[i] != canvas[begin]:
            seen[canvas[begin]] += i - begin
            begin = i
    y0 = 0
    while y0 < height:
        x0 = 0
        while x0 < width:
            for y in range(y0, min(y0 + <Py_ssize_t>TILE, height)):
                for x in range(x0, min(x0 + <Py_ssize_t>TILE, width)):
                    order[y, x] = canvas[x * height + y]
            x0 += TILE
        y0 += TILE
    free(canvas)
    return 0


def paint_all(list rles, Py_ssize_t height, Py_ssize_t width):
    """See rle.pyi."""
    cdef Py_ssize_t n = len(rles), mask
    cdef Text* masks = NULL
    cdef bytes rle
    cdef int code = 0
    cdef uint8_t[:, ::1] bytes_of
    cdef uint16_t[:, ::1] words_of
    cdef int32_t[:, ::1] numbers_of
    if height < 0 or width < 0 or n >= 0x7FFFFFFF:
        raise ValueError("an image of a negative size, or too many masks")
    kept = tuple(rles)  # so that nobody takes them away while the lock is not held
    kind = np.uint8 if n < 1 << 8 else np.uint16 if n < 1 << 16 else np.int32
    order = np.empty((height, width), kind)
    area_array, seen_array = np.empty(n, np.int64), np.zeros(n + 1, np.int64)
    cdef int64_t[::1] areas = area_array, seen = seen_array
    try:
        masks = <Text*>malloc((n or 1) * sizeof(Text))
        if masks == NULL:
            raise MemoryError()
        for mask in range(n):
            rle = kept[mask]
            masks[mask].data = <const uint8_t*><char*>rle
            masks[mask].size = len(rle)
        if n < 1 << 8:
            bytes_of = order
            with nogil:
                code = paint_masks(bytes_of, masks, n, areas, seen)
        elif n < 1 << 16:
            words_of = order
            with nogil:
                code = paint_masks(words_of, masks, n, areas, seen)
        else:
            numbers_of = order
            with nogil:
                code = paint_masks(numbers_of, masks, n, areas, seen)
        if code < 0:
            raise MemoryError()
        return order, area_array, seen_array
    finally:
        free(masks)


def bounds_of_numbers(pixels, Py_ssize_t n):
    """See rle.pyi."""
    found = np.zeros((n + 1, 4), np.int64)
    if pixels.dtype == np.uint8:
        number_bounds[uint8_t](pixels, found)
    elif pixels.dtype == np.uint16:
        number_bounds[uint16_t](pixels, found)
    else:
        number_bounds[int32_t](pixels, found)
    return found


cdef int number_bounds(const Number[:, ::1] pixels, int64_t[:, ::1] found) except -1:
    """Widen the bounds of each number by its runs in the rows."""
    cdef Py_ssize_t height = pixels.shape[0], width = pixels.shape[1], x, y, begin, most
    cdef int64_t number
    cdef int64_t* box
    cdef bint known = True
    most = found.shape[0]
    with nogil:
        for y in range(height):
            x = 0
            while x < width:
                begin, number = x, pixels[y, x]
                x += 1
                while x < width and pixels[y, x] == number:
                    x += 1
                if not 0 <= number < most:
                    known = False
                    continue
                box = &found[number, 0]  # left, top, width, height
                if not box[3]:
                    box[0], box[1], box[2] = begin, y, x - begin
                else:
                    if begin < box[0]:
                        box[2] += box[0] - begin
                        box[0] = begin
                    box[2] = max(box[2], x - box[0])
                box[3] = y - box[1] + 1
    if not known:
        raise ValueError("a number beyond those of the masks")
    return 0
