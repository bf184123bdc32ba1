#!/usr/bin/env python3
"""This package beside the published one, step by step, each step in a fresh process.

    python bench/run.py                        # at COCO 2017's size: about ten minutes
    python bench/run.py --scale 0.01 0.1 1     # and how the cost grows
    python bench/run.py --steps read_coco read_binary --repeat 3
    python bench/run.py --skip-reference

The published package runs in an environment of its own, made when missing (see
tests/interop/published.py). Tables are printed as Markdown; the figures also go to bench/results.
Steps of less than five seconds are run three times; of repeated runs the fastest counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

import inputs  # noqa: E402
from interop import published  # noqa: E402

VERSION = "1.10.0"


@dataclass(frozen=True)
class Step:
    """A row of the table.

    ``source`` is "coco", "voc", "images", or the step whose output it reads; ``aim`` the ratio to
    reach; ``published`` whether the published package can do it.
    """

    name: str
    title: str
    source: str = "coco"
    aim: str = ""
    published: bool = True


STEPS = [
    Step("import", "`import datumaro`", aim="0.15 s"),
    Step("import_dataset", "`from datumaro import Dataset`"),
    Step("help", "`datum --help`", aim="0.25 s"),
    Step("read_coco", "COCO → memory", aim="20×"),
    Step("scan_coco", "every annotation as an object", aim=""),
    Step("write_binary", "memory → DatumaroBinary", aim="10×"),
    Step("read_binary", "DatumaroBinary → memory", "write_binary", aim="50×"),
    Step("write_encrypted", "memory → DatumaroBinary, encrypted", aim="5×"),
    Step("read_encrypted", "encrypted DatumaroBinary → memory", "write_encrypted", aim="15×"),
    Step("write_binary_2", "memory → DatumaroBinary, 2 workers"),
    Step("read_binary_2", "DatumaroBinary → memory, 2 workers", "write_binary"),
    Step("write_encrypted_2", "memory → DatumaroBinary, encrypted, 2 workers", aim="8×"),
    Step(
        "read_encrypted_2",
        "encrypted DatumaroBinary → memory, 2 workers",
        "write_encrypted",
        aim="25×",
    ),
    Step("write_parquet", "memory → DatumaroBinary, Parquet", published=False),
    Step(
        "info", "`datum info --label-counts` of it", "write_parquet", aim="0.3 s", published=False
    ),
    Step("write_media", "10,000 JPEGs → DatumaroBinary", "images"),
    Step("write_media_2", "10,000 JPEGs → DatumaroBinary, 2 workers", "images"),
    Step("write_encrypted_media", "10,000 JPEGs → DatumaroBinary, encrypted", "images"),
    Step(
        "write_encrypted_media_2", "10,000 JPEGs → DatumaroBinary, encrypted, 2 workers", "images"
    ),
    Step("write_json", "memory → Datumaro JSON", aim="10×"),
    Step("read_json", "Datumaro JSON → memory", "write_json", aim="10×"),
    Step("write_coco", "memory → COCO", aim="20×"),
    Step("convert", "`datum convert` COCO → DatumaroBinary", aim="⅓ of the memory"),
    Step("read_voc", "VOC, 20,000 files → memory", "voc", aim="5×"),
    Step("write_voc", "memory → VOC, 20,000 files", "voc"),
]
ONE_SIZE = ("voc", "images")
WITHOUT_DATA = ("import", "import_dataset", "help")

SHORT = 5.0  # seconds


@dataclass
class Result:
    """Seconds, memory (MB: the most during the step, and at its start), bytes written."""

    seconds: float
    peak: float
    before: float
    size: int


@dataclass
class Package:
    """One of the two that are compared."""

    name: str
    python: Path

    def run(self, step: Step, sources: dict[str, Path], work: Path) -> Result:
        """Run a step in a fresh process."""
        source, target = sources.get(step.source, work / step.source), work / step.name
        shutil.rmtree(target, ignore_errors=True)
        environment = os.environ | {"PYTHONWARNINGS": "ignore"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled
        convert = ["convert", "-i", str(source), "-if", "coco", "-f", "datumaro_binary"]
        words = {
            "convert": [*convert, "-o", str(target)],
            "help": ["--help"],
            "info": ["info", str(source), "--label-counts"],
        }
        if step.name in words:
            datum = str(self.python.parent / "datum")
            seconds, peak = _run_watched([datum, *words[step.name]], environment)
            return Result(seconds, peak, 0.0, inputs.size(target))
        command = [str(self.python), str(HERE / "step.py"), step.name, str(source), str(target)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{self.name}, {step.name}:\n{done.stderr[-3000:]}")
        return Result(**json.loads(done.stdout.splitlines()[-1]), size=inputs.size(target))


def _run_watched(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run a command; its seconds and its most resident memory (MB)."""
    start = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"{' '.join(command)}:\n{errors.decode()[-3000:]}")
    return seconds, usage.ru_maxrss / 1024


def measure(
    packages: list[Package],
    steps: list[Step],
    sources: dict[str, Path],
    target: Path,
    repeat: int,
) -> dict[str, dict[str, Result]]:
    """Run the steps under each package, the packages taking turns; results by step and package."""
    results: dict[str, dict[str, Result]] = {}
    for step in steps:
        for package in packages:
            if package.name == "published" and not step.published:
                continue
            work = target / package.name
            work.mkdir(parents=True, exist_ok=True)
            if step.source in {s.name for s in STEPS} and not (work / step.source).exists():
                package.run(next(s for s in STEPS if s.name == step.source), sources, work)
            runs = [package.run(step, sources, work)]
            while len(runs) < repeat or (len(runs) < 3 and runs[0].seconds < SHORT):
                runs.append(package.run(step, sources, work))
            best = min(runs, key=lambda run: run.seconds)
            results.setdefault(step.name, {})[package.name] = best
            said = f"{step.name}, {package.name}: {_seconds(best)}, {_memory(best)}"
            print(said, file=sys.stderr, flush=True)
    return results


def table(steps: list[Step], results: dict[str, dict[str, Result]]) -> str:
    """The comparison in Markdown."""
    lines = [
        "| step | ours | published | ratio | to reach"
        " | memory, ours | published | written, ours | published |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for step in steps:
        ours, theirs = results[step.name]["ours"], results[step.name].get("published")
        ratio = f"{theirs.seconds / ours.seconds:.1f}×" if theirs else ""
        cells = [step.title, _seconds(ours), _seconds(theirs), ratio, step.aim]
        cells += [_memory(ours), _memory(theirs), _size(ours), _size(theirs)]
        lines.append("| " + " | ".join(cells) + " |")
    both = [results.get(name, {}) for name in ("read_coco", "scan_coco")]
    if all("published" in result for result in both):
        ours, theirs = (sum(r[who].seconds for r in both) for who in ("ours", "published"))
        lines.append(
            f"| COCO → memory, then every annotation as an object | {ours:.2f} s | {theirs:.2f} s |"
            f" {theirs / ours:.1f}× | 6× | | | | |"
        )
    if "scan_coco" in results:
        scan = results["scan_coco"]["ours"]
        lines += [
            "",
            f"Looking at every object takes {scan.peak - scan.before:.0f} MB above the columns.",
        ]
    return "\n".join(lines)


def growth(steps: list[Step], by_scale: dict[float, dict[str, dict[str, Result]]]) -> str:
    """Our seconds at each scale, in Markdown."""
    scales = sorted(by_scale)
    lines = [
        "| step | " + " | ".join(f"{scale:g} of COCO 2017" for scale in scales) + " |",
        "|---|" + "---:|" * len(scales),
    ]
    for step in steps:
        if step.source not in ONE_SIZE and step.name not in WITHOUT_DATA:
            cells = [_seconds(by_scale[scale][step.name]["ours"]) for scale in scales]
            lines.append(f"| {step.title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _seconds(result: Result | None) -> str:
    if result is None:
        return ""
    return f"{result.seconds:.3f} s" if result.seconds < 1 else f"{result.seconds:.2f} s"


def _memory(result: Result | None) -> str:
    return f"{result.peak:,.0f} MB" if result else ""


def _size(result: Result | None) -> str:
    return f"{result.size / 1e6:,.1f} MB" if result and result.size else ""


def machine() -> str:
    """What this ran on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, nargs="+", default=[1.0])
    parser.add_argument("--data", type=Path, help="a COCO folder to read instead of making one")
    parser.add_argument("--steps", nargs="+", choices=[step.name for step in STEPS])
    parser.add_argument("--repeat", type=int, default=1, help="of repeated runs the fastest counts")
    parser.add_argument("--skip-reference", action="store_true", help="ours alone")
    parser.add_argument(
        "--work",
        type=Path,
        default=inputs.DATA,
        help="the folder to write to, for the while; on a RAM disk no disk is waited for",
    )
    arguments = parser.parse_args()
    if arguments.data and len(arguments.scale) > 1:
        parser.error("--data is one data set: give no scales with it")

    work: Path = arguments.work / "bench-work"
    packages = [Package("ours", Path(sys.executable))]
    if not arguments.skip_reference:
        packages.append(Package("published", published.interpreter(VERSION)))
    by_scale: dict[float, dict[str, dict[str, Result]]] = {}
    for scale in arguments.scale:
        shutil.rmtree(work, ignore_errors=True)
        largest = scale == max(arguments.scale)
        steps = [
            step
            for step in STEPS
            if (arguments.steps is None or step.name in arguments.steps)
            and (largest or (step.source not in ONE_SIZE and step.name not in WITHOUT_DATA))
        ]
        sources = {"coco": inputs.coco(scale, arguments.data), "voc": inputs.voc(20_000)}
        if any(step.source == "images" for step in steps):
            sources["images"] = inputs.images(10_000)
        for source in sources.values():
            inputs.read_once(source)
        by_scale[scale] = measure(packages, steps, sources, work, arguments.repeat)
        coco_size = inputs.size(sources["coco"] / "annotations") / 1e6
        print(f"\nCOCO, {coco_size:,.0f} MB of JSON. {machine()}. Published: {VERSION}.\n")
        print(table(steps, by_scale[scale]), flush=True)
    if len(by_scale) > 1:
        print("\n" + growth(steps, by_scale), flush=True)
    shutil.rmtree(work, ignore_errors=True)

    results = HERE / "results" / f"{datetime.now():%Y-%m-%d-%H%M%S}.json"
    results.parent.mkdir(exist_ok=True)
    figures = {
        f"{scale:g}": {
            step: {name: asdict(result) for name, result in pair.items()}
            for step, pair in found.items()
        }
        for scale, found in by_scale.items()
    }
    results.write_text(json.dumps({"machine": machine(), "results": figures}, indent=1))
    print(f"\nfigures: {results.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
