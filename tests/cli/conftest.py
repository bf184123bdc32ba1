"""The formats of `toy_format`, installed beside the real ones, and a data set in one of them."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from datumaro.cli.main import main
from datumaro.formats import registry
from datumaro.formats.entry_points import entry_points

_ENTRY_POINTS = """\
[datumaro.formats]
toy = toy_format:Toy
toy_twin = toy_format:ToyTwin
toy_read_only = toy_format:ToyReadOnly
toy_write_only = toy_format:ToyWriteOnly
toy_buggy = toy_format:ToyBuggy
toy_full = toy_format:ToyFull
toy_broken = no_such_module:Broken
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages: one, with the toy formats."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(Path(__file__).with_name("toy_format.py"), folder)
    info = folder / "toy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(_ENTRY_POINTS)
    return folder


@pytest.fixture(autouse=True)
def toy_formats(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def forget() -> None:
        registry.get.cache_clear()
        entry_points.cache_clear()
        importlib.invalidate_caches()

    monkeypatch.syspath_prepend(str(site))
    forget()
    yield
    forget()


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set of three items in the current folder, in `toy`."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "toy"
    folder.mkdir()
    items = [
        {"id": "b", "subset": "train", "boxes": [[0, 0, 2, 3, 0], [1, 1, 4, 4, 1]]},
        {"id": "a", "subset": "val", "boxes": [[0, 0, 5, 5, 1]], "image": "a.png"},
        {"id": "c", "subset": "train", "boxes": []},
    ]
    (folder / "toy.json").write_text(json.dumps({"labels": ["cat", "dog"], "items": items}))
    return folder


@dataclass
class Outcome:
    """What a command returned and printed."""

    code: int
    out: str
    err: str


Datum = Callable[..., Outcome]


@pytest.fixture
def datum(capsys: pytest.CaptureFixture[str]) -> Datum:
    """Run the command in this process."""

    def run(*argv: str | Path) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in argv])
        captured = capsys.readouterr()
        return Outcome(int(code), captured.out, captured.err)

    return run


@pytest.fixture
def datum_process(
    site: Path, tmp_path: Path
) -> Iterator[Callable[[Sequence[str]], subprocess.Popen[str]]]:
    """Start the command in a process of its own."""
    import datumaro

    source = Path(datumaro.__path__[0]).parent
    environment = os.environ | {"PYTHONPATH": f"{source}{os.pathsep}{site}"}
    started = contextlib.ExitStack()

    def start(argv: Sequence[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "datumaro", *argv],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return started.enter_context(process)

    with started:
        yield start
