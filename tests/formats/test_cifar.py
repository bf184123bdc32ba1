"""CIFAR: what is read from its pickles, what is written, and what is refused."""

from __future__ import annotations

import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathSeparatorInSubsetNameError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats import cifar_pickle
from format_files import count, detect, label_names, lost, make, read, written

META = pickle.dumps({"label_names": ["cat", "dog"]}, 2)


def batch(protocol: int = 2, **changes: Any) -> bytes:
    """A pickle of two images of 32 x 32 pixels."""
    known: dict[str, Any] = {
        "filenames": ["a.png", "b.png"],
        "labels": [1, 0],
        "data": np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3072),
    }
    values = {key: value for key, value in (known | changes).items() if value is not ...}
    return pickle.dumps(values, protocol)


def one(root: Path, content: bytes, meta: bytes = META) -> Path:
    return make(root, {"batches.meta": meta, "train": content})


def labels(dataset: dm.Dataset) -> dict[str, int | None]:
    return {i.id: i.annotations[0].label if i.annotations else None for i in dataset}


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    path = shared_data / "formats/cifar10_dataset"
    found = read(path, "cifar")
    assert count(found) == ({"data_batch_1": 1, "test_batch": 4}, {"label": 5})
    assert label_names(found) == ["airplane", "automobile", "bird", "cat"]
    assert {i.id: i.media.size for i in found}["image_5"] == (2, 2)
    assert dm.Dataset.detect(path) == "cifar"


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_all_protocols(tmp_path: Path, protocol: int):
    if protocol < 2:  # those of Python 2 alone: Python 3 has no bytes in them
        content = pickle.dumps({"filenames": ["a.png"], "labels": [1]}, protocol)
        assert labels(read(one(tmp_path, content), "cifar")) == {"a": 1}
        return
    found = read(one(tmp_path, batch(protocol)), "cifar")
    assert labels(found) == {"a": 1, "b": 0}
    planes = np.arange(3072, dtype=np.uint8).reshape(3, 32, 32)
    assert (found.get("a", "train").media.data == planes[::-1].transpose(1, 2, 0)).all()


def test_a_pickle_of_python_2(tmp_path: Path):
    """As the real files are: names and pixels are its str."""
    pixels = bytes(range(256)) * 12
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03"
        b"(K\x01K\x01M\x00\x0c\x86cnumpy\ndtype\nq\x04U\x02u1K\x00K\x01\x87Rq\x05(K\x03U\x01|NNNJ"
        b"\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<i", 3072) + pixels + b"tb"
    )
    content = (
        b"\x80\x02}q\x00(U\x04dataq\x06" + array + b"U\x06labelsq\x07]q\x08K\x01aU\x09filenames"
        b"q\x09]q\x0aU\x05x.pngau."
    )
    (item,) = read(one(tmp_path, content), "cifar")
    assert (item.id, item.annotations[0].label) == ("x", 1)
    assert item.media.data[0, :4, 2].tolist() == [0, 1, 2, 3]  # red comes first in the file


def test_labels_with_parents(tmp_path: Path):
    meta = {
        "fine_label_names": ["beaver", "rose", "dolphin"],
        "coarse_label_names": ["mammal", "flower"],
    }
    content = batch(labels=..., fine_labels=[1, 0], coarse_labels=[1, 0])
    make(tmp_path, {"meta": pickle.dumps(meta), "train": content, "file.txt~": b""})
    found = read(tmp_path, "cifar")
    assert labels(found) == {"a": 1, "b": 0}
    names = found.categories()[dm.AnnotationType.label]
    assert [(c.name, c.parent) for c in names] == [
        ("beaver", "mammal"),
        ("rose", "flower"),
        ("dolphin", ""),
    ]


def test_images_of_other_sizes_and_none(tmp_path: Path):
    rows = np.empty(2, object)
    rows[:] = [np.arange(6, dtype=np.uint8), np.zeros(0, np.uint8)]
    found = read(one(tmp_path, batch(data=rows, image_sizes=[(1, 2), (0, 0)])), "cifar")
    assert found.get("a", "train").media.data.tolist() == [[[4, 2, 0], [5, 3, 1]]]
    assert found.get("b", "train").media is None
    flat = np.array([[1, 2, 3], [4, 5, 6]], object)
    found = read(one(tmp_path, batch(data=flat, image_sizes=[(1, 1)] * 2)), "cifar")
    assert found.get("b", "train").media.data.tolist() == [[[6, 5, 4]]]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"labels": [1]}, MalformedFileError, "2 filenames and 1 labels"),
        ({"labels": [1, "x"]}, MalformedFileError, "'labels', item 1: a str"),
        ({"labels": 7}, MalformedFileError, "'labels': no list"),
        ({"labels": [1, 2**40]}, MalformedFileError, "'labels', item 1: 1099511627776"),
        ({"labels": [1, 2]}, UndeclaredLabelError, "item 1: label 2"),
        ({"filenames": ["a", 5]}, MalformedFileError, "no list of texts"),
        ({"filenames": ["a.png", "a.jpg"]}, MalformedFileError, "item 1: 'a', as in"),
        ({"filenames": ["a", "../../x"]}, MalformedFileError, "item 1: '../../x'"),
        ({"data": [1, 2]}, MalformedFileError, "'data': no array"),
        ({"data": np.zeros((3, 3072), np.uint8)}, MalformedFileError, "array of .3, 3072."),
        ({"data": np.zeros((2, 3072), np.int32)}, MalformedFileError, "no bytes of pixels"),
        ({"data": np.zeros((2, 30), np.uint8)}, InvalidAnnotationError, "30 values of pixels"),
        ({"image_sizes": [(32, 32)]}, MalformedFileError, "1 sizes; expected 2"),
        ({"image_sizes": [(32, 32), (-1, 5)]}, MalformedFileError, "item 1: no size"),
        ({"image_sizes": [(32, 32), (2**19, 2**19)]}, InvalidAnnotationError, "3 · 524288"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, changes: Any, error: type[Exception], message: str):
    one(tmp_path, batch(**changes))
    with pytest.raises(error, match=f"(?s)train.*{message}"):
        read(tmp_path, "cifar")


def test_wrong_names_of_labels(tmp_path: Path):
    for meta, message in (
        ({"x": 1}, "'x'; expected label_names"),
        ({"label_names": ["a", "a"]}, "line 2.*'a' is in line 1"),
        ({"label_names": 5}, "no list of texts"),
        ([1], "a list; expected a dict"),
    ):
        one(tmp_path, batch(), pickle.dumps(meta))
        with pytest.raises(MalformedFileError, match=f"batches.meta.*{message}"):
            read(tmp_path, "cifar")
    meta = {"fine_label_names": ["a", "b"], "coarse_label_names": ["c", "d"]}
    for coarse, message in (([0, 5], "coarse label 5"), ([0], "1 coarse_labels")):
        one(tmp_path, batch(coarse_labels=coarse), pickle.dumps(meta))
        with pytest.raises((MalformedFileError, InvalidAnnotationError), match=message):
            read(tmp_path, "cifar")
    one(tmp_path, batch(labels=[1, 1], coarse_labels=[0, 1]), pickle.dumps(meta))
    with pytest.raises(InvalidAnnotationError, match="label 1 in 'c' and in 'd'"):
        read(tmp_path, "cifar")


def test_detection(tmp_path: Path):
    assert "no batches.meta" in str(detect(make(tmp_path, {"x": ""}), "cifar"))
    with pytest.raises(DatasetNotFoundError, match=r"no batches.meta"):
        read(tmp_path, "cifar")
    assert "no pickle with label_names" in str(detect(one(tmp_path, b"", b"zeros"), "cifar"))


# --- hostile pickles ------------------------------------------------------------------------------


class Evil:
    """What a pickle could call."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_no_code_is_run(tmp_path: Path, protocol: int):
    target = tmp_path / "was here"
    one(tmp_path, pickle.dumps({"labels": Evil(target)}, protocol))
    with pytest.raises(MalformedFileError, match=r"train: byte \d+: (posix|nt).system.*not read"):
        read(tmp_path, "cifar")
    assert not target.exists()


HEAD = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
TAIL = (
    b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ"
    b"\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x02cbuiltins\neval\nU\x011\x85R.", "builtins.eval"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93.", "builtins.exec"),
        (b"\x80\x04]\x8c\x04exec\x93.", "a name that is no text"),
        (b"\x80\x02cnumpy\nload\nU\x011\x85R.", "numpy.load"),
        (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nX.", "the end of the file"),
        (HEAD + b"\x8a\x08" + b"\xff" * 7 + b"\x7f\x85" + TAIL + b"U\x01xtb.", "strange shape"),
        (
            HEAD + b"J\xff\xff\xff\x7f\x85" + TAIL + b"U\x01xtb.",
            "1 bytes of an array; expected 2147",
        ),
        (HEAD + b"K\x01\x85" + TAIL + b"Ntb.", "a NoneType; expected the bytes"),
        (b"\x80\x02B\xff\xff\xff\xff.", "the end of the file"),
        (b"\x80\x04\x8e" + b"\xff" * 8 + b".", "the end of the file"),
        (b"\x80\x05\x96" + b"\xff" * 7 + b"\x7f.", "the end of the file"),
        (b"\x80\x02T\xff\xff\xff\xff.", "the end of the file"),
        (b"\x80\x02Nr\xff\xff\xff\xff.", "no error"),
        (b"\x80\x02h\x07.", "damaged data .KeyError"),
        (b"\x80\x02a.", "damaged data .IndexError"),
        (b"\x80\x02(u.", "damaged data .IndexError"),
        (b"\x80\x02K\x01K\x02.", "damaged data .ValueError"),
        (b"\x80\x02}(]K\x01u.", "keys of a dict"),
        (b"\x80\x02(i__main__\nX\n.", "operation b'i'"),
        (b"\x80\x02\x82\x01.", "operation"),
        (b"I" + b"9" * 4000 + b"\n.", "a number of 4000 digits"),
        (b"L" + b"9" * 5000 + b"\n.", "no end of a line"),
        (b"\x8b\xff\xff\xff\x7f.", "operation"),
        (b"", "the end of the file, 0 bytes"),
    ],
)
def test_hostile_pickles(content: bytes, message: str):
    if message == "no error":  # a large number in the memo takes no memory
        assert cifar_pickle.load(content, "x") is None
        return
    with pytest.raises(MalformedFileError, match=rf"x: byte \d+: .*{message}"):
        cifar_pickle.load(content, "x")


def test_values_that_hold_each_other_many_times():
    """A hundred levels of the last one twice: they are never gone through."""
    deep = b"\x80\x02]" + b"2\x86" * 100
    twice = b"\x80\x02)" + b"q\x00h\x00\x86" * 100
    assert isinstance(cifar_pickle.load(twice + b".", "x"), tuple)
    for content in (
        deep + b".",
        b"\x80\x02}" + twice[2:] + b"K\x01s.",
        twice + twice[2:] + b"\x93.",
    ):
        with pytest.raises(MalformedFileError, match="x: byte"):
            cifar_pickle.load(content, "x")


# --- writing ------------------------------------------------------------------------------------


def image(height: int = 32, width: int = 32, shade: int = 0) -> dm.Image:
    pixels = np.arange(height * width * 3) + shade
    return dm.Image.from_numpy(data=pixels.astype(np.uint8).reshape(height, width, 3))


def of(*items: dm.DatasetItem) -> dm.Dataset:
    return dm.Dataset.from_iterable(items, categories=["cat", "dog"])


def test_the_files_are_cifars(tmp_path: Path):
    items = [
        dm.DatasetItem(name, subset=subset, media=image(shade=n), annotations=[dm.Label(n)])
        for n, (name, subset) in enumerate((("a", "data_batch_2"), ("b", "test_batch")))
    ]
    of(*items).export(str(tmp_path / "o"), "cifar", save_media=True)
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == [
        "batches.meta",
        "data_batch_2",
        "test_batch",
    ]
    found = pickle.loads((tmp_path / "o/data_batch_2").read_bytes(), encoding="latin1")
    assert found["batch_label"] == "training batch 2 of 5"
    assert (found["filenames"], found["labels"]) == (["a.png"], [0])
    assert found["data"].shape == (1, 3072)
    assert found["data"].dtype == np.uint8
    assert found["data"][0, :2].tolist() == [2, 5]  # red


def test_sizes_parents_and_items_without_images(tmp_path: Path):
    labels = dm.LabelCategories.from_iterable([("cat", "animal"), ("rose", "plant"), "thing"])
    items = [
        dm.DatasetItem("a/b", media=image(2, 3), annotations=[dm.Label(1)]),
        dm.DatasetItem("c", annotations=[dm.Label(2)]),
        dm.DatasetItem("d"),
    ]
    sent = dm.Dataset.from_iterable(items, categories={dm.AnnotationType.label: labels})
    received = written(sent, tmp_path, "cifar", save_media=True)
    assert [i.media.size if i.media else None for i in received] == [(2, 3), None, None]
    assert [len(i.annotations) for i in received] == [1, 1, 0]
    names = received.categories()[dm.AnnotationType.label]
    assert [c.parent for c in names] == ["animal", "plant", ""]


def test_gray_images_and_transparent_ones(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    items = [
        dm.DatasetItem("gray", media=dm.Image.from_numpy(data=np.full((2, 2), 9, np.uint8))),
        dm.DatasetItem("alpha", media=dm.Image.from_numpy(data=np.full((2, 2, 4), 9, np.uint8))),
    ]
    received = written(of(*items), tmp_path, "cifar", save_media=True)
    assert all((i.media.data == 9).all() and i.media.data.shape == (2, 2, 3) for i in received)
    assert "1 transparency of images" in lost(caplog)


def test_too_many_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("datumaro.formats.cifar._MAX_PIXEL_BYTES", 3000)
    with pytest.raises(UnsupportedContentError, match=r"3072 bytes of pixels.*split the subset"):
        of(dm.DatasetItem("a", media=image())).export(str(tmp_path / "o"), "cifar", save_media=True)


def test_what_is_refused(tmp_path: Path):
    out = str(tmp_path / "o")
    for subset in ("meta", "batches.meta", ".hidden"):
        with pytest.raises(UnsupportedContentError, match="rename the subset"):
            of(dm.DatasetItem("a", subset=subset)).export(out, "cifar")
    with pytest.raises(PathSeparatorInSubsetNameError):
        of(dm.DatasetItem("a", subset="x/y")).export(out, "cifar")
