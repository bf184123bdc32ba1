"""Going through item records of `.datum` files.

They are walked over twice, by the same code: to check them and to count what they hold, and to fill
arrays of exactly that size. Nothing that a record says is believed: every length is compared with
what is left of its blob before it is used.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memchr, memcmp, memcpy

from datumaro.kernels._records cimport *


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


cdef int64_t covered(const uint8_t* p, int64_t n, int64_t limit) noexcept nogil:
    """Pixels that compressed COCO RLE counts cover; -1 when they are none, or are above ``limit``.

    Each count is a little-endian number of 5 bits a byte, from the fourth on the difference to the
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
    if n == 0 or (n == 16 and memcmp(p, b"/NOT/A/REAL/PATH", 16) == 0):
        return NO_PATH
    if p[0] == c'/' or p[0] == c'\\' or (
        n > 1 and p[1] == c':' and (c'a' <= (p[0] | 0x20) <= c'z')
    ):
        flags = ABSOLUTE
    if memchr(p, 0, n) != NULL:
        return flags | SUSPECT
    for i in range(n - 1):
        if p[i] == c'.' and p[i + 1] == c'.':
            return flags | SUSPECT
    return flags


cdef int walk_media(Walk* w, bint fill) noexcept nogil:
    cdef uint32_t kind, count
    cdef int code, flags = NO_PATH, folder = 0
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
    if flags & NO_PATH:
        size = prefix = 0
    else:
        prefix = 0 if flags & ABSOLUTE else w.folder_size[folder]
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
