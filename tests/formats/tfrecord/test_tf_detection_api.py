"""TensorFlow's Object Detection API and Roboflow's layout of it."""

from __future__ import annotations

import io
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import datumaro as dm
from datumaro.errors import (
    DatasetExportError,
    DatasetImportError,
    DatasetNotFoundError,
    DatumaroError,
    InvalidAnnotationError,
    MalformedFileError,
    MediaError,
    PathSeparatorInSubsetNameError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats import registry
from datumaro.formats.base import Confidence
from datumaro.formats.tfrecord.example import Example, encode
from datumaro.formats.tfrecord.framing import read_records, write_record
from datumaro.formats.tfrecord.tf_detection_api import TfDetectionApiWriteOptions
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import Image
from datumaro.testing import strategies
from datumaro.testing.comparison import differences
from datumaro.testing.samples import sample
from format_files import detect, image, label_names, lost, make, of_stated_size, png, read, written

MAP = "item { id: 3 name: 'cat' }\nitem { id: 1 name: 'dog' }\n"
BOX = {f"image/object/bbox/{k}": [v] for k, v in zip(
    ("xmin", "ymin", "xmax", "ymax"), (0.25, 0.5, 0.75, 1.0), strict=True)}  # fmt: skip
CLASS = {"image/object/class/label": [3], "image/object/class/text": [b"cat"]}
HEAD = {"image/filename": [b"a.png"], "image/height": [4], "image/width": [8]}


def records(*features: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    for one in features:
        write_record(out, encode(one))
    return out.getvalue()


def with_records(root: Path, *features: dict[str, Any], labels: str = MAP) -> Path:
    files: dict[str, str | bytes] = {"train.tfrecord": records(*features)}
    if labels:
        files["label_map.pbtxt"] = labels
    return make(root, files)


def one(dataset: dm.Dataset) -> dm.DatasetItem:
    (item,) = dataset
    return item


def examples(path: Path) -> list[Example]:
    return [Example(record.data) for record in read_records(path)]


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    root = shared_data / "formats/tf_detection_api_dataset"
    found = read(root, "tf_detection_api")
    assert label_names(found) == [f"label_{n}" for n in range(10)]
    assert {(i.id, i.subset): (i.attributes, i.media.size) for i in found} == {
        ("1", "train"): ({"source_id": "1"}, (16, 16)),
        ("2", "val"): ({"source_id": "2"}, (8, 8)),
        ("3", "test"): ({"source_id": "3"}, (5, 4)),
    }
    assert [(a.label, a.points) for a in found.get("1", "train").annotations] == [
        (2, [0, 4, 4, 12]), (3, [0, 4, 4, 8]), (None, [2, 4, 6, 8]),
    ]  # fmt: skip
    media = found.get("1", "train").media
    assert (media.ext, media.data.shape) == (".jpg", (16, 16, 3))
    assert dm.Dataset.detect(root) == "tf_detection_api"
    assert len(read(root / "val.tfrecord", "tf_detection_api")) == 1


def test_ids_of_labels_need_not_be_the_next(tmp_path: Path):
    found = read(with_records(tmp_path, HEAD | BOX | CLASS), "tf_detection_api")
    assert label_names(found) == ["dog", "cat"]
    assert [(a.label, a.points) for a in one(found).annotations] == [(1, [2, 2, 6, 4])]


def test_without_a_label_map_records_name_the_labels(tmp_path: Path):
    later = HEAD | BOX | {"image/filename": [b"b.png"], "image/object/class/label": [3]}
    root = with_records(tmp_path, HEAD | BOX | CLASS, later, labels="")
    found = read(root, "tf_detection_api")
    assert label_names(found) == ["cat"]
    assert [a.label for i in found for a in i.annotations] == [0, 0]


def test_images_are_read_when_they_are_looked_at(tmp_path: Path):
    data = png(np.zeros((4, 8, 3), np.uint8))
    root = with_records(tmp_path, HEAD | {"image/encoded": [data]}, {"image/filename": [b"b.png"]})
    found = read(root, "tf_detection_api")
    media = found.get("a", "train").media
    assert media.bytes == data and found.get("b", "train").media is None
    assert pickle.loads(pickle.dumps(media)).bytes == data
    make(root, {"train.tfrecord": records(HEAD)})
    with pytest.raises(MediaError, match="was changed since its data set was read"):
        _ = media.bytes
    (root / "train.tfrecord").unlink()
    with pytest.raises(MediaError, match="No such file"):
        _ = media.bytes


@pytest.mark.parametrize(
    ("stated", "name", "expected"),
    [(b"jpeg", b"a", ".png"), (b"", b"a.PNG", ".png"), (b"", b"a.jpg", ".png")],
)
def test_kinds_of_images(tmp_path: Path, stated: bytes, name: bytes, expected: str):
    data = png(np.zeros((4, 8, 3), np.uint8))
    values = {"image/filename": [name], "image/format": [stated], "image/encoded": [data]}
    item = one(read(with_records(tmp_path, values), "tf_detection_api"))
    assert (item.id, item.media.ext, item.media.size) == ("a", expected, (4, 8))


def test_images_beside_the_records(tmp_path: Path):
    make(
        tmp_path,
        {
            "annotations/val.record-00000-of-00002": records(HEAD),
            "annotations/val.record-00001-of-00002": records(
                HEAD | {"image/filename": [b"b/c.png"]}, {"image/filename": [b"d.png"]}
            ),
            "images/a.png": b"",
        },
    )
    found = read(tmp_path, "tf_detection_api")
    assert [(i.id, i.subset) for i in found] == [("a", "val"), ("b/c", "val"), ("d", "val")]
    assert found.get("a", "val").media.path.endswith("images/a.png")
    not_there = found.get("b/c", "val").media  # but its size is stated
    assert (not_there.path, not_there.size) == (str(tmp_path / "images/b/c.png"), (4, 8))
    assert found.get("d", "val").media is None
    assert dm.Dataset.detect(tmp_path) == "tf_detection_api"


@pytest.mark.parametrize("name", [b"../b.png", b"/etc/passwd"])
def test_names_that_lead_outside(tmp_path: Path, name: bytes):
    root = with_records(tmp_path / "in", {"image/filename": [name]}, HEAD)
    with pytest.raises(MalformedFileError, match=r"train\.tfrecord: record 0 .*leads outside"):
        read(root, "tf_detection_api")
    assert one(read(root, "tf_detection_api", error_policy="skip")).id == "a"


@pytest.mark.parametrize(
    ("wrong", "kind", "says"),
    [
        ({}, InvalidAnnotationError, "no image/filename, nor image/source_id"),
        ({"image/filename": [b"\xff"]}, InvalidAnnotationError, "image/filename: not UTF-8"),
        (HEAD | {"image/height": [-1]}, InvalidAnnotationError, "-1 x 8 pixels"),
        (HEAD | {"image/width": [2**40]}, InvalidAnnotationError, "4 x 1099511627776 pixels"),
        (
            HEAD | BOX | {"image/object/bbox/xmin": [0.0, 1.0]},
            InvalidAnnotationError,
            "2 of xmin, 1 of ymin, 1 of xmax, 1 of ymax; expected as many of each",
        ),
        (HEAD | BOX | CLASS | {"image/object/class/text": []}, None, ""),
        (
            HEAD | BOX | {"image/object/class/label": [1, 2]},
            InvalidAnnotationError,
            "2 of label; expected as many",
        ),
        (
            HEAD | BOX | {"image/object/bbox/ymin": [float("nan")]},
            InvalidAnnotationError,
            r"object 0: box \[0.25, nan, .*shares of the image's sides",
        ),
        (
            HEAD | BOX | {"image/object/class/label": [7]},
            UndeclaredLabelError,
            r"object 0: label id 7 without a name; expected an id of .*label_map.pbtxt",
        ),
        (
            {"image/filename": [b"a"]} | BOX,
            InvalidAnnotationError,
            "no image/height and image/width; expected them, for the sake of the boxes",
        ),
        (HEAD | BOX | {"image/object/mask": [b"x"]}, MalformedFileError, "mask 0: byte 0: b'x'"),
        (
            HEAD | BOX | {"image/object/mask": [png(np.ones((2, 2), np.uint8))]},
            MalformedFileError,
            "mask 0: 2 x 2.*; expected 4 x 8, as the image",
        ),
        (
            HEAD | BOX
            | {"image/object/mask": [of_stated_size(png(np.ones((4, 8), np.uint8)), 60000, 60000)]},
            MalformedFileError,
            "60000 x 60000 pixels; expected 4 x 8, as the image",
        ),
    ],
)  # fmt: skip
def test_wrong_records(tmp_path: Path, wrong: dict[str, Any], kind: Any, says: str):
    root = with_records(tmp_path, wrong, HEAD | {"image/filename": [b"next.png"]})
    if kind is not None:
        with pytest.raises(kind, match=rf"train\.tfrecord: record 0 \(byte 12\).*{says}"):
            read(root, "tf_detection_api")
    found = read(root, "tf_detection_api", error_policy="skip")
    assert found.get("next", "train") is not None


def test_records_that_are_no_examples(tmp_path: Path):
    root = with_records(tmp_path, HEAD)
    out = io.BytesIO()
    write_record(out, b"\x0a\x7f")
    (root / "train.tfrecord").write_bytes(out.getvalue())
    says = r"train\.tfrecord: record 0 \(byte 12\), byte 14: 127 bytes, where 0 are left; expected"
    with pytest.raises(MalformedFileError, match=says):
        read(root, "tf_detection_api")


def test_a_thousand_damaged_files(tmp_path: Path):
    """Whatever is changed is seen, or changes nothing: each byte counts in some check sum."""
    data = png(np.zeros((4, 8, 3), np.uint8))
    root = with_records(tmp_path, HEAD | BOX | CLASS | {"image/encoded": [data]}, HEAD)
    path = root / "train.tfrecord"
    whole = path.read_bytes()
    first = len(whole) - len(records(HEAD))
    source = random.Random(7)
    for number in range(1000):
        damaged = bytearray(whole)
        if number % 3:
            for _ in range(number % 3):
                damaged[source.randrange(len(damaged))] ^= source.randrange(1, 256)
        else:
            del damaged[source.randrange(1, len(damaged)) :]
        path.write_bytes(damaged)
        if damaged in (whole, whole[:first]):  # cut between two records: no reader can tell
            continue
        with pytest.raises(DatasetImportError, match=r"train\.tfrecord: "):
            read(root, "tf_detection_api")


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match=r"no \*\.tfrecord"):
        read(make(tmp_path, {"x.txt": ""}), "tf_detection_api")


# --- writing ------------------------------------------------------------------------------------


def boxes(*annotations: Any, labels: tuple[str, ...] = ("cat", "dog"), **item: Any) -> dm.Dataset:
    one = dm.DatasetItem("a", media=image(4, 8), annotations=list(annotations), **item)
    return dm.Dataset.from_iterable([one], categories=labels)


def mask(*columns: int, **fields: Any) -> dm.Mask:
    pixels = np.zeros((4, 8), bool)
    pixels[1:3, list(columns)] = True
    return dm.Mask(pixels, **fields)


def test_features(tmp_path: Path):
    sent = boxes(dm.Bbox(2, 1, 4, 2, label=1), dm.Bbox(0, 0, 8, 4), subset="train")
    sent.export(tmp_path, "tf_detection_api", save_media=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["label_map.pbtxt", "train.tfrecord"]
    (example,) = examples(tmp_path / "train.tfrecord")
    assert example.names() == sorted(
        ["image/encoded", "image/filename", "image/format", "image/height", "image/key/sha256",
         "image/object/bbox/xmax", "image/object/bbox/xmin", "image/object/bbox/ymax",
         "image/object/bbox/ymin", "image/object/class/label", "image/object/class/text",
         "image/source_id", "image/width"]
    )  # fmt: skip
    assert example.texts("image/filename") == ["a.png"]
    assert example.texts("image/format") == ["png"]
    assert example.numbers("image/object/bbox/xmin") == [0.25, 0.0]
    assert example.numbers("image/object/bbox/ymax") == [0.75, 1.0]
    assert example.integers("image/object/class/label") == [2, 0]
    assert example.texts("image/object/class/text") == ["dog", ""]
    assert "id: 2\n  name: 'dog'" in (tmp_path / "label_map.pbtxt").read_text()


def test_images_are_not_encoded_again(tmp_path: Path, shared_data: Path):
    source = shared_data / "formats/tf_detection_api_dataset"
    found = read(source, "tf_detection_api")
    found.export(tmp_path / "a", "tf_detection_api", save_media=True)
    for name in ("train", "val", "test"):
        (ours,), (theirs,) = (examples(f / f"{name}.tfrecord") for f in (tmp_path / "a", source))
        assert ours.byte_strings("image/encoded") == theirs.byte_strings("image/encoded")
        assert ours.texts("image/format") == ["jpeg"]
        for feature in set(theirs.names()) - {"image/encoded", "image/format"}:
            assert ours.numbers(feature) == theirs.numbers(feature)
            assert ours.byte_strings(feature) == theirs.byte_strings(feature)
    found.export(tmp_path / "b", "image_dir")
    (jpeg,) = (tmp_path / "b").glob("1.jpg")
    assert jpeg.read_bytes() == found.get("1", "train").media.bytes


def test_masks(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = boxes(
        dm.Bbox(1, 0, 7, 4, label=0, group=5),
        mask(2, 3, label=0, group=5),
        mask(6, label=1),
        dm.Bbox(0, 0, 1, 1, label=1, group=5),
        mask(label=0),
    )
    item = one(written(sent, tmp_path / "a", "tf_detection_api", save_masks=True))
    found = [(a.type.name, a.label, a.group) for a in item.annotations]
    assert found == [
        ("mask", 0, 1), ("bbox", 0, 1), ("mask", 1, 2), ("bbox", 1, 2), ("bbox", 1, 0),
    ]  # fmt: skip
    assert [a.points for a in item.annotations if isinstance(a, dm.Bbox)] == [
        [1, 0, 8, 4], [6, 1, 7, 3], [0, 0, 1, 1],
    ]  # fmt: skip
    assert (item.annotations[0].image == mask(2, 3).image).all()
    assert "1 masks without pixels" in lost(caplog)
    caplog.clear()
    item = one(written(sent, tmp_path / "b", "tf_detection_api"))
    assert [a.type.name for a in item.annotations] == ["bbox", "bbox"]
    assert "3 masks" in lost(caplog)


HOLDS = registry.get("tf_detection_api").holding(TfDetectionApiWriteOptions(save_masks=True))


@given(sent=strategies.datasets(HOLDS, min_items=1, max_items=2))
def test_masks_come_back(tmp_path_factory: pytest.TempPathFactory, sent: dm.Dataset):
    folder = tmp_path_factory.mktemp("masks")
    received = written(sent, folder, "tf_detection_api", save_masks=True, save_media=True)
    assert not differences(sent, received, HOLDS)


def test_what_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = boxes(
        dm.Bbox(0, 0, 1, 1, label=9),
        dm.Mask(np.ones((2, 2), bool), label=0),
        attributes={"source_id": 5},
    )
    sent.put(dm.DatasetItem("b", annotations=[dm.Bbox(0, 0, 1, 1, label=0)]))
    received = written(sent, tmp_path / "a", "tf_detection_api", save_masks=True)
    assert all(not i.annotations for i in received)
    assert received.get("a").attributes == {"source_id": "5"}
    for what in (
        "1 annotations of a label that is not among the categories",
        "1 masks of another size than their image",
        "1 source ids that are no text (they become text)",
        "1 annotations of images whose size is not known (first: item 'b')",
    ):
        assert what in lost(caplog)


def test_names_that_cannot_be_written(tmp_path: Path):
    for subset, error in (
        ("a/b", PathSeparatorInSubsetNameError),
        ("a-00000-of-00001", UnsupportedContentError),
    ):
        sent = dm.Dataset.from_iterable([dm.DatasetItem("a", subset=subset)])
        with pytest.raises(error, match="rename"):
            sent.export(tmp_path / "x", "tf_detection_api")


def test_missing_and_damaged_images(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    make(tmp_path, {"bad.png": b"x", "good.png": png(np.zeros((4, 8, 3), np.uint8))})
    items = [
        dm.DatasetItem(name, media=Image.from_file(tmp_path / f"{name}.png"))
        for name in ("gone", "good", "lost")
    ]
    received = written(
        dm.Dataset.from_iterable(items), tmp_path / "a", "tf_detection_api", save_media=True
    )
    assert [(i.id, i.media is not None) for i in received] == [
        ("gone", False), ("good", True), ("lost", False),
    ]  # fmt: skip
    assert "2 media files are missing and were not saved (such as item 'gone'" in caplog.text
    bad = dm.DatasetItem("bad", media=Image.from_file(tmp_path / "bad.png"))
    with pytest.raises(DatasetExportError, match="item 'bad'"):
        dm.Dataset.from_iterable([*items, bad]).export(
            tmp_path / "b", "tf_detection_api", save_media=True, image_ext=".jpg"
        )
    assert not (tmp_path / "b").exists()


# --- Roboflow -------------------------------------------------------------------------------------


def roboflow(root: Path) -> Path:
    features = HEAD | BOX | CLASS
    cat, dog = "item { name: 'cat', id: 3 }", "item { name: 'dog', id: 1 }"
    return make(
        root,
        {
            "train/things.tfrecord": records(features),
            "train/things_label_map.pbtxt": cat,
            "valid/things.tfrecord": records(features, HEAD | {"image/filename": [b"b.jpg"]}),
            "valid/things_label_map.pbtxt": f"{dog}\n{cat}",
        },
    )


def test_roboflow(tmp_path: Path):
    root = roboflow(tmp_path)
    found = read(root, "roboflow_tfrecord")
    assert label_names(found) == ["cat", "dog"]
    assert [(i.id, i.subset, [a.label for a in i.annotations], i.attributes) for i in found] == [
        ("a", "train", [0], {}), ("a", "valid", [0], {}), ("b", "valid", [], {}),
    ]  # fmt: skip
    assert dm.Dataset.detect(root) == "roboflow_tfrecord"
    assert [i.subset for i in read(root / "train", "roboflow_tfrecord")] == ["train"]
    assert "no folder of a subset" in str(detect(root / "train", "roboflow_tfrecord"))


def test_roboflow_is_written_as_it_is_read(tmp_path: Path):
    """A folder for each subset, with its own label map; items of one id do not meet."""
    items = [
        dm.DatasetItem("a/b c.d", subset=subset, media=image(shade=shade), annotations=[box],
                       attributes=attributes)
        for subset, shade, box, attributes in (
            ("train", 1, dm.Bbox(1, 1, 2, 2, label=1), {}),
            ("valid x", 2, dm.Bbox(0, 0, 6, 4), {"source_id": "7"}),
        )
    ]  # fmt: skip
    dataset = dm.Dataset.from_iterable(items, categories=["ant", "猫"])
    found = written(dataset, tmp_path, "roboflow_tfrecord", save_media=True)
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")) == [
        f"{subset}/objects{end}"
        for subset in ("train", "valid x")
        for end in (".tfrecord", "_label_map.pbtxt")
    ]
    assert label_names(found) == ["ant", "猫"]
    assert [(i.subset, i.id, i.media.data[0, 0, 0], i.attributes) for i in found] == [
        ("train", "a/b c.d", 1, {}), ("valid x", "a/b c.d", 2, {"source_id": "7"}),
    ]  # fmt: skip
    assert (
        '    name: "ant",\n    id: 1,\n' in (tmp_path / "train/objects_label_map.pbtxt").read_text()
    )
    (record,) = examples(tmp_path / "train/objects.tfrecord")
    assert "image/source_id" not in record.names()
    assert dm.Dataset.detect(tmp_path) == "roboflow_tfrecord"


def test_roboflow_with_masks(tmp_path: Path):
    sent = sample(HOLDS, 4)
    received = written(sent, tmp_path, "roboflow_tfrecord", save_masks=True, save_media=True)
    assert not differences(sent, received, HOLDS)


def test_a_new_roboflow_export_leaves_no_old_subset(tmp_path: Path):
    old = dm.Dataset.from_iterable([dm.DatasetItem("a", subset=name) for name in ("train", "test")])
    old.export(tmp_path, "roboflow_tfrecord")
    found = written(
        dm.Dataset.from_iterable([dm.DatasetItem("b", subset="train")]),
        tmp_path,
        "roboflow_tfrecord",
    )
    assert [(i.subset, i.id) for i in found] == [("train", "b")]


def test_a_roboflow_subset_alone_has_no_place_to_be_saved_to(tmp_path: Path):
    root = roboflow(tmp_path)
    read(root, "roboflow_tfrecord").save()
    for path in (root / "train", root / "train/objects.tfrecord"):
        with pytest.raises(DatumaroError, match="bound to no folder"):
            read(path, "roboflow_tfrecord").save()


@pytest.mark.parametrize(
    ("subset", "error"),
    [(".", UnsupportedContentError), ("a/b", PathSeparatorInSubsetNameError)],
)
def test_roboflow_subsets_that_are_no_folders(tmp_path: Path, subset: str, error: type[Exception]):
    dataset = dm.Dataset.from_iterable([dm.DatasetItem("a", subset=subset)])
    with pytest.raises(error):
        dataset.export(tmp_path / "out", "roboflow_tfrecord")
    assert not list(tmp_path.iterdir())


# --- detection ------------------------------------------------------------------------------------


def test_detection(tmp_path: Path):
    root = with_records(tmp_path, HEAD)
    assert detect(root, "tf_detection_api") == Confidence.MEDIUM
    assert detect(root / "train.tfrecord", "tf_detection_api") == Confidence.LOW
    (root / "label_map.pbtxt").unlink()
    assert detect(root, "tf_detection_api") == Confidence.LOW
    (root / "train.tfrecord").write_bytes(bytes(100))
    assert "does not begin as a TFRecord file" in str(detect(root, "tf_detection_api"))
    assert "no *.tfrecord" in str(detect(make(tmp_path / "x", {"a": ""}), "tf_detection_api"))
    assert AnnotationType.mask in HOLDS.annotations
