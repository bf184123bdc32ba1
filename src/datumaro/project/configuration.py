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
        - transform: remap_labels
          options: {mapping: {cat: animal, dog: animal}}
    stages:                          # what is done to all sources together
    - filter: /item/annotation[label="cat"]
      mode: items+annotations
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, cast

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from datumaro.errors import ProjectConfigError, ProjectError
from datumaro.keys import PASSPHRASE_VARIABLE, VARIABLE, redacted
from datumaro.paths import escapes
from datumaro.project.layout import name_problem
from datumaro.project.plain_values import plain, plain_options
from datumaro.project.stages import MODES, FilterStage, Stage, TransformStage

FORMAT_VERSION = 3
"""Version 1 and 2 are those of Datumaro 1.x."""

AT_USE: dict[str, str] = {
    "encryption_key": f"keys are never in the configuration: give --key-file or set {VARIABLE}",
    "passphrase": "passphrases are never in the configuration: give --passphrase-file or set "
    f"{PASSPHRASE_VARIABLE}",
    "kms": "a configuration names no Python code: give --kms at use",
    "allow_external_media": "it is given at use, as --allow-external-media",
    "num_workers": "it is given at use",
}
"""Import options that are not kept, and what to do instead."""

KEY_FILES = ("key_file", "passphrase_file")
"""Import options that persons may write into the configuration: files relative to the project."""

_MOST_BYTES = 1 << 20
_HEADER = "# A Datumaro project. This file may be edited; `datum project info` checks it.\n"


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
            entry["options"] = plain_options(source.options)
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
        try:
            return plain(entry[key])
        except ValueError:
            self._wrong(
                entry,
                key,
                f"the value of {key} cannot be understood",
                "expected a text, number, true, false, null, or lists and mappings of such",
            )

    def _stages(self, entry: Any) -> tuple[Stage, ...]:
        given = entry.get("stages")
        if given is None:
            return ()
        if not isinstance(given, list):
            self._wrong(entry, "stages", f"stages is {given!r}", "expected a list of them")
        stages: list[Any] = cast(Any, given)
        return tuple(self._stage(stages, number) for number in range(len(stages)))

    def _stage(self, stages: Any, number: int) -> Stage:
        entry = stages[number]
        if not isinstance(entry, dict) or not {"filter", "transform"} & entry.keys():
            self._wrong(
                stages,
                number,
                "a stage is neither a filter nor a transform",
                "expected '- filter: XPATH' or '- transform: NAME'",
            )
        line = self._line(stages, number)
        if "transform" in entry:
            self._known(entry, ("transform", "options"))
            return TransformStage(
                self._text(entry, "transform"), self._options(entry, "options"), line
            )
        self._known(entry, ("filter", "mode"))
        mode = self._text(entry, "mode") or MODES[0]
        if mode not in MODES:
            self._wrong(entry, "mode", f"mode is {mode!r}", f"expected one of {', '.join(MODES)}")
        return FilterStage(self._text(entry, "filter"), mode, line)

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


def _written(stage: Stage) -> dict[str, Any]:
    if isinstance(stage, FilterStage):
        mode = {} if stage.mode == MODES[0] else {"mode": stage.mode}
        return {"filter": stage.expression, **mode}
    options = {"options": _laid_out(plain_options(stage.options))} if stage.options else {}
    return {"transform": stage.name, **options}


def _laid_out(value: Any) -> Any:
    """The value with each list on one line."""
    if isinstance(value, dict):
        pairs = cast(dict[Any, Any], value).items()
        return {key: _laid_out(part) for key, part in pairs}
    if isinstance(value, list):
        made: Any = CommentedSeq(map(_laid_out, cast(list[Any], value)))
        made.fa.set_flow_style()
        return made
    return value
