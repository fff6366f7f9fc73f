"""The weight of a browser: ending a page that takes more memory than one page may.

A body without end, or a small one that unfolds to gigabytes, becomes memory of the page's process long before the
time for the page is over. The sizes are read from /proc: where there is none, only the time ends such a page.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from playwright.async_api import Browser
from playwright.async_api import Error as PlaywrightError

EVERY = 1.0  # seconds
PROCESSES = Path("/proc")


async def watch_weight(
    browser: Browser, heaviest: int, tell: Callable[[], None], shown_for: Callable[[], float]
) -> None:
    """While the browser runs, kill each process of a page that takes more than so many bytes, and tell first.

    Nothing is asked while the page has been shown for less than EVERY: most are over by then, and no body grows so fast.
    """
    if not PROCESSES.is_dir():
        return
    with suppress(PlaywrightError):
        session = await browser.new_browser_cdp_session()
        while True:
            await asyncio.sleep(EVERY)
            if shown_for() < EVERY:
                continue
            for each in (await session.send("SystemInfo.getProcessInfo"))["processInfo"]:
                if each["type"] == "renderer" and resident(each["id"]) > heaviest:
                    tell()
                    with suppress(ProcessLookupError):
                        os.kill(each["id"], signal.SIGKILL)


def resident(process: int) -> int:
    """The bytes of memory that a process holds; 0 when it is gone."""
    try:
        pages = (PROCESSES / str(process) / "statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
