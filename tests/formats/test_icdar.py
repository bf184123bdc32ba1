"""ICDAR's formats: what is read from their files, what is written, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

import datumaro as dm
from datumaro.errors import (
    DatasetExportError,
    DatasetNotFoundError,
    DatumaroError,
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
    RepeatedItemError,
)
from datumaro.formats.base import Confidence
from datumaro.formats.icdar import text_segmentation
from format_files import count, detect, image, lost, make, png, read, rows_mask, written

WORDS, SHAPES, CHARACTERS = (
    f"icdar_{name}" for name in ("word_recognition", "text_localization", "text_segmentation")
)
FORMATS = (WORDS, SHAPES, CHARACTERS)


def bmp(pixels: Any) -> bytes:
    """A BMP file of RGB pixels."""
    out = io.BytesIO()
    PILImage.fromarray(np.array(pixels, np.uint8)).save(out, "BMP")
    return out.getvalue()


def data_set(*annotations: Any, item_id: str = "a", **more: Any) -> dm.Dataset:
    item = dm.DatasetItem(item_id, media=image(), annotations=list(annotations), **more)
    return dm.Dataset.from_iterable([item])


def back(dataset: dm.Dataset, root: Path, format: str) -> list[Any]:
    """The annotations of the only item as they come back."""
    (item,) = written(dataset, root, format)
    return list(item.annotations)


# --- all of them --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("word_recognition", {"caption": 2}),
        ("text_localization", {"bbox": 2, "polygon": 1}),
        ("text_segmentation", {"mask": 3}),
    ],
)
def test_samples(shared_data: Path, name: str, kinds: dict[str, int]):
    root = shared_data / "formats/icdar_dataset" / name
    found = read(root, f"icdar_{name}")
    assert count(found)[1] == kinds and list(found.subsets()) == ["train"]
    assert all(Path(item.media.path).is_file() for item in found)
    assert detect(root, f"icdar_{name}") is Confidence.MEDIUM
    assert count(read(root / "train", f"icdar_{name}"))[1] == kinds


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_there(tmp_path: Path, format: str):
    with pytest.raises(DatasetNotFoundError, match="no "):
        read(tmp_path, format)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("subset", ["a/b", ".x"])
def test_subsets_that_are_no_folders(tmp_path: Path, format: str, subset: str):
    with pytest.raises(DatumaroError, match="rename"):
        data_set(subset=subset).export(str(tmp_path / "x"), format)


@pytest.mark.parametrize(("format", "item_id"), [(SHAPES, "images/a"), (CHARACTERS, "images/a")])
def test_files_among_the_images(tmp_path: Path, format: str, item_id: str):
    with pytest.raises(DatasetExportError, match="rename"):
        data_set(item_id=item_id).export(str(tmp_path / "x"), format)


# --- words --------------------------------------------------------------------------------------


def captions(root: Path, text: str) -> dict[str, list[str]]:
    found = read(make(root, {"train/gt.txt": text}), WORDS)
    return {item.id: [a.caption for a in item.annotations] for item in found}


def test_words(tmp_path: Path):
    assert captions(
        tmp_path,
        '\ufeffword_1.png, "PROPER"\r\nb/c d.jpg, "two, words, \\"x\\" \\\\ \\n"\n\n'
        'e.png, \ne.f.png\ng.png, ""\ng.png, "again"\n',
    ) == {
        "word_1": ["PROPER"], "b/c d": ['two, words, "x" \\ \\n'], "e": [], "e.f": [],
        "g": ["", "again"],
    }  # fmt: skip


@pytest.mark.parametrize("line", ['a.png, "open', 'a.png, open"', '"a"'])
def test_damaged_words(tmp_path: Path, line: str):
    with pytest.raises(MalformedFileError, match=r"gt\.txt: line 1"):
        captions(tmp_path, f'{line}\nb.png, "x"\n')
    assert len(read(tmp_path, WORDS, error_policy="skip")) == 1


def test_the_same_image_twice(tmp_path: Path):
    with pytest.raises(RepeatedItemError, match="line 3"):
        captions(tmp_path, 'a.png, "x"\nb.png, "y"\na.png, "z"\n')


def test_images_that_lead_outside(tmp_path: Path):
    with pytest.raises(PathOutsideDatasetError, match="line 1"):
        captions(tmp_path, '../../../a.png, "x"\n')


def test_captions_come_back(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    texts = ['a "b", c', "\\", '\\"', "", " x ", "猫", "a\nb"]
    found = back(data_set(*map(dm.Caption, texts)), tmp_path, WORDS)
    assert [a.caption for a in found] == texts[:-1]
    assert "1 captions with line breaks" in lost(caplog)


@pytest.mark.parametrize("item_id", ['a, "b', "a\nb", " a"])
def test_ids_that_are_no_part_of_a_line(tmp_path: Path, item_id: str):
    with pytest.raises(DatasetExportError, match="rename"):
        data_set(item_id=item_id).export(str(tmp_path / "x"), WORDS)


# --- boxes and polygons -------------------------------------------------------------------------


QUAD = [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("line", "kind", "points", "text"),
    [
        ("38, 43, 920, 215", "bbox", [38, 43, 920, 215], None),
        ('38, 43, 920, 215, "Tired, ness"', "bbox", [38, 43, 920, 215], "Tired, ness"),
        ("38 43 920 215 two words", "bbox", [38, 43, 920, 215], "two words"),
        ("38,43,920,215,2015", "bbox", [38, 43, 920, 215], "2015"),
        ("1,2,3,4,5 apples", "bbox", [1, 2, 3, 4], "5 apples"),
        ("1,2,3,4,5,6,7,8", "polygon", QUAD, None),
        ("1,2,3,4,5,6,7,8,###", "polygon", QUAD, "###"),
        ("1,2,3,4,5,6,7,8,a, b", "polygon", QUAD, "a, b"),
        ("1,2,3,4,5,6,7,8,2015", "polygon", QUAD, "2015"),
        ('1 2 3 4 5 6 7 8 ""', "polygon", QUAD, ""),
        ("1,2,3,4,5,6,7,8,", "polygon", QUAD, None),
        ("1.5,2,3,4,5,-6.25", "polygon", [1.5, 2, 3, 4, 5, -6.25], None),
        ('1 2 3 4 5 6 7 8 9 10 "x"', "polygon", [*QUAD, 9, 10], "x"),
    ],
)
def test_lines(tmp_path: Path, line: str, kind: str, points: list[float], text: str | None):
    (item,) = read(make(tmp_path, {"train/gt_a.txt": f"\ufeff{line}\r\n\n"}), SHAPES)
    (found,) = item.annotations
    assert (found.type.name, found.points) == (kind, points)
    assert found.attributes == ({} if text is None else {"text": text})


@pytest.mark.parametrize(
    "line",
    ["1,2,3", "a", "1 2 3 4 5 6 7", '1 2 3 "x"', '1 2 3 4 "x', "1,2,3,1e12", '1 2 3 x "y"'],
)
def test_damaged_lines(tmp_path: Path, line: str):
    make(tmp_path, {"train/gt_a.txt": f"0 0 1 1\n{line}\n"})
    with pytest.raises(InvalidAnnotationError, match=r"gt_a\.txt: line 2"):
        read(tmp_path, SHAPES)
    (item,) = read(tmp_path, SHAPES, error_policy="skip")
    assert len(item.annotations) == 1


def test_shapes_come_back(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    texts = ['a "b", c', "\\", "", "12", " x ", "a\nb"]
    shapes = [dm.Bbox(0, 0.5, 1, 1, attributes={"text": text}) for text in texts]
    shapes += [dm.Polygon(QUAD[:6]), dm.Polygon([*QUAD, 9, 10], attributes={"text": "猫"})]
    found = back(data_set(*shapes, item_id="b/c"), tmp_path, SHAPES)
    assert [a.attributes.get("text") for a in found] == [*texts[:-1], None, None, "猫"]
    assert [a.points for a in found] == [a.points for a in shapes]
    assert "1 texts that are no line" in lost(caplog)
    assert (tmp_path / "default/b/gt_c.txt").is_file()


# --- characters ---------------------------------------------------------------------------------


RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)
LIST = '255 0 0 0 1 0 0 1 1 "F"\n\n#0 0 255 - - 0 0 1 1 " "\n1 2 3 4 5 0 0 1 1 "\\""\n'


@pytest.mark.parametrize("encode", [bmp, lambda pixels: png(np.array(pixels, np.uint8))])
def test_characters(tmp_path: Path, encode: Any):
    files = {"train/a_GT.txt": LIST, "train/a_GT.bmp": encode([[RED, WHITE, BLUE]])}
    (item,) = read(make(tmp_path, files), CHARACTERS)
    assert [np.asarray(a.image).astype(int).tolist() for a in item.annotations] == [
        [[1, 0, 0]], [[0, 0, 1]], [[0, 0, 0]],
    ]  # fmt: skip
    assert [a.group for a in item.annotations] == [0, 1, 1]
    assert [a.attributes for a in item.annotations] == [
        {"index": 0, "color": "255 0 0", "text": "F", "center": "0 1"},
        {"index": 1, "color": "0 0 255", "text": " "},
        {"index": 2, "color": "1 2 3", "text": '"', "center": "4 5"},
    ]


@pytest.mark.parametrize("line", ["", "1 2 3", '256 0 0 0 0 0 0 0 0 "a"', '1 2 3 4 5 6 7 8 9 "a'])
def test_damaged_characters(tmp_path: Path, line: str):
    text = f'255 0 0 0 1 0 0 1 1 "F"\n{line or "x"}\n'
    make(tmp_path, {"train/a_GT.txt": text, "train/a_GT.bmp": bmp([[RED]])})
    with pytest.raises(InvalidAnnotationError, match=r"a_GT\.txt: line 2"):
        read(tmp_path, CHARACTERS)
    (item,) = read(tmp_path, CHARACTERS, error_policy="skip")
    assert len(item.annotations) == 1


@pytest.mark.parametrize(
    ("data", "message"), [(None, "no such file"), (b"", "BMP"), (bmp([[RED] * 9] * 9)[:60], "BMP")]
)
def test_damaged_colors(tmp_path: Path, data: bytes | None, message: str):
    make(tmp_path, {"train/a_GT.txt": LIST} | ({} if data is None else {"train/a_GT.bmp": data}))
    with pytest.raises(MalformedFileError, match=message) as info:
        read(tmp_path, CHARACTERS)
    assert "a_GT.bmp" in str(info.value)


def test_words_stay_together(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = [
        dm.Mask(rows_mask(n), group=group, attributes={"index": index, "text": str(n)})
        for n, group, index in ((0, 4, 2), (1, 0, 1), (2, 4, 0), (3, 0, 3))
    ]
    found = back(data_set(*sent), tmp_path, CHARACTERS)
    assert [(a.attributes["text"], a.group) for a in found] == [
        ("2", 1), ("0", 1), ("1", 0), ("3", 0),
    ]  # fmt: skip
    assert all(np.array_equal(a.image, rows_mask(int(a.attributes["text"]))) for a in found)
    assert not lost(caplog)


def test_what_is_not_held_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    first = {"index": 5, "color": "1 2 3", "center": "4"}
    sent = [
        dm.Mask(rows_mask(0, 1), attributes=first),
        dm.Mask(rows_mask(1), attributes={"index": 7, "color": "1 2 3", "text": "a\nb"}),
    ]
    found = back(data_set(*sent), tmp_path, CHARACTERS)
    assert [a.attributes["color"] for a in found] == ["1 2 3", "128 0 0"]
    for what in (
        "masks that others cover",
        "attributes index",
        "1 colours of masks",
        "texts that are no line",
        "centres that are no two words",
    ):
        assert what in lost(caplog)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
def test_usual_bmp_files_are_read_as_pillow_reads_them(width: int):
    pixels = np.random.default_rng(width).integers(0, 256, (3, width, 3))
    codes = pixels @ np.array([1 << 16, 1 << 8, 1])
    data = bmp(pixels)
    found = text_segmentation._bmp_codes(data)
    assert found is not None and found.tolist() == codes.tolist()
    for end in (0, 20, 54, len(data) - 1):
        assert text_segmentation._bmp_codes(data[:end]) is None
    for at in (0, 10, 14, 18, 22, 25, 26, 28, 30):  # what its header says
        assert text_segmentation._bmp_codes(data[:at] + b"\xff" + data[at + 1 :]) is None
