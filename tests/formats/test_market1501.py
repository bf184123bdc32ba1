"""Market-1501: what names of files tell, what is written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    PathOutsideDatasetError,
    PathSeparatorInSubsetNameError,
    UnsupportedContentError,
)
from format_files import ODD_IDS, count, detect, image, lost, make, read, written

ALL = {
    "person_id": "0002",
    "camera_id": 0,
    "track_id": 3,
    "frame_id": 151,
    "bbox_id": 1,
    "query": False,
}


def item(item_id: str, subset: str = "train", **attributes: object) -> dm.DatasetItem:
    return dm.DatasetItem(item_id, subset=subset, media=image(), attributes=attributes)


def of(*items: dm.DatasetItem) -> dm.Dataset:
    return dm.Dataset.from_iterable(items)


def told(dataset: dm.Dataset) -> dict[str, dict[str, object]]:
    return {i.id: i.attributes for i in dataset}


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    path = shared_data / "formats/market1501_dataset"
    found = read(path, "market1501")
    assert count(found)[0] == {"query": 1, "test": 1, "train": 1}
    assert told(found)["0002_c1s3_000151_00"] == {**ALL, "bbox_id": 0}
    assert told(found)["0001_c2s3_000111_00"]["query"] is True
    assert dm.Dataset.detect(path) == "market1501"


def test_lists_say_what_is_in_a_subset(tmp_path: Path):
    make(
        tmp_path,
        {
            "images_train.txt": "bounding_box_train/0002_c1s3_000151_01.jpg\nquery/plain.jpg\n\n",
            "bounding_box_train/0002_c1s3_000151_01.jpg": b"",
            "bounding_box_train/0003_c1s3_000151_01.jpg": b"",
        },
    )
    found = read(tmp_path, "market1501")
    assert count(found)[0] == {"train": 2}
    assert told(found) == {"0002_c1s3_000151_01": ALL, "plain": {"query": True}}


def test_names_behind_what_is_told(tmp_path: Path):
    names = ("-1_c6s10_000000_00.jpg", "0002_c1s3_000151_01left.png", "0002_c1s3_000151_01_7.png")
    make(tmp_path, {f"bounding_box_test/a/{name}": b"" for name in names})
    found = told(read(tmp_path, "market1501"))
    assert list(found) == ["a/-1_c6s10_000000_00", "a/7", "a/left"]
    assert (found["a/left"], found["a/7"]) == (ALL, ALL)
    assert found["a/-1_c6s10_000000_00"]["person_id"] == "-1"


@pytest.mark.parametrize("line", ["../x.jpg", "/etc/x.jpg", "a/../../x.jpg"])
def test_lists_that_lead_outside(tmp_path: Path, line: str):
    make(tmp_path, {"images_train.txt": f"{line}\n"})
    with pytest.raises(PathOutsideDatasetError, match=r"images_train.txt: line 1"):
        read(tmp_path, "market1501")


def test_detection(tmp_path: Path):
    make(tmp_path, {"images_train.txt": "a.jpg\n"})
    assert "no folder bounding_box_" in str(detect(tmp_path, "market1501"))
    with pytest.raises(DatasetNotFoundError, match="no bounding_box_"):
        read(make(tmp_path / "x", {"a": ""}), "market1501")


# --- writing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "item_id", [*ODD_IDS, "0002_c1s3_000151_01", "0009_c1s1_000001_00x", "_", "5_"]
)
@pytest.mark.parametrize("attributes", [{}, ALL, {"camera_id": 4}, {**ALL, "query": True}])
def test_there_and_back(tmp_path: Path, item_id: str, attributes: dict[str, object]):
    received = written(of(item(item_id, **attributes)), tmp_path, "market1501", save_media=True)
    (found,) = received
    assert found.id == item_id
    assert {**found.attributes, **attributes} == {"query": False} | found.attributes
    assert found.media.data is not None


def test_the_files(tmp_path: Path):
    items = [item("0002_c1s3_000151_01", **ALL), item("face", "query", **{**ALL, "query": True})]
    of(*items).export(str(tmp_path / "o"), "market1501", save_media=True)
    files = sorted(str(p.relative_to(tmp_path / "o")) for p in (tmp_path / "o").rglob("*.*"))
    assert files == [
        "bounding_box_train/0002_c1s3_000151_01.png",
        "images_query.txt",
        "images_train.txt",
        "query/0002_c1s3_000151_01face.png",
    ]
    assert (tmp_path / "o/images_query.txt").read_text() == "query/0002_c1s3_000151_01face.png\n"


def test_attributes_that_names_do_not_hold(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    received = written(
        of(item("a", person_id="Bob", camera_id=-1, frame_id=2.5)), tmp_path, "market1501"
    )
    assert told(received) == {"a": {"query": False}}
    for key in ("person_id", "camera_id", "frame_id"):
        assert f"1 {key}, where it is no number" in lost(caplog)


def test_what_is_refused(tmp_path: Path):
    out = str(tmp_path / "o")
    with pytest.raises(UnsupportedContentError, match="one image a line"):
        of(item("a\nb")).export(out, "market1501")
    with pytest.raises(PathSeparatorInSubsetNameError):
        of(item("a", "x/y")).export(out, "market1501")
