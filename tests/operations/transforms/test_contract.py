"""What all transforms share: names, options, plugins, and that a failure changes nothing."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import datumaro as dm
from datumaro.errors import (
    InvalidOptionError,
    MediaTypeError,
    RepeatedItemError,
    UnknownOptionError,
    UnknownTransformError,
)
from datumaro.operations.transforms import registry
from datumaro.operations.transforms.base import ColumnTransform, TransformOptions
from datumaro.operations.transforms.running import needs_seed
from datumaro.options import option


def dataset() -> dm.Dataset:
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem("a", subset="train", annotations=[dm.Label(0), dm.Bbox(1, 2, 3, 4)]),
            dm.DatasetItem("b", subset="val", attributes={"n": 7}),
        ],
        infos={"author": "me"},
        categories=["cat", "dog"],
    )


def ids(dataset: dm.Dataset) -> list[tuple[str, str]]:
    return [(item.id, item.subset) for item in dataset]


def test_it_changes_the_data_set_and_returns_it():
    changed = dataset()
    assert changed.transform("reindex", start=5) is changed
    assert ids(changed) == [("5", "train"), ("6", "val")]
    assert changed.get("5", "train") is not None and changed.get("a", "train") is None


def test_changes_that_were_made_before_count():
    changed = dataset()
    changed[0].annotations.append(dm.Label(1))
    changed.put(dm.DatasetItem("c", subset="val"))
    changed.transform("rename", regex="|^|x-|")
    assert [len(item.annotations) for item in changed] == [3, 0, 0]
    assert ids(changed) == [("x-a", "train"), ("x-b", "val"), ("x-c", "val")]


def test_the_columns_that_others_share_stay():
    original = dataset()
    copy = original.clone()
    copy.transform("remap_labels", mapping={"cat": "lion"})
    assert original.get_label_cat_names() == ["cat", "dog"]
    assert copy.get_label_cat_names() == ["lion", "dog"]


@pytest.mark.parametrize("name", registry.names())
def test_every_transform_has_what_its_help_needs(name: str):
    kind = registry.get(name)
    assert issubclass(kind, ColumnTransform) and kind.name == name
    assert kind.title and kind.__doc__
    assert not kind.title.endswith(".")


def test_unknown_names():
    with pytest.raises(UnknownTransformError, match="did you mean rename"):
        dataset().transform("renam")
    with pytest.raises(KeyError, match="known: "):
        dataset().transform("xyzzy")


@pytest.mark.parametrize(
    ("name", "options", "kind", "says"),
    [
        ("reindex", {"begin": 1}, UnknownOptionError, "no option 'begin'; known options: start"),
        ("shapes_to_boxes", {"x": 1}, UnknownOptionError, "has no option 'x'; it has none"),
        ("rename", {}, InvalidOptionError, "the option 'regex' is not given"),
        ("remap_labels", {"default": "drop"}, UnknownOptionError, "expected one of keep, delete"),
        ("map_subsets", {"mapping": 7}, InvalidOptionError, "expected a mapping, or pairs"),
        ("map_subsets", {"mapping": [("a", "b"), ("a", "c")]}, InvalidOptionError, "'a' twice"),
        ("map_subsets", {"mapping": {"a": "../b"}}, ValueError, "leads outside"),
        ("map_subsets", {"mapping": [1]}, InvalidOptionError, "has 1"),
        ("map_subsets", {"mapping": {1: "a"}}, InvalidOptionError, "the name 1"),
        ("map_subsets", {"mapping": {"a": 1}}, InvalidOptionError, "1 is no subset's name"),
        ("random_split", {"splits": {"a": "all"}}, InvalidOptionError, "a share is 'all'"),
        ("random_split", {"seed": "x"}, InvalidOptionError, "a whole number or nothing"),
        ("reindex", {"start": "x"}, InvalidOptionError, "'start' is 'x'; expected a whole number"),
        ("rename", {"regex": 5}, InvalidOptionError, "expected a text"),
        ("id_from_image_name", {"ensure_unique": "yes"}, InvalidOptionError, "true or false"),
    ],
)
def test_wrong_options(name: str, options: dict[str, Any], kind: type[Exception], says: str):
    unchanged = dataset()
    with pytest.raises(kind, match=says):
        unchanged.transform(name, **options)
    assert ids(unchanged) == ids(dataset())


def test_a_failure_changes_nothing():
    unchanged = dataset()
    unchanged.put(dm.DatasetItem("a", subset="val"))
    with pytest.raises(RepeatedItemError):
        unchanged.transform("map_subsets", mapping={"train": "val"})
    assert ids(unchanged) == [("a", "train"), ("b", "val"), ("a", "val")]


# --- of other people ------------------------------------------------------------------------------


class Tag(dm.ItemTransform):
    """Labels the items whose name begins so, drops "b"."""

    def __init__(self, extractor: dm.Dataset, prefix: str = "a") -> None:
        super().__init__(extractor)
        self.prefix = prefix

    def transform_item(self, item: dm.DatasetItem) -> dm.DatasetItem | None:
        if item.id == "b":
            return None
        item.annotations[0].attributes["seen"] = True
        return self.wrap_item(item, id=f"{self.prefix}/{item.id}")


def test_a_transform_of_items():
    changed = dataset().transform(Tag, prefix="x")
    assert ids(changed) == [("x/a", "train")]
    assert [a.attributes for a in changed[0].annotations] == [{"seen": True}, {}]
    assert changed.infos() == {"author": "me"}
    assert changed.get_label_cat_names() == ["cat", "dog"]


def test_a_transform_of_items_that_fails_changes_nothing():
    class Fails(dm.ItemTransform):
        def transform_item(self, item: dm.DatasetItem) -> dm.DatasetItem:
            item.annotations.clear()
            item.subset = "other"
            if item.id == "b":
                raise ZeroDivisionError
            return item

    unchanged = dataset()
    with pytest.raises(ZeroDivisionError):
        unchanged.transform(Fails)
    assert ids(unchanged) == ids(dataset())
    assert [len(item.annotations) for item in unchanged] == [2, 0]


def test_a_constructor_that_fails_is_no_secret():
    with pytest.raises(TypeError, match="prefx"):
        dataset().transform(Tag, prefx="x")


def test_a_transform_of_the_whole():
    class Doubled(dm.Transform):
        def __iter__(self) -> Iterator[dm.DatasetItem]:
            for item in self._extractor:
                yield item
                yield self.wrap_item(item, id=f"{item.id}-2")

        def categories(self) -> Any:
            return {dm.AnnotationType.label: dm.LabelCategories.from_iterable(["x"])}

        def infos(self) -> dict[str, Any]:
            return {"doubled": True}

    changed = dataset().transform(Doubled)
    assert [item for item, _ in ids(changed)] == ["a", "a-2", "b", "b-2"]
    assert (changed.get_label_cat_names(), changed.infos()) == (["x"], {"doubled": True})


def test_items_twice_are_an_error():
    class Same(dm.ItemTransform):
        def transform_item(self, item: dm.DatasetItem) -> dm.DatasetItem:
            return item.wrap(id="same", subset="one")

    with pytest.raises(RepeatedItemError):
        dataset().transform(Same)


def test_media_of_another_kind_are_an_error():
    class Videos(dm.ItemTransform):
        def transform_item(self, item: dm.DatasetItem) -> dm.DatasetItem:
            return item.wrap(media=dm.PointCloud.from_bytes(b""))

    with pytest.raises(MediaTypeError, match=r"media_type\(\) says Image"):
        dataset().transform(Videos)


def test_a_class_that_lacks_its_method():
    class Nothing(dm.ItemTransform):
        pass

    with pytest.raises(NotImplementedError, match="Nothing does not define transform_item"):
        dataset().transform(Nothing)


@pytest.mark.parametrize("what", [7, dict, dm.Dataset])
def test_what_is_no_transform(what: Any):
    with pytest.raises(TypeError, match="expected a"):
        dataset().transform(what)


@dataclass(frozen=True, kw_only=True)
class PrefixOptions(TransformOptions):
    prefix: str = option(help="what to put before ids", short="-p")


class Prefix(ColumnTransform):
    """Puts something before ids."""

    name = "prefix"
    title = "put something before ids"
    options = PrefixOptions

    def apply(self, content: Any, options: PrefixOptions, context: Any) -> Any:
        context.lost("things", 2, "item 'a'")
        text = f"|^|{options.prefix}|"
        rename = registry.get("rename")
        return rename().apply(content, rename.options(regex=text), context)


def test_a_class_of_columns(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        changed = dataset().transform(Prefix, prefix="p")
    assert ids(changed) == [("pa", "train"), ("pb", "val")]
    assert "prefix: 2 things (first: item 'a')" in caplog.text
    with pytest.raises(InvalidOptionError, match="what to put before ids"):
        dataset().transform(Prefix)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package with a transform."""
    (tmp_path / "my_transforms.py").write_text(
        "import datumaro as dm\n"
        "class Upper(dm.ItemTransform):\n"
        "    def transform_item(self, item):\n"
        "        return item.wrap(id=item.id.upper())\n"
        "class Noise(dm.ItemTransform):\n"
        "    def __init__(self, extractor, share, seed=None):\n"
        "        super().__init__(extractor)\n"
    )
    info = tmp_path / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[datumaro.transforms]\nupper = my_transforms:Upper\nnoise = my_transforms:Noise\n"
    )

    def forget() -> None:
        registry.get.cache_clear()
        registry._third_party.cache_clear()
        importlib.invalidate_caches()

    monkeypatch.syspath_prepend(str(tmp_path))
    forget()
    yield
    forget()


@pytest.mark.usefixtures("plugin")
def test_plugins():
    assert "upper" in registry.names()
    assert ids(dataset().transform("upper")) == [("A", "train"), ("B", "val")]


@pytest.mark.parametrize(
    ("name", "options", "needed"),
    [
        ("reindex", {}, False),
        ("random_split", {}, True),
        ("random_split", {"seed": 0}, False),
        ("id_from_image_name", {}, False),
        ("id_from_image_name", {"ensure_unique": True}, True),
        ("upper", {}, False),
        ("noise", {"share": 1}, True),
        ("noise", {"share": 1, "seed": 2}, False),
    ],
)
@pytest.mark.usefixtures("plugin")
def test_what_needs_a_seed(name: str, options: dict[str, Any], needed: bool):
    assert needs_seed(name, options) is needed


@pytest.mark.usefixtures("plugin")
def test_options_are_checked_before_the_work():
    with pytest.raises(InvalidOptionError, match="noise: missing a required argument: 'share'"):
        needs_seed("noise", {})
    with pytest.raises(InvalidOptionError, match=r"upper: .*'share'"):
        needs_seed("upper", {"share": 1})
    with pytest.raises(UnknownOptionError):
        needs_seed("reindex", {"share": 1})
