"""`Recent` keeps what was asked for last."""

import numpy as np
import pytest

from datumaro.formats.datumaro_binary.parquet.recent import Recent


def test_recent_keeps_the_last_however_large():
    made = []
    recent = Recent(10)

    def make(key):
        made.append(key)
        return np.zeros(key, np.uint8)

    for key in (4, 5, 4, 30, 4):
        recent.get(key, make)
    assert made == [4, 5, 30, 4]
    assert (len(recent), recent.nbytes) == (1, 4)


def test_recent_makes_anew_what_could_not_be_made():
    recent = Recent(10)

    def fail(key):
        raise OSError("no")

    for _ in range(2):
        with pytest.raises(OSError, match="no"):
            recent.get(1, fail)
    assert len(recent) == 0
    assert len(recent.get(1, np.zeros)) == 1
