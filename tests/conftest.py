"""Fixtures for all tests."""

from __future__ import annotations

import gc
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A shell that runs the tests in the background lets them, and the programs that they start, ignore
# interrupts, of which some tests are.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is the machine's matter, not the code's. The examples are the same in
# each run, so that what passed once passes again; `--hypothesis-profile=explore` draws others.
settings.register_profile("explore", deadline=None, derandomize=False)
settings.register_profile("same", deadline=None, derandomize=True)
settings.load_profile("same")

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest tests come first, so that no process waits for another's at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """The garbage collector need not look through thousands of tests again and again."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Several processes share the tests one by one. But those that go through files with one
    version of the published package stay in one process, and so do those that need servers: what
    they share is made once in each process.
    """
    if config.getvalue("dist") != "load":  # another way was asked for
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            found = re.match(r"tests/interop/.*?\[\d+\.\d+\.\d+\b", nodeid)
            if found:
                return f"interop {found[0].rpartition('[')[2]}"
            return "remote" if nodeid.startswith("tests/remote/") else nodeid

    return Scheduling(config, log)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real samples beside the checkout; without it the test is skipped."""
    for folder in ROOT.parents:
        data = folder / "shared" / "data"
        if data.is_dir():
            return data
    pytest.skip("no shared/data beside the checkout")
