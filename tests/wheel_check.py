"""Build the sdist and, from it, the wheel; install it in a clean environment; use it there.

    python tests/wheel_check.py [PYTHON ...]

Each PYTHON (default: the one that runs this) builds its own wheel and gets its own environment.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path) -> None:
    """Run a command; its output is shown only when it fails."""
    words = [str(word) for word in command]
    # whether it builds and installs is looked at, not how fast it is: without optimisation the
    # kernels compile in a fifth of the time
    environment = os.environ | {"CFLAGS": "-O0"}
    done = subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"failed: {' '.join(words)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


def check_files(sdist: Path, wheel: Path) -> None:
    """The sdist has the kernels' sources and no generated file; the wheel has them compiled."""
    kernels = {path.stem for path in (ROOT / "src/datumaro/kernels").glob("*.pyx")}
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    sources = [Path(name) for name in names if "/kernels/" in name]
    missing = kernels - {path.stem for path in sources if path.suffix == ".pyx"}
    generated = [path.name for path in sources if path.suffix in (".c", ".so")]
    if missing or generated:
        sys.exit(f"{sdist.name}: lacks {sorted(missing)}, has generated files {generated}")
    kernels.add("_cython")  # made by Cython: what all of them share
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    compiled = {
        name.split("/")[-1].split(".")[0] for name in names if name.endswith((".so", ".pyd"))
    }
    sources = [Path(name) for name in names if name.endswith((".c", ".pyx", ".pxd"))]
    if compiled != kernels or sources:
        sys.exit(
            f"{wheel.name}: compiled {sorted(compiled)} of {sorted(kernels)}, sources {sources}"
        )


def check(python: str, work: Path) -> None:
    """Build with ``python``, install, convert a tiny data set."""
    run(python, "-m", "venv", work / "build", cwd=work)
    run(work / "build/bin/python", "-m", "pip", "install", "-q", "build", cwd=work)
    run(work / "build/bin/python", "-m", "build", "-o", work / "dist", ROOT, cwd=work)
    (sdist,) = (work / "dist").glob("*.tar.gz")
    (wheel,) = (work / "dist").glob("*.whl")
    check_files(sdist, wheel)
    run(python, "-m", "venv", work / "use", cwd=work)
    run(work / "use/bin/python", "-m", "pip", "install", "-q", wheel, cwd=work)
    datum = work / "use/bin/datum"
    run(datum, "--help", cwd=work)
    run(datum, "sample", work / "coco", cwd=work)
    for source, target, name in (("coco", "binary", "datumaro_binary"), ("binary", "voc", "voc")):
        run(
            datum, "convert", "-i", source, "-f", name, "-o", target, "--", "--save-media", cwd=work
        )
    run(datum, "info", "voc", cwd=work)
    print(
        f"{python}: {wheel.name} ({wheel.stat().st_size / 1e6:.1f} MB) builds, installs and works"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pythons", nargs="*", default=[sys.executable], metavar="PYTHON")
    for python in parser.parse_args().pythons:
        with tempfile.TemporaryDirectory() as folder:
            check(python, Path(folder))


if __name__ == "__main__":
    main()
