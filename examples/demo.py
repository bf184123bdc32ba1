"""The demonstration: a pictured data set goes COCO → DatumaroBinary → VOC → COCO.

    python examples/demo.py [FOLDER]

Runs the `datum` command as a person would, then draws the data set with its annotations.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import datumaro as dm
from datumaro.contact_sheet import contact_sheet

STEPS = (
    ("coco", "datumaro_binary", "binary"),
    ("binary", "voc", "voc"),
    ("voc", "coco", "coco-again"),
)


def datum(*words: str, folder: Path) -> float:
    """Run a `datum` command in a folder, show it, and return how many seconds it took."""
    print("$ datum", shlex.join(words), flush=True)
    start = time.perf_counter()
    subprocess.run([Path(sys.executable).parent / "datum", *words], cwd=folder, check=True)
    return time.perf_counter() - start


def annotation_bytes(folder: Path) -> int:
    """Bytes of a data set's files without its pictures."""
    pictures = {".jpg", ".png"}
    files = (p for p in folder.rglob("*") if p.is_file() and p.suffix not in pictures)
    return sum(file.stat().st_size for file in files)


def draw(folder: Path, sheet: Path) -> None:
    """Draw a dozen items with their annotations."""
    dataset = dm.Dataset.import_from(str(folder))
    names = [label.name for label in dataset.categories()[dm.AnnotationType.label]]
    contact_sheet([item for item, _ in zip(dataset, range(12), strict=False)], names).save(sheet)


def main(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = [("coco", "", datum("sample", "coco", "--count", "60", folder=folder))]
    for source, name, target in STEPS:
        words = ("convert", "-i", source, "-f", name, "-o", target, "--", "--save-media")
        rows.append((target, name, datum(*words, folder=folder)))
    datum("info", "coco-again", folder=folder)
    print(f"\n{'folder':12} {'format':16} {'seconds':>8} {'annotations':>12}")
    for target, name, seconds in rows:
        size = annotation_bytes(folder / target) / 1e3
        print(f"{target:12} {name or '(made)':16} {seconds:8.2f} {size:9,.0f} kB")
    for source in ("binary", "coco-again"):
        sheet = folder / f"{source}.png"
        draw(folder / source, sheet)
        print(f"drawn from {source}: {sheet}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
