"""Options of an export to PASCAL VOC."""

from __future__ import annotations

from dataclasses import dataclass

from datumaro.formats.dataset_meta import MetaWriteOptions
from datumaro.options import option


@dataclass(frozen=True, kw_only=True)
class VocWriteOptions(MetaWriteOptions):
    """Options of an export to PASCAL VOC."""

    apply_colormap: bool = option(
        True, "paint masks in colours; otherwise their pixels are indices"
    )
    label_map: str = option(
        "source",
        "labels and colours: source (the data set's own), a label map file, or the name of a "
        "format of the family for the challenge's",
        metavar="SOURCE|FILE|NAME",
    )
    allow_attributes: bool = option(True, "write attributes that VOC itself does not have")
    keep_empty: bool = option(False, "write lists that have no items, too")
