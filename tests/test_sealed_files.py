"""Encrypted files that can be read from the middle."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, ClassVar

import numpy as np
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, strategies as st

from datumaro.errors import DamagedTokenError
from datumaro.sealed_files import (
    CHUNK_BITS,
    HEADER,
    SEAL,
    SealedFiles,
    SealedReader,
    plain_size,
    sealed_size,
)

NAME = "images/train/a.jpg"
BITS = 4  # small chunks, so that small files have many
CHUNK = 1 << BITS
FILES = SealedFiles(bytes(range(32)), BITS)

around_chunks = st.integers(0, 5).flatmap(
    lambda n: st.integers(max(0, n * CHUNK - 2), n * CHUNK + 2)
)


def content(size: int) -> bytes:
    """Bytes of which no two chunks are the same."""
    return np.arange(size, dtype=np.uint32).astype(">u4").tobytes()[:size] if size else b""


def sealed(data: bytes, name: str = NAME, cipher: SealedFiles = FILES) -> tuple[bytes, bytes]:
    target = io.BytesIO()
    seal = cipher.encrypt_file(io.BytesIO(data), target, name)
    return target.getvalue(), seal


def opened(
    stored: bytes, seal: bytes | None, name: str = NAME, cipher: SealedFiles = FILES
) -> bytes:
    with cipher.opener(name, seal).open(io.BytesIO(stored), "the picture") as file:
        return file.read()


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(DamagedTokenError, match=r"^the picture: "):
        yield


class Trickle(io.BytesIO):
    """A file that gives a few bytes at a time, as pipes and sockets do, and counts them."""

    given = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(min(size, 5) if size and size > 0 else size)
        self.given += len(data)
        return data


# --- what goes through --------------------------------------------------------------------------


@given(size=around_chunks, with_seal=st.booleans())
def test_any_size_comes_back(size: int, with_seal: bool):
    data = content(size)
    stored, seal = sealed(data)
    assert len(stored) == sealed_size(size, BITS)
    assert plain_size(len(stored), BITS) == size
    assert len(seal) == SEAL
    assert opened(stored, seal if with_seal else None) == data


@given(
    size=around_chunks,
    places=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), min_size=1, max_size=6),
)
def test_any_range_can_be_read(size: int, places: list[tuple[int, int]]):
    data = content(size)
    stored, seal = sealed(data)
    plain = io.BytesIO(data)
    with FILES.opener(NAME, seal).open(Trickle(stored)) as file:
        for begin, length in places:
            assert file.seek(begin) == plain.seek(begin)
            assert file.read(length) == plain.read(length)
            assert file.tell() == plain.tell()
        assert file.read() == plain.read()
        assert file.seek(-min(size, 3), io.SEEK_END) == plain.seek(-min(size, 3), io.SEEK_END)
        assert file.read() == plain.read()
        assert file.seek(0) == 0
        assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
    assert file.closed


def test_only_the_chunks_that_are_read_are_decrypted():
    data = content(100 * CHUNK)
    stored, seal = sealed(data)
    damaged = bytearray(stored)
    for number in range(100):
        if number not in (40, 41):
            damaged[HEADER + number * (CHUNK + 16)] ^= 1
    source = Trickle(damaged)
    with FILES.opener(NAME, seal).open(source, "the picture") as file:
        file.seek(40 * CHUNK + 3)
        assert file.read(CHUNK) == data[40 * CHUNK + 3 : 41 * CHUNK + 3]
        assert source.given == HEADER + 2 * (CHUNK + 16)
        with refused():
            file.read(CHUNK)
        assert isinstance(file, SealedReader)
        assert isinstance(file.damage, DamagedTokenError)


def test_large_chunks_are_the_default():
    data = os.urandom((1 << CHUNK_BITS) + 1)
    cipher = SealedFiles(FILES.key)
    stored, seal = sealed(data, cipher=cipher)
    assert len(stored) == 32 + 65536 + 16 + 1 + 16
    assert opened(stored, seal) == data, "the header says how large the chunks are"


@given(sizes=st.lists(around_chunks, max_size=5), apart=st.integers(0, 3))
def test_many_files_at_once_are_as_each_alone(sizes: list[int], apart: int):
    memory, places = bytearray(), list[tuple[int, int]]()
    for size in sizes:
        memory += bytes(apart)
        places.append((len(memory), len(memory) + size))
        memory += content(size)
    names = [f"images/{n}" for n in range(len(sizes))]
    found = FILES.encrypt_files(memoryview(memory), places, names)
    for n, (begin, end) in enumerate(found.places):
        assert found.tails[n] == b""
        assert opened(found.text[begin:end], found.seals[n], names[n]) == content(sizes[n])


def test_a_file_of_anything_is_encrypted_piece_by_piece():
    data = content(7 * CHUNK + 3)
    target = io.BytesIO()
    seal = FILES.encrypt_file(Trickle(data), target, NAME)
    assert opened(target.getvalue(), seal) == data


@given(stored=st.integers(-1, 200))
def test_sizes_that_no_file_has_are_known(stored: int):
    sizes = {sealed_size(size, BITS): size for size in range(200)}
    assert plain_size(stored, BITS) == sizes.get(stored)


# --- what is noticed ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
@pytest.mark.parametrize("with_seal", [True, False])
def test_each_change_of_a_byte_is_noticed(size: int, with_seal: bool):
    stored, seal = sealed(content(size))
    for at in range(len(stored)):
        for flip in (1, 0x80, 0xFF):
            changed = bytearray(stored)
            changed[at] ^= flip
            with refused():
                opened(bytes(changed), seal if with_seal else None)


@pytest.mark.parametrize("with_seal", [True, False])
def test_each_cut_removed_and_inserted_byte_is_noticed(with_seal: bool):
    stored, seal = sealed(content(3 * CHUNK))
    known = seal if with_seal else None
    for at in range(len(stored)):
        for changed in (
            stored[:at],
            stored[:at] + stored[at + 1 :],
            stored[:at] + b"x" + stored[at:],
        ):
            with refused():
                opened(changed, known)
    for extra in (b"\0", bytes(16), bytes(17), stored):
        with refused():
            opened(stored + extra, known)


@pytest.mark.parametrize("with_seal", [True, False])
@pytest.mark.parametrize(
    "order", [[1, 0, 2, 3], [0, 2, 1, 3], [0, 1, 2], [0, 1], [3], [0, 1, 3], [0, 0, 1, 2, 3]]
)
def test_chunks_in_another_order_are_noticed(with_seal: bool, order: list[int]):
    stored, seal = sealed(content(4 * CHUNK))
    chunks = [stored[at : at + CHUNK + 16] for at in range(HEADER, len(stored), CHUNK + 16)]
    assert len(chunks) == 4
    with refused():
        opened(stored[:HEADER] + b"".join(chunks[n] for n in order), seal if with_seal else None)


def test_a_cut_file_is_noticed_before_it_is_read():
    stored, seal = sealed(content(4 * CHUNK))
    with refused():
        FILES.opener(NAME, seal).open(io.BytesIO(stored[: -CHUNK - 16]), "the picture")


def test_chunks_of_another_file_are_noticed():
    (one, seal), (two, _) = sealed(content(3 * CHUNK)), sealed(content(3 * CHUNK))
    at = HEADER + CHUNK + 16
    for mixed in (one[:HEADER] + two[HEADER:], one[:at] + two[at:], one[:-40] + two[-40:]):
        with refused():
            opened(mixed, seal)


def test_another_version_of_a_file_is_noticed():
    older, newer = sealed(b"as it was before"), sealed(b"as it was written")
    with refused():
        opened(older[0], newer[1])
    assert opened(older[0], None) == b"as it was before", "only the seal tells them apart"


def test_a_file_in_another_place_or_of_another_key_is_noticed():
    stored, seal = sealed(b"a picture")
    for known in (seal, None):
        with refused():
            opened(stored, known, "images/train/b.jpg")
        with refused():
            opened(stored, known, cipher=SealedFiles(bytes(32), BITS))


def test_files_that_were_not_written_and_those_that_are_missing():
    stored, seal = sealed(b"a picture")
    with pytest.raises(DamagedTokenError, match="put there"):
        opened(stored, b"")
    FILES.opener(NAME, b"").absent("the picture")
    with pytest.raises(DamagedTokenError, match="the picture: the file was removed"):
        FILES.opener(NAME, seal).absent("the picture")


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff" + bytes(100), b"datum\0\x01", b"datum\0\x02" + bytes(99)]
)
def test_what_is_not_encrypted_is_refused(data: bytes):
    with refused():
        opened(data, None)


@pytest.mark.parametrize("bits", [25, 64, 255])
def test_chunks_that_would_take_all_memory_are_refused(bits: int):
    with refused():
        opened(b"datum\0\x01" + bytes([bits]) + bytes(100), None)


def test_a_file_that_shrinks_while_it_is_read_is_noticed():
    stored, seal = sealed(content(3 * CHUNK))
    source = io.BytesIO(stored)
    with FILES.opener(NAME, seal).open(source, "the picture") as file:
        source.truncate(HEADER + 3)
        with refused():
            file.read(1)


def test_places_before_the_beginning():
    stored, seal = sealed(b"a picture")
    with FILES.opener(NAME, seal).open(io.BytesIO(stored)) as file:
        for offset, whence in ((-1, io.SEEK_SET), (-1, io.SEEK_CUR), (-10, io.SEEK_END), (0, 9)):
            with pytest.raises(ValueError, match="seek"):
                file.seek(offset, whence)
        file.seek(1000)
        assert (file.read(5), file.read(), file.tell()) == (b"", b"", 1000)
    for call in (file.read, lambda: file.read(1), lambda: file.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            call()


# --- keys -----------------------------------------------------------------------------------------


def test_no_two_files_are_the_same():
    assert len({sealed(b"the same")[0] for _ in range(100)}) == 100


def test_no_text_shows_the_key():
    for thing in (FILES, FILES.opener(NAME, None)):
        assert "00010203" not in repr(thing) and "\\x01\\x02" not in repr(thing)


def test_what_opens_a_file_goes_to_other_processes():
    stored, seal = sealed(b"a picture")
    opener = pickle.loads(pickle.dumps(FILES.opener(NAME, seal)))
    with opener.open(io.BytesIO(stored)) as file:
        assert file.read() == b"a picture"
    assert pickle.loads(pickle.dumps(FILES)) == FILES


class TestByTheDocumentation:
    """A reader of a few lines, made by docs/storage.md alone."""

    sizes: ClassVar = [0, 1, 15, 16, 17, 50]

    @staticmethod
    def read(file: BinaryIO, media_key: bytes, path: str) -> bytes:
        header = file.read(32)
        assert header[:7] == b"datum\0\x01"
        size = 1 << header[7]
        info = b"datumaro_binary 2.0 media file " + path.encode()
        cipher = AESGCM(HKDF(hashes.SHA256(), 32, header, info).derive(media_key))
        chunks, body = list[bytes](), file.read()
        stored = [body[at : at + size + 16] for at in range(0, len(body), size + 16)]
        for number, chunk in enumerate(stored):
            last = number == len(stored) - 1
            nonce = number.to_bytes(11, "big") + (b"\1" if last else b"\0")
            chunks.append(cipher.decrypt(nonce, chunk, None))
        return b"".join(chunks)

    @pytest.mark.parametrize("size", sizes)
    def test_it_reads(self, size: int):
        stored, seal = sealed(content(size), "images/straße/1.png")
        data = self.read(io.BytesIO(stored), FILES.key, "images/straße/1.png")
        assert data == content(size)
        assert seal == stored[8:32] + size.to_bytes(8, "big")
