"""Write columns as the elements of the `items` array of the `datumaro` format's JSON."""

from libc.math cimport isfinite, rintf
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memchr, strlen

from datumaro.kernels._json cimport (
    Buffer, buffer_add, buffer_byte, buffer_free, buffer_reserve, put_decimal, put_double,
    put_hundredths, put_hundredths_array, put_int64, put_string, to_hundredths,
)
from datumaro.kernels._types cimport *

# How an item's media is told.
cdef enum:
    M_NONE = 0
    M_IMAGE = 1          # the text is the image's path
    M_PATHLESS = 2       # an image without a path
    M_TEXT = 3           # the text is the media's key and value

MEDIA_NONE, MEDIA_IMAGE, MEDIA_PATHLESS, MEDIA_TEXT = M_NONE, M_IMAGE, M_PATHLESS, M_TEXT

cdef enum:
    NO_MEMORY = -1
    BAD_RUNS = -2
    BAD_TYPE = -3
    BAD_EXTRA = -4

cdef extern from *:
    """
    static const char *const dm_type_names[18] = {
        "unknown", "label", "mask", "points", "polygon", "polyline", "bbox", "caption", "cuboid_3d",
        "super_resolution_annotation", "depth_annotation", "ellipse", "hash_key", "feature_vector",
        "tabular", "rotated_bbox", "cuboid_2d", "skeleton"};
    """
    const char* const* dm_type_names


WHAT = {
    BAD_RUNS: "mask counts that are not compressed RLE",
    BAD_TYPE: "a kind of annotation that has no name",
    BAD_EXTRA: "a cuboid's exact points that are not an array of its size",
}


class BadRow(ValueError):
    """A row that cannot be written: (item, annotation, what is wrong)."""


cdef inline bint is_hundredths(float value) noexcept nogil:
    """Whether a reader, who rounds, finds the same coordinate; NaN: yes."""
    return to_hundredths(value) == value or value != value


cdef inline int put(Buffer* b, const char* text, Py_ssize_t size) noexcept nogil:
    return buffer_add(b, text, size)


cdef bint short_side(float low, float high, int64_t* size) noexcept nogil:
    """Whether a box's coordinates are hundredths of which readers find ``high``; their difference.

    Readers add the coordinate and the size as doubles and round the sum.
    """
    cdef float begin = rintf(low * <float>100), end = rintf(high * <float>100)
    if not (-8388608 < begin < 8388608 and -8388608 < end < 8388608
            and begin / <float>100 == low and end / <float>100 == high):
        return False
    size[0] = <int64_t>end - <int64_t>begin
    return to_hundredths(<double>begin / 100 + <double>size[0] / 100) == high


cdef int put_bbox(Buffer* b, const float* points, bint* same) noexcept nogil:
    """Append ``x,y,w,h``; when readers would not find the same corners, ``same`` becomes false."""
    cdef int64_t[2] size
    cdef bint[2] short_form
    cdef int i
    for i in range(2):
        short_form[i] = short_side(points[i], points[i + 2], &size[i])
        if not short_form[i]:
            same[0] &= is_hundredths(points[i]) and points[i + 2] == to_hundredths(
                <double>points[i] + (<double>points[i + 2] - <double>points[i])
            )
        if (put_hundredths(b, points[i]) if short_form[i] else put_double(b, points[i])) < 0:
            return NO_MEMORY
        if buffer_byte(b, c',') < 0:
            return NO_MEMORY
    for i in range(2):
        if i and buffer_byte(b, c',') < 0:
            return NO_MEMORY
        if short_form[i]:
            if put_decimal(b, size[i] < 0, size[i] if size[i] >= 0 else -size[i], 2) < 0:
                return NO_MEMORY
        elif put_double(b, <double>points[i + 2] - <double>points[i]) < 0:
            return NO_MEMORY
    return 0


cdef int put_pairs(Buffer* b, const float* points, Py_ssize_t n) noexcept nogil:
    """Append ``[[x,y],…]`` of numbers that are not rounded."""
    cdef Py_ssize_t i
    for i in range(0, n, 2):
        if (put(b, b",[" if i else b"[[", 2) < 0 or put_double(b, points[i]) < 0
                or buffer_byte(b, c',') < 0 or put_double(b, points[i + 1]) < 0
                or buffer_byte(b, c']') < 0):
            return NO_MEMORY
    return buffer_byte(b, c']')


cdef int put_double_hundredths(Buffer* b, float value) noexcept nogil:
    """Append the double that ``value``, rounded to hundredths, stands for."""
    cdef double v = value
    cdef double rounded = _rint(v * 100) / 100
    return put_double(b, rounded if isfinite(rounded) else v)


cdef extern from "math.h" nogil:
    double _rint "rint"(double)


cdef const uint8_t* next_number(const uint8_t* p, const uint8_t* end, Py_ssize_t* size) noexcept nogil:
    """The number at or after p in an array's text, and its size; NULL after the last."""
    cdef const uint8_t* begin
    while p < end and (p[0] == c',' or p[0] <= 32):
        p += 1
    begin = p
    while p < end and p[0] != c',' and p[0] != c']' and p[0] > 32:
        p += 1
    size[0] = p - begin
    return begin if p > begin and p < end else NULL


cdef class ItemWriter:
    """A chunk's columns. See the stub."""

    cdef const int64_t[::1] offsets, item_id_at, item_attributes_at, media_at
    cdef const uint8_t[::1] item_id, item_attributes, media, media_kind
    cdef const int32_t[::1] height, width
    cdef const uint8_t[::1] type, attributes, visibility, rle, text, extra
    cdef const int64_t[::1] id, group, attributes_at, points_at, visibility_at, rle_at, text_at, extra_at
    cdef const int32_t[::1] object_id, label, z_order, mask_height, mask_width
    cdef const float[::1] points
    cdef const double[::1] area

    def __cinit__(self, dict columns):
        self.offsets = columns["offsets"]
        self.item_id, self.item_id_at = columns["item.id"], columns["item.id_at"]
        self.item_attributes = columns["item.attributes"]
        self.item_attributes_at = columns["item.attributes_at"]
        self.media, self.media_at = columns["item.media"], columns["item.media_at"]
        self.media_kind = columns["item.media_kind"]
        self.height, self.width = columns["item.height"], columns["item.width"]
        self.type, self.id, self.group = columns["type"], columns["id"], columns["group"]
        self.object_id, self.label = columns["object_id"], columns["label"]
        self.z_order, self.area = columns["z_order"], columns["area"]
        self.mask_height, self.mask_width = columns["mask_height"], columns["mask_width"]
        self.attributes, self.attributes_at = columns["attributes"], columns["attributes_at"]
        self.points, self.points_at = columns["points"], columns["points_at"]
        self.visibility, self.visibility_at = columns["visibility"], columns["visibility_at"]
        self.rle, self.rle_at = columns["rle"], columns["rle_at"]
        self.text, self.text_at = columns["text"], columns["text_at"]
        self.extra, self.extra_at = columns["extra"], columns["extra_at"]

    def write(self, Py_ssize_t begin, Py_ssize_t end):
        cdef Buffer out
        cdef Py_ssize_t item, row = -1
        cdef int code = 0
        if not 0 <= begin <= end <= self.media_kind.shape[0]:
            raise ValueError("bounds outside the items")
        out.data, out.size, out.room = NULL, 0, 0
        try:
            with nogil:
                for item in range(begin, end):
                    if item > begin:
                        code = buffer_byte(&out, c',')
                    if code == 0:
                        code = self._item(&out, item, &row)
                    if code:
                        break
            if code == NO_MEMORY:
                raise MemoryError
            if code:
                raise BadRow(item, row, WHAT[code])
            return (<const char*>out.data)[:out.size] if out.size else b""
        finally:
            buffer_free(&out)

    cdef int _item(self, Buffer* b, Py_ssize_t i, Py_ssize_t* bad) noexcept nogil:
        cdef Py_ssize_t row, begin = self.offsets[i], end = self.offsets[i + 1], extended = 0
        cdef int64_t at = self.item_attributes_at[i], size = self.item_attributes_at[i + 1] - at
        cdef bint first = True
        cdef int code, kind = self.media_kind[i]
        if (put(b, b'{"id":', 6) < 0
                or put_string(b, &self.item_id[self.item_id_at[i]],
                              self.item_id_at[i + 1] - self.item_id_at[i]) < 0
                or put(b, b',"annotations":[', 16) < 0):
            return NO_MEMORY
        for row in range(begin, end):
            if not self._is_standard(row):
                extended += 1
                continue
            if not first and buffer_byte(b, c',') < 0:
                return NO_MEMORY
            first = False
            code = self._annotation(b, row, -1)
            if code:
                bad[0] = row
                return code
        if buffer_byte(b, c']') < 0:
            return NO_MEMORY
        if size and (put(b, b',"attr":', 8) < 0
                     or buffer_add(b, &self.item_attributes[at], size) < 0):
            return NO_MEMORY
        at, size = self.media_at[i], self.media_at[i + 1] - self.media_at[i]
        if kind == M_TEXT:
            if buffer_byte(b, c',') < 0 or buffer_add(b, &self.media[at], size) < 0:
                return NO_MEMORY
        elif kind != M_NONE:
            if put(b, b',"image":{"path":', 17) < 0:
                return NO_MEMORY
            if (put(b, b"null", 4) if kind == M_PATHLESS else put_string(b, &self.media[at], size)) < 0:
                return NO_MEMORY
            if self.height[i] > 0 and self.width[i] > 0 and (
                put(b, b',"size":[', 9) < 0 or put_int64(b, self.height[i]) < 0
                or buffer_byte(b, c',') < 0 or put_int64(b, self.width[i]) < 0
                or buffer_byte(b, c']') < 0
            ):
                return NO_MEMORY
            if buffer_byte(b, c'}') < 0:
                return NO_MEMORY
        if extended:
            if put(b, b',"extended_annotations":[', 25) < 0:
                return NO_MEMORY
            for row in range(begin, end):
                if self._is_standard(row):
                    continue
                code = self._annotation(b, row, row - begin)
                if code:
                    bad[0] = row
                    return code
                extended -= 1
                if buffer_byte(b, c',' if extended else c']') < 0:
                    return NO_MEMORY
        return buffer_byte(b, c'}')

    cdef inline bint _is_standard(self, Py_ssize_t row) noexcept nogil:
        """Whether the published package's readers take the annotation."""
        cdef int t = self.type[row]
        cdef int64_t n = self.points_at[row + 1] - self.points_at[row]
        if t == CUBOID_2D:
            return n == 16
        if t == CUBOID_3D:
            return n == 9
        if self.extra_at[row + 1] > self.extra_at[row]:
            return False
        if t == POLYGON:
            return n >= 6 and n & 1 == 0
        if t == BBOX or t == ELLIPSE:
            return n == 4
        if t == POLYLINE:
            return n & 1 == 0
        if t == POINTS:
            return 2 * (self.visibility_at[row + 1] - self.visibility_at[row]) == n
        if t == LABEL:
            return self.label[row] != NO_LABEL
        return t == MASK or t == CAPTION

    cdef int _annotation(self, Buffer* b, Py_ssize_t row, Py_ssize_t index) noexcept nogil:
        """``index``: the place among the item's annotations of one that is not standard; else -1."""
        cdef int t = self.type[row]
        cdef int code
        cdef int64_t at = self.attributes_at[row], size = self.attributes_at[row + 1] - at
        if t >= TYPES:
            return BAD_TYPE
        if index >= 0 and (put(b, b'{"index":', 9) < 0 or put_int64(b, index) < 0
                           or buffer_byte(b, c',') < 0):
            return NO_MEMORY
        if index < 0 and buffer_byte(b, c'{') < 0:
            return NO_MEMORY
        if (put(b, b'"id":', 5) < 0 or put_int64(b, self.id[row]) < 0
                or put(b, b',"type":"', 9) < 0 or put(b, dm_type_names[t], strlen(dm_type_names[t])) < 0
                or put(b, b'","attributes":', 15) < 0):
            return NO_MEMORY
        if (buffer_add(b, &self.attributes[at], size) if size else put(b, b"{}", 2)) < 0:
            return NO_MEMORY
        if put(b, b',"group":', 9) < 0 or put_int64(b, self.group[row]) < 0:
            return NO_MEMORY
        if self.object_id[row] != -1 and (
            put(b, b',"object_id":', 13) < 0 or put_int64(b, self.object_id[row]) < 0
        ):
            return NO_MEMORY
        code = self._standard(b, row, t) if index < 0 else self._extended(b, row, t)
        if code:
            return code
        if self.area[row] == self.area[row] and (
            put(b, b',"area":', 8) < 0 or put_double(b, self.area[row]) < 0
        ):
            return NO_MEMORY
        return buffer_byte(b, c'}')

    cdef inline int _label(self, Buffer* b, Py_ssize_t row) noexcept nogil:
        if put(b, b',"label_id":', 12) < 0:
            return NO_MEMORY
        return put(b, b"null", 4) if self.label[row] == NO_LABEL else put_int64(b, self.label[row])

    cdef inline int _z_order(self, Buffer* b, Py_ssize_t row) noexcept nogil:
        if put(b, b',"z_order":', 11) < 0:
            return NO_MEMORY
        return put_int64(b, self.z_order[row])

    cdef int _standard(self, Buffer* b, Py_ssize_t row, int t) noexcept nogil:
        cdef const float* points = &self.points[self.points_at[row]]
        cdef Py_ssize_t n = self.points_at[row + 1] - self.points_at[row], i
        cdef bint same = True
        if t == CAPTION:
            if put(b, b',"caption":', 11) < 0:
                return NO_MEMORY
            return put_string(b, &self.text[self.text_at[row]], self.text_at[row + 1] - self.text_at[row])
        if self._label(b, row) < 0:
            return NO_MEMORY
        if t == LABEL:
            return 0
        if t == MASK:
            return self._mask(b, row)
        if t == CUBOID_3D:
            return self._cuboid_3d(b, row, points)
        if t == CUBOID_2D:
            if put(b, b',"points":', 10) < 0:
                return NO_MEMORY
            if self.extra_at[row + 1] > self.extra_at[row]:
                i = self._extra_numbers(b, row, 16, 2)
                if i:
                    return <int>i
            elif put_pairs(b, points, 16) < 0:
                return NO_MEMORY
            return self._z_order(b, row)
        if t == BBOX:
            if self._z_order(b, row) < 0 or put(b, b',"bbox":[', 9) < 0:
                return NO_MEMORY
            if put_bbox(b, points, &same) < 0 or buffer_byte(b, c']') < 0:
                return NO_MEMORY
        else:
            if (put(b, b',"points":', 10) < 0 or put_hundredths_array(b, points, n) < 0
                    or self._z_order(b, row) < 0):
                return NO_MEMORY
            for i in range(n):
                same &= is_hundredths(points[i])
            if t == POINTS and self._visibility(b, row) < 0:
                return NO_MEMORY
        if same:
            return 0
        if put(b, b',"exact_points":', 16) < 0:
            return NO_MEMORY
        return put_hundredths_array(b, points, n)

    cdef int _visibility(self, Buffer* b, Py_ssize_t row) noexcept nogil:
        cdef int64_t i
        if put(b, b',"visibility":[', 15) < 0:
            return NO_MEMORY
        for i in range(self.visibility_at[row], self.visibility_at[row + 1]):
            if i > self.visibility_at[row] and buffer_byte(b, c',') < 0:
                return NO_MEMORY
            if put_int64(b, self.visibility[i]) < 0:
                return NO_MEMORY
        return buffer_byte(b, c']')

    cdef int _rle(self, Buffer* b, Py_ssize_t row) noexcept nogil:
        cdef int64_t begin = self.rle_at[row], end = self.rle_at[row + 1], i
        for i in range(begin, end):
            if not 48 <= self.rle[i] < 112:
                return BAD_RUNS
        if (put(b, b',"rle":{"counts":', 17) < 0
                or put_string(b, &self.rle[begin], end - begin) < 0
                or put(b, b',"size":[', 9) < 0 or put_int64(b, self.mask_height[row]) < 0
                or buffer_byte(b, c',') < 0 or put_int64(b, self.mask_width[row]) < 0):
            return NO_MEMORY
        return put(b, b"]}", 2)

    cdef int _mask(self, Buffer* b, Py_ssize_t row) noexcept nogil:
        cdef int code = self._rle(b, row)
        return code if code else self._z_order(b, row)

    cdef int _cuboid_3d(self, Buffer* b, Py_ssize_t row, const float* points) noexcept nogil:
        cdef int i
        cdef Py_ssize_t size
        cdef const uint8_t* p = NULL
        cdef const uint8_t* end = NULL
        cdef bint exact = self.extra_at[row + 1] > self.extra_at[row]
        if exact:
            p = self._extra_array(row, &end)
            if p == NULL:
                return BAD_EXTRA
        for i in range(9):
            if i == 0 and put(b, b',"position":[', 13) < 0:
                return NO_MEMORY
            if i == 3 and put(b, b',"rotation":[', 13) < 0:
                return NO_MEMORY
            if i == 6 and put(b, b',"scale":[', 10) < 0:
                return NO_MEMORY
            if exact:
                p = next_number(p, end, &size)
                if p == NULL:
                    return BAD_EXTRA
                if buffer_add(b, p, size) < 0:
                    return NO_MEMORY
                p += size
            elif put_double_hundredths(b, points[i]) < 0:
                return NO_MEMORY
            if buffer_byte(b, c']' if i % 3 == 2 else c',') < 0:
                return NO_MEMORY
        if exact and next_number(p, end, &size) != NULL:
            return BAD_EXTRA
        return 0

    cdef const uint8_t* _extra_array(self, Py_ssize_t row, const uint8_t** end) noexcept nogil:
        """Where the numbers of ``{"points":[…]}`` begin."""
        cdef const uint8_t* p = &self.extra[self.extra_at[row]]
        cdef const uint8_t* bracket = <const uint8_t*>memchr(
            p, c'[', self.extra_at[row + 1] - self.extra_at[row]
        )
        end[0] = p + (self.extra_at[row + 1] - self.extra_at[row])
        return bracket + 1 if bracket != NULL else NULL

    cdef int _extra_numbers(self, Buffer* b, Py_ssize_t row, int n, int group) noexcept nogil:
        """Append the numbers of ``{"points":[…]}`` as arrays of ``group`` in an array."""
        cdef const uint8_t* end = NULL
        cdef const uint8_t* p = self._extra_array(row, &end)
        cdef Py_ssize_t size
        cdef int i
        if p == NULL:
            return BAD_EXTRA
        for i in range(n):
            p = next_number(p, end, &size)
            if p == NULL:
                return BAD_EXTRA
            if i % group == 0:
                if put(b, b",[" if i else b"[[", 2) < 0:
                    return NO_MEMORY
            elif buffer_byte(b, c',') < 0:
                return NO_MEMORY
            if buffer_add(b, p, size) < 0:
                return NO_MEMORY
            p += size
            if i % group == group - 1 and buffer_byte(b, c']') < 0:
                return NO_MEMORY
        if next_number(p, end, &size) != NULL:
            return BAD_EXTRA
        return buffer_byte(b, c']')

    cdef int _extended(self, Buffer* b, Py_ssize_t row, int t) noexcept nogil:
        cdef Py_ssize_t n = self.points_at[row + 1] - self.points_at[row]
        cdef int64_t at = self.extra_at[row], size = self.extra_at[row + 1] - at
        if self._label(b, row) < 0 or self._z_order(b, row) < 0:
            return NO_MEMORY
        if n and (put(b, b',"points":', 10) < 0
                  or put_hundredths_array(b, &self.points[self.points_at[row]], n) < 0):
            return NO_MEMORY
        if self.visibility_at[row + 1] > self.visibility_at[row] and self._visibility(b, row) < 0:
            return NO_MEMORY
        if t == MASK:
            at = self._rle(b, row)
            if at:
                return <int>at
            at = self.extra_at[row]
        if t == CAPTION and (
            put(b, b',"caption":', 11) < 0
            or put_string(b, &self.text[self.text_at[row]], self.text_at[row + 1] - self.text_at[row]) < 0
        ):
            return NO_MEMORY
        if put(b, b',"extra":', 9) < 0:
            return NO_MEMORY
        return buffer_add(b, &self.extra[at], size) if size else put(b, b"{}", 2)
