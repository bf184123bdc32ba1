"""The `datumaro` format, by columns: what is written is read."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings, strategies as st

from datumaro.formats.base import ReadContext
from datumaro.formats.datumaro_json.media_reading import MediaFolders
from datumaro.formats.datumaro_json.reading import read_file
from datumaro.model.categories import LabelCategories
from datumaro.model.media import MediaType
from datumaro.table.chunk import Chunk, Content, empty_chunk
from formats.datumaro_json.annotation_files import T, chunk_of, read, rows, write

hundredths = st.integers(-4_000_000, 4_000_000).map(lambda n: float(np.float32(n / 100).round(2)))
texts = st.text(st.characters(codec="utf-8"), max_size=8)
objects = st.dictionaries(texts, st.none() | st.booleans() | texts | st.integers(-9, 9), max_size=2)
object_texts = objects.map(
    lambda v: json.dumps(v, ensure_ascii=False, separators=(",", ":")) if v else ""
)
extra_texts = st.sampled_from(['{"values":[1,2]}', '{"elements":[{"type":"points"}]}', '{"é":{}}'])


def numbers(n: int | None = None, step: int = 2, least: int = 0) -> Any:
    if n is not None:
        return st.lists(hundredths, min_size=n, max_size=n)
    return st.integers(least, 5).flatmap(lambda k: numbers(step * k))


@st.composite
def annotations(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from([t for t in T if t != T.unknown]))
    row: dict[str, Any] = {
        "type": int(kind),
        "id": draw(st.integers(-(2**63), 2**63 - 1)),
        "group": draw(st.integers(-(2**63), 2**63 - 1)),
        "object_id": draw(st.integers(-(2**31), 2**31 - 1)),
        "label": draw(st.none() | st.integers(0, 4)),
        "z_order": draw(st.integers(-(2**31), 2**31 - 1)),
        "attributes": draw(object_texts),
        "points": [],
        "visibility": [],
        "mask_height": 0,
        "mask_width": 0,
        "rle": b"",
        "text": "",
        "extra": "",
        "area": draw(st.none() | st.floats(0, 1e9)) or float("nan"),
    }
    if kind == T.polygon:
        row["points"] = draw(numbers(least=0))  # fewer than three points, too
    elif kind == T.polyline:
        row["points"] = draw(numbers())
    elif kind == T.points:
        row["points"] = draw(numbers())
        n = len(row["points"]) // 2
        row["visibility"] = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    elif kind in (T.bbox, T.ellipse):
        row["points"] = draw(numbers(4))
    elif kind == T.rotated_bbox:
        row["points"] = draw(numbers(5))
    elif kind in (T.cuboid_2d, T.cuboid_3d):
        exact = draw(numbers(16 if kind == T.cuboid_2d else 9))
        if draw(st.booleans()):
            exact[0] = 1e8 + 0.01  # which float32 cannot hold
            if kind == T.cuboid_3d:
                exact = [round(v, 2) for v in exact]
            row["extra"] = json.dumps({"points": exact}, separators=(",", ":"))
        row["points"] = [float(np.float32(v)) for v in exact]
    elif kind == T.mask:
        row["mask_height"], row["mask_width"], row["rle"] = draw(
            st.sampled_from([(2, 2, b"13"), (3, 4, b"<"), (5, 4, b"0d0"), (0, 0, b"")])
        )
    elif kind == T.caption:
        row["text"] = draw(texts)
    elif kind != T.label:
        row["extra"] = draw(extra_texts)
    if kind in (T.label, T.caption, T.cuboid_3d):
        row["z_order"] = 0
    if kind == T.caption:
        row["label"] = None
    return row


@st.composite
def chunks(draw: st.DrawFn) -> Chunk:
    ids = draw(st.lists(texts.filter(bool), max_size=4, unique=True))
    items = [
        {
            "id": name,
            "attributes": draw(object_texts),
            "annotations": draw(st.lists(annotations(), max_size=4)),
            **draw(
                st.sampled_from(
                    [
                        {"media_type": 0, "path": "", "height": 0, "width": 0},
                        {"media_type": 2, "path": '/x/é "1".jpg', "height": 3, "width": 4},
                        {"media_type": 2, "path": "/x/2.jpg", "height": 0, "width": 0},
                    ]
                )
            ),
        }
        for name in ids
    ]
    return chunk_of(items)


@settings(deadline=None)
@given(chunks(), st.integers(60, 2000))
def test_everything_comes_back(chunk: Chunk, block: int) -> None:
    labels = LabelCategories.from_iterable("abcde")
    parts = [chunk.slice(0, len(chunk) // 2), chunk.slice(len(chunk) // 2, len(chunk))]
    content = Content(parts, {T.label: labels}, {"by": ["x", 1], "big": 2**70})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "d"
        write(content, folder)
        found = read(folder, allow_external_media=True)
        assert rows(found) == rows(content)
        assert (found.categories, found.infos) == (content.categories, content.infos)
        assert found.media_type == MediaType.IMAGE
        for file in (folder / "annotations").iterdir():  # in pieces, it is the same
            folders = MediaFolders.beside("/", allow_external=True)
            again = read_file(file, "default", folders, ReadContext(), block)
            assert rows(Content(again.chunks)) == rows(content)


def test_an_empty_data_set_comes_back(tmp_path: Path) -> None:
    content = Content([], {T.label: LabelCategories.from_iterable(["a"])}, {"n": 1})
    for name, one in (
        ("a", content),
        ("b", Content([empty_chunk()], content.categories, {"n": 1})),
    ):
        write(one, tmp_path / name)
        found = read(tmp_path / name)
        assert len(found) == 0
        assert found.categories == content.categories
        assert found.infos == {"n": 1}
