"""Media objects: lazy, equal by content, saved byte by byte where possible."""

from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datumaro.crypto import Cipher, generate_key
from datumaro.errors import (
    MediaError,
    MediaShapeError,
    MediaTypeError,
    PathOutsideDatasetError,
)
from datumaro.model.media import (
    Image,
    MediaElement,
    MediaType,
    MosaicImage,
    MultiframeImage,
    PointCloud,
    RoIImage,
    Video,
    VideoFrame,
    probe_size,
)
from datumaro.model.media_element import own_file
from datumaro.model.resized_image import ResizedImage

PIXELS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


@pytest.fixture
def png(tmp_path: Path) -> str:
    path = tmp_path / "a.PNG"
    Image.from_numpy(PIXELS).save(path)
    return str(path)


# --- images from files ----------------------------------------------------------------------------


def test_an_image_from_a_file(png: str) -> None:
    image = Image.from_file(path=png)
    assert (image.type, image.path, image.ext) == (MediaType.IMAGE, png, ".PNG")
    assert not image.has_size
    assert image.has_data
    assert image.size == (4, 6)
    assert image.has_size
    np.testing.assert_array_equal(image.data, PIXELS)
    assert image.bytes == Path(png).read_bytes()


def test_a_stated_size_is_believed_and_the_file_not_opened(png: str) -> None:
    assert Image.from_file(path=png, size=(10, 20)).size == (10, 20)


def test_paths_have_slashes_and_extensions_a_dot() -> None:
    assert Image.from_file(path="a\\b\\c.jpg").path == "a/b/c.jpg"
    assert Image.from_file(path=Path("a/c.jpg")).path == "a/c.jpg"
    assert Image.from_file(path="a.jpg", ext="PNG").ext == ".png"
    assert Image.from_file(path="v1.0/name").ext == ""


@pytest.mark.parametrize(
    "path", ["/nowhere/a.png", "a\0b.png", "x" * 5000, str(Path(__file__).parent)]
)
def test_a_missing_file_has_nothing(path: str, tmp_path: Path) -> None:
    image = Image.from_file(path=path)
    assert not image.has_data
    assert image.data is image.bytes is image.size is None
    assert probe_size(path) is None
    with pytest.raises(FileNotFoundError):
        image.save(tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_image_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    image = Image.from_file(path=tmp_path / "a.png")
    assert image.data is image.size is None


def test_a_damaged_file_is_an_error_that_names_it(png: str) -> None:
    Path(png).write_bytes(Path(png).read_bytes()[:50])
    image = Image.from_file(path=png)
    assert image.size == (4, 6), "the header is whole"
    with pytest.raises(MediaError, match=r"a\.PNG"):
        _ = image.data


def test_an_external_file_is_known_but_never_opened(png: str, tmp_path: Path) -> None:
    image = Image.from_file(path=png, size=(9, 9), external=True)
    cloud = PointCloud.from_file(path=png, external=True)
    assert (image.path, image.size, image.has_data, cloud.has_data) == (png, (9, 9), False, False)
    assert Image.from_file(path=png, external=True).size is None
    looks: list[Callable[[], Any]] = [
        lambda: image.data,
        lambda: image.bytes,
        lambda: image.save(tmp_path / "out.png"),
        lambda: cloud.data,
        lambda: Video(png, external=True).bytes,
        lambda: image.from_self(size=(1, 1)).data,
        lambda: pickle.loads(pickle.dumps(image)).data,
    ]
    for look in looks:
        with pytest.raises(PathOutsideDatasetError, match="allow_external_media"):
            look()


def test_bad_arguments() -> None:
    for size in ((0, 3), (3, -1), (1, 2, 3)):
        with pytest.raises(ValueError, match="size"):
            Image.from_file(path="a.png", size=size)
    for make in (Image.from_file, PointCloud.from_file, Video):
        with pytest.raises(ValueError, match="not empty"):
            make("")
    with pytest.raises(MediaTypeError):
        Image.from_bytes(data=PIXELS)
    for shape in ((3,), (2, 2, 2, 2), (0, 4)):
        with pytest.raises(MediaShapeError):
            Image.from_numpy(data=np.zeros(shape))
    for kind in (Image, PointCloud):
        with pytest.raises(TypeError, match="from_file"):
            kind()


# --- images in memory -----------------------------------------------------------------------------


def test_an_image_from_an_array() -> None:
    image = Image.from_numpy(data=PIXELS)
    assert (image.size, image.has_size, image.ext, image.path) == ((4, 6), True, None, "")
    assert image.data is PIXELS
    assert image.bytes is None


def test_an_image_from_a_function_is_made_when_looked_at() -> None:
    calls: list[int] = []

    def make() -> np.ndarray:
        calls.append(1)
        return PIXELS

    image = Image.from_numpy(data=make)
    assert not image.has_size
    assert calls == []
    assert image.size == (4, 6)
    assert image.data is PIXELS
    assert calls == [1, 1]


def test_values_beyond_a_byte_are_clipped_except_where_asked_for() -> None:
    image = Image.from_numpy(data=np.array([[-1.5, 7.5, 300.0]]))
    np.testing.assert_array_equal(image.data, np.array([[0, 7, 255]], np.uint8))
    assert image.get_data_as_dtype(None).dtype == np.float64
    np.testing.assert_array_equal(image.get_data_as_dtype(np.float32), [[-1.5, 7.5, 300.0]])
    deep = Image.from_numpy(data=np.array([[60_000]], np.uint16))
    assert deep.data[0, 0] == 60_000
    assert deep.get_data_as_dtype(np.uint8)[0, 0] == 255


def test_an_image_from_bytes(png: str) -> None:
    data = Path(png).read_bytes()
    for image in (Image.from_bytes(data=data), Image.from_bytes(data=lambda: data)):
        assert not image.has_size
        np.testing.assert_array_equal(image.data, PIXELS)
        assert (image.size, image.bytes) == ((4, 6), data)
    assert Image.from_bytes(data=data).ext == ".png"
    assert Image.from_bytes(data=data, ext="jpg").ext == ".jpg"
    with pytest.raises(MediaError):
        _ = Image.from_bytes(data=b"text").data


# --- saving ---------------------------------------------------------------------------------------


def test_saving_under_the_same_extension_copies_bytes(png: str, tmp_path: Path) -> None:
    Image.from_file(path=png).save(tmp_path / "new" / "b.png")
    assert (tmp_path / "new" / "b.png").read_bytes() == Path(png).read_bytes()


@pytest.mark.parametrize(("name", "magic"), [("b.jpg", b"\xff\xd8"), ("b.bmp", b"BM")])
def test_saving_under_another_extension_encodes(
    png: str, tmp_path: Path, name: str, magic: bytes
) -> None:
    for image in (Image.from_file(path=png), Image.from_numpy(data=PIXELS)):
        image.save(str(tmp_path / name))
        assert (tmp_path / name).read_bytes().startswith(magic)


def test_saving_to_an_open_file(png: str) -> None:
    for image, start in (
        (Image.from_file(path=png), b"\x89PNG"),
        (Image.from_numpy(data=PIXELS), b"\x89PNG"),
        (Image.from_numpy(data=PIXELS, ext=".jpg"), b"\xff\xd8"),
    ):
        file = io.BytesIO()
        image.save(file)
        assert file.getvalue().startswith(start)
    file = io.BytesIO()
    Image.from_file(path=png).save(file, ext="bmp")
    assert file.getvalue().startswith(b"BM")


# --- equality, copies -----------------------------------------------------------------------------


def test_images_are_equal_by_their_pixels(png: str) -> None:
    data = Path(png).read_bytes()
    wider = np.pad(PIXELS, ((2, 0), (1, 0), (0, 0)))
    same = [
        Image.from_file(path=png),
        Image.from_bytes(data=data),
        Image.from_numpy(data=PIXELS),
        Image.from_numpy(data=lambda: PIXELS),
        RoIImage.from_image(Image.from_numpy(data=wider), (1, 2, 6, 4)),
    ]  # fmt: skip
    for a in same[:-1]:
        for b in same[:-1]:
            assert a == b
    assert same[-1] != same[0], "a region is of another type"
    assert same[-1] == RoIImage.from_image(Image.from_numpy(data=PIXELS), (0, 0, 6, 4))
    other = PIXELS.copy()
    other[0, 0, 0] += 1
    for different in (
        Image.from_numpy(data=other),
        Image.from_numpy(data=PIXELS.astype(np.uint16)),
        Image.from_numpy(data=PIXELS[:2]),
        Image.from_file(path="/nowhere.png"),
    ):
        for image in same:
            assert image != different
            assert different != image


def test_missing_images_are_equal_by_their_sizes() -> None:
    def missing(name: str, size: tuple[int, int] | None) -> Image:
        return Image.from_file(path=f"/nowhere/{name}", size=size)

    assert missing("a", (3, 4)) == missing("b", (3, 4))
    assert missing("a", None) == missing("b", None)
    assert missing("a", (3, 4)) != missing("a", (3, 5))
    assert missing("a", (3, 4)) != missing("a", None)


def test_media_of_different_types_are_not_equal(png: str) -> None:
    media = [
        MediaElement(png), Image.from_file(png), PointCloud.from_file(png), Video(png),
        MultiframeImage([png]), 5, None,
    ]  # fmt: skip
    for i, a in enumerate(media):
        for j, b in enumerate(media):
            assert (a == b) is (i == j)


def test_copies_and_changes(png: str) -> None:
    image = Image.from_file(path=png, size=(4, 6))
    assert image.from_self(path="b.jpg").as_dict() == {"path": "b.jpg", "ext": None, "size": None}
    assert image.from_self(ext=".bmp").ext == ".bmp"
    for medium in (
        image,
        Image.from_numpy(data=PIXELS, ext=".png"),
        Image.from_bytes(data=Path(png).read_bytes()),
        RoIImage.from_image(image, (0, 0, 2, 2)),
        MosaicImage.from_image_roi_pairs([(image, (0, 0, 6, 4))], (4, 6)),
        MultiframeImage([png, PIXELS]),
        PointCloud.from_bytes(data=b"x", extra_images=[image]),
        Video(png, step=2),
        MediaElement(png),
    ):
        assert medium.from_self() == copy.deepcopy(medium) == pickle.loads(pickle.dumps(medium))
        assert medium.from_self() == medium


def test_what_is_made_of_encrypted_images_is_encrypted() -> None:
    plain = Image.from_file("a.png")
    secret = Image.from_file("b.png", cipher=Cipher(generate_key()))
    for image, expected in ((plain, False), (secret, True)):
        region = RoIImage.from_image(image, (0, 0, 2, 2))
        mosaic = MosaicImage.from_image_roi_pairs(
            [(plain, (0, 0, 6, 4)), (image, (0, 0, 6, 4))], (4, 6)
        )
        made = [region, mosaic, RoIImage.from_image(mosaic, (0, 0, 1, 1)),
                MosaicImage.from_image_roi_pairs([(region, (0, 0, 2, 2))], (4, 6)),
                MultiframeImage([plain, region]), ResizedImage(region, (2, 2))]  # fmt: skip
        assert [medium.is_encrypted for medium in made] == [expected] * len(made)


def test_a_file_is_that_of_a_medium_or_of_what_it_is_made_of(png: str) -> None:
    image, video = Image.from_file(png), Video("v.avi")
    for medium in (image, video, PointCloud.from_file("c.pcd"), MediaElement("m")):
        assert own_file(medium) == medium.path
    region, frame = RoIImage.from_image(image, (0, 0, 2, 2)), VideoFrame(video, 0)
    assert (region.path, frame.path) == (png, "v.avi")
    for medium in (region, frame, Image.from_numpy(data=PIXELS), MultiframeImage([png], path=png)):
        assert own_file(medium) == ""


def test_a_repr_is_short() -> None:
    image = Image.from_numpy(data=np.zeros((500, 500, 3), np.uint8))
    assert repr(image) == "ImageFromNumpy(data=<array (500, 500, 3)>)"
    assert repr(PointCloud.from_bytes(data=bytes(1000))).startswith(
        "PointCloudFromBytes(data=<1000 bytes>"
    )


# --- point clouds, composites ---------------------------------------------------------------------


def test_a_point_cloud_with_extra_images(tmp_path: Path) -> None:
    (tmp_path / "a.pcd").write_bytes(b"points")
    image = Image.from_numpy(data=PIXELS)
    cloud = PointCloud.from_file(path=tmp_path / "a.pcd", extra_images=[image])
    assert (cloud.type, cloud.data, cloud.extra_images) == (
        MediaType.POINT_CLOUD, b"points", [image],
    )  # fmt: skip
    assert cloud == PointCloud.from_bytes(data=b"points", extra_images=lambda: [image])
    assert cloud != PointCloud.from_bytes(data=b"points")
    assert cloud != PointCloud.from_bytes(data=b"other", extra_images=[image])
    cloud.save(tmp_path / "new" / "b.pcd")
    assert (tmp_path / "new" / "b.pcd").read_bytes() == b"points"
    missing = PointCloud.from_file(path="/nowhere.pcd")
    assert missing.data is None
    assert missing != cloud
    with pytest.raises(FileNotFoundError):
        missing.save(tmp_path / "c.pcd")


def test_a_region_of_an_image() -> None:
    image = Image.from_numpy(data=PIXELS)
    region = RoIImage.from_image(image, (1, 2, 3, 2))
    assert (region.size, region.roi, region.type) == ((2, 3), (1, 2, 3, 2), MediaType.ROI_IMAGE)
    np.testing.assert_array_equal(region.data, PIXELS[2:4, 1:4])
    assert RoIImage.from_image(Image.from_file("/nowhere.png"), (0, 0, 2, 2)).data is None
    for roi in ((-1, 0, 2, 2), (0, 0, 0, 2), (0, 0, 2)):
        with pytest.raises(ValueError, match="region"):
            RoIImage.from_image(image, roi)
    with pytest.raises(TypeError):
        RoIImage.from_image(image, (0.5, 0, 2, 2))


def test_a_mosaic() -> None:
    gray = Image.from_numpy(data=np.full((2, 2), 9, np.uint8))
    mosaic = MosaicImage.from_image_roi_pairs(
        [(Image.from_numpy(data=PIXELS), (0, 0, 6, 4)), (gray, (5, 3, 2, 2))], (5, 8)
    )
    expected = np.zeros((5, 8, 3), np.uint8)
    expected[:4, :6] = PIXELS
    expected[3:5, 5:7] = 9
    np.testing.assert_array_equal(mosaic.data, expected)
    assert mosaic.size == (5, 8)
    for roi in ((0, 0, 3, 3), (7, 0, 2, 2)):
        with pytest.raises(MediaError, match="does not fill"):
            _ = MosaicImage.from_image_roi_pairs([(gray, roi)], (5, 8)).data


def test_a_multiframe_image(png: str) -> None:
    several = MultiframeImage([png, Image.from_numpy(data=PIXELS), PIXELS, lambda: PIXELS])
    assert all(frame == Image.from_numpy(data=PIXELS) for frame in several.data)
    assert several.has_data
    assert several == MultiframeImage([PIXELS] * 4, path="elsewhere")
    assert several != MultiframeImage([PIXELS] * 3)
    assert not MultiframeImage([png, "/nowhere.png"]).has_data
    assert MultiframeImage(path="scan.tif").ext == ".tif"
    assert MultiframeImage(path="a.tif") != MultiframeImage(path="b.tif")
    with pytest.raises(ValueError, match="images or a path"):
        MultiframeImage()


def test_importing_media_does_not_import_pillow() -> None:
    code = "import sys, datumaro.model.media; sys.exit('PIL' in sys.modules or 'av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
