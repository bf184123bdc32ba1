#!/usr/bin/env python3
"""Ways to store a data set of COCO's size: bytes, and the time to write, read, and look up an item.

    python bench/storage.py                           # at COCO 2017's size
    python bench/storage.py --scale 0.1 --work /dev/shm --skip-reference

Each run is a fresh process; modules are imported before the clock starts, and what is written is
in memory by then. Of three runs the fastest counts (the published package has one); seconds are
the clock's. "Read" is into columns: ours into a data set, the others' into an Arrow table. "An
item" is the one in the middle, opening included, and then another with the files open; who has no
access to a part reads all for the first. Lance, Vortex and plain Parquet store the table of
`Dataset.to_arrow`, with the defaults of their libraries.

Lance and Vortex come from the package index, in an environment of their own; the published package
in another. What is not to be had is told as "not installed". The table is printed as Markdown.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

RUNS = 3
SHARD = 10_000
BINARY = "datumaro_binary"

# what a job prepares: the call that is timed, and another after it, with everything open
Timed = tuple[Callable[[], Any], Callable[[], Any] | None]
Job = Callable[[Path, Path], Timed]


# --- ours, and the published package ------------------------------------------------------------


def ours_write(format: str, **options: Any) -> Job:
    def job(source: Path, target: Path) -> Timed:
        import datumaro as dm

        dataset = dm.Dataset.import_from(str(source), "coco")
        len(dataset)
        return lambda: dataset.export(str(target), format, **options), None

    return job


def ours_read(format: str) -> Job:
    def job(_source: Path, target: Path) -> Timed:
        return lambda: _import(target, format), None

    return job


def ours_whole_for_an_item(format: str) -> Job:
    def job(_source: Path, target: Path) -> Timed:
        found: list[Any] = []

        def first() -> object:
            found.append(_import(target, format))
            return again()

        def again() -> object:
            if hasattr(found[0], "items_table"):
                return list(found[0][len(found[0]) // 2].annotations)
            items = list(found[0])  # the published one finds no item by its number
            return list(items[len(items) // 2].annotations)

        return first, again

    return job


def _import(target: Path, format: str) -> Any:
    import datumaro as dm

    dataset = dm.Dataset.import_from(str(target), format)
    len(dataset)
    return dataset


def ours_item(_source: Path, target: Path) -> Timed:
    import datumaro as dm

    readers: list[Any] = []

    def first() -> object:
        readers.append(dm.ItemReader(target))
        return list(readers[0][len(readers[0]) // 2].annotations)

    return first, lambda: list(readers[0][len(readers[0]) // 3].annotations)


# --- others, which store the table --------------------------------------------------------------


def arrow_write(source: Path, target: Path) -> Timed:
    """The table that the others store, as an Arrow file."""
    import pyarrow as pa

    import datumaro as dm

    table = dm.Dataset.import_from(str(source), "coco").to_arrow()
    file = target.with_suffix(".arrow")

    def write() -> None:
        with pa.OSFile(str(file), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
            writer.write_table(table)

    return write, None


def _table(target: Path) -> Any:
    import pyarrow as pa

    with pa.OSFile(str(target.with_name("arrow.arrow"))) as file:
        return pa.ipc.open_file(file).read_all()


def plain_write(_source: Path, target: Path) -> Timed:
    import pyarrow.parquet as pq

    table = _table(target)
    target.mkdir()
    return lambda: pq.write_table(table, target / "table.parquet"), None


def plain_read(_source: Path, target: Path) -> Timed:
    import pyarrow.parquet as pq

    return lambda: pq.read_table(target / "table.parquet"), None


def plain_item(_source: Path, target: Path) -> Timed:
    import pyarrow.parquet as pq

    files: list[Any] = []

    def at(place: int) -> object:
        for number in range(files[0].num_row_groups):
            rows = files[0].metadata.row_group(number).num_rows
            if place < rows:
                return files[0].read_row_group(number).slice(place, 1).to_pylist()
            place -= rows
        raise IndexError(place)

    def first() -> object:
        files.append(pq.ParquetFile(target / "table.parquet"))
        return at(files[0].metadata.num_rows // 2)

    return first, lambda: at(files[0].metadata.num_rows // 3)


def lance_write(_source: Path, target: Path) -> Timed:
    import lance

    table = _table(target)
    return lambda: lance.write_dataset(table, str(target)), None


def lance_read(_source: Path, target: Path) -> Timed:
    import lance

    return lambda: lance.dataset(str(target)).to_table(), None


def lance_item(_source: Path, target: Path) -> Timed:
    import lance

    opened: list[Any] = []

    def first() -> object:
        opened.append(lance.dataset(str(target)))
        return opened[0].take([opened[0].count_rows() // 2]).to_pylist()

    return first, lambda: opened[0].take([opened[0].count_rows() // 3]).to_pylist()


def vortex_write(_source: Path, target: Path) -> Timed:
    import vortex

    table = _table(target)
    target.mkdir()
    return lambda: vortex.io.write(table, str(target / "table.vortex")), None


def vortex_read(_source: Path, target: Path) -> Timed:
    import vortex

    return lambda: vortex.open(str(target / "table.vortex")).to_arrow().read_all(), None


def vortex_item(_source: Path, target: Path) -> Timed:
    import pyarrow as pa
    import vortex

    n = _table(target).num_rows
    opened: list[Any] = []

    def at(place: int) -> object:
        indices = vortex.array(pa.array([place], pa.uint64()))
        found = opened[0].scan(indices=indices).read_all()
        return found.to_arrow_table().to_pylist()

    def first() -> object:
        opened.append(vortex.open(str(target / "table.vortex")))
        return at(n // 2)

    return first, lambda: at(n // 3)


# --- the rows -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Store:
    """A row of the table: its three jobs, and whose interpreter runs them."""

    title: str
    write: Job
    read: Job
    item: Job
    who: str = "ours"


def _ours(title: str, format: str, who: str = "ours", **options: Any) -> Store:
    whole = ours_whole_for_an_item(format)
    return Store(title, ours_write(format, **options), ours_read(format), whole, who)


_PARQUET = ours_write(BINARY, storage="parquet")
_SHARDED = ours_write(BINARY, storage="parquet", shard_size=SHARD)
STORES = {
    "records": _ours("DatumaroBinary, records", BINARY),
    "parquet": Store("DatumaroBinary, Parquet", _PARQUET, ours_read(BINARY), ours_item),
    "sharded": Store(
        f"the same, shards of {SHARD:,} items", _SHARDED, ours_read(BINARY), ours_item
    ),
    "coco": _ours("COCO JSON", "coco"),
    "published": _ours("DatumaroBinary of Datumaro 1.10.0", BINARY, "published"),
    "plain": Store("plain Parquet, by pyarrow", plain_write, plain_read, plain_item),
    "lance": Store("Lance", lance_write, lance_read, lance_item, "tables"),
    "vortex": Store("Vortex", vortex_write, vortex_read, vortex_item, "tables"),
}
_ARROW = Store("", arrow_write, arrow_write, arrow_write)
ACTIONS = ("write", "read", "item")


def warm_up_parquet() -> None:
    """Write and read a data set of one item, so that all modules are imported."""
    import datumaro as dm

    item = dm.DatasetItem("a", annotations=[dm.Bbox(1, 2, 3, 4, label=0)])
    with tempfile.TemporaryDirectory() as folder:
        dataset = dm.Dataset.from_iterable([item], categories=["x"])
        dataset.export(folder, BINARY, storage="parquet")
        assert dm.ItemReader(folder)[0] == dm.Dataset.import_from(folder, BINARY)[0]


def run_job(name: str, action: str, source: Path, target: Path) -> None:
    """A job, in this process: prints the seconds of its call, and of the one after it, or null."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    store = _ARROW if name == "arrow" else STORES[name]
    if store.who != "tables":
        from step import warm_up

        warm_up("coco" if name == "coco" else BINARY)
    if store.who == "ours":
        warm_up_parquet()
    first, again = getattr(store, action)(source, target)
    seconds: list[float | None] = []
    for call in (first, again):
        start = time.perf_counter()
        if call is not None:
            call()
        seconds.append(None if call is None else time.perf_counter() - start)
    print(json.dumps(seconds))


def timed(
    python: Path, name: str, action: str, source: Path, work: Path, runs: int = RUNS
) -> list[float | None]:
    """The fastest of some runs, each in a process of its own."""
    target, best = work / name, list[float | None]()
    for _ in range(runs):
        if action == "write":
            shutil.rmtree(target, ignore_errors=True)
        command = [str(python), __file__, "--job", name, action, str(source), str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{name}, {action}:\n{done.stderr[-3000:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        pairs = zip(found, best or found, strict=True)
        best = [None if a is None or b is None else min(a, b) for a, b in pairs]
    said = ", ".join(f"{s:.4f} s" for s in best if s is not None)
    print(f"{name}, {action}: {said}", file=sys.stderr, flush=True)
    return best


def interpreters(wanted: set[str]) -> dict[str, Path]:
    """The interpreter of each that can be had."""
    from interop import published

    found = {"ours": Path(sys.executable)}
    if "published" in wanted:
        try:
            found["published"] = published.interpreter("1.10.0")
        except published.NotAvailableError as error:
            print(f"the published package is left out: {error}", file=sys.stderr)
    if "tables" in wanted:
        target = published.folder() / "tables"
        python = target / "bin" / "python"
        if not (target / "complete").exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(target)], check=True)
            names = ["pylance", "vortex-data", "pyarrow"]
            command = [str(python), "-m", "pip", "install", "--quiet", *names]
            if subprocess.run(command, check=False).returncode:
                print("Lance and Vortex are left out", file=sys.stderr)
                return found
            (target / "complete").touch()
        found["tables"] = python
    return found


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1000:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of COCO 2017's size (default: 1)")
    parser.add_argument("--coco", type=Path, help="a COCO data set to take instead of a made one")
    parser.add_argument("--work", type=Path, help="where to write (default: bench/data/work)")
    parser.add_argument("--stores", nargs="+", choices=STORES, default=list(STORES), metavar="NAME")
    parser.add_argument(
        "--skip-reference", action="store_true", help="without the published package"
    )
    parser.add_argument("--skip-others", action="store_true", help="without Lance and Vortex")
    parser.add_argument("--job", nargs=4, metavar=("STORE", "ACTION", "SOURCE", "TARGET"))
    arguments = parser.parse_args()
    if arguments.job:
        name, action, source, target = arguments.job
        return run_job(name, action, Path(source), Path(target))

    import inputs

    left_out = {"published"} if arguments.skip_reference else set[str]()
    left_out |= {"tables"} if arguments.skip_others else set()
    names = [name for name in arguments.stores if STORES[name].who not in left_out]
    pythons = interpreters({STORES[name].who for name in names})
    source = inputs.coco(arguments.scale, arguments.coco)
    inputs.read_once(source)
    work = (arguments.work or inputs.DATA / "work") / "storage"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        if {"plain", "lance", "vortex"} & set(names):
            timed(pythons["ours"], "arrow", "write", source, work, 1)
        print("| stored as | MB | write | read | an item | with the files open |")
        print("|---|---:|---:|---:|---:|---:|")
        for name in names:
            python = pythons.get(STORES[name].who)
            if python is None:
                print(f"| {STORES[name].title} | not installed | | | | |")
                continue
            runs = RUNS if STORES[name].who != "published" else 1
            found = {a: timed(python, name, a, source, work, runs) for a in ACTIONS}
            cells = [f"{inputs.size(work / name) / 1e6:.1f}"]
            cells += [_seconds(found[action][0]) for action in ACTIONS]
            cells.append(_seconds(found["item"][1]))
            print(f"| {STORES[name].title} | {' | '.join(cells)} |", flush=True)
            shutil.rmtree(work / name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
