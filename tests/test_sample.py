"""The made-up data set: what is in it, that it is the same every time, that pictures fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask

from datumaro.sample import write_sample


def load(folder: Path, subset: str) -> dict[str, Any]:
    return json.loads((folder / f"annotations/instances_{subset}.json").read_text())


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "shapes"
    write_sample(folder, 2500, images=False)
    return folder


def test_it_has_as_many_images_as_asked_for_in_two_subsets(sample: Path) -> None:
    train, val = load(sample, "train"), load(sample, "val")
    assert (len(train["images"]), len(val["images"])) == (2250, 250)
    assert len({(image["height"], image["width"]) for image in train["images"]}) > 3
    assert not (sample / "images").exists()


@pytest.mark.parametrize(("n", "train", "val"), [(0, 0, 0), (1, 1, 0), (2, 1, 1), (1001, 901, 100)])
def test_any_number_of_images(tmp_path: Path, n: int, train: int, val: int) -> None:
    write_sample(tmp_path / "s", n, images=False)
    assert len(load(tmp_path / "s", "train")["images"]) == train
    assert len(load(tmp_path / "s", "val")["images"]) == val


def test_ids_are_unique_and_have_gaps(sample: Path) -> None:
    both = [load(sample, "train"), load(sample, "val")]
    for kind in ("images", "annotations"):
        ids = [thing["id"] for data in both for thing in data[kind]]
        assert len(set(ids)) == len(ids) < max(ids)
    categories = [c["id"] for c in both[0]["categories"]]
    assert categories == sorted(set(categories))
    assert max(categories) > len(categories)
    for data in both:
        images = {image["id"] for image in data["images"]}
        assert {a["image_id"] for a in data["annotations"]} < images, "some images have none"
        assert {a["category_id"] for a in data["annotations"]} <= set(categories)


def test_it_is_like_coco_in_numbers(sample: Path) -> None:
    data = load(sample, "train")
    assert 6.5 < len(data["annotations"]) / len(data["images"]) < 8
    polygons = [p for a in data["annotations"] if not a["iscrowd"] for p in a["segmentation"]]
    lengths = np.array([len(p) / 2 for p in polygons])
    assert 18 < lengths.mean() < 23
    assert lengths.min() == 4
    assert lengths.max() > 120
    crowds = sum(a["iscrowd"] for a in data["annotations"])
    assert 0.006 < crowds / len(data["annotations"]) < 0.02


def test_areas_and_boxes_are_those_of_the_outlines(sample: Path) -> None:
    data = load(sample, "val")
    sizes = {image["id"]: (image["height"], image["width"]) for image in data["images"]}
    for annotation in data["annotations"]:
        height, width = sizes[annotation["image_id"]]
        segmentation, (x, y, w, h) = annotation["segmentation"], annotation["bbox"]
        assert min(x, y) >= 0
        assert max(x + w - width, y + h - height) < 0.01
        if annotation["iscrowd"]:
            rle = coco_mask.frPyObjects(segmentation, height, width)
            assert segmentation["size"] == [height, width]
            assert coco_mask.area(rle) == annotation["area"] > 0
            assert coco_mask.toBbox(rle).tolist() == annotation["bbox"]
            continue
        outlines = [np.reshape(polygon, (-1, 2)) for polygon in segmentation]
        corners = np.concatenate(outlines)
        np.testing.assert_allclose([*corners.min(0), *np.ptp(corners, 0)], [x, y, w, h], atol=0.006)
        area = 0.0
        for x, y in (outline.T for outline in outlines):  # the shoelace formula
            area += abs((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2
        assert annotation["area"] == pytest.approx(area)


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_sample(tmp_path / name, 6, seed=seed)
    contents = {
        name: {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in "abc"
    }
    assert contents["a"] == contents["b"] != contents["c"]


def test_pictures_show_what_the_annotations_outline(tmp_path: Path) -> None:
    write_sample(tmp_path / "s", 12, seed=5)
    data = load(tmp_path / "s", "train")
    red = next(c["id"] for c in data["categories"] if c["name"] == "ball")
    n_balls = 0
    for image in data["images"]:
        with Image.open(tmp_path / "s/images/train" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])
            pixels = np.asarray(picture).astype(int)
        is_red = (pixels[:, :, 0] > 150) & (pixels[:, :, 1:].max(2) < 110)
        for annotation in data["annotations"]:
            if (annotation["image_id"], annotation["category_id"]) == (image["id"], red):
                canvas = Image.new("1", picture.size)
                ImageDraw.Draw(canvas).polygon(annotation["segmentation"][0], fill=1)
                assert is_red[np.asarray(canvas)].mean() > 0.6
                n_balls += 1
    assert n_balls > 5


def test_an_older_sample_is_replaced_and_other_files_stay(tmp_path: Path) -> None:
    write_sample(tmp_path / "s", 4)
    (tmp_path / "s" / "notes.md").write_text("mine")
    write_sample(tmp_path / "s", 2)
    assert len(list((tmp_path / "s").rglob("*.jpg"))) == 2
    assert (tmp_path / "s" / "notes.md").read_text() == "mine"


def test_a_negative_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="-1"):
        write_sample(tmp_path / "s", -1)
    assert not (tmp_path / "s").exists()
