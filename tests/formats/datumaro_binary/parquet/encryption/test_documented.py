"""Encrypted Parquet storage, read by the documentation alone."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from formats.datumaro_binary.parquet.encryption.encrypted_parquet import KEY, KEYS, SHARDS


def test_a_reader_made_by_the_documentation(encrypted: Path):
    """What docs/storage.md says is enough, with pyarrow and cryptography alone."""

    def derived(secret: bytes, purpose: str) -> bytes:
        name = f"datumaro_binary 2.0 {purpose}".encode()
        return HKDF(hashes.SHA256(), 32, None, name).derive(secret)

    def opened(key: bytes, data: bytes, place: bytes) -> bytes:
        return AESGCM(key).decrypt(data[:12], data[12:], place)

    keys = json.loads((encrypted / KEYS).read_bytes().split(b"\n")[0])
    master = base64.urlsafe_b64decode(KEY.removeprefix("datum-"))
    wrapped = base64.b64decode(keys["recipients"][0]["wrapped"])
    export_key = opened(derived(master, "wrap"), wrapped, keys["export"].encode())

    class Client(pe.KmsClient):
        def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
            assert master_key_identifier == "export"
            data = base64.b64decode(wrapped_key)
            return opened(derived(export_key, "files"), data, b"export")

    factory = pe.CryptoFactory(lambda _: Client())
    properties = factory.file_decryption_properties(pe.KmsConnectionConfig())
    table = pq.read_table(encrypted / SHARDS[1], decryption_properties=properties)
    assert table.column("id").to_pylist() == ["1"]
    footer = pq.read_metadata(encrypted / SHARDS[1], decryption_properties=properties).metadata
    manifest = json.loads(footer[b"datumaro.encryption"])
    assert (manifest["export"], manifest["file"]) == (keys["export"], Path(SHARDS[1]).stem)
    assert set(manifest["files"]) == set(keys["files"])

    sealed = (encrypted / "annotations/train.media").read_bytes()
    listed = json.loads(opened(derived(export_key, "media seals"), sealed, b"train"))
    assert (listed["export"], listed["subset"]) == (keys["export"], "train")
    assert sorted(listed["media"]) == [f"images/train/{n}.png" for n in range(3)]
    for name, seal in listed["media"].items():
        stored = (encrypted / name).read_bytes()
        header, body = stored[:32], stored[32:]
        assert base64.b64decode(seal) == header[8:] + (len(body) - 16).to_bytes(8, "big")
        info = f"datumaro_binary 2.0 media file {name}".encode()
        key = HKDF(hashes.SHA256(), 32, header, info).derive(derived(export_key, "media"))
        assert AESGCM(key).decrypt(bytes(11) + b"\1", body, None).startswith(b"\x89PNG")


def test_data_keys_have_256_bits(encrypted: Path):
    data = (encrypted / SHARDS[0]).read_bytes()
    material = json.loads(re.search(rb'\{"keyMaterialType".*?\}', data)[0])
    assert material["doubleWrapping"] is False
    assert len(base64.b64decode(material["wrappedDEK"])) == 12 + 32 + 16
