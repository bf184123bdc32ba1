"""Videos that frames have in common."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from datumaro.crypto import Cipher, generate_key
from datumaro.model.shared_videos import SharedVideos
from datumaro.model.video import Video
from datumaro.model.video_reader import MOST_OPEN


def test_the_same_video_is_given_again() -> None:
    videos = SharedVideos()
    video = videos.get("a.avi")
    assert isinstance(video, Video) and videos.get("a.avi") is video
    assert video.as_dict() == Video("a.avi").as_dict()


def test_other_videos_are_others() -> None:
    videos = SharedVideos()
    cipher = Cipher(generate_key())
    made = [
        videos.get("a.avi"),
        videos.get("b.avi"),
        videos.get("a.avi", step=2),
        videos.get("a.avi", start_frame=2),
        videos.get("a.avi", end_frame=2),
        videos.get("a.avi", external=True),
        videos.get("a.avi", cipher=cipher),
    ]
    assert len({id(video) for video in made}) == len(made)
    assert [video.is_external for video in made] == [False] * 5 + [True, False]
    assert [video.is_encrypted for video in made] == [False] * 6 + [True]


def test_no_more_than_the_last_are_kept() -> None:
    videos = SharedVideos()
    first, second, *_ = (videos.get(f"{n}.avi") for n in range(MOST_OPEN))
    assert videos.get("0.avi") is first
    videos.get("more.avi")
    assert videos.get("0.avi") is first
    assert videos.get("1.avi") is not second


def test_copies_have_their_own() -> None:
    videos = SharedVideos()
    video = videos.get("a.avi")
    for other in (copy.deepcopy(videos), pickle.loads(pickle.dumps(videos))):
        assert other.get("a.avi") is not video


def test_threads_are_given_the_same() -> None:
    videos = SharedVideos()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: videos.get(f"{n % 2}.avi"), range(400)))
    assert len({id(video) for video in made}) == 2


def test_impossible_choices_are_not_kept() -> None:
    videos = SharedVideos()
    for _ in range(2):
        with pytest.raises(ValueError, match="step"):
            videos.get("a.avi", step=0)
