"""What is written in the `datumaro` format, and what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datumaro.errors import PathSeparatorInSubsetNameError, UnsupportedContentError
from datumaro.model.categories import LabelCategories, MaskCategories, PointsCategories
from datumaro.table.chunk import Content
from formats.datumaro_json.annotation_files import T, chunk_of, read, rows, write


def test_subsets_have_a_file_each(tmp_path: Path) -> None:
    items = [{"id": f"{i}", "subset": name, "annotations": []} for i, name in enumerate("yxyxz")]
    write(Content([chunk_of(items)]), tmp_path / "d")
    assert sorted(p.name for p in (tmp_path / "d" / "annotations").iterdir()) == [
        "x.json",
        "y.json",
        "z.json",
    ]
    found = read(tmp_path / "d")
    assert [(r["subset"], r["id"]) for r in rows(found)] == [
        ("x", "1"), ("x", "3"), ("y", "0"), ("y", "2"), ("z", "4")
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a/b", "a\\b", "..", "."])
def test_subset_names_that_are_no_file_names(tmp_path: Path, name: str) -> None:
    content = Content([chunk_of([{"id": "1", "subset": name, "annotations": []}])])
    with pytest.raises(PathSeparatorInSubsetNameError):
        write(content, tmp_path / "d")


def test_the_text_is_as_the_format_says(tmp_path: Path) -> None:
    one = {
        "id": 3, "group": 7, "object_id": 5, "label": 1, "z_order": 0, "attributes": '{"k":"v"}',
        "points": [], "visibility": [], "rle": b"", "mask_height": 0, "mask_width": 0, "text": "",
        "extra": "", "area": float("nan"), "type": 1,
    }  # fmt: skip
    plain = one | {"id": 0, "group": 0, "object_id": -1, "attributes": "", "label": None}
    given = [
        one,
        plain | {"type": 2, "rle": b"13", "mask_height": 2, "mask_width": 2, "z_order": 2},
        plain | {"type": 4, "points": [0.1, 1, 3.3, 4, 7.78, 8], "label": 0, "area": 12.5},
        plain | {"type": 3, "points": [1, 2, 3, 4], "visibility": [0, 2]},
        plain | {"type": 6, "points": [0.1, 0.2, 0.4, 100.97], "z_order": -4},
        plain | {"type": 7, "text": 'é"', "object_id": 4},
        plain | {"type": 8, "points": [1.12, 2, 3, 0, 0, 0.1, 1, 1, 1], "label": 1},
        plain | {"type": 16, "points": [1, 2.5] * 8},
        plain | {"type": 15, "points": [1, 2, 3, 4, 45]},
        plain | {"type": 11, "points": [1, 2, 3, 4]},
    ]
    items = [
        {
            "id": "é", "attributes": '{"frame":3}', "annotations": given, "media_type": 2,
            "path": "/x.jpg", "height": 4, "width": 6,
        }
    ]  # fmt: skip
    categories = {
        T.label: LabelCategories.from_iterable(["cat", ("dog", "cat", ["b", "a"])]),
        T.mask: MaskCategories({0: (1, 2, 3)}),
        T.points: PointsCategories.from_iterable([(0, ["x"], [(0, 1)])]),
    }
    write(Content([chunk_of(items)], categories), tmp_path / "d")
    assert (tmp_path / "d" / "annotations" / "default.json").read_text("utf-8") == (
        '{"dm_format_version":"1.0","media_type":2,"infos":{},"categories":{"label":{"labels":['
        '{"name":"cat","parent":"","attributes":[]},'
        '{"name":"dog","parent":"cat","attributes":["a","b"]}],"label_groups":[],"attributes":[]},'
        '"mask":{"colormap":[{"label_id":0,"r":1,"g":2,"b":3}]},'
        '"points":{"items":[{"label_id":0,"labels":["x"],"joints":[[0,1]],"positions":[]}]}},'
        '"items":[{"id":"é","annotations":['
        '{"id":3,"type":"label","attributes":{"k":"v"},"group":7,"object_id":5,"label_id":1},'
        '{"id":0,"type":"mask","attributes":{},"group":0,"label_id":null,'
        '"rle":{"counts":"13","size":[2,2]},"z_order":2},'
        '{"id":0,"type":"polygon","attributes":{},"group":0,"label_id":0,'
        '"points":[0.1,1,3.3,4,7.78,8],"z_order":0,"area":12.5},'
        '{"id":0,"type":"points","attributes":{},"group":0,"label_id":null,'
        '"points":[1,2,3,4],"z_order":0,"visibility":[0,2]},'
        '{"id":0,"type":"bbox","attributes":{},"group":0,"label_id":null,"z_order":-4,'
        '"bbox":[0.1,0.2,0.3,100.77]},'
        '{"id":0,"type":"caption","attributes":{},"group":0,"object_id":4,"caption":"é\\""},'
        '{"id":0,"type":"cuboid_3d","attributes":{},"group":0,"label_id":1,'
        '"position":[1.12,2.0,3.0],"rotation":[0.0,0.0,0.1],"scale":[1.0,1.0,1.0]},'
        '{"id":0,"type":"cuboid_2d","attributes":{},"group":0,"label_id":null,'
        '"points":[' + ",".join(["[1.0,2.5]"] * 8) + '],"z_order":0},'
        '{"id":0,"type":"ellipse","attributes":{},"group":0,"label_id":null,'
        '"points":[1,2,3,4],"z_order":0}],'
        '"attr":{"frame":3},"image":{"path":"/x.jpg","size":[4,6]},"extended_annotations":['
        '{"index":8,"id":0,"type":"rotated_bbox","attributes":{},"group":0,"label_id":null,'
        '"z_order":0,"points":[1,2,3,4,45],"extra":{}}]}]}'
    )


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    label = {"type": 1, "label": 1}
    content = Content(
        [chunk_of([{"id": "x", "annotations": [label]}])],
        {T.label: LabelCategories.from_iterable(["only"])},
    )
    with pytest.raises(UnsupportedContentError, match=r"'x'.*label 1.*1 labels"):
        write(content, tmp_path / "a")
    mask = {"type": 2, "rle": b"\xff", "mask_height": 1, "mask_width": 1}
    with pytest.raises(UnsupportedContentError, match=r"'x': annotation 0 has mask counts"):
        write(Content([chunk_of([{"id": "x", "annotations": [mask]}])]), tmp_path / "b")
    line = {"type": 5, "points": [1.0, float("inf"), float("nan"), 2.0]}
    context = write(Content([chunk_of([{"id": "x", "annotations": [line]}])]), tmp_path / "c")
    assert context.losses == {"infinite coordinates (written as null)": 1}
    (found,) = rows(read(tmp_path / "c"))
    assert np.array_equal(found["annotations"][0]["points"], [1, np.nan, np.nan, 2], equal_nan=True)


def test_infos_that_are_not_json(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedContentError, match="infos"):
        write(Content([], infos={"a": object()}), tmp_path / "d")
