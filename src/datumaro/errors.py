"""Every exception of the package: one tree, `DatumaroError` at its root.

Where a builtin exception says the same, the class derives from it too, so that
`except FileNotFoundError` and `except ValueError` work as people expect.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class DatumaroError(Exception):
    """Base of all errors that the package raises on purpose. They can be pickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        # by default the class would be called with the finished message
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    kind: type[DatumaroError], args: tuple[Any, ...], attributes: dict[str, Any]
) -> DatumaroError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class ImmutableObjectError(DatumaroError):
    """An object that may not change was asked to."""


class NotAvailableError(DatumaroError):
    """A feature is not available here; the message says what to do instead."""


class MissingDependencyError(DatumaroError, ImportError):
    """An optional package is needed; the message names it."""


class WorkerError(DatumaroError):
    """A worker died or could not be given its work; the work as a whole has failed."""


# --- values -----------------------------------------------------------------------------------


class MediaTypeError(DatumaroError, TypeError):
    """An item's media is of another kind than the data set's or the format's."""


class MediaShapeError(DatumaroError, ValueError):
    """An array is not of a shape that an image can have."""


class MediaError(DatumaroError, ValueError):
    """A media file is damaged, too large, or not of a readable kind."""


class AnnotationTypeError(DatumaroError, TypeError):
    """An annotation is of a kind that cannot be used here."""


class PathOutsideDatasetError(DatumaroError, ValueError):
    """A path in a data set leads outside its folder."""


# --- formats ----------------------------------------------------------------------------------


class UnknownFormatError(DatumaroError, ValueError):
    """No format of that name; the message lists the known ones."""


class UnknownTransformError(DatumaroError, KeyError):
    """No transform of that name; the message lists the known ones."""

    def __str__(self) -> str:  # KeyError would print it in quotes
        return str(self.args[0]) if self.args else ""


class UnknownOptionError(DatumaroError, TypeError):
    """A format or transform was given an option that it does not have."""


class InvalidOptionError(DatumaroError, ValueError):
    """An option has a value that it cannot have."""


class InvalidFilterError(DatumaroError, ValueError):
    """A filter's expression is wrong; the message shows where."""


class DetectionError(DatumaroError):
    """The format of a data set could not be told."""


class NoMatchingFormatsError(DetectionError):
    """No known format matches."""


class MultipleFormatsMatchError(DetectionError):
    """Several formats match equally well.

    Attributes
    ----------
    formats : list[str]
        Their names.
    """

    def __init__(self, formats: Iterable[str], where: str = "the data set") -> None:
        self.formats = sorted(formats)
        super().__init__(
            f"{where} matches several formats: {', '.join(self.formats)}."
            " Name the one that is meant."
        )


class DatasetImportError(DatumaroError):
    """A data set could not be read."""


class DatasetNotFoundError(DatasetImportError, FileNotFoundError):
    """There is no data set of that format at the path."""

    def __str__(self) -> str:  # FileNotFoundError would print an errno tuple
        return str(self.args[0]) if self.args else ""


class MalformedFileError(DatasetImportError, ValueError):
    """A file's content is not what its format says.

    Parameters
    ----------
    path : the file
    place : where in it (``"line 3"``, ``"$.images[7].id"``, ``"byte 1234"``); "" for the whole file
    found, expected : what stands there, and what should
    """

    def __init__(self, path: object, place: str, found: str, expected: str) -> None:
        self.path, self.place, self.found, self.expected = str(path), place, found, expected
        where = f"{path}: {place}" if place else str(path)
        # not super(): what else a subclass derives from makes messages of its own
        Exception.__init__(self, f"{where}: {found}; expected {expected}")


class InvalidAnnotationError(DatasetImportError, ValueError):
    """An annotation in a data set is not valid."""


class InvalidAnnotationInFileError(MalformedFileError, InvalidAnnotationError):
    """An annotation in a file is not valid; see `MalformedFileError` for what the error has."""


class UndeclaredLabelError(InvalidAnnotationError):
    """An annotation's label is not among the categories."""


class UndeclaredLabelInFileError(InvalidAnnotationInFileError, UndeclaredLabelError):
    """A label in a file is not among the categories."""


class DatasetExportError(DatumaroError):
    """A data set could not be written."""


class UnsupportedContentError(DatasetExportError, ValueError):
    """The target format cannot hold something, and dropping it was not allowed."""


class RemoteStorageError(DatasetImportError, DatasetExportError, OSError):
    """A server of data sets at URLs failed or refused; the message has the URL and the remedy."""


# --- encryption -------------------------------------------------------------------------------


class EncryptionError(DatumaroError):
    """Something encrypted cannot be read or written. No message shows a key."""


class EncryptionKeyError(EncryptionError, ValueError):
    """An encryption key, or the way that it was given, is wrong; says how, not the key."""


class MissingKeyError(EncryptionKeyError, DatasetImportError):
    """A data set is encrypted, and no key was given."""


class WrongKeyError(EncryptionKeyError, DatasetImportError):
    """The key is not that of the data set."""


class SuperfluousKeyError(EncryptionKeyError, DatasetImportError):
    """A key was given for a data set that is not encrypted."""


class DamagedTokenError(EncryptionError, DatasetImportError, ValueError):
    """Encrypted data were changed, cut, or exchanged; the message names the file."""


# --- data sets --------------------------------------------------------------------------------


class DatasetError(DatumaroError):
    """A data set's parts contradict each other."""


class RepeatedItemError(DatasetError, ValueError):
    """Two items have the same id in the same subset."""

    def __init__(self, item_id: tuple[str, str], where: str = "") -> None:
        self.item_id = item_id
        super().__init__(
            f"{where + ': ' if where else ''}item id {item_id[0]!r} occurs twice"
            f" in subset {item_id[1]!r}"
        )


class RepeatedItemInFileError(MalformedFileError, RepeatedItemError):
    """Two items of a file, or of a data set's files, have the same id in the same subset.

    Parameters
    ----------
    item_id : (id, subset)
    path, place : where the second stands
    first : where the first stands
    """

    def __init__(self, item_id: tuple[str, str], path: object, place: str, first: str) -> None:
        self.item_id = item_id
        found = f"item id {item_id[0]!r} a second time in subset {item_id[1]!r}, after {first}"
        MalformedFileError.__init__(self, path, place, found, "an id of its own for each item")


class CategoriesRedefinedError(DatasetError):
    """Categories are defined already."""


class DatasetInfosRedefinedError(DatasetError):
    """Infos are defined already."""


class PathSeparatorInSubsetNameError(DatasetError, ValueError):
    """A subset's name has a path separator, and the format makes file names of subset names."""

    def __init__(self, subset: str) -> None:
        super().__init__(
            f"subset name {subset!r} contains a path separator; rename the subset before export"
        )


# --- projects ---------------------------------------------------------------------------------


class ProjectError(DatumaroError):
    """A project cannot do what it was asked to."""


class ProjectNotFoundError(ProjectError, FileNotFoundError):
    """There is no project at a path, or above it."""

    def __str__(self) -> str:  # FileNotFoundError would print an errno tuple
        return str(self.args[0]) if self.args else ""


class ProjectAlreadyExistsError(ProjectError):
    """A project is there already."""


class OldProjectError(ProjectError):
    """The project was made by Datumaro 1.x, whose projects are not read; says what to do."""


class ProjectConfigError(ProjectError, ValueError):
    """A project's configuration file has a mistake.

    Parameters
    ----------
    path : the file
    line : the line, counted from 1
    problem : what is wrong there
    remedy : what to write instead
    """

    def __init__(self, path: object, line: int, problem: str, remedy: str) -> None:
        self.path, self.line, self.problem, self.remedy = str(path), line, problem, remedy
        super().__init__(f"{path}: line {line}: {problem}; {remedy}")


class SourceExistsError(ProjectError, ValueError):
    """A source of that name, or a folder in its place, is there already."""


class UnknownSourceError(ProjectError, ValueError):
    """The project has no source of that name; the message lists those it has."""


class UnknownRevisionError(ProjectError, ValueError):
    """The project's history has no such revision."""


class UnsavedChangesError(ProjectError):
    """Changes that were not committed would be lost."""


class EmptyCommitError(ProjectError):
    """There is nothing to commit."""


class MissingObjectError(ProjectError):
    """The content of a file in the history is not there, or damaged."""


class MergeError(DatasetError):
    """Data sets contradict each other and cannot become one."""
