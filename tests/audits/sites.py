"""Small sites that a test makes for itself, served on loopback by the test's own event loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from tests.crawler.servers import Request, Server, http, serving

Answer = bytes | Callable[[Request], bytes | Awaitable[bytes]]

NOT_FOUND = http("<title>ない</title>".encode(), status="404 Not Found", content_type="text/html; charset=utf-8")


def html(body: str, *, title: str = "見本", head: str = "", **headers: str) -> bytes:
    """The answer of a page in which no rule finds anything, but what the body brings."""
    text = (
        f'<!DOCTYPE html><html lang="ja"><head><meta charset="utf-8"><title>{title}</title>{head}</head>'
        f"<body><main><h1>{title}</h1>{body}</main></body></html>"
    )
    return http(text.encode(), content_type="text/html; charset=utf-8", **headers)


def moved(location: str, status: str = "302 Found") -> bytes:
    """A redirect."""
    return http(b"", status=status, content_type=None, Location=location)


def by_browser(request: Request) -> bool:
    """Whether a browser asks, and not the client that explores."""
    return "Chrome/" in request.headers.get("user-agent", "")


@asynccontextmanager
async def small_site(pages: Mapping[str, Answer]) -> AsyncIterator[Server]:
    """A server with these answers by path and query; what is not there is a 404. A callable is asked each time."""

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        found = pages.get(request.path, NOT_FOUND)
        if callable(found):
            said = found(request)
            found = said if isinstance(said, bytes) else await said
        writer.write(found)
        await writer.drain()

    async with serving(answer) as server:
        yield server


def asked(server: Server, *, browser: bool | None = None) -> list[str]:
    """The paths that were asked for, in order: by anyone, by the browser, or by the exploring client."""
    return [each.path for each in server.requests if browser is None or by_browser(each) is browser]
