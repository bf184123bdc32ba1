"""Writing CVAT's files: one for each subset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from datumaro.errors import UnsupportedContentError
from datumaro.formats.base import WriteContext, WriteOptions
from datumaro.formats.cvat.images import IMAGES
from datumaro.formats.cvat.labels import Declared
from datumaro.formats.cvat.shape_text import ShapeTexts
from datumaro.formats.image_jobs import ImageJobs
from datumaro.formats.image_media import require_images
from datumaro.formats.rows import ChunkRows, each_subset
from datumaro.formats.xml_files import escape_attribute, escape_text
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.options import option
from datumaro.paths import check_subset_name, join_inside
from datumaro.table import json_text
from datumaro.table.chunk import Chunk, Content


@dataclass(frozen=True, kw_only=True)
class CvatWriteOptions(WriteOptions):
    """Options of an export to CVAT's format."""

    reindex: bool = option(False, "number frames from 0 on, whatever the items' attribute frame")
    allow_undeclared_attrs: bool = option(
        True, "write attributes that the labels do not declare, too, and declare them"
    )
    use_track: bool = option(
        False, "write annotations that have a track_id as tracks, as of a video"
    )


class Writer:
    """Writes a data set into a folder.

    Raises
    ------
    UnsupportedContentError, MediaTypeError, PathOutsideDatasetError
        A name cannot be written, or the media are no images.
    """

    def __init__(
        self, content: Content, folder: Path, options: CvatWriteOptions, context: WriteContext
    ) -> None:
        require_images(content, "CVAT's format")
        self.content, self.folder, self.options, self.context = content, folder, options, context
        self.labels = Declared(
            content.categories,
            content.chunks,
            any_attribute=options.allow_undeclared_attrs,
            use_track=options.use_track,
        )
        self.texts = ShapeTexts(self.labels, context)
        self.images = ImageJobs(folder, options, context)
        self.in_subsets = self.images_need_subsets()

    def images_need_subsets(self) -> bool:
        """Whether images lie in folders of their subsets, so that none is taken for another."""
        subsets = self.content.subset_names()
        for name in subsets:
            check_subset_name(name)
            join_inside(self.folder, f"{name}.xml", what="subset name")
        if len(subsets) < 2:
            return any(self.starts_with(name) for name in subsets)
        counts: Counter[str] = Counter()
        for chunk in self.content.chunks:
            counts.update(chunk.items.column("id").to_pylist())
        repeated = len(counts) < len(self.content)
        return repeated or any(self.starts_with(name) for name in subsets)

    def starts_with(self, subset: str) -> bool:
        """Whether the id of an item begins with a folder of a subset's name."""
        return any(
            item_id.startswith(f"{subset}/")
            for chunk in self.content.chunks
            for item_id in chunk.items.column("id").to_pylist()
        )

    def write(self) -> None:
        """Write all files; media last."""
        subsets = self.content.by_subset() or {DEFAULT_SUBSET_NAME: []}
        for subset, items in each_subset(subsets, self.context.progress, "Writing CVAT"):
            one = _Subset(self, subset)
            with (self.folder / f"{subset}.xml").open("w", encoding="utf-8", newline="\n") as file:
                file.write(self.head(subset, subsets[subset]))
                for number, (rows, item) in enumerate(items):
                    file.write(one.image(rows, item, number))
                file.writelines(one.track_texts())
                file.write("</annotations>\n")
        self.images.save()

    def head(self, subset: str, chunks: list[Chunk]) -> str:
        """All before the first image."""
        n = sum(map(len, chunks))
        mode = "interpolation" if self.options.use_track else "annotation"
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
            f"  <meta>\n    <task>\n      <id>1</id>\n      <name>{escape_text(subset)}</name>\n"
            f"      <size>{n}</size>\n      <mode>{mode}</mode>\n      <overlap>0</overlap>\n"
            f"      <start_frame>0</start_frame>\n      <stop_frame>{max(n - 1, 0)}</stop_frame>\n"
            "      <frame_filter></frame_filter>\n      <z_order>True</z_order>\n"
            f"{self.labels.text('      ')}{self.original_size(chunks)}    </task>\n  </meta>\n"
        )

    def original_size(self, chunks: list[Chunk]) -> str:
        """The size of a video's frames, which readers of tracks want: that of the first."""
        if not (self.options.use_track and chunks and len(chunks[0])):
            return ""
        height, width = ChunkRows(chunks[0].slice(0, 1)).size(0)
        return (
            f"      <original_size>\n        <width>{width}</width>\n"
            f"        <height>{height}</height>\n      </original_size>\n"
        )


@dataclass
class _Track:
    """A track that is written: shapes by frame."""

    number: int
    label: int
    shapes: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


class _Subset:
    """A subset that is written."""

    def __init__(self, writer: Writer, name: str) -> None:
        self.writer, self.name = writer, name
        self.place = f"{IMAGES}/{name}" if writer.in_subsets else IMAGES
        self.tracks: dict[tuple[int, int], _Track] = {}
        self.frames: dict[int, str] = {}

    def image(self, rows: ChunkRows, item: int, number: int) -> str:
        """An image with its shapes; those of tracks are kept for later."""
        item_id, writer = rows.ids[item], self.writer
        frame = self.frame(rows, item, number)
        name = writer.images.add(rows, item, self.place)
        height, width = rows.size_or_mask(item)
        size = f' width="{width}" height="{height}"' if height and width else ""
        parts = [f'  <image id="{frame}" name="{escape_attribute(name)}"{size}>\n']
        texts, tracked = writer.texts, writer.options.use_track
        for row in range(rows.offsets[item], rows.offsets[item + 1]):
            track = texts.track(rows, row) if tracked else None
            if track is None:
                parts.append(texts.shape(rows, row, item_id, (height, width)))
                continue
            text = texts.shape(rows, row, item_id, (height, width), frame)
            if text:
                self.remember(track, rows.labels[row], frame, text, item_id)
        parts.append("  </image>\n")
        return "".join(parts)

    def frame(self, rows: ChunkRows, item: int, number: int) -> int:
        """The number of an item's frame."""
        text = rows.attributes[item]
        given = json_text.decode(text).get("frame") if text else None
        if given is None:
            return number
        if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 1 << 31:
            if not self.writer.options.reindex:
                return given
            if given == number:
                return number
        self.writer.context.lost("frame numbers of items", 1, f"item {rows.ids[item]!r}")
        return number

    def remember(self, track: int, label: int, frame: int, text: str, item_id: str) -> None:
        """Keep a track's shape.

        Raises
        ------
        UnsupportedContentError
            Two items are of one frame.
        """
        other = self.frames.setdefault(frame, item_id)
        if other != item_id:
            raise UnsupportedContentError(
                f"items {other!r} and {item_id!r} of subset {self.name!r} both are frame {frame}: "
                "tracks cannot tell them apart; export with reindex"
            )
        key = track, label
        self.tracks.setdefault(key, _Track(track, label)).shapes.append((frame, text))

    def track_texts(self) -> Iterator[str]:
        """The text of each track."""
        for track in self.tracks.values():
            label = self.writer.texts.label_name(track.label)
            yield f'  <track id="{track.number}" label="{escape_attribute(label)}">\n'
            yield from (text for _, text in sorted(track.shapes, key=lambda shape: shape[0]))
            yield "  </track>\n"
