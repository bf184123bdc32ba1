"""Batches of files: what is done, and that everything odd is left to whoever does files singly."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from datumaro.kernels import files

pytestmark = pytest.mark.skipif(os.name == "nt", reason="all files are left there")

CONTENTS = [b"", b"a", b"\0" * 65536, os.urandom(65537), os.urandom(300_000)]


def paths(folder: Path, contents: list[bytes]) -> list[str]:
    folder.mkdir()
    made: list[str] = []
    for number, content in enumerate(contents):
        made.append(str(folder / f"{number} ä\udcff.bin"))
        Path(made[-1]).write_bytes(content)
    return made


def memory(size: int = 1 << 20) -> np.ndarray:
    return np.full(size, 0xEE, np.uint8)


@pytest.fixture(params=["same", "other"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder on the sources' file system, or on another one, to which the system may not copy."""
    if request.param == "same":
        (tmp_path / "target").mkdir()
        yield tmp_path / "target"
        return
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system")
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


def odd(folder: Path) -> list[str]:
    """Paths of no regular files, and paths that are none."""
    os.mkfifo(folder / "pipe")  # whoever opens it to read waits for a writer
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    return [
        str(folder / "missing"),
        str(folder / "missing" / "a"),
        str(folder / "pipe"),
        str(folder / "folder"),
        str(folder / "loop"),
        "/dev/zero",
        str(folder / "a\0b"),
        str(folder / "a\ud800"),
        "",
        str(folder / ("a" * 300)),
    ]


# --- copy -------------------------------------------------------------------------------------


def test_files_are_copied(tmp_path: Path, target: Path) -> None:
    sources = paths(tmp_path / "s", CONTENTS)
    targets = [str(target / f"{number}.bin") for number in range(len(sources))]
    assert files.copy(sources, targets) == [True] * len(sources)
    assert [Path(one).read_bytes() for one in targets] == CONTENTS
    usual = tmp_path / "usual"
    usual.write_bytes(b"")
    assert Path(targets[0]).stat().st_mode == usual.stat().st_mode
    assert files.copy([], []) == []


def test_a_link_is_followed_to_what_is_copied(tmp_path: Path, target: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("a")
    assert files.copy([str(tmp_path / "link")], [str(target / "b")]) == [True]
    assert (target / "b").read_bytes() == b"abc"
    assert not (target / "b").is_symlink()


def test_what_is_no_file_is_left(tmp_path: Path, target: Path) -> None:
    sources = odd(tmp_path)
    targets = [str(target / f"{number}") for number in range(len(sources))]
    good = paths(tmp_path / "s", [b"good"])
    done = files.copy([*sources, *good], [*targets, str(target / "good")])
    assert done == [False] * len(sources) + [True]
    assert [path.name for path in target.iterdir()] == ["good"]


def test_a_target_that_exists_is_left_as_it_is(tmp_path: Path, target: Path) -> None:
    (source,) = paths(tmp_path / "s", [b"new"])
    (target / "file").write_bytes(b"old")
    (target / "folder").mkdir()
    (target / "link").symlink_to(tmp_path / "elsewhere")
    names = ["file", "folder", "link", "missing/a", "a\0b"]
    assert files.copy([source] * 5, [str(target / name) for name in names]) == [False] * 5
    assert (target / "file").read_bytes() == b"old"
    assert not (tmp_path / "elsewhere").exists()
    assert files.copy([source], [source]) == [False]
    assert Path(source).read_bytes() == b"new"


def test_a_call_takes_no_more_than_16_megabytes(tmp_path: Path, target: Path) -> None:
    sources = paths(tmp_path / "s", [b""] * 4)
    for source, size in zip(sources, (10, 16 << 20, 17 << 20, 5), strict=True):
        os.truncate(source, size)
    targets = [str(target / f"{number}") for number in range(4)]
    assert files.copy(sources, targets) == [True], "the next would be too much"
    assert files.copy(sources[1:], targets[1:]) == [True, False], "the third by itself, too"
    assert files.copy(sources[3:], targets[3:]) == [True]
    assert [path.name for path in sorted(target.iterdir())] == ["0", "1", "3"]


def test_a_file_of_unknown_size_is_copied_whole(tmp_path: Path, target: Path) -> None:
    status = "/proc/self/limits"  # 0 bytes, it says
    if not Path(status).exists():
        pytest.skip("there is no /proc")
    assert files.copy([status], [str(target / "a")]) == [True]
    assert (target / "a").read_bytes() == Path(status).read_bytes()


# --- read -------------------------------------------------------------------------------------


def test_files_are_read(tmp_path: Path) -> None:
    data = memory()
    places = files.read(paths(tmp_path / "s", CONTENTS), data)
    assert [data[slice(*place)].tobytes() for place in places if place] == CONTENTS
    assert places[0] == (0, 0)
    assert (data[places[-1][1] :] == 0xEE).all()


@given(
    sizes=st.lists(st.integers(0, 50), max_size=8),
    room=st.integers(0, 200),
    step=st.sampled_from([1, 3, 48]),
    gap=st.integers(0, 80),
)
def test_as_many_are_read_as_there_is_room_for(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], room: int, step: int, gap: int
) -> None:
    contents = [os.urandom(size) for size in sizes]
    sources = paths(tmp_path_factory.mktemp("read") / "s", contents)
    data = memory(room + 100)
    places = files.read(sources, data[:room], step, gap)
    assert bool(places) == bool(sources)
    free = 0
    for place, content in zip(places, contents, strict=False):
        if place is None:
            assert len(content) > room
        else:
            begin, end = place
            assert begin % step == 0
            assert begin >= free
            assert data[begin:end].tobytes() == content
            free = end + gap
    if len(places) < len(sources):
        begin = -(-free // step) * step
        assert begin + sizes[len(places)] > room
    assert (data[room:] == 0xEE).all()


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    sources = [*odd(tmp_path), *paths(tmp_path / "s", [b"good"])]
    data = memory()
    places = files.read(sources, data)
    assert places[:-1] == [None] * (len(sources) - 1)
    assert places[-1] == (0, 4)
    if Path("/proc/self/limits").exists():
        assert files.read(["/proc/self/limits"], data) == [None], "it has more than its size says"


def test_no_descriptor_stays_open(tmp_path: Path, target: Path) -> None:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("there is no /proc")
    sources = [*odd(tmp_path), *paths(tmp_path / "s", CONTENTS)]
    before = len(list(folder.iterdir()))
    files.read(sources, memory(1000))
    files.read(sources, memory())
    files.copy(sources, [str(target / f"{number}") for number in range(len(sources))])
    files.write([str(target / "x"), str(target / "x")], b"abc", [(0, 3)] * 2, [b""] * 2)
    assert len(list(folder.iterdir())) == before


# --- write ------------------------------------------------------------------------------------


def test_files_are_written(tmp_path: Path) -> None:
    targets = [str(tmp_path / f"{number} \udcff") for number in range(4)]
    places = [(0, 0), (1, 3), (2, 2), (0, 8)]
    tails = [b"", b"=", b"==", b""]
    assert files.write(targets, b"abcdefgh", places, tails) == [True] * 4
    written = [Path(target).read_bytes() for target in targets]
    assert written == [b"", b"bc=", b"==", b"abcdefgh"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("elsewhere")
    names = ["file", "link", "missing/a", "", "a\0b", "new"]
    targets = [str(tmp_path / name) for name in names]
    done = files.write(targets, b"abc", [(0, 3)] * 6, [b""] * 6)
    assert done == [False] * 5 + [True]
    assert (tmp_path / "file").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link", "new"]


@pytest.mark.parametrize("place", [(0, 4), (-1, 2), (3, 2), (4, 4)])
def test_nothing_beyond_the_memory_is_written(tmp_path: Path, place: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="more is to be written than there is"):
        files.write([str(tmp_path / "a")], b"abc", [place], [b""])
    assert not list(tmp_path.iterdir())
