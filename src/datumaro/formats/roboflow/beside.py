"""What Roboflow's layouts with images beside their annotations have in common."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from datumaro.formats.base import ReadOptions
from datumaro.formats.columns import ChunkColumns
from datumaro.formats.files import images_below
from datumaro.paths import join_inside, split_extension


def add_item(
    columns: ChunkColumns, folder: Path, name: str, place: str, options: ReadOptions
) -> None:
    """Append the item whose image is named, which need not be there.

    Parameters
    ----------
    folder : the subset's.
    place : where it is named, for messages.

    Raises
    ------
    PathOutsideDatasetError
        It leads outside.
    """
    path = join_inside(folder, name, what=place, allow_external=options.allow_external_media)
    item_id = split_extension(name)[0]
    columns.add_item(item_id, folder.absolute().name, path)


def add_unnamed(columns: ChunkColumns, folder: Path, named: Collection[str]) -> None:
    """Append the items of the images in a folder that no annotation names: background."""
    stems = {split_extension(name)[0] for name in named}
    subset = folder.absolute().name
    for name in images_below(os.fspath(folder)):
        item_id = split_extension(name)[0]
        if item_id not in stems:
            stems.add(item_id)
            columns.add_item(item_id, subset, f"{folder}/{name}")
