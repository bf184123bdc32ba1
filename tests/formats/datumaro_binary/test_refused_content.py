"""Content that is refused when it is read or written, though the file is whole."""

import pytest

from datumaro.errors import (
    DatasetImportError,
    MalformedFileError,
    UndeclaredLabelError,
    UnsupportedContentError,
)
from datumaro.formats.base import ReadContext
from datumaro.formats.datumaro_binary.format import DatumaroBinaryReadOptions
from datumaro.model.annotation import AnnotationType as Kind
from datumaro.model.media import MediaType
from datumaro.table.chunk import Content
from formats.datumaro_binary.datum_files import (
    FORMAT,
    chunk,
    each_storage,
    labelled,
    read,
    told,
    write,
)


@each_storage
def test_undeclared_labels_are_errors_or_left_out(tmp_path, storage):
    write(labelled(0, 2, 1, -1), tmp_path, storage=storage)
    with pytest.raises(UndeclaredLabelError, match="'1': annotation 1: label 2; expected 0 to 1"):
        read(tmp_path)
    context = ReadContext(on_error="skip")
    back = FORMAT.read(tmp_path, DatumaroBinaryReadOptions(), context)
    assert [row["label"] for row in told(back)[0][1]] == [0, 1]
    assert context.n_problems == 2


@each_storage
def test_labels_need_no_categories(tmp_path, storage):
    content = labelled(7)
    content.categories = {}
    assert told(read(write(content, tmp_path, storage=storage))) == told(content)


@pytest.mark.parametrize(
    "row",
    [
        {"type": Kind.bbox, "points": [1.0, 2.0, 3.0]},
        {"type": Kind.polygon, "points": [1.0, 2.0, 3.0]},
        {"type": Kind.points, "points": [1.0, 2.0], "visibility": []},
        {"type": Kind.points, "points": [1.0, 2.0], "visibility": [3]},
        {"type": Kind.mask, "mask_height": 2, "mask_width": 3, "rle": b"23"},
        {"type": Kind.cuboid_3d, "points": [0.0] * 9, "extra": '{"points":[0.1]}'},
    ],
)
@each_storage
def test_what_could_not_be_read_again_is_not_written(tmp_path, row, storage):
    label = {"type": Kind.label, "label": 0}
    content = Content([chunk([({"id": "ok"}, []), ({"id": "bad"}, [label, row])])])
    with pytest.raises(UnsupportedContentError, match="item 'bad': annotation 1"):
        write(content, tmp_path, storage=storage)


def test_video_numbers_that_do_not_fit_are_refused(tmp_path):
    video = {"id": "v", "media_type": MediaType.VIDEO_FRAME, "path": "v.avi"}
    content = Content([chunk([(video | {"media_extra": '{"index":4294967296}'}, [])])])
    with pytest.raises(UnsupportedContentError, match="item 'v': the video's index"):
        write(content, tmp_path)


@pytest.mark.parametrize("more", [{}, {"height": 3, "width": 4}])
@each_storage
def test_videos_whose_frames_do_not_rise_are_refused(tmp_path, more, storage):
    video = {"id": "v", "media_type": MediaType.VIDEO, "path": "v.avi"} | more
    frames = '{"step":1,"start_frame":5,"end_frame":4}'
    write(Content([chunk([(video | {"media_extra": frames}, [])])]), tmp_path, storage=storage)
    with pytest.raises(MalformedFileError, match="item 'v': a video of frames 5 to 4 by 1"):
        read(tmp_path)


@each_storage
def test_subsets_with_different_categories_are_refused(tmp_path, storage):
    write(labelled(0), tmp_path, storage=storage)
    other = Content([chunk([({"id": "1", "subset": "val"}, [])])])
    write(other, tmp_path, storage=storage)
    with pytest.raises(DatasetImportError, match=r"the categories: .* those of the other"):
        read(tmp_path)
