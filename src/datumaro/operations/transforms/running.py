"""Running a transform on a data set, whatever it is written for."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from datumaro.errors import InvalidOptionError, MediaTypeError
from datumaro.operations.transforms import registry
from datumaro.operations.transforms.base import ColumnTransform, TransformContext, TransformOptions
from datumaro.operations.transforms.of_items import Transform
from datumaro.options import check_kinds, make_options
from datumaro.table.builder import Builder
from datumaro.table.checks import check_unique
from datumaro.table.chunk import Chunk, Content
from datumaro.table.media_columns import media_number
from datumaro.table.store import add_item

if TYPE_CHECKING:
    from datumaro.dataset import Dataset

_CHUNK_ITEMS = 8192


def transformed(
    dataset: Dataset, method: str | type[Any], options: dict[str, Any], context: TransformContext
) -> Content:
    """The content that a transform makes of a data set, which stays as it is.

    Raises
    ------
    TypeError
        ``method`` is neither a name nor a transform's class.
    """
    kind = registry.get(method) if isinstance(method, str) else method
    if not isinstance(kind, type):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a transform of {type(kind).__name__}; expected a name or a class")
    if issubclass(kind, ColumnTransform):
        name = getattr(kind, "name", kind.__name__)
        content = kind().apply(dataset.content(), _chosen(kind, options), context)
        context.report(name)
    elif issubclass(kind, Transform):
        # a copy: a transform may change the items that it is given, and then fail
        content = _of_items(kind(dataset.clone(), **options))
    else:
        raise TypeError(
            f"{kind.__name__} is no transform; expected a subclass of dm.ItemTransform, "
            "dm.Transform or ColumnTransform"
        )
    check_unique(content, "")
    return content


def needs_seed(name: str, options: dict[str, Any]) -> bool:
    """Whether a transform with these options gives another result each time, for want of a seed.

    Raises
    ------
    UnknownTransformError
        There is no transform of that name.
    UnknownOptionError, InvalidOptionError
        It has no such option, or not with that value.
    """
    kind = registry.get(name)
    if issubclass(kind, ColumnTransform):
        return _chosen(kind, options).needs_seed
    signature = inspect.signature(kind)
    try:
        signature.bind(None, **options)
    except TypeError as error:
        raise InvalidOptionError(f"{name}: {error}") from None
    return "seed" in signature.parameters and options.get("seed") is None


def _chosen(kind: type[ColumnTransform], options: dict[str, Any]) -> TransformOptions:
    name = getattr(kind, "name", kind.__name__)
    check_kinds(kind.options, options, name)
    return make_options(kind.options, options, name)


def _of_items(transform: Transform) -> Content:
    chunks: list[Chunk] = []
    builder = Builder()
    allowed = transform.media_type()
    for item in transform:
        if item.media is not None and not isinstance(item.media, allowed):
            raise MediaTypeError(
                f"{type(transform).__name__}: item {item.id!r} has media of "
                f"{type(item.media).__name__}, and media_type() says {allowed.__name__}"
            )
        add_item(builder, item)
        if len(builder) == _CHUNK_ITEMS:
            chunks.append(builder.finish())
            builder = Builder()
    if len(builder):
        chunks.append(builder.finish())
    kind = media_number(allowed)
    return Content(chunks, dict(transform.categories()), dict(transform.infos()), kind)
