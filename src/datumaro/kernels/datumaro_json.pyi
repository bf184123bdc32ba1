from typing import Any, Final

import numpy as np
import numpy.typing as npt

CODES: Final[dict[str, int]]
"""The codes of problems, by name: label, count, missing, twice, kind, rle, value, media, path, cut,
type, range, memory. Others are told by `message` alone."""

KEY_NAMES: Final[tuple[str, ...]]
"""Keys, as places name them, by the numbers that `ItemReader.take_problems` gives."""

MEDIA_RAW: Final[int]
"""The media type of items whose media stand in ``item.media_extra`` as in the file: an object of
the keys point_cloud, related_images, video, video_frame, multiframe_image and media."""

class ItemReader:
    """Takes elements of the array `items` out of JSON text and appends them to columns.

    The text comes in pieces, the first of which begins after the array's bracket.

    Parameters
    ----------
    n_labels : labels are below it; -1 for no limit.
    images : the folder of images with a slash at its end, for relative paths.
    root : the data set's folder with a slash at its end; absolute paths elsewhere get
        ``{"external":true}`` for media_extra.
    allow_external : take paths that lead outside as they are.
    skip : leave bad items and annotations out, and remember them for `take_problems`.
    scan_only : check the text, and fill no columns.

    Attributes
    ----------
    done : the array's closing bracket was read.
    code : what the last `read` ended with: 0 when done, ``CODES["cut"]`` when the piece ended;
        otherwise what is wrong (a problem; or, for the codes that CODES does not list, not JSON).
    item_id : of the item where something is wrong, in UTF-8; empty when it is not known.
    place : where: (item's index in the array, annotation's index or -1, whether it is one of
        extended_annotations, key, index in the key's array or -1).
    """

    done: bool
    code: int

    def __init__(
        self,
        *,
        n_labels: int,
        images: bytes,
        root: bytes,
        allow_external: bool,
        skip: bool,
        scan_only: bool = False,
    ) -> None: ...
    @property
    def place(self) -> tuple[int, int, bool, str, int]: ...
    @property
    def n_items(self) -> int: ...
    @property
    def n_annotations(self) -> int: ...
    @property
    def item_id(self) -> bytes: ...
    def read(self, data: bytearray | bytes, begin: int, end: int) -> int:
        """Read ``data[begin:end]``; the GIL is released.

        Returns where the first element begins that the bytes do not hold to its end; after the
        array's end, the place behind its bracket; and when something is wrong, its place.
        """
    def take(self) -> dict[str, npt.NDArray[Any]]:
        """The columns read so far, which the reader forgets.

        Items: ``item.id``, ``item.attributes``, ``item.path``, ``item.media_extra`` (UTF-8, each
        with its offsets int64 [n + 1] as ``…_at``), ``item.media_type``, ``item.height``,
        ``item.width``, ``item.source`` (index in the array), ``offsets`` (int64 [n + 1], into the
        annotations).
        Annotations: the names of `table.schema.ANNOTATIONS`, lists and texts with ``…_at``.
        ``extended_row``, ``extended_index``: rows of extended annotations, and the place that each
        has among its item's annotations.
        """
    def take_problems(self) -> npt.NDArray[np.int64]:
        """What was left out, int64 [n, 7], which the reader forgets: the code, the place in the
        bytes given to the last `read`, and the five members of `place` (the key by number)."""
