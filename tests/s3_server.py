"""An S3 server on this machine, which tells what was asked of it."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field


@dataclass
class S3:
    """The server. `requests` are (method, key, bytes of the answer), as they came.

    ``refuses``, a regular expression of ``"METHOD /bucket/key"``, makes it answer 403.
    """

    endpoint: str = ""
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    refuses: str = ""
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
        if s3.refuses and re.search(s3.refuses, f"{method} {path}"):
            _take_body(environ)
            start_response("403 Forbidden", [("Content-Length", "0")])
            return [b""]
        answer = application(environ, start_response)
        body = b"".join(answer)
        s3.requests.append((method, path, len(body)))
        return [body]

    server = make_server("127.0.0.1", 0, noting, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    s3.endpoint = f"http://127.0.0.1:{server.server_port}"
    return s3, server


def _take_body(environ) -> None:
    if environ.get("wsgi.input_terminated"):
        while environ["wsgi.input"].read(1 << 16):
            pass
    else:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
