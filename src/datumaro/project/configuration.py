"""A project's configuration: a YAML file that persons may edit, comments included.

::

    format_version: 3
    sources:
      coco-train:
        format: coco
        path: annotations/a.json     # what is read, in the source's folder (default: the folder)
        origin: /data/coco           # where it was imported from; only told
        options:                     # import options of the format
          subset: train
        stages:                      # what is done to the source when it is read
        - filter: /item[subset="train"]
    stages:                          # what is done to all sources together
    - filter: /item/annotation[label="cat"]
      mode: items+annotations
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from datumaro.errors import ProjectConfigError, ProjectError
from datumaro.keys import VARIABLE, redacted
from datumaro.paths import escapes
from datumaro.project.layout import name_problem

FORMAT_VERSION = 3
"""Version 1 and 2 are those of Datumaro 1.x."""

AT_USE: dict[str, str] = {
    "encryption_key": f"keys are never in the configuration: give --key-file or set {VARIABLE}",
    "allow_external_media": "it is given at use, as --allow-external-media",
    "num_workers": "it is given at use",
}
"""Import options that are not kept, and what to do instead."""

MODES = ("items", "annotations", "items+annotations")
"""What a filter leaves out: items, annotations, or annotations and the items without any."""

_MOST_BYTES = 1 << 20
_HEADER = "# A Datumaro project. This file may be edited; `datum project info` checks it.\n"


@dataclass(frozen=True)
class Stage:
    """A filter that a data set goes through when it is read.

    Attributes
    ----------
    expression : XPath.
    mode : one of MODES.
    line : where it stands in the file; 0 for a new one.
    """

    expression: str
    mode: str = MODES[0]
    line: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"filter {self.expression!r}, {self.mode}"


@dataclass(frozen=True)
class Source:
    """A data set of the project.

    Attributes
    ----------
    name : its own, and its folder's.
    format : its format's name.
    path : what is read, relative to its folder; "" for the folder.
    origin : where it was imported from; "" for a folder that was added in place.
    options : import options.
    stages : what is done to it when it is read, in this order.
    line : where it stands in the file; 0 for a new one.
    """

    name: str
    format: str
    path: str = ""
    origin: str = ""
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    stages: tuple[Stage, ...] = ()
    line: int = field(default=0, compare=False)


class Configuration:
    """The configuration as it is in a file, or was in a revision.

    Parameters
    ----------
    text : the file's content.
    path : the file's name, for errors.

    Raises
    ------
    ProjectConfigError
        A mistake, with file, line and remedy.
    """

    def __init__(self, text: str, path: object) -> None:
        self._path = path
        self._yaml: Any = YAML()  # its own types leave most unknown
        self._yaml.preserve_quotes = True
        self._yaml.width = 4096
        self._document = self._load(text)
        self.sources: dict[str, Source] = {}
        self.stages: tuple[Stage, ...] = ()
        self._read()

    @classmethod
    def new(cls, path: object) -> Configuration:
        """The configuration of a project without sources."""
        return cls(f"{_HEADER}format_version: {FORMAT_VERSION}\nsources: {{}}\n", path)

    @classmethod
    def from_file(cls, path: Path) -> Configuration:
        """Read the file."""
        try:
            with path.open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise ProjectError(f"{path}: cannot be read: {error.strerror}") from error
        return cls.from_bytes(data, path)

    @classmethod
    def from_bytes(cls, data: bytes, path: object) -> Configuration:
        """Read the file's content."""
        if len(data) > _MOST_BYTES:
            raise ProjectConfigError(
                path, 1, f"the file has more than {_MOST_BYTES:,} bytes", "restore it"
            )
        try:
            return cls(data.decode("utf-8-sig"), path)
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            raise ProjectConfigError(path, line, "it is not UTF-8", "save it as UTF-8") from None

    # --- writing -----------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The file's content.

        Raises
        ------
        ProjectError
            Something that looks like an encryption key is in it.
        """
        stream = io.StringIO()
        self._yaml.dump(self._document, stream)
        text = stream.getvalue()
        if redacted(text) != text:
            raise ProjectError(
                "the configuration would hold what looks like an encryption key, and that is never "
                f"written; {AT_USE['encryption_key'].partition(': ')[2]}"
            )
        return text

    def set_source(self, source: Source) -> None:
        """Add a source.

        Raises
        ------
        ProjectError
            An option has a value that YAML has no words for.
        """
        entry: dict[str, Any] = {"format": source.format}
        for name in ("path", "origin"):
            if getattr(source, name):
                entry[name] = getattr(source, name)
        if source.options:
            entry["options"] = _representable(source.options)
        if source.stages:
            entry["stages"] = [_written(stage) for stage in source.stages]
        self.sources[source.name] = source
        self._sources_entry()[source.name] = entry

    def copy_source(self, name: str, other: Configuration) -> None:
        """Take a source as it is in another configuration, with its comments."""
        self.sources[name] = other.sources[name]
        self._sources_entry()[name] = other._sources_entry()[name]

    def remove_source(self, name: str) -> None:
        """Remove a source."""
        del self.sources[name], self._document["sources"][name]

    def add_stage(self, name: str | None, stage: Stage) -> None:
        """Add a step to a source, or to all together (None)."""
        if name is None:
            self.stages = (*self.stages, stage)
            entry = self._document
        else:
            source = self.sources[name]
            self.sources[name] = replace(source, stages=(*source.stages, stage))
            entry = self._document["sources"][name]
        if not entry.get("stages"):
            entry["stages"] = []
        entry["stages"].append(_written(stage))

    def _sources_entry(self) -> Any:
        if not self._document.get("sources"):
            self._document["sources"] = {}
        return self._document["sources"]

    # --- reading -----------------------------------------------------------------------------

    def _load(self, text: str) -> Any:
        remedy = "correct it, or restore the file with `datum project checkout -f`"
        try:
            document: Any = self._yaml.load(text)
        except MarkedYAMLError as error:
            problem: Any = error
            mark = problem.problem_mark or problem.context_mark
            line = mark.line + 1 if mark is not None else 1
            raise ProjectConfigError(
                self._path, line, problem.problem or "it is no YAML", remedy
            ) from None
        except (YAMLError, RecursionError, ValueError) as error:
            first = str(error).strip().splitlines()[:1]
            raise ProjectConfigError(
                self._path, 1, f"it is no YAML: {' '.join(first)}", remedy
            ) from None
        if not isinstance(document, dict):
            raise ProjectConfigError(
                self._path, 1, "it has no entries", f"expected 'format_version: {FORMAT_VERSION}'"
            )
        return cast(Any, document)

    def _read(self) -> None:
        document = self._document
        self._known(document, ("format_version", "sources", "stages"))
        version = document.get("format_version")
        if version != FORMAT_VERSION:
            self._wrong(
                document,
                "format_version",
                f"format_version is {version!r}",
                f"expected {FORMAT_VERSION}; another version of this package may read it",
            )
        sources = self._mapping(document, "sources", "names of sources, each with its format")
        self.sources = {name: self._source(sources, name) for name in sources}
        lower: dict[str, str] = {}
        for name in sources:
            other = lower.setdefault(name.lower(), name)
            if other != name:
                self._wrong(
                    sources,
                    name,
                    f"the names {other!r} and {name!r} differ in case alone",
                    "rename one, and its folder",
                )
        self.stages = self._stages(document)

    def _source(self, sources: Any, name: object) -> Source:
        problem = name_problem(name) if isinstance(name, str) else "expected a word"
        if problem or not isinstance(name, str):
            self._wrong(
                sources, name, f"{name!r} cannot be a source's name: {problem}", "rename it"
            )
        entry = self._mapping(sources, name, "'format: NAME'")
        self._known(entry, ("format", "path", "origin", "options", "stages"))
        if "format" not in entry:
            self._wrong(sources, name, f"source {name!r} has no format", "add 'format: NAME'")
        texts = {key: self._text(entry, key) for key in ("format", "path", "origin")}
        if escapes(texts["path"]):
            self._wrong(
                entry,
                "path",
                f"path {texts['path']!r} leads outside the source's folder",
                "name a file or folder in it",
            )
        return Source(
            name,
            **texts,
            options=self._options(entry, "options"),
            stages=self._stages(entry),
            line=self._line(sources, name),
        )

    def _options(self, entry: Any, key: str) -> dict[str, Any]:
        given = self._mapping(entry, key, "'NAME: VALUE'")
        options: dict[str, Any] = {}
        for name in given:
            if name in AT_USE:
                self._wrong(given, name, f"the option {name} cannot be here", AT_USE[name])
            if not isinstance(name, str):
                self._wrong(given, name, f"{name!r} is no option's name", "expected a word")
            options[name] = self._value(given, name)
        return options

    def _value(self, entry: Any, key: Any) -> Any:
        plain = _plain(entry[key])
        if plain is _NOT_PLAIN:
            self._wrong(
                entry,
                key,
                f"the value of {key} cannot be understood",
                "expected a text, number, true, false, null, or lists and mappings of such",
            )
        return plain

    def _stages(self, entry: Any) -> tuple[Stage, ...]:
        given = entry.get("stages")
        if given is None:
            return ()
        if not isinstance(given, list):
            self._wrong(entry, "stages", f"stages is {given!r}", "expected a list of filters")
        stages: list[Any] = cast(Any, given)
        return tuple(self._stage(stages, number) for number in range(len(stages)))

    def _stage(self, stages: Any, number: int) -> Stage:
        entry = stages[number]
        if not isinstance(entry, dict) or "filter" not in entry:
            self._wrong(stages, number, "a stage is no filter", "expected '- filter: XPATH'")
        self._known(entry, ("filter", "mode"))
        mode = self._text(entry, "mode") or MODES[0]
        if mode not in MODES:
            self._wrong(entry, "mode", f"mode is {mode!r}", f"expected one of {', '.join(MODES)}")
        return Stage(self._text(entry, "filter"), mode, self._line(stages, number))

    def _mapping(self, entry: Any, key: Any, expected: str) -> Any:
        value = entry.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._wrong(entry, key, f"{key} is {value!r}", f"expected {expected}")
        return cast(Any, value)

    def _text(self, entry: Any, key: str) -> str:
        value = entry.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._wrong(entry, key, f"{key} is {value!r}", "expected a text; put it in quotes")
        return str(value)

    def _known(self, entry: Any, names: tuple[str, ...]) -> None:
        for name in entry:
            if name not in names:
                alike = get_close_matches(str(name), names, n=1)
                hint = f"did you mean {alike[0]!r}?" if alike else f"expected {', '.join(names)}"
                self._wrong(entry, name, f"{name!r} is not known here", hint)

    def _line(self, entry: Any, key: Any) -> int:
        marks = entry.lc
        try:
            return int((marks.key if hasattr(entry, "keys") else marks.item)(key)[0]) + 1
        except (KeyError, TypeError, AttributeError):  # it came by a merge key
            return int(marks.line) + 1

    def _wrong(self, entry: Any, key: Any, problem: str, remedy: str) -> NoReturn:
        raise ProjectConfigError(self._path, self._line(entry, key), redacted(problem), remedy)

    def wrong(self, line: int, problem: str, remedy: str) -> ProjectConfigError:
        """The error of a mistake that showed when the configuration was used."""
        return ProjectConfigError(self._path, line, problem, remedy)


_NOT_PLAIN = object()
_DEEPEST, _MOST_VALUES = 20, 100_000


def _plain(value: Any) -> Any:
    """A YAML value as Python's own types; _NOT_PLAIN for dates, tags, and what aliases blow up."""
    left = _MOST_VALUES

    def convert(value: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or depth > _DEEPEST:
            raise ValueError
        if value is None or isinstance(value, bool):
            return value
        for kind in (int, float, str):
            if isinstance(value, kind):
                return kind(value)
        if isinstance(value, list | tuple):
            return [convert(part, depth + 1) for part in cast(list[Any], value)]
        if isinstance(value, Mapping):
            pairs = cast(Mapping[Any, Any], value).items()
            return {convert(k, depth + 1): convert(v, depth + 1) for k, v in pairs}
        raise ValueError

    try:
        return convert(value, 0)
    except (ValueError, TypeError):  # the latter: a list as a key
        return _NOT_PLAIN


def _representable(values: dict[str, Any]) -> dict[str, Any]:
    plain = {name: _plain(value) for name, value in values.items()}
    for name, value in plain.items():
        if value is _NOT_PLAIN:
            raise ProjectError(
                f"{name} is a {type(values[name]).__name__}, which the configuration cannot hold"
            )
    return plain


def _written(stage: Stage) -> dict[str, Any]:
    mode = {} if stage.mode == MODES[0] else {"mode": stage.mode}
    return {"filter": stage.expression, **mode}
