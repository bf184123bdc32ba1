"""DuckDB, Polars, pandas and Hugging Face datasets open what is written here.

Each tool answers two questions, how many annotations each label has and how large the boxes are, of
a file of the Parquet storage and of a file that was written from `Dataset.to_arrow()`. The
coordinates of the first are decoded here as docs/storage.md says, from what the tool gives.
"""

import json
import os
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest

import datumaro as dm
from coordinate_bits import numbers_of

EDGES = [0, 10, 30, 100, 1000]
LABELS = ["cat", "dog", "猫"]


def dataset():
    """Boxes of their own, boxes that are the bounds of polygons, and other things."""
    rng = np.random.default_rng(5)
    items = []
    for number in range(60):
        annotations = []
        for ann_id in range(1, int(rng.integers(1, 6))):
            x, y = (float(v) for v in rng.integers(0, 50000, 2) / 100)
            w, h = (float(v) for v in rng.integers(100, 4000, 2) / 100)
            label = int(rng.integers(0, 4))
            common = {"label": label if label < 3 else None, "id": ann_id, "group": ann_id}
            if ann_id % 2:
                annotations.append(dm.Polygon([x, y, x + w, y, x, y + h], **common))
                annotations.append(dm.Bbox(x, y, w, h, **common))
            else:
                annotations.append(dm.Bbox(x / 3, y, w, h / 7, **common))
        annotations.append(dm.Points([1, 2, 3, 4], [1, 2], label=0))
        annotations.append(dm.Caption("a cat"))
        media = dm.Image.from_file(f"/images/{number}.jpg", size=(480, 640))
        items.append(
            dm.DatasetItem(f"{number:03}", subset="train", media=media, annotations=annotations)
        )
    return dm.Dataset.from_iterable(items, categories=LABELS)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A file of the Parquet storage."""
    folder = tmp_path_factory.mktemp("stored")
    dataset().export(folder, "datumaro_binary", storage="parquet")
    return str(folder / "annotations" / "train.datum")


@pytest.fixture(scope="module")
def table_file(tmp_path_factory):
    """A file written from the Arrow table."""
    path = tmp_path_factory.mktemp("table") / "train.parquet"
    pq.write_table(dataset().to_arrow(), path)
    return str(path)


@pytest.fixture(scope="module")
def counts():
    """How many annotations each label has, by ours."""
    annotations = [a for item in dataset() for a in item.annotations]
    return Counter(LABELS[a.label] for a in annotations if getattr(a, "label", None) is not None)


@pytest.fixture(scope="module")
def histogram():
    """Boxes by their area, by ours."""
    boxes = [a for item in dataset() for a in item.annotations if isinstance(a, dm.Bbox)]
    return areas_by([box.get_area() for box in boxes])


def areas_by(areas):
    found, _ = np.histogram(areas, EDGES)
    assert found.sum() and len(set(found.tolist())) > 2
    return found.tolist()


def names_in(path):
    """The names of labels, from a file's metadata."""
    told = json.loads(pq.read_metadata(path).metadata[b"datumaro"])
    return [label["name"] for label in told["categories"]["label"]["labels"]]


def box_areas(rows):
    """The areas of the boxes of a file, decoded as docs/storage.md says."""
    areas = []
    for row in rows:
        shapes = [
            (a["type"] == "polygon", a["n_coordinates"])
            for a in row["annotations"]
            if a["n_coordinates"]
        ]
        numbers = iter(numbers_of(row["coordinates"], shapes))
        for annotation in row["annotations"]:
            if annotation["n_coordinates"]:
                points = [float(np.float32(value / 100)) for value in next(numbers)]
            elif annotation["type"] == "bbox":  # the bounds of polygons: here of one, before it
                points = [
                    *map(min, (points[::2], points[1::2])),
                    *map(max, (points[::2], points[1::2])),
                ]
            if annotation["type"] == "bbox":
                x1, y1, x2, y2 = points
                areas.append((x2 - x1) * (y2 - y1))
    return areas


# --- DuckDB -------------------------------------------------------------------------------------

_FLAT = "SELECT unnest(annotations) AS a FROM read_parquet(?)"


def test_duckdb_and_the_storage(stored, counts, histogram):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        lengths = connection.execute(
            "SELECT id, len(annotations) FROM read_parquet(?)", [stored]
        ).fetchall()
        assert dict(lengths) == {item.id: len(item.annotations) for item in dataset()}
        found = connection.execute(
            f"SELECT a.label, count(*) FROM ({_FLAT}) WHERE a.label IS NOT NULL GROUP BY 1",
            [stored],
        ).fetchall()
        names = names_in(stored)
        assert {names[label]: n for label, n in found} == counts
        relation = connection.execute("SELECT * FROM read_parquet(?)", [stored])
        columns = [column[0] for column in relation.description]
        rows = [dict(zip(columns, row, strict=True)) for row in relation.fetchall()]
    assert areas_by(box_areas(rows)) == histogram


def test_duckdb_and_the_table(table_file, counts, histogram):
    duckdb = pytest.importorskip("duckdb")
    question = "SELECT a.label_name, count(*) FROM ({}) WHERE a.label IS NOT NULL GROUP BY 1"
    area = "(a.points[3] - a.points[1]) * (a.points[4] - a.points[2])"
    bounds = ", ".join(
        f"count(*) FILTER (area >= {low} AND area < {high})" for low, high in pairwise(EDGES)
    )
    boxes = "SELECT {} FROM (SELECT {}::DOUBLE AS area FROM ({}) WHERE a.type = 'bbox')"
    table = dataset().to_arrow()  # in memory, too: found by its name
    assert table.num_rows == 60
    with duckdb.connect() as connection:
        for flat, given in ((_FLAT, [table_file]), ("SELECT unnest(annotations) AS a FROM t", [])):
            if not given:
                connection.register("t", table)
            assert dict(connection.execute(question.format(flat), given).fetchall()) == counts
            found = connection.execute(boxes.format(bounds, area, flat), given).fetchall()
            assert found == [tuple(histogram)]
        back = dm.Dataset.from_arrow(
            connection.sql("SELECT * FROM t ORDER BY id"),
            categories=dataset().categories(),
        )
        assert list(back) == list(dataset())


# --- Polars -------------------------------------------------------------------------------------


def test_polars_and_the_storage(stored, counts, histogram):
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(stored)
    flat = frame.select("annotations").explode("annotations").unnest("annotations")
    names = names_in(stored)
    found = flat["label"].drop_nulls().value_counts().rows()
    assert {names[label]: n for label, n in found} == counts
    assert areas_by(box_areas(frame.to_dicts())) == histogram


def test_polars_and_the_table(table_file, counts, histogram):
    polars = pytest.importorskip("polars")
    for frame in (polars.read_parquet(table_file), polars.from_arrow(dataset().to_arrow())):
        flat = frame.select("annotations").explode("annotations").unnest("annotations")
        found = flat["label_name"].drop_nulls().value_counts().rows()
        assert dict(found) == counts
        x1, y1, x2, y2 = (polars.col("points").list.get(i).cast(polars.Float64) for i in range(4))
        areas = flat.filter(type="bbox").select(area=(x2 - x1) * (y2 - y1))["area"]
        assert areas_by(areas.to_numpy()) == histogram
        back = dm.Dataset.from_arrow(frame, categories=dataset().categories())
        assert list(back) == list(dataset())


# --- pandas -------------------------------------------------------------------------------------


def test_pandas_and_the_storage(stored, counts, histogram):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(stored, dtype_backend="pyarrow")
    flat = frame["annotations"].list.flatten().struct.explode()
    names = names_in(stored)
    labels = flat["label"].dropna()
    assert {names[label]: n for label, n in labels.value_counts().items()} == counts
    assert areas_by(box_areas(frame.to_dict("records"))) == histogram


def test_pandas_and_the_table(table_file, counts, histogram):
    pandas = pytest.importorskip("pandas")
    for frame in (
        pandas.read_parquet(table_file, dtype_backend="pyarrow"),
        dataset().to_pandas(),
    ):
        annotations = frame["annotations"].list.flatten().struct.explode()
        assert annotations["label_name"].dropna().value_counts().to_dict() == counts
        points = annotations.loc[annotations["type"] == "bbox", "points"]
        boxes = np.stack([np.asarray(p, np.float64) for p in points])
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        assert areas_by(areas) == histogram


# --- Hugging Face datasets ----------------------------------------------------------------------


@pytest.fixture
def hugging_face(monkeypatch, tmp_path):
    for name in ("HF_DATASETS_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.setitem(os.environ, name, "1")
    monkeypatch.setitem(os.environ, "HF_HOME", str(tmp_path / "home"))
    return pytest.importorskip("datasets")


@pytest.mark.filterwarnings("ignore")  # its own use of what it is built on
@pytest.mark.parametrize("which", ["stored", "table_file"])
def test_hugging_face_datasets(hugging_face, tmp_path, which, request, counts, histogram):
    path = request.getfixturevalue(which)
    loaded = hugging_face.load_dataset(
        "parquet", data_files=path, split="train", cache_dir=str(tmp_path)
    )
    rows = [dict(row) for row in loaded]
    assert [row["id"] for row in rows] == [item.id for item in dataset()]
    annotations = [a for row in rows for a in row["annotations"]]
    labels = [a["label"] for a in annotations if a["label"] is not None]
    assert Counter(names_in(path)[label] for label in labels) == counts
    if which == "stored":
        assert areas_by(box_areas(rows)) == histogram
    else:
        boxes = [a["points"] for row in rows for a in row["annotations"] if a["type"] == "bbox"]
        assert areas_by([(b[2] - b[0]) * (b[3] - b[1]) for b in boxes]) == histogram
