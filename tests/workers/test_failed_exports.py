"""Exports in several workers that fail or are stopped leave what was there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor
from pathlib import Path

import pytest

import datumaro as dm
from datumaro.errors import DatasetExportError, MediaError, WorkerError
from datumaro.progress import ProgressReporter
from workers.pools import children, process_pool


def assert_old(target: Path) -> None:
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert [item.id for item in dm.Dataset.import_from(target)] == ["old"]


@pytest.mark.parametrize("on", ["threads", "processes"])
def test_a_damaged_image_fails_the_export(
    dataset: dm.Dataset, pictures: list[str], target: Path, processes: Executor, on: str
) -> None:
    Path(pictures[29]).write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(DatasetExportError, match=r"^29: .*29\.jpg.* is (damaged|not an image)"):
        dataset.export(
            target,
            "datumaro_binary",
            save_media=True,
            image_ext=".png",
            num_workers=2,
            executor=processes if on == "processes" else None,
        )
    assert_old(target)


class _Killer(ProgressReporter):
    """Kills a process when a few media are saved."""

    def __init__(self, pid: int) -> None:
        self.pid, self.saving = pid, False

    def start(self, total: int, *, desc: str | None = None) -> None:
        self.saving = desc == "Saving media"

    def report_status(self, progress: int) -> None:
        if self.saving and progress == 5:
            os.kill(self.pid, signal.SIGKILL)


def test_a_killed_worker_fails_the_export(dataset: dm.Dataset, target: Path) -> None:
    with process_pool(2) as pool:
        pid = pool.submit(os.getpid).result()
        with pytest.raises(WorkerError, match="a worker process died"):
            dataset.export(
                target,
                "datumaro_binary",
                save_media=True,
                num_workers=1,
                executor=pool,
                progress_reporter=_Killer(pid),
            )
    assert_old(target)
    assert not Path(f"/proc/{pid}").exists()


def test_full_memory_is_an_error_of_the_image(
    dataset: dm.Dataset, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(pixels: object, ext: str) -> bytes:
        raise MediaError("no memory")

    monkeypatch.setattr("datumaro.model.image.encode_image", full)
    with pytest.raises(DatasetExportError, match="no memory") as caught:
        dataset.export(target, "image_dir", save_media=True, image_ext=".png", num_workers=2)
    assert isinstance(caught.value.__cause__, MediaError)
    assert_old(target)


EXPORT = """
import signal
import sys
import numpy as np
import datumaro as dm
from concurrent.futures import ProcessPoolExecutor

def main():
    pixels = np.random.default_rng(0).integers(0, 255, (1000, 1000, 3), np.uint8)
    class Told(dm.progress.ProgressReporter):
        def report_status(self, progress):
            print("saving", flush=True)
    items = [
        dm.DatasetItem(id=str(i), media=dm.Image.from_numpy(pixels)) for i in range(500)
    ]
    dataset = dm.Dataset.from_iterable(items)
    options = dict(save_media=True, image_ext=".png", num_workers=2, progress_reporter=Told())
    if sys.argv[2] == "threads":
        dataset.export(sys.argv[1], "image_dir", **options)
    else:
        # ended by their pool: a process that the signal kills may leave a pool's queue locked
        ignore = (signal.SIGINT, signal.SIG_IGN)
        with ProcessPoolExecutor(2, initializer=signal.signal, initargs=ignore) as pool:
            dataset.export(sys.argv[1], "image_dir", executor=pool, **options)

import datumaro.progress
if __name__ == "__main__":
    main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("on", ["threads", "processes"])
def test_ctrl_c_stops_promptly(tmp_path: Path, target: Path, on: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(EXPORT)
    source = str(Path(dm.__file__).parent.parent)
    process = subprocess.Popen(
        [sys.executable, str(script), str(target), on],
        env=os.environ | {"PYTHONPATH": source},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "saving\n"
    below = children(process.pid)
    assert bool(below) == (on == "processes")
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, told = process.communicate(timeout=60)
    assert time.monotonic() - begin < 20
    assert "KeyboardInterrupt" in told
    assert process.returncode == -signal.SIGINT
    assert not any(Path(f"/proc/{pid}").exists() for pid in below)
    assert_old(target)
