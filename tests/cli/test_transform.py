"""``datum transform``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import datumaro as dm
from datumaro.operations.transforms import registry


@pytest.fixture
def coco(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two images in COCO."""
    monkeypatch.chdir(tmp_path)
    picture = np.zeros((4, 6, 3), np.uint8)
    items = [
        dm.DatasetItem(
            name,
            subset="train",
            media=dm.Image.from_numpy(picture),
            annotations=[dm.Bbox(0, 0, 2, 2, label=label, id=label + 1, group=label + 1)],
        )
        for label, name in enumerate("ab")
    ]
    dataset = dm.Dataset.from_iterable(items, categories=["cat", "dog"])
    dataset.export("coco", "coco", save_media=True)
    return Path("coco")


def content(folder: Path | str) -> dict[str, list[str]]:
    dataset = dm.Dataset.import_from(folder)
    names = dataset.get_label_cat_names()
    return {item.id: [names[a.label] for a in item.annotations] for item in dataset}


def files(folder: Path | str) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in Path(folder).rglob("*") if p.is_file()}


def test_into_another_folder(datum, coco: Path):
    done = datum(
        "transform", coco, "-t", "remap_labels", "-o", "out", "--", "-l", "cat:pet", "-l", "dog:pet"
    )
    assert (done.code, done.out) == (0, "")
    assert "wrote 2 items with 2 annotations to out" in done.err
    assert content("out") == {"a": ["pet"], "b": ["pet"]}
    assert content(coco) == {"a": ["cat"], "b": ["dog"]}


def test_in_place(datum, coco: Path):
    """Media get the new ids' names; those of the old ones go."""
    before = files(coco)
    done = datum("transform", coco, "-t", "rename", "--", "-e", "|^|x/|")
    assert done.code == 1 and "say so with --overwrite" in done.err
    assert files(coco) == before

    done = datum("transform", coco, "-t", "rename", "--overwrite", "--", "-e", "|^|x/|")
    assert done.code == 0
    assert content(coco) == {"x/a": ["cat"], "x/b": ["dog"]}
    assert files(coco) == {
        "annotations/instances_train.json",
        "images/train/x/a.jpg",
        "images/train/x/b.jpg",
    }


def test_images_are_resized(datum, coco: Path):
    done = datum("transform", coco, "-t", "resize", "-o", "out", "--", "-dw", "12", "-dh", "8")
    assert done.code == 0
    assert dm.Image.from_file("out/images/train/a.jpg").size == (8, 12)
    assert dm.Dataset.import_from("out")[0].annotations[0].points == [0, 0, 4, 4]


def test_the_list(datum):
    done = datum("transform", "--list")
    assert done.code == 0
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines] == registry.names()
    assert "rename                 change ids by search and replace" in lines


@pytest.mark.parametrize("name", registry.names())
def test_the_help_of_each_needs_no_data_set(datum, name: str):
    done = datum("transform", "nowhere", "-t", name, "--", "-h")
    assert (done.code, done.err) == (0, "")
    assert f"datum transform -t {name} ... --" in done.out
    assert registry.get(name).title in done.out


@pytest.mark.parametrize("name", registry.names())
def test_the_example_in_each_help_can_be_parsed(name: str):
    import shlex

    from datumaro.cli.transform_options import parse_transform_options

    example = registry.get(name).example
    if example:
        assert parse_transform_options(name, shlex.split(example), "datum transform")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "one of the arguments -t/--transform --list is required"),
        (["-t", "nonsense"], 1, "no transform 'nonsense'; "),
        (["-t", "rename"], 2, "required: -e/--regex"),
        (["-t", "rename", "--", "-e", "abc"], 1, "expected |SEARCH|REPLACEMENT|"),
        (["-t", "reindex", "--", "--start", "x"], 2, "invalid int value: 'x'"),
        (["-t", "map_subsets", "--", "-s", "a"], 2, "expected two names with a colon"),
        (["-t", "random_split", "--", "-s", "a:b"], 2, "'b' is no number"),
        (["-t", "random_split", "--", "-s", "a:0.5"], 1, "the shares add up to 0.5"),
        (["-t", "remap_labels", "-o", "out", "--", "--default", "x"], 2, "invalid choice: 'x'"),
        (["-t", "reindex", "-o", "."], 1, "the data set that is read lies there"),
    ],
)
def test_what_is_wrong(datum, coco: Path, arguments: list[str], code: int, says: str):
    before = files(".")
    done = datum("transform", coco, *arguments)
    assert done.code == code
    assert says in done.err
    assert files(".") == before


def test_options_are_looked_at_before_anything_is_read(datum):
    done = datum("transform", "nowhere", "-t", "random_split", "--", "-s", "a:2")
    assert "the shares add up to 2" in done.err
