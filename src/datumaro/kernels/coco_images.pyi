from collections.abc import Sequence

from datumaro.table.schema import Array

def item_texts(
    names: Array,
    offsets: Array,
    image_ids: Array,
    rest: Array,
    rest_offsets: Array,
    prefix: bytes,
) -> tuple[tuple[Array, Array], tuple[Array, Array], tuple[Array, Array], Sequence[int]]: ...
def image_ids(offsets: Array, attributes: Array) -> tuple[Array, Array, Array]: ...
def image_texts(
    name_offsets: Array,
    names: Array,
    image_ids: Array,
    heights: Array,
    widths: Array,
    offsets: Array,
    attributes: Array,
) -> bytes: ...
