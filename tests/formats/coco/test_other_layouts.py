"""COCO instances in MMDetection's and Roboflow's layouts."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    PathOutsideDatasetError,
    PathSeparatorInSubsetNameError,
)
from datumaro.formats import registry
from datumaro.formats.base import Confidence, Folder, Rejected
from datumaro.formats.detection import detect
from formats.coco.coco_files import annotation, image, items, read, rows, save, write

FILE = "_annotations.coco.json"


def mmdet(root: Path, *subsets: str) -> Path:
    for subset in subsets or ("train", "val"):
        save(root, f"instances_{subset}.json", annotations=[annotation()])
        (root / subset).mkdir()
        (root / subset / "a.jpg").write_bytes(b"")
    return root


def roboflow(root: Path, *subsets: str) -> Path:
    for subset in subsets or ("train", "valid"):
        save(root / "x", annotations=[annotation()])
        (root / subset).mkdir(parents=True)
        shutil.move(root / "x/annotations/instances_train.json", root / subset / FILE)
        (root / subset / "a.jpg").write_bytes(b"")
    shutil.rmtree(root / "x")
    return root


def test_mmdet_images_lie_in_their_subsets_folder(tmp_path: Path):
    content = read(mmdet(tmp_path), "mmdet_coco")
    assert [(i["subset"], Path(i["path"])) for i in items(content)] == [
        ("train", tmp_path / "train/a.jpg"),
        ("val", tmp_path / "val/a.jpg"),
    ]
    assert [row["id"] for row in rows(content)["a"]] == [1]


def test_roboflow_images_lie_beside_the_file(tmp_path: Path):
    roboflow(tmp_path / "set")
    for path in (tmp_path / "set", tmp_path):
        content = read(path, "roboflow_coco")
        assert [(i["subset"], Path(i["path"])) for i in items(content)] == [
            ("train", tmp_path / "set/train/a.jpg"),
            ("valid", tmp_path / "set/valid/a.jpg"),
        ]
    for path in (tmp_path / "set/valid", tmp_path / "set/valid" / FILE):
        assert [i["subset"] for i in items(read(path, "roboflow_coco"))] == ["valid"]


def test_a_declared_category_zero_is_a_label(tmp_path: Path):
    """Roboflow gives the number 0 to a category that all others belong to."""
    (tmp_path / "train").mkdir()
    save(tmp_path, annotations=[annotation(category_id=0)], categories=[{"id": 0, "name": "all"}])
    shutil.move(tmp_path / "annotations/instances_train.json", tmp_path / "train" / FILE)
    (row,) = rows(read(tmp_path, "roboflow_coco"))["a"]
    assert row["label"] == 0


def test_nothing_there(tmp_path: Path):
    for name in ("roboflow_coco", "mmdet_coco"):
        with pytest.raises(DatasetNotFoundError, match=r"no annotation file .*json"):
            read(tmp_path, name)


def test_two_data_sets_are_not_mixed(tmp_path: Path):
    roboflow(tmp_path / "a")
    roboflow(tmp_path / "b")
    with pytest.raises(DatasetNotFoundError, match="name one"):
        read(tmp_path, "roboflow_coco")


@pytest.mark.parametrize("name", ["../../secret.jpg", "/etc/passwd"])
def test_file_names_may_not_lead_out(tmp_path: Path, name: str):
    (tmp_path / "train").mkdir()
    save(tmp_path, images=[image(1, name)])
    shutil.move(tmp_path / "annotations/instances_train.json", tmp_path / "train" / FILE)
    with pytest.raises(PathOutsideDatasetError, match="file_name of image 1"):
        read(tmp_path, "roboflow_coco")


@pytest.mark.parametrize(
    "name, expected",
    [
        ("mmdet_coco", ["annotations/instances_train.json", "annotations/instances_val.json",
                        "train/dir/ä b.jpg", "val/c.jpg"]),
        ("roboflow_coco", ["train/_annotations.coco.json", "train/dir/ä b.jpg",
                           "val/_annotations.coco.json", "val/c.jpg"]),
    ],
)  # fmt: skip
def test_there_and_back(tmp_path: Path, name: str, expected: list[str]):
    media = dm.Image.from_file(path=str(tmp_path / "a.jpg"), size=(6, 8))
    (tmp_path / "a.jpg").write_bytes(b"not looked at")
    box = dm.Bbox(1, 2, 3, 4, label=1, id=5, group=5, attributes={"is_crowd": False})
    made = [
        dm.DatasetItem("dir/ä b", subset="train", media=media, annotations=[box]),
        dm.DatasetItem("c", subset="val", media=media, attributes={"id": 77}),
    ]
    dataset = dm.Dataset.from_iterable(made, categories=["x", "y"])
    dataset.export(str(tmp_path / "out"), name, save_media=True)
    files = sorted(p.relative_to(tmp_path / "out").as_posix()
                   for p in (tmp_path / "out").rglob("*") if p.is_file())  # fmt: skip
    assert files == expected
    assert detect(tmp_path / "out").formats == [name]
    again = dm.Dataset.import_from(str(tmp_path / "out"), name)
    assert [item.id for item in again] == ["dir/ä b", "c"]
    first, second = again
    assert first.annotations == [box] and second.attributes == {"id": 77}
    assert first.media.size == (6, 8) and Path(second.media.path).is_file()
    again.export(str(tmp_path / "again"), name, save_media=True)


@pytest.mark.parametrize("name", ["mmdet_coco", "roboflow_coco"])
def test_empty_data_sets_and_bad_subsets(tmp_path: Path, name: str):
    empty = dm.Dataset.from_iterable([], categories=["x"])
    empty.export(str(tmp_path / "empty"), name)
    again = dm.Dataset.import_from(str(tmp_path / "empty"), name)
    assert len(again) == 0
    assert [label.name for label in again.categories()[dm.AnnotationType.label]] == ["x"]
    item = dm.DatasetItem("x", subset="a/b")
    with pytest.raises(PathSeparatorInSubsetNameError):
        dm.Dataset.from_iterable([item]).export(str(tmp_path / "bad"), name)
    assert not (tmp_path / "bad").exists()


def test_mmdet_is_detected_by_the_folders_of_its_subsets(tmp_path: Path):
    assert detect(mmdet(tmp_path / "m")).formats == ["mmdet_coco"]
    kind = registry.get("mmdet_coco")
    (tmp_path / "m/images").mkdir()
    with pytest.raises(Rejected, match="images"):
        kind.detect(Folder(tmp_path / "m"))
    with pytest.raises(Rejected, match="no annotation file"):
        kind.detect(Folder(tmp_path))
    save(tmp_path / "bare")
    with pytest.raises(Rejected, match=r"no images in a folder named as a subset \(train\)"):
        kind.detect(Folder(tmp_path / "bare"))
    save(tmp_path / "bare", "captions_train.json", annotations=[])
    with pytest.raises(Rejected, match="alone"):
        kind.detect(Folder(tmp_path / "bare"))
    with pytest.raises(Rejected, match="a file"):
        kind.detect(Folder(tmp_path / "bare/annotations/instances_train.json"))


def test_roboflow_is_detected_by_its_file(tmp_path: Path):
    roboflow(tmp_path / "r")
    kind = registry.get("roboflow_coco")
    for path in ("r", "r/train", f"r/train/{FILE}"):
        assert kind.detect(Folder(tmp_path / path)) == Confidence.MEDIUM
    for path in ("r/train/a.jpg", "."):
        with pytest.raises(Rejected, match=r"_annotations\.coco\.json"):
            kind.detect(Folder(tmp_path / path))


def test_options(tmp_path: Path):
    box = dm.Bbox(1, 2, 3, 4, label=0, id=50, attributes={"x": 1})
    item = dm.DatasetItem("x", attributes={"id": 9}, annotations=[box])
    dataset = dm.Dataset.from_iterable([item], categories=["c"])
    context = write(dataset.content(), tmp_path, "roboflow_coco", reindex=True,
                    allow_attributes=False)  # fmt: skip
    assert list(context.losses) == ["attributes of boxes"]
    (found,) = dm.Dataset.import_from(str(tmp_path), "roboflow_coco")
    assert found.attributes == {"id": 1} and found.annotations[0].id == 1
    assert found.annotations[0].attributes == {"is_crowd": False}


def test_real_sample(shared_data: Path):
    dataset = dm.Dataset.import_from(str(shared_data / "formats/roboflow_dataset/coco"))
    assert dataset.format == "roboflow_coco"
    assert {name: len(subset) for name, subset in dataset.subsets().items()} == {
        "train": 2,
        "val": 1,
    }
    kinds = [annotation.type.name for item in dataset for annotation in item.annotations]
    assert kinds == ["bbox"] * 4
    assert all(item.media.data is not None for item in dataset)


@pytest.mark.parametrize("name", ["mmdet_coco", "roboflow_coco", "coco_stuff", "coco_panoptic"])
def test_dataset_meta(tmp_path: Path, name: str):
    mask = dm.Mask(np.ones((2, 2)), label=1, id=1, attributes={"is_crowd": True})
    item = dm.DatasetItem("x", subset="train", annotations=[mask])
    colors = {0: (1, 2, 3), 1: (4, 5, 6)}
    dataset = dm.Dataset.from_iterable([item], categories={
        dm.AnnotationType.label: dm.LabelCategories.from_iterable(["a", "b"]),
        dm.AnnotationType.mask: dm.MaskCategories(colors),
    })  # fmt: skip
    dataset.export(str(tmp_path), name, save_dataset_meta=True)
    meta = tmp_path / "dataset_meta.json"
    meta.write_text(meta.read_text().replace('"b"', '"renamed"'))
    again = dm.Dataset.import_from(str(tmp_path), name)
    labels = again.categories()[dm.AnnotationType.label]
    assert [label.name for label in labels] == ["a", "renamed"]
    assert again.categories()[dm.AnnotationType.mask].colormap == colors
    assert next(iter(again)).annotations[0].label == 1
