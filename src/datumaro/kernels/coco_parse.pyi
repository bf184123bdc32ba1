from collections.abc import Sequence

from datumaro.table.schema import Array

INSTANCES: int
KEYPOINTS: int
CAPTIONS: int
LABELS: int
IMAGE_INFO: int

DONE: int
MORE: int
PROBLEM: int
FATAL: int

class Parser:
    raw: dict[str, bytes]
    problem: tuple[str, str, int, bool]
    skipped: list[int]
    skipped_images: list[int]
    has_images: bool
    has_annotations: bool
    n_nonfinite: int
    n_empty: int
    n_images: int
    n_objects: int
    n_rows: int
    ended: bool
    place: str

    def __init__(self, task: int) -> None: ...
    def free(self) -> None: ...
    def begin_within(self) -> None: ...
    def append(self, other: Parser) -> bool: ...
    def feed(self, data: Array | bytes | bytearray, begin: int, end: int) -> tuple[int, int]: ...
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

def item_texts(
    names: Array,
    offsets: Array,
    image_ids: Array,
    rest: Array,
    rest_offsets: Array,
    prefix: bytes,
) -> tuple[tuple[Array, Array], tuple[Array, Array], tuple[Array, Array], Sequence[int]]: ...
