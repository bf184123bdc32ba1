"""What a URL's scheme, bucket and settings become: an Arrow file system.

``s3://`` and ``gs://`` are pyarrow's own, all other schemes fsspec's. Settings that were given for
a bucket, in a URL or as ``storage_options``, hold in this process for all URLs of that bucket, so
that media paths need not repeat them. All else is as the environment says.
"""

from __future__ import annotations

import importlib
import os
import posixpath
import re
import threading
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from datumaro.errors import InvalidOptionError, MissingDependencyError, RemoteStorageError
from datumaro.paths import is_url
from datumaro.remote import google

_ARROW = frozenset({"s3", *google.SCHEMES})
_CONNECT, _REQUEST = 10.0, 60.0  # seconds
_ATTEMPTS = 3
_RETRY = 30.0  # seconds, of Google's

# What a URL's query may say, and what kind of value it is.
_OPTIONS: dict[str, dict[str, type]] = {
    "s3": {
        "access_key": str,
        "secret_key": str,
        "session_token": str,
        "anonymous": bool,
        "region": str,
        "scheme": str,
        "endpoint_override": str,
        "role_arn": str,
        "session_name": str,
        "external_id": str,
        "connect_timeout": float,
        "request_timeout": float,
        "force_virtual_addressing": bool,
        "tls_ca_file_path": str,
    },
    "gs": {
        "anonymous": bool,
        "scheme": str,
        "endpoint_override": str,
        "project_id": str,
        "retry_time_limit": float,
    },
}
_SECRET = re.compile(r"key|secret|token|password|credential", re.IGNORECASE)
_QUERY = re.compile(r"\?([A-Za-z_]+=.*)$", re.DOTALL)
_EMULATOR = "STORAGE_EMULATOR_HOST"  # as Google's own libraries have it
_ENVIRONMENT = ("AWS_", "GOOGLE_", "CLOUDSDK_", _EMULATOR)

_lock = threading.Lock()
_known: dict[tuple[str, str], Connection] = {}
_default: dict[tuple[str, str], tuple[object, Connection]] = {}


class Connection:
    """A bucket or host, and how it is reached. Its file system is made when it is first used.

    Parameters
    ----------
    authority : the bucket or host, without a user.
    user : what stands before the ``@``, as it is written; "" for nothing.
    options : settings of the file system.
    """

    def __init__(
        self, scheme: str, authority: str, user: str = "", options: Mapping[str, Any] | None = None
    ) -> None:
        self.scheme, self.authority = scheme, authority
        self._user, self._options = user, dict(options or {})

    def __repr__(self) -> str:
        return f"Connection({self.scheme}://{self.authority})"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "filesystem"}

    @property
    def is_object_store(self) -> bool:
        """Whether there are no folders to make."""
        return self.scheme in _ARROW

    @property
    def is_google(self) -> bool:
        """Whether it is Google's object store: see `datumaro.remote.google`."""
        return self.scheme in google.SCHEMES

    @property
    def endpoint(self) -> str:
        """The server that is asked instead of the cloud's own; "" for none."""
        given = str(self._options.get("endpoint_override") or "")
        if not given and self.scheme == "s3":
            given = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
        if not given and self.is_google:
            given = os.environ.get(_EMULATOR, "")
        return given

    def scrubbed(self, text: str) -> str:
        """A text without the secrets that were given."""
        secrets = [str(v) for name, v in self._options.items() if v and _SECRET.search(name)]
        for secret in [*secrets, *([self._user] if self._user else ())]:
            text = text.replace(secret, "…")
        return text

    def place(self, key: str) -> str:
        """How the file system names a path below the bucket or host."""
        if self.is_object_store:
            return f"{self.authority}/{key}" if key else self.authority
        user = f"{self._user}@" if self._user else ""
        url = f"{self.scheme}://{user}{posixpath.join(self.authority, key)}"
        return self._fsspec._strip_protocol(url)

    @cached_property
    def filesystem(self) -> Any:
        """The file system.

        Raises
        ------
        MissingDependencyError
            A package lacks; the message names it.
        InvalidOptionError
            It has no such setting.
        RemoteStorageError
            It cannot be made.
        """
        try:
            if self.scheme == "s3":
                return self._s3()
            if self.is_google:
                return self._gs()
            fs = importlib.import_module("pyarrow.fs")
            return fs.PyFileSystem(fs.FSSpecHandler(self._fsspec))
        except (TypeError, ValueError) as error:
            if isinstance(error, InvalidOptionError):
                raise
            raise InvalidOptionError(
                f"{self.scheme}://{self.authority}: {self.scrubbed(str(error))}; docs/remote.md "
                "lists the settings that there are"
            ) from None
        except OSError as error:
            if isinstance(error, RemoteStorageError):
                raise
            reason = self.scrubbed(str(error)).partition("\n")[0]
            raise RemoteStorageError(
                f"{self.scheme}://{self.authority}: it cannot be reached: {reason}"
            ) from None

    def _s3(self) -> Any:
        fs = _arrow("S3FileSystem", "Amazon S3")
        options: dict[str, Any] = {
            "connect_timeout": _CONNECT,
            "request_timeout": _REQUEST,
            "background_writes": False,  # what is not sent yet would pile up in memory
            "retry_strategy": fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
            **self._options,
        }
        if self.endpoint:
            options["endpoint_override"] = self.endpoint
        elif not (options.get("region") or _region_is_set()):
            options["region"] = self._region(fs)
        try:  # a small file is one request then
            return fs.S3FileSystem(allow_delayed_open=True, **options)
        except TypeError:  # an older pyarrow
            return fs.S3FileSystem(**options)

    def _region(self, fs: Any) -> str:
        try:
            return fs.resolve_s3_region(self.authority)
        except OSError as error:
            raise RemoteStorageError(
                f"s3://{self.authority}: the bucket's region cannot be told: {error}. See that the "
                "bucket's name is right, and that the network is there; or name the region "
                "(AWS_REGION, or ?region=… in the URL)"
            ) from None

    def _gs(self) -> Any:
        fs = _arrow("GcsFileSystem", "Google Cloud Storage")
        options: dict[str, Any] = {"retry_time_limit": _RETRY, **self._options}
        limit = options["retry_time_limit"]
        if isinstance(limit, int | float):  # pyarrow cuts what is less than a second
            options["retry_time_limit"] = timedelta(seconds=max(limit, 1))
        if self.endpoint:
            scheme, _, host = self.endpoint.rstrip("/").rpartition("://")
            options["endpoint_override"] = host
            if not self._options.get("endpoint_override"):  # an emulator
                scheme = scheme or "http"
                if not any(
                    options.get(name) for name in ("access_token", "target_service_account")
                ):
                    options["anonymous"] = True
            if scheme:
                options["scheme"] = scheme
        return fs.GcsFileSystem(**options)

    @property
    def _fsspec(self) -> Any:
        try:
            fsspec = importlib.import_module("fsspec")
        except ImportError as error:
            raise MissingDependencyError(
                f"{self.scheme}:// is read and written by fsspec; install it with: "
                "pip install 'datumaro[remote]'"
            ) from error
        user = f"{self._user}@" if self._user else ""
        url = f"{self.scheme}://{user}{self.authority}"
        try:
            return fsspec.core.url_to_fs(url, **self._options)[0]
        except ImportError as error:
            raise MissingDependencyError(
                f"{self.scheme}://: fsspec needs a further package: {error}"
            ) from error

    def forget_listings(self) -> None:
        """Ask anew when something is listed next: many of fsspec's keep what was there."""
        if not self.is_object_store:
            self.filesystem.handler.fs.invalidate_cache()

    def stateless_file(self, place: str) -> Any:
        """A file of fsspec's, read by ranges."""
        from datumaro.remote.ranges import RangedFile

        return RangedFile(self._fsspec, place)


def _arrow(name: str, service: str) -> Any:
    fs = importlib.import_module("pyarrow.fs")
    try:
        getattr(fs, name)  # it raises ImportError where pyarrow was made without it
    except (ImportError, AttributeError) as error:
        raise MissingDependencyError(
            f"this pyarrow was made without {service}; install the published wheel: "
            "pip install --force-reinstall pyarrow"
        ) from error
    return fs


def _region_is_set() -> bool:
    return any(os.environ.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))


# --- from URLs ----------------------------------------------------------------------------------


def connect(url: str, options: Mapping[str, Any] | None, literal: bool) -> tuple[Connection, str]:
    """(What reaches a URL's bucket, the path in it).

    Parameters
    ----------
    options : settings that are not in the URL.
    literal : a ``?`` is part of the path, as in the names of media.

    Raises
    ------
    InvalidOptionError
        The URL has no bucket, or names a setting that there is not.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    given = dict(options or {})
    kind = "gs" if scheme in google.SCHEMES else scheme
    if not literal and kind in _OPTIONS and (query := _QUERY.search(rest)):
        rest = rest[: query.start()]
        given = _asked(kind, query[1]) | given
    authority, _, key = rest.partition("/")
    user, _, authority = authority.rpartition("@")
    if user and kind == "s3":
        name, _, secret = user.partition(":")
        given = {"access_key": unquote(name), "secret_key": unquote(secret)} | given
        user = ""
    elif user and kind == "gs":
        if user != "anonymous":
            raise InvalidOptionError(
                f"gs://{authority}: a URL of Google's has no user but 'anonymous'; name a file of "
                "credentials in GOOGLE_APPLICATION_CREDENTIALS"
            )
        given, user = {"anonymous": True} | given, ""
    if not authority and kind in _OPTIONS:
        raise InvalidOptionError(f"{scheme}://: the bucket's name is missing: {scheme}://BUCKET/…")
    key = posixpath.normpath(f"/{key}").strip("/")  # nothing leads out of the bucket
    return _connection(scheme, authority, user, given), key


def _asked(kind: str, query: str) -> dict[str, Any]:
    """The settings in a URL's query."""
    found: dict[str, Any] = {}
    for part in query.split("&"):
        name, _, text = part.partition("=")
        known = _OPTIONS[kind].get(name)
        if known is None:
            raise InvalidOptionError(
                f"a URL of {kind}:// has no setting {name!r}; there are "
                + ", ".join(sorted(_OPTIONS[kind]))
            )
        text = unquote(text)
        try:
            found[name] = text.lower() in ("true", "1", "yes") if known is bool else known(text)
        except ValueError:
            raise InvalidOptionError(
                f"setting {name!r} of {kind}://: {text!r} is no number"
            ) from None
    return found


def _connection(scheme: str, authority: str, user: str, given: dict[str, Any]) -> Connection:
    place = scheme, authority
    with _lock:
        if given or user:
            made = _known[place] = Connection(scheme, authority, user, given)
            return made
        if place in _known:
            return _known[place]
        environment = frozenset(
            (name, value) for name, value in os.environ.items() if name.startswith(_ENVIRONMENT)
        )
        if place not in _default or _default[place][0] != environment:
            _default[place] = environment, Connection(scheme, authority)
        return _default[place][1]


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Whether a path as users write it is a URL of anything but local files."""
    return isinstance(path, str) and is_url(path) and not path.lower().startswith("file://")
