"""VGGFace2: what is read from its tables, what is written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import datumaro as dm
from datumaro.dataset import Dataset
from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
    PathSeparatorInSubsetNameError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from format_files import count, detect, image, label_names, lost, make, read, written
from formats.fitting import FittingConformance

FIVE = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
HEAD = "NAME_ID,P1X,P1Y,P2X,P2Y,P3X,P3Y,P4X,P4Y,P5X,P5Y\n"
BOXES, POINTS = "bb_landmark/loose_bb_train.csv", "bb_landmark/loose_landmark_train.csv"


class TestConformance(FittingConformance):
    """An item has one label, and an id in its folder; points are five."""

    format = "vgg_face2"

    def fit(self, dataset: Dataset) -> Dataset:
        names = dataset.get_label_cat_names()
        for item in dataset:
            kinds = {a.type for a in item.annotations}
            kept = [
                a
                for a in item.annotations
                if a.type is not dm.AnnotationType.label or dm.AnnotationType.points not in kinds
            ]
            label = next((a.label for a in kept), None)
            for annotation in kept:
                annotation.label = label
                if annotation.type is dm.AnnotationType.points:
                    annotation.points, annotation.visibility = FIVE, [2] * 5
            item.annotations = kept
            item.id = f"{'no_label' if label is None else names[label]}/{item.id}"
        return dataset

    def test_odd_ids(self) -> None:  # see test_ids
        pass

    def test_two_exports_into_one_folder(self) -> None:  # ids are fitted twice
        pass


def one(root: Path, points: str = "", boxes: str = "", **more: str) -> Path:
    files = {POINTS: HEAD + points, BOXES: "NAME_ID,X,Y,W,H\n" + boxes}
    return make(root, files | {f"{name}.txt": text for name, text in more.items()})


def annotations(item: dm.DatasetItem) -> list[tuple[str, int | None, list[float]]]:
    return [(a.type.name, a.label, list(getattr(a, "points", []))) for a in item.annotations]


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    path = shared_data / "formats/vgg_face2_dataset"
    found = read(path, "vgg_face2")
    assert count(found) == ({"test": 1, "train": 3}, {"points": 4, "bbox": 4})
    labels = found.categories()[dm.AnnotationType.label]
    assert [(c.name, c.parent) for c in labels] == [
        ("n000001", "Karl"),
        ("n000002", "Jay"),
        ("n000003", "Pol"),
    ]
    item = found.get("n000002/0001_01", "train")
    assert annotations(item)[1] == ("bbox", 1, [2, 4, 4, 6])
    assert item.media.size == (10, 15)
    assert dm.Dataset.detect(path) == "vgg_face2"


def test_rows_without_points_are_labels(tmp_path: Path):
    one(
        tmp_path, "b/1,,,,,,,,,,\nno_label/2,,,,,,,,,,\na/3,1,2,3,4,5,6,7,8,9,10\n", "b/1,1,2,3,4\n"
    )
    found = read(tmp_path, "vgg_face2")
    assert label_names(found) == ["a", "b"]  # sorted, where there is no file of them
    assert [annotations(i) for i in found] == [
        [("label", 1, []), ("bbox", 1, [1, 2, 4, 6])],
        [],
        [("points", 0, FIVE)],
    ]


@pytest.mark.parametrize(
    ("points", "boxes", "error", "message"),
    [
        (
            "a/1,1,2,3,4,5,6,7,8,9,\n",
            "",
            InvalidAnnotationError,
            "landmark_train.csv: line 2.*five",
        ),
        ("a/1,,,,,,,,,,\na/1,,,,,,,,,,\n", "", InvalidAnnotationError, "line 3: another"),
        ("", "a/1,1,2,3,4\na/1,1,2,3,4\n", InvalidAnnotationError, "loose_bb_train.csv: line 3"),
        ("", "a/1,1,2,3,1e99\n", InvalidAnnotationError, "line 2.*four numbers of pixels"),
        ("", "a/1,1,2,3,x\n", MalformedFileError, "line 2: H 'x'"),
        ("", "../../a/1,1,2,3,4\n", PathOutsideDatasetError, "line 2"),
        ("", "a/../1,1,2,3,4\n", MalformedFileError, "line 2: name 'a/../1'"),
    ],
)
def test_a_wrong_row(tmp_path: Path, points: str, boxes: str, error: type[Exception], message: str):
    one(tmp_path, points, boxes)
    with pytest.raises(error, match=message):
        read(tmp_path, "vgg_face2")


def test_labels_that_are_not_stated(tmp_path: Path):
    one(tmp_path, boxes="b/1,1,2,3,4\n", labels="a\n")
    with pytest.raises(UndeclaredLabelError, match=r"b/1.*label 'b'.*labels.txt"):
        read(tmp_path, "vgg_face2")
    found = read(tmp_path, "vgg_face2", error_policy="skip")
    assert [annotations(i) for i in found] == [[("bbox", None, [1, 2, 4, 6])]]


def test_a_table_without_its_columns(tmp_path: Path):
    make(tmp_path, {BOXES: "NAME_ID,X,Y\n"})
    with pytest.raises(MalformedFileError, match=r"loose_bb_train.csv: line 1.*one column W"):
        read(tmp_path, "vgg_face2")


def test_detection(tmp_path: Path):
    assert "no bb_landmark" in str(detect(make(tmp_path, {"x": ""}), "vgg_face2"))
    with pytest.raises(DatasetNotFoundError, match="no bb_landmark"):
        read(tmp_path, "vgg_face2")
    make(tmp_path, {BOXES: "x,y\n"})
    assert "does not begin with NAME_ID" in str(detect(tmp_path, "vgg_face2"))


# --- writing ------------------------------------------------------------------------------------


def of(*items: dm.DatasetItem) -> dm.Dataset:
    return dm.Dataset.from_iterable(items, categories=[("n1", "Karl"), "n2"])


def face(item_id: str, *annotations: object, subset: str = "train") -> dm.DatasetItem:
    return dm.DatasetItem(item_id, subset=subset, media=image(), annotations=list(annotations))


def test_the_files(tmp_path: Path):
    box, points = dm.Bbox(1, 2, 3.25, 4, label=0), dm.Points(FIVE, label=0)
    items = [face("n1/a,1", box, points), face("n2/b", dm.Label(1)), face("no_label/c")]
    received = written(of(*items), tmp_path, "vgg_face2", save_media=True)
    assert [i.id for i in received] == ["n1/a,1", "n2/b", "no_label/c"]
    assert (tmp_path / BOXES).read_bytes().decode() == (
        'NAME_ID,X,Y,W,H\r\n"n1/a,1",1.0,2.0,3.25,4.0\r\n'
    )
    assert (tmp_path / "labels.txt").read_text() == "n1 Karl\nn2\n"
    assert (tmp_path / "train/no_label/c.png").is_file()


def test_ids(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    items = [face("a", dm.Label(1)), face("n1/x", dm.Label(1)), face("ünï/é f")]
    received = written(of(*items), tmp_path, "vgg_face2")
    assert sorted(i.id for i in received) == ["n2/a", "n2/n1/x", "no_label/ünï/é f"]
    assert "3 ids that do not begin with the folder of the item's label" in lost(caplog)


def test_what_an_item_cannot_have(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    items = [
        face("n1/a", dm.Points(FIVE[:6], label=0), dm.Bbox(1, 1, 1, 1, label=1)),
        face("n1/b", dm.Label(0), dm.Points(FIVE, label=0)),
        face("n1/c", dm.Bbox(1, 1, 1, 1, label=0), dm.Bbox(2, 1, 1, 1, label=0)),
    ]
    received = written(of(*items), tmp_path, "vgg_face2")
    assert {i.id: [kind for kind, _, _ in annotations(i)] for i in received} == {
        "n1/a": ["bbox"],
        "n1/b": ["points"],
        "n1/c": ["bbox"],
    }
    for what in (
        "1 points that are more or fewer than five",
        "1 labels that differ from another of their item",
        "1 labels of items that have points",
        "1 boxes beyond 1 of an item",
    ):
        assert what in lost(caplog)


def test_what_is_refused(tmp_path: Path):
    out = str(tmp_path / "o")
    for name in ("a b", "a/b", "no_label", ".."):
        with pytest.raises(UnsupportedContentError, match="a folder of that name"):
            dm.Dataset.from_iterable([], categories=[name]).export(out, "vgg_face2")
    with pytest.raises(UnsupportedContentError, match="tables lie in a folder"):
        of(face("a", subset="bb_landmark")).export(out, "vgg_face2")
    with pytest.raises(PathSeparatorInSubsetNameError):
        of(face("a", subset="a/b")).export(out, "vgg_face2")
