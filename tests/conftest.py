"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# how long an example takes is the machine's matter, not the code's
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real samples beside the checkout; without it the test is skipped."""
    for folder in ROOT.parents:
        data = folder / "shared" / "data"
        if data.is_dir():
            return data
    pytest.skip("no shared/data beside the checkout")
