import numpy as np
from numpy.typing import NDArray

from datumaro.kernels.coordinate_decoding import CODES as CODES, decode as decode
from datumaro.kernels.coordinate_encoding import CODE_LENGTHS as CODE_LENGTHS, encode as encode

def boxes_of_polygons(
    offsets: NDArray[np.int64],
    types: NDArray[np.uint8],
    ids: NDArray[np.int64],
    point_offsets: NDArray[np.int64],
    points: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """Which boxes are the bounds of the polygons of their id right before them in their item."""
