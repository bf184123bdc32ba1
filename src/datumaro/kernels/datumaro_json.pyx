"""Read the `items` array of the `datumaro` format's JSON into columns.

The text comes in pieces. `ItemReader.read` takes whole elements of the array from a piece, appends
them to columns, and says where the first element begins that the piece does not hold to its end.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp

from datumaro.kernels._arrays cimport array_of
from datumaro.kernels._datumaro_annotations cimport take_annotation
from datumaro.kernels._datumaro_reading cimport *
from datumaro.kernels._datumaro_values cimport *
from datumaro.kernels._json cimport *

CODES = {
    "label": BAD_LABEL, "count": BAD_COUNT, "missing": BAD_MISSING, "twice": BAD_TWICE,
    "kind": BAD_KIND, "rle": BAD_RLE, "value": BAD_VALUE, "media": BAD_MEDIA, "path": BAD_PATH,
    "cut": JSON_MORE, "type": JSON_TYPE, "range": JSON_RANGE, "memory": JSON_MEMORY,
}

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

KEY_NAMES = (
    "id", "type", "attributes", "group", "object_id", "label_id", "z_order", "area", "index", "extra",
    "points", "visibility", "bbox", "rle", "caption", "position", "rotation", "scale", "exact_points",
    "annotations", "extended_annotations", "attr", "image", "point_cloud", "related_images", "video",
    "video_frame", "multiframe_image", "media", "rle.counts", "rle.size", "image.path",
    "image.size", "",
)

cdef enum:
    MEDIA_IMAGE = 2

MEDIA_RAW = 255
"""The media type of items whose media stand in `media_extra` as in the file, for the caller to read."""


cdef class ItemReader:
    """Columns in the making. See the stub for what it takes and gives."""

    cdef Reading reading
    cdef size_t[COLUMNS] item_marks
    cdef Buffer path             # of the item's image, as it stands in the file
    cdef Buffer media            # the item's other media, as keys and values
    cdef bytes images, root
    cdef const uint8_t* images_data
    cdef size_t images_size
    cdef const uint8_t* root_data
    cdef size_t root_size
    cdef bint allow_external, skip, begun, scan_only
    cdef readonly bint done
    cdef readonly int code
    cdef int64_t source          # the item's place in the array
    cdef int64_t annotation      # the annotation's; -1 outside of any
    cdef bint extended
    cdef bint item_has_problems

    def __cinit__(self, *, int64_t n_labels, bytes images, bytes root, bint allow_external, bint skip,
                  bint scan_only=False):
        self.reading.n_labels = n_labels
        self.images, self.root = images, root
        self.images_data, self.images_size = <const uint8_t*><const char*>images, len(images)
        self.root_data, self.root_size = <const uint8_t*><const char*>root, len(root)
        self.allow_external, self.skip, self.scan_only = allow_external, skip, scan_only
        self._restart()

    def __dealloc__(self):
        cdef int i
        for i in range(COLUMNS):
            buffer_free(&self.reading.columns[i])
        buffer_free(&self.reading.numbers)
        buffer_free(&self.path)
        buffer_free(&self.media)
        buffer_free(&self.reading.escaped)

    cdef _restart(self):
        cdef int i
        for i in range(COLUMNS):
            self.reading.columns[i].size = 0
        for i in _ENDS:
            if buffer_int64(&self.reading.columns[i], 0) < 0:
                raise MemoryError

    # what is read so far

    @property
    def n_items(self):
        return self.reading.columns[I_MEDIA].size

    @property
    def n_annotations(self):
        return self.reading.columns[A_TYPE].size

    @property
    def place(self):
        """Where the reader stands: (item, annotation or -1, whether extended, key, element or -1)."""
        return self.source, self.annotation, self.extended, KEY_NAMES[self.reading.key], self.reading.element

    @property
    def item_id(self):
        """The id of the item at which the reader stopped, b"" when it is not known."""
        cdef Buffer* ids = &self.reading.columns[I_ID]
        cdef Buffer* ends = &self.reading.columns[I_ID_AT]
        cdef int64_t begin = (<int64_t*>(ends.data + ends.size - 8))[0]
        return (<const char*>ids.data + begin)[:ids.size - begin]

    def take(self):
        out = {
            name: array_of(&self.reading.columns[index], dtype)
            for name, (index, dtype) in _COLUMNS.items()
        }
        self._restart()
        return out

    def take_problems(self):
        problems = array_of(&self.reading.columns[PROBLEMS], "i8").reshape(-1, 7)
        self.reading.columns[PROBLEMS].size = 0
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
            self.reading.key, self.annotation, self.reading.element = K_NONE, -1, -1
            begin = c.pos
            first = not self.begun
            code = json_element(c, &first)
            if code == JSON_END:
                self.done = True
                return JSON_OK
            if code == JSON_OK:
                value_begins(&self.reading, c)
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
            marks[i] = self.reading.columns[i].size

    cdef void _restore(self, size_t* marks) noexcept nogil:
        cdef int i
        for i in range(COLUMNS):
            self.reading.columns[i].size = marks[i]

    cdef int _problem(self, int code, Py_ssize_t pos) noexcept nogil:
        cdef Buffer* out = &self.reading.columns[PROBLEMS]
        if (buffer_int64(out, code) < 0 or buffer_int64(out, pos) < 0
                or buffer_int64(out, self.source) < 0 or buffer_int64(out, self.annotation) < 0
                or buffer_int64(out, self.extended) < 0 or buffer_int64(out, self.reading.key) < 0
                or buffer_int64(out, self.reading.element) < 0):
            return JSON_MEMORY
        return JSON_OK

    cdef inline void _go_to_value(self, Cursor* c, int code) noexcept nogil:
        """Go back to the value that is wrong; what is no JSON is wrong where it is."""
        if code == JSON_TYPE or code == JSON_RANGE or code >= BAD_LABEL:
            c.pos = self.reading.value_at

    # --- items ---

    cdef int _item(self, Cursor* c) noexcept nogil:
        cdef Span key
        cdef bint first = True
        cdef uint64_t seen = 0
        cdef int code, k, media = 0, n
        cdef int64_t height = 0, width = 0
        cdef bint image = False, named = False
        cdef Buffer* b = self.reading.columns
        cdef size_t id_begin = b[I_ID].size
        cdef size_t begun_rows = b[A_TYPE].size, begun_extended = b[E_ROW].size
        cdef Py_ssize_t begin = self.reading.value_at, extended_at = self.reading.value_at
        self.path.size = self.media.size = 0
        self.item_has_problems = False
        code = json_open(c, c'{')
        while code == JSON_OK:
            code = next_key(&self.reading, c, &first, &key)
            if code:
                break
            k = item_key(&key)
            if k == K_NONE:
                code = json_skip(c)
                continue
            self.reading.key = k
            if seen >> k & 1:
                return BAD_TWICE
            seen |= <uint64_t>1 << k
            if k == K_ID:
                code = self._item_id(c)
            elif k == K_ANNOTATIONS:
                code = self._annotations(c, False)
            elif k == K_EXTENDED:
                extended_at = self.reading.value_at
                code = self._annotations(c, True)
            elif k == K_ATTR:
                code = take_object(c, &b[I_ATTRIBUTES])
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
        self.reading.value_at = begin
        self.reading.key = K_ID
        if not seen >> K_ID & 1:
            return BAD_MISSING
        self.reading.key = K_ANNOTATIONS
        if not seen >> K_ANNOTATIONS & 1:
            return BAD_MISSING
        self.reading.key = K_NONE
        if media > 1:
            return BAD_MEDIA
        self.reading.value_at = extended_at
        code = self._order(begun_rows, begun_extended)
        if code == JSON_OK and image:
            code = self._path(id_begin, named)
        if code:
            return code
        if self.media.size and (
            buffer_byte(&b[I_EXTRA], c'{') < 0
            or buffer_add(&b[I_EXTRA], self.media.data, self.media.size) < 0
            or buffer_byte(&b[I_EXTRA], c'}') < 0
        ):
            return JSON_MEMORY
        n = MEDIA_IMAGE if image else (255 if self.media.size else 0)
        if (buffer_byte(&b[I_MEDIA], n) < 0
                or buffer_int32(&b[I_HEIGHT], <int32_t>height) < 0
                or buffer_int32(&b[I_WIDTH], <int32_t>width) < 0
                or buffer_int64(&b[I_ID_AT], b[I_ID].size) < 0
                or buffer_int64(&b[I_ATTRIBUTES_AT], b[I_ATTRIBUTES].size) < 0
                or buffer_int64(&b[I_PATH_AT], b[I_PATH].size) < 0
                or buffer_int64(&b[I_EXTRA_AT], b[I_EXTRA].size) < 0
                or buffer_int64(&b[I_FIRST], b[A_TYPE].size) < 0
                or buffer_int64(&b[I_SOURCE], self.source) < 0):
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
        return JSON_MEMORY if span_add(&text, &self.reading.columns[I_ID]) < 0 else JSON_OK

    cdef int _image(self, Cursor* c, bint* named, int64_t* height, int64_t* width) noexcept nogil:
        cdef Span key, text
        cdef bint first = True
        cdef int code = json_open(c, c'{')
        while code == JSON_OK:
            code = json_key(c, &first, &key)
            if code:
                break
            value_begins(&self.reading, c)
            if json_peek(c) == c'n':
                code = json_null(c)
            elif span_is(&key, b"path", 4):
                self.reading.key = K_PATH
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
                self.reading.key = K_IMAGE
            elif span_is(&key, b"size", 4):
                self.reading.key = K_IMAGE_SIZE
                code = take_size(&self.reading, c, height, width)
                if code == JSON_OK:
                    self.reading.key = K_IMAGE
            else:
                code = json_skip(c)
        return JSON_OK if code == JSON_END else code

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
        cdef Buffer* out = &self.reading.columns[I_PATH]
        cdef size_t id_size = self.reading.columns[I_ID].size - id_begin
        cdef int kind
        if not named:
            self.path.size = 0
            if (buffer_add(&self.path, self.reading.columns[I_ID].data + id_begin, id_size) < 0
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
            if buffer_add(&self.reading.columns[I_EXTRA], b'{"external":true}', 17) < 0:
                return JSON_MEMORY
        if kind != PATH_ABSOLUTE and buffer_add(out, self.images_data, self.images_size) < 0:
            return JSON_MEMORY
        return JSON_MEMORY if buffer_add(out, self.path.data, self.path.size) < 0 else JSON_OK

    cdef int _order(self, size_t begun_rows, size_t begun_extended) noexcept nogil:
        """Check the places that the item's extended annotations say they have."""
        cdef int64_t total = self.reading.columns[A_TYPE].size - begun_rows
        cdef size_t n = (self.reading.columns[E_ROW].size - begun_extended) // 8, i
        cdef int64_t* index = <int64_t*>(self.reading.columns[E_INDEX].data + begun_extended)
        for i in range(n):
            if self.item_has_problems:   # the places are not what they were: put them last
                index[i] = total - n + i
            elif index[i] >= total:
                self.reading.key = K_EXTENDED
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
            self.reading.key, self.reading.element = K_NONE, -1
            code = json_element(c, &first)
            if code == JSON_END:
                self.annotation = -1
                return JSON_OK
            if code:
                return code
            begin = c.pos
            value_begins(&self.reading, c)
            self._mark(self.reading.annotation_marks)
            code = take_annotation(&self.reading, c, extended)
            if code == NOT_KEPT:
                self._restore(self.reading.annotation_marks)
            elif code:
                if code == JSON_MORE or code == JSON_MEMORY or not self.skip:
                    return code
                self._restore(self.reading.annotation_marks)
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
