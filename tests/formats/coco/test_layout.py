"""Which files are COCO's, and detection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datumaro.formats import registry
from datumaro.formats.base import Confidence, Folder, Rejected
from datumaro.formats.coco.layout import Task, name_parts
from formats.coco.coco_files import save

NAMES = [name for name in registry.names() if name.startswith("coco")]


def detected(path: Path) -> dict[str, Confidence]:
    """The COCO formats that say yes."""
    found: dict[str, Confidence] = {}
    for name in NAMES:
        try:
            found[name] = registry.get(name).detect(Folder(path))
        except Rejected as no:
            assert str(no)
    return found


@pytest.mark.parametrize(
    "stem, expected",
    [
        ("instances_train2017", ("instances", "train2017")),
        ("person_keypoints_val_1", ("person_keypoints", "val_1")),
        ("image_info", ("image_info", "default")),
        ("labels_", ("labels", "default")),
        ("panoptic_x", ("panoptic", "x")),
        ("instancestrain", None),
        ("train", None),
    ],
)
def test_names_tell_task_and_subset(stem: str, expected: tuple[str, str] | None):
    assert name_parts(stem) == expected


@pytest.mark.parametrize("task", list(Task))
def test_one_task_is_detected_as_itself(tmp_path: Path, task: Task):
    save(tmp_path, f"{task.value}_train.json")
    save(tmp_path, f"{task.value}_val.json")
    assert detected(tmp_path) == {f"coco_{task.value}": Confidence.LOW}


def test_several_tasks_are_detected_as_coco(tmp_path: Path):
    save(tmp_path, "instances_train.json")
    save(tmp_path, "captions_train.json")
    found = detected(tmp_path)
    assert found.pop("coco") == Confidence.MEDIUM
    assert set(found.values()) == {Confidence.LOW}


def test_files_in_the_folder_itself_are_detected(tmp_path: Path):
    save(tmp_path, "instances_train.json")
    assert detected(tmp_path / "annotations") == {"coco_instances": Confidence.LOW}


@pytest.mark.parametrize(
    "text", [json.dumps({"dm_format_version": "1.0", "items": []}), "[1, 2]", "<xml/>", ""]
)
def test_other_files_are_not_coco(tmp_path: Path, text: str):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances_train.json").write_text(text)
    assert detected(tmp_path) == {}
    (tmp_path / "annotations" / "train.json").write_text('{"images": []}')
    assert detected(tmp_path) == {}


def test_detection_reads_only_the_first_bytes(tmp_path: Path):
    (tmp_path / "instances_train.json").write_text('{"images": [' + "x" * 10_000)
    assert detected(tmp_path) == {"coco_instances": Confidence.LOW}


def test_a_file_is_detected_by_its_name(tmp_path: Path):
    save(tmp_path, "captions_val.json")
    path = tmp_path / "annotations" / "captions_val.json"
    assert detected(path) == {"coco_captions": Confidence.LOW}
    assert detected(path.rename(tmp_path / "val.json")) == {}
