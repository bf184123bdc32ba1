"""Parquet's encodings, as plain as can be."""

import struct
from itertools import pairwise


def varint(n):
    found = bytearray()
    while n > 127:
        found.append(n & 127 | 128)
        n >>= 7
    return bytes([*found, n])


def zigzag(n):
    return varint(n << 1 if n >= 0 else (-n << 1) - 1)


def packed(values, width):
    """Numbers of so many bits, the lowest first."""
    bits = sum(v << (i * width) for i, v in enumerate(values))
    return bits.to_bytes((len(values) * width + 7) // 8, "little")


def runs(values, width):
    """Levels or indices: alternately repeated and packed runs."""
    found, at, repeated = b"", 0, False
    while at < len(values):
        n = 1
        while at + n < len(values) and values[at + n] == values[at]:
            n += 1
        if n >= 8 or repeated:
            found += varint(n << 1) + values[at].to_bytes((width + 7) // 8, "little")
        else:
            n = 8
            some = (values[at : at + n] + [0] * n)[:n]
            found += varint(1 << 1 | 1) + packed(some, width)
        at, repeated = at + n, not repeated
    return found


def one_run(values, width):
    """The same in one packed run, whose last values are any."""
    n = (len(values) + 7) // 8
    return varint(n << 1 | 1) + packed([*values, *[2**width - 1] * (8 * n - len(values))], width)


def deltas(values, block=128, minis=4, bits=64):
    """DELTA_BINARY_PACKED; differences are modulo 2 ** bits."""
    found = varint(block) + varint(minis) + varint(len(values)) + zigzag(values[0] if values else 0)
    half = 1 << (bits - 1)
    steps = [(b - a + half) % (2 * half) - half for a, b in pairwise(values)]
    for at in range(0, len(steps), block):
        part = steps[at : at + block]
        least, size = min(part), block // minis
        lots = [[s - least for s in part[i : i + size]] for i in range(0, block, size)]
        widths = [max((v.bit_length() for v in lot), default=0) for lot in lots]
        found += zigzag(least) + bytes(widths)
        for lot, width in zip(lots, widths, strict=True):
            if lot:
                found += packed(lot + [0] * (size - len(lot)), width)
    return found


def split(values, size):
    each = [v.to_bytes(size, "little", signed=True) for v in values]
    return b"".join(bytes(one[i] for one in each) for i in range(size))


def plain_texts(values):
    return b"".join(struct.pack("<I", len(v)) + v for v in values)


def lengths(values):
    return deltas([len(v) for v in values]) + b"".join(values)
