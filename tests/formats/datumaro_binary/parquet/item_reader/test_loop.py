"""`ItemReader` in a training loop: any order, other processes, several threads."""

import operator
import random
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest
from hypothesis import given, settings, strategies as st

import datumaro as dm
from datumaro.formats.datumaro_binary.parquet import item_reader, row_groups
from datumaro.testing.strategies import datasets
from formats.datumaro_binary.parquet.item_reader.item_files import export, looked_at, read, seen


@pytest.mark.parametrize("few", [0, 1, 8])
@pytest.mark.parametrize("cache_bytes", [0, 1 << 30])
@pytest.mark.parametrize("paged", [True, False])
def test_in_any_order_they_are_the_data_sets_items(folder, monkeypatch, few, cache_bytes, paged):
    monkeypatch.setattr(row_groups, "_FEW", few)
    if not paged:
        monkeypatch.setattr(row_groups.StoredFile, "pages", lambda *_: None)
    expected = list(read(folder))
    reader = dm.ItemReader(folder, cache_bytes=cache_bytes)
    assert len(reader) == len(expected) == 22
    shuffled = random.Random(7)
    for _ in range(3):
        for k in shuffled.sample(range(22), 22):
            assert reader[k] == expected[k]


def test_another_process_reads_them(folder):
    reader = dm.ItemReader(folder)
    assert reader[3].id == "3"
    order = random.Random(7).sample(range(22), 22)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(operator.getitem, [reader] * 22, order, chunksize=6))
    assert found == [reader[k] for k in order]


def test_a_forked_process_reads_them_while_a_thread_of_its_parent_does(folder):
    reader = dm.ItemReader(folder, cache_bytes=0)
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            _ = reader[random.randrange(22)]

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        with get_context("fork").Pool(2) as pool:
            found = pool.starmap_async(looked_at, [(reader, k) for k in range(22)]).get(60)
    finally:
        stop.set()
        thread.join()
    assert found == seen(read(folder))


def test_locks_that_were_held_at_a_fork_do_not_matter(folder, monkeypatch):
    reader = dm.ItemReader(folder)
    assert reader[0].id == "0"
    reader._recent._lock.acquire()
    reader._naming.acquire()
    monkeypatch.setattr(item_reader.os, "getpid", lambda: -1)  # as the child sees it
    assert reader[1].id == "1"
    assert reader.get("1", "val").subset == "val"


def test_several_threads_read_them(folder):
    reader = dm.ItemReader(folder, cache_bytes=20_000)
    expected = list(read(folder))
    order = [k for seed in range(4) for k in random.Random(seed).sample(range(22), 22)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(reader.__getitem__, order))
    assert found == [expected[k] for k in order]


@settings(max_examples=10)
@given(datasets(max_items=6), st.randoms(use_true_random=False))
def test_all_that_there_is_is_read(tmp_path_factory, made, shuffled):
    where = export(tmp_path_factory.mktemp("items"), made)
    expected = list(read(where))
    reader = dm.ItemReader(where)
    for k in shuffled.sample(range(len(expected)), len(expected)):
        assert reader[k] == expected[k]
        assert reader[expected[k].id, expected[k].subset] == expected[k]
    assert list(reader) == expected
