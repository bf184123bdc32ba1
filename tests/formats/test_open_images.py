"""Open Images: tables of labels, boxes and masks."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

import datumaro as dm
from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    MediaTypeError,
    PathOutsideDatasetError,
    PathSeparatorInSubsetNameError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats import registry
from datumaro.formats.base import Confidence, Folder, ReadContext, Rejected
from datumaro.formats.detection import detect
from datumaro.options import make_options
from format_files import label_names

NAME = "open_images"
CLASSES = "/m/cat,Cat\n/m/dog,Dog\n"
BOX_HEADER = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,"
    "IsDepiction,IsInside\n"
)
MASK_HEADER = (
    "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks\n"
)
LABEL_HEADER = "ImageID,Source,LabelName,Confidence\n"


def png(pixels: Any) -> bytes:
    out = io.BytesIO()
    PILImage.fromarray(np.array(pixels, np.uint8)).save(out, "PNG")
    return out.getvalue()


def make(root: Path, **files: str | bytes) -> Path:
    """A data set of an image ``a`` of 10 x 20 pixels; names of files have ``__`` for ``-``."""
    whole: dict[str, str | bytes] = {
        "class__descriptions": CLASSES,
        "train__images__with__rotation": "ImageID,Subset\na,train\n",
    }
    for name, content in (whole | files).items():
        path = root / "annotations" / (name.replace("__", "-") + ".csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    (root / "annotations/images.meta").write_text("a 10 20\n")
    return root


def with_boxes(root: Path, *rows: str) -> Path:
    return make(root, train__annotations__bbox=BOX_HEADER + "".join(f"{row}\n" for row in rows))


def with_masks(root: Path, *rows: str, **masks: bytes) -> Path:
    make(
        root, train__annotations__object__segmentation=MASK_HEADER + "".join(f"{r}\n" for r in rows)
    )
    (root / "masks/train").mkdir(parents=True)
    for name, data in masks.items():
        (root / f"masks/train/{name}.png").write_bytes(data)
    return root


def read(path: Path) -> dm.Dataset:
    return dm.Dataset.import_from(str(path), NAME)


def skipping(path: Path) -> tuple[dm.Dataset, int]:
    kind, context = registry.get(NAME), ReadContext(on_error="skip")
    content = kind.read(path, make_options(kind.read_options, {}, NAME), context)
    return content, context.n_problems


# --- reading ----------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    dataset = read(shared_data / "formats/open_images_dataset/v6")
    assert {name: len(subset) for name, subset in dataset.subsets().items()} == {
        "train": 2, "test": 1, "validation": 1,
    }  # fmt: skip
    found = Counter(a.type.name for item in dataset for a in item.annotations)
    assert found == {"label": 4, "bbox": 2, "mask": 1}
    labels = dataset.categories()[dm.AnnotationType.label]
    assert [(label.name, label.parent) for label in labels] == [
        ("/m/0", ""), ("/m/1", "/m/0"), ("/m/2", ""), ("/m/3", ""),
    ]  # fmt: skip
    b = dataset.get("b", "train")
    assert [a.type.name for a in b.annotations] == ["label", "bbox", "mask"]
    assert b.annotations[2].group == b.annotations[1].group == 1
    assert b.annotations[1].points == pytest.approx([1.6, 0.6, 8, 1])
    assert dataset.infos()["open_images"]["names"]["/m/0"] == "Generic label #0"


def test_boxes(tmp_path: Path):
    make(tmp_path, train__annotations__bbox=BOX_HEADER
         + "a,xclick,/m/dog,0.7,0.1,0.5,0,1,1,0,-1,1,-1\n"
         + "a,,/m/cat,1,0.25,0.3333,-0.1,1.1,,,,,\n")  # fmt: skip
    (one,) = read(tmp_path)
    first, second = one.annotations
    assert (first.points, first.label, first.group, first.id) == ([2, 0, 10, 10], 1, 1, 0)
    assert first.attributes == {
        "score": 0.7, "occluded": True, "truncated": False, "is_depiction": True,
    }  # fmt: skip
    assert second.points == pytest.approx([5, -1, 6.67, 11]) and second.group == 2
    assert second.attributes == {"score": 1.0}


def test_labels(tmp_path: Path):
    make(tmp_path, train__annotations__human__imagelabels=LABEL_HEADER
         + "a,verification,/m/dog,1\na,,/m/cat,0\nnew,,/m/cat,\n")  # fmt: skip
    found = {i.id: [(a.label, a.attributes) for a in i.annotations] for i in read(tmp_path)}
    assert found == {"a": [(1, {"score": 1.0}), (0, {"score": 0.0})], "new": [(0, {})]}


def test_masks(tmp_path: Path):
    mask = np.zeros((10, 20), np.uint8)
    mask[2:4, 5:9] = 255
    with_masks(
        tmp_path,
        "m1.png,a,/m/dog,0a,0.25,0.45,0.2,0.4,0.75,",
        "small.png,a,/m/cat,0b,,,,,,",
        "none.png,new,/m/cat,,,,,,,",
        m1=png(mask), small=png([[0, 1]]), none=png([[0, 0, 0]]),
    )  # fmt: skip
    (tmp_path / "annotations/train-annotations-bbox.csv").write_text(
        BOX_HEADER + "a,,/m/cat,1,0.25,0.45,0.2,0.4,-1,-1,-1,-1,-1\n"
        "a,,/m/dog,1,0.25,0.45,0.2,0.4000001,-1,-1,-1,-1,-1\n"
    )
    a, new = read(tmp_path)
    m1, small = a.annotations[2:]
    assert (m1.label, m1.group) == (1, 2)
    assert m1.attributes == {"box_id": "0a", "predicted_iou": 0.75}
    assert np.array_equal(m1.image, mask > 0)
    # in another size: that of the image
    assert small.image.shape == (10, 20) and not small.image[:, :10].any()
    assert small.image[:, 10:].all() and small.group == 0
    # of an image whose size is not known: that of the file
    assert new.annotations[0].image.tolist() == [[False] * 3]
    assert new.annotations[0].attributes == {}


@pytest.mark.parametrize("place", ["annotations", "."])
def test_where_the_files_lie(tmp_path: Path, place: str):
    make(tmp_path / "in")
    (tmp_path / "in/annotations").rename(tmp_path / "x")
    (tmp_path / "in" / place).mkdir(parents=True, exist_ok=True)
    for path in (tmp_path / "x").iterdir():
        path.rename(tmp_path / "in" / place / path.name)
    assert [one.id for one in read(tmp_path / "in")] == ["a"]
    if place == "annotations":
        (tmp_path / "in/images/train").mkdir(parents=True)
        (tmp_path / "in/images/train/a.png").write_bytes(b"")
        (one,) = read(tmp_path / "in/annotations")
        assert Path(one.media.path) == tmp_path / "in/images/train/a.png"


def test_lists_of_several_versions(tmp_path: Path):
    (tmp_path / "annotations").mkdir()
    for name, text in {
        "oidv6-class-descriptions.csv": "LabelName,DisplayName\n/m/x,An x\n",
        "image_ids_and_rotation.csv": "Subset,ImageID\nval,1\nval,2\ntest,1\n",
        "train-images-boxable-with-rotation.csv": 'ImageID,Subset,Title\n3,train,"a, b"\n4,train\n',
        "oidv6-val-annotations-human-imagelabels.csv": LABEL_HEADER + "2,,/m/x,1\n3,,/m/x,1\n",
    }.items():
        (tmp_path / "annotations" / name).write_text(text)
    dataset = read(tmp_path)
    assert [(i.id, i.subset, len(i.annotations)) for i in dataset] == [
        ("1", "val", 0), ("2", "val", 1), ("1", "test", 0), ("3", "train", 1), ("4", "train", 0),
    ]  # fmt: skip


def test_images(tmp_path: Path):
    make(tmp_path, train__images__with__rotation="ImageID,Subset\na,train\nb,train\nc,train\n")
    (tmp_path / "images/train").mkdir(parents=True)
    PILImage.new("RGB", (4, 3)).save(tmp_path / "images/train/b.png")
    a, b, c = read(tmp_path)
    assert Path(a.media.path) == tmp_path / "images/train/a.jpg" and a.media.size == (10, 20)
    assert Path(b.media.path) == tmp_path / "images/train/b.png" and not b.media.has_size
    assert c.media is None


def test_sizes_of_images_with_boxes_are_looked_for(tmp_path: Path):
    with_boxes(tmp_path, "b,,/m/cat,1,0.5,1,0.5,1,-1,-1,-1,-1,-1")
    with pytest.raises(InvalidAnnotationError, match=r"image 'b' of subset 'train'.*images\.meta"):
        read(tmp_path)
    content, n_problems = skipping(tmp_path)
    assert n_problems == 1 and len(content) == 2
    (tmp_path / "images/train").mkdir(parents=True)
    PILImage.new("RGB", (4, 2)).save(tmp_path / "images/train/b.png")
    assert read(tmp_path).get("b", "train").annotations[0].points == [2, 1, 4, 2]


def test_dataset_meta(tmp_path: Path):
    with_boxes(tmp_path, "a,,x,1,0.5,1,0.5,1,-1,-1,-1,-1,-1")
    (tmp_path / "dataset_meta.json").write_text('{"labels": ["y", "x"]}')
    dataset = read(tmp_path)
    assert label_names(dataset) == ["y", "x"]
    assert next(iter(dataset)).annotations[0].label == 1


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row, error, says",
    [
        ("a,,/m/cow,1,0,1,0,1,0,0,0,0,0", UndeclaredLabelError, "line 2: label '/m/cow'; .* the 2"),
        ("a,,/m/cat,1,0,x,0,1,0,0,0,0,0", MalformedFileError, "line 2: XMax 'x'"),
        ("a,,/m/cat,1,0,,0,1,0,0,0,0,0", InvalidAnnotationError, "line 2: the box 0, 0, nan, 1"),
        ("a,,/m/cat,1,0,inf,0,1,0,0,0,0,0", InvalidAnnotationError, "line 2: the box"),
        ("a,,/m/cat,1,0,1e9,0,1,0,0,0,0,0", InvalidAnnotationError, "shares of the image's size"),
        (",,/m/cat,1,0,1,0,1,0,0,0,0,0", InvalidAnnotationError, "line 2: no ImageID"),
    ],
)
def test_bad_boxes(tmp_path: Path, row: str, error: type[DatasetImportError], says: str):
    with_boxes(tmp_path, row)
    with pytest.raises(error, match=says) as caught:
        read(tmp_path)
    assert "train-annotations-bbox.csv" in str(caught.value)
    content, n_problems = skipping(tmp_path)
    assert n_problems >= 1 and not any(len(chunk.annotations) for chunk in content.chunks)


@pytest.mark.parametrize(
    "row, data, says",
    [
        ("m.png,a,/m/dog,0,,,,,,", b"", "an empty file"),
        ("m.png,a,/m/dog,0,,,,,,", png([[1]])[:45], "damaged"),
        ("other.png,a,/m/dog,0,,,,,,", b"", r"other\.png: there is no such file"),
        (",a,/m/dog,0,,,,,,", b"", "line 2: no MaskPath"),
        ("m.png,a,/m/dog,0,,,,,x,", b"", "line 2: PredictedIoU 'x'"),
    ],
)
def test_bad_masks(tmp_path: Path, row: str, data: bytes, says: str):
    with_masks(tmp_path, row, m=data)
    with pytest.raises(DatasetImportError, match=says):
        read(tmp_path)
    content, n_problems = skipping(tmp_path)
    assert n_problems == 1 and len(content) == 1


@pytest.mark.parametrize("path", ["../../../x.png", "/etc/x.png"])
def test_paths_of_masks_may_not_lead_out(tmp_path: Path, path: str):
    with_masks(tmp_path, f"{path},a,/m/dog,0,,,,,,")
    with pytest.raises(PathOutsideDatasetError, match="MaskPath"):
        read(tmp_path)


def test_names_of_subsets_and_images_may_not_lead_out(tmp_path: Path):
    make(tmp_path, train__images__with__rotation="")
    (tmp_path / "annotations/train-images-with-rotation.csv").unlink()
    (tmp_path / "annotations/image_ids_and_rotation.csv").write_text("ImageID,Subset\nx,../..\n")
    with pytest.raises(PathOutsideDatasetError, match="subset"):
        read(tmp_path)
    make(tmp_path, train__images__with__rotation="ImageID\n../../x\n")
    (tmp_path / "annotations/image_ids_and_rotation.csv").unlink()
    (tmp_path / "annotations/images.meta").write_text("../../x 1 2\n")
    with pytest.raises(PathOutsideDatasetError, match="image's id"):
        read(tmp_path)


@pytest.mark.parametrize(
    "name, text, says",
    [
        ("train-images-with-rotation.csv", "ImageID\na\na\n", "line 3: image 'a' .* again"),
        ("train-images-with-rotation.csv", "Subset\na\n", "expected one column ImageID"),
        ("train-images-with-rotation.csv", "", "an empty file"),
        ("class-descriptions.csv", "/m/a,x\n/m/b,y\n/m/a,z\n", "line 3: label '/m/a' again"),
        ("class-descriptions.csv", ",x\n", "line 1: label ''"),
        ("class-descriptions.csv", "\xff", "not UTF-8"),
        ("bbox_labels_600_hierarchy.json", "{", "not JSON"),
        ("bbox_labels_600_hierarchy.json", "[1]", "LabelName"),
        ("bbox_labels_600_hierarchy.json", '{"LabelName": "x", "Subcategory": 1}', "a list"),
        ("images.meta", "a b c d\n", "line 1"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, text: str, says: str):
    make(tmp_path)
    (tmp_path / "annotations" / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(DatasetImportError, match=says) as caught:
        read(tmp_path)
    assert name in str(caught.value)


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match="no list of classes"):
        read(tmp_path)
    (tmp_path / "class-descriptions.csv").write_text(CLASSES)
    dataset = read(tmp_path)
    assert len(dataset) == 0 and label_names(dataset) == ["/m/cat", "/m/dog"]


# --- writing ----------------------------------------------------------------------------------


def item(item_id: str, *annotations: Any, subset: str = "train", **more: Any) -> dm.DatasetItem:
    media = dm.Image.from_numpy(data=np.zeros((10, 20, 3), np.uint8), ext=".png")
    return dm.DatasetItem(item_id, **{"subset": subset, "media": media,
                                      "annotations": list(annotations)} | more)  # fmt: skip


def dataset_of(*items: dm.DatasetItem) -> dm.Dataset:
    labels = dm.LabelCategories.from_iterable(["animal", ("cat", "animal"), ("/m/0", "cat"), "dog"])
    return dm.Dataset.from_iterable(items, categories={dm.AnnotationType.label: labels})


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_what_is_written(tmp_path: Path):
    mask = np.zeros((10, 20), bool)
    mask[2:4, 5:9] = True
    a = item(
        "a",
        dm.Label(3, attributes={"score": 0.5}),
        dm.Bbox(5, 2, 4, 2, label=2, group=7, attributes={"occluded": True, "is_inside": False}),
        dm.Mask(mask, label=2, group=7, attributes={"box_id": "ff", "predicted_iou": 0.25}),
        dm.Mask(mask, label=2),
        dm.Mask(mask, label=2),
    )
    dataset_of(a, item("b c", subset="val")).export(str(tmp_path), NAME, save_media=True)
    assert files(tmp_path) == [
        "annotations/bbox_labels_600_hierarchy.json",
        "annotations/class-descriptions.csv",
        "annotations/images.meta",
        "annotations/train-annotations-bbox.csv",
        "annotations/train-annotations-human-imagelabels.csv",
        "annotations/train-annotations-object-segmentation.csv",
        "annotations/train-images-with-rotation.csv",
        "annotations/val-images-with-rotation.csv",
        "images/train/a.png",
        "images/val/b c.png",
        "masks/train/a_m0_00000000.png",
        "masks/train/a_m0_00000000_2.png",
        "masks/train/a_m0_ff.png",
    ]
    text = {p.name: p.read_text() for p in (tmp_path / "annotations").iterdir()}
    assert text["train-annotations-bbox.csv"] == (
        BOX_HEADER + "a,,/m/0,1,0.25,0.45,0.2,0.4,1,-1,-1,-1,0\n"
    )
    assert text["train-annotations-human-imagelabels.csv"] == LABEL_HEADER + "a,,dog,0.5\n"
    assert text["train-annotations-object-segmentation.csv"] == (
        MASK_HEADER + "a_m0_ff.png,a,/m/0,ff,0.25,0.45,0.2,0.4,0.25,\n"
        "a_m0_00000000.png,a,/m/0,00000000,,,,,,\na_m0_00000000_2.png,a,/m/0,00000000,,,,,,\n"
    )
    tree = json.loads(text["bbox_labels_600_hierarchy.json"])
    assert tree == {
        "LabelName": "/m/1",  # the first free one
        "Subcategory": [
            {
                "LabelName": "animal",
                "Subcategory": [{"LabelName": "cat", "Subcategory": [{"LabelName": "/m/0"}]}],
            }
        ],
    }
    again = read(tmp_path)
    labels = again.categories()[dm.AnnotationType.label]
    assert [(label.name, label.parent) for label in labels] == [
        ("animal", ""), ("cat", "animal"), ("/m/0", "cat"), ("dog", ""),
    ]  # fmt: skip
    found = again.get("a", "train").annotations
    assert [f.type.name for f in found] == ["label", "bbox", "mask", "mask", "mask"]
    assert found[1].points == [5, 2, 9, 4] and found[1].group == found[2].group == 1
    assert all(np.array_equal(one.image, mask) for one in found[2:])
    again.export(str(tmp_path / "again"), NAME)
    for name, before in text.items():
        assert (tmp_path / "again/annotations" / name).read_text() == before


def test_odd_names(tmp_path: Path):
    ids = ["with space", "dots.in.it", "dir/näme", 'quote"s, and commas', "-dash"]
    made = [item(one, dm.Bbox(1, 2, 3, 4, label=0), dm.Mask(np.ones((10, 20)), label=0))
            for one in ids]  # fmt: skip
    labels = dm.LabelCategories.from_iterable(['a "label", 猫'])
    dataset = dm.Dataset.from_iterable(made, categories={dm.AnnotationType.label: labels})
    dataset.export(str(tmp_path), NAME, save_media=True)
    again = read(tmp_path)
    assert [one.id for one in again] == ids and label_names(again) == ['a "label", 猫']
    assert all(len(one.annotations) == 2 and one.media.data is not None for one in again)


def test_one_id_in_two_subsets(tmp_path: Path):
    box = dm.Bbox(1, 2, 3, 4, label=0)
    made = [item("a", box), item("a", dm.Label(1), subset="val")]
    dataset_of(*made).export(str(tmp_path), NAME)
    found = {(i.id, i.subset): [a.type.name for a in i.annotations] for i in read(tmp_path)}
    assert found == {("a", "train"): ["bbox"], ("a", "val"): ["label"]}
    small = dm.Image.from_numpy(data=np.zeros((1, 2, 3), np.uint8))
    made[1].media = small
    made[1].annotations = [box]
    with pytest.raises(UnsupportedContentError, match="different sizes"):
        dataset_of(*made).export(str(tmp_path / "x"), NAME)


def test_empty(tmp_path: Path):
    dataset_of().export(str(tmp_path / "none"), NAME)
    assert files(tmp_path / "none") == [
        "annotations/bbox_labels_600_hierarchy.json", "annotations/class-descriptions.csv",
    ]  # fmt: skip
    dataset_of(dm.DatasetItem("a"), item("b")).export(str(tmp_path / "bare"), NAME)
    assert [(i.id, i.subset) for i in read(tmp_path / "bare")] == [("a", "default"), ("b", "train")]


def test_what_cannot_be_held(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    box = dm.Bbox(1, 2, 3, 4, label=0, attributes={"occluded": "perhaps"})
    made = [
        item("a", box, dm.Label(99), dm.Mask(np.ones((3, 3)), label=0)),
        dm.DatasetItem("no size", annotations=[dm.Bbox(1, 2, 3, 4, label=0)]),
    ]
    dataset_of(*made).export(str(tmp_path), NAME)
    for text in (
        "1 values of attributes that are of another kind",
        "1 labels that are not declared",
        "1 sizes of masks that are not their image's",
        "1 boxes of images whose size is not known (first: item 'no size')",
    ):
        assert text in caplog.text


def test_parents_in_circles(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    labels = dm.LabelCategories.from_iterable([("a", "b"), ("b", "a"), ("c", "a"), ("d", "e")])
    dm.Dataset.from_iterable([item("x")], categories={dm.AnnotationType.label: labels}).export(
        str(tmp_path), NAME
    )
    assert "3 parents of labels in circles" in caplog.text
    found = read(tmp_path).categories()[dm.AnnotationType.label]
    assert [(label.name, label.parent) for label in found] == [
        ("a", ""), ("b", ""), ("c", ""), ("d", "e"),
    ]  # fmt: skip


@pytest.mark.parametrize("subset", ["oidv6-train", "a/b"])
def test_bad_subsets(tmp_path: Path, subset: str):
    with pytest.raises((UnsupportedContentError, PathSeparatorInSubsetNameError)):
        dataset_of(item("a", subset=subset)).export(str(tmp_path / "x"), NAME)
    assert not (tmp_path / "x").exists()


def test_bad_ids_masks_and_media(tmp_path: Path):
    with pytest.raises(UnsupportedContentError, match="line break"):
        dataset_of(item("a\nb")).export(str(tmp_path / "x"), NAME)
    damaged = dm.RleMask({"counts": b"\xff", "size": [10, 20]}, label=0)
    with pytest.raises(UnsupportedContentError, match="item 'a': a mask is damaged"):
        dataset_of(item("a", damaged)).export(str(tmp_path / "x"), NAME)
    cloud = dm.DatasetItem("x", media=dm.PointCloud.from_file(path="x.pcd"))
    with pytest.raises(MediaTypeError, match="PointCloud"):
        dm.Dataset.from_iterable([cloud], media_type=dm.PointCloud).export(
            str(tmp_path / "x"), NAME
        )
    assert not (tmp_path / "x").exists()


# --- detection --------------------------------------------------------------------------------


def test_detection(tmp_path: Path):
    make(tmp_path / "in")
    assert detect(tmp_path / "in").formats == [NAME]
    kind = registry.get(NAME)
    assert kind.detect(Folder(tmp_path / "in/annotations")) == Confidence.MEDIUM
    (tmp_path / "in/annotations/train-images-with-rotation.csv").unlink()
    with pytest.raises(Rejected, match="beside it"):
        kind.detect(Folder(tmp_path / "in"))
    (tmp_path / "in/annotations/class-descriptions.csv").unlink()
    with pytest.raises(Rejected, match=r"class-descriptions\.csv"):
        kind.detect(Folder(tmp_path / "in"))
    with pytest.raises(Rejected, match="a file"):
        kind.detect(Folder(tmp_path / "in/annotations/images.meta"))
