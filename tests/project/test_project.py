"""Projects from Python: made, found, read, exported."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import datumaro as dm
from datumaro.errors import (
    OldProjectError,
    ProjectAlreadyExistsError,
    ProjectConfigError,
    ProjectError,
    ProjectNotFoundError,
    UnknownSourceError,
)
from datumaro.project.project import Project
from project.project_files import images, labelled

pytestmark = pytest.mark.usefixtures("home")


# --- making and finding ---------------------------------------------------------------------------


def test_a_project_is_found_from_folders_inside_it(project: Project, monkeypatch):
    inside = project.path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)

    assert dm.Project.open().path == project.path
    assert Project(project.path / ".datumaro").path == project.path
    with pytest.raises(ProjectNotFoundError, match=f"{project.path} is one"):
        Project.open(inside)


def test_where_there_is_none_that_is_told(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ProjectNotFoundError, match="datum project create"):
        Project.open()
    with pytest.raises(FileNotFoundError, match="is no project"):
        Project.open(tmp_path / "nowhere")


def test_a_project_is_not_made_twice(project: Project, tmp_path: Path):
    project.import_source(images(tmp_path / "a", "x"))
    project.commit("x")

    with pytest.raises(ProjectAlreadyExistsError, match="--overwrite"):
        Project.create(project.path)
    assert project.sources and project.log()

    again = Project.create(project.path, overwrite=True)

    assert not again.sources and not again.log()
    assert (project.path / "source-1" / "x.png").exists()


def test_projects_of_datumaro_1_are_told_apart(tmp_path: Path):
    (tmp_path / ".datumaro" / "tree").mkdir(parents=True)
    (tmp_path / ".datumaro" / "tree" / "config.yml").write_text("format_version: 2\n")

    with pytest.raises(OldProjectError, match="datum project import -f FORMAT"):
        Project.open(tmp_path)


def test_a_nested_project_is_the_nearest(project: Project, monkeypatch):
    inner = Project.create(project.path / "inner")
    monkeypatch.chdir(inner.path)

    assert Project.open().path == inner.path


# --- data ----------------------------------------------------------------------------------------


def test_all_sources_together(project: Project, tmp_path: Path):
    project.import_source(labelled(tmp_path / "a", ids="12"))
    project.import_source(labelled(tmp_path / "b", "voc", ids="34"))

    whole = project.dataset()

    assert sorted(item.id for item in whole) == ["1", "2", "3", "4"]
    assert len(project.dataset("source-2")) == 2 and len(project.dataset("project")) == 4
    with pytest.raises(UnknownSourceError):
        project.dataset("source-3")


def test_export(project: Project, tmp_path: Path):
    project.import_source(labelled(tmp_path / "a"))
    project.import_source(labelled(tmp_path / "b", ids="34"), name="b")
    project.export(tmp_path / "out", "voc", save_media=True)
    project.export(tmp_path / "one", "voc", source="b")

    assert len(dm.Dataset.import_from(tmp_path / "out", "voc")) == 4
    assert len(dm.Dataset.import_from(tmp_path / "one", "voc")) == 2


def test_an_export_does_not_replace_what_is_the_projects(project: Project, tmp_path: Path):
    project.import_source(labelled(tmp_path / "a"))
    for path in (".", "..", "source-1", "source-1/x", ".datumaro/x", "../project"):
        with pytest.raises(ProjectError, match="another folder"):
            project.export(project.path / path, "voc")
    project.export(project.path / "out", "voc")


def test_without_sources_there_is_nothing_to_export(project: Project, tmp_path: Path):
    with pytest.raises(ProjectError, match="no sources yet"):
        project.export(tmp_path / "out", "voc")


def test_a_mistake_in_the_configuration_is_told_with_its_line(project: Project, tmp_path: Path):
    project.import_source(labelled(tmp_path / "a"), "coco")
    path = project.path / ".datumaro" / "project.yml"
    text = path.read_text()

    path.write_text(text.replace("format: coco", "format: cocoo"))
    with pytest.raises(ProjectConfigError, match=r"project.yml: line 4: .* did you mean coco"):
        project.dataset()
    path.write_text(text + "    options: {nope: 1}\n")
    with pytest.raises(ProjectConfigError, match=r"line 4: .*known options"):
        project.dataset()


def test_a_folder_that_is_missing_is_told(project: Project, tmp_path: Path):
    project.import_source(labelled(tmp_path / "a"))
    shutil.rmtree(project.path / "source-1")

    with pytest.raises(ProjectError, match="checkout -- source-1"):
        project.dataset()
