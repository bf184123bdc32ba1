"""LFW: what is read from its lists, what is written, and what is refused."""

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


class TestConformance(FittingConformance):
    """Points have the label of their item; ids do not begin with a label's folder."""

    format = "lfw"

    def fit(self, dataset: Dataset) -> Dataset:
        for item in dataset:
            label = next((a.label for a in item.annotations if isinstance(a, dm.Label)), None)
            for annotation in item.annotations:
                annotation.label = label
        return dataset


def lists(root: Path, pairs: str = "", **more: str) -> Path:
    files = {"test/annotations/pairs.txt": pairs}
    return make(root, files | {f"test/annotations/{n}.txt": text for n, text in more.items()})


def labels(dataset: dm.Dataset) -> dict[str, tuple[str | None, dict[str, object]]]:
    """{item: (its person, pairs)}."""
    names = label_names(dataset)
    found: dict[str, tuple[str | None, dict[str, object]]] = {}
    for item in dataset:
        label = next((a for a in item.annotations if isinstance(a, dm.Label)), None)
        found[item.id] = (names[label.label], label.attributes) if label else (None, {})
    return found


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    path = shared_data / "formats/lfw_dataset"
    found = read(path, "lfw")
    assert count(found) == ({"test": 3}, {"label": 3, "points": 3})
    assert labels(found) == {
        "name1_0001": ("name1", {"positive_pairs": ["name1/name1_0002"]}),
        "name1_0002": ("name1", {}),
        "name0_0001": ("name0", {"negative_pairs": ["name1/name1_0001", "name1/name1_0002"]}),
    }
    item = found.get("name0_0001", "test")
    assert item.annotations[1].points == [0, 4, 3, 3, 2, 2, 1, 0, 3, 0]
    assert item.media.size == (2, 5)
    assert dm.Dataset.detect(path) == "lfw"


def test_lists(tmp_path: Path):
    lists(
        tmp_path,
        "10\t300\nAnn B\t1\t2\nAnn B\t1\tCy\t3\n-\tstranger\tCy\t3\nCy/odd name\nother\n",
        people="2\nAnn B\t2\nCy\t5\nDi\t0\n",
        landmarks="Cy/odd name.jpg\t1\t2.5\nnew.jpg\t3\t4\n",
    )
    make(tmp_path, {"test/images/Cy/Cy_0009.png": b"", "test/images/other.png": b""})
    found = read(tmp_path, "lfw")
    assert label_names(found) == ["Ann B", "Cy", "Di"]
    assert labels(found) == {
        "Ann B_0001": (
            "Ann B",
            {"positive_pairs": ["Ann B/Ann B_0002"], "negative_pairs": ["Cy/Cy_0003"]},
        ),
        "Ann B_0002": ("Ann B", {}),
        "Cy_0003": ("Cy", {}),
        "stranger": (None, {}),
        "odd name": ("Cy", {}),
        "other": (None, {}),
        "Cy_0009": ("Cy", {}),
        "new": (None, {}),
    }
    assert found.get("odd name", "test").annotations[1].points == [1, 2.5]
    assert found.get("other", "test").media is not None
    assert len(read(tmp_path / "test", "lfw")) == 8


def test_labels_without_a_list_of_people(tmp_path: Path):
    make(lists(tmp_path, "A\t1\t2\n"), {"test/images/B/B_0001.jpg": b""})
    assert label_names(read(tmp_path, "lfw")) == ["B", "A"]
    make(tmp_path, {"dataset_meta.json": '{"labels": ["A"]}'})
    assert label_names(read(tmp_path, "lfw")) == ["A"]
    lists(tmp_path, "C\t1\t2\n")
    with pytest.raises(UndeclaredLabelError, match=r"pairs.txt: line 1: person 'C'"):
        read(tmp_path, "lfw")


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        ({"pairs": "a\t1\t2\t3\t4\n"}, InvalidAnnotationError, "pairs.txt: line 1.*two numbers"),
        ({"pairs": "a\t1\t2\nb\t1\n"}, InvalidAnnotationError, "pairs.txt: line 2"),
        ({"pairs": "../../x\n"}, PathOutsideDatasetError, "pairs.txt: line 1"),
        ({"pairs": "a/../x\n"}, MalformedFileError, "pairs.txt: line 1.*'a/../x'"),
        ({"pairs": "a\t\t2\n"}, MalformedFileError, "pairs.txt: line 1.*name of an image"),
        ({"people": "a\tmany\n"}, InvalidAnnotationError, "people.txt: line 1"),
        ({"landmarks": "a.jpg\t1\n"}, InvalidAnnotationError, "landmarks.txt: line 1.*pairs"),
        ({"landmarks": "a.jpg\t1\tx\n"}, InvalidAnnotationError, "landmarks.txt: line 1"),
        ({"landmarks": "a.jpg\t1\tnan\n"}, InvalidAnnotationError, "landmarks.txt: line 1"),
        (
            {"landmarks": "a.jpg\t1\t2\na.jpg\t1\t2\n"},
            InvalidAnnotationError,
            "landmarks.txt: line 2: another line of 'a'",
        ),
    ],
)
def test_a_wrong_line(tmp_path: Path, files: dict[str, str], error: type[Exception], message: str):
    lists(tmp_path, **files)
    with pytest.raises(error, match=message):
        read(tmp_path, "lfw")


def test_detection(tmp_path: Path):
    assert "no annotations/pairs.txt" in str(detect(make(tmp_path, {"a/b": ""}), "lfw"))
    with pytest.raises(DatasetNotFoundError, match=r"no annotations/pairs.txt"):
        read(tmp_path, "lfw")


# --- writing ------------------------------------------------------------------------------------


def person(item_id: str, label: int | None = 0, **pairs: object) -> dm.DatasetItem:
    found = [] if label is None else [dm.Label(label, attributes=pairs)]
    return dm.DatasetItem(item_id, subset="test", media=image(), annotations=found)


def of(*items: dm.DatasetItem) -> dm.Dataset:
    return dm.Dataset.from_iterable(items, categories=["Ann B", "7"])


def test_the_files(tmp_path: Path):
    items = [
        person("Ann B_0001", positive_pairs=["Ann B/Ann B_0002"], negative_pairs=["7/odd", "q"]),
        person("Ann B_0002"),
        person("odd", 1),
        person("q", None),
        person("12", 1),
    ]
    sent = of(*items)
    assert labels(written(sent, tmp_path, "lfw", save_media=True)) == labels(sent)
    folder = tmp_path / "test/annotations"
    assert (folder / "pairs.txt").read_text() == (
        "1\t3\nAnn B\t1\t2\nAnn B\t1\t7\todd\nAnn B\t1\t-\tq\nAnn B/Ann B_0002\n7/odd\nq\n7/12\n"
    )
    assert (folder / "people.txt").read_text() == "Ann B\t2\n7\t2\n"
    assert (tmp_path / "test/images/Ann B/Ann B_0001.png").is_file()


def test_pairs_that_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    items = [
        person("Ann B_0001", positive_pairs=["7/x", 5, "Ann B/12", "a\tb"], negative_pairs="none"),
        person("12"),
    ]
    received = written(of(*items), tmp_path, "lfw")
    assert labels(received)["Ann B_0001"] == ("Ann B", {})
    assert "4 positive_pairs that name no image of a person" in lost(caplog)


def test_points_of_other_labels(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    items = [person("a", 0), person("b", None)]
    for item in items:
        item.annotations = [*item.annotations, dm.Points([1, 2], label=1)]
    received = written(of(*items), tmp_path, "lfw")
    assert [[a.label for a in i.annotations] for i in received] == [[0, 0], [1, 1]]
    assert "1 labels of points that are not their item's" in lost(caplog)
    assert "1 points of a label that the item has not" in lost(caplog)


def test_what_is_refused(tmp_path: Path):
    out = str(tmp_path / "o")
    for name in ("a/b", "-", "..", " a", "a\tb"):
        with pytest.raises(UnsupportedContentError, match="a folder of that name"):
            dm.Dataset.from_iterable([], categories=[name]).export(out, "lfw")
    for item_id in ("a\tb", "a\nb", " a"):
        with pytest.raises(UnsupportedContentError, match="no tabs and line breaks"):
            of(person(item_id)).export(out, "lfw")
    with pytest.raises(UnsupportedContentError, match="begins with a label's name"):
        of(person("7/x", None)).export(out, "lfw")
    with pytest.raises(PathSeparatorInSubsetNameError):
        of(dm.DatasetItem("a", subset="x/y")).export(out, "lfw")
