"""The reference of all formats (docs/formats/index.md), which is made from what they declare."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from datumaro.formats import registry

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_formats", DOCS / "make_formats.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_not_stale(maker: ModuleType):
    assert maker.TARGET.read_text("utf-8") == maker.page(), (
        "docs/formats/index.md is stale; run: python docs/make_formats.py"
    )


def test_every_format_is_on_it(maker: ModuleType):
    headings = re.findall(r"^## (\w+)$", maker.page(), re.MULTILINE)
    assert headings == registry.own_names()


def test_its_links_lead_somewhere(maker: ModuleType):
    text = maker.page()
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (maker.PAGES / link).is_file(), link
    anchors = set(re.findall(r"^## (\w+)$", text, re.MULTILINE))
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def test_every_format_has_a_page(maker: ModuleType):
    missing = [
        name for name in registry.own_names()
        if not maker._page_of(maker.summarize(registry.get(name)))
    ]  # fmt: skip
    assert not missing


def test_a_stale_page_is_told(
    maker: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
):
    monkeypatch.setattr(maker, "TARGET", tmp_path / "index.md")
    monkeypatch.setattr(sys, "argv", ["make_formats.py", "--check"])
    assert maker.main() == 1
    assert "is stale; run: python docs/make_formats.py" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["make_formats.py"])
    assert maker.main() == 0
    monkeypatch.setattr(sys, "argv", ["make_formats.py", "--check"])
    assert maker.main() == 0


def test_the_page_is_the_same_whatever_the_order_of_sets(maker: ModuleType):
    script = DOCS / "make_formats.py"
    for seed in ("1", "2", "3"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, script, "--check"], env=environment, check=False)
        assert done.returncode == 0
