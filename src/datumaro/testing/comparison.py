"""Where two data sets differ, as far as a format can hold what they differ in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from datumaro.dataset import Dataset
from datumaro.formats.capabilities import EVERYTHING, Capabilities, Held, Names
from datumaro.formats.losses import is_flag
from datumaro.model.annotation import Annotation, AnnotationType
from datumaro.model.categories import MaskCategories, PointsCategories, labels_of
from datumaro.model.item import DatasetItem
from datumaro.model.shapes import Skeleton


@dataclass
class Plain:
    """An annotation as values that can be compared.

    Attributes
    ----------
    values : all that must be equal; of a mask its shape and pixels.
    points : coordinates, which may be off by `Held.tolerance`.
    group : its group; 0 for none.
    """

    kind: AnnotationType
    held: Held
    values: dict[str, Any]
    points: list[float]
    group: int

    def equals(self, other: Plain) -> bool:
        """Whether another, that was received, says all that this one does, whatever their groups.

        Numbers that this one does not have (id 0, object id -1) do not count.
        """
        return (
            self.kind == other.kind
            and self.values == {k: v for k, v in other.values.items() if k in self.values}
            and len(self.points) == len(other.points)
            and bool(np.allclose(self.points, other.points, rtol=0, atol=self.held.tolerance))
        )

    def __str__(self) -> str:
        points = f", points={[round(p, 4) for p in self.points]}" if self.points else ""
        return f"{self.kind.name}({self.values}{points}, group={self.group})"


@dataclass
class _Side:
    """What is compared of a data set."""

    dataset: Dataset
    holds: Capabilities
    labels: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.labels = self.dataset.get_label_cat_names()

    def items(self) -> dict[tuple[str, str], DatasetItem]:
        one_subset = self.holds.subsets is False
        return {("" if one_subset else item.subset, item.id): item for item in self.dataset}

    def plain(self, annotation: Annotation) -> Plain | None:
        """The annotation, as far as it can be held; None when it cannot."""
        held = self.holds.annotations.get(annotation.type)
        label: Any = getattr(annotation, "label", None)
        if held is None or (held.label in ("some", "required") and label is None):
            return None
        seen: Any = annotation  # its kind tells which fields it has
        values: dict[str, Any] = {
            "attributes": attributes(annotation.attributes, held.attributes, held.names)
        }
        if held.label != "none":
            values["label"] = None if label is None else self.name(label)
        if held.ids is True and annotation.id:
            values["id"] = annotation.id
        if held.object_ids and annotation.object_id >= 0:
            values["object_id"] = annotation.object_id
        if held.z_order and getattr(annotation, "z_order", 0):
            values["z_order"] = seen.z_order
        points: list[float] = []
        if annotation.type is AnnotationType.mask:
            image = np.asarray(seen.image, bool)
            values["mask"] = image.shape, np.packbits(image).tobytes()
        elif isinstance(annotation, Skeleton):
            elements = [
                [self.name(e.label), e.points, [int(v) for v in e.visibility], e.attributes]
                for e in annotation.elements
            ]
            values["elements"] = elements
        elif hasattr(annotation, "points"):
            flat: Any = np.ravel(seen.points).tolist()
            exact = annotation.type in (AnnotationType.cuboid_2d, AnnotationType.cuboid_3d)
            points = flat if exact else [round(p, held.digits) for p in flat]
        else:
            values |= _extra(annotation)
        if annotation.type is AnnotationType.points:
            visibility: Any = seen.visibility
            values["visibility"] = [int(v) for v in visibility]
        group = annotation.group if held.groups in ("objects", "any") else 0
        return Plain(annotation.type, held, values, points, group)

    def name(self, label: int | None) -> str | int | None:
        """A label's name, or its number when it is not declared or names are not kept."""
        if label is None or not 0 <= label < len(self.labels) or self.holds.labels == "none":
            return label
        return self.labels[label]


def _extra(annotation: Annotation) -> dict[str, Any]:
    """The values of kinds without coordinates."""
    values: dict[str, Any] = {}
    for name in annotation._fields:  # pyright: ignore[reportPrivateUsage]
        value = getattr(annotation, name)
        if name not in ("label", "z_order"):
            values[name] = value.tolist() if isinstance(value, np.ndarray) else value
    return values


def attributes(given: dict[str, Any], kept: str, names: Names) -> dict[str, Any]:
    """Attributes as they come back, and so that two that mean the same are equal."""
    own = {name for name, values in names.items() if not values}
    result = {name: values[0] for name, values in names.items() if values}
    for name, value in given.items():
        if name in own:
            continue
        if name in names or kept == "json":
            result[name] = value
        elif kept == "flags":
            result |= {name: value} if is_flag(name, value) else {}
        elif kept == "text" and not (value is None or isinstance(value, list | dict)):
            result[name] = str(value)
    return {name: value for name, value in result.items() if value is not None}


def everything(holds: Capabilities) -> Capabilities:
    """All that a data set can have; what a format adds, and how exact it is, as in ``holds``."""
    annotations: dict[AnnotationType, Held] = {}
    for kind in AnnotationType:
        held = holds.annotations.get(kind, EVERYTHING)
        annotations[kind] = replace(
            held, label="optional", attributes="json", ids=True, groups="any", object_ids=True,
            z_order=True,
        )  # fmt: skip
    return Capabilities(
        annotations=annotations,
        media=holds.media,
        item_attributes="json",
        item_names=holds.item_names,
        added_labels=holds.added_labels,
        label_order=holds.label_order,
        label_parents=True,
        label_attributes=True,
        label_groups=True,
        colors=True,
        key_points=True,
        infos=True,
    )


def differences(sent: Dataset, received: Dataset, holds: Capabilities) -> list[str]:
    """What is not in ``received`` as it is in ``sent``: a line each; none when all is there.

    Parameters
    ----------
    holds : what the format between them keeps. What it does not is not compared; nor are media.
    """
    return [*_differences(_Side(sent, holds), _Side(received, holds))]


def _differences(sent: _Side, received: _Side) -> Iterator[str]:
    holds = sent.holds
    yield from _category_differences(sent, received)
    names = sent.dataset.infos().keys() | received.dataset.infos().keys()
    if holds.infos is not True:
        names &= set(holds.infos or ())
    for name in sorted(names):
        left, right = (side.dataset.infos().get(name) for side in (sent, received))
        if left != right and name in sent.dataset.infos():
            yield f"info {name!r}: {left!r} sent, {right!r} received"
    ours, theirs = sent.items(), received.items()
    if holds.annotations_needed:
        ours = {key: item for key, item in ours.items() if _plains(sent, item)}
    if holds.media_needed:
        ours = {key: item for key, item in ours.items() if item.media is not None}
    for key in sorted(ours.keys() - theirs.keys()):
        yield f"item {key[1]!r} of subset {key[0]!r}: sent, not received"
    for key in sorted(theirs.keys() - ours.keys()):
        yield f"item {key[1]!r} of subset {key[0]!r}: received, not sent"
    for key in sorted(ours.keys() & theirs.keys()):
        place = f"item {key[1]!r} of subset {key[0]!r}"
        left, right = (
            attributes(item.attributes, holds.item_attributes, holds.item_names)
            for item in (ours[key], theirs[key])
        )
        for name in sorted(left.keys() | right.keys()):
            if left.get(name) != right.get(name) and (name in left or name not in holds.item_names):
                yield (
                    f"{place}: attribute {name!r}: {left.get(name)!r} sent, "
                    f"{right.get(name)!r} received"
                )
        pairs = _plains(sent, ours[key]), _plains(received, theirs[key])
        yield from (f"{place}: {line}" for line in _annotation_differences(*pairs))


def _plains(side: _Side, item: DatasetItem) -> list[Plain]:
    found = [side.plain(annotation) for annotation in item.annotations]
    return [plain for plain in found if plain is not None]


def _annotation_differences(sent: list[Plain], received: list[Plain]) -> Iterator[str]:
    left = list(received)
    pairs: list[tuple[Plain, Plain]] = []
    for one in sent:
        alike = [other for other in left if one.equals(other)]
        # of several that are the same, the one that is in the same group as before
        same = next((o for o in alike if o.group == one.group), alike[0] if alike else None)
        if same is None:
            yield f"sent, not received: {one}"
        else:
            left.remove(same)
            pairs.append((one, same))
    for other in left:
        if not _is_box_of_another(other, received):
            yield f"received, not sent: {other}"
    if _groups([a.group for a, _ in pairs]) != _groups([b.group for _, b in pairs]):
        yield f"groups: {[a.group for a, _ in pairs]} sent, {[b.group for _, b in pairs]} received"


def _groups(groups: list[int]) -> set[frozenset[int]]:
    """Which annotations belong together: the sets of two and more, by position."""
    members: dict[int, list[int]] = {}
    for position, group in enumerate(groups):
        if group:
            members.setdefault(group, []).append(position)
    return {frozenset(m) for m in members.values() if len(m) > 1}


def _is_box_of_another(box: Plain, all_received: list[Plain]) -> bool:
    return box.kind is AnnotationType.bbox and any(
        other.held.boxed and other is not box and other.group == box.group for other in all_received
    )


# --- categories -----------------------------------------------------------------------------------


def _category_differences(sent: _Side, received: _Side) -> Iterator[str]:
    holds = sent.holds
    if holds.labels == "none":
        return
    ours = [name for name in sent.labels if not holds.label_names or name in holds.label_names]
    if holds.labels == "used":
        used = {
            str(sent.name(getattr(a, "label", None)))
            for item in sent.dataset
            for a in item.annotations
            if a.type in holds.annotations
        }
        ours = [name for name in ours if name in used]
    theirs = received.labels
    if holds.label_names:
        theirs = [name for name in theirs if name in ours]
    theirs = [name for name in theirs if name in ours or name not in holds.added_labels]
    if theirs != ours if holds.label_order else sorted(theirs) != sorted(ours):
        yield f"labels: {ours} sent, {theirs} received"
        return
    left, right = (labels_of(side.dataset.categories()) for side in (sent, received))
    for name in ours:
        one, other = left.find(name)[1], right.find(name)[1]
        assert one is not None and other is not None
        if holds.label_parents is True and one.parent != other.parent:
            yield f"parent of label {name!r}: {one.parent!r} sent, {other.parent!r} received"
        if holds.label_attributes is True and one.attributes != other.attributes:
            names = one.attributes, other.attributes
            yield f"attributes of label {name!r}: {names[0]} sent, {names[1]} received"
    if holds.label_groups and left.label_groups != right.label_groups:
        yield f"label groups: {left.label_groups} sent, {right.label_groups} received"
    if holds.colors:
        yield from _color_differences(sent, received)
    if holds.key_points is True:
        yield from _key_point_differences(sent, received)


def _color_differences(sent: _Side, received: _Side) -> Iterator[str]:
    left, right = (side.dataset.categories().get(AnnotationType.mask) for side in (sent, received))
    if not isinstance(left, MaskCategories):
        return
    ours = {str(sent.name(label)): color for label, color in left.colormap.items()}
    theirs = (
        {str(received.name(label)): color for label, color in right.colormap.items()}
        if isinstance(right, MaskCategories)
        else {}
    )
    for name, color in ours.items():
        if name in sent.labels and theirs.get(name) != color:
            yield f"colour of label {name!r}: {color} sent, {theirs.get(name)} received"


def _key_point_differences(sent: _Side, received: _Side) -> Iterator[str]:
    left, right = (
        side.dataset.categories().get(AnnotationType.points) for side in (sent, received)
    )
    if not isinstance(left, PointsCategories):
        return
    theirs = right.items if isinstance(right, PointsCategories) else {}
    by_name = {str(received.name(label)): value for label, value in theirs.items()}
    for label, one in left.items.items():
        other = by_name.get(str(sent.name(label)))
        if other is None or (one.labels, one.joints) != (other.labels, other.joints):
            yield f"key points of label {sent.name(label)!r}: {one} sent, {other} received"
