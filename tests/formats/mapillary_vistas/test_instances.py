"""Reading instances of Mapillary Vistas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datumaro.errors import DatasetNotFoundError, MalformedFileError, UndeclaredLabelError
from format_files import colors, count, label_names, make, of_stated_size, png, read
from formats.mapillary_vistas.mapillary_files import annotations, files


def test_instances(tmp_path: Path):
    make(tmp_path, {**files(), "t/images/b.png": b"", "test/images/c.jpg": b""})
    found = read(tmp_path, "mapillary_vistas_instances")
    assert count(found)[0] == {"t": 2, "test": 1}
    assert annotations(found.get("a", "t")) == [
        ("mask", 0, 0, [[1, 0]]),
        ("mask", 1, 1, [[0, 1]]),
    ]
    assert (label_names(found), colors(found)) == (["car", "tree"], {0: (1, 2, 3)})


def test_where_labels_are(tmp_path: Path):
    make(tmp_path, files())
    (tmp_path / "config_v2.0.json").rename(tmp_path / "t/config_v2.0.json")
    assert label_names(read(tmp_path, "mapillary_vistas_instances")) == ["car", "tree"]
    (tmp_path / "t/config_v2.0.json").unlink()
    with pytest.raises(DatasetNotFoundError, match="use_original_config"):
        read(tmp_path, "mapillary_vistas_instances")
    assert label_names(read(tmp_path, "mapillary_vistas")) == ["car"]  # panoptic
    found = read(tmp_path, "mapillary_vistas_instances", use_original_config=True)
    assert (len(label_names(found)), label_names(found)[0]) == (124, "animal--bird")
    assert colors(found)[0] == (165, 42, 42)
    make(tmp_path, {"dataset_meta.json": '{"labels": ["a", "b"]}'})
    assert label_names(read(tmp_path, "mapillary_vistas_instances")) == ["a", "b"]
    make(tmp_path / "old", files("v1.2"))
    found = read(tmp_path / "old", "mapillary_vistas_instances", use_original_config=True)
    assert len(label_names(found)) == 66


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"config": '{"labels": [{"name": 5}]}'}, MalformedFileError, r"labels\[0\].name"),
        ({"config": '{"labels": [{"name": "a"}, {"name": "a"}]}'}, MalformedFileError, "line 2"),
        (
            {"config": '{"labels": [{"name": "a", "color": [0, 0, 256]}]}'},
            MalformedFileError,
            "color",
        ),
        (
            {"instances": png(np.array([[512]], np.uint16))},
            UndeclaredLabelError,
            "value 512.*label.*2",
        ),
        ({"instances": png(np.zeros((1, 1, 3), np.uint8))}, MalformedFileError, "in colours"),
        (
            {"instances": of_stated_size(png(np.zeros((1, 1), np.uint16)), 40000, 40000)},
            MalformedFileError,
            "40000 x 40000",
        ),
    ],
)
def test_wrong_instances(tmp_path: Path, changes: Any, error: type[Exception], message: str):
    make(tmp_path, files(**changes))
    with pytest.raises(error, match=f"(?s)(config_v2.0.json|a.png).*{message}"):
        read(tmp_path, "mapillary_vistas_instances")
