"""Images in folders that are named as their labels."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    MediaTypeError,
    PathSeparatorInSubsetNameError,
    UnsupportedContentError,
)
from datumaro.formats import registry
from datumaro.formats.base import Confidence, Folder, Rejected
from datumaro.formats.detection import detect
from datumaro.formats.imagenet import file_stem, id_prefix

PLAIN, SUBSETS = "imagenet", "imagenet_with_subset_dirs"


def make(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PILImage.fromarray(np.full((2, 3, 3), number % 256, np.uint8)).save(path)
    return root


def read(path: Path, format: str = PLAIN, **options: Any) -> dm.Dataset:
    return dm.Dataset.import_from(str(path), format, **options)


def labels(dataset: dm.Dataset) -> list[str]:
    return [label.name for label in dataset.categories()[dm.AnnotationType.label]]


def found(dataset: dm.Dataset) -> list[tuple[str, str, list[str]]]:
    names = labels(dataset)
    return [(i.id, i.subset, [names[a.label] for a in i.annotations]) for i in dataset]


def item(item_id: str, *label: int, subset: str = "default", value: int = 0) -> dm.DatasetItem:
    image = dm.Image.from_numpy(data=np.full((2, 3, 3), value, np.uint8), ext=".png")
    return dm.DatasetItem(item_id, subset=subset, media=image,
                          annotations=[dm.Label(one) for one in label])  # fmt: skip


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


# --- reading ----------------------------------------------------------------------------------


def test_samples(shared_data: Path):
    dataset = read(shared_data / "formats/imagenet_dataset")
    assert found(dataset) == [
        ("no_label:label_0_2", "default", []),
        ("label_0:label_0_1", "default", ["label_0"]),
        ("label_1:label_1_1", "default", ["label_1"]),
        ("label_1/label_1_1:label_1_1", "default", ["label_1/label_1_1"]),
    ]
    assert labels(dataset) == ["label_0", "label_1", "label_1/label_1_1"]
    assert [label.parent for label in dataset.categories()[dm.AnnotationType.label]] == [
        "", "", "label_1",
    ]  # fmt: skip
    assert all(one.media.data is not None for one in dataset)


def test_reading(tmp_path: Path):
    make(tmp_path, "cat/b.jpg", "cat/a b.PNG", "dog/ünï.dots.png", "no_label/x.bmp", "top.jpg",
         "cat/._b.jpg", ".git/x.png", "__MACOSX/cat/b.jpg")  # fmt: skip
    (tmp_path / "cat/notes.txt").write_text("no image")
    (tmp_path / "empty/inner").mkdir(parents=True)
    dataset = read(tmp_path, subset="mine")
    assert found(dataset) == [
        ("no_label:top", "mine", []),
        ("cat:a b", "mine", ["cat"]),
        ("cat:b", "mine", ["cat"]),
        ("dog:ünï.dots", "mine", ["dog"]),
        ("no_label:x", "mine", []),
    ]
    assert labels(dataset) == ["cat", "dog", "empty", "empty/inner"]
    assert dataset.get("cat:b", "mine").media.size == (2, 3)


def test_subsets_share_their_labels(tmp_path: Path):
    make(tmp_path, "val/dog/1.png", "train/cat/1.png", "train/2.png", "mine/ant/3.png")
    make(tmp_path, "beside.png")
    dataset = read(tmp_path, SUBSETS)
    assert labels(dataset) == ["ant", "cat", "dog"]
    assert found(dataset) == [
        ("ant:3", "mine", ["ant"]),
        ("no_label:2", "train", []),
        ("cat:1", "train", ["cat"]),
        ("dog:1", "val", ["dog"]),
    ]


def test_names_that_differ_in_their_extension_alone(tmp_path: Path):
    dataset = read(make(tmp_path, "cat/a.jpg", "cat/a.png"))
    assert [one.id for one in dataset] == ["cat:a", "cat:a.png"]


def test_labels_of_one_letter(tmp_path: Path):
    """``A:1`` would be a path on a drive."""
    dataset = read(make(tmp_path / "in", "A/1.png", "b/1.png", "0/1.png", "a:b/1.png"))
    assert [one.id for one in dataset] == ["0:1", "A/1", "_a:b:1", "b/1"]
    dataset.remove("_a:b:1")
    dataset.export(str(tmp_path / "out"), PLAIN)
    assert [one.id for one in read(tmp_path / "out")] == ["0:1", "A/1", "b/1"]


def test_many_items_are_several_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("datumaro.formats.imagenet._CHUNK_ITEMS", 3)
    make(tmp_path, *(f"{label}l/{n}.png" for label in range(4) for n in range(2)))
    dataset = read(tmp_path)
    assert [one.id for one in dataset] == [f"{k}l:{n}" for k in range(4) for n in range(2)]
    assert len(dataset.content().chunks) == 2


def test_each_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make(tmp_path, "cat/1.png", "cat/in/2.png", "dog/3.png")
    listed: list[str] = []
    scandir = os.scandir

    def counted(path: Any) -> Any:
        listed.append(os.path.relpath(path, tmp_path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    assert len(read(tmp_path)) == 3
    assert sorted(listed) == [".", "cat", "cat/in", "dog"]


def test_links_to_folders_are_not_followed(tmp_path: Path):
    make(tmp_path, "in/cat/1.png")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in", target_is_directory=True)
    assert labels(read(tmp_path / "in")) == ["cat"]


@pytest.mark.parametrize("format", [PLAIN, SUBSETS])
def test_nothing_there(tmp_path: Path, format: str):
    (tmp_path / "cat").mkdir()
    (tmp_path / "a.txt").write_text("")
    for path in (tmp_path, tmp_path / "a.txt", tmp_path / "nowhere"):
        with pytest.raises(DatasetNotFoundError):
            read(path, format)


def test_images_are_not_opened(tmp_path: Path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat/broken.png").write_bytes(b"")
    (one,) = read(tmp_path)
    assert not one.media.has_size


# --- writing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", [PLAIN, SUBSETS])
def test_there_and_back(tmp_path: Path, format: str, caplog: pytest.LogCaptureFixture):
    names = ["cat/1.png", "cat/with space.png", "dog/in/ünï.dots.png", "no_label/x.png"]
    start = "train/" if format == SUBSETS else ""
    before = read(make(tmp_path / "in", *(start + name for name in names)), format)
    before.export(str(tmp_path / "out"), format)
    assert files(tmp_path / "out") == [start + name for name in names]
    assert found(read(tmp_path / "out", format)) == found(before)
    assert "ids of items" not in caplog.text


def test_ids_of_other_formats(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    made = [
        item("000001", 0),
        item("dir/name", 1, value=1),
        item("other:name", 0, value=2),
        item("cat:kept", 0, value=3),
        item("none", value=4),
        item("both", 0, 1, value=5),
    ]
    dm.Dataset.from_iterable(made, categories=["cat", "dog"]).export(str(tmp_path), PLAIN)
    assert files(tmp_path) == [
        "cat/000001.png",
        "cat/both.png",
        "cat/kept.png",
        "cat/name.png",
        "dog/both.png",
        "dog/dir_name.png",
        "no_label/none.png",
    ]
    assert "6 ids of items (they become <label>:<name>) (first: item '000001')" in caplog.text
    assert "1 labels of items beyond 1" in caplog.text


def test_no_file_takes_anothers_place(tmp_path: Path):
    made = [
        item("1", 0, subset="train"),
        item("1", 0, subset="val", value=1),
        item("a/b", 0, value=2),
        item("a_b", 0, value=3),
    ]
    dataset = dm.Dataset.from_iterable(made, categories=["cat"])
    dataset.export(str(tmp_path / "out"), PLAIN)
    assert files(tmp_path / "out") == ["cat/1.png", "cat/1_2.png", "cat/a_b.png", "cat/a_b_2.png"]
    dataset.export(str(tmp_path / "subsets"), SUBSETS)
    assert files(tmp_path / "subsets") == [
        "default/cat/a_b.png",
        "default/cat/a_b_2.png",
        "train/cat/1.png",
        "val/cat/1.png",
    ]


@pytest.mark.parametrize(
    "item_id, label, stem",
    [
        ("cat:x", "cat", "x"),
        ("old:x", "cat", "x"),
        ("x", "cat", "x"),
        ("a/b:c:d/e", "cat", "c_d_e"),
        ("q/x", "q", "x"),
        ("q/x", "cat", "q_x"),
        ("cat:", "cat", "_"),
        ("cat:._x", "cat", "_._x"),
    ],
)
def test_stems(item_id: str, label: str, stem: str):
    assert file_stem(item_id, label) == stem
    assert id_prefix("") == "no_label:"


@pytest.mark.parametrize(
    "name", ["no_label", "../x", "a//b", "a/.b", ".hidden", "/abs", "C:x", "a\\b"]
)
def test_labels_that_are_no_folders(tmp_path: Path, name: str):
    dataset = dm.Dataset.from_iterable([item("a", 0)], categories=[name])
    with pytest.raises(UnsupportedContentError, match="rename it"):
        dataset.export(str(tmp_path / "out"), PLAIN)
    assert not (tmp_path / "out").exists()
    unused = dm.Dataset.from_iterable([item("a", 1)], categories=[name, "cat"])
    unused.export(str(tmp_path / "out"), PLAIN)


def test_subsets_that_are_no_folders(tmp_path: Path):
    for subset, error in (("a/b", PathSeparatorInSubsetNameError), (".x", UnsupportedContentError)):
        dataset = dm.Dataset.from_iterable([item("a", 0, subset=subset)], categories=["cat"])
        with pytest.raises(error):
            dataset.export(str(tmp_path / "out"), SUBSETS)


def test_images_get_another_extension(tmp_path: Path):
    dataset = dm.Dataset.from_iterable([item("a", 0)], categories=["cat"])
    dataset.export(str(tmp_path), PLAIN, image_ext=".bmp")
    assert files(tmp_path) == ["cat/a.bmp"]


def test_what_cannot_be_held(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    made = [item("cat:a", 0), dm.DatasetItem("cat:none", annotations=[dm.Label(0)])]
    made[0].annotations += [dm.Label(7), dm.Bbox(1, 2, 3, 4, label=0)]
    with caplog.at_level(logging.WARNING):
        dm.Dataset.from_iterable(made, categories=["cat"]).export(str(tmp_path), PLAIN)
    for text in ("1 items without media", "1 labels without a name"):
        assert text in caplog.text
    cloud = dm.DatasetItem("x", media=dm.PointCloud.from_file(path="x.pcd"))
    with pytest.raises(MediaTypeError, match="PointCloud"):
        dm.Dataset.from_iterable([cloud], media_type=dm.PointCloud).export(
            str(tmp_path / "x"), PLAIN
        )


# --- detection --------------------------------------------------------------------------------


def test_detection(tmp_path: Path):
    make(tmp_path / "plain", "cat/1.png", "dog/2.png")
    make(tmp_path / "subsets", "train/cat/1.png", "test/cat/2.png")
    assert detect(tmp_path / "plain").formats == [PLAIN]
    assert detect(tmp_path / "subsets").formats == [SUBSETS]
    assert registry.get(PLAIN).detect(Folder(tmp_path / "plain")) == Confidence.EXTREME_LOW


@pytest.mark.parametrize(
    "names, says",
    [
        (["1.png"], "no folders"),
        (["images/1.png"], "images"),
        (["cat/1.png", "list.txt"], "list.txt"),
        (["cat/labels/1.png"], "other formats"),
        (["cat/1.xml"], r"cat/1\.xml"),
        (["train/cat/1.png"], "subsets"),
    ],
)
def test_what_is_not_taken_for_it(tmp_path: Path, names: list[str], says: str):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(Rejected, match=says):
        registry.get(PLAIN).detect(Folder(tmp_path))


def test_empty_folders_are_not_taken_for_it(tmp_path: Path):
    (tmp_path / "train/cat").mkdir(parents=True)
    for format, path in ((PLAIN, tmp_path / "train"), (SUBSETS, tmp_path)):
        with pytest.raises(Rejected, match="no images"):
            registry.get(format).detect(Folder(path))
    with pytest.raises(Rejected, match="'cat'; expected train"):
        registry.get(SUBSETS).detect(Folder(tmp_path / "train"))
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(Rejected, match="a file"):
        registry.get(PLAIN).detect(Folder(tmp_path / "x"))
