"""The published package and ours as programs that are given jobs, and the files between them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interop.cases import Case, Sample

JOBS = Path(__file__).parent / "jobs.py"


@dataclass
class Package:
    """A `datumaro` that can be given jobs: ours, or a published one."""

    python: Path
    folder: Path
    results: dict[str, Any] = field(default_factory=dict[str, Any])

    def run(self, jobs: dict[str, Any]) -> None:
        """Run jobs in one process and keep their results."""
        self.folder.mkdir(parents=True, exist_ok=True)
        job_file, result_file = self.folder / "jobs.json", self.folder / "results.json"
        job_file.write_text(json.dumps(jobs))
        command = [str(self.python), str(JOBS), str(job_file), str(result_file)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self.folder, timeout=600
        )
        assert done.returncode == 0, done.stderr[-3000:]
        self.results |= json.loads(result_file.read_text())

    def result(self, name: str) -> dict[str, Any]:
        """What a job gave; an error fails the test that asks."""
        result = self.results[name]
        assert "error" not in result, f"{self.folder.name}, {name}:\n{result['error']}"
        return result


@dataclass
class Exchange:
    """One published version and ours, after each has written all cases and read all files."""

    version: str
    theirs: Package
    ours: Package

    def source(self, who: Package, case: Case) -> dict[str, Any]:
        """The data set as built, before it was written."""
        return who.result(f"write {case.name}")

    def read(self, who: Package, writer: Package, case: Case) -> dict[str, Any]:
        """What ``who`` read of the files that ``writer`` wrote."""
        who_wrote = "theirs" if writer is self.theirs else "ours"
        self.source(writer, case)  # a failed write explains a failed read
        return who.result(f"read {who_wrote} {case.name}")


def exchanged(
    version: str,
    python: Path,
    root: Path,
    media: Path,
    *,
    cases: Sequence[Case],
    ours_alone: Sequence[Case],
    samples: Sequence[Sample],
) -> Exchange:
    """Let each side write every case, then read what either wrote, and the real samples.

    Parameters
    ----------
    python : of the environment with the published ``version``.
    root : the folder to work in.
    media : what the data sets are built of.
    ours_alone : cases that the published package does not write.
    """
    exchange = Exchange(
        version,
        Package(python, root / "theirs"),
        Package(Path(sys.executable), root / "ours"),
    )
    written = {"theirs": list(cases), "ours": [*cases, *ours_alone]}
    for who, wrote in ((exchange.theirs, "theirs"), (exchange.ours, "ours")):
        who.run(
            {
                f"write {case.name}": {
                    "write": case.sample,
                    "format": case.format,
                    "path": str(root / wrote / case.name),
                    "media": str(media),
                    "options": case.write_options(version, ours=wrote == "ours"),
                }
                for case in written[wrote]
            }
        )
    for who in (exchange.theirs, exchange.ours):
        ours = who is exchange.ours
        jobs = {
            f"read {wrote} {case.name}": {
                "read": str(root / wrote / case.name),
                "format": case.read_as or case.format,
                "options": case.read_options(version, ours=ours),
            }
            for wrote, found in written.items()
            for case in found
        }
        jobs |= {
            f"read {sample.name}": {
                "read": str(path),
                "format": sample.format if ours else sample.theirs or sample.format,
                "options": sample.options,
            }
            for sample in samples
            if (path := sample.path()) is not None
        }
        who.run(jobs)
    return exchange
