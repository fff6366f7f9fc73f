"""SampleSite: serves the sample site and a second origin on loopback, and records every request."""

import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self

from .answers import Answer
from .routes import Routes

Origin = Literal["site", "other"]


@dataclass(frozen=True, kw_only=True)
class Request:
    origin: Origin  # which of the two ports was asked
    method: str
    path: str  # as sent, with its query
    user_agent: str
    headers: Mapping[str, str]  # names in lower case
    time: float  # time.monotonic() at arrival
    connection: tuple[str, int]  # the client's address: one per connection
    open: int  # requests open at that moment on both ports, this one included


@dataclass
class SampleSite:
    """The site as a context manager; ports are free ones unless given."""

    port: int = 0
    requests: list[Request] = field(default_factory=list, init=False)
    highest_open: int = field(default=0, init=False)
    url: str = field(default="", init=False)  # with trailing slash
    other_url: str = field(default="", init=False)  # another origin, with trailing slash

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._open = 0
        self._servers = [_Server(self, "site", self.port), _Server(self, "other", 0)]
        self.url, self.other_url = (f"http://127.0.0.1:{server.server_port}/" for server in self._servers)
        self._routes = Routes(self.url, self.other_url, self._stop)
        self._threads = [threading.Thread(target=s.serve_forever, args=(0.05,), daemon=True) for s in self._servers]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def forget(self) -> None:
        """Start the records afresh."""
        with self._lock:
            self.requests.clear()
            self.highest_open = self._open

    def _begin(self, handler: "_Handler") -> None:
        with self._lock:
            self._open += 1
            self.highest_open = max(self.highest_open, self._open)
            self.requests.append(
                Request(
                    origin=handler.server.origin,
                    method=handler.command,
                    path=handler.path,
                    user_agent=handler.headers.get("User-Agent", ""),
                    headers={name.lower(): value for name, value in handler.headers.items()},
                    time=time.monotonic(),
                    connection=handler.client_address,
                    open=self._open,
                )
            )

    def _end(self) -> None:
        with self._lock:
            self._open -= 1

    def _answer(self, origin: Origin, method: str, path: str) -> Answer:
        if method not in ("GET", "HEAD"):
            return Answer(status=405, headers=(("Allow", "GET, HEAD"),))
        return self._routes.site(path) if origin == "site" else self._routes.other(path)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, site: SampleSite, origin: Origin, port: int) -> None:
        self.site, self.origin = site, origin
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    client_address: tuple[str, int]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def do_GET(self) -> None:
        self.server.site._begin(self)
        try:
            self._send(self.server.site._answer(self.server.origin, self.command, self.path))
        finally:
            self.server.site._end()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _send(self, answer: Answer) -> None:
        tag = f'"{sha256(answer.body).hexdigest()[:16]}"' if answer.status == 200 and answer.body else ""
        if tag and self.headers.get("If-None-Match") == tag:
            answer = Answer(status=304, type="")
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.type:
            self.send_header("Content-Type", answer.type)
        if tag:
            self.send_header("ETag", tag)
        if answer.stream is None:
            self.send_header("Content-Length", str(len(answer.body)))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        if self.headers.get("Content-Length", "0") != "0":
            self.send_header("Connection", "close")  # the request has a body that nobody reads
        self.end_headers()
        if self.command != "HEAD" and answer.status != 304:
            self._send_body(answer)
        self.wfile.flush()

    def _send_body(self, answer: Answer) -> None:
        if answer.stream is None:
            self.wfile.write(answer.body)
            return
        for chunk in answer.stream:
            if self._client_gone():
                self.close_connection = True
                return
            if chunk:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _client_gone(self) -> bool:
        try:
            peeked: bytes = self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            return not peeked
        except BlockingIOError:
            return False
