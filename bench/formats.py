#!/usr/bin/env python3
"""Formats beside the published package: from files into memory, and from memory into files.

    python bench/formats.py               # 12,000 images, 72,000 boxes and polygons: minutes
    python bench/formats.py cvat

Each run is a fresh process; modules are imported before the clock starts. Of three runs the fastest
counts. Beside the seconds stand those of the processor, which say more on a busy machine, and the
memory at its most.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

RUNS = 3
FORMATS = ("cvat", "label_me", "voc", "yolo", "kitti_detection")

Figures = tuple[float, float, float]  # seconds by the clock, of the processor, and MB of memory


def make(folder: Path, image: Path, n_images: int) -> None:
    """A data set of four boxes and two polygons of twelve points an image, in all formats."""
    import datumaro as dm

    numbers = random.Random(1)

    def annotations() -> list[dm.Annotation]:
        made: list[dm.Annotation] = []
        for number in range(6):
            x, y = numbers.uniform(0, 600), numbers.uniform(0, 400)
            common = {
                "label": number % 3,
                "attributes": {"occluded": False, "color": ("red", "blue")[number % 2]},
            }
            if number < 4:
                made.append(dm.Bbox(x, y, 30, 40, **common))
            else:
                points = [(x if i % 2 == 0 else y) + numbers.uniform(0, 50) for i in range(24)]
                made.append(dm.Polygon(points, **common))
        return made

    labels = [(name, "", ["color"]) for name in ("car", "person", "traffic light")]
    dataset = dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                f"image_{number:06}",
                subset="train",
                media=dm.Image.from_file(path=str(image), size=(480, 640)),
                annotations=annotations(),
            )
            for number in range(n_images)
        ],
        categories={dm.AnnotationType.label: dm.LabelCategories.from_iterable(labels)},
    )
    for name in FORMATS:
        dataset.export(str(folder / name), name, save_media=True)


def run_job(job: str, name: str, source: Path, target: Path) -> None:
    """Read or write, in this process."""
    import numpy as np

    import datumaro as dm

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    image = dm.Image.from_numpy(data=np.zeros((4, 6, 3), np.uint8))
    item = dm.DatasetItem("a", media=image, annotations=[dm.Bbox(1, 1, 2, 2, label=0)])
    with tempfile.TemporaryDirectory(dir=target) as folder:
        small = dm.Dataset.from_iterable([item], categories=["car"])
        small.export(f"{folder}/small", name, save_media=True)
        dm.Dataset.import_from(f"{folder}/small", name)  # modules are imported when they are used

    def read() -> dm.Dataset:
        dataset = dm.Dataset.import_from(str(source), name)
        assert len(dataset)
        return dataset

    dataset = read() if job == "write" else None
    start, used = time.perf_counter(), time.process_time()
    if dataset is None:
        read()
    else:
        dataset.export(str(target / "out"), name)
    seconds = time.perf_counter() - start, time.process_time() - used
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([*seconds, memory]))


def timed(python: Path, job: str, name: str, source: Path, work: Path) -> Figures:
    """The best of some runs, each in a process of its own."""
    best = (float("inf"),) * 3
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(dir=work) as folder:
            command = [str(python), __file__, "--job", job, name, str(source), folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{job} {name}:\n{done.stderr[-3000:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        best = min(best[0], found[0]), min(best[1], found[1]), min(best[2], found[2])
    print(f"{python}, {job} {name}: {best}", file=sys.stderr, flush=True)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help="default: all")
    parser.add_argument("--images", type=int, default=12_000, help="how many (default: 12000)")
    parser.add_argument(
        "--job", nargs=4, metavar=("JOB", "FORMAT", "SOURCE", "TARGET"), help="run one job"
    )
    arguments = parser.parse_args()
    if arguments.job:
        job, name, source, target = arguments.job
        return run_job(job, name, Path(source), Path(target))

    from PIL import Image

    import inputs
    from interop import published

    work = inputs.DATA / "work"
    data = work / f"formats-{arguments.images}"
    if not (data / "complete").exists():
        data.mkdir(parents=True, exist_ok=True)
        image = data / "image.jpg"
        Image.new("RGB", (64, 48)).save(image)
        make(data, image, arguments.images)
        (data / "complete").touch()
    ours, theirs = Path(sys.executable), published.interpreter("1.10.0")
    print("| step | ours | published | ratio | of the processor | memory, ours | published |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in arguments.formats or FORMATS:
        for job, step in (("read", f"{name} → memory"), ("write", f"memory → {name}")):
            mine, other = (timed(who, job, name, data / name, work) for who in (ours, theirs))
            print(
                f"| {step} | {mine[0]:.2f} s | {other[0]:.2f} s | {other[0] / mine[0]:.1f}× | "
                f"{other[1] / mine[1]:.1f}× | {mine[2]:.0f} MB | {other[2]:.0f} MB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
