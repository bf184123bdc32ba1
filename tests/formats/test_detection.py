"""Detection, with made-up formats and with the real samples."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from datumaro.errors import (
    DatasetNotFoundError,
    MalformedFileError,
    MultipleFormatsMatchError,
    NoMatchingFormatsError,
)
from datumaro.formats import registry
from datumaro.formats.base import Confidence, Folder, Format, Rejected
from datumaro.formats.detection import detect, detect_one
from datumaro.formats.nearness import nearness
from datumaro.testing.work import count_work, superlinear

Use = Callable[..., None]


class OfFile(Format):
    """A format that is told by one file."""

    def __init__(self, wanted: str, confidence: Confidence = Confidence.MEDIUM) -> None:
        self.wanted, self.confidence = wanted, confidence

    def detect(self, folder: Folder) -> Confidence:
        if self.wanted not in folder.files():
            raise Rejected(f"there is no file {self.wanted}")
        return self.confidence


class Undetectable(Format):
    """A format that has to be named."""


class WriteOnly(Format):
    reads = False


class Failing(Format):
    def __init__(self, error: Exception) -> None:
        self.error = error

    def detect(self, folder: Folder) -> Confidence:
        raise self.error


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Put other formats in the registry's place; an exception is raised when it is loaded."""

    def put(**formats: Format | Exception) -> None:
        def get(name: str) -> Format:
            found = formats[name]
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(registry, "names", lambda: sorted(formats))
        monkeypatch.setattr(registry, "get", get)

    return put


def test_the_format_that_matches_is_found_and_the_others_say_why_not(use: Use, tmp_path: Path):
    use(a=OfFile("a.txt"), b=OfFile("b.txt"), named=Undetectable(), out=WriteOnly())
    (tmp_path / "a.txt").touch()

    found = detect(tmp_path)

    assert (found.formats, found.where, found.confidence) == (["a"], tmp_path, Confidence.MEDIUM)
    assert list(found.rejected) == ["b", "named"]
    assert found.rejected["b"].reason == "unmet_requirements"
    assert found.rejected["b"].message == "there is no file b.txt"
    assert found.rejected["named"].reason == "detection_unsupported"
    assert detect_one(tmp_path) == ("a", tmp_path)


def test_the_surest_wins(use: Use, tmp_path: Path):
    use(low=OfFile("a.txt", Confidence.LOW), high=OfFile("a.txt", Confidence.HIGH))
    (tmp_path / "a.txt").touch()

    found = detect(tmp_path)

    assert found.formats == ["high"]
    assert found.rejected["low"].reason == "insufficient_confidence"
    assert "high" in found.rejected["low"].message


def test_equally_sure_formats_are_all_told(use: Use, tmp_path: Path):
    use(b=OfFile("a.txt"), a=OfFile("a.txt"))
    (tmp_path / "a.txt").touch()

    assert detect(tmp_path).formats == ["a", "b"]
    with pytest.raises(MultipleFormatsMatchError, match=r"a, b") as error:
        detect_one(tmp_path)
    assert error.value.formats == ["a", "b"]


def test_nothing_matches(use: Use, tmp_path: Path):
    use(a=OfFile("a.txt"))

    found = detect(tmp_path)

    assert (found.formats, found.where, found.confidence) == ([], tmp_path, None)
    with pytest.raises(NoMatchingFormatsError, match="--show-rejections"):
        detect_one(tmp_path)


@pytest.mark.parametrize(("depth", "expected"), [(0, []), (1, []), (2, ["a"])])
def test_it_steps_into_an_only_folder(use: Use, tmp_path: Path, depth: int, expected: list[str]):
    use(a=OfFile("a.txt"))
    inner = tmp_path / "archive" / "data"
    inner.mkdir(parents=True)
    (inner / "a.txt").touch()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "archive" / ".DS_Store").touch()

    found = detect(tmp_path, depth)

    assert found.formats == expected
    assert found.where == (inner if expected else tmp_path)


@pytest.mark.parametrize("beside", ["file.txt", "folder/"])
def test_it_does_not_step_past_other_entries(use: Use, tmp_path: Path, beside: str):
    use(a=OfFile("a.txt"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").touch()
    if beside.endswith("/"):
        (tmp_path / beside).mkdir()
    else:
        (tmp_path / beside).touch()

    assert detect(tmp_path).formats == []


def test_an_inner_folder_wins_only_when_surer(use: Use, tmp_path: Path):
    class Anything(Format):
        def detect(self, folder: Folder) -> Confidence:
            return Confidence.LOW

    inner = tmp_path / "data"
    inner.mkdir()
    use(a=OfFile("a.txt"), anything=Anything())
    assert detect(tmp_path).where == tmp_path

    (inner / "a.txt").touch()
    assert detect(tmp_path).formats == ["a"]
    assert detect(tmp_path).where == inner


def test_a_file_is_asked_about_as_it_is(use: Use, tmp_path: Path):
    class Single(Format):
        def detect(self, folder: Folder) -> Confidence:
            if not folder.is_file or folder.head("") != b"magic":
                raise Rejected("no")
            return Confidence.HIGH

    use(single=Single())
    (tmp_path / "x").write_bytes(b"magic")

    assert detect_one(tmp_path / "x") == ("single", tmp_path / "x")


def test_a_path_that_is_not_there(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match="no such file or folder"):
        detect(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(13, "Permission denied", "a.txt"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        MalformedFileError("a.json", "byte 3", "the end", "a value"),
    ],
)
def test_a_format_that_stumbles_over_a_file_is_rejected_and_says_so(
    use: Use, tmp_path: Path, error: Exception
):
    use(bad=Failing(error), good=OfFile("a.txt"))
    (tmp_path / "a.txt").touch()

    found = detect(tmp_path)

    assert found.formats == ["good"]
    assert found.rejected["bad"].message == f"{type(error).__name__}: {error}"


def test_a_bug_in_a_format_is_not_hidden(use: Use, tmp_path: Path):
    use(bad=Failing(IndexError("oops")))
    with pytest.raises(IndexError):
        detect(tmp_path)


def test_a_format_whose_package_is_missing_does_not_stop_the_others(use: Use, tmp_path: Path):
    nothing = AttributeError("module 'plugin' has no attribute 'Format'")
    use(a=OfFile("a.txt"), b=ModuleNotFoundError("No module named 'h5py'"), c=nothing)
    (tmp_path / "a.txt").touch()

    found = detect(tmp_path)

    assert found.formats == ["a"]
    assert found.rejected["b"].reason == "detection_unsupported"
    assert "h5py" in found.rejected["b"].message
    assert "plugin" in found.rejected["c"].message


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_an_error(use: Use, tmp_path: Path):
    use(a=OfFile("a.txt"))
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    with pytest.raises(PermissionError):
        detect(locked)
    assert detect(tmp_path).formats == []  # outside of it there is something to say


# --- nearest formats ------------------------------------------------------------------------------


class Owning(OfFile):
    def __init__(self, *owned: str, part_of: str = "", **more: Confidence) -> None:
        super().__init__("never", **more)
        self.owned, self.part_of = owned, part_of


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


@pytest.mark.parametrize(
    ("owned", "files", "points"),
    [
        (("data.yaml",), ("data.yaml",), 3),
        (("*.txt",), ("a.txt",), 1),
        (("list_*.json",), ("list_1.json",), 2),
        (("annotations/*.json",), ("annotations/a.json",), 3),
        (("annotations/*.json",), ("annotations/a.txt",), 2),
        (("*/labels/**/*.txt",), ("train/labels/a.txt",), 3),
        (("*/labels/**/*.txt",), ("x/a", "train/labels/deep/a.txt"), 3),
        (("*/labels/**/*.txt",), ("labels/a.txt",), 0),
        (("a.xml", "b/c.xml"), ("a.xml", "b/c.xml"), 8),
        (("dataset_meta.json",), ("dataset_meta.json",), 0),
        ((), ("a",), 0),
    ],
)
def test_how_near_a_format_is(
    tmp_path: Path, owned: tuple[str, ...], files: tuple[str, ...], points: int
):
    assert nearness(Owning(*owned), Folder(touch(tmp_path, *files))) == points


def test_nearness_looks_at_little(tmp_path: Path):
    def work(n: int) -> object:
        folder = touch(
            tmp_path / str(n), *(f"{i}/labels/{j}.txt" for i in range(n) for j in range(9))
        )
        return count_work(lambda: nearness(Owning("*/*/**/*.json"), Folder(folder)))

    assert not superlinear(work(20), work(40))


def test_the_nearest_are_told_first(use: Use, tmp_path: Path):
    use(
        a=Owning("images/*.png"), b=Owning("data.yaml", "images/*.png"), c=Owning("other.xml"),
        b_boxes=Owning("data.yaml", part_of="b"), weak=Owning("*.yaml"),
    )  # fmt: skip
    touch(tmp_path, "data.yaml", "images/a.png")
    found = detect(tmp_path)
    assert (found.formats, found.nearest, found.is_sure) == ([], ["b", "a"], False)
    with pytest.raises(NoMatchingFormatsError, match=r"\(nearest: b: there is no file never"):
        detect_one(tmp_path)


def test_the_nearest_in_a_folder_inside(use: Use, tmp_path: Path):
    use(a=Owning("data.yaml"))
    touch(tmp_path, "outer/inner/data.yaml")
    found = detect(tmp_path)
    assert (found.where, found.nearest) == (tmp_path / "outer/inner", ["a"])


def test_the_nearest_are_told_where_none_is_sure(use: Use, tmp_path: Path):
    use(
        guess=OfFile("a.txt", Confidence.EXTREME_LOW),
        near=Owning("data.yaml"),
        far=Owning("no.yaml"),
    )
    touch(tmp_path, "a.txt", "data.yaml")
    found = detect(tmp_path)
    assert (found.formats, found.nearest, found.is_sure) == (["guess"], ["near"], False)
    use(sure=OfFile("a.txt", Confidence.LOW), near=Owning("data.yaml"))
    found = detect(tmp_path)
    assert (found.formats, found.nearest, found.is_sure) == (["sure"], [], True)


def test_real_formats_that_miss_something(shared_data: Path, tmp_path: Path):
    shutil.copytree(shared_data / "formats/kitti_dataset/kitti_raw", tmp_path / "raw")
    (tmp_path / "raw/tracklet_labels.xml").unlink()
    touch(tmp_path / "raw", "frame_list.txt")
    assert detect(tmp_path / "raw").nearest == ["kitti_raw"]
    touch(tmp_path / "voc", "Annotations/a.xml", "JPEGImages/a.jpg")
    found = detect(tmp_path / "voc")
    assert "voc" in found.nearest
    assert "no lists (.txt) in ImageSets/Main" in found.rejected["voc"].message


# --- the real formats -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["coco", "coco_captions", "coco_image_info", "coco_instances", "coco_person_keypoints"]
)
def test_real_coco(shared_data: Path, name: str):
    assert detect_one(shared_data / "formats" / "coco_dataset" / name)[0] == name


def test_real_voc_and_images(shared_data: Path):
    voc = shared_data / "formats" / "voc_dataset"
    assert detect_one(voc) == ("voc", voc / "voc_dataset1")
    assert detect_one(shared_data / "formats" / "image_dir_dataset")[0] == "image_dir"


@pytest.mark.parametrize(
    ("folder", "format"),
    [
        ("cvat_dataset/for_images/export_task", "cvat"),
        ("cvat_dataset/for_video", "cvat"),
        ("labelme_dataset", "label_me"),
        ("icdar_dataset/word_recognition", "icdar_word_recognition"),
        ("icdar_dataset/text_localization", "icdar_text_localization"),
        ("icdar_dataset/text_segmentation", "icdar_text_segmentation"),
        ("widerface_dataset", "wider_face"),
        ("segment_anything_dataset", "segment_anything"),
        ("roboflow_dataset/voc", "roboflow_voc"),
    ],
)
def test_real_samples(shared_data: Path, folder: str, format: str):
    assert detect(shared_data / "formats" / folder).formats == [format]


@pytest.mark.parametrize("folder", ["yolo_dataset", "ava_dataset"])
def test_samples_of_other_formats_are_not_taken_for_ours(shared_data: Path, folder: str):
    confidence = detect(shared_data / "formats" / folder).confidence
    assert confidence is None or confidence < Confidence.LOW
