"""Columns into COCO's JSON.

A `Printer` has the annotation columns of a stretch of a data set. `group` puts rows together as
COCO's objects: rows of one item, group and label, as far as an object can hold them (one box, one
set of key points, and either polygons or one mask); what does not fit begins another object. Then
`objects`, `captions` and `labels` print some of them at a time into memory that the next call uses
again.
"""

import numpy as np

from libc.string cimport memset

from datumaro.kernels._coco_parts cimport *
from datumaro.kernels._json cimport *
from datumaro.kernels._types cimport BBOX, MASK, NO_LABEL, POINTS, POLYGON

cdef enum:               # what an object has
    HAS_BOX = 1
    HAS_POINTS = 2
    HAS_POLYGONS = 4
    HAS_MASK = 8

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
    cdef Buffer out, firsts, items, parts_of, mixed
    cdef Attributes read                # the attributes in hand
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
        attributes_free(&self.read)
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
        cdef bint captions = category_ids is None
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
                    code = self._read_attributes(row, False)
                if code == 0:
                    code = put_attributes(&self.out, &self.read, attributes)
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
        if label == NO_LABEL:
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
        cdef bint open_list = False, outline_changed = False
        cdef int code = self._category(first, category_ids, &category)
        if code == 0:
            code = self._begin(number, image_ids[(<int32_t*>self.items.data)[o]], category)
        if code == 0:
            code = self._read_attributes(first, True)
        if code:
            return code
        if buffer_add(out, b',"segmentation":', 16) < 0:
            return NO_MEMORY
        box.known = False
        box.x1 = box.y1 = box.x2 = box.y2 = 0
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
            begin = self.rles.offsets[mask_row]
            self.error_row = mask_row
            code = put_mask(
                out, self.rles.values + begin, self.rles.offsets[mask_row + 1] - begin,
                self.heights[mask_row], self.widths[mask_row], &box, &own_area,
            )
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
            points_box(&self.points, &self.visibility, points_row, &box)
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
                or buffer_add(out, b'],"iscrowd":1' if self.read.crowd else b'],"iscrowd":0', 13) < 0):
            return NO_MEMORY
        code = put_attributes(out, &self.read, attributes)
        if code == 0 and keypoints:
            code = put_keypoints(out, &self.points, &self.visibility, points_row)
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

    # --- attributes ----------------------------------------------------------------------------------

    cdef inline bint _same_attributes(self, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
        cdef const int64_t* offsets = self.attributes.offsets
        cdef int64_t size = offsets[a + 1] - offsets[a]
        return size == offsets[b + 1] - offsets[b] and (size == 0 or memcmp(
            self.attributes.values + offsets[a], self.attributes.values + offsets[b], size
        ) == 0)

    cdef int _read_attributes(self, Py_ssize_t row, bint objects) noexcept nogil:
        cdef int64_t begin = self.attributes.offsets[row]
        self.error_row = row
        return read_attributes(
            &self.read, self.attributes.values + begin, self.attributes.offsets[row + 1] - begin,
            objects,
        )
