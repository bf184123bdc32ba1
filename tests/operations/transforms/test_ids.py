"""`rename`, `reindex`, `id_from_image_name`, `map_subsets`, `random_split`."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, strategies as st

import datumaro as dm
from datumaro.errors import DatasetError, InvalidOptionError, RepeatedItemError
from datumaro.operations.transforms import chance
from datumaro.operations.transforms.pairs import pair


def dataset(*ids: str, subset: str = "train", **attributes: Any) -> dm.Dataset:
    return dm.Dataset.from_iterable(
        [dm.DatasetItem(i, subset=subset, attributes=attributes) for i in ids or ("a/1", "b")]
    )


def ids(dataset: dm.Dataset) -> list[str]:
    return [item.id for item in dataset]


def subsets(dataset: dm.Dataset) -> dict[str, str]:
    return {item.id: item.subset for item in dataset}


# --- rename ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        ("|a|x|", ["x/1", "b"]),
        ("/a|b/x/", ["x/1", "x"]),
        (r"|(\w)$|<\1>|", ["a/<1>", "<b>"]),
        (r"|(?P<last>\w)$|\g<last>\g<last>|", ["a/11", "bb"]),
        ("|^|{item.subset}/|", ["train/a/1", "train/b"]),
        ("|^.*$|{item.id}-{item.attributes[n]}|", ["a/1-7", "b-7"]),
        ("|b|{{b}}|", ["a/1", "{b}"]),
        ("|(?i)B|c|", ["a/1", "c"]),
        ("|nothing|x|", ["a/1", "b"]),
    ],
)
def test_search_and_replace(regex: str, expected: list[str]):
    assert ids(dataset(n=7).transform("rename", regex=regex)) == expected


def test_braces_in_ids_are_only_braces():
    assert ids(dataset("{item.subset}", "{0}").transform("rename", regex="|$|.x|")) == [
        "{item.subset}.x",
        "{0}.x",
    ]


@pytest.mark.parametrize(
    "regex",
    [
        "", "|", "|a|", "|a|b", "|a|b|c|", "a", "|(|x|", r"|a|\1|", r"|a|\g<n>|", "|a|{|", "|a|}|",
        "|a|{0}|", "|a|{item}|", "|a|{item.__class__}|", "|a|{item.id.__class__}|",
        "|a|{item.attributes[x].__class__}|", "|a|{item.id!r}|", "|a|{item.id:>9}|", "|a|{x}|",
    ],
)  # fmt: skip
def test_wrong_expressions(regex: str):
    with pytest.raises(InvalidOptionError, match=r"expected \|SEARCH\|REPLACEMENT\|"):
        dataset().transform("rename", regex=regex)


def test_an_attribute_that_an_item_lacks():
    with pytest.raises(DatasetError, match="item 'a/1' has no attribute 'x'"):
        dataset(n=7).transform("rename", regex="|^|{item.attributes[x]}|")


@pytest.mark.parametrize("to", ["", "../", "/"])
def test_ids_that_lead_elsewhere(to: str):
    with pytest.raises(DatasetError, match="item 'b' would be"):
        dataset("b").transform("rename", regex=f"!^b$!{to}!")


def test_ids_that_are_taken():
    with pytest.raises(RepeatedItemError):
        dataset("a", "b").transform("rename", regex="|.|x|")


# --- reindex, names of images ---------------------------------------------------------------------


def test_numbers():
    mixed = dm.Dataset.from_iterable(
        [dm.DatasetItem("x", subset="b"), dm.DatasetItem("x", subset="a"), dm.DatasetItem("z")]
    )
    assert subsets(mixed.transform("reindex")) == {"1": "b", "2": "a", "3": "default"}
    assert ids(mixed.transform("reindex", start=-1)) == ["-1", "0", "1"]


def with_images(*paths: str) -> dm.Dataset:
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(f"id{i}", media=dm.Image.from_file(path=path) if path else None)
            for i, path in enumerate(paths)
        ]
    )


def test_names_of_images():
    changed = with_images("/x/a.b.jpg", "c", "", "d/.hidden").transform("id_from_image_name")
    assert ids(changed) == ["a.b", "c", "id2", ".hidden"]


def test_names_of_images_that_are_taken():
    with pytest.raises(RepeatedItemError):
        with_images("x/a.jpg", "y/a.jpg").transform("id_from_image_name")
    changed = with_images("x/a.jpg", "y/a.jpg", "z/a.jpg").transform(
        "id_from_image_name", ensure_unique=True, suffix_length=5, seed=1
    )
    first, *others = ids(changed)
    assert first == "a" and len(set(others)) == 2
    assert all(name.startswith("a__") and len(name) == 8 for name in others)
    again = with_images("x/a.jpg", "y/a.jpg", "z/a.jpg").transform(
        "id_from_image_name", ensure_unique=True, suffix_length=5, seed=1
    )
    assert ids(again) == ids(changed)


def test_no_free_name():
    many = with_images(*(f"{i}/a.jpg" for i in range(60)))
    with pytest.raises(DatasetError, match="use a larger suffix_length"):
        many.transform("id_from_image_name", ensure_unique=True, suffix_length=1)
    with pytest.raises(InvalidOptionError, match="expected 1 to 100"):
        many.transform("id_from_image_name", suffix_length=0)


def test_frames_of_videos():
    video = dm.Video("/x/clip.avi")
    frames = [dm.DatasetItem(str(i), media=dm.VideoFrame(video, i)) for i in (3, 4)]
    found = dm.Dataset.from_iterable(frames, media_type=dm.VideoFrame)
    assert ids(found.transform("id_from_image_name")) == ["clip_frame-3", "clip_frame-4"]


# --- subsets --------------------------------------------------------------------------------------


def test_other_subsets():
    mixed = dm.Dataset.from_iterable(
        [dm.DatasetItem(i, subset=s) for i, s in (("a", "x"), ("b", "y"), ("c", "z"), ("d", "x"))]
    )
    mixed.transform("map_subsets", mapping={"x": "y", "z": "", "no": "body"})
    assert subsets(mixed) == {"a": "y", "b": "y", "c": "default", "d": "y"}
    assert {name: len(s) for name, s in mixed.subsets().items()} == {"y": 3, "default": 1}


def test_items_that_meet_in_a_subset():
    mixed = dm.Dataset.from_iterable([dm.DatasetItem("a", subset=s) for s in ("x", "y")])
    with pytest.raises(RepeatedItemError):
        mixed.transform("map_subsets", mapping={"x": "y"})


def counts(dataset: dm.Dataset) -> dict[str, int]:
    return {name: len(subset) for name, subset in dataset.subsets().items()}


def many(n: int = 100) -> dm.Dataset:
    return dataset(*map(str, range(n)))


def test_shares():
    changed = many().transform("random_split", splits=[("a", 0.5), ("b", 0.3), ("c", 0.2)])
    assert counts(changed) == {"a": 50, "b": 30, "c": 20}
    assert ids(changed) == ids(many())
    assert counts(many(3).transform("random_split")) == {"train": 2, "test": 1}
    assert counts(many().transform("random_split", splits={"all": 1, "none": 0})) == {"all": 100}
    assert len(dm.Dataset.from_iterable([]).transform("random_split")) == 0


def test_the_same_seed_splits_the_same():
    one, other, third = (subsets(many().transform("random_split", seed=seed)) for seed in (1, 1, 2))
    assert one == other != third


def test_a_seed_means_the_same_everywhere():
    """Written down: if this changes, other people's splits change."""
    found = subsets(many(10).transform("random_split", splits={"a": 0.5, "b": 0.5}, seed=42))
    assert [i for i, name in found.items() if name == "a"] == ["2", "3", "5", "7", "8"]


@pytest.mark.parametrize(
    "splits",
    [{"a": 0.5, "b": 0.6}, {"a": -0.5, "b": 1.5}, {}, {"a": float("nan")}, {"a": float("inf")}],
)
def test_wrong_shares(splits: dict[str, float]):
    with pytest.raises(InvalidOptionError, match="add up to"):
        many().transform("random_split", splits=splits)


@given(st.integers(0, 300), st.integers())
def test_numbers_are_drawn_as_the_standard_library_draws_them(n: int, seed: int):
    expected = list(range(n))
    random.Random(seed).shuffle(expected)
    assert chance.shuffled(n, seed).tolist() == expected


# --- pairs ----------------------------------------------------------------------------------------


def test_pairs():
    assert pair("a:b") == ("a", "b")
    assert pair("a:") == ("a", "")
    assert pair(r"a\:b:c\:") == ("a:b", "c:")
    for wrong in ("a", "a:b:c", ":b", ""):
        with pytest.raises(ValueError, match="two names with a colon"):
            pair(wrong)
