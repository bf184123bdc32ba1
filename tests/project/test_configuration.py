"""The configuration: read with lines of mistakes, changed without losing comments, never a key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from datumaro.crypto import generate_key
from datumaro.errors import ProjectConfigError, ProjectError
from datumaro.project.configuration import Configuration, Source
from datumaro.project.stages import FilterStage, TransformStage

TEXT = """\
# mine
format_version: 3
sources:
  coco:  # the first
    format: coco
    path: annotations/a.json
    origin: "/data/coco"
    options: {subset: train}
    stages:
    - filter: /item[subset="train"]
    - filter: /item/annotation
      mode: items+annotations
    - transform: remap_labels  # cats are enough
      options: {mapping: {cat: animal, "no": ""}, default: delete}
  no:
    format: voc
stages:
- filter: /item[image]
- transform: boxes_to_masks
- transform: random_split
  options:
    splits: [[train, 0.8], [val, 0.2]]
    seed: 1
"""


def read(text: str) -> Configuration:
    return Configuration(text, "project.yml")


def test_reading():
    configuration = read(TEXT)

    assert configuration.sources == {
        "coco": Source(
            "coco",
            "coco",
            "annotations/a.json",
            "/data/coco",
            {"subset": "train"},
            (
                FilterStage('/item[subset="train"]'),
                FilterStage("/item/annotation", mode="items+annotations"),
                TransformStage(
                    "remap_labels", {"mapping": {"cat": "animal", "no": ""}, "default": "delete"}
                ),
            ),
        ),
        "no": Source("no", "voc"),
    }
    assert configuration.stages == (
        FilterStage("/item[image]"),
        TransformStage("boxes_to_masks"),
        TransformStage("random_split", {"splits": [["train", 0.8], ["val", 0.2]], "seed": 1}),
    )


def test_what_is_not_changed_stays_as_it_was_written():
    assert read(TEXT).text == TEXT


def test_changes_keep_comments():
    configuration = read(TEXT)
    configuration.set_source(Source("new", "voc", options={"subset": None}))
    configuration.remove_source("no")
    configuration.add_stage("new", FilterStage("/item"))
    configuration.add_stage(None, FilterStage("/item[1]", "annotations"))
    configuration.add_stage(None, TransformStage("reindex"))
    configuration.add_stage("coco", TransformStage("x", {"a": {"no": "yes", "1": [["b", 1]]}}))

    again = read(configuration.text)

    assert "# mine" in again.text and "# the first" in again.text
    assert list(again.sources) == ["coco", "new"]
    assert again.sources["new"].stages == (FilterStage("/item"),)
    assert again.stages[-2:] == (FilterStage("/item[1]", "annotations"), TransformStage("reindex"))
    assert '"1": [[b, 1]]' in again.text.replace("'", '"') and "# cats are enough" in again.text
    assert again.sources == configuration.sources and again.stages == configuration.stages


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", 1, "no entries"),
        ("- 1", 1, "no entries"),
        ("format_version: 2", 1, "expected 3"),
        ("sources: {}", 1, "format_version is None"),
        ("format_version: 3\nsource: {}", 2, "did you mean 'sources'"),
        ("format_version: 3\nsources: [a]", 2, "expected names of sources"),
        ("format_version: 3\nsources:\n  a b: {format: voc}", 3, "cannot be a source's name"),
        ("format_version: 3\nsources:\n  ../up: {format: voc}", 3, "cannot be a source's name"),
        ("format_version: 3\nsources:\n  project: {format: voc}", 3, "mean something else"),
        ("format_version: 3\nsources:\n  5: {format: voc}", 3, "expected a word"),
        ("format_version: 3\nsources:\n  a: {format: voc}\n  A: {format: voc}", 4, "case alone"),
        ("format_version: 3\nsources:\n  a:\n    path: x", 3, "no format"),
        ("format_version: 3\nsources:\n  a:\n    formt: x", 4, "did you mean 'format'"),
        ("format_version: 3\nsources:\n  a:\n    format: 5", 4, "expected a text"),
        ("format_version: 3\nsources:\n  a:\n    format: c\n    path: ../x", 5, "leads outside"),
        ("format_version: 3\nsources:\n  a:\n    format: c\n    path: /x", 5, "leads outside"),
        (
            "format_version: 3\nsources:\n  a:\n    format: c\n    options:\n      n: 2020-01-01",
            6,
            "cannot be understood",
        ),
        (
            "format_version: 3\nsources:\n  a:\n    format: c\n    options:\n      n: !x 1",
            6,
            "cannot be understood",
        ),
        (
            "format_version: 3\nsources:\n  a:\n    format: c\n    options:\n"
            "      allow_external_media: true",
            6,
            "--allow-external-media",
        ),
        (
            "format_version: 3\nsources:\n  a:\n    format: c\n    options:\n"
            "      encryption_key: abc",
            6,
            "DATUMARO_ENCRYPTION_KEY",
        ),
        ("format_version: 3\nstages: 5", 2, "expected a list"),
        ("format_version: 3\nstages:\n- rename", 3, "expected '- filter: XPATH' or '- tr"),
        ("format_version: 3\nstages:\n- []", 3, "neither a filter nor a transform"),
        ("format_version: 3\nstages:\n- {options: {}}", 3, "neither a filter nor a transform"),
        ("format_version: 3\nstages:\n- transform: 5", 3, "expected a text"),
        ("format_version: 3\nstages:\n- transform: a\n  option: {}", 4, "did you mean 'options'"),
        ("format_version: 3\nstages:\n- transform: a\n  options: [b]", 4, "expected 'NAME: VALUE'"),
        ("format_version: 3\nstages:\n- transform: a\n  options:\n    b: !c d", 5, "understood"),
        ("format_version: 3\nstages:\n- transform: a\n  options: {num_workers: 2}", 4, "at use"),
        ("format_version: 3\nstages:\n- {filter: a, transform: b}", 3, "not known here"),
        ("format_version: 3\nstages:\n- filter: a\n  mode: all", 4, "expected one of items"),
        ("format_version: 3\nstages:\n- filter: a\n  params: {}", 4, "not known here"),
        ("format_version: 3\nformat_version: 3", 2, "duplicate key"),
        ("format_version: 3\nsources: [", 2, "correct it"),
        ("format_version: 3\n\tx: 1", 2, "correct it"),
        ("a: \0", 1, "no YAML"),
        ("[\n" * 100_000, 1, "no YAML"),
    ],
)
def test_mistakes_are_told_with_file_line_and_remedy(text: str, line: int, told: str):
    with pytest.raises(ProjectConfigError) as caught:
        read(text)

    assert caught.value.line == line
    assert str(caught.value).startswith(f"project.yml: line {line}: ")
    assert told in str(caught.value) and caught.value.remedy


def test_aliases_that_blow_up_are_refused():
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"]
    lines += [f"        a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 15)]
    text = "format_version: 3\nsources:\n  s:\n    format: voc\n    options:\n      o:\n        "

    with pytest.raises(ProjectConfigError, match="cannot be understood"):
        read(text + "\n".join(lines))


def test_a_file_that_is_no_text(tmp_path: Path):
    path = tmp_path / "project.yml"
    path.write_bytes(b"format_version: 3\nsources: {}\n# \xff\n")
    with pytest.raises(ProjectConfigError, match=r"line 3: it is not UTF-8"):
        Configuration.from_file(path)

    path.write_bytes(b"#" * (1 << 21))
    with pytest.raises(ProjectConfigError, match="more than"):
        Configuration.from_file(path)

    path.unlink()
    with pytest.raises(ProjectError, match="cannot be read"):
        Configuration.from_file(path)


def test_a_byte_order_mark_does_not_matter():
    assert Configuration.from_bytes(b"\xef\xbb\xbfformat_version: 3\n", "x").sources == {}


def test_no_key_is_ever_written_or_shown():
    key = generate_key()
    configuration = Configuration.new("project.yml")
    configuration.set_source(Source("a", "voc", options={"label": key}))
    with pytest.raises(ProjectError) as caught:
        _ = configuration.text
    assert key not in str(caught.value)

    text = f"format_version: 3\nsources: {{a: {{format: c, options: {{encryption_key: {key}}}}}}}"
    with pytest.raises(ProjectConfigError) as caught:
        read(text)
    assert key not in str(caught.value)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab: #", min_size=1), inner)
    ),
    max_leaves=8,
)
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)
names = st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,8}[a-z0-9]", fullmatch=True).filter(
    lambda name: name not in ("project", "dataset", "build")
)


@given(names, words, st.dictionaries(st.sampled_from(["a", "b"]), plain), words)
def test_whatever_is_written_is_read_again(
    name: str, origin: str, options: dict[str, Any], expression: str
):
    source = Source(
        name, "voc", "", origin, options, (FilterStage(expression, mode="annotations"),)
    )
    configuration = Configuration.new("x")
    configuration.set_source(source)

    assert read(configuration.text).sources == {name: source}
