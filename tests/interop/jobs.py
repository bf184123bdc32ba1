"""Run jobs under whichever `datumaro` this interpreter has.

    python jobs.py JOBS.json RESULTS.json

A job writes a sample data set ("write": its name), dumps one that is there ("read": its path),
changes a sample and dumps it ("change": its name, "calls": of the data set's methods), or lists the
published package's formats ("formats").
Many go into one run, since importing the published package takes seconds. A job that fails gives
``{"error": ...}``; the others go on.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
warnings.simplefilter("ignore")  # the published package warns about itself

from dump import dump, plain  # noqa: E402
from samples import build  # noqa: E402

import datumaro as dm  # noqa: E402


def write(job: dict[str, Any]) -> dict[str, Any]:
    """Build a sample, write it in a format, and dump it as built."""
    build(job["write"], job["media"]).export(job["path"], job["format"], **job["options"])
    return dump(build(job["write"], job["media"]), job["path"])


def read(job: dict[str, Any]) -> dict[str, Any]:
    """Import a data set and dump it."""
    dataset = dm.Dataset.import_from(job["read"], job["format"], **job["options"])
    return dump(dataset, job["read"])


def change(job: dict[str, Any]) -> dict[str, Any]:
    """Build a sample, change it by calls of the data set's methods, and dump it.

    With "pixels" the dump has them, of images.
    """
    dataset = build(job["change"], job["media"])
    for method, arguments, options in job["calls"]:
        getattr(dataset, method)(*arguments, **options)
    result = dump(dataset, job["media"])
    if job.get("pixels"):
        result["pixels"] = {item.id: plain(item.media.data) for item in dataset}
    return result


def formats(job: dict[str, Any]) -> dict[str, Any]:
    """The names of the formats that the published package reads and writes."""
    from datumaro.components.environment import Environment  # not all that we have

    known = Environment()
    return {
        "reads": sorted({*known.importers, *known.extractors}),
        "writes": sorted(known.exporters),
    }


def describe(error: BaseException | None) -> str:
    """An error and its causes, with the places they passed but no source text."""
    lines: list[str] = []
    while error is not None:
        lines.append(f"{type(error).__name__}: {error}")
        frames = traceback.extract_tb(error.__traceback__)[-4:]
        lines += [f"    {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        error = error.__cause__ or error.__context__
    return "\n".join(lines)


def main(jobs_file: str, results_file: str) -> None:
    logging.disable(logging.CRITICAL)
    results: dict[str, Any] = {}
    for name, job in json.loads(Path(jobs_file).read_text()).items():
        try:
            run = next(verb for verb in (write, read, change, formats) if verb.__name__ in job)
            results[name] = run(job)
        except Exception as error:  # noqa: BLE001 - a result like others: the tests look at it
            results[name] = {"error": describe(error)}
    Path(results_file).write_text(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
