"""What a format's files can hold, as the format declares it (`Format.holds`).

The declaration is the one source of four things: what an export reports as left out
(`datumaro.formats.losses`), the table of ``datum formats``, the formats' documentation, and what
the conformance suite (`datumaro.testing`) expects to come back. So the suite proves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from datumaro.model.kinds import DEFAULT_SUBSET_NAME, AnnotationType, MediaType

Names = Mapping[str, tuple[Any, ...]]
"""Attributes by name, each with some of its values.

The first value is what reading gives where none was written; None says that it gives nothing.
Without values it is kept in what it means, not as it is: reading gives one of its own (as numbers
of tracks).
"""

PLURALS: dict[AnnotationType, str] = {
    AnnotationType.label: "labels of items",
    AnnotationType.mask: "masks",
    AnnotationType.points: "points",
    AnnotationType.polygon: "polygons",
    AnnotationType.polyline: "polylines",
    AnnotationType.bbox: "boxes",
    AnnotationType.caption: "captions",
    AnnotationType.cuboid_3d: "3D cuboids",
    AnnotationType.super_resolution_annotation: "super-resolution images",
    AnnotationType.depth_annotation: "depth images",
    AnnotationType.ellipse: "ellipses",
    AnnotationType.hash_key: "hash keys",
    AnnotationType.feature_vector: "feature vectors",
    AnnotationType.tabular: "table rows",
    AnnotationType.rotated_bbox: "rotated boxes",
    AnnotationType.cuboid_2d: "2D cuboids",
    AnnotationType.skeleton: "skeletons",
}
"""How people call the kinds of annotations."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What is kept of one kind of annotation. By default: its shape and its label.

    "some" says that it depends on the data set: `Format.write` counts what is lost.

    Attributes
    ----------
    label : whether it may have a label, must have one (without, it is left out), or has none;
        some may be without one.
    attributes : which attributes of any name are kept: none, those with JSON values (all), or
        text, numbers, true and false as text.
    names : attributes that are kept by their names, beside those.
    ids : whether `Annotation.id` comes back; some may.
    groups : whether annotations that have a group in common have one when they come back
        (its number may be another): none; some; any; or those that are parts of one object: of one
        label, one id and the same attributes.
    object_ids, z_order : whether these come back.
    most : how many of the kind an item may have; None for any number.
    digits : decimals that coordinates keep, at most 2 (as `Shape.points` are rounded).
    tolerance : how far coordinates may be off, in pixels of an image of 100 pixels: of formats that
        write them as shares of the image's size.
    visibility : of points, whether hidden ones are told from visible ones.
    boxed : shapes come back with their bounding boxes beside them, as one group.
    overlap : whether masks keep pixels that another mask of the item covers.
    merged : masks of one label come back as one.
    """

    label: Literal["optional", "some", "required", "none"] = "optional"
    attributes: Literal["none", "text", "json"] = "none"
    names: Names = field(default_factory=dict[str, tuple[Any, ...]])
    ids: bool | Literal["some"] = False
    groups: Literal["none", "some", "objects", "any"] = "none"
    object_ids: bool = False
    z_order: bool = False
    most: int | None = None
    digits: int = 2
    tolerance: float = 0.0
    visibility: bool = True
    boxed: bool = False
    overlap: bool = True
    merged: bool = False


EVERYTHING = Held(attributes="json", ids=True, groups="any", object_ids=True, z_order=True)
"""All that an annotation has."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a format's files can hold. By default: images in subsets, labels by name.

    Attributes
    ----------
    annotations : what is kept of each kind of annotation; other kinds are left out.
    becomes : kinds that are written as another kind: polygons as masks.
    media : kinds of media.
    media_needed : items are found by their media files: without one (``save_media``, where it is an
        option) an item is not there when the data set is read.
    media_found : media files that no annotation file names are items, too; so are those of older
        exports into the same folder.
    pixels : images are held as their pixels, and not as the files that they are: those of one
        channel (gray) or of three (color). "none" says that they are held as files.
    size_needed : the size of an item's image must be known, or its annotations cannot be written.
    subsets : whether the names of subsets are kept; or the only names that are.
    default_subset : what the default subset is called when it comes back, where no other subset has
        that name (and the export says so).
    item_ids : a regular expression for the whole of an id; "" for any. Others are refused at
        export.
    nested_ids : whether ids may have folders (``a/b``).
    unlabelled_id : of formats in which the label of an item's image stands before its name, as its
        id says (``cat:1``): what stands there without a label; "" for other formats. ``item_ids``
        and ``nested_ids`` are about the name then.
    item_attributes, item_names : as `Held.attributes` and `Held.names`, of items; "flags" are
        those of any name, of one word, that are true or false.
    annotations_needed : items without annotations are left out.
    labels : whether the data set's labels come back: no names at all; those that annotations use;
        all.
    label_order : whether they come back in their order, so that their numbers are the same.
    label_names : the only names that there can be; () for any.
    label_pattern : a regular expression for the whole of a label's name; "" for any. Others are
        refused at export.
    added_labels : labels that reading adds.
    label_parents, label_attributes, label_groups : whether these come back; some may.
    colors : whether the colours of labels (`MaskCategories`) come back.
    key_points : whether the names of key points (`PointsCategories`) come back; some may.
    infos : whether the data set's infos come back; or the names of those that do.
    lines : patterns of files that are lists of lines without an end mark: where one is cut, the
        rest is a whole file too, and no reader can tell.
    """

    annotations: Mapping[AnnotationType, Held] = field(default_factory=dict[AnnotationType, Held])
    becomes: Mapping[AnnotationType, AnnotationType] = field(
        default_factory=dict[AnnotationType, AnnotationType]
    )
    media: frozenset[MediaType] = frozenset({MediaType.IMAGE})
    media_needed: bool = False
    media_found: bool = False
    pixels: Literal["none", "gray", "color"] = "none"
    size_needed: bool = False
    subsets: bool | tuple[str, ...] = True
    default_subset: str = DEFAULT_SUBSET_NAME
    item_ids: str = ""
    nested_ids: bool = True
    unlabelled_id: str = ""
    item_attributes: Literal["none", "flags", "text", "json"] = "none"
    item_names: Names = field(default_factory=dict[str, tuple[Any, ...]])
    annotations_needed: bool = False
    labels: Literal["none", "used", "all"] = "all"
    label_order: bool = True
    label_names: tuple[str, ...] = ()
    label_pattern: str = ""
    added_labels: tuple[str, ...] = ()
    label_parents: bool | Literal["some"] = False
    label_attributes: bool | Literal["some"] = False
    label_groups: bool = False
    colors: bool = False
    key_points: bool | Literal["some"] = False
    infos: bool | tuple[str, ...] = False
    lines: tuple[str, ...] = ("*.txt", "*.csv")

    def with_meta(self) -> Capabilities:
        """The same, when `dataset_meta.json` is written too: colours of labels come back."""
        return replace(self, colors=True)


ALL = Capabilities(
    annotations=dict.fromkeys(set(AnnotationType) - {AnnotationType.unknown}, EVERYTHING),
    media=frozenset(MediaType) - {MediaType.NONE, MediaType.TABLE_ROW},
    item_attributes="json",
    label_parents=True,
    label_attributes=True,
    label_groups=True,
    colors=True,
    key_points=True,
    infos=True,
)
"""All that a data set has, which Datumaro's own formats hold."""
