Box = tuple[float, float, float, float]

Object = tuple[str, Box, int, str | None, dict[str, str] | None, int]

def scan(data: bytes) -> tuple[str, int, int, list[Object]] | None:
    """Read a PASCAL VOC annotation file, if it is a usual one.

    Returns
    -------
    None when it is unusual: it may be damaged, or need an XML parser to be understood. Otherwise

    - the image's file name, "" for none;
    - its height and width in pixels, 0 for none;
    - the objects: (label's name, (xmin, ymin, xmax, ymax) as written, 1 for difficult + 2 for
      truncated + 4 for occluded, pose or None, free attributes or None, number of the line where
      it begins).
    """
