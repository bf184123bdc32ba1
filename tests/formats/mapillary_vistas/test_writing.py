"""Writing Mapillary Vistas: what comes back, what is lost, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

import datumaro as dm
from datumaro.errors import DatumaroError, InvalidOptionError, UnsupportedContentError
from datumaro.formats import registry
from datumaro.formats.mapillary_vistas.format import MapillaryVistasWriteOptions
from datumaro.testing.comparison import differences
from datumaro.testing.exchange import warnings_of_datumaro
from datumaro.testing.samples import sample
from format_files import colors, count, image, label_names, lost, make, read, rows_mask, written
from formats.mapillary_vistas.mapillary_files import ALL, annotations


def mask(*rows: int, **more: Any) -> dm.Mask:
    """A mask of whole rows of four."""
    return dm.Mask(rows_mask(*rows), **more)


def dataset(*annotations: dm.Annotation, labels: Any = ("car", "tree")) -> dm.Dataset:
    item = dm.DatasetItem("a", subset="t", media=image(), annotations=list(annotations))
    return dm.Dataset.from_iterable([item], categories=labels)


def pixels(path: Path) -> np.ndarray:
    with PILImage.open(path) as opened:
        return np.asarray(opened)


def ids(found: dm.Dataset) -> list[tuple[int | None, int]]:
    """(label, id) of each mask."""
    return [(a.label, a.id) for item in found for a in item.annotations]


@pytest.mark.parametrize("format", ALL)
@pytest.mark.parametrize("version", ["v1.2", "v2.0"])
def test_a_sample_comes_back(shared_data: Path, tmp_path: Path, format: str, version: str):
    options = {"format_version": version}
    with_polygons = version == "v2.0"
    polygons = {"parse_polygon": with_polygons}
    sent = read(shared_data / "formats/mapillary_vistas_dataset", format, **options, **polygons)
    with warnings_of_datumaro() as said:
        sent.export(tmp_path, format, save_media=True, save_polygons=with_polygons, **options)
    assert not said
    received = read(tmp_path, format, **polygons)
    assert label_names(received) == label_names(sent)
    assert colors(received) == colors(sent)
    for item in sent:
        other = received.get(item.id, item.subset)
        assert sorted(map(str, annotations(other))) == sorted(map(str, annotations(item)))
        assert other.media.bytes == item.media.bytes


@pytest.mark.parametrize("format", ALL)
def test_written_files(tmp_path: Path, format: str):
    items = [
        dm.DatasetItem(item_id, subset=subset, media=image(), annotations=[mask(0, 1, label=1)])
        for item_id, subset in (("a", "t"), ("b/c.d e", "t"), ("a", "猫"))
    ]
    sent = dm.Dataset.from_iterable(items, categories=["car", "tree"])
    received = written(sent, tmp_path, format, save_media=True)
    assert count(received) == ({"t": 2, "猫": 1}, {"mask": 3})
    folders = {"instances", "labels"} if format != ALL[2] else set()
    folders |= {"panoptic"} if format != ALL[1] else set()
    expected = {
        f"{subset}/{folder}/{item_id}.png"
        for item_id, subset in (("a", "t"), ("b/c.d e", "t"), ("a", "猫"))
        for folder in ("images", *(f"v2.0/{folder}" for folder in folders))
    }
    expected |= {"config_v2.0.json"} if "labels" in folders else set()
    for subset in ("t", "猫") if "panoptic" in folders else ():
        expected.add(f"{subset}/v2.0/panoptic/panoptic_2020.json")
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == expected
    assert dm.Dataset.detect(tmp_path) == "mapillary_vistas"


def test_values_of_instances(tmp_path: Path):
    sent = dataset(mask(0, label=0, id=7), mask(1, label=1), mask(2, label=0, id=255))
    received = written(sent, tmp_path, "mapillary_vistas_instances")
    folder = tmp_path / "t/v2.0"
    instances = pixels(folder / "instances/a.png")
    assert instances.dtype == np.uint16
    assert instances[:, 0].tolist() == [7, 256, 255, 2 * 256 + 255]
    assert pixels(folder / "labels/a.png")[:, 0].tolist() == [0, 1, 0, 2]
    with PILImage.open(folder / "labels/a.png") as opened:
        assert np.asarray(opened.convert("RGB"))[:2, 0].tolist() == [
            list(colors(received)[0]), list(colors(received)[1]),
        ]  # fmt: skip
    assert label_names(received) == ["car", "tree", "void--unlabeled"]
    assert sorted(ids(received)) == [(0, 7), (0, 255), (1, 0)]
    again = written(received, tmp_path / "again", "mapillary_vistas_instances")
    assert (label_names(again), ids(again)) == (label_names(received), ids(received))


def test_instances_have_16_bits_whatever_they_are(tmp_path: Path):
    written(dataset(mask(0, 1, 2, 3, label=0)), tmp_path, "mapillary_vistas_instances")
    assert pixels(tmp_path / "t/v2.0/instances/a.png").dtype == np.uint16
    config = json.loads((tmp_path / "config_v2.0.json").read_text())
    assert [label["name"] for label in config["labels"]] == ["car", "tree"]


def test_masks_of_what_is_unlabelled_are_told_from_no_masks(tmp_path: Path):
    void = "void--unlabeled"
    sent = dataset(mask(0, label=0, id=255), mask(1, label=0, id=0), labels=[void, "x"])
    received = written(sent, tmp_path, "mapillary_vistas_instances")
    assert label_names(received) == [void, "x"]
    assert sorted(ids(received)) == [(0, 0), (0, 1)]
    values = pixels(tmp_path / "t/v2.0/instances/a.png")[:, 0].tolist()
    assert sorted(values) == [0, 1, 255, 255]


@pytest.mark.parametrize(
    ("given", "expected", "what"),
    [
        ([(0, 0)], [(0, 0)], ""),
        ([(0, 0), (1, 0), (0, 0)], [(0, 0), (0, 1), (1, 0)], ""),
        ([(0, 1), (0, 0), (1, 9)], [(0, 0), (0, 1), (1, 9)], ""),
        ([(0, 5), (1, 5), (0, 5)], [(0, 0), (0, 1), (1, 5)], "2 ids of masks"),
        ([(0, 256), (0, -1), (0, 1)], [(0, 0), (0, 1), (0, 2)], "2 ids of masks"),
    ],
)
def test_numbers_of_instances(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, given: Any, expected: Any, what: str
):
    masks = [mask(row, label=label, id=number) for row, (label, number) in enumerate(given)]
    received = written(dataset(*masks), tmp_path, "mapillary_vistas_instances")
    assert sorted(ids(received)) == expected
    assert what in lost(caplog) if what else not lost(caplog)


def test_more_masks_of_a_label_than_there_are_numbers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    rows = np.eye(300, dtype=bool)[:, :, None]
    sent = dataset(*(dm.Mask(row, label=0) for row in rows))
    received = written(sent, tmp_path, "mapillary_vistas_instances")
    assert [number for _, number in ids(received)] == list(range(256))
    assert "44 masks of a label that others of their item have too" in lost(caplog)


def test_what_instances_lose(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = dataset(
        mask(0, 1, label=0), mask(1, 2, label=1), mask(label=1), mask(3), mask(3, label=9),
        dm.Mask(np.ones((1, 1), bool), label=1), dm.Mask(np.ones((0, 4), bool), label=1),
    )  # fmt: skip
    received = written(sent, tmp_path, "mapillary_vistas_instances")
    assert [a.label for item in received for a in item.annotations] == [0, 1]
    for what in (
        "1 masks without a label", "1 masks that others cover", "1 masks without pixels",
        "1 annotations of a label", "1 masks of another size", "1 masks of no size",
    ):  # fmt: skip
        assert what in lost(caplog)


def test_too_many_labels(tmp_path: Path):
    names = [str(number) for number in range(256)]
    with pytest.raises(UnsupportedContentError, match="at most 256, void--unlabeled among them"):
        dataset(labels=names).export(tmp_path / "x", "mapillary_vistas_instances")
    written(dataset(mask(0, label=255), labels=names), tmp_path / "y", ALL[2])
    received = written(dataset(mask(0, label=254), labels=names[:255]), tmp_path / "z", ALL[1])
    assert ids(received) == [(254, 0)]


def test_labels_of_the_published_data_set(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = dataset(
        mask(0, label=1, id=3), mask(1, label=0), labels=["tree", "object--vehicle--car"]
    )
    received = written(sent, tmp_path, "mapillary_vistas", label_map="mapillary")
    names = label_names(received)
    assert (len(names), ids(received)) == (124, [(names.index("object--vehicle--car"), 3)])
    assert "1 annotations whose label the label map has not" in lost(caplog)
    assert (
        label_names(
            written(sent, tmp_path / "old", ALL[1], label_map="mapillary", format_version="v1.2")
        )[-1]
        == "void--unlabeled"
    )


def test_written_segments(tmp_path: Path):
    tree = [dm.LabelCategories.Category("car", "thing"), dm.LabelCategories.Category("tree")]
    labels = dm.LabelCategories()
    for label in tree:
        labels.add(label.name, label.parent)
    sent = dataset(
        mask(0, 1, label=0, id=70000, attributes={"is_crowd": True}), mask(2, label=1, z_order=-1),
        mask(label=1, id=9), mask(3),
        labels={
            dm.AnnotationType.label: labels,
            dm.AnnotationType.mask: dm.MaskCategories({0: (1, 2, 3)}),
        },
    )  # fmt: skip
    received = written(sent, tmp_path, "mapillary_vistas_panoptic")
    folder = tmp_path / "t/v2.0/panoptic"
    told = json.loads((folder / "panoptic_2020.json").read_text())
    assert told["images"] == [{"id": "a", "file_name": "a.png", "height": 4, "width": 6}]
    (entry,) = told["annotations"]
    assert (entry["image_id"], entry["file_name"]) == ("a", "a.png")
    assert entry["segments_info"][1:] == [
        {"id": 70000, "category_id": 1, "area": 12, "bbox": [0, 0, 6, 2], "iscrowd": 1},
        {"id": 9, "category_id": 2, "area": 0, "bbox": [0, 0, 0, 0], "iscrowd": 0},
        {"id": 2, "category_id": 0, "area": 6, "bbox": [0, 3, 6, 1], "iscrowd": 0},
    ]
    assert told["categories"][0] == {
        "id": 1, "name": "car", "supercategory": "thing", "isthing": 1, "color": [1, 2, 3],
    }  # fmt: skip
    assert pixels(folder / "a.png")[0, 0].tolist() == [0x70, 0x11, 0x01]
    assert [(a.label, a.attributes) for item in received for a in item.annotations] == [
        (1, {"is_crowd": False}), (0, {"is_crowd": True}),
        (1, {"is_crowd": False}), (None, {"is_crowd": False}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected", "n_lost"),
    [([0, 7], [1, 7], 0), ([7, 7, 0], [1, 2, 3], 2), ([-3, 1 << 24], [1, 2], 2)],
)
def test_ids_of_segments(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, given: Any, expected: Any, n_lost: int
):
    masks = [mask(row, label=0, id=number) for row, number in enumerate(given)]
    received = written(dataset(*masks), tmp_path, ALL[2])
    assert [number for _, number in ids(received)] == expected
    assert (f"{n_lost} ids of masks" in lost(caplog)) == bool(n_lost)


def test_is_crowd_of_another_kind(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    written(dataset(mask(0, label=0, attributes={"is_crowd": "much"})), tmp_path, ALL[2])
    assert "1 values of is_crowd" in lost(caplog)


@pytest.mark.parametrize("format", ALL)
def test_polygons_come_back(tmp_path: Path, format: str):
    holds = registry.get(format).holding(MapillaryVistasWriteOptions(save_polygons=True))
    sent = sample(holds, 4)
    sent.export(tmp_path, format, save_polygons=True)
    assert not differences(sent, read(tmp_path, format, parse_polygon=True), holds)
    assert "polygon" not in count(read(tmp_path, format))[1]
    with pytest.raises(InvalidOptionError, match=r"v1\.2 has no polygons"):
        sent.export(tmp_path / "x", format, save_polygons=True, format_version="v1.2")


def test_polygons_that_are_lost(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    good = dm.Polygon([0, 0, 1, 0, 1, 1], label=0)
    sent = dataset(
        good, good.wrap(label=None), good.wrap(label=7),
        good.wrap(points=[0, 0, 1, 0, 1, 2e9]),
    )  # fmt: skip
    sent.export(tmp_path, ALL[1], save_polygons=True)
    assert count(read(tmp_path, ALL[1], parse_polygon=True))[1] == {"polygon": 1}
    for what in ("1 polygons without a label", "1 annotations of a label", "1 polygons of fewer"):
        assert what in lost(caplog)
    sent.export(tmp_path / "x", ALL[1])
    assert "4 polygons" in lost(caplog)


def test_saving_to_its_place_keeps_version_and_polygons(tmp_path: Path):
    sent = dataset(mask(0, label=0), dm.Polygon([0, 0, 1, 0, 1, 1], label=0))
    sent.export(tmp_path / "old", ALL[1], save_media=True, format_version="v1.2")
    sent.export(tmp_path / "new", ALL[1], save_media=True, save_polygons=True)
    for name, options in (("old", {}), ("new", {"parse_polygon": True})):
        found = read(tmp_path / name, ALL[1], **options)
        found.get("a", "t").annotations[0].label = 1
        found.save(save_media=True)
        again = read(tmp_path / name, ALL[1], **options)
        assert again.get("a", "t").annotations[0].label == 1
        assert count(again)[1] == count(found)[1]
    assert not (tmp_path / "old/t/v2.0").exists()


def test_what_was_read_in_part_has_no_place_to_be_saved_to(tmp_path: Path):
    """It would take the place of the polygons, the other version, or the other subsets."""
    sent = dataset(mask(0, label=0), dm.Polygon([0, 0, 1, 0, 1, 1], label=0))
    sent.export(tmp_path, ALL[1], save_polygons=True)
    with pytest.raises(DatumaroError, match="bound to no folder"):
        read(tmp_path, ALL[1]).save()
    with pytest.raises(DatumaroError, match="bound to no folder"):
        read(tmp_path / "t", ALL[1], parse_polygon=True).save()
    make(tmp_path, {"t/v1.2/instances/a.png": b""})
    with pytest.raises(DatumaroError, match="bound to no folder"):
        read(tmp_path, ALL[1], parse_polygon=True).save()


def test_a_data_set_of_labels_alone(tmp_path: Path):
    empty = dm.Dataset.from_iterable([], categories=["car"])
    found = written(empty, tmp_path, "mapillary_vistas")
    assert (len(found), label_names(found)) == (0, ["car"])


def test_names_that_cannot_be_written(tmp_path: Path):
    hidden = dm.Dataset.from_iterable([dm.DatasetItem("a", subset=".x")])
    with pytest.raises(UnsupportedContentError, match=r"subset '\.x'"):
        hidden.export(tmp_path / "x", "mapillary_vistas")
    assert not list(tmp_path.iterdir())
