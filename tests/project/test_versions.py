"""What a project was: status, commits, what is checked out."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from datumaro.errors import (
    EmptyCommitError,
    MissingObjectError,
    ProjectConfigError,
    ProjectError,
    UnknownRevisionError,
    UnknownSourceError,
    UnsavedChangesError,
)
from datumaro.project.project import Project
from project.project_files import files, images, without_index

pytestmark = pytest.mark.usefixtures("home")


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
