"""Lines of label files."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels.yolo_lines import LineReader, print_lines


def read(*files: bytes, n_classes: int = 3, n_values: int = 0):
    reader = LineReader(n_classes, n_values)
    problems = [reader.add(data) for data in files]
    classes, numbers, values, ends, file_ends = reader.take()
    lines = [
        (int(c), int(n), values[a:b].tolist())
        for c, n, a, b in zip(classes, numbers, ends[:-1], ends[1:], strict=True)
    ]
    return problems, lines, file_ends.tolist()


def test_files_follow_each_other():
    problems, lines, ends = read(
        b"0 .5 0.5 1e-1 +1.\r\n\n \t2\t0 0 1 1\n", b"", b"\xef\xbb\xbf1.0 1 2 3 4 5 6"
    )
    assert problems == [None, None, None]
    assert lines == [
        (0, 0, [0.5, 0.5, 0.1, 1.0]),
        (2, 1, [0, 0, 1, 1]),
        (1, 0, [1, 2, 3, 4, 5, 6]),
    ]
    assert ends == [0, 2, 2, 3]


@pytest.mark.parametrize(
    ("line", "kind", "found"),
    [
        (b"x 1 1 1 1", "class", "x"),
        (b"1.5 1 1 1 1", "class", "1.5"),
        (b"-1 1 1 1 1", "class", "-1.0"),
        (b"99999999999 1 1 1 1", "class", "99999999999.0"),
        (b"\0 1 1 1 1", "class", ""),
        (b"3 1 1 1 1", "label", "3"),
        (b"1 1 nan 1 1", "number", "nan"),
        (b"1 1 0,5 1 1", "number", "0,5"),
        (b"1 1 1_0 1 1", "number", "1_0"),
        (b"1 1 \xff 1 1", "number", "\udcff"),
        (b"1 1 inf 1 1", "range", "inf"),
        (b"1 1 1e999 1 1", "range", "inf"),
        (b"1 -1e10 1 1 1", "range", "-10000000000.0"),
        (b"1", "fields", "1"),
        (b"1 1 1 1", "fields", "4"),
        (b"1 1 1 1 1 1", "fields", "6"),
        (b"1 1 1 1 1 1 1 1", "fields", "8"),
    ],
)  # fmt: skip
def test_wrong_lines_are_left_out_and_told(line: bytes, kind: str, found: str):
    good = b"0 1 1 1 1"
    problems, lines, ends = read(b"\n".join([good, line, good]))
    ((number, what, _, token),) = problems[0]
    assert (number, what, token) == (2, kind, found)
    assert [n for _, n, _ in lines] == [0, 2] and ends == [0, 2]


def test_an_exact_count_of_numbers():
    problems, lines, _ = read(b"0 1 2 3\n0 1 2 3 4", n_values=3)
    assert lines == [(0, 0, [1, 2, 3])]
    assert problems[0][0][1] == "fields"


def test_a_reader_is_empty_when_all_was_taken():
    reader = LineReader(1)
    reader.add(b"0 1 1 1 1")
    reader.take()
    assert [array.tolist() for array in reader.take()] == [[], [], [], [0], [0]]


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes(files: list[bytes]):
    _, _, ends = read(*files)
    assert len(ends) == len(files) + 1


@given(st.lists(st.floats(-1e9, 1e9), min_size=4, max_size=4), st.integers(0, 9))
def test_printed_numbers_are_as_python_prints_them(values: list[float], decimals: int):
    text, ends = print_lines(
        np.array([7], np.int32), np.array(values), np.array([0, 4]), np.array([decimals], np.uint8)
    )
    assert ends.tolist() == [0, len(text)] and text.endswith(b"\n")
    first, *found = text.split()
    assert first == b"7"
    for token, value in zip(found, values, strict=True):
        assert abs(float(token) - value) <= 0.5001 * 10.0**-decimals + 1e-15 * abs(value)
        assert len(token.partition(b".")[2]) == decimals


def test_lines_that_do_not_fit_are_refused():
    one, values = np.zeros(1, np.int32), np.zeros(4)
    for ends, decimals in (([0, 5], 6), ([0, 3], 6), ([1, 4], 6), ([0, 4], 10)):
        with pytest.raises(ValueError):
            print_lines(one, values, np.array(ends), np.array([decimals], np.uint8))
    with pytest.raises(ValueError):
        print_lines(np.zeros(2, np.int32), values, np.array([0, 4]), np.array([6], np.uint8))
