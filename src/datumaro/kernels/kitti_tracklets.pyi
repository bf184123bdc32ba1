"""Usual files of KITTI's tracklets, read in one pass; an XML parser reads the others."""

from datumaro.table.schema import Array

Objects = list[tuple[str, int, float, float, float, int]]
"""Of each object its label, the line where it begins, its height, width and length, and how many
poses there are up to its last one."""

def read(data: bytes, most: float, last_frame: int) -> tuple[Objects, Array, Array, Array] | None:
    """The objects of a file's content, with the poses in which they are in the image.

    Parameters
    ----------
    most : the largest number that a size or a place may have.
    last_frame : the last frame that a pose may have.

    Returns
    -------
    None for an unusual file, damaged ones included. Otherwise

    - the objects
    - int64 [poses]: frames
    - float64 [poses, 6]: place and rotation
    - uint8 [poses]: whether they are occluded
    """
