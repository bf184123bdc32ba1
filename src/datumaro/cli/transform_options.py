"""Options of transforms, in the words that follow ``--``."""

from __future__ import annotations

from typing import Any, cast

from datumaro.cli.format_options import parse_words


def parse_transform_options(name: str, words: list[str], prog: str) -> dict[str, Any]:
    """The options of a transform in words; pairs (``OLD:NEW``) as mappings.

    Wrong words end the program as argparse does it: exit code 2, or 0 for ``-h``.

    Raises
    ------
    UnknownTransformError
        There is no transform of that name.
    InvalidOptionError
        An option has not such a value.
    """
    from datumaro.operations.transforms import registry
    from datumaro.operations.transforms.base import TransformOptions
    from datumaro.options import make_options

    kind: Any = registry.get(name)
    declared: type[Any] = getattr(kind, "options", None) or TransformOptions
    text = f"Options of the transform {name}: {getattr(kind, 'title', kind.__doc__ or '')}"
    example = getattr(kind, "example", "")
    if example:
        text += f"\nFor example: -- {example}"
    options = parse_words(declared, words, f"{prog} -t {name} ... --", text)
    make_options(declared, options, name)  # are they right? Before any file is read
    return {option: _mapping(value) for option, value in options.items()}


def _mapping(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    parts = cast(tuple[Any, ...], value)
    return dict(parts) if all(isinstance(part, tuple) for part in parts) else parts
