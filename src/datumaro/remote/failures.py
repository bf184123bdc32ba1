"""What went wrong with a server, in words: the URL, what happened, what to do."""

from __future__ import annotations

import re

from datumaro.errors import DatumaroError, RemoteStorageError
from datumaro.remote.connection import Connection

# what the libraries of the services say, never a damaged file
_SERVICE = re.compile(
    r"AWS Error|curlCode|google::cloud|GCS |HTTP status|Client error|Connection|timed? ?out"
    r"|Could not resolve|Path does not exist|TransferError",
    re.IGNORECASE,
)
_KINDS = (
    (r"NO_SUCH_BUCKET|NoSuchBucket|bucket does not exist", "bucket"),
    (
        r"ACCESS_DENIED|AccessDenied|INVALID_ACCESS_KEY|InvalidAccessKey|SIGNATURE_DOES_NOT_MATCH"
        r"|SignatureDoesNotMatch|\b40[13]\b|Forbidden|Unauthorized|PERMISSION_DENIED"
        r"|EXPIRED_TOKEN|ExpiredToken|Permission denied",
        "permission",
    ),
    (r"curlCode: 28|timed? ?out|DEADLINE_EXCEEDED|REQUEST_TIMEOUT", "time"),
    (r"curlCode: 6\b|resolve host|Name or service not known", "name"),
    (r"curlCode: 7\b|refused|NETWORK_CONNECTION|Failed to connect|connect to server", "connection"),
)


def failure(error: BaseException, url: str, connection: Connection) -> RemoteStorageError | None:
    """The error to raise for what a file system raised; None when it is of another kind.

    Of another kind are damaged files, and bugs.
    """
    if isinstance(error, RemoteStorageError):
        return error
    if isinstance(error, DatumaroError | FileNotFoundError) or not isinstance(error, Exception):
        return None
    text = connection.scrubbed(str(error) or type(error).__name__)
    ours = isinstance(error, ConnectionError | TimeoutError | PermissionError)
    foreign = not type(error).__module__.startswith(("builtins", "pyarrow"))  # of fsspec's parts
    if not (ours or foreign or _SERVICE.search(text)):
        return None
    found = f"{type(error).__name__}: {text}"
    kind = next((kind for pattern, kind in _KINDS if re.search(pattern, found, re.IGNORECASE)), "")
    return RemoteStorageError(f"{url}: {_told(kind, connection)} ({text})")


def _told(kind: str, connection: Connection) -> str:
    server = connection.endpoint or f"the service of {connection.scheme}://"
    where = "AWS_ENDPOINT_URL, or ?endpoint_override=… in the URL" * (connection.scheme == "s3")
    if kind == "bucket":
        return f"there is no bucket {connection.authority!r}; make it first, or see to the name"
    if kind == "permission":
        return f"permission was refused; {_credentials(connection.scheme)}"
    if kind == "time":
        return f"{server} did not answer in time; see to the network, and try again"
    if kind == "name":
        return (
            f"the name of {server} leads nowhere; see to the bucket's name, the region{_or(where)}"
        )
    if kind == "connection":
        return f"{server} cannot be reached; see that it runs, and to the network{_or(where)}"
    return f"{server} failed"


def _or(where: str) -> str:
    return f", and to the endpoint ({where})" if where else ""


def _credentials(scheme: str) -> str:
    if scheme == "s3":
        return (
            "give the credentials of somebody who may (AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or a profile of ~/.aws), or, for a public bucket, "
            "?anonymous=true in the URL"
        )
    if scheme in ("gs", "gcs"):
        return (
            "name a file of credentials in GOOGLE_APPLICATION_CREDENTIALS, or, for a public "
            "bucket, write gs://anonymous@BUCKET"
        )
    return "give the credentials of somebody who may, as storage_options"
