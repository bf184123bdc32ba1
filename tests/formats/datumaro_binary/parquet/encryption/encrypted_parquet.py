"""Small encrypted data sets of Parquet storage, a service of keys, and changes of key files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import datumaro as dm
from datumaro.crypto import generate_key
from datumaro.model.media import Image

KEY = generate_key()
OTHER = generate_key()
BINARY = "datumaro_binary"
KEYS = "annotations/encryption.keys"
SHARDS = [f"annotations/train-{n:05}-of-00003.datum" for n in range(3)]


def dataset(mark: str = "") -> dm.Dataset:
    """Three items with pictures in one subset, one in another."""
    items = [
        dm.DatasetItem(
            f"{mark}{n}",
            subset="val" if n == 3 else "train",
            media=Image.from_numpy(data=np.full((4, 6, 3), 10 * n, np.uint8), ext=".png"),
            annotations=[dm.Bbox(1, 2, 3, 4, label=0, attributes={"secret": f"box of {n}"})],
        )
        for n in range(4)
    ]
    return dm.Dataset.from_iterable(items, categories=["a secret cat"], media_type=Image)


def export(folder: Path, data: dm.Dataset | None = None, **options: Any) -> Path:
    given = {"save_media": True, "storage": "parquet", "shard_size": 1, "encryption_key": KEY}
    (data or dataset()).export(folder, BINARY, **(given | options))
    return folder


def read(folder: Path, **options: Any) -> dm.Dataset:
    data = dm.Dataset.import_from(folder, BINARY, **({"encryption_key": KEY} | options))
    data.init_cache()
    return data


def told(data: dm.Dataset) -> list[Any]:
    return sorted(
        (item.id, item.subset, item.annotations, int(item.media.data[0, 0, 0])) for item in data
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class Service:
    """A key management service of two keys."""

    def __init__(self) -> None:
        self.keys = {"first": os.urandom(32), "second": os.urandom(32)}
        self.unwrapped = 0

    def wrap(self, key_id: str, key: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + AESGCM(self.keys[key_id]).encrypt(nonce, key, None)

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        self.unwrapped += 1
        return AESGCM(self.keys[key_id]).decrypt(wrapped[:12], wrapped[12:], None)


SERVICE = Service()


def other_recipients(folder: Path) -> str:
    """One whose wrapping is authentic, in a list that was changed."""
    line, seal, _ = (folder / KEYS).read_bytes().split(b"\n")
    told = json.loads(line)
    told["recipients"] *= 2
    (folder / KEYS).write_bytes(json.dumps(told).encode() + b"\n" + seal + b"\n")
    return KEYS
