"""What pyarrow's file system of Google's object store does otherwise than its others.

- A listing does not name the folders in a folder, unless objects stand for them.
- A file of which ranges are read asks for its whole content once, and breaks that off. When this
  fails, it takes itself for closed, and the reason is lost.
- What may not be listed is told as missing, where a single path is asked for.
"""

from __future__ import annotations

from typing import Any

SCHEMES = frozenset({"gs", "gcs"})


def open_ranges(filesystem: Any, place: str) -> Any:
    """Open a file of which ranges are read.

    Raises
    ------
    OSError
        It cannot be read.
    """
    file = filesystem.open_input_file(place)
    if file.closed:
        with filesystem.open_input_stream(place) as stream:
            stream.read(1)  # it raises what is wrong, unless that has passed by
        file = filesystem.open_input_file(place)
        if file.closed:
            raise OSError(f"GCS {place}: it cannot be opened")
    return file
