"""What operations take: a data set, or its columns."""

from __future__ import annotations

from typing import Protocol

from datumaro.table.content import Content


class HasContent(Protocol):
    """A data set."""

    def content(self) -> Content:
        """All that it holds, as columns."""
        ...


def content_of(dataset: HasContent | Content) -> Content:
    """The columns of a data set."""
    return dataset if isinstance(dataset, Content) else dataset.content()


def subset_content(content: Content, subset: str) -> Content:
    """The same data set with the items of one subset only (none when there is no such subset)."""
    chunks = content.by_subset().get(subset, [])
    return Content(chunks, content.categories, content.infos, content.media_type)
