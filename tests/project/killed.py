"""Does something to a project, and is killed at the steps of it; see test_killed.py.

    python tests/project/killed.py WHAT FOLDER [EVERY]

A step is a call that changes files, or starts Git. For each step, or each EVERY-th, a child process
is killed right before it; then the project must be as it was or as it should be, and doing it again
must work.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from datumaro.project.project import Project

_STEPS = {
    "os.rename", "os.mkdir", "os.link", "os.remove", "os.rmdir", "os.chmod", "os.utime",
    "subprocess.Popen",
}  # fmt: skip
_counting = False
_left = 0


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    global _left
    if not _counting:
        return
    writes = event == "open" and int(arguments[2]) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if event in _STEPS or writes:
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        _left -= 1


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do the work in a child that is killed at a step; whether it was."""
    global _counting, _left
    child = os.fork()
    if not child:
        _counting, _left = True, step
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def state(root: Path) -> dict[str, bytes]:
    """All that a user sees of a project: the data, the configuration, where it stands."""
    project = Project(root)
    status = project.status()
    found = {
        f"{name}/{path.relative_to(root / name)}": path.read_bytes()
        for name in project.sources
        for path in (root / name).rglob("*")
        if path.is_file()
    }
    found["configuration"] = (root / ".datumaro" / "project.yml").read_bytes()
    found["changes"] = repr(status.changes).encode()
    found["log"] = repr([c.message for c in project.log()]).encode()
    branch = status.head.branch  # "branch" names one by its process
    found["branch"] = (
        b"new" if (branch or "").removeprefix("b").isdecimal() else repr(branch).encode()
    )
    return found


WORKS: dict[str, Callable[[Path], object]] = {
    "create": lambda root: Project.create(root / "new", overwrite=True),
    "import": lambda root: Project(root).import_source(root.parent / "data", "image_dir"),
    "link": lambda root: Project(root).import_source(root.parent / "data", "image_dir", link=True),
    "remove": lambda root: Project(root).remove_source("source-1", "source-2", force=True),
    "commit": lambda root: Project(root).commit("third"),
    "checkout": lambda root: Project(root).checkout("HEAD~1", force=True),
    "branch": lambda root: Project(root).checkout("HEAD~1", force=True, branch=f"b{os.getpid()}"),
    "filter": lambda root: Project(root).filter("/item"),
}


def main(what: str, folder: Path, every: int = 1) -> None:
    data = folder / "data"
    (data / "sub").mkdir(parents=True)
    for name in ("a.png", "sub/b.png", "c.png"):
        (data / name).write_bytes(name.encode())
    before = folder / "before"
    project = Project.create(before)
    project.import_source(data, "image_dir", check=False)
    project.commit("first")
    (before / "source-1" / "a.png").rename(before / "source-1" / "d.png")
    project.import_source(data, "image_dir", check=False)
    project.commit("second")
    (before / "source-1" / "c.png").rename(before / "source-1" / "e.png")

    def fresh() -> Path:
        root = folder / "project"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(before, root)
        return root

    work = WORKS[what]
    old = state(fresh())
    root = fresh()
    work(root)
    new = state(root)
    sys.addaudithook(_hook)
    step = 0
    while killed_at(step, partial(work, fresh())):
        found = state(root)
        assert found in (old, new), (step, found)
        if found == old:
            work(root)
            assert what == "branch" or state(root) == new, step
        left = [path.name for path in root.iterdir() if path.name.startswith(".")]
        assert left == [".datumaro"], left
        step += every
    assert step > 3, step
    print(step)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))
