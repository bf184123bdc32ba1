"""Where a command writes: free names, and what must not be overwritten."""

from __future__ import annotations

import re
from pathlib import Path

from datumaro.cli.errors import CliError
from datumaro.remote.claim import refuse_others
from datumaro.remote.path import as_remote


def next_free_name(base: str, ext: str = "", folder: Path | None = None) -> str:
    """``base + ext``; when that exists ``base.N + ext``, with N one above the highest there is."""
    folder = folder or Path()
    if not (folder / (base + ext)).exists():
        return base + ext
    numbered = re.compile(re.escape(base) + r"\.(\d+)" + re.escape(ext))
    taken = [int(m[1]) for m in map(numbered.fullmatch, (p.name for p in folder.iterdir())) if m]
    return f"{base}.{max(taken, default=0) + 1}{ext}"


def check_output_folder(folder: Path, *, overwrite: bool, source: Path | None = None) -> None:
    """See that a data set may be written to ``folder``.

    Raises
    ------
    CliError
        It is a file; it holds something and ``overwrite`` is not set; or it is, or holds, the data
        set ``source`` that is being read.
    DatasetExportError
        It is at a URL, and another export to it is under way.
    """
    if source is not None:
        target, origin = folder.resolve(), source.resolve()
        if target == origin or target in origin.parents:
            raise CliError(
                f"{folder}: the data set that is read lies there, and would be overwritten while "
                "it is read; choose another output folder with -o"
            )
    if not folder.exists():
        return
    if not folder.is_dir():
        raise CliError(f"{folder}: is a file; a data set needs a folder, choose another with -o")
    if (remote := as_remote(folder)) is not None:
        refuse_others(remote)  # it is no answer to them that something is there
    is_empty = remote.is_empty() if remote else not any(folder.iterdir())
    if not overwrite and not is_empty:
        raise CliError(
            f"{folder}: exists and is not empty; choose another folder, or replace the data set "
            "in it with --overwrite"
        )
