"""Projects whose process is killed or interrupted, at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datumaro.progress import ProgressReporter
from datumaro.project.project import Project


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    ("what", "every"),
    [
        ("create", 1),
        ("import", 1),
        ("link", 2),
        ("remove", 1),
        ("commit", 3),  # those that start Git many times take 20 s at each step
        ("checkout", 3),
        ("branch", 5),
        ("filter", 2),
    ],
)
def test_killed_at_any_step(what: str, every: int, tmp_path: Path):
    script = Path(__file__).with_name("killed.py")
    done = subprocess.run(
        [sys.executable, str(script), what, str(tmp_path), str(every)],
        capture_output=True,
        text=True,
        env=os.environ | {"HOME": str(tmp_path)},
    )

    assert done.returncode == 0, done.stderr


class Interrupting(ProgressReporter):
    """Stands for Ctrl-C when some files are done."""

    def report_status(self, progress: int) -> None:
        if progress == 2:
            raise KeyboardInterrupt


@pytest.fixture
def project(tmp_path: Path) -> Project:
    data = tmp_path / "data"
    data.mkdir()
    for name in "abcd":
        (data / f"{name}.png").write_bytes(name.encode())
    return Project.create(tmp_path / "project")


def test_an_interrupted_import_leaves_nothing(project: Project, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        project.import_source(
            tmp_path / "data", "image_dir", check=False, progress_reporter=Interrupting()
        )

    assert [path.name for path in project.path.iterdir()] == [".datumaro"]
    assert not (project.path / ".datumaro" / "tmp").exists() and not project.sources


def test_an_interrupted_commit_and_checkout_leave_everything(project: Project, tmp_path: Path):
    project.import_source(tmp_path / "data", "image_dir", check=False)
    with pytest.raises(KeyboardInterrupt):
        project.commit("x", progress_reporter=Interrupting())
    assert not project.log()
    project.commit("x")
    for path in (project.path / "source-1").iterdir():
        path.unlink()
    with pytest.raises(KeyboardInterrupt):
        project.checkout(force=True, progress_reporter=Interrupting())
    assert not list((project.path / "source-1").iterdir())

    project.checkout(force=True)

    assert len(list((project.path / "source-1").iterdir())) == 4


_COMMIT = """
import sys
from datumaro.project.project import Project
for number in range(1000):
    project = Project(sys.argv[1])
    (project.path / "source-1" / "n").write_text(str(number))
    project.commit(str(number))
    print(number, flush=True)
"""


@pytest.mark.parametrize("delay", [0.0, 0.003, 0.01, 0.02])
def test_a_commit_that_was_killed_with_its_git(project: Project, tmp_path: Path, delay: float):
    project.import_source(tmp_path / "data", "image_dir", check=False)
    process = subprocess.Popen(
        [sys.executable, "-c", _COMMIT, str(project.path)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        for _ in range(2):
            number = int(process.stdout.readline())
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
        rest = process.stdout.read().split()

    number = int(rest[-1]) if rest else number
    found = [commit.message for commit in project.log()]
    assert found[0] in (str(number), str(number + 1))
    assert len(found) == int(found[0]) + 1
    project.status()
    project.checkout("HEAD~1", force=True)
    assert (project.path / "source-1" / "n").read_text() == found[1]
