#!/usr/bin/env python3
"""Changes encrypted data sets byte by byte, and checks that each change is noticed.

    python bench/tamper.py                   # 1,000 changes
    python bench/tamper.py --count 5000 --seed 3

A data set with images, point clouds and their images, and noise in place of videos, is encrypted,
half of the times as storage records and half as Parquet (``--storage`` for one of them alone).
Then, again and again, one byte of one file is changed, removed or inserted, or the file is cut; all
is read, annotations and media. Each time this must end with an error that names the file. Files are
chosen in turn by kind (annotations, images, point clouds, videos), places at random.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

import datumaro as dm
from datumaro.crypto import generate_key
from datumaro.errors import DatasetImportError
from datumaro.formats.datumaro_binary import writing
from datumaro.model.media import Image, MediaElement, PointCloud, Video

HOW = ("changed", "removed", "inserted", "cut")
STORAGES = ("records", "parquet")


def build(folder: Path, rng: random.Random) -> dm.Dataset:
    """A data set of media of all kinds."""
    folder.mkdir()
    noise = np.random.default_rng(rng.randrange(1 << 30))
    items: list[dm.DatasetItem] = []
    for number in range(12):
        pixels = noise.integers(0, 256, (20, 30, 3), np.uint8)
        media: MediaElement = Image.from_numpy(data=pixels, ext=".png")
        if number % 3 == 1:
            path = folder / f"{number}.pcd"
            path.write_bytes(noise.bytes(500))
            media = PointCloud.from_file(path, [Image.from_numpy(data=pixels, ext=".jpg")])
        elif number % 3 == 2:
            path = folder / f"{number}.avi"
            path.write_bytes(noise.bytes(1000))
            media = Video(path)
        boxes = [dm.Bbox(i, number, 3, 4, label=i % 2, attributes={"n": i}) for i in range(20)]
        subset = ("train", "val")[number % 2]
        items.append(dm.DatasetItem(str(number), subset=subset, media=media, annotations=boxes))
    return dm.Dataset.from_iterable(items, categories=["cat", "dog"], media_type=MediaElement)


def look_at_all(folder: Path, key: str) -> int:
    """Read the data set and all of its media; how many items it has."""
    dataset = dm.Dataset.import_from(folder, "datumaro_binary", encryption_key=key)
    for item in dataset:
        _ = item.annotations, item.media.bytes
        for image in getattr(item.media, "extra_images", ()):
            _ = image.data
    return len(dataset)


def damaged(data: bytes, how: str, rng: random.Random) -> bytes:
    """The data with one change."""
    at = rng.randrange(len(data))
    if how == "changed":
        return data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :]
    if how == "removed":
        return data[:at] + data[at + 1 :]
    if how == "inserted":
        return data[:at] + bytes([rng.randrange(256)]) + data[at:]
    return data[:at]


def run(
    count: int, seed: int, work: Path, storage: str = "records"
) -> tuple[Counter[str], list[str]]:
    """Make ``count`` changes in a folder; what was noticed, by kind and change, and what not.

    An error is not enough: it must be one of the package's, and name the file.
    """
    rng = random.Random(seed)
    key = generate_key()
    folder = work / "encrypted"
    blob_size, writing.BLOB_SIZE = writing.BLOB_SIZE, 2000  # several blobs in each file
    try:
        build(work / "sources", rng).export(
            folder, "datumaro_binary", save_media=True, encryption_key=key, storage=storage
        )
    finally:
        writing.BLOB_SIZE = blob_size
    items = look_at_all(folder, key)
    by_kind: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.*")):
        by_kind.setdefault(path.relative_to(folder).parts[0], []).append(path)
    noticed: Counter[str] = Counter()
    unnoticed: list[str] = []
    for number in range(count):
        kind = sorted(by_kind)[number % len(by_kind)]
        how = HOW[number // len(by_kind) % len(HOW)]
        path = rng.choice(by_kind[kind])
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, how, rng))
        try:
            look_at_all(folder, key)
        except DatasetImportError as error:
            if path.name in str(error):
                noticed[f"{storage}: {kind} {how}"] += 1
            else:
                unnoticed.append(f"{path.name} {how}: not named: {error}")
        else:
            unnoticed.append(f"{path.name} {how}: nothing was said")
        path.write_bytes(whole)
    assert look_at_all(folder, key) == items
    return noticed, unnoticed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--storage", choices=STORAGES, action="append", help="default: both")
    arguments = parser.parse_args()
    start = time.perf_counter()
    noticed: Counter[str] = Counter()
    unnoticed: list[str] = []
    storages = arguments.storage or STORAGES
    for number, storage in enumerate(storages):
        count = (arguments.count + number) // len(storages)
        with tempfile.TemporaryDirectory() as work:
            found, not_found = run(count, arguments.seed, Path(work), storage)
        noticed += found
        unnoticed += not_found
    for what, number in sorted(noticed.items()):
        print(f"{what:<40}{number:>6}")
    seconds = time.perf_counter() - start
    print(f"{noticed.total()} of {arguments.count} changes were noticed ({seconds:.1f} s)")
    if unnoticed:
        sys.exit("\n".join(unnoticed))


if __name__ == "__main__":
    main()
