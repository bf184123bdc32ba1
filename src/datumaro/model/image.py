"""Images: from a file, from bytes, or from an array."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from datumaro.errors import MediaTypeError
from datumaro.model.image_codec import (
    check_shape,
    decode_image,
    eight_bits,
    encode_image,
    guess_extension,
    same_kind,
)
from datumaro.model.image_header import read_size, size_in
from datumaro.model.media_element import (
    Destination,
    InFile,
    MediaElement,
    MediaType,
    check_whole,
    normal_path,
    required,
    write_bytes,
)
from datumaro.paths import extension, is_url

if TYPE_CHECKING:
    from datumaro.crypto import Opener

Array = npt.NDArray[Any]
Size = tuple[int, int]

DEFAULT_IMAGE_EXT = ".png"
"""The kind in which an image is saved when nothing else says one: it loses nothing."""

_HEADER = 1024  # bytes in which the size of most images stands
_REMOTE_HEADER = 1 << 16  # at URLs a further request costs more than further bytes


def probe_size(path: str | os.PathLike[str]) -> Size | None:
    """Read an image's (height, width) in pixels from its file's header.

    Exif orientation is not applied, as it is not to `Image.data`.

    Returns
    -------
    None when there is no such file, or it is not an image.
    """
    if isinstance(path, str) and is_url(path):
        return _remote_size(path)
    if not os.path.isfile(path):  # noqa: PTH113 - a str; pipes would block
        return None
    try:
        size = size_in(_head(path))
        if size is not None:
            return size
        with open(path, "rb", buffering=_HEADER) as file:  # noqa: PTH123 - a str
            return read_size(file)
    except OSError:  # removed meanwhile, or not readable
        return None


def _head(path: str | os.PathLike[str]) -> bytes:
    """The first bytes of a file: a file object would cost more than to read them."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        return os.read(descriptor, _HEADER)
    finally:
        os.close(descriptor)


def _remote_size(url: str) -> Size | None:
    from datumaro.remote.path import open_file  # costs time, and most do without

    try:
        with open_file(url, _REMOTE_HEADER) as file:
            return read_size(file)
    except FileNotFoundError:
        return None


class Image(MediaElement):
    """An image. Made by `from_file`, `from_bytes` or `from_numpy`.

    Two images are equal when they are of one type and their sizes and pixels are equal, wherever
    they come from. Two without pixels (their files are missing) are equal when their sizes are.
    """

    __slots__ = ("_ext", "_size")
    _type: ClassVar[MediaType] = MediaType.IMAGE
    _ext: str | None
    _size: Size | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(
            f"{type(self).__name__} is made by from_file, from_bytes or from_numpy (of Image), "
            "from_image (of RoIImage) or from_image_roi_pairs (of MosaicImage)"
        )

    @staticmethod
    def from_file(
        path: str | os.PathLike[str],
        ext: str | None = None,
        size: Size | None = None,
        *,
        external: bool = False,
        cipher: Opener | None = None,
    ) -> ImageFromFile:
        """Make an image of a file, which need not exist, and is opened only when it is looked into.

        Parameters
        ----------
        path : not empty.
        ext : what to save it as when nothing else is said (default: the path's).
        size : (height, width) in pixels, as it is known; otherwise it is read when asked for.
        external : the path comes from a data set that is not trusted and leads outside it: know the
            path, and refuse to open it.
        cipher : the file is encrypted, and this decrypts it (see `datumaro.crypto.Cipher`).
        """
        return ImageFromFile(path, ext, size, external=external, cipher=cipher)

    @staticmethod
    def from_numpy(
        data: Array | Callable[[], Array], ext: str | None = None, size: Size | None = None
    ) -> ImageFromNumpy:
        """Make an image of an array, or of a function that makes one.

        Parameters
        ----------
        data : [height, width] or [height, width, channels], channels in the order BGR or BGRA.
        ext : what to save it as when nothing else is said (default: ``.png``).
        size : (height, width) in pixels, for a function's array.

        Raises
        ------
        MediaShapeError
            The array has not 2 or 3 dimensions, or one of them is 0.
        """
        return ImageFromNumpy(data, ext, size)

    @staticmethod
    def from_bytes(
        data: bytes | Callable[[], bytes], ext: str | None = None, size: Size | None = None
    ) -> ImageFromBytes:
        """Make an image of a file's content, or of a function that gets it.

        Parameters
        ----------
        data : an encoded image (PNG, JPEG, …).
        ext : what to save it as when nothing else is said (default: told from the first bytes).
        size : (height, width) in pixels, as it is known; otherwise it is read when asked for.
        """
        return ImageFromBytes(data, ext, size)

    @property
    def ext(self) -> str | None:
        """The extension, with its dot; None when not known."""
        return self._ext

    @property
    def has_size(self) -> bool:
        """Whether the size is known without looking into the image."""
        return self._size is not None

    @property
    def size(self) -> Size | None:
        """(height, width) in pixels; None when it cannot be told. Read when first asked for."""
        return self._size

    @property
    def data(self) -> Array | None:
        """The pixels, as `datumaro.model.image_codec.decode_image` gives them; None when missing.

        Raises
        ------
        MediaError
            The image is damaged, or too large.
        DamagedTokenError
            The file is encrypted, and was changed.
        PathOutsideDatasetError
            The file may not be opened (see `from_file`, ``external``).
        """
        return self.get_data_as_dtype(None)

    def get_data_as_dtype(self, dtype: npt.DTypeLike | None = np.uint8) -> Array | None:
        """The pixels as ``dtype``; None when missing.

        Values are not scaled. To uint8 they are clipped to 0 to 255; None leaves them as they are.
        """
        pixels = self._pixels()
        if pixels is None or dtype is None:
            return pixels
        return eight_bits(pixels) if np.dtype(dtype) == np.uint8 else pixels.astype(dtype)

    def _pixels(self) -> Array | None:
        raise NotImplementedError

    def encoded(self, ext: str) -> bytes | None:
        """The content of an image file with that extension; None when the image is missing.

        A file's own bytes, unchanged, when they are of that kind already.
        """
        data = self.bytes
        if data is not None and same_kind(self.ext or guess_extension(data) or "", ext):
            return data
        pixels = self.data
        return None if pixels is None else encode_image(pixels, ext)

    def save(self, fp: Destination, ext: str | None = None) -> None:
        """Write an image file, to a path (folders are made) or to an open binary file.

        Parameters
        ----------
        ext : the kind to write (default: the path's extension, or else the image's own, or else
            ``.png``). An image of that kind is copied byte by byte, others are encoded (JPEG with
            quality 75).

        Raises
        ------
        FileNotFoundError
            The image is missing.
        MediaError
            It is damaged, or cannot be written in that kind.
        """
        path_ext = extension(os.fspath(fp)) if isinstance(fp, str | os.PathLike) else ""
        ext = dotted(ext) or path_ext or self.ext or DEFAULT_IMAGE_EXT
        write_bytes(fp, required(self.encoded(ext), self._path))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Image):
            return NotImplemented
        if self._type != other._type:
            return False
        if self._size and other._size and self._size != other._size:
            return False
        if not self.has_data or not other.has_data:
            return self.has_data == other.has_data and self.size == other.size
        if isinstance(self, ImageFromFile) and self.path == other.path:
            return isinstance(other, ImageFromFile)
        mine, theirs = self.bytes, other.bytes
        if mine is not None and mine == theirs:
            return self.size == other.size
        a, b = self.data, other.data
        if a is None or b is None:
            return a is b
        return a.dtype == b.dtype and np.array_equal(a, b)


def dotted(ext: str | None) -> str | None:
    """An extension in lower case with its dot; None for none."""
    if not ext:
        return None
    return (ext if ext.startswith(".") else "." + ext).lower()


def checked_size(size: Size | None) -> Size | None:
    """A size as a pair of positive ints; None for None. ValueError when it is neither."""
    if size is None:
        return None
    if len(size) != 2 or not size[0] > 0 or not size[1] > 0:
        raise ValueError(f"an image's size is (height, width), both positive, not {size!r}")
    return int(size[0]), int(size[1])


class ImageFromFile(InFile, Image):
    """An image in a file. See `Image.from_file`."""

    __slots__ = ("_cipher", "_external")

    def __init__(
        self,
        path: str | os.PathLike[str],
        ext: str | None = None,
        size: Size | None = None,
        *,
        external: bool = False,
        cipher: Opener | None = None,
    ) -> None:
        self._path = normal_path(path)
        if not self._path:
            raise ValueError("an image's path is not empty")
        self._ext = dotted(ext)
        self._size = checked_size(size)
        self._external = external
        self._cipher = cipher

    @property
    def ext(self) -> str:
        """The extension, with its dot, in the path's own spelling; "" when it has none."""
        return self._ext or extension(self._path)

    @property
    def size(self) -> Size | None:
        """(height, width) in pixels, as stated or by the file's header; None when not an image.

        Of an encrypted file in Parquet storage no more than the header is decrypted.
        """
        if self._size is None and not self._external:
            if self._cipher is None:
                self._size = probe_size(self._path)
            elif (file := self.open()) is not None:
                with file:
                    self._size = read_size(file)
                    check_whole(file)
        return self._size

    def _pixels(self) -> Array | None:
        data = self.bytes
        return None if data is None else decode_image(data, self._path)

    def as_dict(self) -> dict[str, Any]:
        """The arguments that make it."""
        known: dict[str, Any] = {"path": self._path, "ext": self._ext, "size": self._size}
        known |= {"external": True} if self._external else {}
        return known if self._cipher is None else known | {"cipher": self._cipher}

    def from_self(self, **changes: Any) -> Self:
        """Copy it, with some of the arguments that made it changed; another path, another size."""
        known = self.as_dict()
        if "path" in changes:
            known.update(size=None, ext=None)
        return type(self)(**(known | changes))


class ImageFromBytes(Image):
    """An image in memory, encoded. See `Image.from_bytes`."""

    __slots__ = ("_data",)

    def __init__(
        self,
        data: bytes | Callable[[], bytes],
        ext: str | None = None,
        size: Size | None = None,
    ) -> None:
        if not isinstance(data, bytes) and not callable(data):
            raise MediaTypeError(f"expected bytes or a function, not {type(data).__name__}")
        self._path = ""
        self._data = data
        self._ext = dotted(ext)
        self._size = checked_size(size)

    @property
    def ext(self) -> str | None:
        """The extension, as given or by the first bytes; None when they are of no known kind."""
        if self._ext is None and isinstance(self._data, bytes):
            self._ext = guess_extension(self._data)
        return self._ext

    @property
    def has_data(self) -> bool:
        """True."""
        return True

    @property
    def size(self) -> Size | None:
        """(height, width) in pixels, as stated or from the header; None when it is not an image."""
        if self._size is None:
            self._size = read_size(io.BytesIO(self.bytes))
        return self._size

    @property
    def bytes(self) -> bytes:
        """The encoded image."""
        return self._data() if callable(self._data) else self._data

    def _pixels(self) -> Array:
        return decode_image(self.bytes)

    def as_dict(self) -> dict[str, Any]:
        """The arguments that make it."""
        return {"data": self._data, "ext": self._ext, "size": self._size}


class ImageFromNumpy(Image):
    """An image in memory, as pixels. See `Image.from_numpy`."""

    __slots__ = ("_data",)

    def __init__(
        self,
        data: Array | Callable[[], Array],
        ext: str | None = None,
        size: Size | None = None,
    ) -> None:
        if not callable(data):
            data = np.asarray(data)
            check_shape(data)
            size = (data.shape[0], data.shape[1])
        self._path = ""
        self._data = data
        self._ext = dotted(ext)
        self._size = checked_size(size)

    @property
    def has_data(self) -> bool:
        """True."""
        return True

    @property
    def size(self) -> Size | None:
        """(height, width) in pixels; an array that a function makes is made for it."""
        if self._size is None:
            pixels = self._pixels()
            self._size = (pixels.shape[0], pixels.shape[1])
        return self._size

    @property
    def data(self) -> Array:
        """The pixels: uint8 and uint16 as they are, other dtypes clipped to 0 to 255, as uint8.

        `get_data_as_dtype(None)` gives them as they are.
        """
        pixels = self._pixels()
        return pixels if pixels.dtype == np.uint16 else eight_bits(pixels)

    def _pixels(self) -> Array:
        if not callable(self._data):
            return self._data
        pixels = np.asarray(self._data())
        check_shape(pixels)
        return pixels

    def encoded(self, ext: str) -> bytes:
        """The content of an image file with that extension."""
        return encode_image(self._pixels(), ext)

    def as_dict(self) -> dict[str, Any]:
        """The arguments that make it."""
        size = self._size if callable(self._data) else None  # an array has its own
        return {"data": self._data, "ext": self._ext, "size": size}
