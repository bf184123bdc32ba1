"""Reading CVAT: samples, shapes, labels, tracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import datumaro as dm
from datumaro.formats.base import Confidence
from datumaro.model.annotation import AnnotationType
from format_files import count, detect, label_names, make, png, read
from formats.cvat.cvat_files import LABELS, annotation, file, in_image


def test_sample_of_a_task(shared_data: Path):
    found = read(shared_data / "formats/cvat_dataset/for_images/export_task", "cvat")
    kinds = {"bbox": 1, "polyline": 1, "polygon": 1, "points": 1}
    assert count(found) == ({"train": 2}, kinds)
    box = found.get("img0", "train").annotations[0]
    assert box.attributes == {"occluded": True, "a1": True, "a2": "v3", "a3": "0003", "a4": 2.4}
    assert (box.label, box.z_order, box.points) == (0, 1, [0, 2, 4, 4])
    assert found.get("img1", "train").annotations[0].label is None
    assert found.get("img1", "train").media.path.endswith("images/img1.jpg")
    assert detect(shared_data / "formats/cvat_dataset/for_images/export_task", "cvat") is (
        Confidence.MEDIUM
    )


def test_sample_of_a_project(shared_data: Path):
    found = read(shared_data / "formats/cvat_dataset/for_images/export_project", "cvat")
    assert count(found)[0] == {"Test": 2, "Train": 2, "Validation": 2}
    assert found.get("img0", "Test").media.path.endswith("images/Test/img0.jpg")


def test_sample_of_a_video(shared_data: Path):
    found = read(shared_data / "formats/cvat_dataset/for_video", "cvat")
    assert count(found) == ({"annotations": 3}, {"bbox": 3, "points": 2, "polyline": 2})
    item = found.get("frame_000013", "annotations")
    assert item.attributes == {"frame": 13}
    assert item.media.path.endswith("images/frame_000013.png") and item.media.size == (20, 25)
    assert [(a.id, a.attributes["outside"], a.attributes.get("hgl")) for a in item.annotations] == [
        (0, True, None), (1, True, "jk"), (2, False, None),
    ]  # fmt: skip


def test_attributes_have_the_types_that_their_labels_declare(tmp_path: Path):
    found = annotation(
        tmp_path,
        '<box label="cat" occluded="1" xtl="1" ytl="2" xbr="3.5" ybr="4" z_order="-2" group_id="7">'
        '<attribute name="good">true</attribute><attribute name="age">7</attribute>'
        '<attribute name="color">a &lt;b&gt;\n&#13;</attribute>'
        '<attribute name="note">12</attribute></box>',
    )
    assert found.attributes == {
        "occluded": True, "good": True, "age": 7, "color": "a <b>\n\r", "note": "12",
    }  # fmt: skip
    assert (found.z_order, found.group, found.id, found.points) == (-2, 7, 0, [1, 2, 3.5, 4])


@pytest.mark.parametrize("text", ["many", "1e999", "nan", ""])
def test_numbers_that_are_none_stay_text(tmp_path: Path, text: str):
    found = annotation(
        tmp_path,
        f'<tag label="cat"><attribute name="age">{text}</attribute></tag>',
    )
    assert found.attributes == {"age": text}


def test_turned_boxes(tmp_path: Path):
    found = annotation(
        tmp_path, '<box label="dog" xtl="1" ytl="2" xbr="4" ybr="4" rotation="30.5"></box>'
    )
    assert isinstance(found, dm.RotatedBbox) and found.points == [2.5, 3, 3, 2, 30.5]


def test_ellipses(tmp_path: Path):
    turned = '<ellipse label="dog" cx="4" cy="3" rx="2" ry="1.5" rotation="10"></ellipse>'
    found = annotation(tmp_path, turned)
    assert isinstance(found, dm.Ellipse) and found.points == [2, 1.5, 6, 4.5]
    assert found.attributes == {"occluded": False, "rotation": 10}


def test_cuboids(tmp_path: Path):
    corners = " ".join(
        f'x{name}="{number}" y{name}="{number}.125"'
        for number, name in enumerate(("tl1", "bl1", "tr1", "br1", "tl2", "bl2", "tr2", "br2"))
    )
    found = annotation(tmp_path, f'<cuboid label="dog" {corners}></cuboid>')
    assert found.type is AnnotationType.cuboid_2d
    assert [x for x, _ in found.points] == [0, 2, 3, 1, 4, 6, 7, 5]
    assert found.points[1] == (2, 2.125)


def test_masks(tmp_path: Path):
    found = annotation(
        tmp_path,
        '<mask label="cat" rle="1, 2, 0, 1, 2" left="2" top="1" width="3" height="2"></mask>',
    )
    expected = np.zeros((6, 8), int)
    expected[1, 3:5] = expected[2, 2] = 1
    assert np.asarray(found.image).astype(int).tolist() == expected.tolist()


def test_skeletons(tmp_path: Path):
    found = annotation(
        tmp_path,
        '<skeleton label="body" z_order="1"><attribute name="a">b</attribute>'
        '<points label="nose" outside="0" occluded="1" points="1.5,2">'
        '<attribute name="c">d</attribute></points>'
        '<points label="nose" outside="1" points="3,4"></points></skeleton>',
    )
    assert isinstance(found, dm.Skeleton) and found.label == 2 and found.z_order == 1
    assert found.attributes == {"occluded": False, "a": "b"}
    assert [(e.points, list(e.visibility), e.label) for e in found.elements] == [
        ([1.5, 2], [1], 3), ([3, 4], [0], 3),
    ]  # fmt: skip
    assert found.elements[0].attributes == {"c": "d"}


def test_labels_have_parents_and_colors(tmp_path: Path):
    found = read(make(tmp_path, {"a.xml": file("")}), "cvat")
    labels = found.categories()[AnnotationType.label]
    assert [(label.name, label.parent) for label in labels] == [
        ("cat", ""), ("dog", ""), ("body", ""), ("nose", "body"),
    ]  # fmt: skip
    assert labels[0].attributes == {"good", "age", "color"}
    assert found.categories()[AnnotationType.mask].colormap == {0: (255, 0, 16)}


def test_parts_of_two_skeletons_with_one_name(tmp_path: Path):
    labels = "".join(
        f"<label><name>{name}</name></label><label><name>1</name><parent>{name}</parent></label>"
        for name in ("cat", "dog")
    )
    shape = '<skeleton label="dog"><points label="1" points="1,1"/></skeleton>'
    content = file(
        f'<image id="0" name="a.png">{shape}</image>', f"<task><labels>{labels}</labels></task>"
    )
    found = read(make(tmp_path, {"a.xml": content}), "cvat")
    assert label_names(found) == ["cat", "1", "dog", "dog/1"]
    assert next(iter(found)).annotations[0].elements[0].label == 3


def test_images_without_names_and_sizes(tmp_path: Path):
    (item,) = read(make(tmp_path, {"a.xml": file('<image id="12"/>')}), "cvat")
    assert (item.id, item.attributes) == ("frame_000012", {"frame": 12})


def test_images_lie_in_images_or_beside(tmp_path: Path):
    content = file('<image id="0" name="b/a.png"/>')
    for number, place in enumerate(("images/train", "images", ".")):
        root = make(tmp_path / str(number), {"train.xml": content})
        make(root / place, {"b/a.png": png(np.zeros((6, 8), np.uint8))})
        (item,) = read(root, "cvat")
        assert (item.id, item.media.data.shape[:2]) == ("b/a", (6, 8))


def test_several_files_are_subsets(tmp_path: Path):
    names = "".join(f"<label><name>{name}</name></label>" for name in ("dog", "owl"))
    other = f"<task><labels>{names}</labels></task>"
    files = {
        "train.xml": in_image('<tag label="dog"/>'),
        "val.xml": file('<image id="3" name="a.png"><tag label="owl"/></image>', other),
    }
    found = read(make(tmp_path, files), "cvat")
    assert label_names(found) == ["cat", "dog", "body", "nose", "owl"]
    assert [found.get("a", s).annotations[0].label for s in ("train", "val")] == [1, 4]
    assert count(read(tmp_path / "val.xml", "cvat"))[0] == {"val": 1}


def test_tracks_of_several_tasks(tmp_path: Path):
    """Each task counts its own frames."""
    meta = (
        "<project><tasks><task><id>1</id><original_size><width>8</width><height>6</height>"
        f"</original_size></task><task><id>2</id></task></tasks>{LABELS}</project>"
    )
    track = (
        '<track id="{0}" label="dog" task_id="{1}" subset="train">'
        '<box frame="5" outside="0" keyframe="1" xtl="1" ytl="2" xbr="3" ybr="4"/></track>'
    )
    content = file("".join(track.format(n, task) for n, task in enumerate((1, 2))), meta)
    found = read(make(tmp_path, {"a.xml": content}), "cvat")
    assert {item.id for item in found} == {"1/frame_000005", "2/frame_000005"}
    assert found.get("1/frame_000005", "train").media.size == (6, 8)


def test_tracks_beside_images(tmp_path: Path):
    """The shape of an image's frame is the image's."""
    content = file(
        '<image id="1" name="one.png"><tag label="cat"/></image><image id="2" name="two.png"/>'
        '<track id="9" label="dog">'
        '<points frame="2" keyframe="1" points="1,1"/><points frame="3" points="2,2"/></track>'
    )
    found = read(make(tmp_path, {"a.xml": content}), "cvat")
    assert {item.id: [a.type.name for a in item.annotations] for item in found} == {
        "one": ["label"], "two": ["points"], "frame_000003": ["points"],
    }  # fmt: skip
    assert found.get("two", "a").annotations[0].attributes["track_id"] == 9
