"""The size in the first bytes of a file: the same as by looking at the whole, or not told."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, strategies as st
from PIL import Image as PILImage

from datumaro.model.image_header import read_size, size_in


def written(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    PILImage.new("RGB", (70, 31)).save(file, kind, **options)
    return file.getvalue()


WHOLE = {
    "JPEG": written("JPEG"),
    "progressive JPEG": written("JPEG", progressive=True),
    "JPEG with a comment": written("JPEG", comment=b"c" * 500),
    "PNG": written("PNG"),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_it_is_told_in_the_first_bytes(kind: str):
    assert size_in(WHOLE[kind][:1024]) == (31, 70)


@pytest.mark.parametrize("data", [b"", written("GIF"), written("JPEG", comment=b"c" * 2000)[:1024]])
def test_it_is_not_told(data: bytes):
    assert size_in(data) is None


segments = st.builds(
    lambda marker, length, rest: struct.pack(">BBH", 0xFF, marker, length) + rest,
    st.integers(0xC0, 0xFF),
    st.integers(0, 12),
    st.binary(max_size=10),
)


@given(st.sampled_from([b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b""]), st.lists(segments, max_size=4))
def test_it_says_nothing_else_than_a_look_at_the_file(begin: bytes, parts: list[bytes]):
    data = begin + b"".join(parts)
    told = size_in(data)
    assert told is None or told == read_size(io.BytesIO(data))


@pytest.mark.parametrize("kind", WHOLE)
def test_any_cut(kind: str):
    data = WHOLE[kind]
    for end in range(min(len(data), 800)):
        assert size_in(data[:end]) in (None, (31, 70))
