#!/usr/bin/env python3
"""Read damaged `.datum` files: each is read, or refused with a DatumaroError; nothing else.

    python bench/fuzz_datum.py --n 100000 --seed 1

Small files of all kinds of media and annotations are written, and copies of them changed: bits
flipped, bytes cut, inserted and moved, lengths replaced by extreme values; the checksum of the
extension is mostly set right again, so that what is behind it is reached too. Files that are still
read are written again. A read that takes more than ten seconds, or a process that takes more than
1 GB, ends the run.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import resource
import shutil
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa

from datumaro.errors import DatumaroError
from datumaro.formats.base import ReadContext, WriteContext
from datumaro.formats.datumaro_binary import extension, parting, writing
from datumaro.formats.datumaro_binary.format import (
    DatumaroBinary,
    DatumaroBinaryReadOptions,
    DatumaroBinaryWriteOptions,
)
from datumaro.formats.datumaro_binary.sources import SIGNATURE
from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import LabelCategories, MaskCategories, PointsCategories
from datumaro.model.media import MediaType
from datumaro.table import schema
from datumaro.table.chunk import Chunk, Content

SECONDS = 10
BYTES = 1 << 30
FORMAT = DatumaroBinary()

# Numbers that lengths and counts are replaced by.
EXTREMES = [0, 1, 2, 15, 16, 255, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 4, 2**30]
LONG_EXTREMES = [*EXTREMES, 2**32, 2**61, 2**63 - 1, 2**63, 2**64 - 1]


# --- files ------------------------------------------------------------------------------------


def _text(values: list[str]) -> pa.Array:
    return pa.array(values, pa.large_string())


def annotations() -> pa.RecordBatch:
    """One annotation of each kind, with and without a record."""
    kinds = AnnotationType
    rows = [
        (kinds.label, 1, [], {}),
        (kinds.mask, 0, [], {"mask_height": 2, "mask_width": 3, "rle": b"231"}),
        (kinds.points, 1, [1, 2, 3, 4], {"visibility": [2, 0]}),
        (kinds.polygon, None, [0, 0, 4, 0, 4, 4.5], {"area": 8.5}),
        (kinds.rotated_bbox, 1, [1, 2, 3, 4, 30], {}),
        (kinds.polyline, 0, [1, 2, 3, 4], {}),
        (kinds.bbox, 0, [1, 2, 3, 4], {"attributes": '{"a":[1,{"b":"\\u00e9"}]}'}),
        (kinds.caption, None, [], {"text": "é word"}),
        (kinds.cuboid_3d, 1, list(range(9)), {}),
        (kinds.ellipse, 1, [1, 2, 3, 4], {}),
        (kinds.cuboid_2d, 1, list(range(16)), {"extra": f'{{"points":{[0.1] * 16}}}'}),
        (kinds.depth_annotation, None, [], {"extra": '{"image":{"path":"d.png","size":null}}'}),
        (kinds.skeleton, 1, [], {"extra": '{"elements":[]}'}),
    ]
    told = [
        {"type": kind, "id": i, "group": i % 3, "label": label, "points": points, **rest}
        for i, (kind, label, points, rest) in enumerate(rows)
    ]
    names = {name for row in told for name in row}
    blank = schema.annotation_batch(1, {})
    columns = {
        name: pa.array(
            [row.get(name, blank.column(name)[0].as_py()) for row in told],
            schema.ANNOTATIONS.field(name).type,
        )
        for name in names
    }
    return schema.annotation_batch(len(told), columns)


def contents() -> list[Content]:
    """Data sets that together hold all that a file can."""
    media = [
        (MediaType.IMAGE, "a.jpg", 10, 20, ""),
        (MediaType.IMAGE, "/b.jpg", 0, 0, ""),
        (MediaType.NONE, "", 0, 0, ""),
        (MediaType.VIDEO_FRAME, "v.avi", 0, 0, '{"index":7}'),
        (MediaType.VIDEO, "v.avi", 0, 0, '{"step":1,"start_frame":0,"end_frame":null}'),
        (MediaType.VIDEO, "w.avi", 5, 6, '{"step":1,"start_frame":0,"end_frame":9}'),
        (MediaType.POINT_CLOUD, "p.pcd", 0, 0, '{"extra_images":[{"path":"e.jpg","size":[3,4]}]}'),
        (MediaType.MULTIFRAME_IMAGE, "m", 0, 0, '{"paths":["f.png"]}'),
        (MediaType.MEDIA_ELEMENT, "x", 0, 0, ""),
    ]
    labels = LabelCategories.from_iterable(["a", ("b", "a", ["q"])])
    labels.add_label_group("g", ["a"])
    categories = {
        AnnotationType.label: labels,
        AnnotationType.mask: MaskCategories.generate(2),
        AnnotationType.points: PointsCategories.from_iterable([(0, ["x", "y"], [(0, 1)])]),
    }
    one = annotations()
    held = one.filter(pa.array(parting.has_record(one)))
    found: list[Content] = []
    for chosen, batch in ((media, one), (media[:3], held), (media[:1], held.slice(0, 0))):
        n = len(chosen)
        columns = [list(values) for values in zip(*chosen, strict=True)]
        items = schema.item_batch(
            n,
            {
                "id": _text([f"dir/item {i}" for i in range(n)]),
                "subset": schema.constant_dictionary("s", n),
                "attributes": _text(['{"k":1}' if i == 0 else "" for i in range(n)]),
                "media_type": pa.array(columns[0], pa.uint8()),
                "path": _text(columns[1]),
                "height": pa.array(columns[2], pa.int32()),
                "width": pa.array(columns[3], pa.int32()),
                "media_extra": _text(columns[4]),
            },
        )
        offsets = np.zeros(n + 1, np.int64)
        offsets[1:] = len(batch)
        infos = {"author": "x", "n": [1, 2.5, None]}
        found.append(Content([Chunk(items, batch, offsets)], categories, infos))
    found.append(Content([], categories))
    return found


def write(content: Content, folder: Path) -> None:
    """Write a data set over what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    FORMAT.write(content, folder, DatumaroBinaryWriteOptions(), WriteContext())


def seeds(folder: Path) -> list[bytes]:
    """Whole files, of one blob and of several."""
    files: list[bytes] = []
    for size in (writing.BLOB_SIZE, 200):
        usual, writing.BLOB_SIZE = writing.BLOB_SIZE, size
        try:
            for content in contents():
                write(content, folder)
                files += [p.read_bytes() for p in sorted(folder.glob("annotations/*.datum"))]
        finally:
            writing.BLOB_SIZE = usual
    return files


# --- damage -----------------------------------------------------------------------------------


def mutate(data: bytes, files: list[bytes], rng: random.Random) -> bytes:
    """A damaged copy: its header, its blobs or its extension."""
    header, blobs, rest = parts(data)
    damage = [header, blobs, rest]
    chosen = rng.choices((0, 1, 2), (2, 5, 3))[0]
    if not damage[chosen]:
        chosen = 0
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        _damage(damage[chosen], files, rng)
    if rng.random() < 0.9:  # so that what is behind lengths and checksums is reached too
        if len(damage[1]) != len(blobs):
            (last,) = struct.unpack_from("<i", header, len(header) - 4)
            struct.pack_into("<i", header, len(header) - 4, last + len(damage[1]) - len(blobs))
        _set_checksum(damage[2])
    return b"".join(damage)


def parts(data: bytes) -> tuple[bytearray, bytearray, bytearray]:
    """The three parts of an undamaged file."""
    at, fields = len(SIGNATURE), []
    for _ in range(6):
        (n,) = struct.unpack_from("<I", data, at)
        fields.append(data[at + 4 : at + 4 + n])
        at += 4 + n
    end = at + int(np.frombuffer(fields[-1], np.int32)[1:].sum())
    return bytearray(data[:at]), bytearray(data[at:end]), bytearray(data[end:])


def _damage(data: bytearray, files: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(data)) if data else 0
    kind = rng.choices(range(8), (4, 4, 1, 1, 1, 3, 5, 2))[0]
    if kind in (0, 1) and data:
        value = rng.choice((0, 1, 2, 15, 16, 17, 127, 128, 255, rng.randrange(256)))
        data[at] = value if kind else data[at] ^ 1 << rng.randrange(8)
    elif kind == 2:
        del data[at:]
    elif kind == 3:
        del data[at : at + rng.randrange(1, 40)]
    elif kind == 4:
        data[at:at] = rng.randbytes(rng.randrange(1, 40))
    elif kind == 5:
        other = rng.choice(files)
        begin, n = rng.randrange(len(other)), rng.randrange(60)
        data[at : at + (n if rng.random() < 0.7 else 0)] = other[begin : begin + n]
    elif kind == 6 and at + 4 <= len(data):
        value = rng.choice(EXTREMES)
        if rng.random() < 0.4:  # a little more or less than what stands there
            value = struct.unpack_from("<I", data, at)[0] + rng.choice((-4, -1, 1, 4))
        struct.pack_into("<I", data, at, value & 0xFFFFFFFF)
    elif kind == 7 and at + 8 <= len(data):
        struct.pack_into("<Q", data, at, rng.choice(LONG_EXTREMES))


def _set_checksum(data: bytearray) -> None:
    """Let the extension's length and checksum fit."""
    at = len(extension.MAGIC)
    if len(data) >= at + 16:
        payload = bytes(data[at + 16 :])
        struct.pack_into("<QI", data, at + 4, len(payload), zlib.crc32(payload))


# --- the run ----------------------------------------------------------------------------------


def read(folder: Path, rng: random.Random) -> Content:
    """Read with any options."""
    context = ReadContext(on_error=rng.choice(("fail", "skip")))
    options = DatumaroBinaryReadOptions(allow_external_media=rng.random() < 0.3)
    content = FORMAT.read(folder, options, context)
    for chunk in content.chunks:
        chunk.items.validate(full=True)
        chunk.annotations.validate(full=True)
    return content


def run(n: int, seed: int, folder: Path, *, report: int = 5000) -> Counter[str]:
    """Read ``n`` damaged files; count what came of each.

    Raises
    ------
    Exception
        Whatever was raised that is no DatumaroError; the file stays in ``folder``.
    """
    rng = random.Random(seed)
    files = seeds(folder / "seeds")
    target = folder / "damaged" / "annotations" / "s.datum"
    target.parent.mkdir(parents=True, exist_ok=True)
    outcomes: Counter[str] = Counter()
    slowest, begin = 0.0, time.monotonic()
    for number in range(1, n + 1):
        target.write_bytes(mutate(rng.choice(files), files, rng))
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        started = time.monotonic()
        try:
            content = read(folder / "damaged", rng)
            outcomes["read"] += 1
            if rng.random() < 0.2:
                write(content, folder / "again")
                outcomes["written again"] += 1
        except DatumaroError as error:
            outcomes[type(error).__name__] += 1
        finally:
            faulthandler.cancel_dump_traceback_later()
        slowest = max(slowest, time.monotonic() - started)
        if number % report == 0:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            rate = number / (time.monotonic() - begin)
            print(f"{number} files, {rate:.0f}/s, slowest {slowest:.3f} s, peak {peak} MB, "
                  f"{dict(outcomes.most_common())}", flush=True)  # fmt: skip
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1000, help="how many files")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
    folder = Path(tempfile.mkdtemp(prefix="fuzz-datum-"))
    try:
        outcomes = run(args.n, args.seed, folder)
    except BaseException:
        print(f"the file is in {folder}", file=sys.stderr)
        raise
    shutil.rmtree(folder)
    print(f"{args.n} files, none crashed, hung or took too much: {dict(outcomes.most_common())}")


if __name__ == "__main__":
    main()
