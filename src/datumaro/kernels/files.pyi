"""Batches of small files, copied, read and written without the GIL.

Opening, copying and closing a small file takes no longer than handing the GIL over a few times, so
that threads which do it in Python wait for one another. Here a batch is one call.

Nothing is reported but which files are done. The others are left as if nobody had touched them, or
half written: whoever does them again, one by one, finds out what is wrong with them. Left are, too:
what is no regular file, a target that exists, what comes after the first `BUDGET` bytes of a batch
(nobody could interrupt it for long), and, on Windows, all.
"""

BUDGET: int

def copy(sources: list[str], targets: list[str]) -> list[bool]:
    """Copy files to new ones, by the kernel where it can; which of them are done.

    Raises
    ------
    ValueError
        A path has a NUL.
    """

def read(paths: list[str]) -> list[bytes | None]:
    """Read whole files; None for those that are left."""

def write(paths: list[str], contents: list[bytes]) -> list[bool]:
    """Write new files; which of them are done."""
