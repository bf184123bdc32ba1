"""Which key a data set is read or written with, and where it comes from and goes to."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from datumaro.crypto import Cipher, generate_key
from datumaro.errors import (
    DamagedTokenError,
    EncryptionError,
    EncryptionKeyError,
    MissingKeyError,
    SuperfluousKeyError,
    WrongKeyError,
)
from datumaro.formats.datumaro_binary.sources import KEY_FILE
from datumaro.keys import VARIABLE, Key, read_key_file, write_key_file

log = logging.getLogger("datumaro")


# --- reading ----------------------------------------------------------------------------------


def reading_cipher(
    fields: Mapping[Path, bytes], key: str | bytes | None, key_file: str | os.PathLike[str] | None
) -> Cipher | None:
    """The cipher of a data set; None when it is not encrypted.

    Parameters
    ----------
    fields : the encryption field of each of its files: the key's own token, or nothing.
    key, key_file : what the caller gave.

    Raises
    ------
    EncryptionKeyError
        The key is none, or given twice; MissingKeyError, WrongKeyError, SuperfluousKeyError.
    DamagedTokenError
        Some of the files are encrypted and others are not.
    """
    if key is not None and key_file is not None:
        raise EncryptionKeyError("both an encryption key and a key file are given; give one")
    given = None if key is None else Cipher(key)
    if key_file is not None:
        given = Cipher(read_key_file(key_file))
    plain = [path for path, field in fields.items() if not field]
    if len(plain) == len(fields):
        if given is not None:
            raise SuperfluousKeyError(
                f"{plain[0]}: the file is not encrypted, but a key was given; leave it out"
            )
        return None
    if plain:
        raise DamagedTokenError(
            f"{plain[0]}: the file is not encrypted, as those beside it are: it was put there"
        )
    cipher = given or key_from_environment()
    if cipher is None:
        raise MissingKeyError(ways_to_give_a_key(next(iter(fields))))
    for path, field in fields.items():
        check_key(path, field, cipher)
    return cipher


def check_key(path: Path, field: bytes, cipher: Cipher) -> None:
    """See that a file was encrypted with a key: its encryption field is the token of the key.

    Raises
    ------
    WrongKeyError
        It was not, or the field was changed.
    """
    try:
        if cipher.decrypt(field) == cipher.key.encode("ascii"):
            return
    except DamagedTokenError:
        pass
    raise WrongKeyError(f"{path}: the key is not the one that the file was encrypted with")


def key_from_environment() -> Cipher | None:
    """The key in the environment; None for none.

    Raises
    ------
    EncryptionKeyError
        What is there is no key.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        return Cipher(text)
    except EncryptionKeyError as error:
        raise EncryptionKeyError(f"environment variable {VARIABLE}: {error}") from None


def ways_to_give_a_key(path: Path) -> str:
    """What to say of an encrypted file without a key."""
    beside = path.parent.parent / KEY_FILE
    hint = f" (such as {beside})" if beside.is_file() else ""
    return (
        f"{path}: the file is encrypted; its key is needed: --key-file FILE{hint}, the environment "
        f"variable {VARIABLE}, or --encryption-key KEY (Python: key_file, encryption_key)"
    )


# --- writing ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class WritingKey:
    """A key to write with.

    Attributes
    ----------
    new_file : where it is to be written; None when its owner has it already.
    inside : ``new_file`` is relative to the data set's folder.
    """

    cipher: Cipher
    new_file: Path | None = None
    inside: bool = False

    @contextmanager
    def kept(self, folder: Path) -> Generator[None]:
        """Write the key file before the block does the data, and say so after it.

        The file is removed again when the block fails.
        """
        if self.new_file is None:
            yield
            return
        path = folder / self.new_file if self.inside else self.new_file
        write_key_file(path, self.cipher.key)
        try:
            yield
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        if self.inside:
            log.warning(
                "the key is in the file %s of the data set. Move it to a safe place, away from the "
                "data: who has both can read them, and without it nobody can",
                KEY_FILE,
            )
        else:
            log.warning("the key is in %s. Keep it: without it nobody can read the data", path)


def writing_key(
    encryption: bool, key: str | bytes | None, key_file: str | os.PathLike[str] | None
) -> WritingKey | None:
    """The key to write with; None for no encryption. A key or a key file ask for encryption, too.

    A key file that exists holds the key to use; another one is going to be written.

    Raises
    ------
    EncryptionKeyError
        The key, or what is in the key file, is none; or both are given and differ.
    """
    if not encryption and key is None and key_file is None:
        return None
    given = None if key is None else Cipher(key)
    if key_file is None:
        if given is not None:
            return WritingKey(given)
        return WritingKey(Cipher(generate_key()), Path(KEY_FILE), inside=True)
    path = Path(key_file)
    if not os.path.lexists(path):
        return WritingKey(given or Cipher(generate_key()), path)
    held = Cipher(read_key_file(path))
    if given is not None and given != held:
        raise EncryptionKeyError(
            f"key file {os.fspath(path)!r} holds another key than the one given"
        )
    return WritingKey(held)


def check_choice(encrypted: bool, no_media_encryption: bool, compatible_with: str) -> None:
    """Refuse options that contradict each other.

    Raises
    ------
    EncryptionError
        Media are to be left out of an encryption that there is not, or the file is for a version
        that reads no encrypted files.
    """
    if no_media_encryption and not encrypted:
        raise EncryptionError("no_media_encryption is given, but nothing is to be encrypted")
    if encrypted and compatible_with == "1.13":
        raise EncryptionError(
            "compatible_with is 1.13, and Datumaro reads no encrypted files since 1.12"
        )


def refuse_parquet_keys(
    options: object, what: str, error: type[EncryptionKeyError] = EncryptionKeyError
) -> None:
    """Refuse ways to give a key that Parquet storage alone has.

    Raises
    ------
    EncryptionKeyError
        One is used for ``what``: an ``error``.
    """
    for name in ("passphrase", "passphrase_file", "kms", "kms_key"):
        if getattr(options, name, None) is not None:
            raise error(
                f"{name} is given, but {what} know keys alone: give encryption_key or key_file, or "
                "use storage parquet"
            )


def kept_options(cipher: Cipher, media_encryption: bool) -> dict[str, object]:
    """Options with which `Dataset.save` keeps a data set encrypted as it is."""
    key: dict[str, object] = {"encryption_key": Key(cipher.key)}
    return key | ({"save_media": True} if media_encryption else {"no_media_encryption": True})
