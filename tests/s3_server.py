"""An S3 server on this machine, which tells what was asked of it."""

from __future__ import annotations

import re
import socket
import threading
import time
from dataclasses import dataclass, field

_STALL = 3.0  # seconds
_ERROR = {
    "503": "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
}


@dataclass
class S3:
    """The server. `requests` are (method, key, bytes of the answer), as they came.

    ``refuses``, a regular expression of ``"METHOD /bucket/key"``, makes it answer 403. ``fails``
    are such expressions and what becomes of the request: a status; "cut", the connection ends in
    the middle of the answer; or "stall", no answer comes.
    """

    endpoint: str = ""
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    refuses: str = ""
    fails: dict[str, str] = field(default_factory=dict)
    buckets: int = 0

    def new_bucket(self) -> str:
        from pyarrow.fs import S3FileSystem

        self.buckets += 1
        name = f"bucket{self.buckets}"
        S3FileSystem(
            endpoint_override=self.endpoint,
            access_key="name",
            secret_key="secret",
            allow_bucket_creation=True,
        ).create_dir(name)
        self.requests.clear()
        return name

    def fetched(self, pattern: str = "") -> int:
        """Bytes that were fetched of files whose keys have a regular expression."""
        return sum(n for method, key, n in self.asked(pattern) if method == "GET")

    def asked(self, pattern: str = "") -> list[tuple[str, str, int]]:
        return [request for request in self.requests if re.search(pattern, request[1])]


def started() -> tuple[S3, object]:
    """The server, running in a thread, and what stops it."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    application = DomainDispatcherApplication(create_backend_app)
    s3 = S3()

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *_args: object) -> None:
            pass

    def noting(environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        asked = f"{method} {path}"
        how = next((how for pattern, how in s3.fails.items() if re.search(pattern, asked)), "")
        if how:
            s3.requests.append((method, path, 0))
        if how == "stall":
            time.sleep(_STALL)
        if how.isdigit():
            _take_body(environ)
            body = _ERROR.get(how, "").encode()
            start_response(f"{how} Failed", [("Content-Length", str(len(body)))])
            return [body]
        if s3.refuses and re.search(s3.refuses, f"{method} {path}"):
            _take_body(environ)
            start_response("403 Forbidden", [("Content-Length", "0")])
            return [b""]
        answer = application(environ, start_response)
        body = b"".join(answer)
        if how == "cut":
            return _cut(environ["werkzeug.socket"], body)
        s3.requests.append((method, path, len(body)))
        return [body]

    server = make_server("127.0.0.1", 0, noting, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    s3.endpoint = f"http://127.0.0.1:{server.server_port}"
    return s3, server


def _cut(connection, body):
    yield body[: len(body) // 2]
    connection.shutdown(socket.SHUT_RDWR)


def _take_body(environ) -> None:
    if environ.get("wsgi.input_terminated"):
        while environ["wsgi.input"].read(1 << 16):
            pass
    else:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
