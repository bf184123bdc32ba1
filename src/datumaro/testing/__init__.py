"""Tests for every format, shipped for those who write one (``pip install datumaro[testing]``).

A test module derives a class and names the format::

    from datumaro.testing import FormatConformance

    class TestMyFormat(FormatConformance):
        format = "my_format"

What a format can hold is what it declares in `Format.holds`; `datumaro.testing.strategies` has the
data sets that the tests are made with. pytest and hypothesis are needed here and nowhere else.
"""

import pytest

pytest.register_assert_rewrite("datumaro.testing.conformance")

from datumaro.testing.conformance import FormatConformance  # noqa: E402

__all__ = ["FormatConformance"]
