"""Servers on loopback that say what a test tells them to, in threads of their own."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.site.answers import Answer, page, redirect

Answering = Callable[[str], Answer]  # path with query → answer
NOT_FOUND = Answer(status=404, body=b"<p>404", type="text/html")


@dataclass
class Site:
    """A running server: where it is, and the paths that it was asked for."""

    url: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(
    answer: Answering, tls: ssl.SSLContext | None = None, behind: tuple[str, Answer] | None = None
) -> Iterator[Site]:
    """A site on a free port of 127.0.0.1 that answers by a function of the path.

    `behind` is what Basic authentication asks for, and the answer without it.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            site.asked.append(self.path)
            given = answer(self.path)
            if behind and self.headers["Authorization"] != f"Basic {behind[0]}":
                given = behind[1]
            self.send_response(given.status)
            for name, value in given.headers:
                self.send_header(name, value)
            if given.type:
                self.send_header("Content-Type", given.type)
            if given.stream is None:
                self.send_header("Content-Length", str(len(given.body)))
            else:
                self.send_header("Connection", "close")
            self.end_headers()
            for piece in given.stream or (given.body,):
                self.wfile.write(piece)
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        site = Site(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""


def answers(found: dict[str, Answer]) -> Answering:
    """Answers by path; anything else is not found."""
    return lambda path: found.get(path, NOT_FOUND)


def always(answer: Answer, robots: Answer = NOT_FOUND) -> Answering:
    """One answer to everything but robots.txt."""
    return lambda path: robots if path == "/robots.txt" else answer


def plain(title: str, body: str, head: str = "") -> Answer:
    """A page without any fault."""
    made = page(title, f"<main><h1>{title}</h1>{body}</main>")
    return Answer(body=made.body.replace(b"</head>", f"{head}</head>".encode()))


CLEAN = {
    "/": plain("環境の部屋", '<p><a href="/mizu.html">水</a> と <a href="/midori.html">緑</a></p>'),
    "/mizu.html": plain("水の案内", '<p>水の話です。<a href="/">入口へ</a></p>'),
    "/midori.html": plain("緑の案内", '<p>緑の話です。<a href="/">入口へ</a></p>'),
}
FAULT = '<p><img src="/img.png"></p>'  # an image without a text alternative

__all__ = [
    "CLEAN",
    "FAULT",
    "NOT_FOUND",
    "Answer",
    "Site",
    "always",
    "answers",
    "page",
    "plain",
    "redirect",
    "serving",
]
