"""KITTI: what is read from its files, what is written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    UndeclaredLabelError,
    UnknownOptionError,
    UnsupportedContentError,
)
from datumaro.formats.base import Confidence
from datumaro.model.annotation import AnnotationType
from datumaro.testing import FormatConformance
from datumaro.testing.comparison import differences
from datumaro.testing.exchange import Exchange
from datumaro.testing.samples import sample
from format_files import (
    ODD_IDS,
    count,
    detect,
    image,
    label_names,
    lost,
    make,
    masks,
    png,
    read,
    rows_mask,
    same_masks,
    written,
)

BOX = "Car 0.00 0 -1.57 1 2 3 4.5 -1 -1 -1 -1 -1 -1 -1"
MASK = "training/instance/a.png"


def with_boxes(root: Path, text: str | bytes, **files: str) -> Path:
    return make(root, {"training/label_2/a.txt": text, **files})


def one(dataset: dm.Dataset) -> dm.DatasetItem:
    (item,) = dataset
    return item


def boxes(item: dm.DatasetItem) -> list[tuple[object, ...]]:
    return [(a.label, a.id, a.points, a.attributes) for a in item.annotations]


# --- boxes --------------------------------------------------------------------------------------


def test_sample_of_boxes(shared_data: Path):
    found = read(shared_data / "formats/kitti_dataset/kitti_detection", "kitti_detection")
    assert count(found) == ({"training": 2}, {"bbox": 5})
    assert label_names(found) == ["Truck", "Van"]
    item = found.get("000030_10", "training")
    assert item.media.path.endswith("training/image_2/000030_10.png")
    assert boxes(item) == [
        (0, 0, [0, 1, 2, 3], {"truncated": True, "occluded": False}),
        (1, 1, [0, 5, 1, 8], {"truncated": False, "occluded": False}),
    ]


def test_scores(tmp_path: Path):
    with_boxes(tmp_path, f"{BOX} 0.75\n\n{BOX}\n")
    for name in ("kitti", "kitti_detection"):
        assert boxes(one(read(tmp_path, name))) == [
            (0, 0, [1, 2, 3, 4.5], {"truncated": False, "occluded": False, "score": 0.75}),
            (0, 1, [1, 2, 3, 4.5], {"truncated": False, "occluded": False}),
        ]


def test_labels_come_in_the_order_in_which_they_appear(tmp_path: Path):
    make(
        tmp_path,
        {
            "training/label_2/b.txt": BOX.replace("Car", "Van"),
            "training/label_2/a.txt": f"{BOX.replace('Car', 'Person sitting')}\n{BOX}",
            "testing/image_2/c.png": "",
        },
    )
    found = read(tmp_path, "kitti_detection")
    assert label_names(found) == ["Person sitting", "Car", "Van"]
    assert count(found)[0] == {"testing": 1, "training": 2}


def test_labels_of_a_file_go_first(tmp_path: Path):
    with_boxes(tmp_path, BOX, **{"label_colors.txt": "Van\nBus\n"})
    assert label_names(read(tmp_path, "kitti_detection")) == ["Van", "Bus", "Car"]


def test_labels_of_dataset_meta_are_the_only_ones(tmp_path: Path):
    with_boxes(tmp_path, f"{BOX}\n\n{BOX.replace('Car', 'Van')}")
    make(tmp_path, {"dataset_meta.json": '{"labels": ["Bus", "Car"]}'})
    with pytest.raises(UndeclaredLabelError, match=r"a.txt: line 3: label 'Van'; expected one"):
        read(tmp_path, "kitti_detection")
    found = read(tmp_path, "kitti_detection", error_policy="skip")
    assert label_names(found) == ["Bus", "Car"]
    assert [a.label for a in one(found).annotations] == [1]


def test_one_subset_alone(tmp_path: Path):
    make(tmp_path, {"training/label_2/a.txt": BOX, "testing/label_2/b.txt": BOX})
    found = read(tmp_path / "testing", "kitti_detection")
    assert [(item.id, item.subset) for item in found] == [("b", "testing")]


def test_several_data_sets(shared_data: Path):
    with pytest.raises(DatasetNotFoundError, match="several data sets"):
        read(shared_data / "formats/kitti_dataset", "kitti")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Car 1 2", r"line 2: 3 fields: 'Car 1 2'; expected a label, and 14 or 15 numbers"),
        (BOX.replace("4.5", "x"), r"line 2: 15 fields"),
        (BOX.replace("4.5", "1e30"), r"line 2: number 1e\+30; expected coordinates"),
        (BOX.replace("4.5", "NaN"), r"line 2: 15 fields"),
    ],
)
def test_wrong_lines(tmp_path: Path, line: str, says: str):
    with_boxes(tmp_path, f"{BOX}\n{line}\n{BOX}")
    with pytest.raises(InvalidAnnotationError, match=rf"training/label_2/a.txt: {says}"):
        read(tmp_path, "kitti_detection")
    found = read(tmp_path, "kitti_detection", error_policy="skip")
    assert [a.id for a in one(found).annotations] == [0, 2]


def test_a_label_that_is_no_text(tmp_path: Path):
    with_boxes(tmp_path, b"Car\xff" + BOX[3:].encode())
    with pytest.raises(InvalidAnnotationError, match=r"line 1: label b'Car\\xff' is not UTF-8"):
        read(tmp_path, "kitti_detection")


def test_a_file_that_may_not_be_read(tmp_path: Path):
    make(tmp_path, {"training/label_2/b.txt": BOX})
    (tmp_path / "training/label_2/a.txt").symlink_to(tmp_path / "training")
    with pytest.raises(MalformedFileError, match=r"a.txt: Is a directory"):
        read(tmp_path, "kitti_detection")


@pytest.mark.parametrize("name", ["kitti", "kitti_detection", "kitti_segmentation"])
def test_nothing_there(tmp_path: Path, name: str):
    with pytest.raises(DatasetNotFoundError, match=r"no .* in a subset's folder"):
        read(tmp_path, name)


# --- masks --------------------------------------------------------------------------------------


def test_sample_of_masks(shared_data: Path):
    for name in ("kitti_segmentation", "kitti"):
        found = read(shared_data / "formats/kitti_dataset/kitti_segmentation", name)
        assert count(found) == ({"training": 2}, {"mask": 6})
        assert len(label_names(found)) == 35
        item = found.get("000030_11", "training")
        assert [(a.label, a.id, a.attributes) for a in item.annotations] == [
            (3, 0, {"is_crowd": True}),
            (12, 1, {"is_crowd": False}),
            (31, 1, {"is_crowd": False}),
        ]


def test_masks_and_boxes_of_one_data_set(tmp_path: Path):
    with_boxes(tmp_path, BOX)
    make(tmp_path, {MASK: png(np.array([[26 << 8 | 3]], np.uint16))})
    found = read(tmp_path, "kitti")
    assert label_names(found)[26] == "car"
    assert label_names(found)[35:] == ["Car"]
    assert [(a.type.name, a.label) for a in one(found).annotations] == [("bbox", 35), ("mask", 26)]
    assert count(read(tmp_path, "kitti_detection"))[1] == {"bbox": 1}
    assert count(read(tmp_path, "kitti_segmentation"))[1] == {"mask": 1}


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        (png(np.array([[9 << 8]], np.uint16)), InvalidAnnotationError, "label would be 9"),
        (png(np.zeros((1, 1, 3), np.uint8)), MalformedFileError, "an image in colours"),
        (b"", MalformedFileError, "an empty file"),
    ],
    ids=["label", "colours", "empty"],
)
def test_wrong_masks(tmp_path: Path, content: bytes, kind: type[Exception], says: str):
    make(tmp_path, {MASK: content, "label_colors.txt": "1 1 1 x\n"})
    with pytest.raises(kind, match=says):
        read(tmp_path, "kitti_segmentation")
    found = read(tmp_path, "kitti_segmentation", error_policy="skip")
    assert one(found).annotations == []


# --- writing ------------------------------------------------------------------------------------


def dataset(item_ids: tuple[str, ...] = ("a",)) -> dm.Dataset:
    """Items with a box and a mask of each label; the last row of pixels is no label's."""
    labels = ["car", "traffic light", "x"]
    items = [
        dm.DatasetItem(
            item_id,
            subset=("train", "val", "default")[number % 3],
            media=image(shade=number),
            annotations=[
                *(dm.Mask(rows_mask(i), label=i, id=i + 1) for i in range(3)),
                *(
                    dm.Bbox(i, 1.25, 2, 3, label=i, attributes={"occluded": True, "score": i / 3})
                    for i in (2, 0, 1)
                ),
            ],
        )
        for number, item_id in enumerate(item_ids)
    ]
    return dm.Dataset.from_iterable(items, categories=labels)


@pytest.mark.parametrize("name", ["kitti", "kitti_detection", "kitti_segmentation"])
def test_round_trip(tmp_path: Path, name: str):
    sent = dataset(ODD_IDS)
    received = written(sent, tmp_path, name, save_media=True)
    with_masks = name != "kitti_detection"
    assert label_names(received) == label_names(sent) + ["background"] * with_masks
    assert len(received) == len(sent)
    for item in sent:
        other = received.get(item.id, item.subset)
        assert np.array_equal(other.media.data, item.media.data)
        found = {kind: [a for a in other.annotations if a.type == kind] for kind in AnnotationType}
        if with_masks:
            assert same_masks(item.annotations[:3], found[AnnotationType.mask])
            assert [a.id for a in found[AnnotationType.mask]] == [1, 2, 3]
        if name != "kitti_segmentation":
            assert [(a.label, a.points, a.attributes) for a in found[AnnotationType.bbox]] == [
                (a.label, a.points, {"truncated": False, **a.attributes})
                for a in item.annotations[3:]
            ]


def test_items_without_annotations_and_images_are_kept(tmp_path: Path):
    sent = dm.Dataset.from_iterable([dm.DatasetItem("a/b", subset="x")], categories=["l", "m"])
    received = written(sent, tmp_path, "kitti_detection")
    assert [(i.id, i.subset, i.annotations) for i in received] == [("a/b", "x", [])]
    assert label_names(received) == ["l", "m"]


@pytest.mark.parametrize("tasks", ["detection", "segmentation", ["detection", "segmentation"], ""])
def test_tasks(tmp_path: Path, tasks: str | list[str]):
    dataset().export(str(tmp_path), "kitti", tasks=tasks)
    folders = {p.name for p in (tmp_path / "train").iterdir()}
    wanted = set[str]()
    if "segmentation" not in tasks or len(tasks) != 1:
        wanted |= {"label_2"} if tasks != "segmentation" else set()
        wanted |= {"instance", "semantic", "semantic_rgb"} if tasks != "detection" else set()
    assert folders == wanted


def test_tasks_that_do_not_exist(tmp_path: Path):
    with pytest.raises(UnknownOptionError, match="names flow; expected some of detection, segm"):
        dataset().export(str(tmp_path / "out"), "kitti", tasks="detection,flow")


def test_numbers_of_things(tmp_path: Path):
    """Ids are kept as numbers where they can be; crowds have none."""
    pixels = [rows_mask(i, height=8) for i in range(8)]
    things = [
        dm.Mask(pixels[0], label=0, id=7),
        dm.Mask(pixels[1], label=0),
        dm.Mask(pixels[2], label=0, id=1),
        dm.Mask(pixels[3], label=0, id=900),
        dm.Mask(pixels[4], label=1, id=7),
        dm.Mask(pixels[5], label=1, id=7),
        dm.Mask(pixels[6], label=1, id=9, attributes={"is_crowd": True}),
        dm.Mask(pixels[7], label=1, attributes={"is_crowd": True}),
    ]
    sent = dm.Dataset.from_iterable([dm.DatasetItem("a", annotations=things)], categories="xy")
    item = one(written(sent, tmp_path, "kitti_segmentation"))
    found = {int(np.flatnonzero(a.image[:, 0])[0]): (a.label, a.id) for a in item.annotations}
    assert found == {
        0: (0, 7), 1: (0, 2), 2: (0, 1), 3: (0, 3), 4: (1, 1), 5: (1, 2), 6: (1, 0),
    }  # fmt: skip


def test_more_things_than_numbers(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    things = [dm.Mask(rows_mask(i, height=300, width=1), label=0) for i in range(300)]
    sent = dm.Dataset.from_iterable([dm.DatasetItem("a", annotations=things)], categories=["x"])
    item = one(written(sent, tmp_path, "kitti_segmentation"))
    assert len(item.annotations) == 256
    assert "45 masks of a label beyond 255 in an item" in lost(caplog)


def test_the_background_is_declared_only_where_it_shows(tmp_path: Path):
    sent = dm.Dataset.from_iterable(
        [dm.DatasetItem("a", annotations=[dm.Mask(np.ones((2, 3), bool), label=0)])],
        categories=["x"],
    )
    received = written(sent, tmp_path, "kitti_segmentation")
    assert label_names(received) == ["x"]
    assert masks(one(received)) == {0: [[1, 1, 1], [1, 1, 1]]}


def test_too_many_labels_for_masks(tmp_path: Path):
    labels = [f"l{i}" for i in range(256)]
    sent = dm.Dataset.from_iterable(
        [dm.DatasetItem("a", annotations=[dm.Mask(rows_mask(0), label=0)])], categories=labels
    )
    with pytest.raises(UnsupportedContentError, match="256 labels; KITTI's masks hold at most 255"):
        sent.export(str(tmp_path / "out"), "kitti")
    assert len(label_names(written(sent, tmp_path / "b", "kitti_detection"))) == 256


@pytest.mark.parametrize("label", ["car 2", "a  b", "a\tb", " a", "a\n"])
def test_labels_that_lines_cannot_hold(tmp_path: Path, label: str):
    sent = dm.Dataset.from_iterable([dm.DatasetItem("a")], categories=[label])
    with pytest.raises(UnsupportedContentError, match="rename the label"):
        sent.export(str(tmp_path / "out"), "kitti_detection")


def test_values_that_lines_cannot_hold(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    attributes = [
        {"truncated": 0.4},
        {"occluded": "yes"},
        {"score": "high"},
        {"truncated": float("1e300"), "score": True},
    ]
    things = [dm.Bbox(0, 0, 1, 1, label=0, attributes=a) for a in attributes]
    things += [dm.Bbox(0, 0, 1, 1), dm.Bbox(0, 0, 1, 1, label=5)]
    sent = dm.Dataset.from_iterable([dm.DatasetItem("a", annotations=things)], categories=["x"])
    item = one(written(sent, tmp_path, "kitti_detection"))
    assert [a.attributes for a in item.annotations] == [
        {"truncated": True, "occluded": False},
        *[{"truncated": False, "occluded": False}] * 3,
    ]
    assert "4 values of truncated and occluded but yes and no (first: item 'a')" in lost(caplog)
    assert "1 boxes whose label the label map has not" in lost(caplog)


@given(
    boxes=st.lists(
        st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 4, st.booleans(), st.booleans()), max_size=4
    )
)
def test_boxes_come_back(tmp_path_factory: pytest.TempPathFactory, boxes: list[tuple[float, ...]]):
    things = [
        dm.Bbox(x, y, w, h, label=0, attributes={"truncated": t, "occluded": o})
        for x, y, w, h, t, o in boxes
    ]
    sent = dm.Dataset.from_iterable([dm.DatasetItem("a", annotations=things)], categories=["x"])
    item = one(written(sent, tmp_path_factory.mktemp("kitti"), "kitti_detection"))
    assert [(a.points, a.attributes) for a in item.annotations] == [
        (pytest.approx(a.points, rel=1e-7, abs=0.0051), a.attributes) for a in things
    ]


def test_the_standard_labels(tmp_path: Path):
    received = written(dataset(), tmp_path, "kitti", label_map="kitti")
    names = label_names(received)
    assert len(names) == 35
    found = [(a.type.name, names[a.label]) for a in one(received).annotations]
    assert found == [("bbox", "car"), ("mask", "unlabeled"), ("mask", "car")]


class WithImagesOfOldExports(FormatConformance):
    """Images without a file of boxes are items, and no export removes images."""

    def test_two_exports_into_one_folder(self, exchange: Exchange) -> None:
        folder = exchange.fresh()
        exchange.write(sample(exchange.holds, 3), folder)
        second = sample(exchange.holds, 2, ids=lambda number: f"second-{number}")
        exchange.write(second, folder)
        received = exchange.read(folder)
        for item in list(received):
            if not item.id.startswith("second-"):
                assert item.annotations == []
                received.remove(item.id, item.subset)
        assert differences(second, received, exchange.holds) == []


class TestConformance(WithImagesOfOldExports):
    format = "kitti"


class TestConformanceOfDetection(WithImagesOfOldExports):
    format = "kitti_detection"


# --- detection ----------------------------------------------------------------------------------


def test_detection(tmp_path: Path, shared_data: Path):
    sample = shared_data / "formats/kitti_dataset"
    assert dm.Dataset.detect(sample / "kitti_detection") == "kitti"
    assert dm.Dataset.detect(sample / "kitti_segmentation") == "kitti"
    assert detect(sample / "kitti_detection", "kitti_detection") == Confidence.LOW
    assert "no subset has a folder instance" in str(
        detect(sample / "kitti_detection", "kitti_segmentation")
    )
    dataset(("a/b",)).export(str(tmp_path / "a"), "kitti")
    assert dm.Dataset.detect(tmp_path / "a") == "kitti"
    make(tmp_path, {"x.txt": BOX})
    assert "a file" in str(detect(tmp_path / "x.txt", "kitti"))
