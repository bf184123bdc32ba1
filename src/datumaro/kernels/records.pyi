from typing import Any

import numpy as np
from numpy.typing import NDArray

PATH_NONE: int
PATH_ABSOLUTE: int
PATH_SUSPECT: int

def message(code: int, value: int, there: bytes = b"") -> tuple[str, str]:
    """What an error code of `read_records` means, as (found, expected).

    Parameters
    ----------
    there : some bytes from ``at`` on.
    """

def read_records(
    data: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    image_folder: NDArray[np.uint8],
    point_cloud_folder: NDArray[np.uint8],
    video_folder: NDArray[np.uint8],
) -> tuple[int, int, int, dict[str, NDArray[Any]]]:
    """Read the item records of some blobs into columns.

    The records are checked and counted, and then arrays of exactly that size are filled; no more
    than about five times the size of ``data`` is taken, whatever stands there. The GIL is released.

    Parameters
    ----------
    data : uint8; must not change meanwhile.
    bounds : int64 [blobs + 1], rising; blob b is ``data[bounds[b]:bounds[b + 1]]``.
    image_folder, point_cloud_folder, video_folder : UTF-8, put before relative media paths.

    Returns
    -------
    code : 0, or what is wrong (see `message`).
    at : where in ``data``, in bytes.
    value : the number found there.
    columns : for n items and m annotations
        ``id_offsets`` int64 [n + 1], ``ids`` uint8; ``media_type`` uint8 [n]; ``path_flags`` uint8
        [n] of PATH_…; ``path_offsets``, ``paths``; ``height``, ``width`` int32 [n], 0 for unknown;
        ``tail_offsets``, ``tails``: what follows the path of videos, frames and point clouds, as
        in the file; ``item_attribute_offsets``, ``item_attributes``: JSON objects; ``offsets``
        int64 [n + 1] of the annotations; ``type`` uint8 [m], 2D cuboids always 16; ``id``,
        ``group`` int64 [m]; ``object_id``, ``label`` (-2^31 for none), ``z_order`` int32 [m];
        ``attribute_offsets``, ``attributes``; ``point_offsets``, ``points`` float32, rounded to
        hundredths but for cuboids; ``visibility_offsets``, ``visibility`` uint8; ``mask_height``,
        ``mask_width`` int32 [m]; ``rle_offsets``, ``rle``; ``text_offsets``, ``text``. Columns of
        texts and lists are missing when nothing is in them.
    """

def bad_object(offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> int:
    """The first of several texts that is neither empty nor a JSON object; -1 when there is none."""

def bad_mask(
    rows: NDArray[np.int64],
    height: NDArray[np.int32],
    width: NDArray[np.int32],
    offsets: NDArray[np.int64],
    rle: NDArray[np.uint8],
) -> int:
    """The first of ``rows`` whose compressed RLE counts do not cover its pixels; -1 for none."""
