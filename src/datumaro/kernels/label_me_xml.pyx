# Usual files of LabelMe, read in one pass.
#
# "Usual": tags without attributes, no comments, CDATA sections, references or processing
# instructions, ASCII, and no element that needs more than this to be understood. Whatever else a
# file has, it is given up, so that an XML parser may read it: what is taken here means the same to
# one.

from datumaro.kernels._xml cimport *


cdef bint open_tag(Place* p, Text* name, bint* empty) noexcept:
    """Go past ``<name>`` or ``<name/>``."""
    cdef const char* at = p.at
    if not take(p, b"<", 1):
        return False
    if name_of(p, name):
        empty[0] = take(p, b"/>", 2)
        if empty[0] or take(p, b">", 1):
            return True
    p.at = at
    return False


cdef bint text_of(Place* p, Text name, bint empty, Text* text) noexcept:
    """Go past an element's text and closing tag."""
    if not empty:
        return plain_text(p, name, text)
    text.data, text.size = p.at, 0
    skip_space(p)
    return True


cdef bint skip_element(Place* p, Text name, bint empty, int depth) noexcept:
    """Go past the rest of an element that has text, or elements."""
    cdef Text inner, text
    cdef bint inner_empty
    if empty:
        skip_space(p)
        return True
    if not text_before(p):
        return text_of(p, name, False, &text)
    if depth > 8:
        return False
    skip_space(p)
    while open_tag(p, &inner, &inner_empty):
        if not skip_element(p, inner, inner_empty, depth + 1):
            return False
    return close_tag(p, name)


cdef bint text_before(Place* p) noexcept:
    """Whether an element comes next, but for space."""
    cdef Place q = p[0]
    skip_space(&q)
    return q.end - q.at > 1 and q.at[0] == c"<" and q.at[1] != c"/"


cdef bint whole(Text text, long long* value) noexcept:
    """``d{1,9}``"""
    cdef Py_ssize_t i
    if not 0 < text.size < 10:
        return False
    value[0] = 0
    for i in range(text.size):
        if not c"0" <= text.data[i] <= c"9":
            return False
        value[0] = 10 * value[0] + (text.data[i] - 48)
    return True


cdef bint coordinate(Place* p, const char* tag, double* value) noexcept:
    """Go past ``<x>12.5</x>``."""
    cdef Text name
    name.data, name.size = tag, 1
    if not take(p, b"<", 1) or not take(p, tag, 1) or not take(p, b">", 1):
        return False
    return decimal(p, value) and close_tag(p, name)


cdef list polygon_of(Place* p, Text name, Text* username):
    """Go past a polygon: x, y, …; None for an unusual one."""
    cdef Text tag
    cdef bint empty
    cdef double x, y
    cdef list points = []
    skip_space(p)
    while open_tag(p, &tag, &empty):
        if is_named(tag, b"pt", 2) and not empty:
            skip_space(p)
            if not coordinate(p, b"x", &x) or not coordinate(p, b"y", &y):
                return None
            points.append(x)
            points.append(y)
            if not close_tag(p, tag):  # it may have a time, too: rare
                return None
        elif is_named(tag, b"username", 8):
            if username.data != NULL or not text_of(p, tag, empty, username):
                return None
        else:
            return None
    return points if close_tag(p, name) else None


cdef object object_of(Place* p, Text element, Py_ssize_t line):
    """Go past the rest of an ``<object>`` and return it; None when it is unusual."""
    cdef Text tag, name, text, username, own, parts, kind
    cdef bint empty, deleted = False, occluded = False
    cdef long long number = -1
    cdef int seen = 0, bit
    cdef list points = None, ids = []
    name.data = own.data = kind.data = p.at
    name.size = own.size = kind.size = 0
    username.data, username.size = NULL, 0
    skip_space(p)
    while open_tag(p, &tag, &empty):
        bit = 0
        if is_named(tag, b"name", 4):
            bit = 1
            if not text_of(p, tag, empty, &name):
                return None
        elif is_named(tag, b"id", 2):
            bit = 2
            if not text_of(p, tag, empty, &text) or not whole(text, &number):
                return None
        elif is_named(tag, b"deleted", 7):
            bit = 4
            if not text_of(p, tag, empty, &text) or text.size != 1:
                return None
            deleted = text.data[0] == c"1"
            if not deleted and text.data[0] != c"0":
                return None
        elif is_named(tag, b"occluded", 8):
            bit = 8
            if not text_of(p, tag, empty, &text):
                return None
            occluded = is_named(text, b"yes", 3)
            if not occluded and not is_named(text, b"no", 2):
                return None
        elif is_named(tag, b"type", 4):
            bit = 16
            if not text_of(p, tag, empty, &kind):
                return None
        elif is_named(tag, b"attributes", 10):
            bit = 32
            if not text_of(p, tag, empty, &own):
                return None
        elif is_named(tag, b"polygon", 7) and not empty:
            bit = 64
            points = polygon_of(p, tag, &username)
            if points is None:
                return None
        elif is_named(tag, b"parts", 5):
            bit = 128
            skip_space(p)
            if not empty:
                while open_tag(p, &parts, &empty):
                    if not text_of(p, parts, empty, &text):
                        return None
                    if text.size:
                        ids.append(string(text))
                if not close_tag(p, tag):
                    return None
        elif is_named(tag, b"verified", 8) or is_named(tag, b"date", 4):
            if not skip_element(p, tag, empty, 0):
                return None
        else:
            return None
        if seen & bit:
            return None
        seen |= bit
    if points is None or not close_tag(p, element):
        return None
    if username.data == NULL:
        username.data = p.at
    return (
        number, string(name), points, is_named(kind, b"bounding_box", 12), deleted, occluded,
        string(username), string(own), ",".join(ids), line,
    )


def scan(bytes data):
    cdef const char* start = data
    cdef const char* counted = start
    cdef Place p
    cdef Text root, tag, inner, text, folder, filename
    cdef bint empty
    cdef Py_ssize_t line = 1
    cdef long long height = 0, width = 0
    cdef int seen = 0, bit
    cdef list objects = []
    p.at, p.end = start, start + len(data)
    folder.data = filename.data = start
    folder.size = filename.size = 0
    if not open_tag(&p, &root, &empty) or empty or not is_named(root, b"annotation", 10):
        return None
    skip_space(&p)
    while True:
        while counted < p.at:
            line += counted[0] == c"\n"
            counted += 1
        if not open_tag(&p, &tag, &empty):
            break
        bit = 0
        if is_named(tag, b"object", 6) and not empty:
            found = object_of(&p, tag, line)
            if found is None:
                return None
            objects.append(found)
        elif is_named(tag, b"filename", 8):
            bit = 1
            if not text_of(&p, tag, empty, &filename):
                return None
        elif is_named(tag, b"folder", 6):
            bit = 2
            if not text_of(&p, tag, empty, &folder):
                return None
        elif is_named(tag, b"imagesize", 9) and not empty:
            bit = 4
            skip_space(&p)
            while open_tag(&p, &inner, &empty):
                if not text_of(&p, inner, empty, &text):
                    return None
                if is_named(inner, b"nrows", 5) and height == 0:
                    if not whole(text, &height):
                        return None
                elif is_named(inner, b"ncols", 5) and width == 0:
                    if not whole(text, &width):
                        return None
                else:
                    return None
            if not close_tag(&p, tag):
                return None
        elif is_named(tag, b"source", 6):
            if not skip_element(&p, tag, empty, 0):
                return None
        else:
            return None
        if seen & bit:
            return None
        seen |= bit
    if not close_tag(&p, root) or p.at != p.end:
        return None
    return string(folder), string(filename), height, width, objects
