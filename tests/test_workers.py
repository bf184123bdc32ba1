"""Work in several workers: threads, executors, and what becomes of it when one of them fails."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import datumaro as dm
from datumaro import errors, media_store, workers
from datumaro.cli.main import main
from datumaro.crypto import generate_key
from datumaro.errors import (
    DamagedTokenError,
    DatasetExportError,
    DatasetImportError,
    DatumaroError,
    InvalidOptionError,
    MalformedFileError,
    MediaError,
    UnknownOptionError,
    WorkerError,
)
from datumaro.formats.datumaro_binary import reading, writing
from datumaro.progress import ProgressReporter
from datumaro.workers import Workers, batched


def process_pool(n: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(n, mp_context=get_context("spawn"))


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with process_pool(2) as pool:
        yield pool


@contextlib.contextmanager
def dask_cluster(n: int) -> Iterator[Executor]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=n, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()


@pytest.fixture(scope="module")
def dask_executor() -> Iterator[Executor]:
    with dask_cluster(2) as executor:
        yield executor


@pytest.fixture(params=["threads", "processes", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "threads":
        with ThreadPoolExecutor(2) as pool:
            yield pool
    else:
        name = "processes" if request.param == "processes" else "dask_executor"
        yield request.getfixturevalue(name)


# --- results ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_results_are_in_order(n: int, size: int) -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.01 if number % 10 == 0 else 0)
        return number * number

    with Workers(n).map(slow_at_first, batched(range(40), size)) as results:
        assert list(results) == [i * i for i in range(40)]


@pytest.mark.parametrize("n", [0, 2])
def test_nothing_to_do(n: int) -> None:
    with Workers(n).map(math.sqrt, []) as results:
        assert list(results) == []


def test_as_many_threads_as_are_asked_for_work_at_a_time() -> None:
    together = threading.Barrier(3)
    with Workers(3).map(lambda _: together.wait(timeout=30), batched(range(6), 1)) as results:
        assert sorted(results) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("n", [1, 2])
def test_a_single_batch_is_not_worth_a_thread(n: int) -> None:
    with Workers(n).map(lambda _: threading.get_ident(), [[1, 2, 3]]) as results:
        assert set(results) == {threading.get_ident()}
    with Workers(n).map(lambda _: threading.get_ident(), [[1], [2]]) as results:
        assert threading.get_ident() not in set(results)


def test_batches_are_taken_as_they_are_needed() -> None:
    taken = 0

    def batches() -> Iterator[list[int]]:
        nonlocal taken
        for number in range(100):
            taken += 1
            yield [number]

    with Workers(2).map(lambda number: number, batches()) as results:
        for number in results:
            assert taken <= number + 2 * 2 + 1
    assert taken == 100


def test_an_executor_works(executor: Executor) -> None:
    with Workers(0, executor).map(math.sqrt, batched(range(40), 3)) as results:
        assert list(results) == [math.sqrt(i) for i in range(40)]


def test_work_on_an_executor_is_done_there(processes: ProcessPoolExecutor) -> None:
    class Folder:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[()]]:
            return os.getpid, ()  # the process in which it is unpickled

    with Workers(2, processes).map(abs, [[Folder()]] * 4) as results:
        assert os.getpid() not in set(results)


# --- how many ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [-1, 1.5, "2", True])
def test_a_number_that_is_none(n: object) -> None:
    with pytest.raises(InvalidOptionError, match=r"num_workers is .*expected 0"):
        Workers(n)


def test_by_default_one_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, expected in ((1, 0), (2, 2), (6, 6), (64, 8)):
        monkeypatch.setattr(workers, "usable_cores", lambda n=cores: n)
        assert Workers(None).num_workers == expected
    assert Workers().num_workers == 0


# --- errors -----------------------------------------------------------------------------------


def test_the_first_error_in_order_is_raised_and_the_rest_is_not_done() -> None:
    done: list[int] = []

    def work(number: int) -> int:
        if number == 5:
            time.sleep(0.1)  # later ones fail before it
        if number >= 5:
            raise ValueError(f"number {number}") from KeyError("cause")
        done.append(number)
        return number

    got: list[int] = []
    with (
        pytest.raises(ValueError, match="number 5") as caught,
        Workers(2).map(work, batched(range(1000), 2)) as results,
    ):
        for number in results:
            got.append(number)
    assert got == [0, 1, 2, 3, 4]
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("n", [0, 2])
def test_when_it_is_left_early_no_call_goes_on(n: int) -> None:
    began: list[int] = []
    ended: list[int] = []

    def work(number: int) -> None:
        began.append(number)
        time.sleep(0.02)
        ended.append(number)

    long = [list(range(k, k + 1000)) for k in range(1, 9000, 1000)]
    with (
        pytest.raises(RuntimeError, match="enough"),
        Workers(n).map(work, [[0], *long]) as results,
    ):
        next(results)
        raise RuntimeError("enough")
    assert sorted(began) == sorted(ended)
    assert len(began) < 100
    assert not [t for t in threading.enumerate() if t.name.startswith("datumaro")]


def test_an_error_on_an_executor(executor: Executor) -> None:
    with (
        pytest.raises(ValueError, match=r"math domain error|nonnegative") as caught,
        Workers(2, executor).map(math.sqrt, [[4.0, 9.0], [16.0, -1.0], [1.0]]) as results,
    ):
        assert [next(results), next(results), next(results)] == [2, 3, 4]
        next(results)
    assert "in a worker" in "".join(getattr(caught.value, "__notes__", []))


def test_our_errors_come_back_from_other_processes() -> None:
    error = MalformedFileError("a.xml", "line 3", "this", "that")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.path, again.expected) == (str(error), "a.xml", "that")
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, DatumaroError)
    ]
    for kind in kinds:
        one = kind.__new__(kind, "what")
        one.args = ("what",)
        assert type(pickle.loads(pickle.dumps(one))) is kind


def test_an_error_that_cannot_be_sent(processes: ProcessPoolExecutor) -> None:
    class Unsendable(Exception):
        pass

    # raised by a function that does not exist there: told by the executor, not lost
    with (
        pytest.raises(WorkerError, match="the executor failed"),
        Workers(2, processes).map(lambda n: n, [[1], [2]]) as results,
    ):
        list(results)
    assert isinstance(workers._portable(Unsendable("x")), WorkerError)


@pytest.mark.parametrize("end", [(os._exit, 3), (signal.raise_signal, signal.SIGKILL)])
def test_a_worker_that_dies(end: tuple[Callable[[int], object], int]) -> None:
    with process_pool(2) as pool:
        pids = set(pool.map(abs, range(2))) and set(pool._processes)
        with (
            pytest.raises(WorkerError, match="a worker process died") as caught,
            Workers(2, pool).map(end[0], [[end[1]]] * 20) as results,
        ):
            list(results)
        assert caught.value.__cause__ is not None
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_an_executor_that_is_shut_down() -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with (
        pytest.raises(WorkerError, match="the executor failed"),
        Workers(2, pool).map(abs, [[1], [2]]) as results,
    ):
        list(results)


def test_a_dask_worker_that_dies() -> None:
    dask = pytest.importorskip("dask")
    with (  # a cluster of its own: one that dies while it starts is not started again
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        dask_cluster(1) as executor,
        pytest.raises(WorkerError),
        Workers(2, executor).map(os._exit, [[1]] * 3) as results,
    ):
        list(results)


# --- data sets --------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    (tmp_path / "pictures").mkdir()
    paths = [str(tmp_path / "pictures" / f"{i}.jpg") for i in range(40)]
    for i, path in enumerate(paths):
        dm.Image.from_numpy(np.full((8, 8, 3), 6 * i, np.uint8)).save(path)
    return paths


@pytest.fixture
def dataset(pictures: list[str], monkeypatch: pytest.MonkeyPatch) -> dm.Dataset:
    """Forty images and their boxes, in many batches."""
    monkeypatch.setattr(media_store, "_BATCH", 4)
    monkeypatch.setattr(writing, "BLOB_SIZE", 300)
    monkeypatch.setattr(reading, "_GROUP", 1000)
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                id=f"{i}",
                media=dm.Image.from_file(path),
                annotations=[dm.Bbox(i, 1, 2, 3, label=0), dm.Caption("x" * i)],
            )
            for i, path in enumerate(pictures)
        ],
        categories=["a"],
    )


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def contents(dataset: dm.Dataset) -> str:
    return repr([dataset.items_table.to_pylist(), dataset.annotations_table.to_pylist()])


FORMATS = ["datumaro_binary", "datumaro", "coco", "voc", "image_dir"]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("image_ext", [None, ".png"])
def test_the_output_does_not_depend_on_the_workers(
    dataset: dm.Dataset, tmp_path: Path, format: str, image_ext: str | None
) -> None:
    for n in (0, 1, 2, 5, None):
        dataset.export(
            tmp_path / str(n), format, save_media=True, image_ext=image_ext, num_workers=n
        )
    first = tree(tmp_path / "0")
    assert len(first) >= 40
    assert all(tree(tmp_path / n) == first for n in ("1", "2", "5", "None"))


def test_what_is_read_does_not_depend_on_the_workers(dataset: dm.Dataset, tmp_path: Path) -> None:
    dataset.export(tmp_path / "d", "datumaro_binary", save_media=True)
    read = [
        contents(dm.Dataset.import_from(tmp_path / "d", "datumaro_binary", num_workers=n))
        for n in (0, 1, 2, 5, None)
    ]
    assert "39.jpg" in read[0]
    assert all(one == read[0] for one in read)


def test_an_executor_exports_and_imports(
    dataset: dm.Dataset, tmp_path: Path, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset.export(tmp_path / "0", "datumaro_binary", save_media=True, image_ext=".png")
    dataset.export(
        tmp_path / "1", "datumaro_binary", save_media=True, image_ext=".png", executor=executor
    )
    assert tree(tmp_path / "1") == tree(tmp_path / "0")
    monkeypatch.chdir(tmp_path)  # a relative path must lead others to the same file
    read = [
        dm.Dataset.import_from("0", "datumaro_binary", executor=one) for one in (None, executor)
    ]
    assert contents(read[0]) == contents(read[1])
    assert read[1].get("3").media.size == (8, 8)


def test_encrypted_data_sets_do_not_depend_on_the_workers(
    dataset: dm.Dataset, tmp_path: Path
) -> None:
    key = str(generate_key())
    dataset.export(tmp_path / "plain", "datumaro_binary", save_media=True)
    for n in (0, 2):
        target = tmp_path / str(n)
        dataset.export(
            target, "datumaro_binary", save_media=True, num_workers=n, encryption_key=key
        )
        for m in (0, 2):
            read = dm.Dataset.import_from(target, num_workers=m, encryption_key=key)
            read.export(tmp_path / "again", "datumaro_binary", save_media=True, num_workers=m)
            assert tree(tmp_path / "again") == tree(tmp_path / "plain")


def test_an_executor_encrypts_and_decrypts(
    dataset: dm.Dataset, tmp_path: Path, executor: Executor
) -> None:
    key = str(generate_key())
    dataset.export(tmp_path / "plain", "datumaro_binary", save_media=True)
    target = tmp_path / "encrypted"
    dataset.export(
        target, "datumaro_binary", save_media=True, executor=executor, encryption_key=key
    )
    read = dm.Dataset.import_from(target, executor=executor, encryption_key=key)
    read.export(tmp_path / "again", "datumaro_binary", save_media=True, executor=executor)
    assert tree(tmp_path / "again") == tree(tmp_path / "plain")
    # an error there is the same error here
    path = target / "annotations" / "default.datum"
    data = bytearray(path.read_bytes())
    data[data.index(b"datumaro:extension") - 500] ^= 1
    path.write_bytes(data)
    told: set[str] = set()
    for one in (None, executor):
        with pytest.raises(DamagedTokenError, match=r"default\.datum: blob \d+") as caught:
            dm.Dataset.import_from(target, executor=one, encryption_key=key)
        told.add(str(caught.value))
        assert key not in str(caught.value)
    assert len(told) == 1


def test_images_of_every_kind_reach_an_executor(
    tmp_path: Path, processes: ProcessPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_store, "_BATCH", 1)
    pixels = np.zeros((4, 4, 3), np.uint8)
    png = dm.Image.from_numpy(pixels).encoded(".png")
    media = [
        dm.Image.from_numpy(pixels),
        dm.Image.from_numpy(lambda: pixels),
        dm.Image.from_bytes(png),
        dm.Image.from_bytes(lambda: png),
    ]
    dataset = dm.Dataset.from_iterable(
        [dm.DatasetItem(id=f"{i}", media=one) for i, one in enumerate(media)]
    )
    dataset.export(
        tmp_path / "d", "image_dir", save_media=True, image_ext=".bmp", executor=processes
    )
    assert len(set(tree(tmp_path / "d").values())) == 1
    assert len(tree(tmp_path / "d")) == 4


def test_a_file_that_is_replaced_while_others_read_it(
    dataset: dm.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process would read something else: it says so. Threads have the old file open."""
    dataset.export(tmp_path / "d", "datumaro_binary")
    path = tmp_path / "d" / "annotations" / "default.datum"
    whole = contents(dm.Dataset.import_from(tmp_path / "d", "datumaro_binary", num_workers=2))
    real = reading.stamp

    def replace_then(descriptor: int) -> tuple[int, int]:
        found = real(descriptor)
        path.unlink()
        path.write_bytes(b"another")
        return found

    monkeypatch.setattr(reading, "stamp", replace_then)
    held = path.read_bytes()
    assert whole == contents(
        dm.Dataset.import_from(tmp_path / "d", "datumaro_binary", num_workers=2)
    )
    path.write_bytes(held)
    with ThreadPoolExecutor(2) as pool, pytest.raises(DatasetImportError, match="was replaced"):
        dm.Dataset.import_from(tmp_path / "d", "datumaro_binary", executor=pool)


@pytest.mark.parametrize("n", [0, 2])
def test_a_damaged_blob_is_told_the_same_way(dataset: dm.Dataset, tmp_path: Path, n: int) -> None:
    dataset.export(tmp_path / "d", "datumaro_binary")
    path = tmp_path / "d" / "annotations" / "default.datum"
    data = bytearray(path.read_bytes())
    at = data.index(b"xxxxxxxxxx") - 4
    data[at : at + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(data)
    with pytest.raises(MalformedFileError, match=rf"{path}: byte {at}"):
        dm.Dataset.import_from(tmp_path / "d", "datumaro_binary", num_workers=n)


def test_options_are_checked_before_anything_is_done(dataset: dm.Dataset, tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match="num_workers is -1"):
        dataset.export(tmp_path / "d", "datumaro_binary", num_workers=-1)
    assert not (tmp_path / "d").exists()
    dataset.export(tmp_path / "c", "image_zip")
    with ThreadPoolExecutor(1) as pool, pytest.raises(UnknownOptionError, match="without workers"):
        dm.Dataset.import_from(tmp_path / "c", "image_zip", executor=pool)
    with pytest.raises(UnknownOptionError, match="num_workers"):
        dm.Dataset.import_from(tmp_path / "c", "image_zip", num_workers=2)


def test_on_the_command_line(
    dataset: dm.Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset.export(tmp_path / "a", "datumaro_binary", save_media=True)
    command = ["convert", "-q", "-i", str(tmp_path / "a"), "-f", "datumaro_binary"]
    reading_flags = ["-o", str(tmp_path / "b"), "--num-workers", "2"]
    assert main([*command, *reading_flags, "--", "--save-media", "--num-workers", "2"]) == 0
    assert tree(tmp_path / "b") == tree(tmp_path / "a")
    assert main([*command, "-o", str(tmp_path / "c"), "--", "--num-workers", "-1"]) == 2
    assert "'-1' is no number of workers" in capsys.readouterr().err
    assert main([*command, "-o", str(tmp_path / "c"), "--num-workers", "two"]) == 1
    assert "'two' is no number of workers" in capsys.readouterr().err


# --- exports that fail ------------------------------------------------------------------------


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """An old data set, alone in its folder."""
    target = tmp_path / "sets" / "old"
    old = dm.Dataset.from_iterable([dm.DatasetItem(id="old")])
    old.export(target, "datumaro_binary")
    return target


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


def children(pid: int) -> list[int]:
    """Processes that descend from one, it not counted."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(status.rpartition(")")[2].split()[1]) == pid:
                found += [int(entry.name), *children(int(entry.name))]
    return found


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


def test_no_process_is_started_by_itself(dataset: dm.Dataset, tmp_path: Path) -> None:
    before = set(children(os.getpid()))
    seen: set[int] = set()
    look = SimpleNamespace(
        start=lambda total, desc=None: None,
        finish=lambda: None,
        report_status=lambda progress: seen.update(children(os.getpid())),
    )
    dataset.export(
        tmp_path / "d",
        "datumaro_binary",
        save_media=True,
        num_workers=2,
        progress_reporter=look,
    )
    assert seen <= before
