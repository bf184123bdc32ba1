"""PASCAL VOC there and back."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import datumaro as dm
from datumaro.formats.voc.tasks import NAMES
from datumaro.model.annotation import AnnotationType
from format_files import label_names
from formats.voc.voc_files import CONTENTS, data_set, files_of, read


def content_of(dataset: dm.Dataset) -> dict[tuple[str, str], list[object]]:
    """What can be compared: all of items but where their files lie."""

    def key(a: dm.Annotation) -> object:
        points = list(getattr(a, "points", ()))
        image = a.image.tobytes() if a.type == AnnotationType.mask else None
        return (a.type, a.label, a.group, a.id, dict(a.attributes), points, image)

    return {
        (item.subset, item.id): [
            item.media and (Path(item.media.path).name, item.media.size),
            [key(a) for a in item.annotations],
        ]
        for item in dataset
    }


@pytest.mark.parametrize("format", NAMES)
def test_round_trip(tmp_path: Path, format: str, caplog: pytest.LogCaptureFixture):
    before = data_set(tmp_path / "in", CONTENTS[format])
    if format not in ("voc", "voc_layout"):  # others have no parts
        before.categories()[AnnotationType.label].items[3].parent = ""
    if format in ("voc_layout", "voc_detection", "voc_instance_segmentation"):
        for item in before:
            for a in item.annotations:  # and no actions
                a.attributes = {k: v for k, v in a.attributes.items() if k not in ("walk", "run")}
        before.categories()[AnnotationType.label].items[2].attributes = set()
    with caplog.at_level(logging.WARNING):
        before.export(str(tmp_path / "out"), format, save_media=True)
    assert not caplog.text  # nothing is lost
    after = read(tmp_path / "out", format)
    assert {k: v[1] for k, v in content_of(after).items()} == {
        k: v[1] for k, v in content_of(before).items()
    }
    assert {i.id: i.media.data.shape for i in after} == {i.id: (10, 20, 3) for i in before}
    assert after.categories()[AnnotationType.label] == before.categories()[AnnotationType.label]
    after.export(str(tmp_path / "again"), format, save_media=True)
    assert content_of(read(tmp_path / "again", format)) == content_of(after)
    for name in ("Annotations", "ImageSets", "SegmentationClass", "SegmentationObject"):
        assert files_of(tmp_path / "again" / name) == files_of(tmp_path / "out" / name)


def test_the_sample_goes_through(tmp_path: Path, shared_data: Path):
    before = read(shared_data / "formats/voc_dataset/voc_dataset1")
    before.export(str(tmp_path / "out"), "voc", save_media=True)
    after = read(tmp_path / "out")
    assert content_of(after) == content_of(before)
    assert after.categories() == before.categories()


def test_empty_data_set(tmp_path: Path):
    labels = dm.LabelCategories.from_iterable(["a"])
    empty = dm.Dataset.from_iterable([], categories={AnnotationType.label: labels})
    empty.export(str(tmp_path / "out"), "voc")
    assert files_of(tmp_path / "out")["ImageSets/Main/default.txt"] == b""
    dataset = read(tmp_path / "out")
    assert len(dataset) == 0 and label_names(dataset) == ["a"]


def test_without_media(tmp_path: Path):
    item = dm.DatasetItem("x", subset="a", annotations=[dm.Label(0)])
    dataset = dm.Dataset.from_iterable([item, dm.DatasetItem("y", subset="a")], categories=["l"])
    dataset.export(str(tmp_path / "out"), "voc", save_media=True)
    assert [(i.id, i.media, len(i.annotations)) for i in read(tmp_path / "out")] == [
        ("x", None, 1),
        ("y", None, 0),
    ]


def test_sizes_survive_without_the_images(tmp_path: Path):
    dataset = data_set(tmp_path / "in", [[]])
    dataset.export(str(tmp_path / "out"), "voc")
    assert not (tmp_path / "out/JPEGImages").exists()
    assert {item.media.size for item in read(tmp_path / "out")} == {(10, 20)}
