"""Transforms that a project keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetError,
    InvalidOptionError,
    ProjectConfigError,
    ProjectError,
    UnknownOptionError,
    UnknownSourceError,
    UnknownTransformError,
)
from datumaro.project.project import Project
from project.project_files import labelled, without_index

pytestmark = pytest.mark.usefixtures("home")


def described(dataset: dm.Dataset) -> list[tuple[str, str, list[int | None]]]:
    return sorted((i.id, i.subset, [a.label for a in i.annotations]) for i in dataset)


def test_transforms_are_gone_through_in_their_order(project: Project, tmp_path: Path):
    project.import_source(labelled(tmp_path / "a"), "coco", name="a")
    project.import_source(labelled(tmp_path / "b", ids="34"), "coco", name="b")
    before = without_index(project.path / "a")

    one = project.transform("remap_labels", source="a", mapping={"cat": "lion", "dog": ""})
    project.transform("reindex", start=5)
    project.filter("/item[annotation]")
    done = project.transform("map_subsets", mapping={"train": "all"})

    assert one.get_label_cat_names() == ["lion"]
    assert project.dataset("a").get_label_cat_names() == ["lion"]
    assert done.get_label_cat_names() == ["lion", "cat", "dog"]
    assert described(project.dataset()) == described(done)
    assert described(done) == [("6", "all", [0]), ("7", "all", [2]), ("8", "all", [1])]
    assert without_index(project.path / "a") == before


def test_chance_is_the_same_each_time(project: Project, tmp_path: Path):
    ids = "123456789"
    project.import_source(labelled(tmp_path / "a", ids=ids), "coco")

    first = project.transform("random_split", splits={"x": 0.5, "y": 0.5})
    other = project.transform("random_split", splits=[("x", 0.5), ("y", 0.5)], seed=4)

    stages = project.configuration().stages
    assert isinstance(stages[0].options["seed"], int) and stages[1].options["seed"] == 4
    assert described(project.dataset()) == described(other)
    path = project.path / ".datumaro" / "project.yml"
    path.write_text(path.read_text().rpartition("- transform")[0])
    assert described(project.dataset()) == described(first)


def test_letters_need_a_seed_only_where_they_are_drawn(project: Project, tmp_path: Path):
    project.import_source(labelled(tmp_path / "a"), "coco")
    project.transform("id_from_image_name")
    project.transform("id_from_image_name", ensure_unique=True)

    plain, unique = project.configuration().stages
    assert plain.options == {}
    assert sorted(unique.options) == ["ensure_unique", "seed"]


def test_a_transform_that_is_refused_changes_nothing(project: Project, tmp_path: Path):
    project.import_source(labelled(tmp_path / "a"), "coco")
    before = without_index(project.path)

    for error, name, options in (
        (UnknownTransformError, "remap", {}),
        (UnknownOptionError, "reindex", {"begin": 1}),
        (InvalidOptionError, "reindex", {"start": "one"}),
        (InvalidOptionError, "reindex", {"num_workers": 1}),
        (ProjectError, "project_labels", {"dst_labels": dm.LabelCategories.from_iterable(["a"])}),
        (ProjectError, dm.ItemTransform, {}),
        (UnknownSourceError, "reindex", {"source": "b"}),
        (DatasetError, "rename", {"regex": "|1|..|"}),
    ):
        with pytest.raises(error):
            project.transform(name, **options)
    assert without_index(project.path) == before


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ("transform: remap_label", "did you mean remap_labels"),
        ("{transform: reindex, options: {begin: 1}}", "known options: start"),
        ("{transform: reindex, options: {start: one}}", "'one'; expected a whole number"),
        ("{transform: reindex, options: {start: yes}}", "expected a whole number"),
        ("{transform: rename, options: {regex: a}}", "expected |SEARCH|REPLACEMENT|"),
        ("{transform: rename, options: {regex: '|1|..|'}}", "correct or remove it"),
        ("{transform: map_subsets, options: {mapping: {train: 1}}}", "1 is no subset's name"),
        ("{transform: map_subsets, options: {mapping: {1: a}}}", "the name 1"),
        ("{transform: project_labels, options: {dst_labels: a}}", "expected several labels"),
        ("{transform: project_labels, options: {dst_labels: [1]}}", "correct or remove it"),
        ("{transform: project_labels, options: {dst_labels: 5}}", "correct or remove it"),
        ("{transform: resize, options: {width: 5}}", "'height' is not given"),
        ("{transform: random_split, options: {splits: {a: 2}, seed: 1}}", "add up to 2"),
        ("{transform: random_split, options: {splits: {a: one}, seed: 1}}", "a share is 'one'"),
        ("transform: random_split", "add 'seed: 1'"),
        ("{transform: id_from_image_name, options: {ensure_unique: yes}}", "true or false"),
        ("filter: '/item['", "filter '/item[', items fails"),
    ],
)
def test_mistakes_in_stages_are_told_with_their_line(
    project: Project, tmp_path: Path, stage: str, told: str
):
    project.import_source(labelled(tmp_path / "a"), "coco")
    path = project.path / ".datumaro" / "project.yml"
    text = path.read_text()
    line = len(text.splitlines()) + 2

    path.write_text(f"{text}stages:\n- {stage}\n")
    with pytest.raises(ProjectConfigError) as caught:
        project.dataset()
    assert caught.value.line == line and told in str(caught.value)

    path.write_text(f"{text}    stages:\n    - {stage}\n")
    with pytest.raises(ProjectConfigError) as caught:
        project.dataset("source-1")
    assert caught.value.line == line and told in str(caught.value)


def test_transforms_are_part_of_the_history(project: Project, tmp_path: Path):
    project.import_source(labelled(tmp_path / "a"), "coco", name="a")
    project.commit("first")
    project.transform("reindex", source="a", start=7)
    assert project.status().changes["a"].settings
    project.commit("second")

    assert [i[0] for i in described(project.dataset(revision="HEAD~1"))] == ["1", "2"]
    assert [i[0] for i in described(project.dataset(revision="HEAD"))] == ["7", "8"]
    project.checkout("HEAD~1")
    assert [i[0] for i in described(project.dataset())] == ["1", "2"]
