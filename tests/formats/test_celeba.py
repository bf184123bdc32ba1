"""CelebA: what is read from its tables, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats import registry
from datumaro.testing.comparison import differences, everything
from datumaro.testing.exchange import warnings_of_datumaro
from format_files import count, detect, image, label_names, lost, make, read, written
from formats.fitting import FittingConformance

TABLES: dict[str, str | bytes] = {
    "Anno/identity_CelebA.txt": '1.jpg 2\n"a b.jpg" 0\n1.jpg 1\n',
    "Anno/list_attr_celeba.txt": '2\nBald Young\n1.jpg -1  1\n"a b.jpg" 1 1\n',
    "Anno/list_bbox_celeba.txt": "1\nimage_id x_1 y_1 width height\n1.jpg 1 2 3 4\n",
    "Anno/list_landmarks_celeba.txt": "1\nlefteye_x lefteye_y nose_x nose_y\n1.jpg 1 2 3.5 4\n",
    "Eval/list_eval_partition.txt": '1.jpg 1\n"a b.jpg" 2\nother.jpg 0\n',
    "Img/img_celeba/1.jpg": b"",
}


class _Conformance(FittingConformance):
    """Points and boxes have the label of their item; all items as many points and attributes."""

    def fit(self, dataset: dm.Dataset) -> dm.Dataset:
        keys = {key for item in dataset for key in item.attributes}
        for item in dataset:
            label = next((a.label for a in item.annotations if isinstance(a, dm.Label)), None)
            for annotation in item.annotations:
                if not isinstance(annotation, dm.Label):
                    annotation.label = label
                if isinstance(annotation, dm.Points):
                    annotation.points, annotation.visibility = [1, 2, 3.5, 4], [2, 2]
            if item.attributes:
                item.attributes = dict.fromkeys(keys, False) | item.attributes
        return dataset


class TestConformance(_Conformance):
    format = "celeba"
    max_examples = 10


class TestConformanceAligned(_Conformance):
    format = "align_celeba"
    max_examples = 5


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


# --- writing ------------------------------------------------------------------------------------


def item(item_id: str, *annotations: dm.Annotation, **more: Any) -> dm.DatasetItem:
    return dm.DatasetItem(item_id, annotations=list(annotations), **{"subset": "train", **more})


def tables(root: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in root.rglob("*.txt")}


@pytest.mark.parametrize("format", ["celeba", "align_celeba"])
def test_a_sample_comes_back(shared_data: Path, tmp_path: Path, format: str):
    sent = read(shared_data / f"formats/{format}_dataset/dataset", format)
    with warnings_of_datumaro() as said:
        received = written(sent, tmp_path, format, save_media=True)
    assert not said
    assert not differences(sent, received, everything(registry.get(format).holds))
    assert not (tmp_path / "dataset_meta.json").exists()
    for one in sent:
        assert received.get(one.id, one.subset).media.bytes == one.media.bytes


def test_written_tables(tmp_path: Path):
    found = [
        item(
            "a b",
            *(dm.Label(1), dm.Points([1, 2, 3.25, 4], label=1), dm.Bbox(1, 2, 3.5, 4, label=1)),
        ),
        item("d/1.5", dm.Label(0), dm.Label(1), attributes={"Bald": True}, subset="val"),
        item("c", subset="test", attributes={"Young": False, "Bald": False}),
    ]  # fmt: skip
    dataset = dm.Dataset.from_iterable(
        found,
        categories={
            dm.AnnotationType.label: dm.LabelCategories.from_iterable(["Ann", "Bob"]),
            dm.AnnotationType.points: dm.PointsCategories.from_iterable(
                [(n, ["eye", "nose"]) for n in (0, 1)]
            ),
        },
    )
    received = written(dataset, tmp_path, "celeba", image_ext=".png")
    assert tables(tmp_path) == {
        "identity_CelebA.txt": '"a b.png" 1\nd/1.5.png 0\nd/1.5.png 1\n',
        "list_eval_partition.txt": '"a b.png" 0\nd/1.5.png 1\nc.png 2\n',
        "list_attr_celeba.txt": "2\nBald Young\nd/1.5.png 1 -1\nc.png -1 -1\n",
        "list_bbox_celeba.txt": '1\nimage_id x_1 y_1 width height\n"a b.png" 1 2 3.5 4\n',
        "list_landmarks_celeba.txt": '1\neye_x eye_y nose_x nose_y\n"a b.png" 1 2 3.25 4\n',
    }
    assert label_names(received) == ["Ann", "Bob"]  # in dataset_meta.json
    assert received.categories()[dm.AnnotationType.points].items[1].labels == ["eye", "nose"]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"attributes": {"Bald": "much"}}, "1 attributes of items"),
        ({"attributes": {"two words": True}}, "1 attributes of items"),
        ({"attributes": {"Bald": True}}, "3 attributes that an item has not"),
        ({"annotations": [dm.Points([1, 2, 3, 4])]}, "1 points that are not 1 in number"),
        ({"annotations": [dm.Points([1, 2e9])]}, "1 points and boxes that are no numbers"),
        ({"annotations": [dm.Bbox(1, 2, 3, 4, label=0)]}, "whose item has none: it gets one"),
        ({"annotations": [dm.Label(0), dm.Bbox(1, 2, 3, 4)]}, "that are not their item's first"),
        ({"annotations": [dm.Label(7)]}, "not among the categories"),
    ],
)
def test_what_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], what: str
):
    known = [dm.Points([1, 2]), dm.Points([3, 4])]
    others = [
        item(str(number), points, attributes={"Young": True}) for number, points in enumerate(known)
    ]
    dataset = dm.Dataset.from_iterable(
        [*others, dm.DatasetItem("x", **{"subset": "val"} | changes)], categories=["class-0"]
    )
    written(dataset, tmp_path, "celeba")
    assert what in lost(caplog)


def test_both_formats_in_one_folder(shared_data: Path, tmp_path: Path):
    """As the published data set has them: an export leaves the other's key points and images."""
    for format in ("align_celeba", "celeba"):
        sent = read(shared_data / f"formats/{format}_dataset/dataset", format)
        sent.export(tmp_path, format, save_media=True)
    for format in ("align_celeba", "celeba"):
        sent = read(shared_data / f"formats/{format}_dataset/dataset", format)
        received = read(tmp_path, format)
        assert not differences(sent, received, registry.get(format).holds)


def test_the_default_subset_is_train(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    dataset = dm.Dataset.from_iterable([dm.DatasetItem("a")])
    assert [i.subset for i in written(dataset, tmp_path, "celeba")] == ["train"]
    assert "names of subsets" in lost(caplog)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([item("a"), item("a", subset="val")], "'a' of subset 'train' and .* both be 'a.png'"),
        ([item('a "b"')], "white space and double quotes"),
        ([item("a\nb")], "line breaks"),
        ([item("a", subset="valid")], "subset 'valid'"),
        ([item("a"), item("b", subset="default")], "subset 'default'"),
    ],
)
@pytest.mark.parametrize("save_media", [False, True])
def test_names_that_cannot_be_written(
    tmp_path: Path, items: list[dm.DatasetItem], message: str, save_media: bool
):
    for shade, one in enumerate(items):
        one.media = image(shade=shade)
    with pytest.raises(UnsupportedContentError, match=message):
        dm.Dataset.from_iterable(items).export(tmp_path / "x", "celeba", save_media=save_media)
    assert not (tmp_path / "x").exists()


def test_names_with_quotes_alone(tmp_path: Path):
    names = ['"a"', 'a"b', '"a', "\ufeffa", "a\u2028b"]
    dataset = dm.Dataset.from_iterable(
        [item(name, dm.Label(0)) for name in names], categories=["x"]
    )
    assert [one.id for one in written(dataset, tmp_path, "celeba")] == names
