"""`Dataset`, as users hold it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import datumaro as dm
from datumaro.errors import (
    CategoriesRedefinedError,
    DatasetError,
    DatasetExportError,
    DatasetInfosRedefinedError,
    DatasetNotFoundError,
    MediaTypeError,
    NoMatchingFormatsError,
    RepeatedItemError,
    UndeclaredLabelError,
    UnknownFormatError,
    UnknownOptionError,
)
from datumaro.formats import registry
from datumaro.formats.base import Format, ReadContext, WriteContext
from datumaro.model.annotation import AnnotationType
from datumaro.table import schema
from datumaro.table.builder import build
from datumaro.table.chunk import Content


def an_item(name: Any, subset: str = "train", *labels: int, **more: Any) -> dm.DatasetItem:
    return dm.DatasetItem(
        name, subset=subset, annotations=[dm.Label(label) for label in labels], **more
    )


def a_dataset() -> dm.Dataset:
    return dm.Dataset.from_iterable(
        [
            an_item("a", "train", 0, 1),
            an_item("b", "val", media=dm.Image.from_file("b.jpg", size=(2, 3))),
            an_item("c", "train", 2, attributes={"x": 1}),
        ],
        infos={"author": "me"},
        categories=["cat", "dog", "cow"],
    )


# --- making ---------------------------------------------------------------------------------------


def test_a_data_set_of_items() -> None:
    dataset = a_dataset()
    assert len(dataset) == 3 and [item.id for item in dataset] == ["a", "b", "c"]
    assert dataset.infos() == {"author": "me"} and dataset.media_type() is dm.Image
    assert dataset.get_label_cat_names() == ["cat", "dog", "cow"]
    assert dataset.ann_types() == {AnnotationType.label}
    assert dataset.get_annotated_items() == 2 and dataset.get_annotations() == 3
    assert dataset.is_cache_initialized and dataset.init_cache() is None


def test_an_iterable_may_be_a_generator_and_may_be_empty() -> None:
    assert len(dm.Dataset.from_iterable(an_item(i) for i in range(3))) == 3
    empty = dm.Dataset.from_iterable([], ann_types=[])
    assert len(empty) == 0 and list(empty) == [] and bool(empty) and empty.subsets() == {}
    assert empty.ann_types() == set() and empty.items_table.num_rows == 0
    assert empty.annotations_table.schema.equals(schema.ANNOTATIONS)
    assert empty.annotation_offsets.tolist() == [0]


def test_categories_by_type_are_kept_as_they_are() -> None:
    masks = dm.MaskCategories.generate(3)
    dataset = dm.Dataset.from_iterable([], categories={AnnotationType.mask: masks})
    assert dataset.categories() == {AnnotationType.mask: masks}
    assert dm.Dataset.from_iterable([], categories=[]).categories() == {
        AnnotationType.label: dm.LabelCategories()
    }


def test_a_name_occurs_once() -> None:
    with pytest.raises(RepeatedItemError, match=r"'a'.*'train'"):
        dm.Dataset.from_iterable([an_item("a"), an_item("b"), an_item("a")])
    assert len(dm.Dataset.from_iterable([an_item("a"), an_item("a", "val")])) == 2


def test_media_are_of_one_class() -> None:
    with pytest.raises(MediaTypeError, match=r"'a'.*PointCloud.*Image"):
        dm.Dataset.from_iterable([an_item("a", media=dm.PointCloud.from_file("a.pcd"))])
    clouds = dm.Dataset(media_type=dm.PointCloud)
    with pytest.raises(MediaTypeError):
        clouds.put(an_item("a", media=dm.Image.from_file("a.jpg")))
    clouds.put(an_item("a"))
    assert len(clouds) == 1 and clouds.media_type() is dm.PointCloud
    mixed = dm.Dataset.from_iterable(
        [an_item("a", media=dm.Image.from_file("a")), an_item("b", media=dm.Video("b"))],
        media_type=dm.MediaElement,
    )
    assert mixed.clone().media_type() is dm.MediaElement


def test_only_items_are_items() -> None:
    with pytest.raises(TypeError, match=r"str.*DatasetItem"):
        dm.Dataset.from_iterable(["a"])
    with pytest.raises(ValueError, match="media_type"):
        dm.Dataset()
    with pytest.raises(ValueError, match="both"):
        dm.Dataset(a_dataset(), infos={})


# --- items ----------------------------------------------------------------------------------------


def test_items_by_name_and_by_place() -> None:
    dataset = dm.Dataset.from_iterable([an_item(5, "default"), an_item("x/y", "train")])
    assert dataset.get(5) is dataset.get("5") is dataset[0]
    assert dataset.get("x\\y", "train") is dataset[-1]
    assert dataset.get("x/y") is None and dataset.get("5", "train") is None
    with pytest.raises(IndexError):
        dataset[2]


def test_membership() -> None:
    dataset = dm.Dataset.from_iterable([an_item(5, "default"), an_item("a", "train")])
    assert 5 in dataset and "5" in dataset and ("a", "train") in dataset
    assert an_item("a", "train", 7) in dataset
    assert "a" not in dataset and ("5", "train") not in dataset and an_item("a", "x") not in dataset


def test_putting_and_removing() -> None:
    dataset = a_dataset()
    dataset.put(an_item("a", "train"))
    assert [item.id for item in dataset] == ["a", "b", "c"] and dataset[0].annotations == []
    dataset.put(an_item("a", "val"))
    item = an_item("d")
    dataset.put(item, id="e", subset="new")
    assert item.id == "d" and dataset.get("e", "new") == item.wrap(id="e", subset="new")
    dataset.remove("a", "train")
    dataset.remove("nothing")
    assert [(item.id, item.subset) for item in dataset] == [
        ("b", "val"), ("c", "train"), ("a", "val"), ("e", "new"),
    ]  # fmt: skip


def test_updating() -> None:
    dataset = a_dataset()
    assert dataset.update([an_item("a", "train", 2), an_item("z")]) is dataset
    assert [item.id for item in dataset] == ["a", "b", "c", "z"]
    assert dataset[0] == an_item("a", "train", 2)
    fewer = dm.Dataset.from_iterable([an_item("y", "train", 1)], categories=["cat", "dog"])
    assert len(dataset.update(fewer)) == 5
    with pytest.raises(DatasetError, match="labels differ"):
        dataset.update(dm.Dataset.from_iterable([], categories=["dog", "cat"]))


def test_a_selection_is_independent() -> None:
    dataset = a_dataset()
    for source in (dataset, dataset.clone()):
        some = source.select(lambda item: bool(item.annotations))
        assert [item.id for item in some] == ["a", "c"]
        assert some.infos() == source.infos() and some.categories() == source.categories()
        some[0].annotations.clear()
        some.infos()["new"] = 1
        labels: Any = some.categories()[AnnotationType.label]
        labels.add("horse")
        assert source[0] == an_item("a", "train", 0, 1) and "new" not in source.infos()
        assert source.get_label_cat_names() == ["cat", "dog", "cow"]
        assert len(source.select(lambda item: False)) == 0


def test_a_clone_is_independent() -> None:
    dataset = a_dataset()
    clone = dataset.clone()
    assert list(clone) == list(dataset)
    clone[0].attributes["new"] = 1
    clone.remove("b", "val")
    clone.infos()["new"] = 1
    dataset[2].annotations.clear()
    assert list(dataset)[:2] == list(a_dataset())[:2] and dataset.infos() == {"author": "me"}
    assert len(clone) == 2 and clone[1] == an_item("c", "train", 2, attributes={"x": 1})


# --- subsets --------------------------------------------------------------------------------------


def test_subsets() -> None:
    dataset = a_dataset()
    subsets = dataset.subsets()
    assert list(subsets) == ["train", "val"]
    train = subsets["train"]
    assert len(train) == 2 and [item.id for item in train] == ["a", "c"] and train.name == "train"
    assert train.get("a") is dataset[0] and train.get("b") is None and train.get("a", "train")
    assert "a" in train and "b" not in train
    assert dataset[0] in train and an_item("a", "val") not in train
    assert train.categories() is dataset.categories() and train.infos() is dataset.infos()
    assert train.media_type() is dm.Image and train.subsets() == {"train": train}
    assert train.ann_types() == {AnnotationType.label}
    assert train.get_annotated_items() == 2 and train.get_annotations() == 3
    assert dataset.get_subset("val").ann_types() == set()
    with pytest.raises(ValueError, match="val"):
        train.get("b", "val")


def test_a_subset_that_is_not_there_is_empty() -> None:
    nothing = a_dataset().get_subset("nothing")
    assert len(nothing) == 0 and list(nothing) == [] and len(nothing.as_dataset()) == 0
    assert a_dataset().get_subset(None).name == "default"


def test_changes_of_a_subset_are_changes_of_the_data_set() -> None:
    dataset = a_dataset()
    val = dataset.get_subset("val")
    val.put(an_item("new", "train"))
    assert dataset.get("new", "val") is not None and dataset.get("new", "train") is None
    val.remove("b")
    assert [item.id for item in val] == ["new"] and len(dataset) == 3
    alone = val.as_dataset()
    alone[0].attributes["x"] = 1
    alone.infos().clear()
    assert dataset.get("new", "val").attributes == {}
    assert dataset.infos() == {"author": "me"}


# --- about the whole ------------------------------------------------------------------------------


def test_infos_and_categories_are_set_once() -> None:
    dataset = dm.Dataset(media_type=dm.Image)
    dataset.define_infos({"a": 1})
    dataset.define_categories(["cat"])
    assert dataset.infos() == {"a": 1} and dataset.get_label_cat_names() == ["cat"]
    for done in (dataset, a_dataset()):
        with pytest.raises(DatasetInfosRedefinedError):
            done.define_infos({})
        with pytest.raises(CategoriesRedefinedError):
            done.define_categories({})


def test_texts_for_people() -> None:
    dataset = a_dataset()
    assert dataset.get_subset_info() == "train: # of items=2\nval: # of items=1"
    assert dataset.get_infos() == ("author: me",)
    assert dataset.get_categories_info() == ("label: ['cat', 'dog', 'cow']",)
    text = repr(dataset)
    for word in ("size=3", "media_type=Image", "annotations_count=3", "train", "author", "cow"):
        assert word in text


def test_an_item_by_the_path_of_its_media() -> None:
    dataset = a_dataset()
    assert dataset.get_datasetitem_by_path("b.jpg") is dataset[1]
    assert dataset.get_datasetitem_by_path("c.jpg") is None


# --- columns --------------------------------------------------------------------------------------


def test_tables_are_the_data_sets_own_memory() -> None:
    chunks = [build([an_item(i, "train", i, i)]) for i in range(3)]
    dataset = dm.Dataset(Content(chunks))
    items, annotations = dataset.items_table, dataset.annotations_table
    assert isinstance(items, pa.Table) and items.column("id").to_pylist() == ["0", "1", "2"]
    assert annotations.column("label").to_pylist() == [0, 0, 1, 1, 2, 2]
    assert dataset.annotation_offsets.tolist() == [0, 2, 4, 6]
    for table, batches in (
        (items, [c.items for c in chunks]),
        (annotations, [c.annotations for c in chunks]),
    ):
        for name in ("id", "attributes"):
            for column, batch in zip(table.column(name).chunks, batches, strict=True):
                mine, theirs = column.buffers(), batch.column(name).buffers()
                assert [b and b.address for b in mine] == [b and b.address for b in theirs]


def test_tables_have_the_changes() -> None:
    dataset = dm.Dataset(a_dataset().content())
    dataset[0].annotations.append(dm.Caption("x"))
    dataset.put(an_item("new"))
    assert dataset.annotations_table.column("text").to_pylist() == ["", "", "x", ""]
    assert dataset.items_table.column("id").to_pylist() == ["a", "b", "c", "new"]
    assert dataset.annotation_offsets.tolist() == [0, 3, 3, 4, 4]


def test_content_can_be_changed_without_changing_the_data_set() -> None:
    dataset = dm.Dataset(a_dataset().content())
    content = dataset.content()
    content.chunks.clear()
    content.categories.clear()
    content.infos.clear()
    assert len(dataset) == 3 and dataset.categories() and dataset.infos()


# --- files: with a format that keeps what it is given ---------------------------------------------


class Toy(Format):
    """A format that returns prepared content, and writes item ids into a file."""

    name = "toy"
    title = "a toy"
    owned = ("*.txt",)
    content: Content
    problem: Any = None
    seen: dict[str, Any]
    a_file_each = False

    def read(self, path: Path, options: Any, context: ReadContext) -> Content:
        self.seen = {"path": path, "options": options, "progress": context.progress}
        if self.problem is not None:
            context.problem(self.problem)
        return self.content

    def write(self, content: Content, folder: Path, options: Any, context: WriteContext) -> None:
        ids = content.chunks[0].items.column("id").to_pylist() if content.chunks else []
        (folder / "ids.txt").write_text(",".join(ids))
        self.seen = {"options": options, "progress": context.progress}
        context.lost("dreams", 2, "item a")
        for name in ids if self.a_file_each else []:
            (folder / name).touch()
        if "bad" in ids:
            raise DatasetExportError("item bad")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    made = Toy()
    made.content = a_dataset().content()
    usual = registry.get
    monkeypatch.setattr(registry, "get", lambda name: made if name == "toy" else usual(name))
    return made


def test_importing(toy: Toy, tmp_path: Path) -> None:
    progress = dm.NullProgressReporter()
    dataset = dm.Dataset.import_from(
        tmp_path, "toy", progress_reporter=progress, allow_external_media=True
    )
    assert list(dataset) == list(a_dataset()) and dataset.categories() == a_dataset().categories()
    assert toy.seen["path"] == tmp_path and toy.seen["progress"] is progress
    assert toy.seen["options"].allow_external_media
    assert dataset.is_bound and dataset.format == "toy" and dataset.data_path == str(tmp_path)
    assert dataset.options == {"allow_external_media": True}


@pytest.mark.parametrize("path", ["", "no/such/folder", "a\0b"])
def test_importing_nothing(path: str) -> None:
    for format in (None, "toy", "datumaro"):
        with pytest.raises(DatasetNotFoundError):
            dm.Dataset.import_from(path, format)
    with pytest.raises(FileNotFoundError):
        dm.Dataset.load(path)


def test_importing_what_no_format_knows(tmp_path: Path) -> None:
    (tmp_path / "x.unknown").touch()
    with pytest.raises(NoMatchingFormatsError):
        dm.Dataset.import_from(tmp_path)
    with pytest.raises(NoMatchingFormatsError):
        dm.Dataset.detect(tmp_path)
    with pytest.raises(UnknownFormatError, match="datumara"):
        dm.Dataset.import_from(tmp_path, "datumara")


def test_unknown_options(toy: Toy, tmp_path: Path) -> None:
    with pytest.raises(UnknownOptionError, match="'save_images'"):
        dm.Dataset.import_from(tmp_path, "toy", save_images=True)
    with pytest.raises(UnknownOptionError, match=r"'save_images'.*save_media"):
        a_dataset().export(tmp_path / "out", "toy", save_images=True)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="'ignore'"):
        dm.Dataset.import_from(tmp_path, "toy", error_policy="ignore")


def test_a_problem_of_one_item_fails_or_is_skipped(
    toy: Toy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    toy.problem = UndeclaredLabelError("image 7 is bad")
    with pytest.raises(UndeclaredLabelError):
        dm.Dataset.import_from(tmp_path, "toy")
    with caplog.at_level(logging.WARNING):
        assert len(dm.Dataset.import_from(tmp_path, "toy", error_policy="skip")) == 3
    (record,) = caplog.records
    assert "1 items or annotations left out; the first: image 7 is bad" in record.getMessage()


def test_what_the_reader_did_not_see_is_checked(
    toy: Toy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    toy.content.chunks.append(build([an_item("a", "train"), an_item("d", "train", 9, 1)]))
    with pytest.raises(UndeclaredLabelError, match=r"'d'.*label 9"):
        dm.Dataset.import_from(tmp_path, "toy")
    with caplog.at_level(logging.WARNING):
        dataset = dm.Dataset.import_from(tmp_path, "toy", error_policy="skip")
    assert dataset[3] == an_item("d", "train", 1) and dataset[0] == an_item("a", "train", 0, 1)
    assert "2 items or annotations left out" in caplog.text
    toy.content.chunks[-1] = build([an_item("a", "train")])
    with pytest.raises(RepeatedItemError, match=str(tmp_path)):
        dm.Dataset.import_from(tmp_path, "toy")


def test_exporting(toy: Toy, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dataset = a_dataset()
    with caplog.at_level(logging.WARNING):
        dataset.export(tmp_path / "out", "toy", save_media=True)
    assert (tmp_path / "out" / "ids.txt").read_text() == "a,b,c"
    assert toy.seen["options"].save_media
    assert [r.getMessage() for r in caplog.records] == [
        "toy cannot hold 2 dreams (first: item a): left out"
    ]
    assert dataset.data_path == str(tmp_path / "out") and dataset.format == "toy"
    dataset.remove("b", "val")
    dataset.save()
    assert (tmp_path / "out" / "ids.txt").read_text() == "a,c"
    dataset.save(tmp_path / "other")
    assert (tmp_path / "other" / "ids.txt").read_text() == "a,c"


def test_a_failed_export_leaves_the_older_one(toy: Toy, tmp_path: Path) -> None:
    dataset = a_dataset()
    dataset.export(tmp_path / "out", "toy")
    dataset.put(an_item("bad"))
    for target in ("out", "new"):
        with pytest.raises(DatasetExportError):
            dataset.export(tmp_path / target, "toy")
    assert (tmp_path / "out" / "ids.txt").read_text() == "a,b,c"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert dataset.data_path == str(tmp_path / "out")


def test_what_the_system_refuses_is_an_export_error(toy: Toy, tmp_path: Path) -> None:
    dataset = a_dataset()
    dataset.export(tmp_path / "out", "toy")
    toy.a_file_each = True
    with pytest.raises(DatasetExportError, match=r"out: cannot be written: .*too long.*/x+\)"):
        dm.Dataset.from_iterable([an_item("x" * 300)]).export(tmp_path / "out", "toy")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_exporting_to_nowhere(toy: Toy) -> None:
    with pytest.raises(ValueError, match="empty"):
        a_dataset().export("", "toy")
    with pytest.raises(DatasetError, match="export"):
        a_dataset().save()
    with pytest.raises(UnknownFormatError):
        a_dataset().export("x", "no_such_format")


def test_binding(toy: Toy, tmp_path: Path) -> None:
    dataset = a_dataset()
    assert not dataset.is_bound and dataset.data_path is None and dataset.format is None
    dataset.bind(str(tmp_path / "out"), "toy", options={"image_ext": ".png"})
    dataset.save()
    assert (tmp_path / "out" / "ids.txt").exists() and toy.seen["options"].image_ext == ".png"


def test_a_subset_can_be_exported_alone(toy: Toy, tmp_path: Path) -> None:
    a_dataset().get_subset("train").export(tmp_path / "out", "toy")
    assert (tmp_path / "out" / "ids.txt").read_text() == "a,c"


def test_in_memory_media_survive_changes_of_others() -> None:
    image = dm.Image.from_numpy(np.ones((2, 2), np.uint8))
    dataset = dm.Dataset.from_iterable([an_item("a"), an_item("b", media=image)])
    dataset = dm.Dataset(dataset.content())
    dataset[0].attributes["x"] = 1
    dataset = dm.Dataset(dataset.content())
    assert dataset[1].media is image
