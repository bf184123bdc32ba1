"""Encrypted media of Parquet storage: of all kinds, in part, and what is noticed of changes."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import datumaro as dm
from datumaro import sealed_files
from datumaro.crypto import generate_key
from datumaro.errors import DamagedTokenError, MalformedFileError, MissingKeyError
from datumaro.model.media import (
    Image,
    MediaElement,
    MultiframeImage,
    PointCloud,
    Video,
    VideoFrame,
)
from datumaro.sealed_files import HEADER, SealedFiles
from videos import write_video

KEY = generate_key()
BINARY = "datumaro_binary"
CHUNK = 1 << sealed_files.CHUNK_BITS


def export(folder: Path, *items: dm.DatasetItem, **options: Any) -> Path:
    data = dm.Dataset.from_iterable(items, media_type=MediaElement)
    given = {"save_media": True, "storage": "parquet", "encryption_key": KEY}
    data.export(folder, BINARY, **(given | options))
    return folder


def read(folder: Path) -> dm.Dataset:
    return dm.Dataset.import_from(folder, BINARY, encryption_key=KEY)


def media_of(folder: Path, item: str = "x") -> Any:
    return read(folder).get(item).media


def media_files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "annotations"
    }


def assert_encrypted(folder: Path, count: int) -> None:
    found = media_files(folder)
    assert len(found) == count
    assert all(data.startswith(b"datum\0\x01\x10") for data in found.values())


def picture(value: int) -> Image:
    return Image.from_numpy(data=np.full((8, 12, 3), value, np.uint8), ext=".png")


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    for number in range(3):
        picture(50 + number).save(tmp_path / f"{number}.png")
    return [tmp_path / f"{number}.png" for number in range(3)]


@pytest.fixture
def cloud(tmp_path: Path) -> Path:
    """A file of several chunks."""
    path = tmp_path / "cloud.pcd"
    path.write_bytes(np.arange(CHUNK, dtype=np.uint32).tobytes() + b"the end")
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A video of 40 frames of noise, each lossless and of a brightness: 170 KB."""
    noise = np.random.default_rng(1).integers(0, 8, (48, 64, 3), np.uint8)
    return write_video(tmp_path / "clip.avi", [noise + np.uint8(6 * i) for i in range(40)])


# --- what goes through --------------------------------------------------------------------------


def test_images_from_files_from_memory_and_encoded_anew(tmp_path: Path, pictures: list[Path]):
    items = [
        dm.DatasetItem("file", media=Image.from_file(pictures[0])),
        dm.DatasetItem("memory", media=picture(20)),
        dm.DatasetItem("bytes", media=Image.from_bytes(pictures[1].read_bytes())),
        dm.DatasetItem("odd/ü", media=Image.from_file(pictures[2])),
    ]
    folder = export(tmp_path / "out", *items)
    assert_encrypted(folder, 4)
    back = read(folder)
    for item in items:
        assert np.array_equal(back.get(item.id).media.data, item.media.data)
    assert back.get("file").media.bytes == pictures[0].read_bytes()
    jpeg = export(tmp_path / "jpeg", *items, image_ext=".jpg")
    assert_encrypted(jpeg, 4)
    assert media_of(jpeg, "file").bytes.startswith(b"\xff\xd8")


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 20 * CHUNK + 5])
def test_files_of_any_size(tmp_path: Path, size: int):
    path = tmp_path / "cloud.pcd"
    path.write_bytes(os.urandom(size))
    folder = export(tmp_path / "out", dm.DatasetItem("x", media=PointCloud.from_file(path)))
    assert_encrypted(folder, 1)
    (stored,) = media_files(folder).values()
    assert len(stored) == sealed_files.sealed_size(size)
    assert media_of(folder).data == path.read_bytes()


def test_point_clouds_and_their_images(tmp_path: Path, cloud: Path, pictures: list[Path]):
    media = PointCloud.from_file(cloud, [Image.from_file(path) for path in pictures])
    folder = export(tmp_path / "out", dm.DatasetItem("x", media=media))
    assert_encrypted(folder, 4)
    back = media_of(folder)
    assert back.data == cloud.read_bytes()
    assert [int(image.data[0, 0, 0]) for image in back.extra_images] == [50, 51, 52]
    read(folder).export(tmp_path / "plain", "datumaro", save_media=True)
    plain = dm.Dataset.import_from(tmp_path / "plain", "datumaro").get("x").media
    assert plain.data == cloud.read_bytes()


def test_frames_of_multi_frame_images(tmp_path: Path, pictures: list[Path]):
    folder = export(tmp_path / "out", dm.DatasetItem("x", media=MultiframeImage(pictures)))
    assert_encrypted(folder, 3)
    assert [int(image.data[0, 0, 0]) for image in media_of(folder).data] == [50, 51, 52]


def test_videos_and_frames_of_them(tmp_path: Path, clip: Path):
    assert clip.stat().st_size > 2 * CHUNK
    items = [
        dm.DatasetItem("v", media=Video(clip, step=13)),
        dm.DatasetItem("f", media=VideoFrame(Video(clip), 33)),
    ]
    folder = export(tmp_path / "out", *items)
    assert_encrypted(folder, 1)
    back = read(folder)
    frames = list(Video(clip, step=13))
    assert list(back.get("v").media) == frames
    assert back.get("v").media.frame_size == (48, 64)
    assert back.get("v").media.count_frames() == (40, 40, None)
    assert np.array_equal(back.get("f").media.data, Video(clip)[33].data)
    assert back.get("v").media.bytes == clip.read_bytes()
    read(folder).export(tmp_path / "again", BINARY, save_media=True, storage="parquet")
    assert (tmp_path / "again/videos/default/clip.avi").read_bytes() == clip.read_bytes()


def test_they_are_encrypted_anew_for_another_data_set(tmp_path: Path, clip: Path):
    folder = export(tmp_path / "out", dm.DatasetItem("x", media=Video(clip)))
    other = generate_key()
    options: dict[str, Any] = {"save_media": True, "storage": "parquet", "encryption_key": other}
    read(folder).export(tmp_path / "again", BINARY, **options)
    assert_encrypted(tmp_path / "again", 1)
    back = dm.Dataset.import_from(tmp_path / "again", BINARY, encryption_key=other)
    assert back.get("x").media.bytes == clip.read_bytes()


def test_storage_records_and_parquet_become_one_another(tmp_path: Path, pictures: list[Path]):
    item = dm.DatasetItem("x", media=Image.from_file(pictures[0]))
    records = export(tmp_path / "records", item, storage="records")
    options: dict[str, Any] = {"save_media": True, "encryption_key": KEY}
    read(records).export(tmp_path / "parquet", BINARY, storage="parquet", **options)
    assert_encrypted(tmp_path / "parquet", 1)
    read(tmp_path / "parquet").export(tmp_path / "back", BINARY, storage="records", **options)
    for name in ("records", "parquet", "back"):
        assert media_of(tmp_path / name).bytes == pictures[0].read_bytes()


def test_a_data_set_may_be_moved(tmp_path: Path, pictures: list[Path]):
    folder = export(tmp_path / "out", dm.DatasetItem("x", media=Image.from_file(pictures[0])))
    shutil.move(folder, tmp_path / "elsewhere")
    assert media_of(tmp_path / "elsewhere").bytes == pictures[0].read_bytes()


# --- in part --------------------------------------------------------------------------------------


@pytest.fixture
def decrypted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the chunks that are decrypted."""
    seen: list[int] = []
    chunk = sealed_files.SealedReader._chunk

    def counted(self: sealed_files.SealedReader, number: int) -> bytes:
        if self._held[0] != number:
            seen.append(number)
        return chunk(self, number)

    monkeypatch.setattr(sealed_files.SealedReader, "_chunk", counted)
    return seen


def test_a_part_of_a_file(tmp_path: Path, cloud: Path, decrypted: list[int]):
    folder = export(tmp_path / "out", dm.DatasetItem("x", media=PointCloud.from_file(cloud)))
    with media_of(folder).open() as file:
        file.seek(-7, os.SEEK_END)
        assert file.read() == b"the end"
        file.seek(CHUNK)
        assert file.read(4) == (CHUNK // 4).to_bytes(4, "little")
    assert decrypted == [4, 1]


def test_an_images_size_needs_its_header_alone(tmp_path: Path, decrypted: list[int]):
    noise = np.random.default_rng(1).integers(0, 256, (200, 300, 3), np.uint8)
    Image.from_numpy(data=noise).save(tmp_path / "noise.png")
    image = Image.from_file(tmp_path / "noise.png")
    folder = export(tmp_path / "out", dm.DatasetItem("x", media=image))
    assert media_of(folder).size == (200, 300)
    assert decrypted == [0]


def test_a_videos_beginning_needs_no_more(tmp_path: Path, decrypted: list[int]):
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    frames = [np.roll(noise, i) for i in range(10)]
    path = write_video(tmp_path / "clip.avi", frames, codec="rawvideo")
    chunks = -(-path.stat().st_size // CHUNK)
    folder = export(tmp_path / "out", dm.DatasetItem("x", media=Video(path)))
    video = media_of(folder)
    assert np.array_equal(video[0].data, noise)
    video.close()
    assert len(set(decrypted)) < chunks / 2, "not the whole video for its first frame"


def test_plain_media_can_be_opened_too(tmp_path: Path, cloud: Path):
    for media in (PointCloud.from_file(cloud), PointCloud.from_bytes(cloud.read_bytes())):
        with media.open() or pytest.fail() as file:
            file.seek(-3, os.SEEK_END)
            assert file.read() == b"end"
    assert PointCloud.from_file(tmp_path / "nothing.pcd").open() is None
    assert Image.from_file(tmp_path / "nothing.png").open() is None


# --- what is noticed ----------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path: Path, pictures: list[Path]) -> Path:
    """A data set of two images in two subsets."""
    items = [
        dm.DatasetItem("x", subset=subset, media=Image.from_file(path))
        for subset, path in zip(("train", "val"), pictures, strict=False)
    ]
    return export(tmp_path / "out", *items)


TRAIN, VAL = "images/train/x.png", "images/val/x.png"


def exchanged(folder: Path) -> None:
    one, other = (folder / name for name in (TRAIN, VAL))
    shutil.copy(other, one)


def of_another_export(folder: Path) -> None:
    again = folder.parent / "again"
    image = Image.from_file(folder.parent / "0.png")
    export(again, dm.DatasetItem("x", subset="train", media=image))
    shutil.copy(again / TRAIN, folder / TRAIN)


def older(folder: Path) -> None:
    """One of the same export and place, with another content."""
    cipher = SealedFiles(media_key(folder))
    with (folder.parent / "2.png").open("rb") as source, (folder / TRAIN).open("wb") as target:
        cipher.encrypt_file(source, target, TRAIN)


def media_key(folder: Path) -> bytes:
    opener = read(folder).get("x", "train").media.as_dict()["cipher"]
    return opener._key


def plain(folder: Path) -> None:
    shutil.copy(folder.parent / "0.png", folder / TRAIN)


def cut(folder: Path) -> None:
    (folder / TRAIN).write_bytes((folder / TRAIN).read_bytes()[:-1])


def emptied(folder: Path) -> None:
    (folder / TRAIN).write_bytes(b"")


def removed(folder: Path) -> None:
    (folder / TRAIN).unlink()


@pytest.mark.parametrize(
    "tamper",
    [exchanged, of_another_export, older, plain, cut, emptied, removed],
    ids=lambda tamper: tamper.__name__,
)
def test_tampering_with_a_file_is_noticed(two: Path, tamper: Callable[[Path], None]):
    tamper(two)
    back = read(two)
    assert back.get("x", "val").media.data is not None
    media = back.get("x", "train").media
    name = re.escape(f"media file '{two / TRAIN}'")
    for look in (lambda: media.data, lambda: media.bytes, lambda: media.size):
        with pytest.raises(DamagedTokenError, match=name):
            look()
    for format_name in ("coco", BINARY):
        with pytest.raises(dm.errors.DatumaroError, match=re.escape(TRAIN)):
            back.export(two.parent / "new", format_name, save_media=True)
        assert not (two.parent / "new").exists()


def test_a_file_that_was_put_there_is_refused(two: Path, tmp_path: Path):
    folder = export(tmp_path / "none", dm.DatasetItem("x", media=Image.from_file("gone.png")))
    assert media_of(folder).data is None, "nothing was there to save"
    target = folder / "images/default/x.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(two / TRAIN, target)
    with pytest.raises(DamagedTokenError, match="put there"):
        _ = media_of(folder).data


def test_a_damaged_header_is_no_image_without_a_size(two: Path):
    """The reader of sizes takes damage for what is no image."""
    data = bytearray((two / TRAIN).read_bytes())
    data[HEADER + 20] ^= 1
    (two / TRAIN).write_bytes(data)
    with pytest.raises(DamagedTokenError, match="changed"):
        _ = read(two).get("x", "train").media.size


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 1.0])
def test_a_damaged_video_is_no_shorter_video(tmp_path: Path, clip: Path, part: float):
    """The decoder takes damage for the end of the file."""
    folder = export(tmp_path / "out", dm.DatasetItem("x", media=Video(clip)))
    path = folder / "videos/default/clip.avi"
    data = bytearray(path.read_bytes())
    data[HEADER + int(part * (len(data) - HEADER - 1))] ^= 1
    path.write_bytes(data)
    for look in (list, Video.count_frames, lambda video: video.bytes):
        with pytest.raises(DamagedTokenError, match=re.escape(str(path))):
            look(media_of(folder))


def test_files_of_before_are_refused_and_it_is_said_why(two: Path):
    path = two / "annotations/encryption.keys"
    line, seal, _ = path.read_bytes().split(b"\n")
    assert json.loads(line)["version"] == 2
    path.write_bytes(line.replace(b'"version":2', b'"version":1') + b"\n" + seal + b"\n")
    with pytest.raises(MalformedFileError, match=r"version 1 .*encrypted otherwise: export"):
        read(two)
    path.write_bytes(line.replace(b'"version":2', b'"version":3') + b"\n" + seal + b"\n")
    with pytest.raises(MalformedFileError, match=r"version 3 .*a newer version"):
        read(two)


def test_without_a_key_nothing_is_opened(two: Path):
    with pytest.raises(MissingKeyError):
        dm.Dataset.import_from(two, BINARY).init_cache()
