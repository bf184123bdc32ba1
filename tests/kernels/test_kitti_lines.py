"""The lines of KITTI's label files: read into arrays, and printed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels.kitti_lines import LineReader, print_lines

REST = b" 0.00 0 -1.5 1 2 3 4 1.5 1.6 1.7 8 9 10 0.1"


def reader() -> tuple[LineReader, dict[str, int]]:
    """A reader that takes any label."""
    labels: dict[str, int] = {}
    return LineReader(lambda name: labels.setdefault(name, len(labels))), labels


def test_lines():
    lines, labels = reader()
    assert lines.add(b"\xef\xbb\xbfCar" + REST + b"\r\n\n  \nDont Care" + REST + b" 0.25") is None
    assert lines.add(b"") is None
    assert lines.add(b"Car 0.4 -1 -10 -.5 +2 3e1 007 -1 -1 -1 -1 -1 -1 -1\n") is None
    found_labels, numbers, flags, boxes, scores, files = lines.take()
    assert labels == {"Car": 0, "Dont Care": 1}
    assert found_labels.tolist() == [0, 1, 0]
    assert numbers.tolist() == [0, 1, 0]
    assert flags.tolist() == [0, 4, 3]
    assert boxes.tolist() == [1, 2, 3, 4, 1, 2, 3, 4, -0.5, 2, 30, 7]
    assert scores.tolist() == [0, 0.25, 0]
    assert files.tolist() == [0, 2, 2, 3]
    assert [len(array) for array in lines.take()] == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("name", ["0", "a 1 b", "1 2 3 x", "\u732b \u0438", "-1"])
def test_odd_labels_are_told_from_numbers(name: str):
    lines, labels = reader()
    assert lines.add(name.encode() + REST + b" 7\n") is None
    assert list(labels) == [name]


@pytest.mark.parametrize(
    ("line", "kind", "what"),
    [
        (b"Car", "fields", "1"),
        (b"Car 1 2 3", "fields", "4"),
        (REST, "fields", "14"),
        (b"Car" + REST.replace(b"4", b"four"), "fields", "15"),
        (b"Car" + REST.replace(b" 4", b" nan"), "fields", "15"),
        (b"Car" + REST.replace(b" 4", b" 4_0"), "fields", "15"),
        (b"Car" + REST.replace(b" 4", b" 1e10"), "range", "10000000000.0"),
        (b"Car" + REST.replace(b" 4", b" inf"), "range", "inf"),
        (b"Car" + REST.replace(b" 4", b" 1" + b"0" * 400), "range", "inf"),
        (b"Car" + REST + b" inf", "range", "inf"),
        (b"Car " * 100 + REST, "fields", "114"),
        (b"Car\xff" + REST, "encoding", r"b'Car\xff'"),
    ],
)
def test_wrong_lines_are_told_and_left_out(line: bytes, kind: str, what: str):
    lines, _ = reader()
    (problem,) = lines.add(b"\n" + line + b"\nCar" + REST) or []
    assert problem[:3] == (2, kind, what)
    labels, numbers, *_ = lines.take()
    assert (labels.tolist(), numbers.tolist()) == ([0], [1])


def test_labels_that_are_not_declared():
    lines = LineReader({"Car": 3}.get)
    assert lines.add(b"Van" + REST + b"\nCar" + REST) == [
        (1, "label", "Van", ("Van" + REST.decode())[:80])
    ]
    assert lines.take()[0].tolist() == [3]


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes):
    lines, _ = reader()
    problems = lines.add(data) or []
    n = len(lines.take()[0])
    assert n + len(problems) == sum(bool(line.split()) for line in lines_of(data))


def lines_of(data: bytes) -> list[bytes]:
    return data.removeprefix(b"\xef\xbb\xbf").split(b"\n")


@given(st.lists(st.tuples(*[st.floats(-1e18, 1e18)] * 4), max_size=5))
def test_printed_numbers(boxes: list[tuple[float, ...]]):
    rounded = np.array(boxes, float).round(2)
    which = np.arange(len(boxes), dtype=np.int32) % 2
    text, ends = print_lines([b"a", b"b"], which, rounded.ravel(), [b"\n", b" x\n"], which)
    assert ends[-1] == len(text)
    lines = text.decode().split("\n")[:-1]
    assert [line[0] for line in lines] == ["ab"[i] for i in which]
    for line, box in zip(lines, rounded, strict=True):
        numbers = line.split()[1:5]
        assert all(len(number.split(".")[1]) == 2 for number in numbers)
        assert np.allclose([float(number) for number in numbers], box, rtol=1e-15, atol=0.0051)


def test_counts_that_differ():
    with pytest.raises(ValueError, match="counts"):
        print_lines([b""], np.zeros(2, np.int32), np.zeros(4), [b""], np.zeros(2, np.int32))


def test_indices_beyond_the_texts():
    for heads, tails in (([0, 1], [0, 0]), ([0, 0], [0, -1])):
        with pytest.raises(ValueError, match="indices"):
            print_lines(
                [b""], np.array(heads, np.int32), np.zeros(8), [b""], np.array(tails, np.int32)
            )
