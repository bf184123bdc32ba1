"""Labels of PASCAL VOC's data sets: their file, and that beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from datumaro.errors import DatasetImportError, InvalidAnnotationError, MalformedFileError
from datumaro.model.annotation import AnnotationType
from format_files import label_names, make
from formats.voc.voc_files import read


def test_label_map(tmp_path: Path):
    make(
        tmp_path,
        {
            "labelmap.txt": "\ufeff# label:color_rgb:parts:actions\r\n"
            "cat:1,2,3:tail,paw:sit,run\r\n\r\ndog::tail:\r\nbus:4,5,6::\r\n",
            "ImageSets/Main/train.txt": "a\n",
        },
    )
    dataset = read(tmp_path)
    labels = dataset.categories()[AnnotationType.label]
    assert [(c.name, c.parent, c.attributes) for c in labels] == [
        ("cat", "", {"sit", "run"}),
        ("dog", "", set()),
        ("bus", "", set()),
        ("tail", "cat", set()),
        ("paw", "cat", set()),
    ]
    assert labels.attributes == {"difficult", "truncated", "occluded"}
    assert dataset.categories()[AnnotationType.mask].colormap == {0: (1, 2, 3), 2: (4, 5, 6)}
    assert label_names(read(tmp_path, "voc_detection")) == ["cat", "dog", "bus"]


def test_label_map_without_colors_has_the_palette(tmp_path: Path):
    make(tmp_path, {"labelmap.txt": "a:::\nb:::\n", "ImageSets/Main/train.txt": "a\n"})
    colors = read(tmp_path).categories()[AnnotationType.mask]
    assert colors.colormap == {0: (0, 0, 0), 1: (128, 0, 0)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cat:::\ndog::\n", r"line 2.*3 fields"),
        ("cat:::\n\ncat:::\n", r"line 3: label 'cat', which line 1 has too"),
        ("cat:1,2::\n", r"line 1.*colour"),
        ("cat:1,2,256::\n", r"line 1.*0 to 255"),
        ("cat:1,2,-3::\n", r"line 1.*0 to 255"),
        (":::\n", r"line 1: ':::'; expected a name"),
    ],
)
def test_wrong_label_map(tmp_path: Path, text: str, says: str):
    make(tmp_path, {"labelmap.txt": text, "ImageSets/Main/train.txt": "a\n"})
    with pytest.raises(InvalidAnnotationError, match=says):
        read(tmp_path)


def test_label_map_that_is_no_text(tmp_path: Path):
    make(tmp_path, {"labelmap.txt": b"\xff\xfe\x00", "ImageSets/Main/train.txt": "a\n"})
    with pytest.raises(MalformedFileError, match=r"labelmap\.txt: byte 0: not UTF-8"):
        read(tmp_path)


def test_dataset_meta(tmp_path: Path):
    meta = (
        '{"labels": ["background", "cat", "dog"], "label_map": {"0": "background", "2": "dog"}, '
        '"segmentation_colors": [[0, 0, 0], [1, 2, 3]], "parts": {"1": ["tail"]}, '
        '"actions": {"2": ["run"]}}'
    )
    make(tmp_path, {"dataset_meta.json": meta, "ImageSets/Main/train.txt": "a\n"})
    dataset = read(tmp_path)
    labels = dataset.categories()[AnnotationType.label]
    assert label_names(dataset) == ["background", "cat", "dog", "tail"]
    assert labels[2].attributes == {"run"}
    assert dataset.categories()[AnnotationType.mask].colormap == {0: (0, 0, 0), 2: (1, 2, 3)}


@pytest.mark.parametrize(
    ("meta", "says"),
    [
        ("{", "expected a JSON object"),
        ("[]", r"\$: \[\]; expected an object"),
        ('{"labels": {}}', r"\$\.labels"),
        ('{"labels": ["a", "a"]}', r"\$\.labels\[1\]"),
        ('{"labels": ["a"], "parts": {"7": ["b"]}}', r"\$\.parts\.7: label index 7"),
        ('{"labels": ["a"], "parts": {"0": "b"}}', r"\$\.parts\[\.\.\.\]"),
        ('{"labels": ["a"], "segmentation_colors": [[1, 2]]}', r"\$\.segmentation_colors\[0\]"),
        ('{"labels": [], "segmentation_colors": [[1, 2, 3]]}', "1 colours"),
    ],
)
def test_wrong_dataset_meta(tmp_path: Path, meta: str, says: str):
    make(tmp_path, {"dataset_meta.json": meta, "ImageSets/Main/train.txt": "a\n"})
    with pytest.raises(DatasetImportError, match=says):
        read(tmp_path)
