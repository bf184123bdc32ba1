"""Writing the labels of an Open Images data set: the list of classes and their hierarchy."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, cast

from datumaro.errors import UnsupportedContentError
from datumaro.formats.base import WriteContext
from datumaro.formats.open_images.files import CLASSES, HIERARCHY
from datumaro.model.categories import LabelCategories

_MAX_DEPTH = 100


def write(labels: LabelCategories, infos: Any, folder: Path, context: WriteContext) -> None:
    """Write both files; the hierarchy only where labels have parents.

    Parameters
    ----------
    infos : what a reader kept: ``{"names": {label: its name for people}}``.

    Raises
    ------
    UnsupportedContentError
        A label has no name.
    """
    told = cast(dict[str, Any], infos).get("names") if isinstance(infos, dict) else None
    names = cast(dict[str, Any], told) if isinstance(told, dict) else {}
    with (folder / CLASSES[0]).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for label in labels:
            if not label.name:
                raise UnsupportedContentError("a label has no name; name it before export")
            writer.writerow([label.name, str(names.get(label.name, label.name))])
    tree = _tree(labels, context)
    if tree is not None:
        text = json.dumps(tree, ensure_ascii=False, indent=1)
        (folder / HIERARCHY).write_text(text + "\n", "utf-8", newline="\n")


def _tree(labels: LabelCategories, context: WriteContext) -> dict[str, Any] | None:
    """The hierarchy; None when no label has a parent."""
    parents = {label.name: label.parent for label in labels if label.parent}
    if not parents:
        return None
    taken = {*parents, *parents.values()}
    root = next(name for n in range(len(taken) + 1) if (name := f"/m/{n}") not in taken)
    nodes: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys([*parents.values(), *parents]):
        nodes[name] = {"LabelName": name}
    depths = _depths(parents)
    top: list[dict[str, Any]] = []
    for name, node in nodes.items():
        parent = parents.get(name)
        if name not in depths:  # in a circle, or too deep
            context.lost("parents of labels in circles or far below them", 1, f"label {name!r}")
            parent = None
        siblings = nodes[parent].setdefault("Subcategory", []) if parent else top
        siblings.append(node)
    return {"LabelName": root, "Subcategory": top}


def _depths(parents: dict[str, str]) -> dict[str, int]:
    """How many labels are above each, of those that lead to the top within reason."""
    depths: dict[str, int] = {}
    for name in (*parents.values(), *parents):
        chain: list[str] = []
        seen: set[str] = set()
        at: str | None = name
        while at is not None and at not in depths and at not in seen:
            seen.add(at)
            chain.append(at)
            at = parents.get(at)
        if at is not None and at in seen:
            continue
        depth = depths[at] if at is not None else -1
        for link in reversed(chain):
            depth += 1
            if depth > _MAX_DEPTH:
                break
            depths[link] = depth
    return depths
