"""A Google Cloud Storage server on this machine, which tells what was asked of it.

It is the package gcp-storage-emulator in a process of its own: pyarrow holds Python's lock while it
opens a file there, so that a server in the same process could not answer.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

_CONTROL = "/-/"
_PIECE = 16 << 10  # bytes of an answer that are sent, and counted, at once


@dataclass
class GCS:
    """The server: `requests` are (method, path, bytes of the answer's body), as they came.

    After the path stands the range of bytes that was asked for, as in ``"/b/x bytes=0-63"``.

    ``host`` is what STORAGE_EMULATOR_HOST is set to.
    """

    host: str
    process: subprocess.Popen[str]
    buckets: int = 0

    def new_bucket(self) -> str:
        self.buckets += 1
        name = f"bucket{self.buckets}"
        self._ask("bucket", name)
        self.clear()
        return name

    @property
    def requests(self) -> list[tuple[str, str, int]]:
        return [tuple(request) for request in self._ask("requests")]

    def clear(self) -> None:
        """Forget what was asked, and do as one is asked again."""
        self._ask("clear")

    def fails(self, pattern: str, how: str) -> None:
        """Let requests whose ``"METHOD /path"`` has a regular expression fail.

        Parameters
        ----------
        how : an HTTP status, or "cut": the connection ends in the middle of the answer.
        """
        self._ask("fails", pattern, how)

    def asked(self, pattern: str = "") -> list[tuple[str, str, int]]:
        return [request for request in self.requests if re.search(pattern, request[1])]

    def fetched(self, pattern: str = "") -> int:
        """Bytes that were fetched by range of objects whose names have a regular expression."""
        return sum(n for method, path, n in self.asked(pattern) if " bytes=" in path)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def _ask(self, *command: str) -> Any:
        data = json.dumps(command).encode()
        with urllib.request.urlopen(f"{self.host}{_CONTROL}", data) as answer:
            return json.load(answer)


def started() -> GCS:
    """The server, running."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return GCS(f"http://127.0.0.1:{process.stdout.readline().strip()}", process)


# --- in the process of the server ----------------------------------------------------------------


def _serve() -> None:
    from functools import partial
    from http.server import ThreadingHTTPServer

    from gcp_storage_emulator.handlers import buckets
    from gcp_storage_emulator.server import RequestHandler, Router
    from gcp_storage_emulator.storage import Storage

    storage = Storage(use_memory_fs=True)
    one_at_a_time = threading.Lock()  # the storage is not made for threads
    requests: list[list[Any]] = []
    failing: dict[str, str] = {}

    class Handler(RequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # the client did not want the rest
                super().handle()

        def answered(self) -> None:
            path = unquote(self.path)
            if path.startswith(_CONTROL):
                return self.told()
            noted = [self.command, f"{path} {self.headers['Range'] or ''}".strip(), 0]
            requests.append(noted)
            asked = f"{self.command} {path}"
            how = next((how for p, how in failing.items() if re.search(p, asked)), "")
            wire, self.wfile = self.wfile, io.BytesIO()
            with one_at_a_time:
                if how.isdigit():
                    self.rfile.read(int(self.headers["Content-Length"] or 0))
                    self.send_response(int(how))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    Router(self).handle(self.command)
            head, blank, body = self.wfile.getvalue().partition(b"\r\n\r\n")
            self.wfile = wire
            wire.write(head + blank)
            body = body[: len(body) // 2] if how == "cut" else body
            for at in range(0, len(body), _PIECE):
                wire.write(body[at : at + _PIECE])
                noted[2] = min(at + _PIECE, len(body))
            if how == "cut":
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = answered

        def told(self) -> None:
            """Do what the test asks for."""
            match json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
                case ["bucket", name]:
                    buckets.create_bucket(name, storage)
                case ["clear"]:
                    requests.clear()
                    failing.clear()
                case ["fails", pattern, how]:
                    failing[pattern] = how
            data = json.dumps(requests).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # connections that are not taken at once wait for seconds

    server = Server(("127.0.0.1", 0), partial(Handler, storage))
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve()
