"""A project's sources: brought in, registered where they are, removed."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from datumaro.dataset import Dataset
from datumaro.errors import ProjectError, SourceExistsError, UnknownFormatError
from datumaro.formats import detection, registry
from datumaro.options import make_options
from datumaro.paths import absolute, join_inside
from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.project import layout as places
from datumaro.project.configuration import AT_USE, KEY_FILES, Configuration, Source
from datumaro.project.file_tree import copy_tree, seen, walk, without_keys
from datumaro.project.layout import Layout
from datumaro.project.opening import writing
from datumaro.project.transaction import Transaction
from datumaro.project.versions import check_known, is_empty
from datumaro.remote.path import local
from datumaro.workers import Workers

log = logging.getLogger("datumaro")


def import_source(
    layout: Layout,
    url: str | os.PathLike[str],
    format: str | None,
    options: dict[str, Any],
    *,
    name: str | None,
    path: str,
    check: bool,
    link: bool,
    progress: ProgressReporter,
) -> str:
    """Copy a data set into a project: see `Project.import_source`."""
    place = local(url, "a project's source")
    origin = Path(absolute(place))
    if not os.fspath(url) or not origin.exists():
        raise ProjectError(f"{os.fspath(url)!r}: there is no such file or folder")
    real, root = Path(os.path.realpath(origin)), Path(os.path.realpath(layout.root))
    if real == root or real in root.parents or real.is_relative_to(root / places.FOLDER):
        raise ProjectError(f"{url} is the project itself, or holds it; import another folder")
    if name is not None:
        _check_name(name, layout, Configuration.from_file(layout.config))
    read = Path(join_inside(origin, path, what="path")) if path else origin
    format, read = _format(format, read)
    inside = os.path.relpath(read, origin)
    if origin.is_file():
        inside = origin.name
    source = Source(
        name or "", format, "" if inside == "." else inside, str(origin), _kept(format, options)
    )
    if check:
        Dataset.import_from(read, format, progress_reporter=progress, **options)
    with writing(layout, progress) as versions, Transaction(layout) as transaction:
        configuration = Configuration.from_file(layout.config)
        name = name or _free_name(layout, configuration)
        _check_name(name, layout, configuration)
        external = bool(options.get("allow_external_media"))
        if origin.is_file():
            files = [seen(origin.name, os.fspath(origin), origin.stat())]
        else:
            files = list(walk(origin, allow_external=external))
        files, keys = without_keys(files)
        new = transaction.folder / name
        copy_tree(files, new, link=link, workers=Workers(None), progress=progress)
        configuration.set_source(dataclasses.replace(source, name=name))
        transaction.replace(layout.source(name), new)
        transaction.write(layout.config, configuration.text)
        transaction.commit()
        versions.working_copy(name).remember()
        if keys:
            log.warning(
                "%s holds an encryption key and was not copied; keep it elsewhere",
                keys[0].where,
            )
    return name


def add_source(
    layout: Layout,
    path: str | os.PathLike[str],
    format: str | None,
    options: dict[str, Any],
    *,
    inside: str,
    check: bool,
    progress: ProgressReporter,
) -> str:
    """Make a folder in a project's folder a source: see `Project.add_source`."""
    place = local(path, "a project's source")
    folder = Path(absolute(place))
    if not folder.is_dir() or not folder.parent.samefile(layout.root):
        raise ProjectError(
            f"{os.fspath(path)!r} is no folder directly in the project {layout.root}; "
            "`datum project import` copies a data set from anywhere"
        )
    name = folder.name
    read = Path(join_inside(folder, inside, what="path")) if inside else folder
    format, read = _format(format, read)
    kept = _kept(format, options)
    if check:
        Dataset.import_from(read, format, progress_reporter=progress, **options)
    with writing(layout, progress) as versions, Transaction(layout) as transaction:
        configuration = Configuration.from_file(layout.config)
        _check_name(name, layout, configuration, in_place=True)
        versions.working_copy(name).look()  # all files can be stored
        part = os.path.relpath(read, folder)
        configuration.set_source(Source(name, format, "" if part == "." else part, options=kept))
        transaction.write(layout.config, configuration.text)
        transaction.commit()
    return name


def remove_sources(layout: Layout, names: Iterable[str], *, force: bool, keep_data: bool) -> None:
    """Remove sources and their data: see `Project.remove_source`."""
    with writing(layout, NullProgressReporter()) as versions, Transaction(layout) as transaction:
        configuration = Configuration.from_file(layout.config)
        check_known(names, configuration)
        for name in dict.fromkeys(names):
            if not keep_data:
                if not force and not versions.is_safe(name, configuration):
                    raise ProjectError(
                        f"the data of source {name!r} are nowhere else: they are not "
                        "committed; keep them with --keep-data, or remove them with --force"
                    )
                transaction.replace(layout.source(name), None)
            transaction.replace(layout.index / name, None)
            configuration.remove_source(name)
        transaction.write(layout.config, configuration.text)
        transaction.commit()


def _check_name(
    name: str, layout: Layout, configuration: Configuration, *, in_place: bool = False
) -> None:
    places.check_source_name(name)
    taken = [other for other in configuration.sources if other.lower() == name.lower()]
    if taken:
        raise SourceExistsError(f"the project has a source {taken[0]!r} already")
    folder = layout.source(name)
    if not in_place and os.path.lexists(folder) and not is_empty(folder):
        raise SourceExistsError(
            f"{folder} exists already; choose another name, or register the folder as it "
            f"is with `datum project add {name}`"
        )


def _free_name(layout: Layout, configuration: Configuration) -> str:
    number = 1
    while f"source-{number}" in configuration.sources or os.path.lexists(
        layout.source(f"source-{number}")
    ):
        number += 1
    return f"source-{number}"


def _format(format: str | None, path: Path) -> tuple[str, Path]:
    """The format of a data set, and where exactly it is."""
    if format is None:
        return detection.detect_one(path)
    if not registry.get(format).reads:
        raise UnknownFormatError(f"format {format!r} can be exported, not imported")
    return format, path


def _kept(format: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options that the configuration is to keep; all are checked."""
    make_options(registry.get(format).read_options, options, format)
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in options.items()
        if value is not None and name not in AT_USE and name not in KEY_FILES
    }
