from typing import TypeVar, overload

from datumaro.table.schema import Array

L = TypeVar("L", bound=list[float])

class FloatLists:
    def __init__(self, offsets: Array, values: Array) -> None: ...
    @overload
    def row(self, row: int) -> list[float]: ...
    @overload
    def row(self, row: int, kind: type[L]) -> L: ...
