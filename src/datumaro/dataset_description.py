"""A data set as text, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it knows this module
    from datumaro.dataset import Dataset


def description(dataset: Dataset) -> str:
    """Lines that tell what a data set is, and how much there is of it."""
    lines = [
        f"size={len(dataset)}",
        f"source_path={dataset.data_path}",
        f"media_type={dataset.media_type().__name__}",
        f"ann_types={sorted(t.name for t in dataset.ann_types())}",
        f"annotated_items_count={dataset.get_annotated_items()}",
        f"annotations_count={dataset.get_annotations()}",
        "subsets",
        *(f"\t{line}" for line in dataset.get_subset_info().splitlines()),
        "infos",
        *(f"\t{line}" for line in dataset.get_infos()),
        "categories",
        *(f"\t{line}" for line in dataset.get_categories_info()),
    ]
    return "Dataset\n" + "\n".join(f"\t{line}" for line in lines)
