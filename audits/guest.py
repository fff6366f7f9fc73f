"""A page in the browser is asked for as politely as any other address, and tells how its host fares."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from crawler.browser import PageLost, Tab
from crawler.fetch import Fetcher, not_asked
from crawler.politeness import GivenUp


@asynccontextmanager
async def asking(fetcher: Fetcher, tab: Tab, address: str) -> AsyncIterator[AbstractAsyncContextManager[None]]:
    """The turn at the host for a page that the tab is to show within the block.

    How the block ends is noted of the host. Raises PageLost for a host that was given up, Stopped from the turn.
    """
    try:
        yield fetcher.turn(address)
    except GivenUp as given:
        raise PageLost(given.trouble.reason, not_asked(given.trouble)) from given
    except PageLost as lost:
        if lost.pause is not None:
            fetcher.hold(address, lost.pause)
        fetcher.page_failed(address, lost.reason, lost.detail)
        raise
    fetcher.page_answered(address, tab.latency)
