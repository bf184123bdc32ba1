"""One step of the benchmark, under whichever `datumaro` this interpreter has.

    python step.py STEP SOURCE TARGET

Prints a line of JSON: the seconds that the step took, and the most memory that the process held
during it (MB, resident). What the step needs beforehand is not timed: modules that are imported on
first use, and the data set that it writes. Only API that both packages have is used.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def _status(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


class Measured:
    """What `measured` found out."""

    seconds = 0.0
    before = 0.0
    peak = 0.0


@contextmanager
def measured() -> Iterator[Measured]:
    """Time the block, and watch the resident memory: at its start, and the most during it (MB)."""
    result = Measured()
    Path("/proc/self/clear_refs").write_text("5")  # let VmHWM begin anew
    result.before = _status("VmRSS")
    start = time.perf_counter()
    yield result
    result.seconds = time.perf_counter() - start
    result.peak = _status("VmHWM")


def warm_up(*formats: str) -> None:
    """Write and read a data set of one item in each format, so that all modules are imported."""
    import datumaro as dm

    for name in formats:
        item = dm.DatasetItem("a", annotations=[dm.Bbox(1, 2, 3, 4, label=0)])
        with tempfile.TemporaryDirectory() as folder:
            dm.Dataset.from_iterable([item], categories=["x"]).export(folder, name)
            len(dm.Dataset.import_from(folder, name))


# of the encrypted steps: any key will do
KEY = {"encryption_key": "datum-dGhpcnR5LXR3byBieXRlcywgYXMgZ29vZCBhcyBhbnk="}


def load(source: str, format_name: str, **options: Any) -> Any:
    """Import a data set, all of it (the published package reads when first asked)."""
    import datumaro as dm

    if not dm.__version__.startswith("1.10.") and format_name in ("datumaro", "datumaro_binary"):
        options["allow_external_media"] = True  # the images lie beside the COCO files
    dataset = dm.Dataset.import_from(source, format_name, **options)
    len(dataset)
    return dataset


def reading(format_name: str, **options: Any) -> Callable[[str, str], Measured]:
    """A step: file to memory."""

    def step(source: str, target: str) -> Measured:
        warm_up(format_name)
        with measured() as result:
            dataset = load(source, format_name, **options)
        assert len(dataset)
        return result

    return step


def writing(
    format_name: str, source_format: str = "coco", **options: Any
) -> Callable[[str, str], Measured]:
    """A step: memory to file."""

    def step(source: str, target: str) -> Measured:
        warm_up(format_name)
        dataset = load(source, source_format)
        with measured() as result:
            dataset.export(target, format_name, **options)
        return result

    return step


def scan_coco(source: str, target: str) -> Measured:
    """Every annotation looked at as an object, the data set being in memory."""
    dataset = load(source, "coco")
    seen = 0
    with measured() as result:
        for item in dataset:
            for annotation in item.annotations:
                _ = annotation.label, getattr(annotation, "points", None)
                seen += 1
    assert seen
    return result


def import_package(source: str, target: str) -> Measured:
    """The import statement."""
    with measured() as result:
        import datumaro  # noqa: F401
    return result


def import_dataset(source: str, target: str) -> Measured:
    """The import of what reads and holds data sets (ours is imported on first use)."""
    with measured() as result:
        from datumaro import Dataset  # noqa: F401
    return result


# DatumaroBinary: in one process, and by two workers ("…_2")
BINARY: dict[str, Callable[[str, str], Measured]] = {
    f"{verb}_{what}{'_2' if n else ''}": step("datumaro_binary", *source, **options, num_workers=n)
    for n in (0, 2)
    for verb, what, step, source, options in (
        ("write", "binary", writing, (), {}),
        ("read", "binary", reading, (), {}),
        ("write", "encrypted", writing, (), KEY),
        ("read", "encrypted", reading, (), KEY),
        ("write", "media", writing, ("image_dir",), {"save_media": True}),
        ("write", "encrypted_media", writing, ("image_dir",), {"save_media": True} | KEY),
    )
}

STEPS: dict[str, Callable[[str, str], Measured]] = {
    "import": import_package,
    "import_dataset": import_dataset,
    "read_coco": reading("coco"),
    "scan_coco": scan_coco,
    **BINARY,
    "write_parquet": writing("datumaro_binary", storage="parquet"),
    "write_json": writing("datumaro"),
    "read_json": reading("datumaro"),
    "write_coco": writing("coco"),
    "read_voc": reading("voc"),
    "write_voc": writing("voc", "voc"),
}


def main(step: str, source: str, target: str) -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    result = STEPS[step](source, target)
    print(json.dumps({"seconds": result.seconds, "peak": result.peak, "before": result.before}))


if __name__ == "__main__":
    main(*sys.argv[1:])
