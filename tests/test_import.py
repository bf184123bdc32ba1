"""`import datumaro` and its public names."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import datumaro
import datumaro as dm

HEAVY = {
    "numpy",
    "pyarrow",
    "PIL",
    "lxml",
    "msgspec",
    "orjson",
    "pycocotools",
    "rich",
    "cryptography",
}


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running ``code``."""
    script = f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_import_loads_no_heavy_package():
    assert not modules_after("import datumaro") & HEAVY


def test_a_public_name_loads_what_it_needs():
    assert "numpy" in modules_after("import datumaro; datumaro.Bbox(1, 2, 3, 4)")


@pytest.mark.parametrize("name", dir(dm))
def test_every_public_name_is_there(name):
    assert getattr(dm, name) is not None


def test_type_checkers_see_the_same_names():
    stub = Path(datumaro.__file__).with_suffix(".pyi").read_text()
    seen = set(re.findall(r"\bas (\w+)", stub)) | set(re.findall(r"^(\w+): ", stub, re.M))
    assert seen == set(dir(dm))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        dm.no_such_name  # noqa: B018


def test_version_is_the_installed_one():
    assert dm.__version__ == version("datumaro")


def test_all_names_can_be_imported_at_once():
    names: dict[str, object] = {}
    exec("from datumaro import *", names)
    assert names["Dataset"] is dm.Dataset and names["Bbox"] is dm.Bbox
    assert not [name for name in names if name.startswith("_") and name != "__builtins__"]
