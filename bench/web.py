"""What readers of the web application wait for, over a customer's whole database.

    python -m bench.web
    python -m bench.web --readers 50
    python -m bench.web --db postgresql://user@host/name --sites 300 --findings 1000000
    python -m bench.web --db kept.sqlite --only /sites --only /defects --lang en

Writes 300 sites of an organisation tree with 1,000,000 findings as rows, without any browser, into a database that is empty;
one that has rows is taken as it is, so that it can be kept and measured again. Then it serves the application from a process of
its own and asks for each view: p50 and p95 in ms as a client on this machine waits, the size of the page, and how many
statements the database was asked. With `--readers` so many people read at once, each of whom opens a view, looks at it for
`--pause` seconds on the average, and opens another; without a pause the server is asked as much as it can bear.
"""

import argparse
import asyncio
import multiprocessing
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpx
import sqlalchemy as sa
import uvicorn
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.trends.kept import keep_points
from bench.portfolio import Asked, fill, judged, sizes
from db.database import Database
from db.schema import ready
from db.tables import Account, Cycle, Defect, Finding, Occurrence, Organisation, Site, Sweep, Visit
from db.types import now
from db.words import DefectState, Role, VisitState
from reports.access import sessions
from reports.access.accounts import Grant, make_account
from reports.access.rights import May, rights_of
from reports.access.tokens import make_token
from reports.cli.web import listening_at
from reports.web.app import application
from reports.web.settings import WebSettings
from reports.web.warming import warm

NAME = "bench"
BOUND = 200  # ms that a view may take
LARGEST = 200_000  # bytes of a page
STATEMENTS: ContextVar[list[int] | None] = ContextVar("statements", default=None)


@dataclass(kw_only=True)
class Measured:
    """What asking for one address gave."""

    status: int = 0
    size: int = 0
    statements: int = 0
    waited: list[float] = field(default_factory=list)  # ms
    errors: Counter[str] = field(default_factory=Counter)

    def percentile(self, share: float) -> float:
        """The time within which so many of the answers came."""
        ordered = sorted(self.waited)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Counting:
    """ASGI middleware: says in a header how many statements an answer took until it began."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        counted = [0]
        STATEMENTS.set(counted)

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-statements", str(counted[0]).encode())]
            await send(message)

        await self._app(scope, receive, sending)


def _count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    """Note a statement; what begins a transaction of SQLite is none that a server would be asked."""
    counted = STATEMENTS.get()
    if counted is not None and not statement.startswith("BEGIN"):
        counted[0] += 1


def serve(url: str, pipe: Any) -> None:
    """The application in this process, until somebody ends it; says on which port."""
    asyncio.run(_serve(url, pipe))


async def _serve(url: str, pipe: Any) -> None:
    listening = listening_at("127.0.0.1", 0)
    port = listening.getsockname()[1]
    async with Database(url) as database:
        assert database._engine is not None
        sa.event.listen(database._engine.sync_engine, "before_cursor_execute", _count)
        app = application(WebSettings(database=url, public=f"http://127.0.0.1:{port}"), database)
        async with app.router.lifespan_context(app):
            began = time.monotonic()
            await warm(database, app.state)
            print(f"worked out beforehand in {time.monotonic() - began:,.1f} s", flush=True)
            config = uvicorn.Config(Counting(app), log_level="warning", access_log=False, lifespan="off")
            pipe.send(port)
            await uvicorn.Server(config).serve(sockets=[listening])


class Served:
    """`with Served(url) as origin:` the application in a process of its own, which ends with the block."""

    def __init__(self, url: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(url, theirs), daemon=True)

    def __enter__(self) -> str:
        self._process.start()
        return f"http://127.0.0.1:{self._pipe.recv()}"

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join(10)


async def addresses(connection: AsyncConnection) -> dict[str, str]:
    """Each view by what it is called, with the address of a large example of it."""
    site = await _most(connection, Visit.sweep_id, Visit)
    sweep = await connection.scalar(
        sa.select(sa.func.max(Sweep.id)).where(Sweep.site_id == await _site(connection, site))
    )
    of_site = await _site(connection, site)
    page = await connection.scalar(
        sa.select(Visit.page_id)
        .join(Finding, Finding.result_id == Visit.result_id)
        .where(Visit.sweep_id == sweep, Visit.state == VisitState.AUDITED)
        .group_by(Visit.page_id).order_by(sa.func.count().desc()).limit(1)
    )  # fmt: skip
    shown = sa.select(Occurrence.defect_id).join(Defect, Defect.id == Occurrence.defect_id)
    defect = await connection.scalar(
        shown.where(Defect.site_id == of_site, Defect.state == DefectState.FOUND, Occurrence.places > 0)
        .group_by(Occurrence.defect_id).order_by(sa.func.count().desc()).limit(1)
    )  # fmt: skip
    visit = await connection.scalar(
        sa.select(sa.func.min(Visit.id)).where(Visit.sweep_id == sweep, Visit.state == VisitState.AUDITED)
    )
    cycle = await connection.scalar(sa.select(sa.func.max(Cycle.id)))
    root = await connection.scalar(sa.select(sa.func.min(Organisation.id)))
    bureau = await connection.scalar(sa.select(sa.func.min(Organisation.id)).where(Organisation.parent_id == root))
    return {
        "overview": "/", "overview, by rate": "/?sites.sort=-rate", "organisation, root": f"/organisations/{root}",
        "organisation": f"/organisations/{bureau}", "sites": "/sites", "sites, by defects": "/sites?sites.sort=-open",
        "sites, CSV": "/sites?as=csv&table=sites", "site": f"/sites/{of_site}", "sweeps": "/sweeps",
        "sweep": f"/sweeps/{sweep}", "page": f"/pages/{page}", "page, older": f"/pages/{page}?sweep={sweep}",
        "picture": "/pictures/1", "defects": "/defects", "defects of a site": f"/defects?site={of_site}",
        "defect": f"/defects/{defect}", "exceptions": "/exceptions", "cycles": "/cycles", "cycle": f"/cycles/{cycle}",
        "tests": "/tests", "test": f"/tests/{sweep}", "test, one page": f"/tests/{sweep}/{visit}", "know-how": "/know-how",
        "know-how, rule": "/know-how/rules/image-alt", "know-how, criterion": "/know-how/criteria/1.4.3",
        "search": "/search?q=oshirase", "search, a word": "/search?q=避難", "administration": "/administration", "account": "/account",
        "trail": "/administration/trail", "API, sites": "/api/v1/sites", "API, defects": "/api/v1/defects",
    }  # fmt: skip


async def _most(connection: AsyncConnection, column: Any, table: Any) -> int:
    """The value of a column that most rows have."""
    query = sa.select(column).select_from(table).group_by(column).order_by(sa.func.count().desc()).limit(1)
    return (await connection.scalar(query)) or 0


async def _site(connection: AsyncConnection, sweep: int) -> int:
    return (await connection.scalar(sa.select(Sweep.site_id).where(Sweep.id == sweep))) or 0


async def prepare(database: Database, asked: Asked) -> None:
    """Make the database what is to be measured, unless it is that already; points are kept, as `jisweep web` has them."""
    await ready(database)
    async with database.writing() as connection:
        if await connection.scalar(sa.select(sa.func.count()).select_from(Site)):
            await keep_points(connection)
            return
    began = time.monotonic()
    async with database.writing() as connection:
        written = await fill(connection, asked)
    print(", ".join(sizes(written)), f"in {time.monotonic() - began:,.0f} s", flush=True)
    async with database.writing() as connection:
        await judged(connection, await _most(connection, Visit.sweep_id, Visit))
    began = time.monotonic()
    async with database.writing() as connection:
        print(f"{await keep_points(connection):,} points kept in {time.monotonic() - began:,.0f} s", flush=True)


async def signed_in(database: Database, readers: int) -> tuple[list[str], str]:
    """Secrets of so many sessions of an administrator, and of a token of theirs."""
    async with database.writing() as connection:
        account = await connection.scalar(sa.select(Account.id).where(Account.name == NAME))
        if account is None:
            account = await make_account(connection, NAME, NAME, [Grant(role=Role.ADMINISTRATOR)])
        rights = await rights_of(connection, account, NAME, NAME)
        _, token = await make_token(connection, rights, NAME, [May.READ.value], 1, now())
        return [await sessions.begin(connection, account, now()) for _ in range(readers)], token


async def ask(client: httpx.AsyncClient, path: str, measured: Measured) -> None:
    """Ask once, and note what it took."""
    began = time.perf_counter()
    try:
        response = await client.get(path)
    except httpx.HTTPError as error:
        measured.errors[type(error).__name__] += 1
        return
    measured.waited.append((time.perf_counter() - began) * 1000)
    measured.status, measured.size = response.status_code, len(response.content)
    measured.statements = max(measured.statements, int(response.headers.get("x-statements", 0)))
    if response.status_code >= 500:
        measured.errors[str(response.status_code)] += 1


async def one_by_one(
    origin: str, secret: str, token: str, views: Mapping[str, str], times: int, lang: str
) -> list[str]:
    """Ask for each view by itself; returns the addresses that answer with a page."""
    print(
        f"{'view':<22} {'status':>6} {'p50 ms':>8} {'p95 ms':>8} {'bytes':>9} {'statements':>10}  address",
        flush=True,
    )
    there = []
    async with browser(origin, secret, lang) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        for name, path in views.items():
            measured = Measured()
            await ask(client, path, measured)  # the first answer fills caches, and is not counted
            first = measured.waited.pop() if measured.waited else 0.0
            for _ in range(times if measured.status == 200 else 0):
                await ask(client, path, measured)
            if measured.status == 200:
                there.append(path)
                marks = ("  SLOW" if measured.percentile(0.95) > BOUND else "") + (
                    "  LARGE" if measured.size > LARGEST else ""
                )
                print(
                    f"{name:<22} {measured.status:>6} {statistics.median(measured.waited):>8.0f} "
                    f"{measured.percentile(0.95):>8.0f} {measured.size:>9,} {measured.statements:>10}  {path}"
                    f"  (first {first:,.0f}){marks}", flush=True,
                )  # fmt: skip
            else:
                print(f"{name:<22} {measured.status:>6} {'-':>8} {'-':>8} {'-':>9} {'-':>10}  {path}", flush=True)
    return there


def browser(origin: str, secret: str, lang: str) -> httpx.AsyncClient:
    """A client of one session."""
    cookies = httpx.Cookies()
    for name, value in (("jisweep", secret), ("lang", lang)):
        cookies.set(name, value, domain="127.0.0.1")
    return httpx.AsyncClient(base_url=origin, cookies=cookies, timeout=120)


async def all_at_once(origin: str, secrets: Sequence[str], paths: Sequence[str], given: argparse.Namespace) -> None:
    """Many readers, each of whom opens one view after the other."""
    measured = Measured()
    ends = time.monotonic() + given.seconds

    async def reads(secret: str, number: int) -> None:
        order = random.Random(number)
        async with browser(origin, secret, given.lang) as client:
            await asyncio.sleep(order.uniform(0, given.pause))
            while time.monotonic() < ends:
                await ask(client, order.choice(paths), measured)
                pause = order.expovariate(1 / given.pause) if given.pause else 0
                await asyncio.sleep(max(0.0, min(pause, ends - time.monotonic())))

    began = time.monotonic()
    await asyncio.gather(*(reads(secret, number) for number, secret in enumerate(secrets)))
    took = time.monotonic() - began
    print(
        f"{len(secrets)} readers at once: {len(measured.waited)} pages in {took:.0f} s ({len(measured.waited) / took:.0f}/s), "
        f"p50 {measured.percentile(0.5):,.0f} ms, p95 {measured.percentile(0.95):,.0f} ms, "
        f"{measured.errors.total()} errors {dict(measured.errors) or ''}", flush=True,
    )  # fmt: skip


async def measure(given: argparse.Namespace, url: str) -> None:
    """Prepare the database, then ask for everything."""
    async with Database(url) as database:
        await prepare(
            database, Asked(sites=given.sites, findings=given.findings, sweeps=given.sweeps, places=given.places)
        )
        if given.fill:
            return
        async with database.reading() as connection:
            views = await addresses(connection)
        secrets, token = await signed_in(database, max(given.readers, 1))
    views |= {path: path for path in given.only or () if path.startswith("/")}
    if given.only:
        views = {name: path for name, path in views.items() if name in given.only or path in given.only}
    with Served(url) as origin:
        there = await one_by_one(origin, secrets[0], token, views, given.times, given.lang)
        if given.readers and there:
            await all_at_once(
                origin, secrets, [path for path in there if "as=csv" not in path and "/api/" not in path], given
            )


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--db", help="a database, filled when it is empty, and kept; without it a SQLite file that goes afterwards"
    )
    parser.add_argument("--sites", type=int, default=300)
    parser.add_argument("--findings", type=int, default=1_000_000)
    parser.add_argument("--sweeps", type=int, default=4, help="of each site")
    parser.add_argument("--places", type=int, default=25, help="on a page that has some, on the average")
    parser.add_argument("--fill", action="store_true", help="only fill the database")
    parser.add_argument("--times", type=int, default=20, help="that each view is asked for")
    parser.add_argument("--readers", type=int, default=0, help="people who read at once, after that")
    parser.add_argument("--seconds", type=float, default=30, help="how long they read")
    parser.add_argument("--pause", type=float, default=5, help="seconds that each looks at a view, on the average")
    parser.add_argument(
        "--only", action="append", metavar="VIEW", help="a view's name or an address; several times"
    )
    parser.add_argument("--lang", default="ja", choices=("ja", "en"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(given, given.db or f"{folder}/bench.sqlite"))


if __name__ == "__main__":
    main()
