"""A data set in one comparable form, under the published package and under ours.

Only the documented API is used. Coordinates are given as the float32 numbers that files hold, masks
by their shape and a hash of their pixels, media by their path relative to the data set, their size
and a hash of the file's bytes.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

# What the published package's annotation does not have, nor its files.
OURS_ALONE = {("cuboid_3d", "z_order")}


def digest(data: bytes) -> str:
    """A short hash."""
    return hashlib.sha256(data).hexdigest()[:16]


def numbers(values: Any) -> list[float]:
    """Numbers as float32 holds them; -0.0 as 0.0."""
    return [float(v) + 0.0 for v in np.asarray(values, np.float32).ravel()]


def plain(value: Any) -> Any:
    """A value as JSON holds it; sets sorted; of a tensor what it holds."""
    if hasattr(value, "numpy"):  # the published package leaves some among attributes
        value = value.numpy()
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(v) for v in value), key=str)
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} in the dump: {value!r}")


def annotation(ann: Any) -> dict[str, Any]:
    """An annotation, all of its fields."""
    kind = ann.type.name
    out: dict[str, Any] = {
        "type": kind,
        "id": int(ann.id),
        "group": int(ann.group),
        "object_id": int(ann.object_id),
        "attributes": plain(dict(ann.attributes)),
    }
    for name in ("label", "z_order", "caption"):
        if hasattr(ann, name) and (kind, name) not in OURS_ALONE:
            out[name] = plain(getattr(ann, name))
    if kind == "mask":
        image = np.asarray(ann.image).astype(bool)
        out["mask"] = [*image.shape, digest(np.packbits(image).tobytes())]
    elif kind == "cuboid_3d":
        out["points"] = numbers([*ann.position, *ann.rotation, *ann.scale])
    elif hasattr(ann, "points"):
        out["points"] = numbers(ann.points)
    elif hasattr(ann, "elements"):
        out["elements"] = [annotation(element) for element in ann.elements]
    elif hasattr(ann, "values"):
        out["values"] = plain(ann.values)
    if kind == "points":
        out["visibility"] = [int(getattr(v, "value", v)) for v in ann.visibility]
    return out


def media(element: Any, root: Path) -> dict[str, Any] | None:
    """Media: kind, path, size, and what the file at the path holds."""
    if element is None:
        return None
    out: dict[str, Any] = {"type": element.type.name}
    path = getattr(element, "path", None)
    if path:
        path = str(path)
        out["path"] = os.path.relpath(path, root) if Path(path).is_absolute() else path
        out["bytes"] = digest(Path(path).read_bytes()) if Path(path).is_file() else None
    kind = out["type"].lower()
    if kind == "image":
        out["has_size"] = element.has_size
        out["size"] = None if element.size is None else [int(v) for v in element.size]
        if getattr(element, "is_encrypted", False) and element.data is not None:
            out["pixels"] = digest(np.ascontiguousarray(element.data, np.uint8).tobytes())
    if kind == "video":
        out["frames"] = [getattr(element, n) for n in ("_step", "_start_frame", "_end_frame")]
    if kind == "video_frame":
        out["index"] = int(element.index)
    if kind == "point_cloud":
        out["extra_images"] = [media(image, root) for image in element.extra_images]
    return out


def categories(dataset: Any) -> dict[str, Any]:
    """The categories, by kind."""
    out: dict[str, Any] = {}
    for kind, found in dataset.categories().items():
        if kind.name == "label":
            out["label"] = {
                "labels": [[c.name, c.parent or "", plain(set(c.attributes))] for c in found.items],
                "groups": [
                    [g.name, plain(set(g.labels)), g.group_type.name.lower()]
                    for g in found.label_groups
                ],
                "attributes": plain(set(found.attributes)),
            }
        elif kind.name == "mask":
            out["mask"] = {str(k): [int(x) for x in v] for k, v in sorted(found.colormap.items())}
        elif kind.name == "points":
            out["points"] = {
                str(k): {
                    "labels": list(v.labels),
                    "joints": sorted(list(j) for j in v.joints),
                    "positions": numbers(v.positions),
                }
                for k, v in sorted(found.items.items())
            }
        else:
            out[kind.name] = len(found)
    return out


def dump(dataset: Any, root: str) -> dict[str, Any]:
    """The whole data set; items in the data set's order, by subset."""
    base = Path(root).resolve()
    subsets: dict[str, list[dict[str, Any]]] = {}
    for item in dataset:
        subsets.setdefault(str(item.subset), []).append(
            {
                "id": str(item.id),
                "media": media(item.media, base),
                "attributes": plain(dict(item.attributes)),
                "annotations": [annotation(a) for a in item.annotations],
            }
        )
    return {
        "infos": plain(dict(dataset.infos())),
        "media_type": getattr(dataset.media_type(), "__name__", str(dataset.media_type())),
        "categories": categories(dataset),
        "subsets": subsets,
    }
