"""Other engines open encrypted Parquet storage with the keys that we give. Spark: `interop`."""

from __future__ import annotations

import base64
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import datumaro as dm
from datumaro.crypto import generate_key
from datumaro.errors import DamagedTokenError, DatasetNotFoundError, MissingKeyError, WrongKeyError
from datumaro.formats.datumaro_binary.parquet.other_engines import engine_keys
from datumaro.formats.datumaro_binary.parquet.rotation import GivenKey

KEY = generate_key()
GIVEN = GivenKey(encryption_key=KEY)


def dataset() -> dm.Dataset:
    items = [
        dm.DatasetItem(
            str(number),
            subset=("train", "val")[number % 2],
            annotations=[dm.Bbox(1, 2, 3, 4, label=number % 3), dm.Polygon([1, 2, 3, 4, 5, 6])],
        )
        for number in range(50)
    ]
    return dm.Dataset.from_iterable(items, categories=["cat", "dog", "bird"])


LABELS = Counter(a.label for item in dataset() for a in item.annotations)


def export(folder: Path, **options: Any) -> Path:
    given = {"storage": "parquet", "shard_size": 20, "encryption_key": KEY}
    dataset().export(folder, "datumaro_binary", **(given | options))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("made") / "out")


# --- the keys -------------------------------------------------------------------------------------


def test_each_file_has_a_key_of_its_own(made: Path):
    keys = engine_keys(made, GIVEN)
    assert set(keys.data) == set((made / "annotations").glob("*.datum"))
    assert len(set(keys.data.values())) == len(keys.data) == 4
    assert list(keys.wrapping) == [made / "annotations"]
    for path, key in keys.data.items():
        wrapped = re.search(rb'"wrappedDEK":"(.*?)"', path.read_bytes())
        sealed = base64.b64decode(wrapped[1]) if wrapped else b""
        (wrapping,) = keys.wrapping.values()
        assert AESGCM(wrapping).decrypt(sealed[:12], sealed[12:], b"export") == key
    assert repr(keys) == "EngineKeys()"


def test_of_one_file_too(made: Path):
    path = made / "annotations/val-00001-of-00002.datum"
    assert engine_keys(path, GIVEN).data == {path: engine_keys(made, GIVEN).data[path]}


def test_any_way_to_give_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my.key").write_text(KEY)
    folder = export(tmp_path / "out")
    expected = engine_keys(folder, GIVEN)
    assert engine_keys(folder, GivenKey(key_file=str(tmp_path / "my.key"))) == expected
    monkeypatch.setenv("DATUMARO_ENCRYPTION_KEY", KEY)
    assert engine_keys(folder, GivenKey()) == expected


def test_what_is_wrong_is_said_first(made: Path, tmp_path: Path):
    with pytest.raises(MissingKeyError):
        engine_keys(made, GivenKey())
    with pytest.raises(WrongKeyError):
        engine_keys(made, GivenKey(encryption_key=generate_key()))
    shutil.copytree(made, tmp_path / "less")
    (tmp_path / "less/annotations/val-00001-of-00002.datum").unlink()
    with pytest.raises(DamagedTokenError, match="removed"):
        engine_keys(tmp_path / "less", GIVEN)


def test_other_data_sets_have_none(tmp_path: Path):
    with pytest.raises(DatasetNotFoundError, match="no data set whose storage is Parquet"):
        engine_keys(tmp_path, GIVEN)
    dataset().export(tmp_path / "records", "datumaro_binary", encryption_key=KEY)
    with pytest.raises(DatasetNotFoundError, match="no data set whose storage is Parquet"):
        engine_keys(tmp_path / "records", GIVEN)
    export(tmp_path / "plain", encryption_key=None)
    with pytest.raises(DatasetNotFoundError, match="open them without a key"):
        engine_keys(tmp_path / "plain", GivenKey())


# --- the engines ----------------------------------------------------------------------------------


def test_pyarrow_by_itself(made: Path):
    ((_, wrapping),) = engine_keys(made, GIVEN).wrapping.items()

    class Client(pe.KmsClient):
        def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
            data = base64.b64decode(wrapped_key)
            return AESGCM(wrapping).decrypt(data[:12], data[12:], master_key_identifier.encode())

    factory = pe.CryptoFactory(lambda _: Client())
    properties = factory.file_decryption_properties(pe.KmsConnectionConfig())
    found = Counter[int | None]()
    for path in (made / "annotations").glob("*.datum"):
        table = pq.ParquetFile(path, decryption_properties=properties).read(["annotations"])
        found += Counter(
            annotation["label"] for row in table["annotations"].to_pylist() for annotation in row
        )
    assert found == LABELS


def test_polars(made: Path):
    polars = pytest.importorskip("polars")
    if not hasattr(polars, "ParquetDecryptionProperties"):
        pytest.skip("this polars cannot decrypt Parquet files")
    found = Counter[int | None]()
    for path, key in engine_keys(made, GIVEN).data.items():
        decryption = polars.ParquetDecryptionProperties(footer_key=key)
        frame = polars.scan_parquet(path, decryption=decryption).collect()
        found += Counter(frame["annotations"].explode().struct.field("label").to_list())
    assert found == LABELS


def test_duckdb(made: Path):
    """Columns of one value; those that are nested it cannot decrypt yet."""
    duckdb = pytest.importorskip("duckdb")
    database = duckdb.connect()
    found: list[str] = []
    for number, (path, key) in enumerate(engine_keys(made, GIVEN).data.items()):
        name, text = f"file{number}", base64.b64encode(key).decode()
        database.execute(f"PRAGMA add_parquet_key('{name}', '{text}')")
        file = f"read_parquet('{path}', encryption_config = {{footer_key: '{name}'}})"
        try:
            rows = database.sql(f"SELECT id FROM {file}").fetchall()
        except duckdb.Error as error:
            pytest.skip(f"duckdb {duckdb.__version__} cannot decrypt files of Arrow: {error}")
        found += [row[0] for row in rows]
    assert sorted(found) == sorted(item.id for item in dataset())
