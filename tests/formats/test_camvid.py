"""CamVid: what is read from its files, what is written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetExportError,
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
    UnknownOptionError,
)
from datumaro.formats.base import Confidence
from datumaro.model.annotation import AnnotationType
from format_files import (
    ODD_IDS,
    colors,
    count,
    dataset_of_rows,
    detect,
    image,
    label_names,
    lost,
    make,
    masks,
    of_stated_size,
    png,
    read,
    rows_mask,
    same_masks,
    written,
)

RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)


def pixels(*values: tuple[int, int, int]) -> np.ndarray:
    """An RGB image of one row."""
    return np.array([values], np.uint8)


def one_mask(root: Path, mask: bytes, labels: str = "255 0 0 red\n0 255 0 green\n") -> Path:
    return make(
        root,
        {
            "label_colors.txt": labels,
            "train.txt": "/train/a.png /trainannot/a.png\n",
            "trainannot/a.png": mask,
        },
    )


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    found = read(shared_data / "formats/camvid_dataset", "camvid")
    assert count(found) == ({"test": 2, "train": 1, "val": 1}, {"mask": 10})
    assert len(label_names(found)) == 32
    assert colors(found)[1] == (64, 128, 64)
    item = found.get("0001TP_006690", "train")
    assert masks(item) == {3: [[1, 1, 0, 1, 1]], 18: [[0, 0, 1, 0, 0]]}
    assert item.media.path.endswith("train/0001TP_006690.png")


def test_masks_have_the_labels_of_their_colors(tmp_path: Path):
    one_mask(tmp_path, png(pixels(RED, GREEN, BLACK, GREEN)))
    (item,) = read(tmp_path, "camvid")
    assert masks(item) == {0: [[1, 0, 0, 0]], 1: [[0, 1, 0, 1]]}
    assert [a.type for a in item.annotations] == [AnnotationType.mask] * 2


def test_palette_images_show_colors(tmp_path: Path):
    one_mask(tmp_path, png(np.array([[2, 0, 1]], np.uint8), [GREEN, BLACK, RED]))
    (item,) = read(tmp_path, "camvid")
    assert masks(item) == {0: [[1, 0, 0]], 1: [[0, 1, 0]]}


def test_masks_of_indices_begin_behind_the_background(tmp_path: Path):
    """As the published package has it: what no label says is index 0."""
    one_mask(tmp_path, png(np.array([[0, 1, 2]], np.uint8)))
    (item,) = read(tmp_path, "camvid")
    assert masks(item) == {0: [[0, 1, 0]], 1: [[0, 0, 1]]}


def test_masks_of_indices_where_a_label_is_black(tmp_path: Path):
    one_mask(tmp_path, png(np.array([[0, 1]], np.uint8)), "0 0 0 void\n255 0 0 red\n")
    (item,) = read(tmp_path, "camvid")
    assert masks(item) == {0: [[1, 0]], 1: [[0, 1]]}


def test_the_background_is_no_mask(tmp_path: Path):
    one_mask(tmp_path, png(pixels(RED, BLACK)), "0 0 0 background\n255 0 0 red\n")
    (item,) = read(tmp_path, "camvid")
    assert masks(item) == {1: [[1, 0]]}


def test_lists_of_segnet_begin_with_folders_above_the_data_set(tmp_path: Path):
    make(
        tmp_path,
        {
            "label_colors.txt": "255 0 0 red\n",
            "train.txt": "\ufeff/SegNet/CamVid/train/a.png /SegNet/CamVid/trainannot/a.png\r\n\r\n",
            "trainannot/a.png": png(pixels(RED)),
        },
    )
    (item,) = read(tmp_path, "camvid")
    assert item.id == "a"
    assert item.media.path == str(tmp_path / "train/a.png")
    assert masks(item) == {0: [[1]]}


def test_one_list_alone(tmp_path: Path):
    make(tmp_path, {"train.txt": "/train/a.png\n", "val.txt": "/val/b.png\n", "train/a.png": ""})
    assert [i.id for i in read(tmp_path / "val.txt", "camvid")] == ["b"]
    assert count(read(tmp_path, "camvid"))[0] == {"train": 1, "val": 1}


def test_a_folder_around_the_data_set(tmp_path: Path):
    one_mask(tmp_path / "x/CamVid", png(pixels(RED)))
    assert len(read(tmp_path, "camvid")) == 1


def test_labels_of_dataset_meta_go_first(tmp_path: Path):
    one_mask(tmp_path, png(pixels(RED)))
    meta = '{"label_map": {"0": "a", "1": "b"}, "segmentation_colors": [[1, 1, 1], [255, 0, 0]]}'
    make(tmp_path, {"dataset_meta.json": meta})
    found = read(tmp_path, "camvid")
    assert label_names(found) == ["a", "b"]
    assert masks(next(iter(found))) == {1: [[1]]}


def test_names_without_colors_get_the_palette(tmp_path: Path):
    labels = "# comment\n a\n\n b c \n"
    one_mask(tmp_path, png(pixels((0, 128, 0), (128, 0, 0))), labels)
    found = read(tmp_path, "camvid")
    assert label_names(found) == ["a", "b c"]
    assert colors(found) == {0: (128, 0, 0), 1: (0, 128, 0)}
    assert masks(next(iter(found))) == {0: [[0, 1]], 1: [[1, 0]]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 2 3 a\n4 5 6 a\n", "label_colors.txt: line 2: label 'a' is declared twice"),
        ("1 2 300 a\n", "line 1: colour 1 2 300; expected three numbers from 0 to 255"),
        ("-1 2 3 a\n", "line 1: colour -1 2 3"),
        ("\n1 2 3\n", "line 2: '1 2 3'; expected 'R G B name' or a name"),
        ("99999999999999999999 2 3 a", "line 1: colour 99999"),
    ],
)
def test_wrong_labels(tmp_path: Path, text: str, says: str):
    one_mask(tmp_path, png(pixels(RED)), text)
    with pytest.raises(InvalidAnnotationError) as error:
        read(tmp_path, "camvid")
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("mask", "kind", "says"),
    [
        (png(pixels((1, 2, 3))), InvalidAnnotationError, "pixel (0, 0): colour (1, 2, 3)"),
        (png(np.array([[7]], np.uint8)), InvalidAnnotationError, "pixel (0, 0): label index 7"),
        (png(rows_mask(0, 2).astype(np.uint8))[:50], MalformedFileError, "damaged"),
        (b"", MalformedFileError, "an empty file; expected a PNG image"),
        (b"GIF89a", MalformedFileError, "byte 0: b'GIF89a'"),
    ],
    ids=["colour", "index", "cut", "empty", "gif"],
)
def test_wrong_mask(tmp_path: Path, mask: bytes, kind: type[Exception], says: str):
    one_mask(tmp_path, mask)
    with pytest.raises(kind) as error:
        read(tmp_path, "camvid")
    assert "trainannot/a.png" in str(error.value)
    assert says in str(error.value)
    found = read(tmp_path, "camvid", error_policy="skip")
    assert [item.annotations for item in found] == [[]]


def test_a_mask_that_lies_about_its_size_is_not_decoded(tmp_path: Path):
    one_mask(tmp_path, of_stated_size(png(pixels(RED)), 10000, 10000))
    with pytest.raises(MalformedFileError, match="10000 x 10000 pixels; expected at most"):
        read(tmp_path, "camvid")


def test_a_missing_mask(tmp_path: Path):
    make(tmp_path, {"label_colors.txt": "1 1 1 a", "train.txt": "/train/a.png trainannot/a.png"})
    with pytest.raises(MalformedFileError, match=r"trainannot/a.png: no such file"):
        read(tmp_path, "camvid")


@pytest.mark.parametrize("line", ["/train/a b.png x y", "/a.png", "/train/", '"'])
def test_wrong_line(tmp_path: Path, line: str):
    make(tmp_path, {"label_colors.txt": "1 1 1 a", "train.txt": f"\n{line}\n"})
    with pytest.raises(InvalidAnnotationError, match=r"train.txt: line 2: .*; expected the paths"):
        read(tmp_path, "camvid")
    assert len(read(tmp_path, "camvid", error_policy="skip")) == 0


@pytest.mark.parametrize(
    "line", ["/train/../../x.png", "/train/a.png /trainannot/../../x.png", "/../x/a.png"]
)
def test_paths_that_lead_outside(tmp_path: Path, line: str):
    make(tmp_path, {"label_colors.txt": "1 1 1 a", "train.txt": line})
    with pytest.raises(PathOutsideDatasetError, match=r"train.txt: line 1"):
        read(tmp_path, "camvid")


def test_a_list_that_is_no_text(tmp_path: Path):
    make(tmp_path, {"label_colors.txt": "1 1 1 a", "train.txt": b"/train/\xff.png"})
    with pytest.raises(MalformedFileError, match="not UTF-8"):
        read(tmp_path, "camvid")


def test_nothing_there(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match="no lists"):
        read(tmp_path, "camvid")


# --- writing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("apply_colormap", [True, False])
@pytest.mark.parametrize(
    ("labels", "colormap"),
    [
        (["x", "y", "z"], None),
        (["x", "y", "z"], {0: (1, 2, 3), 1: (4, 5, 6), 2: (7, 8, 9)}),
        (["x", "y", "z"], {1: (4, 5, 6)}),
        (["a label", "#b", "c#"], {0: (1, 2, 3), 1: (4, 5, 6), 2: (7, 8, 9)}),
        ([f"l{i}" for i in range(300)], None),
    ],
)
def test_round_trip(
    tmp_path: Path,
    labels: list[str],
    colormap: dict[int, tuple[int, int, int]] | None,
    apply_colormap: bool,
):
    sent = dataset_of_rows(labels, ODD_IDS, colormap)
    received = written(sent, tmp_path, "camvid", save_media=True, apply_colormap=apply_colormap)
    assert label_names(received) == labels
    assert (colormap or {}).items() <= colors(received).items()
    assert len(received) == len(sent)
    for item in sent:
        other = received.get(item.id, item.subset)
        assert same_masks(item.annotations, other.annotations)
        assert np.array_equal(other.media.data, item.media.data)


def test_items_without_masks_or_images_are_kept(tmp_path: Path):
    sent = dm.Dataset.from_iterable(
        [dm.DatasetItem("a", media=image()), dm.DatasetItem("b/c", subset="x")], categories=["l"]
    )
    received = written(sent, tmp_path, "camvid")
    assert {(i.id, i.subset, len(i.annotations)) for i in received} == {
        ("a", "default", 0),
        ("b/c", "x", 0),
    }
    assert label_names(received) == ["l"]


def test_no_items(tmp_path: Path):
    received = written(dm.Dataset.from_iterable([], categories=["l"]), tmp_path, "camvid")
    assert len(received) == 0
    assert label_names(received) == ["l"]


def test_masks_are_painted_by_their_z_order(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                "a",
                annotations=[
                    dm.Mask(rows_mask(0), label=0, z_order=2),
                    dm.Mask(rows_mask(0, 1), label=1, z_order=1),
                    dm.Mask(rows_mask(3), label=1),
                ],
            )
        ],
        categories=["x", "y"],
    )
    (item,) = written(sent, tmp_path, "camvid")
    assert same_masks(
        item.annotations, [dm.Mask(rows_mask(0), label=0), dm.Mask(rows_mask(1, 3), label=1)]
    )
    assert "1 masks that others cover" in lost(caplog)
    assert "1 masks of a label that others of their item have too" in lost(caplog)


def test_labels_of_one_color_get_others(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = dataset_of_rows(["x", "y", "z"], colormap={0: RED, 1: RED, 2: (128, 0, 0)})
    received = written(sent, tmp_path, "camvid")
    assert colors(received) == {0: RED, 1: (0, 128, 0), 2: (128, 0, 0)}
    assert same_masks(next(iter(sent)).annotations, next(iter(received)).annotations)
    assert "1 colours of labels that other labels have too (first: label 'y')" in lost(caplog)


def test_the_standard_labels(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sent = dataset_of_rows(["Wall", "Animal", "zebra"])
    received = written(sent, tmp_path, "camvid", label_map="camvid")
    assert len(label_names(received)) == 32
    names = label_names(received)
    found = {names[a.label]: a for item in received for a in item.annotations}
    # what no mask has is void in CamVid
    assert found.keys() == {"Wall", "Animal", "Void"}
    assert np.array_equal(found["Animal"].image, rows_mask(1))
    assert np.array_equal(found["Void"].image, rows_mask(2, 3))
    assert "1 masks whose label the label map has not" in lost(caplog)


def test_labels_of_a_file(tmp_path: Path):
    make(tmp_path, {"my.txt": "1 1 1 z\n2 2 2 y\n3 3 3 x\n"})
    sent = dataset_of_rows(["x", "y", "z"])
    received = written(sent, tmp_path / "out", "camvid", label_map=str(tmp_path / "my.txt"))
    assert label_names(received) == ["z", "y", "x"]
    assert masks(next(iter(received)))[2][0] == [1] * 6


def test_dataset_meta_is_written_on_demand(tmp_path: Path):
    written(dataset_of_rows(["x", "y"]), tmp_path / "a", "camvid")
    assert not (tmp_path / "a/dataset_meta.json").exists()
    written(dataset_of_rows(["x", "y"]), tmp_path / "b", "camvid", save_dataset_meta=True)
    assert (tmp_path / "b/dataset_meta.json").exists()


def test_options_that_do_not_exist(tmp_path: Path):
    with pytest.raises(UnknownOptionError, match=r"label_map 'nowhere.txt': no such file"):
        dataset_of_rows(["x"]).export(str(tmp_path / "a"), "camvid", label_map="nowhere.txt")
    with pytest.raises(UnknownOptionError, match="no option 'color'"):
        dataset_of_rows(["x"]).export(str(tmp_path / "a"), "camvid", color=1)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("item_id", "subset", "says"),
    [
        ("a\nb", "train", "one item a line"),
        ("a", "x/y", "path separator"),
        ("a", "label_colors", "rename the subset"),
    ],
)
def test_names_that_cannot_be_written(tmp_path: Path, item_id: str, subset: str, says: str):
    sent = dm.Dataset.from_iterable([dm.DatasetItem(item_id, subset=subset)], categories=["x"])
    with pytest.raises((DatasetExportError, dm.errors.DatumaroError), match=says):
        sent.export(str(tmp_path / "out"), "camvid")
    assert not (tmp_path / "out").exists()


def test_a_second_export_leaves_nothing_stale(tmp_path: Path):
    written(dataset_of_rows(["x"], item_ids=("a", "b", "c")), tmp_path, "camvid")
    received = written(dataset_of_rows(["x"]), tmp_path, "camvid")
    assert count(received)[0] == {"train": 1}
    assert [p.name for p in tmp_path.rglob("*.png")] == ["a.png"]


# --- detection ----------------------------------------------------------------------------------


def test_detection(tmp_path: Path, shared_data: Path):
    assert dm.Dataset.detect(shared_data / "formats/camvid_dataset") == "camvid"
    written(dataset_of_rows(["x"]), tmp_path / "a", "camvid", save_media=True)
    assert dm.Dataset.detect(tmp_path / "a") == "camvid"
    assert detect(tmp_path / "a", "camvid") == Confidence.MEDIUM
    assert "no lists" in str(detect(tmp_path, "camvid"))
    make(tmp_path / "b", {"train.txt": "hello world\n"})
    assert "no line of 'train.txt' names a mask" in str(detect(tmp_path / "b", "camvid"))
