"""Archives of images: what is read, what is written, and hostile archives."""

from __future__ import annotations

import pickle
import random
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

import datumaro as dm
from datumaro.errors import (
    DatasetExportError,
    DatasetImportError,
    DatasetNotFoundError,
    MalformedFileError,
    MediaError,
    MediaTypeError,
    RepeatedItemError,
    UnknownOptionError,
    UnsupportedContentError,
)
from datumaro.formats import zipped_files
from datumaro.formats.base import Confidence
from datumaro.formats.image_zip import COMPRESSIONS
from datumaro.formats.zipped_files import list_archive
from datumaro.model.media import (
    Image,
    MediaElement,
    MosaicImage,
    PointCloud,
    RoIImage,
    Video,
    VideoFrame,
)
from format_files import NO_IMAGES, ODD_IDS, detect, image, make, png, read

PNG = png(np.zeros((2, 3, 3), np.uint8))


def archive(path: Path, *entries: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in entries:
            file.writestr(zipfile.ZipInfo(name), data, method)
    return path


def images(*ids: str, **item: str) -> dm.Dataset:
    return dm.Dataset.from_iterable(
        [dm.DatasetItem(i, media=image(shade=n), **item) for n, i in enumerate(ids)]
    )


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    root = shared_data / "formats/image_zip_dataset"
    found = read(root, "image_zip")
    assert [(i.id, i.subset, i.media.size, i.media.ext) for i in found] == [
        ("1", "default", (10, 10), ".jpg"), ("2", "default", (5, 10), ".jpg"),
    ]  # fmt: skip
    assert dm.Dataset.detect(root) == dm.Dataset.detect(root / "1.zip") == "image_zip"


def test_names(tmp_path: Path):
    names = ("b/a.png", "a.jpg", "a.png", "notes.txt", "__MACOSX/a.png", ".x.png", "folder/")
    archive(tmp_path / "in/deep/x.ZIP", *((name, PNG) for name in names))
    found = read(tmp_path, "image_zip", subset="train")
    assert [(i.id, i.subset) for i in found] == [
        ("a", "train"),
        ("a.png", "train"),
        ("b/a", "train"),
    ]


@pytest.mark.parametrize("method", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_images_are_unpacked_when_they_are_looked_at(tmp_path: Path, method: int):
    path = archive(tmp_path / "a.zip", ("a.png", PNG), ("b.png", b""), method=method)
    found = read(path, "image_zip")
    media = found.get("a").media
    assert media.bytes == pickle.loads(pickle.dumps(media)).bytes == PNG
    assert found.get("b").media.bytes == b""
    archive(path, ("other.png", PNG))
    with pytest.raises(MediaError, match=r"a\.zip.*'a.png'.*was changed since it was read"):
        _ = media.bytes
    path.unlink()
    with pytest.raises(MediaError, match="No such file"):
        _ = media.bytes


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match=r"no \*\.zip"):
        read(make(tmp_path, {"x.txt": ""}), "image_zip")


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "a/../../b.png", "C:\\a.png"])
def test_names_that_climb_out(tmp_path: Path, name: str):
    path = archive(tmp_path / "a.zip", (name, PNG), ("b.png", PNG))
    with pytest.raises(MalformedFileError, match="it leads outside; expected a name inside"):
        read(path, "image_zip")
    assert [i.id for i in read(path, "image_zip", error_policy="skip")] == ["b"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_occur_twice(tmp_path: Path):
    path = archive(tmp_path / "a.zip", ("a.png", PNG), ("a.png", b"other"))
    with pytest.raises(RepeatedItemError, match=r"a\.zip: byte \d+: item id 'a' a second time"):
        read(path, "image_zip")
    (item,) = read(path, "image_zip", error_policy="skip")
    assert item.media.bytes == PNG
    archive(tmp_path / "b.zip", ("a.jpg", PNG))
    archive(path, ("a.png", PNG))
    with pytest.raises(RepeatedItemError):
        read(tmp_path, "image_zip")


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    zeros = bytes(1 << 20)
    path = archive(tmp_path / "a.zip", ("a.png", zeros), method=zipfile.ZIP_DEFLATED)
    assert len(read(path, "image_zip")) == 1  # small bombs are none
    monkeypatch.setattr(zipped_files, "MAX_TOTAL", 1 << 19)
    with pytest.raises(MalformedFileError, match=r"bytes that become 1048576; expected at most"):
        read(path, "image_zip")
    monkeypatch.setattr(zipped_files, "MAX_RATIO", 1 << 20)
    monkeypatch.setattr(zipped_files, "MAX_ENTRY", 1 << 19)
    with pytest.raises(MalformedFileError, match=r"file 'a.png': 1048576 bytes; expected at most"):
        read(path, "image_zip")


@pytest.mark.parametrize("method", list(COMPRESSIONS.values())[1:], ids=list(COMPRESSIONS)[1:])
def test_files_that_are_larger_than_they_say(tmp_path: Path, method: int):
    """No more is unpacked than the archive says, and that is an error."""
    path = archive(tmp_path / "a.zip", ("a.png", bytes(1 << 22)), method=method)
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 1 << 22), struct.pack("<I", 100)))
    (file,) = list_archive(path)
    assert file.size == 100
    with pytest.raises(MediaError, match="its size or check sum is not what the archive says"):
        file()


def test_encrypted_files(tmp_path: Path):
    path = archive(tmp_path / "a.zip", ("a.png", PNG))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(MalformedFileError, match=r"a\.zip: file 'a.png': it is encrypted;"):
        read(path, "image_zip")


def test_compression_that_is_not_known(tmp_path: Path):
    path = archive(tmp_path / "a.zip", ("a.png", PNG))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 10] = 99
    path.write_bytes(data)
    with pytest.raises(MalformedFileError, match=r"a\.zip: (file 'a.png': compression 99|.*99)"):
        read(path, "image_zip")


def test_a_thousand_damaged_archives(tmp_path: Path):
    entries = [(f"{name}.png", PNG) for name in "abc"]
    path = archive(tmp_path / "a.zip", *entries, method=zipfile.ZIP_DEFLATED)
    whole = path.read_bytes()
    source = random.Random(5)
    for number in range(1000):
        damaged = bytearray(whole)
        if number % 4:
            for _ in range(number % 4):
                damaged[source.randrange(len(damaged))] = source.randrange(256)
        else:
            del damaged[source.randrange(len(damaged)) :]
        path.write_bytes(damaged)
        try:
            found = list(read(path, "image_zip"))
        except (DatasetImportError, RepeatedItemError) as error:
            assert "a.zip" in str(error)
            continue
        for item in found:
            try:
                assert item.media.bytes == PNG
            except MediaError as error:
                assert "a.zip" in str(error)


# --- writing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_round_trip(tmp_path: Path, compression: str):
    sent = images(*ODD_IDS)
    sent.export(tmp_path, "image_zip", compression=compression, name="all.zip")
    assert [p.name for p in tmp_path.iterdir()] == ["all.zip"]
    received = read(tmp_path, "image_zip")
    assert sorted(i.id for i in received) == sorted(ODD_IDS)
    for item in sent:
        assert np.array_equal(received.get(item.id).media.data, item.media.data)
    with zipfile.ZipFile(tmp_path / "all.zip") as file:
        assert file.testzip() is None
        assert {e.compress_type for e in file.infolist()} == {COMPRESSIONS[compression]}


def test_the_same_file_every_time(tmp_path: Path):
    for name in "ab":
        images("x", "y").export(tmp_path / name, "image_zip")
    first, second = ((tmp_path / name / "default.zip").read_bytes() for name in "ab")
    assert first == second


def test_archives_are_written_from_archives(tmp_path: Path):
    archive(tmp_path / "a/x.zip", ("a.jpg", PNG), method=zipfile.ZIP_DEFLATED)
    read(tmp_path / "a", "image_zip").export(tmp_path / "b", "image_zip")
    with zipfile.ZipFile(tmp_path / "b/default.zip") as file:
        assert file.read("a.jpg") == PNG  # as they are


def test_two_images_of_one_name(tmp_path: Path):
    sent = images("a", subset="x")
    sent.put(dm.DatasetItem("a", subset="y", media=image(shade=9)))
    with pytest.raises(DatasetExportError, match=r"two images would both be 'a.png' in the"):
        sent.export(tmp_path / "out", "image_zip")
    path = make(tmp_path, {"a.png": PNG}) / "a.png"
    items = [dm.DatasetItem("a", subset=s, media=Image.from_file(path)) for s in "xy"]
    dm.Dataset.from_iterable(items).export(tmp_path / "one", "image_zip")
    assert len(read(tmp_path / "one", "image_zip")) == 1


@pytest.mark.parametrize("name", ["", "a", "a/b.zip", "..\\x.zip", "/x.zip"])
def test_names_of_archives(tmp_path: Path, name: str):
    with pytest.raises(UnsupportedContentError, match="expected a name without folders"):
        images("a").export(tmp_path / "out", "image_zip", name=name)
    assert not (tmp_path / "out").exists()


def test_other_errors(tmp_path: Path):
    with pytest.raises(UnknownOptionError, match="expected one of ZIP_STORED"):
        images("a").export(tmp_path / "out", "image_zip", compression="best")
    cloud = dm.DatasetItem("a", media=PointCloud.from_bytes(b"x"))
    with pytest.raises(MediaTypeError):
        dm.Dataset.from_iterable([cloud], media_type=PointCloud).export(tmp_path / "o", "image_zip")


@pytest.mark.parametrize("kind", NO_IMAGES)
def test_media_that_are_no_images_are_left_out(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
):
    make(tmp_path, {"a.mp4": "video", "a.pcd": "points"})
    items = [
        dm.DatasetItem("x", media=image()),
        dm.DatasetItem("y", media=NO_IMAGES[kind](tmp_path)),
        dm.DatasetItem("z", media=NO_IMAGES[kind](tmp_path)),
    ]
    mixed = dm.Dataset.from_iterable(items, media_type=MediaElement)
    mixed.export(tmp_path / "out", "image_zip")
    assert "image_zip cannot hold 2 media that are no images (first: item 'y')" in caplog.text
    with zipfile.ZipFile(tmp_path / "out/default.zip") as file:
        assert file.namelist() == ["x.png"]
    assert [item.id for item in read(tmp_path / "out", "image_zip")] == ["x"]


def test_images_made_of_others_are_saved(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    av = pytest.importorskip("av")
    pixels = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("ffv1", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for n in range(3):
            frame = np.full((48, 64, 3), 50 * n, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode(None))
    whole = Image.from_numpy(pixels)
    media = {
        "frame": VideoFrame(Video(tmp_path / "a.avi"), 2),
        "region": RoIImage.from_image(whole, (1, 2, 3, 4)),
        "mosaic": MosaicImage.from_image_roi_pairs([(whole, (0, 0, 8, 8))], (8, 8)),
    }
    items = [dm.DatasetItem(name, media=medium) for name, medium in media.items()]
    sent = dm.Dataset.from_iterable(items, media_type=MediaElement)
    sent.export(tmp_path / "out", "image_zip", image_ext=".png")
    assert "cannot hold" not in caplog.text
    received = read(tmp_path / "out", "image_zip")
    assert {item.id for item in received} == {*media}
    for item in received:
        assert np.array_equal(item.media.data, media[item.id].data)


@given(contents=st.dictionaries(st.text("abc./ ", min_size=1, max_size=8), st.binary(max_size=9)))
def test_any_names_and_contents(
    tmp_path_factory: pytest.TempPathFactory, contents: dict[str, bytes]
):
    entries = [(f"{name}.png", data) for name, data in contents.items()]
    path = archive(tmp_path_factory.mktemp("zip") / "a.zip", *entries)
    files = {file.name: file() for file in list_archive(path)}
    assert files == dict(entries)


# --- detection ----------------------------------------------------------------------------------


def test_detection(tmp_path: Path):
    path = archive(tmp_path / "a/a.zip", ("a.png", PNG))
    assert detect(path, "image_zip") == detect(tmp_path / "a", "image_zip") == Confidence.LOW
    assert "it has folders ('a')" in str(detect(tmp_path, "image_zip"))
    archive(path, ("a.png", PNG), ("b.json", b"{}"))
    assert "holds 'b.json', which is no image: unpack it" in str(detect(path, "image_zip"))
    path.write_bytes(b"x")
    assert "does not begin as a ZIP archive" in str(detect(path, "image_zip"))
    make(tmp_path, {"a/x.txt": "", "b/.x": ""})
    assert "'x.txt' is not called *.zip" in str(detect(tmp_path / "a", "image_zip"))
    assert "there are no archives" in str(detect(tmp_path / "b", "image_zip"))
