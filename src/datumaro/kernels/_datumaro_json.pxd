# The items of the `datumaro` format's JSON: what there is in them, and the columns they go to.

from datumaro.kernels._json cimport Span, span_is
from datumaro.kernels._types cimport *

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

# Columns. ..._AT: the ends of a list column's rows.
cdef enum:
    I_ID, I_ID_AT, I_ATTRIBUTES, I_ATTRIBUTES_AT, I_MEDIA, I_PATH, I_PATH_AT, I_HEIGHT, I_WIDTH
    I_EXTRA, I_EXTRA_AT, I_FIRST, I_SOURCE
    A_TYPE, A_ID, A_GROUP, A_OBJECT, A_LABEL, A_Z_ORDER, A_ATTRIBUTES, A_ATTRIBUTES_AT
    A_POINTS, A_POINTS_AT, A_VISIBILITY, A_VISIBILITY_AT, A_MASK_HEIGHT, A_MASK_WIDTH
    A_RLE, A_RLE_AT, A_TEXT, A_TEXT_AT, A_EXTRA, A_EXTRA_AT, A_AREA
    E_ROW, E_INDEX, PROBLEMS, COLUMNS

# Keys of an annotation and of an item.
cdef enum:
    K_ID, K_TYPE, K_ATTRIBUTES, K_GROUP, K_OBJECT, K_LABEL, K_Z_ORDER, K_AREA, K_INDEX, K_EXTRA
    # from here on, what the value means depends on the annotation's type
    K_POINTS, K_VISIBILITY, K_BBOX, K_RLE, K_CAPTION, K_POSITION, K_ROTATION, K_SCALE, K_EXACT
    K_ANNOTATIONS, K_EXTENDED, K_ATTR, K_IMAGE, K_CLOUD, K_RELATED, K_VIDEO, K_FRAME, K_FRAMES, K_MEDIA
    K_COUNTS, K_SIZE, K_PATH, K_IMAGE_SIZE, K_NONE
    KEYS = K_ANNOTATIONS


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
            return BBOX
        return MASK if span_is(name, b"mask", 4) else -1
    if name.size == 5:
        return LABEL if span_is(name, b"label", 5) else -1
    if name.size == 6:
        return POINTS if span_is(name, b"points", 6) else -1
    if name.size == 7:
        if span_is(name, b"polygon", 7):
            return POLYGON
        if span_is(name, b"caption", 7):
            return CAPTION
        if span_is(name, b"ellipse", 7):
            return ELLIPSE
        if span_is(name, b"tabular", 7):
            return TABULAR
        return UNKNOWN if span_is(name, b"unknown", 7) else -1
    if name.size == 8:
        if span_is(name, b"polyline", 8):
            return POLYLINE
        if span_is(name, b"hash_key", 8):
            return HASH_KEY
        return SKELETON if span_is(name, b"skeleton", 8) else -1
    if name.size == 9:
        if span_is(name, b"cuboid_3d", 9):
            return CUBOID_3D
        return CUBOID_2D if span_is(name, b"cuboid_2d", 9) else -1
    if span_is(name, b"rotated_bbox", 12):
        return ROTATED_BBOX
    if span_is(name, b"feature_vector", 14):
        return FEATURE_VECTOR
    if span_is(name, b"depth_annotation", 16):
        return DEPTH
    return SUPER_RESOLUTION if span_is(name, b"super_resolution_annotation", 27) else -1
