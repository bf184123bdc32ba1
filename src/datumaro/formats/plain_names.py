"""Names of images that are made all at once, for writers of lists."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datumaro.formats.base import WriteOptions
from datumaro.media_store import media_extension
from datumaro.model.media import MediaType
from datumaro.table.chunk import Chunk
from datumaro.table.schema import list_parts

# words with dots and slashes between them: they lead nowhere, and stand in any line as they are
_PLAIN = r"^[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)*$"
_FILES = (MediaType.IMAGE, MediaType.BYTE_IMAGE)


def plain_names(chunk: Chunk, options: WriteOptions, default: str = ".jpg") -> pa.Array | None:
    """The name of each item's image: its id, and the extension.

    It is as `ImageJobs.name`, in a tenth of the time.

    Parameters
    ----------
    default : the extension of images of which neither the user nor their medium says one.

    Returns
    -------
    None where items have to be looked at one after another: images are to be saved, media are no
    files, or a name is more than words of ASCII letters with dots and slashes between them.
    """
    items = chunk.items
    if options.save_media or chunk.media or not len(chunk):
        return None
    media = items.column("media_type").to_numpy()
    has_path = np.diff(list_parts(items.column("path"))[0]) > 0
    is_file = (media == _FILES[0]) | (media == _FILES[1])
    if not np.where(is_file, has_path, (media == MediaType.NONE) & ~has_path).all():
        return None
    kind = pa.large_string()
    paths = items.column("path")
    # most data sets have one kind of images
    extension = media_extension(paths[0].as_py(), None, options.image_ext, default)
    if not options.image_ext and not _have(paths, extension):
        found = [media_extension(path, None, None, default) for path in paths.to_pylist()]
        extensions: pa.Array | pa.Scalar = pa.array(found, kind)
    else:
        extensions = pa.scalar(extension, kind)
    empty = pa.scalar("", kind)
    names = pc.binary_join_element_wise(items.column("id"), extensions, empty)
    return names if pc.all(pc.match_substring_regex(names, _PLAIN)).as_py() else None


def joined(*parts: pa.Array | str) -> bytes:
    """A text of rows, each made of the parts one after another; a str is the same in all rows."""
    kind = pa.large_string()
    columns = [pa.scalar(part, kind) if isinstance(part, str) else part for part in parts]
    rows = pc.binary_join_element_wise(*columns, pa.scalar("", kind))
    ends, data = list_parts(rows)
    return data[int(ends[0]) : int(ends[-1])].tobytes()


def _have(paths: pa.Array, extension: str) -> bool:
    """Whether all paths have that extension, behind what is no dot and no slash."""
    if not extension[1:].isascii() or not extension[1:].isalnum():
        return False
    return pc.all(pc.match_substring_regex(paths, rf"[^./\\]\.{extension[1:]}$")).as_py()
