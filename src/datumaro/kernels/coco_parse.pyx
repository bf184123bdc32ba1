"""COCO's JSON into columns.

A `Parser` is fed a file block by block. It takes whole elements of the top-level arrays ``images``
and ``annotations`` and says how far it came; the caller moves the rest to the front and reads on.
Nothing is made per annotation but bytes in growing columns, in the file's order: see `coco_columns`.
"""

from datumaro.kernels._coco_elements cimport *
from datumaro.kernels._types cimport BBOX, CAPTION, LABEL, MASK, POINTS, POLYGON
from datumaro.kernels.coco_columns cimport FLAG_CROWD, Columns

INSTANCES, KEYPOINTS, CAPTIONS, LABELS, IMAGE_INFO = range(5)
DONE, MORE, PROBLEM, FATAL = range(4)

cdef enum:
    F_DONE, F_MORE, F_PROBLEM, F_FATAL, F_NO_MEMORY

cdef enum State:
    S_START
    S_KEYS
    S_IMAGES
    S_ANNOTATIONS
    S_OTHER              # an array that nobody asked for
    S_END


cdef class Parser(Columns):
    """The columns of one COCO file, of one task, as far as it was fed.

    Attributes
    ----------
    raw : the JSON text of the values of ``info``, ``licenses`` and ``categories``.
    problem : of the last PROBLEM or FATAL: (JSON path, what is expected, byte in the block,
        whether it is not there at all: then the byte is that of the object that lacks it).
    skipped, skipped_images : indices of the annotations and images that were left out for a problem.
    n_nonfinite : keys that are not COCO's whose values, with NaN or infinity in them, were left out
        of annotations and images that were kept.
    """

    cdef readonly dict raw
    cdef readonly tuple problem
    cdef readonly list skipped, skipped_images
    cdef int task
    cdef State state
    cdef bint first
    cdef readonly bint has_images, has_annotations
    cdef readonly Py_ssize_t n_nonfinite
    cdef Py_ssize_t index               # of the next element in its array
    cdef Element element                # the one in hand

    def __init__(self, int task):
        self.raw = {}
        self.skipped = []
        self.skipped_images = []
        self.task = self.element.task = task
        self.shapes = task <= T_KEYPOINTS
        self.state = S_START

    def __dealloc__(self):
        element_free(&self.element)

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
        self.take_over(other)
        self.raw.update(other.raw)
        self.skipped += [self.index + i for i in other.skipped]
        self.skipped_images += other.skipped_images
        self.n_nonfinite += other.n_nonfinite
        self.has_images = self.has_images or other.has_images
        self.index = other.index + (self.index if other.state == S_ANNOTATIONS else 0)
        self.state = other.state
        self.first = other.first
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
            self.element.bad_key = self.element.expected = NULL
            self.element.is_missing = False
            if self.state == S_START:
                status = self._start(&c)
            elif self.state == S_KEYS:
                status = self._key(&c)
            elif self.state == S_END:
                json_space(&c)
                if c.pos < end:
                    self.element.expected = b"the end of the file"
                    self.element.bad_at = c.pos
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
        if self.element.bad_key != NULL:
            place += "." + (<bytes>self.element.bad_key).decode()
        if self.state == S_ANNOTATIONS:
            self.skipped.append(index)
        elif self.state == S_IMAGES:
            self.skipped_images.append(index)
        expected = (<bytes>self.element.expected).decode()
        self.problem = (place, expected, self.element.bad_at, self.element.is_missing)

    cdef int _stop(self, Cursor* c, int code, const char* expected) noexcept:
        if code == JSON_MEMORY:
            return F_NO_MEMORY
        self.element.expected = expected
        self.element.bad_at = c.pos
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
        cdef Buffer* text = &self.element.key_text
        cdef int code = json_key(c, &self.first, &key)
        cdef bytes name
        if code == JSON_END:
            self.state = S_END
            return F_DONE
        if code == JSON_OK:
            text.size = 0
            if span_add(&key, text) < 0:
                return F_NO_MEMORY
            name = text.data[:text.size] if text.size else b""
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
            self.clear_images()
            return
        self.has_annotations = True
        self.state = S_OTHER if self.task == T_IMAGE_INFO else S_ANNOTATIONS
        self.skipped = []
        self.clear_objects()

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
                    code = take_image(&self.element, c)
                    if code == JSON_OK:
                        code = self._keep_image()
                elif self.state == S_ANNOTATIONS:
                    code = take_annotation(&self.element, c)
                    if code == JSON_OK:
                        code = self._keep_annotation()
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
                self.element.bad_key = NULL
                self.element.is_missing = False
            if code == JSON_MORE:
                c.pos = begin
                self.first = first
                return F_MORE
            if code == JSON_MEMORY:
                return F_NO_MEMORY
            self.element.expected = b"JSON"
            self.element.bad_at = c.pos
            return F_FATAL

    # --- what is kept ------------------------------------------------------------------------------

    cdef inline int _row(self, uint8_t kind, Py_ssize_t size) noexcept nogil:
        self.n_rows += 1
        return (buffer_byte(&self.kinds, kind) | buffer_int32(&self.sizes, <int32_t>size))

    cdef int _keep_image(self) noexcept nogil:
        """Append the image in hand to the columns. (After JSON_MEMORY nothing is used any more.)"""
        cdef Element* e = &self.element
        cdef size_t i = self.names.size
        if (span_add(&e.name, &self.names) < 0
                or buffer_int64(&self.name_ends, <int64_t>self.names.size) < 0
                or buffer_add(&self.image_rest, e.rest.data, e.rest.size) < 0
                or buffer_int64(&self.image_rest_ends, <int64_t>self.image_rest.size) < 0
                or buffer_int64(&self.image_ids, e.id) < 0
                or buffer_int32(&self.image_sizes, <int32_t>e.height) < 0
                or buffer_int32(&self.image_sizes, <int32_t>e.width) < 0):
            return JSON_MEMORY
        while i < self.names.size:
            if self.names.data[i] == c'\\':
                self.names.data[i] = c'/'
            i += 1
        self.n_images += 1
        self.n_nonfinite += e.n_nonfinite
        return JSON_OK

    cdef int _keep_annotation(self) noexcept nogil:
        """The same of an annotation: an object, and its rows."""
        cdef Element* e = &self.element
        cdef Py_ssize_t before = self.n_rows, n, i
        cdef const Buffer* score
        cdef const double* point
        cdef const int32_t* polygon
        cdef float* corners
        if e.task == T_LABELS:
            if self._row(LABEL, 0) < 0:
                return JSON_MEMORY
        elif e.task == T_CAPTIONS:
            if (self._row(CAPTION, e.text.size) < 0
                    or buffer_add(&self.texts, e.text.data, e.text.size) < 0):
                return JSON_MEMORY
        else:
            n = e.keypoints.size // 24
            if n:
                if (self._row(POINTS, 2 * n) < 0 or buffer_reserve(&self.points, 8 * n) < 0
                        or buffer_reserve(&self.visibility, n) < 0):
                    return JSON_MEMORY
                point = <const double*>e.keypoints.data
                for i in range(n):
                    buffer_float(&self.points, to_hundredths(point[0]))
                    buffer_float(&self.points, to_hundredths(point[1]))
                    buffer_byte(&self.visibility, <uint8_t>point[2])
                    point += 3
            n = e.polygon_sizes.size // 4
            polygon = <const int32_t*>e.polygon_sizes.data
            for i in range(n):
                if self._row(POLYGON, polygon[i]) < 0:
                    return JSON_MEMORY
            if buffer_add(&self.points, e.polygon_points.data, e.polygon_points.size) < 0:
                return JSON_MEMORY
            if e.is_mask:
                if (self._row(MASK, e.rle.size) < 0
                        or buffer_add(&self.rles, e.rle.data, e.rle.size) < 0
                        or buffer_add(&self.mask_sizes, e.mask_size, 8) < 0):
                    return JSON_MEMORY
            if e.has_box:
                if self._row(BBOX, 4) < 0 or buffer_reserve(&self.points, 16) < 0:
                    return JSON_MEMORY
                corners = <float*>(self.points.data + self.points.size)
                corners[0] = to_hundredths(e.box[0])
                corners[1] = to_hundredths(e.box[1])
                corners[2] = to_hundredths(e.box[0] + e.box[2])
                corners[3] = to_hundredths(e.box[1] + e.box[3])
                self.points.size += 16
        self.n_empty += self.n_rows == before
        self.n_nonfinite += e.n_nonfinite
        score = &e.score if e.score.size else &e.other_score
        if e.own_attributes.size or e.rest.size or score.size:
            # {…,"is_crowd":false,"score":0.5}, whose first comma becomes the brace
            n = self.attributes.size
            if (buffer_add(&self.attributes, e.rest.data, e.rest.size) < 0
                    or buffer_add(
                        &self.attributes, e.own_attributes.data, e.own_attributes.size
                    ) < 0):
                return JSON_MEMORY
            if e.task <= T_KEYPOINTS and buffer_add(
                &self.attributes, b',"is_crowd":true' if e.crowd else b',"is_crowd":false',
                16 if e.crowd else 17,
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
        if (buffer_int64(&self.ids, e.id) < 0
                or buffer_int64(&self.image_of, e.image_id) < 0
                or buffer_int64(&self.categories, e.category) < 0
                or buffer_double(&self.areas, e.area) < 0
                or buffer_int32(&self.row_counts, <int32_t>(self.n_rows - before)) < 0
                or buffer_byte(&self.flags, FLAG_CROWD if e.crowd else 0) < 0
                or buffer_int64(&self.attribute_ends, <int64_t>self.attributes.size) < 0):
            return JSON_MEMORY
        self.n_objects += 1
        return JSON_OK
