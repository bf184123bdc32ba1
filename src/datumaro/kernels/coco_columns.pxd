# The columns of one COCO file in the making: see coco_columns.pyx.

from libc.stdint cimport int32_t, int64_t

from datumaro.kernels._json cimport Buffer

cdef enum:               # flags of objects
    FLAG_CROWD = 1
    FLAG_POINTS_ONLY = 2


cdef class Columns:
    cdef bint shapes                    # objects are shapes, which may be crowds
    cdef readonly Py_ssize_t n_images, n_objects, n_rows, n_empty
    # images
    cdef Buffer image_ids, image_sizes, names, name_ends, image_rest, image_rest_ends
    # objects, in the file's order
    cdef Buffer ids, image_of, categories, areas, row_counts, flags, attributes, attribute_ends
    # their rows, and what the rows hold, one after another
    cdef Buffer kinds, sizes, points, visibility, mask_sizes, rles, texts

    cpdef free(self)
    cdef void clear_images(self) noexcept
    cdef void clear_objects(self) noexcept
    cdef int take_over(self, Columns other) except -1
