"""MNIST, in binary files and in CSV files: what is read, what is written, and what is refused."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetExportError,
    DatasetImportError,
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathSeparatorInSubsetNameError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats.base import Confidence
from format_files import count, detect, label_names, lost, make, read, written

BOTH = pytest.mark.parametrize("format", ["mnist", "mnist_csv"])


def labels(*values: int, n: int | None = None, magic: int = 0x801) -> bytes:
    return gzip.compress(
        struct.pack(">II", magic, len(values) if n is None else n) + bytes(values), mtime=0
    )


def images(n: int, height: int, width: int, pixels: bytes, magic: int = 0x803) -> bytes:
    return gzip.compress(struct.pack(">IIII", magic, n, height, width) + pixels, mtime=0)


def texts(*rows: tuple[str, ...]) -> bytes:
    return gzip.compress(np.array(rows, "<U32").tobytes(), mtime=0)


def found(dataset: dm.Dataset) -> list[tuple[str, int | None, list[list[int]] | None]]:
    """(id, label, pixels) of all items."""
    return [
        (
            item.id,
            item.annotations[0].label if item.annotations else None,
            item.media.data.tolist() if item.media else None,
        )
        for item in dataset
    ]


def gray(*pixels: tuple[int, ...]) -> dm.Image:
    return dm.Image.from_numpy(data=np.array(pixels, np.uint8))


# --- binary files -------------------------------------------------------------------------------


def test_samples(shared_data: Path):
    for folder, format in (("mnist_dataset", "mnist"), ("mnist_csv_dataset", "mnist_csv")):
        path = shared_data / "formats" / folder
        dataset = read(path, format)
        assert count(dataset) == ({"test": 3, "train": 2}, {"label": 5})
        assert label_names(dataset) == [str(n) for n in range(10)]
        assert [i.annotations[0].label for i in dataset.subsets()["train"]] == [5, 7]
        assert all(item.media.size == (28, 28) for item in dataset)
        assert dm.Dataset.detect(path) == format


def test_images_and_labels(tmp_path: Path):
    make(
        tmp_path,
        {
            "train-labels-idx1-ubyte.gz": labels(3, 255),
            "train-images-idx3-ubyte.gz": images(2, 1, 2, b"\1\2\3\4"),
            "t10k-labels-idx1-ubyte": gzip.decompress(labels(9)),  # unpacked, and without images
        },
    )
    dataset = read(tmp_path, "mnist")
    assert found(dataset.subsets()["train"]) == [("0", 3, [[1, 2]]), ("1", None, [[3, 4]])]
    assert found(dataset.subsets()["test"]) == [("0", 9, None)]
    assert count(read(tmp_path / "train-labels-idx1-ubyte.gz", "mnist"))[0] == {"train": 2}


def test_ids_sizes_and_label_names(tmp_path: Path):
    make(
        tmp_path,
        {
            "val-labels-idx1-ubyte.gz": labels(1, 0, 0),
            "val-images-idx3-ubyte.gz": images(99, 28, 28, bytes(range(5))),
            "val-meta.gz": texts(("a/b", "1", "2"), ("c", "3", "1"), ("d", "0", "0")),
            "labels.txt": "cat\nblack dog\n",
        },
    )
    dataset = read(tmp_path, "mnist")
    assert found(dataset) == [("a/b", 1, [[0, 1]]), ("c", 0, [[2], [3], [4]]), ("d", 0, None)]
    assert label_names(dataset) == ["cat", "black dog"]
    make(tmp_path, {"val-meta.gz": texts(("a",), ("b",), ("c",))})
    with pytest.raises(MalformedFileError, match="images of 28 x 28"):
        read(tmp_path, "mnist")


def test_the_count_of_pixels_in_place_of_that_of_images(tmp_path: Path):
    """As the published package writes it."""
    make(
        tmp_path,
        {
            "train-labels-idx1-ubyte.gz": labels(3, 4),
            "train-images-idx3-ubyte.gz": images(4, 1, 2, b"\1\2\3\4"),
        },
    )
    assert [item[2] for item in found(read(tmp_path, "mnist"))] == [[[1, 2]], [[3, 4]]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-labels-idx1-ubyte.gz", labels(1, n=2**31), r"1 labels; expected 2147483648"),
        (
            "train-labels-idx1-ubyte.gz",
            labels(1, magic=7),
            r"byte 0: the number 0x7; expected 0x801",
        ),
        ("train-labels-idx1-ubyte.gz", b"", "byte 0: the end"),
        ("train-labels-idx1-ubyte.gz", labels(1, 2, 3)[:-9], "the end of the packed data"),
        ("train-labels-idx1-ubyte.gz", b"\x1f\x8b" + bytes(50), "damaged packed data"),
        ("train-images-idx3-ubyte.gz", images(2**31, 2**31, 2, b"12"), "2147483648 images of"),
        ("train-images-idx3-ubyte.gz", images(1, 28, 28, b"12"), "2 bytes of pixels"),
        ("train-images-idx3-ubyte.gz", images(1, 0, 0, b"12"), "1 images of 0 x 0"),
        ("train-meta.gz", texts(("a",), ("b",), ("c",), ("d",)), "more than 384 bytes"),
        ("train-meta.gz", texts(("../../x",)), r"row 1: '../../x'; expected a relative name"),
        ("train-meta.gz", gzip.compress(b"\xff" * 128, mtime=0), "no characters"),
        ("train-meta.gz", texts(("-1", "2")), "size '-1 x 2'; expected a height and a width"),
    ],
)
def test_a_damaged_file(tmp_path: Path, name: str, content: bytes, message: str):
    files: dict[str, str | bytes] = {
        "train-labels-idx1-ubyte.gz": labels(1),
        "train-images-idx3-ubyte.gz": images(1, 1, 1, b"\0"),
    }
    make(tmp_path, files | {name: content})
    with pytest.raises(MalformedFileError, match=f"(?s){name}.*{message}"):
        read(tmp_path, "mnist")


def test_files_that_unpack_to_far_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("datumaro.formats.mnist._MAX_PIXEL_BYTES", 1000)
    make(
        tmp_path,
        {
            "train-labels-idx1-ubyte.gz": labels(1),
            "train-images-idx3-ubyte.gz": images(1, 1, 10**7, bytes(10**7)),
        },
    )
    with pytest.raises(MalformedFileError, match="byte 1016: more than 1016 bytes"):
        read(tmp_path, "mnist")


def test_a_label_without_a_name(tmp_path: Path):
    make(tmp_path, {"train-labels-idx1-ubyte.gz": labels(1, 10)})
    with pytest.raises(UndeclaredLabelError, match=r"byte 9: label 10; expected one of the 10"):
        read(tmp_path, "mnist")
    assert found(read(tmp_path, "mnist", error_policy="skip")) == [
        ("0", 1, None),
        ("1", None, None),
    ]


# --- CSV files ----------------------------------------------------------------------------------

ROW = ",".join(["7"] * 784)


def test_rows(tmp_path: Path):
    header = "label," + ",".join(f"{y}x{x}" for y in range(28) for x in range(28))
    make(
        tmp_path,
        {"mnist_train.csv": f"{header}\n5,{ROW}\n-1,{ROW}\n", "mnist_test.csv": f"3,{ROW}"},
    )
    dataset = read(tmp_path, "mnist_csv")
    assert count(dataset) == ({"test": 1, "train": 2}, {"label": 2})
    assert [label for _, label, _ in found(dataset)] == [3, 5, None]
    assert all((item.media.data == 7).all() for item in dataset)
    assert count(read(tmp_path / "mnist_test.csv", "mnist_csv"))[0] == {"test": 1}


def test_rows_of_different_sizes(tmp_path: Path):
    make(
        tmp_path,
        {
            "mnist_train.csv": "1,9,8\r\n\r\n2\r\n0,7\r\n",
            "meta_train.csv": '"a,b",1,2\nc,0,0\nd,1,1\n',
        },
    )
    assert found(read(tmp_path, "mnist_csv")) == [
        ("a,b", 1, [[9, 8]]),
        ("c", 2, None),
        ("d", 0, [[7]]),
    ]
    make(tmp_path, {"meta_train.csv": "2,1\n0,0\n1,1\n"})
    assert found(read(tmp_path, "mnist_csv"))[0] == ("0", 1, [[9], [8]])


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (f"1,{ROW}\n2,{ROW[:-2]}", InvalidAnnotationError, "line 2: 783 pixels; expected 28 x 28"),
        (f"1,{ROW}\nx,{ROW}", InvalidAnnotationError, "line 2: 'x,7,7.*expected a label"),
        (f"1,{ROW}\n\n2,{ROW[:-1]}256", InvalidAnnotationError, "line 3: '2,7,7.*from 0 to 255"),
        (f"1,{ROW}\n{'9' * 99},{ROW}", InvalidAnnotationError, "line 2: '999"),
        (f"1,{ROW}\n10,{ROW}", UndeclaredLabelError, "line 2: label 10"),
        (f"1,{ROW}\n-2,{ROW}", DatasetImportError, "line 2"),
    ],
)
def test_a_wrong_row(tmp_path: Path, rows: str, error: type[Exception], message: str):
    make(tmp_path, {"mnist_train.csv": rows + "\n"})
    with pytest.raises(error, match=f"mnist_train.csv: {message}"):
        read(tmp_path, "mnist_csv")
    dataset = read(tmp_path, "mnist_csv", error_policy="skip")
    assert len(dataset) == (2 if "label 10" in message or "-2" in rows else 1)


def test_wrong_ids_and_sizes(tmp_path: Path):
    rows = {"mnist_train.csv": "1\n2\n"}
    make(tmp_path, {**rows, "meta_train.csv": "a\n"})
    with pytest.raises(MalformedFileError, match=r"meta_train.csv.*1 rows of 1 cells; expected 2"):
        read(tmp_path, "mnist_csv")
    make(tmp_path, {"meta_train.csv": "a\na\n"})
    with pytest.raises(MalformedFileError, match=r"row 2: 'a', as in row 1"):
        read(tmp_path, "mnist_csv")
    make(tmp_path, {"mnist_train.csv": b"1\n\xff\n"})
    with pytest.raises(MalformedFileError, match=r"line 2.*UTF-8"):
        read(tmp_path, "mnist_csv")


# --- both ---------------------------------------------------------------------------------------


def of(*items: dm.DatasetItem) -> dm.Dataset:
    return dm.Dataset.from_iterable(items, categories=["cat", "dog"])


@BOTH
def test_there_and_back(tmp_path: Path, format: str):
    sent = of(
        dm.DatasetItem("0", subset="test", media=gray((1, 2), (3, 4)), annotations=[dm.Label(1)]),
        dm.DatasetItem("two words", subset="test"),
        dm.DatasetItem("0", subset="train", annotations=[dm.Label(0)]),
    )
    received = written(sent, tmp_path, format, save_media=True)
    assert found(received.subsets()["test"]) == [
        ("0", 1, [[1, 2], [3, 4]]),
        ("two words", None, None),
    ]
    assert found(received.subsets()["train"]) == [("0", 0, None)]
    sent.export(str(tmp_path / "again"), format, save_media=True)
    for file in (tmp_path / "again").iterdir():  # the same bytes each time
        assert file.read_bytes() == (tmp_path / file.name).read_bytes()


@BOTH
def test_images_that_are_not_gray(tmp_path: Path, caplog: pytest.LogCaptureFixture, format: str):
    color = np.zeros((1, 2, 3), np.uint8)
    color[0, 0] = 0, 0, 255  # red
    same = np.full((1, 2, 4), 7, np.uint8)
    deep = np.array([[300, 5]], np.uint16)
    items = [
        dm.DatasetItem(name, media=dm.Image.from_numpy(data=data))
        for name, data in (("color", color), ("same", same), ("deep", deep))
    ]
    received = written(of(*items), tmp_path, format, save_media=True)
    assert [pixels for _, _, pixels in found(received)][:2] == [[[76, 0]], [[7, 7]]]
    for what in ("1 colours of images: they become gray", "transparency", "beyond 8 bits"):
        assert what in lost(caplog)


@BOTH
def test_images_that_cannot_be_read(tmp_path: Path, caplog: pytest.LogCaptureFixture, format: str):
    missing = dm.DatasetItem("m", media=dm.Image.from_file(str(tmp_path / "nowhere.png")))
    assert found(written(of(missing), tmp_path, format, save_media=True)) == [("m", None, None)]
    assert "nowhere.png" in lost(caplog)
    make(tmp_path, {"bad.png": b"\x89PNG no"})
    bad = dm.DatasetItem("b", media=dm.Image.from_file(str(tmp_path / "bad.png")))
    with pytest.raises(DatasetExportError, match=r"item 'b'.*bad.png"):
        of(bad).export(str(tmp_path / "o"), format, save_media=True)


@BOTH
def test_subset_names(tmp_path: Path, format: str):
    with pytest.raises(PathSeparatorInSubsetNameError):
        of(dm.DatasetItem("a", subset="x/y")).export(str(tmp_path / "o"), format)


def test_what_binary_files_cannot_hold(tmp_path: Path):
    out = str(tmp_path / "o")
    with pytest.raises(UnsupportedContentError, match="at most 255"):
        dm.Dataset.from_iterable([], categories=[str(n) for n in range(256)]).export(out, "mnist")
    with pytest.raises(UnsupportedContentError, match="at most 32 characters"):
        of(dm.DatasetItem("x" * 33)).export(out, "mnist")
    with pytest.raises(UnsupportedContentError, match="the subset 'test' so"):
        of(dm.DatasetItem("x", subset="t10k")).export(out, "mnist")


def test_detection(tmp_path: Path):
    empty = make(tmp_path / "x", {"a.txt": ""})
    assert "no file" in str(detect(empty, "mnist"))
    assert "no file" in str(detect(empty, "mnist_csv"))
    for format in ("mnist", "mnist_csv"):
        with pytest.raises(DatasetNotFoundError):
            read(empty, format)
    make(tmp_path / "y", {"mnist_train.csv": "a,b\nc,d\n"})
    assert "no rows of a label" in str(detect(tmp_path / "y", "mnist_csv"))
    make(tmp_path / "y", {"mnist_train.csv": f"1,{ROW}\n"})
    assert detect(tmp_path / "y", "mnist_csv") == Confidence.MEDIUM
