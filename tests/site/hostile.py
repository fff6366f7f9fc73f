"""Hostile addresses: nothing on the site links to them; tests ask for them by name."""

import threading
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs

from .answers import Answer, page

MEGABYTE = b"<p>" + "環境".encode() * 174_761 + b"</p>\n"  # about 2**20 bytes


class Hostile:
    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._answers: dict[str, Callable[[], Answer]] = {
            "/hostile/hang.html": lambda: page("止まらない処理", "<h1>計算中</h1><script>for (;;) {}</script>"),
            "/hostile/big.html": lambda: Answer(stream=self._big()),
            "/hostile/drip": lambda: Answer(stream=self.silence(b"<!DOCTYPE html>", every=1, drop=b"<p>.</p>")),
            "/hostile/empty.html": Answer,
            "/hostile/refresh.html": lambda: page("移動", '<meta http-equiv="refresh" content="0;url=/">'),
            "/hostile/download.html": lambda: Answer(body=b"x", headers=(("Content-Disposition", "attachment"),)),
        }

    def answer(self, path: str, query: str) -> Answer | None:
        if path == "/hostile/slow.html":
            return self._slow(query)
        found = self._answers.get(path)
        return found() if found else None

    def silence(self, first: bytes, *, every: float = 0.2, drop: bytes = b"") -> Iterator[bytes]:
        """A body that never ends: it begins, then drips until the client or the server goes away."""
        yield first
        while not self._stop.wait(every):
            yield drop

    def _slow(self, query: str) -> Answer:
        self._stop.wait(int(parse_qs(query).get("ms", ["1000"])[0]) / 1000)
        return page("遅い応答", "<main><h1>遅い応答</h1><p>お待たせしました。</p></main>")

    def _big(self) -> Iterator[bytes]:
        yield '<!DOCTYPE html><html lang="ja"><title>大きなページ</title>'.encode()
        for _ in range(50):
            yield MEGABYTE
