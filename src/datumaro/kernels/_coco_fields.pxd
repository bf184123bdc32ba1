# The keys of COCO's JSON, and values that are not looked at.

from datumaro.kernels._json cimport Cursor, Span, json_skip, span_is

cdef enum Field:
    K_OTHER, K_ID, K_IMAGE, K_CATEGORY, K_CROWD, K_BBOX, K_AREA, K_SEGMENTATION, K_KEYPOINTS
    K_SCORE, K_ATTRIBUTES, K_CAPTION, K_FILE_NAME, K_HEIGHT, K_WIDTH, K_SIZE, K_COUNTS
    K_DERIVED            # follows from others


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
