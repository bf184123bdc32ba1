"""Exports to one URL at the same time: one of them wins, whole, or is refused."""

import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import datumaro as dm
from at_urls import assert_same, export, keys, put, read
from datumaro.cli.main import main
from datumaro.errors import DatasetExportError, DatasetImportError, RemoteStorageError
from datumaro.remote import claim
from datumaro.remote.claim import Claim
from datumaro.remote.path import located
from datumaro.remote.steady import MARK
from datumaro.remote.upload import _Upload


def made(colour, n=3):
    """Images of one colour, of the same names in each data set; its annotations tell it, too."""
    image = np.full((4, 6, 3), colour, np.uint8)
    return dm.Dataset.from_iterable(
        [
            dm.DatasetItem(
                f"p{k}",
                media=dm.Image.from_numpy(image, ext=".png"),
                annotations=[dm.Caption(f"{colour}")],
            )
            for k in range(n)
        ]
    )


def outcome(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except DatasetExportError as error:
        return str(error)
    return ""


def at_once(*functions):
    """The outcomes of functions that are called at the same time."""
    barrier = threading.Barrier(len(functions))

    def call(function):
        barrier.wait()
        return outcome(function)

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(call, functions))


@pytest.mark.parametrize("is_there", [False, True])
def test_two_exports_at_once_never_mix(bucket, is_there):
    sets = {10: made(10), 20: made(20, n=5)}
    if is_there:
        export(made(30, n=7), f"{bucket}/set", shard_size=1)
    errors = at_once(*(lambda s=s: export(s, f"{bucket}/set", shard_size=2) for s in sets.values()))
    whole = read(f"{bucket}/set")
    colour = int(whole.get("p0").annotations[0].caption)
    assert_same(sets[colour], whole)
    assert not errors[list(sets).index(colour)]
    assert all(not error or "another export to it is under way" in error for error in errors)
    assert not [key for key in keys(f"{bucket}/set") if key.startswith("export-")]


def test_the_first_of_two_that_see_each_other_wins(memory, monkeypatch):
    claims = [Claim(located(f"{memory}/set")) for _ in range(2)]
    looked, has_put = (threading.Barrier(2, timeout=5) for _ in range(2))
    look, wait = claim.refuse_others, Claim._wait
    monkeypatch.setattr(claim, "refuse_others", lambda folder: (look(folder), looked.wait()))
    monkeypatch.setattr(Claim, "_wait", lambda self: (has_put.wait(), wait(self)))
    first, second = sorted(claims, key=lambda c: c.name)
    errors = at_once(second.take, first.take)
    assert errors[1] == "" and f"by {claim.getpass.getuser()}@{socket.gethostname()}" in errors[0]
    assert keys(f"{memory}/set") == [first.name]


def test_one_at_a_time(memory):
    inside, most, taken = [], [], []
    lock = threading.Lock()

    def work():
        mine = Claim(located(f"{memory}/set"))
        mine.take()
        with lock:
            inside.append(mine)
            most.append(len(inside))
        time.sleep(0.002)
        with lock:
            inside.remove(mine)
            taken.append(mine)
        mine.release()

    for _ in range(10):
        at_once(*[work] * 6)
        assert keys(f"{memory}/set") == []
    assert max(most) == 1 and len(taken) >= 10


def test_whoever_comes_late_does_not_disturb(bucket, photos, monkeypatch):
    check = _Upload._check
    seen = []

    def late(self, names, mine):
        put(f"{bucket}/set/{claim.PREFIX}000000000000", b"late")  # it will withdraw
        seen.append(outcome(export, photos, f"{bucket}/set"))
        check(self, names, mine)

    monkeypatch.setattr(_Upload, "_check", late)
    export(photos, f"{bucket}/set")
    assert len(seen) == 2 and all("another export to it is under way" in error for error in seen)
    assert_same(photos, read(f"{bucket}/set"))


def test_who_is_refused_is_so_before_the_work(s3, bucket, photos):
    put(f"{bucket}/set/{claim.PREFIX}a", b"\x1b[2Jeve@host, process 7\nmore\n")
    s3.requests.clear()
    with pytest.raises(DatasetExportError) as told:
        export(photos, f"{bucket}/set")
    text = str(told.value)
    assert f"{bucket}/set: another export to it is under way, by [2Jeve@host, process 7 " in text
    assert f"`aws s3 rm {bucket}/set/{claim.PREFIX}a` (--overwrite does not)" in text
    assert "UTC. Wait for its end" in text
    assert not [method for method, _, _ in s3.requests if method == "PUT"]


KILLED = """
import sys, time
import datumaro as dm
from datumaro.remote.upload import _Upload

def wait(self, names, claim):
    print("uploaded", flush=True)
    time.sleep(60)

_Upload._check = wait
items = [dm.DatasetItem("killed", media=dm.Image.from_bytes(b"x", ".png"))]
dm.Dataset.from_iterable(items).export(
    sys.argv[1], "datumaro_binary", storage="parquet", save_media=True
)
"""


def test_an_export_that_was_killed(bucket, photos, tmp_path, capsys):
    url = f"{bucket}/set"
    export(photos, url, shard_size=1)
    command = [sys.executable, "-c", KILLED, url]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # it cannot tidy up
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline() == "uploaded\n"
        process.kill()
    photos.export(tmp_path / "coco", "coco", save_media=True)
    convert = ["convert", "-q", "-i", str(tmp_path / "coco"), "-f", "datumaro_binary", "-o", url]
    options = ["--overwrite", "--", "--storage", "parquet", "--save-media"]
    for given in (options, options[1:]):
        assert main([*convert, *given]) == 1
        error = capsys.readouterr().err
        assert f"process {process.pid} since" in error
        assert f"aws s3 rm {url}/{claim.PREFIX}" in error
    with pytest.raises(DatasetImportError, match=r"broken off"):
        read(url)
    (left,) = [key for key in keys(url) if key.startswith(claim.PREFIX)]
    place = located(f"{url}/{left}")
    place.connection.filesystem.delete_file(place.place)
    with pytest.raises(DatasetImportError, match=r"broken off"):  # it is not whole for that
        read(url)
    assert main([*convert, *options]) == 0
    assert [item.id for item in read(url).get_subset("val")] == ["p1", "p3"]
    assert not [key for key in keys(url) if key.startswith("export-")]


def test_a_claim_that_somebody_removes(bucket, photos, monkeypatch):
    put_all = _Upload._put_all

    def taken_away(self, names, progress):
        put_all(self, names, progress)
        for key in keys(f"{bucket}/set"):
            if key.startswith(claim.PREFIX):
                place = located(f"{bucket}/set/{key}")
                place.connection.filesystem.delete_file(place.place)

    monkeypatch.setattr(_Upload, "_put_all", taken_away)
    with pytest.raises(RemoteStorageError, match="somebody has removed this file"):
        export(photos, f"{bucket}/set")
    assert MARK in keys(f"{bucket}/set")
    with pytest.raises(DatasetImportError, match="broken off"):
        read(f"{bucket}/set")


def test_a_claim_that_cannot_be_put_or_removed(s3, bucket, photos, caplog):
    s3.refuses = f"PUT .*/{claim.PREFIX}"
    with pytest.raises(RemoteStorageError, match=r"permission.*Nothing was changed at"):
        export(photos, f"{bucket}/set")
    assert keys(bucket) == []
    s3.refuses = f"DELETE .*/{claim.PREFIX}|POST"
    export(photos, f"{bucket}/set")
    assert "could not be removed" in caplog.text and "aws s3 rm" in caplog.text
    s3.refuses = ""
    assert_same(photos, read(f"{bucket}/set"))  # it is whole


def test_an_owner_without_a_name(monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(claim.getpass, "getuser", nobody)
    assert claim._owner().startswith(f"somebody@{socket.gethostname()}, process {os.getpid()}\n")
