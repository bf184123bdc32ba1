"""Read the `items` array of the `datumaro` format's JSON into columns.

The text comes in pieces. `ItemReader.read` takes whole elements of the array from a piece, appends
them to columns, and says where the first element begins that the piece does not hold to its end.
"""

import numpy as np

from libc.math cimport NAN, isfinite, rint
from libc.stdint cimport INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from datumaro.kernels._json cimport (
    JSON_BAD, JSON_END, JSON_MEMORY, JSON_MORE, JSON_OK, JSON_RANGE, JSON_TYPE,
    Buffer, Cursor, Span,
    buffer_add, buffer_byte, buffer_double, buffer_float, buffer_free, buffer_int32, buffer_int64,
    json_double, json_element, json_hundredths, json_int64, json_int64s, json_key,
    json_null, json_open, json_peek, json_raw, json_skip, json_string, put_double, span_add,
    span_is, to_hundredths,
)
from datumaro.kernels._rle cimport RLE_LIMIT, put_runs, runs_fill

# What can be wrong beside the codes of _json.pxd.
cdef enum:
    BAD_LABEL = 32       # a label that is not declared
    BAD_COUNT = 33       # a wrong number of values
    BAD_MISSING = 34     # a key is missing
    BAD_TWICE = 35       # a key stands twice
    BAD_KIND = 36        # not a kind of annotation that can stand here
    BAD_RLE = 37         # run lengths that do not fit the mask's size
    BAD_VALUE = 38       # a value that is not allowed
    BAD_MEDIA = 39       # several media
    BAD_PATH = 40        # a path that leads outside
    NOT_KEPT = 64        # an annotation that is left out without a word

CODES = {
    "label": BAD_LABEL, "count": BAD_COUNT, "missing": BAD_MISSING, "twice": BAD_TWICE,
    "kind": BAD_KIND, "rle": BAD_RLE, "value": BAD_VALUE, "media": BAD_MEDIA, "path": BAD_PATH,
    "cut": JSON_MORE, "type": JSON_TYPE, "range": JSON_RANGE, "memory": JSON_MEMORY,
}

# Columns. ..._AT: the ends of a list column's rows.
cdef enum:
    I_ID, I_ID_AT, I_ATTRIBUTES, I_ATTRIBUTES_AT, I_MEDIA, I_PATH, I_PATH_AT, I_HEIGHT, I_WIDTH
    I_EXTRA, I_EXTRA_AT, I_FIRST, I_SOURCE
    A_TYPE, A_ID, A_GROUP, A_OBJECT, A_LABEL, A_Z_ORDER, A_ATTRIBUTES, A_ATTRIBUTES_AT
    A_POINTS, A_POINTS_AT, A_VISIBILITY, A_VISIBILITY_AT, A_MASK_HEIGHT, A_MASK_WIDTH
    A_RLE, A_RLE_AT, A_TEXT, A_TEXT_AT, A_EXTRA, A_EXTRA_AT, A_AREA
    E_ROW, E_INDEX, PROBLEMS, COLUMNS

_COLUMNS = {
    "item.id": (I_ID, "u1"), "item.id_at": (I_ID_AT, "i8"),
    "item.attributes": (I_ATTRIBUTES, "u1"), "item.attributes_at": (I_ATTRIBUTES_AT, "i8"),
    "item.media_type": (I_MEDIA, "u1"), "item.path": (I_PATH, "u1"), "item.path_at": (I_PATH_AT, "i8"),
    "item.height": (I_HEIGHT, "i4"), "item.width": (I_WIDTH, "i4"),
    "item.media_extra": (I_EXTRA, "u1"), "item.media_extra_at": (I_EXTRA_AT, "i8"),
    "offsets": (I_FIRST, "i8"), "item.source": (I_SOURCE, "i8"),
    "type": (A_TYPE, "u1"), "id": (A_ID, "i8"), "group": (A_GROUP, "i8"),
    "object_id": (A_OBJECT, "i4"), "label": (A_LABEL, "i4"), "z_order": (A_Z_ORDER, "i4"),
    "attributes": (A_ATTRIBUTES, "u1"), "attributes_at": (A_ATTRIBUTES_AT, "i8"),
    "points": (A_POINTS, "f4"), "points_at": (A_POINTS_AT, "i8"),
    "visibility": (A_VISIBILITY, "u1"), "visibility_at": (A_VISIBILITY_AT, "i8"),
    "mask_height": (A_MASK_HEIGHT, "i4"), "mask_width": (A_MASK_WIDTH, "i4"),
    "rle": (A_RLE, "u1"), "rle_at": (A_RLE_AT, "i8"), "text": (A_TEXT, "u1"),
    "text_at": (A_TEXT_AT, "i8"), "extra": (A_EXTRA, "u1"), "extra_at": (A_EXTRA_AT, "i8"),
    "area": (A_AREA, "f8"), "extended_row": (E_ROW, "i8"), "extended_index": (E_INDEX, "i8"),
}
_ENDS = (
    I_ID_AT, I_ATTRIBUTES_AT, I_PATH_AT, I_EXTRA_AT, I_FIRST, A_ATTRIBUTES_AT, A_POINTS_AT,
    A_VISIBILITY_AT, A_RLE_AT, A_TEXT_AT, A_EXTRA_AT,
)

# Keys of an annotation and of an item.
cdef enum:
    K_ID, K_TYPE, K_ATTRIBUTES, K_GROUP, K_OBJECT, K_LABEL, K_Z_ORDER, K_AREA, K_INDEX, K_EXTRA
    # from here on, what the value means depends on the annotation's type
    K_POINTS, K_VISIBILITY, K_BBOX, K_RLE, K_CAPTION, K_POSITION, K_ROTATION, K_SCALE, K_EXACT
    K_ANNOTATIONS, K_EXTENDED, K_ATTR, K_IMAGE, K_CLOUD, K_RELATED, K_VIDEO, K_FRAME, K_FRAMES, K_MEDIA
    K_COUNTS, K_SIZE, K_PATH, K_IMAGE_SIZE, K_NONE
    KEYS = K_ANNOTATIONS

KEY_NAMES = (
    "id", "type", "attributes", "group", "object_id", "label_id", "z_order", "area", "index", "extra",
    "points", "visibility", "bbox", "rle", "caption", "position", "rotation", "scale", "exact_points",
    "annotations", "extended_annotations", "attr", "image", "point_cloud", "related_images", "video",
    "video_frame", "multiframe_image", "media", "rle.counts", "rle.size", "image.path",
    "image.size", "",
)

cdef enum:
    T_UNKNOWN = 0
    T_LABEL = 1
    T_MASK = 2
    T_POINTS = 3
    T_POLYGON = 4
    T_POLYLINE = 5
    T_BBOX = 6
    T_CAPTION = 7
    T_CUBOID_3D = 8
    T_SUPER_RESOLUTION = 9
    T_DEPTH = 10
    T_ELLIPSE = 11
    T_HASH_KEY = 12
    T_FEATURE_VECTOR = 13
    T_TABULAR = 14
    T_ROTATED_BBOX = 15
    T_CUBOID_2D = 16
    T_SKELETON = 17

    MEDIA_IMAGE = 2

MEDIA_RAW = 255
"""The media type of items whose media stand in `media_extra` as in the file, for the caller to read."""

cdef int64_t NO_LABEL = INT32_MIN


cdef struct Row:             # an annotation in the making
    bint extended
    int type                 # -1: not known yet
    uint32_t seen            # keys, by bit
    uint32_t later           # keys whose values wait for the type
    bint exact               # the points are those of `exact_points`
    int64_t id
    int64_t group
    int64_t object_id
    int64_t label
    int64_t z_order
    int64_t index
    double area
    double[9] cuboid
    int64_t height
    int64_t width
    Py_ssize_t[KEYS] at


cdef inline int item_key(const Span* key) noexcept nogil:
    if key.size == 2:
        return K_ID if span_is(key, b"id", 2) else K_NONE
    if key.size == 4:
        return K_ATTR if span_is(key, b"attr", 4) else K_NONE
    if key.size == 5:
        if span_is(key, b"image", 5):
            return K_IMAGE
        if span_is(key, b"video", 5):
            return K_VIDEO
        return K_MEDIA if span_is(key, b"media", 5) else K_NONE
    if key.size == 11:
        if span_is(key, b"annotations", 11):
            return K_ANNOTATIONS
        if span_is(key, b"point_cloud", 11):
            return K_CLOUD
        return K_FRAME if span_is(key, b"video_frame", 11) else K_NONE
    if span_is(key, b"related_images", 14):
        return K_RELATED
    if span_is(key, b"multiframe_image", 16):
        return K_FRAMES
    return K_EXTENDED if span_is(key, b"extended_annotations", 20) else K_NONE


cdef inline int annotation_key(const Span* key) noexcept nogil:
    if key.size == 2:
        return K_ID if span_is(key, b"id", 2) else K_NONE
    if key.size == 3:
        return K_RLE if span_is(key, b"rle", 3) else K_NONE
    if key.size == 4:
        if span_is(key, b"type", 4):
            return K_TYPE
        if span_is(key, b"bbox", 4):
            return K_BBOX
        return K_AREA if span_is(key, b"area", 4) else K_NONE
    if key.size == 5:
        if span_is(key, b"group", 5):
            return K_GROUP
        if span_is(key, b"scale", 5):
            return K_SCALE
        if span_is(key, b"index", 5):
            return K_INDEX
        return K_EXTRA if span_is(key, b"extra", 5) else K_NONE
    if key.size == 6:
        return K_POINTS if span_is(key, b"points", 6) else K_NONE
    if key.size == 7:
        if span_is(key, b"z_order", 7):
            return K_Z_ORDER
        return K_CAPTION if span_is(key, b"caption", 7) else K_NONE
    if key.size == 8:
        if span_is(key, b"label_id", 8):
            return K_LABEL
        if span_is(key, b"position", 8):
            return K_POSITION
        return K_ROTATION if span_is(key, b"rotation", 8) else K_NONE
    if key.size == 9:
        return K_OBJECT if span_is(key, b"object_id", 9) else K_NONE
    if key.size == 10:
        if span_is(key, b"attributes", 10):
            return K_ATTRIBUTES
        return K_VISIBILITY if span_is(key, b"visibility", 10) else K_NONE
    return K_EXACT if span_is(key, b"exact_points", 12) else K_NONE


cdef inline int type_number(const Span* name) noexcept nogil:
    if name.size == 4:
        if span_is(name, b"bbox", 4):
            return T_BBOX
        return T_MASK if span_is(name, b"mask", 4) else -1
    if name.size == 5:
        return T_LABEL if span_is(name, b"label", 5) else -1
    if name.size == 6:
        return T_POINTS if span_is(name, b"points", 6) else -1
    if name.size == 7:
        if span_is(name, b"polygon", 7):
            return T_POLYGON
        if span_is(name, b"caption", 7):
            return T_CAPTION
        if span_is(name, b"ellipse", 7):
            return T_ELLIPSE
        if span_is(name, b"tabular", 7):
            return T_TABULAR
        return T_UNKNOWN if span_is(name, b"unknown", 7) else -1
    if name.size == 8:
        if span_is(name, b"polyline", 8):
            return T_POLYLINE
        if span_is(name, b"hash_key", 8):
            return T_HASH_KEY
        return T_SKELETON if span_is(name, b"skeleton", 8) else -1
    if name.size == 9:
        if span_is(name, b"cuboid_3d", 9):
            return T_CUBOID_3D
        return T_CUBOID_2D if span_is(name, b"cuboid_2d", 9) else -1
    if span_is(name, b"rotated_bbox", 12):
        return T_ROTATED_BBOX
    if span_is(name, b"feature_vector", 14):
        return T_FEATURE_VECTOR
    if span_is(name, b"depth_annotation", 16):
        return T_DEPTH
    return T_SUPER_RESOLUTION if span_is(name, b"super_resolution_annotation", 27) else -1


cdef inline int take_integer(Cursor* c, int64_t low, int64_t high, int64_t* out) noexcept nogil:
    """Take an integer within bounds, also one that is written as 3.0; null leaves ``out`` alone."""
    cdef Py_ssize_t begin
    cdef double value
    cdef int code, byte = json_peek(c)
    if byte == c'n':
        return json_null(c)
    begin = c.pos
    code = json_int64(c, out)
    if code == JSON_TYPE and (c'0' <= byte <= c'9' or byte == c'-'):
        c.pos = begin
        code = json_double(c, &value)
        if code == JSON_OK:
            if value != rint(value) or not -9e15 < value < 9e15:
                c.pos = begin
                return JSON_TYPE
            out[0] = <int64_t>value
    if code == JSON_OK and not low <= out[0] <= high:
        c.pos = begin
        return JSON_RANGE
    return code


cdef int take_numbers(Cursor* c, Buffer* out, Py_ssize_t* count) noexcept nogil:
    """Append an array of numbers as doubles; null, as orjson writes NaN, is NaN."""
    cdef bint first = True
    cdef double value
    cdef int code = json_open(c, c'[')
    count[0] = 0
    while code == JSON_OK:
        code = json_element(c, &first)
        if code:
            break
        if json_peek(c) == c'n':
            value = NAN
            code = json_null(c)
        else:
            code = json_double(c, &value)
        if code == JSON_OK:
            if buffer_double(out, value) < 0:
                return JSON_MEMORY
            count[0] += 1
    return JSON_OK if code == JSON_END else code


cdef int compact(const Span* value, Buffer* out) noexcept nogil:
    """Append checked JSON without white space; NaN and infinities, which it cannot hold, as null.

    JSON_RANGE for a number that is too large for a double: nobody could read it again.
    """
    cdef Cursor c
    cdef Span text
    cdef Py_ssize_t begin
    cdef double number
    cdef int code
    cdef uint8_t byte
    c.data, c.pos, c.end, c.nonfinite = value.data, 0, value.size, True
    while c.pos < c.end:
        byte = c.data[c.pos]
        begin = c.pos
        if byte == c'"':
            code = json_string(&c, &text)
        elif c'0' <= byte <= c'9' or byte == c'-' or byte == c'N' or byte == c'I':
            code = json_double(&c, &number)
            if code == JSON_OK and not isfinite(number):
                if byte == c'N' or byte == c'I' or c.data[begin + 1] == c'I':
                    if buffer_add(out, b"null", 4) < 0:
                        return JSON_MEMORY
                    continue
                return JSON_RANGE
        else:
            c.pos += 1
            if byte <= 32:
                continue
            code = JSON_OK
        if code:
            return code
        if buffer_add(out, c.data + begin, c.pos - begin) < 0:
            return JSON_MEMORY
    return JSON_OK


cdef int take_object(Cursor* c, Buffer* out) noexcept nogil:
    """Append an object's text, compact; nothing for ``{}`` and null."""
    cdef Span raw
    cdef size_t size = out.size
    cdef Py_ssize_t begin
    cdef int code, byte = json_peek(c)
    if byte == c'n':
        return json_null(c)
    if byte >= 0 and byte != c'{':
        return JSON_TYPE
    if c.end - c.pos > 1 and c.data[c.pos + 1] == c'}':
        c.pos += 2
        return JSON_OK
    begin = c.pos
    code = json_raw(c, &raw)
    if code == JSON_OK:
        code = compact(&raw, out)
        if code:
            c.pos = begin
        elif out.size == size + 2:          # {} with white space
            out.size = size
    return code


# --- paths ------------------------------------------------------------------------------------------

cdef enum:
    PATH_INSIDE, PATH_ABSOLUTE, PATH_CLIMBS, PATH_BROKEN


cdef int path_kind(const uint8_t* p, size_t n) noexcept nogil:
    """As datumaro.paths.escapes, which explains it."""
    cdef size_t i = 0, begin
    cdef int depth = 0
    if n and memchr(p, 0, n) != NULL:
        return PATH_BROKEN
    if n and (p[0] == c'/' or p[0] == c'\\'):
        return PATH_ABSOLUTE
    if n > 1 and p[1] == c':' and c'a' <= (p[0] | 0x20) <= c'z':
        return PATH_ABSOLUTE
    while i <= n:
        begin = i
        while i < n and p[i] != c'/' and p[i] != c'\\':
            i += 1
        if i - begin == 2 and p[begin] == c'.' and p[begin + 1] == c'.':
            depth -= 1
            if depth < 0:
                return PATH_CLIMBS
        elif i > begin and not (i - begin == 1 and p[begin] == c'.'):
            depth += 1
        i += 1
    return PATH_INSIDE


cdef bint has_parent_step(const uint8_t* p, size_t n) noexcept nogil:
    cdef size_t i
    for i in range(1, n):
        if p[i] == c'.' and p[i - 1] == c'.':
            return True
    return False


# --- the reader -----------------------------------------------------------------------------------------

cdef class ItemReader:
    """Columns in the making. See the stub for what it takes and gives."""

    cdef Buffer[COLUMNS] columns
    cdef size_t[COLUMNS] item_marks
    cdef size_t[COLUMNS] annotation_marks
    cdef Buffer numbers          # of the array that is being read
    cdef Buffer path             # of the item's image, as it stands in the file
    cdef Buffer media            # the item's other media, as keys and values
    cdef Buffer escaped          # a key with escapes, resolved
    cdef bytes images, root
    cdef const uint8_t* images_data
    cdef size_t images_size
    cdef const uint8_t* root_data
    cdef size_t root_size
    cdef int64_t n_labels
    cdef bint allow_external, skip, begun, scan_only
    cdef readonly bint done
    cdef readonly int code
    cdef int64_t source          # the item's place in the array
    cdef int64_t annotation      # the annotation's; -1 outside of any
    cdef bint extended
    cdef int key
    cdef Py_ssize_t value_at     # where the value of `key` begins, or what should have it
    cdef int64_t element
    cdef bint item_has_problems

    def __cinit__(self, *, int64_t n_labels, bytes images, bytes root, bint allow_external, bint skip,
                  bint scan_only=False):
        self.n_labels = n_labels
        self.images, self.root = images, root
        self.images_data, self.images_size = <const uint8_t*><const char*>images, len(images)
        self.root_data, self.root_size = <const uint8_t*><const char*>root, len(root)
        self.allow_external, self.skip, self.scan_only = allow_external, skip, scan_only
        self._restart()

    def __dealloc__(self):
        cdef int i
        for i in range(COLUMNS):
            buffer_free(&self.columns[i])
        buffer_free(&self.numbers)
        buffer_free(&self.path)
        buffer_free(&self.media)
        buffer_free(&self.escaped)

    cdef _restart(self):
        cdef int i
        for i in range(COLUMNS):
            self.columns[i].size = 0
        for i in _ENDS:
            if buffer_int64(&self.columns[i], 0) < 0:
                raise MemoryError

    # what is read so far

    @property
    def n_items(self):
        return self.columns[I_MEDIA].size

    @property
    def n_annotations(self):
        return self.columns[A_TYPE].size

    @property
    def place(self):
        """Where the reader stands: (item, annotation or -1, whether extended, key, element or -1)."""
        return self.source, self.annotation, self.extended, KEY_NAMES[self.key], self.element

    @property
    def item_id(self):
        """The id of the item at which the reader stopped, b"" when it is not known."""
        cdef Buffer* ends = &self.columns[I_ID_AT]
        cdef int64_t begin = (<int64_t*>(ends.data + ends.size - 8))[0]
        return (<const char*>self.columns[I_ID].data + begin)[:self.columns[I_ID].size - begin]

    cdef object _array(self, int index, str dtype):
        cdef Buffer* column = &self.columns[index]
        cdef uint8_t[::1] memory
        array = np.empty(column.size, np.uint8)
        if column.size:
            memory = array
            memcpy(&memory[0], column.data, column.size)
        return array.view(dtype)

    def take(self):
        out = {name: self._array(index, dtype) for name, (index, dtype) in _COLUMNS.items()}
        self._restart()
        return out

    def take_problems(self):
        problems = self._array(PROBLEMS, "i8").reshape(-1, 7)
        self.columns[PROBLEMS].size = 0
        return problems

    def read(self, const uint8_t[::1] data, Py_ssize_t begin, Py_ssize_t end):
        cdef Cursor c
        if not 0 <= begin <= end <= data.shape[0]:
            raise ValueError("bounds outside the data")
        c.data, c.pos, c.end, c.nonfinite = &data[0] if end else NULL, begin, end, True
        with nogil:
            self.code = self._items(&c)
        if self.code == JSON_MEMORY:
            raise MemoryError
        return c.pos

    cdef int _items(self, Cursor* c) noexcept nogil:
        cdef int code
        cdef bint first
        cdef Py_ssize_t begin
        while True:
            self.key, self.annotation, self.element = K_NONE, -1, -1
            begin = c.pos
            first = not self.begun
            code = json_element(c, &first)
            if code == JSON_END:
                self.done = True
                return JSON_OK
            if code == JSON_OK:
                self._value_begins(c)
                code = self._element(c)
            if code == JSON_MORE:
                c.pos = begin
            if code:
                return code
            self.begun = True
            self.source += 1

    cdef int _element(self, Cursor* c) noexcept nogil:
        """One item: taken whole, or left out as a problem, or not at all."""
        cdef int code, skipped
        cdef int key
        cdef int64_t element, annotation
        cdef Py_ssize_t begin = c.pos, place
        if self.scan_only:
            return json_skip(c)
        self._mark(self.item_marks)
        code = self._item(c)
        if code == JSON_OK:
            return code
        self._go_to_value(c, code)
        if code == JSON_MORE or code == JSON_MEMORY or not self.skip:
            if code == JSON_MORE:
                self._restore(self.item_marks)
            return code
        self._restore(self.item_marks)
        place = c.pos
        c.pos = begin
        skipped = json_skip(c)
        if skipped:
            return skipped
        return self._problem(code, place)

    cdef void _mark(self, size_t* marks) noexcept nogil:
        cdef int i
        for i in range(COLUMNS):
            marks[i] = self.columns[i].size

    cdef void _restore(self, size_t* marks) noexcept nogil:
        cdef int i
        for i in range(COLUMNS):
            self.columns[i].size = marks[i]

    cdef int _problem(self, int code, Py_ssize_t pos) noexcept nogil:
        cdef Buffer* out = &self.columns[PROBLEMS]
        if (buffer_int64(out, code) < 0 or buffer_int64(out, pos) < 0
                or buffer_int64(out, self.source) < 0 or buffer_int64(out, self.annotation) < 0
                or buffer_int64(out, self.extended) < 0 or buffer_int64(out, self.key) < 0
                or buffer_int64(out, self.element) < 0):
            return JSON_MEMORY
        return JSON_OK

    cdef inline void _value_begins(self, Cursor* c) noexcept nogil:
        json_peek(c)
        self.value_at = c.pos

    cdef inline void _go_to_value(self, Cursor* c, int code) noexcept nogil:
        """Go back to the value that is wrong; what is no JSON is wrong where it is."""
        if code == JSON_TYPE or code == JSON_RANGE or code >= BAD_LABEL:
            c.pos = self.value_at

    cdef int _key(self, Cursor* c, bint* first, Span* key) noexcept nogil:
        cdef int code
        self.key, self.element = K_NONE, -1
        code = json_key(c, first, key)
        if code == JSON_OK:
            self._value_begins(c)
            if key.escaped:
                self.escaped.size = 0
                if span_add(key, &self.escaped) < 0:
                    return JSON_MEMORY
                key.data, key.size, key.escaped = self.escaped.data, self.escaped.size, False
        return code

    # --- items ---

    cdef int _item(self, Cursor* c) noexcept nogil:
        cdef Span key
        cdef bint first = True
        cdef uint64_t seen = 0
        cdef int code, k, media = 0, n
        cdef int64_t height = 0, width = 0
        cdef bint image = False, named = False
        cdef size_t id_begin = self.columns[I_ID].size
        cdef size_t begun_rows = self.columns[A_TYPE].size, begun_extended = self.columns[E_ROW].size
        cdef Py_ssize_t begin = self.value_at, extended_at = self.value_at
        self.path.size = self.media.size = 0
        self.item_has_problems = False
        code = json_open(c, c'{')
        while code == JSON_OK:
            code = self._key(c, &first, &key)
            if code:
                break
            k = item_key(&key)
            if k == K_NONE:
                code = json_skip(c)
                continue
            self.key = k
            if seen >> k & 1:
                return BAD_TWICE
            seen |= <uint64_t>1 << k
            if k == K_ID:
                code = self._item_id(c)
            elif k == K_ANNOTATIONS:
                code = self._annotations(c, False)
            elif k == K_EXTENDED:
                extended_at = self.value_at
                code = self._annotations(c, True)
            elif k == K_ATTR:
                code = take_object(c, &self.columns[I_ATTRIBUTES])
            elif json_peek(c) == c'n':
                code = json_null(c)
            elif k == K_IMAGE:
                image = True
                media += 1
                code = self._image(c, &named, &height, &width)
            else:
                media += k != K_RELATED
                code = self._other_media(c, k)
        if code != JSON_END:
            return code
        self.value_at = begin
        self.key = K_ID
        if not seen >> K_ID & 1:
            return BAD_MISSING
        self.key = K_ANNOTATIONS
        if not seen >> K_ANNOTATIONS & 1:
            return BAD_MISSING
        self.key = K_NONE
        if media > 1:
            return BAD_MEDIA
        self.value_at = extended_at
        code = self._order(begun_rows, begun_extended)
        if code == JSON_OK and image:
            code = self._path(id_begin, named)
        if code:
            return code
        if self.media.size and (
            buffer_byte(&self.columns[I_EXTRA], c'{') < 0
            or buffer_add(&self.columns[I_EXTRA], self.media.data, self.media.size) < 0
            or buffer_byte(&self.columns[I_EXTRA], c'}') < 0
        ):
            return JSON_MEMORY
        n = MEDIA_IMAGE if image else (255 if self.media.size else 0)
        if (buffer_byte(&self.columns[I_MEDIA], n) < 0
                or buffer_int32(&self.columns[I_HEIGHT], <int32_t>height) < 0
                or buffer_int32(&self.columns[I_WIDTH], <int32_t>width) < 0
                or buffer_int64(&self.columns[I_ID_AT], self.columns[I_ID].size) < 0
                or buffer_int64(&self.columns[I_ATTRIBUTES_AT], self.columns[I_ATTRIBUTES].size) < 0
                or buffer_int64(&self.columns[I_PATH_AT], self.columns[I_PATH].size) < 0
                or buffer_int64(&self.columns[I_EXTRA_AT], self.columns[I_EXTRA].size) < 0
                or buffer_int64(&self.columns[I_FIRST], self.columns[A_TYPE].size) < 0
                or buffer_int64(&self.columns[I_SOURCE], self.source) < 0):
            return JSON_MEMORY
        return JSON_OK

    cdef int _item_id(self, Cursor* c) noexcept nogil:
        cdef Span text
        cdef int64_t number
        cdef int code
        json_peek(c)
        cdef Py_ssize_t begin = c.pos
        code = json_string(c, &text)
        if code == JSON_TYPE:            # a whole number is as good a name
            code = json_int64(c, &number)
            if code == JSON_OK:
                text.data, text.size, text.escaped = c.data + begin, c.pos - begin, False
        if code:
            return code
        if not text.size:
            return BAD_VALUE
        return JSON_MEMORY if span_add(&text, &self.columns[I_ID]) < 0 else JSON_OK

    cdef int _image(self, Cursor* c, bint* named, int64_t* height, int64_t* width) noexcept nogil:
        cdef Span key, text
        cdef bint first = True
        cdef int code = json_open(c, c'{')
        while code == JSON_OK:
            code = json_key(c, &first, &key)
            if code:
                break
            self._value_begins(c)
            if json_peek(c) == c'n':
                code = json_null(c)
            elif span_is(&key, b"path", 4):
                self.key = K_PATH
                code = json_string(c, &text)
                if code == JSON_OK:
                    self.path.size = 0
                    named[0] = text.size > 0
                    if span_add(&text, &self.path) < 0:
                        return JSON_MEMORY
                    if path_kind(self.path.data, self.path.size) >= (
                        PATH_BROKEN if self.allow_external else PATH_CLIMBS
                    ):
                        return BAD_PATH
                self.key = K_IMAGE
            elif span_is(&key, b"size", 4):
                self.key = K_IMAGE_SIZE
                code = self._size(c, height, width)
                if code == JSON_OK:
                    self.key = K_IMAGE
            else:
                code = json_skip(c)
        return JSON_OK if code == JSON_END else code

    cdef int _size(self, Cursor* c, int64_t* height, int64_t* width) noexcept nogil:
        """``[height, width]`` in pixels."""
        cdef bint first = True
        cdef int code
        cdef int64_t n = 0
        cdef int64_t[2] size
        code = json_open(c, c'[')
        while code == JSON_OK:
            self.element = n
            code = json_element(c, &first)
            if code:
                break
            if n == 2:
                return BAD_COUNT
            size[n] = -1
            code = take_integer(c, 0, INT32_MAX, &size[n])
            if code == JSON_OK and size[n] < 0:
                return JSON_TYPE
            n += 1
        if code != JSON_END:
            return code
        self.element = -1
        if n != 2:
            return BAD_COUNT
        height[0], width[0] = size[0], size[1]
        return JSON_OK

    cdef int _other_media(self, Cursor* c, int k) noexcept nogil:
        """Keep a value for the caller: such media are few, and have many shapes."""
        cdef Span raw
        cdef Py_ssize_t begin
        cdef int code, byte = json_peek(c)
        begin = c.pos
        if byte >= 0 and byte != (c'[' if k == K_RELATED else c'{'):
            return JSON_TYPE
        code = json_raw(c, &raw)
        if code:
            return code
        if self.media.size and buffer_byte(&self.media, c',') < 0:
            return JSON_MEMORY
        if k == K_CLOUD:
            code = buffer_add(&self.media, b'"point_cloud":', 14)
        elif k == K_RELATED:
            code = buffer_add(&self.media, b'"related_images":', 17)
        elif k == K_VIDEO:
            code = buffer_add(&self.media, b'"video":', 8)
        elif k == K_FRAME:
            code = buffer_add(&self.media, b'"video_frame":', 14)
        elif k == K_FRAMES:
            code = buffer_add(&self.media, b'"multiframe_image":', 19)
        else:
            code = buffer_add(&self.media, b'"media":', 8)
        if code < 0:
            return JSON_MEMORY
        return compact(&raw, &self.media)

    cdef int _path(self, size_t id_begin, bint named) noexcept nogil:
        """Join the image's path to the folder of images; see `path_kind` for what else it may be."""
        cdef Buffer* out = &self.columns[I_PATH]
        cdef size_t id_size = self.columns[I_ID].size - id_begin
        cdef int kind
        if not named:
            self.path.size = 0
            if (buffer_add(&self.path, self.columns[I_ID].data + id_begin, id_size) < 0
                    or buffer_add(&self.path, b".jpg", 4) < 0):
                return JSON_MEMORY
        kind = path_kind(self.path.data, self.path.size)
        if not named and kind != PATH_INSIDE:
            return JSON_OK               # no path was given, and the id makes none
        if kind == PATH_ABSOLUTE and not self.allow_external and (
            self.path.size < self.root_size
            or memcmp(self.path.data, self.root_data, self.root_size)
            or has_parent_step(self.path.data, self.path.size)
        ):
            if buffer_add(&self.columns[I_EXTRA], b'{"external":true}', 17) < 0:
                return JSON_MEMORY
        if kind != PATH_ABSOLUTE and buffer_add(out, self.images_data, self.images_size) < 0:
            return JSON_MEMORY
        return JSON_MEMORY if buffer_add(out, self.path.data, self.path.size) < 0 else JSON_OK

    cdef int _order(self, size_t begun_rows, size_t begun_extended) noexcept nogil:
        """Check the places that the item's extended annotations say they have."""
        cdef int64_t total = self.columns[A_TYPE].size - begun_rows
        cdef size_t n = (self.columns[E_ROW].size - begun_extended) // 8, i
        cdef int64_t* index = <int64_t*>(self.columns[E_INDEX].data + begun_extended)
        for i in range(n):
            if self.item_has_problems:   # the places are not what they were: put them last
                index[i] = total - n + i
            elif index[i] >= total:
                self.key = K_EXTENDED
                return BAD_VALUE
        return JSON_OK

    # --- annotations ---

    cdef int _annotations(self, Cursor* c, bint extended) noexcept nogil:
        cdef bint first = True
        cdef int code, skipped
        cdef Py_ssize_t begin, place
        code = json_open(c, c'[')
        if code:
            return code
        self.extended = extended
        self.annotation = 0
        while True:
            self.key, self.element = K_NONE, -1
            code = json_element(c, &first)
            if code == JSON_END:
                self.annotation = -1
                return JSON_OK
            if code:
                return code
            begin = c.pos
            self._value_begins(c)
            self._mark(self.annotation_marks)
            code = self._annotation(c, extended)
            if code == NOT_KEPT:
                self._restore(self.annotation_marks)
            elif code:
                if code == JSON_MORE or code == JSON_MEMORY or not self.skip:
                    return code
                self._restore(self.annotation_marks)
                self._go_to_value(c, code)
                place = c.pos
                c.pos = begin
                skipped = json_skip(c)
                if skipped:
                    return skipped
                if self._problem(code, place):
                    return JSON_MEMORY
                self.item_has_problems = True
            self.annotation += 1

    cdef int _annotation(self, Cursor* c, bint extended) noexcept nogil:
        cdef Row row
        cdef Span key
        cdef Cursor later
        cdef bint first = True
        cdef int code, k
        cdef Py_ssize_t begin = self.value_at
        memset(&row, 0, sizeof(row))
        row.extended = extended
        row.type = row.index = row.object_id = -1
        row.label = NO_LABEL
        row.area = NAN
        code = json_open(c, c'{')
        while code == JSON_OK:
            code = self._key(c, &first, &key)
            if code:
                break
            k = annotation_key(&key)
            if k == K_NONE:
                code = json_skip(c)
                continue
            self.key = k
            if row.seen >> k & 1:
                return BAD_TWICE
            row.seen |= <uint32_t>1 << k
            row.at[k] = self.value_at
            if k < K_POINTS:
                code = self._common(c, k, &row)
            elif row.type >= 0:
                code = self._value(c, k, &row)
            else:
                row.later |= <uint32_t>1 << k
                code = json_skip(c)
        if code != JSON_END:
            return code
        self.value_at = begin
        self.key = K_TYPE
        if row.type < 0:
            return BAD_MISSING
        for k in range(K_POINTS, KEYS):
            if row.later >> k & 1:
                self.key = k
                later = c[0]
                later.pos = self.value_at = row.at[k]
                code = self._value(&later, k, &row)
                if code:
                    c.pos = later.pos
                    return code
        code = self._finish(&row)
        self.value_at = row.at[self.key] if row.seen >> self.key & 1 else begin
        return code

    cdef int _common(self, Cursor* c, int k, Row* row) noexcept nogil:
        cdef Span text
        cdef int code
        if k == K_TYPE:
            code = json_string(c, &text)
            if code:
                return code
            row.type = type_number(&text)
            if row.type < 0 or (not row.extended and (
                row.type == T_UNKNOWN or row.type == T_SKELETON or row.type == T_SUPER_RESOLUTION
                or row.type == T_DEPTH or row.type == T_FEATURE_VECTOR or row.type == T_TABULAR
            )):
                return BAD_KIND
            return JSON_OK
        if k == K_ATTRIBUTES:
            return take_object(c, &self.columns[A_ATTRIBUTES])
        if k == K_ID:
            return take_integer(c, INT64_MIN, INT64_MAX, &row.id)
        if k == K_GROUP:
            return take_integer(c, INT64_MIN, INT64_MAX, &row.group)
        if k == K_OBJECT:
            return take_integer(c, INT32_MIN, INT32_MAX, &row.object_id)
        if k == K_Z_ORDER:
            return take_integer(c, INT32_MIN, INT32_MAX, &row.z_order)
        if k == K_INDEX:
            if not row.extended:
                return json_skip(c)
            return take_integer(c, 0, INT32_MAX, &row.index)
        if k == K_LABEL:
            code = take_integer(c, INT64_MIN, INT64_MAX, &row.label)
            if code == JSON_OK and c.data[row.at[K_LABEL]] != c'n' and not (
                0 <= row.label < (self.n_labels if self.n_labels >= 0 else INT32_MAX)
            ):
                return BAD_LABEL
            return code
        if k == K_AREA:
            if json_peek(c) == c'n':
                return json_null(c)
            code = json_double(c, &row.area)
            return JSON_RANGE if code == JSON_OK and not isfinite(row.area) else code
        if row.extended:
            return take_object(c, &self.columns[A_EXTRA])
        return json_skip(c)

    cdef int _value(self, Cursor* c, int k, Row* row) noexcept nogil:
        """A value whose meaning depends on the type; of no meaning for this type: gone over."""
        cdef int t = row.type
        if k == K_POINTS:
            if row.exact:
                return json_skip(c)
            if row.extended:
                return self._exact_points(c)
            if t == T_CUBOID_2D:
                return self._cuboid_2d(c)
            if (t == T_POLYGON or t == T_POLYLINE or t == T_POINTS or t == T_ELLIPSE
                    or t == T_ROTATED_BBOX):
                return self._points(c)
        elif k == K_EXACT and not row.extended and t != T_CUBOID_2D and t != T_CUBOID_3D:
            self.columns[A_POINTS].size = self.annotation_marks[A_POINTS]
            row.exact = True
            return self._exact_points(c)
        elif k == K_BBOX and t == T_BBOX and not row.extended:
            return json_skip(c) if row.exact else self._bbox(c)
        elif k == K_VISIBILITY and t == T_POINTS:
            return self._visibility(c)
        elif k == K_RLE and t == T_MASK:
            return self._rle(c, row)
        elif k == K_CAPTION and t == T_CAPTION:
            return self._caption(c)
        elif t == T_CUBOID_3D and not row.extended and K_POSITION <= k <= K_SCALE:
            return self._cuboid_part(c, &row.cuboid[3 * (k - K_POSITION)])
        return json_skip(c)

    cdef int _points(self, Cursor* c) noexcept nogil:
        cdef Py_ssize_t n, i
        cdef Cursor begin
        cdef int code
        json_peek(c)
        begin = c[0]
        code = json_hundredths(c, &self.columns[A_POINTS], &n)
        if code == JSON_OK:
            return code
        if code == JSON_TYPE and json_peek(c) == c'n':     # a NaN, as null
            c[0] = begin
            code = self._numbers(c, &n)
            if code == JSON_OK:
                return self._hundredths(<double*>self.numbers.data, n)
            return code
        self.element = n
        return code

    cdef int _numbers(self, Cursor* c, Py_ssize_t* n) noexcept nogil:
        cdef int code
        self.numbers.size = 0
        code = take_numbers(c, &self.numbers, n)
        if code:
            self.element = n[0]
        return code

    cdef int _hundredths(self, const double* values, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t i
        cdef float value
        for i in range(n):
            value = to_hundredths(values[i])
            if isfinite(values[i]) and not isfinite(value):
                self.element = i
                return JSON_RANGE
            if buffer_float(&self.columns[A_POINTS], value) < 0:
                return JSON_MEMORY
        return JSON_OK

    cdef int _exact_points(self, Cursor* c) noexcept nogil:
        """An array of numbers that are float32 already, in a decimal form."""
        cdef Py_ssize_t n, i
        cdef double value
        cdef int code = self._numbers(c, &n)
        if code:
            return code
        for i in range(n):
            value = (<double*>self.numbers.data)[i]
            if isfinite(value) and not isfinite(<float>value):
                self.element = i
                return JSON_RANGE
            if buffer_float(&self.columns[A_POINTS], <float>value) < 0:
                return JSON_MEMORY
        return JSON_OK

    cdef int _bbox(self, Cursor* c) noexcept nogil:
        """``[x, y, w, h]`` as corners."""
        cdef Py_ssize_t n
        cdef double* v
        cdef int code = self._numbers(c, &n)
        if code:
            return code
        if n != 4:
            return BAD_COUNT
        v = <double*>self.numbers.data
        v[2] += v[0]
        v[3] += v[1]
        return self._hundredths(v, 4)

    cdef int _cuboid_2d(self, Cursor* c) noexcept nogil:
        """Eight pairs of numbers, which are not rounded."""
        cdef bint first = True
        cdef Py_ssize_t n
        cdef int64_t pair = 0
        cdef int code = json_open(c, c'[')
        self.numbers.size = 0
        while code == JSON_OK:
            self.element = pair
            code = json_element(c, &first)
            if code:
                break
            code = take_numbers(c, &self.numbers, &n)
            if code == JSON_OK and n != 2:
                return BAD_COUNT
            pair += 1
        if code != JSON_END:
            return code
        self.element = -1
        return self._doubles(self.numbers.size // 8, False)

    cdef int _cuboid_part(self, Cursor* c, double* out) noexcept nogil:
        cdef Py_ssize_t n
        cdef int i
        cdef double rounded
        cdef int code = self._numbers(c, &n)
        if code:
            return code
        if n != 3:
            return BAD_COUNT
        for i in range(3):
            rounded = rint((<double*>self.numbers.data)[i] * 100) / 100
            out[i] = rounded if isfinite(rounded) else (<double*>self.numbers.data)[i]
        return JSON_OK

    cdef int _doubles(self, Py_ssize_t n, bint rounded) noexcept nogil:
        """Take ``numbers`` for points; the doubles themselves into `extra` if float32 loses anything.

        ``rounded``: a reader rounds the float32 values to hundredths, as doubles, first.
        """
        cdef double* values = <double*>self.numbers.data
        cdef double back
        cdef Buffer* extra = &self.columns[A_EXTRA]
        cdef bint exact = True
        cdef Py_ssize_t i
        for i in range(n):
            if isfinite(values[i]) and not isfinite(<float>values[i]):
                self.element = i
                return JSON_RANGE
            back = <double><float>values[i]
            if rounded and isfinite(back * 100):
                back = rint(back * 100) / 100
            exact &= back == values[i] or values[i] != values[i]
            if buffer_float(&self.columns[A_POINTS], <float>values[i]) < 0:
                return JSON_MEMORY
        if exact:
            return JSON_OK
        if buffer_add(extra, b'{"points":[', 11) < 0:
            return JSON_MEMORY
        for i in range(n):
            if (i and buffer_byte(extra, c',') < 0) or put_double(extra, values[i]) < 0:
                return JSON_MEMORY
        return JSON_MEMORY if buffer_add(extra, b"]}", 2) < 0 else JSON_OK

    cdef int _visibility(self, Cursor* c) noexcept nogil:
        cdef Py_ssize_t n, i
        cdef int64_t value
        cdef int code
        self.numbers.size = 0
        code = json_int64s(c, &self.numbers, &n)
        if code:
            self.element = n
            return code
        for i in range(n):
            value = (<int64_t*>self.numbers.data)[i]
            if not 0 <= value <= 2:
                self.element = i
                return BAD_VALUE
            if buffer_byte(&self.columns[A_VISIBILITY], <uint8_t>value) < 0:
                return JSON_MEMORY
        return JSON_OK

    cdef int _caption(self, Cursor* c) noexcept nogil:
        cdef Span text
        cdef int code = json_string(c, &text)
        if code == JSON_OK and span_add(&text, &self.columns[A_TEXT]) < 0:
            return JSON_MEMORY
        return code

    cdef int _rle(self, Cursor* c, Row* row) noexcept nogil:
        cdef Span key, text
        cdef bint first = True, counts = False, size = False
        cdef Buffer* out = &self.columns[A_RLE]
        cdef size_t begin = out.size
        cdef Py_ssize_t n, i, place = self.value_at
        cdef int code = json_open(c, c'{')
        while code == JSON_OK:
            self.key, self.value_at = K_RLE, place
            code = json_key(c, &first, &key)
            if code:
                break
            self._value_begins(c)
            if span_is(&key, b"size", 4):
                self.key = K_SIZE
                if size:
                    return BAD_TWICE
                size = True
                code = self._size(c, &row.height, &row.width)
            elif span_is(&key, b"counts", 6):
                self.key = K_COUNTS
                if counts:
                    return BAD_TWICE
                counts = True
                if json_peek(c) == c'[':
                    self.numbers.size = 0
                    code = json_int64s(c, &self.numbers, &n)
                    if code:
                        self.element = n
                        return code
                    for i in range(n):
                        if not 0 <= (<int64_t*>self.numbers.data)[i] <= RLE_LIMIT:
                            self.element = i
                            return BAD_RLE
                    if put_runs(out, <int64_t*>self.numbers.data, n) < 0:
                        return JSON_MEMORY
                else:
                    code = json_string(c, &text)
                    if code == JSON_OK and span_add(&text, out) < 0:
                        return JSON_MEMORY
            else:
                code = json_skip(c)
        if code != JSON_END:
            return code
        self.key = K_COUNTS if size else K_SIZE
        if not counts or not size:
            return BAD_MISSING
        self.key = K_RLE
        if not runs_fill(out.data + begin, out.size - begin, row.height * row.width):
            return BAD_RLE
        return JSON_OK

    cdef int _finish(self, Row* row) noexcept nogil:
        """Check what the type needs, and append the row."""
        cdef Buffer* b = self.columns
        cdef int t = row.type
        cdef size_t n, v, i
        cdef bint bad = False
        self.element = -1
        if t == T_HASH_KEY and not row.extended:
            return NOT_KEPT              # the published package leaves them out, too
        if t == T_CUBOID_3D and not row.extended:
            self.key = K_POSITION
            if not row.seen >> K_POSITION & 1:
                return BAD_MISSING
            if not row.seen >> K_SCALE & 1:
                row.cuboid[6] = row.cuboid[7] = row.cuboid[8] = 1
            self.numbers.size = 0
            if buffer_add(&self.numbers, row.cuboid, 72) < 0:
                return JSON_MEMORY
            if self._doubles(9, True):
                return JSON_RANGE
        n = (b[A_POINTS].size - self.annotation_marks[A_POINTS]) // 4
        v = b[A_VISIBILITY].size - self.annotation_marks[A_VISIBILITY]
        if t == T_LABEL:
            self.key = K_LABEL
            if row.label == NO_LABEL and not row.extended:
                return BAD_MISSING
        elif t == T_MASK:
            self.key = K_RLE
            if not row.seen >> K_RLE & 1:
                return BAD_MISSING
        elif t == T_CAPTION:
            self.key = K_CAPTION
            if not row.seen >> K_CAPTION & 1:
                return BAD_MISSING
        elif t == T_BBOX or t == T_ELLIPSE:
            self.key = K_BBOX if t == T_BBOX and not row.extended else K_POINTS
            bad = n != 4
        elif t == T_POLYGON or t == T_POLYLINE:
            self.key = K_POINTS
            bad = n & 1 or (t == T_POLYGON and n < 6 and not row.extended)
        elif t == T_POINTS:
            self.key = K_POINTS
            bad = n & 1
            if not bad and not row.seen >> K_VISIBILITY & 1:
                for i in range(n // 2):
                    if buffer_byte(&b[A_VISIBILITY], 2) < 0:
                        return JSON_MEMORY
            elif not bad and 2 * v != n:
                self.key = K_VISIBILITY
                bad = True
        elif t == T_CUBOID_2D or t == T_CUBOID_3D or t == T_ROTATED_BBOX:
            self.key = K_POINTS
            bad = n != (16 if t == T_CUBOID_2D else (9 if t == T_CUBOID_3D else 5))
        elif t != T_UNKNOWN:
            self.key = K_EXTRA
            if not row.seen >> K_EXTRA & 1:
                return BAD_MISSING
        if bad:
            return BAD_COUNT if row.seen >> self.key & 1 else BAD_MISSING
        if row.extended:
            self.key = K_INDEX
            if row.index < 0:
                return BAD_MISSING
            if (buffer_int64(&b[E_ROW], b[A_TYPE].size) < 0
                    or buffer_int64(&b[E_INDEX], row.index) < 0):
                return JSON_MEMORY
        if (buffer_byte(&b[A_TYPE], <uint8_t>t) < 0
                or buffer_int64(&b[A_ID], row.id) < 0
                or buffer_int64(&b[A_GROUP], row.group) < 0
                or buffer_int32(&b[A_OBJECT], <int32_t>row.object_id) < 0
                or buffer_int32(&b[A_LABEL], <int32_t>row.label) < 0
                or buffer_int32(&b[A_Z_ORDER], <int32_t>row.z_order) < 0
                or buffer_int64(&b[A_ATTRIBUTES_AT], b[A_ATTRIBUTES].size) < 0
                or buffer_int64(&b[A_POINTS_AT], b[A_POINTS].size // 4) < 0
                or buffer_int64(&b[A_VISIBILITY_AT], b[A_VISIBILITY].size) < 0
                or buffer_int32(&b[A_MASK_HEIGHT], <int32_t>row.height) < 0
                or buffer_int32(&b[A_MASK_WIDTH], <int32_t>row.width) < 0
                or buffer_int64(&b[A_RLE_AT], b[A_RLE].size) < 0
                or buffer_int64(&b[A_TEXT_AT], b[A_TEXT].size) < 0
                or buffer_int64(&b[A_EXTRA_AT], b[A_EXTRA].size) < 0
                or buffer_double(&b[A_AREA], row.area) < 0):
            return JSON_MEMORY
        return JSON_OK
