#!/usr/bin/env python3
"""Formats beside the published package: from files into memory, and from memory into files.

    python bench/formats.py               # 12,000 images, 72,000 boxes and polygons: minutes
    python bench/formats.py cvat
    python bench/formats.py --masks 500 --work /dev/shm/bench cityscapes
    python bench/formats.py --samples 1500 --work /dev/shm/bench market1501

Formats of masks have 1,000 images of 512 x 1024 pixels with twelve labels. Other formats have 3,000
images with what each is for (`bench/format_samples.py`), such as six boxes an image.
Each run is a fresh process; modules are imported before the clock starts. Of three runs the fastest
counts. Beside the seconds stand those of the processor, which say more on a busy machine, and the
memory at its most.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

RUNS = 3
_CLOUD = b"""# .PCD v.7 - Point Cloud Data file format
VERSION .7
FIELDS x y z
SIZE 4 4 4
TYPE F F F
COUNT 1 1 1
WIDTH 1
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS 1
DATA ascii
1 2 3
"""
FORMATS = ("cvat", "label_me", "voc", "yolo", "kitti_detection")
PAINTED = (
    "cityscapes",
    "camvid",
    "kitti_segmentation",
    "voc_segmentation",
    "mots_png",
    "coco_panoptic",
    "mapillary_vistas_instances",
    "mapillary_vistas_panoptic",
    "segment_anything",
)
# of formats whose reader has another name
READER = {
    "mots_png": "mots",
    "mot_seq_gt": "mot_seq",
}
SMALL = 4  # images of the data set that is read before the clock starts

Figures = tuple[float, float, float]  # seconds by the clock, of the processor, and MB of memory


def make(folder: Path, image: Path, n_images: int, names: list[str]) -> None:
    """A data set of four boxes and two polygons of twelve points an image, in these formats."""
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
    for name in names:
        dataset.export(str(folder / name), name, save_media=True)


def make_masks(folder: Path, image: Path, n_images: int, names: list[str]) -> None:
    """A data set of twelve blots over each other with rough edges an image, in formats of masks."""
    import numpy as np

    import datumaro as dm

    height, width = 512, 1024
    random = np.random.default_rng(1)
    y, x = np.mgrid[-height // 2 : height // 2, -width // 2 : width // 2]
    angle = np.arctan2(y, x)
    blots = [
        (x / random.uniform(20, 160)) ** 2 + (y / random.uniform(20, 120)) ** 2
        < 1 + 0.15 * np.sin(angle * random.integers(5, 30))
        + 0.02 * random.standard_normal(x.shape)
        for _ in range(40)
    ]  # fmt: skip

    def known(label: int) -> dict[str, object]:
        quality = {"predicted_iou": 0.5, "stability_score": 0.25}
        places = {"point_coords": [[1.5, 2.0]], "crop_box": [0.0, 0.0, 1024.0, 512.0]}
        return {"track_id": int(label), "is_crowd": False, **quality, **places}

    items: list[dm.DatasetItem] = []
    for number in range(n_images):
        pixels = np.zeros((height, width), np.uint8)
        for label, blot in enumerate(random.choice(len(blots), 12, replace=False), 1):
            place = random.integers(0, height), random.integers(0, width)
            pixels[np.roll(blots[blot], place, (0, 1))] = label
        items.append(
            dm.DatasetItem(
                f"image_{number:06}",
                subset="train",
                media=dm.Image.from_file(path=str(image), size=(height, width)),
                annotations=[
                    dm.Mask(pixels == i, label=i, id=int(i), group=int(i), attributes=known(i))
                    for i in np.unique(pixels)
                    if i
                ],
                attributes={"id": number + 1},
            )
        )
    labels = ["background", *(f"label_{number}" for number in range(1, 20))]
    dataset = dm.Dataset.from_iterable(
        items,
        categories={
            dm.AnnotationType.label: dm.LabelCategories.from_iterable(labels),
            dm.AnnotationType.mask: dm.MaskCategories.generate(len(labels)),
        },
    )
    for name in names:
        dataset.export(str(folder / name), name, save_media=True)


def make_samples(folder: Path, image: Path, n: int, names: list[str]) -> None:
    """The data set of each format that has one of its own."""
    from format_samples import make_sample

    cloud = folder / "cloud.pcd"
    cloud.write_bytes(_CLOUD)
    for name in names:
        if not (folder / name).exists():
            make_sample(name, image, cloud, n).export(str(folder / name), name, save_media=True)


def run_job(job: str, name: str, source: Path, target: Path) -> None:
    """Read or write, in this process."""
    import datumaro as dm

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    reader = READER.get(name, name)

    def read(folder: Path) -> dm.Dataset:
        dataset = dm.Dataset.import_from(str(folder), reader)
        if job == "look":
            assert sum(int(a.image.any()) for item in dataset for a in item.annotations)
        elif dm.__version__.startswith("1."):
            # the published package reads some files when an item's annotations are asked for
            assert sum(len(item.annotations) + 1 for item in dataset)
        else:
            assert len(dataset)
        return dataset

    # modules are imported when they are used
    small = read(source.parent / "small" / name)
    if job == "write":
        small.export(str(target / "small"), name)
    dataset = read(source) if job == "write" else None
    start, used = time.perf_counter(), time.process_time()
    if dataset is None:
        read(source)
    else:
        dataset.export(str(target / "out"), name)
    seconds = time.perf_counter() - start, time.process_time() - used
    # (getrusage counts what the process that started this one had, too)
    status = Path("/proc/self/status").read_text()
    memory = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps([*seconds, memory]))


def timed(python: Path, job: str, name: str, source: Path, work: Path) -> Figures:
    """The best of some runs, each in a process of its own."""
    best = (float("inf"),) * 3
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(dir=work) as folder:
            command = [str(python), __file__, "--job", job, name, str(source), folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and python != Path(sys.executable):
            # the published package cannot: with a Pillow of 13 it writes no gray PNG of 32 bits
            print(f"{job} {name}: {done.stderr.strip()[-200:]}", file=sys.stderr, flush=True)
            return (float("nan"),) * 3
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
    parser.add_argument("--masks", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--samples", type=int, default=3000, help="how many (default: 3000)")
    parser.add_argument(
        "--work",
        type=Path,
        default=HERE / "data" / "work",
        metavar="DIR",
        help="where data and outputs are, such as a memory disk (default: bench/data/work)",
    )
    parser.add_argument(
        "--job", nargs=4, metavar=("JOB", "FORMAT", "SOURCE", "TARGET"), help="run one job"
    )
    arguments = parser.parse_args()
    if arguments.job:
        job, name, source, target = arguments.job
        return run_job(job, name, Path(source), Path(target))

    from PIL import Image

    from format_samples import SAMPLES
    from interop import published

    work = arguments.work
    names = arguments.formats or [*FORMATS, *PAINTED, *SAMPLES]
    shapes, masks = work / f"formats-{arguments.images}", work / f"masks-{arguments.masks}"
    samples = work / f"samples-{arguments.samples}"
    for data, formats, maker, n in (
        (shapes, FORMATS, make, arguments.images),
        (masks, PAINTED, make_masks, arguments.masks),
        (samples, tuple(SAMPLES), make_samples, arguments.samples),
    ):
        missing = [f for f in formats if f in names and not (data / "small" / f).exists()]
        if missing:
            (data / "small").mkdir(parents=True, exist_ok=True)
            image = data / "image.jpg"
            Image.new("RGB", (64, 48)).save(image)
            maker(data, image, n, missing)
            maker(data / "small", image, SMALL, missing)
    ours, theirs = Path(sys.executable), published.interpreter("1.10.0")
    print("| step | ours | published | ratio | of the processor | memory, ours | published |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in names:
        data = masks if name in PAINTED else samples if name in SAMPLES else shapes
        jobs = [("read", f"{name} → memory"), ("write", f"memory → {name}")]
        if name == "coco_panoptic":  # the published package decodes a mask when it is asked for
            jobs.insert(1, ("look", f"{name} → memory, each mask looked at"))
        for job, step in jobs:
            mine, other = (timed(who, job, name, data / name, work) for who in (ours, theirs))
            print(
                f"| {step} | {mine[0]:.2f} s | {other[0]:.2f} s | {other[0] / mine[0]:.1f}× | "
                f"{other[1] / mine[1]:.1f}× | {mine[2]:.0f} MB | {other[2]:.0f} MB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
