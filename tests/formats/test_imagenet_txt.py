"""Lists of images and the numbers of their labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    InvalidOptionError,
    MalformedFileError,
    MediaTypeError,
    PathOutsideDatasetError,
    PathSeparatorInSubsetNameError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats import imagenet_txt, registry
from datumaro.formats.base import Confidence, Folder, ReadContext, Rejected
from datumaro.formats.detection import detect
from datumaro.options import make_options

NAME = "imagenet_txt"


def make(root: Path, synsets: str | None = "cat\ndog\n", **lists: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    if synsets is not None:
        (root / "synsets.txt").write_text(synsets)
    for name, text in lists.items():
        (root / f"{name}.txt").write_text(text)
    return root


def read(path: Path, **options: Any) -> dm.Dataset:
    return dm.Dataset.import_from(str(path), NAME, **options)


def labels(dataset: dm.Dataset) -> list[str]:
    return [label.name for label in dataset.categories()[dm.AnnotationType.label]]


def found(dataset: dm.Dataset) -> list[tuple[str, str, list[int]]]:
    return [(i.id, i.subset, [a.label for a in i.annotations]) for i in dataset]


def item(item_id: str, *label: int, subset: str = "train") -> dm.DatasetItem:
    image = dm.Image.from_numpy(data=np.zeros((2, 3, 3), np.uint8), ext=".png")
    return dm.DatasetItem(item_id, subset=subset, media=image,
                          annotations=[dm.Label(one) for one in label])  # fmt: skip


# --- reading ----------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    dataset = read(shared_data / "formats/imagenet_txt_dataset/basic")
    assert found(dataset) == [(str(n + 1), "train", [k]) for n, k in enumerate((0, 5, 3, 5))]
    assert labels(dataset) == [f"label_{n}" for n in range(10)]
    assert dataset.get("1", "train").media.data is not None


def test_reading(tmp_path: Path):
    text = '1.jpg 0\n"a b".png 1 0\ndir/c.JPEG \n\nmy image 2.jpg 1\nd.jpg 1 1\r\n'
    dataset = read(make(tmp_path, train=text, val="1.jpg 1\n"))
    assert found(dataset) == [
        ("1", "train", [0]),
        ("a b", "train", [1, 0]),
        ("dir/c", "train", []),
        ("my image 2", "train", [1]),
        ("d", "train", [1]),
        ("1", "val", [1]),
    ]
    assert Path(dataset.get("a b", "train").media.path) == tmp_path / "images/a b.png"


def test_one_list_and_another_subset(tmp_path: Path):
    make(tmp_path, train="1.jpg 0\n", val="2.jpg 1\n")
    assert found(read(tmp_path / "val.txt")) == [("2", "val", [1])]
    assert {one.subset for one in read(tmp_path, subset="mine")} == {"mine"}


def test_several_lines_of_one_image(tmp_path: Path):
    make(tmp_path, train="1.jpg 0\n2.jpg 0\n1.jpg 1\n2.png 1\n")
    assert found(read(tmp_path)) == [
        ("1", "train", [0, 1]),
        ("2", "train", [0]),
        ("2.png", "train", [1]),
    ]


def test_where_labels_come_from(tmp_path: Path):
    make(tmp_path, None, train="1.jpg 2\n")
    with pytest.raises(DatasetNotFoundError, match="labels=generate"):
        read(tmp_path)
    assert labels(read(tmp_path, labels="generate")) == ["class-0", "class-1", "class-2"]
    assert labels(read(tmp_path, labels=["x", "y", "z"])) == ["x", "y", "z"]
    (tmp_path / "other.txt").write_text("a b\nc, d\ne\n")
    assert labels(read(tmp_path, labels_file="other.txt")) == ["a b", "c, d", "e"]
    (tmp_path / "other.txt").unlink()
    (tmp_path / "dataset_meta.json").write_text('{"labels": ["i", "j", "k"]}')
    assert labels(read(tmp_path)) == ["i", "j", "k"]
    with pytest.raises(InvalidOptionError, match="file or generate"):
        read(tmp_path, labels="none")


def test_images_in_another_folder(tmp_path: Path):
    make(tmp_path, train="1.jpg 0\n")
    (one,) = read(tmp_path, image_dir="data/all")
    assert Path(one.media.path) == tmp_path / "data/all/1.jpg"


@pytest.mark.parametrize("text, says", [
    ("1.jpg 0\n2.jpg 7\n", "line 2: label 7; expected a number from 0 to 1"),
    ("1.jpg -1\n", "line 1: label -1"),
    ("1.jpg 99999999999999999999999999\n", "line 1: label 9999"),
])  # fmt: skip
def test_labels_that_are_not_declared(tmp_path: Path, text: str, says: str):
    make(tmp_path, train=text)
    with pytest.raises(UndeclaredLabelError, match=says):
        read(tmp_path)


def test_no_labels_at_all(tmp_path: Path):
    make(tmp_path, "", train="1.jpg 0\n")
    with pytest.raises(UndeclaredLabelError, match="there are no labels"):
        read(tmp_path)
    make(tmp_path, "", train="1.jpg\n")
    assert found(read(tmp_path)) == [("1", "train", [])]


def test_labels_beyond_reason(tmp_path: Path):
    make(tmp_path, None, train="1.jpg 999999999\n")
    with pytest.raises(UndeclaredLabelError, match="999999999"):
        read(tmp_path, labels="generate")


@pytest.mark.parametrize("line", ["1.jpg cat", "a b c", " 3", '"" 3'])
def test_lines_that_are_none(tmp_path: Path, line: str):
    make(tmp_path, train=f"1.jpg 0\n{line}\n2.jpg 1\n")
    with pytest.raises(InvalidAnnotationError, match=r"train\.txt: line 2: .*expected the path"):
        read(tmp_path)
    kind = registry.get(NAME)
    context = ReadContext(on_error="skip")
    content = kind.read(tmp_path, make_options(kind.read_options, {}, NAME), context)
    assert len(content) == 2 and context.n_problems == 1


@pytest.mark.parametrize("path", ["../x.jpg", "/etc/x.jpg", "C:\\x.jpg", "a\0.jpg"])
def test_paths_may_not_lead_out(tmp_path: Path, path: str):
    make(tmp_path, train=f"{path} 0\n")
    with pytest.raises(PathOutsideDatasetError, match=r"train\.txt: line 1"):
        read(tmp_path)


def test_a_trusted_data_set_may_lead_out(tmp_path: Path):
    make(tmp_path, train="../x.jpg 0\n/abs/y.jpg 1\n")
    dataset = read(tmp_path, allow_external_media=True)
    assert [(one.id, one.media.path) for one in dataset] == [
        ("x", f"{tmp_path}/images/../x.jpg"),
        ("abs/y", "/abs/y.jpg"),
    ]


@pytest.mark.parametrize(
    "synsets, says",
    [("cat\ncat\n", "line 2: 'cat' is in line 1 too"), ("a\n\nb\n", "line 2: an empty")],
)
def test_wrong_files_of_labels(tmp_path: Path, synsets: str, says: str):
    make(tmp_path, synsets, train="1.jpg 0\n")
    with pytest.raises(MalformedFileError, match=says):
        read(tmp_path)


def test_files_that_are_no_text(tmp_path: Path):
    make(tmp_path)
    (tmp_path / "train.txt").write_bytes(b"1.jpg 0\n\xff\xfe.jpg 1\n")
    with pytest.raises(MalformedFileError, match=r"train\.txt: byte 8: not UTF-8"):
        read(tmp_path)


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match="no list"):
        read(tmp_path)
    make(tmp_path)
    dataset = read(tmp_path)
    assert len(dataset) == 0 and labels(dataset) == ["cat", "dog"]


# --- writing ----------------------------------------------------------------------------------


def test_what_is_written(tmp_path: Path):
    made = [item("a/b", 0), item("with space", 2, 1), item("none", subset="val"),
            item('quote" 1', 1, subset="val")]  # fmt: skip
    dataset = dm.Dataset.from_iterable(made, categories=["cat", "a dog", "x"])
    dataset.export(str(tmp_path), NAME, save_media=True)
    assert (tmp_path / "synsets.txt").read_text() == "cat\na dog\nx\n"
    assert (tmp_path / "train.txt").read_text() == 'a/b.png 0\n"with space".png 2 1\n'
    assert (tmp_path / "val.txt").read_text() == 'none.png \nquote" 1.png 1\n'
    again = read(tmp_path)
    assert found(again) == found(dataset)
    assert labels(again) == ["cat", "a dog", "x"]
    assert (tmp_path / "images/a/b.png").is_file()
    again.export(str(tmp_path), NAME, save_media=True)
    assert found(read(tmp_path)) == found(dataset)


names = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\\/:", exclude_categories=["Cs"]), min_size=1
)


@given(names, st.lists(st.integers(0, 99), max_size=3))
def test_every_line_that_is_written_is_read(name: str, numbers: list[int]):
    path = f"{name}.jpg"
    line = imagenet_txt._line(path, numbers)
    read_again = imagenet_txt._parts(line[:-1])
    # what would be read as something else is refused when it is written
    assert (
        read_again == (path, [str(n) for n in numbers])
        or name != name.strip()
        or ('"' in name or len(name.splitlines()) > 1)
    )


@pytest.mark.parametrize("item_id", ["a\nb", "a\rb", '"a"b'])
def test_ids_that_no_line_can_hold(tmp_path: Path, item_id: str):
    dataset = dm.Dataset.from_iterable([item(item_id, 0)], categories=["cat"])
    with pytest.raises(UnsupportedContentError, match="rename"):
        dataset.export(str(tmp_path / "out"), NAME)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a\nb", " a", ""])
def test_labels_that_no_line_can_hold(tmp_path: Path, name: str):
    dataset = dm.Dataset.from_iterable([], categories=[name])
    with pytest.raises(UnsupportedContentError, match=r"synsets\.txt"):
        dataset.export(str(tmp_path / "out"), NAME)


def test_subsets_that_are_no_lists(tmp_path: Path):
    for subset, error in (("a/b", PathSeparatorInSubsetNameError),
                          ("synsets", UnsupportedContentError)):  # fmt: skip
        dataset = dm.Dataset.from_iterable([item("a", subset=subset)])
        with pytest.raises(error):
            dataset.export(str(tmp_path / "out"), NAME)


def test_stale_lists_do_not_stay(tmp_path: Path):
    for subset in ("train", "val"):
        dm.Dataset.from_iterable([item("a", subset=subset)]).export(str(tmp_path), NAME)
    assert found(read(tmp_path)) == [("a", "val", [])]


def test_what_cannot_be_held(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    dataset = dm.Dataset.from_iterable([item("a", 0, 7)], categories=["cat"])
    dataset.export(str(tmp_path / "out"), NAME)
    assert "1 labels without" in caplog.text
    cloud = dm.DatasetItem("x", media=dm.PointCloud.from_file(path="x.pcd"))
    with pytest.raises(MediaTypeError, match="PointCloud"):
        dm.Dataset.from_iterable([cloud], media_type=dm.PointCloud).export(
            str(tmp_path / "x"), NAME
        )


def test_dataset_meta(tmp_path: Path):
    dataset = dm.Dataset.from_iterable([item("a", 1)], categories=["cat", "dog"])
    dataset.export(str(tmp_path), NAME, save_dataset_meta=True)
    (tmp_path / "synsets.txt").unlink()
    assert labels(read(tmp_path)) == ["cat", "dog"]


# --- detection --------------------------------------------------------------------------------


def test_detection(tmp_path: Path):
    make(tmp_path, train="1.jpg\n2.jpg 1\n")
    assert detect(tmp_path).formats == [NAME]
    kind = registry.get(NAME)
    assert kind.detect(Folder(tmp_path)) == Confidence.MEDIUM
    with pytest.raises(Rejected, match="a file"):
        kind.detect(Folder(tmp_path / "train.txt"))
    for text in ("1.jpg\n", "1 2\n", "a.jpg b.png\n", ""):
        make(tmp_path, train=text)
        with pytest.raises(Rejected, match="no list"):
            kind.detect(Folder(tmp_path))
    (tmp_path / "synsets.txt").unlink()
    with pytest.raises(Rejected, match="no folder images"):
        kind.detect(Folder(tmp_path))
