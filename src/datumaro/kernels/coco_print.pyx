"""Columns into COCO's JSON.

A `Printer` has the annotation columns of a stretch of a data set. `group` puts rows together as
COCO's objects: rows of one item, group and label, as far as an object can hold them (one box, one
set of key points, and either polygons or one mask); what does not fit begins another object. Then
`objects`, `captions` and `labels` print some of them at a time into memory that the next call uses
again.
"""

import numpy as np

from datumaro.kernels._json cimport *
from datumaro.kernels._rle cimport Runs, runs_begin, runs_next
from libc.string cimport memset

cdef enum:               # AnnotationType
    LABEL = 1
    MASK = 2
    POINTS = 3
    POLYGON = 4
    BBOX = 6
    CAPTION = 7

cdef enum:               # what an object has
    HAS_BOX = 1
    HAS_POINTS = 2
    HAS_POLYGONS = 4
    HAS_MASK = 8

cdef enum:
    BAD_ATTRIBUTES = 1
    BAD_LABEL = 2
    BAD_MASK = 3
    NO_MEMORY = 4

cdef const char* PLAIN = b'{"is_crowd":false}'
cdef const char* CROWD = b'{"is_crowd":true}'

cdef struct Column:      # texts or lists
    const int64_t* offsets
    const uint8_t* values

cdef struct Box:         # in hundredths of pixels
    bint known
    double x1, y1, x2, y2


cdef inline uint8_t part_of(uint8_t kind) noexcept nogil:
    if kind == BBOX:
        return HAS_BOX
    if kind == POINTS:
        return HAS_POINTS
    if kind == POLYGON:
        return HAS_POLYGONS
    return HAS_MASK if kind == MASK else 0


cdef inline bint takes(uint8_t held, uint8_t part) noexcept nogil:
    if part == HAS_POLYGONS:
        return not held & HAS_MASK
    if part == HAS_MASK:
        return not held & (HAS_MASK | HAS_POLYGONS)
    return not held & part


cdef inline void widen(Box* box, double x, double y) noexcept nogil:
    if not box.known:
        box.known = True
        box.x1 = box.x2 = x
        box.y1 = box.y2 = y
        return
    box.x1 = min(box.x1, x)
    box.x2 = max(box.x2, x)
    box.y1 = min(box.y1, y)
    box.y2 = max(box.y2, y)


cdef inline int put_rounded(Buffer* out, double value) noexcept nogil:
    """Append a number rounded to hundredths."""
    cdef double scaled = rint(fabs(value) * 100)
    if scaled < 1e15:
        return put_decimal(out, value < 0 and scaled > 0, <uint64_t>scaled, 2)
    return put_double(out, value)


cdef class Printer:
    """The annotations of ``n_items`` items.

    Parameters
    ----------
    rows : int64 [n_items + 1], each item's rows.
    kinds, ids, groups, labels, heights, widths, areas : the columns of these names, [n].
    attributes, points, visibility, rles, texts : (offsets int64 [n + 1], values).

    Attributes
    ----------
    n_objects : how many objects `group` made.
    """

    cdef const int64_t[::1] rows, ids, groups
    cdef const uint8_t[::1] kinds
    cdef const int32_t[::1] labels, heights, widths
    cdef const double[::1] areas
    cdef Column attributes, points, visibility, rles, texts
    cdef list alive                     # what the columns point into
    cdef readonly Py_ssize_t n_items, n_objects
    cdef Buffer out, own, score, key, firsts, items, parts_of, mixed
    cdef int32_t[::1] following         # the next row of the same object, -1 for none
    cdef Py_ssize_t error_row

    def __init__(
        self, const int64_t[::1] rows, const uint8_t[::1] kinds, const int64_t[::1] ids,
        const int64_t[::1] groups, const int32_t[::1] labels, const int32_t[::1] heights,
        const int32_t[::1] widths, const double[::1] areas, tuple attributes, tuple points,
        tuple visibility, tuple rles, tuple texts,
    ):
        cdef Py_ssize_t n = kinds.shape[0]
        self.rows, self.kinds, self.ids, self.groups = rows, kinds, ids, groups
        self.labels, self.heights, self.widths, self.areas = labels, heights, widths, areas
        self.n_items = rows.shape[0] - 1
        if (self.n_items < 0 or rows[self.n_items] != n or ids.shape[0] != n or n >= 2**31
                or groups.shape[0] != n or labels.shape[0] != n or heights.shape[0] != n
                or widths.shape[0] != n or areas.shape[0] != n):
            raise ValueError("the columns' lengths do not agree")
        self.alive = []
        self._column(&self.attributes, attributes, n, np.uint8)
        self._column(&self.points, points, n, np.float32)
        self._column(&self.visibility, visibility, n, np.uint8)
        self._column(&self.rles, rles, n, np.uint8)
        self._column(&self.texts, texts, n, np.uint8)

    def __dealloc__(self):
        buffer_free(&self.out)
        buffer_free(&self.own)
        buffer_free(&self.score)
        buffer_free(&self.key)
        buffer_free(&self.firsts)
        buffer_free(&self.items)
        buffer_free(&self.parts_of)
        buffer_free(&self.mixed)

    cdef int _column(self, Column* column, tuple parts, Py_ssize_t n, kind) except -1:
        offsets, values = parts
        if len(offsets) != n + 1 or values.dtype != kind or len(values) < offsets[n]:
            raise ValueError("a column's offsets and values do not agree")
        cdef const int64_t[::1] o = offsets
        cdef const uint8_t[::1] v = values.view(np.uint8)
        self.alive += [offsets, values]
        column.offsets = &o[0]
        column.values = &v[0] if v.shape[0] else NULL
        return 0

    # --- objects -----------------------------------------------------------------------------------

    def group(self):
        """Put the rows together as objects, item by item."""
        cdef Py_ssize_t item, first, last, row, size = 0, n_table = 0
        cdef Buffer table
        cdef int32_t* slots
        cdef uint64_t slot
        cdef int32_t current
        cdef uint8_t part
        cdef int32_t[::1] following = np.full(self.kinds.shape[0], -1, np.int32)
        cdef int32_t[::1] tails = np.empty(self.kinds.shape[0], np.int32)   # by the object
        cdef bint failed = False
        self.following = following
        self.firsts.size = self.items.size = self.parts_of.size = 0
        self.n_objects = 0
        self.mixed.size = 0
        table.data = NULL
        table.size = table.room = 0
        with nogil:
            for item in range(self.n_items):
                first, last = self.rows[item], self.rows[item + 1]
                n_table = 1
                while n_table < 2 * (last - first):
                    n_table *= 2
                if buffer_reserve(&table, 4 * n_table) < 0:
                    failed = True
                    break
                memset(table.data, 0xFF, 4 * n_table)      # -1: a free slot
                slots = <int32_t*>table.data
                for row in range(first, last):
                    part = part_of(self.kinds[row])
                    if not part:
                        continue
                    current = -1
                    slot = 0
                    if self.groups[row]:
                        slot = (<uint64_t>self.groups[row] * 0x9E3779B97F4A7C15ULL
                                + <uint64_t><uint32_t>self.labels[row] * 0xC2B2AE3D27D4EB4FULL)
                        slot = (slot ^ (slot >> 29)) & <uint64_t>(n_table - 1)
                        while slots[slot] >= 0:
                            current = (<int32_t*>self.firsts.data)[slots[slot]]
                            if (self.groups[current] == self.groups[row]
                                    and self.labels[current] == self.labels[row]):
                                break
                            slot = (slot + 1) & <uint64_t>(n_table - 1)
                        current = slots[slot]
                        if current >= 0 and takes(self.parts_of.data[current], part):
                            following[tails[current]] = <int32_t>row
                            tails[current] = <int32_t>row
                            self.parts_of.data[current] |= part
                            if not self._same_attributes(
                                (<int32_t*>self.firsts.data)[current], row
                            ) and buffer_int32(&self.mixed, current) < 0:
                                failed = True
                                break
                            continue
                        slots[slot] = <int32_t>self.n_objects
                    if (buffer_int32(&self.firsts, <int32_t>row) < 0
                            or buffer_int32(&self.items, <int32_t>item) < 0
                            or buffer_byte(&self.parts_of, part) < 0):
                        failed = True
                        break
                    tails[self.n_objects] = <int32_t>row
                    self.n_objects += 1
        buffer_free(&table)
        if failed:
            raise MemoryError

    def first_rows(self):
        """The objects' first rows, int64 [n_objects]."""
        cdef Py_ssize_t o
        out = np.empty(self.n_objects, np.int64)
        cdef int64_t[::1] rows = out
        for o in range(self.n_objects):
            rows[o] = (<int32_t*>self.firsts.data)[o]
        return out

    def mixed_objects(self):
        """The rows of each object whose rows do not all have the same attributes."""
        cdef Py_ssize_t i, n = self.mixed.size // 4
        cdef int32_t row
        objects = {(<int32_t*>self.mixed.data)[i] for i in range(n)}
        found = []
        for i in sorted(objects):
            rows = []
            row = (<int32_t*>self.firsts.data)[i]
            while row >= 0:
                rows.append(row)
                row = self.following[row]
            found.append(rows)
        return found

    def parts(self):
        """What each object has, uint8 [n_objects]: 1 a box, 2 key points, 4 polygons, 8 a mask."""
        out = np.zeros(self.n_objects, np.uint8)
        cdef uint8_t[::1] has = out
        if self.n_objects:
            memcpy(&has[0], self.parts_of.data, self.n_objects)
        return out

    # --- printing ----------------------------------------------------------------------------------

    def objects(
        self, const int64_t[::1] chosen, const int64_t[::1] ids, const int64_t[::1] image_ids,
        const int32_t[::1] category_ids, bint keypoints, bint attributes,
    ):
        """Print objects, with a comma after each.

        Parameters
        ----------
        chosen : int64, the objects' indices.
        ids : int64 [len(chosen)], their ids.
        image_ids : int64 [n_items].
        category_ids : int32, by label.
        keypoints : print ``keypoints`` and ``num_keypoints`` too.
        attributes : print ``attributes``.

        Returns
        -------
        memoryview : valid until the next call.

        Raises
        ------
        ValueError
            (what, item): attributes that are not JSON, a label without a category, or a bad mask.
        """
        cdef Py_ssize_t i
        cdef int code = 0
        if ids.shape[0] != chosen.shape[0] or image_ids.shape[0] != self.n_items:
            raise ValueError("one id for each is needed")
        self.out.size = 0
        with nogil:
            for i in range(chosen.shape[0]):
                if not 0 <= chosen[i] < self.n_objects:
                    continue
                code = self._object(
                    chosen[i], ids[i], image_ids, category_ids, keypoints, attributes
                )
                if code:
                    break
        return self._printed(code)

    def captions(
        self, const int64_t[::1] chosen, const int64_t[::1] ids, const int64_t[::1] images,
        bint attributes,
    ):
        """Print captions, as `objects` does; ``chosen`` are rows, ``images`` their image ids."""
        return self._plain(chosen, ids, images, None, attributes)

    def label_annotations(
        self, const int64_t[::1] chosen, const int64_t[::1] ids, const int64_t[::1] images,
        const int32_t[::1] category_ids, bint attributes,
    ):
        """Print labels of images, as `captions` does."""
        return self._plain(chosen, ids, images, category_ids, attributes)

    cdef _plain(
        self, const int64_t[::1] chosen, const int64_t[::1] ids, const int64_t[::1] images,
        const int32_t[::1] category_ids, bint attributes,
    ):
        cdef Py_ssize_t i, row
        cdef int code = 0
        cdef int64_t category = 0, begin
        cdef bint crowd, captions = category_ids is None
        if ids.shape[0] != chosen.shape[0] or images.shape[0] != chosen.shape[0]:
            raise ValueError("one id for each is needed")
        self.out.size = 0
        with nogil:
            for i in range(chosen.shape[0]):
                row = chosen[i]
                if not 0 <= row < self.kinds.shape[0]:
                    continue
                self.error_row = row
                if not captions:
                    code = self._category(row, category_ids, &category)
                if code == 0:
                    code = self._begin(ids[i], images[i], category)
                if code == 0 and captions:
                    begin = self.texts.offsets[row]
                    if (buffer_add(&self.out, b',"caption":', 11) < 0 or put_string(
                        &self.out, self.texts.values + begin, self.texts.offsets[row + 1] - begin
                    ) < 0):
                        code = NO_MEMORY
                if code == 0:
                    code = self._read_attributes(row, False, &crowd)
                if code == 0:
                    code = self._put_attributes(attributes)
                if code == 0 and buffer_add(&self.out, b"},", 2) < 0:
                    code = NO_MEMORY
                if code:
                    break
        return self._printed(code)

    cdef _printed(self, int code):
        if code == NO_MEMORY:
            raise MemoryError
        if code:
            item = int(np.searchsorted(self.rows, self.error_row, side="right")) - 1
            what = {
                BAD_ATTRIBUTES: "attributes that are not a JSON object",
                BAD_LABEL: f"label {self.labels[self.error_row]}, which is not among the categories",
                BAD_MASK: "a mask whose run lengths do not add up",
            }[code]
            raise ValueError(what, item)
        if not self.out.size:
            return memoryview(b"")
        return memoryview(<uint8_t[:self.out.size]>self.out.data)

    cdef inline int _category(
        self, Py_ssize_t row, const int32_t[::1] category_ids, int64_t* out
    ) noexcept nogil:
        cdef int32_t label = self.labels[row]
        out[0] = 0
        if label == -2147483647 - 1:           # none
            return 0
        if not 0 <= label < category_ids.shape[0]:
            self.error_row = row
            return BAD_LABEL
        out[0] = category_ids[label]
        return 0

    cdef inline int _begin(self, int64_t number, int64_t image, int64_t category) noexcept nogil:
        if (buffer_add(&self.out, b'{"id":', 6) < 0 or put_int64(&self.out, number) < 0
                or buffer_add(&self.out, b',"image_id":', 12) < 0 or put_int64(&self.out, image) < 0
                or buffer_add(&self.out, b',"category_id":', 15) < 0
                or put_int64(&self.out, category) < 0):
            return NO_MEMORY
        return 0

    cdef int _object(
        self, Py_ssize_t o, int64_t number, const int64_t[::1] image_ids,
        const int32_t[::1] category_ids, bint keypoints, bint attributes,
    ) noexcept nogil:
        cdef Buffer* out = &self.out
        cdef int32_t first = (<int32_t*>self.firsts.data)[o], row
        cdef int32_t box_row = -1, mask_row = -1, points_row = -1, k
        cdef int64_t category = 0, begin, n, i, seen = 0
        cdef const float* p
        cdef double area = NAN, own_area = 0
        cdef Box box
        cdef bint crowd = False, open_list = False, outline_changed = False
        cdef int code = self._category(first, category_ids, &category)
        if code == 0:
            code = self._begin(number, image_ids[(<int32_t*>self.items.data)[o]], category)
        if code == 0:
            code = self._read_attributes(first, True, &crowd)
        if code:
            return code
        if buffer_add(out, b',"segmentation":', 16) < 0:
            return NO_MEMORY
        box.known = False
        row = first
        while row >= 0:
            k = self.kinds[row]
            if area != area:
                area = self.areas[row]
            if (k == POLYGON or k == MASK) and self.areas[row] != self.areas[row]:
                outline_changed = True
            begin = self.points.offsets[row]
            n = self.points.offsets[row + 1] - begin
            p = <const float*>self.points.values + begin
            if k == BBOX:
                box_row = row
            elif k == MASK:
                mask_row = row
            elif k == POINTS:
                points_row = row
            elif k == POLYGON:
                if buffer_byte(out, c',' if open_list else c'[') < 0:
                    return NO_MEMORY
                open_list = True
                if put_hundredths_array(out, p, n) < 0:
                    return NO_MEMORY
                if not self.parts_of.data[o] & HAS_BOX:
                    for i in range(0, n - 1, 2):
                        widen(&box, p[i], p[i + 1])
            row = self.following[row]
        if mask_row >= 0:
            code = self._mask(mask_row, &box, &own_area)
            if code:
                return code
        elif buffer_add(out, b"]" if open_list else b"[]", 1 if open_list else 2) < 0:
            return NO_MEMORY
        if box_row >= 0:
            p = <const float*>self.points.values + self.points.offsets[box_row]
            box.known = self.points.offsets[box_row + 1] - self.points.offsets[box_row] == 4
            if box.known:
                box.x1, box.y1, box.x2, box.y2 = p[0], p[1], p[2], p[3]
        elif points_row >= 0 and not box.known:
            self._points_box(points_row, &box)
        if not box.known:
            box.x1 = box.y1 = box.x2 = box.y2 = 0
        if area != area or outline_changed:     # what is stated was so of another outline
            if self.parts_of.data[o] & HAS_POLYGONS:
                area = self._polygon_area(first)
            elif mask_row >= 0:
                area = own_area
            else:
                area = (box.x2 - box.x1) * (box.y2 - box.y1)
        if (buffer_add(out, b',"area":', 8) < 0 or put_double(out, area) < 0
                or buffer_add(out, b',"bbox":[', 9) < 0
                or put_rounded(out, box.x1) < 0 or buffer_byte(out, c',') < 0
                or put_rounded(out, box.y1) < 0 or buffer_byte(out, c',') < 0
                or put_rounded(out, box.x2 - box.x1) < 0 or buffer_byte(out, c',') < 0
                or put_rounded(out, box.y2 - box.y1) < 0
                or buffer_add(out, b'],"iscrowd":1' if crowd else b'],"iscrowd":0', 13) < 0):
            return NO_MEMORY
        code = self._put_attributes(attributes)
        if code == 0 and keypoints:
            code = self._keypoints(points_row)
        if code == 0 and buffer_add(out, b"},", 2) < 0:
            code = NO_MEMORY
        return code

    cdef double _polygon_area(self, int32_t row) noexcept nogil:
        """The shoelace formula, summed over the object's polygons."""
        cdef double total = 0, twice
        cdef const float* p
        cdef int64_t n, i, j
        while row >= 0:
            if self.kinds[row] == POLYGON:
                p = <const float*>self.points.values + self.points.offsets[row]
                n = (self.points.offsets[row + 1] - self.points.offsets[row]) // 2
                twice = 0
                j = n - 1
                for i in range(n):
                    twice += <double>p[2 * j] * p[2 * i + 1] - <double>p[2 * i] * p[2 * j + 1]
                    j = i
                total += fabs(twice) / 2
            row = self.following[row]
        return total

    cdef void _points_box(self, int32_t row, Box* box) noexcept nogil:
        """The box of the key points that are there; of all when none is."""
        cdef const float* p = <const float*>self.points.values + self.points.offsets[row]
        cdef int64_t n = (self.points.offsets[row + 1] - self.points.offsets[row]) // 2, i
        cdef int64_t begin = self.visibility.offsets[row]
        cdef int64_t known = self.visibility.offsets[row + 1] - begin
        cdef int turn
        for turn in range(2):
            for i in range(n):
                if turn or i >= known or self.visibility.values[begin + i]:
                    widen(box, p[2 * i], p[2 * i + 1])
            if box.known:
                return

    cdef int _keypoints(self, int32_t row) noexcept nogil:
        cdef int64_t n = 0, i, begin, known = 0, seen = 0, first = 0
        cdef uint8_t visible
        if buffer_add(&self.out, b',"keypoints":[', 14) < 0:
            return NO_MEMORY
        if row >= 0:
            first = self.points.offsets[row]
            n = (self.points.offsets[row + 1] - first) // 2
            begin = self.visibility.offsets[row]
            known = self.visibility.offsets[row + 1] - begin
        for i in range(n):
            visible = self.visibility.values[begin + i] if i < known else 2
            seen += visible > 0
            if ((i and buffer_byte(&self.out, c',') < 0)
                    or put_hundredths(&self.out, (<const float*>self.points.values)[first + 2 * i]) < 0
                    or buffer_byte(&self.out, c',') < 0
                    or put_hundredths(
                        &self.out, (<const float*>self.points.values)[first + 2 * i + 1]) < 0
                    or buffer_byte(&self.out, c',') < 0
                    or buffer_byte(&self.out, <uint8_t>(c'0' + min(visible, 2))) < 0):
                return NO_MEMORY
        if buffer_add(&self.out, b'],"num_keypoints":', 18) < 0 or put_int64(&self.out, seen) < 0:
            return NO_MEMORY
        return 0

    cdef int _mask(self, int32_t row, Box* box, double* area) noexcept nogil:
        """Print a mask as run lengths; its box (of whole pixels) and its number of pixels."""
        cdef int64_t height = self.heights[row], width = self.widths[row], run, at = 0, total = 0
        cdef int64_t begin = self.rles.offsets[row], top, bottom
        cdef Runs runs
        cdef bint first = True, inside = False
        cdef int code
        self.error_row = row
        if buffer_add(&self.out, b'{"counts":', 10) < 0:
            return NO_MEMORY
        runs_begin(&runs, self.rles.values + begin, self.rles.offsets[row + 1] - begin)
        while True:
            code = runs_next(&runs, &run)
            if code < 0:
                return BAD_MASK
            if code == 0:
                break
            if buffer_byte(&self.out, c'[' if first else c',') < 0 or put_int64(&self.out, run) < 0:
                return NO_MEMORY
            first = False
            if inside and run and height > 0:
                total += run
                # a run that goes on in the next column touches the top and the bottom
                top, bottom = at % height, (at + run - 1) % height
                if at // height != (at + run - 1) // height:
                    top, bottom = 0, height - 1
                widen(box, <double>(at // height), <double>top)
                widen(box, <double>((at + run - 1) // height + 1), <double>(bottom + 1))
            at += run
            inside = not inside
        if at != height * width:
            return BAD_MASK
        area[0] = <double>total
        if ((first and buffer_byte(&self.out, c'[') < 0)
                or buffer_add(&self.out, b'],"size":[', 10) < 0 or put_int64(&self.out, height) < 0
                or buffer_byte(&self.out, c',') < 0 or put_int64(&self.out, width) < 0
                or buffer_add(&self.out, b"]}", 2) < 0):
            return NO_MEMORY
        return 0

    # --- attributes ----------------------------------------------------------------------------------

    cdef inline bint _same_attributes(self, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
        cdef const int64_t* offsets = self.attributes.offsets
        cdef int64_t size = offsets[a + 1] - offsets[a]
        return size == offsets[b + 1] - offsets[b] and (size == 0 or memcmp(
            self.attributes.values + offsets[a], self.attributes.values + offsets[b], size
        ) == 0)

    cdef int _read_attributes(self, Py_ssize_t row, bint objects, bint* crowd) noexcept nogil:
        """Take a row's attributes apart: the crowd's flag (of objects), the score, the others."""
        cdef int64_t begin = self.attributes.offsets[row]
        cdef int64_t size = self.attributes.offsets[row + 1] - begin
        cdef const uint8_t* text = self.attributes.values + begin
        cdef Cursor c
        cdef Span key, value, plain
        cdef bint first = True
        cdef int code
        self.own.size = self.score.size = 0
        crowd[0] = False
        if size == 0:
            return 0
        if objects and size == 18 and memcmp(text, PLAIN, 18) == 0:
            return 0
        if objects and size == 17 and memcmp(text, CROWD, 17) == 0:
            crowd[0] = True
            return 0
        self.error_row = row
        c.data = text
        c.pos = 0
        c.end = size
        c.nonfinite = False
        if json_open(&c, c'{'):
            return BAD_ATTRIBUTES
        while True:
            code = json_key(&c, &first, &key)
            if code == JSON_END:
                break
            if code or json_raw(&c, &value):
                return BAD_ATTRIBUTES
            plain = key
            if key.escaped:
                self.key.size = 0
                if span_unescape(&key, &self.key) < 0:
                    return NO_MEMORY
                plain.data = self.key.data
                plain.size = self.key.size
            if objects and span_is(&plain, b"is_crowd", 8):
                crowd[0] = not (
                    span_is(&value, b"false", 5) or span_is(&value, b"0", 1)
                    or span_is(&value, b"null", 4) or span_is(&value, b'""', 2)
                )
            elif span_is(&plain, b"score", 5) and json_starts_number(value.data[0]):
                self.score.size = 0
                if buffer_add(&self.score, value.data, value.size) < 0:
                    return NO_MEMORY
            elif (buffer_byte(&self.own, c',' if self.own.size else c'{') < 0
                    or buffer_byte(&self.own, c'"') < 0
                    or buffer_add(&self.own, key.data, key.size) < 0
                    or buffer_add(&self.own, b'":', 2) < 0
                    or buffer_add(&self.own, value.data, value.size) < 0):
                return NO_MEMORY
        json_space(&c)
        return 0 if c.pos == c.end else BAD_ATTRIBUTES

    cdef inline int _put_attributes(self, bint allowed) noexcept nogil:
        """Print what `_read_attributes` found."""
        if self.score.size and (
            buffer_add(&self.out, b',"score":', 9) < 0
            or buffer_add(&self.out, self.score.data, self.score.size) < 0
        ):
            return NO_MEMORY
        if allowed and self.own.size and (
            buffer_add(&self.out, b',"attributes":', 14) < 0
            or buffer_add(&self.out, self.own.data, self.own.size) < 0
            or buffer_byte(&self.out, c'}') < 0
        ):
            return NO_MEMORY
        return 0


# --- images ----------------------------------------------------------------------------------------

def image_ids(const int64_t[::1] offsets, const uint8_t[::1] attributes):
    """What items' attributes say of image ids.

    Returns
    -------
    (ids, known, more) : int64 [n], the integer under ``id``; bool [n], whether there is one;
        bool [n], whether there is anything else.
    """
    cdef Py_ssize_t n = offsets.shape[0] - 1, i
    cdef Cursor c
    cdef Span key
    cdef bint first
    cdef int code
    ids, known, more = np.zeros(n, np.int64), np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    cdef int64_t[::1] id_out = ids
    cdef uint8_t[::1] known_out = known, more_out = more
    c.nonfinite = True
    c.data = &attributes[0] if attributes.shape[0] else NULL
    with nogil:
        for i in range(n):
            c.pos = offsets[i]
            c.end = offsets[i + 1]
            first = True
            if c.pos == c.end:
                continue
            if json_open(&c, c'{'):
                more_out[i] = True
                continue
            while True:
                code = json_key(&c, &first, &key)
                if code:
                    more_out[i] = more_out[i] or code != JSON_END
                    break
                if span_is(&key, b"id", 2) and json_int64(&c, &id_out[i]) == JSON_OK:
                    known_out[i] = True
                    continue
                more_out[i] = True
                if json_skip(&c):
                    break
    return ids, known.view(bool), more.view(bool)


def image_texts(
    const int64_t[::1] name_offsets, const uint8_t[::1] names, const int64_t[::1] image_ids,
    const int32_t[::1] heights, const int32_t[::1] widths,
    const int64_t[::1] offsets, const uint8_t[::1] attributes,
):
    """The entries of ``images`` as bytes, with a comma after each.

    Attributes of an item (JSON objects, texts by int64 [n + 1] offsets) are keys of its image, but for
    those that have the name of a key of COCO's.
    """
    cdef Py_ssize_t n = image_ids.shape[0], i
    cdef Buffer out
    cdef const uint8_t* data = &names[0] if names.shape[0] else NULL
    cdef Cursor c
    cdef int code = 0
    if (name_offsets.shape[0] != n + 1 or heights.shape[0] != n or widths.shape[0] != n
            or names.shape[0] < name_offsets[n] or offsets.shape[0] != n + 1
            or attributes.shape[0] < offsets[n]):
        raise ValueError("the columns' lengths do not agree")
    out.data = NULL
    out.size = out.room = 0
    c.nonfinite = True
    c.data = &attributes[0] if attributes.shape[0] else NULL
    with nogil:
        for i in range(n):
            code = buffer_add(&out, b'{"id":', 6) | put_int64(&out, image_ids[i])
            code = code | buffer_add(&out, b',"width":', 9) | put_int64(&out, widths[i])
            code = code | buffer_add(&out, b',"height":', 10) | put_int64(&out, heights[i])
            code = code | buffer_add(&out, b',"file_name":', 13)
            code = code | put_string(
                &out, data + name_offsets[i], name_offsets[i + 1] - name_offsets[i]
            )
            if code == 0:
                c.pos = offsets[i]
                c.end = offsets[i + 1]
                code = put_image_attributes(&c, &out)
            if code == 0:
                code = buffer_add(&out, b'},', 2)
            if code:
                break
    try:
        if code == BAD_ATTRIBUTES:
            raise ValueError(f"attributes of item {i} are no JSON object")
        if code:
            raise MemoryError
        return out.data[:out.size] if out.size else b""
    finally:
        buffer_free(&out)


cdef int put_image_attributes(Cursor* c, Buffer* out) noexcept nogil:
    """Print the members of an item's attributes as members of its image."""
    cdef Span key, value
    cdef bint first = True
    cdef Py_ssize_t before = out.size
    cdef int code
    if c.pos < c.end:
        if json_open(c, c'{'):
            return BAD_ATTRIBUTES
        while True:
            code = json_key(c, &first, &key)
            if code == JSON_END:
                break
            if code or json_raw(c, &value):
                return BAD_ATTRIBUTES
            if (span_is(&key, b"id", 2) or span_is(&key, b"file_name", 9)
                    or span_is(&key, b"width", 5) or span_is(&key, b"height", 6)):
                continue
            if (buffer_byte(out, c',') < 0 or buffer_byte(out, c'"') < 0
                    or buffer_add(out, key.data, key.size) < 0 or buffer_add(out, b'":', 2) < 0
                    or buffer_add(out, value.data, value.size) < 0):
                return NO_MEMORY
    if out.size == before:
        return buffer_add(out, b',"license":0,"flickr_url":"","coco_url":"","date_captured":0', 60)
    return 0
