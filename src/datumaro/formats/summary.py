"""What each format is, in short: for ``datum formats`` and the documentation."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, cast

from datumaro.formats.base import Format, ReadOptions, WriteOptions
from datumaro.formats.capabilities import PLURALS, Held
from datumaro.model.media import MediaType

_ALL_MEDIA = len(MediaType) - 2  # but for none, and rows of tables, which no format has


@dataclass(frozen=True)
class OptionSummary:
    """An option.

    Attributes
    ----------
    default : as JSON has it; None where there is none.
    """

    name: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class FormatSummary:
    """A format.

    Attributes
    ----------
    detected : whether it is detected by itself.
    annotations : the kinds that its files hold, and what is kept of each (`Held`); None when the
        format does not declare it.
    with_option : kinds that are written only with an option, each with the option's name.
    media : kinds of media.
    """

    name: str
    title: str
    reads: bool
    writes: bool
    detected: bool
    part_of: str
    read_by: str
    annotations: dict[str, dict[str, Any]] | None
    with_option: dict[str, str]
    media: tuple[str, ...]
    read_options: tuple[OptionSummary, ...]
    write_options: tuple[OptionSummary, ...]

    @property
    def kinds(self) -> str:
        """The kinds of annotations in words; those that need an option with an asterisk."""
        if self.annotations is None:
            return "?"
        if len(self.annotations) == len(PLURALS):
            return "all"
        return ", ".join([*self.annotations, *(f"{kind}*" for kind in self.with_option)]) or "-"

    @property
    def media_kinds(self) -> str:
        """The kinds of media in words."""
        if self.annotations is None:
            return "?"
        if len(self.media) == _ALL_MEDIA:
            return "all"
        return ", ".join(self.media) or "-"

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return dataclasses.asdict(self)


def summarize(kind: Format) -> FormatSummary:
    """What a format declares."""
    holds = kind.holds
    optional = _with_option(kind)
    annotations = None
    if holds is not None:
        annotations = {k.name: _kept(held) for k, held in sorted(holds.annotations.items())}
    return FormatSummary(
        kind.name,
        kind.title,
        kind.reads,
        kind.writes,
        kind.reads and type(kind).detect is not Format.detect,
        kind.part_of,
        kind.read_by,
        annotations,
        optional,
        tuple(medium.name.lower() for medium in sorted(holds.media)) if holds else (),
        _options(kind.read_options) if kind.reads else (),
        _options(kind.write_options) if kind.writes else (),
    )


def _kept(held: Held) -> dict[str, Any]:
    """What is kept of a kind, as JSON has it; attributes kept by name are a list of names."""
    return {
        field.name: sorted(held.names) if field.name == "names" else getattr(held, field.name)
        for field in dataclasses.fields(held)
    }


def _with_option(kind: Format) -> dict[str, str]:
    """Kinds of annotations that are held only when an option that is off is switched on."""
    if not kind.writes or kind.holds is None:
        return {}
    options = kind.write_options()
    found: dict[str, str] = {}
    for field in dataclasses.fields(options):
        if field.default is not False:
            continue
        wider = kind.holding(dataclasses.replace(options, **{field.name: True}))
        for annotation in sorted(wider.annotations) if wider is not None else ():
            if annotation not in kind.holds.annotations:
                found.setdefault(annotation.name, field.name)
    return found


def _options(kind: type[ReadOptions] | type[WriteOptions]) -> tuple[OptionSummary, ...]:
    """A format's options; those of exports that are secret are left out."""
    return tuple(
        OptionSummary(
            field.name,
            None if field.default is dataclasses.MISSING else _plain(field.default),
            str(field.metadata.get("help", "")),
            tuple(field.metadata.get("choices") or ()),
        )
        for field in dataclasses.fields(kind)
        if issubclass(kind, ReadOptions) or not field.metadata.get("secret")
    )


def _plain(value: Any) -> Any:
    """A default as JSON has it."""
    if isinstance(value, tuple | list):
        return [_plain(one) for one in cast("list[Any]", value)]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
