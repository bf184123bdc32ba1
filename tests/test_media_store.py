"""Saving media: copies, encodings, and what must not happen."""

from __future__ import annotations

import logging
import os
import pickle
import threading
import tracemalloc
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from datumaro import media_store
from datumaro.crypto import Cipher, generate_key
from datumaro.errors import DatasetExportError, MediaError, PathOutsideDatasetError
from datumaro.media_store import MediaJob, MediaStore, file_source, media_extension
from datumaro.model.media import (
    Image,
    MosaicImage,
    MultiframeImage,
    PointCloud,
    RoIImage,
    Video,
    VideoFrame,
)
from datumaro.model.resized_image import ResizedImage
from datumaro.progress import ProgressReporter
from datumaro.workers import Workers

GRADIENT = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


@pytest.fixture
def picture(tmp_path: Path) -> str:
    path = tmp_path / "source" / "a.jpg"
    Image.from_numpy(GRADIENT).save(path)
    return str(path)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_a_file_whose_extension_stays_is_copied_byte_by_byte(picture: str, out: Path) -> None:
    jobs = [
        MediaJob(picture, "images/train/a.jpg"),
        MediaJob(Image.from_file(picture), "images/train/b.JPEG"),
    ]
    report = MediaStore(out).save(jobs)
    assert (report.saved, report.missing, report.external) == (2, 0, 0)
    for name in ("a.jpg", "b.JPEG"):
        assert (out / "images/train" / name).read_bytes() == Path(picture).read_bytes()


def test_another_extension_is_encoded(picture: str, out: Path) -> None:
    MediaStore(out).save([MediaJob(picture, "a.png")])
    with PILImage.open(out / "a.png") as saved:
        assert saved.format == "PNG"
    np.testing.assert_array_equal(
        Image.from_file(out / "a.png").data, Image.from_file(picture).data
    )


def test_media_in_memory_are_encoded_in_the_right_colours(out: Path) -> None:
    blue = np.zeros((4, 4, 3), np.uint8)
    blue[:, :, 0] = 255  # BGR
    jobs = [
        MediaJob(Image.from_numpy(blue), "array.png"),
        MediaJob(Image.from_numpy(lambda: blue), "function.png"),
        MediaJob(RoIImage.from_image(Image.from_numpy(blue), (0, 0, 2, 2)), "part.png"),
        MediaJob(Image.from_numpy(np.full((4, 4), 40_000, np.uint16)), "depth.png"),
        MediaJob(PointCloud.from_bytes(b"points"), "cloud.pcd"),
    ]
    assert MediaStore(out).save(jobs).saved == 5
    for name, size in (("array.png", (4, 4)), ("function.png", (4, 4)), ("part.png", (2, 2))):
        with PILImage.open(out / name) as saved:
            assert (saved.size, saved.getpixel((0, 0))) == (size, (0, 0, 255))  # RGB
    assert Image.from_file(out / "depth.png").data[0, 0] == 40_000
    assert (out / "cloud.pcd").read_bytes() == b"points"


def test_of_a_region_no_more_than_its_pixels_is_kept(out: Path) -> None:
    big = Image.from_numpy(lambda: np.zeros((1000, 1000), np.uint8))
    jobs = (MediaJob(RoIImage.from_image(big, (i, 0, 2, 2)), f"{i}.png") for i in range(60))
    MediaStore(out).save([MediaJob(Image.from_numpy(GRADIENT), "first.png")])
    tracemalloc.start()
    try:
        assert MediaStore(out).save(jobs).saved == 60
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_frames_to_resize_are_got_in_order_and_do_not_pile_up(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers scale them; a video is read by one thread, and few frames are in memory."""
    monkeypatch.setattr(media_store, "_BATCH_BYTES", GRADIENT.nbytes * 2)
    got: list[tuple[str, int]] = []

    def make(n: int) -> np.ndarray:
        got.append((threading.current_thread().name, n))
        return GRADIENT

    sources = [
        ResizedImage(ResizedImage(Image.from_numpy(partial(make, n)), (5, 5)), (3, 4))
        for n in range(20)
    ]
    batches: list[int] = []
    real = media_store.save_batch
    monkeypatch.setattr(
        media_store, "save_batch", lambda batch: batches.append(len(batch.sources)) or real(batch)
    )
    jobs = [MediaJob(source, f"{n:02}.png") for n, source in enumerate(sources)]
    assert MediaStore(out, workers=Workers(2)).save(jobs).saved == 20
    assert got == [(threading.current_thread().name, n) for n in range(20)]
    assert batches == [2] * 10
    for source, path in zip(sources, sorted(out.iterdir()), strict=True):
        np.testing.assert_array_equal(Image.from_file(path).data, source.data)


def test_a_region_is_not_the_same_as_its_image(picture: str, out: Path) -> None:
    region = RoIImage.from_image(Image.from_file(picture), (0, 0, 2, 2))
    with pytest.raises(DatasetExportError, match=r"whole and part would both be saved as 'a\.jpg'"):
        MediaStore(out).save(
            [MediaJob(picture, "a.jpg", "whole"), MediaJob(region, "a.jpg", "part")]
        )


class OtherProcess(ThreadPoolExecutor):
    """What is handed to it is pickled, as on the way to another process."""

    def submit(self, *call: Any) -> Future[Any]:
        return super().submit(*pickle.loads(pickle.dumps(call)))


def test_what_functions_make_is_got_before_other_processes_decrypt(
    tmp_path: Path, out: Path
) -> None:
    """Of a mosaic's images, and pictures of a point cloud, which are saved by themselves."""
    cipher = Cipher(generate_key())
    Image.from_numpy(GRADIENT).save(tmp_path / "a.png")
    for name, data in (("a.png", (tmp_path / "a.png").read_bytes()), ("c.pcd", b"points")):
        (tmp_path / name).write_bytes(cipher.encrypt(data))
    image = Image.from_file(tmp_path / "a.png", cipher=cipher)
    made = Image.from_numpy(lambda: GRADIENT)
    mosaic = MosaicImage.from_image_roi_pairs(
        [(image, (0, 0, 8, 6)), (made, (8, 0, 8, 6))], (6, 16)
    )
    cloud = PointCloud.from_file(tmp_path / "c.pcd", lambda: [image], cipher=cipher)
    jobs = [MediaJob(mosaic, f"{i}.png") for i in range(64)]
    jobs += [MediaJob(cloud, f"{i}.pcd") for i in range(64)]
    with OtherProcess(1) as executor:
        assert MediaStore(out, workers=Workers(executor=executor)).save(jobs).saved == 128
    assert (out / "63.pcd").read_bytes() == b"points"
    np.testing.assert_array_equal(
        Image.from_file(out / "63.png").data, np.hstack([GRADIENT, GRADIENT])
    )


def test_encoded_bytes_are_written_as_they_are(picture: str, out: Path) -> None:
    encoded = Path(picture).read_bytes()
    image = Image.from_bytes(lambda: encoded)
    MediaStore(out).save([MediaJob(image, "a.jpg"), MediaJob(image, "a.bmp")])
    assert (out / "a.jpg").read_bytes() == encoded
    assert (out / "a.bmp").read_bytes()[:2] == b"BM"


def test_videos_and_clouds_are_copied(tmp_path: Path, out: Path) -> None:
    for name in ("v.avi", "c.pcd"):
        (tmp_path / name).write_bytes(name.encode())
    jobs = [
        MediaJob(Video(tmp_path / "v.avi"), "videos/v.avi"),
        MediaJob(PointCloud.from_file(tmp_path / "c.pcd"), "clouds/c.pcd"),
    ]
    MediaStore(out).save(jobs)
    assert (out / "videos/v.avi").read_bytes() == b"v.avi"
    assert (out / "clouds/c.pcd").read_bytes() == b"c.pcd"


@pytest.mark.parametrize("cipher", [None, Cipher(generate_key())])
@pytest.mark.parametrize("n_workers", [0, 2])
def test_files_of_all_sizes_are_saved_beside_what_is_no_file(
    tmp_path: Path, out: Path, picture: str, cipher: Cipher | None, n_workers: int
) -> None:
    """What is done together, by itself and not at all, in any order."""
    data = np.random.default_rng(0)
    jobs: list[MediaJob] = []
    expected: dict[str, bytes] = {}
    sizes = [0, 1, 15, 16, 17, 1000, 40_000, 1 << 20, (1 << 20) - 100, 3 << 20, 17 << 20, 500_000]
    for number, size in enumerate(sizes * 5):
        path = tmp_path / f"{number}.bin"
        if number % 7 != 3:
            path.write_bytes(data.bytes(size if number < len(sizes) else size % 100_000))
            expected[f"{number}.bin"] = path.read_bytes()
        jobs.append(MediaJob(str(path), f"{number}.bin"))
        if number % 5 == 1:
            jobs.append(MediaJob(Image.from_file(picture), f"{number}.png"))
            expected[f"{number}.png"] = Image.from_file(picture).encoded(".png")
        if number % 5 == 2:
            jobs.append(MediaJob(Image.from_bytes(b"\xff\xd8\xff" + bytes(size)), f"{number}.jpg"))
            expected[f"{number}.jpg"] = b"\xff\xd8\xff" + bytes(size)
    report = MediaStore(out, workers=Workers(n_workers), cipher=cipher).save(jobs)
    assert (report.saved, report.missing) == (len(expected), len(jobs) - len(expected))
    assert {path.name for path in out.iterdir()} == set(expected)
    assert set(report.seals) == (set(expected) if cipher else set())
    for name, content in expected.items():
        saved = (out / name).read_bytes()
        if cipher is not None:
            saved = cipher.decrypt(saved, seal=report.seals[name])
        assert saved == content, name


def test_missing_files_are_counted_and_logged_once(
    picture: str, out: Path, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = [MediaJob(f"/nowhere/{i}.jpg", f"{i}.jpg", name=f"item {i}") for i in range(50)]
    jobs += [MediaJob(Image.from_file("/nowhere/x.jpg"), "x.png"), MediaJob(picture, "a.jpg")]
    with caplog.at_level(logging.WARNING, "datumaro"):
        report = MediaStore(out).save(jobs)
    assert (report.saved, report.missing) == (1, 51)
    assert report.missing_examples[0] == "item 0: /nowhere/0.jpg"
    assert len(caplog.records) == 1
    assert "51 media files are missing" in caplog.text
    assert [path.name for path in out.iterdir()] == ["a.jpg"]


def test_external_media_are_never_opened(
    picture: str, out: Path, caplog: pytest.LogCaptureFixture
) -> None:
    external = Image.from_file(picture, external=True)
    jobs = [
        MediaJob(external, "a.jpg"),
        MediaJob(PointCloud.from_file(picture, external=True), "a.pcd"),
        MediaJob(Video(picture, external=True), "a.avi"),
        MediaJob(file_source(picture, '{"external": true}'), "b.jpg"),
        MediaJob(VideoFrame(Video(picture, external=True), 0), "c.jpg"),
        MediaJob(RoIImage.from_image(external, (0, 0, 2, 2)), "d.jpg"),
        MediaJob(MosaicImage.from_image_roi_pairs([(external, (0, 0, 8, 6))], (6, 8)), "e.jpg"),
        MediaJob(MultiframeImage([external]), "f.tif"),
    ]
    with caplog.at_level(logging.WARNING, "datumaro"):
        report = MediaStore(out).save(jobs)
    assert (report.saved, report.missing, report.external) == (0, 0, 8)
    assert "allow_external_media" in caplog.text
    assert not out.exists()


@pytest.mark.parametrize(
    "destination", ["../a.jpg", "/etc/a.jpg", "x/../../a.jpg", "C:\\a", "", "."]
)
def test_no_destination_outside_the_folder(picture: str, out: Path, destination: str) -> None:
    with pytest.raises(PathOutsideDatasetError, match="item 7"):
        MediaStore(out).save([MediaJob(picture, destination, name="item 7")])
    assert not (out.parent / "a.jpg").exists()


def test_two_media_do_not_share_a_file(picture: str, out: Path) -> None:
    other = Image.from_numpy(np.zeros((2, 2), np.uint8))
    jobs = [MediaJob(picture, "x/a.jpg", name="a/b"), MediaJob(other, "x/./a.jpg", name="a_b")]
    with pytest.raises(DatasetExportError, match=r"a/b and a_b .*'x/a.jpg'"):
        MediaStore(out).save(jobs)


def test_one_medium_may_be_saved_twice_in_one_place(picture: str, out: Path) -> None:
    frames = [MediaJob(picture, "a.jpg"), MediaJob(Image.from_file(picture), "a.jpg")]
    assert MediaStore(out).save(frames).saved == 2


def test_a_file_may_be_saved_where_it_is(picture: str) -> None:
    content = Path(picture).read_bytes()
    assert MediaStore(Path(picture).parent).save([MediaJob(picture, "a.jpg")]).saved == 1
    assert Path(picture).read_bytes() == content


def test_a_failure_names_item_and_file_and_stops_the_rest(tmp_path: Path, out: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"not an image")
    jobs = [MediaJob(str(tmp_path / "bad.jpg"), "bad.png", name="item 3")]
    jobs += [MediaJob(str(tmp_path / "bad.jpg"), f"{i}.jpg") for i in range(5000)]
    threads = threading.active_count()
    with pytest.raises(DatasetExportError, match=r"item 3: .*bad\.jpg.*'bad\.png'") as failure:
        MediaStore(out).save(jobs)
    assert isinstance(failure.value.__cause__, MediaError)
    assert len(list(out.iterdir())) < 5000
    assert threading.active_count() == threads


def test_a_failing_function_names_its_item(out: Path) -> None:
    def broken() -> np.ndarray:
        raise RuntimeError("no camera")

    with pytest.raises(DatasetExportError, match=r"item 1.*no camera"):
        MediaStore(out).save([MediaJob(Image.from_numpy(broken), "a.png", name="item 1")])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_does_not_hang(tmp_path: Path, out: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(DatasetExportError, match="not a regular file"):
        MediaStore(out).save([MediaJob(str(tmp_path / "pipe.jpg"), "a.jpg")])


def test_several_images_are_not_saved_as_one(picture: str, out: Path) -> None:
    with pytest.raises(DatasetExportError, match="MultiframeImage"):
        MediaStore(out).save([MediaJob(MultiframeImage([picture]), "a.tif")])


def test_an_interrupt_stops_at_once_and_leaves_no_thread(picture: str, out: Path) -> None:
    class Impatient(ProgressReporter):
        def report_status(self, progress: int) -> None:
            raise KeyboardInterrupt

    threads = threading.active_count()
    jobs = (MediaJob(picture, f"{i}.jpg") for i in range(5000))
    with pytest.raises(KeyboardInterrupt):
        MediaStore(out, Impatient()).save(jobs)
    assert threading.active_count() == threads
    assert len(list(out.iterdir())) < 1000


def test_progress_is_told_to_the_end(picture: str, out: Path) -> None:
    seen: list[int] = []

    class Recorder(ProgressReporter):
        def start(self, total: int, *, desc: str | None = None) -> None:
            assert total == 101

        def report_status(self, progress: int) -> None:
            seen.append(progress)

        def finish(self) -> None:
            seen.append(-1)

    jobs = [MediaJob(picture, f"{i}.jpg") for i in range(100)] + [MediaJob("/no.jpg", "no.jpg")]
    MediaStore(out, Recorder()).save(jobs, total=101)
    assert seen == [*sorted(seen[:-1]), -1]
    assert seen[-2] == 101


def test_the_extension_of_a_saved_medium() -> None:
    assert media_extension("a/b.PNG", None, None) == ".PNG"
    assert media_extension("a/b.PNG", None, "bmp") == ".bmp"
    assert media_extension("", Image.from_numpy(GRADIENT), None) == ".jpg"
    assert media_extension("", Image.from_numpy(GRADIENT, ext=".webp"), None) == ".webp"
    assert media_extension("a.pcd", PointCloud.from_file("a.pcd"), ".png") == ".pcd"
    frame = VideoFrame(Video("a.avi"), 0)
    region = RoIImage.from_image(frame, (0, 0, 2, 2))
    assert media_extension(frame.path, frame, None) == ".jpg"
    assert media_extension(region.path, region, None, default=".png") == ".png"
    region = RoIImage.from_image(Image.from_file("a.PNG"), (0, 0, 2, 2))
    assert media_extension("", region, None) == ".PNG"
    assert media_extension("v.1/frame", None, None, default=".png") == ".png"
