"""Serving a folder of HTML files as a site, in a process of its own that ends with the block."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The site's address, with trailing slash, on a free loopback port."""
    with _said_by([sys.executable, "-m", "bench.tree", str(folder)]) as address:
        yield address


@contextmanager
def served_sample() -> Iterator[str]:
    """The bundled sample site's address, served by a process of its own."""
    with _said_by([sys.executable, "-m", "tests.site"]) as address:
        yield address


@contextmanager
def _said_by(command: list[str]) -> Iterator[str]:
    """The address in the first line of a server, which ends with the block."""
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1)
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        yield next(word for word in line.split() if word.startswith("http"))
    finally:
        server.terminate()
        server.wait()


class _Pages(SimpleHTTPRequestHandler):
    """Keeps connections open, as servers of real sites do."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body leave in two pieces


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Pages, directory=sys.argv[1])) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()
