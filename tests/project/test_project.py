"""Projects from Python: sources, data sets, history."""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import datumaro as dm
from datumaro.errors import (
    DatasetError,
    DatasetImportError,
    EmptyCommitError,
    InvalidOptionError,
    MissingKeyError,
    MissingObjectError,
    OldProjectError,
    PathOutsideDatasetError,
    ProjectAlreadyExistsError,
    ProjectConfigError,
    ProjectError,
    ProjectNotFoundError,
    SourceExistsError,
    SuperfluousKeyError,
    UnknownOptionError,
    UnknownRevisionError,
    UnknownSourceError,
    UnknownTransformError,
    UnsavedChangesError,
    WrongKeyError,
)
from datumaro.formats.datumaro_binary.parquet import master_keys
from datumaro.project.building import Access
from datumaro.project.project import Project


def images(folder: Path, *names: str, seed: int = 0) -> Path:
    """A data set of format image_dir."""
    for number, name in enumerate(names):
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((4, 5, 3), seed + number, np.uint8)
        dm.Image.from_numpy(pixels).save(path)
    return folder


def labelled(folder: Path, format: str = "coco", ids: str = "12", **options) -> Path:
    """A data set with boxes."""
    items = [
        dm.DatasetItem(
            id,
            subset="train",
            media=dm.Image.from_numpy(np.full((9, 9, 3), int(id), np.uint8)),
            annotations=[dm.Bbox(1, 1, 2, 3, label=int(id) % 2, id=1, group=1)],
        )
        for id in ids
    ]
    dm.Dataset.from_iterable(items, categories=["cat", "dog"]).export(
        folder, format, save_media=True, **options
    )
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("DATUMARO_ENCRYPTION_KEY", "DATUMARO_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.create(tmp_path / "project")


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def without_index(folder: Path) -> dict[str, bytes]:
    """The files but for what is only remembered."""
    return {path: c for path, c in files(folder).items() if "/index/" not in path}


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


# --- sources -------------------------------------------------------------------------------------


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


# --- stages --------------------------------------------------------------------------------------


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


# --- keys ----------------------------------------------------------------------------------------


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "my.key"


@pytest.fixture
def encrypted(project: Project, tmp_path: Path, key_file: Path) -> Project:
    """A project with an encrypted source and a plain one."""
    key_file.parent.mkdir()
    data = labelled(tmp_path / "secret", "datumaro_binary", encryption=True)
    (data / "secret_key.txt").rename(key_file)
    shutil.copy(key_file, data / "a key.txt")
    project.import_source(data, "datumaro_binary", name="secret", key_file=str(key_file))
    project.import_source(labelled(tmp_path / "plain", "datumaro_binary", ids="34"))
    return project


def test_keys_are_given_at_use(encrypted: Project, key_file: Path, monkeypatch):
    key = key_file.read_text()

    with pytest.raises(MissingKeyError):
        encrypted.dataset()
    assert len(encrypted.dataset("source-1")) == 2
    for access in (Access(key_file=str(key_file)), Access(encryption_key=key)):
        assert len(encrypted.dataset(access=access)) == 4
        assert key not in repr(access)
    with pytest.raises(SuperfluousKeyError):
        encrypted.dataset("source-1", access=Access(encryption_key=key))
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", key)
    assert len(encrypted.dataset()) == 4


@pytest.fixture
def locked(encrypted: Project, tmp_path: Path, monkeypatch) -> Project:
    """The same with Parquet storage besides: a source of a passphrase, and one of a service."""
    cheap = master_keys.Scrypt
    monkeypatch.setattr(master_keys, "Scrypt", lambda salt, *_: cheap(salt, 32, 2, 8, 1))
    (tmp_path / "words.txt").write_text("correct horse\n")
    ways = {
        "words": {"passphrase": "correct horse"},
        "service": {"kms": Service(), "kms_key": "a"},
    }
    for number, (name, way) in enumerate(ways.items()):
        data = labelled(tmp_path / name, "datumaro_binary", ids="5678"[2 * number :][:2])
        dataset = dm.Dataset.import_from(data, "datumaro_binary")
        target = tmp_path / f"{name} encrypted"
        dataset.export(target, "datumaro_binary", storage="parquet", **way)
        way = {key: value for key, value in way.items() if key != "kms_key"}
        encrypted.import_source(target, "datumaro_binary", name=name, **way)
    return encrypted


class Service:
    """A key management service that makes light of it."""

    def wrap(self, key_id: str, key: bytes) -> bytes:
        return key[::-1]

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        return wrapped[::-1]


def test_each_source_is_opened_with_what_is_its_own(
    locked: Project, key_file: Path, tmp_path: Path, monkeypatch
):
    words = str(tmp_path / "words.txt")
    everything = Access(key_file=str(key_file), passphrase_file=words, kms=Service())
    assert len(locked.dataset(access=everything)) == 8
    assert len(locked.dataset("words", access=Access(passphrase="correct horse"))) == 2
    assert len(locked.dataset("service", access=everything)) == 2
    service = f"{__name__}:Service"
    assert len(locked.dataset("service", access=Access(kms=service))) == 2
    with pytest.raises(MissingKeyError, match="--passphrase-file"):
        locked.dataset("words")
    with pytest.raises(MissingKeyError, match="--kms MODULE:NAME"):
        locked.dataset("service")
    with pytest.raises(WrongKeyError, match="the passphrase is not the one"):
        locked.dataset("words", access=Access(passphrase="battery"))
    with pytest.raises(WrongKeyError, match="a passphrase was given"):
        locked.dataset("service", access=Access(passphrase="correct horse"))
    with pytest.raises(WrongKeyError, match="know keys alone"):
        locked.dataset("secret", access=Access(passphrase="correct horse"))
    with pytest.raises(SuperfluousKeyError):
        locked.dataset("source-1", access=everything)
    monkeypatch.setenv("DATUMARO_PASSPHRASE", "correct horse")
    assert len(locked.dataset("words")) == 2
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", key_file.read_text())
    assert len(locked.dataset(access=Access(kms=Service()))) == 8
    assert "correct" not in repr(Access(passphrase="correct horse"))


def test_the_configuration_may_name_passphrase_files(locked: Project):
    path = locked.path / ".datumaro" / "project.yml"
    text = path.read_text()
    named = text.replace("  words:\n", "  words:\n    options: {passphrase_file: ../words.txt}\n")
    assert named != text
    path.write_text(named)
    assert len(locked.dataset("words")) == 2
    assert len(locked.dataset("words", access=Access(passphrase="correct horse"))) == 2


def test_no_passphrase_is_written_anywhere(locked: Project, tmp_path: Path, caplog):
    access = Access(passphrase="correct horse")
    locked.commit("encrypted")
    locked.export(tmp_path / "out", "coco", source="words", access=access)
    locked.transform("reindex", source="words", access=access)
    locked.commit("more")
    path = locked.path / ".datumaro" / "project.yml"
    for way in ("passphrase:", "kms:", "horse"):
        assert way not in path.read_text()
    assert b"correct horse" not in b"".join(files(locked.path).values())
    assert "correct horse" not in caplog.text
    path.write_text(
        path.read_text().replace("  words:\n", "  words:\n    options: {passphrase: secret}\n")
    )
    with pytest.raises(ProjectConfigError, match=r"never in the configuration.*--passphrase-file"):
        locked.dataset("words")


def test_a_wrong_key_is_told(encrypted: Project, tmp_path: Path):
    labelled(tmp_path / "other", "datumaro_binary", encryption=True)

    with pytest.raises(WrongKeyError):
        encrypted.dataset(access=Access(key_file=str(tmp_path / "other" / "secret_key.txt")))


def test_the_configuration_may_name_key_files(encrypted: Project):
    path = encrypted.path / ".datumaro" / "project.yml"
    text = path.read_text()
    path.write_text(
        text.replace("  source-1:", "    options: {key_file: ../keys/my.key}\n  source-1:")
    )

    assert len(encrypted.dataset()) == 4


def test_no_key_is_written_anywhere(encrypted: Project, key_file: Path, tmp_path: Path, caplog):
    key = key_file.read_text().strip()
    (encrypted.path / "secret" / "late_key.txt").write_text(key + "\n")
    encrypted.commit("with a key beside")
    encrypted.export(
        tmp_path / "out", "datumaro_binary", access=Access(encryption_key=key), save_media=True
    )
    (encrypted.path / "secret" / "note.txt").write_text("changed")
    encrypted.checkout(force=True)
    with pytest.raises(ProjectError, match="looks like an encryption key"):
        encrypted.commit(f"the key is {key}", allow_empty=True)

    late = encrypted.path / "secret" / "late_key.txt"
    assert late.exists()  # left alone
    late.unlink()
    written = b"".join(files(encrypted.path).values())
    assert key.encode() not in written and key[6:-2].encode() not in written
    import subprocess

    objects = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"],
        env=os.environ | {"GIT_DIR": str(encrypted.path / ".datumaro" / "history")},
        capture_output=True,
        check=True,
    ).stdout
    assert b"secret" in objects and key.encode() not in objects
    assert key not in caplog.text


# --- history -------------------------------------------------------------------------------------


@pytest.fixture
def committed(project: Project, tmp_path: Path) -> Project:
    """A project with two commits: one source, then another and a changed one."""
    project.import_source(images(tmp_path / "a", "x", "y"), name="a")
    project.commit("first")
    (project.path / "a" / "x.png").unlink()
    images(project.path / "a", "z", seed=9)
    images(project.path / "a", "y", seed=50)
    project.import_source(images(tmp_path / "b", "w"), name="b")
    project.commit("second")
    return project


def test_status(project: Project, tmp_path: Path):
    assert project.status().head.hash is None and not project.status().changes
    project.import_source(images(tmp_path / "a", "x", "y"), name="a")
    project.import_source(images(tmp_path / "b", "x"), name="b", subset="val")
    assert {n: c.state for n, c in project.status().changes.items()} == {
        "a": "added",
        "b": "added",
    }
    made = project.commit("first")
    assert {n: c.state for n, c in made.changes.items()} == {"a": "added", "b": "added"}
    assert project.status().head.hash == made.commit.hash and not project.status().changes

    (project.path / "a" / "x.png").unlink()
    images(project.path / "a", "y", seed=9)
    images(project.path / "a", "z")
    shutil.rmtree(project.path / "b")

    changes = project.status().changes
    assert changes["a"].state == "modified" and changes["b"].state == "missing"
    assert changes["a"].files == {"added": 1, "modified": 1, "removed": 1}
    assert "1 file added" in changes["a"].details
    project.remove_source("b")
    assert project.status().changes["b"].state == "removed"


def test_settings_are_part_of_the_state(committed: Project):
    path = committed.path / ".datumaro" / "project.yml"
    path.write_text(path.read_text() + "    options: {subset: val}\n")

    change = committed.status().changes["b"]

    assert change.settings and not change.files and change.details == "settings changed"
    committed.commit("third")
    assert list(committed.dataset("b").subsets()) == ["val"]
    assert list(committed.dataset("b", revision="HEAD~1").subsets()) == ["default"]


def test_nothing_to_commit(committed: Project):
    with pytest.raises(EmptyCommitError):
        committed.commit("again")
    assert committed.commit("again", allow_empty=True).changes == {}
    assert [c.message for c in committed.log()] == ["again", "second", "first"]
    assert [c.message for c in committed.log(1)] == ["again"]
    with pytest.raises(ProjectError, match="message"):
        committed.commit(" ")


def test_files_that_did_not_change_are_not_read_again(committed: Project, monkeypatch):
    def aged(path: Path, *args, **kwargs):
        return 2**62  # the files are old when they are looked at

    monkeypatch.setattr("datumaro.project.file_list.Index.now", aged)
    assert not committed.status().changes
    read = Counter[str]()
    monkeypatch.setattr(
        "datumaro.project.working_copy.file_hash", lambda path: read.update([path]) or "0" * 64
    )
    monkeypatch.setattr(
        "datumaro.project.object_store.ObjectStore.add",
        lambda self, file, known: read.update([file.where]),
    )

    assert not committed.status().changes
    committed.commit("third", allow_empty=True)

    assert not read


def test_the_same_content_is_kept_once(committed: Project, tmp_path: Path):
    kept = len(list((committed.path / ".datumaro" / "cache").rglob("*")))
    committed.import_source(committed.path / "a", name="again")
    committed.commit("third")

    assert len(list((committed.path / ".datumaro" / "cache").rglob("*"))) == kept


def test_checkout_of_a_revision_and_back(committed: Project):
    second = files(committed.path / "a")

    status = committed.checkout("HEAD~1")

    assert status.head.branch is None and status.head.hash == committed.log()[0].hash
    assert list(committed.sources) == ["a"] and not (committed.path / "b").exists()
    assert sorted(files(committed.path / "a")) == ["x.png", "y.png"]
    assert not committed.status().changes
    assert committed.checkout("main").head.branch == "main"
    assert files(committed.path / "a") == second and (committed.path / "b" / "w.png").exists()
    assert not committed.status().changes


def test_checkout_of_one_source(committed: Project):
    committed.checkout("HEAD~1", ["a"])

    assert sorted(files(committed.path / "a")) == ["x.png", "y.png"]
    assert committed.status().head.branch == "main"
    assert committed.status().changes["a"].state == "modified"
    assert list(committed.sources) == ["a", "b"]
    with pytest.raises(UnknownSourceError):
        committed.checkout("HEAD~1", ["b"])


def test_restoring_what_is_missing_needs_no_force(committed: Project):
    before = files(committed.path / "a")
    shutil.rmtree(committed.path / "a")
    committed.checkout(sources=["a"])
    assert files(committed.path / "a") == before

    committed.remove_source("b")
    committed.checkout(sources=["b"])
    assert (committed.path / "b" / "w.png").exists() and not committed.status().changes


@pytest.mark.parametrize("how", ["changed", "added", "removed", "source", "settings"])
def test_changes_are_not_lost(committed: Project, tmp_path: Path, how: str):
    if how == "changed":
        images(committed.path / "a", "y", seed=99)
    elif how == "added":
        (committed.path / "a" / "note.txt").write_text("mine")
    elif how == "removed":
        (committed.path / "a" / "y.png").unlink()
    elif how == "source":
        committed.import_source(images(tmp_path / "c", "v"), name="c")
    else:
        path = committed.path / ".datumaro" / "project.yml"
        path.write_text(path.read_text() + "    options: {subset: val}\n")
    before = without_index(committed.path)

    with pytest.raises(UnsavedChangesError, match="not committed"):
        committed.checkout("HEAD~1")
    assert without_index(committed.path) == before

    committed.checkout("HEAD~1", force=True)
    assert sorted(files(committed.path / "a")) == ["x.png", "y.png"]
    assert list(committed.sources) == ["a"]


def test_a_folder_in_the_way_is_not_lost(committed: Project):
    committed.checkout("HEAD~1")
    (committed.path / "b").mkdir()
    (committed.path / "b" / "mine").touch()

    with pytest.raises(UnsavedChangesError, match="of b"):
        committed.checkout("main")
    committed.checkout("main", force=True)
    assert sorted(files(committed.path / "b")) == ["w.png"]


def test_a_commit_on_no_branch_is_not_lost(committed: Project):
    committed.checkout("HEAD~1")
    images(committed.path / "a", "new")
    committed.commit("aside")

    with pytest.raises(UnsavedChangesError, match="checkout -b NAME"):
        committed.checkout("main")
    assert committed.checkout(branch="side").head.branch == "side"
    committed.checkout("main")
    committed.checkout("side")
    assert [c.message for c in committed.log()] == ["aside", "first"]


def test_a_damaged_configuration_can_be_restored(committed: Project):
    path = committed.path / ".datumaro" / "project.yml"
    before = path.read_text()
    path.write_text("format_version: [")

    with pytest.raises(ProjectConfigError, match="checkout -f"):
        committed.status()
    with pytest.raises(ProjectConfigError):
        committed.checkout()
    committed.checkout(force=True)

    assert path.read_text() == before and not committed.status().changes


def test_contents_that_were_not_kept_are_told(project: Project, tmp_path: Path):
    project.import_source(images(tmp_path / "a", "x"), name="a")
    project.commit("hashes", no_cache=True)
    before = without_index(project.path)
    images(project.path / "a", "x", seed=9)
    assert project.status().changes["a"].files == {"modified": 1}

    with pytest.raises(MissingObjectError, match="--no-cache"):
        project.checkout(force=True)

    images(project.path / "a", "x")
    assert without_index(project.path) == before


def test_data_of_a_revision(committed: Project, tmp_path: Path):
    then = committed.dataset("a", revision="HEAD~1")

    assert sorted(item.id for item in then) == ["x", "y"]
    assert then.get("y").media.data[0, 0, 0] == 1
    assert committed.dataset("a").get("y").media.data[0, 0, 0] == 50
    committed.export(tmp_path / "out", "image_dir", revision="HEAD~1", save_media=True)
    assert sorted(files(tmp_path / "out")) == ["x.png", "y.png"]
    with pytest.raises(UnknownSourceError):
        committed.dataset("b", revision="HEAD~1")
    with pytest.raises(UnknownRevisionError):
        committed.dataset(revision="nope")
    again = committed.dataset("a", revision="HEAD~1")
    assert again.get("y").media.path == then.get("y").media.path


def test_a_damaged_object_is_told(committed: Project):
    for path in (committed.path / ".datumaro" / "cache").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"damaged")

    with pytest.raises(MissingObjectError, match="damaged"):
        committed.checkout("HEAD~1")
    with pytest.raises(MissingObjectError, match="damaged"):
        committed.dataset(revision="HEAD~1")
    assert committed.status().head.branch == "main"


def test_a_moved_project_works(committed: Project, tmp_path: Path):
    moved = Project(shutil.copytree(committed.path, tmp_path / "elsewhere", symlinks=True))
    shutil.rmtree(committed.path)

    assert not moved.status().changes
    moved.checkout("HEAD~1")
    assert len(moved.dataset()) == 2


def test_threads_take_turns(project: Project, tmp_path: Path):
    data = images(tmp_path / "a", "x")
    errors: list[Exception] = []

    def work() -> None:
        try:
            name = Project(project.path).import_source(data)
            Project(project.path).commit(name, allow_empty=True)
        except Exception as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not errors
    assert len(project.sources) == 4 and len(project.log()) == 4
    assert not project.status().changes


# --- whatever is done ----------------------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """Whatever is done in whatever order, each commit can be brought back as it was."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = Path(tempfile.mkdtemp())
        self.data = images(self.folder / "data", "x", "y")
        self.states: list[tuple[str, dict[str, bytes]]] = []

    @initialize()
    def create(self) -> None:
        self.project = Project.create(self.folder / "project")

    def now(self) -> dict[str, bytes]:
        return {
            f"{name}/{path}": content
            for name in self.project.sources
            for path, content in files(self.project.path / name).items()
        }

    @rule(link=st.booleans())
    def add(self, link: bool) -> None:
        self.project.import_source(self.data, "image_dir", check=False, link=link)

    @precondition(lambda self: self.project.sources)
    @rule(choice=st.integers(0, 9), content=st.binary(max_size=3), name=st.sampled_from("abc"))
    def change(self, choice: int, content: bytes, name: str) -> None:
        sources = sorted(self.project.sources)
        path = self.project.path / sources[choice % len(sources)] / "sub" / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content)

    @precondition(lambda self: self.project.sources)
    @rule(choice=st.integers(0, 9))
    def remove(self, choice: int) -> None:
        sources = sorted(self.project.sources)
        self.project.remove_source(sources[choice % len(sources)], force=True)

    @rule()
    def commit(self) -> None:
        made = self.project.commit("state", allow_empty=True)
        assert not self.project.status().changes
        self.states.append((made.commit.hash, self.now()))

    @precondition(lambda self: self.states)
    @rule(choice=st.integers(0, 99))
    def checkout(self, choice: int) -> None:
        commit, state = self.states[choice % len(self.states)]
        self.project.checkout(commit, force=True)
        assert self.now() == state
        assert not self.project.status().changes

    @invariant()
    def the_original_is_as_it_was(self) -> None:
        assert sorted(files(self.data)) == ["x.png", "y.png"]

    def teardown(self) -> None:
        shutil.rmtree(self.folder)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=8, stateful_step_count=12, deadline=None)
