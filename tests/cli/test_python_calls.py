"""docs/cli.md tells for every command what does the same in Python."""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path

import datumaro as dm
from datumaro.cli.main import make_parser

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
TABLE = PAGE.read_text().split("## The same in Python")[1].split("\n## ")[0]
ROWS = [row.split("|")[1:3] for row in TABLE.splitlines() if row.startswith("| `")]


def commands(parser: argparse.ArgumentParser, prefix: str = "") -> set[str]:
    """The names of all commands that do something."""
    found = set[str]()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                found |= commands(inner, f"{prefix}{name} ") or {prefix + name}
    return found


def test_every_command_is_there():
    assert {name for row in ROWS for name in re.findall("`(.+?)`", row[0])} == commands(
        make_parser()
    )


def test_every_call_exists():
    for row in ROWS:
        calls = [c for c in re.findall("`(.+?)`", row[1]) if not c.startswith("-")]
        assert calls
        for call in calls:
            module, *parts = call.rsplit(".", 2 if call.startswith("dm.") else 1)
            found = dm if module == "dm" else importlib.import_module(module)
            for part in parts:
                found = getattr(found, part)
