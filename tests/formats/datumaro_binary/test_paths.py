"""Paths of media and names of subsets that lead elsewhere."""

import os

import pytest

from datumaro.errors import PathOutsideDatasetError, PathSeparatorInSubsetNameError
from datumaro.model.media import MediaType
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
def test_paths_outside_are_kept_but_not_followed(tmp_path, storage):
    content = Content([chunk([(image_item("1", "/elsewhere/a.jpg"), [])])])
    write(content, tmp_path, storage=storage)
    item = told(read(tmp_path))[0][0]
    assert (item["path"], item["media_extra"]) == ("/elsewhere/a.jpg", '{"external":true}')
    item = told(read(tmp_path, allow_external_media=True))[0][0]
    assert (item["path"], item["media_extra"]) == ("/elsewhere/a.jpg", "")


@each_storage
def test_absolute_paths_into_the_data_set_are_followed(tmp_path, storage):
    inside = f"{tmp_path}/images/train/a.jpg"
    write(Content([chunk([(image_item("1", inside), [])])]), tmp_path, storage=storage)
    assert told(read(tmp_path))[0][0]["media_extra"] == ""
    write(
        Content([chunk([(image_item("1", f"{tmp_path}/../a.jpg"), [])])]), tmp_path, storage=storage
    )
    assert told(read(tmp_path))[0][0]["media_extra"] == '{"external":true}'


@each_storage
def test_media_outside_are_not_copied(tmp_path, storage):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    write(Content([chunk([(image_item("1", str(secret)), [])])]), tmp_path / "a", storage=storage)
    write(read(tmp_path / "a"), tmp_path / "b", save_media=True, storage=storage)
    assert not list((tmp_path / "b" / "images").rglob("*.png"))
    assert paths_of(read(tmp_path / "b")) == [str(secret)]
    write(
        read(tmp_path / "a", allow_external_media=True),
        tmp_path / "c",
        save_media=True,
        storage=storage,
    )
    assert (tmp_path / "c/images/train/1.png").read_bytes() == b"secret"


@pytest.mark.parametrize(
    "row",
    [
        image_item("1", "../../../a.jpg"),
        {"id": "1", "media_type": MediaType.VIDEO, "path": "x/../../../v.avi"},
        {
            "id": "1",
            "media_type": MediaType.POINT_CLOUD,
            "path": "p",
            "media_extra": '{"extra_images":[{"path":"../../../e.jpg","size":null}]}',
        },
    ],
)
@each_storage
def test_relative_paths_that_climb_out_are_refused(tmp_path, row, monkeypatch, storage):
    monkeypatch.setattr("datumaro.formats.datumaro_binary.media_out.escapes", lambda path: False)
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    write(Content([chunk([(row, [])])]), tmp_path, storage=storage)
    with pytest.raises(PathOutsideDatasetError, match=r"item '1'.*\.\./.*allow_external_media"):
        read(tmp_path)
    assert len(read(tmp_path, allow_external_media=True)) == 1


@each_storage
def test_paths_that_mean_something_here_mean_the_same_there(tmp_path, monkeypatch, storage):
    (tmp_path / "coco").mkdir()
    monkeypatch.chdir(tmp_path)
    given = ["coco/a.jpg", "../b.jpg", "nowhere/c.jpg", "/d.jpg"]
    items = [(image_item(str(i), path), []) for i, path in enumerate(given)]
    write(Content([chunk(items)]), tmp_path / "out", storage=storage)
    assert paths_of(read(tmp_path / "out")) == [
        f"{tmp_path}/coco/a.jpg",
        f"{tmp_path.parent}/b.jpg",
        f"{tmp_path}/out/images/train/nowhere/c.jpg",
        "/d.jpg",
    ]


@pytest.mark.parametrize("name", ["a/b", "a\\b", "..", "."])
@each_storage
def test_subset_names_that_are_paths_are_refused(tmp_path, name, storage):
    with pytest.raises(PathSeparatorInSubsetNameError):
        write(Content([chunk([({"id": "1", "subset": name}, [])])]), tmp_path, storage=storage)
