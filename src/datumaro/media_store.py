"""The one place that copies and encodes media files: where every export's media go through.

`MediaStore` saves them as files; `media_contents` gives their bytes, for formats that keep them in
files of their own.

A file whose extension stays is copied byte by byte; others are decoded and encoded. Both are done
by `datumaro.workers`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import posixpath
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from datumaro.crypto import FileCipher
from datumaro.errors import DatasetExportError, EncryptionError, PathOutsideDatasetError
from datumaro.media_saving import Batch, NotSavedError, read_batch, save_batch
from datumaro.model.composite_image import MosaicImage, MultiframeImage, RoIImage
from datumaro.model.image import Image, ImageFromBytes, ImageFromFile, ImageFromNumpy, dotted
from datumaro.model.media_element import InFile, MediaElement, own_file
from datumaro.model.point_cloud import PointCloudFromFile
from datumaro.model.resized_image import ResizedImage
from datumaro.model.video import Video, VideoFrame
from datumaro.paths import absolute, escapes, extension, is_url
from datumaro.progress import NullProgressReporter, ProgressReporter
from datumaro.workers import Workers

log = logging.getLogger("datumaro")

_BATCH = 64  # files that a worker takes at a time: fewer would spend the time on handing over
_BATCH_READ = 8  # of those whose bytes are given: they are in memory until they are taken
_BATCH_BYTES = 8 << 20  # or so many bytes that are in memory: they must not pile up
_EXAMPLES = 5
_SPECIAL = frozenset("\\:\0")  # characters that may lead elsewhere
_SILENT = NullProgressReporter()


@dataclass(slots=True)
class MediaJob:
    """A medium to save.

    Attributes
    ----------
    source : a file's path, or a media object.
    destination : the file to write, relative to the store's folder, with ``/``.
    name : the item that it belongs to, for messages.
    """

    source: str | MediaElement
    destination: str
    name: str = ""


@dataclass
class SaveReport:
    """What came of the jobs.

    Attributes
    ----------
    saved : media that are in their places.
    missing : media whose source files do not exist.
    missing_examples : the first of them.
    external : media that lie outside the data set that they come from, and were not opened.
    seals : of an encrypting store, by file (relative to its folder, with ``/``): see
        `datumaro.crypto.FileCipher`.
    """

    saved: int = 0
    missing: int = 0
    missing_examples: list[str] = field(default_factory=list[str])
    external: int = 0
    seals: dict[str, bytes] = field(default_factory=dict[str, bytes])


def media_extension(
    path: str, media: MediaElement | None, image_ext: str | None, default: str = ".jpg"
) -> str:
    """The extension of a saved medium, with its dot.

    Parameters
    ----------
    path : the medium's file; "" for none.
    media : the media object, if there is one.
    image_ext : what the user wants images saved as; other media keep their own.
    default : where neither the user nor the medium says one.
    """
    if image_ext and (media is None or isinstance(media, Image)):
        return dotted(image_ext) or default
    own = media.ext if isinstance(media, Image | Video) else None
    if isinstance(media, Image) and not isinstance(media, InFile):
        path = ""  # a video's, if anything's
    return own or extension(path) or default


def file_source(path: str, media_extra: str = "") -> str | MediaElement:
    """What to give a `MediaJob` for a file, from the columns ``path`` and ``media_extra``.

    A path that leads outside its data set (``{"external": true}``) becomes a medium that is counted
    and not opened.

    Raises
    ------
    EncryptionError
        The file is encrypted (``{"encrypted": true}``): its item has an object that opens it.
    """
    if media_extra:
        extra = msgspec.json.decode(media_extra)
        if extra.get("external") is True:
            return ImageFromFile(path, external=True)
        if extra.get("encrypted") is True:
            raise EncryptionError(f"media file {path!r} is encrypted, and its key is not here")
    return path


class MediaStore:
    """Saves media files in a folder.

    Parameters
    ----------
    folder : the export's root. Nothing is written outside it.
    progress : told of each saved file.
    workers : who copies, encodes and encrypts.
    cipher : encrypts each file.
    """

    def __init__(
        self,
        folder: Path,
        progress: ProgressReporter = _SILENT,
        workers: Workers | None = None,
        cipher: FileCipher | None = None,
    ) -> None:
        self._root = os.fspath(folder)
        self._cipher = cipher
        self._progress = progress
        self._workers = workers or Workers()
        self._folders: set[str] = set()
        self._taken: dict[str, MediaJob] = {}

    def save(self, jobs: Iterable[MediaJob], total: int = 0) -> SaveReport:
        """Copy, encode or write all of them.

        Missing source files are no errors: they are counted, and logged once. Pixels and bytes that
        functions make, and frames of videos, are got in the calling thread, one after another.

        Parameters
        ----------
        total : how many there are, for the progress (0: not known).

        Raises
        ------
        PathOutsideDatasetError
            A destination leads outside the folder.
        DatasetExportError
            A medium cannot be read, encoded or written, or two different ones have one destination.
            The message names the item and the file. The rest is not saved.
        """
        report = SaveReport()
        prepared: deque[tuple[MediaJob, str]] = deque()  # whose results are awaited
        self._progress.start(total, desc="Saving media")
        try:
            batches = self._batches(jobs, prepared, report)
            with self._workers.map_batches(save_batch, batches) as seals:
                for seal in seals:
                    job, name = prepared.popleft()
                    if seal is None:
                        _missing(job, report)
                    else:
                        report.saved += 1
                        if seal:
                            report.seals[name] = seal
                    self._progress.report_status(report.saved + report.missing + report.external)
        except NotSavedError as error:
            raise _failed(prepared[0][0], error) from error.__cause__
        finally:
            self._progress.finish()
        _warn(report)
        return report

    def _batches(
        self,
        jobs: Iterable[MediaJob],
        prepared: deque[tuple[MediaJob, str]],
        report: SaveReport,
    ) -> Iterator[Batch]:
        batch, size = Batch([], [], self._cipher, []), 0
        for job in jobs:
            ready = self._prepare(job, report)
            if ready is not None:
                name, content = ready
                prepared.append((job, name))
                batch.sources.append(content)
                batch.targets.append(f"{self._root}/{name}")
                batch.names.append(name)
                size += _size(content)
            if len(batch.sources) == _BATCH or size >= _BATCH_BYTES:
                yield batch
                batch, size = Batch([], [], self._cipher, []), 0
        if batch.sources:
            yield batch

    def _prepare(self, job: MediaJob, report: SaveReport) -> tuple[str, Any] | None:
        """The job's file, and what to write to it; None when there is nothing to do."""
        source = job.source
        if isinstance(source, MediaElement) and source.is_external:
            report.external += 1
            return None
        name = self._claim(job)
        if name is None:
            report.saved += 1
            return None
        try:
            content = _content(source)
        except Exception as error:
            raise _failed(job, error) from error
        if content is None:
            _missing(job, report)
            return None
        if isinstance(content, str) and not self._workers.share_memory and not is_url(content):
            content = absolute(content)
        return name, content

    def _claim(self, job: MediaJob) -> str | None:
        """The job's file, in the store's folder; None when the same medium has it already.

        The folders that it lies in are made.
        """
        relative = self._inside(job)
        other = self._taken.setdefault(relative, job)
        if other is not job:
            if same_source(other.source, job.source):
                return None
            raise DatasetExportError(
                f"{other.name or repr(other.source)} and {job.name or repr(job.source)} "
                f"would both be saved as {relative!r}; rename one of them"
            )
        folder = posixpath.dirname(relative)
        if folder not in self._folders:
            try:
                os.makedirs(os.path.join(self._root, folder), exist_ok=True)  # noqa: PTH103, PTH118 - a str
            except OSError as error:
                raise _failed(job, error) from error
            self._folders.add(folder)
        return relative

    def _inside(self, job: MediaJob) -> str:
        """The job's file, in the store's folder: a path without detours."""
        folder, _, name = job.destination.rpartition("/")
        if folder in self._folders and name.strip(".") and not _SPECIAL.intersection(name):
            return job.destination  # beside another one that was looked at
        relative = posixpath.normpath(job.destination)
        if escapes(job.destination) or relative == ".":
            raise PathOutsideDatasetError(
                f"{job.name or 'a medium'}: its file would be {job.destination!r}, "
                f"outside {self._root!r}"
            )
        return relative


@contextlib.contextmanager
def media_contents(
    jobs: Iterable[MediaJob], workers: Workers
) -> Generator[Iterator[bytes | None], None, None]:
    """The bytes of media, as `MediaStore` would save them; of each job in order.

    None where there are none: the file is missing, or lies outside its data set. That is logged
    when the context is left. A few media for each worker are in memory at a time.

    Parameters
    ----------
    jobs : nothing is written to their destinations, whose extensions say how to encode.

    Raises
    ------
    DatasetExportError
        A medium cannot be read or encoded; the message names the item.
    """
    report = SaveReport()
    waiting: deque[tuple[MediaJob, bool]] = deque()  # and whether a worker was given it

    def batches() -> Iterator[Batch]:
        batch = Batch([], [], None, [])
        for job in jobs:
            content = None
            if isinstance(job.source, MediaElement) and job.source.is_external:
                report.external += 1
            else:
                try:
                    content = _content(job.source)
                except Exception as error:
                    raise _failed(job, error) from error
                if content is None:
                    _missing(job, report)
            waiting.append((job, content is not None))
            if content is not None:
                batch.sources.append(content)
                batch.targets.append(job.destination)
            if len(batch.sources) == _BATCH_READ:
                yield batch
                batch = Batch([], [], None, [])
        if batch.sources:
            yield batch

    def contents(found: Iterator[bytes | None]) -> Iterator[bytes | None]:
        for data in found:
            while not waiting[0][1]:
                waiting.popleft()
                yield None
            job, _ = waiting.popleft()
            if data is None:
                _missing(job, report)
            yield data
        for _ in waiting:
            yield None

    try:
        with workers.map_batches(read_batch, batches()) as found:
            yield contents(found)
    except NotSavedError as error:
        named = next(job for job, given in waiting if given)
        raise _failed(named, error) from error.__cause__
    _warn(report)


def same_source(a: str | MediaElement, b: str | MediaElement) -> bool:
    """Whether two sources of media are the same."""
    if isinstance(a, str) or isinstance(b, str):
        paths = [m if isinstance(m, str) else own_file(m) for m in (a, b)]
        return paths[0] == paths[1]
    return a is b or bool(a == b)


def _failed(job: MediaJob, error: Exception) -> DatasetExportError:
    return DatasetExportError(f"{_named(job)}: {error}")


def _named(job: MediaJob) -> str:
    return f"{job.name or 'a medium'}: {job.source!r} cannot be saved as {job.destination!r}"


def _missing(job: MediaJob, report: SaveReport) -> None:
    report.missing += 1
    if len(report.missing_examples) < _EXAMPLES:
        path = job.source if isinstance(job.source, str) else job.source.path
        report.missing_examples.append(f"{job.name}: {path}" if job.name else path)


def _warn(report: SaveReport) -> None:
    if report.missing:
        log.warning(
            "%d media files are missing and were not saved (such as %s)",
            report.missing,
            "; ".join(report.missing_examples),
        )
    if report.external:
        log.warning(
            "%d media files lie outside the data set that names them and were not copied; "
            "if it is trusted, import it with allow_external_media",
            report.external,
        )


def _content(source: str | MediaElement) -> Any:
    """The path, array or bytes to save, or an image that a worker can encode; None for nothing."""
    if isinstance(source, str):
        return source
    if isinstance(source, VideoFrame):
        return source.data
    if isinstance(source, RoIImage | MosaicImage):  # may be of frames, or of what functions make
        pixels = source.data
        return None if pixels is None else _alone(pixels)
    if isinstance(source, ResizedImage):
        return _to_resize(source)
    if source.is_encrypted and isinstance(source, PointCloudFromFile):
        return source.from_self(extra_images=None)  # which a function may make
    if source.is_encrypted and not isinstance(source, MultiframeImage):
        return source  # a worker decrypts it
    if isinstance(source, ImageFromFile):
        return source if source.as_dict()["ext"] else source.path
    if isinstance(source, PointCloudFromFile) or type(source) in (Video, MediaElement):
        return source.path or None
    if isinstance(source, ImageFromNumpy):
        return source.get_data_as_dtype(None)
    if isinstance(source, Image):
        data = source.bytes
        return source.data if data is None else Image.from_bytes(data, source.ext)
    data = source.bytes
    if data is None:
        raise DatasetExportError(f"a {type(source).__name__} is not saved as one file")
    return data


def _to_resize(image: ResizedImage) -> ResizedImage | None:
    """An image that a worker can decode, scale and encode; None when there is none to scale."""
    source = image.source
    if isinstance(source, ImageFromFile):
        return image
    if isinstance(source, ResizedImage):
        source = _to_resize(source)
    elif isinstance(source, ImageFromBytes):
        source = Image.from_bytes(source.bytes, source.ext)
    else:
        pixels = source.get_data_as_dtype(None)
        source = None if pixels is None else Image.from_numpy(_alone(pixels))
    return None if source is None else image.from_self(source=source)


def _alone(pixels: Any) -> Any:
    """Pixels without the larger image that they may be a part of."""
    return pixels if pixels.base is None else pixels.copy()


def _size(content: Any) -> int:
    """Bytes of memory that what is to be saved takes."""
    if isinstance(content, ResizedImage):
        return _size(content.source)
    if isinstance(content, ImageFromNumpy):
        return _size(content.get_data_as_dtype(None))
    if isinstance(content, ImageFromBytes):
        return len(content.bytes)
    return 0 if isinstance(content, str | MediaElement) else memoryview(content).nbytes
