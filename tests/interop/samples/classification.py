"""Images with labels alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import datumaro as dm

from .parts import ODD_IDS


def flags(media: Path) -> Any:
    """Labels of images."""
    ids = [item_id for item_id in ODD_IDS if "/" not in item_id]
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="train",
                media=dm.Image.from_file(path=str(media / "a.jpg"), size=(6, 8)),
                annotations=[dm.Label(label) for label in range(number % 3)],
            )
            for number, item_id in enumerate(ids)
        ],
        categories=["cat", "a dog", "猫"],
    )


def folders_of_labels(media: Path) -> Any:
    """Images with one label each, that the ids name, or none; all labels in both subsets."""
    ids = ("cat:1", "dog:with space", "no_label:x", "cat:ünï.cödé", "dog:1")
    return labelled(media, ids, [[0], [1], [], [0], [1]], ["cat", "dog"])


def listed_labels(media: Path) -> Any:
    """Images with several labels or none (their lists cannot hold quotes)."""
    ids = [item_id for item_id in ODD_IDS if '"' not in item_id]
    return labelled(media, ids, [[0], [1, 2], [], [3], [0], [], [2]], ["cat", "a dog", "x", "猫"])


def small_images(media: Path) -> Any:
    """Gray images of MNIST's size with a label each, or none."""
    return pixels_with_labels(
        lambda n: np.full((28, 28), n, np.uint8), ["0", "0", "with space", "x/y"]
    )


def small_color_images(media: Path) -> Any:
    """Images of CIFAR's size with a label each."""
    return pixels_with_labels(lambda n: np.full((32, 32, 3), n, np.uint8), ["a", "b", "c", "d"])


def pixels_with_labels(pixels: Callable[[int], Any], ids: Sequence[str]) -> Any:
    """Images in memory, in two subsets, which are stored in the order of their names."""
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="test" if number % 2 else "train",
                media=dm.Image.from_numpy(data=pixels(number)),
                annotations=[dm.Label(number % 3)] if number < 3 else [],
            )
            for number, item_id in enumerate(ids)
        ],
        categories=["cat", "a dog", "猫"],
    )


def labelled(media: Path, ids: Any, labels: list[list[int]], names: list[str]) -> Any:
    """Images with labels, in two subsets."""
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                item_id,
                subset="val" if number > 2 else "train",
                media=dm.Image.from_file(path=str(media / "a.jpg")),
                annotations=[dm.Label(label) for label in of_item],
            )
            for number, (item_id, of_item) in enumerate(zip(ids, labels, strict=True))
        ],
        categories=names,
    )
