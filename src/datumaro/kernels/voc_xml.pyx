# Usual PASCAL VOC annotation files, read in one pass.
#
# "Usual": plain tags without attributes, no comments, CDATA sections, references, processing
# instructions or declarations but the XML declaration, ASCII, and no element that needs more than
# this to be understood. Whatever else a file has, it is given up, so that an XML parser may read it:
# what is taken here means the same to one.

from libc.string cimport memchr

from datumaro.kernels._xml cimport *


cdef bint open_tag(Place* p, Text* name) noexcept:
    """Go past ``<name>``."""
    cdef const char* at = p.at
    if take(p, b"<", 1) and name_of(p, name) and take(p, b">", 1):
        return True
    p.at = at
    return False


cdef bint skip_element(Place* p, Text name) noexcept:
    """Go past the rest of an element that has text, or elements that have text."""
    cdef Text inner, text
    skip_space(p)
    if p.end - p.at > 1 and p.at[0] == c"<" and p.at[1] != c"/":
        while open_tag(p, &inner):
            if not plain_text(p, inner, &text):
                return False
        return close_tag(p, name)
    return plain_text(p, name, &text)


cdef bint number_of(Place* p, Text name, bint whole, double* value) noexcept:
    """Go past an element whose text is a number; a whole one has neither a sign nor a point."""
    cdef const char* begin
    skip_space(p)
    begin = p.at
    if not decimal(p, value):
        return False
    if whole and (begin[0] == c"-" or memchr(begin, c".", p.at - begin) != NULL):
        return False
    skip_space(p)
    return close_tag(p, name)


cdef bint flag_of(Place* p, Text name, int bit, int* flags) noexcept:
    """Go past an element whose text is 0 or 1."""
    if p.at < p.end and (p.at[0] == c"0" or p.at[0] == c"1"):
        if p.at[0] == c"1":
            flags[0] |= bit
        p.at += 1
        return close_tag(p, name)
    return False


cdef bint box_of(Place* p, Text name, double* box) noexcept:
    """Go past a ``<bndbox>`` in which each corner is once, in any order."""
    cdef Text inner
    cdef int seen = 0, index
    skip_space(p)
    while open_tag(p, &inner):
        if is_named(inner, b"xmin", 4):
            index = 0
        elif is_named(inner, b"ymin", 4):
            index = 1
        elif is_named(inner, b"xmax", 4):
            index = 2
        elif is_named(inner, b"ymax", 4):
            index = 3
        else:
            return False
        if seen & (1 << index) or not number_of(p, inner, False, &box[index]):
            return False
        seen |= 1 << index
    return seen == 15 and close_tag(p, name)


cdef bint size_of(Place* p, Text name, double* height, double* width) noexcept:
    """Go past a ``<size>``."""
    cdef Text inner
    cdef double depth
    cdef double* value
    cdef int seen = 0, bit
    skip_space(p)
    while open_tag(p, &inner):
        if is_named(inner, b"width", 5):
            value, bit = width, 1
        elif is_named(inner, b"height", 6):
            value, bit = height, 2
        elif is_named(inner, b"depth", 5):
            value, bit = &depth, 4
        else:
            return False
        if seen & bit or not number_of(p, inner, True, value):
            return False
        seen |= bit
    return close_tag(p, name)


cdef object attributes_of(Place* p, Text element):
    """Go past the rest of ``<attributes>``: a dict of names and values; None when it is unusual."""
    cdef Text attribute, tag, name, value
    cdef dict made = {}
    cdef int seen, bit
    skip_space(p)
    while open_tag(p, &attribute):
        if not is_named(attribute, b"attribute", 9):
            return None
        name.data = value.data = p.at
        name.size = value.size = seen = 0
        skip_space(p)
        while open_tag(p, &tag):
            if is_named(tag, b"name", 4):
                bit = 1
            elif is_named(tag, b"value", 5):
                bit = 2
            else:
                return None
            if seen & bit or not plain_text(p, tag, &name if bit == 1 else &value):
                return None
            seen |= bit
        if name.size == 0 or not close_tag(p, attribute):
            return None
        made[string(name)] = string(value)
    return made if close_tag(p, element) else None


cdef object object_of(Place* p, Text element, Py_ssize_t line):
    """Go past the rest of an ``<object>`` and return it; None when it is unusual."""
    cdef Text tag, name, pose
    cdef double[4] box
    cdef int flags = 0, seen = 0, bit
    cdef bint good
    cdef object attributes = None
    name.data = pose.data = p.at
    name.size = pose.size = 0
    skip_space(p)
    while open_tag(p, &tag):
        if is_named(tag, b"name", 4):
            bit, good = 1, plain_text(p, tag, &name)
        elif is_named(tag, b"bndbox", 6):
            bit, good = 2, box_of(p, tag, box)
        elif is_named(tag, b"pose", 4):
            bit, good = 4, plain_text(p, tag, &pose)
        elif is_named(tag, b"difficult", 9):
            bit, good = 8, flag_of(p, tag, 1, &flags)
        elif is_named(tag, b"truncated", 9):
            bit, good = 16, flag_of(p, tag, 2, &flags)
        elif is_named(tag, b"occluded", 8):
            bit, good = 32, flag_of(p, tag, 4, &flags)
        elif is_named(tag, b"attributes", 10):
            attributes = attributes_of(p, tag)
            bit, good = 64, attributes is not None
        else:
            return None
        if not good or seen & bit:
            return None
        seen |= bit
    if seen & 3 != 3 or name.size == 0 or not close_tag(p, element):
        return None
    corners = (box[0], box[1], box[2], box[3])
    return string(name), corners, flags, string(pose) if pose.size else None, attributes, line


cdef bint declaration(Place* p) noexcept:
    """Go past an XML declaration, if there is one; False when it is unusual."""
    if not take(p, b"<?xml", 5):
        return True
    if not (take(p, b' version="1.0"', 14) or take(p, b" version='1.0'", 14)):
        return False
    if take(p, b" encoding=", 10) and not (
        take(p, b'"utf-8"', 7) or take(p, b'"UTF-8"', 7)
        or take(p, b"'utf-8'", 7) or take(p, b"'UTF-8'", 7)
    ):
        return False
    skip_space(p)
    if not take(p, b"?>", 2):
        return False
    skip_space(p)
    return True


def scan(bytes data):
    cdef const char* counted = data
    cdef Py_ssize_t line = 1
    cdef Place p
    cdef Text root, tag, text, filename
    cdef double height = 0, width = 0
    cdef bint has_filename = False, has_size = False
    cdef list objects = []
    p.at, p.end = counted, counted + len(data)
    filename.data, filename.size = counted, 0
    if not declaration(&p) or not open_tag(&p, &root):
        return None
    if not is_named(root, b"annotation", 10):
        return None
    skip_space(&p)
    while True:
        while counted < p.at:
            line += counted[0] == c"\n"
            counted += 1
        if not open_tag(&p, &tag):
            break
        if is_named(tag, b"object", 6):
            found = object_of(&p, tag, line)
            if found is None:
                return None
            objects.append(found)
        elif is_named(tag, b"filename", 8):
            if has_filename or not plain_text(&p, tag, &filename):
                return None
            has_filename = True
        elif is_named(tag, b"size", 4):
            if has_size or not size_of(&p, tag, &height, &width):
                return None
            has_size = True
        elif not skip_element(&p, tag):
            return None
    if not close_tag(&p, root) or p.at != p.end:
        return None
    return string(filename).strip(), <int>height, <int>width, objects
