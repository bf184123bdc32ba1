"""``datum info``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

EXPECTED = """\
length: 3
media type: image
annotations: 3
  bbox: 3
categories: label
  label:
    count: 2
    labels: cat, dog
subsets: train, val
  'train':
    length: 2
    annotations: 2
      bbox: 2
    categories: label
      label:
        count: 2
        labels: cat, dog
  'val':
    length: 1
    annotations: 1
      bbox: 1
    categories: label
      label:
        count: 2
        labels: cat, dog
"""


@pytest.mark.parametrize("command", ["info", "dinfo"])
def test_the_whole(datum, toy: Path, command: str):
    done = datum(command, toy)
    assert (done.code, done.out) == (0, EXPECTED)


def test_annotations_by_label(datum, toy: Path):
    done = datum("info", toy, "--label-counts")
    assert done.out.startswith(EXPECTED + "annotations by label:\n")
    assert done.out.count("\n") == EXPECTED.count("\n") + 3
    counts = done.out.removeprefix(EXPECTED).split()[3:]
    assert dict(zip(counts[::2], counts[1::2], strict=True)).keys() == {"cat", "dog"}


def test_many_labels_are_cut_unless_all_are_wanted(datum, toy: Path):
    labels = [f"l{i}" for i in range(12)]
    (toy / "toy.json").write_text(json.dumps({"labels": labels, "items": []}))

    assert "labels: l0, l1, l2, l3, l4, l5, l6, l7, l8, l9 (and 2 more)\n" in datum("info", toy).out
    assert f"labels: {', '.join(labels)}\n" in datum("info", toy, "--all").out


def test_the_format_may_be_named_with_the_path(datum, toy: Path):
    (toy / "twin").touch()
    ambiguous = datum("info", toy)
    assert ambiguous.code == 2
    assert "toy, toy_twin" in ambiguous.err

    assert datum("info", f"{toy}:toy").out == EXPECTED
    assert datum("info", toy, "-if", "toy").out == EXPECTED
    assert datum("info", f"{toy}:toy", "-if", "toy_twin").code == 2
    assert "no format 'tyo'" in datum("info", f"{toy}:tyo").err


def test_a_path_with_a_colon(datum, toy: Path):
    toy.rename("a:b")
    assert datum("info", "a:b").out == EXPECTED
    assert datum("info", "a:b:toy").out == EXPECTED


def test_names_cannot_steer_the_terminal(datum, toy: Path):
    label = "\x1b[2Jcat\nlength: 99"
    rows = [{"id": "a", "subset": "s", "boxes": []}]
    (toy / "toy.json").write_text(json.dumps({"labels": [label], "items": rows}))
    done = datum("info", toy)
    assert "labels: \\x1b[2Jcat\\nlength: 99\n" in done.out


def test_a_path_that_is_not_there(datum, toy: Path):
    done = datum("info", "nowhere")
    assert (done.code, done.err) == (1, "datum: error: nowhere: no such file or folder\n")
