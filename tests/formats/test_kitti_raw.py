"""KITTI raw data: what is read from its files, what is written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    MediaTypeError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats.base import Confidence
from datumaro.model.media import PointCloud
from format_files import detect, image, label_names, lost, make, png, read, written

XML = "tracklet_labels.xml"


def pose(**changes: object) -> str:
    fields = {"tx": 1, "ty": 2, "tz": 3, "rx": 0, "ry": 0, "rz": 0.5, "occlusion": 0, **changes}
    return "<item>" + "".join(f"<{k}>{v}</{k}>" for k, v in fields.items()) + "</item>"


def tracklet(*poses: str, label: str = "Car", first: object = 0, more: str = "") -> str:
    return (
        f"<item><objectType>{label}</objectType><h>1.5</h><w>2</w><l>4</l>"
        f"<first_frame>{first}</first_frame><poses>{''.join(poses)}</poses>{more}</item>"
    )


def archive(*tracklets: str) -> str:
    return (
        '<?xml version="1.0"?>\n<!DOCTYPE boost_serialization>\n<boost_serialization>\n'
        f"<tracklets>{chr(10).join(tracklets)}</tracklets>\n</boost_serialization>"
    )


def shapes(item: dm.DatasetItem) -> list[tuple[object, ...]]:
    return [(a.label, a.position, a.rotation, a.scale, a.attributes) for a in item.annotations]


def frames(*items: dm.DatasetItem, labels: tuple[str, ...] = ("car", "bus")) -> dm.Dataset:
    return dm.Dataset.from_iterable(items, categories=labels, media_type=PointCloud)


def at(item_id: str, frame: int, *annotations: object) -> dm.DatasetItem:
    return dm.DatasetItem(item_id, annotations=list(annotations), attributes={"frame": frame})


def cuboid(x: float = 1, label: int | None = 0, size: float = 1, **attributes: object) -> object:
    return dm.Cuboid3d([x, 2, 3], [0, 0, 0.5], [size, 1, 1], label=label, attributes=attributes)


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    root = shared_data / "formats/kitti_dataset/kitti_raw"
    found = read(root, "kitti_raw")
    assert label_names(found) == ["bus", "car"]
    assert found.media_type() is PointCloud
    assert [(i.id, i.subset, i.attributes) for i in found] == [
        (f"000000000{n}", "default", {"frame": n}) for n in range(3)
    ]
    first = found.get("0000000000")
    assert shapes(first) == [
        (1, [1, 2, 3], [0, 0, 0], [-3.62, 7.95, -1.03], {"occluded": False, "track_id": 1}),
        (0, [1, 1, 0], [0, 0, 0], [23.01, 8.34, -0.76], {"occluded": False, "track_id": 2}),
    ]
    assert first.media.path.endswith("velodyne_points/data/0000000000.pcd")
    assert [i.path[-24:] for i in first.media.extra_images] == [
        "IMAGE_00/data/0000000000.png"[-24:]
    ]
    assert shapes(found.get("0000000001"))[0][4] == {"occluded": True, "track_id": 2}
    assert dm.Dataset.detect(root) == "kitti_raw"


def test_what_is_out_of_the_image_is_no_object(tmp_path: Path):
    poses = [pose(), pose(truncation=2), pose(truncation=99), pose(truncation=1)]
    make(tmp_path, {XML: archive(tracklet(*poses, first=7))})
    found = read(tmp_path, "kitti_raw")
    assert [(i.id, i.attributes["frame"]) for i in found] == [
        ("0000000007", 7), ("0000000010", 10),
    ]  # fmt: skip


def test_occlusion_that_is_not_set_is_that_of_the_last_key_frame(tmp_path: Path):
    poses = [
        pose(occlusion=2, occlusion_kf=1),
        pose(occlusion=-1),
        pose(occlusion=0, occlusion_kf=1),
        pose(occlusion="OcclusionStates.OCCLUSION_UNSET"),
        pose(occlusion="OcclusionStates.PARTLY"),
    ]
    make(tmp_path, {XML: archive(tracklet(*poses))})
    found = read(tmp_path, "kitti_raw")
    assert [i.annotations[0].attributes["occluded"] for i in found] == [
        True, True, False, False, True,
    ]  # fmt: skip


def test_attributes(tmp_path: Path):
    def attributes(**values: str) -> str:
        inner = "".join(
            f"<attribute><name>{k}</name><value>{v}</value></attribute>" for k, v in values.items()
        )
        return f"<attributes>{inner}</attributes>"

    mine = attributes(n="3", color="dark red", ok="false", x="0.5")
    poses = [pose()[: -len("</item>")] + mine + "</item>", pose()]
    make(tmp_path, {XML: archive(tracklet(*poses, more=attributes(make="VW", color="blue")))})
    first, second = read(tmp_path, "kitti_raw")
    assert first.annotations[0].attributes == {
        "make": "VW", "color": "dark red", "n": 3, "ok": False, "x": 0.5, "occluded": False,
        "track_id": 1,
    }  # fmt: skip
    assert second.annotations[0].attributes["color"] == "blue"
    labels = read(tmp_path, "kitti_raw").categories()[dm.AnnotationType.label]
    assert labels.attributes == {"occluded"}
    assert labels[0].attributes == {"make", "color", "n", "ok", "x"}


def test_names_of_frames(tmp_path: Path):
    make(
        tmp_path,
        {
            XML: archive(tracklet(pose(), pose(), first=4)),
            "frame_list.txt": "# frames\n\n4 a b\n9 sub/c\n",
            "velodyne_points/data/a b.pcd": "",
            "velodyne_points/data/sub/c.bin": "",
            "velodyne_points/data/other.pcd": "",
            "image_02/data/a b.png": "",
            "image_03/data/a b.jpg": "",
        },
    )
    found = list(read(tmp_path, "kitti_raw"))
    assert [(i.id, i.attributes["frame"], len(i.annotations)) for i in found] == [
        ("a b", 4, 1), ("0000000005", 5, 1), ("sub/c", 9, 0),
    ]  # fmt: skip
    assert [Path(i.path).parts[-3] for i in found[0].media.extra_images] == ["image_02", "image_03"]
    assert found[1].media is None
    assert found[2].media.path.endswith("sub/c.bin")


def test_point_clouds_without_objects_are_items(tmp_path: Path):
    names = ("0000000001.bin", "1.bin", "x.pcd", "notes.txt")
    make(tmp_path, {XML: archive(), **{f"velodyne_points/data/{n}": "" for n in names}})
    assert [(i.id, i.attributes) for i in read(tmp_path, "kitti_raw")] == [
        ("0000000001", {"frame": 1}), ("1", {}), ("x", {}),
    ]  # fmt: skip


def test_labels_of_dataset_meta_are_the_only_ones(tmp_path: Path):
    make(
        tmp_path,
        {
            XML: archive(tracklet(pose()), tracklet(pose(), label="Van")),
            "dataset_meta.json": '{"labels": ["Bus", "Car"]}',
        },
    )
    with pytest.raises(UndeclaredLabelError, match=rf"{XML}: line 5: label 'Van'; expected one"):
        read(tmp_path, "kitti_raw")
    found = read(tmp_path, "kitti_raw", error_policy="skip")
    assert label_names(found) == ["Bus", "Car"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (tracklet(pose(tx="x")), "line 4: <tx> 'x'; expected a number up to 1e"),
        (tracklet(pose(rz="1e999")), "<rz> '1e999'"),
        (tracklet(pose(ty="nan")), "<ty> 'nan'"),
        (tracklet("<item><tx>1</tx></item>"), "no <ty>"),
        (tracklet(pose(occlusion="half")), "<occlusion> 'half'; expected an integer"),
        (tracklet(pose(), first=""), "<first_frame> ''; expected an integer"),
        (tracklet(pose(), first=-1), "first_frame -1; expected 0 to"),
        (tracklet(pose(), first=10**30), "<first_frame> '1000000000000"),
        (tracklet(pose(), pose(), first=2**31 - 1), f"frame {2**31}; expected frames up to"),
        (tracklet(pose(), label=" "), "no <objectType>; expected a label"),
        ("<item/>", "no <objectType>"),
    ],
)
def test_wrong_objects(tmp_path: Path, text: str, says: str):
    make(tmp_path, {XML: archive(text, tracklet(pose(), first=5))})
    with pytest.raises(InvalidAnnotationError, match=rf"{XML}: line \d: .*") as error:
        read(tmp_path, "kitti_raw")
    assert says in str(error.value)
    found = read(tmp_path, "kitti_raw", error_policy="skip")
    assert found.get("0000000005").annotations[0].attributes["track_id"] == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "Document is empty|not XML"),
        (archive(tracklet(pose()))[:-30], "line .*expected whole XML"),
        ("<a><boost_serialization/><tracklets/></a>", "line 1: <a>; expected <boost_serial"),
        (archive().replace("<!DOCTYPE boost_serialization>", "<!DOCTYPE x>"), "document type"),
        (
            archive().replace("serialization>", 'serialization [<!ENTITY a "b">]>', 1),
            "a document type declaration",
        ),
        (
            archive().replace("serialization>", 'serialization SYSTEM "/etc/passwd">', 1),
            "a document type declaration",
        ),
    ],
)
def test_wrong_files(tmp_path: Path, content: str, says: str):
    make(tmp_path, {XML: content})
    for policy in ("fail", "skip"):
        with pytest.raises(MalformedFileError, match=says):
            read(tmp_path, "kitti_raw", error_policy=policy)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("0 a\nb\n", "line 2: 'b'; expected a frame's number and its name"),
        ("0 \n", "line 1"),
        ("-1 a\n", "line 1"),
        ("99999999999 a", "line 1"),
        ("0 a\n0 b", "line 2: frame 0 a second time; expected each frame once"),
        ("0 a\n1 a", "line 2: item id 'a' a second time in subset 'default', after line 1"),
    ],
)
def test_wrong_lists_of_frames(tmp_path: Path, lines: str, says: str):
    make(tmp_path, {XML: archive(), "frame_list.txt": lines})
    with pytest.raises(MalformedFileError, match=f"frame_list.txt: {says}"):
        read(tmp_path, "kitti_raw")


def test_where_it_is_looked_for(tmp_path: Path):
    make(tmp_path, {"a/b/other.xml": archive(tracklet(pose())), "a/b/x.xml": "<x/>"})
    for path in (tmp_path, tmp_path / "a/b", tmp_path / "a/b/other.xml"):
        assert len(read(path, "kitti_raw")) == 1
    with pytest.raises(DatasetNotFoundError, match=r"no tracklet_labels\.xml"):
        read(make(tmp_path / "empty", {"x.xml": "<x/>"}), "kitti_raw")
    make(tmp_path, {"c/b/other.xml": archive()})
    with pytest.raises(DatasetNotFoundError, match="several data sets"):
        read(tmp_path, "kitti_raw")


# --- writing ------------------------------------------------------------------------------------


def test_tracks_and_gaps(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = frames(
        at("a", 3, cuboid(1, track_id=7), cuboid(5, 1)),
        at("b", 6, cuboid(2, track_id=7, occluded=True)),
        at("c", 0),
        dm.DatasetItem("d"),
    )
    received = written(sent, tmp_path, "kitti_raw")
    assert (tmp_path / "frame_list.txt").read_text() == "0 c\n1 d\n3 a\n6 b\n"
    assert [(i.id, i.attributes["frame"]) for i in received] == [
        ("c", 0), ("d", 1), ("a", 3), ("b", 6),
    ]  # fmt: skip
    tracks = [a.attributes["track_id"] for i in received for a in i.annotations]
    assert tracks == [1, 2, 1]
    assert received.get("b").annotations[0].attributes["occluded"] is True
    text = (tmp_path / XML).read_text()
    assert text.count("<truncation>2</truncation>") == 2
    assert lost(caplog) == ""


def test_tracks_that_change(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = frames(
        at("a", 0, cuboid(track_id=1), cuboid(2, track_id=1), cuboid(track_id=2)),
        at("b", 1, cuboid(size=2, track_id=2), cuboid(track_id=3)),
        at("c", 10**9, cuboid(track_id=3)),
    )
    received = written(sent, tmp_path, "kitti_raw")
    assert sum(len(i.annotations) for i in received) == 6
    assert "3 tracks as one, since in them label or size changes" in lost(caplog)
    assert (tmp_path / XML).stat().st_size < 10000


def test_attributes_are_written_when_asked_for(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    values = {"n": 3, "color": "a <b> & c", "ok": False, "real": 0.5, "bad": "\1", "list": [1]}
    sent = frames(dm.DatasetItem("a", annotations=[cuboid(**values)]))
    (plain,) = written(sent, tmp_path / "plain", "kitti_raw")
    assert plain.annotations[0].attributes == {"occluded": False, "track_id": 1}
    assert "1 attributes of 3D cuboids" in lost(caplog)
    caplog.clear()
    (item,) = written(sent, tmp_path / "all", "kitti_raw", allow_attrs=True)
    kept = {k: v for k, v in values.items() if k not in ("bad", "list")}
    assert item.annotations[0].attributes == {**kept, "occluded": False, "track_id": 1}
    assert "1 attributes with control characters" in lost(caplog)
    assert "1 attributes of 3D cuboids" in lost(caplog)


def test_what_frames_and_tracks_cannot_be(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = frames(
        dm.DatasetItem("a", attributes={"frame": -1}, annotations=[cuboid(track_id="x")]),
        dm.DatasetItem("b", attributes={"frame": True}, annotations=[cuboid(occluded="half")]),
        dm.DatasetItem("c", annotations=[cuboid(label=9), cuboid(label=None)]),
    )
    received = written(sent, tmp_path, "kitti_raw")
    assert [(i.id, i.attributes["frame"], len(i.annotations)) for i in received] == [
        ("a", 0, 1), ("b", 1, 1), ("c", 2, 0),
    ]  # fmt: skip
    for what in (
        "2 numbers of frames that are none",
        "1 values of track_id that are no integers",
        "1 values of occluded but yes and no",
        "1 annotations of a label that is not among the categories",
        "1 3D cuboids without a label",
    ):
        assert what in lost(caplog)


def test_frames_that_occur_twice(tmp_path: Path):
    sent = frames(*(dm.DatasetItem(name, attributes={"frame": 4}) for name in "ab"))
    with pytest.raises(UnsupportedContentError, match=r"items 'a' and 'b' are both frame 4"):
        sent.export(tmp_path / "out", "kitti_raw")
    received = written(sent, tmp_path / "anew", "kitti_raw", reindex=True)
    assert [i.attributes["frame"] for i in received] == [0, 1]


def test_media_are_saved_by_camera(tmp_path: Path):
    source = make(
        tmp_path / "in", {"image_03/data/x.png": png(np.ones((1, 1), np.uint8)), "b.pcd": "points"}
    )
    pictures = [
        dm.Image.from_file(source / "image_03/data/x.png"),
        image(),
        dm.Image.from_file(source / "image_03/data/x.png"),
    ]
    cloud = PointCloud.from_file(source / "b.pcd", extra_images=pictures)
    sent = frames(dm.DatasetItem("a b", media=cloud))
    (item,) = written(sent, tmp_path / "out", "kitti_raw", save_media=True)
    assert item.media.bytes == b"points"
    assert [Path(i.path).parts[-3:] for i in item.media.extra_images] == [
        (f"image_0{n}", "data", "a b.png") for n in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("item", "error", "says"),
    [
        (dm.DatasetItem("a\nb"), UnsupportedContentError, "cannot be a line of frame_list.txt"),
        (dm.DatasetItem(" a"), UnsupportedContentError, "cannot be a line"),
        (dm.DatasetItem("twin", subset="b"), UnsupportedContentError, "is in two subsets"),
    ],
)
def test_ids_that_cannot_be_written(
    tmp_path: Path, item: dm.DatasetItem, error: type[Exception], says: str
):
    with pytest.raises(error, match=says):
        frames(dm.DatasetItem("twin"), item).export(tmp_path / "out", "kitti_raw")
    assert not (tmp_path / "out").exists()


def test_other_media_are_refused(tmp_path: Path):
    sent = dm.Dataset.from_iterable([dm.DatasetItem("a", media=image())])
    with pytest.raises(MediaTypeError, match="item 'a': kitti_raw holds point clouds, not Image"):
        sent.export(tmp_path / "out", "kitti_raw")
    sent = frames(labels=("a\tb",))
    with pytest.raises(UnsupportedContentError, match="cannot stand in XML"):
        sent.export(tmp_path / "out", "kitti_raw")


def test_names_of_attributes_that_no_cuboid_has(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    labels = dm.LabelCategories.from_iterable([("car", "", ["age", "occluded"])])
    sent = dm.Dataset.from_iterable(
        [dm.DatasetItem("a", annotations=[cuboid()])],
        categories={dm.AnnotationType.label: labels},
        media_type=PointCloud,
    )
    sent.export(tmp_path, "kitti_raw")
    assert "1 names of attributes of labels (first: age)" in lost(caplog)


@given(numbers=st.lists(st.floats(-1e8, 1e8), min_size=9, max_size=9))
def test_numbers_come_back(tmp_path_factory: pytest.TempPathFactory, numbers: list[float]):
    one = dm.Cuboid3d(numbers[:3], numbers[3:6], numbers[6:], label=0)
    (item,) = written(
        frames(dm.DatasetItem("a", annotations=[one])), tmp_path_factory.mktemp("raw"), "kitti_raw"
    )
    assert item.annotations[0].points == one.points


def test_detection(tmp_path: Path):
    make(tmp_path, {"a/tracklet_labels.xml": "<x/>", "b.xml": archive()})
    assert detect(tmp_path, "kitti_raw") == Confidence.MEDIUM
    assert detect(tmp_path / "b.xml", "kitti_raw") == Confidence.MEDIUM
    assert detect(tmp_path / "a", "kitti_raw") == (
        "no tracklet_labels.xml, nor another XML file with <tracklets>"
    )
    assert "the file has no <boost_ser" in str(detect(tmp_path / "a" / XML, "kitti_raw"))
