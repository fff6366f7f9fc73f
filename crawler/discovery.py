"""Where exploring begins: the start address, and what each host of the site lists of itself in sitemaps."""

from collections.abc import AsyncIterator

from crawler import sitemaps
from crawler.address import LONGEST
from crawler.exploration import Exploration, counts, follow, note, too_long
from crawler.frontier import add_addresses
from db.words import About, FoundBy

SITEMAP_FILES = 1000  # at most, of one site
NESTED = 3  # sitemap files within each other


async def begin_exploring(exploration: Exploration) -> None:
    """Start address, and the sitemaps of the origins in scope; doing it again after a break adds nothing twice."""
    start = exploration.scope.start
    async with exploration.database.writing() as connection:
        await add_addresses(connection, exploration.sweep, [start], found_by=FoundBy.START, depth=0)
    for origin in exploration.scope.origins:
        await add_listed(exploration, origin, depth=1)


async def add_listed(exploration: Exploration, origin: str, depth: int) -> None:
    """Add at a depth what an origin lists of itself in sitemaps; doing it again adds nothing twice."""
    async for addresses in _sitemap_addresses(exploration, origin):
        async with exploration.database.writing() as connection:
            await add_addresses(
                connection, exploration.sweep, addresses,
                found_by=FoundBy.SITEMAP, depth=depth, in_sitemap=True,
            )  # fmt: skip


async def _sitemap_addresses(exploration: Exploration, origin: str) -> AsyncIterator[list[str]]:
    """The addresses of the site in the sitemaps of an origin, file by file; what could not be read is noted.

    Nobody promised a sitemap at the usual address: there, only a server that fails is worth a note.
    """
    usual = f"{origin}/sitemap.xml"
    robots = await exploration.robots_of(usual)
    promised = set(robots.sitemaps)
    queue = [(address, 1) for address in robots.sitemaps]
    if robots.allows(usual):
        queue.append((usual, 1))
    seen = exploration.sitemaps
    while queue:
        address, level = queue.pop(0)
        if address in seen:
            continue
        if len(seen) >= SITEMAP_FILES:
            await note(
                exploration,
                About.SITEMAP,
                address,
                f"more than {SITEMAP_FILES} sitemap files: the rest was not read",
            )
            return
        seen.add(address)
        answer = await follow(exploration.fetcher, address, sitemaps.MAX_BYTES)
        if answer.address != address and answer.address in seen:
            continue
        seen.add(answer.address)
        if answer.failure is not None or answer.status != 200:
            if (
                address in promised
                or answer.failure is not None
                or (answer.status or 0) >= 500
                or answer.status == 429
            ):
                await note(exploration, About.SITEMAP, address, str(answer.failure or f"HTTP {answer.status}"))
            continue
        sitemap = sitemaps.parse(answer.body, answer.address)
        for problem in sitemap.problems if address in promised or sitemap.pages or sitemap.children else ():
            await note(exploration, About.SITEMAP, address, problem)
        promised |= set(sitemap.children)
        if sitemap.children and level == NESTED:
            said = f"more than {NESTED} sitemap files within each other: the innermost were not read"
            await note(exploration, About.SITEMAP, address, said)
        else:
            queue.extend((child, level + 1) for child in sitemap.children)
        if too_long(exploration.scope, sitemap.pages):
            await note(
                exploration, About.SITEMAP, address, f"addresses of more than {LONGEST} characters were not read"
            )
        yield [each for each in sitemap.pages if counts(exploration.scope, each)]
