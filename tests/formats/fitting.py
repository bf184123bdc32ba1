"""The conformance suite for formats in which what an item has depends on something else of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st

from datumaro.dataset import Dataset
from datumaro.formats import registry
from datumaro.formats.capabilities import Capabilities
from datumaro.testing import FormatConformance, conformance


class FittingConformance(FormatConformance):
    """All data sets that the suite makes are fitted before they are written: see `fit`."""

    def fit(self, dataset: Dataset) -> Dataset:
        """Change a data set so that the format can hold it, and return it."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def fitted_samples(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = conformance.sample
        mine = registry.get(self.format).holds

        def fitted(holds: Capabilities, *args: Any, **options: Any) -> Dataset:
            dataset = made(holds, *args, **options)
            return self.fit(dataset) if holds == mine else dataset

        monkeypatch.setattr(conformance, "sample", fitted)

    def check(self, strategy: st.SearchStrategy[Dataset], test: Callable[[Dataset], None]) -> None:
        super().check(strategy.map(self.fit), test)
