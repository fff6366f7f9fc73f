"""What every answer says to the browser about safety, and what every request that changes something must show."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from reports.ops.probes import PATHS

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LARGEST = 8 * 1024 * 1024  # bytes of a request
TOO_LARGE = "too_large"


class Safety:
    """ASGI middleware: headers, the origin of what changes something (OWASP: verifying origin), and its size.

    All that changes something must come from a page of ours, signing in too: else another site could sign a reader in as
    somebody else. Only programs need no origin: they use the API, and bear no cookie.
    """

    def __init__(self, app: App, *, origin: str, secure: bool) -> None:
        self._app, self._origin, self._secure = app, origin, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if refusal := self._refusal(scope["method"], scope["path"], headers):
            await refusal(scope, receive, self._with_headers(send))
            return
        if scope["method"] == "HEAD":  # as GET is answered (RFC 9110 9.3.2); the server sends no body
            scope = {**scope, "method": "GET"}
        await self._app(scope, _bounded(scope, receive), self._with_headers(send))

    def _refusal(self, method: str, path: str, headers: Headers) -> PlainTextResponse | None:
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()) or len(length) > 12 or int(length) > LARGEST:
            return PlainTextResponse("too large / 大きすぎます\n", 413)
        is_probe = path in PATHS and method in SAFE  # whoever probes calls us by the machine's own address
        if not is_probe and headers.get("host", "").lower() != urlsplit(self._origin).netloc.lower():
            return PlainTextResponse("not this host / ホスト名が違います\n", 421)
        if method in SAFE or (path.startswith("/api/") and "cookie" not in headers):
            return None
        site = headers.get("sec-fetch-site")
        if site is not None and site not in ("same-origin", "none"):
            return PlainTextResponse("another site asked / 別のサイトからの要求です\n", 403)
        came_from = headers.get("origin")
        if came_from is None:
            parts = urlsplit(headers.get("referer", ""))
            came_from = f"{parts.scheme}://{parts.netloc}"
        if came_from != self._origin:
            return PlainTextResponse("another site asked / 別のサイトからの要求です\n", 403)
        return None

    def _with_headers(self, send: Send) -> Send:
        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                add_headers(MutableHeaders(scope=message), self._secure)
            await send(message)

        return sending


def add_headers(headers: MutableHeaders, is_secure: bool) -> None:
    """What every answer says."""
    headers.setdefault("Content-Security-Policy", POLICY)
    headers.setdefault("Cache-Control", "private, no-cache")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"  # origin checks of old browsers need it among ourselves
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    headers["X-Robots-Tag"] = "noindex"
    if is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """A body that is sent in pieces, without saying how long it is, has the same bound."""
    taken = 0
    state = scope.setdefault("state", {})

    async def receiving() -> MutableMapping[str, Any]:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > LARGEST:
            state[TOO_LARGE] = True  # whoever reads the body may make another error of it
            raise HTTPException(413)
        return message

    return receiving
