"""Data sets are the same whoever reads and writes them: threads, processes, executors."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import datumaro as dm
from datumaro import media_store
from datumaro.cli.main import main
from datumaro.crypto import generate_key
from datumaro.errors import (
    DamagedTokenError,
    DatasetImportError,
    InvalidOptionError,
    MalformedFileError,
    UnknownOptionError,
)
from datumaro.formats.datumaro_binary import reading
from datumaro.model.resized_image import ResizedImage
from workers.pools import children


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def contents(dataset: dm.Dataset) -> str:
    return repr([dataset.items_table.to_pylist(), dataset.annotations_table.to_pylist()])


FORMATS = ["datumaro_binary", "datumaro", "coco", "voc", "image_dir"]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("image_ext", [None, ".png"])
def test_the_output_does_not_depend_on_the_workers(
    dataset: dm.Dataset, tmp_path: Path, format: str, image_ext: str | None
) -> None:
    for n in (0, 1, 2, 5, None):
        dataset.export(
            tmp_path / str(n), format, save_media=True, image_ext=image_ext, num_workers=n
        )
    first = tree(tmp_path / "0")
    assert len(first) >= 40
    assert all(tree(tmp_path / n) == first for n in ("1", "2", "5", "None"))


def test_what_is_read_does_not_depend_on_the_workers(dataset: dm.Dataset, tmp_path: Path) -> None:
    dataset.export(tmp_path / "d", "datumaro_binary", save_media=True)
    read = [
        contents(dm.Dataset.import_from(tmp_path / "d", "datumaro_binary", num_workers=n))
        for n in (0, 1, 2, 5, None)
    ]
    assert "39.jpg" in read[0]
    assert all(one == read[0] for one in read)


def test_an_executor_exports_and_imports(
    dataset: dm.Dataset, tmp_path: Path, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset.export(tmp_path / "0", "datumaro_binary", save_media=True, image_ext=".png")
    dataset.export(
        tmp_path / "1", "datumaro_binary", save_media=True, image_ext=".png", executor=executor
    )
    assert tree(tmp_path / "1") == tree(tmp_path / "0")
    monkeypatch.chdir(tmp_path)  # a relative path must lead others to the same file
    read = [
        dm.Dataset.import_from("0", "datumaro_binary", executor=one) for one in (None, executor)
    ]
    assert contents(read[0]) == contents(read[1])
    assert read[1].get("3").media.size == (8, 8)


def test_encrypted_data_sets_do_not_depend_on_the_workers(
    dataset: dm.Dataset, tmp_path: Path
) -> None:
    key = str(generate_key())
    dataset.export(tmp_path / "plain", "datumaro_binary", save_media=True)
    for n in (0, 2):
        target = tmp_path / str(n)
        dataset.export(
            target, "datumaro_binary", save_media=True, num_workers=n, encryption_key=key
        )
        for m in (0, 2):
            read = dm.Dataset.import_from(target, num_workers=m, encryption_key=key)
            read.export(tmp_path / "again", "datumaro_binary", save_media=True, num_workers=m)
            assert tree(tmp_path / "again") == tree(tmp_path / "plain")


def test_an_executor_encrypts_and_decrypts(
    dataset: dm.Dataset, tmp_path: Path, executor: Executor
) -> None:
    key = str(generate_key())
    dataset.export(tmp_path / "plain", "datumaro_binary", save_media=True)
    target = tmp_path / "encrypted"
    dataset.export(
        target, "datumaro_binary", save_media=True, executor=executor, encryption_key=key
    )
    read = dm.Dataset.import_from(target, executor=executor, encryption_key=key)
    read.export(tmp_path / "again", "datumaro_binary", save_media=True, executor=executor)
    assert tree(tmp_path / "again") == tree(tmp_path / "plain")
    # an error there is the same error here
    path = target / "annotations" / "default.datum"
    data = bytearray(path.read_bytes())
    data[data.index(b"datumaro:extension") - 500] ^= 1
    path.write_bytes(data)
    told: set[str] = set()
    for one in (None, executor):
        with pytest.raises(DamagedTokenError, match=r"default\.datum: blob \d+") as caught:
            dm.Dataset.import_from(target, executor=one, encryption_key=key)
        told.add(str(caught.value))
        assert key not in str(caught.value)
    assert len(told) == 1


def test_images_of_every_kind_reach_an_executor(
    tmp_path: Path, processes: ProcessPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_store, "_BATCH", 1)
    pixels = np.zeros((4, 4, 3), np.uint8)
    png = dm.Image.from_numpy(pixels).encoded(".png")
    media = [
        dm.Image.from_numpy(pixels),
        dm.Image.from_numpy(lambda: pixels),
        dm.Image.from_bytes(png),
        dm.Image.from_bytes(lambda: png),
    ]
    dataset = dm.Dataset.from_iterable(
        [dm.DatasetItem(id=f"{i}", media=one) for i, one in enumerate(media)]
    )
    dataset.export(
        tmp_path / "d", "image_dir", save_media=True, image_ext=".bmp", executor=processes
    )
    assert len(set(tree(tmp_path / "d").values())) == 1
    assert len(tree(tmp_path / "d")) == 4


def test_images_of_every_kind_reach_an_executor_to_be_resized(
    tmp_path: Path, processes: ProcessPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_store, "_BATCH", 1)
    pixels = np.full((6, 6, 3), 7, np.uint8)
    png = dm.Image.from_numpy(pixels).encoded(".png")
    assert png is not None
    (tmp_path / "a.png").write_bytes(png)
    made = dm.Image.from_numpy(lambda: pixels)
    media = [
        dm.Image.from_file(tmp_path / "a.png"),
        dm.Image.from_numpy(pixels),
        made,
        dm.Image.from_bytes(png),
        dm.Image.from_bytes(lambda: png),
        dm.RoIImage.from_image(made, (1, 1, 4, 4)),
        dm.MosaicImage.from_image_roi_pairs([(made, (0, 0, 6, 6))], (6, 6)),
        ResizedImage(made, (5, 5)),
    ]
    dataset = dm.Dataset.from_iterable(
        [dm.DatasetItem(id=f"{i}", media=one) for i, one in enumerate(media)],
        media_type=dm.MediaElement,
    ).transform("resize", width=3, height=3)
    dataset.export(
        tmp_path / "d", "image_dir", save_media=True, image_ext=".bmp", executor=processes
    )
    dm.Image.from_numpy(pixels[:3, :3]).save(tmp_path / "expected" / "a.bmp")
    assert len(tree(tmp_path / "d")) == len(media)
    assert {*tree(tmp_path / "d").values()} == {*tree(tmp_path / "expected").values()}


def test_a_file_that_is_replaced_while_others_read_it(
    dataset: dm.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process would read something else: it says so. Threads have the old file open."""
    dataset.export(tmp_path / "d", "datumaro_binary")
    path = tmp_path / "d" / "annotations" / "default.datum"
    whole = contents(dm.Dataset.import_from(tmp_path / "d", "datumaro_binary", num_workers=2))
    real = reading.stamp

    def replace_then(descriptor: int) -> tuple[int, int]:
        found = real(descriptor)
        path.unlink()
        path.write_bytes(b"another")
        return found

    monkeypatch.setattr(reading, "stamp", replace_then)
    held = path.read_bytes()
    assert whole == contents(
        dm.Dataset.import_from(tmp_path / "d", "datumaro_binary", num_workers=2)
    )
    path.write_bytes(held)
    with ThreadPoolExecutor(2) as pool, pytest.raises(DatasetImportError, match="was replaced"):
        dm.Dataset.import_from(tmp_path / "d", "datumaro_binary", executor=pool)


@pytest.mark.parametrize("n", [0, 2])
def test_a_damaged_blob_is_told_the_same_way(dataset: dm.Dataset, tmp_path: Path, n: int) -> None:
    dataset.export(tmp_path / "d", "datumaro_binary")
    path = tmp_path / "d" / "annotations" / "default.datum"
    data = bytearray(path.read_bytes())
    at = data.index(b"xxxxxxxxxx") - 4
    data[at : at + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(data)
    with pytest.raises(MalformedFileError, match=rf"{path}: byte {at}"):
        dm.Dataset.import_from(tmp_path / "d", "datumaro_binary", num_workers=n)


def test_options_are_checked_before_anything_is_done(dataset: dm.Dataset, tmp_path: Path) -> None:
    with pytest.raises(InvalidOptionError, match="num_workers is -1"):
        dataset.export(tmp_path / "d", "datumaro_binary", num_workers=-1)
    assert not (tmp_path / "d").exists()
    dataset.export(tmp_path / "c", "image_zip")
    with ThreadPoolExecutor(1) as pool, pytest.raises(UnknownOptionError, match="without workers"):
        dm.Dataset.import_from(tmp_path / "c", "image_zip", executor=pool)
    with pytest.raises(UnknownOptionError, match="num_workers"):
        dm.Dataset.import_from(tmp_path / "c", "image_zip", num_workers=2)


def test_on_the_command_line(
    dataset: dm.Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset.export(tmp_path / "a", "datumaro_binary", save_media=True)
    command = ["convert", "-q", "-i", str(tmp_path / "a"), "-f", "datumaro_binary"]
    reading_flags = ["-o", str(tmp_path / "b"), "--num-workers", "2"]
    assert main([*command, *reading_flags, "--", "--save-media", "--num-workers", "2"]) == 0
    assert tree(tmp_path / "b") == tree(tmp_path / "a")
    assert main([*command, "-o", str(tmp_path / "c"), "--", "--num-workers", "-1"]) == 2
    assert "'-1' is no number of workers" in capsys.readouterr().err
    assert main([*command, "-o", str(tmp_path / "c"), "--num-workers", "two"]) == 1
    assert "'two' is no number of workers" in capsys.readouterr().err


def test_no_process_is_started_by_itself(dataset: dm.Dataset, tmp_path: Path) -> None:
    before = set(children(os.getpid()))
    seen: set[int] = set()
    look = SimpleNamespace(
        start=lambda total, desc=None: None,
        finish=lambda: None,
        report_status=lambda progress: seen.update(children(os.getpid())),
    )
    dataset.export(
        tmp_path / "d",
        "datumaro_binary",
        save_media=True,
        num_workers=2,
        progress_reporter=look,
    )
    assert seen <= before
