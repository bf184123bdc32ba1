"""`dataset_meta.json`: what is read, what is written, and how it overrides a format's labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import datumaro as dm
from datumaro.errors import InvalidOptionError, MalformedFileError
from datumaro.formats import dataset_meta
from datumaro.formats.base import ReadContext, WriteContext
from datumaro.formats.dataset_meta import FILE, DatasetMeta, parse
from datumaro.model.annotation import AnnotationType

LABEL, MASK = AnnotationType.label, AnnotationType.mask


def meta(**keys: Any) -> DatasetMeta:
    return parse(json.dumps(keys).encode(), FILE)


# --- reading ------------------------------------------------------------------------------------


def test_labels_alone():
    assert meta(labels=["cat", "dog"]) == DatasetMeta(["cat", "dog"])


def test_a_label_map_alone():
    assert meta(label_map={"0": "Parade", "1": "Handshaking"}).labels == ["Parade", "Handshaking"]


def test_indices_in_another_order():
    found = meta(label_map={"1": "one", "0": "zero"}, segmentation_colors=[[0, 0, 0], [1, 2, 3]])
    assert found == DatasetMeta(["zero", "one"], {0: (0, 0, 0), 1: (1, 2, 3)})


def test_indices_with_gaps_keep_their_order():
    assert meta(label_map={"7": "seven", "24": "more", "8": "eight"}).labels == [
        "seven",
        "more",
        "eight",
    ]


def test_labels_that_only_the_map_has_come_last():
    assert meta(labels=["b"], label_map={"0": "a", "1": "b"}).labels == ["b", "a"]


def test_labels_without_a_color():
    found = meta(label_map={"0": "a", "1": "b"}, segmentation_colors=[None, [1, 2, 3]])
    assert found.colors == {1: (1, 2, 3)}


def test_fewer_colors_than_labels():
    assert meta(labels=["a", "b"], segmentation_colors=[[1, 2, 3]]).colors == {0: (1, 2, 3)}


def test_colors_that_the_published_package_shifts():
    """It leaves labels without a colour out of the map, and there are no gaps in the colours."""
    found = meta(
        labels=["a", "b", "c"],
        label_map={"0": "a", "2": "c"},
        segmentation_colors=[[0, 0, 0], [4, 5, 6]],
        background_label="0",
    )
    assert found == DatasetMeta(["a", "b", "c"], {0: (0, 0, 0), 2: (4, 5, 6)}, 0)


def test_names_of_the_map_count_and_not_its_indices():
    found = meta(
        labels=["a", "b", "c"],
        label_map={"0": "a", "1": "c"},
        segmentation_colors=[[0, 0, 0], [4, 5, 6]],
    )
    assert found.colors == {0: (0, 0, 0), 2: (4, 5, 6)}


def test_background():
    assert meta(label_map={"1": "a", "0": "b"}, background_label="1").background == 1
    assert meta(labels=["a", "b"], background_label=0).background == 0


def test_parts_and_actions():
    found = meta(labels=["a", "b"], parts={"0": [], "1": ["x", "x"]}, actions={"0": ["run"]})
    assert (found.parts, found.actions) == ({1: ["x"]}, {0: ["run"]})


def test_byte_order_mark_and_unknown_keys():
    assert parse(b'\xef\xbb\xbf{"labels": ["a"], "more": {}}', FILE).labels == ["a"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "dataset_meta.json: .* expected a JSON object"),
        ("{", "dataset_meta.json: .* expected a JSON object"),
        ('{"labels": ["\xff"]}', "expected a JSON object"),
        ("[" * 100_000, r"\$: .*; expected an object"),
        ('{"x": ' + "[" * 100_000, "expected a JSON object"),
        ("[]", r"\$: \[\]; expected an object"),
        ('{"labels": {"0": "a"}}', r"\$\.labels: .*; expected an array"),
        ('{"labels": ["a", 7]}', r"\$\.labels\[1\]: 7; expected a string"),
        ('{"labels": ["a", "b", "a"]}', r"\$\.labels\[2\]: 'a' is \$\.labels\[0\] too"),
        ('{"labels": [""]}', r"\$\.labels\[0\]: an empty name"),
        ('{"label_map": {"0": "a", "1": "a"}}', r"\$\.label_map\.1: 'a' is there twice"),
        ('{"label_map": {"0": ""}}', r"\$\.label_map\.0: an empty name"),
        ('{"label_map": {"zero": "a"}}', r"\$\.label_map\.zero: the key 'zero'"),
        ('{"label_map": {"-1": "a"}}', r"\$\.label_map\.-1"),
        ('{"label_map": {"' + "9" * 5000 + '": "a"}}', r"\$\.label_map\.9999"),
        ('{"label_map": ["a"]}', r"\$\.label_map: .*; expected an object"),
        ('{"labels": ["a"], "segmentation_colors": [[0, 0]]}', r"\$\.segmentation_colors\[0\]"),
        ('{"labels": ["a"], "segmentation_colors": [[0, 0, 256]]}', r"\[2\]: .* an integer"),
        ('{"labels": ["a"], "segmentation_colors": [[0, 0, -1]]}', r"\[2\]: .* an integer"),
        ('{"labels": ["a"], "segmentation_colors": [[0, 0, 1e99]]}', "; expected an integer"),
        ('{"labels": ["a"], "segmentation_colors": [[0, 0, true]]}', "; expected an integer"),
        ('{"labels": [], "segmentation_colors": [[0, 0, 0]]}', "1 colours; expected at most 0"),
        (
            '{"label_map": {"0": "a", "5": "b"}, "segmentation_colors": [null, null, null]}',
            "3 colours; expected at most 2",
        ),
        ('{"labels": ["a"], "background_label": "1"}', r"\$\.background_label: '1'"),
        ('{"labels": ["a"], "parts": {"1": ["b"]}}', r"\$\.parts\.1: label index 1; expected 0"),
        ('{"labels": ["a"], "actions": {"0": "run"}}', r"\$\.actions"),
        ('{"actions": {"0": ["run"]}}', "there are no labels"),
    ],
)
def test_wrong_files(text: str, says: str):
    with pytest.raises(MalformedFileError, match=says):
        parse(text.encode("latin-1"), FILE)


def test_a_file_that_is_too_large(tmp_path: Path):
    with (tmp_path / FILE).open("wb") as file:
        file.truncate(1 << 40)  # sparse: it takes no room
    with pytest.raises(MalformedFileError, match="more than"):
        dataset_meta.find(tmp_path)


def test_no_file(tmp_path: Path):
    context = ReadContext()
    assert dataset_meta.find(tmp_path, context) is None
    own = {LABEL: dm.LabelCategories.from_iterable(["a"])}
    assert dataset_meta.overridden(own, tmp_path, context) == own
    assert context.keep == {}


def test_a_file_overrides_what_a_format_states(tmp_path: Path):
    (tmp_path / FILE).write_text(
        '{"labels": ["b", "c"], "segmentation_colors": [[1, 2, 3], [4, 5, 6]]}'
    )
    points = dm.PointsCategories.from_iterable([(0, ["nose"])])
    own = {
        LABEL: dm.LabelCategories.from_iterable(["a", ("b", "c", {"color"}), ("c", "a")]),
        AnnotationType.points: points,
    }
    context = ReadContext()
    found = dataset_meta.overridden(own, tmp_path, context)
    assert found[LABEL] == dm.LabelCategories.from_iterable([("b", "c", {"color"}), "c"])
    assert found[MASK] == dm.MaskCategories({0: (1, 2, 3), 1: (4, 5, 6)})
    assert found[AnnotationType.points] is points
    assert context.keep == {"save_dataset_meta": True}


# --- writing ------------------------------------------------------------------------------------


names = st.lists(st.text(st.characters(codec="utf-8"), min_size=1), unique=True)
colors = st.tuples(*[st.integers(0, 255)] * 3)


@st.composite
def metas(draw: st.DrawFn) -> DatasetMeta:
    labels = draw(names)
    indices = st.integers(0, len(labels) - 1) if labels else st.nothing()
    lists = st.dictionaries(indices, st.lists(st.text(min_size=1), min_size=1, unique=True))
    palette = dict(sorted(draw(st.dictionaries(indices, colors)).items()))
    background = draw(st.none() | indices) if palette else None
    return DatasetMeta(labels, palette, background, draw(lists), draw(lists))


@given(metas())
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, meta: DatasetMeta):
    folder = tmp_path_factory.mktemp("meta")
    dataset_meta.write(meta, folder)
    assert dataset_meta.find(folder) == meta


def test_sparse_colors(tmp_path: Path):
    """Every label is in the map: whoever takes a key for a place in the colours is right."""
    categories = {
        LABEL: dm.LabelCategories.from_iterable(["a", "b", "c"]),
        MASK: dm.MaskCategories({0: (0, 0, 0), 2: (4, 5, 6), 255: (9, 9, 9)}),
    }
    context = WriteContext()
    dataset_meta.save(categories, tmp_path, context)
    assert json.loads((tmp_path / FILE).read_text("utf-8")) == {
        "labels": ["a", "b", "c"],
        "label_map": {"0": "a", "1": "b", "2": "c"},
        "segmentation_colors": [[0, 0, 0], None, [4, 5, 6]],
        "background_label": "0",
    }
    assert context.losses == {"mask colours of no label": 1}


def test_without_labels_nothing_is_written(tmp_path: Path):
    dataset_meta.save({LABEL: dm.LabelCategories()}, tmp_path, WriteContext())
    dataset_meta.save({MASK: dm.MaskCategories.generate(3)}, tmp_path, WriteContext())
    assert not list(tmp_path.iterdir())


# --- in formats ---------------------------------------------------------------------------------


def dataset() -> dm.Dataset:
    image = dm.Image.from_numpy(np.zeros((4, 6, 3), np.uint8))
    boxes = [dm.Bbox(1, 1, 2, 2, label=i, id=i + 1, group=i + 1) for i in range(3)]
    return dm.Dataset.from_iterable(
        [dm.DatasetItem("a", subset="train", media=image, annotations=boxes)],
        categories={
            LABEL: dm.LabelCategories.from_iterable(["background", "cat", "dog"]),
            MASK: dm.MaskCategories({0: (0, 0, 0), 1: (1, 2, 3), 2: (4, 5, 6)}),
        },
    )


def labels_of(dataset: dm.Dataset) -> list[str]:
    names = dataset.get_label_cat_names()
    kind = AnnotationType.bbox
    return [names[a.label] for item in dataset for a in item.annotations if a.type == kind]


FORMATS = ["coco", "coco_instances", "datumaro", "datumaro_binary", "voc", "voc_detection"]


@pytest.mark.parametrize("format", FORMATS)
def test_all_formats_write_it_and_none_leaves_it_stale(tmp_path: Path, format: str):
    path = tmp_path / FILE
    dataset().export(tmp_path, format, save_dataset_meta=True)
    found = dataset_meta.find(tmp_path)
    assert found is not None
    assert found.labels == ["background", "cat", "dog"]
    assert found.colors == {0: (0, 0, 0), 1: (1, 2, 3), 2: (4, 5, 6)}

    read = dm.Dataset.import_from(tmp_path)
    assert labels_of(read) == ["background", "cat", "dog"]

    dataset().export(tmp_path, format)
    assert not path.exists()


@pytest.mark.parametrize("format", ["coco", "coco_instances", "voc"])
def test_a_data_set_that_has_it_is_saved_with_it(tmp_path: Path, format: str):
    dataset().export(tmp_path, format, save_dataset_meta=True)
    read = dm.Dataset.import_from(tmp_path, format)
    read.save()
    assert dm.Dataset.import_from(tmp_path, format).categories() == read.categories()
    assert (tmp_path / FILE).exists()


def renamed(folder: Path, labels: list[str]) -> None:
    text = json.dumps({"labels": labels, "segmentation_colors": [[9, 8, 7]]})
    (folder / FILE).write_text(text)


def test_coco_takes_the_labels_by_the_category_ids(tmp_path: Path):
    categories = dm.LabelCategories.from_iterable([("x", "animal"), "y", "z"])
    made = dataset()
    made.categories()[LABEL] = categories
    made.export(tmp_path, "coco")
    renamed(tmp_path, ["a", "b", "c", "d"])
    read = dm.Dataset.import_from(tmp_path, "coco")
    assert read.categories()[LABEL] == dm.LabelCategories.from_iterable(
        [("a", "animal"), "b", "c", "d"]
    )
    assert read.categories()[MASK] == dm.MaskCategories({0: (9, 8, 7)})
    assert labels_of(read) == ["a", "b", "c"]


def test_coco_with_fewer_labels_than_categories(tmp_path: Path):
    dataset().export(tmp_path, "coco_instances")
    renamed(tmp_path, ["a", "b"])
    with pytest.raises(MalformedFileError, match=r"id 3 for 'dog'; expected ids from 1 to 2"):
        dm.Dataset.import_from(tmp_path, "coco_instances")


def test_coco_with_an_option_that_contradicts(tmp_path: Path):
    dataset().export(tmp_path, "coco_instances", save_dataset_meta=True)
    with pytest.raises(InvalidOptionError, match="leave out the option"):
        dm.Dataset.import_from(tmp_path, "coco_instances", keep_original_category_ids=True)


def test_coco_numbers_categories_as_the_file_wants_them(tmp_path: Path):
    """Labels go by the ids less 1, so that the ids that the data set came with cannot be kept."""
    made = dataset()
    made.infos()["coco"] = {"category_ids": {"background": 5, "cat": 17, "dog": 90}}
    made.export(tmp_path, "coco_instances", save_dataset_meta=True)
    assert labels_of(dm.Dataset.import_from(tmp_path, "coco_instances")) == [
        "background",
        "cat",
        "dog",
    ]


def test_voc_writes_it_in_the_place_of_its_label_map(tmp_path: Path):
    dataset().export(tmp_path, "voc", save_dataset_meta=True)
    assert not (tmp_path / "labelmap.txt").exists()


@pytest.mark.parametrize("format", ["datumaro", "datumaro_binary"])
def test_native_formats_write_it_for_others_and_do_not_read_it(tmp_path: Path, format: str):
    dataset().export(tmp_path, format)
    renamed(tmp_path, ["other"])
    read = dm.Dataset.import_from(tmp_path, format)
    assert read.categories() == dataset().categories()
