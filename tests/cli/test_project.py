"""``datum project``: the documented command lines, their output and exit codes."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from datumaro.cli.main import main
from datumaro.keys import VARIABLE
from datumaro.sample import write_sample


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh folder with the data set DATASET and the encrypted SECRET, whose key is in KEY."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    write_sample(tmp_path / "coco", n_images=3)
    for line in (
        "convert -i coco -f datumaro_binary -o DATASET -- --save-media",
        "convert -i coco -f datumaro_binary -o SECRET -- --save-media --key-file KEY",
    ):
        assert main(["-q", *shlex.split(line)]) == 0
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "import --format datumaro_binary DATASET",
        "import --format datumaro_binary SECRET -- --encryption-key KEY",
        "import --format datumaro_binary SECRET --key-file KEY",
        "import --format datumaro_binary DATASET -- --num-workers 4",
        "import -f datumaro_binary DATASET",
        "import DATASET",
        "info",
        "status",
        "log",
        "create --help",
        "import -f voc -- -h",
        "export -f voc -- -h",
    ],
)
def test_documented_lines_in_a_fresh_project(datum, line: str):
    assert datum("project", "create").code == 0
    words = shlex.split(line)
    if "--encryption-key" in words:
        words[-1] = Path("KEY").read_text()

    done = datum("project", *words)

    assert done.code == 0, done.err
    assert not done.err.startswith("datum: error")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("-f voc -o OUT", "Annotations/*.xml"),
        ("-p . -f datumaro_binary -o OUT -- --save-media", "images/**/*.jpg"),
        ("-p . -f datumaro_binary -o OUT -- --save-media --encryption", "secret_key.txt"),
        (
            "-p . -f datumaro_binary -o OUT -- --save-media --encryption --no-media-encryption",
            "images/**/*.jpg",
        ),
        ("-p . -f datumaro_binary -o OUT -- --save-media --num-workers 4", "images/**/*.jpg"),
        ("source-1 -f coco -o OUT", "annotations/*.json"),
        ("project -f coco -o OUT -e '/item[annotation]'", "annotations/*.json"),
    ],
)
def test_exports(datum, options: str, found: str):
    datum("project", "create")
    for _ in range(2):  # the same data set twice is itself
        assert datum("project", "import", "-f", "datumaro_binary", "DATASET").code == 0

    done = datum("project", "export", *shlex.split(options))

    assert done.code == 0, done.err
    assert "wrote 3 items to OUT" in done.err and list(Path("OUT").glob(found))
    again = datum("project", "export", *shlex.split(options))
    assert again.code == 1 and "--overwrite" in again.err


def test_the_project_is_found_from_inside_it(datum, monkeypatch: pytest.MonkeyPatch):
    datum("project", "create", "-o", "P")
    assert datum("project", "import", "-p", "P", "DATASET").code == 0
    assert datum("project", "status").code == 1
    monkeypatch.chdir("P/source-1/annotations")

    assert "added\tsource-1" in datum("project", "status").out
    assert datum("project", "status", "-p", "../../..").code == 1


def test_the_history(datum):
    datum("project", "create")
    assert datum("project", "log").out == "(Project history is empty)\n"
    datum("project", "import", "DATASET")
    done = datum("project", "commit", "-m", "first\n\nmore")
    assert done.code == 0
    sha = done.out.split("'")[1]
    assert done.out == f"Moved to commit '{sha}' first\n 1 targets changed\n added source-1\n"
    assert datum("project", "status").out == (
        f"On branch 'main', commit {sha}\nWorking directory clean\n"
    )
    assert datum("project", "log").out == f"{sha} first\n"
    assert datum("project", "commit", "-m", "x").code == 1

    Path("source-1/note").write_text("x")
    assert datum("project", "status").out.endswith("modified\tsource-1\t(1 file added)\n")
    refused = datum("project", "checkout")
    assert refused.code == 1 and "source-1 are not committed" in refused.err
    assert datum("project", "checkout", "-f", "--", "source-1").code == 0
    assert not Path("source-1/note").exists()
    assert datum("project", "checkout", sha).out == f"HEAD is detached at commit {sha}\n"
    assert datum("project", "checkout", "-b", "side").out.startswith("On branch 'side'")
    assert datum("project", "checkout", "nope").code == 1


def test_filter_add_and_remove(datum):
    datum("project", "create")
    assert datum("project", "add", "-f", "datumaro_binary", "DATASET").code == 0
    assert datum("project", "filter", "-e", "/item[1=0]").err == (
        "0 items and 0 annotations are left\n"
    )
    assert "1. filter '/item[1=0]', items" in datum("project", "info").out
    refused = datum("project", "remove", "DATASET")
    assert refused.code == 1 and "--keep-data" in refused.err
    assert datum("project", "remove", "--keep-data", "DATASET").code == 0
    assert Path("DATASET").is_dir()


def test_an_encrypted_source_asks_for_its_key_at_use(datum, monkeypatch: pytest.MonkeyPatch):
    datum("project", "create")
    datum("project", "import", "SECRET", "--key-file", "KEY")

    refused = datum("project", "export", "-f", "voc", "-o", "OUT")
    assert refused.code == 1 and "--key-file" in refused.err and not Path("OUT").exists()
    assert datum("project", "export", "-f", "voc", "-o", "A", "--key-file", "KEY").code == 0
    monkeypatch.setenv(VARIABLE, Path("KEY").read_text())
    assert datum("project", "export", "-f", "voc", "-o", "B").code == 0


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("", 1, ""),
        ("import -f voc", 2, "name the data set"),
        ("import -f nope DATASET", 1, "no format"),
        ("import -f coco nowhere", 1, "no such file"),
        ("import -f coco DATASET -- --nope", 2, "unrecognized"),
        ("import -n ../x DATASET", 1, "cannot be a source's name"),
        ("export", 2, "required"),
        ("export -f voc", 1, "no sources yet"),
        ("export nope -f voc", 1, "no source 'nope'"),
        ("commit", 2, "required"),
        ("commit -m x --nope", 2, "unrecognized"),
        ("remove nope", 1, "no source 'nope'"),
        ("log -n -1", 2, "0 or more"),
        ("status -- x", 2, "takes no format options"),
        ("create", 1, "--overwrite"),
        ("info nope", 1, "no revision"),
    ],
)
def test_mistakes(datum, line: str, code: int, told: str):
    datum("project", "create")

    done = datum("project", *shlex.split(line))

    assert done.code == code and told in done.err and "Traceback" not in done.err


def test_a_mistake_in_the_configuration(datum):
    datum("project", "create")
    path = Path(".datumaro/project.yml")
    path.write_text(path.read_text() + "stage: []\n")

    done = datum("project", "info")

    assert done.code == 1 and "project.yml: line 4: 'stage' is not known here" in done.err
    assert "did you mean 'stages'?" in done.err
