"""Exploring with a browser at hand for pages that need one to show their links."""

import asyncio
from contextlib import AbstractAsyncContextManager

from audits.engine import QUIET, SETTLE
from audits.page import PATIENCE, refuse_status
from audits.work import Work
from crawler.address import canonical
from crawler.browser import PageLost, Tab
from crawler.exploration import Exploration
from crawler.explore import explore


async def explore_site(work: Work) -> bool:
    """Every address of the site, with the browser's help where scripts make links."""
    one_page = asyncio.Lock()

    async def render(address: str) -> tuple[str, ...]:
        async with one_page:
            tab = await work.first_tab()
            try:
                return await rendered_links(tab, address, work.limits.page_seconds, work.fetcher.turn(address))
            except PageLost as lost:
                if lost.pause is not None:
                    work.fetcher.hold(address, lost.pause)
                raise

    return await explore(
        Exploration(
            database=work.database, sweep=work.sweep, scope=work.scope, limits=work.limits,
            fetcher=work.fetcher, render=render, stopping=work.stopping, robots=work.robots,
        )
    )  # fmt: skip


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
        await tab.still_shows(address)
        came_to = await tab.document_address()
        links = [came_to] if came_to not in (address, None) else await tab.evaluate(world, "jisweep.links()")
    return tuple(dict.fromkeys(link for each in links if (link := canonical(each))))
