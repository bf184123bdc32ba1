"""How `.datum` files are recognised and found."""

import pytest

from datumaro.errors import DatasetNotFoundError
from datumaro.formats.base import Confidence, Folder, Rejected
from formats.datumaro_binary.datum_files import (
    FORMAT,
    each_storage,
    labelled,
    one_file,
    read,
    told,
    write,
)


@each_storage
def test_it_is_recognised_by_its_signature(tmp_path, storage):
    write(labelled(0), tmp_path / "a" / "b" / "c", storage=storage)
    for path in ("", "a", "a/b", "a/b/c", "a/b/c/annotations/train.datum"):
        assert FORMAT.detect(Folder(tmp_path / path)) == Confidence.MEDIUM
        assert len(read(tmp_path / path)) == 1
    (tmp_path / "a/b/c/annotations/other.datum").write_bytes(b"no")
    with pytest.raises(Rejected, match=r"other\.datum does not begin with signature:"):
        FORMAT.detect(Folder(tmp_path))


def test_a_folder_without_files_is_not_found(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"no annotations/\*\.datum"):
        read(tmp_path)
    with pytest.raises(Rejected):
        FORMAT.detect(Folder(tmp_path))


@each_storage
def test_a_file_by_itself_is_read(tmp_path, storage):
    write(labelled(0), tmp_path, storage=storage)
    alone = tmp_path / "train.datum"
    one_file(tmp_path).rename(alone)
    assert [item["subset"] for item, _ in told(read(alone))] == ["train"]
