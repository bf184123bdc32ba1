# Going through the text of an XML file.

from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.string cimport memcmp


cdef struct Text:
    const char* data
    Py_ssize_t size


cdef struct Place:
    const char* at
    const char* end


cdef inline void skip_space(Place* p) noexcept:
    while p.at < p.end and (
        p.at[0] == c" " or p.at[0] == c"\n" or p.at[0] == c"\t" or p.at[0] == c"\r"
    ):
        p.at += 1


cdef inline bint take(Place* p, const char* text, Py_ssize_t size) noexcept:
    """Go past a literal, if it comes next."""
    if p.end - p.at < size or memcmp(p.at, text, size) != 0:
        return False
    p.at += size
    return True


cdef inline bint is_named(Text name, const char* text, Py_ssize_t size) noexcept:
    return name.size == size and memcmp(name.data, text, size) == 0


cdef inline bint name_of(Place* p, Text* name) noexcept:
    """Go past the name of a tag or an attribute."""
    name.data = p.at
    while p.at < p.end and (
        c"a" <= p.at[0] <= c"z" or p.at[0] == c"_" or c"A" <= p.at[0] <= c"Z"
    ):
        p.at += 1
    name.size = p.at - name.data
    return name.size > 0


cdef inline bint close_tag(Place* p, Text name) noexcept:
    """Go past ``</name>`` and the space behind it."""
    if not take(p, b"</", 2) or not take(p, name.data, name.size) or not take(p, b">", 1):
        return False
    skip_space(p)
    return True


cdef inline bint plain_text(Place* p, Text name, Text* text) noexcept:
    """Go past an element's text, of ASCII without references, and its closing tag."""
    text.data = p.at
    # \r is left to a parser, which makes \n of it
    while p.at < p.end and (
        32 <= p.at[0] < 127 and p.at[0] != c"<" and p.at[0] != c">" and p.at[0] != c"&"
        or p.at[0] == c"\n" or p.at[0] == c"\t"
    ):
        p.at += 1
    text.size = p.at - text.data
    return close_tag(p, name)


cdef inline object string(Text text):
    """A text of ASCII."""
    return PyUnicode_DecodeASCII(text.data, text.size, NULL)


cdef inline bint decimal(Place* p, double* value) noexcept:
    """Go past ``-?d{1,7}(.d{1,6})?``.

    Numbers so short are exact quotients of two whole numbers, and so correctly rounded.
    """
    cdef bint negative = False
    cdef int n_digits = 0
    cdef double mantissa = 0, scale = 1
    if p.at < p.end and p.at[0] == c"-":
        negative = True
        p.at += 1
    while p.at < p.end and c"0" <= p.at[0] <= c"9" and n_digits < 8:
        mantissa = mantissa * 10 + (p.at[0] - 48)
        n_digits += 1
        p.at += 1
    if n_digits == 0 or n_digits > 7:
        return False
    if p.at < p.end and p.at[0] == c".":
        p.at += 1
        n_digits = 0
        while p.at < p.end and c"0" <= p.at[0] <= c"9" and n_digits < 7:
            mantissa = mantissa * 10 + (p.at[0] - 48)
            scale *= 10
            n_digits += 1
            p.at += 1
        if n_digits == 0 or n_digits > 6:
            return False
    value[0] = -mantissa / scale if negative else mantissa / scale
    return True
