"""``seqinfo.ini``: what MOT Challenge says of a sequence."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass
from pathlib import Path

from datumaro.errors import MalformedFileError
from datumaro.formats.files import read_text
from datumaro.paths import join_inside

FILE = "seqinfo.ini"

_SECTION = "Sequence"
_MAX_BYTES = 1 << 16
_MAX_LENGTH = 10**6  # at 30 frames a second: nine hours
_MAX_SIDE = 10**6


@dataclass(frozen=True)
class SequenceInfo:
    """What the file says.

    Attributes
    ----------
    folder : of the images, relative to the sequence's.
    extension : of the images' files, with its dot; "" when not stated.
    length : frames, numbered from 1 on; 0 when not stated.
    size : (height, width) of the images in pixels; None when not stated.
    """

    folder: str
    extension: str = ""
    length: int = 0
    size: tuple[int, int] | None = None


def load_info(root: Path, images: str) -> SequenceInfo:
    """Read the file in a sequence's folder, if it is there.

    Parameters
    ----------
    images : the images' folder, unless the file names another.

    Raises
    ------
    MalformedFileError
        It is damaged, or a number is none.
    PathOutsideDatasetError
        It names a folder outside.
    """
    path = root / FILE
    if not path.is_file():
        return SequenceInfo(images)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(read_text(path, _MAX_BYTES))
        values = dict(parser.items(_SECTION))
    except configparser.NoSectionError:
        raise MalformedFileError(path, "", "no [Sequence]", "a section [Sequence]") from None
    except configparser.Error as error:
        found = str(error).partition("\n")[0][:200]
        raise MalformedFileError(path, "", found, "lines such as seqLength=600") from None
    folder = values.get("imdir", images)
    join_inside(root, folder, what=f"imDir in {path}")
    width, height = (_number(values, key, path, _MAX_SIDE) for key in ("imwidth", "imheight"))
    size = (height, width) if height and width else None
    extension = values.get("imext", "")
    if extension and not re.fullmatch(r"\.\w{1,10}", extension):
        found = repr(extension[:40])
        raise MalformedFileError(path, f"[{_SECTION}] imExt", found, "an extension, such as .jpg")
    return SequenceInfo(folder, extension, _number(values, "seqlength", path, _MAX_LENGTH), size)


def _number(values: dict[str, str], key: str, path: Path, most: int) -> int:
    text = values.get(key, "0").strip()
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1
    if not 0 <= number <= most:
        raise MalformedFileError(
            path, f"[{_SECTION}] {key}", repr(text[:40]), f"a whole number up to {most}"
        )
    return number
