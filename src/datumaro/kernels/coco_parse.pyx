"""COCO's JSON into columns.

A `Parser` is fed a file block by block. It takes whole elements of the top-level arrays ``images``
and ``annotations`` and says how far it came; the caller moves the rest to the front and reads on.
Nothing is made per annotation but bytes in growing columns, in the file's order; `count`, `place_rows`,
`fill` and `copy` then put them where the items' order wants them.

Objects are COCO's annotations; rows are ours: an object with two polygons and a box has three.
"""

import numpy as np

from libc.string cimport memset

from datumaro.kernels._json cimport *
from datumaro.kernels._rle cimport RLE_LIMIT, put_runs, runs_fill

INSTANCES, KEYPOINTS, CAPTIONS, LABELS, IMAGE_INFO = range(5)
DONE, MORE, PROBLEM, FATAL = range(4)

cdef enum:
    T_INSTANCES, T_KEYPOINTS, T_CAPTIONS, T_LABELS, T_IMAGE_INFO

cdef enum:
    F_DONE, F_MORE, F_PROBLEM, F_FATAL, F_NO_MEMORY

cdef enum:               # AnnotationType
    LABEL = 1
    MASK = 2
    POINTS = 3
    POLYGON = 4
    BBOX = 6
    CAPTION = 7

cdef enum State:
    S_START
    S_KEYS
    S_IMAGES
    S_ANNOTATIONS
    S_OTHER              # an array that nobody asked for
    S_END

cdef enum:
    INVALID = 100        # beside JSON's codes: a value that COCO does not allow

cdef enum:
    FLAG_CROWD = 1
    FLAG_POINTS_ONLY = 2

cdef enum Field:
    K_OTHER, K_ID, K_IMAGE, K_CATEGORY, K_CROWD, K_BBOX, K_AREA, K_SEGMENTATION, K_KEYPOINTS
    K_SCORE, K_ATTRIBUTES, K_CAPTION, K_FILE_NAME, K_HEIGHT, K_WIDTH, K_SIZE, K_COUNTS
    K_DERIVED            # follows from others


cdef const char* PLAIN = b'{"is_crowd":false}'
cdef const char* CROWD = b'{"is_crowd":true}'


# what Datumaro writes of images of which it knows no more
cdef const char* BLANK = b',"license":0,"flickr_url":"","coco_url":"","date_captured":0'
cdef enum:
    BLANK_SIZE = 60


cdef inline Field field_of(const Span* key) noexcept nogil:
    if key.size == 2:
        if span_is(key, b"id", 2):
            return K_ID
    elif key.size == 4:
        if span_is(key, b"bbox", 4):
            return K_BBOX
        if span_is(key, b"area", 4):
            return K_AREA
        if span_is(key, b"size", 4):
            return K_SIZE
    elif key.size == 5:
        if span_is(key, b"score", 5):
            return K_SCORE
        if span_is(key, b"width", 5):
            return K_WIDTH
    elif key.size == 6:
        if span_is(key, b"counts", 6):
            return K_COUNTS
        if span_is(key, b"height", 6):
            return K_HEIGHT
    elif key.size == 7:
        if span_is(key, b"iscrowd", 7):
            return K_CROWD
        if span_is(key, b"caption", 7):
            return K_CAPTION
    elif key.size == 8:
        if span_is(key, b"image_id", 8):
            return K_IMAGE
        if span_is(key, b"is_crowd", 8):        # the name of our attribute for iscrowd
            return K_DERIVED
    elif key.size == 9:
        if span_is(key, b"keypoints", 9):
            return K_KEYPOINTS
        if span_is(key, b"file_name", 9):
            return K_FILE_NAME
    elif key.size == 10:
        if span_is(key, b"attributes", 10):
            return K_ATTRIBUTES
    elif key.size == 11:
        if span_is(key, b"category_id", 11):
            return K_CATEGORY
    elif key.size == 12:
        if span_is(key, b"segmentation", 12):
            return K_SEGMENTATION
    elif key.size == 13:
        if span_is(key, b"num_keypoints", 13):
            return K_DERIVED
    return K_OTHER


cdef inline int skip(Cursor* c) noexcept nogil:
    """Go over a value that is not looked at; NaN, as Python writes it, may be in it."""
    cdef int code
    c.nonfinite = True
    code = json_skip(c)
    c.nonfinite = False
    return code


cdef inline bint held(double value) noexcept nogil:
    """Whether float32 can hold a coordinate, and a sum of two."""
    return fabs(value) < 1e38


cdef array_of(const Buffer* b, kind):
    """A copy of a buffer as an array."""
    out = np.empty(b.size // np.dtype(kind).itemsize, kind)
    cdef uint8_t[::1] memory = out.view(np.uint8)
    if b.size:
        memcpy(&memory[0], b.data, b.size)
    return out


cdef struct _Before:      # of the rows before one: how many they are, and how much they hold
    Py_ssize_t row
    Py_ssize_t point
    Py_ssize_t seen
    Py_ssize_t mask
    Py_ssize_t rle
    Py_ssize_t text


cdef int _move(Buffer* source, Buffer* target) noexcept:
    """Append a buffer's bytes to another, and free it."""
    cdef int code = buffer_add(target, source.data, source.size)
    buffer_free(source)
    return code


cdef int _move_ends(Buffer* source, Buffer* target, int64_t before) noexcept:
    """The same of int64 ends, which are counted from ``before`` then."""
    cdef int64_t* ends = <int64_t*>source.data
    cdef size_t i
    for i in range(source.size // 8):
        ends[i] += before
    return _move(source, target)


cdef class Parser:
    """The columns of one COCO file, of one task, as far as it was fed.

    Attributes
    ----------
    raw : the JSON text of the values of ``info``, ``licenses`` and ``categories``.
    problem : of the last PROBLEM or FATAL: (JSON path, what is expected, byte in the block,
        whether it is not there at all: then the byte is that of the object that lacks it).
    skipped, skipped_images : indices of the annotations and images that were left out for a problem.
    n_images, n_objects, n_rows : how many there are so far.
    n_empty : objects without any part.
    n_nonfinite : keys that are not COCO's whose values, with NaN or infinity in them, were left out.
    """

    cdef readonly dict raw
    cdef readonly tuple problem
    cdef readonly list skipped, skipped_images
    cdef readonly Py_ssize_t n_nonfinite, n_empty
    cdef int task
    cdef State state
    cdef bint first
    cdef readonly bint has_images, has_annotations
    cdef Py_ssize_t index               # of the next element in its array
    cdef readonly Py_ssize_t n_images, n_objects, n_rows
    # what is wrong with the element in hand
    cdef const char* bad_key
    cdef const char* expected
    cdef Py_ssize_t bad_at
    cdef bint is_missing
    # images
    cdef Buffer image_ids, image_sizes, names, name_ends, image_rest, image_rest_ends
    # objects, in the file's order
    cdef Buffer ids, image_of, categories, areas, row_counts, flags, attributes, attribute_ends
    # their rows, and what the rows hold, one after another
    cdef Buffer kinds, sizes, points, visibility, mask_sizes, rles, texts
    # the element in hand
    cdef Buffer key_text, polygon_points, polygon_sizes, keypoints, numbers, rle, text
    cdef Buffer own_attributes, rest, score, other_score
    cdef bint is_mask
    cdef int32_t[2] mask_size

    def __init__(self, int task):
        self.raw = {}
        self.skipped = []
        self.skipped_images = []
        self.task = task
        self.state = S_START

    def __dealloc__(self):
        buffer_free(&self.image_ids)
        buffer_free(&self.image_sizes)
        buffer_free(&self.names)
        buffer_free(&self.name_ends)
        buffer_free(&self.image_rest)
        buffer_free(&self.image_rest_ends)
        buffer_free(&self.key_text)
        buffer_free(&self.polygon_points)
        buffer_free(&self.polygon_sizes)
        buffer_free(&self.keypoints)
        buffer_free(&self.numbers)
        buffer_free(&self.rle)
        buffer_free(&self.text)
        buffer_free(&self.own_attributes)
        buffer_free(&self.rest)
        buffer_free(&self.score)
        buffer_free(&self.other_score)
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

    # --- the file ----------------------------------------------------------------------------

    def begin_within(self):
        """Begin with an element of ``annotations`` instead of the file's beginning."""
        if self.state != S_START:
            raise ValueError("the parser has begun")
        self.state = S_OTHER if self.task == T_IMAGE_INFO else S_ANNOTATIONS
        self.first = True

    def append(self, Parser other):
        """Go on where another parser ended that began, `begin_within`, where this one stands.

        Its columns move to this one. Returns whether they did: not when this one does not stand
        between two annotations, or when the other came to a second array of the same name, which
        counts alone.
        """
        if (self.state != S_ANNOTATIONS or self.first or self.task != other.task
                or other.has_annotations or (self.has_images and other.has_images)):
            return False
        cdef int64_t rest = 0
        if self.n_images:
            rest = (<int64_t*>self.image_rest_ends.data)[self.n_images - 1]
        self.image_rest.size = rest
        if (_move_ends(&other.name_ends, &self.name_ends, self.names.size) < 0
                or _move(&other.names, &self.names) < 0
                or _move_ends(&other.image_rest_ends, &self.image_rest_ends, rest) < 0
                or _move(&other.image_rest, &self.image_rest) < 0
                or _move(&other.image_ids, &self.image_ids) < 0
                or _move(&other.image_sizes, &self.image_sizes) < 0
                or _move(&other.ids, &self.ids) < 0
                or _move(&other.image_of, &self.image_of) < 0
                or _move(&other.categories, &self.categories) < 0
                or _move(&other.areas, &self.areas) < 0
                or _move(&other.row_counts, &self.row_counts) < 0
                or _move(&other.flags, &self.flags) < 0
                or _move_ends(
                    &other.attribute_ends, &self.attribute_ends, self.attributes.size) < 0
                or _move(&other.attributes, &self.attributes) < 0
                or _move(&other.kinds, &self.kinds) < 0
                or _move(&other.sizes, &self.sizes) < 0
                or _move(&other.points, &self.points) < 0
                or _move(&other.visibility, &self.visibility) < 0
                or _move(&other.mask_sizes, &self.mask_sizes) < 0
                or _move(&other.rles, &self.rles) < 0
                or _move(&other.texts, &self.texts) < 0):
            raise MemoryError
        self.raw.update(other.raw)
        self.skipped += [self.index + i for i in other.skipped]
        self.skipped_images += other.skipped_images
        self.n_images += other.n_images
        self.n_objects += other.n_objects
        self.n_rows += other.n_rows
        self.n_empty += other.n_empty
        self.n_nonfinite += other.n_nonfinite
        self.has_images = self.has_images or other.has_images
        self.index = other.index + (self.index if other.state == S_ANNOTATIONS else 0)
        self.state = other.state
        self.first = other.first
        other.n_images = other.n_objects = other.n_rows = 0
        return True

    def feed(self, const uint8_t[::1] data, Py_ssize_t begin, Py_ssize_t end):
        """Take what is whole in ``data[begin:end]``.

        Returns
        -------
        (status, int) : MORE: the block's bytes are used up to there, go on with more; DONE: so is
            the file; PROBLEM: an element was left out, see ``problem``, go on from there; FATAL: it
            is not COCO's JSON from there on.
        """
        cdef Cursor c
        cdef int status = F_DONE
        if not 0 <= begin <= end <= data.shape[0]:
            raise ValueError("begin and end do not fit the block")
        c.data = &data[0] if data.shape[0] else NULL
        c.pos = begin
        c.end = end
        c.nonfinite = False
        while status == F_DONE and not (self.state == S_END and c.pos == end):
            self.bad_key = self.expected = NULL
            self.is_missing = False
            if self.state == S_START:
                status = self._start(&c)
            elif self.state == S_KEYS:
                status = self._key(&c)
            elif self.state == S_END:
                json_space(&c)
                if c.pos < end:
                    self.expected = b"the end of the file"
                    self.bad_at = c.pos
                    status = F_FATAL
            else:
                with nogil:
                    status = self._elements(&c)
        if status == F_NO_MEMORY:
            raise MemoryError
        if status == F_PROBLEM or status == F_FATAL:
            self._describe(self.index - (status == F_PROBLEM))
        return status, c.pos

    @property
    def ended(self):
        """Whether the file's closing brace was taken."""
        return self.state == S_END

    @property
    def place(self):
        """Where in the file the parser stands, as a JSON path."""
        return self._place(self.index)

    cdef str _place(self, Py_ssize_t index):
        if self.state == S_IMAGES:
            return f"$.images[{index}]"
        if self.state == S_ANNOTATIONS:
            return f"$.annotations[{index}]"
        return "$"

    cdef void _describe(self, Py_ssize_t index):
        place = self._place(index)
        if self.bad_key != NULL:
            place += "." + (<bytes>self.bad_key).decode()
        if self.state == S_ANNOTATIONS:
            self.skipped.append(index)
        elif self.state == S_IMAGES:
            self.skipped_images.append(index)
        self.problem = (place, (<bytes>self.expected).decode(), self.bad_at, self.is_missing)

    cdef int _stop(self, Cursor* c, int code, const char* expected) noexcept:
        if code == JSON_MEMORY:
            return F_NO_MEMORY
        self.expected = expected
        self.bad_at = c.pos
        return F_FATAL

    cdef int _start(self, Cursor* c) noexcept:
        cdef Py_ssize_t begin = c.pos
        cdef int code
        if c.end - c.pos >= 3 and memcmp(c.data + c.pos, b"\xef\xbb\xbf", 3) == 0:
            c.pos += 3                          # a byte order mark
        code = json_open(c, c'{')
        if code == JSON_MORE:
            c.pos = begin
            return F_MORE
        if code:
            return self._stop(c, code, b"an object with images and annotations")
        self.state = S_KEYS
        self.first = True
        return F_DONE

    cdef int _key(self, Cursor* c):
        """Take a top-level key, and its value unless it is an array to be walked."""
        cdef Py_ssize_t begin = c.pos
        cdef bint first = self.first
        cdef Span key, value
        cdef int code = json_key(c, &self.first, &key)
        cdef bytes name
        if code == JSON_END:
            self.state = S_END
            return F_DONE
        if code == JSON_OK:
            self.key_text.size = 0
            if span_add(&key, &self.key_text) < 0:
                return F_NO_MEMORY
            name = self.key_text.data[:self.key_text.size] if self.key_text.size else b""
            if name == b"images" or name == b"annotations":
                code = json_open(c, c'[')
                if code:
                    return self._stop(c, code, b"an array")
                self._enter(name == b"images")
                return F_DONE
            if name in (b"info", b"licenses", b"categories"):
                code = json_raw(c, &value)
                if code == JSON_OK:
                    self.raw[name.decode()] = value.data[:value.size]
            elif json_open(c, c'[') == JSON_OK:
                self.state = S_OTHER
                self.first = True
            else:
                code = skip(c)
            if code == JSON_OK:
                return F_DONE
        if code == JSON_MORE:
            c.pos = begin
            self.first = first
            return F_MORE
        return self._stop(c, code, b"JSON")

    cdef void _enter(self, bint images) noexcept:
        """Begin an array; one that occurs twice counts the last time, as everywhere in JSON."""
        self.first = True
        self.index = 0
        if images:
            self.has_images = True
            self.state = S_IMAGES
            self.skipped_images = []
            self.n_images = 0
            self.image_ids.size = self.image_sizes.size = self.names.size = self.name_ends.size = 0
            self.image_rest.size = self.image_rest_ends.size = 0
            return
        self.has_annotations = True
        self.state = S_OTHER if self.task == T_IMAGE_INFO else S_ANNOTATIONS
        self.skipped = []
        self.n_objects = self.n_rows = self.n_empty = 0
        self.ids.size = self.image_of.size = self.categories.size = self.areas.size = 0
        self.row_counts.size = self.flags.size = self.attributes.size = 0
        self.attribute_ends.size = self.kinds.size = self.sizes.size = self.points.size = 0
        self.visibility.size = self.mask_sizes.size = self.rles.size = self.texts.size = 0

    cdef int _elements(self, Cursor* c) noexcept nogil:
        """Take the elements of an array until it ends (F_DONE) or something stops it."""
        cdef Py_ssize_t begin
        cdef bint first
        cdef int code
        while True:
            begin = c.pos
            first = self.first
            code = json_element(c, &self.first)
            if code == JSON_END:
                self.state = S_KEYS
                self.first = False
                return F_DONE
            if code == JSON_OK:
                if self.state == S_IMAGES:
                    code = self._image(c)
                elif self.state == S_ANNOTATIONS:
                    code = self._object(c)
                else:
                    code = skip(c)
            if code == JSON_OK:
                self.index += 1
                continue
            if code == JSON_TYPE or code == JSON_RANGE or code == JSON_NONFINITE or code == INVALID:
                c.pos = begin                   # leave the element out, if it is JSON at all
                self.first = first
                json_element(c, &self.first)
                code = skip(c)
                if code == JSON_OK:
                    self.index += 1
                    return F_PROBLEM
                self.bad_key = NULL
                self.is_missing = False
            if code == JSON_MORE:
                c.pos = begin
                self.first = first
                return F_MORE
            if code == JSON_MEMORY:
                return F_NO_MEMORY
            self.expected = b"JSON"
            self.bad_at = c.pos
            return F_FATAL

    cdef inline int _bad(self, int code, Py_ssize_t at, const char* key, const char* expected) noexcept nogil:
        """Note what is wrong with a value; the code goes on up."""
        self.bad_at = at
        self.bad_key = key
        self.expected = expected
        return code

    cdef inline int _missing(self, Py_ssize_t at, const char* key, const char* expected) noexcept nogil:
        """Note that the object at a byte lacks a key."""
        self.is_missing = True
        return self._bad(INVALID, at, key, expected)

    cdef inline int _next(
        self, Cursor* c, bint* first, Field* field, Span* key
    ) noexcept nogil:
        """Go to the next key of an object; ``key`` is as it is written."""
        cdef Span plain
        cdef int code = json_key(c, first, key)
        if code == JSON_OK:
            plain = key[0]
            if unlikely(key.escaped):
                self.key_text.size = 0
                if span_unescape(key, &self.key_text) < 0:
                    return JSON_MEMORY
                plain.data = self.key_text.data
                plain.size = self.key_text.size
            field[0] = field_of(&plain)
        return code

    cdef int _other(self, Cursor* c, const Span* key, Buffer* out) noexcept nogil:
        """Append a key that is not COCO's, and its value, to the members of an object."""
        cdef Span value
        cdef Py_ssize_t begin = c.pos
        cdef int code = json_raw(c, &value)
        if code == JSON_NONFINITE:
            c.pos = begin
            self.n_nonfinite += 1
            return skip(c)
        if code:
            return code
        if (buffer_byte(out, c',') < 0 or buffer_byte(out, c'"') < 0
                or buffer_add(out, key.data, key.size) < 0 or buffer_add(out, b'":', 2) < 0
                or buffer_add(out, value.data, value.size) < 0):
            return JSON_MEMORY
        return JSON_OK

    # --- images --------------------------------------------------------------------------------

    cdef int _image(self, Cursor* c) noexcept nogil:
        cdef bint first = True, has_id = False
        cdef Field field
        cdef Span name, key
        cdef int64_t image_id = 0, height = 0, width = 0
        cdef Py_ssize_t begin = c.pos, at, i, before
        cdef int code = json_open(c, c'{')
        if code:
            return self._bad(code, c.pos, NULL, b"an object")
        # what an image that was left out, or came in part, has left there
        self.image_rest.size = 0 if not self.n_images else (
            <int64_t*>self.image_rest_ends.data
        )[self.n_images - 1]
        before = self.image_rest.size
        name.size = 0
        while True:
            code = self._next(c, &first, &field, &key)
            if code == JSON_END:
                break
            if code:
                return code
            at = c.pos
            if field == K_ID:
                code = json_int64(c, &image_id)
                if code:
                    return self._bad(code, at, b"id", b"an integer")
                has_id = True
            elif field == K_FILE_NAME:
                code = json_string(c, &name)
                if code or not name.size:
                    return self._bad(code or INVALID, at, b"file_name", b"a file's name")
            elif field == K_HEIGHT:
                code = self._side(c, &height)
                if code:
                    return self._bad(code, at, b"height", b"a number of pixels")
            elif field == K_WIDTH:
                code = self._side(c, &width)
                if code:
                    return self._bad(code, at, b"width", b"a number of pixels")
            else:
                code = self._other(c, &key, &self.image_rest)
                if code:
                    return code
        if not has_id:
            return self._missing(begin, b"id", b"an integer")
        if not name.size:
            return self._missing(begin, b"file_name", b"a file's name")
        if not height or not width:
            height = width = 0
        if self.image_rest.size - before == BLANK_SIZE and memcmp(
            self.image_rest.data + before, BLANK, BLANK_SIZE
        ) == 0:
            self.image_rest.size = before
        i = self.names.size
        if (span_add(&name, &self.names) < 0
                or buffer_int64(&self.name_ends, <int64_t>self.names.size) < 0
                or buffer_int64(&self.image_rest_ends, <int64_t>self.image_rest.size) < 0
                or buffer_int64(&self.image_ids, image_id) < 0
                or buffer_int32(&self.image_sizes, <int32_t>height) < 0
                or buffer_int32(&self.image_sizes, <int32_t>width) < 0):
            return JSON_MEMORY
        while i < <Py_ssize_t>self.names.size:
            if self.names.data[i] == c'\\':
                self.names.data[i] = c'/'
            i += 1
        self.n_images += 1
        return JSON_OK

    cdef inline int _side(self, Cursor* c, int64_t* out) noexcept nogil:
        """Take an image's or mask's height or width; null is 0: not known."""
        cdef int code = json_int64(c, out)
        if code == JSON_TYPE and json_null(c) == JSON_OK:
            out[0] = 0
            return JSON_OK
        if code == JSON_OK and not 0 <= out[0] <= 0x7FFFFFFF:
            return JSON_RANGE
        return code

    # --- annotations -----------------------------------------------------------------------------

    cdef int _object(self, Cursor* c) noexcept nogil:
        cdef bint first = True, has_id = False, has_image = False, has_category = False
        cdef bint has_box = False, has_caption = False, crowd = False
        cdef Field field
        cdef Span span, key
        cdef double[4] box
        cdef double area = NAN
        cdef int64_t object_id = 0, image_id = 0, category = 0
        cdef Py_ssize_t begin = c.pos, at, n
        cdef int code = json_open(c, c'{')
        if code:
            return self._bad(code, c.pos, NULL, b"an object")
        self.polygon_points.size = self.polygon_sizes.size = self.keypoints.size = 0
        self.own_attributes.size = self.rest.size = self.score.size = self.other_score.size = 0
        self.text.size = 0
        self.is_mask = False
        while True:
            code = self._next(c, &first, &field, &key)
            if code == JSON_END:
                break
            if code:
                return code
            at = c.pos
            if field == K_ID:
                code = json_int64(c, &object_id)
                if code:
                    return self._bad(code, at, b"id", b"an integer")
                has_id = True
            elif field == K_IMAGE:
                code = json_int64(c, &image_id)
                if code:
                    return self._bad(code, at, b"image_id", b"an integer")
                has_image = True
            elif field == K_CATEGORY and self.task != T_CAPTIONS:
                code = json_int64(c, &category)
                if code:
                    return self._bad(code, at, b"category_id", b"an integer")
                has_category = True
            elif field == K_SEGMENTATION and self.task <= T_KEYPOINTS:
                code = self._segmentation(c)
                if code:
                    return code
            elif field == K_BBOX and self.task <= T_KEYPOINTS:
                self.numbers.size = 0
                n = 0
                code = json_null(c)
                if code == JSON_TYPE:
                    code = json_doubles(c, &self.numbers, &n)
                if code or (n != 0 and n != 4):
                    return self._bad(code or INVALID, at, b"bbox", b"[x, y, width, height]")
                has_box = n == 4
                if has_box:
                    memcpy(box, self.numbers.data, 32)
                    if not (held(box[0]) and held(box[1]) and held(box[2]) and held(box[3])):
                        return self._bad(JSON_RANGE, at, b"bbox", b"numbers that float32 can hold")
            elif field == K_AREA and self.task <= T_KEYPOINTS:
                code = json_null(c)
                if code == JSON_OK:
                    area = NAN
                else:
                    c.nonfinite = True
                    code = json_double(c, &area)
                    c.nonfinite = False
                    if code:
                        return self._bad(code, at, b"area", b"a number of square pixels")
            elif field == K_CROWD and self.task <= T_KEYPOINTS:
                code = self._crowd(c, &crowd)
                if code:
                    return self._bad(code, at, b"iscrowd", b"0 or 1")
            elif field == K_KEYPOINTS and self.task == T_KEYPOINTS:
                code = self._keypoints(c)
                if code:
                    return self._bad(
                        code, at, b"keypoints", b"[x, y, v, ...] with v 0, 1 or 2"
                    )
            elif field == K_CAPTION and self.task == T_CAPTIONS:
                code = json_string(c, &span)
                if code:
                    return self._bad(code, at, b"caption", b"a string")
                self.text.size = 0
                if span_add(&span, &self.text) < 0:
                    return JSON_MEMORY
                has_caption = True
            elif field == K_SCORE:
                code = self._score(c)
                if code:
                    return self._bad(code, at, b"score", b"a number")
            elif field == K_ATTRIBUTES:
                code = self._attributes(c)
                if code:
                    return self._bad(code, at, b"attributes", b"an object of JSON values")
            elif field == K_OTHER:
                code = self._other(c, &key, &self.rest)
                if code:
                    return code
            else:
                code = skip(c)
                if code:
                    return code
        if not has_id:
            return self._missing(begin, b"id", b"an integer")
        if not has_image:
            return self._missing(begin, b"image_id", b"an integer")
        if self.task == T_CAPTIONS:
            if not has_caption:
                return self._missing(begin, b"caption", b"a string")
        elif not has_category:
            return self._missing(begin, b"category_id", b"an integer")
        return self._keep(object_id, image_id, category, crowd, area, box if has_box else NULL)

    cdef int _crowd(self, Cursor* c, bint* out) noexcept nogil:
        cdef int64_t number
        cdef int code = json_bool(c, out)
        if code == JSON_TYPE:
            code = json_int64(c, &number)
            if code == JSON_OK:
                if number != 0 and number != 1:
                    return INVALID
                out[0] = number != 0
        return code

    cdef int _keypoints(self, Cursor* c) noexcept nogil:
        cdef Py_ssize_t n = 0, i
        cdef double* values
        cdef int code = json_null(c)
        self.keypoints.size = 0
        if code != JSON_TYPE:
            return code
        code = json_doubles(c, &self.keypoints, &n)
        if code:
            return code
        values = <double*>self.keypoints.data
        for i in range(2, n, 3):
            if values[i] != 0 and values[i] != 1 and values[i] != 2:
                return INVALID
            if not held(values[i - 1]) or not held(values[i - 2]):
                return JSON_RANGE
        return JSON_OK if n % 3 == 0 else INVALID

    cdef int _score(self, Cursor* c) noexcept nogil:
        """Take a score as it is written: 1 stays 1, and 0.10 stays 0.10."""
        cdef Number number
        cdef Py_ssize_t begin = c.pos
        cdef int code = json_null(c)
        self.score.size = 0
        if code != JSON_TYPE:
            return code
        if not json_starts_number(c.data[c.pos]):
            return JSON_TYPE
        code = json_scan_number(c, &number)
        if code == JSON_OK and buffer_add(&self.score, c.data + begin, c.pos - begin) < 0:
            return JSON_MEMORY
        return code

    cdef int _attributes(self, Cursor* c) noexcept nogil:
        """Copy an object's members, but for those that COCO has keys of its own for."""
        cdef bint first = True
        cdef Span key, value, plain
        cdef int code = json_null(c)
        self.own_attributes.size = self.other_score.size = 0
        if code != JSON_TYPE:
            return code
        code = json_open(c, c'{')
        if code:
            return code
        while True:
            code = json_key(c, &first, &key)
            if code == JSON_END:
                return JSON_OK
            if code:
                return code
            code = json_raw(c, &value)
            if code:
                return code
            plain = key
            if key.escaped:
                self.key_text.size = 0
                if span_unescape(&key, &self.key_text) < 0:
                    return JSON_MEMORY
                plain.data = self.key_text.data
                plain.size = self.key_text.size
            if self.task <= T_KEYPOINTS and span_is(&plain, b"is_crowd", 8):
                continue
            if span_is(&plain, b"score", 5):
                self.other_score.size = 0
                if buffer_add(&self.other_score, value.data, value.size) < 0:
                    return JSON_MEMORY
                continue
            if (buffer_byte(&self.own_attributes, c',') < 0
                    or buffer_byte(&self.own_attributes, c'"') < 0
                    or buffer_add(&self.own_attributes, key.data, key.size) < 0
                    or buffer_add(&self.own_attributes, b'":', 2) < 0
                    or buffer_add(&self.own_attributes, value.data, value.size) < 0):
                return JSON_MEMORY

    cdef int _segmentation(self, Cursor* c) noexcept nogil:
        cdef bint first = True
        cdef Py_ssize_t n = 0, at = c.pos
        cdef int code, byte = json_peek(c)
        self.polygon_points.size = self.polygon_sizes.size = 0
        self.is_mask = False
        if byte == c'{':
            return self._mask(c)
        code = json_null(c)
        if code == JSON_OK:
            return JSON_OK
        if code == JSON_TYPE:
            code = json_open(c, c'[')
        while code == JSON_OK:
            code = json_element(c, &first)
            if code == JSON_END:
                return JSON_OK
            if code == JSON_OK:
                at = c.pos
                code = json_hundredths(c, &self.polygon_points, &n)
                if code:
                    break
                if n < 6 or n & 1:
                    return self._bad(
                        INVALID, at, b"segmentation", b"polygons of three or more x, y pairs"
                    )
                if n > 0x7FFFFFFF:
                    return self._bad(JSON_RANGE, at, b"segmentation", b"fewer points")
                if buffer_int32(&self.polygon_sizes, <int32_t>n) < 0:
                    return JSON_MEMORY
        return self._bad(
            code, at, b"segmentation", b"a list of polygons, or an RLE with size and counts"
        )

    cdef int _mask(self, Cursor* c) noexcept nogil:
        cdef bint first = True, has_size = False, has_counts = False, compressed = False
        cdef Field field
        cdef Span span, key
        cdef int64_t[2] size
        cdef int64_t pixels, total = 0
        cdef int64_t* runs
        cdef Py_ssize_t at = c.pos, begin = c.pos, size_at = c.pos, counts_at = c.pos, n = 0, i
        cdef int code = json_open(c, c'{')
        while code == JSON_OK:
            code = self._next(c, &first, &field, &key)
            if code == JSON_END:
                break
            if code:
                return code
            at = c.pos
            if field == K_SIZE:
                size_at = at
                self.numbers.size = 0
                code = json_int64s(c, &self.numbers, &n)
                if code or n != 2:
                    return self._bad(code or INVALID, at, b"segmentation.size", b"[height, width]")
                memcpy(size, self.numbers.data, 16)
                has_size = True
            elif field == K_COUNTS:
                counts_at = at
                self.rle.size = 0
                code = json_string(c, &span)
                compressed = code == JSON_OK
                if compressed:
                    if span_add(&span, &self.rle) < 0:
                        return JSON_MEMORY
                elif code == JSON_TYPE:
                    code = json_int64s(c, &self.rle, &n)
                if code:
                    return self._bad(
                        code, at, b"segmentation.counts", b"a string, or a list of run lengths"
                    )
                has_counts = True
            else:
                code = skip(c)
        if code != JSON_END:
            return code
        if not has_size or not has_counts:
            return self._missing(
                begin, b"segmentation.counts" if has_size else b"segmentation.size",
                b"an RLE with size and counts",
            )
        if not (0 <= size[0] <= 0x7FFFFFFF and 0 <= size[1] <= 0x7FFFFFFF
                and size[0] * size[1] <= RLE_LIMIT):
            return self._bad(
                INVALID, size_at, b"segmentation.size", b"a mask of less than 2^32 pixels"
            )
        pixels = size[0] * size[1]
        if not compressed:
            n = self.rle.size // 8
            if buffer_reserve(&self.numbers, self.rle.size) < 0:
                return JSON_MEMORY
            self.numbers.size = self.rle.size
            if n:
                memcpy(self.numbers.data, self.rle.data, self.rle.size)
            runs = <int64_t*>self.numbers.data
            for i in range(n):
                if not 0 <= runs[i] <= pixels - total:
                    total = -1
                    break
                total += runs[i]
            self.rle.size = 0
            if total == pixels and put_runs(&self.rle, runs, n) < 0:
                return JSON_MEMORY
        if total != pixels if not compressed else not runs_fill(self.rle.data, self.rle.size, pixels):
            return self._bad(
                INVALID, counts_at, b"segmentation.counts",
                b"run lengths that add up to height x width"
            )
        if self.rle.size > 0x7FFFFFFF:
            return self._bad(JSON_RANGE, counts_at, b"segmentation.counts", b"fewer runs")
        self.mask_size[0] = <int32_t>size[0]
        self.mask_size[1] = <int32_t>size[1]
        self.is_mask = True
        return JSON_OK

    # --- what is kept ------------------------------------------------------------------------------

    cdef inline int _row(self, uint8_t kind, Py_ssize_t size) noexcept nogil:
        self.n_rows += 1
        return (buffer_byte(&self.kinds, kind) | buffer_int32(&self.sizes, <int32_t>size))

    cdef int _keep(
        self, int64_t object_id, int64_t image_id, int64_t category, bint crowd, double area,
        const double* box,
    ) noexcept nogil:
        """Append the object in hand to the columns. (After JSON_MEMORY nothing is used any more.)"""
        cdef Py_ssize_t before = self.n_rows, n, i
        cdef const Buffer* score
        cdef const double* point
        cdef const int32_t* polygon
        cdef float* corners
        if self.task == T_LABELS:
            if self._row(LABEL, 0) < 0:
                return JSON_MEMORY
        elif self.task == T_CAPTIONS:
            if (self._row(CAPTION, self.text.size) < 0
                    or buffer_add(&self.texts, self.text.data, self.text.size) < 0):
                return JSON_MEMORY
        else:
            n = self.keypoints.size // 24
            if n:
                if (self._row(POINTS, 2 * n) < 0 or buffer_reserve(&self.points, 8 * n) < 0
                        or buffer_reserve(&self.visibility, n) < 0):
                    return JSON_MEMORY
                point = <const double*>self.keypoints.data
                for i in range(n):
                    buffer_float(&self.points, to_hundredths(point[0]))
                    buffer_float(&self.points, to_hundredths(point[1]))
                    buffer_byte(&self.visibility, <uint8_t>point[2])
                    point += 3
            n = self.polygon_sizes.size // 4
            polygon = <const int32_t*>self.polygon_sizes.data
            for i in range(n):
                if self._row(POLYGON, polygon[i]) < 0:
                    return JSON_MEMORY
            if buffer_add(&self.points, self.polygon_points.data, self.polygon_points.size) < 0:
                return JSON_MEMORY
            if self.is_mask:
                if (self._row(MASK, self.rle.size) < 0
                        or buffer_add(&self.rles, self.rle.data, self.rle.size) < 0
                        or buffer_add(&self.mask_sizes, self.mask_size, 8) < 0):
                    return JSON_MEMORY
            if box != NULL:
                if self._row(BBOX, 4) < 0 or buffer_reserve(&self.points, 16) < 0:
                    return JSON_MEMORY
                corners = <float*>(self.points.data + self.points.size)
                corners[0] = to_hundredths(box[0])
                corners[1] = to_hundredths(box[1])
                corners[2] = to_hundredths(box[0] + box[2])
                corners[3] = to_hundredths(box[1] + box[3])
                self.points.size += 16
        self.n_empty += self.n_rows == before
        score = &self.score if self.score.size else &self.other_score
        if self.own_attributes.size or self.rest.size or score.size:
            # {…,"is_crowd":false,"score":0.5}, whose first comma becomes the brace
            n = self.attributes.size
            if (buffer_add(&self.attributes, self.rest.data, self.rest.size) < 0
                    or buffer_add(
                        &self.attributes, self.own_attributes.data, self.own_attributes.size
                    ) < 0):
                return JSON_MEMORY
            if self.task <= T_KEYPOINTS and buffer_add(
                &self.attributes, b',"is_crowd":true' if crowd else b',"is_crowd":false',
                16 if crowd else 17,
            ) < 0:
                return JSON_MEMORY
            if score.size and (
                buffer_add(&self.attributes, b',"score":', 9) < 0
                or buffer_add(&self.attributes, score.data, score.size) < 0
            ):
                return JSON_MEMORY
            if buffer_byte(&self.attributes, c'}') < 0:
                return JSON_MEMORY
            self.attributes.data[n] = c'{'
        if (buffer_int64(&self.ids, object_id) < 0
                or buffer_int64(&self.image_of, image_id) < 0
                or buffer_int64(&self.categories, category) < 0
                or buffer_double(&self.areas, area) < 0
                or buffer_int32(&self.row_counts, <int32_t>(self.n_rows - before)) < 0
                or buffer_byte(&self.flags, FLAG_CROWD if crowd else 0) < 0
                or buffer_int64(&self.attribute_ends, <int64_t>self.attributes.size) < 0):
            return JSON_MEMORY
        self.n_objects += 1
        return JSON_OK

    # --- handing it out ----------------------------------------------------------------------------

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
            array_of(&self.image_rest, np.uint8)[:int(rest_offsets[n])],
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

    cdef inline int64_t _kept_rows(self, Py_ssize_t o, Py_ssize_t* row) noexcept nogil:
        """How many rows of an object count; ``row`` is its first, and becomes the next object's."""
        cdef int32_t n = (<int32_t*>self.row_counts.data)[o], i
        cdef int64_t kept = n
        if self.flags.data[o] & FLAG_POINTS_ONLY:
            kept = 0
            for i in range(n):
                kept += self.kinds.data[row[0] + i] == POINTS
        row[0] += n
        return kept

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
                n = self._kept_rows(o, &row)
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
                n = self._kept_rows(o, &row)
                if 0 <= items[o] < free.shape[0]:
                    first[o] = free[items[o]]
                    free[items[o]] += n
                else:
                    first[o] = -1
        return out

    cdef inline int64_t _attribute_size(self, Py_ssize_t o) noexcept nogil:
        cdef const int64_t* ends = <const int64_t*>self.attribute_ends.data
        cdef int64_t size = ends[o] - (ends[o - 1] if o else 0)
        if size == 0 and self.task <= T_KEYPOINTS:
            size = 17 if self.flags.data[o] & FLAG_CROWD else 18
        return size

    cdef Py_ssize_t _range_end(self, Py_ssize_t begin, end) except -1:
        cdef Py_ssize_t last = self.n_objects if end is None else end
        if not 0 <= begin <= last <= self.n_objects:
            raise ValueError("there are no such objects")
        return last

    cdef _Before _before(self, Py_ssize_t end) noexcept nogil:
        """How much the rows of the first objects hold."""
        cdef _Before before
        cdef Py_ssize_t o, rows = 0
        cdef int32_t size
        cdef uint8_t kind
        memset(&before, 0, sizeof(before))
        for o in range(end):
            rows += (<int32_t*>self.row_counts.data)[o]
        while before.row < rows:
            kind = self.kinds.data[before.row]
            size = (<int32_t*>self.sizes.data)[before.row]
            before.row += 1
            if kind == POLYGON or kind == BBOX:
                before.point += size
            elif kind == POINTS:
                before.point += size
                before.seen += size // 2
            elif kind == MASK:
                before.mask += 1
                before.rle += size
            elif kind == CAPTION:
                before.text += size
        return before

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
        cdef Py_ssize_t o, last = self._range_end(begin, end)
        cdef _Before before
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
            before = self._before(begin)
            for o in range(begin, last):
                to = first[o]
                for i in range((<int32_t*>self.row_counts.data)[o]):
                    kind = self.kinds.data[before.row]
                    size = (<int32_t*>self.sizes.data)[before.row]
                    before.row += 1
                    before.mask += kind == MASK
                    if to < 0 or to >= n_out or (
                        self.flags.data[o] & FLAG_POINTS_ONLY and kind != POINTS
                    ):
                        continue
                    kinds[to] = kind
                    ids[to] = (<int64_t*>self.ids.data)[o]
                    labels[to] = object_labels[o]
                    areas[to] = (<double*>self.areas.data)[o]
                    attributes[to + 1] = self._attribute_size(o)
                    if kind == POLYGON or kind == BBOX:
                        points[to + 1] = size
                    elif kind == POINTS:
                        points[to + 1] = size
                        if seen:
                            visibility[to + 1] = size // 2
                    elif kind == MASK and masks:
                        rles[to + 1] = size
                        mask_sizes[0, to] = sides[2 * before.mask - 2]
                        mask_sizes[1, to] = sides[2 * before.mask - 1]
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
        cdef Py_ssize_t o, last = self._range_end(begin, end)
        cdef _Before before
        cdef int64_t to, size, attribute_size, attribute, n_out = attribute_offsets.shape[0] - 1
        cdef const int64_t* ends = <const int64_t*>self.attribute_ends.data
        cdef const uint8_t* own
        cdef int32_t i
        cdef uint8_t kind
        cdef bint taken
        if first.shape[0] != self.n_objects or point_offsets.shape[0] != n_out + 1:
            raise ValueError("one row for each object is needed")
        with nogil:
            before = self._before(begin)
            for o in range(begin, last):
                to = first[o]
                attribute = ends[o - 1] if o else 0
                attribute_size = self._attribute_size(o)
                if attribute_size and ends[o] == attribute:
                    own = <const uint8_t*>(CROWD if attribute_size == 17 else PLAIN)
                else:
                    own = self.attributes.data + attribute
                for i in range((<int32_t*>self.row_counts.data)[o]):
                    kind = self.kinds.data[before.row]
                    size = (<int32_t*>self.sizes.data)[before.row]
                    before.row += 1
                    taken = 0 <= to < n_out and not (
                        self.flags.data[o] & FLAG_POINTS_ONLY and kind != POINTS
                    )
                    if taken and attribute_size:
                        memcpy(&attributes[attribute_offsets[to]], own, attribute_size)
                    if kind == POLYGON or kind == BBOX or kind == POINTS:
                        if taken and size:
                            memcpy(
                                &points[point_offsets[to]],
                                (<const float*>self.points.data) + before.point, 4 * size,
                            )
                        before.point += size
                        if kind == POINTS:
                            size //= 2
                            if taken and visibility is not None and size:
                                memcpy(
                                    &visibility[visibility_offsets[to]],
                                    self.visibility.data + before.seen, size,
                                )
                            before.seen += size
                    elif kind == MASK:
                        if taken and rles is not None and size:
                            memcpy(&rles[rle_offsets[to]], self.rles.data + before.rle, size)
                        before.rle += size
                    elif kind == CAPTION:
                        if taken and texts is not None and size:
                            memcpy(&texts[text_offsets[to]], self.texts.data + before.text, size)
                        before.text += size
                    to += taken


def item_texts(
    const uint8_t[::1] names,
    const int64_t[::1] offsets,
    const int64_t[::1] image_ids,
    const uint8_t[::1] rest,
    const int64_t[::1] rest_offsets,
    bytes prefix,
):
    """Item ids, attributes and paths of images, each as (offsets int64 [n + 1], bytes).

    An id is the file's name without its extension; the attributes are ``{"id": image id}`` and the
    ``rest``, members of an object each with a comma before it; a path is ``prefix`` and the name. The fourth value are the rows whose names might lead out of the folder:
    absolute ones, and those with ``..``, a colon or NUL.
    """
    cdef Py_ssize_t n = image_ids.shape[0], i, k, begin, end, dot, n_prefix = len(prefix)
    cdef const uint8_t* lead = prefix
    cdef Buffer ids, attributes, paths
    cdef bint odd
    cdef int bad = 0
    if offsets.shape[0] != n + 1 or (n and offsets[n] != names.shape[0]):
        raise ValueError("one name for each image is needed")
    if rest_offsets.shape[0] != n + 1 or rest_offsets[n] > rest.shape[0]:
        raise ValueError("the rest of each image is needed")
    ids.data = attributes.data = paths.data = NULL
    ids.size = attributes.size = paths.size = ids.room = attributes.room = paths.room = 0
    id_ends, attribute_ends, path_ends = (np.zeros(n + 1, np.int64) for _ in range(3))
    cdef int64_t[::1] id_out = id_ends, attribute_out = attribute_ends, path_out = path_ends
    strange = np.zeros(n, np.uint8)
    cdef uint8_t[::1] strange_out = strange
    with nogil:
        for i in range(n):
            begin = offsets[i]
            end = offsets[i + 1]
            odd = names[begin] == c'/'
            dot = end
            for k in range(begin, end):
                if names[k] == c'/':
                    dot = end
                elif names[k] == c'.':
                    if k > begin and names[k - 1] != c'/':
                        dot = k
                    odd = odd or (k > begin and names[k - 1] == c'.')
                elif names[k] == c':' or names[k] == 0:
                    odd = True
            if dot < end and all_dots(&names[begin], dot - begin):
                dot = end
            strange_out[i] = odd
            bad = bad | buffer_add(&ids, &names[begin], dot - begin)
            bad = bad | buffer_add(&attributes, b'{"id":', 6) | put_int64(&attributes, image_ids[i])
            if rest_offsets[i] < rest_offsets[i + 1]:
                bad = bad | buffer_add(
                    &attributes, &rest[rest_offsets[i]], rest_offsets[i + 1] - rest_offsets[i]
                )
            bad = bad | buffer_byte(&attributes, c'}') | buffer_add(&paths, lead, n_prefix)
            bad = bad | buffer_add(&paths, &names[begin], end - begin)
            id_out[i + 1] = ids.size
            attribute_out[i + 1] = attributes.size
            path_out[i + 1] = paths.size
    try:
        if bad:
            raise MemoryError
        return (
            (id_ends, array_of(&ids, np.uint8)),
            (attribute_ends, array_of(&attributes, np.uint8)),
            (path_ends, array_of(&paths, np.uint8)),
            np.flatnonzero(strange),
        )
    finally:
        buffer_free(&ids)
        buffer_free(&attributes)
        buffer_free(&paths)


cdef inline bint all_dots(const uint8_t* name, Py_ssize_t n) noexcept nogil:
    """Whether the last part of a path is nothing but dots: what follows is no extension."""
    while n and name[n - 1] == c'.':
        n -= 1
    return n == 0 or name[n - 1] == c'/'
