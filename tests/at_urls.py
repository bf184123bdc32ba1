"""Data sets at URLs: put there, read, and compared."""

import numpy as np
from pyarrow.fs import FileSelector

import datumaro as dm
from datumaro.remote.path import located


def export(made, url, **options):
    made.export(url, "datumaro_binary", **{"storage": "parquet", "save_media": True, **options})


def read(url, **options):
    return dm.Dataset.import_from(url, "datumaro_binary", **options)


def assert_same(sent, received):
    assert received.categories() == sent.categories()
    assert received.infos() == sent.infos()
    assert len(received) == len(sent)
    for item in sent:
        found = received.get(item.id, item.subset)
        assert found.annotations == item.annotations
        assert np.array_equal(found.media.data, item.media.data)


def keys(url):
    """The files below a URL."""
    place = located(url)
    infos = place.connection.filesystem.get_file_info(
        FileSelector(place.place, recursive=True, allow_not_found=True)
    )
    return sorted(info.path[len(place.place) + 1 :] for info in infos if info.is_file)


def put(url, data=b""):
    place = located(url)
    with place.connection.filesystem.open_output_stream(place.place) as out:
        out.write(data)
