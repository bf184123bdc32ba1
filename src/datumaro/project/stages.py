"""Stages: what a data set goes through whenever it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from datumaro.dataset import Dataset
from datumaro.errors import InvalidOptionError
from datumaro.progress import ProgressReporter

MODES = ("items", "annotations", "items+annotations")
"""What a filter leaves out: items, annotations, or annotations and the items without any."""


@dataclass(frozen=True)
class FilterStage:
    """A filter.

    Attributes
    ----------
    expression : XPath.
    mode : one of MODES.
    line : where it stands in the configuration; 0 for a new one.
    """

    expression: str
    mode: str = MODES[0]
    line: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"filter {self.expression!r}, {self.mode}"

    def check(self) -> None:
        """See that the expression is one.

        Raises
        ------
        DatumaroError
            It is none.
        """
        from datumaro.operations.filtering.filter import Filter

        Filter(self.expression, filter_annotations=self.mode != "items")

    def apply(self, dataset: Dataset, progress: ProgressReporter) -> None:
        """Filter a data set."""
        dataset.filter(
            self.expression,
            filter_annotations=self.mode != "items",
            remove_empty=self.mode == "items+annotations",
        )


@dataclass(frozen=True)
class TransformStage:
    """A transform.

    Attributes
    ----------
    name : its own.
    options : its options, as YAML holds them.
    line : where it stands in the configuration; 0 for a new one.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    line: int = field(default=0, compare=False)

    def __str__(self) -> str:
        given = [f"{name}: {value}" for name, value in self.options.items()]
        return ", ".join([f"transform {self.name}", *given])

    def check(self) -> None:
        """See that there is such a transform, that it has these options, and repeats its result.

        Raises
        ------
        UnknownTransformError, UnknownOptionError, InvalidOptionError
            One of these is not so.
        """
        from datumaro.operations.transforms.running import needs_seed

        if needs_seed(self.name, self.options):
            raise InvalidOptionError(
                "without a seed the result would be another one each time; add 'seed: 1', or "
                "another number, to the options"
            )

    def apply(self, dataset: Dataset, progress: ProgressReporter) -> None:
        """Transform a data set."""
        dataset.transform(self.name, progress_reporter=progress, **self.options)


Stage = FilterStage | TransformStage
