"""``datum format``."""

from __future__ import annotations


def test_both_lists(datum):
    done = datum("format")

    assert done.code == 0
    readable, writable = done.out.split("\n\n")
    assert readable.startswith("Supported import formats:\n")
    assert writable.startswith("Supported export formats:\n")
    assert "toy_read_only" in readable.splitlines()
    assert "toy_read_only" not in writable.splitlines()
    assert "toy_write_only" in writable.splitlines()
    assert "toy_write_only" not in readable.splitlines()


def test_one_list_for_scripts(datum):
    names = datum("format", "-li", "-d", ",").out.strip().split(",")
    assert names == sorted(names)
    assert {"toy", "toy_read_only"} <= set(names)
    assert "toy_write_only" in datum("format", "--list-export").out.splitlines()
    assert datum("format", "-li", "-le").code == 2


def test_a_format_that_cannot_be_loaded_is_told_and_left_out(datum):
    done = datum("format", "-li")
    assert "toy_broken" not in done.out.splitlines()
    assert "datum: warning: format toy_broken cannot be used" in done.err


def test_the_options_of_one(datum):
    done = datum("format", "toy")
    assert done.code == 0
    assert done.out.startswith("toy: boxes in one JSON file\n")
    reading, writing = done.out.split("export options")
    assert "  limit\n      read that many items\n" in reading
    assert "  sort (default: yes)\n      sort the items by id\n" in writing

    assert datum("format", "tyo").code == 1
