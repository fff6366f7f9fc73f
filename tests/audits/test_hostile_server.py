"""A server that does everything wrong: every case ends within its limits with its reason, and the sweep finishes."""

import asyncio
import gzip
import socket
import struct
import time
from typing import Any

import pytest

from audits.work import Tools
from db.database import Database
from db.words import SweepState
from tests.audits.sites import by_browser, html, moved
from tests.audits.swept import plan_for, read_rows, sweep_now
from tests.crawler.servers import Request, http, serving

LARGE = 800_000  # bytes that a document may have here
NAMELESS = '<img id="i" src="/i.png">'
TYPED = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
UNFOLDS = gzip.compress(b"<p>" * 10_000_000)
SOME_COOKIES = "".join(f"Set-Cookie: c{n}={'x' * 400}\r\n" for n in range(100)).encode()
ALL_COOKIES = "".join(f"Set-Cookie: c{n}={'x' * 4000}\r\n" for n in range(1000)).encode()
# hidden, as link farms have them: 10,000 links that are seen take the rules longer than a page has here
ITSELF = "".join(f'<a href="/itself#{n}">{n}</a>' for n in range(10_000))

# what a path answers, word for word, and how its address must end
SAID: dict[str, tuple[bytes, str]] = {
    "/closes": (b"", "connection"),
    "/nonsense": (b"\x00\x01nonsense\r\n\r\n", "connection"),
    "/too-short": (TYPED + b"Content-Length: 5000\r\n\r\n<p>x", "connection"),
    "/too-long": (TYPED + b"Content-Length: 60\r\n\r\n" + b"<!DOCTYPE html><html lang=ja><title>x</title><main><h1>x</h1>" * 99, "audited"),
    "/negative": (TYPED + b"Content-Length: -5\r\n\r\n<p>x", "connection"),
    "/two-lengths": (TYPED + b"Content-Length: 4\r\nContent-Length: 40\r\n\r\n<p>x", "connection"),
    "/half-a-chunk": (TYPED + b"Transfer-Encoding: chunked\r\n\r\nff\r\n<p>x", "connection"),
    "/long-header": (TYPED + b"X-Bomb: " + b"x" * 2_000_000 + b"\r\n\r\n<p>x", "connection"),
    "/many-headers": (TYPED + b"X-Bomb: x\r\n" * 200_000 + b"\r\n<p>x", "connection"),
    "/all-cookies": (TYPED + ALL_COOKIES + b"\r\n<p>x", "connection"),
    "/some-cookies": (html(NAMELESS).replace(b"\r\n\r\n", b"\r\n" + SOME_COOKIES + b"\r\n", 1), "audited"),
    "/unfolds": (http(UNFOLDS, content_type="text/html", Content_Encoding="gzip"), "too_large"),
    "/no-gzip": (http(b"<p>plain", content_type="text/html", Content_Encoding="gzip"), "connection"),
    "/large": (http(b"<p>" * LARGE), "too_large"),
    "/itself": (html(f"{NAMELESS}<div hidden>{ITSELF}</div>"), "audited"),
    "/loop": (moved("/loop"), "redirect_loop"),
    "/one": (moved("/two"), "redirect_loop"),
    "/two": (moved("/one"), "redirect_loop"),
    "/nowhere": (moved("http://[::bad/"), "client_error"),
    "/script-scheme": (moved("javascript:alert(1)"), "client_error"),
    "/out": (moved("http://www.example.invalid/"), "redirect_out"),
    "/fine": (html(NAMELESS), "audited"),
}  # fmt: skip
DOES = {  # paths that behave over time
    "/says-nothing": "timed_out",
    "/stops-in-head": "timed_out",
    "/drips-head": "timed_out",
    "/drips-body": "timed_out",
    "/endless": "too_large",
    "/resets": "connection",
    "/resets-in-body": "connection",
    "/hangs-for-browsers": "timed_out",
    "/resets-for-browsers": "connection",
    "/loops-for-browsers": "redirect_loop",
    "/fails-for-browsers": "server_error",
    "/downloads-for-browsers": "not_html",
}
DEPTH = 6


async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
    """Do what the path says, as badly as it can."""
    path = request.path
    if path == "/":
        links = "".join(f'<p><a href="{each}">{each}</a></p>' for each in (*SAID, *DOES, "/ever/"))
        writer.write(html(links))
    elif path in SAID:
        writer.write(SAID[path][0])
    elif path in DOES:
        await misbehave(path, writer, by_browser(request))
    elif path.startswith("/ever/"):
        writer.write(moved(f"{path}on/"))
    else:
        writer.write(http(b"no", status="404 Not Found"))
    await writer.drain()


async def misbehave(path: str, writer: asyncio.StreamWriter, browser: bool) -> None:
    if path.endswith("-for-browsers") and not browser:
        writer.write(html(NAMELESS))
        return
    match path:
        case "/says-nothing" | "/hangs-for-browsers":
            await asyncio.sleep(600)
        case "/stops-in-head":
            writer.write(TYPED)
            await asyncio.sleep(600)
        case "/drips-head":
            writer.write(TYPED)
            await drip(writer, b"X: y\r\n", 0.1)
        case "/drips-body":
            writer.write(TYPED + b"\r\n")
            await drip(writer, b"<p>x", 0.1)
        case "/endless":
            writer.write(TYPED + b"\r\n")
            await drip(writer, b"<p>x" * 5000, 0)
        case "/resets" | "/resets-for-browsers":
            reset(writer)
        case "/resets-in-body":
            writer.write(TYPED + b"Content-Length: 5000\r\n\r\n<p>x")
            await writer.drain()
            reset(writer)
        case "/loops-for-browsers":
            writer.write(moved(path))
        case "/fails-for-browsers":
            writer.write(http(b"<h1>500", status="500 Internal Server Error"))
        case "/downloads-for-browsers":
            writer.write(http(b"x", Content_Disposition="attachment; filename=x.exe"))


async def drip(writer: asyncio.StreamWriter, drop: bytes, seconds: float) -> None:
    """The same again until the client goes away."""
    while True:
        writer.write(drop)
        await writer.drain()
        await asyncio.sleep(seconds)


def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection off with a TCP reset, not with an end."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.fixture
def backend() -> str:
    """SQLite alone: what is tested is the server's doing."""
    return "sqlite"


async def test_a_sweep_over_everything_that_a_server_can_do_wrong_finishes(
    database: Database, tools: Tools
) -> None:
    began = time.monotonic()
    async with serving(answer) as server:
        plan = plan_for(server.address("/"), timeout=2.0, page_seconds=6.0, bytes=LARGE, depth=DEPTH, per_host=8)
        sweep = await sweep_now(database, plan, tools)
        cookies = [each.path for each in server.requests if "cookie" in each.headers and not by_browser(each)]
    assert time.monotonic() - began < 150
    rows = await read_rows(database)
    ends = ended(rows, server.address(""))
    ever = {path: ends.pop(path) for path in list(ends) if path.startswith("/ever/")}
    assert ends == {"/": "audited", **{path: end for path, (_, end) in SAID.items()}, **DOES}
    *before, last = ever.values()
    assert set(before) == {"redirect"}
    assert last == "trap"
    assert rows["sweep"].set_index("id").loc[sweep]["state"] is SweepState.FINISHED
    assert cookies == []
    lost = rows["visit"][rows["visit"]["reason"].isin(["timed_out", "connection", "too_large"])]
    assert lost["detail"].map(bool).all()
    found = (
        rows["finding"]
        .merge(rows["result"], left_on="result_id", right_on="id")
        .merge(rows["page"], left_on="page_id", right_on="id")
    )
    nameless = found[found["rule"] == "image-alt"]
    assert sorted(nameless["address"].str.removeprefix(server.address(""))) == ["/fine", "/itself", "/some-cookies"]
    assert set(nameless["snippet"]) == {NAMELESS}


def ended(rows: dict[str, Any], origin: str) -> dict[str, str]:
    """How each address ended, by its path: its reason, or its state."""
    visits = rows["visit"].merge(rows["page"], left_on="page_id", right_on="id").sort_values("depth")
    return {
        row.address.removeprefix(origin): (row.reason or row.state).value for row in visits.itertuples(index=False)
    }
