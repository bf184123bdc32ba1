"""Many small files below a folder."""

from pathlib import Path

import pytest

from datumaro.errors import PathOutsideDatasetError
from datumaro.formats.file_writer import FileWriter


def test_parts_of_a_text(tmp_path: Path):
    names = [f"{number % 3}/{number}.txt" for number in range(2500)]
    texts = [str(number).encode() * (number % 4) for number in range(2500)]
    ends = [0]
    for text in texts:
        ends.append(ends[-1] + len(text))
    FileWriter(tmp_path).save_parts(names, b"".join(texts), ends)
    assert [(tmp_path / name).read_bytes() for name in names] == texts


def test_of_two_files_of_a_name_the_last_one_stays(tmp_path: Path):
    FileWriter(tmp_path).save_parts(["a", "b", "a"], b"longxyz", [0, 4, 5, 7])
    assert (tmp_path / "a").read_bytes() == b"yz"


def test_nothing(tmp_path: Path):
    FileWriter(tmp_path).save_parts([], b"", [0])
    assert list(tmp_path.iterdir()) == []


def test_names_that_lead_outside(tmp_path: Path):
    with pytest.raises(PathOutsideDatasetError):
        FileWriter(tmp_path / "in").save_parts(["a", "../b"], b"xy", [0, 1, 2])
    assert not (tmp_path / "b").exists()


def test_what_cannot_be_written(tmp_path: Path):
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError, match="a"):
        FileWriter(tmp_path).save_parts(["a"], b"x", [0, 1])
