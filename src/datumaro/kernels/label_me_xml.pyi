"""Usual files of LabelMe, read in one pass; an XML parser reads the others."""

Object = tuple[int, str, list[float], bool, bool, bool, str, str, str, int]
"""id (-1 for none), name, x, y, …, whether it is a box, deleted, occluded, the user's name, the
text of its attributes, the ids of its parts and of what it is a part of (with commas), its line."""

def scan(data: bytes) -> tuple[str, str, int, int, list[Object]] | None:
    """A file's folder, file name, height, width and objects; None for an unusual file.

    Height and width are 0 when the file does not state them.
    """
