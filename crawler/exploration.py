"""An exploration: everything that exploring one sweep needs, and the questions that each of its steps asks."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler import robots as robotstxt
from crawler.address import host_of, origin_of
from crawler.census import Census
from crawler.fetch import Answer, Fetcher
from crawler.limits import Limits
from crawler.scope import Scope
from db.database import Database
from db.tables import Sweep
from db.words import Reason


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A page as the browser shows it."""

    links: tuple[str, ...]  # canonical
    behind_menus: tuple[str, ...] = ()  # the same of links that came up when menus were opened
    settled: bool = True  # False: more may have come later
    html: str | None = None  # the document with its open shadow roots; None when the page sent the browser on


Renderer = Callable[[str], Awaitable[Shown]]


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
    census: Census = field(init=False)

    def __post_init__(self) -> None:
        self.census = Census(self.sweep.id)

    async def robots_of(self, address: str) -> robotstxt.Robots:
        """The robots.txt that speaks for an address."""
        return await robots_of(self.fetcher, self.robots, address)


async def robots_of(fetcher: Fetcher, known: dict[str, robotstxt.Robots], address: str) -> robotstxt.Robots:
    """The robots.txt that speaks for an address, asked for once (RFC 9309 2.3); its crawl-delay is kept from then on."""
    origin = origin_of(address)
    if origin not in known:
        answer = await follow(fetcher, f"{origin}/robots.txt")
        known[origin] = robotstxt.Robots.from_answer(answer.status, answer.body, fetcher.manners.product)
        delay = known[origin].crawl_delay
        if delay:
            fetcher.set_delay(host_of(address), delay)
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
    """Whether an address is kept in the inventory: inside, or left out for a reason that must show."""
    return scope.judge(address).reason is not Reason.OUT_OF_SCOPE


async def note(exploration: Exploration, about: str, address: str, said: str) -> None:
    """Keep with the sweep, once, that pages may be unknown to it and why; a noted sweep is never complete."""
    async with exploration.database.writing() as connection:
        await add_note(connection, exploration.sweep.id, about, address, said)


async def add_note(connection: AsyncConnection, sweep_id: int, about: str, address: str, said: str) -> None:
    """The same within a transaction."""
    found = {"about": about, "address": address, "said": said}
    mine = sa.select(Sweep.notes).where(Sweep.id == sweep_id).with_for_update()
    notes = await connection.scalar(mine) or []
    if found not in notes:
        await connection.execute(sa.update(Sweep).where(Sweep.id == sweep_id).values(notes=[*notes, found]))
