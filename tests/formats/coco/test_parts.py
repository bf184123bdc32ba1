"""A file that is parsed in parts, each by its own worker, says what it says as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from datumaro.errors import DatasetImportError, MalformedFileError
from datumaro.formats.base import ReadContext
from datumaro.formats.coco import parts, reader
from datumaro.progress import NullProgressReporter
from datumaro.table.chunk import Content
from datumaro.workers import Workers

from .coco_files import CATEGORIES, Json, annotation, image, items, read, rows

N = 400


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch):
    """Files of the tests' size are divided, as are their objects."""
    monkeypatch.setattr(parts, "SMALLEST", 64)
    monkeypatch.setattr(reader, "_OBJECTS", 3)


class Reporter(NullProgressReporter):
    """Remembers what was told."""

    total = done = most = 0

    def start(self, total: int, *, desc: str = "") -> None:
        del desc
        self.total = total

    def report_status(self, progress: int) -> None:
        self.done = progress
        self.most = max(self.most, progress)


def objects(n: int = N, **more: Any) -> list[Json]:
    """Annotations of all kinds, of seven images in turn."""
    kinds: list[Json] = [
        {"segmentation": [[0, 0, 4, 0, 4.25, 4], [1, 1, 2, 1, 2, 2, 1, 2]]},
        {"segmentation": {"size": [6, 8], "counts": [0, 3, 45]}, "iscrowd": 1},
        {"bbox": [0.5, 1, 2, 3]},
        {"attributes": {"nested": [{"a": [1, 2]}]}, "score": 0.5},
        {"license": 3},
    ]
    return [annotation(k + 1, k * 5 % 7 + 1, **kinds[k % len(kinds)], **more) for k in range(n)]


def text(**members: Any) -> str:
    """A file of seven images; the members in the order given."""
    whole: Json = {
        "images": [image(k + 1, f"{k}.jpg", license=k) for k in range(7)],
        "categories": CATEGORIES,
        "annotations": objects(),
    }
    return json.dumps(
        {key: whole[key] if value is None else value for key, value in members.items()}
    )


def both(folder: Path, content: str, **options: Any) -> list[tuple[Any, ReadContext]]:
    """What is read without workers, and with three; or the error."""
    path = folder / "annotations" / "instances_train.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    found: list[tuple[Any, ReadContext]] = []
    for n in (0, 3):
        context = ReadContext(Reporter(), workers=Workers(n), **options)
        try:
            result: Any = said(read(folder, context=context))
        except DatasetImportError as error:
            result = str(error)
        found.append((result, context))
    return found


def said(content: Content) -> tuple[list[Json], dict[str, list[Json]], Any]:
    """Items, annotations and infos."""
    return items(content), rows(content), content.infos


@pytest.mark.parametrize(
    "order",
    [
        ("images", "categories", "annotations"),
        ("annotations", "images", "categories"),
        ("categories", "annotations", "images"),
    ],
)
def test_the_order_of_the_keys_does_not_matter(tmp_path: Path, order: tuple[str, ...]):
    (whole, _), (divided, context) = both(tmp_path, text(**dict.fromkeys(order)))
    assert whole == divided
    assert sum(map(len, whole[1].values())) > N
    assert isinstance(context.progress, Reporter)
    assert context.progress.done == context.progress.total == context.progress.most


def test_a_large_file_is_divided_at_annotations(tmp_path: Path):
    path = tmp_path / "file.json"
    path.write_text(text(images=None, annotations=None, categories=None))
    begins = parts.beginnings(path, Workers(4))
    assert len(begins) == 4
    data = path.read_bytes()
    for begin in begins[1:]:
        assert data[begin - 3 : begin + 6] == b'}, {"id":'
        assert parts.adjoins(path, begin - 2, begin)
        assert not parts.adjoins(path, begin - 3, begin)
        assert not parts.adjoins(path, begin, begin)
    assert parts.beginnings(path, Workers(0)) == [0]


def test_objects_within_attributes_are_no_annotations(tmp_path: Path):
    nested = {"list": [{"id": k, "image_id": 1, "category_id": 3} for k in range(3000)]}
    content = text(images=None, categories=None, annotations=[annotation(1, attributes=nested)])
    (whole, _), (divided, context) = both(tmp_path, content)
    assert whole == divided
    assert json.loads(whole[1]["0"][0]["attributes"])["list"] == nested["list"]
    assert isinstance(context.progress, Reporter)
    assert context.progress.done == context.progress.total


def test_other_arrays_are_no_annotations(tmp_path: Path):
    content = text(images=None, categories=None, annotations=objects(3), others=objects(900))
    (whole, _), (divided, _) = both(tmp_path, content)
    assert whole == divided
    assert sum(len({row["id"] for row in found}) for found in whole[1].values()) == 3


def test_a_second_array_counts_alone(tmp_path: Path):
    first, second = (text(images=None, annotations=objects(n)) for n in (300, 250))
    content = first[:-1] + ", " + second[1:-1] + ', "categories": ' + json.dumps(CATEGORIES) + "}"
    (whole, _), (divided, _) = both(tmp_path, content)
    assert whole == divided
    assert {row["id"] for found in whole[1].values() for row in found} == set(range(1, 251))


@pytest.mark.parametrize("bad", [5, N // 2 + 5, N - 5])
@pytest.mark.parametrize(
    "damage", [{"bbox": "box"}, {"segmentation": [[1, 2]]}, {"image_id": 99}, {"category_id": 5}]
)
def test_problems_are_told_with_the_same_place(tmp_path: Path, bad: int, damage: Json):
    annotations = objects()
    annotations[bad] |= damage
    content = text(images=None, categories=None, annotations=annotations)
    (whole, _), (divided, _) = both(tmp_path, content)
    assert whole == divided
    assert f"$.annotations[{bad}]" in whole
    (whole, one), (divided, three) = both(tmp_path, content, on_error="skip")
    assert whole == divided
    assert [*map(str, one.problems)] == [*map(str, three.problems)]
    assert one.n_problems == three.n_problems == 1


@pytest.mark.parametrize("size", range(100, 3000, 333))
def test_cut_files_are_told_alike(tmp_path: Path, size: int):
    content = text(images=None, categories=None, annotations=objects(20))
    (whole, _), (divided, _) = both(tmp_path, content[:size])
    assert whole == divided
    assert isinstance(whole, str)


def test_no_file_is_there_any_more(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        parts.beginnings(tmp_path / "a.json", Workers(2))


def test_garbage_behind_the_end(tmp_path: Path):
    content = text(images=None, categories=None, annotations=None)
    (whole, _), (divided, _) = both(tmp_path, content + " {}, {")
    assert whole == divided
    assert "the end of the file" in whole


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(st.sampled_from('}{,[]"\\ x'), max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["id", "a", "}, {"]), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(
    st.lists(st.tuples(st.integers(1, 7), json_values), min_size=1, max_size=30),
    st.permutations(["images", "categories", "annotations", "more"]),
    st.sampled_from([(",", ":"), (" , ", " : "), (",\n\t", ": ")]),
)
@settings(deadline=None)
def test_any_values(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[int, Any]],
    order: list[str],
    separators: tuple[str, str],
):
    annotations = [annotation(k, i, more=value) for k, (i, value) in enumerate(drawn, 1)]
    members = dict.fromkeys(order) | {"annotations": annotations, "more": [v for _, v in drawn]}
    content = json.dumps(json.loads(text(**members)), separators=separators)
    (whole, _), (divided, _) = both(tmp_path_factory.mktemp("any"), content)
    assert not isinstance(whole, str)
    assert whole == divided


def test_malformed_parts_are_not_read_twice_by_all(tmp_path: Path):
    content = text(images=None, categories=None, annotations=None).replace('"id": 350', '"id": 35o')
    (whole, _), (divided, _) = both(tmp_path, content)
    assert whole == divided
    with pytest.raises(MalformedFileError, match=r"\$\.annotations\[349\]"):
        read(tmp_path)
