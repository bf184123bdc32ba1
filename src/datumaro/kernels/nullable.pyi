from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Integer = TypeVar("_Integer", np.int32, np.int64)
_Number = TypeVar("_Number", np.uint8, np.int32, np.int64)

def filled(
    values: NDArray[_Integer], valid: NDArray[np.uint8] | None, first: int, missing: int
) -> NDArray[_Integer]:
    """Values, with ``missing`` for nulls. The GIL is released, in the others, too.

    Parameters
    ----------
    values : int32 or int64 [n].
    valid, first : Arrow's validity bits, lowest first, and the number of the first value's; None
        when there are no nulls.

    Raises
    ------
    ValueError
        There are fewer bits than values, or arrays of different lengths.
    """

def filled_from(
    values: NDArray[_Integer],
    valid: NDArray[np.uint8] | None,
    first: int,
    others: NDArray[_Integer],
) -> NDArray[_Integer]:
    """Values, with those of ``others`` [n] for nulls."""

def filled_before(
    values: NDArray[_Integer],
    valid: NDArray[np.uint8] | None,
    first: int,
    which: NDArray[np.uint8],
    missing: int,
) -> NDArray[_Integer]:
    """Values; a null is the value before it where ``which`` (uint8 [n]) says so, or ``missing``."""

def nulls_are_empty(
    offsets: NDArray[np.int64], valid: NDArray[np.uint8] | None, first: int
) -> bool:
    """Whether texts that are null have no bytes: those between ``offsets`` (int64 [n + 1])."""

def validity(values: NDArray[_Number], missing: int) -> tuple[int, NDArray[np.uint8]]:
    """(How many values are ``missing``, Arrow's validity bits without them)."""

def validity_of_others(
    values: NDArray[_Integer], others: NDArray[_Integer]
) -> tuple[int, NDArray[np.uint8]]:
    """(How many values are those of ``others`` [n], the validity bits without them)."""

def validity_of_texts(offsets: NDArray[np.int64]) -> tuple[int, NDArray[np.uint8]]:
    """(How many texts between ``offsets`` [n + 1] are empty, the validity bits without them)."""

def has_another(values: NDArray[_Number], missing: int) -> bool:
    """Whether any value is not ``missing``."""

def has_number(values: NDArray[np.float64]) -> bool:
    """Whether any value is not NaN."""

def are_others(values: NDArray[_Number], others: NDArray[_Number]) -> bool:
    """Whether any value is not that of ``others`` [n]."""
