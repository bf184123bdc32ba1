"""Encrypted data sets: what goes through them, keys, and what is noticed of changes."""

from __future__ import annotations

import importlib.util
import logging
import pickle
import shutil
import stat
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import datumaro as dm
from datumaro.crypto import Cipher, generate_key, seal_of
from datumaro.errors import (
    DamagedTokenError,
    DatasetExportError,
    DatasetImportError,
    DatumaroError,
    EncryptionError,
    EncryptionKeyError,
    MissingKeyError,
    SuperfluousKeyError,
    UnknownOptionError,
    WrongKeyError,
)
from datumaro.formats.datumaro_binary import writing
from datumaro.model.image_annotation import DepthAnnotation
from datumaro.model.media import (
    Image,
    MediaElement,
    MultiframeImage,
    PointCloud,
    Video,
    VideoFrame,
)

KEY = generate_key()
OTHER = generate_key()
BINARY = "datumaro_binary"
ROOT = Path(__file__).resolve().parents[2]


def pixels(value: int) -> np.ndarray:
    return np.full((4, 6, 3), value, np.uint8)


def images(*ids: str, subset: str = "train", **more: Any) -> list[dm.DatasetItem]:
    """Items with a box and a picture of one colour, in memory."""
    return [
        dm.DatasetItem(
            item_id,
            subset=subset,
            media=Image.from_numpy(data=pixels(10 * number), ext=".png"),
            annotations=[dm.Bbox(1, 2, 3, 4, label=0, attributes={"secret": f"box of {item_id}"})],
            **more,
        )
        for number, item_id in enumerate(ids)
    ]


def dataset(*items: dm.DatasetItem, media_type: type[MediaElement] = Image) -> dm.Dataset:
    items = items or tuple(images("a", "b") + images("c", subset="val"))
    return dm.Dataset.from_iterable(items, categories=["cat"], media_type=media_type)


@pytest.fixture
def encrypted(tmp_path: Path) -> Path:
    """Three images in two subsets, encrypted with KEY."""
    folder = tmp_path / "encrypted"
    dataset().export(folder, BINARY, save_media=True, encryption_key=KEY)
    return folder


def read(folder: Path, **options: Any) -> dm.Dataset:
    return dm.Dataset.import_from(folder, BINARY, **({"encryption_key": KEY} | options))


def brightness(item: dm.DatasetItem) -> int:
    return int(item.media.data[0, 0, 0])


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# --- what goes through --------------------------------------------------------------------------


def test_nothing_is_readable_without_the_key(encrypted: Path):
    found = files(encrypted)
    assert set(found) == {
        "annotations/train.datum",
        "annotations/val.datum",
        "images/train/a.png",
        "images/train/b.png",
        "images/val/c.png",
    }
    for name, data in found.items():
        assert b"box of" not in data and b'"cat"' not in data and b"\x89PNG" not in data, name


def test_annotations_and_images_come_back(encrypted: Path):
    back = read(encrypted)
    assert [(item.id, item.subset, brightness(item)) for item in back] == [
        ("a", "train", 0),
        ("b", "train", 10),
        ("c", "val", 0),
    ]
    item = back.get("b", "train")
    assert item.annotations == [dm.Bbox(1, 2, 3, 4, label=0, attributes={"secret": "box of b"})]
    assert item.media.bytes.startswith(b"\x89PNG")
    assert item.media.is_encrypted
    assert item.media.path == str(encrypted / "images/train/b.png")
    assert item.media.from_self(size=None).size == (4, 6)
    assert not (encrypted / "secret_key.txt").exists(), "the caller has the key"


def test_media_are_opened_when_they_are_looked_at(encrypted: Path):
    item = read(encrypted).get("a", "train")
    (encrypted / "images/train/a.png").unlink()
    assert not item.media.has_data
    assert item.media.data is None


def test_an_item_keeps_what_opens_its_media_wherever_it_goes(encrypted: Path):
    back = read(encrypted)
    moved = dm.Dataset.from_iterable([back.get("b", "train").wrap(id="x")], categories=["cat"])
    moved.put(back.get("a", "train"))
    assert [brightness(item) for item in moved] == [10, 0]
    assert [brightness(item) for item in dm.Dataset(moved.content())] == [10, 0]
    assert [brightness(item) for item in back.get_subset("train").as_dataset()] == [0, 10]
    assert [brightness(item) for item in back.select(lambda item: item.id == "b")] == [10]
    back.remove("a", "train")
    back.get("b", "train").attributes["changed"] = 1
    assert [brightness(item) for item in back.clone()] == [10, 0]
    assert brightness(pickle.loads(pickle.dumps(back.get("b", "train")))) == 10


@pytest.mark.parametrize("format_name", ["coco", "datumaro", "voc", BINARY])
def test_other_formats_get_plain_media(encrypted: Path, tmp_path: Path, format_name: str):
    out = tmp_path / "out"
    read(encrypted).export(out, format_name, save_media=True)
    pictures = {name: data for name, data in files(out).items() if name.endswith("png")}
    assert len(pictures) == 3
    assert all(data.startswith(b"\x89PNG") for data in pictures.values())
    back = dm.Dataset.import_from(out, format_name)
    assert sorted(brightness(item) for item in back) == [0, 0, 10]


def test_image_dir_gets_plain_media(encrypted: Path, tmp_path: Path):
    read(encrypted).export(tmp_path / "out", "image_dir", save_media=True)
    assert brightness(dm.Dataset.import_from(tmp_path / "out", "image_dir").get("b")) == 10


def test_encoding_anew_decrypts_first(encrypted: Path, tmp_path: Path):
    read(encrypted).export(tmp_path / "out", "coco", save_media=True, image_ext=".bmp")
    assert all(data[:2] == b"BM" for n, data in files(tmp_path / "out").items() if "bmp" in n)


def test_an_encrypted_data_set_is_encrypted_anew_with_another_key(encrypted: Path, tmp_path: Path):
    out = tmp_path / "out"
    read(encrypted).export(out, BINARY, save_media=True, encryption_key=OTHER)
    assert [brightness(item) for item in read(out, encryption_key=OTHER)] == [0, 10, 0]
    with pytest.raises(WrongKeyError):
        read(out)


def test_without_media_the_files_stay_and_it_is_said(
    encrypted: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    read(encrypted).export(tmp_path / "out", "datumaro")
    assert "3 media are in encrypted files" in caplog.text


def test_annotations_alone_may_be_encrypted(tmp_path: Path):
    dataset().export(
        tmp_path, BINARY, save_media=True, encryption_key=KEY, no_media_encryption=True
    )
    assert (tmp_path / "images/train/a.png").read_bytes().startswith(b"\x89PNG")
    back = read(tmp_path)
    assert [brightness(item) for item in back] == [0, 10, 0]
    assert not back.get("a", "train").media.is_encrypted
    with pytest.raises(MissingKeyError):
        read(tmp_path, encryption_key=None)


def test_blobs_of_many_items_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "BLOB_SIZE", 300)
    source = dataset(*(dm.DatasetItem(str(i), attributes={"n": i}) for i in range(100)))
    source.export(tmp_path, BINARY, encryption_key=KEY)
    assert [item.attributes["n"] for item in read(tmp_path)] == list(range(100))


def test_an_empty_data_set(tmp_path: Path):
    dm.Dataset.from_iterable([]).export(tmp_path, BINARY, encryption=True, save_media=True)
    assert len(read(tmp_path, encryption_key=None, key_file=tmp_path / "secret_key.txt")) == 0


# --- other media than images ----------------------------------------------------------------------


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "cloud.pcd").write_bytes(b"points in space")
    for number, name in enumerate(("left.png", "right.png")):
        Image.from_numpy(data=pixels(50 + number)).save(folder / name)
    return folder


def plain_files(folder: Path) -> list[str]:
    """Media files that are no tokens."""
    return [n for n, d in files(folder).items() if "annotations" not in n and not seal_of(d)]


def test_point_clouds_and_their_images_are_encrypted(tmp_path: Path, sources: Path):
    pictures = [Image.from_file(sources / name) for name in ("left.png", "right.png")]
    cloud = PointCloud.from_file(sources / "cloud.pcd", pictures)
    source = dataset(dm.DatasetItem("x", media=cloud), media_type=PointCloud)
    source.export(tmp_path / "out", BINARY, save_media=True, encryption_key=KEY)
    assert len(files(tmp_path / "out")) == 4
    assert not plain_files(tmp_path / "out")
    back = read(tmp_path / "out")
    media = back.get("x").media
    assert media.data == b"points in space"
    assert [int(image.data[0, 0, 0]) for image in media.extra_images] == [50, 51]
    back.export(tmp_path / "plain", "datumaro", save_media=True)
    media = dm.Dataset.import_from(tmp_path / "plain", "datumaro").get("x").media
    assert media.data == b"points in space"
    assert [int(image.data[0, 0, 0]) for image in media.extra_images] == [50, 51]


@pytest.fixture
def clip(sources: Path) -> Path:
    """A video of four frames, each of one brightness."""
    av = pytest.importorskip("av")
    path = sources / "clip.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for i in range(4):
            frame = np.full((48, 64, 3), 20 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def test_videos_are_encrypted_and_decoded_in_memory(tmp_path: Path, clip: Path):
    source = dataset(dm.DatasetItem("v", media=Video(clip, step=2)), media_type=Video)
    source.export(tmp_path / "out", BINARY, save_media=True, encryption_key=KEY)
    assert not plain_files(tmp_path / "out")
    back = read(tmp_path / "out")
    video = back.get("v").media
    assert [(frame.index, int(frame.data[0, 0, 0])) for frame in video] == [(0, 0), (2, 40)]
    assert video.bytes == clip.read_bytes()
    back.export(tmp_path / "plain", "datumaro", save_media=True)
    assert (tmp_path / "plain/videos/default/clip.avi").read_bytes() == clip.read_bytes()
    back.export(tmp_path / "again", BINARY, save_media=True)
    assert (tmp_path / "again/videos/default/clip.avi").read_bytes() == clip.read_bytes()


def test_frames_of_videos_too(tmp_path: Path, clip: Path):
    video = Video(clip, start_frame=1)
    items = [dm.DatasetItem(str(i), media=VideoFrame(video, i)) for i in (3, 1)]
    source = dataset(*items, media_type=VideoFrame)
    source.export(tmp_path / "out", BINARY, save_media=True, encryption_key=KEY)
    assert not plain_files(tmp_path / "out")
    back = read(tmp_path / "out")
    assert [(i.id, i.media.video.start_frame, brightness(i)) for i in back] == [
        ("3", 1, 60),
        ("1", 1, 20),
    ]
    back.export(tmp_path / "again", BINARY, save_media=True, encryption_key=OTHER)
    again = read(tmp_path / "again", encryption_key=OTHER)
    assert [(i.media.video.start_frame, brightness(i)) for i in again] == [(1, 60), (1, 20)]


def test_frames_and_images_of_annotations_too(tmp_path: Path, sources: Path):
    frames = MultiframeImage([sources / "left.png", sources / "right.png"])
    depth = DepthAnnotation(Image.from_file(sources / "right.png"))
    item = dm.DatasetItem("m", media=frames, annotations=[depth])
    source = dataset(item, media_type=MultiframeImage)
    source.export(tmp_path / "out", BINARY, save_media=True, encryption_key=KEY)
    assert not plain_files(tmp_path / "out")
    shutil.rmtree(sources)
    back = read(tmp_path / "out")
    back.export(tmp_path / "again", BINARY, save_media=True, encryption_key=OTHER)
    for item in (back.get("m"), read(tmp_path / "again", encryption_key=OTHER).get("m")):
        assert [int(image.data[0, 0, 0]) for image in item.media.data] == [50, 51]
        assert int(item.annotations[0].image.data[0, 0, 0]) == 51


# --- the key: where it is written -----------------------------------------------------------------


def test_a_fresh_key_is_written_into_the_data_set_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    dataset().export(tmp_path, BINARY, save_media=True, encryption=True)
    path = tmp_path / "secret_key.txt"
    key = path.read_text()
    assert len(path.read_bytes()) == 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (record,) = [r for r in caplog.records if "key" in r.getMessage()]
    assert record.levelno == logging.WARNING
    assert "secret_key.txt" in record.getMessage() and "Move it" in record.getMessage()
    assert key[6:] not in caplog.text
    with pytest.raises(MissingKeyError, match=r"--key-file FILE .such as .*secret_key\.txt"):
        read(tmp_path, encryption_key=None)
    assert len(read(tmp_path, encryption_key=None, key_file=path)) == 3


def test_a_key_file_is_written_outside(tmp_path: Path):
    path = tmp_path / "my.key"
    dataset().export(tmp_path / "out", BINARY, key_file=path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not (tmp_path / "out/secret_key.txt").exists()
    assert len(read(tmp_path / "out", encryption_key=path.read_text())) == 3


def test_the_key_in_an_existing_file_is_used(tmp_path: Path):
    path = tmp_path / "my.key"
    path.write_text(KEY)
    dataset().export(tmp_path / "out", BINARY, key_file=path)
    assert len(read(tmp_path / "out")) == 3
    with pytest.raises(EncryptionKeyError, match="holds another key than the one given"):
        dataset().export(tmp_path / "out", BINARY, key_file=path, encryption_key=OTHER)
    path.write_text("something else")
    with pytest.raises(EncryptionKeyError, match="holds no key"):
        dataset().export(tmp_path / "out", BINARY, key_file=path)
    assert path.read_text() == "something else"


def test_a_failed_export_leaves_no_key_file(tmp_path: Path):
    broken = Image.from_bytes(data=b"no image", ext=".jpg")
    source = dataset(dm.DatasetItem("x", media=broken))
    with pytest.raises(DatasetExportError):
        source.export(tmp_path / "out", BINARY, key_file=tmp_path / "k", save_media=True,
                      image_ext=".png")  # fmt: skip
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"encryption_key": "datum-short"}, EncryptionKeyError, "has 11 characters"),
        ({"encryption_key": ""}, EncryptionKeyError, "does not begin so"),
        ({"no_media_encryption": True}, EncryptionError, "nothing is to be encrypted"),
        ({"encryption": True, "compatible_with": "1.13"}, EncryptionError, "since 1.12"),
        ({"key_file": "no/such/folder/key"}, EncryptionKeyError, "cannot be written: No such"),
    ],
)
def test_options_that_contradict_write_nothing(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        dataset().export(tmp_path / "out", BINARY, **options)
    assert list(tmp_path.iterdir()) == []


# --- the key: where it is read from ---------------------------------------------------------------


def test_the_environment_may_have_the_key(encrypted: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", KEY)
    assert len(read(encrypted, encryption_key=None)) == 3
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", OTHER)
    with pytest.raises(WrongKeyError):
        read(encrypted, encryption_key=None)
    assert len(read(encrypted)) == 3, "what is given comes first"
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", "x")
    with pytest.raises(EncryptionKeyError, match="variable DATUMARO_ENCRYPTION_KEY: the"):
        read(encrypted, encryption_key=None)
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", "")
    with pytest.raises(MissingKeyError):
        read(encrypted, encryption_key=None)


def test_a_key_in_the_environment_is_no_matter_for_plain_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", "anything")
    dataset().export(tmp_path, BINARY)
    assert len(read(tmp_path, encryption_key=None)) == 3


def test_wrong_missing_superfluous_and_malformed_keys_are_told_apart(
    encrypted: Path, tmp_path: Path
):
    dataset().export(tmp_path / "plain", BINARY)
    cases: list[tuple[Path, dict[str, Any], type[DatumaroError]]] = [
        (encrypted, {"encryption_key": None}, MissingKeyError),
        (encrypted, {"encryption_key": OTHER}, WrongKeyError),
        (encrypted, {"encryption_key": KEY[:-1]}, EncryptionKeyError),
        (encrypted, {"key_file": "also"}, EncryptionKeyError),
        (encrypted, {"encryption_key": None, "key_file": "nowhere"}, EncryptionKeyError),
        (tmp_path / "plain", {}, SuperfluousKeyError),
    ]
    for folder, options, error in cases:
        with pytest.raises(error) as caught:
            read(folder, **options)
        assert type(caught.value) is error
        shown = repr(caught.value) + str(caught.value)
        assert KEY[6:] not in shown and OTHER[6:] not in shown
        if error is not EncryptionKeyError:
            assert isinstance(caught.value, DatasetImportError)
            assert ".datum: " in shown


def test_formats_without_encryption_have_no_key(tmp_path: Path):
    with pytest.raises(UnknownOptionError) as caught:
        dataset().export(tmp_path / "out", "coco", encryption_key=KEY)
    assert KEY[6:] not in str(caught.value)


def test_a_data_set_keeps_its_key_hidden_and_uses_it(encrypted: Path, tmp_path: Path):
    back = read(encrypted)
    assert KEY[6:] not in f"{back!r} {back.options!r} {back.get('a', 'train')!r}"
    back.get("a", "train").annotations[0].label = None
    back.save()
    again = read(encrypted)
    assert again.get("a", "train").annotations[0].label is None
    assert [brightness(item) for item in again] == [0, 10, 0]
    assert not plain_files(encrypted)
    assert not (encrypted / "secret_key.txt").exists()


def test_options_do_not_show_the_key():
    from datumaro.formats.datumaro_binary.format import (
        DatumaroBinaryReadOptions,
        DatumaroBinaryWriteOptions,
    )

    for kind in (DatumaroBinaryReadOptions, DatumaroBinaryWriteOptions):
        assert KEY[6:] not in repr(kind(encryption_key=KEY))


# --- changes are noticed --------------------------------------------------------------------------


def look_at_all(folder: Path) -> None:
    for item in read(folder):
        _ = item.annotations, item.media.data


def damaged(data: bytes, at: int, how: str) -> bytes:
    if how == "changed":
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    return (
        data[:at]
        + (b"" if how == "removed" else data[at : at + 1])
        + data[at + (how == "removed") :]
    )


@pytest.mark.parametrize("how", ["changed", "removed", "inserted"])
@pytest.mark.parametrize("name", ["annotations/train.datum", "images/train/b.png"])
def test_any_byte_that_is_changed_is_noticed_and_the_file_named(
    encrypted: Path, name: str, how: str
):
    path = encrypted / name
    whole = path.read_bytes()
    for at in range(0, len(whole), 7 if "datum" in name else 1):
        path.write_bytes(damaged(whole, at, how))
        with pytest.raises(DatasetImportError) as caught:
            look_at_all(encrypted)
        assert path.name in str(caught.value)
    path.write_bytes(whole)
    look_at_all(encrypted)


def exchange(a: Path, b: Path) -> None:
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)


def assert_noticed(folder: Path, match: str) -> None:
    with pytest.raises(DamagedTokenError, match=match) as caught:
        look_at_all(folder)
    assert str(folder) in str(caught.value)


def test_exchanged_media_are_noticed(encrypted: Path):
    exchange(encrypted / "images/train/a.png", encrypted / "images/train/b.png")
    assert_noticed(encrypted, r"a\.png.*exchanged")


def test_exchanged_subsets_are_noticed(encrypted: Path):
    exchange(encrypted / "annotations/train.datum", encrypted / "annotations/val.datum")
    assert_noticed(encrypted, r"was written as subset")


def test_removed_and_added_subsets_are_noticed(encrypted: Path, tmp_path: Path):
    val = encrypted / "annotations/val.datum"
    data = val.read_bytes()
    val.unlink()
    assert_noticed(encrypted, "the file of subset 'val' was removed")
    dataset(*images("z", subset="val")).export(tmp_path / "other", BINARY, encryption_key=KEY)
    shutil.copy(tmp_path / "other/annotations/val.datum", val)
    assert_noticed(encrypted, "val.datum: it is not of the export")
    val.write_bytes(data)
    dataset(*images("z", subset="more")).export(tmp_path / "more", BINARY)
    shutil.copy(tmp_path / "more/annotations/more.datum", encrypted / "annotations")
    assert_noticed(encrypted, "more.datum: the file is not encrypted")


def test_one_file_may_be_read_alone(encrypted: Path):
    assert len(read(encrypted / "annotations/val.datum")) == 1


def test_media_of_another_export_are_noticed(encrypted: Path, tmp_path: Path):
    dataset().export(tmp_path / "other", BINARY, save_media=True, encryption_key=KEY)
    shutil.copy(tmp_path / "other/images/train/a.png", encrypted / "images/train/a.png")
    assert_noticed(encrypted, r"a\.png")


def test_plain_media_in_place_of_encrypted_are_noticed(encrypted: Path):
    Image.from_numpy(data=pixels(99)).save(encrypted / "images/train/a.png")
    assert_noticed(encrypted, r"a\.png.*not an encryption token")


def parts_of(data: bytes) -> tuple[list[bytes], bytes]:
    """The parts after the signature, and the rest from the blobs on."""
    parts, at = [], 25
    for _ in range(6):
        size = int.from_bytes(data[at : at + 4], "little")
        parts.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return parts, data[at:]


def joined(parts: list[bytes], rest: bytes) -> bytes:
    sized = (len(part).to_bytes(4, "little") + part for part in parts)
    return b"signature:datumaro_binary" + b"".join(sized) + rest


def blobs_of(parts: list[bytes], rest: bytes) -> tuple[list[bytes], bytes]:
    sizes = np.frombuffer(Cipher(KEY).decrypt(parts[5]), "<i4")[1:]
    ends = np.cumsum([0, *sizes])
    return [rest[a:b] for a, b in pairwise(ends)], rest[ends[-1] :]


@pytest.fixture
def many_blobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of blobs of one size."""
    monkeypatch.setattr(writing, "BLOB_SIZE", 1)
    dataset(*(dm.DatasetItem(str(i), subset="s") for i in range(5))).export(
        tmp_path, BINARY, encryption_key=KEY
    )
    return tmp_path / "annotations/s.datum"


def test_exchanged_blobs_are_noticed(many_blobs: Path):
    parts, rest = parts_of(many_blobs.read_bytes())
    blobs, extension = blobs_of(parts, rest)
    assert len(blobs) == 5
    blobs[1], blobs[3] = blobs[3], blobs[1]
    many_blobs.write_bytes(joined(parts, b"".join(blobs) + extension))
    assert_noticed(many_blobs.parent.parent, "s.datum: blob 1: it is whole, but not what was")


def test_parts_of_another_file_are_noticed(many_blobs: Path, tmp_path: Path):
    source = dm.Dataset.from_iterable(
        [dm.DatasetItem(str(i), subset="s") for i in range(5)], categories=["other"]
    )
    source.export(tmp_path / "other", BINARY, encryption_key=KEY)
    mine, rest = parts_of(many_blobs.read_bytes())
    theirs, other_rest = parts_of((tmp_path / "other/annotations/s.datum").read_bytes())
    for part in (2, 3, 5):  # infos, categories, sizes of blobs
        parts = [*mine]
        parts[part] = theirs[part]
        many_blobs.write_bytes(joined(parts, rest))
        assert_noticed(tmp_path, "s.datum: parts of it are whole but not what was written here")
    extension = blobs_of(mine, rest)[1]
    assert extension.startswith(b"datumaro:extension")
    for other in (b"", blobs_of(theirs, other_rest)[1]):
        many_blobs.write_bytes(joined(mine, rest[: -len(extension)] + other))
        assert_noticed(tmp_path, "its extension is not that which was written here")


def test_a_changed_version_header_is_noticed(encrypted: Path):
    path = encrypted / "annotations/val.datum"
    data = path.read_bytes()
    for new in (b'"media_encryptiom":true', b'"media_encryption":fals'):
        path.write_bytes(data.replace(b'"media_encryption":true', new))
        with pytest.raises(DatasetImportError, match=r"val\.datum"):
            look_at_all(encrypted)
    parts, rest = parts_of(data)
    text = b'{"dm_format_version":"1.0","media_encryption":false}'
    parts[0] = len(text).to_bytes(4, "little") + text
    path.write_bytes(joined(parts, rest))
    assert_noticed(encrypted, "val.datum: its version header was changed")


def test_records_that_are_wrong_before_encryption_are_told_by_blob(many_blobs: Path):
    parts, rest = parts_of(many_blobs.read_bytes())
    blobs, _ = blobs_of(parts, rest)
    record = bytearray(Cipher(KEY).decrypt(blobs[0]))
    record[0] = 200  # the length of the id
    token = Cipher(KEY).encrypt(bytes(record))
    header = Cipher(KEY).encrypt(b'\x10\0\0\0{"media_type":2}')  # as the published package has it
    parts[4] = header
    many_blobs.write_bytes(joined(parts, token + b"".join(blobs[1:])))
    with pytest.raises(DatasetImportError, match=r"s\.datum: blob 0, decrypted, byte 0"):
        read(many_blobs.parent.parent)


@pytest.mark.parametrize("storage", ["records", "parquet"])
def test_changes_of_all_kinds_of_files_are_noticed(tmp_path: Path, storage: str):
    spec = importlib.util.spec_from_file_location("tamper", ROOT / "bench" / "tamper.py")
    assert spec is not None and spec.loader is not None
    tamper = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tamper)
    noticed, unnoticed = tamper.run(96, 5, tmp_path, storage)
    assert not unnoticed
    assert (noticed.total(), len(noticed)) == (96, 16)
