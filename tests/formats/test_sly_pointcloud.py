"""Supervisely's point clouds: what is read from its files, what is written, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    MediaTypeError,
    PathSeparatorInSubsetNameError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats.base import Confidence
from datumaro.model.annotation import AnnotationType
from datumaro.model.media import PointCloud
from format_files import detect, image, label_names, lost, make, read, written

ANN = "ds0/ann/a.pcd.json"
ZERO = {"x": 0, "y": 0, "z": 0}
CUBOID = {"position": {"x": 1, "y": 2.5, "z": -3}, "rotation": ZERO, "dimensions": ZERO}


def figure(**changes: Any) -> dict[str, Any]:
    one = {"key": "f", "objectKey": "o", "geometryType": "cuboid_3d", "geometry": CUBOID}
    return one | changes


def project(root: Path, *figures: dict[str, Any], keys: Any = None, **meta: Any) -> Path:
    """A project of one frame with an object of the class car."""
    tags = [{"name": "color", "value": "red"}, {"name": "ok", "value": "true"}]
    frame = {
        "objects": [{"key": "o", "classTitle": "car", "tags": tags}],
        "figures": list(figures),
        "key": "v",
    }
    files = {
        "meta.json": json.dumps({"classes": [{"title": "car"}], **meta}),
        ANN: json.dumps(frame),
    }
    if keys is not None:
        files["key_id_map.json"] = json.dumps(keys)
    return make(root, {**files})


def cuboid(label: int | None = 0, **attributes: object) -> dm.Cuboid3d:
    return dm.Cuboid3d([1, 2, 3], label=label, attributes=attributes)


def clouds(*items: dm.DatasetItem, labels: Any = ("car", "bus")) -> dm.Dataset:
    return dm.Dataset.from_iterable(items, categories=labels, media_type=PointCloud)


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    root = shared_data / "formats/sly_pointcloud_dataset"
    found = read(root, "sly_pointcloud")
    assert label_names(found) == ["car", "bus"]
    assert found.categories()[AnnotationType.label].attributes == {"tag1", "tag3"}
    first = found.get("frame1")
    assert first.attributes == {"frame": 0, "description": "", "tag1": "25dsd", "tag2": 65}
    assert [(a.id, a.label, a.position, a.attributes) for a in first.annotations] == [
        (755220128, 0, [0.47, 0.23, 0.79], {"track_id": 231825, "tag3": "4s", "tag1": "fd"}),
        (755337225, 0, [0.36, 0.64, 0.93], {"track_id": 231831, "tag1": "v12"}),
    ]
    assert first.media.path.endswith("ds0/pointcloud/frame1.pcd")
    (picture,) = first.media.extra_images
    assert picture.path.endswith("related_images/frame1_pcd/img2.png")
    assert dm.Dataset.detect(root) == "sly_pointcloud"


def test_a_project_without_numbers(tmp_path: Path):
    project(tmp_path, figure(), figure(key="g"))
    (item,) = read(tmp_path, "sly_pointcloud")
    assert (item.id, item.media, item.attributes) == ("a", None, {"description": ""})
    assert [(a.id, a.position, a.scale, a.attributes) for a in item.annotations] == [
        (0, [1, 2.5, -3], [0, 0, 0], {"color": "red", "ok": True, "track_id": 1})
    ] * 2


def test_datasets_are_subsets(tmp_path: Path):
    project(tmp_path, keys={"objects": {"o": 4}, "figures": {}, "videos": {"v": 7}})
    make(
        tmp_path,
        {
            "val/ann/b/c.pcd.json": (tmp_path / ANN).read_text(),
            "val/pointcloud/b/c.pcd": "points",
            "val/related_images/b/c_pcd/1.png": "",
            "val/related_images/b/c_pcd/1.png.json": "{}",
            "notes/x.txt": "",
        },
    )
    found = {(i.subset, i.id): i for i in read(tmp_path, "sly_pointcloud")}
    assert sorted(found) == [("default", "a"), ("val", "b/c")]
    assert found["val", "b/c"].attributes["frame"] == 7
    assert found["val", "b/c"].media.bytes == b"points"
    assert len(found["val", "b/c"].media.extra_images) == 1


def test_tags_of_labels(tmp_path: Path):
    tags = [
        {"name": "a", "applicable_type": "all", "classes": []},
        {"name": "b", "applicable_type": "objectsOnly", "classes": ["car", "gone"]},
        {"name": "c", "applicable_type": "imagesOnly"},
    ]
    labels = read(project(tmp_path, tags=tags), "sly_pointcloud").categories()[AnnotationType.label]
    assert (labels.attributes, labels[0].attributes) == ({"a"}, {"b"})


@pytest.mark.parametrize(
    ("wrong", "kind", "says"),
    [
        (
            {"geometryType": "mask_3d"},
            InvalidAnnotationError,
            r"\$.figures\[0\]: geometryType 'mask",
        ),
        ({"objectKey": "x"}, InvalidAnnotationError, r"\$.figures\[0\]: objectKey 'x'; expected"),
        ({"geometry": {}}, MalformedFileError, r"\$.figures\[0\].geometry: no key 'position'"),
        (
            {"geometry": CUBOID | {"rotation": ZERO | {"y": "1"}}},
            MalformedFileError,
            r"\$.figures\[0\].geometry.rotation.y: \"1\"; expected a number",
        ),
        (
            {"geometry": CUBOID | {"rotation": ZERO | {"y": 1e300}}},
            InvalidAnnotationError,
            r"\$.figures\[0\].geometry: numbers .*; expected numbers up to",
        ),
    ],
)
def test_wrong_figures(tmp_path: Path, wrong: dict[str, Any], kind: type[Exception], says: str):
    project(tmp_path, figure(**wrong), figure())
    with pytest.raises(kind, match=rf"{ANN}: {says}"):
        read(tmp_path, "sly_pointcloud")
    (item,) = read(tmp_path, "sly_pointcloud", error_policy="skip")
    assert len(item.annotations) == 1


def test_labels_that_are_not_declared(tmp_path: Path):
    project(tmp_path, figure(), classes=[{"title": "bus"}])
    with pytest.raises(UndeclaredLabelError, match=r"label of \$.figures\[0\]: 'car'; expected a"):
        read(tmp_path, "sly_pointcloud")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("meta.json", "{}", r"\$: no key 'classes'; expected an object with the key"),
        ("meta.json", '{"classes": [{"title": ""}]}', r"classes\[0\]: title ''; expected a title"),
        (
            "meta.json",
            '{"classes": [{"title": "a"}, {"title": "a"}]}',
            r"classes\[1\]: title 'a' a second time",
        ),
        (
            "meta.json",
            '{"classes": [], "tags": [{"name": "a", "applicable_type": "none"}]}',
            r"tags\[0\].applicable_type: 'none'; expected one of all, objectsOnly, imagesOnly",
        ),
        ("key_id_map.json", "[]", r"\$: \[\]; expected an object"),
        ("key_id_map.json", '{"objects": {"a": 1.5}}', "expected an integer"),
        (ANN, '{"objects": [], "figures": [', "not JSON"),
        (ANN, '{"figures": []}', "no key 'objects'"),
        (ANN, "[" * 100_000, "JSON|expected an object"),
        (ANN, b"\xff\xfe{}", "not JSON"),
    ],
)
def test_wrong_files(tmp_path: Path, name: str, content: str | bytes, says: str):
    make(project(tmp_path), {name: content})
    for policy in ("fail", "skip"):
        with pytest.raises(MalformedFileError, match=says) as error:
            read(tmp_path, "sly_pointcloud", error_policy=policy)
        assert name in str(error.value)


def test_where_it_is_looked_for(tmp_path: Path):
    project(tmp_path / "a/b")
    for path in (tmp_path, tmp_path / "a/b", tmp_path / "a/b/meta.json"):
        assert len(read(path, "sly_pointcloud")) == 1
    with pytest.raises(DatasetNotFoundError, match=r"no meta.json beside folders with ann"):
        read(make(tmp_path / "empty", {"x.json": ""}), "sly_pointcloud")


# --- writing ------------------------------------------------------------------------------------


def test_objects_are_the_same_in_all_frames(tmp_path: Path):
    sent = clouds(
        dm.DatasetItem("a", annotations=[cuboid(track_id=7, n=1), cuboid(1)]),
        dm.DatasetItem("b", annotations=[cuboid(track_id=7, n=2), cuboid(track_id=7, n=3)]),
    )
    received = written(sent, tmp_path, "sly_pointcloud")
    tracks = [[a.attributes for a in i.annotations] for i in received]
    assert tracks == [
        [{"track_id": 7, "n": 1}, {"track_id": 1}],
        [{"track_id": 7, "n": 2}, {"track_id": 7, "n": 3}],
    ]
    frames = [json.loads((tmp_path / f"ds0/ann/{name}.pcd.json").read_text()) for name in "ab"]
    assert frames[0]["objects"][0]["key"] == frames[1]["objects"][0]["key"]
    assert frames[1]["objects"][0]["key"] != frames[1]["objects"][1]["key"]


def test_the_same_files_every_time(tmp_path: Path):
    sent = clouds(dm.DatasetItem("a", annotations=[cuboid(n=1), cuboid(n=2)]))
    contents: list[dict[str, bytes]] = []
    for name in "xy":
        sent.export(tmp_path / name, "sly_pointcloud")
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        contents.append({str(p.relative_to(tmp_path / name)): p.read_bytes() for p in files})
    assert contents[0] == contents[1] and len(contents[0]) == 3


def test_tags(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    labels = dm.LabelCategories.from_iterable([("car", "", ["color", "age"]), "bus"])
    labels.attributes = {"age", "seen"}
    sent = clouds(
        dm.DatasetItem(
            "a",
            annotations=[cuboid(age=3, color="red", free=True, mixed=1), cuboid(mixed="true")],
            attributes={"weather": "sun", "seen": False, "frame": 5, "description": "x"},
        ),
        labels={AnnotationType.label: labels},
    )
    (item,) = written(sent, tmp_path, "sly_pointcloud")
    assert item.attributes == {"weather": "sun", "seen": False, "frame": 5, "description": "x"}
    assert item.annotations[0].attributes == {
        "age": 3, "color": "red", "free": True, "mixed": 1, "track_id": 1,
    }  # fmt: skip
    meta = json.loads((tmp_path / "meta.json").read_text())
    tags = {t["name"]: (t["value_type"], t["applicable_type"], t["classes"]) for t in meta["tags"]}
    assert tags == {
        "age": ("any_number", "objectsOnly", []),
        "color": ("any_string", "objectsOnly", ["car"]),
        "seen": ("any_string", "all", []),
        "free": ("any_string", "objectsOnly", []),
        "mixed": ("any_string", "objectsOnly", []),
        "weather": ("any_string", "imagesOnly", []),
    }  # fmt: skip
    said = lost(caplog)
    assert "1 names of attributes of single labels that all labels have" in said
    assert "1 attributes that are the words true and false" in said


def test_only_declared_attributes(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    labels = dm.LabelCategories.from_iterable([("car", "", ["color"])])
    sent = clouds(
        dm.DatasetItem("a", annotations=[cuboid(color="red", free=1)]),
        labels={AnnotationType.label: labels},
    )
    (item,) = written(sent, tmp_path, "sly_pointcloud", allow_undeclared_attrs=False)
    assert item.annotations[0].attributes == {"color": "red", "track_id": 1}
    assert "1 attributes that no label declares (first: item 'a')" in lost(caplog)


def test_numbers_of_frames(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    frames = (1, None, 5, "x", None)
    items = [
        dm.DatasetItem(str(n), attributes={} if frame is None else {"frame": frame})
        for n, frame in enumerate(frames)
    ]
    received = written(clouds(*items), tmp_path / "a", "sly_pointcloud")
    assert [i.attributes["frame"] for i in received] == [1, 0, 5, 2, 3]
    assert "1 numbers of frames that are none: they get another" in lost(caplog)
    received = written(clouds(*items), tmp_path / "b", "sly_pointcloud", reindex=True)
    assert [i.attributes["frame"] for i in received] == [0, 1, 2, 3, 4]


def test_what_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = clouds(
        dm.DatasetItem(
            "a",
            annotations=[cuboid(9), cuboid(None), cuboid(track_id="x")],
            attributes={"description": 3},
        )
    )
    (item,) = written(sent, tmp_path, "sly_pointcloud")
    assert len(item.annotations) == 1
    for what in (
        "1 annotations of a label that is not among the categories",
        "1 3D cuboids without a label",
        "1 values of track_id that are no integers",
        "1 descriptions that are no text",
    ):
        assert what in lost(caplog)


def test_media(tmp_path: Path):
    source = make(tmp_path / "in", {"b.bin": "points", "pic.png": "image"})
    pictures = [dm.Image.from_file(source / "pic.png")] * 2 + [image()]
    cloud = PointCloud.from_file(source / "b.bin", extra_images=pictures)
    sent = clouds(dm.DatasetItem("a b/c", subset="val", media=cloud))
    (item,) = written(sent, tmp_path / "out", "sly_pointcloud", save_media=True)
    assert (item.id, item.subset, item.media.bytes) == ("a b/c", "val", b"points")
    folder = tmp_path / "out/val/related_images/a b/c_bin"
    assert sorted(p.name for p in folder.iterdir() if p.suffix != ".json") == [
        "extra_image_1.png", "extra_image_2.png", "pic.png",
    ]  # fmt: skip
    assert json.loads((folder / "pic.png.json").read_text())["name"] == "pic.png"
    assert len(item.media.extra_images) == 3


def test_what_is_refused(tmp_path: Path):
    for subset, error in (
        ("ds0", UnsupportedContentError),
        ("a/b", PathSeparatorInSubsetNameError),
    ):
        with pytest.raises(error, match="rename"):
            clouds(dm.DatasetItem("a", subset=subset)).export(tmp_path / "x", "sly_pointcloud")
    sent = dm.Dataset.from_iterable([dm.DatasetItem("a", media=image())])
    with pytest.raises(MediaTypeError, match="item 'a': sly_pointcloud holds point clouds, not Im"):
        sent.export(tmp_path / "x", "sly_pointcloud")


def test_detection(tmp_path: Path):
    project(tmp_path)
    assert "tells of no point clouds" in str(detect(tmp_path, "sly_pointcloud"))
    (tmp_path / "ds0/pointcloud").mkdir()
    assert detect(tmp_path, "sly_pointcloud") == Confidence.MEDIUM
    assert detect(tmp_path / "ds0", "sly_pointcloud") == "no meta.json"
    make(tmp_path, {"x/meta.json": "{}"})
    assert "has a folder ann" in str(detect(tmp_path / "x", "sly_pointcloud"))
    assert "a file" in str(detect(tmp_path / "meta.json", "sly_pointcloud"))
