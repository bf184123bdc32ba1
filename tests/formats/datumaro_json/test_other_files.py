"""Files of the `datumaro` format that are older than ours, or ordered otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datumaro.errors import DatasetImportError, UndeclaredLabelError
from datumaro.model.media import MediaType
from formats.datumaro_json.annotation_files import LABELS, item, put, read, rows


def test_members_in_any_order(tmp_path: Path) -> None:
    text = {"items": [item({"type": "label", "label_id": 1})], "more": [{}], "categories": LABELS}
    (tmp_path / "annotations").mkdir()
    path = tmp_path / "annotations" / "a.json"
    path.write_text(json.dumps(text, indent=3) + "\n")
    assert rows(read(tmp_path))[0]["annotations"][0]["label"] == 1
    text["items"][0]["annotations"][0]["label_id"] = 2
    path.write_text(json.dumps(text))
    with pytest.raises(UndeclaredLabelError):
        read(tmp_path)


def test_a_legacy_file(tmp_path: Path) -> None:
    items = [
        {"id": "1", "annotations": [], "image": {"path": "1.jpg"}},
        {"id": "2/x", "annotations": [], "image": {"path": "2/x.jpg", "size": [3, 4]}},
        {"id": "3", "annotations": [], "image": {"path": "3.jpg"}},
    ]
    put(tmp_path, "train", dm_format_version=..., items=items)
    images = tmp_path / "images"
    (images / "2").mkdir(parents=True)
    (images / "train").mkdir()
    for name in ("1.jpg", "2/x.jpg", "train/1.jpg"):
        (images / name).touch()
    found = read(tmp_path)
    assert found.media_type == MediaType.IMAGE
    assert [r["path"] for r in rows(found)] == [
        str(images / name) for name in ("train/1.jpg", "2/x.jpg", "train/3.jpg")
    ]

    put(tmp_path, "train", dm_format_version=..., items=[item(point_cloud={"path": "a.pcd"})])
    assert read(tmp_path).media_type == MediaType.POINT_CLOUD
    put(tmp_path, "train", dm_format_version="legacy", items=[item(media={"path": "x"})])
    assert read(tmp_path).media_type == MediaType.MEDIA_ELEMENT


def test_labels_are_not_checked_when_none_are_declared(tmp_path: Path) -> None:
    put(tmp_path, categories={}, items=[item({"type": "label", "label_id": 70})])
    assert rows(read(tmp_path))[0]["annotations"][0]["label"] == 70


def test_one_file_by_its_path(tmp_path: Path) -> None:
    path = put(tmp_path, "train", items=[item(image={"path": "1.jpg"})])
    (row,) = rows(read(path, subset="other"))
    assert row["subset"] == "other"
    assert row["path"] == str(tmp_path / "images" / "train" / "1.jpg")
    alone = tmp_path / "alone.json"
    path.rename(alone)
    (row,) = rows(read(alone))
    assert row["path"] == str(tmp_path / "1.jpg")


def test_subset_names_one_file(tmp_path: Path) -> None:
    put(tmp_path, "a")
    put(tmp_path, "b")
    with pytest.raises(DatasetImportError, match="2 subsets"):
        read(tmp_path, subset="c")


def test_files_of_one_data_set_must_agree(tmp_path: Path) -> None:
    put(tmp_path, "a", infos={"x": 1})
    put(tmp_path, "b", infos={"y": 2})
    assert read(tmp_path).infos == {"x": 1, "y": 2}
    put(tmp_path, "c", infos={"x": 2})
    with pytest.raises(DatasetImportError, match=r"c\.json.*infos\.x"):
        read(tmp_path)
    put(tmp_path, "c", categories={})
    with pytest.raises(DatasetImportError, match=r"\$\.categories: .* that differ"):
        read(tmp_path)
