"""Work in several workers: its results, in order, and how many workers there are."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor

import pytest

from datumaro import workers
from datumaro.errors import InvalidOptionError
from datumaro.workers import Workers, batched

# --- results --------------------------------------------------------------------------------------


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


# --- how many -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [-1, 1.5, "2", True])
def test_a_number_that_is_none(n: object) -> None:
    with pytest.raises(InvalidOptionError, match=r"num_workers is .*expected 0"):
        Workers(n)


def test_by_default_one_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, expected in ((1, 0), (2, 2), (6, 6), (64, 8)):
        monkeypatch.setattr(workers, "usable_cores", lambda n=cores: n)
        assert Workers(None).num_workers == expected
    assert Workers().num_workers == 0
