"""MOT Challenge sequences: what is read from their files, what is written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import datumaro as dm
from datumaro.errors import (
    DatasetImportError,
    DatasetNotFoundError,
    InvalidAnnotationError,
    MalformedFileError,
    PathOutsideDatasetError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats.base import Confidence
from format_files import detect, image, label_names, lost, make, png, read, rows_mask, written

PIXEL = png(rows_mask(0).astype("uint8"))


def sequence(root: Path, rows: str, **files: str | bytes) -> Path:
    more = {name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()}
    return make(root, {"gt/gt.txt": rows, **more})


def boxes(dataset: dm.Dataset) -> list[tuple[str, int | None, list[float], dict[str, object]]]:
    """(item, label, corners, attributes) of all boxes."""
    return [(i.id, a.label, a.points, a.attributes) for i in dataset for a in i.annotations]


SEEN = {"visibility": 1.0, "occluded": False, "ignored": False}


# --- reading ------------------------------------------------------------------------------------


def test_sample(shared_data: Path):
    found = read(shared_data / "formats/mot_dataset/mot_seq", "mot_seq")
    assert label_names(found) == [f"label_{n}" for n in range(10)]
    assert boxes(found) == [("1", 2, [0, 4, 4, 12], SEEN)]
    (item,) = found
    assert item.media.path.endswith("img1/000001.jpg")
    assert dm.Dataset.detect(shared_data / "formats/mot_dataset") == "mot_seq"


def test_tracks_visibility_and_ignored_boxes(tmp_path: Path):
    sequence(tmp_path, "2,7,1.5,2,3,4,0,2,0\n1,-1,1,2,3,4,1,-1,0.25\r\n\n1,8,0,0,1,1,1,1\n")
    assert boxes(read(tmp_path, "mot_seq")) == [
        ("1", None, [1, 2, 4, 6], {"visibility": 0.25, "occluded": False, "ignored": False}),
        ("1", 0, [0, 0, 1, 1], {"track_id": 8, **SEEN}),
        (
            "2",
            1,
            [1.5, 2, 4.5, 6],
            {"track_id": 7, "visibility": 0.0, "occluded": True, "ignored": True},
        ),
    ]
    found = read(tmp_path, "mot_seq", occlusion_threshold=0.25)
    assert boxes(found)[0][3]["occluded"] is True


def test_without_labels_they_are_those_of_mot17(tmp_path: Path):
    sequence(tmp_path, "1,1,0,0,1,1,1,12,1\n")
    found = read(tmp_path, "mot_seq")
    assert (len(label_names(found)), label_names(found)[11]) == (12, "reflection")
    assert boxes(found)[0][1] == 11
    make(tmp_path, {"names.txt": "a\nb\n" + "x\n".join(map(str, range(12)))})
    assert label_names(read(tmp_path, "mot_seq", labels=str(tmp_path / "names.txt")))[:2] == [
        "a",
        "b",
    ]
    assert label_names(read(tmp_path, "mot_seq", labels=[str(n) for n in range(12)]))[0] == "0"


def test_detections_have_scores(tmp_path: Path):
    make(tmp_path, {"det/det.txt": "1,-1,1,2,3,4,0.5,-1,-1,-1\n3,-1,1,2,3,4,7.25,-1,-1,-1\n"})
    assert boxes(read(tmp_path, "mot_seq")) == [
        ("1", None, [1, 2, 4, 6], {"score": 0.5}),
        ("3", None, [1, 2, 4, 6], {"score": 7.25}),
    ]
    assert len(read(tmp_path / "det/det.txt", "mot_seq")) == 2


def test_images_are_frames(tmp_path: Path):
    sequence(tmp_path, "", img1__000007_dot_png=PIXEL, img1__2_dot_png=PIXEL)
    assert [(i.id, i.media.size) for i in read(tmp_path, "mot_seq")] == [
        ("2", (4, 6)),
        ("7", (4, 6)),
    ]


def test_what_seqinfo_says(tmp_path: Path):
    info = "[Sequence]\nname=x\nimDir=frames\nseqLength=3\nimWidth=8\nimHeight=6\nimExt=.png\n"
    sequence(tmp_path, "2,1,0,0,1,1,1,1,1\n", seqinfo_dot_ini=info, frames__000001_dot_png=PIXEL)
    found = list(read(tmp_path, "mot_seq"))
    assert [(i.id, len(i.annotations), i.media.size) for i in found] == [
        ("1", 0, (6, 8)),
        ("2", 1, (6, 8)),
        ("3", 0, (6, 8)),
    ]
    assert found[2].media.path == str(tmp_path / "frames/000003.png")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no .Sequence."),
        ("name=x", "Sequence|section"),
        ("[Sequence]\nseqLength=-3", "seqlength.*'-3'.*whole number"),
        ("[Sequence]\nseqLength=99999999999", "seqlength.*up to"),
        ("[Sequence]\nimExt=../../x", "imExt.*such as .jpg"),
    ],
)
def test_a_damaged_seqinfo(tmp_path: Path, text: str, message: str):
    sequence(tmp_path, "", seqinfo_dot_ini=text)
    with pytest.raises(MalformedFileError, match=rf"(?s)seqinfo.ini.*({message})"):
        read(tmp_path, "mot_seq")


def test_a_seqinfo_that_leads_outside(tmp_path: Path):
    sequence(tmp_path, "", seqinfo_dot_ini="[Sequence]\nimDir=../../etc")
    with pytest.raises(PathOutsideDatasetError, match="imDir"):
        read(tmp_path, "mot_seq")


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        ("1.5,1,0,0,1,1,1,1,1", InvalidAnnotationError, "line 2: frame 1.5; expected a whole"),
        ("-1,1,0,0,1,1,1,1,1", InvalidAnnotationError, "frame -1"),
        ("1e12,1,0,0,1,1,1,1,1", InvalidAnnotationError, "frame 1e.12"),
        ("1,0.5,0,0,1,1,1,1,1", InvalidAnnotationError, "track 0.5"),
        ("1,1,0,nan,1,1,1,1,1", InvalidAnnotationError, "y nan.*four numbers of pixels"),
        ("1,1,0,0,1e30,1,1,1,1", InvalidAnnotationError, "width 1e.30"),
        ("1,1,0,0,1,1,inf,1,1", InvalidAnnotationError, "confidence inf"),
        ("1,1,0,0,1,1,1,13,1", UndeclaredLabelError, "class 13.*up to 12"),
        ("1,1,0,0,1,1,1,1.5,1", UndeclaredLabelError, "class 1.5"),
        ("1,1,0", InvalidAnnotationError, "y nan"),
        ("1,1,zero,0,1,1,1,1,1", MalformedFileError, "x 'zero'.*a number"),
    ],
)
def test_a_wrong_row(tmp_path: Path, row: str, error: type[Exception], message: str):
    sequence(tmp_path, f"1,1,0,0,1,1,1,1,1\n{row}\n")
    with pytest.raises(error, match=f"gt.txt: line 2.*{message}|gt.txt: {message}"):
        read(tmp_path, "mot_seq")
    found = read(tmp_path, "mot_seq", error_policy="skip")
    assert len(boxes(found)) == 1


def test_a_wrong_frame_list_and_image(tmp_path: Path):
    sequence(tmp_path, "", gt__frames_dot_txt="1\nx\n")
    with pytest.raises(MalformedFileError, match=r"frames.txt: line 2.*'x'.*frame's number"):
        read(tmp_path, "mot_seq")
    sequence(tmp_path, "", gt__frames_dot_txt="1\n", img1__first_dot_png=PIXEL)
    with pytest.raises(MalformedFileError, match=r"first.png.*expected the number of a frame"):
        read(tmp_path, "mot_seq")
    sequence(tmp_path / "two", "", img1__1_dot_png=PIXEL, img1__001_dot_png=PIXEL)
    with pytest.raises(MalformedFileError, match=r"1.png.*frame 1, which '001.png' is"):
        read(tmp_path / "two", "mot_seq")


def test_several_sequences_have_to_be_named(tmp_path: Path):
    for name in ("a", "b"):
        sequence(tmp_path / "train" / name, "1,1,0,0,1,1,1,1,1\n")
    with pytest.raises(DatasetNotFoundError, match=r"several data sets \(train/a, train/b\)"):
        read(tmp_path, "mot_seq")
    with pytest.raises(DatasetNotFoundError, match=r"no gt/gt.txt"):
        read(make(tmp_path / "empty", {"x": ""}), "mot_seq")


def test_a_row_of_another_file_is_not_mot(tmp_path: Path):
    sequence(tmp_path, "1,1,0,0,1,1,1,1,1\n")
    assert detect(tmp_path, "mot_seq") == Confidence.MEDIUM
    sequence(tmp_path, "a word\n")
    assert "no row of numbers" in str(detect(tmp_path, "mot_seq"))
    with pytest.raises(DatasetImportError, match="line 1"):
        read(tmp_path, "mot_seq")


# --- writing ------------------------------------------------------------------------------------


def track(item_id: str, **attributes: object) -> dm.DatasetItem:
    box = dm.Bbox(1, 2, 3.25, 4, label=0, attributes=attributes)
    return dm.DatasetItem(item_id, media=image(), annotations=[box])


def of(*items: dm.DatasetItem) -> dm.Dataset:
    return dm.Dataset.from_iterable(items, categories=["car"])


def test_the_files(tmp_path: Path):
    unlabelled = dm.DatasetItem("9", annotations=[dm.Bbox(0, 0, 1, 1)])
    of(track("3", track_id=5, ignored=True), unlabelled).export(
        str(tmp_path / "o"), "mot_seq_gt", save_media=True
    )
    files = sorted(str(p.relative_to(tmp_path / "o")) for p in (tmp_path / "o").rglob("*.*"))
    assert files == ["gt/gt.txt", "gt/labels.txt", "img1/000003.png"]
    assert (tmp_path / "o/gt/gt.txt").read_text() == (
        "3,5,1.0,2.0,3.25,4.0,0,1,1.0\n9,-1,0.0,0.0,1.0,1.0,1,-1,1.0\n"
    )
    assert (tmp_path / "o/gt/labels.txt").read_text() == "car\n"


def test_frames_without_boxes_and_images_are_listed(tmp_path: Path):
    items = [dm.DatasetItem("4"), dm.DatasetItem("2", media=image()), track("3")]
    received = written(of(*items), tmp_path, "mot_seq")
    assert [i.id for i in received] == ["2", "3", "4"]


def test_other_ids_become_free_numbers(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    items = [track("a/b"), track("2"), track("0007"), dm.DatasetItem("2", subset="val")]
    received = written(of(*items), tmp_path, "mot_seq")
    assert sorted(i.id for i in received) == ["1", "2", "3", "4"]
    assert "3 ids of items that are no frames' numbers" in lost(caplog)
    assert "'a/b', '0007', '2'" in lost(caplog)


def test_other_tracks_become_free_numbers(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    ids: list[object] = ["left", 9, "left", "right", -1, True, [1], 2.5]
    items = [track(str(n + 1), track_id=track_id) for n, track_id in enumerate(ids)]
    received = written(of(*items), tmp_path, "mot_seq")
    found = [attributes["track_id"] for _, _, _, attributes in boxes(received)]
    assert found[0] == found[2]
    assert found[1] == 9
    assert len(set(found)) == 7
    assert min(set(found) - {9}) == 10
    assert "6 ids of tracks that are no numbers from 1 on" in lost(caplog)


def test_occlusion_and_visibility(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    states = [
        {"occluded": True},
        {"visibility": 0.5, "occluded": True},
        {"visibility": 0, "occluded": False},
        {"visibility": "low"},
    ]
    items = [track(str(n + 1), **state) for n, state in enumerate(states)]
    received = written(of(*items), tmp_path, "mot_seq")
    assert [(a["visibility"], a["occluded"]) for *_, a in boxes(received)] == [
        (0.0, True),
        (0.5, False),
        (0.0, True),
        (1.0, False),
    ]
    assert "2 occluded, where the visibility says otherwise" in lost(caplog)
    assert "visibilities that are no numbers" in lost(caplog)


def test_names_that_do_not_fit_a_line(tmp_path: Path):
    dataset = dm.Dataset.from_iterable([], categories=["two\nlines"])
    with pytest.raises(UnsupportedContentError, match=r"labels.txt"):
        dataset.export(str(tmp_path / "o"), "mot_seq")
