"""The one place that runs work in several workers.

Workers are threads, since nearly all the work that is worth sharing leaves the interpreter's lock
to others. Measured, on two idle cores: how long one call takes, and the longest that another thread
stood still meanwhile.

====================================================  =======  =====
call                                                  takes    stop
====================================================  =======  =====
AES-CBC, 128 MB, encrypt (cryptography 50)              98 ms   0 ms
AES-CBC, 128 MB, decrypt                                17 ms   0 ms
HMAC-SHA256, 128 MB (`hmac.digest`)                     76 ms   0 ms
base64, 128 MB, encode (pybase64 1.5)                   98 ms  13 ms
base64, 128 MB, decode                                  87 ms   9 ms
PNG, 2000 × 2000 pixels of noise, encode (Pillow 13)  1822 ms   0 ms
PNG, decode                                            985 ms   0 ms
WebP, encode                                           597 ms   0 ms
WebP, decode                                           400 ms   7 ms
JPEG, decode                                           218 ms   0 ms
`kernels.records.read_records`, 127 MB                 155 ms   0 ms
`kernels.record_print.Records`, 128 MB                  33 ms   0 ms
`os.copy_file_range`, 300 MB                           186 ms   0 ms
====================================================  =======  =====

Many small media files would spend as much time in the Python between such calls. So a batch of
them is one call, which leaves the lock to others: `kernels.files` copies, reads and writes them,
and they are encrypted together. Saving 10,000 JPEGs of 31 KB takes two threads about two thirds of
the time of one, and half of it when they are encrypted (the rows ``write_media`` of the benchmark).

No processes are started here: they would have to import this package first (0.12 to 0.2 s), and
forking is not safe beside threads. Who has other machines, or older versions of these packages that
do keep the lock, gives a `concurrent.futures.Executor`.

Two threads take 0.16 ms to start and do nothing, and 0.02 ms to be handed a further batch, so
callers make batches of about a millisecond and more; a single batch is run where it is.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from functools import partial
from itertools import chain, islice
from typing import TypeVar

from datumaro.errors import DatumaroError, InvalidOptionError, WorkerError

T = TypeVar("T")
B = TypeVar("B")
R = TypeVar("R")

_AHEAD = 2  # batches for each worker: one in work, one waiting, so that none has to wait for us
_MOST_CORES = 8  # of the default: beyond, disks and memory are what is waited for
_ON_EXECUTOR = 8  # workers that an executor is taken to have, when nobody says
_PATIENCE = 10.0  # seconds that tasks on an executor get to end after an error


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worker_count(word: str) -> int:
    """The number of workers that a word of the command line says; ValueError when it says none."""
    if not word.strip().isdecimal():
        raise ValueError(f"{word!r} is no number of workers; expected 0, for none, or how many")
    return int(word)


def batched(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """The things in lists of ``size``; the last may be shorter."""
    rest = iter(things)
    while batch := list(islice(rest, size)):
        yield batch


class Workers:
    """Where work is run: in the calling thread, in threads, or on an executor.

    Parameters
    ----------
    num_workers : 0 for the calling thread alone, otherwise the number of threads. None for as many
        as there are cores, up to 8; on a single core, none.
    executor : runs the work instead, in other processes or on other machines. They need this
        package, and the same paths must lead to the same files there. ``num_workers`` then says how
        many tasks it works on at a time (None or 0: 8). It is left open. Processes on this machine
        should ignore SIGINT (``initializer=signal.signal, initargs=(SIGINT, SIG_IGN)``): Ctrl-C
        goes to them too, and one that dies of it may leave its pool waiting for ever.

    Raises
    ------
    InvalidOptionError
        ``num_workers`` is not a number, or negative.
    """

    def __init__(self, num_workers: int | None = 0, executor: Executor | None = None) -> None:
        if num_workers is None:
            cores = min(usable_cores(), _MOST_CORES)
            num_workers = cores if cores > 1 and executor is None else 0
        if not isinstance(num_workers, int) or isinstance(num_workers, bool) or num_workers < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidOptionError(
                f"num_workers is {num_workers!r}; expected 0, for no workers, or how many"
            )
        self.num_workers = num_workers
        self.executor = executor

    @property
    def share_memory(self) -> bool:
        """Whether all work is done in this process."""
        return self.executor is None

    def map(
        self, function: Callable[[T], R], batches: Iterable[Iterable[T]]
    ) -> AbstractContextManager[Iterator[R]]:
        """Call a function with each thing, and give the results in the order of the things.

        See `map_batches`. For an executor, the function is one of a module.
        """
        return self.map_batches(partial(_each, function), batches)

    @contextlib.contextmanager
    def map_batches(
        self, function: Callable[[B], Iterable[R]], batches: Iterable[B]
    ) -> Generator[Iterator[R]]:
        """Call a function with each batch, and give the results of all of them in order.

        It is a context: when it is left, early or not, no call goes on.

        Parameters
        ----------
        function : gives the results one by one: when nobody waits for the rest any more, they are
            not taken. For an executor, it and the batches can be pickled.
        batches : each is done by one worker. They are taken as they are needed, in the calling
            thread: of each worker's batches two are there at a time. A single batch is done in the
            calling thread.

        Raises
        ------
        WorkerError
            The executor failed: a worker died, or it was shut down.
        Exception
            Whatever the function raised first, in the order of the results.
        """
        batches = iter(batches)
        first = list(islice(batches, 2))
        batches = chain(first, batches)
        if len(first) < 2 or not (self.num_workers or self.executor):
            yield (result for batch in batches for result in function(batch))
        elif self.executor is None:
            stop = threading.Event()
            pool = ThreadPoolExecutor(self.num_workers, "datumaro")
            try:
                yield _results(pool, function, stop, batches, self.num_workers * _AHEAD, deque())
            finally:
                stop.set()  # each thread ends with the thing that it is at
                pool.shutdown(cancel_futures=True)
        else:
            ahead = (self.num_workers or _ON_EXECUTOR) * _AHEAD
            waiting: deque[Future[_Outcome[R]]] = deque()
            try:
                yield _results(self.executor, function, None, batches, ahead, waiting)
            finally:
                wait([task for task in waiting if not task.cancel()], _PATIENCE)


_Outcome = tuple[list[R], Exception | None]


def _results(
    executor: Executor,
    function: Callable[[B], Iterable[R]],
    stop: threading.Event | None,
    batches: Iterable[B],
    ahead: int,
    waiting: deque[Future[_Outcome[R]]],
) -> Iterator[R]:
    for batch in batches:
        try:
            waiting.append(executor.submit(_run, function, batch, stop))
        except Exception as error:
            raise _failure(error) from error
        if len(waiting) >= ahead:
            yield from _finished(waiting.popleft())
    while waiting:
        yield from _finished(waiting.popleft())


def _finished(task: Future[_Outcome[R]]) -> Iterator[R]:
    try:
        results, error = task.result()
    except Exception as failure:  # not of the function, whose errors are in the outcome
        raise _failure(failure) from failure
    yield from results
    if error is not None:
        raise error


def _failure(error: Exception) -> WorkerError:
    if isinstance(error, BrokenExecutor):
        what = "a worker process died: it was killed, or ran out of memory"
    else:
        what = "the executor failed"
    return WorkerError(f"{what} ({type(error).__name__}: {error})")


# --- in the workers ---------------------------------------------------------------------------


def _each(function: Callable[[T], R], batch: Iterable[T]) -> Iterator[R]:
    return map(function, batch)


def _run(
    function: Callable[[B], Iterable[R]], batch: B, stop: threading.Event | None
) -> _Outcome[R]:
    """Do a batch: the results, up to an error if there is one.

    Parameters
    ----------
    stop : is set when nobody waits for the rest any more; None in another process.
    """
    results: list[R] = []
    if stop is not None and stop.is_set():
        return results, None
    try:
        for result in function(batch):
            results.append(result)
            if stop is not None and stop.is_set():
                break
    except Exception as error:  # noqa: BLE001 - it is raised where the results are taken
        return results, error if stop is not None else _portable(error)
    return results, None


def _portable(error: Exception) -> Exception:
    """An error that can be sent to another process, with its traceback as a note."""
    if not isinstance(error, DatumaroError | OSError):
        error.add_note("in a worker:\n" + "".join(traceback.format_exception(error)))
    with contextlib.suppress(Exception):  # whatever its own pickling raises
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    return WorkerError(f"{type(error).__name__}: {error}")
