"""Media of `.datum` files: of every kind, saved beside the annotations or not."""

import json
from pathlib import Path

import numpy as np

from datumaro.formats.base import WriteContext
from datumaro.model.annotation import AnnotationType as Kind
from datumaro.model.media import Image, MediaType, PointCloud
from datumaro.table.chunk import Content
from formats.datumaro_binary.datum_files import (
    chunk,
    each_storage,
    image_item,
    paths_of,
    read,
    told,
    write,
)


@each_storage
def test_every_kind_of_media_comes_back(tmp_path, storage):
    kinds = MediaType
    rows = [
        {"media_type": kinds.IMAGE, "path": "a.jpg", "height": 4, "width": 5},
        {"media_type": kinds.IMAGE, "path": "b/c.png"},
        {"media_type": kinds.NONE},
        {"media_type": kinds.VIDEO_FRAME, "path": "v.avi", "media_extra": '{"index":7}'},
        {
            "media_type": kinds.VIDEO_FRAME,
            "path": "v.avi",
            "media_extra": '{"index":7,"video":{"step":2,"start_frame":1,"end_frame":null}}',
        },
        {
            "media_type": kinds.VIDEO,
            "path": "v.avi",
            "media_extra": '{"step":2,"start_frame":0,"end_frame":0}',
        },
        {
            "media_type": kinds.VIDEO,
            "path": "v.avi",
            "height": 6,
            "width": 7,
            "media_extra": '{"step":1,"start_frame":0,"end_frame":null}',
        },
        {"media_type": kinds.POINT_CLOUD, "path": "p.pcd"},
        {
            "media_type": kinds.POINT_CLOUD,
            "path": "p.pcd",
            "media_extra": '{"extra_images":[{"path":"e.jpg","size":[3,4]},'
            '{"path":"f.jpg","size":null}]}',
        },
        {"media_type": kinds.MEDIA_ELEMENT, "path": "thing.bin"},
        {"media_type": kinds.MEDIA_ELEMENT},
        {
            "media_type": kinds.MULTIFRAME_IMAGE,
            "path": "scan",
            "media_extra": '{"paths":["s0.png","s1.png"]}',
        },
    ]
    content = Content(
        [chunk([({"id": f"i{i}"} | row, []) for i, row in enumerate(rows)])],
        media_type=kinds.MEDIA_ELEMENT,
    )
    back = read(write(content, tmp_path, storage=storage))
    text = json.dumps(told(back))
    for kind in ("images", "point_clouds", "videos"):
        text = text.replace(f"{tmp_path}/{kind}/train/", "")
    assert json.loads(text) == json.loads(json.dumps(told(content)))
    assert back.media_type == kinds.MEDIA_ELEMENT
    assert paths_of(back)[3] == f"{tmp_path}/videos/train/v.avi"


@each_storage
def test_saved_images_are_beside_the_annotations(tmp_path, storage):
    picture = tmp_path / "p.png"
    Image.from_numpy(data=np.full((4, 5, 3), 7, np.uint8)).save(str(picture))
    in_memory = Image.from_numpy(data=np.full((2, 3, 3), 9, np.uint8), ext=".png")
    items = [
        (image_item("a/b", str(picture), height=4, width=5), []),
        (image_item("a_b", str(picture), height=4, width=5), []),
        (image_item("m", "", height=2, width=3), []),
        (image_item("gone", "/nowhere/x.png"), []),
    ]
    content = Content([chunk(items, {2: in_memory})])
    out = write(content, tmp_path / "out", save_media=True, storage=storage)
    back = read(out)
    names = ["a_b.png", "a_b_2.png", "m.png", "gone.png"]
    assert paths_of(back) == [f"{out}/images/train/{name}" for name in names]
    assert Path(paths_of(back)[1]).read_bytes() == picture.read_bytes()
    saved = Image.from_file(path=paths_of(back)[2])
    assert np.array_equal(saved.data, in_memory.data)


@each_storage
def test_saved_images_can_get_another_extension(tmp_path, storage):
    picture = tmp_path / "p.png"
    Image.from_numpy(data=np.zeros((4, 5, 3), np.uint8)).save(str(picture))
    content = Content([chunk([(image_item("a", str(picture)), [])])])
    out = write(content, tmp_path / "out", save_media=True, image_ext=".jpg", storage=storage)
    assert (out / "images/train/a.jpg").read_bytes()[:2] == b"\xff\xd8"


@each_storage
def test_point_clouds_and_videos_are_saved(tmp_path, storage):
    for name in ("p.pcd", "e.png", "v.avi"):
        (tmp_path / name).write_bytes(name.encode())
    cloud = {
        "id": "c/1",
        "media_type": MediaType.POINT_CLOUD,
        "path": f"{tmp_path}/p.pcd",
        "media_extra": json.dumps({"extra_images": [{"path": f"{tmp_path}/e.png", "size": None}]}),
    }
    frames = [
        {
            "id": str(i),
            "media_type": MediaType.VIDEO_FRAME,
            "path": f"{tmp_path}/v.avi",
            "media_extra": f'{{"index":{i}}}',
        }
        for i in range(2)
    ]
    memory = PointCloud.from_bytes(data=b"cloud")
    rows = [cloud, *frames, {"id": "m", "media_type": MediaType.POINT_CLOUD}]
    content = Content([chunk([(row, []) for row in rows], {3: memory})])
    out = write(content, tmp_path / "out", save_media=True, storage=storage)
    back = read(out)
    assert paths_of(back) == [
        f"{out}/point_clouds/train/c_1.pcd",
        f"{out}/videos/train/v.avi",
        f"{out}/videos/train/v.avi",
        f"{out}/point_clouds/train/m.pcd",
    ]
    extra = json.loads(told(back)[0][0]["media_extra"])
    assert extra["extra_images"][0]["path"] == f"{out}/images/train/c_1/extra_image_0.png"
    assert Path(extra["extra_images"][0]["path"]).read_bytes() == b"e.png"
    assert (out / "point_clouds/train/m.pcd").read_bytes() == b"cloud"


@each_storage
def test_pixels_that_are_not_saved_are_reported(tmp_path, storage):
    in_memory = Image.from_numpy(data=np.zeros((2, 3, 3), np.uint8))
    content = Content([chunk([(image_item("a/b", "", height=2, width=3), [])], {0: in_memory})])
    context = WriteContext()
    back = read(write(content, tmp_path, context, storage=storage))
    assert sum(context.losses.values()) == 1
    assert list(context.examples.values()) == ["a/b"]
    (item, _), = told(back)  # fmt: skip
    assert (item["path"], item["height"]) == (f"{tmp_path}/images/train/a_b.jpg", 2)


@each_storage
def test_a_depth_map_in_a_file_goes_with_the_data_set(tmp_path, storage):
    (tmp_path / "depth.png").write_bytes(b"deep")
    extra = json.dumps({"image": {"path": f"{tmp_path}/depth.png", "size": [2, 3]}})
    content = Content([chunk([({"id": "1"}, [{"type": Kind.depth_annotation, "extra": extra}])])])
    bare = told(read(write(content, tmp_path / "bare", storage=storage)))[0][1][0]["extra"]
    assert json.loads(bare)["image"]["external"] is True
    saved = told(read(write(content, tmp_path / "saved", save_media=True, storage=storage)))[0][1][
        0
    ]["extra"]
    assert Path(json.loads(saved)["image"]["path"]).read_bytes() == b"deep"
    assert "external" not in json.loads(saved)["image"]
