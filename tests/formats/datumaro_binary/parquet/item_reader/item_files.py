"""Small data sets of Parquet storage, in row groups of two items."""

import numpy as np
import pytest

import datumaro as dm
from datumaro.crypto import generate_key
from datumaro.formats.datumaro_binary.parquet import writing

KEY = generate_key()


def dataset(n=11, subsets=("train", "val")):
    items = [
        dm.DatasetItem(
            f"{i}",
            subset=subset,
            media=dm.Image.from_numpy(np.full((4, 6, 3), 10 * (i % 20), np.uint8), ext=".png"),
            annotations=[dm.Polygon([i, 0, i + 4.25, 0, i, 8], label=0), dm.Caption(f"{i}")],
            attributes={"n": i},
        )
        for subset in subsets
        for i in range(n)
    ]
    return dm.Dataset.from_iterable(items, categories=["cat"], infos={"by": "me"})


def export(folder, made=None, **options):
    """In row groups of two items."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "ROW_GROUP", 2)
        made = made or dataset()
        made.export(folder, "datumaro_binary", storage="parquet", save_media=True, **options)
    return folder


def read(folder, **options):
    return dm.Dataset.import_from(folder, "datumaro_binary", **options)


def files(folder):
    return sorted((folder / "annotations").glob("*.datum"))


def ids(items):
    return [(item.subset, item.id) for item in items]


def looked_at(reader, k):
    """What a worker makes of an item: all of it, and its picture."""
    item = reader[k]
    return item.id, item.subset, [a.type.name for a in item.annotations], int(item.media.data.sum())


def seen(dataset):
    return [looked_at(dataset, k) for k in range(len(dataset))]
