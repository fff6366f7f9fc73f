"""An exploration: everything that exploring one sweep needs, and the questions that each of its steps asks."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler import robots as robotstxt
from crawler.address import LONGEST, host_of, origin_of
from crawler.batch import Batch
from crawler.census import Census
from crawler.earlier import Earlier
from crawler.elsewhere import Elsewhere
from crawler.fetch import Answer, Fetcher
from crawler.frontier import Waiting
from crawler.limits import Limits
from crawler.marks import Marks
from crawler.notes import add_note
from crawler.resources import Resources
from crawler.scope import Scope
from db.database import Database
from db.tables import Page, Sweep, Visit
from db.words import About, FoundBy, Reason, VisitState

SLOW = 10.0  # seconds; a crawl-delay from here on is worth a note

_NOWHERE = (Reason.DNS, Reason.CERTIFICATE, Reason.PRIVATE_ADDRESS)  # what fails for all that an origin has


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A page as the browser shows it."""

    links: tuple[str, ...]  # canonical
    behind_menus: tuple[str, ...] = ()  # the same of links that came up when menus were opened
    opened: str = ""  # these links as HTML
    cut: str = ""  # why not all of it was opened
    settled: bool = True  # False: more may have come later
    resources: tuple[str, ...] | None = None  # what it was made of, see crawler.traffic
    html: str | None = None  # the document with its open shadow roots; None when the page sent the browser on


Renderer = Callable[[str], Awaitable[Shown]]
LeftBehind = Callable[[AsyncConnection], Awaitable[dict[int, str]]]  # pages with their addresses


@dataclass(kw_only=True)
class Exploration:
    """Everything that exploring one sweep needs."""

    database: Database
    sweep: Sweep
    scope: Scope
    limits: Limits
    fetcher: Fetcher
    render: Renderer
    stopping: asyncio.Event
    robots: dict[str, robotstxt.Robots] = field(default_factory=dict)  # by origin
    met: set[str] = field(default_factory=set)  # origins whose sitemaps were looked for
    sitemaps: set[str] = field(default_factory=set)  # addresses of the files that were read
    no_walls: set[str] = field(default_factory=set)  # what pages share that is the site's own, see crawler.walls
    known: Marks = field(default_factory=Marks)  # pages that need not be put on the frontier: they are there
    pages: dict[str, int] = field(default_factory=dict)  # by address, of some that are on the frontier
    # pages that have not changed, with what the earlier sweep read of them, which is to be kept
    unmodified: list[tuple[Waiting, Mapping[str, Any]]] = field(default_factory=list)
    resources: Resources
    left_behind: LeftBehind | None = (
        None  # what is to be asked for though nothing leads to it, see crawler.left_behind
    )
    elsewhere: Elsewhere = field(default_factory=Elsewhere)  # other explorations may use it too
    census: Census = field(init=False)
    earlier: Earlier = field(init=False)
    batch: Batch = field(init=False)  # what was answered and is not committed yet

    def __post_init__(self) -> None:
        self.census = Census(self.sweep.id)
        self.earlier = Earlier(self.database, self.sweep)
        self.batch = Batch(self.database)

    def is_over(self, ends: float) -> bool:
        """Whether the time for exploring is over, by the monotonic clock; closed windows take none of it."""
        return time.monotonic() > ends + self.fetcher.closed_seconds()

    async def robots_of(self, address: str) -> robotstxt.Robots:
        """The robots.txt that speaks for an address."""
        return await robots_of(self.fetcher, self.robots, address)


async def robots_of(fetcher: Fetcher, known: dict[str, robotstxt.Robots], address: str) -> robotstxt.Robots:
    """The robots.txt that speaks for an address (RFC 9309 2.3), asked for again once it is stale.

    The one known before stays in force while a newer one cannot be had (RFC 9309 2.4). Its crawl-delay is kept
    from then on, up to the longest that we go along with.
    """
    origin = origin_of(address)
    before = known.get(origin)
    if before is None or before.is_stale:
        answer = await follow(fetcher, file := f"{origin}/robots.txt")
        found = robotstxt.Robots.from_answer(answer.status, answer.body, fetcher.manners.product, file)
        if answer.address == file and answer.failure in _NOWHERE:
            found = replace(found, nowhere=answer.failure)
        if before is not None and before.reachable and not found.reachable:
            found = replace(before, read_at=time.monotonic() - robotstxt.DAY + robotstxt.SOON)
        known[origin] = found
        if found.crawl_delay:
            fetcher.set_delay(host_of(address), min(found.crawl_delay, robotstxt.LONGEST_DELAY))
    return known[origin]


async def follow(fetcher: Fetcher, address: str, max_bytes: int | None = None) -> Answer:
    """The answer after at most five redirects, as RFC 9309 2.3.1.2 asks for robots.txt."""
    answer = await fetcher.get(address, accept_any=True, max_bytes=max_bytes)
    for _ in range(5):
        if answer.location is None:
            break
        answer = await fetcher.get(answer.location, accept_any=True, max_bytes=max_bytes)
    return answer


def counts(scope: Scope, address: str) -> bool:
    """Whether an address is kept in the inventory: inside, or left out for a reason that must show; and not too long."""
    return len(address) <= LONGEST and scope.judge(address).reason is not Reason.OUT_OF_SCOPE


def too_long(scope: Scope, addresses: Iterable[str]) -> int:
    """How many addresses of the inventory are too long to be kept."""
    return sum(len(each) > LONGEST and scope.judge(each).reason is not Reason.OUT_OF_SCOPE for each in {*addresses})


async def note(exploration: Exploration, about: About, address: str, said: str) -> None:
    """Keep a note with the sweep, see crawler.notes."""
    async with exploration.database.writing() as connection:
        await add_note(connection, exploration.sweep.id, about, address, said)


async def note_pace(database: Database, sweep_id: int, robots: dict[str, robotstxt.Robots]) -> None:
    """Say which origins ask for so long a delay that the sweep takes its time, and which robots.txt was not read whole."""
    for origin, each in robots.items():
        if each.cut:
            said = f"larger than {robotstxt.MAX_BYTES} bytes: the rest was not read"
            async with database.writing() as connection:
                await add_note(connection, sweep_id, About.DOCUMENT, f"{origin}/robots.txt", said)
        if each.crawl_delay is not None and each.crawl_delay >= SLOW:
            kept = min(each.crawl_delay, robotstxt.LONGEST_DELAY)
            capped = f", of which we keep {kept:g} s" if kept < each.crawl_delay else ""
            said = f"Crawl-delay {each.crawl_delay:g} s{capped}: at most {3600 / kept:.0f} pages an hour"
            async with database.writing() as connection:
                await add_note(connection, sweep_id, About.PACE, f"{origin}/robots.txt", said)


async def note_unread_links(connection: AsyncConnection, sweep_id: int) -> None:
    """Say how many links were not followed since only a script can, or their addresses are too long."""
    having = sa.select(sa.func.count(), sa.func.sum(Visit.unread_links), sa.func.min(Page.address))
    mine = Visit.sweep_id == sweep_id, Visit.state == VisitState.EXPLORED, Visit.unread_links > 0
    pages, links, first = (await connection.execute(having.join(Page, Page.id == Visit.page_id).where(*mine))).one()
    if pages:
        said = f"links whose addresses a script puts together, or are too long, were not followed: {links} on {pages} pages"
        await add_note(connection, sweep_id, About.WRITTEN, first, said)


async def note_given_up(database: Database, sweep_id: int, fetcher: Fetcher) -> None:
    """Say which hosts of pages were given up, since when they failed, and what they did last.

    Hosts that only scripts and style sheets come from keep no page from being seen.
    """
    for host, trouble in fetcher.given_up.items():
        if not await _has_pages(database, sweep_id, host):
            continue
        about = About.BLOCKED if trouble.reason is Reason.BLOCKED else About.HOST
        said = f"since {trouble.began:%Y-%m-%d %H:%M} UTC: {trouble.detail}"
        async with database.writing() as connection:
            await add_note(connection, sweep_id, about, host, said)


async def _has_pages(database: Database, sweep_id: int, host: str) -> bool:
    at_host = (Page.address.startswith(f"{scheme}://{host}", autoescape=True) for scheme in ("http", "https"))
    ours = Visit.sweep_id == sweep_id, Visit.found_by != FoundBy.EARLIER
    known = sa.exists().where(*ours, Visit.page_id == Page.id, sa.or_(*at_host))
    async with database.reading() as connection:
        return bool(await connection.scalar(sa.select(known)))
