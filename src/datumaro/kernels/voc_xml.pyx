# Usual PASCAL VOC annotation files, read in one pass.
#
# "Usual": plain tags without attributes, no comments, CDATA sections, references, processing
# instructions or declarations but the XML declaration, ASCII, and no element that needs more than
# this to be understood. Whatever else a file has, it is given up, so that an XML parser may read it:
# what is taken here means the same to one.

from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.string cimport memcmp


cdef struct Text:
    const char* data
    Py_ssize_t size


cdef inline void skip_space(const char** at, const char* end) noexcept:
    while at[0] < end and (at[0][0] == c" " or at[0][0] == c"\n" or at[0][0] == c"\t" or at[0][0] == c"\r"):
        at[0] += 1


cdef inline bint take(const char** at, const char* end, const char* text, Py_ssize_t size) noexcept:
    """Go past a literal, if it comes next."""
    if end - at[0] < size or memcmp(at[0], text, size) != 0:
        return False
    at[0] += size
    return True


cdef inline bint is_plain(char c) noexcept:
    # \r is none: XML makes \n of it
    return 32 <= c < 127 and c != c"<" and c != c">" and c != c"&" or c == c"\n" or c == c"\t"


cdef bint open_tag(const char** at, const char* end, Text* name) noexcept:
    """Go past ``<name>``."""
    cdef const char* p = at[0]
    if p >= end or p[0] != c"<":
        return False
    p += 1
    name.data = p
    while p < end and (c"a" <= p[0] <= c"z" or c"A" <= p[0] <= c"Z"):
        p += 1
    name.size = p - name.data
    if name.size == 0 or p >= end or p[0] != c">":
        return False
    at[0] = p + 1
    return True


cdef bint close_tag(const char** at, const char* end, Text name) noexcept:
    """Go past ``</name>`` and the space behind it."""
    if not take(at, end, b"</", 2) or not take(at, end, name.data, name.size):
        return False
    if not take(at, end, b">", 1):
        return False
    skip_space(at, end)
    return True


cdef inline bint is_named(Text name, const char* text, Py_ssize_t size) noexcept:
    return name.size == size and memcmp(name.data, text, size) == 0


cdef bint text_of(const char** at, const char* end, Text name, Text* text) noexcept:
    """Go past an element's text and closing tag."""
    cdef const char* p = at[0]
    text.data = p
    while p < end and is_plain(p[0]):
        p += 1
    text.size = p - text.data
    at[0] = p
    return close_tag(at, end, name)


cdef bint skip_element(const char** at, const char* end, Text name) noexcept:
    """Go past the rest of an element that has text, or elements that have text."""
    cdef Text inner, text
    skip_space(at, end)
    if end - at[0] > 1 and at[0][0] == c"<" and at[0][1] != c"/":
        while open_tag(at, end, &inner):
            if not text_of(at, end, inner, &text):
                return False
        return close_tag(at, end, name)
    return text_of(at, end, name, &text)


cdef bint number_of(const char** at, const char* end, Text name, bint whole, double* value) noexcept:
    """Go past an element whose text is a decimal number: ``-?d{1,7}(.d{1,6})?``.

    Numbers so short are exact quotients of two whole numbers, and so correctly rounded.
    """
    cdef const char* p
    cdef bint negative = False
    cdef int n_digits = 0
    cdef double mantissa = 0, scale = 1
    skip_space(at, end)
    p = at[0]
    if p < end and p[0] == c"-" and not whole:
        negative = True
        p += 1
    while p < end and c"0" <= p[0] <= c"9" and n_digits < 8:
        mantissa = mantissa * 10 + (p[0] - 48)
        n_digits += 1
        p += 1
    if n_digits == 0 or n_digits > 7:
        return False
    if p < end and p[0] == c"." and not whole:
        p += 1
        n_digits = 0
        while p < end and c"0" <= p[0] <= c"9" and n_digits < 7:
            mantissa = mantissa * 10 + (p[0] - 48)
            scale *= 10
            n_digits += 1
            p += 1
        if n_digits == 0 or n_digits > 6:
            return False
    at[0] = p
    skip_space(at, end)
    value[0] = -mantissa / scale if negative else mantissa / scale
    return close_tag(at, end, name)


cdef bint flag_of(const char** at, const char* end, Text name, int bit, int* flags) noexcept:
    """Go past an element whose text is 0 or 1."""
    if at[0] < end and (at[0][0] == c"0" or at[0][0] == c"1"):
        if at[0][0] == c"1":
            flags[0] |= bit
        at[0] += 1
        return close_tag(at, end, name)
    return False


cdef bint box_of(const char** at, const char* end, Text name, double* box) noexcept:
    """Go past a ``<bndbox>`` in which each corner is once, in any order."""
    cdef Text inner
    cdef int seen = 0, index
    skip_space(at, end)
    while open_tag(at, end, &inner):
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
        if seen & (1 << index) or not number_of(at, end, inner, False, &box[index]):
            return False
        seen |= 1 << index
    return seen == 15 and close_tag(at, end, name)


cdef bint size_of(const char** at, const char* end, Text name, double* height, double* width) noexcept:
    """Go past a ``<size>``."""
    cdef Text inner
    cdef double depth
    cdef double* value
    cdef int seen = 0, bit
    skip_space(at, end)
    while open_tag(at, end, &inner):
        if is_named(inner, b"width", 5):
            value, bit = width, 1
        elif is_named(inner, b"height", 6):
            value, bit = height, 2
        elif is_named(inner, b"depth", 5):
            value, bit = &depth, 4
        else:
            return False
        if seen & bit or not number_of(at, end, inner, True, value):
            return False
        seen |= bit
    return close_tag(at, end, name)


cdef object string(Text text):
    return PyUnicode_DecodeASCII(text.data, text.size, NULL)


cdef object attributes_of(const char** at, const char* end, Text element):
    """Go past the rest of ``<attributes>``: a dict of names and values; None when it is unusual."""
    cdef Text attribute, tag, name, value
    cdef dict made = {}
    cdef int seen, bit
    skip_space(at, end)
    while open_tag(at, end, &attribute):
        if not is_named(attribute, b"attribute", 9):
            return None
        name.data = value.data = at[0]
        name.size = value.size = seen = 0
        skip_space(at, end)
        while open_tag(at, end, &tag):
            if is_named(tag, b"name", 4):
                bit = 1
            elif is_named(tag, b"value", 5):
                bit = 2
            else:
                return None
            if seen & bit or not text_of(at, end, tag, &name if bit == 1 else &value):
                return None
            seen |= bit
        if name.size == 0 or not close_tag(at, end, attribute):
            return None
        made[string(name)] = string(value)
    return made if close_tag(at, end, element) else None


cdef object object_of(const char** at, const char* end, Text element, Py_ssize_t line):
    """Go past the rest of an ``<object>`` and return it; None when it is unusual."""
    cdef Text tag, name, pose
    cdef double[4] box
    cdef int flags = 0, seen = 0, bit
    cdef bint good
    cdef object attributes = None
    name.data = pose.data = at[0]
    name.size = pose.size = 0
    skip_space(at, end)
    while open_tag(at, end, &tag):
        if is_named(tag, b"name", 4):
            bit, good = 1, text_of(at, end, tag, &name)
        elif is_named(tag, b"bndbox", 6):
            bit, good = 2, box_of(at, end, tag, box)
        elif is_named(tag, b"pose", 4):
            bit, good = 4, text_of(at, end, tag, &pose)
        elif is_named(tag, b"difficult", 9):
            bit, good = 8, flag_of(at, end, tag, 1, &flags)
        elif is_named(tag, b"truncated", 9):
            bit, good = 16, flag_of(at, end, tag, 2, &flags)
        elif is_named(tag, b"occluded", 8):
            bit, good = 32, flag_of(at, end, tag, 4, &flags)
        elif is_named(tag, b"attributes", 10):
            attributes = attributes_of(at, end, tag)
            bit, good = 64, attributes is not None
        else:
            return None
        if not good or seen & bit:
            return None
        seen |= bit
    if seen & 3 != 3 or name.size == 0 or not close_tag(at, end, element):
        return None
    corners = (box[0], box[1], box[2], box[3])
    return string(name), corners, flags, string(pose) if pose.size else None, attributes, line


cdef bint declaration(const char** at, const char* end) noexcept:
    """Go past an XML declaration, if there is one; False when it is unusual."""
    if not take(at, end, b"<?xml", 5):
        return True
    if not (take(at, end, b' version="1.0"', 14) or take(at, end, b" version='1.0'", 14)):
        return False
    if take(at, end, b" encoding=", 10) and not (
        take(at, end, b'"utf-8"', 7) or take(at, end, b'"UTF-8"', 7)
        or take(at, end, b"'utf-8'", 7) or take(at, end, b"'UTF-8'", 7)
    ):
        return False
    skip_space(at, end)
    if not take(at, end, b"?>", 2):
        return False
    skip_space(at, end)
    return True


def scan(bytes data):
    cdef const char* at = data
    cdef const char* end = at + len(data)
    cdef const char* counted = at
    cdef Py_ssize_t line = 1
    cdef Text root, tag, text, filename
    cdef double height = 0, width = 0
    cdef bint has_filename = False, has_size = False
    cdef list objects = []
    filename.data, filename.size = at, 0
    if not declaration(&at, end) or not open_tag(&at, end, &root):
        return None
    if not is_named(root, b"annotation", 10):
        return None
    skip_space(&at, end)
    while True:
        while counted < at:
            line += counted[0] == c"\n"
            counted += 1
        if not open_tag(&at, end, &tag):
            break
        if is_named(tag, b"object", 6):
            found = object_of(&at, end, tag, line)
            if found is None:
                return None
            objects.append(found)
        elif is_named(tag, b"filename", 8):
            if has_filename or not text_of(&at, end, tag, &filename):
                return None
            has_filename = True
        elif is_named(tag, b"size", 4):
            if has_size or not size_of(&at, end, tag, &height, &width):
                return None
            has_size = True
        elif not skip_element(&at, end, tag):
            return None
    if not close_tag(&at, end, root) or at != end:
        return None
    return string(filename).strip(), <int>height, <int>width, objects
