"""``datum project``: the documented command lines, their output and exit codes."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from datumaro.cli.main import main
from datumaro.keys import VARIABLE
from datumaro.sample import write_sample


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `folder` has."""
    path = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        patch.delenv(VARIABLE, raising=False)
        write_sample(path / "coco", n_images=3)
        for line in (
            "convert -i coco -f datumaro_binary -o DATASET -- --save-media",
            "convert -i coco -f datumaro_binary -o SECRET -- --save-media --key-file KEY",
        ):
            assert main(["-q", *shlex.split(line)]) == 0
    return path


@pytest.fixture(autouse=True)
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh folder with the data set DATASET and the encrypted SECRET, whose key is in KEY."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
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


def test_transform(datum):
    datum("project", "create")
    datum("project", "import", "-n", "a", "DATASET")
    labels = next(
        line for line in datum("info", "DATASET").out.splitlines() if "labels:" in line
    ).split()[1:]
    first = labels[0].strip(",")

    done = datum("project", "transform", "-t", "remap_labels", "--", "-l", f"{first}:thing")
    assert done.code == 0 and "there are 3 items" in done.err
    assert datum("project", "transform", "a", "-t", "random_split", "--", "-s", "x:1").code == 0

    told = datum("project", "info").out
    assert f"1. transform remap_labels, mapping: {{'{first}': 'thing'}}" in told
    assert "1. transform random_split, splits: {'x': 1.0}, seed: " in told
    assert datum("project", "export", "-f", "datumaro_binary", "-o", "OUT").code == 0
    told = datum("info", "OUT").out
    assert "labels: thing" in told and "subsets: x" in told


def test_projects_are_read_by_the_commands_that_read(datum, monkeypatch: pytest.MonkeyPatch):
    datum("project", "create", "-o", "p@1")
    datum("project", "import", "-p", "p@1", "-n", "a", "DATASET")
    datum("project", "commit", "-p", "p@1", "-m", "first")
    datum("project", "filter", "-p", "p@1", "a", "-e", "/item[1=0]")
    datum("project", "commit", "-p", "p@1", "-m", "second")

    for target, length in (("p@1", 0), ("p@1:a", 0), ("p@1@HEAD~1", 3), ("./p@1@HEAD~1:a", 3)):
        assert f"length: {length}\n" in datum("info", target).out
        done = datum("stats", target, "--image-stats", "no", "-o", "s.json")
        assert f"items           {length:>12}" in done.out
    done = datum("convert", "-i", "p@1@HEAD~1:a", "-f", "coco", "--num-workers", "0")
    assert done.code == 0 and "wrote 3 items to a-coco" in done.err
    monkeypatch.chdir("p@1")
    assert "length: 3\n" in datum("info", ".@main~1").out
    assert "length: 0\n" in datum("info").out


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("info P@nope", 1, "'nope' is no revision"),
        ("info P:nope", 1, "no source 'nope'; it has: a"),
        ("info P@HEAD -if coco", 1, "P@HEAD: no such file"),
        ("info P --on-error skip", 2, "leave out --on-error"),
        ("convert -i P -f voc --import-option a=b", 2, "leave out --import-option"),
        ("info P --num-workers x", 2, "expected a whole number"),
        ("info P --key-file KEY", 1, "no source is encrypted"),
        ("convert -i P -f voc -o P/a", 1, "export to another folder"),
        ("convert -i P -f voc -o P", 1, "export to another folder"),
        ("convert -i P -f voc -o DATASET", 1, "--overwrite"),
        ("transform P -t reindex -o OUT", 2, "`datum project transform` does it"),
        ("transform P@HEAD -t reindex --overwrite", 2, "`datum project transform` does it"),
        ("filter P -e /item --overwrite", 2, "`datum project filter` does it"),
        ("filter P:a -e /item --dry-run", 2, "`datum project filter` does it"),
    ],
)
def test_what_cannot_be_done_with_projects(datum, line: str, code: int, told: str):
    datum("project", "create", "-o", "P")
    datum("project", "import", "-p", "P", "-n", "a", "DATASET")

    done = datum(*shlex.split(line))

    assert done.code == code and told in done.err and "Traceback" not in done.err


def test_sources(datum):
    datum("project", "create")
    assert datum("source", "info").out == ""
    done = datum("source", "import", "-n", "a", "DATASET", "--", "--num-workers", "2")
    assert done.code == 0 and done.err.endswith("imported DATASET as a\n")
    assert datum("source", "add", "-f", "coco", "coco").code == 0
    datum("project", "filter", "a", "-e", "/item")

    where = Path.cwd()
    first = [
        "a:",
        "  format: datumaro_binary",
        f"  imported from: {where / 'DATASET'}",
        f"  location: {where / 'a'}",
        "  stages:",
        "    1. filter '/item', items",
    ]
    second = ["coco:", "  format: coco", f"  location: {where / 'coco'}"]
    assert datum("source", "info", "-p", ".").out.splitlines() == first + second
    assert datum("source", "info", "coco").out.splitlines() == second
    refused = datum("source", "info", "b")
    assert refused.code == 1 and "no source 'b'; it has: a, coco" in refused.err
    assert datum("source", "remove", "coco", "--keep-data").code == 0
    assert "usage: datum source add " in datum("source", "add", "-h").out
    assert datum("source").code == 1


def test_an_encrypted_source_asks_for_its_key_at_use(datum, monkeypatch: pytest.MonkeyPatch):
    datum("project", "create")
    datum("project", "import", "SECRET", "--key-file", "KEY")

    refused = datum("project", "export", "-f", "voc", "-o", "OUT")
    assert refused.code == 1 and "--key-file" in refused.err and not Path("OUT").exists()
    assert datum("project", "export", "-f", "voc", "-o", "A", "--key-file", "KEY").code == 0
    monkeypatch.setenv(VARIABLE, Path("KEY").read_text())
    assert datum("project", "export", "-f", "voc", "-o", "B").code == 0


class Service:
    """A key management service that makes light of it."""

    def wrap(self, key_id: str, key: bytes) -> bytes:
        return key[::-1]

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        return wrapped[::-1]


@pytest.mark.parametrize(
    ("export", "use"),
    [
        ("--passphrase-file words.txt", "--passphrase-file words.txt"),
        (f"--kms {__name__}:Service --kms-key a", f"--kms {__name__}:Service"),
    ],
)
def test_so_does_one_of_a_passphrase_or_a_service(datum, export: str, use: str):
    Path("words.txt").write_text("correct horse\n")
    words = ["-f", "datumaro_binary", "-o", "P", "--", "--storage", "parquet", "--save-media"]
    assert datum("convert", "-i", "coco", *words, *shlex.split(export)).code == 0
    datum("project", "create")

    refused = datum("project", "import", "P")
    assert refused.code == 1 and use.split()[0] in refused.err
    assert datum("project", "import", "P", *shlex.split(use)).code == 0
    configuration = Path(".datumaro/project.yml").read_text()
    assert "words.txt" not in configuration and "Service" not in configuration
    refused = datum("project", "export", "-f", "voc", "-o", "OUT")
    assert refused.code == 1 and use.split()[0] in refused.err and not Path("OUT").exists()
    assert datum("project", "export", "-f", "voc", "-o", "A", *shlex.split(use)).code == 0
    assert datum("info", ".:source-1", *shlex.split(use)).code == 0
    assert datum("convert", "-i", ".", "-f", "coco", "-o", "B", *shlex.split(use)).code == 0
    assert datum("convert", "-i", "P", "-f", "coco", "-o", "C", *shlex.split(use)).code == 0
    refused = datum("convert", "-i", "coco", "-f", "voc", "-o", "D", *shlex.split(use))
    assert refused.code == 1 and f"leave out {use.split()[0]}" in refused.err


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
        ("transform", 2, "required"),
        ("transform -t nope", 1, "no transform 'nope'"),
        ("transform -t reindex", 1, "no sources yet"),
        ("transform -t reindex -- --begin 1", 2, "unrecognized"),
        ("transform -t random_split -- -s a:2", 1, "add up to 2"),
        ("transform x -t reindex -- -h", 0, ""),
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
