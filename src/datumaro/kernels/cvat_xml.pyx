# Usual images of CVAT's files, read in one pass.
#
# "Usual": boxes, polygons, polylines, points and tags of declared labels, with the attributes that
# CVAT writes, each once, and <attribute> elements in them; no comments, references, control
# characters or anything else. At the first image that has more the scan ends, so that an XML parser
# may read it: what is taken here means the same to one.

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.unicode cimport PyUnicode_DecodeUTF8

import numpy as np

from datumaro.kernels._xml cimport *

cdef enum:
    BOX, POLYGON, POLYLINE, POINTS, TAG
    NO_LABEL = -2147483648
    # attributes of shapes, as bits
    LABEL = 1
    SOURCE = 2
    OCCLUDED = 4
    OUTSIDE = 8
    KEYFRAME = 16
    Z_ORDER = 32
    GROUP = 64
    XTL = 128
    YTL = 256
    XBR = 512
    YBR = 1024
    COORDINATES = 2048
    CORNERS = 1920


cdef class Rows:
    """Growing columns of shapes."""

    cdef Py_ssize_t n, n_points, room, points_room
    cdef unsigned char* kinds
    cdef int* labels
    cdef int* z_orders
    cdef long long* groups
    cdef long long* ends
    cdef double* points
    cdef list attributes

    def __cinit__(self):
        self.attributes = []

    def __dealloc__(self):
        PyMem_Free(self.kinds)
        PyMem_Free(self.labels)
        PyMem_Free(self.z_orders)
        PyMem_Free(self.groups)
        PyMem_Free(self.ends)
        PyMem_Free(self.points)

    cdef int grow(self) except -1:
        """Make room for a shape."""
        cdef Py_ssize_t room
        if self.n < self.room:
            return 0
        room = 2 * self.room + 1024
        self.kinds = <unsigned char*>resized(self.kinds, room)
        self.labels = <int*>resized(self.labels, room * sizeof(int))
        self.z_orders = <int*>resized(self.z_orders, room * sizeof(int))
        self.groups = <long long*>resized(self.groups, room * sizeof(long long))
        self.ends = <long long*>resized(self.ends, room * sizeof(long long))
        self.room = room
        return 0

    cdef int point(self, double value) except -1:
        """Append a coordinate."""
        cdef Py_ssize_t room
        if self.n_points == self.points_room:
            room = 2 * self.points_room + 4096
            self.points = <double*>resized(self.points, room * sizeof(double))
            self.points_room = room
        self.points[self.n_points] = value
        self.n_points += 1
        return 0

    def columns(self):
        return (
            copied(<char*>self.kinds, self.n, np.uint8),
            copied(<char*>self.labels, self.n * sizeof(int), np.int32),
            copied(<char*>self.groups, self.n * sizeof(long long), np.int64),
            copied(<char*>self.z_orders, self.n * sizeof(int), np.int32),
            copied(<char*>self.ends, self.n * sizeof(long long), np.int64),
            copied(<char*>self.points, self.n_points * sizeof(double), np.float64),
            self.attributes,
        )


cdef void* resized(void* memory, size_t size) except NULL:
    cdef void* found = PyMem_Realloc(memory, size)
    if found == NULL:
        raise MemoryError
    return found


cdef object copied(const char* data, Py_ssize_t size, kind):
    return np.frombuffer(PyBytes_FromStringAndSize(data, size), kind)


# --- text ---------------------------------------------------------------------------------------


cdef bint attribute_of(Place* p, Text* name, Text* value) noexcept:
    """Go past ``name="value"`` in a tag. Bytes beyond ASCII are not looked at."""
    if not name_of(p, name) or not take(p, b'="', 2):
        return False
    value.data = p.at
    while p.at < p.end and (<unsigned char>p.at[0]) >= 32 and not (
        p.at[0] == c'"' or p.at[0] == c"<" or p.at[0] == c"&"
    ):
        p.at += 1
    value.size = p.at - value.data
    return take(p, b'"', 1)


cdef bint is_ascii(Text text) noexcept:
    cdef Py_ssize_t i
    for i in range(text.size):
        if (<unsigned char>text.data[i]) >= 128:
            return False
    return True


cdef bint number_of(Text text, double* value) noexcept:
    cdef Place p
    p.at, p.end = text.data, text.data + text.size
    return decimal(&p, value) and p.at == p.end


cdef bint integer_of(Text text, long long* value) noexcept:
    """``-?d{1,9}``"""
    cdef Py_ssize_t i = 0
    cdef bint negative = text.size > 0 and text.data[0] == c"-"
    if negative:
        i = 1
    if not 0 < text.size - i < 10:
        return False
    value[0] = 0
    while i < text.size:
        if not c"0" <= text.data[i] <= c"9":
            return False
        value[0] = 10 * value[0] + (text.data[i] - 48)
        i += 1
    if negative:
        value[0] = -value[0]
    return True


cdef bint flag_of(Text text, bint* value) noexcept:
    if text.size != 1 or not (text.data[0] == c"0" or text.data[0] == c"1"):
        return False
    value[0] = text.data[0] == c"1"
    return True


# --- shapes -------------------------------------------------------------------------------------


cdef int coordinates_of(Text text, Rows rows) except -1:
    """Append ``x,y;x,y;…``; how many points there are, 0 where it is something else."""
    cdef Place p
    cdef double value
    cdef int n = 0
    p.at, p.end = text.data, text.data + text.size
    while True:
        if not decimal(&p, &value) or not take(&p, b",", 1):
            return 0
        rows.point(value)
        if not decimal(&p, &value):
            return 0
        rows.point(value)
        n += 1
        if p.at == p.end:
            return n
        if not take(&p, b";", 1):
            return 0


cdef bint inner_of(Place* p, Text tag, Text* inner) noexcept:
    """Go past the ``<attribute>`` elements in a shape, and its end."""
    cdef Text name, value
    skip_space(p)
    inner.data = p.at
    while take(p, b"<attribute name=", 16):
        p.at -= 5
        if not attribute_of(p, &name, &value) or not take(p, b">", 1):
            return False
        while p.at < p.end and not (p.at[0] == c"<" or p.at[0] == c"&" or p.at[0] == c">") and (
            (<unsigned char>p.at[0]) >= 32 or p.at[0] == c"\n" or p.at[0] == c"\t"
        ):
            p.at += 1
        if not take(p, b"</attribute>", 12):
            return False
        skip_space(p)
    inner.size = p.at - inner.data
    return take(p, b"</", 2) and take(p, tag.data, tag.size) and take(p, b">", 1)


cdef int bit_of(Text name) noexcept:
    """Which attribute of a shape has a name; 0 for an unusual one."""
    if is_named(name, b"label", 5):
        return LABEL
    if is_named(name, b"source", 6):
        return SOURCE
    if is_named(name, b"occluded", 8):
        return OCCLUDED
    if is_named(name, b"outside", 7):
        return OUTSIDE
    if is_named(name, b"keyframe", 8):
        return KEYFRAME
    if is_named(name, b"z_order", 7):
        return Z_ORDER
    if is_named(name, b"group_id", 8):
        return GROUP
    if is_named(name, b"xtl", 3):
        return XTL
    if is_named(name, b"ytl", 3):
        return YTL
    if is_named(name, b"xbr", 3):
        return XBR
    if is_named(name, b"ybr", 3):
        return YBR
    if is_named(name, b"points", 6):
        return COORDINATES
    return 0


cdef int shape_of(Place* p, Rows rows, dict labels, kinds, make) except -1:
    """Go past a shape and append it; 0 when it is unusual."""
    cdef Text tag, name, value, inner, points
    cdef double[4] corners
    cdef long long z_order = 0, group = 0
    cdef bint occluded = False, flag = False
    cdef int kind, seen = 0, bit, n, label = NO_LABEL, i
    if not name_of(p, &tag):
        return 0
    if is_named(tag, b"box", 3):
        kind = BOX
    elif is_named(tag, b"polygon", 7):
        kind = POLYGON
    elif is_named(tag, b"polyline", 8):
        kind = POLYLINE
    elif is_named(tag, b"points", 6):
        kind = POINTS
    elif is_named(tag, b"tag", 3):
        kind = TAG
    else:
        return 0
    points.data, points.size = p.at, 0
    while take(p, b" ", 1):
        if not attribute_of(p, &name, &value):
            return 0
        bit = bit_of(name)
        if bit == 0 or seen & bit:
            return 0
        seen |= bit
        if bit == LABEL:
            if value.size:
                known = labels.get(PyBytes_FromStringAndSize(value.data, value.size))
                if known is None:
                    return 0
                label = known
        elif bit == SOURCE:
            if not is_ascii(value):
                return 0
        elif bit == OCCLUDED:
            if not flag_of(value, &occluded):
                return 0
        elif bit == OUTSIDE:
            if not flag_of(value, &flag) or flag:
                return 0
        elif bit == KEYFRAME:
            if not flag_of(value, &flag):
                return 0
        elif bit == Z_ORDER:
            if not integer_of(value, &z_order):
                return 0
        elif bit == GROUP:
            if not integer_of(value, &group):
                return 0
        elif bit == COORDINATES:
            points = value
        else:
            i = 0 if bit == XTL else 1 if bit == YTL else 2 if bit == XBR else 3
            if not number_of(value, &corners[i]):
                return 0
    if take(p, b"/>", 2):
        inner.data, inner.size = p.at, 0
    elif not take(p, b">", 1) or not inner_of(p, tag, &inner):
        return 0
    if kind == BOX:
        if seen & CORNERS != CORNERS or seen & COORDINATES:
            return 0
        for i in range(4):
            rows.point(corners[i])
    elif kind == TAG:
        if label == NO_LABEL or seen & (CORNERS | COORDINATES | Z_ORDER | OCCLUDED):
            return 0
    else:
        n = coordinates_of(points, rows)
        if n < (3 if kind == POLYGON else 1) or seen & CORNERS:
            return 0
    attributes = make(
        label, kind == TAG, occluded, PyBytes_FromStringAndSize(inner.data, inner.size)
    )
    if attributes is None:
        return 0
    rows.grow()
    rows.kinds[rows.n] = kinds[kind]
    rows.labels[rows.n] = label
    rows.groups[rows.n] = group
    rows.z_orders[rows.n] = <int>z_order
    rows.ends[rows.n] = rows.n_points
    rows.attributes.append(attributes)
    rows.n += 1
    return 1


cdef object text_of(Text text):
    """A text, or None where it is no UTF-8."""
    try:
        return PyUnicode_DecodeUTF8(text.data, text.size, NULL)
    except UnicodeDecodeError:
        return None


cdef object image_of(Place* p, Rows rows, dict labels, kinds, make):
    """Go past an image: (id, name, subset or None, height, width), or None for an unusual one."""
    cdef Text name, value
    cdef long long number = -1, height = 0, width = 0, task = 0
    cdef int seen = 0, bit
    filename = subset = None
    while take(p, b" ", 1):
        if not attribute_of(p, &name, &value):
            return None
        if is_named(name, b"id", 2):
            bit = 1
            if not integer_of(value, &number) or number < 0:
                return None
        elif is_named(name, b"name", 4):
            bit = 2
            filename = text_of(value)
            if not filename:
                return None
        elif is_named(name, b"width", 5):
            bit = 4
            if not integer_of(value, &width) or width <= 0:
                return None
        elif is_named(name, b"height", 6):
            bit = 8
            if not integer_of(value, &height) or height <= 0:
                return None
        elif is_named(name, b"subset", 6):
            bit = 16
            subset = text_of(value)
            if subset is None:
                return None
        elif is_named(name, b"task_id", 7):
            bit = 32
            if not integer_of(value, &task):
                return None
        else:
            return None
        if seen & bit:
            return None
        seen |= bit
    if seen & 15 != 15:
        return None
    if not take(p, b"/>", 2):
        if not take(p, b">", 1):
            return None
        skip_space(p)
        while take(p, b"<", 1):
            if take(p, b"/image>", 7):
                break
            if not shape_of(p, rows, labels, kinds, make):
                return None
            skip_space(p)
        else:
            return None
    return number, filename, subset, height, width


def scan(bytes data, Py_ssize_t begin, dict labels, kinds, make, accept):
    cdef const char* start = data
    cdef Place p
    cdef const char* done
    cdef Py_ssize_t n, n_points
    cdef Rows rows = Rows()
    if not 0 <= begin <= len(data) or len(kinds) != 5:
        raise ValueError("a place that is not in the data, or not five kinds")
    p.at, p.end = start + begin, start + len(data)
    done = p.at
    while True:
        skip_space(&p)
        n, n_points = rows.n, rows.n_points
        begin = p.at - start
        if not take(&p, b"<image", 6):
            break
        image = image_of(&p, rows, labels, kinds, make)
        if image is None or not accept(begin, image, rows.n):
            # an unusual one, or one that is left out
            rows.n, rows.n_points = n, n_points
            del rows.attributes[n:]
            if image is None:
                break
        done = p.at
    return done - start, rows.columns()
