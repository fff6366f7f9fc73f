"""Browsers that many sweeps share, for tests that are not about starting one: half a sweep of a small site is that."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest_asyncio
from playwright.async_api import Browser, Playwright

from audits.engine import Engine
from audits.work import Tools
from crawler.browser import playwright_driver
from db.database import Database


class Lent:
    """A real browser in the hands of one tab; what the tab closes is all that it has opened, and the next gets it."""

    def __init__(self, browser: Browser, idle: list[Browser]) -> None:
        self._browser, self._idle = browser, idle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._browser, name)

    async def close(self) -> None:
        for context in self._browser.contexts:
            await context.close()  # with its cookies, its storage and its cache
        self._idle.append(self._browser)


class Browsers:
    """Playwright's driver, which starts a browser only where none that was started alike is idle and alive."""

    def __init__(self, driver: Playwright) -> None:
        self._driver = driver
        self._idle: dict[str, list[Browser]] = defaultdict(list)

    @property
    def chromium(self) -> "Browsers":
        return self

    @property
    def executable_path(self) -> str:
        return self._driver.chromium.executable_path

    async def launch(self, **how: Any) -> Browser:
        if how["proxy"]:  # of one gate, that is of one sweep
            return await self._driver.chromium.launch(**how)
        idle = self._idle[repr(how)]
        while idle:
            if (browser := idle.pop()).is_connected():
                return cast(Browser, Lent(browser, idle))
        return cast(Browser, Lent(await self._driver.chromium.launch(**how), idle))


@asynccontextmanager
async def shared_browsers() -> AsyncIterator[Playwright]:
    """A driver for `Tools`, whose browsers end with the block."""
    async with playwright_driver() as driver:
        yield cast(Playwright, Browsers(driver))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tools(engine: Engine, chromium: str) -> AsyncIterator[Tools]:
    """The means of a module's sweeps, one browser at a time: most sites of tests have a handful of pages."""
    async with shared_browsers() as driver:
        yield Tools(engine=engine, browser=chromium, driver=driver, workers=1)


@pytest_asyncio.fixture(loop_scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    """A new database, open in the module's loop."""
    async with Database(database_url) as opened:
        yield opened
