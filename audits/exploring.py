"""Exploring with a browser at hand for pages that need one to show their links."""

import asyncio
from contextlib import AbstractAsyncContextManager

from audits.engine import QUIET, SETTLE
from audits.guest import asking
from audits.page import PATIENCE, refuse_status, refuse_wall
from audits.work import Work
from crawler.address import canonical
from crawler.blocking import FEW_LINKS
from crawler.browser import Tab
from crawler.exploration import Exploration, note_given_up
from crawler.explore import explore
from crawler.politeness import Stopped


async def explore_site(work: Work) -> bool:
    """Every address of the site, with the browser's help where scripts make links."""
    one_page = asyncio.Lock()

    async def render(address: str) -> tuple[str, ...]:
        async with one_page:
            tab = await work.first_tab()
            async with asking(work.fetcher, tab, address) as turn:
                return await rendered_links(tab, address, work.limits.page_seconds, turn)

    try:
        done = await explore(
            Exploration(
                database=work.database, sweep=work.sweep, scope=work.scope, limits=work.limits,
                fetcher=work.fetcher, render=render, stopping=work.stopping, robots=work.robots,
            )
        )  # fmt: skip
    except Stopped:
        done = False
    if not done:
        await note_given_up(work.database, work.sweep.id, work.fetcher)  # who goes on asks them anew
    return done


async def rendered_links(
    tab: Tab, address: str, seconds: float, turn: AbstractAsyncContextManager[None]
) -> tuple[str, ...]:
    """The links of a page as the browser shows it, canonical; of a page that sends the browser on, where to.

    Raises PageLost when it cannot be shown.
    """
    async with tab.risk(seconds) as begin, turn:
        begin()
        refuse_status(await tab.open(address, seconds=seconds, patience=PATIENCE))
        world = await tab.world((await tab.frame_tree())["frame"]["id"])
        await tab.evaluate(world, f"jisweep.settle({QUIET}, {SETTLE})")
        came_to = await tab.document_address()
        links = [came_to] if came_to not in (address, None) else await tab.evaluate(world, "jisweep.links()")
        if len(links) <= FEW_LINKS:
            refuse_wall(await tab.evaluate(world, "jisweep.bare()"))
    return tuple(dict.fromkeys(link for each in links if (link := canonical(each))))
