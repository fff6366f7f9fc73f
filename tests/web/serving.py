"""The application served over HTTP on loopback, and people who have signed in to it."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import uvicorn

from db.database import Database
from db.types import now
from reports.access import sessions
from reports.access.accounts import Grant, make_account
from reports.cli.web import listening_at, server_of
from reports.web.settings import WebSettings


class Served:
    """`with Served(url) as origin:` a server in a thread, which ends with the block."""

    def __init__(self, database: str, *, behind: str | None = None, **more: object) -> None:
        self._socket = listening_at("127.0.0.1", 0)
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.settings = WebSettings(database=database, public=self.origin, **more)  # type: ignore[arg-type]
        self._server = uvicorn.Server(server_of(self.settings, "127.0.0.1", 0, behind))
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            threading.Event().wait(0.01)
        return self.origin

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


@dataclass(kw_only=True)
class Person:
    """Somebody who has signed in, with their browser's cookies."""

    account: int
    name: str
    cookies: dict[str, str] = field(default_factory=dict)


async def person(database: Database, name: str, *grants: Grant, cookie: str = "jisweep") -> Person:
    """An account of these roles, signed in without a form: the form has tests of its own."""
    async with database.writing() as connection:
        account = await make_account(connection, name, f"{name}さん", grants)
        secret = await sessions.begin(connection, account, now())
    return Person(account=account, name=name, cookies={cookie: secret})


@asynccontextmanager
async def browsing(origin: str, who: Person | None = None, **choices: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of one person; requests that change something bear the origin, as browsers send it."""
    cookies = httpx.Cookies()
    for name, value in {**(who.cookies if who else {}), **choices}.items():
        cookies.set(name, value, domain="127.0.0.1")
    client = httpx.AsyncClient(  # without certificates, which take a tenth of a second to read
        base_url=origin, cookies=cookies, headers={"Origin": origin}, timeout=30, verify=False
    )
    async with client:
        yield client
