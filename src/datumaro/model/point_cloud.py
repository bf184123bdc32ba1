"""Point clouds: files of points in space, kept as bytes, with the pictures taken beside them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from datumaro.errors import MediaTypeError
from datumaro.model.image import Image
from datumaro.model.media_element import (
    InFile,
    MediaElement,
    MediaType,
    normal_path,
)

if TYPE_CHECKING:
    from datumaro.crypto import Opener

ExtraImages = Sequence[Image] | Callable[[], Sequence[Image]]


class PointCloud(MediaElement):
    """A point cloud. Made by `from_file` or `from_bytes`.

    Two are equal when their bytes and their extra images are; two whose files are missing, when
    their extra images are.
    """

    __slots__ = ("_extra_images",)
    _type: ClassVar[MediaType] = MediaType.POINT_CLOUD
    _extra_images: ExtraImages

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("a PointCloud is made by from_file or from_bytes")

    @staticmethod
    def from_file(
        path: str | os.PathLike[str],
        extra_images: ExtraImages | None = None,
        *,
        external: bool = False,
        cipher: Opener | None = None,
    ) -> PointCloudFromFile:
        """Make a point cloud of a file, which is opened only when it is looked into.

        Parameters
        ----------
        path : not empty.
        extra_images : pictures that belong to it, or a function that gets them.
        external : know the path, and refuse to open it (see `Image.from_file`).
        cipher : decrypts the file (see `Image.from_file`).
        """
        return PointCloudFromFile(path, extra_images, external=external, cipher=cipher)

    @staticmethod
    def from_bytes(
        data: bytes | Callable[[], bytes], extra_images: ExtraImages | None = None
    ) -> PointCloudFromBytes:
        """Make a point cloud of a file's content, or of a function that gets it."""
        return PointCloudFromBytes(data, extra_images)

    @property
    def data(self) -> bytes | None:
        """The file's content; None when it is missing."""
        return self.bytes

    @property
    def extra_images(self) -> list[Image]:
        """The pictures that belong to it."""
        given = self._extra_images
        return list(given() if callable(given) else given)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, PointCloud):
            return NotImplemented
        if self.has_data != other.has_data or (self.has_data and self.data != other.data):
            return False
        return self.extra_images == other.extra_images


class PointCloudFromFile(InFile, PointCloud):
    """A point cloud in a file. See `PointCloud.from_file`."""

    __slots__ = ("_cipher", "_external")

    def __init__(
        self,
        path: str | os.PathLike[str],
        extra_images: ExtraImages | None = None,
        *,
        external: bool = False,
        cipher: Opener | None = None,
    ) -> None:
        self._path = normal_path(path)
        if not self._path:
            raise ValueError("a point cloud's path is not empty")
        self._extra_images = extra_images or ()
        self._external = external
        self._cipher = cipher

    def as_dict(self) -> dict[str, Any]:
        """The arguments that make it."""
        known: dict[str, Any] = {"path": self._path, "extra_images": self._extra_images}
        known |= {"external": True} if self._external else {}
        return known if self._cipher is None else known | {"cipher": self._cipher}


class PointCloudFromBytes(PointCloud):
    """A point cloud in memory. See `PointCloud.from_bytes`."""

    __slots__ = ("_data",)

    def __init__(
        self, data: bytes | Callable[[], bytes], extra_images: ExtraImages | None = None
    ) -> None:
        if not isinstance(data, bytes) and not callable(data):
            raise MediaTypeError(f"expected bytes or a function, not {type(data).__name__}")
        self._path = ""
        self._data = data
        self._extra_images = extra_images or ()

    @property
    def has_data(self) -> bool:
        """True."""
        return True

    @property
    def bytes(self) -> bytes:
        """The content."""
        return self._data() if callable(self._data) else self._data

    def as_dict(self) -> dict[str, Any]:
        """The arguments that make it."""
        return {"data": self._data, "extra_images": self._extra_images}
