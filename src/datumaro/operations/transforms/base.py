"""The contract of a transform.

Those that come with the package are subclasses of `ColumnTransform`: they take and give columns
(`datumaro.table.chunk.Content`). Other people's may be, too, or work on items: see
`datumaro.operations.transforms.of_items`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from datumaro.losses import Losses
from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.table.chunk import Content
from datumaro.workers import Workers


@dataclass(frozen=True, kw_only=True)
class TransformOptions:
    """Options of a transform; subclasses declare them (`datumaro.options.option`).

    What is random has an option ``seed``, a whole number or None.
    """

    @property
    def needs_seed(self) -> bool:
        """Whether the result is another one each time, since there is no seed."""
        return getattr(self, "seed", 0) is None


@dataclass
class TransformContext(Losses):
    """What a transform may use beside its options.

    `lost` is where it says what it had to leave as it is, or could not keep.
    """

    progress: ProgressReporter = field(default_factory=NullProgressReporter)
    workers: Workers = field(default_factory=Workers)

    def report(self, name: str) -> None:
        """Log what was lost, as one warning."""
        self.warn(f"{name}: %s")


class ColumnTransform:
    """A transform of a data set's columns.

    Class attributes
    ----------------
    name : as users write it (``remap_labels``).
    title : one line on what it does.
    options : the dataclass of its options.
    example : its options on a command line, for its help; "" for none.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    options: ClassVar[type[TransformOptions]] = TransformOptions
    example: ClassVar[str] = ""

    def apply(self, content: Content, options: Any, context: TransformContext) -> Content:
        """The changed content. ``content`` itself, and its columns, stay as they are.

        Raises
        ------
        DatumaroError
            The data set cannot be changed so; the message names the item.
        """
        raise NotImplementedError
