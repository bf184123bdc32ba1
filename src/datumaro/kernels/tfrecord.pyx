# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What TFRecord files need of compiled loops: CRC-32C, and the wire format of `tf.train.Example`.

Every length is checked against the end of what encloses it before it is used.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

BYTES, FLOATS, INTEGERS = 1, 2, 3

cdef enum:
    VARINT = 0
    FIXED64 = 1
    LENGTH = 2
    FIXED32 = 5

cdef uint32_t TABLE[8][256]


cdef void _fill_table() noexcept:
    cdef uint32_t crc
    cdef int i, j
    for i in range(256):
        crc = <uint32_t>i
        for j in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        TABLE[0][i] = crc
    for i in range(256):
        for j in range(1, 8):
            TABLE[j][i] = (TABLE[j - 1][i] >> 8) ^ TABLE[0][TABLE[j - 1][i] & 0xFF]


_fill_table()


def crc32c(const unsigned char[::1] data):
    cdef Py_ssize_t n = data.shape[0], i = 0
    cdef const unsigned char* p
    cdef uint32_t crc = 0xFFFFFFFF
    if n == 0:
        return 0
    p = &data[0]
    with nogil:
        while n - i >= 8:
            # byte by byte, whatever the machine's byte order
            crc ^= (<uint32_t>p[i] | <uint32_t>p[i + 1] << 8 | <uint32_t>p[i + 2] << 16
                    | <uint32_t>p[i + 3] << 24)
            crc = (TABLE[7][crc & 0xFF] ^ TABLE[6][(crc >> 8) & 0xFF]
                   ^ TABLE[5][(crc >> 16) & 0xFF] ^ TABLE[4][crc >> 24]
                   ^ TABLE[3][p[i + 4]] ^ TABLE[2][p[i + 5]]
                   ^ TABLE[1][p[i + 6]] ^ TABLE[0][p[i + 7]])
            i += 8
        while i < n:
            crc = (crc >> 8) ^ TABLE[0][(crc ^ p[i]) & 0xFF]
            i += 1
    return crc ^ 0xFFFFFFFF


cdef class _Wire:
    """A place in a message, and where the message ends."""

    cdef const unsigned char* p
    cdef Py_ssize_t at
    cdef Py_ssize_t end

    cdef _Wire inner(self, Py_ssize_t end):
        cdef _Wire part = _Wire()
        part.p = self.p
        part.at = self.at
        part.end = end
        self.at = end
        return part

    cdef int fail(self, str what) except -1:
        raise ValueError(self.at, what)

    cdef uint64_t varint(self) except? 0xFFFFFFFFFFFFFFFF:
        cdef uint64_t value = 0
        cdef int shift = 0
        cdef unsigned char byte
        while shift < 70:
            if self.at >= self.end:
                self.fail("a number that goes on beyond the end")
            byte = self.p[self.at]
            self.at += 1
            if shift == 63 and byte > 1:
                self.fail("a number of more than 64 bits")
            value |= <uint64_t>(byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        self.fail("a number of more than 64 bits")

    cdef Py_ssize_t length(self) except -1:
        """Where what follows ends."""
        cdef uint64_t n = self.varint()
        if n > <uint64_t>(self.end - self.at):
            raise ValueError(self.at, f"{n} bytes, where {self.end - self.at} are left")
        return self.at + <Py_ssize_t>n

    cdef int skip(self, int wire) except -1:
        if wire == VARINT:
            self.varint()
        elif wire == LENGTH:
            self.at = self.length()
        elif wire == FIXED32 or wire == FIXED64:
            if self.end - self.at < (4 if wire == FIXED32 else 8):
                self.fail("a number that goes on beyond the end")
            self.at += 4 if wire == FIXED32 else 8
        else:
            self.fail(f"a field of the unknown kind {wire}")
        return 0


def decode(const unsigned char[::1] data):
    """See the stub."""
    cdef _Wire wire = _Wire()
    cdef uint64_t tag
    cdef dict found = {}
    wire.at = 0
    wire.end = data.shape[0]
    if wire.end == 0:
        return found
    wire.p = &data[0]
    while wire.at < wire.end:
        tag = wire.varint()
        if tag == (1 << 3 | LENGTH):
            _features(wire.inner(wire.length()), found)
        else:
            wire.skip(tag & 7)
    return found


cdef int _features(_Wire wire, dict found) except -1:
    cdef uint64_t tag
    while wire.at < wire.end:
        tag = wire.varint()
        if tag == (1 << 3 | LENGTH):
            _entry(wire.inner(wire.length()), found)
        else:
            wire.skip(tag & 7)
    return 0


cdef int _entry(_Wire wire, dict found) except -1:
    cdef uint64_t tag
    cdef Py_ssize_t end
    cdef bytes name = b""
    cdef object value = (0, [])
    while wire.at < wire.end:
        tag = wire.varint()
        if tag == (1 << 3 | LENGTH):
            end = wire.length()
            name = wire.p[wire.at:end]
            wire.at = end
        elif tag == (2 << 3 | LENGTH):
            value = _feature(wire.inner(wire.length()))
        else:
            wire.skip(tag & 7)
    found[name] = value
    return 0


cdef object _feature(_Wire wire):
    cdef uint64_t tag
    cdef int kind = 0
    cdef list values = []
    while wire.at < wire.end:
        tag = wire.varint()
        if tag & 7 == LENGTH and 1 <= (tag >> 3) <= 3:
            if kind != <int>(tag >> 3):  # of several the last counts; of one kind they are joined
                kind = <int>(tag >> 3)
                values = []
            _values(wire.inner(wire.length()), kind, values)
        else:
            wire.skip(tag & 7)
    return kind, values


cdef int _values(_Wire wire, int kind, list values) except -1:
    cdef uint64_t tag
    cdef Py_ssize_t end
    while wire.at < wire.end:
        tag = wire.varint()
        if tag >> 3 != 1:
            wire.skip(tag & 7)
        elif kind == 1:
            if tag & 7 != LENGTH:
                wire.fail("a number instead of bytes")
            end = wire.length()
            values.append((wire.at, end))
            wire.at = end
        elif kind == 2:
            if tag & 7 == FIXED32:
                values.append(_float(wire))
            elif tag & 7 == LENGTH:
                end = wire.length()
                if (end - wire.at) % 4:
                    wire.fail(f"{end - wire.at} bytes of floats")
                while wire.at < end:
                    values.append(_float(wire))
            else:
                wire.fail("an integer instead of a float")
        elif tag & 7 == VARINT:
            values.append(<int64_t>wire.varint())
        elif tag & 7 == LENGTH:
            _integers(wire.inner(wire.length()), values)
        else:
            wire.fail("a float instead of an integer")
    return 0


cdef int _integers(_Wire wire, list values) except -1:
    while wire.at < wire.end:
        values.append(<int64_t>wire.varint())
    return 0


cdef double _float(_Wire wire) except? -1.0:
    cdef uint32_t bits
    cdef float value
    cdef const unsigned char* p = wire.p + wire.at
    if wire.end - wire.at < 4:
        wire.fail("a number that goes on beyond the end")
    bits = (<uint32_t>p[0] | <uint32_t>p[1] << 8 | <uint32_t>p[2] << 16 | <uint32_t>p[3] << 24)
    memcpy(&value, &bits, 4)
    wire.at += 4
    return value
