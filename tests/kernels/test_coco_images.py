"""Texts of COCO's images, read and to write."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from datumaro.kernels.coco_images import image_ids, image_texts, item_texts

NO_REST = np.zeros(0, np.uint8), np.zeros(2, np.int64)


def texts_of(*values: str) -> tuple[Any, Any]:
    """A column of texts as (offsets, bytes)."""
    encoded = [value.encode() for value in values]
    offsets = np.cumsum([0, *map(len, encoded)])
    return offsets, np.frombuffer(b"".join(encoded), np.uint8)


@pytest.mark.parametrize(
    "name, item",
    [
        ("a.jpg", "a"), ("a.b.jpg", "a.b"), ("dir/a.jpg", "dir/a"), ("dir.d/a", "dir.d/a"),
        (".hidden", ".hidden"), ("dir/.hidden", "dir/.hidden"), ("猫.png", "猫"), ("a.", "a"),
        ("..", ".."), ("dir/..a", "dir/..a"),
    ],
)  # fmt: skip
def test_item_ids_are_names_without_extensions(name: str, item: str):
    names = np.frombuffer(name.encode(), np.uint8)
    ids, attributes, paths, _ = item_texts(
        names, np.array([0, len(names)]), np.array([42]), *NO_REST, b"/images/"
    )
    assert ids[1].tobytes().decode() == item
    assert json.loads(attributes[1].tobytes()) == {"id": 42}
    assert paths[1].tobytes().decode() == "/images/" + name


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../a.jpg", "dir/../../a.jpg", "C:a.jpg", "a\0b.jpg"]
)
def test_names_that_might_lead_out_are_told(name: str):
    names = np.frombuffer(name.encode(), np.uint8)
    *_, odd = item_texts(names, np.array([0, len(names)]), np.array([1]), *NO_REST, b"")
    assert list(odd) == [0]


def test_image_ids_are_integers_under_id():
    texts = ["", '{"id":7}', '{"id":"7"}', '{"x":{"id":1},"id":-2}', '{"id":1.0}', '{"id":3,"y":1}']
    ids, known, more = image_ids(*texts_of(*texts))
    assert known.tolist() == [False, True, False, True, False, True]
    assert ids[known].tolist() == [7, -2, 3]
    assert more.tolist() == [False, False, True, True, True, True]


def test_images_are_printed():
    offsets, names = texts_of('a "b".jpg', "猫.png")
    sizes = np.array([[4, 0], [6, 0]], np.int32)
    texts = texts_of("", '{"id":8,"license":3,"width":9,"x":{"y":"1"}}')
    text = image_texts(offsets, names, np.array([7, 8]), sizes[0], sizes[1], *texts)
    first, second = json.loads(b"[" + text[:-1] + b"]")
    assert first | {"id": 7, "width": 6, "height": 4, "file_name": 'a "b".jpg'} == first
    assert first["license"] == 0
    assert second == {
        "id": 8, "width": 0, "height": 0, "file_name": "猫.png", "license": 3, "x": {"y": "1"},
    }  # fmt: skip
