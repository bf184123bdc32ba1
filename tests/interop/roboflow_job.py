"""Lay records of the Object Detection API out as Roboflow does, with TensorFlow.

    python roboflow_job.py FOLDER TARGET [FOLDER TARGET ...]

Of each ``<subset>.tfrecord`` in a folder the records are written to
``TARGET/<subset>/objects.tfrecord``, without the feature ``image/source_id``, which Roboflow's do
not have; beside them the label map, as Roboflow writes it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import tensorflow as tf


def lay_out(source: Path, target: Path) -> None:
    """Write the files of a folder."""
    text = (source / "label_map.pbtxt").read_text("utf-8")
    labels = re.findall(r"id: (\d+)\s+name: '(.*)'", text)
    items = [f'item {{\n    name: "{name}",\n    id: {number}\n}}\n' for number, name in labels]
    for file in source.glob("*.tfrecord"):
        folder = target / file.stem
        folder.mkdir(parents=True)
        (folder / "objects_label_map.pbtxt").write_text("".join(items), "utf-8")
        with tf.io.TFRecordWriter(str(folder / "objects.tfrecord")) as writer:
            for record in tf.data.TFRecordDataset(str(file)):
                example = tf.train.Example.FromString(record.numpy())
                example.features.feature.pop("image/source_id")
                writer.write(example.SerializeToString())


if __name__ == "__main__":
    folders = [Path(word) for word in sys.argv[1:]]
    for source, target in zip(folders[::2], folders[1::2], strict=True):
        lay_out(source, target)
