#!/usr/bin/env python3
"""Data sets under stress: killed exports, full disks, many readers, readers during exports.

    python bench/stress.py                    # all of it: some two minutes
    python bench/stress.py kill --times 500   # more of one

Each test prints what happened. The program ends with 1 when a data set was neither the old one nor
the new one, whole. `disk` mounts a small tmpfs, for which it must run as root; else it is left out.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

import datumaro as dm
from datumaro.errors import DatasetExportError

FORMAT = "datumaro_binary"
KEY = "datum-" + "c3RyZXNzLXRlc3QtMDEyMzQ1Njc4OTAxMjM0NTY3ODk="
SUBSETS = ("train", "val", "test")
NAMES = ("old", "new")


def make(name: str, folder: Path, size: int = 1500, pictures: int = 150) -> dm.Dataset:
    """A data set whose every item, box and image says which one it is."""
    number = NAMES.index(name)
    (folder / name).mkdir(parents=True, exist_ok=True)
    random_pixels = np.random.default_rng(number).integers(0, 255, (60, 80, 3), np.uint8)
    items: list[dm.DatasetItem] = []
    for i in range(size):
        media = None
        if i < pictures:
            path = folder / name / f"{i}.png"
            dm.Image.from_numpy(random_pixels).save(path)
            media = dm.Image.from_file(path)
        boxes = [dm.Bbox(i, number, 5, 5, label=number, attributes={"of": name})] * 50
        items.append(dm.DatasetItem(f"{i}", subset=SUBSETS[i % 3], media=media, annotations=boxes))
    return dm.Dataset.from_iterable(items, infos={"name": name}, categories=NAMES)


def options(name: str) -> dict[str, object]:
    """How a data set is exported: one of the two is encrypted."""
    return {"save_media": True, "num_workers": 2} | (
        {"encryption_key": KEY} if name == "new" else {}
    )


def source(name: str, work: Path) -> dm.Dataset:
    """The data set to export, made once."""
    folder = work / "sources" / name
    if not folder.exists():
        make(name, work / "pictures").export(folder, FORMAT)
    return dm.Dataset.import_from(folder, FORMAT, allow_external_media=True)


def read(target: Path) -> str:
    """Read a data set, all annotations: its name, "" when it is not whole."""
    for name in NAMES * 10:  # between two tries the other one may come
        try:
            key = {"encryption_key": KEY} if name == "new" else {}
            dataset = dm.Dataset.import_from(target, FORMAT, **key)
        except dm.errors.EncryptionKeyError:
            continue  # it is the other one
        number = NAMES.index(name)
        labels = set(dataset.annotations_table.column("label").to_pylist())
        whole = dataset.infos() == {"name": name} and labels == {number}
        return name if whole and len(dataset.annotations_table) == 50 * len(dataset) else ""
    return ""


def tree(folder: Path) -> dict[str, str]:
    """The digest of each file."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def check(condition: bool, what: str) -> None:
    """End the program when a promise is broken."""
    if not condition:
        sys.exit(f"BROKEN: {what}")


def start(*words: object) -> subprocess.Popen[str]:
    """Run a part of this script in a process of its own; it says a line when it begins."""
    command = [sys.executable, __file__, *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


# --- what the processes do --------------------------------------------------------------------


def export_once(work: Path, name: str) -> None:
    """Export one of the two data sets."""
    dataset = source(name, work)
    print("begin", flush=True)
    began = time.perf_counter()
    dataset.export(work / "target", FORMAT, **options(name))
    print(time.perf_counter() - began, flush=True)


def export_in_turn(work: Path, seconds: float) -> None:
    """Export both, one after the other, again and again."""
    datasets = {name: source(name, work) for name in NAMES}
    print("begin", flush=True)
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        name = NAMES[count % 2]
        datasets[name].export(work / "target", FORMAT, **options(name))
        count += 1
    print(count, flush=True)


def read_again_and_again(work: Path, seconds: float) -> None:
    """Read the target until the time is over; print how often each data set was found."""
    print("begin", flush=True)
    end = time.monotonic() + seconds
    found: Counter[str] = Counter()
    while time.monotonic() < end or not found:
        found[read(work / "target")] += 1
    print(dict(found), flush=True)


# --- tests ------------------------------------------------------------------------------------


def kill(work: Path, amount: argparse.Namespace) -> str:
    """Kill -9 at random moments of exports onto an existing data set."""
    target = work / "target"
    source("old", work).export(target, FORMAT, **options("old"))
    process = start("export_once", work, "new")
    assert process.stdout is not None
    takes = float(process.stdout.readline())
    process.wait()
    check(read(target) == "new", "an export that was not killed")
    chance = random.Random(1)
    outcomes: Counter[str] = Counter()
    there = "new"
    for number in range(amount.times):
        coming = NAMES[1 - NAMES.index(there)]
        before = tree(target)
        process = start("export_once", work, coming)
        time.sleep(chance.uniform(0, 1.3 * takes))
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = read(target)
        check(found in NAMES, f"kill {number}: the target is {found!r}")
        if found == there:
            check(tree(target) == before, f"kill {number}: the old data set is changed")
        check(len(tree(target)) >= 150 + len(SUBSETS), f"kill {number}: files are missing")
        outcomes["old" if found == there else "new"] += 1
        there = found
    source("old", work).export(target, FORMAT, **options("old"))
    left = [path.name for path in work.iterdir() if path.name.startswith(".")]
    check(not left, f"left beside the target: {left}")
    return f"{amount.times} exports killed: {dict(outcomes)}, all whole; the next left nothing over"


def disk(work: Path, amount: argparse.Namespace) -> str:
    """A disk that gets full while annotations, or media, are written."""
    if os.geteuid() != 0:
        return "left out: only root can mount a small disk"
    place = work / "disk"
    place.mkdir()
    told: list[str] = []
    big = make("new", work / "pictures", size=8000, pictures=900)
    for megabytes, save_media in ((6, True), (3, True), (3, False)):
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place], check=True
        )
        try:
            target = place / "target"
            old = make("old", work / "pictures", size=30, pictures=30)
            old.export(target, FORMAT, **options("old"))
            before = tree(target)
            try:
                big.export(target, FORMAT, **options("new") | {"save_media": save_media})
                check(False, "the disk was not full")
            except DatasetExportError as error:
                check("No space left" in str(error), str(error))
                told.append(str(error).replace(str(work), ""))
            check(tree(target) == before and read(target) == "old", "the old data set is changed")
            left = [path.name for path in place.iterdir() if path != target]
            check(not left, f"left beside the target: {left}")
        finally:
            subprocess.run(["umount", place], check=True)
    return "the old data set is intact each time. Told:\n    " + "\n    ".join(told)


def readers(work: Path, amount: argparse.Namespace) -> str:
    """Twenty processes that read one data set at once."""
    target = work / "target"
    source("new", work).export(target, FORMAT, **options("new"))
    before = tree(target)
    processes = [start("read_again_and_again", work, 2) for _ in range(20)]
    found = [process.communicate()[0].strip() for process in processes]
    check(all(one.startswith("{'new'") and "," not in one for one in found), str(found))
    check(tree(target) == before, "readers have changed it")
    count = sum(int(one.strip("}").split(":")[1]) for one in found)
    return f"20 readers, {count} reads, all whole"


def during(work: Path, amount: argparse.Namespace) -> str:
    """Three readers of a data set that is replaced all the time."""
    source("old", work).export(work / "target", FORMAT, **options("old"))
    exporter = start("export_in_turn", work, amount.seconds)
    processes = [start("read_again_and_again", work, 0.8 * amount.seconds) for _ in range(3)]
    found = [process.communicate() for process in processes]
    exports = exporter.communicate()[0].strip()
    for out, errors in found:
        check(bool(out) and "''" not in out, f"a reader found a mixture: {out} {errors[-2000:]}")
    return f"{exports} exports; readers found {', '.join(out.strip() for out, _ in found)}"


TESTS: dict[str, Callable[[Path, argparse.Namespace], str]] = {
    "kill": kill,
    "disk": disk,
    "readers": readers,
    "during": during,
}
PARTS: dict[str, Callable[..., None]] = {
    "export_once": lambda work, name: export_once(Path(work), name),
    "export_in_turn": lambda work, seconds: export_in_turn(Path(work), float(seconds)),
    "read_again_and_again": lambda work, seconds: read_again_and_again(Path(work), float(seconds)),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tests", nargs="*", metavar="TEST", help=f"of {', '.join(TESTS)}")
    parser.add_argument("--times", type=int, default=50, help="exports that are killed")
    parser.add_argument("--seconds", type=float, default=15, help="of exports with readers")
    arguments = parser.parse_args()
    for name in arguments.tests or TESTS:
        if name not in TESTS:
            parser.error(f"no test {name!r}; there are: {', '.join(TESTS)}")
        work = Path(tempfile.mkdtemp(prefix="stress-"))
        try:
            began = time.monotonic()
            told = TESTS[name](work, arguments)
            print(f"{name}: {told} ({time.monotonic() - began:.0f} s)", flush=True)
        finally:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in PARTS:
        PARTS[sys.argv[1]](*sys.argv[2:])
    else:
        main()
