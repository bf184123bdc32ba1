# The item records of `.datum` files, version 1.0 of the format, into columns.
#
# Byte order is little-endian throughout, in the files and of the machines that this is built for.

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset

import sys

import numpy as np

from datumaro.kernels._json cimport json_message
from datumaro.kernels._records cimport *
from datumaro.kernels.record_walk cimport covered, walk

if sys.byteorder != "little":
    raise ImportError("the kernels need a little-endian machine")


# --- what can be wrong ------------------------------------------------------------------------

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


PATH_NONE, PATH_ABSOLUTE, PATH_SUSPECT = NO_PATH, ABSOLUTE, SUSPECT


# --- reading ----------------------------------------------------------------------------------

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
    const int64_t[::1] rows,
    const int32_t[::1] height,
    const int32_t[::1] width,
    const int64_t[::1] offsets,
    const uint8_t[::1] rle,
):
    """See records.pyi."""
    cdef int64_t i, row, pixels, bad = -1, n = height.shape[0]
    cdef const uint8_t* p = start(rle)
    if width.shape[0] != n or offsets.shape[0] != n + 1:
        raise ValueError("columns of different lengths")
    for i in range(rows.shape[0]):
        row = rows[i]
        if not 0 <= row < n:
            raise ValueError("a row that there is not")
        if not 0 <= offsets[row] <= offsets[row + 1] <= rle.shape[0]:
            raise ValueError("offsets do not rise within the data")
    with nogil:
        for i in range(rows.shape[0]):
            row = rows[i]
            pixels = <int64_t>height[row] * width[row]
            if height[row] < 0 or width[row] < 0 or (
                covered(p + offsets[row], span(&offsets[0], row), pixels) != pixels
            ):
                bad = row
                break
    return bad
