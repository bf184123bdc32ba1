# Item records of `.datum` files: what is in them, what can be wrong, and the columns that they go to.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from datumaro.kernels._json cimport JSON_OK, JSON_TYPE, Cursor, json_peek, json_skip, json_utf8
from datumaro.kernels._types cimport NO_LABEL


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

    FILE_NO_LABEL = 2147483647

cdef enum:               # bits of `path_flags`
    NO_PATH = 1
    ABSOLUTE = 2
    SUSPECT = 4          # has ".." or NUL


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


cdef inline int64_t span(const int64_t* offsets, int64_t i) noexcept nogil:
    return 0 if offsets == NULL else offsets[i + 1] - offsets[i]


cdef inline const uint8_t* start(const uint8_t[::1] view) noexcept:
    return &view[0] if view.shape[0] else NULL
