"""Mapillary Vistas: what is read of instances, segments and polygons, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    DatumaroError,
    InvalidAnnotationError,
    InvalidOptionError,
    MalformedFileError,
    PathOutsideDatasetError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats import registry
from datumaro.formats.base import Confidence
from datumaro.formats.mapillary_vistas.format import MapillaryVistasWriteOptions
from datumaro.testing.comparison import differences
from datumaro.testing.exchange import warnings_of_datumaro
from datumaro.testing.samples import sample
from format_files import (
    colors,
    count,
    detect,
    image,
    label_names,
    lost,
    make,
    of_stated_size,
    png,
    read,
    rows_mask,
    written,
)

ALL = ("mapillary_vistas", "mapillary_vistas_instances", "mapillary_vistas_panoptic")
CONFIG = json.dumps({"labels": [{"name": "car", "color": [1, 2, 3]}, {"name": "tree"}]})
IDS = np.array([[[1, 0, 0], [0, 1, 0]]], np.uint8)  # red, green


def panoptic(**changes: Any) -> str:
    """A JSON file of an image with the segments 1 and 256."""
    segments = [{"id": 1, "category_id": 5, "iscrowd": 1}, {"id": 256, "category_id": 0}]
    known = {
        "images": [{"id": "x", "file_name": "a.jpg", "width": 2, "height": 1}],
        "annotations": [{"image_id": "x", "file_name": "a.png", "segments_info": segments}],
        "categories": [{"id": 5, "name": "car", "supercategory": "thing", "color": [1, 2, 3]}],
    }
    return json.dumps(known | changes)


def files(version: str = "v2.0", **changes: str | bytes) -> dict[str, str | bytes]:
    year = {"v1.2": 2018, "v2.0": 2020}[version]
    known: dict[str, tuple[str, str | bytes]] = {
        "config": (f"config_{version}.json", CONFIG),
        "instances": (f"t/{version}/instances/a.png", png(np.array([[0, 257]], np.uint16))),
        "panoptic": (f"t/{version}/panoptic/panoptic_{year}.json", panoptic()),
        "segments": (f"t/{version}/panoptic/a.png", png(IDS)),
        "image": ("t/images/a.jpg", b""),
    }
    return {path: changes.get(key, content) for key, (path, content) in known.items()}


def annotations(item: dm.DatasetItem) -> list[tuple[str, int | None, int, Any]]:
    """(kind, label, id, pixels or points) of an item's annotations."""
    return [
        (
            a.type.name,
            a.label,
            a.id,
            np.asarray(a.image).astype(int).tolist() if isinstance(a, dm.Mask) else a.points,
        )
        for a in item.annotations
    ]


# --- both -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ALL)
@pytest.mark.parametrize("version", ["v1.2", "v2.0"])
def test_sample(shared_data: Path, format: str, version: str):
    path = shared_data / "formats/mapillary_vistas_dataset"
    found = read(path, format, format_version=version)
    assert count(found) == ({"train": 1, "val": 2}, {"mask": 10})
    assert label_names(found)[1] == "construction--barrier--separator"
    assert colors(found)[2] == (119, 11, 32)
    assert all(item.media.size == (5, 5) for item in found)
    assert count(read(path / "val", format))[0] == {"val": 2}
    assert dm.Dataset.detect(path) == "mapillary_vistas"


def test_the_newest_version_that_is_there(tmp_path: Path):
    make(tmp_path, files("v1.2"))
    for format in ALL:
        assert count(read(tmp_path, format)) == ({"t": 1}, {"mask": 2})
        with pytest.raises(DatasetNotFoundError, match=r"no v2.0/"):
            read(tmp_path, format, format_version="v2.0")


@pytest.mark.parametrize("format", ALL)
def test_polygons(tmp_path: Path, format: str):
    objects = [
        {"id": 3, "label": "car", "polygon": [[0, 0], [1, 0], [1, 1.5]]},
        {"label": "car", "polygon": [[0, 0, 1, 0, 1, 1], [5, 5, 6, 5, 6, 6]]},
    ]
    make(tmp_path, {**files(), "t/v2.0/polygons/a.json": json.dumps({"objects": objects})})
    (item,) = read(tmp_path, format, parse_polygon=True)
    assert annotations(item)[2:] == [
        ("polygon", 0, 3, [0, 0, 1, 0, 1, 1.5]),
        ("polygon", 0, 0, [0, 0, 1, 0, 1, 1]),
        ("polygon", 0, 0, [5, 5, 6, 5, 6, 6]),
    ]
    with pytest.raises(InvalidOptionError, match=r"v1.2 has no polygons"):
        read(tmp_path, format, parse_polygon=True, format_version="v1.2")


@pytest.mark.parametrize(
    ("thing", "error", "message"),
    [
        ({"label": "x", "polygon": []}, UndeclaredLabelError, r"objects\[0\].label: label 'x'"),
        ({"label": "car", "polygon": [[1, 2]]}, InvalidAnnotationError, "2 numbers"),
        ({"label": "car", "polygon": [[1, 2, 3, 4, 5]]}, InvalidAnnotationError, "5 numbers"),
        ({"label": "car", "polygon": [[1, 2, 3, 4, 5, 1e99]]}, InvalidAnnotationError, "6 numbers"),
        ({"label": "car", "polygon": "x"}, MalformedFileError, "polygon"),
    ],
)
def test_wrong_polygons(tmp_path: Path, thing: Any, error: type[Exception], message: str):
    make(tmp_path, {**files(), "t/v2.0/polygons/a.json": json.dumps({"objects": [thing]})})
    with pytest.raises(error, match=f"a.json.*{message}"):
        read(tmp_path, "mapillary_vistas", parse_polygon=True)
    found = read(tmp_path, "mapillary_vistas", parse_polygon=True, error_policy="skip")
    assert count(found)[1] == {"mask": 2}


def test_detection(tmp_path: Path):
    make(tmp_path, {"t/v2.0/instances/a.png": b""})
    assert [detect(tmp_path, name) for name in ALL[:2]] == [Confidence.MEDIUM, Confidence.LOW]
    assert "no folder v2.0 or v1.2 with panoptic" in str(detect(tmp_path, ALL[2]))
    for name in ALL:
        with pytest.raises(DatasetNotFoundError, match=r"no v2.0/"):
            read(make(tmp_path / "x", {"a": ""}), name)


# --- instances ------------------------------------------------------------------------------------


def test_instances(tmp_path: Path):
    make(tmp_path, {**files(), "t/images/b.png": b"", "test/images/c.jpg": b""})
    found = read(tmp_path, "mapillary_vistas_instances")
    assert count(found)[0] == {"t": 2, "test": 1}
    assert annotations(found.get("a", "t")) == [
        ("mask", 0, 0, [[1, 0]]),
        ("mask", 1, 1, [[0, 1]]),
    ]
    assert (label_names(found), colors(found)) == (["car", "tree"], {0: (1, 2, 3)})


def test_where_labels_are(tmp_path: Path):
    make(tmp_path, files())
    (tmp_path / "config_v2.0.json").rename(tmp_path / "t/config_v2.0.json")
    assert label_names(read(tmp_path, "mapillary_vistas_instances")) == ["car", "tree"]
    (tmp_path / "t/config_v2.0.json").unlink()
    with pytest.raises(DatasetNotFoundError, match="use_original_config"):
        read(tmp_path, "mapillary_vistas_instances")
    assert label_names(read(tmp_path, "mapillary_vistas")) == ["car"]  # panoptic
    found = read(tmp_path, "mapillary_vistas_instances", use_original_config=True)
    assert (len(label_names(found)), label_names(found)[0]) == (124, "animal--bird")
    assert colors(found)[0] == (165, 42, 42)
    make(tmp_path, {"dataset_meta.json": '{"labels": ["a", "b"]}'})
    assert label_names(read(tmp_path, "mapillary_vistas_instances")) == ["a", "b"]
    make(tmp_path / "old", files("v1.2"))
    found = read(tmp_path / "old", "mapillary_vistas_instances", use_original_config=True)
    assert len(label_names(found)) == 66


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"config": '{"labels": [{"name": 5}]}'}, MalformedFileError, r"labels\[0\].name"),
        ({"config": '{"labels": [{"name": "a"}, {"name": "a"}]}'}, MalformedFileError, "line 2"),
        (
            {"config": '{"labels": [{"name": "a", "color": [0, 0, 256]}]}'},
            MalformedFileError,
            "color",
        ),
        (
            {"instances": png(np.array([[512]], np.uint16))},
            UndeclaredLabelError,
            "value 512.*label.*2",
        ),
        ({"instances": png(np.zeros((1, 1, 3), np.uint8))}, MalformedFileError, "in colours"),
        (
            {"instances": of_stated_size(png(np.zeros((1, 1), np.uint16)), 40000, 40000)},
            MalformedFileError,
            "40000 x 40000",
        ),
    ],
)
def test_wrong_instances(tmp_path: Path, changes: Any, error: type[Exception], message: str):
    make(tmp_path, files(**changes))
    with pytest.raises(error, match=f"(?s)(config_v2.0.json|a.png).*{message}"):
        read(tmp_path, "mapillary_vistas_instances")


# --- panoptic segments --------------------------------------------------------------------------


def test_segments(tmp_path: Path):
    make(tmp_path, {**files(), "t/images/b.png": b"", "test/images/c.jpg": b""})
    found = read(tmp_path, "mapillary_vistas_panoptic")
    assert count(found)[0] == {"t": 2, "test": 1}
    item = found.get("a", "t")
    assert annotations(item) == [("mask", 0, 1, [[1, 0]]), ("mask", None, 256, [[0, 1]])]
    assert [a.attributes["is_crowd"] for a in item.annotations] == [True, False]
    assert [a.group for a in item.annotations] == [1, 256]
    (label,) = found.categories()[dm.AnnotationType.label]
    assert (label.name, label.parent) == ("car", "thing")
    assert item.media.has_size


def test_labels_numbered_as_categories(tmp_path: Path):
    make(tmp_path, files())
    found = read(tmp_path, "mapillary_vistas_panoptic", keep_original_category_ids=True)
    assert label_names(found) == [*(f"class-{n}" for n in range(5)), "car"]
    (item,) = found
    assert [a.label for a in item.annotations] == [5, None]


def test_segments_without_pixels_and_gray_images(tmp_path: Path):
    entry = {"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 0x030303}, {"id": 7}]}
    gray = png(np.array([[0, 3]], np.uint8))
    make(tmp_path, files(panoptic=panoptic(annotations=[entry], images=[]), segments=gray))
    (item,) = read(tmp_path, "mapillary_vistas_panoptic")
    assert annotations(item) == [
        ("mask", None, 0x030303, [[0, 1]]),
        ("mask", None, 7, [[0, 0]]),
    ]


def entry(**changes: Any) -> dict[str, Any]:
    segments = [{"id": 1}, {"id": 256}]
    return {"image_id": "x", "file_name": "a.png", "segments_info": segments} | changes


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"annotations": [entry(), entry()]}, InvalidAnnotationError, "another entry of image 'a'"),
        ({"annotations": [entry(file_name="../../a.png")]}, PathOutsideDatasetError, "file_name"),
        ({"annotations": [entry(file_name="b/../a.png")]}, MalformedFileError, "file_name"),
        (
            {"annotations": [entry(segments_info=[{"id": 1}])]},
            InvalidAnnotationError,
            "no segment 256",
        ),
        (
            {"annotations": [entry(segments_info=[{"id": 1}, {"id": 1}, {"id": 256}])]},
            InvalidAnnotationError,
            r"segments_info\[1\].id: 1",
        ),
        (
            {"annotations": [entry(segments_info=[{"id": 1, "category_id": 9}, {"id": 256}])]},
            UndeclaredLabelError,
            "category_id: 9",
        ),
        (
            {"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]},
            MalformedFileError,
            "'a'",
        ),
        ({"categories": [{"id": 10**9, "name": "a"}]}, MalformedFileError, "an id below 65536"),
        (
            {"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]},
            MalformedFileError,
            "id 1",
        ),
        ({"images": [{"id": "x", "file_name": "a", "width": -1}]}, MalformedFileError, "width"),
        ({"annotations": 5}, MalformedFileError, r"\$.annotations"),
    ],
)
def test_wrong_segments(tmp_path: Path, changes: Any, error: type[Exception], message: str):
    make(tmp_path, files(panoptic=panoptic(**changes)))
    with pytest.raises(error, match=message):
        read(tmp_path, "mapillary_vistas_panoptic")


def test_damaged_segments(tmp_path: Path):
    for segments, message in (
        (png(np.array([[300]], np.uint16)), "gray values of 16 bits"),
        (b"no", "expected a PNG image"),
    ):
        make(tmp_path, files(segments=segments))
        with pytest.raises(MalformedFileError, match=message):
            read(tmp_path, "mapillary_vistas_panoptic")
        assert count(read(tmp_path, "mapillary_vistas_panoptic", error_policy="skip"))[1] == {}
    (tmp_path / "t/v2.0/panoptic/a.png").unlink()
    with pytest.raises(MalformedFileError, match=r"a.png.*no such file"):
        read(tmp_path, "mapillary_vistas_panoptic")


# --- writing ------------------------------------------------------------------------------------


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
