"""What could not be done, counted, and told once."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field

log = logging.getLogger("datumaro")


@dataclass
class Losses:
    """Counts by what was lost, each with a first example."""

    losses: Counter[str] = field(default_factory=Counter[str], init=False)
    examples: dict[str, str] = field(default_factory=dict[str, str], init=False)

    def lost(self, what: str, count: int = 1, example: str = "") -> None:
        """Say that ``count`` of ``what`` (a plural: "polygons") could not be held, or changed.

        ``example`` names the first item that has one.
        """
        if count:
            self.losses[what] += count
            self.examples.setdefault(what, example)

    def warn(self, text: str) -> None:
        """Log all, as one warning; ``text`` has ``%s`` where they are to stand."""
        if self.losses:
            parts = [
                f"{n} {what}" + (f" (first: {self.examples[what]})" if self.examples[what] else "")
                for what, n in self.losses.items()
            ]
            log.warning(text, ", ".join(parts))
