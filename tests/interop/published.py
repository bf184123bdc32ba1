"""Environments of the published package, made once and used again.

The tests of interchange and the benchmark run the published `datumaro` as a program of its own, in
an environment of its own, since the two packages share a name.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

VERSIONS = ("1.10.0", "1.13.12")

# What some formats need besides: hundreds of MB, so it is in environments of its own.
TENSORFLOW = "tensorflow-cpu"

# Their dependencies have wheels for these versions of Python.
_PYTHONS = ("3.11", "3.12", "3.10")


class NotAvailableError(Exception):
    """The environment could not be made; the message says why."""


def folder() -> Path:
    """Where the environments lie: outside the checkout, so that a fresh clone finds them again."""
    if chosen := os.environ.get("DATUMARO_REFERENCE"):
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "datumaro-reference"


def interpreter(version: str, *more: str) -> Path:
    """The Python interpreter of an environment that has ``datumaro==version``, and more packages.

    Made when missing, which takes minutes and the package index; only one process makes it.

    Raises
    ------
    NotAvailableError
        No suitable Python, or the installation failed.
    """
    home = folder()
    home.mkdir(parents=True, exist_ok=True)
    name = "-".join((version, *more))
    target = home / name
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / "complete").exists():
            shutil.rmtree(target, ignore_errors=True)
            _make(target, f"datumaro=={version}", *more)
            (target / "complete").touch()
    return target / "bin" / "python"


def _make(target: Path, *packages: str) -> None:
    what = " and ".join(packages)
    print(f"making the environment of {what} in {target}", file=sys.stderr, flush=True)
    _run([_base_python(), "-m", "venv", str(target)], what)
    python = str(target / "bin" / "python")
    _run([python, "-m", "pip", "install", "--quiet", *packages], what)


def _base_python() -> str:
    for candidate in (sys.executable, *(f"python{number}" for number in _PYTHONS)):
        code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2], sys.executable)"
        try:
            done = subprocess.run(
                [candidate, "-c", code], capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            continue
        number, _, path = done.stdout.strip().partition(" ")
        if number in _PYTHONS:
            return path
    raise NotAvailableError(f"no Python {' or '.join(sorted(_PYTHONS))} for the published package")


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr or done.stdout).strip()[-1000:]
        raise NotAvailableError(f"could not install {what}: {reason}")


if __name__ == "__main__":
    for name in sys.argv[1:] or VERSIONS:
        print(interpreter(*name.split("+")))
