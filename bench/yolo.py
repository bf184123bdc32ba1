#!/usr/bin/env python3
"""COCO to YOLO, beside the published package and two other converters; and YOLO back into memory.

    python bench/yolo.py                  # 11,829 images, annotations only: a minute or two
    python bench/yolo.py --skip-others

Each run is a fresh process; modules are imported before the clock starts. Of three runs the fastest
counts. Beside the seconds stand those of the processor, which say more on a busy machine.
`labelformat` and `globox` come from the package index, in an environment of their own.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

RUNS = 3
SUBSET = "train2017"


def warm_up() -> None:
    """Convert a data set of one item, so that all modules are imported."""
    import datumaro as dm

    image = dm.Image.from_file(path="a.jpg", size=(10, 10))
    item = dm.DatasetItem("a", media=image, annotations=[dm.Bbox(1, 2, 3, 4, label=0)])
    with tempfile.TemporaryDirectory() as folder:
        dm.Dataset.from_iterable([item], categories=["x"]).export(f"{folder}/coco", "coco")
        dm.Dataset.import_from(f"{folder}/coco", "coco").export(f"{folder}/yolo", "yolo")
        if not dm.__version__.startswith("1."):  # that one wants the image
            len(dm.Dataset.import_from(f"{folder}/yolo", "yolo"))


def convert_datumaro(source: Path, target: Path) -> Callable[[], object]:
    """Ours, and the published package."""
    import datumaro as dm

    warm_up()

    def run() -> None:
        dataset = dm.Dataset.import_from(str(source.parent.parent), "coco")
        dataset.export(str(target), "yolo")

    return run


def read_datumaro(source: Path, target: Path) -> Callable[[], object]:
    """Ours, and the published package: what ours wrote, with the sizes of the absent images."""
    import datumaro as dm

    def run() -> None:
        dataset = dm.Dataset.import_from(str(source), "yolo")
        assert sum(len(item.annotations) for item in dataset) if slow else len(dataset)

    warm_up()
    slow = dm.__version__.startswith("1.")  # it reads an item's file when it is asked for
    return run


def convert_labelformat(source: Path, target: Path) -> Callable[[], object]:
    """labelformat, into Ultralytics' layout (it has no other)."""
    from labelformat.formats import (
        COCOObjectDetectionInput,
        YOLOv8ObjectDetectionOutput,
    )

    def run() -> None:
        found = COCOObjectDetectionInput(input_file=source)
        output = YOLOv8ObjectDetectionOutput(output_file=target / "data.yaml", output_split="train")
        output.save(label_input=found)

    return run


def convert_globox(source: Path, target: Path) -> Callable[[], object]:
    """globox, which writes label files alone."""
    from globox import AnnotationSet

    def run() -> None:
        found = AnnotationSet.from_coco(source)
        numbers = {label: i for i, label in enumerate(sorted(found._labels()))}
        found.save_yolo_darknet(target, label_to_id=numbers)

    return run


JOBS = {
    "convert": convert_datumaro,
    "read": read_datumaro,
    "labelformat": convert_labelformat,
    "globox": convert_globox,
}


Seconds = tuple[float, float]  # by the clock, and of the processor


def timed(python: Path, job: str, source: Path, target: Path) -> Seconds:
    """The fastest of some runs, each in a process of its own."""
    best = float("inf"), float("inf")
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(dir=target) as folder:
            command = [str(python), __file__, "--job", job, str(source), folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{job}:\n{done.stderr[-3000:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        best = min(best[0], found[0]), min(best[1], found[1])
    print(f"{python}, {job}: {best[0]:.2f} s, {best[1]:.2f} s", file=sys.stderr, flush=True)
    return best


def run_job(job: str, source: Path, target: Path) -> None:
    """A job, in this process."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    run = JOBS[job](source, target)
    start, used = time.perf_counter(), time.process_time()
    run()
    print(json.dumps([time.perf_counter() - start, time.process_time() - used]))


def converters() -> Path:
    """The interpreter of the environment that has labelformat and globox, made when missing."""
    from interop import published

    target = published.folder() / "converters"
    python = target / "bin" / "python"
    if not (target / "complete").exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(target)], check=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "labelformat", "globox"]
        subprocess.run(command, check=True)
        (target / "complete").touch()
    return python


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, help="where to write (default: bench/data/work)")
    parser.add_argument("--skip-others", action="store_true", help="ours alone")
    parser.add_argument("--job", nargs=3, metavar=("JOB", "SOURCE", "TARGET"), help="run one job")
    arguments = parser.parse_args()
    if arguments.job:
        job, source, target = arguments.job
        return run_job(job, Path(source), Path(target))

    import inputs
    from interop import published

    coco = inputs.coco(0.1, None)
    inputs.read_once(coco)
    (file,) = (coco / "annotations").glob(f"*_{SUBSET}.json")
    work = arguments.work or inputs.DATA / "work"
    work.mkdir(parents=True, exist_ok=True)
    alone = work / "coco-train"  # all tools convert this one file
    (alone / "annotations").mkdir(parents=True, exist_ok=True)
    (alone / "images").mkdir(exist_ok=True)
    source = alone / "annotations" / file.name
    source.unlink(missing_ok=True)
    source.symlink_to(file)
    subprocess.run(
        [sys.executable, __file__, "--job", "convert", str(source), str(work / "yolo")], check=True
    )
    ours = Path(sys.executable)
    rows = [
        ("COCO → YOLO", "this package", timed(ours, "convert", source, work)),
        ("YOLO → memory", "this package", timed(ours, "read", work / "yolo", work)),
    ]
    if not arguments.skip_others:
        theirs, others = published.interpreter("1.10.0"), converters()
        rows += [
            ("COCO → YOLO", "Datumaro 1.10.0", timed(theirs, "convert", source, work)),
            ("COCO → YOLO", "labelformat", timed(others, "labelformat", source, work)),
            ("COCO → YOLO", "globox", timed(others, "globox", source, work)),
            ("YOLO → memory", "Datumaro 1.10.0", timed(theirs, "read", work / "yolo", work)),
        ]
    mine = {step: seconds for step, who, seconds in rows if who == "this package"}
    print("| step | | seconds | times ours | of the processor | times ours |")
    print("|---|---|---:|---:|---:|---:|")
    for step, who, seconds in sorted(rows, key=lambda row: (row[0], row[2])):
        cells = [f"{s:.2f} | {s / own:.1f}" for s, own in zip(seconds, mine[step], strict=True)]
        print(f"| {step} | {who} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
