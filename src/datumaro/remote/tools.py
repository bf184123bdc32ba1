"""Commands of the storages' own tools, for what is not done here."""

from __future__ import annotations

import shlex

from datumaro.remote.path import RemotePath

_SYNC = {"s3": "aws s3 sync", "gs": "gcloud storage rsync -r", "gcs": "gcloud storage rsync -r"}
_REMOVE = {"s3": "aws s3 rm", "gs": "gcloud storage rm", "gcs": "gcloud storage rm"}


def copying(folder: RemotePath) -> str:
    """How a folder is copied to a local one."""
    tool = _SYNC.get(folder.connection.scheme)
    return f"`{tool} {_url(folder)} FOLDER`" if tool else "with the storage's own tool, or rclone"


def removing(file: RemotePath) -> str:
    """How a file is removed."""
    tool = _REMOVE.get(file.connection.scheme)
    return f"`{tool} {_url(file)}`" if tool else f"{file}, with the storage's own tool"


def _url(path: RemotePath) -> str:
    return shlex.quote(str(path).replace("gcs://", "gs://", 1))
