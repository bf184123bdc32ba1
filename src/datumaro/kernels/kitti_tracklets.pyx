# Usual files of KITTI's tracklets: see kitti_tracklets.pyi.
#
# "Usual": ASCII, no comments, references, CDATA sections or processing instructions but the XML
# declaration, no attributes but Boost's, numbers as JSON has them, no element twice, all elements
# of a pose there that say something, and no free attributes. Whatever else a file has, it is given
# up, so that an XML parser may read it: what is taken here means the same to one.

import numpy as np

from datumaro.kernels._arrays cimport array_of
from datumaro.kernels._json cimport *
from datumaro.kernels._xml cimport *

cdef enum:
    N_NUMBERS = 6
    # elements of a pose that are looked at, as bits
    OCCLUSION = 1 << 6
    KEY = 1 << 7
    TRUNCATION = 1 << 8
    ALL = (1 << 9) - 1
    # and of an object
    LABEL = 1
    HEIGHT = 2
    WIDTH = 4
    LENGTH = 8
    FIRST = 16
    POSES = 32


cdef struct Pose:
    double[N_NUMBERS] numbers
    int64_t occlusion, key, truncation


cdef class Columns:
    """Growing columns of poses."""
    cdef Buffer frames, numbers, occluded

    def __dealloc__(self):
        buffer_free(&self.frames)
        buffer_free(&self.numbers)
        buffer_free(&self.occluded)


cdef bint open_tag(Place* p, Text* name) noexcept:
    """Go past ``<name>`` or ``<name version="1" …>``."""
    cdef Text key, value
    cdef int seen = 0, bit
    if not take(p, b"<", 1) or not name_of(p, name):
        return False
    while take(p, b" ", 1):
        if not name_of(p, &key) or not take(p, b'="', 2):
            return False
        if is_named(key, b"version", 7):
            bit = 1
        elif is_named(key, b"tracking_level", 14):
            bit = 2
        elif is_named(key, b"class_id", 8):
            bit = 4
        elif is_named(key, b"signature", 9):
            bit = 8
        else:
            return False
        if seen & bit:  # twice is no XML
            return False
        seen |= bit
        while p.at < p.end and (
            c"a" <= p.at[0] <= c"z" or c"0" <= p.at[0] <= c"9" or p.at[0] == c":"
        ):
            p.at += 1
        if not take(p, b'"', 1):
            return False
    return take(p, b">", 1)


cdef bint leaf(Place* p, Text name, Text* text) noexcept:
    """Go past an element's text and closing tag."""
    text.data = p.at
    while p.at < p.end and 32 <= p.at[0] < 127 and not (
        p.at[0] == c"<" or p.at[0] == c">" or p.at[0] == c"&"
    ):
        p.at += 1
    text.size = p.at - text.data
    return close_tag(p, name)


cdef inline bint at_number(Place* p, Cursor* c) noexcept:
    """Whether a number comes next, which the cursor then reads."""
    c.data, c.pos, c.end, c.nonfinite = <const uint8_t*>p.at, 0, p.end - p.at, False
    return p.at < p.end and json_starts_number(p.at[0])


cdef bint number(Place* p, Text name, double* value) noexcept:
    """Go past a number and the closing tag."""
    cdef Cursor c
    if not at_number(p, &c) or json_double(&c, value):
        return False
    p.at += c.pos
    return close_tag(p, name)


cdef bint integer(Place* p, Text name, int64_t* value) noexcept:
    """Go past an integer of at most nine digits and the closing tag."""
    cdef Cursor c
    if not at_number(p, &c) or json_int64(&c, value) or c.pos > 10:
        return False
    p.at += c.pos
    return close_tag(p, name)


cdef int place_of(Text name) noexcept:
    """Which of a pose's numbers has a name; -1 for none."""
    if name.size != 2:
        return -1
    if not c"x" <= name.data[1] <= c"z":
        return -1
    if name.data[0] == c"t":
        return name.data[1] - c"x"
    return 3 + name.data[1] - c"x" if name.data[0] == c"r" else -1


cdef bint pose_of(Place* p, Text tag, Pose* pose, double most) noexcept:
    """Go past the rest of a pose."""
    cdef Text name, text
    cdef int place, seen = 0, bit
    skip_space(p)
    while p.at + 1 < p.end and p.at[1] != c"/":
        if not open_tag(p, &name):
            return False
        place = place_of(name)
        if place >= 0:
            bit = 1 << place
            if not number(p, name, &pose.numbers[place]):
                return False
            if not fabs(pose.numbers[place]) <= most:
                return False
        elif is_named(name, b"occlusion", 9):
            bit = OCCLUSION
            if not integer(p, name, &pose.occlusion):
                return False
        elif is_named(name, b"occlusion_kf", 12):
            bit = KEY
            if not integer(p, name, &pose.key):
                return False
        elif is_named(name, b"truncation", 10):
            bit = TRUNCATION
            if not integer(p, name, &pose.truncation):
                return False
        else:
            bit = 0
            if is_named(name, b"attributes", 10) or not leaf(p, name, &text):
                return False
        if seen & bit:
            return False
        seen |= bit
    return seen == ALL and close_tag(p, tag)


cdef int poses_of(
    Place* p, Text tag, Columns columns, int64_t first, double most, int64_t last
) except -1:
    """Go past the poses of an object and append those in the image; 0 when one is unusual."""
    cdef Text name, text
    cdef Pose pose
    cdef int64_t frame = first
    cdef bint occluded = False, now
    skip_space(p)
    while p.at + 1 < p.end and p.at[1] != c"/":
        if not open_tag(p, &name):
            return 0
        if not is_named(name, b"item", 4):
            if not leaf(p, name, &text):
                return 0
            continue
        if frame > last or not pose_of(p, name, &pose, most):
            return 0
        if pose.occlusion == -1:  # not set: as the last key frame says
            now = occluded
        else:
            now = pose.occlusion == 1 or pose.occlusion == 2
            if pose.key == 1:
                occluded = now
        if pose.truncation != 2 and pose.truncation != 99:  # in the image, not behind it
            if buffer_int64(&columns.frames, frame) < 0:
                raise MemoryError
            if buffer_add(&columns.numbers, pose.numbers, sizeof(pose.numbers)) < 0:
                raise MemoryError
            if buffer_byte(&columns.occluded, now) < 0:
                raise MemoryError
        frame += 1
    return close_tag(p, tag)


cdef object object_of(Place* p, Text tag, Columns columns, double most, int64_t last, int64_t line):
    """Go past the rest of an object; None when it is unusual."""
    cdef Text name, label
    cdef Text text
    cdef double[3] size
    cdef int64_t first = 0
    cdef int seen = 0, bit
    label.data, label.size = p.at, 0
    skip_space(p)
    while p.at + 1 < p.end and p.at[1] != c"/":
        if not open_tag(p, &name):
            return None
        if is_named(name, b"poses", 5):
            bit = POSES
            # (their frames and all that is said of the object must be known)
            if seen != LABEL | HEIGHT | WIDTH | LENGTH | FIRST:
                return None
            if not poses_of(p, name, columns, first, most, last):
                return None
        elif is_named(name, b"objectType", 10):
            bit = LABEL
            if not leaf(p, name, &label):
                return None
        elif is_named(name, b"h", 1):
            bit = HEIGHT
            if not number(p, name, &size[0]) or not fabs(size[0]) <= most:
                return None
        elif is_named(name, b"w", 1):
            bit = WIDTH
            if not number(p, name, &size[1]) or not fabs(size[1]) <= most:
                return None
        elif is_named(name, b"l", 1):
            bit = LENGTH
            if not number(p, name, &size[2]) or not fabs(size[2]) <= most:
                return None
        elif is_named(name, b"first_frame", 11):
            bit = FIRST
            if not integer(p, name, &first) or not 0 <= first <= last:
                return None
        else:
            bit = 0
            if is_named(name, b"attributes", 10) or not leaf(p, name, &text):
                return None
        if seen & bit:
            return None
        seen |= bit
    if not seen & POSES or not close_tag(p, tag):
        return None
    while label.size and label.data[0] == c" ":
        label.data += 1
        label.size -= 1
    while label.size and label.data[label.size - 1] == c" ":
        label.size -= 1
    if not label.size:
        return None
    return (
        string(label), line, size[0], size[1], size[2], <int64_t>(columns.occluded.size),
    )


cdef bint go_past_head(Place* p) noexcept:
    """Go past what stands before the root."""
    if take(p, b'<?xml version="1.0"', 19):
        if take(p, b' encoding="', 11) and not (
            take(p, b'UTF-8"', 6) or take(p, b'utf-8"', 6) or take(p, b'us-ascii"', 9)
        ):
            return False
        if take(p, b' standalone="', 13) and not (take(p, b'yes"', 4) or take(p, b'no"', 3)):
            return False
        take(p, b" ", 1)
        if not take(p, b"?>", 2):
            return False
        skip_space(p)
    if take(p, b"<!DOCTYPE boost_serialization>", 30):
        skip_space(p)
    return True


cdef int64_t lines_between(const char* begin, const char* end) noexcept:
    cdef int64_t n = 0
    while begin < end:
        n += begin[0] == c"\n"
        begin += 1
    return n


def read(bytes data, double most, int64_t last_frame):
    """See kitti_tracklets.pyi."""
    cdef Place p
    cdef Text root, tracklets, name, text
    cdef Columns columns = Columns()
    cdef list objects = []
    cdef int64_t line = 1
    cdef const char* counted
    p.at, p.end = <const char*>data, <const char*>data + len(data)
    counted = p.at
    if not go_past_head(&p) or not open_tag(&p, &root):
        return None
    skip_space(&p)
    if not is_named(root, b"boost_serialization", 19) or not open_tag(&p, &tracklets):
        return None
    if not is_named(tracklets, b"tracklets", 9):
        return None
    skip_space(&p)
    while p.at + 1 < p.end and p.at[1] != c"/":
        line += lines_between(counted, p.at)
        counted = p.at
        if not open_tag(&p, &name):
            return None
        if not is_named(name, b"item", 4):
            if not leaf(&p, name, &text):
                return None
            continue
        found = object_of(&p, name, columns, most, last_frame, line)
        if found is None:
            return None
        objects.append(found)
    if not close_tag(&p, tracklets) or not close_tag(&p, root) or p.at != p.end:
        return None
    return (
        objects,
        array_of(&columns.frames, np.int64),
        array_of(&columns.numbers, np.float64).reshape(-1, N_NUMBERS),
        array_of(&columns.occluded, np.uint8),
    )
