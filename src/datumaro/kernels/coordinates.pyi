import numpy as np
from numpy.typing import NDArray

from datumaro.kernels.coordinate_decoding import CODES as CODES, decode as decode
from datumaro.kernels.coordinate_encoding import CODE_LENGTHS as CODE_LENGTHS, encode as encode

def boxes_of_polygons(
    offsets: NDArray[np.int64],
    types: NDArray[np.uint8],
    ids: NDArray[np.int64],
    alike: NDArray[np.uint8],
    point_offsets: NDArray[np.int64],
    points: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """Which boxes are the bounds of the polygons of their id right before them in their item.

    Parameters
    ----------
    alike : uint8 [n], which annotations differ from the one before in type and coordinates alone:
        no others are among those found.
    """

def with_boxes(
    offsets: NDArray[np.int64], followed: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Annotations with those that follow some of them: (offsets, row of each, which are added).

    Parameters
    ----------
    followed : uint8 [n], the annotations after which one more comes; its row is theirs, too.
    """

def same_as_before(text_offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Which texts are the same as the one before (uint8 [n])."""

def areas_of_polygons(
    offsets: NDArray[np.int64],
    types: NDArray[np.uint8],
    ids: NDArray[np.int64],
    doubled: NDArray[np.int64],
) -> NDArray[np.float64]:
    """The area of each run of polygons of one id in an item, at its first; 0 elsewhere.

    Parameters
    ----------
    doubled : int64 [n], of `encode`.
    """
