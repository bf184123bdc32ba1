"""CelebA: what is read from its tables, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
    UndeclaredLabelError,
)
from datumaro.formats.base import Format
from datumaro.testing import FormatConformance
from format_files import count, detect, label_names, make, read

TABLES: dict[str, str | bytes] = {
    "Anno/identity_CelebA.txt": '1.jpg 2\n"a b.jpg" 0\n1.jpg 1\n',
    "Anno/list_attr_celeba.txt": '2\nBald Young\n1.jpg -1  1\n"a b.jpg" 1 1\n',
    "Anno/list_bbox_celeba.txt": "1\nimage_id x_1 y_1 width height\n1.jpg 1 2 3 4\n",
    "Anno/list_landmarks_celeba.txt": "1\nlefteye_x lefteye_y nose_x nose_y\n1.jpg 1 2 3.5 4\n",
    "Eval/list_eval_partition.txt": '1.jpg 1\n"a b.jpg" 2\nother.jpg 0\n',
    "Img/img_celeba/1.jpg": b"",
}


class TestConformance(FormatConformance):
    """It is only read."""

    format = "celeba"

    def make_sample(self, kind: Format, folder: Path) -> None:
        if kind.name == self.format:
            make(folder, TABLES)
        else:
            super().make_sample(kind, folder)


def test_samples(shared_data: Path):
    for name in ("celeba", "align_celeba"):
        path = shared_data / f"formats/{name}_dataset/dataset"
        found = read(path, name)
        kinds = {"label": 5, "points": 5} | ({"bbox": 5} if name == "celeba" else {})
        assert count(found) == ({"train": 2, "val": 1, "test": 2}, kinds)
        assert label_names(found) == [f"class-{n}" for n in range(13)]
        item = found.get("000001", "train")
        assert item.attributes["Arched_Eyebrows"] is True
        assert item.attributes["Bald"] is False
        assert found.get("000002", "train").attributes == {}
        assert Path(item.media.path).is_file()
        assert dm.Dataset.detect(path.parent) == name


def test_tables(tmp_path: Path):
    found = read(make(tmp_path, TABLES), "celeba")
    assert count(found)[0] == {"val": 1, "test": 1, "train": 1}
    item = found.get("1", "val")
    assert [(a.type.name, getattr(a, "points", None), a.label) for a in item.annotations] == [
        ("label", None, 2),
        ("label", None, 1),
        ("points", [1, 2, 3.5, 4], 2),
        ("bbox", [1, 2, 4, 6], 2),
    ]
    assert item.attributes == {"Bald": False, "Young": True}
    assert found.get("a b", "test").attributes == {"Bald": True, "Young": True}
    assert found.get("other", "train").annotations == []
    points = found.categories()[dm.AnnotationType.points]
    assert sorted(points.items) == [0, 1, 2]
    assert points.items[2].labels == ["lefteye", "nose"]


def test_identities_alone_and_labels_in_dataset_meta(tmp_path: Path):
    make(
        tmp_path / "x",
        {
            "Anno/identity_CelebA.txt": "1.jpg 1\n2.jpg 5\n",
            "dataset_meta.json": '{"labels": ["a", "b"]}',
        },
    )
    with pytest.raises(UndeclaredLabelError, match=r"identity_CelebA.txt: line 2: identity 5"):
        read(tmp_path, "celeba")
    found = read(tmp_path, "celeba", error_policy="skip")
    assert (count(found), label_names(found)) == (({"default": 2}, {"label": 1}), ["a", "b"])


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("Anno/identity_CelebA.txt", "1.jpg x\n", InvalidAnnotationError, "line 1.*its identity"),
        ("Anno/identity_CelebA.txt", "1.jpg\n", InvalidAnnotationError, "line 1.*its identity"),
        ("Anno/identity_CelebA.txt", "1.jpg 9999999\n", UndeclaredLabelError, "identity 9999999"),
        ("Anno/identity_CelebA.txt", "../../1.jpg 1\n", PathOutsideDatasetError, "line 1"),
        ("Anno/identity_CelebA.txt", "a/../1.jpg 1\n", MalformedFileError, "without '..'"),
        (
            "Anno/list_attr_celeba.txt",
            "2\nA\n1.jpg 1\n",
            MalformedFileError,
            "line 1: '2'; expected 1",
        ),
        ("Anno/list_attr_celeba.txt", "1\nA\n1.jpg 2\n", InvalidAnnotationError, "1 times 1 or -1"),
        ("Anno/list_attr_celeba.txt", "1\nA\n1.jpg 1 1\n", InvalidAnnotationError, "line 3"),
        ("Anno/list_bbox_celeba.txt", "0\na b c\n", MalformedFileError, "image_id x_1 y_1"),
        (
            "Anno/list_bbox_celeba.txt",
            "1\nimage_id x_1 y_1 width height\n1.jpg 1 2 nan 4\n",
            InvalidAnnotationError,
            "line 3.*four numbers",
        ),
        ("Anno/list_landmarks_celeba.txt", "0\na_x b_y\n", MalformedFileError, "name_x name_y"),
        (
            "Anno/list_landmarks_celeba.txt",
            "1\na_x a_y\n1.jpg 1\n",
            InvalidAnnotationError,
            "2 numbers",
        ),
        ("Eval/list_eval_partition.txt", "1.jpg 3\n", InvalidAnnotationError, "2 .test."),
        ("Anno/identity_CelebA.txt", b"\xff\xfe", MalformedFileError, "not UTF-8"),
    ],
)
def test_a_wrong_line(
    tmp_path: Path, name: str, text: str | bytes, error: type[Exception], message: str
):
    make(tmp_path, {**TABLES, name: text})
    with pytest.raises(error, match=f"{Path(name).name}.*{message}"):
        read(tmp_path, "celeba")


def test_detection(tmp_path: Path):
    assert "no Anno/identity_CelebA.txt" in str(detect(make(tmp_path, {"x": ""}), "celeba"))
    with pytest.raises(DatasetNotFoundError, match=r"no Anno/identity_CelebA.txt"):
        read(tmp_path, "align_celeba")
    make(tmp_path, TABLES)
    assert "no Img/img_align_celeba" in str(detect(tmp_path, "align_celeba"))
