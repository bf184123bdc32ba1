# The item records of `.datum` files, version 1.0 of the format, to and from columns.
#
# Reading walks the records of some blobs twice: once to check them and to count what they hold, and
# once to fill arrays of exactly that size. Both walks are the same code. Nothing that a record says
# is believed: every length is compared with what is left of its blob before it is used.
#
# Byte order is little-endian throughout, in the files and of the machines that this is built for.

from libc.stdint cimport INT32_MAX, INT32_MIN, int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memchr, memcmp, memcpy, memset

import sys

import numpy as np

from datumaro.kernels._json cimport (
    JSON_OK,
    JSON_TYPE,
    Cursor,
    json_message,
    json_peek,
    json_skip,
    json_utf8,
)

if sys.byteorder != "little":
    raise ImportError("the kernels need a little-endian machine")


cdef extern from *:
    """
    #include <math.h>
    #include <stdint.h>

    /* Round to hundredths as numpy.round(2) does: rintf(x * 100) / 100. Adding and taking away
       1.5 * 2^23 rounds what is below 2^22 to the nearest integer, and is done four at a time where
       rintf is a call. Larger numbers (and NaN) take the second loop. */
    static void dm_round(float *x, int64_t n) {
        const float bias = 12582912.0f, limit = 4194304.0f;
        int large = 0;
        int64_t i;
        for (i = 0; i < n; i++) {
            float size = fabsf(x[i]) * 100.0f;
            int fits = size < limit;
            float rounded = copysignf(((size + bias) - bias) / 100.0f, x[i]);
            large |= !fits;
            x[i] = fits ? rounded : x[i];
        }
        if (!large) return;
        for (i = 0; i < n; i++) {
            float scaled = x[i] * 100.0f;
            if (!(fabsf(scaled) < limit) && isfinite(scaled)) x[i] = rintf(scaled) / 100.0f;
        }
    }
    """
    void dm_round(float* x, int64_t n) noexcept nogil


# --- what can be wrong ------------------------------------------------------------------------

cdef enum Code:
    OK
    CUT              # value: the bytes that were to follow
    TEXT             # not UTF-8
    MEDIA_TYPE       # value: the number found
    IMAGE_SIZE       # value: the height or width found
    EXTRA_IMAGE      # value: the media type found
    ATTRIBUTES       # value: a code of _json
    ANNOTATION_TYPE  # value: the number found
    LABEL            # value: the label found
    COORDINATES      # value: how many
    VISIBILITIES     # value: how many
    VISIBILITY       # value: the value found
    MASK_SIZE        # value: the height or width found
    MASK_RLE         # value: pixels that the counts cover, or -1: no counts at all

_MESSAGES = {
    CUT: ("the blob ends before the {value} bytes that a length announces", "the whole record"),
    MEDIA_TYPE: ("media type {value}", "one of 0, 1, 2, 4, 5, 6"),
    IMAGE_SIZE: ("an image side of {value} pixels", "both sides positive, or both unknown"),
    EXTRA_IMAGE: ("an extra image of media type {value}", "2 (image)"),
    ANNOTATION_TYPE: ("annotation type {value}", "one of 1 to 8, 11, 15, 16"),
    LABEL: ("label {value}", "an index, or 2147483647 for none"),
    COORDINATES: ("{value} coordinates", "the number that the annotation's type has"),
    VISIBILITIES: ("{value} visibilities", "one for each point"),
    VISIBILITY: ("visibility {value}", "0, 1 or 2"),
    MASK_SIZE: ("a mask side of {value} pixels", "at least 0"),
}


def message(int code, value, bytes there=b""):
    """See records.pyi."""
    if code == ATTRIBUTES:
        text = there.decode("utf-8", "replace")
        return f"attributes {text!r} ({json_message(value)})", "a JSON object"
    if code == TEXT:
        return f"the bytes {there!r}", "UTF-8 text"
    if code == MASK_RLE:
        if value < 0:
            return "a mask without valid run lengths", "compressed COCO RLE counts"
        return f"a mask whose run lengths cover {value} pixels", "height x width pixels"
    found, expected = _MESSAGES[code]
    return found.format(value=value), expected


# Media and annotation types as files store them. A 2D cuboid is 16 to version 1.10 and 15 to 1.13.
cdef enum:
    NONE = 0
    MEDIA_ELEMENT = 1
    IMAGE = 2
    VIDEO_FRAME = 4
    VIDEO = 5
    POINT_CLOUD = 6

    TYPE_LABEL = 1
    TYPE_MASK = 2
    TYPE_POINTS = 3
    TYPE_POLYGON = 4
    TYPE_POLYLINE = 5
    TYPE_BBOX = 6
    TYPE_CAPTION = 7
    TYPE_CUBOID_3D = 8
    TYPE_ELLIPSE = 11
    TYPE_CUBOID_2D_113 = 15
    TYPE_CUBOID_2D = 16

    NO_HEIGHT = -1583
    NO_WIDTH = -1597

cpdef enum:              # bits of `path_flags`
    PATH_NONE = 1
    PATH_ABSOLUTE = 2
    PATH_SUSPECT = 4     # has ".." or NUL

cdef int32_t FILE_NO_LABEL = INT32_MAX
cdef int32_t NO_LABEL = INT32_MIN
cdef const char* NO_PATH = "/NOT/A/REAL/PATH"


# --- checks -----------------------------------------------------------------------------------

cdef inline uint32_t load32(const uint8_t* p) noexcept nogil:
    cdef uint32_t value
    memcpy(&value, p, 4)
    return value


cdef inline bint is_utf8(const uint8_t* p, int64_t n) noexcept nogil:
    cdef int64_t i = 0
    cdef int size
    while i < n:
        if p[i] < 128:
            i += 1
            continue
        size = json_utf8(p + i, n - i)
        if size <= 0:
            return False
        i += size
    return True


cdef inline int object_error(const uint8_t* p, int64_t n) noexcept nogil:
    """A code of _json when the text is not one JSON object."""
    cdef Cursor c
    cdef int code
    c.data = p
    c.pos = 0
    c.end = n
    c.nonfinite = False
    if json_peek(&c) != c'{':
        return JSON_TYPE
    code = json_skip(&c)
    if code == JSON_OK and json_peek(&c) >= 0:
        return JSON_TYPE
    return code


cdef inline int64_t attributes_size(const uint8_t* p, int64_t n) noexcept nogil:
    """Length of the text in a column: an empty object is the empty string."""
    return 0 if n == 2 and p[0] == c'{' and p[1] == c'}' else n


cdef int64_t covered(const uint8_t* p, int64_t n, int64_t limit) noexcept nogil:
    """Pixels that compressed COCO RLE counts cover; -1 when they are none, or are above ``limit``.

    Each count is a little-endian number of 5 bits a byte, from the third on the difference to the
    count before the last.
    """
    cdef int64_t i = 0, x, before = 0, last = 0, total = 0, number = 0
    cdef int shift, c
    while i < n:
        x = 0
        shift = 0
        while True:
            if i >= n or shift > 35:
                return -1
            c = p[i] - 48
            if c < 0 or c > 63:
                return -1
            i += 1
            x |= <int64_t>(c & 0x1F) << shift
            shift += 5
            if not c & 0x20:
                break
        if c & 0x10:
            x -= <int64_t>1 << shift
        if number > 2:
            x += before
        if x < 0 or x > limit - total:
            return -1
        total += x
        before = last
        last = x
        number += 1
    return total


# --- reading ----------------------------------------------------------------------------------

cdef struct Walk:
    const uint8_t* data
    int64_t pos
    int64_t end              # of the blob
    int64_t value            # what was found, with an error
    # what folder a relative path is in: images, point clouds, videos
    const uint8_t* folder[3]
    int64_t folder_size[3]
    # counts so far
    int64_t items
    int64_t annotations
    int64_t id_bytes
    int64_t path_bytes
    int64_t tail_bytes
    int64_t item_attribute_bytes
    int64_t attribute_bytes
    int64_t points
    int64_t visibilities
    int64_t masks
    int64_t rle_bytes
    int64_t text_bytes
    # columns to fill; those that may be NULL have nothing in them
    int64_t* id_offsets
    uint8_t* ids
    uint8_t* media_type
    uint8_t* path_flags
    int64_t* path_offsets
    uint8_t* paths
    int32_t* height
    int32_t* width
    int64_t* tail_offsets                # may be NULL
    uint8_t* tails
    int64_t* item_attribute_offsets      # may be NULL
    uint8_t* item_attributes
    int64_t* offsets
    uint8_t* type
    int64_t* id
    int64_t* group
    int32_t* object_id
    int32_t* label
    int32_t* z_order
    int64_t* attribute_offsets           # may be NULL
    uint8_t* attributes
    int64_t* point_offsets               # may be NULL
    float* point_values
    int64_t* visibility_offsets          # may be NULL
    uint8_t* visibility
    int32_t* mask_height                 # may be NULL
    int32_t* mask_width
    int64_t* rle_offsets                 # may be NULL
    uint8_t* rle
    int64_t* text_offsets                # may be NULL
    uint8_t* text


cdef inline int need(Walk* w, int64_t n) noexcept nogil:
    if n > w.end - w.pos:
        w.value = n
        return CUT
    return OK


cdef inline int take32(Walk* w, uint32_t* out) noexcept nogil:
    cdef int code = need(w, 4)
    if code:
        return code
    out[0] = load32(w.data + w.pos)
    w.pos += 4
    return OK


cdef inline int take_int(Walk* w, int32_t* out) noexcept nogil:
    return take32(w, <uint32_t*>out)


cdef inline int take_bytes(Walk* w, const uint8_t** out, int64_t* size) noexcept nogil:
    """A length and as many bytes."""
    cdef uint32_t n
    cdef int code = take32(w, &n)
    if code:
        return code
    if n > w.end - w.pos:
        w.pos -= 4
        w.value = n
        return CUT
    out[0] = w.data + w.pos
    size[0] = n
    w.pos += n
    return OK


cdef inline int take_text(Walk* w, const uint8_t** out, int64_t* size, bint fill) noexcept nogil:
    cdef int code = take_bytes(w, out, size)
    if code == OK and not fill and not is_utf8(out[0], size[0]):
        w.pos -= size[0]
        return TEXT
    return code


cdef inline int take_attributes(
    Walk* w, const uint8_t** out, int64_t* size, bint fill
) noexcept nogil:
    cdef int code = take_bytes(w, out, size)
    if code:
        return code
    if size[0] and not fill:
        code = object_error(out[0], size[0])
        if code:
            w.pos -= size[0]
            w.value = code
            return ATTRIBUTES
    size[0] = attributes_size(out[0], size[0])
    return OK


cdef inline int take_size(Walk* w, int32_t* height, int32_t* width) noexcept nogil:
    """An image's height and width, zeros when they are not known."""
    cdef int code = need(w, 8)
    if code:
        return code
    height[0] = <int32_t>load32(w.data + w.pos)
    width[0] = <int32_t>load32(w.data + w.pos + 4)
    if height[0] == NO_HEIGHT and width[0] == NO_WIDTH:
        height[0] = width[0] = 0
    elif (height[0] <= 0 or width[0] <= 0) and (height[0] or width[0]):
        w.value = height[0] if height[0] <= 0 else width[0]
        return IMAGE_SIZE
    w.pos += 8
    return OK


cdef inline int path_flag(const uint8_t* p, int64_t n) noexcept nogil:
    cdef int flags = 0
    cdef int64_t i
    if n == 0 or (n == 16 and memcmp(p, NO_PATH, 16) == 0):
        return PATH_NONE
    if p[0] == c'/' or p[0] == c'\\' or (
        n > 1 and p[1] == c':' and (c'a' <= (p[0] | 0x20) <= c'z')
    ):
        flags = PATH_ABSOLUTE
    if memchr(p, 0, n) != NULL:
        return flags | PATH_SUSPECT
    for i in range(n - 1):
        if p[i] == c'.' and p[i + 1] == c'.':
            return flags | PATH_SUSPECT
    return flags


cdef int walk_media(Walk* w, bint fill) noexcept nogil:
    cdef uint32_t kind, count
    cdef int code, flags = PATH_NONE, folder = 0
    cdef int32_t height = 0, width = 0, unused_height, unused_width
    cdef const uint8_t* path = NULL
    cdef const uint8_t* unused
    cdef int64_t size = 0, prefix, tail_begin, tail_size, unused_size
    cdef uint8_t* out
    code = take32(w, &kind)
    if code:
        return code
    if kind == POINT_CLOUD:
        folder = 1
    elif kind == VIDEO or kind == VIDEO_FRAME:
        folder = 2
    elif kind > IMAGE:
        w.pos -= 4
        w.value = kind
        return MEDIA_TYPE
    if kind != NONE:
        code = take_text(w, &path, &size, fill)
        if code:
            return code
        flags = path_flag(path, size)
    tail_begin = w.pos
    if kind == IMAGE:
        code = take_size(w, &height, &width)
        tail_begin = w.pos
    elif kind == VIDEO_FRAME:
        code = need(w, 4)
        if code == OK:
            w.pos += 4
    elif kind == VIDEO:
        code = need(w, 12)
        if code == OK:
            w.pos += 12
    elif kind == POINT_CLOUD:
        code = take32(w, &count)
        while code == OK and count:
            count -= 1
            code = take32(w, &kind)
            if code == OK and kind != IMAGE:
                w.pos -= 4
                w.value = kind
                return EXTRA_IMAGE
            if code == OK:
                code = take_text(w, &unused, &unused_size, fill)
            if code == OK:
                code = take_size(w, &unused_height, &unused_width)
        kind = POINT_CLOUD
    if code:
        return code
    tail_size = w.pos - tail_begin
    if flags & PATH_NONE:
        size = prefix = 0
    else:
        prefix = 0 if flags & PATH_ABSOLUTE else w.folder_size[folder]
    if fill:
        w.media_type[w.items] = kind
        w.path_flags[w.items] = flags
        w.height[w.items] = height
        w.width[w.items] = width
        w.path_offsets[w.items] = w.path_bytes
        out = w.paths + w.path_bytes
        if prefix:
            memcpy(out, w.folder[folder], prefix)
        if size:
            memcpy(out + prefix, path, size)
        if w.tail_offsets != NULL:
            w.tail_offsets[w.items] = w.tail_bytes
            if tail_size:
                memcpy(w.tails + w.tail_bytes, w.data + tail_begin, tail_size)
    w.path_bytes += prefix + size
    w.tail_bytes += tail_size
    return OK


cdef inline bint coordinates_fit(int kind, int64_t n) noexcept nogil:
    if kind <= TYPE_POLYLINE:
        return n % 2 == 0
    if kind == TYPE_CUBOID_3D:
        return n == 9
    return n == (16 if kind == TYPE_CUBOID_2D else 4)


cdef int walk_annotation(Walk* w, bint fill) noexcept nogil:
    cdef int64_t n = w.annotations
    cdef const uint8_t* prefix
    cdef const uint8_t* attributes
    cdef const uint8_t* rle = NULL
    cdef const uint8_t* text = NULL
    cdef const uint8_t* points = NULL
    cdef const uint8_t* seen = NULL
    cdef int64_t attribute_size, rle_size = 0, text_size = 0, n_points = 0, n_seen = 0, pixels, i
    cdef int32_t label = FILE_NO_LABEL, z_order = 0, height = 0, width = 0
    cdef uint32_t count
    cdef int code, kind
    code = need(w, 21)
    if code:
        return code
    prefix = w.data + w.pos
    kind = prefix[0]
    if kind == 0 or kind > TYPE_CUBOID_2D or (
        kind > TYPE_CUBOID_3D and kind != TYPE_ELLIPSE and kind < TYPE_CUBOID_2D_113
    ):
        w.value = kind
        return ANNOTATION_TYPE
    if kind == TYPE_CUBOID_2D_113:
        kind = TYPE_CUBOID_2D
    w.pos += 21
    code = take_attributes(w, &attributes, &attribute_size, fill)
    if code:
        return code
    if kind == TYPE_CAPTION:
        code = take_text(w, &text, &text_size, fill)
        if code:
            return code
    else:
        code = take_int(w, &label)
        if code:
            return code
        if label == NO_LABEL:
            w.pos -= 4
            w.value = label
            return LABEL
        if label == FILE_NO_LABEL and kind != TYPE_LABEL:
            label = NO_LABEL
        if kind != TYPE_LABEL and kind != TYPE_CUBOID_3D:
            code = take_int(w, &z_order)
            if code:
                return code
        if kind == TYPE_MASK:
            code = need(w, 8)
            if code:
                return code
            height = <int32_t>load32(w.data + w.pos)
            width = <int32_t>load32(w.data + w.pos + 4)
            if height < 0 or width < 0:
                w.value = height if height < 0 else width
                return MASK_SIZE
            w.pos += 8
            code = take_bytes(w, &rle, &rle_size)
            if code:
                return code
            if not fill:
                pixels = <int64_t>height * width
                w.value = covered(rle, rle_size, pixels)
                if w.value != pixels:
                    w.pos -= rle_size
                    return MASK_RLE
        elif kind != TYPE_LABEL:
            code = take32(w, &count)
            if code:
                return code
            n_points = count
            if not coordinates_fit(kind, n_points):
                w.pos -= 4
                w.value = n_points
                return COORDINATES
            code = need(w, 4 * n_points)
            if code:
                return code
            points = w.data + w.pos
            w.pos += 4 * n_points
            if kind == TYPE_POINTS:
                code = take32(w, &count)
                if code:
                    return code
                n_seen = count
                if n_seen != n_points // 2:
                    w.pos -= 4
                    w.value = n_seen
                    return VISIBILITIES
                code = need(w, 4 * n_seen)
                if code:
                    return code
                seen = w.data + w.pos
                if not fill:
                    for i in range(n_seen):
                        if load32(seen + 4 * i) > 2:
                            w.pos += 4 * i
                            w.value = <int32_t>load32(seen + 4 * i)
                            return VISIBILITY
                w.pos += 4 * n_seen
    if fill:
        w.type[n] = kind
        memcpy(&w.id[n], prefix + 1, 8)
        memcpy(&w.group[n], prefix + 9, 8)
        memcpy(&w.object_id[n], prefix + 17, 4)
        w.label[n] = NO_LABEL if kind == TYPE_CAPTION else label
        w.z_order[n] = z_order
        if w.attribute_offsets != NULL:
            w.attribute_offsets[n] = w.attribute_bytes
            if attribute_size:
                memcpy(w.attributes + w.attribute_bytes, attributes, attribute_size)
        if w.point_offsets != NULL:
            w.point_offsets[n] = w.points
            if n_points:
                memcpy(w.point_values + w.points, points, 4 * n_points)
                if kind != TYPE_CUBOID_3D and kind != TYPE_CUBOID_2D:
                    dm_round(w.point_values + w.points, n_points)
        if w.visibility_offsets != NULL:
            w.visibility_offsets[n] = w.visibilities
            for i in range(n_seen):
                w.visibility[w.visibilities + i] = <uint8_t>load32(seen + 4 * i)
        if w.rle_offsets != NULL:
            w.mask_height[n] = height
            w.mask_width[n] = width
            w.rle_offsets[n] = w.rle_bytes
            if rle_size:
                memcpy(w.rle + w.rle_bytes, rle, rle_size)
        if w.text_offsets != NULL:
            w.text_offsets[n] = w.text_bytes
            if text_size:
                memcpy(w.text + w.text_bytes, text, text_size)
    w.annotations += 1
    w.attribute_bytes += attribute_size
    w.points += n_points
    w.visibilities += n_seen
    w.masks += kind == TYPE_MASK
    w.rle_bytes += rle_size
    w.text_bytes += text_size
    return OK


cdef int walk_item(Walk* w, bint fill) noexcept nogil:
    cdef const uint8_t* id
    cdef const uint8_t* subset
    cdef const uint8_t* attributes
    cdef int64_t id_size, subset_size, attribute_size
    cdef uint32_t count
    cdef int code = take_text(w, &id, &id_size, fill)
    if code:
        return code
    code = take_text(w, &subset, &subset_size, fill)
    if code:
        return code
    if fill:
        w.id_offsets[w.items] = w.id_bytes
        if id_size:
            memcpy(w.ids + w.id_bytes, id, id_size)
    code = walk_media(w, fill)
    if code:
        return code
    code = take_attributes(w, &attributes, &attribute_size, fill)
    if code:
        return code
    if fill:
        if w.item_attribute_offsets != NULL:
            w.item_attribute_offsets[w.items] = w.item_attribute_bytes
            if attribute_size:
                memcpy(w.item_attributes + w.item_attribute_bytes, attributes, attribute_size)
        w.offsets[w.items] = w.annotations
    w.items += 1
    w.id_bytes += id_size
    w.item_attribute_bytes += attribute_size
    code = take32(w, &count)
    while code == OK and count:
        count -= 1
        code = walk_annotation(w, fill)
    return code


cdef int walk(Walk* w, const int64_t* bounds, int64_t n_blobs, bint fill) noexcept nogil:
    cdef int64_t blob
    cdef int code
    w.items = w.annotations = w.id_bytes = w.path_bytes = w.tail_bytes = 0
    w.item_attribute_bytes = w.attribute_bytes = w.points = w.visibilities = 0
    w.masks = w.rle_bytes = w.text_bytes = 0
    for blob in range(n_blobs):
        w.pos = bounds[blob]
        w.end = bounds[blob + 1]
        while w.pos < w.end:
            code = walk_item(w, fill)
            if code:
                return code
    return OK


cdef class Block:
    """Memory that several columns share, each a slice of it.

    A large block costs a fraction of the time of as much memory in pieces: the system gives it in
    large pages. It is gone through twice: to add the sizes up, and to give the slices.
    """
    cdef object memory
    cdef uint8_t* begin
    cdef int64_t used

    cdef void fill(self):
        """From now on give slices."""
        cdef uint8_t[::1] view
        self.memory = np.empty(self.used, np.uint8)
        view = self.memory
        self.begin = &view[0]
        self.used = 0

    cdef void* column(self, dict columns, str name, object dtype, int64_t size, int64_t n):
        """Memory of a column of ``n`` values of ``size`` bytes each; NULL while adding up."""
        cdef int64_t at = self.used
        self.used += (n * size + 63) // 64 * 64
        if self.begin == NULL:
            return NULL
        columns[name] = self.memory[at:at + n * size].view(dtype)
        return self.begin + at


cdef int64_t* offsets_column(Block block, dict columns, str name, int64_t n, int64_t total):
    """An array of n + 1 offsets, the last of them set."""
    cdef int64_t* offsets = int64_column(block, columns, name, n + 1)
    if offsets != NULL:
        offsets[n] = total
    return offsets


cdef uint8_t* bytes_column(Block block, dict columns, str name, int64_t n):
    return <uint8_t*>block.column(columns, name, np.uint8, 1, n)


cdef int32_t* int32_column(Block block, dict columns, str name, int64_t n):
    return <int32_t*>block.column(columns, name, np.int32, 4, n)


cdef int64_t* int64_column(Block block, dict columns, str name, int64_t n):
    return <int64_t*>block.column(columns, name, np.int64, 8, n)


cdef float* float_column(Block block, dict columns, str name, int64_t n):
    return <float*>block.column(columns, name, np.float32, 4, n)


cdef void allocate(Walk* w, Block block, dict columns):
    cdef int64_t n = w.items, m = w.annotations
    w.id_offsets = offsets_column(block, columns, "id_offsets", n, w.id_bytes)
    w.ids = bytes_column(block, columns, "ids", w.id_bytes)
    w.media_type = bytes_column(block, columns, "media_type", n)
    w.path_flags = bytes_column(block, columns, "path_flags", n)
    w.path_offsets = offsets_column(block, columns, "path_offsets", n, w.path_bytes)
    w.paths = bytes_column(block, columns, "paths", w.path_bytes)
    w.height = int32_column(block, columns, "height", n)
    w.width = int32_column(block, columns, "width", n)
    if w.tail_bytes:
        w.tail_offsets = offsets_column(block, columns, "tail_offsets", n, w.tail_bytes)
        w.tails = bytes_column(block, columns, "tails", w.tail_bytes)
    if w.item_attribute_bytes:
        w.item_attribute_offsets = offsets_column(
            block, columns, "item_attribute_offsets", n, w.item_attribute_bytes
        )
        w.item_attributes = bytes_column(block, columns, "item_attributes", w.item_attribute_bytes)
    w.offsets = offsets_column(block, columns, "offsets", n, m)
    w.type = bytes_column(block, columns, "type", m)
    w.id = int64_column(block, columns, "id", m)
    w.group = int64_column(block, columns, "group", m)
    w.object_id = int32_column(block, columns, "object_id", m)
    w.label = int32_column(block, columns, "label", m)
    w.z_order = int32_column(block, columns, "z_order", m)
    if w.attribute_bytes:
        w.attribute_offsets = offsets_column(block, columns, "attribute_offsets", m, w.attribute_bytes)
        w.attributes = bytes_column(block, columns, "attributes", w.attribute_bytes)
    if w.points:
        w.point_offsets = offsets_column(block, columns, "point_offsets", m, w.points)
        w.point_values = float_column(block, columns, "points", w.points)
    if w.visibilities:
        w.visibility_offsets = offsets_column(block, columns, "visibility_offsets", m, w.visibilities)
        w.visibility = bytes_column(block, columns, "visibility", w.visibilities)
    if w.masks:
        w.mask_height = int32_column(block, columns, "mask_height", m)
        w.mask_width = int32_column(block, columns, "mask_width", m)
        w.rle_offsets = offsets_column(block, columns, "rle_offsets", m, w.rle_bytes)
        w.rle = bytes_column(block, columns, "rle", w.rle_bytes)
    if w.text_bytes:
        w.text_offsets = offsets_column(block, columns, "text_offsets", m, w.text_bytes)
        w.text = bytes_column(block, columns, "text", w.text_bytes)


cdef const uint8_t* start(const uint8_t[::1] view) noexcept:
    return &view[0] if view.shape[0] else NULL


def read_records(
    const uint8_t[::1] data,
    const int64_t[::1] bounds,
    const uint8_t[::1] image_folder,
    const uint8_t[::1] point_cloud_folder,
    const uint8_t[::1] video_folder,
):
    """See records.pyi."""
    cdef Walk w
    cdef int code
    cdef int64_t i, n_blobs = bounds.shape[0] - 1, low = 0
    cdef const uint8_t[::1] folder
    cdef dict columns = {}
    cdef Block block
    if n_blobs < 0:
        raise ValueError("bounds are empty")
    for i in range(n_blobs + 1):
        if bounds[i] < low or bounds[i] > data.shape[0]:
            raise ValueError("bounds do not rise within the data")
        low = bounds[i]
    memset(&w, 0, sizeof(Walk))
    w.data = start(data)
    w.folder[0] = start(image_folder)
    w.folder_size[0] = image_folder.shape[0]
    w.folder[1] = start(point_cloud_folder)
    w.folder_size[1] = point_cloud_folder.shape[0]
    w.folder[2] = start(video_folder)
    w.folder_size[2] = video_folder.shape[0]
    with nogil:
        code = walk(&w, &bounds[0], n_blobs, False)
    if code:
        return code, w.pos, w.value, columns
    block = Block()
    allocate(&w, block, columns)
    block.fill()
    allocate(&w, block, columns)
    with nogil:
        code = walk(&w, &bounds[0], n_blobs, True)
    if code:
        raise RuntimeError("the data changed while it was read")
    return OK, w.pos, 0, columns


# --- writing ----------------------------------------------------------------------------------

cdef class Records:
    """Columns of some items, ready to be written: the same that `read_records` returns.

    Columns that may be missing there may be missing here.
    """
    cdef Walk w
    cdef const uint8_t[::1] subset
    cdef list kept           # the arrays that the pointers in ``w`` point into

    def __init__(self, dict columns, const uint8_t[::1] subset):
        cdef Walk* w = &self.w
        cdef int64_t n, m
        memset(w, 0, sizeof(Walk))
        self.subset = subset
        self.kept = []
        n = w.items = len(columns["media_type"])
        m = w.annotations = len(columns["type"])
        w.id_offsets = <int64_t*>self.offsets_of(columns, "id_offsets", n, "ids")
        w.ids = <uint8_t*>self.bytes_of(columns, "ids", -1)
        w.media_type = <uint8_t*>self.bytes_of(columns, "media_type", n)
        w.path_offsets = <int64_t*>self.offsets_of(columns, "path_offsets", n, "paths")
        w.paths = <uint8_t*>self.bytes_of(columns, "paths", -1)
        w.height = <int32_t*>self.int32_of(columns, "height", n)
        w.width = <int32_t*>self.int32_of(columns, "width", n)
        w.offsets = <int64_t*>self.offsets_of(columns, "offsets", n, "type")
        w.type = <uint8_t*>self.bytes_of(columns, "type", m)
        w.id = <int64_t*>self.int64_of(columns, "id", m)
        w.group = <int64_t*>self.int64_of(columns, "group", m)
        w.object_id = <int32_t*>self.int32_of(columns, "object_id", m)
        w.label = <int32_t*>self.int32_of(columns, "label", m)
        w.z_order = <int32_t*>self.int32_of(columns, "z_order", m)
        if "tails" in columns:
            w.tail_offsets = <int64_t*>self.offsets_of(columns, "tail_offsets", n, "tails")
            w.tails = <uint8_t*>self.bytes_of(columns, "tails", -1)
        if "item_attributes" in columns:
            w.item_attribute_offsets = <int64_t*>self.offsets_of(
                columns, "item_attribute_offsets", n, "item_attributes"
            )
            w.item_attributes = <uint8_t*>self.bytes_of(columns, "item_attributes", -1)
        if "attributes" in columns:
            w.attribute_offsets = <int64_t*>self.offsets_of(
                columns, "attribute_offsets", m, "attributes"
            )
            w.attributes = <uint8_t*>self.bytes_of(columns, "attributes", -1)
        if "points" in columns:
            w.point_offsets = <int64_t*>self.offsets_of(columns, "point_offsets", m, "points")
            w.point_values = <float*>self.floats_of(columns, "points")
        if "visibility" in columns:
            w.visibility_offsets = <int64_t*>self.offsets_of(
                columns, "visibility_offsets", m, "visibility"
            )
            w.visibility = <uint8_t*>self.bytes_of(columns, "visibility", -1)
        if "rle" in columns:
            w.mask_height = <int32_t*>self.int32_of(columns, "mask_height", m)
            w.mask_width = <int32_t*>self.int32_of(columns, "mask_width", m)
            w.rle_offsets = <int64_t*>self.offsets_of(columns, "rle_offsets", m, "rle")
            w.rle = <uint8_t*>self.bytes_of(columns, "rle", -1)
        if "text" in columns:
            w.text_offsets = <int64_t*>self.offsets_of(columns, "text_offsets", m, "text")
            w.text = <uint8_t*>self.bytes_of(columns, "text", -1)

    cdef const uint8_t* bytes_of(self, dict columns, str name, int64_t n) except? NULL:
        cdef const uint8_t[::1] view = columns[name]
        if n >= 0 and view.shape[0] != n:
            raise ValueError(f"column {name} has {view.shape[0]} values; expected {n}")
        self.kept.append(columns[name])
        return start(view)

    cdef const float* floats_of(self, dict columns, str name) except? NULL:
        cdef const float[::1] view = columns[name]
        self.kept.append(columns[name])
        return &view[0] if view.shape[0] else NULL

    cdef const int32_t* int32_of(self, dict columns, str name, int64_t n) except? NULL:
        cdef const int32_t[::1] view = columns[name]
        if view.shape[0] != n:
            raise ValueError(f"column {name} has {view.shape[0]} values; expected {n}")
        self.kept.append(columns[name])
        return &view[0] if n else NULL

    cdef const int64_t* int64_of(self, dict columns, str name, int64_t n) except? NULL:
        cdef const int64_t[::1] view = columns[name]
        if view.shape[0] != n:
            raise ValueError(f"column {name} has {view.shape[0]} values; expected {n}")
        self.kept.append(columns[name])
        return &view[0] if n else NULL

    cdef const int64_t* offsets_of(
        self, dict columns, str name, int64_t n, str values
    ) except? NULL:
        """Offsets, which must rise within the values."""
        cdef const int64_t* offsets = self.int64_of(columns, name, n + 1)
        cdef int64_t i, low = 0, limit = len(columns[values])
        cdef bint rising = True
        with nogil:
            for i in range(n + 1):
                rising &= low <= offsets[i]
                low = offsets[i]
        if not rising or low > limit:
            raise ValueError(f"column {name} does not rise within {values}")
        return offsets

    def sizes(self):
        """Bytes of each item's record (int64 [n])."""
        array = np.empty(self.w.items, np.int64)
        cdef int64_t[::1] out = array
        cdef int64_t i
        with nogil:
            for i in range(self.w.items):
                out[i] = item_size(&self.w, i, self.subset.shape[0])
        return array

    def write(self, int64_t begin, int64_t end, uint8_t[::1] out):
        """Write the records of items ``begin:end`` and return their size in bytes."""
        cdef int64_t i, size
        cdef uint8_t* p
        cdef uint8_t* limit
        cdef const uint8_t* subset = start(self.subset)
        cdef bint fits = True
        if not 0 <= begin <= end <= self.w.items:
            raise ValueError(f"items {begin} to {end} of {self.w.items}")
        if begin == end:
            return 0
        if not out.shape[0]:
            raise ValueError("the buffer is too small")
        p = &out[0]
        limit = p + out.shape[0]
        with nogil:
            for i in range(begin, end):
                size = item_size(&self.w, i, self.subset.shape[0])
                if size > limit - p:
                    fits = False
                    break
                put_item(&self.w, i, subset, self.subset.shape[0], p)
                p += size
        if not fits:
            raise ValueError("the buffer is too small")
        return p - &out[0]


cdef inline int64_t span(const int64_t* offsets, int64_t i) noexcept nogil:
    return 0 if offsets == NULL else offsets[i + 1] - offsets[i]


cdef inline int64_t attribute_span(
    const int64_t* offsets, const uint8_t* data, int64_t i
) noexcept nogil:
    if offsets == NULL or offsets[i] == offsets[i + 1]:
        return 0
    return attributes_size(data + offsets[i], offsets[i + 1] - offsets[i])


cdef inline int64_t annotation_size(Walk* w, int64_t i) noexcept nogil:
    cdef int64_t size = 25 + attribute_span(w.attribute_offsets, w.attributes, i)
    cdef int kind = w.type[i]
    if kind == TYPE_CAPTION:
        return size + 4 + span(w.text_offsets, i)
    if kind == TYPE_LABEL:
        return size + 4
    if kind == TYPE_MASK:
        return size + 20 + span(w.rle_offsets, i)
    if kind == TYPE_CUBOID_3D:
        return size + 8 + 4 * span(w.point_offsets, i)
    if kind == TYPE_POINTS:
        size += 4 + 4 * span(w.visibility_offsets, i)
    return size + 12 + 4 * span(w.point_offsets, i)


cdef inline int64_t item_size(Walk* w, int64_t i, int64_t subset_size) noexcept nogil:
    cdef int64_t size = 20 + span(w.id_offsets, i) + subset_size, row
    if w.media_type[i] != NONE:
        size += 4 + span(w.path_offsets, i)
        if w.media_type[i] == IMAGE:
            size += 8
    size += span(w.tail_offsets, i)
    size += attribute_span(w.item_attribute_offsets, w.item_attributes, i)
    for row in range(w.offsets[i], w.offsets[i + 1]):
        size += annotation_size(w, row)
    return size


cdef inline uint8_t* put32(uint8_t* p, int64_t value) noexcept nogil:
    cdef uint32_t low = <uint32_t>value
    memcpy(p, &low, 4)
    return p + 4


cdef inline uint8_t* put_bytes(uint8_t* p, const uint8_t* data, int64_t size) noexcept nogil:
    p = put32(p, size)
    if size:
        memcpy(p, data, size)
    return p + size


cdef inline uint8_t* put_span(
    uint8_t* p, const int64_t* offsets, const uint8_t* data, int64_t i
) noexcept nogil:
    return put32(p, 0) if offsets == NULL else put_bytes(p, data + offsets[i], span(offsets, i))


cdef void put_item(
    Walk* w, int64_t i, const uint8_t* subset, int64_t subset_size, uint8_t* p
) noexcept nogil:
    """Write a record of ``item_size`` bytes."""
    cdef int64_t row, size
    p = put_span(p, w.id_offsets, w.ids, i)
    p = put_bytes(p, subset, subset_size)
    p = put32(p, w.media_type[i])
    if w.media_type[i] != NONE:
        p = put_span(p, w.path_offsets, w.paths, i)
        if w.media_type[i] == IMAGE:
            if w.height[i] == 0 and w.width[i] == 0:
                p = put32(put32(p, NO_HEIGHT), NO_WIDTH)
            else:
                p = put32(put32(p, w.height[i]), w.width[i])
    size = span(w.tail_offsets, i)
    if size:
        memcpy(p, w.tails + w.tail_offsets[i], size)
        p += size
    size = attribute_span(w.item_attribute_offsets, w.item_attributes, i)
    p = put32(p, size)
    if size:
        memcpy(p, w.item_attributes + w.item_attribute_offsets[i], size)
        p += size
    p = put32(p, w.offsets[i + 1] - w.offsets[i])
    for row in range(w.offsets[i], w.offsets[i + 1]):
        p = put_annotation(w, row, p)


cdef inline uint8_t* put_annotation(Walk* w, int64_t i, uint8_t* p) noexcept nogil:
    cdef int kind = w.type[i]
    cdef int64_t size, k
    p[0] = <uint8_t>kind
    memcpy(p + 1, &w.id[i], 8)
    memcpy(p + 9, &w.group[i], 8)
    memcpy(p + 17, &w.object_id[i], 4)
    p += 21
    size = attribute_span(w.attribute_offsets, w.attributes, i)
    p = put32(p, size)
    if size:
        memcpy(p, w.attributes + w.attribute_offsets[i], size)
        p += size
    if kind == TYPE_CAPTION:
        return put_span(p, w.text_offsets, w.text, i)
    p = put32(p, FILE_NO_LABEL if w.label[i] == NO_LABEL else w.label[i])
    if kind == TYPE_LABEL:
        return p
    if kind != TYPE_CUBOID_3D:
        p = put32(p, w.z_order[i])
    if kind == TYPE_MASK:
        if w.rle_offsets == NULL:
            return put32(put32(put32(p, 0), 0), 0)
        p = put32(put32(p, w.mask_height[i]), w.mask_width[i])
        return put_span(p, w.rle_offsets, w.rle, i)
    size = span(w.point_offsets, i)
    p = put32(p, size)
    if size:
        memcpy(p, w.point_values + w.point_offsets[i], 4 * size)
        p += 4 * size
    if kind == TYPE_POINTS:
        size = span(w.visibility_offsets, i)
        p = put32(p, size)
        for k in range(size):
            p = put32(p, w.visibility[w.visibility_offsets[i] + k])
    return p


# --- checks of columns from elsewhere in a file -------------------------------------------------

def bad_object(const int64_t[::1] offsets, const uint8_t[::1] data):
    """See records.pyi."""
    cdef int64_t i, bad = -1, n = offsets.shape[0] - 1, low = 0
    cdef const uint8_t* p = start(data)
    for i in range(n + 1):
        if offsets[i] < low or offsets[i] > data.shape[0]:
            raise ValueError("offsets do not rise within the data")
        low = offsets[i]
    with nogil:
        for i in range(n):
            if offsets[i] < offsets[i + 1] and object_error(p + offsets[i], span(&offsets[0], i)):
                bad = i
                break
    return bad


def bad_mask(
    const int32_t[::1] height,
    const int32_t[::1] width,
    const int64_t[::1] offsets,
    const uint8_t[::1] rle,
):
    """See records.pyi."""
    cdef int64_t i, pixels, bad = -1, n = height.shape[0], low = 0
    cdef const uint8_t* p = start(rle)
    if width.shape[0] != n or offsets.shape[0] != n + 1:
        raise ValueError("columns of different lengths")
    for i in range(n + 1):
        if offsets[i] < low or offsets[i] > rle.shape[0]:
            raise ValueError("offsets do not rise within the data")
        low = offsets[i]
    with nogil:
        for i in range(n):
            pixels = <int64_t>height[i] * width[i]
            if height[i] < 0 or width[i] < 0 or (
                covered(p + offsets[i], span(&offsets[0], i), pixels) != pixels
            ):
                bad = i
                break
    return bad
