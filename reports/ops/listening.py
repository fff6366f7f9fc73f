"""`--metrics ADDRESS`: metrics and probes on a door of their own, which no server in front leads to.

Without a token it opens on this machine alone, and to programs that call it by this machine's name: a page in a browser
that has another name lead here is refused. With a token, who bears it may ask from anywhere.
"""

import asyncio
import hmac
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

import click
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from crawler.credentials import read_private
from db.database import Database
from db.errors import UsageError
from reports.ops.metrics import Metrics
from reports.ops.probes import PATHS, Readiness, healthz

ADDRESS = re.compile(r"(?:(?P<host>\[[0-9a-fA-F:.]+\]|[0-9.]+|localhost):)?(?P<port>\d{1,5})")
SHORTEST = 16  # characters of a token
TEXT = "text/plain; version=0.0.4; charset=utf-8"

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A socket that is bound, and what must be borne by those who ask for metrics."""

    socket: socket.socket
    token: str | None


def metrics_options(command: Command) -> Command:
    """`--metrics` and `--metrics-token`, for `listener_of`."""
    for option in (
        click.option("--metrics-token", type=click.Path(path_type=Path), metavar="FILE", envvar="JISWEEP_METRICS_TOKEN",
                     help="File with the token that Prometheus bears; needed beyond this machine."),
        click.option("--metrics", metavar="[HOST:]PORT", envvar="JISWEEP_METRICS",
                     help="Serve /metrics, /healthz and /readyz there; HOST is 127.0.0.1 when left out.  [default: nowhere]"),
    ):  # fmt: skip
        command = option(command)
    return command


def listener_of(given: Mapping[str, Any]) -> Listener | None:
    """The socket that a command line asks for, bound; None when it asks for none.

    Raises UsageError for what is no address, an address in use, a token that others may read or guess, and an address
    beyond this machine without one.
    """
    if not given["metrics"]:
        return None
    token = _token(given["metrics_token"]) if given["metrics_token"] else None
    found = ADDRESS.fullmatch(given["metrics"])
    host, port = (found["host"] or "127.0.0.1", int(found["port"])) if found else ("", 0)
    try:
        address = ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError:
        port = 0
    if not 1 <= port <= 65535:
        raise UsageError(
            ja=f"--metrics「{given['metrics']}」は 9341 や 127.0.0.1:9341 の形で書いてください。",
            en=f"--metrics {given['metrics']!r} must be of the form 9341 or 127.0.0.1:9341.",
        )
    if not address.is_loopback and token is None:
        raise UsageError(
            ja=f"この機械の外（{host}）へ出すには --metrics-token のファイルが要ります。",
            en=f"To serve metrics beyond this machine ({host}), give a file with --metrics-token.",
        )
    try:
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        return Listener(socket=socket.create_server((str(address), port), family=family), token=token)
    except OSError as error:
        raise UsageError(
            ja=f"--metrics {given['metrics']} で待ち受けられません（{error.strerror}）。",
            en=f"Cannot listen on --metrics {given['metrics']} ({error.strerror}).",
        ) from error


def _token(path: Path) -> str:
    token = read_private(path).strip()
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            ja=f"{path} のトークンは、空白のない半角 {SHORTEST} 文字以上にしてください（例: openssl rand -hex 32）。",
            en=f"The token in {path} must have {SHORTEST} characters or more, ASCII without spaces (openssl rand -hex 32).",
        )
    return token


@asynccontextmanager
async def listening(listener: Listener | None, database: Database) -> AsyncIterator[None]:
    """Answer on the socket while the block runs; without one, nothing."""
    if listener is None:
        yield
        return
    config = uvicorn.Config(
        application(listener.token, database),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener.socket]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the command's own."""
        yield


def application(token: str | None, database: Database) -> Starlette:
    """What answers there."""
    metrics = Metrics(database)

    async def told(request: Request) -> Response:
        if not _may_ask(request, token):
            return PlainTextResponse("no\n", 403 if token is None else 401)
        return Response(await metrics.text(), media_type=TEXT, headers={"Cache-Control": "no-store"})

    live, ready = PATHS
    return Starlette(
        routes=[Route("/metrics", told), Route(live, healthz), Route(ready, Readiness(lambda: database).answer)]
    )


def _may_ask(request: Request, token: str | None) -> bool:
    if token is not None:
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode())
    named = request.headers.get("host", "").rpartition(":")[0].strip("[]") or request.headers.get("host", "")
    try:
        return named == "localhost" or ip_address(named).is_loopback
    except ValueError:
        return False
