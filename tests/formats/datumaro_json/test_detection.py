"""How files of the `datumaro` format are recognised."""

from __future__ import annotations

from pathlib import Path

import pytest

from datumaro.errors import DatasetNotFoundError
from datumaro.formats.base import Confidence, Folder, Rejected
from formats.datumaro_json.annotation_files import FORMAT, put, read


def test_detection(tmp_path: Path) -> None:
    put(tmp_path / "x" / "y" / "z")
    for folder in (tmp_path, tmp_path / "x" / "y" / "z", tmp_path / "x/y/z/annotations/a.json"):
        assert FORMAT.detect(Folder(folder)) == Confidence.MEDIUM
        assert read(folder).categories
    deep = tmp_path / "deep" / "1" / "2" / "3" / "4"
    put(deep)
    with pytest.raises(Rejected):
        FORMAT.detect(Folder(tmp_path / "deep"))
    with pytest.raises(DatasetNotFoundError):
        read(tmp_path / "deep")
    with pytest.raises(DatasetNotFoundError):
        read(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("text", "is_ours"),
    [
        ('{"dm_format_version": "1.0", "items": []}', True),
        ('{"infos": {}, "categories": {"label": {"labels": [', True),
        ('{"categories": {}, "items": [{"images": 1', True),
        ('{"categories": {"label": {"labels": [' + '{"name": "a"},' * 10_000, True),
        ('{"categories": [], "images": [], "annotations": []}', False),
        ('{"info": {}, "licenses": [], "categories": [], "items": []}', False),
        ('{"annotations": [], "categories": [{"name": "a", "items": [], "infos": {}}]}', False),
        ('{"items": [1], "other": 2}', False),
        ('["dm_format_version"]', False),
        ('{"a": "dm_format_version"}', False),
        ("", False),
        ('{"dm_format_version', False),
    ],
)
def test_detection_by_the_first_keys(tmp_path: Path, text: str, is_ours: bool) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    if is_ours:
        assert FORMAT.detect(Folder(path)) == Confidence.MEDIUM
    else:
        with pytest.raises(Rejected):
            FORMAT.detect(Folder(path))
