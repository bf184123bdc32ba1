"""Fixtures for all tests."""

from __future__ import annotations

import signal
from pathlib import Path

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


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real samples beside the checkout; without it the test is skipped."""
    for folder in ROOT.parents:
        data = folder / "shared" / "data"
        if data.is_dir():
            return data
    pytest.skip("no shared/data beside the checkout")
