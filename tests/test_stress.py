"""A short form of bench/stress.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "bench" / "stress.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills by signals")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["kill", "--times", "3"], "3 exports killed"),
        (["during", "--seconds", "3"], "exports; readers found"),
    ],
)
def test_under_stress(words: list[str], told: str) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert told in done.stdout
