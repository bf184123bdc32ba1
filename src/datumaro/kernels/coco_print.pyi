from datumaro.table.schema import Array

class Printer:
    n_items: int
    n_objects: int

    def __init__(
        self,
        rows: Array,
        kinds: Array,
        ids: Array,
        groups: Array,
        labels: Array,
        heights: Array,
        widths: Array,
        areas: Array,
        attributes: tuple[Array, Array],
        points: tuple[Array, Array],
        visibility: tuple[Array, Array],
        rles: tuple[Array, Array],
        texts: tuple[Array, Array],
    ) -> None: ...
    def group(self) -> None: ...
    def first_rows(self) -> Array: ...
    def mixed_objects(self) -> list[list[int]]: ...
    def parts(self) -> Array: ...
    def objects(
        self,
        chosen: Array,
        ids: Array,
        image_ids: Array,
        category_ids: Array,
        keypoints: bool,
        attributes: bool,
    ) -> memoryview: ...
    def captions(
        self, chosen: Array, ids: Array, images: Array, attributes: bool
    ) -> memoryview: ...
    def label_annotations(
        self, chosen: Array, ids: Array, images: Array, category_ids: Array, attributes: bool
    ) -> memoryview: ...
