"""What README.md shows works as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from datumaro.cli.main import main
from datumaro.sample import write_sample

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()


@pytest.fixture(autouse=True)
def coco(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sample(tmp_path / "coco", n_images=2)
    monkeypatch.chdir(tmp_path)


def test_the_python_example():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

    exec(compile(code, "README.md", "exec"), {})

    assert list(Path("out/annotations").glob("*.datum"))


def test_the_command_lines(capsys: pytest.CaptureFixture[str]):
    lines = re.findall(r"^    datum (.*)$", README, re.MULTILINE)

    assert len(lines) >= 3
    for line in lines:
        assert main(shlex.split(line)) == 0, capsys.readouterr().err


def test_links_lead_somewhere():
    root = Path(__file__).resolve().parent.parent
    pages = [root / "README.md", root / "CONTRIBUTING.md", *root.glob("docs/**/*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
