"""Exploring with a browser at hand for pages that need one to show their links."""

import asyncio
from contextlib import AbstractAsyncContextManager

from audits.defects.leaving import left_behind
from audits.engine import QUIET, SETTLE, settle
from audits.guest import asking
from audits.page import PATIENCE, canonical_links, refuse_status, refuse_wall
from audits.work import Work
from crawler.browser import Tab
from crawler.content import FEW_LINKS
from crawler.document import read
from crawler.elsewhere import Elsewhere
from crawler.exploration import Exploration, Shown, note_given_up
from crawler.explore import explore
from crawler.limits import Limits
from crawler.politeness import Stopped

MENUS = 200  # menus of one page that are opened at most


async def explore_site(work: Work) -> bool:
    """Every address of the site, with the browser's help where scripts make links."""
    one_page = asyncio.Lock()

    async def render(address: str) -> Shown:
        async with one_page:
            tab = await work.first_tab()
            async with work.placing() as placed, asking(work.fetcher, tab, address) as turn:
                return await show(tab, address, work.limits, placed(turn))

    try:
        done = await explore(
            Exploration(
                database=work.database, sweep=work.sweep, scope=work.scope, limits=work.limits,
                fetcher=work.fetcher, resources=work.resources, render=render, stopping=work.stopping, robots=work.robots,
                elsewhere=work.tools.elsewhere or Elsewhere(), left_behind=lambda connection: left_behind(connection, work.sweep),
            )
        )  # fmt: skip
    except Stopped:
        done = False
    if not done:
        await note_given_up(work.database, work.sweep.id, work.fetcher)  # who goes on asks them anew
    return done


async def show(tab: Tab, address: str, limits: Limits, turn: AbstractAsyncContextManager[None]) -> Shown:
    """A page as the browser shows it; of one that sends the browser on, where to.

    Menus are opened when the limits ask for it. Raises PageLost when it cannot be shown.
    """
    async with tab.risk(limits.page_seconds) as begin, turn:
        begin()
        refuse_status(await tab.open(address, seconds=limits.page_seconds, patience=PATIENCE))
        world = await tab.main_world()
        settled = await settle(tab, world, nodes=True)
        await tab.still_shows(address)
        came_to = await tab.document_address()
        if came_to != address:
            return Shown(links=(came_to,) if came_to else ())
        links = canonical_links(await tab.evaluate(world, "jisweep.links()"))
        if len(links) <= FEW_LINKS:
            refuse_wall(await tab.evaluate(world, "jisweep.bare()"))
        html = await tab.evaluate(world, "jisweep.html()")
        opened, more = "", False
        if limits.menus:
            async with tab.offline():  # whatever a click sets off, nothing leaves the browser
                told = await tab.evaluate(world, f"jisweep.openMenus({QUIET}, {SETTLE}, {MENUS})")
            opened, more = told["html"], told["more"]
        menus = read(opened.encode("utf-8", "replace"), "text/html; charset=utf-8", address).links if opened else ()
        return Shown(
            links=links,
            settled=settled,
            resources=tab.traffic.made_of,
            behind_menus=tuple(each for each in menus if each not in links),
            opened=opened,
            cut=f"more than {MENUS} menus: the others were not opened" if more else "",
            html=html,
        )
