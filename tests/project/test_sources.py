"""Sources of a project: imported, added in place, removed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from datumaro.errors import (
    DatasetImportError,
    PathOutsideDatasetError,
    ProjectError,
    SourceExistsError,
    UnknownOptionError,
    UnknownSourceError,
)
from datumaro.project.project import Project
from project.project_files import files, images, labelled, without_index

pytestmark = pytest.mark.usefixtures("home")


def test_import_copies(project: Project, tmp_path: Path):
    data = labelled(tmp_path / "coco")
    name = project.import_source(data, "coco")

    assert name == "source-1"
    assert files(project.path / "source-1") == files(data)
    source = project.sources["source-1"]
    assert (source.format, source.origin) == ("coco", str(data))
    shutil.rmtree(data)
    assert len(project.dataset()) == 2
    assert project.dataset("source-1").get("1", "train").media.data is not None


def test_names_and_options(project: Project, tmp_path: Path):
    data = images(tmp_path / "a", "x")

    assert project.import_source(data, name="photos.v1", subset="val") == "photos.v1"
    (project.path / "source-1").mkdir()
    assert project.import_source(data) == "source-2"
    assert project.sources["photos.v1"].options == {"subset": "val"}
    assert list(project.dataset("photos.v1").subsets()) == ["val"]


def test_a_single_file_and_a_part_of_a_folder(project: Project, tmp_path: Path):
    data = labelled(tmp_path / "coco")
    annotations = next(data.rglob("*.json"))
    project.import_source(annotations, "coco_instances", name="file")
    (tmp_path / "outer" / "notes").mkdir(parents=True)
    shutil.copytree(data, tmp_path / "outer" / "inner")
    project.import_source(tmp_path / "outer", "coco", name="part", path="inner")

    assert project.sources["file"].path == annotations.name
    assert len(project.dataset("file")) == 2
    assert project.sources["part"].path == "inner"
    assert len(project.dataset("part")) == 2


def test_links_are_made_for_those_who_ask(project: Project, tmp_path: Path):
    data = images(tmp_path / "a", "x")
    project.import_source(data, link=True)

    assert (project.path / "source-1" / "x.png").samefile(data / "x.png")


@pytest.mark.parametrize("name", ["../x", "a b", ".hidden", "project", "-x", "", "é", "a/b", "x."])
def test_names_that_cannot_be(project: Project, tmp_path: Path, name: str):
    with pytest.raises(ProjectError, match="cannot be a source's name"):
        project.import_source(images(tmp_path / "a", "x"), name=name)


def test_names_that_are_taken(project: Project, tmp_path: Path):
    data = images(tmp_path / "a", "x")
    project.import_source(data, name="one")
    images(project.path / "two", "y")

    for name in ("one", "ONE", "two"):
        with pytest.raises(SourceExistsError):
            project.import_source(data, name=name)


def test_a_failed_import_changes_nothing(project: Project, tmp_path: Path, monkeypatch):
    data = labelled(tmp_path / "coco")
    project.import_source(data, name="good")
    before = without_index(project.path)
    broken = tmp_path / "broken"
    shutil.copytree(data, broken)
    next(broken.rglob("*.json")).write_text('{"images": [{"id": 1')

    with pytest.raises(DatasetImportError):
        project.import_source(broken, "coco")
    with pytest.raises(UnknownOptionError, match="known options"):
        project.import_source(data, "coco", nonsense=1)
    with pytest.raises(ProjectError, match="no such file"):
        project.import_source(tmp_path / "nowhere", "coco")
    (broken / "link").symlink_to("/")
    with pytest.raises(PathOutsideDatasetError):
        project.import_source(broken, "coco", check=False)

    def full(source: str, target: str) -> bool:
        raise OSError(28, "No space left on device", target)

    monkeypatch.setattr("datumaro.project.file_tree.copy_file", full)
    with pytest.raises(ProjectError, match="No space left"):
        project.import_source(data, "coco")

    assert without_index(project.path) == before


def test_a_broken_data_set_can_be_imported_unchecked(project: Project, tmp_path: Path):
    data = labelled(tmp_path / "coco")
    next(data.rglob("*.json")).write_text("{")
    project.import_source(data, "coco", check=False)

    with pytest.raises(DatasetImportError, match="source-1"):
        project.dataset()


def test_the_project_is_not_imported_into_itself(project: Project, tmp_path: Path):
    for path in (project.path, tmp_path, project.path / ".datumaro"):
        with pytest.raises(ProjectError, match="project itself"):
            project.import_source(path, "image_dir")
    inside = images(project.path / "data", "x")
    assert project.import_source(inside) == "source-1"  # a copy


def test_add_registers_in_place(project: Project, tmp_path: Path):
    images(project.path / "photos", "x")
    before = (project.path / "photos" / "x.png").stat().st_ino

    assert project.add_source(project.path / "photos", "image_dir") == "photos"

    assert (project.path / "photos" / "x.png").stat().st_ino == before
    assert project.sources["photos"].origin == "" and len(project.dataset()) == 1
    with pytest.raises(SourceExistsError):
        project.add_source(project.path / "photos")
    with pytest.raises(ProjectError, match="datum project import"):
        project.add_source(images(tmp_path / "elsewhere", "x"))


def test_add_refuses_what_could_not_be_stored(project: Project, tmp_path: Path):
    images(project.path / "photos", "x")
    (project.path / "photos" / "link.png").symlink_to(images(tmp_path / "a", "y") / "y.png")

    with pytest.raises(PathOutsideDatasetError):
        project.add_source(project.path / "photos", "image_dir")
    assert not project.sources


def test_remove(project: Project, tmp_path: Path):
    for name in ("a", "b", "c", "d"):
        project.import_source(images(tmp_path / name, name), name=name)
    (project.path / "b" / "more.txt").write_text("mine")
    (project.path / "d" / "more.txt").write_text("mine")

    project.remove_source("a")
    with pytest.raises(ProjectError, match="--keep-data"):
        project.remove_source("b")
    project.remove_source("b", keep_data=True)
    project.remove_source("d", force=True)

    assert list(project.sources) == ["c"]
    assert not (project.path / "a").exists() and not (project.path / "d").exists()
    assert (project.path / "b" / "more.txt").exists()
    with pytest.raises(UnknownSourceError, match="it has: c"):
        project.remove_source("a")


def test_data_added_in_place_are_removed_when_the_history_has_them(project: Project):
    images(project.path / "photos", "x")
    project.add_source(project.path / "photos")
    with pytest.raises(ProjectError, match="nowhere else"):
        project.remove_source("photos")
    project.commit("hashes", no_cache=True)
    with pytest.raises(ProjectError, match="nowhere else"):
        project.remove_source("photos")
    (project.path / "photos" / "note").touch()
    project.commit("all")

    project.remove_source("photos")

    assert not (project.path / "photos").exists()
