"""``datum filter``, and the filter of ``datum convert``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import datumaro as dm


@pytest.fixture
def coco(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three images in COCO."""
    monkeypatch.chdir(tmp_path)
    picture = np.zeros((4, 6, 3), np.uint8)
    boxes = [dm.Bbox(0, 0, 2, 2, label=label, id=label + 1, group=label + 1) for label in (0, 1)]
    items = [
        dm.DatasetItem(
            name, subset=subset, media=dm.Image.from_numpy(picture), annotations=annotations
        )
        for name, subset, annotations in (
            ("a", "train", boxes), ("b", "train", []), ("c", "val", boxes[1:]),
        )
    ]  # fmt: skip
    dm.Dataset.from_iterable(items, categories=["cat", "dog"]).export(
        "coco", "coco", save_media=True
    )
    (Path("coco") / "notes.txt").write_text("mine")
    return Path("coco")


def content(folder: Path | str) -> dict[str, list[int]]:
    dataset = dm.Dataset.import_from(folder)
    assert dataset.format == "coco_instances"
    return {item.id: [a.label for a in item.annotations] for item in dataset}


def files(folder: Path | str) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in Path(folder).rglob("*") if p.is_file()}


def test_into_another_folder(datum, coco: Path):
    done = datum("filter", coco, "-e", '/item[subset="train"]', "-o", "out")
    assert (done.code, done.out) == (0, "")
    assert "kept 2 of 3 items and 2 of 3 annotations, wrote them to out" in done.err
    assert content("out") == {"a": [0, 1], "b": []}
    assert {"images/train/a.jpg", "images/train/b.jpg"} <= files("out")
    assert content(coco).keys() == {"a", "b", "c"}


@pytest.mark.parametrize("mode", ["i+a", "a+i", "annotations+items", "Items+Annotations"])
def test_annotations_and_items_that_have_some(datum, coco: Path, mode: str):
    expression = '/item/annotation[label="dog"]'
    assert datum("filter", coco, "-e", expression, "-m", mode, "-o", "out").code == 0
    assert content("out") == {"a": [1], "c": [1]}


@pytest.mark.parametrize("mode", ["a", "annotations"])
def test_annotations_of_all_items(datum, coco: Path, mode: str):
    expression = '/item/annotation[label="dog"]'
    assert datum("filter", coco, "-e", expression, "-m", mode, "-o", "out").code == 0
    assert content("out") == {"a": [1], "b": [], "c": [1]}


def test_in_place(datum, coco: Path):
    """Nothing of what was filtered out stays behind; what is no part of the data set does."""
    done = datum("filter", coco, "-e", '/item[annotation/label="cat"]')
    assert done.code == 1
    assert "say so with --overwrite" in done.err

    assert datum("filter", coco, "-e", '/item[annotation/label="cat"]', "--overwrite").code == 0
    assert content(coco) == {"a": [0, 1]}
    assert files(coco) == {"annotations/instances_train.json", "images/train/a.jpg", "notes.txt"}


def test_in_place_of_a_folder_of_images(datum, coco: Path):
    """Where the images are the data set, those that are filtered out go."""
    Path("coco/notes.txt").unlink()
    assert datum("convert", "-i", coco, "-f", "image_dir", "-o", "images").code == 0
    assert datum("filter", "images:image_dir", "-e", 'id="b"', "--overwrite").code == 0
    assert files("images") == {"b.jpg"}


def test_a_failure_leaves_the_data_set_as_it_was(
    datum, coco: Path, monkeypatch: pytest.MonkeyPatch
):
    before = content(coco), files(coco)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("datumaro.formats.coco.writer.Writer.write", fail)
    done = datum("filter", coco, "-e", 'id="b"', "--overwrite")
    assert done.code == 1 and "No space left" in done.err
    assert (content(coco), files(coco)) == before


def test_dry_run(datum, coco: Path):
    before = files(".")
    done = datum("filter", coco, "-e", '/item/annotation[label="cat"]', "-m", "a", "--dry-run")
    assert done.code == 0
    assert done.out.count("<item>") == 3 and done.out.count("<annotation>") == 1
    assert "</item>\n\n<item>" in done.out
    assert "kept 3 of 3 items and 1 of 3 annotations (" in done.err
    assert files(".") == before


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["-e", "/item["], 1, "the filter is no XPath: the end is where"),
        (["-e", "/item", "-m", "a"], 1, "annotations are wanted"),
        (["-e", "id", "-m", "all"], 2, "'all' is no mode"),
        ([], 2, "required: -e/--filter"),
        (["-e", "id", "-o", "coco/images/train"], 1, "exists and is not empty"),
        (["-e", "id", "-o", "."], 1, "the data set that is read lies there"),
    ],
)
def test_what_is_wrong(datum, coco: Path, arguments: list[str], code: int, says: str):
    before = files(".")
    done = datum("filter", coco, *arguments)
    assert done.code == code
    assert says in done.err
    assert files(".") == before


def test_a_wrong_expression_is_told_before_anything_is_read(datum, tmp_path: Path):
    assert "no XPath" in datum("filter", tmp_path / "nowhere", "-e", "[").err


def test_a_single_file_needs_a_folder_for_the_result(datum, coco: Path):
    done = datum("filter", "coco/annotations/instances_train.json", "-e", "id", "--overwrite")
    assert done.code == 1 and "choose a folder for the result with -o" in done.err


def test_convert(datum, coco: Path):
    filtered = ("-e", '/item/annotation[label="dog"]', "--filter-mode", "i+a")
    done = datum("convert", "-i", coco, *filtered, "-f", "datumaro", "-o", "out")
    assert done.code == 0
    dataset = dm.Dataset.import_from("out", "datumaro")
    assert {i.id: [a.label for a in i.annotations] for i in dataset} == {"a": [1], "c": [1]}
    done = datum("convert", "-i", coco, "-e", "][", "-f", "datumaro", "-o", "other")
    assert done.code == 1 and "no XPath" in done.err
