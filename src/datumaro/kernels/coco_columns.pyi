from datumaro.table.schema import Array

class Columns:
    n_images: int
    n_objects: int
    n_rows: int
    n_empty: int

    def free(self) -> None: ...
    def images(self) -> tuple[Array, Array, Array, Array, Array, Array]: ...
    def objects(self) -> tuple[Array, Array, Array]: ...
    def totals(self) -> tuple[int, int, int, int]: ...
    def points_only(self, chosen: Array) -> None: ...
    def count(self, items: Array, counts: Array) -> None: ...
    def place_rows(self, items: Array, free: Array) -> Array: ...
    def fill(
        self,
        first: Array,
        object_labels: Array,
        kinds: Array,
        ids: Array,
        labels: Array,
        areas: Array,
        attributes: Array,
        points: Array,
        visibility: Array | None = None,
        rles: Array | None = None,
        mask_sizes: Array | None = None,
        texts: Array | None = None,
        *,
        begin: int = 0,
        end: int | None = None,
    ) -> None: ...
    def copy(
        self,
        first: Array,
        attribute_offsets: Array,
        attributes: Array,
        point_offsets: Array,
        points: Array,
        visibility_offsets: Array | None = None,
        visibility: Array | None = None,
        rle_offsets: Array | None = None,
        rles: Array | None = None,
        text_offsets: Array | None = None,
        texts: Array | None = None,
        *,
        begin: int = 0,
        end: int | None = None,
    ) -> None: ...
