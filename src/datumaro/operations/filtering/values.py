"""Leaf elements: their names, and their values, column by column."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from datumaro.table.schema import Array


@dataclass(frozen=True)
class Numbers:
    """Numbers, integers or doubles; their texts are Python's."""

    values: Array

    def texts(self) -> list[str]:
        """The text of each."""
        return list(map(str, self.values.tolist()))

    def numbers(self) -> Array:
        """Each as a double, float64 [n]; NaN for what no number's text is."""
        values = self.values.astype(np.float64)
        return np.where(np.isfinite(values), values, np.nan)

    def equal(self, text: str) -> Array:
        """Which have that text, bool [n]."""
        number = parse_number(text) if len(text) < 40 else math.nan
        if self.values.dtype.kind == "f":
            if str(number) == text and math.isfinite(number):  # -0.0 is another text than 0.0
                signs = np.signbit(self.values) == np.signbit(number)
                return (self.values == number) & signs
        elif math.isfinite(number) and text.lstrip("-").isdigit() and str(int(text)) == text:
            return self.values == int(text)
        return np.zeros(len(self.values), bool)

    def take(self, rows: Array) -> Numbers:
        """Some of them."""
        return Numbers(self.values[rows])


@dataclass(frozen=True)
class Words:
    """Texts: value i is ``names[codes[i]]``."""

    codes: Array
    names: list[str]

    def texts(self) -> list[str]:
        """The text of each."""
        names = self.names
        return [names[code] for code in self.codes.tolist()]

    def numbers(self) -> Array:
        """Each as a double, float64 [n]; NaN for what no number's text is."""
        return np.array([parse_number(name) for name in self.names] or [0.0])[self.codes]

    def equal(self, text: str) -> Array:
        """Which have that text, bool [n]."""
        return np.array([name == text for name in self.names] or [False])[self.codes]

    def take(self, rows: Array) -> Words:
        """Some of them."""
        return Words(self.codes[rows], self.names)


@dataclass(frozen=True)
class Leaf:
    """Elements of a name: ``owners`` are the rows of their parents, rising."""

    owners: Array
    values: Numbers | Words


_NUMBER = re.compile(r"[ \t\r\n]*-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[ \t\r\n]*", re.ASCII)


def parse_number(text: str) -> float:
    """XPath's number of a text; with exponents, as libxml2 reads them."""
    return float(text) if _NUMBER.fullmatch(text) else math.nan


# https://www.w3.org/TR/xml/#NT-NameStartChar, without ":", which is for namespaces
_STARTS = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NO_START = re.compile(f"[^{_STARTS}]")
_NOT_IN_NAMES = re.compile(f"[^{_STARTS}\\-.0-9\xb7\u0300-\u036f\u203f-\u2040]")


def element_name(name: str) -> str:
    """The element's name of an attribute: ``-`` for what no name has, such as spaces.

    ``_`` comes first where something stands that no name begins with, such as a digit.
    """
    name = _NOT_IN_NAMES.sub("-", name)
    return f"_{name}" if not name or _NO_START.match(name) else name
