"""A data set of several kinds of annotations."""

import random

import datumaro as dm


def dataset(n=40, subset="default"):
    """Items with none to three annotations of several kinds."""
    drawn = random.Random(n)
    made = [
        lambda i: dm.Polygon([i, 0, i + 4.25, 0, i, 8.5], label=i % 2, id=i, group=i),
        lambda i: dm.Bbox(i, 0, 4, 8, label=i % 2, attributes={"crowd": i % 2 == 0}),
        lambda i: dm.Caption(f"ü {i}"),
        lambda i: dm.RleMask({"counts": b"04", "size": [2, 2]}, label=1),
        lambda i: dm.Points([1, 2, 3, 4], [2, 1]),
    ]
    items = [
        dm.DatasetItem(
            f"{i:03}",
            subset=subset,
            media=dm.Image.from_file(f"{i:03}.jpg" if i % 3 else f"other/{i}.png"),
            annotations=[drawn.choice(made)(i) for _ in range(i % 4)],
            attributes={"n": i} if i % 5 else {},
        )
        for i in range(n)
    ]
    return dm.Dataset.from_iterable(items, categories=["cat", "dog"])
