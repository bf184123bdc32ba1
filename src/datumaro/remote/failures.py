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
_STATUS = re.compile(r"AWS Error|google::cloud::Status")
_DETAILS = re.compile(r" error_info=\{.*", re.DOTALL)  # of Google's: the same once more
# The first that matches tells.
_KINDS = (
    (r"NO_SUCH_BUCKET|NoSuchBucket|bucket does not exist", "bucket"),
    (r"OAuth2 access token|NoCredentials|Unable to locate credentials", "credentials"),
    (
        r"ACCESS_DENIED|AccessDenied|INVALID_ACCESS_KEY|InvalidAccessKey|SIGNATURE_DOES_NOT_MATCH"
        r"|SignatureDoesNotMatch|\b40[13]\b|Forbidden|Unauthorized|PERMISSION_DENIED"
        r"|EXPIRED_TOKEN|ExpiredToken|Permission denied",
        "permission",
    ),
    (
        r"SLOW_DOWN|SlowDown|THROTTL|TOO_MANY_REQUESTS|RESOURCE_EXHAUSTED|REQUEST_LIMIT|ServerBusy"
        r"|(status|code)\W{1,3}(429|503)\b|SERVICE_UNAVAILABLE|Service Unavailable",
        "load",
    ),
    (r"NO_SUCH_KEY|NoSuchKey|RESOURCE_NOT_FOUND|Status\(NOT_FOUND", "gone"),
    (r"(CURL error \[|curlCode: )28\b|timed? ?out|DEADLINE_EXCEEDED|REQUEST_TIMEOUT", "time"),
    (r"(CURL error \[|curlCode: )6\b|resolve host|Name or service not known", "name"),
    (
        r"(CURL error \[|curlCode: )(18|52|55|56|92)\b|reset by peer|Broken pipe|IncompleteRead"
        r"|partial file",
        "cut",
    ),
    (
        r"(CURL error \[|curlCode: )7\b|refused|NETWORK_CONNECTION|Failed to connect"
        r"|connect to server",
        "connection",
    ),
    # it wrote its error where there was only room for the bytes that were asked for
    (r"flush response stream", "answer"),
)


def failure(error: BaseException, url: str, connection: Connection) -> RemoteStorageError | None:
    """The error to raise for what a file system raised; None when it is of another kind.

    Of another kind are damaged files, and bugs.
    """
    if isinstance(error, RemoteStorageError):
        return error
    if isinstance(error, DatumaroError) or not isinstance(error, Exception):
        return None
    if isinstance(error, FileNotFoundError) and not _STATUS.search(str(error)):
        return None
    text = _DETAILS.sub(")", connection.scrubbed(str(error) or type(error).__name__))
    ours = isinstance(error, ConnectionError | TimeoutError | PermissionError)
    foreign = not type(error).__module__.startswith(("builtins", "pyarrow"))  # of fsspec's parts
    if not (ours or foreign or _SERVICE.search(text)):
        return None
    found = f"{type(error).__name__}: {text}"
    kind = next((kind for pattern, kind in _KINDS if re.search(pattern, found, re.IGNORECASE)), "")
    return RemoteStorageError(f"{url}: {_told(kind, connection)} ({text})")


def _told(kind: str, connection: Connection) -> str:
    server = connection.endpoint or f"the service of {connection.scheme}://"
    if kind == "bucket":
        return f"there is no bucket {connection.authority!r}; make it first, or see to the name"
    if kind == "credentials":
        return f"no credentials were found; {_credentials(connection)}"
    if kind == "permission":
        return f"permission was refused; {_credentials(connection)}"
    if kind == "load":
        return (
            f"{server} is overloaded, or gets too many requests; try again later, or with fewer at "
            "a time (num_workers)"
        )
    if kind == "gone":
        return "the file, or its upload, is not there any more: somebody has removed it"
    if kind == "time":
        return f"{server} did not answer in time; see to the network, and try again"
    if kind == "name":
        names = "the region" if connection.scheme == "s3" else "the network"
        return (
            f"the name of {server} leads nowhere; see to the bucket's name, "
            f"{names}{_endpoint(connection)}"
        )
    if kind == "cut":
        return f"the connection to {server} broke off; see to the network, and try again"
    if kind == "connection":
        return (
            f"{server} cannot be reached; see that it runs, and to the network"
            f"{_endpoint(connection)}"
        )
    if kind == "answer":
        return f"{server} answered with an error; try again"
    return f"{server} failed; try again later"


def _endpoint(connection: Connection) -> str:
    """Where the server's name comes from."""
    if connection.scheme == "s3":
        return ", and to the endpoint (AWS_ENDPOINT_URL, or ?endpoint_override=… in the URL)"
    if connection.is_google and connection.endpoint:
        return ", and to the endpoint (STORAGE_EMULATOR_HOST, or ?endpoint_override=… in the URL)"
    return ""


def _credentials(connection: Connection) -> str:
    if connection.scheme == "s3":
        return (
            "give the credentials of somebody who may (AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or a profile of ~/.aws), or, for a public bucket, "
            "?anonymous=true in the URL"
        )
    if connection.is_google:
        return (
            "name a file of credentials in GOOGLE_APPLICATION_CREDENTIALS, or, for a public "
            "bucket, write gs://anonymous@BUCKET"
        )
    return "give the credentials of somebody who may, as storage_options"
