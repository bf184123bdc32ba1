"""Small requests for many files at a time, since each is waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from datumaro.remote.path import RemotePath, as_remote
from datumaro.workers import Workers, batched

R = TypeVar("R")

AT_A_TIME = 16
"""Requests: they wait for the network, not for a core."""


def in_parallel(function: Callable[[Path], R], paths: Sequence[Path]) -> list[R]:
    """The results of a function for each path, in order: of paths at URLs several at a time."""
    remote = any(as_remote(path) for path in paths)
    with Workers(AT_A_TIME if remote else 0).map(function, batched(paths, 1)) as results:
        return list(results)


def read_ahead(paths: Sequence[Path]) -> None:
    """Fetch the first bytes of files at URLs, by which their kind is told; they are kept."""
    remote = [found for path in paths if (found := as_remote(path)) is not None]
    with Workers(AT_A_TIME).map(RemotePath.head, batched(remote, 1)) as heads:
        for _ in heads:
            pass
