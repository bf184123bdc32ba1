"""Reading CVAT's files, whose images and tracks are taken one after another."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from datumaro.errors import (
    DatasetImportError,
    InvalidAnnotationError,
    InvalidAnnotationInFileError,
    MalformedFileError,
    RepeatedItemInFileError,
    UndeclaredLabelInFileError,
)
from datumaro.formats.base import ReadContext, ReadOptions
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.cvat import meta
from datumaro.formats.cvat.images import IMAGES, ImageFiles
from datumaro.formats.cvat.labels import Labels
from datumaro.formats.cvat.meta import Meta, NodeBuilder
from datumaro.formats.cvat.shapes import Given, Shape, ShapeReader, UndeclaredLabel
from datumaro.formats.cvat.tracks import FrameImage, TaskTracks
from datumaro.formats.files import FileIndex, find_root, stem_of
from datumaro.formats.xml_files import XmlStream
from datumaro.kernels.cvat_xml import scan
from datumaro.model.annotation import AnnotationType
from datumaro.model.image_codec import IMAGE_EXTENSIONS
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.table.chunk import Chunk, Content

_CHUNK_ITEMS = 8192
_MOST = 1 << 31
UsualImage = tuple[int, str, str | None, int, int]
"""An image as `datumaro.kernels.cvat_xml.scan` tells it: id, name, subset, height, width."""

_USUAL = [
    int(kind)
    for kind in (
        AnnotationType.bbox,
        AnnotationType.polygon,
        AnnotationType.polyline,
        AnnotationType.points,
        AnnotationType.label,
    )
]


def read(path: Path, options: ReadOptions, context: ReadContext) -> Content:
    """Read the data set at ``path``: its folder, one around it, or one file.

    Raises
    ------
    DatasetNotFoundError
        There is no ``.xml``.
    DatasetImportError
        A file is damaged; the message names it and the line.
    """
    if path.is_file():
        root, files = path.parent, [path]
    else:
        root = find_root(path, lambda folder: bool(_files(folder)), "no .xml file of CVAT's")
        files = _files(root)
    labels = Labels()
    images = FileIndex(root / IMAGES, IMAGE_EXTENSIONS)
    reader = ShapeReader(labels)
    chunks: list[Chunk] = []
    taken: dict[str, str] = {}
    context.progress.start(sum(file.stat().st_size for file in files), desc="Reading CVAT")
    done = 0
    for file in files:
        one = _File(file, labels, reader, ImageFiles(root, images, options), taken, context, done)
        chunks += one.chunks()
        done += file.stat().st_size
    context.progress.finish()
    return Content([c for c in chunks if len(c)], labels.categories())


def _files(folder: Path) -> list[Path]:
    """The files of a folder."""
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.name.lower().endswith(".xml") and e.is_file()]
    return [folder / name for name in sorted(names) if not name.startswith(".")]


@dataclass(slots=True)
class _OpenImage:
    """An image whose shapes are read."""

    id: str
    subset: str
    path: str
    size: tuple[int, int]
    frame: int


class _File:
    """A file that is read."""

    def __init__(
        self,
        path: Path,
        labels: Labels,
        shapes: ShapeReader,
        images: ImageFiles,
        taken: dict[str, str],
        context: ReadContext,
        done: int,
    ) -> None:
        self.path, self.labels, self.shapes, self.images = path, labels, shapes, images
        self.taken, self.context = taken, context
        progress = context.progress.report_status
        self.stream = XmlStream(
            os.fspath(path),
            self.start,
            self.end,
            lambda n: progress(done + n),
            self.skim,
            ("meta", "image"),
        )
        self.known: dict[bytes, int] = {}
        self.depth = 0
        self.meta = Meta()
        self.nodes: NodeBuilder | None = None
        self.columns = ChunkColumns()
        self.finished: list[Chunk] = []
        self.tracks: dict[tuple[str, str], TaskTracks] = {}
        # what is open
        self.image: _OpenImage | None = None
        self.track: Given | None = None
        self.shape: Shape | None = None
        self.owner: Shape | None = None  # of an attribute: the shape, or a point of a skeleton
        self.line = 0
        self.key = ""
        self.text: list[str] = []
        self.n_images = self.n_tracks = 0
        self.subset = path.stem

    def chunks(self) -> list[Chunk]:
        """Read the file."""
        self.stream.run()
        if not self.meta.kind:
            raise MalformedFileError(self.path, "", "no <meta>", "the labels of the data set in it")
        self.finish_chunk()
        for (subset, task), tracks in self.tracks.items():
            several = sum(subset == other for other, _ in self.tracks) > 1
            prefix = f"{task}/" if several and task else ""
            mine = [] if several else self.images_of(subset)
            name_of = partial(self.frame, subset=subset, task=task, prefix=prefix)
            self.finished.append(tracks.chunk(mine, subset, name_of))
        return self.finished

    def images_of(self, subset: str) -> list[Chunk]:
        """The images of a subset, which are taken from those that are finished."""
        mine: list[Chunk] = []
        others: list[Chunk] = []
        for name, chunks in Content(self.finished).by_subset().items():
            (mine if name == subset else others).extend(chunks)
        self.finished = others
        return mine

    def frame(self, frame: int, subset: str, task: str, prefix: str) -> FrameImage:
        """The item of a frame that is no image in the file."""
        name = f"{prefix}frame_{frame:06}"
        self.take(name, subset)
        return FrameImage(name, self.images.frame(name, subset), self.meta.size(task))

    def take(self, item_id: str, subset: str) -> bool:
        """Note an item's id; False when another has it, and that was reported."""
        key = f"{subset}\0{item_id}"  # a str: the garbage collector passes over it
        place = f"line {self.line}"
        if key in self.taken:
            first = self.taken[key]
            error = RepeatedItemInFileError((item_id, subset), self.path, place, first)
            self.context.problem(error)
            return False
        self.taken[key] = f"{self.path.name}: {place}"
        return True

    # --- elements -------------------------------------------------------------------------------

    def start(self, tag: str, given: Given) -> None:
        """An element begins."""
        self.depth += 1
        if self.nodes is not None:
            self.nodes.start(tag, self.stream.line)
        elif self.depth == 3 and (self.image is not None or self.track is not None):
            self.line = self.stream.line
            self.begin_shape(tag, given)
        elif self.shape is not None:
            if tag == "attribute":
                self.key = given.get("name", "")
                self.text.clear()
                self.stream.text_to(self.text.append)
            elif self.depth == 4 and self.shape.tag == "skeleton":
                self.owner = Shape(tag, given, given.get("label", ""))
                self.shape.elements.append(self.owner)
        elif self.depth == 2:
            self.begin(tag, given)
        elif self.depth == 1 and tag != "annotations":
            line = f"line {self.stream.line}"
            raise MalformedFileError(self.path, line, f"<{tag[:40]}>", "<annotations>")

    def begin(self, tag: str, given: Given) -> None:
        """An element of the root begins."""
        self.line = self.stream.line
        if tag == "meta":
            self.nodes = NodeBuilder(os.fspath(self.path), tag, self.line)
            self.stream.text_to(self.nodes.text)
        elif tag in ("image", "track"):
            if not self.meta.kind:
                found = f"<{tag}> before <meta>"
                raise MalformedFileError(self.path, f"line {self.line}", found, "<meta> first")
            if tag == "image":
                self.begin_image(given)
            else:
                self.track = given

    def begin_shape(self, tag: str, given: Given) -> None:
        """A shape begins."""
        if self.image is not None:
            size = self.image.size
            self.shape = self.owner = Shape(tag, given, given.get("label", ""), size=size)
        elif self.track is not None:
            label, number = self.track.get("label", ""), self.track_number(self.track)
            self.shape = self.owner = Shape(tag, given, label, track=number)

    def end(self, tag: str) -> None:
        """An element ends."""
        self.depth -= 1
        if self.nodes is not None:
            if self.depth > 1:
                self.nodes.end()
            else:
                self.finish_meta(self.nodes)
        elif self.shape is not None:
            if tag == "attribute" and self.depth > 2:
                self.stream.text_to(None)
                if self.owner is not None:
                    self.owner.attributes.append((self.key, "".join(self.text)))
            elif self.depth == 3:
                self.owner = self.shape
            elif self.depth == 2:
                self.add_shape(self.shape)
                self.shape = self.owner = None
        elif self.depth == 1:
            if self.image is not None:
                self.finish_image(self.image)
                self.image = None
            elif self.track is not None:
                self.track = None
                self.n_tracks += 1

    def finish_meta(self, nodes: NodeBuilder) -> None:
        """``<meta>`` ends."""
        self.stream.text_to(None)
        self.nodes = None
        path = os.fspath(self.path)
        found = meta.parse(nodes.root, path)
        if not self.meta.kind:
            self.meta = found
            self.labels.begin_file()
        for label in found.labels:
            self.labels.add(label, path)
        self.known = {name.encode(): index for name, index in self.labels.index.items()}

    # --- usual images -----------------------------------------------------------------------------

    def skim(self, data: bytes, begin: int) -> int:
        """Read the usual images that follow one another; where they end."""
        if not self.meta.kind:
            return begin
        line, counted = self.stream.line, begin
        items: list[tuple[_OpenImage, int]] = []

        def accept(at: int, found: UsualImage, end: int) -> bool:
            nonlocal line, counted
            line, counted = line + data.count(b"\n", counted, at), at
            self.line = line
            frame, name, subset, height, width = found
            image = self.named_image(name, self.subset_of(subset), frame, (height, width))
            if image is None:
                return False
            items.append((image, end))
            return True

        end, columns = scan(data, begin, self.known, _USUAL, self.shapes.usual, accept)
        if items:
            before = self.columns.add_shapes(*columns)
            for image, last in items:
                self.add_image(image, before + last)
            self.n_images += len(items)
            if len(self.columns) >= _CHUNK_ITEMS:
                self.finish_chunk()
        return end

    # --- images and tracks ------------------------------------------------------------------------

    def subset_of(self, given: str | None) -> str:
        """The subset of an image or a track, which may say one."""
        if self.meta.kind == "project":
            return given or DEFAULT_SUBSET_NAME
        return self.subset

    def sides(self, given: Given) -> tuple[int, int]:
        """An image's height and width; zeros when it does not tell them."""
        sides: list[int] = []
        for name in ("height", "width"):
            text = given.get(name, "")
            if not text:
                return 0, 0
            if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < _MOST):
                self.problem(InvalidAnnotationError(f"{name}={text[:40]!r}; expected pixels"))
                return 0, 0
            sides.append(int(text))
        return sides[0], sides[1]

    def track_number(self, given: Given) -> int:
        """The id of a track; without one, its place."""
        text = given.get("id", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else self.n_tracks

    def begin_image(self, given: Given) -> None:
        """An image begins."""
        number = given.get("id", "")
        if not (number.isascii() and number.isdigit() and len(number) < 19):
            if number:
                self.problem(InvalidAnnotationError(f"image id {number[:40]!r}; expected a number"))
            number = str(self.n_images)
        self.n_images += 1
        frame = int(number)
        name, subset = given.get("name", ""), self.subset_of(given.get("subset"))
        self.image = self.named_image(name, subset, frame, self.sides(given))

    def named_image(
        self, name: str, subset: str, frame: int, size: tuple[int, int]
    ) -> _OpenImage | None:
        """An image with its id and file; None for one whose id another has."""
        item_id = stem_of(name) or f"frame_{frame:06}"
        if not self.take(item_id, subset):
            return None  # with all that is in it
        if name:
            place = f"name of an image in {self.path}: line {self.line}"
            path = self.images.find(name, subset, place)
        else:
            path = self.images.frame(item_id, subset)
        return _OpenImage(item_id, subset, path, size, frame)

    def add_image(self, image: _OpenImage, end: int = -1) -> None:
        """Append an image; ``end`` as of `ChunkColumns.add_item`."""
        attributes = b'{"frame":%d}' % image.frame
        self.columns.add_item(image.id, image.subset, image.path, *image.size, attributes, end=end)

    def finish_image(self, image: _OpenImage) -> None:
        """An image ends."""
        self.add_image(image)
        if len(self.columns) >= _CHUNK_ITEMS:
            self.finish_chunk()

    def finish_chunk(self) -> None:
        """Put away the images that are read."""
        if len(self.columns):
            self.finished.append(self.columns.finish())
        self.columns = ChunkColumns()

    def add_shape(self, shape: Shape) -> None:
        """A shape ends."""
        try:
            if self.track is None:
                self.shapes.add(self.columns, shape)
                return
            subset, task = self.subset_of(self.track.get("subset")), self.track.get("task_id", "")
            frame = shape.given.get("frame", "")
            if not (frame.isascii() and frame.isdigit() and len(frame) < 10):
                raise InvalidAnnotationError(f"frame={frame[:40]!r}; expected a number")
            shape.size = self.meta.size(task)
            tracks = self.tracks.setdefault((subset, task), TaskTracks())
            self.shapes.add(tracks.columns, shape)
            tracks.frames.append(int(frame))
        except InvalidAnnotationError as error:
            self.problem(error)

    def problem(self, error: InvalidAnnotationError) -> None:
        """Report what is wrong with the shape or image that is open."""
        found, _, expected = str(error).partition("; expected ")
        place = f"line {self.line}"
        reported: DatasetImportError
        if isinstance(error, UndeclaredLabel):
            names = ", ".join(self.labels.names[:5]) or "none"
            expected = f"one of the labels in <meta> ({names})"
            reported = UndeclaredLabelInFileError(self.path, place, found, expected)
        else:
            reported = InvalidAnnotationInFileError(self.path, place, found, expected or "a shape")
        self.context.problem(reported)
