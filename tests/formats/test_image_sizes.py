"""``images.meta``."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from datumaro.errors import MalformedFileError
from datumaro.formats import image_sizes


def test_lines(tmp_path: Path):
    (tmp_path / "images.meta").write_text(
        "# <image name> <height> <width>\n\na 2 8\n  'b c' 3 4 # more\n\"d'\" 5 6\ne/f\t7\t9\n"
    )
    assert image_sizes.load(tmp_path) == {
        "a": (2, 8), "b c": (3, 4), "d'": (5, 6), "e/f": (7, 9),
    }  # fmt: skip


def test_no_file(tmp_path: Path):
    assert image_sizes.load(tmp_path) == {}


@pytest.mark.parametrize("line", ["a 1", "a 1 2 3", "a x 2", "a -1 2", "a 0 2", "a 1 2147483648",
                                  "'a 1 2", "a 1.5 2", "a ٣٣٣٣٣٣٣٣٣٣٣ 2"])  # fmt: skip
def test_lines_that_are_none(tmp_path: Path, line: str):
    (tmp_path / "images.meta").write_text(f"b 1 2\n{line}\n")
    with pytest.raises(MalformedFileError, match=r"images\.meta: line 2: .*height and a width"):
        image_sizes.load(tmp_path)


names = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1)


@given(st.dictionaries(names, st.tuples(st.integers(1, 2**31 - 1), st.integers(1, 9))))
def test_there_and_back(tmp_path_factory: pytest.TempPathFactory, sizes: dict):
    folder = tmp_path_factory.mktemp("sizes")
    (folder / "images.meta").write_text(image_sizes.text(sizes), "utf-8", newline="\n")
    assert image_sizes.load(folder) == sizes
