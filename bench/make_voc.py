#!/usr/bin/env python3
"""Make a PASCAL VOC detection data set of many XML files (no images).

    python make_voc.py OUT --files 20000

The same arguments always give the same bytes.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

LABELS = ("aeroplane", "bicycle", "bird", "boat", "bus", "car", "cat", "dog", "horse", "person")

OBJECT = """\t<object>
\t\t<name>{label}</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>{truncated}</truncated>
\t\t<difficult>0</difficult>
\t\t<bndbox>
\t\t\t<xmin>{x1}</xmin>
\t\t\t<ymin>{y1}</ymin>
\t\t\t<xmax>{x2}</xmax>
\t\t\t<ymax>{y2}</ymax>
\t\t</bndbox>
\t</object>
"""

ITEM = """<annotation>
\t<folder>VOC2012</folder>
\t<filename>{name}.jpg</filename>
\t<source>
\t\t<database>The VOC2007 Database</database>
\t\t<annotation>PASCAL VOC2007</annotation>
\t\t<image>flickr</image>
\t</source>
\t<size>
\t\t<width>{width}</width>
\t\t<height>{height}</height>
\t\t<depth>3</depth>
\t</size>
\t<segmented>0</segmented>
{objects}</annotation>
"""


def make_object(width: int, height: int, rng: random.Random) -> str:
    """An object of random label and box."""
    x1, y1 = rng.randint(1, width - 20), rng.randint(1, height - 20)
    return OBJECT.format(
        label=rng.choice(LABELS),
        truncated=rng.randint(0, 1),
        x1=x1,
        y1=y1,
        x2=rng.randint(x1 + 5, width),
        y2=rng.randint(y1 + 5, height),
    )


def make(out: Path, files: int, seed: int = 2012) -> None:
    """Write ``files`` XML files and the lists of the subsets train and val."""
    rng = random.Random(seed)
    annotations = out / "Annotations"
    annotations.mkdir(parents=True)
    (out / "JPEGImages").mkdir()
    lists: dict[str, list[str]] = {"train": [], "val": []}
    for number in range(files):
        name = f"2012_{number:06d}"
        width, height = rng.choice(((500, 375), (375, 500), (500, 333)))
        objects = "".join(make_object(width, height, rng) for _ in range(rng.randint(1, 4)))
        text = ITEM.format(name=name, width=width, height=height, objects=objects)
        (annotations / f"{name}.xml").write_text(text)
        lists["train" if rng.random() < 0.8 else "val"].append(name)
    sets = out / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    for subset, names in lists.items():
        (sets / f"{subset}.txt").write_text("\n".join(names) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("out", type=Path)
    parser.add_argument("--files", type=int, default=20_000)
    arguments = parser.parse_args()
    make(arguments.out, arguments.files)
