"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real samples beside the checkout; without it the test is skipped."""
    for folder in ROOT.parents:
        data = folder / "shared" / "data"
        if data.is_dir():
            return data
    pytest.skip("no shared/data beside the checkout")
