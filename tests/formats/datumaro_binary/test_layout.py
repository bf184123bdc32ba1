"""The bytes of `.datum` files: as the format says, and damaged."""

import importlib.util
import struct
import sys
from pathlib import Path

import pytest

from datumaro.errors import DatasetImportError, MalformedFileError
from datumaro.formats.datumaro_binary import extension, writing
from datumaro.model.annotation import AnnotationType as Kind
from datumaro.model.categories import LabelCategories
from datumaro.table.chunk import Content
from formats.datumaro_binary.datum_files import (
    chunk,
    image_item,
    labelled,
    one_file,
    read,
    told,
    u32,
    write,
)

ROOT = Path(__file__).resolve().parents[3]


# --- bytes ----------------------------------------------------------------------------------------


def test_a_file_is_what_the_format_says(tmp_path):
    content = Content(
        [chunk([(image_item("7", "/x/a.jpg", height=4, width=5), [{"type": 1, "label": 0}])])],
        {Kind.label: LabelCategories.from_iterable(["cat"])},
    )
    version = b'{"dm_format_version":"1.0","media_encryption":false}'
    categories = (
        b'{"label":{"labels":[{"name":"cat","parent":"","attributes":[]}],'
        b'"label_groups":[],"attributes":[]}}'
    )
    u32 = struct.Struct("<I").pack
    record = b"".join(
        [
            u32(1) + b"7" + u32(5) + b"train",
            u32(2) + u32(8) + b"/x/a.jpg" + struct.pack("<ii", 4, 5),
            u32(0) + u32(1),
            struct.pack("<Bqqi", 1, 0, 0, -1) + u32(0) + u32(0),
        ]
    )
    assert one_file(write(content, tmp_path)).read_bytes() == b"".join(
        [
            b"signature:datumaro_binary",
            u32(4 + len(version)) + u32(len(version)) + version,
            u32(0),
            u32(4) + u32(0),
            u32(4 + len(categories)) + u32(len(categories)) + categories,
            u32(20) + u32(16) + b'{"media_type":2}',
            u32(8) + u32(1) + u32(len(record)),
            record,
        ]
    )


def test_a_blob_ends_with_the_item_that_overfills_it(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "BLOB_SIZE", 30)
    items = [({"id": str(i), "subset": "s"}, []) for i in range(5)]
    parts = [chunk(items[:3]), chunk(items[3:])]
    path = one_file(write(Content(parts), tmp_path))
    assert struct.pack("<IIiii", 16, 3, 44, 44, 22) in path.read_bytes()
    assert [item["id"] for item, _ in told(read(tmp_path))] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(("version", "number"), [("1.10", 16), ("1.13", 15)])
def test_2d_cuboids_have_the_number_of_the_version(tmp_path, version, number):
    cuboid = {"type": Kind.cuboid_2d, "points": [float(i) for i in range(16)]}
    content = Content([chunk([({"id": "1", "subset": "s"}, [cuboid])])])
    path = one_file(write(content, tmp_path, compatible_with=version))
    assert path.read_bytes()[-101] == number
    assert told(read(tmp_path)) == told(content)


def test_what_a_record_holds_needs_no_extension(tmp_path):
    write(labelled(0, 1), tmp_path)
    assert extension.MAGIC not in one_file(tmp_path).read_bytes()


# --- damage ---------------------------------------------------------------------------------------


def header(version='{"dm_format_version":"1.0","media_encryption":false}', key=b"", infos="",
           categories="", media='{"media_type":2}', sizes=b"\0\0\0\0"):  # fmt: skip
    parts = [version, infos, categories, media]
    version, *rest = (u32(4 + len(p), len(p)) + p.encode() for p in parts)
    file = b"signature:datumaro_binary" + version + u32(len(key)) + key
    return file + b"".join(rest) + u32(len(sizes)) + sizes


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "byte 0: another signature: an empty file"),
        (b"signature:datumaro", "byte 0: another signature: b'signature:datumaro'"),
        (header()[:27], "byte 25: the length of the version header of 4 bytes, but 2 are left"),
        (header()[:60], "byte 29: the version header of 56 bytes, but 31 are left"),
        (header('{"dm_format_version":"2.0"}'), "byte 25: format version '2.0'; expected '1.0'"),
        (header('{"dm_format_version":1.0}'), "format version 1.0"),
        (header('{"dm_format_version":"1.0","media_encryption":3}'), "media_encryption 3"),
        (header("[1]"), "byte 33: the version header '[1]'"),
        (header('{"a":'), "byte 33: the version header '{\"a\":'"),
        (header(categories='{"label":{"labels":3}}'), "$.label.labels: 3; expected an array"),
        (header(media='{"media_type":"x"}'), "media type 'x'; expected one of 1, 2, 4, 5, 6"),
        (header(media='{"media_type":7}'), "media type 7"),
        (header(media=""), "media type None"),
        (header(sizes=u32(2, 0)), "2 blob sizes; expected 1"),
        (header(sizes=u32(2**32 - 1, 0)), "4294967295 blob sizes; expected 1"),
        (header(sizes=b"\0\0\0"), "a list of blob sizes in 3 bytes"),
        (header(sizes=u32(1, 2**32 - 5)), "a blob of -5 bytes"),
        (header(sizes=u32(1, 7)) + b"1234", "blobs of 7 bytes, but 4 are left"),
        (header() + b"1234", "4 bytes after the last blob"),
        (header(sizes=u32(1, 4)) + u32(99), "the blob ends before the 99 bytes"),
    ],
)
def test_damaged_files_are_refused_with_the_place(tmp_path, data, message):
    path = tmp_path / "annotations" / "s.datum"
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(DatasetImportError) as caught:
        read(tmp_path)
    assert str(caught.value).startswith(f"{path}: byte ")
    assert message in str(caught.value)


def test_the_headers_two_lengths_must_agree(tmp_path):
    path = one_file(write(labelled(0), tmp_path))
    data = path.read_bytes()
    path.write_bytes(data[:29] + u32(5) + data[33:])
    with pytest.raises(MalformedFileError, match=r"byte 29: .* with the inner length 5"):
        read(tmp_path)


def test_a_damaged_record_is_named_by_its_place_in_the_file(tmp_path):
    path = one_file(write(labelled(0), tmp_path))
    data = bytearray(path.read_bytes())
    data[-29] = 99
    path.write_bytes(data)
    with pytest.raises(MalformedFileError, match=f"byte {len(data) - 29}: annotation type 99"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("place", "value", "at", "message"),
    [
        (18, u32(2), 18, "extension version 2; expected 1"),
        (22, u32(9), 22, "an extension of 9 bytes"),
        (40, b"\xff", 30, "a damaged extension: its checksum is"),
    ],
)
def test_a_damaged_extension_is_refused(tmp_path, place, value, at, message):
    rotated = {"type": Kind.rotated_bbox, "points": [1.0, 2.0, 3.0, 4.0, 30.0]}
    path = one_file(write(Content([chunk([({"id": "1"}, [rotated])])]), tmp_path))
    data = bytearray(path.read_bytes())
    begin = data.index(extension.MAGIC)
    data[begin + place : begin + place + len(value)] = value
    path.write_bytes(data)
    with pytest.raises(DatasetImportError, match=f"byte {begin + at}: {message}"):
        read(tmp_path)


# --- fuzz -----------------------------------------------------------------------------------------


def test_no_damage_does_harm(tmp_path):
    spec = importlib.util.spec_from_file_location("fuzz_datum", ROOT / "bench" / "fuzz_datum.py")
    fuzz = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = fuzz
    spec.loader.exec_module(fuzz)
    outcomes = fuzz.run(400, 5, tmp_path)
    assert outcomes["read"] > 20
    assert outcomes["MalformedFileError"] > 100
