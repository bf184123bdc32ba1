"""``datum formats``."""

from __future__ import annotations

import json

import pytest


def names(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines()[1:]]


def test_a_table_of_all(datum):
    done = datum("formats")
    assert done.code == 0
    head, *rows = done.out.splitlines()
    assert head.split() == ["format", "reads", "writes", "annotations", "media", "what", "it", "is"]
    found = {row.split()[0]: row for row in rows}
    assert list(found) == sorted(found) and {"coco", "toy", "toy_write_only"} <= set(found)
    at = [head.index(word) for word in ("reads", "annotations", "what it is", "media ")]
    assert found["toy_write_only"][at[0] :].startswith("-      yes     ?")
    assert found["datumaro_binary"][at[1] :].startswith("all  ")
    assert found["datumaro_binary"][at[3] :].startswith("all  ")
    assert found["kitti_raw"][at[3] :].startswith("point_cloud  ")
    assert found["image_dir"][at[1] :].startswith("-  ")
    assert found["tf_detection_api"][at[1] :].startswith("bbox, mask*  ")
    assert found["kitti_raw"][at[2] :] == (
        "KITTI raw data: 3D cuboids of tracked objects in point clouds"
    )
    assert "datum: warning: format toy_broken cannot be used: No module named" in done.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["toy"], {"toy", "toy_buggy", "toy_full", "toy_read_only", "toy_twin", "toy_write_only"}),
        (["TOY", "--read"], {"toy", "toy_buggy", "toy_full", "toy_read_only", "toy_twin"}),
        (["toy_", "--write"], {"toy_buggy", "toy_full", "toy_twin", "toy_write_only"}),
        (["--read", "--write", "toy_"], {"toy_buggy", "toy_full", "toy_twin"}),
    ],
)
def test_some_of_them(datum, words: list[str], expected: set[str]):
    assert set(names(datum("formats", *words).out)) == expected


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing"], "no format has 'nothing' in its name; `datum formats` lists all"),
        (["toy_write", "--read"], "no format that can be read has 'toy_write' in its name"),
    ],
)
def test_none_of_them(datum, words: list[str], says: str):
    done = datum("formats", *words)
    assert (done.code, done.out) == (1, "")
    assert f"datum: error: {says}" in done.err


def test_for_scripts(datum):
    done = datum("formats", "--json", "detection")
    found = {one["name"]: one for one in json.loads(done.out)}
    assert set(found) == {"kitti_detection", "tf_detection_api", "voc_detection"}
    one = found["tf_detection_api"]
    assert (one["reads"], one["writes"], one["detected"]) == (True, True, True)
    assert one["media"] == ["image"]
    assert list(one["annotations"]) == ["bbox"] and one["with_option"] == {"mask": "save_masks"}
    assert one["annotations"]["bbox"]["label"] == "optional"
    options = {option["name"]: option for option in one["write_options"]}
    assert options["save_masks"] == {
        "name": "save_masks", "default": False, "help": "write masks, too", "choices": [],
    }  # fmt: skip
    assert found["voc_detection"]["part_of"] == "voc"
    assert found["kitti_detection"]["annotations"]["bbox"]["names"] == [
        "occluded", "score", "truncated",
    ]  # fmt: skip


def test_all_formats_can_be_told_as_json(datum):
    found = json.loads(datum("formats", "--json").out)
    assert all(one["read_options"] or not one["reads"] for one in found)
    toy = next(one for one in found if one["name"] == "toy_write_only")
    assert toy["annotations"] is None and toy["read_options"] == []
    assert "encryption_key" not in json.dumps([one["write_options"] for one in found])
