"""PASCAL VOC's files as they are written, and what is refused."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import datumaro as dm
from datumaro.errors import (
    MediaTypeError,
    PathOutsideDatasetError,
    PathSeparatorInSubsetNameError,
    UnknownOptionError,
    UnsupportedContentError,
)
from datumaro.formats import registry
from datumaro.formats.base import WriteContext
from datumaro.model.annotation import AnnotationType
from format_files import label_names
from formats.voc.voc_files import CONTENTS, data_set, export, files_of, one, read


def test_text_of_an_annotation(tmp_path: Path):
    item = dm.DatasetItem(
        "2007_x", annotations=[dm.Bbox(1, 2.5, 2.46, 4, label=0, attributes={"n": 3})]
    )
    export(tmp_path / "out", [item], ["cat"])
    assert (tmp_path / "out/Annotations/2007_x.xml").read_text() == (
        "<annotation>\n  <folder>2007</folder>\n  <filename>2007_x.jpg</filename>\n  <source>\n"
        "    <database>Unknown</database>\n    <annotation>Unknown</annotation>\n"
        "    <image>Unknown</image>\n  </source>\n  <segmented>0</segmented>\n  <object>\n"
        "    <name>cat</name>\n    <truncated>0</truncated>\n    <occluded>0</occluded>\n"
        "    <difficult>0</difficult>\n    <bndbox>\n      <xmin>1</xmin>\n      <ymin>2.5</ymin>\n"
        "      <xmax>3.46</xmax>\n      <ymax>6.5</ymax>\n    </bndbox>\n    <attributes>\n"
        "      <attribute>\n        <name>n</name>\n        <value>3</value>\n"
        "      </attribute>\n    </attributes>\n  </object>\n</annotation>\n"
    )
    assert (tmp_path / "out/labelmap.txt").read_text() == (
        "# label:color_rgb:parts:actions\ncat:::\n"
    )


def test_what_is_lost_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    item = dm.DatasetItem(
        "x",
        attributes={"weather": "fine"},
        annotations=[
            dm.Polygon([0, 0, 1, 0, 1, 1], label=0),
            dm.Polygon([0, 0, 2, 0, 2, 2], label=0),
            dm.Caption("text"),
            dm.Bbox(0, 0, 1, 1),
            dm.Bbox(0, 0, 1, 1, label=0, attributes={"n": 1}, z_order=2),
        ],
    )
    with caplog.at_level(logging.WARNING):
        export(tmp_path / "out", [item], ["cat"], allow_attributes=False)
    for part in ("2 polygons", "1 captions", "1 boxes without a label", "1 attributes of items",
                 "1 attributes (first: item 'x')", "1 z orders"):  # fmt: skip
        assert part in caplog.text


def test_actions_that_are_none_stay_attributes(tmp_path: Path):
    labels = dm.LabelCategories.from_iterable([("car", "", ["color", "parked"])])
    flags = {"difficult": False, "truncated": False, "occluded": False}
    attributes = [{"color": "red", "parked": True, **flags}, {"parked": False, **flags}]
    item = dm.DatasetItem(
        "x", annotations=[dm.Bbox(0, 0, 1, 1, label=0, attributes=a) for a in attributes]
    )
    export(tmp_path / "out", [item], {AnnotationType.label: labels})
    assert [dict(a.attributes) for a in one(tmp_path / "out").annotations] == attributes


def test_labels_that_a_label_map_file_cannot_hold(tmp_path: Path):
    names = ["a:b", "#c", " d ", "e,f", "g\nh", "with_underscore", "i/j"]
    items = [dm.DatasetItem("x", annotations=[dm.Bbox(0, 0, 1, 1, label=n) for n in range(7)])]
    export(tmp_path / "out", items, names)
    assert (tmp_path / "out/dataset_meta.json").exists()
    dataset = read(tmp_path / "out")
    assert label_names(dataset) == names
    assert [a.label for item in dataset for a in item.annotations] == list(range(7))


def test_parts_between_other_labels_are_objects(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """The published package wants parts behind the labels; the order of labels is kept instead."""
    labels = dm.LabelCategories.from_iterable([("head", "person"), "person"])
    item = dm.DatasetItem(
        "x",
        annotations=[dm.Bbox(0, 0, 9, 9, label=1, group=1), dm.Bbox(0, 0, 1, 1, label=0, group=1)],
    )
    with caplog.at_level(logging.WARNING):
        export(tmp_path / "out", [item], {AnnotationType.label: labels})
    assert "1 parents of labels (first: label 'head')" in caplog.text
    assert [a.label for a in one(tmp_path / "out").annotations] == [1, 0]
    assert label_names(read(tmp_path / "out")) == ["head", "person"]


def test_a_background_is_added_for_masks_alone(tmp_path: Path):
    mask = dm.Mask(np.eye(4, dtype=bool), label=1)
    export(tmp_path / "masks", [dm.DatasetItem("x", annotations=[mask])], ["cat", "dog"])
    dataset = read(tmp_path / "masks")
    assert label_names(dataset) == ["background", "cat", "dog"]
    assert [(a.label, a.image.tolist()) for i in dataset for a in i.annotations] == [
        (2, mask.image.tolist())
    ]
    export(tmp_path / "none", [dm.DatasetItem("x", annotations=[dm.Label(1)])], ["cat", "dog"])
    assert label_names(read(tmp_path / "none")) == ["cat", "dog"]


def test_colours(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Colours are kept where they tell labels apart; labels without one get one."""
    categories = {
        AnnotationType.label: dm.LabelCategories.from_iterable(["a", "b", "c", "background"]),
        AnnotationType.mask: dm.MaskCategories({0: (9, 9, 9), 1: (9, 9, 9), 3: (1, 1, 1)}),
    }
    annotations = []
    for label in range(3):
        image = np.zeros((4, 4), bool)
        image[label] = True
        annotations.append(dm.Mask(image, label=label))
    with caplog.at_level(logging.WARNING):
        export(tmp_path / "out", [dm.DatasetItem("x", annotations=annotations)], categories)
    assert "1 colours of labels that other labels have too (first: label 'b')" in caplog.text
    dataset = read(tmp_path / "out")
    colormap = dataset.categories()[AnnotationType.mask].colormap
    assert colormap[0] == (9, 9, 9)
    assert colormap[3] == (0, 0, 0)
    assert len(set(colormap.values())) == 4
    assert [a.label for a in one(tmp_path / "out").annotations] == [0, 1, 2]


def test_a_label_that_is_black(tmp_path: Path):
    categories = {
        AnnotationType.label: dm.LabelCategories.from_iterable(["road", "car"]),
        AnnotationType.mask: dm.MaskCategories.generate(2),
    }
    masks_before = [
        dm.Mask(np.tri(4, dtype=bool), label=0, group=1),
        dm.Mask(~np.tri(4, dtype=bool), label=1, group=2),
    ]
    export(tmp_path / "out", [dm.DatasetItem("x", annotations=masks_before)], categories)
    found = one(tmp_path / "out").annotations
    assert [(m.label, m.group, m.image.tolist()) for m in found] == [
        (m.label, m.group, m.image.tolist()) for m in masks_before
    ]


def test_masks_are_painted_by_z_order(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    full, part = np.ones((4, 4), bool), np.zeros((4, 4), bool)
    part[1:3, 1:3] = True
    annotations = [dm.Mask(part, label=1, z_order=1), dm.Mask(full, label=2, z_order=0)]
    with caplog.at_level(logging.WARNING):
        export(
            tmp_path / "out",
            [dm.DatasetItem("x", annotations=annotations)],
            ["background", "a", "b"],
        )
    assert "1 masks that others cover" in caplog.text
    found = {m.label: m.image for m in one(tmp_path / "out").annotations}
    assert np.array_equal(found[1], part)
    assert np.array_equal(found[2], full & ~part)  # fmt: skip


def test_more_instances_and_labels_than_a_palette_has(tmp_path: Path):
    n = 300
    annotations = []
    for index in range(n):
        image = np.zeros((20, 20), bool)
        image.flat[index] = True
        annotations.append(dm.Mask(image, label=1 + index))
    labels = ["background", *(f"l{i}" for i in range(n))]
    for colored in (True, False):
        out = tmp_path / str(colored)
        export(
            out,
            [dm.DatasetItem("x", annotations=annotations)],
            labels,
            apply_colormap=colored,
            format="voc_segmentation",
        )
        found = one(out, "voc_segmentation").annotations
        assert [(m.label, m.group) for m in found] == [(i + 1, i + 1) for i in range(n)]


def test_masks_without_labels(tmp_path: Path):
    mask = dm.Mask(np.eye(4, dtype=bool), group=9)
    out = export(tmp_path / "out", [dm.DatasetItem("x", annotations=[mask])], ["a"])
    assert [(m.label, m.group) for m in one(out).annotations] == [(None, 9)]


def test_label_map_option(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    items = [dm.DatasetItem("x", annotations=[dm.Label(0), dm.Label(1)])]
    out = export(tmp_path / "voc", items, ["cat", "zebra"], label_map="voc")
    assert [a.label for a in one(out).annotations] == [8]
    assert "1 labels whose label the label map has not" in caplog.text
    (tmp_path / "map.txt").write_text("zebra:::\ncat:::\n")
    out = export(tmp_path / "file", items, ["cat", "zebra"], label_map=str(tmp_path / "map.txt"))
    assert label_names(read(out)) == ["zebra", "cat"]
    assert [a.label for a in one(out).annotations] == [0, 1]
    with pytest.raises(UnknownOptionError, match="nowhere"):
        export(tmp_path / "no", items, ["cat", "zebra"], label_map="nowhere.txt")


def test_keep_empty(tmp_path: Path):
    items = [dm.DatasetItem("x", subset="s", annotations=[dm.Label(0)])]
    lists = {"Main/s.txt", "Main/a_s.txt"}
    out = export(tmp_path / "without", items, ["a"])
    assert set(files_of(out / "ImageSets")) == lists
    out = export(tmp_path / "with", items, ["a"], keep_empty=True)
    assert set(files_of(out / "ImageSets")) == {
        *lists, "Segmentation/s.txt", "Layout/s.txt", "Action/s.txt"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("item_id", "error"),
    [
        ("a\nb", UnsupportedContentError),
        ("# x", UnsupportedContentError),
        (" x", UnsupportedContentError),
    ],
)
def test_ids_that_cannot_be_written(tmp_path: Path, item_id: str, error: type[Exception]):
    items = [dm.DatasetItem("fine"), dm.DatasetItem(item_id)]
    with pytest.raises(error):
        export(tmp_path / "out", items, ["a"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("item_id", ["../x", "/etc/x", "a/../../x", "a\0b"])
def test_ids_that_lead_outside(tmp_path: Path, item_id: str):
    """A `DatasetItem` cannot have such an id, but columns from a file can."""
    content = dm.Dataset.from_iterable([dm.DatasetItem("x")]).content()
    (chunk,) = content.chunks
    index = chunk.items.schema.get_field_index("id")
    ids = pa.array([item_id], pa.large_string())
    chunk.items = chunk.items.set_column(index, chunk.items.schema.field("id"), ids)
    format = registry.get("voc")
    with pytest.raises(PathOutsideDatasetError):
        format.write(content, tmp_path, format.write_options(), WriteContext())
    assert not list(tmp_path.iterdir())


def test_subsets_that_cannot_be_written(tmp_path: Path):
    with pytest.raises(PathSeparatorInSubsetNameError):
        export(tmp_path / "out", [dm.DatasetItem("x", subset="a/b")], ["a"])
    items = [dm.DatasetItem("x", subset="train"), dm.DatasetItem("y", subset="cat_train")]
    with pytest.raises(UnsupportedContentError, match="'cat_train'"):
        export(tmp_path / "out", items, ["cat"])


def test_one_id_in_two_subsets(tmp_path: Path):
    """VOC has one file for both: fine for the same item (train and trainval), not for others."""

    def item(subset: str, x: int) -> dm.DatasetItem:
        return dm.DatasetItem("x", subset=subset, annotations=[dm.Bbox(x, 0, 1, 1, label=0)])

    out = export(tmp_path / "same", [item("train", 1), item("trainval", 1)], ["a"])
    assert [(i.subset, len(i.annotations)) for i in read(out)] == [("train", 1), ("trainval", 1)]
    with pytest.raises(UnsupportedContentError, match="several subsets"):
        export(tmp_path / "other", [item("train", 1), item("val", 2)], ["a"])  # fmt: skip


def test_text_that_xml_cannot_hold(tmp_path: Path):
    box = dm.Bbox(0, 0, 1, 1, label=0, attributes={"a": "\x00"})
    with pytest.raises(UnsupportedContentError, match="XML cannot hold"):
        export(tmp_path / "out", [dm.DatasetItem("x", annotations=[box])], ["a"])


def test_other_media_are_refused(tmp_path: Path):
    item = dm.DatasetItem("x", media=dm.PointCloud.from_file(path="x.pcd"))
    dataset = dm.Dataset.from_iterable([item], media_type=dm.PointCloud)
    with pytest.raises(MediaTypeError):
        dataset.export(str(tmp_path / "out"), "voc")


def test_an_export_leaves_no_old_annotations(tmp_path: Path):
    out = export(tmp_path / "out", data_set(tmp_path / "in", CONTENTS["voc"]), {})
    export(out, [dm.DatasetItem("only")], ["a"])
    assert set(files_of(out)) == {
        "labelmap.txt", *(f"ImageSets/{name}/default.txt"
                          for name in ("Main", "Segmentation", "Layout", "Action"))
    }  # fmt: skip
