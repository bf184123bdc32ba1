"""Labels of formats that do not declare them: in the order in which they appear."""

from __future__ import annotations

from collections.abc import Iterable

from datumaro.model.annotation import AnnotationType
from datumaro.model.categories import Categories, LabelCategories


class AppearingLabels:
    """Gives each name an index when it is first asked for; or, when labels are given, those only.

    Attributes
    ----------
    is_open : whether names that are not known yet get an index.
    """

    def __init__(self, names: Iterable[str] | None = None) -> None:
        self._index: dict[str, int] = {}
        for name in names or ():
            self._index.setdefault(name, len(self._index))
        self.is_open = names is None

    def __len__(self) -> int:
        return len(self._index)

    @property
    def names(self) -> list[str]:
        """All names, by their index."""
        return list(self._index)

    def find(self, name: str) -> int | None:
        """The index of a name; None for one that is not declared, where labels are."""
        index = self._index.get(name)
        if index is None and self.is_open:
            index = self._index[name] = len(self._index)
        return index

    def categories(self) -> dict[AnnotationType, Categories]:
        """Label categories of all names."""
        return {AnnotationType.label: LabelCategories.from_iterable(self._index)}
