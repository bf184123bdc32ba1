"""The columns of one COCO file: images, objects, and the objects' rows.

`coco_parse.Parser` fills them in the file's order; `Columns.count`, `place_rows`, `fill` and `copy` put
them where the items' order wants them.

Objects are COCO's annotations; rows are ours: an object with two polygons and a box has three.
"""

import numpy as np

from libc.string cimport memset

from datumaro.kernels._arrays cimport array_of
from datumaro.kernels._coco cimport CROWD, PLAIN
from datumaro.kernels._json cimport *
from datumaro.kernels._types cimport BBOX, CAPTION, MASK, POINTS, POLYGON


cdef struct Before:      # of the rows before one: how many they are, and how much they hold
    Py_ssize_t row
    Py_ssize_t point
    Py_ssize_t seen
    Py_ssize_t mask
    Py_ssize_t rle
    Py_ssize_t text


cdef int move(Buffer* source, Buffer* target) noexcept:
    """Append a buffer's bytes to another, and free it."""
    cdef int code = buffer_add(target, source.data, source.size)
    buffer_free(source)
    return code


cdef int move_ends(Buffer* source, Buffer* target, int64_t before) noexcept:
    """The same of int64 ends, which are counted from ``before`` then."""
    cdef int64_t* ends = <int64_t*>source.data
    cdef size_t i
    for i in range(source.size // 8):
        ends[i] += before
    return move(source, target)


cdef class Columns:
    """Columns that grow.

    Attributes
    ----------
    n_images, n_objects, n_rows : how many there are so far.
    n_empty : objects without any part.
    """

    def __dealloc__(self):
        buffer_free(&self.image_ids)
        buffer_free(&self.image_sizes)
        buffer_free(&self.names)
        buffer_free(&self.name_ends)
        buffer_free(&self.image_rest)
        buffer_free(&self.image_rest_ends)
        self.free()

    cpdef free(self):
        """Give back the memory of the objects and rows; the images stay."""
        buffer_free(&self.ids)
        buffer_free(&self.image_of)
        buffer_free(&self.categories)
        buffer_free(&self.areas)
        buffer_free(&self.row_counts)
        buffer_free(&self.flags)
        buffer_free(&self.attributes)
        buffer_free(&self.attribute_ends)
        buffer_free(&self.kinds)
        buffer_free(&self.sizes)
        buffer_free(&self.points)
        buffer_free(&self.visibility)
        buffer_free(&self.mask_sizes)
        buffer_free(&self.rles)
        buffer_free(&self.texts)
        self.n_objects = self.n_rows = 0

    cdef void clear_images(self) noexcept:
        self.n_images = 0
        self.image_ids.size = self.image_sizes.size = self.names.size = self.name_ends.size = 0
        self.image_rest.size = self.image_rest_ends.size = 0

    cdef void clear_objects(self) noexcept:
        self.n_objects = self.n_rows = self.n_empty = 0
        self.ids.size = self.image_of.size = self.categories.size = self.areas.size = 0
        self.row_counts.size = self.flags.size = self.attributes.size = 0
        self.attribute_ends.size = self.kinds.size = self.sizes.size = self.points.size = 0
        self.visibility.size = self.mask_sizes.size = self.rles.size = self.texts.size = 0

    cdef int take_over(self, Columns other) except -1:
        """Append another's columns, which then has none."""
        if (move_ends(&other.name_ends, &self.name_ends, self.names.size) < 0
                or move(&other.names, &self.names) < 0
                or move_ends(&other.image_rest_ends, &self.image_rest_ends, self.image_rest.size) < 0
                or move(&other.image_rest, &self.image_rest) < 0
                or move(&other.image_ids, &self.image_ids) < 0
                or move(&other.image_sizes, &self.image_sizes) < 0
                or move(&other.ids, &self.ids) < 0
                or move(&other.image_of, &self.image_of) < 0
                or move(&other.categories, &self.categories) < 0
                or move(&other.areas, &self.areas) < 0
                or move(&other.row_counts, &self.row_counts) < 0
                or move(&other.flags, &self.flags) < 0
                or move_ends(
                    &other.attribute_ends, &self.attribute_ends, self.attributes.size) < 0
                or move(&other.attributes, &self.attributes) < 0
                or move(&other.kinds, &self.kinds) < 0
                or move(&other.sizes, &self.sizes) < 0
                or move(&other.points, &self.points) < 0
                or move(&other.visibility, &self.visibility) < 0
                or move(&other.mask_sizes, &self.mask_sizes) < 0
                or move(&other.rles, &self.rles) < 0
                or move(&other.texts, &self.texts) < 0):
            raise MemoryError
        self.n_images += other.n_images
        self.n_objects += other.n_objects
        self.n_rows += other.n_rows
        self.n_empty += other.n_empty
        other.n_images = other.n_objects = other.n_rows = 0
        return 0

    def images(self):
        """The images, and what more is told of them than COCO defines.

        Returns
        -------
        ids int64 [n]; sizes int32 [n, 2], height and width; names, as bytes and int64 [n + 1]
        offsets; the other members of their objects, each with a comma before it, likewise.
        """
        n = self.n_images
        offsets, rest_offsets = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
        offsets[1:] = array_of(&self.name_ends, np.int64)
        rest_offsets[1:] = array_of(&self.image_rest_ends, np.int64)
        return (
            array_of(&self.image_ids, np.int64),
            array_of(&self.image_sizes, np.int32).reshape(-1, 2),
            array_of(&self.names, np.uint8),
            offsets,
            array_of(&self.image_rest, np.uint8),
            rest_offsets,
        )

    def objects(self):
        """The objects' ids, image ids and category ids, each int64 [n_objects]."""
        return (
            array_of(&self.ids, np.int64),
            array_of(&self.image_of, np.int64),
            array_of(&self.categories, np.int64),
        )

    def totals(self):
        """How much the rows hold at most: floats, visibilities, masks and texts."""
        return (
            self.points.size // 4,
            self.visibility.size,
            self.mask_sizes.size // 8,
            self.texts.size,
        )

    def points_only(self, const uint8_t[::1] chosen):
        """Of the objects ``chosen`` (bool [n_objects]) keep the key points alone."""
        cdef Py_ssize_t o
        if chosen.shape[0] != self.n_objects:
            raise ValueError("one flag for each object is needed")
        for o in range(self.n_objects):
            if chosen[o]:
                self.flags.data[o] |= FLAG_POINTS_ONLY

    def count(self, const int32_t[::1] items, int64_t[::1] counts):
        """Add each item's number of rows to ``counts``.

        Parameters
        ----------
        items : int32 [n_objects], each object's item; -1 leaves the object out.
        """
        cdef Py_ssize_t o, row = 0
        cdef int64_t n
        if items.shape[0] != self.n_objects:
            raise ValueError("one item for each object is needed")
        with nogil:
            for o in range(self.n_objects):
                n = kept_rows(self, o, &row)
                if 0 <= items[o] < counts.shape[0]:
                    counts[items[o]] += n

    def place_rows(self, const int32_t[::1] items, int64_t[::1] free):
        """Give each object its rows in the output, in the file's order.

        ``free`` is each item's next free row; it is moved on. Returns the objects' first rows,
        int64 [n_objects], -1 for those that are left out.
        """
        cdef Py_ssize_t o, row = 0
        cdef int64_t n
        if items.shape[0] != self.n_objects:
            raise ValueError("one item for each object is needed")
        out = np.empty(self.n_objects, np.int64)
        cdef int64_t[::1] first = out
        with nogil:
            for o in range(self.n_objects):
                n = kept_rows(self, o, &row)
                if 0 <= items[o] < free.shape[0]:
                    first[o] = free[items[o]]
                    free[items[o]] += n
                else:
                    first[o] = -1
        return out

    def fill(
        self,
        const int64_t[::1] first,
        const int32_t[::1] object_labels,
        uint8_t[::1] kinds,
        int64_t[::1] ids,
        int32_t[::1] labels,
        double[::1] areas,
        int64_t[::1] attributes,
        int64_t[::1] points,
        int64_t[::1] visibility=None,
        int64_t[::1] rles=None,
        int32_t[:, ::1] mask_sizes=None,
        int64_t[::1] texts=None,
        *,
        Py_ssize_t begin=0,
        end=None,
    ):
        """Write the rows' columns, and how much each row of the others holds.

        Parameters
        ----------
        first : from `place_rows`.
        begin, end : which objects' rows; as they write to rows of their own, several threads may
            each do some.
        object_labels : int32 [n_objects].
        kinds, ids, labels, areas : outputs, [n].
        attributes, points, visibility, rles, texts : outputs, int64 [n + 1]: row i's number of
            bytes or values at i + 1. They are the offsets once they are summed.
        mask_sizes : output, int32 [2, n]: heights, widths.
        """
        cdef Py_ssize_t o, last = range_end(self, begin, end)
        cdef Before past
        cdef int64_t to, n_out = kinds.shape[0]
        cdef int32_t i, size
        cdef uint8_t kind
        cdef bint masks = rles is not None and mask_sizes is not None
        cdef bint seen = visibility is not None
        cdef bint texted = texts is not None
        cdef const int32_t* sides = <const int32_t*>self.mask_sizes.data
        if first.shape[0] != self.n_objects or object_labels.shape[0] != self.n_objects:
            raise ValueError("one row and one label for each object are needed")
        if (ids.shape[0] != n_out or labels.shape[0] != n_out or areas.shape[0] != n_out
                or attributes.shape[0] != n_out + 1 or points.shape[0] != n_out + 1
                or (seen and visibility.shape[0] != n_out + 1)
                or (masks and (rles.shape[0] != n_out + 1 or mask_sizes.shape[0] != 2
                               or mask_sizes.shape[1] != n_out))
                or (texted and texts.shape[0] != n_out + 1)):
            raise ValueError("the outputs' lengths do not agree")
        with nogil:
            past = before(self, begin)
            for o in range(begin, last):
                to = first[o]
                for i in range((<int32_t*>self.row_counts.data)[o]):
                    kind = self.kinds.data[past.row]
                    size = (<int32_t*>self.sizes.data)[past.row]
                    past.row += 1
                    past.mask += kind == MASK
                    if to < 0 or to >= n_out or (
                        self.flags.data[o] & FLAG_POINTS_ONLY and kind != POINTS
                    ):
                        continue
                    kinds[to] = kind
                    ids[to] = (<int64_t*>self.ids.data)[o]
                    labels[to] = object_labels[o]
                    areas[to] = (<double*>self.areas.data)[o]
                    attributes[to + 1] = attribute_size_of(self, o)
                    if kind == POLYGON or kind == BBOX:
                        points[to + 1] = size
                    elif kind == POINTS:
                        points[to + 1] = size
                        if seen:
                            visibility[to + 1] = size // 2
                    elif kind == MASK and masks:
                        rles[to + 1] = size
                        mask_sizes[0, to] = sides[2 * past.mask - 2]
                        mask_sizes[1, to] = sides[2 * past.mask - 1]
                    elif kind == CAPTION and texted:
                        texts[to + 1] = size
                    to += 1

    def copy(
        self,
        const int64_t[::1] first,
        const int64_t[::1] attribute_offsets,
        uint8_t[::1] attributes,
        const int64_t[::1] point_offsets,
        float[::1] points,
        const int64_t[::1] visibility_offsets=None,
        uint8_t[::1] visibility=None,
        const int64_t[::1] rle_offsets=None,
        uint8_t[::1] rles=None,
        const int64_t[::1] text_offsets=None,
        uint8_t[::1] texts=None,
        *,
        Py_ssize_t begin=0,
        end=None,
    ):
        """Write what the rows of some objects hold, at the offsets that `fill` led to."""
        cdef Py_ssize_t o, last = range_end(self, begin, end)
        cdef Before past
        cdef int64_t to, size, attribute_size, attribute, n_out = attribute_offsets.shape[0] - 1
        cdef const int64_t* ends = <const int64_t*>self.attribute_ends.data
        cdef const uint8_t* own
        cdef int32_t i
        cdef uint8_t kind
        cdef bint taken
        if first.shape[0] != self.n_objects or point_offsets.shape[0] != n_out + 1:
            raise ValueError("one row for each object is needed")
        with nogil:
            past = before(self, begin)
            for o in range(begin, last):
                to = first[o]
                attribute = ends[o - 1] if o else 0
                attribute_size = attribute_size_of(self, o)
                if attribute_size and ends[o] == attribute:
                    own = <const uint8_t*>(CROWD if attribute_size == 17 else PLAIN)
                else:
                    own = self.attributes.data + attribute
                for i in range((<int32_t*>self.row_counts.data)[o]):
                    kind = self.kinds.data[past.row]
                    size = (<int32_t*>self.sizes.data)[past.row]
                    past.row += 1
                    taken = 0 <= to < n_out and not (
                        self.flags.data[o] & FLAG_POINTS_ONLY and kind != POINTS
                    )
                    if taken and attribute_size:
                        memcpy(&attributes[attribute_offsets[to]], own, attribute_size)
                    if kind == POLYGON or kind == BBOX or kind == POINTS:
                        if taken and size:
                            memcpy(
                                &points[point_offsets[to]],
                                (<const float*>self.points.data) + past.point, 4 * size,
                            )
                        past.point += size
                        if kind == POINTS:
                            size //= 2
                            if taken and visibility is not None and size:
                                memcpy(
                                    &visibility[visibility_offsets[to]],
                                    self.visibility.data + past.seen, size,
                                )
                            past.seen += size
                    elif kind == MASK:
                        if taken and rles is not None and size:
                            memcpy(&rles[rle_offsets[to]], self.rles.data + past.rle, size)
                        past.rle += size
                    elif kind == CAPTION:
                        if taken and texts is not None and size:
                            memcpy(&texts[text_offsets[to]], self.texts.data + past.text, size)
                        past.text += size
                    to += taken


cdef inline int64_t kept_rows(Columns columns, Py_ssize_t o, Py_ssize_t* row) noexcept nogil:
    """How many rows of an object count; ``row`` is its first, and becomes the next object's."""
    cdef int32_t n = (<int32_t*>columns.row_counts.data)[o], i
    cdef int64_t kept = n
    if columns.flags.data[o] & FLAG_POINTS_ONLY:
        kept = 0
        for i in range(n):
            kept += columns.kinds.data[row[0] + i] == POINTS
    row[0] += n
    return kept


cdef inline int64_t attribute_size_of(Columns columns, Py_ssize_t o) noexcept nogil:
    cdef const int64_t* ends = <const int64_t*>columns.attribute_ends.data
    cdef int64_t size = ends[o] - (ends[o - 1] if o else 0)
    if size == 0 and columns.shapes:
        size = 17 if columns.flags.data[o] & FLAG_CROWD else 18
    return size


cdef Py_ssize_t range_end(Columns columns, Py_ssize_t begin, end) except -1:
    cdef Py_ssize_t last = columns.n_objects if end is None else end
    if not 0 <= begin <= last <= columns.n_objects:
        raise ValueError("there are no such objects")
    return last


cdef Before before(Columns columns, Py_ssize_t end) noexcept nogil:
    """How much the rows of the first objects hold."""
    cdef Before sums
    cdef Py_ssize_t o, rows = 0
    cdef int32_t size
    cdef uint8_t kind
    memset(&sums, 0, sizeof(sums))
    for o in range(end):
        rows += (<int32_t*>columns.row_counts.data)[o]
    while sums.row < rows:
        kind = columns.kinds.data[sums.row]
        size = (<int32_t*>columns.sizes.data)[sums.row]
        sums.row += 1
        if kind == POLYGON or kind == BBOX:
            sums.point += size
        elif kind == POINTS:
            sums.point += size
            sums.seen += size // 2
        elif kind == MASK:
            sums.mask += 1
            sums.rle += size
        elif kind == CAPTION:
            sums.text += size
    return sums
