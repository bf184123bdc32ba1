"""WIDER FACE: what is read from its files, what is written, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetExportError,
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
    RepeatedItemError,
    UndeclaredLabelError,
)
from datumaro.formats.base import Confidence
from format_files import count, detect, image, label_names, lost, make, read, written

LIST = "wider_face_split/wider_face_train_bbx_gt.txt"
FULL = {
    "blur": "2", "expression": "0", "illumination": "1", "occluded": "0", "pose": "2",
    "invalid": "0",
}  # fmt: skip


def one_list(root: Path, text: str, **more: str) -> dm.Dataset:
    return read(make(root, {LIST: text, **more}), "wider_face")


def boxes(item: dm.DatasetItem) -> list[tuple[Any, ...]]:
    return [(a.label, a.points, a.attributes) for a in item.annotations if isinstance(a, dm.Bbox)]


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    root = shared_data / "formats/widerface_dataset"
    found = read(root, "wider_face")
    assert count(found) == ({"train": 2, "val": 1}, {"label": 3, "bbox": 6})
    assert label_names(found) == ["Parade", "Handshaking"]
    item = found.get("1_Handshaking_image_02", "train")
    assert item.annotations[0].label == 1
    assert boxes(item)[1][:2] == (None, [5, 1, 7, 3])
    assert boxes(item)[1][2]["illumination"] == "1"
    assert item.media.path.endswith("WIDER_train/images/1--Handshaking/1_Handshaking_image_02.jpg")
    assert detect(root, "wider_face") is Confidence.MEDIUM


def test_files_of_the_challenge(tmp_path: Path):
    """An image without faces has a line of zeros; lines end with a space."""
    found = one_list(
        tmp_path,
        "0--Parade/a.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n"
        "0--Parade/b c.jpg\r\n1\r\n1 2 3 4 2 0 1 0 2 0 \r\n\n12--Group/d.jpg\n",
    )
    assert label_names(found) == ["Parade", "face", "Group"]
    assert {item.id: len(item.annotations) for item in found} == {"a": 1, "b c": 2, "d": 1}
    assert boxes(found.get("b c", "train")) == [(1, [1, 2, 4, 6], FULL)]


def test_labels_of_boxes(tmp_path: Path):
    lines = ("0 0 1 1", "0 0 1 1 - - - True - - a  dog", "0 0 1 1 cat b", "0 0 1 1 1 - - - - -")
    found = one_list(
        tmp_path,
        "no_label/a.jpg\n4\n" + "\n".join(lines),
        **{"labels.txt": "cat b\nface\n\na  dog\n"},
    )
    assert boxes(next(iter(found))) == [
        (1, [0, 0, 1, 1], {}),
        (2, [0, 0, 1, 1], {"occluded": True}),
        (0, [0, 0, 1, 1], {}),
        (1, [0, 0, 1, 1], {"blur": "1"}),
    ]


def test_ids_do_not_have_the_event(tmp_path: Path):
    found = one_list(tmp_path, "0--Parade/a/b.c.jpg\nno_label/d.jpg\ne.jpg\n")
    assert {item.id: len(item.annotations) for item in found} == {"a/b.c": 1, "d": 0, "e": 0}


def test_a_single_list(tmp_path: Path):
    files = {LIST: "no_label/a.jpg\n", LIST.replace("train", "val"): "no_label/b.jpg\n"}
    make(tmp_path / "x", files)
    assert [item.id for item in read(tmp_path / "x" / LIST, "wider_face")] == ["a"]
    assert len(read(tmp_path, "wider_face")) == 2


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["1 2 3", "1 2 3 x", "1 2 3 nan", "1 2 3 1e300", ""])
def test_damaged_boxes_are_refused_or_skipped(tmp_path: Path, line: str):
    text = f"no_label/a.jpg\n2\n{line}\n1 2 3 4\n"
    with pytest.raises(InvalidAnnotationError, match=r"bbx_gt\.txt: line 3.*x, y, width and"):
        one_list(tmp_path, text)
    (item,) = read(tmp_path, "wider_face", error_policy="skip")
    assert len(item.annotations) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3\n", "line 1: '3'; expected the path of an image"),
        ("1 2 3 4\n", "line 1: '1 2 3 4'"),
        ("no_label/a.jpg\n3\n1 2 3 4", "line 2: 1 lines; expected 3 boxes"),
        (b"no_label/\xff.jpg", "not UTF-8"),
    ],
)
def test_damaged_lists_are_refused(tmp_path: Path, text: str | bytes, message: str):
    with pytest.raises(MalformedFileError, match=message) as info:
        read(make(tmp_path, {LIST: text}), "wider_face")
    assert "bbx_gt.txt" in str(info.value)


@pytest.mark.parametrize("text", ["0--Parade/a.jpg\n", "no_label/a.jpg\n1\n0 0 1 1 Parade"])
def test_labels_that_are_not_declared(tmp_path: Path, text: str):
    with pytest.raises(UndeclaredLabelError, match=r"line \d: label 'Parade'.*\(cat\)"):
        one_list(tmp_path, text, **{"labels.txt": "cat"})


def test_the_same_id_twice(tmp_path: Path):
    with pytest.raises(RepeatedItemError, match=r"line 3: .*after line 1"):
        one_list(tmp_path, "0--a/x.jpg\n\n1--b/x.jpg\n1\n0 0 1 1\n1--b/y.jpg\n")
    assert len(read(tmp_path, "wider_face", error_policy="skip")) == 2


def test_names_that_lead_outside(tmp_path: Path):
    with pytest.raises(PathOutsideDatasetError, match="line 1"):
        one_list(tmp_path, "../../../x.jpg\n")


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match="wider_face_split"):
        read(tmp_path, "wider_face")


# --- writing --------------------------------------------------------------------------------------


def data_set(*annotations: Any, names: Any = ("cat", "face", "a dog"), **more: Any) -> dm.Dataset:
    item = dm.DatasetItem("a", media=image(), annotations=list(annotations), **more)
    return dm.Dataset.from_iterable([item], categories=list(names))


def test_what_is_written(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    dataset = data_set(
        dm.Label(2),
        dm.Bbox(1, 2.5, 3, 4, label=1, attributes=FULL),
        dm.Bbox(0, 0, 1, 1, label=2),
        dm.Bbox(0, 0, 1, 1, label=1),
        subset="train",
    )
    (item,) = written(dataset, tmp_path, "wider_face", save_media=True)
    assert (tmp_path / LIST).read_text().splitlines() == [
        "2--a dog/a.png", "3", "1.0 2.5 3.0 4.0 2 0 1 0 2 0", "0.0 0.0 1.0 1.0 - - - - - - a dog",
        "0.0 0.0 1.0 1.0",
    ]  # fmt: skip
    assert (tmp_path / "WIDER_train/images/2--a dog/a.png").is_file()
    assert [a.label for a in item.annotations] == [2, 1, 2, 1]
    assert not lost(caplog)


def test_what_is_not_held_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    dataset = data_set(
        *(dm.Label(0), dm.Label(1), dm.Bbox(0, 0, 1, 1)),
        dm.Bbox(0, 0, 1, 1, attributes={"blur": "a b"}),
    )
    (item,) = written(dataset, tmp_path, "wider_face")
    assert [a.label for a in item.annotations] == [0, 1, 1]
    for what in (
        "labels of items beyond 1", "2 boxes without a label (they become 'face')",
        "1 attributes that are no words",
    ):  # fmt: skip
        assert what in lost(caplog)


def test_boxes_without_a_label_where_no_label_is_face(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (item,) = written(data_set(dm.Bbox(0, 0, 1, 1), names=["cat"]), tmp_path, "wider_face")
    assert item.annotations[0].label is None
    assert not lost(caplog)


@pytest.mark.parametrize("name", ["", " a", "a\nb"])
def test_labels_that_are_no_lines(tmp_path: Path, name: str):
    with pytest.raises(DatasetExportError, match="cannot be written in a line"):
        data_set(names=[name]).export(str(tmp_path / "x"), "wider_face")


def test_labels_of_images_that_are_no_folders(tmp_path: Path):
    with pytest.raises(DatasetExportError, match="cannot be a folder"):
        data_set(dm.Label(0), names=["a/b"]).export(str(tmp_path / "x"), "wider_face")
