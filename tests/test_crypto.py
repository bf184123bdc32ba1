"""Tokens and Fernet of `cryptography`: the same, in both directions. Keys that are none."""

from __future__ import annotations

import base64
import copy
import os
import pickle
import time

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, strategies as st

from datumaro.crypto import (
    FRONT,
    GAP,
    STEP,
    BoundCipher,
    Cipher,
    generate_key,
    seal_of,
    token_size,
)
from datumaro.errors import DamagedTokenError, DatumaroError, EncryptionKeyError

KEY = "datum-MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
CIPHER, FERNET = Cipher(KEY), Fernet(KEY.removeprefix("datum-"))

# all remainders by the block's 16 bytes and by base64's 3
some_data = st.one_of(st.binary(max_size=100), st.integers(0, 5000).map(os.urandom))


@given(some_data, st.binary(min_size=16, max_size=16), st.integers(0, 2**40))
def test_a_token_is_fernets(data: bytes, vector: bytes, seconds: int):
    assert CIPHER.token(data, seconds, vector) == FERNET._encrypt_from_parts(data, seconds, vector)


@given(some_data)
def test_each_opens_what_the_other_made(data: bytes):
    assert FERNET.decrypt(CIPHER.encrypt(data)) == data
    assert CIPHER.decrypt(FERNET.encrypt(data)) == data


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_will_do(kind: type):
    assert CIPHER.decrypt(kind(CIPHER.encrypt(kind(b"abc")))) == b"abc"


@given(some_data)
def test_a_token_may_be_decrypted_to_memory(data: bytes):
    token = CIPHER.encrypt(data)
    memory = bytearray(len(token))
    size = CIPHER.decrypt_into(token, memoryview(memory))
    assert bytes(memory[:size]) == data
    with pytest.raises(DamagedTokenError, match="here: "):
        CIPHER.decrypt_into(token[:-40] + b"A" * 40, memoryview(memory), "here")


@given(some_data)
def test_a_tokens_size_and_seal_are_known(data: bytes):
    token = CIPHER.encrypt(data)
    assert len(token) == token_size(len(data))
    assert CIPHER.decrypt(token, seal=seal_of(token)) == data


@given(
    st.lists(some_data, max_size=6),
    st.lists(st.integers(0, 5), min_size=6, max_size=6),
    st.integers(0, 255),
)
def test_many_tokens_made_at_once_are_fernets(datas: list[bytes], apart: list[int], waste: int):
    places: list[tuple[int, int]] = []
    begin = 48 * apart[0]
    for data, steps in zip(datas, apart, strict=False):
        places.append((begin, begin + len(data)))
        begin = (begin + len(data) + GAP + STEP - 1) // STEP * STEP + steps * STEP
    memory = bytearray([waste]) * (FRONT + begin + GAP)
    for data, place in zip(datas, places, strict=True):
        memory[FRONT + place[0] : FRONT + place[1]] = data
    before = int(time.time())
    tokens = CIPHER.encrypt_all(memoryview(memory), places)
    vectors: set[bytes] = set()
    for data, place, tail, seal in zip(
        datas, tokens.places, tokens.tails, tokens.seals, strict=True
    ):
        token = tokens.text[slice(*place)] + tail
        assert FERNET.decrypt(token) == CIPHER.decrypt(token, seal=seal) == data
        raw = base64.urlsafe_b64decode(token)
        seconds, vector = int.from_bytes(raw[1:9], "big"), raw[9:25]
        assert token == FERNET._encrypt_from_parts(data, seconds, vector)
        assert before <= seconds <= time.time()
        assert seal_of(token) == seal
        vectors.add(vector)
    assert len(vectors) == len(datas), "each has its own initial vector"
    assert len(tokens.places) == len(datas)


def test_the_initial_vectors_of_many_tokens_are_random():
    """The same data twice, in one call and in two: nothing of the tokens is the same."""
    memory = memoryview(bytearray(FRONT + 3 * STEP + GAP))
    blocks: set[bytes] = set()
    for _ in range(50):
        memory[:] = bytes(len(memory))
        tokens = CIPHER.encrypt_all(memory, [(0, 16), (3 * STEP, 3 * STEP + 16)])
        for place, tail in zip(tokens.places, tokens.tails, strict=True):
            raw = base64.urlsafe_b64decode(tokens.text[slice(*place)] + tail)
            blocks |= {raw[9:25], raw[25:41], raw[41:57]}
    assert len(blocks) == 50 * 2 * 3


def test_no_two_tokens_are_the_same():
    assert CIPHER.encrypt(b"abc") != CIPHER.encrypt(b"abc")
    assert generate_key() != generate_key()


# --- damage -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 2, 16])  # tokens that end with ==, = and neither
def test_every_change_of_every_byte_is_seen(size: int):
    token = CIPHER.encrypt(bytes(size))
    for at in range(len(token)):
        for byte in range(256):
            if byte != token[at]:
                with pytest.raises(DamagedTokenError, match="place"):
                    CIPHER.decrypt(token[:at] + bytes([byte]) + token[at + 1 :], "place")


def test_every_removed_and_every_inserted_byte_is_seen():
    token = CIPHER.encrypt(b"some data")
    for at in range(len(token)):
        with pytest.raises(DamagedTokenError):
            CIPHER.decrypt(token[:at] + token[at + 1 :])
        with pytest.raises(DamagedTokenError):
            CIPHER.decrypt(token[:at])
    for at in range(len(token) + 1):
        for byte in b"\0\n =A+/-_\xff":
            with pytest.raises(DamagedTokenError):
                CIPHER.decrypt(token[:at] + bytes([byte]) + token[at:])


@given(st.binary(max_size=200))
def test_what_is_no_token_is_refused(data: bytes):
    with pytest.raises(DamagedTokenError):
        CIPHER.decrypt(data)


def test_other_writings_of_the_same_token_are_refused():
    """Fernet takes both alphabets, and any bits after the last byte."""
    token = next(t for t in iter(lambda: CIPHER.encrypt(b""), b"") if b"-" in t and b"_" in t)
    assert FERNET.decrypt(token.replace(b"-", b"+").replace(b"_", b"/")) == b""
    for other in (token.replace(b"-", b"+"), token.replace(b"_", b"/")):
        with pytest.raises(DamagedTokenError):
            CIPHER.decrypt(other)


def test_another_keys_token_is_refused():
    with pytest.raises(DamagedTokenError, match=r"x: it was changed .* or encrypted with another"):
        Cipher(generate_key()).decrypt(CIPHER.encrypt(b"abc"), "x")


def test_a_bound_cipher_opens_one_token_alone():
    token, other = CIPHER.encrypt(b"abc"), CIPHER.encrypt(b"abc")
    bound = BoundCipher(CIPHER, seal_of(token))
    assert bound.decrypt(token) == b"abc"
    with pytest.raises(DamagedTokenError, match=r"a\.jpg: it is whole, but not what was written"):
        bound.decrypt(other, "a.jpg")
    with pytest.raises(DamagedTokenError):
        BoundCipher(CIPHER, b"").decrypt(token)
    assert seal_of(b"no token") == b""


# --- keys -------------------------------------------------------------------------------------


def test_a_key_is_50_characters():
    assert len(KEY) == 50
    assert KEY.startswith("datum-")
    assert Cipher(KEY.encode()) == CIPHER


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "does not begin so; expected 'datum-' and 44 characters"),
        (KEY.removeprefix("datum-"), "does not begin so"),
        (KEY[:-1], "has 49 characters; expected 'datum-' and 44 characters, 50 in all"),
        (KEY + "\n", "has 51 characters"),
        ("Datum-" + KEY[6:], "does not begin so"),
        ("datum-" + "!" * 44, "no URL-safe base64"),
        ("datum-" + "A" * 44, "no URL-safe base64"),  # 33 bytes
        (KEY[:-1] + "ä", "characters that no key has"),
        (b"\xff" * 50, "characters that no key has"),
        ("\ud800" * 50, "characters that no key has"),
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(key: str | bytes, message: str):
    with pytest.raises(EncryptionKeyError, match=message) as caught:
        Cipher(key)
    assert isinstance(caught.value, DatumaroError | ValueError)
    shown = repr(caught.value) + repr(caught.value.__cause__)
    assert KEY[6:20] not in shown


def test_no_text_of_a_cipher_shows_the_key():
    shown = f"{CIPHER} {CIPHER!r} {BoundCipher(CIPHER, b'')!r} {[CIPHER.key]} {CIPHER.key!r}"
    assert KEY[6:] not in shown
    assert str(CIPHER.key) == KEY, "whoever asks for the text gets it"


def test_ciphers_go_to_other_processes():
    token = CIPHER.encrypt(b"abc")
    for cipher in (CIPHER, BoundCipher(CIPHER, seal_of(token))):
        assert pickle.loads(pickle.dumps(cipher)).decrypt(token) == b"abc"
        assert copy.deepcopy(cipher).decrypt(token) == b"abc"
