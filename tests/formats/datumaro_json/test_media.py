"""Media of the `datumaro` format: where their paths lead, and how they are saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datumaro.errors import PathOutsideDatasetError
from datumaro.model.media import Image, MediaType, MultiframeImage
from datumaro.table.chunk import Content
from formats.datumaro_json.annotation_files import chunk_of, item, picture, put, read, rows, write


@pytest.mark.parametrize(
    "media",
    [
        {"image": {"path": "../../../etc/x.jpg"}},
        {"point_cloud": {"path": "../../../x.pcd"}},
        {"point_cloud": {"path": "x.pcd"}, "related_images": [{"path": "a/../../x.jpg"}]},
        {"video": {"path": "../x.avi"}},
        {"video_frame": {"video_path": "..", "frame_index": 1}},
        {"multiframe_image": {"paths": ["../x.jpg"]}},
    ],
)
def test_paths_that_climb_out_are_refused(tmp_path: Path, media: dict[str, Any]) -> None:
    put(tmp_path, items=[item(**media)])
    with pytest.raises(PathOutsideDatasetError, match="allow_external_media"):
        read(tmp_path)
    assert len(read(tmp_path, allow_external_media=True)) == 1


@pytest.mark.parametrize(
    "media",
    [
        {"image": {"path": "/e/x.jpg"}},
        {"point_cloud": {"path": "/e/x.pcd"}},
        {"point_cloud": {"path": "x.pcd"}, "related_images": [{"path": "/e/x.jpg"}]},
        {"video": {"path": "/e/x.avi"}},
        {"video_frame": {"video_path": "/e/x.avi", "frame_index": 1}},
        {"multiframe_image": {"paths": ["/e/x.jpg"]}},
    ],
)
def test_absolute_paths_are_known_and_marked(tmp_path: Path, media: dict[str, Any]) -> None:
    put(tmp_path, items=[item(**media)])
    assert json.loads(rows(read(tmp_path))[0]["media_extra"])["external"] is True
    extra = rows(read(tmp_path, allow_external_media=True))[0]["media_extra"]
    assert "external" not in extra
    inside = json.dumps(media).replace("/e/", f"{tmp_path}/")
    put(tmp_path, items=[item(**json.loads(inside))])
    assert "external" not in rows(read(tmp_path))[0]["media_extra"]


def test_other_media_come_back(tmp_path: Path) -> None:
    cloud = {
        "extra_images": [{"path": "/e/0.jpg", "size": [3, 4]}, {"path": "/e/1.jpg", "size": None}]
    }
    video = {"step": 2, "start_frame": 1, "end_frame": 9}
    told = [
        (MediaType.POINT_CLOUD, "/e/a.pcd", cloud),
        (MediaType.VIDEO, "/e/a.avi", video),
        (MediaType.VIDEO, "/e/b.avi", video | {"end_frame": None}),
        (MediaType.VIDEO_FRAME, "/e/a.avi", {"index": 4}),
        (MediaType.VIDEO_FRAME, "/e/a.avi", {"index": 4, "video": video}),
        (MediaType.MULTIFRAME_IMAGE, "", {"paths": ["/e/0.jpg"]}),
        (MediaType.MEDIA_ELEMENT, "/e/a", {}),
    ]
    items = [
        {
            "id": f"{i}", "annotations": [], "media_type": int(kind), "path": path,
            "media_extra": json.dumps(extra, separators=(",", ":")) if extra else "",
        }
        for i, (kind, path, extra) in enumerate(told)
    ]  # fmt: skip
    content = Content([chunk_of(items)], media_type=MediaType.MEDIA_ELEMENT)
    write(content, tmp_path / "d")
    found = read(tmp_path / "d", allow_external_media=True)
    assert rows(found) == rows(content)
    assert found.media_type == MediaType.MEDIA_ELEMENT


def test_saved_media_do_not_overwrite_each_other(tmp_path: Path) -> None:
    names = ["a/b", "a_b", "a\\b", "C:x"]
    items = [
        {"id": name, "annotations": [], "media_type": 2, "path": picture(tmp_path / f"{i}.png", i)}
        for i, name in enumerate(names)
    ]
    write(Content([chunk_of(items)]), tmp_path / "d", save_media=True)
    images = tmp_path / "d" / "images" / "default"
    assert (images / "a_b.png").read_bytes() == (tmp_path / "0.png").read_bytes()
    found = rows(read(tmp_path / "d"))
    assert [Path(r["path"]).read_bytes() for r in found] == [
        (tmp_path / f"{i}.png").read_bytes() for i in range(len(names))
    ]
    assert not any(r["media_extra"] for r in found)


def test_images_in_memory_are_saved_as_wished(tmp_path: Path) -> None:
    chunk = chunk_of([{"id": "x", "annotations": [], "media_type": 2, "height": 4, "width": 6}])
    chunk.media[0] = Image.from_numpy(data=np.zeros((4, 6, 3), np.uint8))
    context = write(Content([chunk]), tmp_path / "a", save_media=True, image_ext=".png")
    assert not context.losses
    (row,) = rows(read(tmp_path / "a"))
    assert (row["path"], row["height"]) == (str(tmp_path / "a/images/default/x.png"), 4)
    assert Path(row["path"]).is_file()

    context = write(Content([chunk]), tmp_path / "b")
    assert sum(context.losses.values()) == 1
    (row,) = rows(read(tmp_path / "b"))
    assert row["path"] == str(tmp_path / "b/images/default/x.jpg")


def test_point_clouds_and_videos_are_saved(tmp_path: Path) -> None:
    (tmp_path / "c.pcd").write_bytes(b"cloud")
    for name in ("1/v.avi", "2/v.avi"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
    extra = {"extra_images": [{"path": picture(tmp_path / "e.png", 1), "size": [4, 6]}]}
    clouds = [
        {
            "id": name, "annotations": [], "media_type": 6, "path": str(tmp_path / "c.pcd"),
            "media_extra": json.dumps(extra),
        }
        for name in ("a/b", "a_b")
    ]  # fmt: skip
    frames = [
        {
            "id": f"{i}", "annotations": [], "media_type": 4, "path": str(tmp_path / path),
            "media_extra": f'{{"index":{i}}}',
        }
        for i, path in enumerate(["1/v.avi", "2/v.avi", "1/v.avi"])
    ]  # fmt: skip
    content = Content([chunk_of(clouds + frames)], media_type=MediaType.MEDIA_ELEMENT)
    write(content, tmp_path / "d", save_media=True)
    found = rows(read(tmp_path / "d"))
    assert [Path(r["path"]).read_text() for r in found] == [
        "cloud", "cloud", "1/v.avi", "2/v.avi", "1/v.avi"
    ]  # fmt: skip
    assert len(list((tmp_path / "d" / "videos" / "default").iterdir())) == 2
    for row in found[:2]:
        (image,) = json.loads(row["media_extra"])["extra_images"]
        assert Path(image["path"]).read_bytes() == (tmp_path / "e.png").read_bytes()
        assert image["size"] == [4, 6]


def test_frames_of_images_are_saved(tmp_path: Path) -> None:
    frames = [picture(tmp_path / f"{i}.png", i) for i in range(2)]
    one = {
        "id": "a/b",
        "annotations": [],
        "media_type": 7,
        "media_extra": json.dumps({"paths": frames}),
    }
    chunk = chunk_of([one, one | {"id": "a_b", "media_extra": ""}])
    chunk.media[1] = MultiframeImage([Image.from_numpy(data=np.zeros((4, 6, 3), np.uint8))])
    content = Content([chunk], media_type=MediaType.MULTIFRAME_IMAGE)
    write(content, tmp_path / "d", save_media=True)
    found = [json.loads(r["media_extra"])["paths"] for r in rows(read(tmp_path / "d"))]
    assert [Path(p).read_bytes() for p in found[0]] == [Path(p).read_bytes() for p in frames]
    assert found[1] == [str(tmp_path / "d/images/default/a_b_2/frame_0.jpg")]
    assert Path(found[1][0]).is_file()


def test_related_images_that_the_published_package_notes_elsewhere(tmp_path: Path) -> None:
    saved = picture(tmp_path / "images" / "a" / "x" / "y" / "extra_image_0.png", 1)
    cloud = {
        "point_cloud": {"path": "x_y.pcd"},
        "related_images": [{"path": "x_y/extra_image_0.png"}],
    }
    put(tmp_path, items=[{"id": "x/y", "annotations": [], **cloud}])
    extra = json.loads(rows(read(tmp_path))[0]["media_extra"])
    assert extra["extra_images"][0]["path"] == saved


def test_external_media_are_not_copied(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = picture(tmp_path / "secret.png", 1)
    put(tmp_path / "hostile", items=[item(image={"path": secret})])
    write(read(tmp_path / "hostile"), tmp_path / "d", save_media=True)
    assert not list((tmp_path / "d" / "images").rglob("*.png"))
    assert "allow_external_media" in caplog.text
    assert rows(read(tmp_path / "d"))[0]["path"] == secret


def test_relative_paths_that_lead_to_files_become_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "here" / "x.png", 1)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    paths = ["../here/x.png", "no/such/folder.png", "nothing.png"]
    items = [
        {"id": str(i), "annotations": [], "media_type": 2, "path": path}
        for i, path in enumerate(paths)
    ]
    write(Content([chunk_of(items)]), tmp_path / "d")
    text = json.loads((tmp_path / "d" / "annotations" / "default.json").read_text())
    assert [i["image"]["path"] for i in text["items"]] == [
        str(tmp_path / "here" / "x.png"), "no/such/folder.png", "nothing.png"
    ]  # fmt: skip
