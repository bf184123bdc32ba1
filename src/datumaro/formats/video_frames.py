"""The frames of a video as items, without annotations. See docs/formats/video_frames.md."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from datumaro.errors import (
    DatasetNotFoundError,
    InvalidOptionError,
    MalformedFileError,
    MediaError,
)
from datumaro.formats.base import Confidence, Folder, Format, ReadContext, ReadOptions, Rejected
from datumaro.formats.capabilities import Capabilities
from datumaro.formats.columns import ChunkColumns
from datumaro.model.item import DEFAULT_SUBSET_NAME
from datumaro.model.media import MediaType, Video
from datumaro.options import option
from datumaro.paths import extension
from datumaro.table.chunk import Chunk, Content

VIDEO_EXTENSIONS = frozenset(
    {
        ".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm",
        ".wmv",
    }
)  # fmt: skip

_CHUNK_ITEMS = 1 << 14
_PATTERN = re.compile(r"[^%]*%0?\d{0,2}d[^%]*")


def _frame_number(word: str) -> int:
    if not word.strip().isdecimal():
        raise ValueError(f"{word!r} is no number of a frame; expected 0 or more")
    return int(word)


@dataclass(frozen=True, kw_only=True)
class VideoFramesReadOptions(ReadOptions):
    """Options of an import."""

    subset: str = option(DEFAULT_SUBSET_NAME, "the subset that the items get", metavar="NAME")
    name_pattern: str = option(
        "%06d", "what ids are made of, with the frame's number for %d", short="-p", metavar="TEXT"
    )
    step: int = option(1, "every how many frames one is taken", short="-s", metavar="N")
    start_frame: int = option(0, "the first frame, counted from 0", short="-b", metavar="N")
    end_frame: int | None = option(
        None,
        "the last frame, included (default: the video's last)",
        parse=_frame_number,
        short="-e",
        metavar="N",
    )


class VideoFrames(Format):
    """Frames of one video, decoded when they are looked at."""

    name = "video_frames"
    title = "The frames of a video, without annotations"
    writes = False
    read_options: ClassVar[type[ReadOptions]] = VideoFramesReadOptions
    holds = Capabilities(
        media=frozenset({MediaType.VIDEO_FRAME}),
        media_needed=True,
        subsets=False,
        labels="none",
    )

    def detect(self, folder: Folder) -> Confidence:
        """See `Format.detect`: a video, or a folder with one and nothing else."""
        if folder.is_file:
            if not _is_video(folder.path.name):
                raise Rejected("its name is not that of a video")
            return Confidence.LOW
        names = [name for name in folder.files() if not name.startswith(".")]
        other = next((name for name in [*names, *folder.folders()] if not _is_video(name)), None)
        if other is not None:
            raise Rejected(f"{other!r} is no video; expected a video and nothing else")
        if len(names) != 1:
            raise Rejected("there are several videos: name one" if names else "there is no video")
        return Confidence.LOW

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        """Read a video, or the only one in a folder. Frames are decoded when they are looked at.

        Raises
        ------
        DatasetNotFoundError
            There is no video, or there are several.
        InvalidOptionError
            There are no such frames, or the pattern makes no ids.
        MalformedFileError
            The file is no video, or has fewer frames than it says.
        MissingDependencyError
            PyAV is not installed.
        """
        file = path if path.is_file() else _only_video(path)
        _check(options)
        video = Video(os.fspath(file))
        try:
            count, stated, damage = video.count_frames()
            height, width = video.frame_size or (0, 0)
        except MediaError as error:
            raise MalformedFileError(file, "", str(error), "a video") from error
        finally:
            video.close()
        if damage is not None or count < stated:
            found = f"{count} frames" + (f", then: {damage}" if damage else "")
            expected = f"{stated}, as the file says" if stated else "a whole video"
            context.problem(MalformedFileError(file, "", found, expected))
        end: int = count - 1 if options.end_frame is None else options.end_frame
        if max(options.start_frame, end) >= count:
            raise InvalidOptionError(
                f"{file}: it has {count} frames; start_frame {options.start_frame} and end_frame "
                f"{end} must be less"
            )
        frames = range(options.start_frame, end + 1, options.step)
        context.progress.start(len(frames), desc="Reading frames")
        chunks: list[Chunk] = []
        for begin in range(0, len(frames), _CHUNK_ITEMS):
            columns = ChunkColumns()
            for index in frames[begin : begin + _CHUNK_ITEMS]:
                columns.add_item(
                    options.name_pattern % index,
                    options.subset,
                    video.path,
                    height,
                    width,
                    media=MediaType.VIDEO_FRAME,
                    media_extra=f'{{"index":{index}}}',
                )
            chunks.append(columns.finish())
            context.progress.report_status(min(begin + _CHUNK_ITEMS, len(frames)))
        context.progress.finish()
        return Content(chunks, media_type=MediaType.VIDEO_FRAME)


def _is_video(name: str) -> bool:
    return extension(name).lower() in VIDEO_EXTENSIONS


def _only_video(folder: Path) -> Path:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_file() and _is_video(entry.name))
    if len(names) != 1:
        some = f"holds several videos ({', '.join(names[:5])}): name one"
        raise DatasetNotFoundError(f"{folder}: {some if names else 'there is no video'}")
    return folder / names[0]


def _check(options: VideoFramesReadOptions) -> None:
    if options.step < 1 or options.start_frame < 0:
        raise InvalidOptionError(
            f"video_frames: step {options.step}, start_frame {options.start_frame}; expected a "
            "step from 1 on, and a first frame from 0 on"
        )
    if options.end_frame is not None and options.end_frame < options.start_frame:
        raise InvalidOptionError(
            f"video_frames: end_frame {options.end_frame} is before start_frame "
            f"{options.start_frame}"
        )
    if not _PATTERN.fullmatch(options.name_pattern):
        raise InvalidOptionError(
            f"video_frames: name_pattern {options.name_pattern!r}; expected text with one number, "
            "such as frame_%06d"
        )
