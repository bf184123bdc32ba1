"""What becomes of work in several workers when a part of it fails, or a worker dies."""

from __future__ import annotations

import math
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from datumaro import errors, workers
from datumaro.errors import DatumaroError, MalformedFileError, WorkerError
from datumaro.workers import Workers, batched
from workers.pools import dask_cluster, process_pool


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
    pytest.importorskip("distributed")  # its own settings, before one of them is set and taken back
    with (  # a cluster of its own: one that dies while it starts is not started again
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        dask_cluster(1) as executor,
        pytest.raises(WorkerError),
        Workers(2, executor).map(os._exit, [[1]] * 3) as results,
    ):
        list(results)
