"""The commands of docs/tour.md, run as they stand in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "tour.md"


@pytest.mark.slow
def test_the_tour(tmp_path: Path):
    commands = re.findall(r"^    (.+)$", PAGE.read_text(), re.MULTILINE)
    assert len(commands) > 25
    programs = tmp_path / "bin"
    programs.mkdir()
    datum = programs / "datum"
    datum.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m datumaro "$@"\n')
    datum.chmod(0o755)
    (tmp_path / "tour").mkdir()
    environment = {k: v for k, v in os.environ.items() if k != "DATUMARO_ENCRYPTION_KEY"} | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
    }

    done = subprocess.run(
        ["bash", "-eu", "-c", "\n".join(commands)],
        cwd=tmp_path / "tour",
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert "Working directory clean" in done.stdout
    assert "modified\tcoco\t(1 file added)" in done.stdout
    key = (tmp_path / "tour" / "my.key").read_bytes().strip()
    for project in ("zoo", "shared", "received"):
        for path in (tmp_path / "tour" / project).rglob("*"):
            assert not path.is_file() or key not in path.read_bytes()
    assert len(list((tmp_path / "tour" / "voc" / "JPEGImages").iterdir())) > 10
