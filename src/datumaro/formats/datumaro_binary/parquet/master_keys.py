"""Master keys of encrypted Parquet storage: a key, a passphrase, or a key management service.

A master key wraps one key alone, the export key (see `encryption`), and each wrapping is a
recipient: what the key file says of who can open the data. docs/security.md is the specification.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import os
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from datumaro.crypto import Cipher
from datumaro.errors import EncryptionKeyError, MalformedFileError
from datumaro.keys import PREFIX

_NONCE = 12
_WRAP = b"datumaro_binary 2.0 wrap"
_IDENTITY = b"datumaro_binary 2.0 key id"
_MOST_PASSPHRASE = 4096  # bytes of a passphrase file that are looked at
_SCRYPT_LIMITS = {"n": 1 << 20, "r": 8, "p": 4}


class ScryptParameters(msgspec.Struct, forbid_unknown_fields=True):
    """How a passphrase becomes a key. The salt is 16 bytes, in base64."""

    salt: str
    n: int = 1 << 17  # 128 MB of memory
    r: int = 8
    p: int = 1


class Recipient(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One wrapping of the export key.

    Attributes
    ----------
    kind : ``key``, ``passphrase`` or ``kms``.
    id : tells keys of a kind apart: a digest of the key, "" of a passphrase, the service's key id.
    wrapped : the export key, wrapped, in base64.
    """

    kind: str
    id: str
    wrapped: str
    scrypt: ScryptParameters | None = None


@runtime_checkable
class Kms(Protocol):
    """A key management service, or what calls one.

    What it raises reaches the caller as it is, so it must not have keys in its messages.
    """

    def wrap(self, key_id: str, key: bytes) -> bytes:
        """A key of 32 bytes, encrypted and authenticated with the service's key ``key_id``."""
        ...

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The reverse of `wrap`; an error when ``wrapped`` was changed."""
        ...


class MasterKey(Protocol):
    """Wraps an export key, and unwraps it from whichever recipient it is."""

    @property
    def kind(self) -> str:
        """That of its recipients."""
        ...

    def wrap(self, export_key: bytes, export: str) -> Recipient:
        """A recipient.

        Parameters
        ----------
        export : number of the export, to which the wrapping is bound.
        """
        ...

    def unwrap(self, recipient: Recipient, wrapped: bytes, export: str, where: str) -> bytes | None:
        """The export key; None when the recipient is another of this kind, or was changed.

        Parameters
        ----------
        wrapped : the recipient's, decoded.
        where : the file that has the recipient, for errors.
        """
        ...


@dataclass(frozen=True)
class KeyMaster:
    """A key of `datumaro.keys`: its 32 bytes are the master key."""

    cipher: Cipher
    kind: str = "key"

    def wrap(self, export_key: bytes, export: str) -> Recipient:
        secret = self._secret()
        identity = derived(secret, _IDENTITY)[:8].hex()
        return Recipient(self.kind, identity, _wrapped(secret, export_key, export))

    def unwrap(self, recipient: Recipient, wrapped: bytes, export: str, where: str) -> bytes | None:
        return _unwrapped(self._secret(), wrapped, export)

    def _secret(self) -> bytes:
        return base64.urlsafe_b64decode(self.cipher.key[len(PREFIX) :])


@dataclass(frozen=True)
class PassphraseMaster:
    """A passphrase, whose master key is made by scrypt (RFC 7914)."""

    passphrase: str = field(repr=False)
    kind: str = "passphrase"

    def wrap(self, export_key: bytes, export: str) -> Recipient:
        parameters = ScryptParameters(base64.b64encode(os.urandom(16)).decode())
        secret = self._secret(parameters, "")
        return Recipient(self.kind, "", _wrapped(secret, export_key, export), parameters)

    def unwrap(self, recipient: Recipient, wrapped: bytes, export: str, where: str) -> bytes | None:
        if recipient.scrypt is None:
            raise MalformedFileError(where, "a passphrase", "no scrypt parameters", "salt, n, r, p")
        return _unwrapped(self._secret(recipient.scrypt, where), wrapped, export)

    def _secret(self, told: ScryptParameters, where: str) -> bytes:
        try:
            salt = base64.b64decode(told.salt, validate=True)
        except (binascii.Error, ValueError):
            salt = b""
        # hostile parameters would take all memory, or forever
        sane = all(1 <= getattr(told, n) <= most for n, most in _SCRYPT_LIMITS.items())
        if len(salt) != 16 or not sane or told.n < 2 or told.n & (told.n - 1):
            found = f"scrypt with n={told.n}, r={told.r}, p={told.p}, a salt of {len(salt)} bytes"
            expected = "n a power of two up to 1048576, r up to 8, p up to 4, 16 bytes of salt"
            raise MalformedFileError(where, "a passphrase", found, expected)
        return Scrypt(salt, 32, told.n, told.r, told.p).derive(self.passphrase.encode())


@dataclass(frozen=True)
class KmsMaster:
    """A key of a key management service. ``key_id`` is needed to write alone."""

    kms: Kms = field(repr=False)
    key_id: str = ""
    kind: str = "kms"

    def wrap(self, export_key: bytes, export: str) -> Recipient:
        wrapped = base64.b64encode(self.kms.wrap(self.key_id, export_key)).decode()
        return Recipient(self.kind, self.key_id, wrapped)

    def unwrap(self, recipient: Recipient, wrapped: bytes, export: str, where: str) -> bytes | None:
        key = self.kms.unwrap(recipient.id, wrapped)
        return key if len(key) == 32 else None


def derived(secret: bytes, purpose: bytes) -> bytes:
    """32 bytes of HKDF-SHA256 (RFC 5869) without salt: a key for one purpose."""
    return HKDF(hashes.SHA256(), 32, None, purpose).derive(secret)


def seal_bytes(key: bytes, data: bytes, place: bytes) -> bytes:
    """AES-256-GCM: 12 bytes of nonce, the data encrypted, and 16 of tag; bound to ``place``."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, place)


def open_bytes(key: bytes, data: bytes, place: bytes) -> bytes | None:
    """The reverse of `seal_bytes`; None when the key or place is another, or the data changed."""
    if len(data) < _NONCE + 16:
        return None
    try:
        return AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], place)
    except InvalidTag:
        return None


def _wrapped(secret: bytes, key: bytes, export: str) -> str:
    return base64.b64encode(seal_bytes(derived(secret, _WRAP), key, export.encode())).decode()


def _unwrapped(secret: bytes, wrapped: bytes, export: str) -> bytes | None:
    return open_bytes(derived(secret, _WRAP), wrapped, export.encode())


# --- what the caller gives --------------------------------------------------------------------


def given_passphrase(passphrase: str | None, file: str | os.PathLike[str] | None) -> str | None:
    """The passphrase given as text or in a file; None for none.

    Of a file, a line break at its end does not count.

    Raises
    ------
    EncryptionKeyError
        It is empty, the file cannot be read, or both are given and differ.
    """
    found = passphrase
    if file is not None:
        shown = os.fspath(file)
        try:
            with open(file, "rb") as stream:  # noqa: PTH123 - also file descriptors' paths
                data = stream.read(_MOST_PASSPHRASE + 1)
            found = data.decode().removesuffix("\n").removesuffix("\r")
        except OSError as error:
            raise EncryptionKeyError(f"passphrase file {shown!r}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise EncryptionKeyError(f"passphrase file {shown!r} is no UTF-8 text") from None
        if len(data) > _MOST_PASSPHRASE:
            raise EncryptionKeyError(
                f"passphrase file {shown!r} is longer than {_MOST_PASSPHRASE} bytes"
            )
        if passphrase is not None and passphrase != found:
            raise EncryptionKeyError(
                f"passphrase file {shown!r} holds another passphrase than the one given"
            )
    if found == "":
        raise EncryptionKeyError("the passphrase is empty")
    return found


def given_kms(kms: Any) -> Kms | None:
    """A service given as an object, or as ``module:name`` of one, or of what makes one.

    Raises
    ------
    EncryptionKeyError
        There is none of that name, or it cannot wrap and unwrap.
    """
    if kms is None:
        return None
    found: Any = kms
    if isinstance(kms, str):
        module, colon, name = kms.partition(":")
        try:
            found = getattr(importlib.import_module(module), name) if colon else None
        except (ImportError, AttributeError) as error:
            raise EncryptionKeyError(f"kms {kms!r}: {error}") from error
        if callable(found) and (isinstance(found, type) or not isinstance(found, Kms)):
            found = found()
    if not isinstance(found, Kms):
        shown = repr(kms) if isinstance(kms, str) else type(kms).__name__
        raise EncryptionKeyError(
            f"kms {shown} is none; expected an object with wrap(key_id, key) and "
            "unwrap(key_id, wrapped), or MODULE:NAME of one"
        )
    return found
