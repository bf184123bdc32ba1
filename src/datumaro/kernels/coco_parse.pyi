from datumaro.kernels.coco_columns import Columns
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

class Parser(Columns):
    raw: dict[str, bytes]
    problem: tuple[str, str, int, bool]
    skipped: list[int]
    skipped_images: list[int]
    has_images: bool
    has_annotations: bool
    n_nonfinite: int
    ended: bool
    place: str

    def __init__(self, task: int) -> None: ...
    def begin_within(self) -> None: ...
    def append(self, other: Parser) -> bool: ...
    def feed(self, data: Array | bytes | bytearray, begin: int, end: int) -> tuple[int, int]: ...
