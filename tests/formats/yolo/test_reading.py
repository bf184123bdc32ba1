"""YOLO: what is read, in each layout, and what is refused."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
    UndeclaredLabelError,
)
from datumaro.formats import registry
from datumaro.formats.base import Confidence, Folder, Rejected
from datumaro.formats.detection import detect
from formats.yolo.yolo_files import found, make, names, png, read

BOX = "1 0.5 0.5 0.2 0.4\n"
AS_READ = ("bbox", 1, [8, 3, 12, 7])

DARKNET: dict[str, str | bytes] = {
    "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n",
    "obj.names": "cat\ndog\n\n",
    "train.txt": "data/obj_train_data/a.png\ndata/obj_train_data/b.png\n",
    "obj_train_data/a.png": b"",
    "obj_train_data/a.txt": BOX,
    "obj_train_data/b.png": b"",
}
ULTRALYTICS: dict[str, str | bytes] = {
    "data.yaml": "train: images/train\nval: images/val\nnames: [cat, dog]\n",
    "images/train/a.png": b"",
    "labels/train/a.txt": BOX,
    "images/train/background.png": b"",
    "images/val/deep/b.png": b"",
    "labels/val/deep/b.txt": "",
}


@pytest.mark.parametrize(
    ("folder", "counts", "boxes"),
    [("strict", {"train": 1}, 2), ("labels", {"train": 1, "val": 1}, 4)],
)
def test_samples(shared_data: Path, folder: str, counts: dict[str, int], boxes: int):
    path = shared_data / "formats/yolo_dataset" / folder
    dataset = dm.Dataset.import_from(str(path))
    assert dataset.format == "yolo"
    assert {name: len(subset) for name, subset in dataset.subsets().items()} == counts
    assert names(dataset) == [f"label_{i}" for i in range(10)]
    assert dataset.get_annotations() == boxes
    first = next(iter(dataset))
    assert first.id == "1" and first.media.size == (10, 15)
    assert [(a.label, a.id, a.group, a.points) for a in first.annotations] == [
        (2, 0, 0, [0, 2, 4, 4]),
        (4, 1, 1, [3, 3, 5, 6]),
    ]


# --- darknet ------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["yolo", "yolo_strict"])
def test_darknet(tmp_path: Path, format: str):
    make(tmp_path / "a/b", DARKNET)
    for path in (tmp_path / "a/b", tmp_path / "a/b/obj.data", tmp_path):
        dataset = read(path, format)
        assert found(dataset) == {("train", "a"): [AS_READ], ("train", "b"): []}
        assert names(dataset) == ["cat", "dog"]


def test_darknet_as_people_have_it(tmp_path: Path):
    """No prefix, other folders, comments, other keys, paths of Windows, images not there."""
    files = DARKNET | {
        "obj.data": "# mine\nclasses=2\nvalid = lists/v.txt\nnames=n.names\neval=coco\n",
        "n.names": "cat\ndog",
        "lists/v.txt": "./pictures/x y.png\r\npictures/deep/b.c.png\r\n\r\npictures\\w.png\r\n",
        "pictures/x y.png": b"",
        "pictures/x y.txt": BOX,
    }
    dataset = read(make(tmp_path, files))
    assert found(dataset) == {
        ("valid", "x y"): [AS_READ],
        ("valid", "deep/b.c"): [],
        ("valid", "w"): [],
    }


def test_sizes_of_images_that_are_not_there(tmp_path: Path):
    files = {name: data for name, data in DARKNET.items() if not name.endswith(".png")}
    with pytest.raises(InvalidAnnotationError, match=r"a\.txt: the size of the image is not known"):
        read(make(tmp_path, files))
    make(tmp_path, {"images.meta": "'a' 10 20\nb 1 2\n"})
    dataset = read(tmp_path)
    assert found(dataset)["train", "a"] == [AS_READ]
    assert dataset.get("b", "train").media.size == (1, 2)
    for wrong in ("a 10\n", "a ten 20\n", "a 0 20\n", "'a 10 20\n", "a 10 99999999999\n"):
        make(tmp_path, {"images.meta": "b 1 2\n" + wrong})
        with pytest.raises(MalformedFileError, match=r"images\.meta: line 2.*a height and a width"):
            read(tmp_path)


def test_ids_that_would_be_the_same(tmp_path: Path):
    files = DARKNET | {"train.txt": "data/a/1.png\ndata/b/1.png\ndata/b/1.jpg\n"}
    dataset = read(make(tmp_path, files))
    assert [item.id for item in dataset] == ["a/1", "b/1", "b/1.2"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"obj.names": "cat\n\ndog"}, r"obj\.names: line 2: no name"),
        ({"obj.names": "cat\ncat"}, r"obj\.names: line 2: class 1 has the name of class 0"),
        ({"obj.names": b"cat\n\xff"}, r"obj\.names: line 2: not UTF-8"),
        ({"obj.data": "names = obj.names\nwhat\n"}, r"obj\.data: line 2: what; expected key"),
        ({"obj.data": "names = none.names\n"}, r"obj\.data: names: no file 'none\.names'"),
        ({"obj.data": "names = obj.names\ntrain = x.txt\n"}, "train: no file 'x.txt'"),
    ],
)
def test_damaged_descriptions(tmp_path: Path, files: dict[str, str | bytes], message: str):
    with pytest.raises(DatasetImportError, match=message):
        read(make(tmp_path, DARKNET | files))


# --- lines --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        (
            "2 0 0 1 1",
            UndeclaredLabelError,
            "line 2: class 2 has no name in .*obj.names; ",
        ),
        ("x 0 0 1 1", MalformedFileError, "line 2: 'x 0 0 1 1' begins with 'x'; expected a class"),
        ("1 0 zero 1 1", MalformedFileError, "line 2: 'zero' in '1 0 zero 1 1'; expected a number"),
        ("1 0 inf 1 1", MalformedFileError, "line 2: inf; expected shares"),
        ("1 0 0 1", MalformedFileError, "line 2: 4 fields: '1 0 0 1'; expected class x y width"),
        ("1 0 0 1 1 0.9", MalformedFileError, "line 2: 6 fields"),
    ],
)
def test_wrong_lines(tmp_path: Path, line: str, kind: type[Exception], message: str):
    make(tmp_path, DARKNET | {"obj_train_data/a.txt": f"{BOX}{line}\n{BOX}"})
    with pytest.raises(kind, match=message) as info:
        read(tmp_path)
    assert "a.txt" in str(info.value)
    dataset = dm.Dataset.import_from(str(tmp_path), "yolo", error_policy="skip")
    assert [(a.id, a.points) for a in dataset.get("a", "train").annotations] == [
        (0, AS_READ[2]),
        (2, AS_READ[2]),
    ]


def test_polygons_are_never_boxes(tmp_path: Path):
    lines = "0 0 0 1 0 1 1\n" + BOX + "1 0 0 0.5 0 0.5 0.5 0 0.5\n"
    make(tmp_path, ULTRALYTICS | {"labels/train/a.txt": lines})
    expected = [
        ("polygon", 0, [0, 0, 20, 0, 20, 10]),
        AS_READ,
        ("polygon", 1, [0, 0, 10, 0, 10, 5, 0, 5]),
    ]
    for format in ("yolo", "yolo_ultralytics", "yolo_ultralytics_segmentation"):
        assert found(read(tmp_path, format))["train", "a"] == expected


def test_an_image_that_is_none(tmp_path: Path):
    make(tmp_path, DARKNET | {"obj_train_data/a.png": b"no image"})
    with pytest.raises(InvalidAnnotationError, match="no image that is there"):
        read(tmp_path)


# --- loose --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "image",
    ["images/train/1.png", "train/images/1.png", "train/1.png", "pictures/train/1.jpg"],
)
@pytest.mark.parametrize("folder", ["labels", "annotations"])
def test_loose(tmp_path: Path, image: str, folder: str):
    files = {"obj.names": "cat\ndog\n", f"{folder}/train/1.txt": BOX, image: b""}
    for path, format in ((tmp_path, "yolo"), (tmp_path / "obj.names", "yolo_loose")):
        dataset = read(make(tmp_path, files), format) if path == tmp_path else read(path, format)
        assert found(dataset) == {("train", "1"): [AS_READ]}


def test_loose_without_subsets_and_with_folders_in_them(tmp_path: Path):
    files: dict[str, str | bytes] = {
        "obj.names": "cat\ndog\n",
        "labels/1.txt": BOX,
        "images/1.png": b"",
        "images/2.png": b"",
        "labels/val/deep/er.txt": BOX,
        "images/val/deep/er.png": b"",
        "images/val/none.png": b"",
        "README.txt": "no labels",
    }
    assert found(read(make(tmp_path, files))) == {
        ("default", "1"): [AS_READ],
        ("default", "2"): [],
        ("val", "deep/er"): [AS_READ],
        ("val", "none"): [],
    }


def test_loose_labels_without_an_image(tmp_path: Path):
    make(tmp_path, {"obj.names": "a\nb\n", "labels/1.txt": BOX, "labels/2.txt": ""})
    with pytest.raises(InvalidAnnotationError, match=r"1\.txt: .*it has no image"):
        read(tmp_path)
    make(tmp_path, {"labels/1.txt": "\n"})
    assert found(read(tmp_path)) == {("default", "1"): [], ("default", "2"): []}


# --- Ultralytics --------------------------------------------------------------------------------


def test_ultralytics(tmp_path: Path):
    make(tmp_path, ULTRALYTICS)
    for path in (tmp_path, tmp_path / "data.yaml"):
        for format in ("yolo", "yolo_ultralytics"):
            dataset = read(path, format)
            assert names(dataset) == ["cat", "dog"]
            assert found(dataset) == {
                ("train", "a"): [AS_READ],
                ("train", "background"): [],
                ("val", "deep/b"): [],
            }


@pytest.mark.parametrize(
    "description",
    [
        "train: images/train\nnames:\n  0: cat\n  1: dog\n",
        "names: {1: dog, 0: cat}\ntrain: ./images/train/\nval:\ntest: # none\n",
        "path: ../datasets/mine\ntrain: images/train\nnames:\n- cat\n- dog\n",
        "path: .\ntrain: [images/train]\nnames: ['cat', \"dog\"]\nnc: 2\n",
        "path: images\ntrain: train\nnames: [cat, dog]\ndownload: https://x\n",
        "train: ../images/train\nnames: [cat, dog]\nroboflow: {workspace: x}\n",
        "train: lists/train.txt\nnames: [cat, dog]\n",
    ],
)
def test_data_yaml_as_people_write_it(tmp_path: Path, description: str):
    files = ULTRALYTICS | {
        "data.yaml": description,
        "lists/train.txt": "../images/train/a.png\n\n../images/train/background.png\n",
    }
    if "lists" in description:
        files["data.yaml"] = description.replace("lists/", "")
        files["train.txt"] = "./images/train/a.png\nimages/train/background.png\n"
    dataset = read(make(tmp_path, files))
    assert names(dataset) == ["cat", "dog"]
    assert found(dataset) == {("train", "a"): [AS_READ], ("train", "background"): []}


def test_several_folders_of_a_subset(tmp_path: Path):
    files = ULTRALYTICS | {
        "data.yaml": "train:\n  - images/train\n  - images/val\nmine: images/val\nnc: 2\n",
        "images/val/a.png": b"",
    }
    dataset = read(make(tmp_path, files))
    assert names(dataset) == ["class_0", "class_1"]
    assert sorted(found(dataset)) == [
        ("mine", "a"),
        ("mine", "deep/b"),
        ("train", "background"),
        ("train", "deep/b"),
        ("train", "images/train/a"),
        ("train", "images/val/a"),
    ]


def test_another_name_than_data_yaml(tmp_path: Path):
    files = {("coco8.yaml" if k == "data.yaml" else k): v for k, v in ULTRALYTICS.items()}
    make(tmp_path, files | {"other.yaml": "lr: 0.1\n"})
    assert len(read(tmp_path)) == 3
    make(tmp_path, {"another.yaml": "names: [a]\ntrain: images/train\n"})
    with pytest.raises(DatasetNotFoundError, match=r"another\.yaml, coco8\.yaml"):
        read(tmp_path)
    assert len(read(tmp_path / "coco8.yaml")) == 3


def test_labels_beside_images(tmp_path: Path):
    files = {"data.yaml": "train: data\nnames: [a, b]\n", "data/1.png": b"", "data/1.txt": BOX}
    assert found(read(make(tmp_path, files))) == {("train", "1"): [AS_READ]}


def test_a_folder_called_images_above_the_data_set_does_not_count(tmp_path: Path):
    make(tmp_path / "images/mine", ULTRALYTICS)
    assert found(read(tmp_path / "images/mine"))["train", "a"] == [AS_READ]


def test_labels_without_an_image(tmp_path: Path):
    make(tmp_path, ULTRALYTICS | {"labels/train/lost.txt": BOX, "labels/train/classes.txt": "cat"})
    with pytest.raises(InvalidAnnotationError, match=r"lost\.txt: .*it has no image"):
        read(tmp_path)
    dataset = dm.Dataset.import_from(str(tmp_path), "yolo", error_policy="skip")
    assert dataset.get("lost", "train").annotations == []
    assert dataset.get("classes", "train") is None


def test_a_subset_that_is_not_there_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    make(
        tmp_path, ULTRALYTICS | {"data.yaml": "train: images/train\ntest: images/t\nnames: [a, b]"}
    )
    with caplog.at_level(logging.WARNING):
        dataset = read(tmp_path)
    assert list(dataset.subsets()) == ["train"] and "test: images/t" in caplog.text
    make(tmp_path, {"data.yaml": "train: images/nowhere\nnames: [a, b]"})
    with pytest.raises(DatasetNotFoundError, match="train: images/nowhere"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: {0: a, 2: b}\ntrain: images/train", "names: no name of class 1"),
        ("names: {a: 0}\ntrain: images/train", r"names\.a: 'a'; expected a number"),
        ("names: [a, a]\ntrain: images/train", r"names\[1\]: class 1 has the name of class 0"),
        ("names: [a, [b]]\ntrain: images/train", r"names\[1\]: \['b'\]; expected a name"),
        ("nc: many\ntrain: images/train", "nc: 'many'; expected the number of classes"),
        ("nc: 99999999\ntrain: images/train", "nc: 99999999; expected at most"),
        ("names: [a]\ntrain: {a: b}", "train: .*; expected a folder"),
        ("names: [a]\npath: [x]\ntrain: images/train", "path: .*; expected a folder"),
        ("names: [a\ntrain: images/train", "data.yaml: line"),
    ],
)
def test_damaged_data_yaml(tmp_path: Path, text: str, message: str):
    with pytest.raises(MalformedFileError, match=message):
        read(make(tmp_path, ULTRALYTICS | {"data.yaml": text}))


def test_no_labels_at_all(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """As when the label files lie elsewhere: it is said."""
    make(tmp_path, {k: v for k, v in ULTRALYTICS.items() if not k.startswith("labels")})
    with caplog.at_level(logging.WARNING):
        assert len(read(tmp_path)) == 3
    assert "there are no annotations" in caplog.text


# --- outside ------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["../out/images", "{}/out/images"])
def test_what_leads_outside(tmp_path: Path, way: str):
    root, way = tmp_path / "in", way.format(tmp_path)
    make(tmp_path / "out", {"images/a.png": b"", "labels/a.txt": BOX, "l.txt": "images/a.png"})
    make(root, {"data.yaml": f"train: {way}\nnames: [a, b]\n"})
    with pytest.raises(PathOutsideDatasetError, match="allow_external_media"):
        read(root)
    dataset = read(root, allow_external_media=True)
    assert len(dataset) == 1
    make(root, {"data.yaml": "train: t.txt\nnames: [a, b]\n", "t.txt": f"{way}/a.png\n"})
    with pytest.raises(PathOutsideDatasetError, match="allow_external_media"):
        read(root)
    assert len(read(root, allow_external_media=True)) == 1
    make(root, {"obj.data": "names=o.names\ntrain=t.txt", "o.names": "a\nb"})
    with pytest.raises(PathOutsideDatasetError, match="allow_external_media"):
        read(root)
    make(root, {"obj.data": f"names=o.names\ntrain={way}/../l.txt"})
    with pytest.raises(PathOutsideDatasetError, match="allow_external_media"):
        read(root)


# --- rotated boxes ------------------------------------------------------------------------------


def test_rotated_boxes(tmp_path: Path):
    lines = "0 0.25 0.2 0.75 0.2 0.75 0.8 0.25 0.8\n1 0.5 0.1 0.7 0.5 0.5 0.9 0.3 0.5\n"
    make(tmp_path, ULTRALYTICS | {"labels/train/a.txt": lines})
    boxes = found(read(tmp_path, "yolo_ultralytics_obb"))["train", "a"]
    assert boxes == [
        ("rotated_bbox", 0, [10, 5, 10, 6, 0]),
        ("rotated_bbox", 1, pytest.approx([10, 5, 5.66, 5.66, 45])),
    ]
    make(tmp_path, {"labels/train/a.txt": BOX})
    with pytest.raises(MalformedFileError, match=r"5 fields.*\(9 fields\)"):
        read(tmp_path, "yolo_ultralytics_obb")


# --- detection ----------------------------------------------------------------------------------


def test_detection(tmp_path: Path):
    make(tmp_path / "d", DARKNET)
    make(tmp_path / "u", ULTRALYTICS)
    make(tmp_path / "l", {"obj.names": "a", "labels/1.txt": "", "1.png": b""})
    for path in ("d", "d/obj.data", "u", "u/data.yaml", "l"):
        detected = detect(tmp_path / path)
        assert (detected.formats, detected.confidence) == (["yolo"], Confidence.MEDIUM), path


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.png": b""}, "nor one data.yaml"),
        ({"x.data": "whatever"}, "neither a .data file"),
        ({"data.yaml": "lr: 1"}, "nor one data.yaml"),
        ({"data.yaml": "names: [a]\nkpt_shape: [1, 2]"}, "yolo_ultralytics_pose"),
        (
            {"data.yaml": "names: [a]", "train/images/a.png": b"", "train/labels/a.txt": ""},
            "roboflow_yolo",
        ),
    ],
)
def test_rejection(tmp_path: Path, files: dict[str, Any], message: str):
    with pytest.raises(Rejected, match=message):
        registry.get("yolo").detect(Folder(make(tmp_path, files)))


def test_nothing_there(tmp_path: Path):
    make(tmp_path, {"a.png": png()})
    for format in ("yolo", "yolo_strict", "yolo_loose", "yolo_ultralytics"):
        with pytest.raises(DatasetNotFoundError, match="no "):
            read(tmp_path, format)


def test_several_data_sets(tmp_path: Path):
    make(tmp_path / "one", DARKNET)
    make(tmp_path / "two", DARKNET)
    with pytest.raises(DatasetNotFoundError, match="several"):
        read(tmp_path)
