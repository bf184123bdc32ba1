"""The data sets that the benchmark reads: found, or made once below bench/data."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from make_voc import make as make_voc

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"

COCO_2017_IMAGES = 123_287


def coco(scale: float, given: Path | None) -> Path:
    """A COCO instances data set without images; ``scale`` 1 has the size of COCO 2017.

    Parameters
    ----------
    given : one that exists already.
    """
    target = DATA / f"coco-{scale:g}"
    annotations = target / "annotations"
    if given is not None:
        target = DATA / "coco-given"
        target.mkdir(parents=True, exist_ok=True)
        annotations = target / "annotations"
        annotations.unlink(missing_ok=True)
        annotations.symlink_to((given / "annotations").resolve(), target_is_directory=True)
    elif not annotations.exists():
        print(f"making {target}", file=sys.stderr, flush=True)
        partial = DATA / "partial"
        subprocess.run(["rm", "-rf", str(partial)], check=True)
        subprocess.run(_coco_command(partial, scale), check=True, stdout=subprocess.DEVNULL)
        partial.rename(target)
    # the published package refuses a folder without images
    (target / "images").mkdir(exist_ok=True)
    return target


def _coco_command(out: Path, scale: float) -> list[str]:
    for parent in HERE.parents:
        script = parent / "shared" / "bench" / "make_coco.py"
        if script.exists():
            return [sys.executable, str(script), str(out), "--scale", str(scale)]
    images = max(1, round(COCO_2017_IMAGES * scale))
    datum = str(Path(sys.executable).parent / "datum")
    return [datum, "sample", str(out), "--count", str(images), "--no-images"]


def voc(files: int) -> Path:
    """A VOC detection data set of that many XML files, without images."""
    target = DATA / f"voc-{files}"
    if not target.exists():
        print(f"making {target}", file=sys.stderr, flush=True)
        partial = DATA / "partial"
        subprocess.run(["rm", "-rf", str(partial)], check=True)
        make_voc(partial, files)
        partial.rename(target)
    return target


def images(count: int) -> Path:
    """A folder of JPEGs of some 25 KB, no two the same."""
    target = DATA / f"images-{count}"
    if not target.exists():
        print(f"making {target}", file=sys.stderr, flush=True)
        partial = DATA / "partial"
        subprocess.run(["rm", "-rf", str(partial)], check=True)
        partial.mkdir(parents=True)
        chance = np.random.default_rng(0)
        pictures = [_picture(chance) for _ in range(50)]
        for number in range(count):
            data = pictures[number % len(pictures)]
            # what follows the picture's end is ignored by decoders
            (partial / f"{number:06d}.jpg").write_bytes(data + number.to_bytes(8, "little"))
        partial.rename(target)
    return target


def _picture(chance: np.random.Generator) -> bytes:
    coarse = Image.fromarray(chance.integers(0, 255, (24, 32, 3), np.uint8))
    pixels = np.asarray(coarse.resize((480, 360), Image.Resampling.BICUBIC)).astype(int)
    noise = chance.integers(-12, 12, pixels.shape)
    file = io.BytesIO()
    Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(file, "JPEG")
    return file.getvalue()


def read_once(folder: Path) -> None:
    """Read all files below a folder, so that no measured step waits for the disk."""
    for file in _files(folder):
        with file.open("rb") as stream:
            while stream.read(1 << 20):
                pass


def size(path: Path) -> int:
    """Bytes of all files below a folder; 0 when there is none."""
    return sum(file.stat().st_size for file in _files(path))


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder, followlinks=True):
        yield from (Path(parent) / name for name in names)
