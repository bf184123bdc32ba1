"""Files of the `datumaro` format that are bad: what is told of them, and what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datumaro.errors import (
    DatumaroError,
    MalformedFileError,
    MediaTypeError,
    RepeatedItemInFileError,
)
from datumaro.formats.base import ReadContext
from datumaro.model.media import MediaType
from formats.datumaro_json.annotation_files import FORMAT, T, item, put, read, rows


@pytest.mark.parametrize(
    ("members", "place", "found"),
    [
        ({"dm_format_version": "2.0"}, r"\$\.dm_format_version", "'2.0'"),
        ({"dm_format_version": 1.0}, r"\$\.dm_format_version", "1.0; expected a string"),
        ({"media_type": 99}, r"\$\.media_type", "99"),
        ({"media_type": "image"}, r"\$\.media_type", '"image"; expected an integer'),
        ({"categories": ...}, r"\$", "categories"),
        ({"items": ...}, r"\$", "items"),
        ({"items": {}}, r"\$\.items", "{}"),
        ({"categories": []}, r"\$\.categories", r"\[\]; expected an object"),
        ({"categories": {"label": {"labels": [{}]}}}, r"\$\.categories\.label", "name"),
        ({"infos": []}, r"\$\.infos", r"\[\]; expected an object or null"),
        ({"items": [item(), item()]}, r"\$\.items\[1\]\.id", "'a'"),
        (
            {"items": [item({"type": "label", "label_id": 2})]},
            r"\$\.items\[0\]\.annotations\[0\]\.label_id \(byte \d+\)",
            r"label 2.*item 'a'.*one of the 2 declared labels",
        ),
        (
            {"items": [item(extended_annotations=[{"type": "skeleton"}])]},
            r"\$\.items\[0\]\.extended_annotations\[0\]\.extra",
            "nothing",
        ),
        (
            {"items": [item(*[{"type": "label", "label_id": 0}] * 2, extended_annotations=[
                {"type": "label", "label_id": 0, "index": 1}] * 2)]},
            r"\$\.items\[0\]\.extended_annotations",
            "an index twice",
        ),
        ({"items": [item(video={"path": "a", "step": 0})]}, r"\$\.items\[0\]\.video\.step", ">= 1"),
        (
            {"items": [item(video={"path": "a", "start_frame": 5, "end_frame": 4})]},
            r"\$\.items\[0\]\.video",
            "end_frame 4 before start_frame 5",
        ),
        ({"items": [item(video={})]}, r"\$\.items\[0\]\.video", "path"),
        ({"items": [item(video_frame={"video_path": "a"})]}, r"\$\.items\[0\]", "frame_index"),
    ],
)  # fmt: skip
def test_a_bad_file(tmp_path: Path, members: dict[str, Any], place: str, found: str) -> None:
    path = put(tmp_path, **members)
    with pytest.raises(MalformedFileError, match=rf"(?s){path}: {place}.*{found}"):
        read(tmp_path)


def test_a_file_cut_anywhere(tmp_path: Path) -> None:
    path = put(
        tmp_path, items=[item({"type": "bbox", "bbox": [1, 2, 3, 4], "attributes": {"a": 1}})]
    )
    text = path.read_bytes()
    for n in range(len(text)):
        path.write_bytes(text[:n])
        for on_error in ("fail", "skip"):
            with pytest.raises(MalformedFileError, match=r"byte \d+"):
                read(tmp_path, on_error)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"categories":{},"items":[]} x',
        b'{"categories":{},"items":[],}',
        b'{"categories":{},"items":[],"items":[]}',
        b'{"categories":{},"categories":{},"items":[]}',
        b'{"categories":{},"items":[{"id":"\xff","annotations":[]}]}',
        b'{"infos":' + b'{"a":' * 100_000,
        b'{"more":' + b"[" * 100_000,
        b'{"infos":{"a":1e999},"categories":{},"items":[]}',
        b"\xef\xbb\xbf{}",
    ],
)
def test_text_that_is_bad(tmp_path: Path, text: bytes) -> None:
    path = put(tmp_path)
    path.write_bytes(text)
    for on_error in ("fail", "skip"):
        with pytest.raises(MalformedFileError, match=r"a\.json"):
            read(tmp_path, on_error)


def test_an_item_twice_names_both_places(tmp_path: Path) -> None:
    bad = item() | {"id": ""}
    made = [item(), item() | {"id": "b"}, bad, item() | {"id": "c"}, item() | {"id": "b"}]
    put(tmp_path, items=made[:2] + made[3:])
    with pytest.raises(RepeatedItemInFileError) as caught:
        read(tmp_path)
    error = caught.value
    assert error.path.endswith("a.json") and error.item_id == ("b", "a")
    assert (error.place, error.expected) == ("$.items[3].id", "an id of its own for each item")
    assert error.found == "item id 'b' a second time in subset 'a', after $.items[1].id"
    put(tmp_path, items=made)  # places count the items that are left out
    context = ReadContext(on_error="skip")
    found = FORMAT.read(tmp_path, FORMAT.read_options(), context)
    assert [row["id"] for row in rows(found)] == ["a", "b", "c"]
    places = [p.place.partition(" ")[0] for p in context.problems]
    assert places == ["$.items[2].id", "$.items[4].id"]


def test_bad_items_and_annotations_can_be_left_out(tmp_path: Path) -> None:
    good = {"type": "label", "label_id": 1}
    tabular = {"type": "tabular", "extra": {"values": {"a": 1}}}
    put(
        tmp_path,
        items=[
            {"id": "a", "annotations": [good, {"type": "label", "label_id": 9}, good]},
            {"id": "b"},
            {"id": "a", "annotations": []},
            {"id": "c", "annotations": [], "video": {}},
            {"id": "d", "annotations": [], "image": {"path": "../../x"}},
            {"id": "e", "annotations": [], "point_cloud": {"path": "../x"}},
            {
                "id": "f",
                "annotations": [{"type": "bbox"}, good],
                "extended_annotations": [tabular | {"index": 1}],
            },
        ],
    )
    context = ReadContext(on_error="skip")
    options = FORMAT.read_options()
    found = FORMAT.read(tmp_path, options, context)
    assert [(r["id"], [a["type"] for a in r["annotations"]]) for r in rows(found)] == [
        ("a", [T.label, T.label]),
        ("f", [T.label, T.tabular]),
    ]
    assert context.n_problems == 7
    places = sorted(p.place.partition(" ")[0] for p in context.problems)
    assert places == [
        "$.items[0].annotations[1].label_id",
        "$.items[1].annotations",
        "$.items[2].id",
        "$.items[3].video",
        "$.items[4].image.path",
        "$.items[5]",
        "$.items[6].annotations[0].bbox",
    ]


def test_media_must_be_of_the_kind_that_the_file_says(tmp_path: Path) -> None:
    put(tmp_path, media_type=2, items=[item(point_cloud={"path": "x.pcd"})])
    with pytest.raises(MediaTypeError, match=r"IMAGE.*POINT_CLOUD"):
        read(tmp_path)
    assert read(tmp_path, "skip").media_type == MediaType.MEDIA_ELEMENT


def test_every_error_is_one_of_the_packages(tmp_path: Path) -> None:
    """Any single byte changed in a file with all that it can have: read, or refused."""
    tabular = {"index": 0, "type": "tabular", "extra": {"values": {}}}
    mask = {"type": "mask", "rle": {"counts": "13", "size": [2, 2]}}
    path = put(
        tmp_path,
        items=[
            item(mask, attr={"é\\": [1.5]}, image={"path": "a.jpg", "size": [1, 2]}),
            {
                "id": "b",
                "annotations": [],
                "extended_annotations": [tabular],
                "video": {"path": "v"},
            },
        ],
    )
    text = path.read_bytes()
    for at in range(len(text)):
        others = b'"]}\\0-\xff\x00'
        for byte in {others[at % 8], others[(at // 8) % 8]}:
            path.write_bytes(text[:at] + bytes([byte]) + text[at + 1 :])
            try:
                found = read(tmp_path)
            except DatumaroError:
                continue
            for chunk in found.chunks:
                chunk.items.validate(full=True)
                chunk.annotations.validate(full=True)
