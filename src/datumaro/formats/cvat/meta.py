"""``<meta>``: what a file says of itself: its task, its project's tasks, their sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from datumaro.errors import MalformedFileError

_MAX_NODES = 1 << 20


@dataclass
class Node:
    """An element, with all that is in it."""

    tag: str
    line: int
    children: list[Node] = field(default_factory=list["Node"])
    texts: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        """The text in it, but not in its children."""
        return "".join(self.texts)

    def find(self, tag: str) -> str:
        """The text of the first child of a tag; "" without one."""
        return next((child.text for child in self.children if child.tag == tag), "")

    def all(self, *tags: str) -> Iterator[Node]:
        """The elements at a path of tags."""
        if not tags:
            yield self
            return
        for child in self.children:
            if child.tag == tags[0]:
                yield from child.all(*tags[1:])


class NodeBuilder:
    """Builds nodes of elements that are told one after another.

    Attributes
    ----------
    root : the first.
    """

    def __init__(self, path: str, tag: str, line: int) -> None:
        self.root = Node(tag, line)
        self._path = path
        self._open = [self.root]
        self._n = 0

    def start(self, tag: str, line: int) -> None:
        """An element begins.

        Raises
        ------
        MalformedFileError
            There are more than a million.
        """
        self._n += 1
        if self._n > _MAX_NODES:
            found = f"more than {_MAX_NODES} elements in <{self.root.tag}>"
            raise MalformedFileError(self._path, f"line {line}", found, "fewer")
        node = Node(tag, line)
        self._open[-1].children.append(node)
        self._open.append(node)

    def end(self) -> None:
        """The last element that is open ends."""
        self._open.pop()

    def text(self, text: str) -> None:
        """Text in the last element that is open."""
        self._open[-1].texts.append(text)


@dataclass
class Meta:
    """What is used of it; nothing, of a file that has not told it yet.

    Attributes
    ----------
    kind : task, project or job; "" while it is not told.
    labels : ``<label>`` elements.
    sizes : {task's id: height and width of its video's frames}; "" for the only task.
    """

    kind: str = ""
    labels: list[Node] = field(default_factory=list[Node])
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    def size(self, task: str) -> tuple[int, int]:
        """The height and width of the frames of a task's video; zeros when they are not told."""
        return self.sizes.get(task) or self.sizes.get("") or (0, 0)


def parse(root: Node, path: str) -> Meta:
    """Read ``<meta>``.

    Raises
    ------
    MalformedFileError
        It is of no task, project or job.
    """
    for kind in ("project", "task", "job"):
        for owner in root.all(kind):
            sizes: dict[str, tuple[int, int]] = {}
            tasks = [owner, *owner.all("tasks", "task")]
            for size_of, key in [(owner, "")] + [(task, task.find("id")) for task in tasks[1:]]:
                for size in size_of.all("original_size"):
                    sizes[key] = _side(size, "height", path), _side(size, "width", path)
            for size in root.all("original_size"):
                sizes.setdefault("", (_side(size, "height", path), _side(size, "width", path)))
            return Meta(kind, list(owner.all("labels", "label")), sizes)
    found = "<meta> without <task>, <project> or <job>"
    raise MalformedFileError(path, f"line {root.line}", found, "one of them")


def _side(size: Node, tag: str, path: str) -> int:
    text = size.find(tag).strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise MalformedFileError(
        path, f"line {size.line}", f"<{tag}> {text[:40]!r}", "a number of pixels"
    )
