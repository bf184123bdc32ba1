from datumaro.table.schema import Array

def bad_parts(
    types: Array,
    point_ends: Array,
    seen_ends: Array,
    seen: Array,
    coordinates: Array,
    points: int,
) -> int: ...
