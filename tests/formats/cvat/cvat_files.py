"""Small files of CVAT for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datumaro as dm
from format_files import make, read

LABELS = """<labels>
<label><name>cat</name><color>#ff0010</color><attributes>
<attribute><name>good</name><input_type>checkbox</input_type><values>false</values></attribute>
<attribute><name>age</name><input_type>number</input_type><values>0;10;1</values></attribute>
<attribute><name>color</name><input_type>select</input_type><values>red
blue</values></attribute>
</attributes></label>
<label><name>dog</name><attributes></attributes></label>
<label><name>body</name><type>skeleton</type><attributes></attributes></label>
<label><name>nose</name><type>points</type><attributes></attributes><parent>body</parent></label>
</labels>"""


def file(content: str, meta: str = f"<task><name>x</name>{LABELS}</task>") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        f"<meta>{meta}</meta>\n{content}\n</annotations>\n"
    )


def in_image(content: str) -> str:
    return file(f'<image id="3" name="a.png" width="8" height="6">\n{content}\n</image>')


def read_one(root: Path, content: str) -> dm.DatasetItem:
    """The item of an image with some shapes."""
    (item,) = read(make(root, {"train.xml": in_image(content)}), "cvat")
    return item


def annotation(root: Path, content: str) -> Any:
    (found,) = read_one(root, content).annotations
    return found
