"""Where the files of a data set that is written go."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping

from datumaro.errors import UnsupportedContentError
from datumaro.formats.yolo import data_yaml, strict
from datumaro.formats.yolo.holdings import ITEM_IDS, SEEN_IDS
from datumaro.formats.yolo.layout import Pose


class Tree(ABC):
    """A layout of folders."""

    reserved: frozenset[str]
    """What no subset can be called."""
    item_ids = re.compile(ITEM_IDS)
    unlike = "has a line break, or ends with a name that is of dots alone"
    """What is wrong with ids that are not as `item_ids`."""

    def check_id(self, item_id: str) -> None:
        """Refuse an item's id that could not be read again.

        Raises
        ------
        UnsupportedContentError
        """
        if not self.item_ids.fullmatch(item_id):
            raise UnsupportedContentError(
                f"item {item_id!r}: the id {self.unlike}, and could not be read again; rename the "
                "item before export"
            )

    @abstractmethod
    def image(self, subset: str, name: str) -> str:
        """An image's file, relative to the data set's folder."""

    @abstractmethod
    def labels(self, subset: str, item_id: str) -> str:
        """An item's label file."""

    @abstractmethod
    def listed(self, image: str) -> str:
        """What a list says for an image's file; "" where there are no lists."""

    @abstractmethod
    def descriptions(
        self, names: list[str], subsets: list[str], pose: Pose | None
    ) -> Mapping[str, str]:
        """The texts of the files that describe the data set, by file name."""


class Darknet(Tree):
    """``obj.data``, and images and label files beside each other.

    Parameters
    ----------
    prefix : stands before all paths in the files.
    """

    reserved = strict.RESERVED

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def image(self, subset: str, name: str) -> str:
        return f"obj_{subset}_data/{name}"

    def labels(self, subset: str, item_id: str) -> str:
        return f"obj_{subset}_data/{item_id}.txt"

    def listed(self, image: str) -> str:
        return self.prefix + image

    def descriptions(
        self, names: list[str], subsets: list[str], pose: Pose | None
    ) -> Mapping[str, str]:
        lists = [f"{subset} = {self.prefix}{subset}.txt" for subset in subsets]
        lines = [f"classes = {len(names)}", *lists, f"names = {self.prefix}obj.names"]
        return {
            "obj.data": "".join(f"{line}\n" for line in [*lines, "backup = backup/"]),
            "obj.names": "".join(f"{name}\n" for name in names),
        }


class Ultralytics(Tree):
    """``data.yaml``, images below ``images``, label files below ``labels``."""

    reserved = data_yaml.RESERVED

    def image(self, subset: str, name: str) -> str:
        return f"images/{subset}/{name}"

    def labels(self, subset: str, item_id: str) -> str:
        return f"labels/{subset}/{item_id}.txt"

    def listed(self, image: str) -> str:
        return f"./{image}"

    def descriptions(
        self, names: list[str], subsets: list[str], pose: Pose | None
    ) -> Mapping[str, str]:
        lists = {subset: f"{subset}.txt" for subset in subsets}
        return {data_yaml.FILE: data_yaml.text(names, lists, pose)}


class Roboflow(Tree):
    """``data.yaml``, and in each subset's folder images and label files.

    Parameters
    ----------
    label_folder : the name of the folder of label files.
    """

    reserved = data_yaml.RESERVED
    item_ids = re.compile(SEEN_IDS)
    unlike = "has a line break, or a name that is empty or begins with a dot"

    def __init__(self, label_folder: str) -> None:
        self.label_folder = label_folder

    def image(self, subset: str, name: str) -> str:
        return f"{subset}/images/{name}"

    def labels(self, subset: str, item_id: str) -> str:
        return f"{subset}/{self.label_folder}/{item_id}.txt"

    def listed(self, image: str) -> str:
        return ""

    def descriptions(
        self, names: list[str], subsets: list[str], pose: Pose | None
    ) -> Mapping[str, str]:
        # (Roboflow calls the folder of the subset val so)
        keys = {subset: "val" if subset == "valid" else subset for subset in subsets}
        folders = {keys[subset]: f"../{subset}/images" for subset in subsets}
        return {data_yaml.FILE: data_yaml.text(names, folders, pose)}
