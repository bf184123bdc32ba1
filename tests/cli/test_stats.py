"""``datum stats``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from datumaro.dataset import Dataset
from datumaro.model.annotation import Label
from datumaro.model.item import DatasetItem
from datumaro.model.media import PointCloud


@pytest.fixture
def pictured(toy: Path) -> Path:
    PILImage.fromarray(np.full((4, 5, 3), 9, np.uint8)).save(toy / "a.png")
    return toy


def test_a_table_and_a_file(datum, pictured: Path):
    done = datum("stats", pictured)

    assert done.code == 0
    rows = [line.split() for line in done.out.splitlines()]
    assert ["items", "3", "(1", "without", "annotations)"] in rows
    assert ["bbox", "3"] in rows
    assert ["dog", "2", "66.7%"] in rows
    assert "train" not in done.out and "val: mean RGB 9.0, 9.0, 9.0; deviation 0.0" in done.out
    assert "wrote all statistics to statistics.json" in done.err
    written = json.loads(Path("statistics.json").read_text())
    assert written["annotations count"] == 3
    assert written["annotations"]["labels"]["distribution"] == {
        "cat": [1, pytest.approx(1 / 3)],
        "dog": [2, pytest.approx(2 / 3)],
    }
    assert written["dataset"]["images count"] == 1
    assert written["subsets"]["train"]["image mean (RGB)"] == "n/a"


def test_the_next_free_name_is_taken(datum, toy: Path):
    for _ in range(3):
        assert datum("stats", toy, "--image-stats", "no").code == 0
    found = {path.name for path in Path().glob("*.json*")}
    assert found == {"statistics.json", "statistics.1.json", "statistics.2.json"}


def test_a_name_of_ones_own(datum, toy: Path):
    Path("mine.json").write_text("old")
    assert datum("stats", toy, "-o", "mine.json").code == 0
    assert json.loads(Path("mine.json").read_text())["images count"] == 3
    assert {path.name for path in Path().iterdir()} == {"toy", "mine.json"}


def test_one_subset(datum, toy: Path):
    assert datum("stats", toy, "-s", "val").code == 0
    written = json.loads(Path("statistics.json").read_text())
    assert (written["images count"], written["annotations count"]) == (1, 1)
    assert list(written["subsets"]) == ["val"]

    unknown = datum("stats", toy, "--subset", "test")
    assert unknown.code == 1
    assert "no subset 'test'; the subsets are: train, val" in unknown.err


@pytest.mark.parametrize(
    ("flags", "present", "absent"),
    [
        (["--image-stats", "no"], "annotations", "dataset"),
        (["--ann-stats", "no"], "dataset", "annotations"),
    ],
)
def test_parts(datum, toy: Path, flags: list[str], present: str, absent: str):
    assert datum("stats", toy, *flags).code == 0
    written = json.loads(Path("statistics.json").read_text())
    assert present in written and absent not in written


def test_missing_images_are_counted(datum, toy: Path):
    done = datum("stats", toy)
    assert done.code == 0
    assert ["missing", "1"] in [line.split() for line in done.out.splitlines()]


def test_data_sets_without_images(datum, toy: Path):
    items = [DatasetItem("a", media=PointCloud.from_file(path="a.pcd"), annotations=[Label(0)])]
    dataset = Dataset.from_iterable(items, categories=["cat"], media_type=PointCloud)
    dataset.export("clouds", "datumaro")

    done = datum("stats", "clouds")
    assert done.code == 0
    assert "no image statistics" in done.err and "point cloud" in done.err
    assert "dataset" not in json.loads(Path("statistics.json").read_text())

    asked = datum("stats", "clouds", "--image-stats", "yes")
    assert asked.code == 1
    assert "image statistics need images" in asked.err


def test_a_folder_that_is_not_there(datum, toy: Path):
    done = datum("stats", toy, "-o", "nowhere/statistics.json")
    assert done.code == 1
    assert "nowhere/statistics.json: the folder for it does not exist" in done.err
    assert done.out == ""
