"""Make docs/formats/index.md, the reference of all formats, from what they declare.

python docs/make_formats.py            write it
python docs/make_formats.py --check    fail if it is stale
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datumaro.formats import registry
from datumaro.formats.base import Format, ReadOptions, WriteOptions
from datumaro.formats.capabilities import PLURALS, Capabilities, Held
from datumaro.formats.summary import FormatSummary, OptionSummary, summarize

PAGES = Path(__file__).parent / "formats"
TARGET = PAGES / "index.md"

HEAD = """<!-- Made by docs/make_formats.py from what the formats declare; do not edit it. -->

# All formats

What each format reads, writes and holds, and its options. `datum formats` prints the table,
`datum format NAME` the options of one.

- *reads*, *writes*: a dash where it does not. *annotations*: the kinds that are held; those with an
  asterisk are written with an option only; `all` are all that there are.
- What a format does not hold is counted, and told in a warning, when a data set is written in it.
- Options of imports are `--import-option NAME=VALUE` on the command line, options of exports follow
  after `--`. In Python both are keywords of `Dataset.import_from` and `Dataset.export`.
"""


def page() -> str:
    """The page's text."""
    kinds = [registry.get(name) for name in registry.own_names()]
    summaries = [summarize(kind) for kind in kinds]
    lines = [HEAD, *_table(summaries), ""]
    lines += ["## Options of all formats", "", *_common_options()]
    for kind, summary in zip(kinds, summaries, strict=True):
        lines += [*_section(kind, summary), ""]
    return "\n".join(lines)


def _table(summaries: list[FormatSummary]) -> Iterator[str]:
    yield "| format | reads | writes | annotations | what it is |"
    yield "|---|---|---|---|---|"
    for one in summaries:
        does = ["yes" if can else "-" for can in (one.reads, one.writes)]
        kinds = one.kinds.replace("*", "\\*").replace("?", "not declared")
        yield f"| [{one.name}](#{one.name}) | {' | '.join(does)} | {kinds} | {_cell(one.title)} |"


def _common_options() -> Iterator[str]:
    for heading, kind in (("import", ReadOptions), ("export", WriteOptions)):
        names = [field.name for field in dataclasses.fields(kind)]
        options = [o for name in registry.own_names() for o in _options(name, heading)]
        common = {o.name: o for o in options if o.name in names}
        yield from _option_table(heading, [common[name] for name in names])
        yield ""


def _options(name: str, heading: str) -> tuple[OptionSummary, ...]:
    one = summarize(registry.get(name))
    return one.read_options if heading == "import" else one.write_options


def _section(kind: Format, one: FormatSummary) -> Iterator[str]:
    """One format."""
    yield f"## {one.name}"
    yield ""
    link = _page_of(one)
    more = f" See [its page]({link})." if link else ""
    yield f"{one.title.rstrip('.')}.{more}"
    notes: list[str] = []
    if not one.writes:
        notes.append("It is only read.")
    if not one.reads:
        notes.append(f"It is only written; `{one.read_by}` reads it.")
    if one.reads and not one.detected:
        notes.append("It is not detected by itself: name it.")
    if one.part_of:
        notes.append(f"It is part of [{one.part_of}](#{one.part_of}), which is detected instead.")
    if notes:
        yield ""
        yield " ".join(notes)
    if kind.holds is not None:
        yield ""
        yield from _holds(kind.holds, one)
    for heading, options, common in (
        ("import", one.read_options, ReadOptions),
        ("export", one.write_options, WriteOptions),
    ):
        shared = {field.name for field in dataclasses.fields(common)}
        own = [option for option in options if option.name not in shared]
        if own:
            yield ""
            yield from _option_table(heading, own)


def _option_table(heading: str, options: list[OptionSummary]) -> Iterator[str]:
    yield f"| option of the {heading} | default | |"
    yield "|---|---|---|"
    for option in options:
        words = f" ({', '.join(f'`{word}`' for word in option.choices)})" if option.choices else ""
        yield f"| `{option.name}` | {_default(option.default)} | {_cell(option.help)}{words} |"


def _default(value: Any) -> str:
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


# --- what is held -------------------------------------------------------------------------------


def _holds(holds: Capabilities, one: FormatSummary) -> Iterator[str]:
    """What a format holds, as a list."""
    for kind, held in sorted(holds.annotations.items()):
        becomes = [PLURALS[k] for k, v in holds.becomes.items() if v is kind]
        also = f"; {' and '.join(becomes)} become such" if becomes else ""
        yield f"- {PLURALS[kind]}: {_held(held)}{also}"
    for name, option in one.with_option.items():
        yield f"- {name}, with the option `{option}`"
    yield f"- {'; '.join(_of_items(holds))}"
    yield f"- {'; '.join(_of_labels(holds))}"


def _held(held: Held) -> str:
    """What is kept of a kind."""
    words = {
        "optional": "with or without a label",
        "some": "some without a label",
        "required": "with a label",
        "none": "without labels",
    }
    parts = [words[held.label], _attributes("attributes", held.attributes, held.names)]
    parts += [
        text
        for text, kept in (
            ("ids", held.ids),
            ("groups", held.groups == "any"),
            ("groups of the parts of an object", held.groups == "objects"),
            ("some groups", held.groups == "some"),
            ("object ids", held.object_ids),
            ("z orders", held.z_order),
            (f"at most {held.most} of an item", held.most is not None),
            ("whole pixels", held.digits == 0),
            ("one decimal", held.digits == 1),
            ("bounding boxes beside them", held.boxed),
            ("pixels of one mask only", not held.overlap),
            ("those of one label become one", held.merged),
        )
        if kept
    ]
    return ", ".join(part for part in parts if part)


def _attributes(what: str, kept: str, names: Any) -> str:
    listed = ", ".join(f"`{name}`" for name in sorted(names))
    words = {
        "json": f"all {what}",
        "text": f"{what} that are text, numbers, yes or no",
        "flags": f"{what} that are yes or no",
    }
    if kept != "none":
        return words[kept]
    return f"{what} {listed}" if listed else ""


def _of_items(holds: Capabilities) -> Iterator[str]:
    media = ", ".join(kind.name.lower().replace("_", " ") for kind in sorted(holds.media))
    yield f"media: {media}" + (", without which an item is not kept" if holds.media_needed else "")
    if holds.subsets is True:
        yield "subsets"
    elif holds.subsets:
        yield f"the subsets {', '.join(holds.subsets)}"
    else:
        yield "no subsets"
    attributes = _attributes("item attributes", holds.item_attributes, holds.item_names)
    if attributes:
        yield attributes
    if holds.annotations_needed:
        yield "items with annotations only"
    if not holds.nested_ids:
        yield "ids without folders"
    if holds.infos:
        yield "infos" if holds.infos is True else f"the infos {', '.join(holds.infos)}"


def _of_labels(holds: Capabilities) -> Iterator[str]:
    if holds.labels == "none":
        yield "no names of labels"
        return
    words = {"all": "all labels", "used": "labels that annotations have"}
    yield f"{len(holds.label_names)} labels" if holds.label_names else words[holds.labels]
    if not holds.label_order:
        yield "in another order"
    kept = [
        text
        for text, is_kept in (
            ("parents", holds.label_parents),
            ("names of attributes", holds.label_attributes),
            ("groups", holds.label_groups),
            ("colours", holds.colors),
            ("names of key points", holds.key_points),
        )
        if is_kept
    ]
    if kept:
        yield f"with {', '.join(kept)}"


# --- pages --------------------------------------------------------------------------------------


def _page_of(one: FormatSummary) -> str:
    """The page that is about a format; "" for none."""
    pages = {path.stem: path for path in sorted(PAGES.glob("*.md")) if path != TARGET}
    if one.name in pages:
        return f"{one.name}.md"
    about = [stem for stem, path in pages.items() if f"`{one.name}`" in path.read_text("utf-8")]
    alike = [stem for stem in about if one.name.startswith(f"{stem}_")]
    best = max(alike, key=len, default=next(iter(about), ""))
    return f"{best}.md" if best else ""


def main() -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if it is stale")
    args = parser.parse_args()
    text = page()
    if args.check:
        if TARGET.is_file() and TARGET.read_text("utf-8") == text:
            return 0
        print(f"{TARGET} is stale; run: python docs/make_formats.py", file=sys.stderr)
        return 1
    TARGET.write_text(text, "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
