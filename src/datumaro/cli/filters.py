"""Flags of filters."""

from __future__ import annotations

import argparse

ITEMS, ANNOTATIONS, BOTH = "items", "annotations", "items+annotations"
MODES = {
    "items": ITEMS, "i": ITEMS, "annotations": ANNOTATIONS, "a": ANNOTATIONS,
    "items+annotations": BOTH, "annotations+items": BOTH, "i+a": BOTH, "a+i": BOTH,
}  # fmt: skip

MODE_HELP = (
    "what the filter chooses: items (i); annotations (a), of all items; items+annotations (i+a): "
    "annotations, and only items that have some then (default: items)"
)


def add_mode_flag(parser: argparse.ArgumentParser, *flags: str) -> None:
    """The flag of what a filter chooses, by these names."""
    parser.add_argument(*flags, type=mode, default=ITEMS, metavar="MODE", help=MODE_HELP)


def add_flags(parser: argparse.ArgumentParser, verb: str) -> None:
    """``-e`` and ``--filter-mode``, of a command that does more than filter."""
    parser.add_argument(
        "-e",
        "--filter",
        metavar="XPATH",
        help=f"{verb} only what this expression chooses; see `datum filter --help`",
    )
    add_mode_flag(parser, "--filter-mode")


def mode(word: str) -> str:
    """The mode of a word, in any case."""
    found = MODES.get(word.strip().lower())
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{word!r} is no mode; expected items (i), annotations (a) or items+annotations (i+a)"
        )
    return found


def options(mode: str) -> dict[str, bool]:
    """The keyword arguments of `Dataset.filter` that a mode means."""
    return {"filter_annotations": mode != ITEMS, "remove_empty": mode == BOTH}
