"""Recording a sign-in: a visible browser in which a person signs in, and what it then holds for that one origin."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Playwright

from crawler.address import canonical, origin_of
from crawler.browser import LOCALE, NO_BYPASS, TIMEZONE, has_no_sandbox, installed_browser
from crawler.credentials import narrow
from crawler.gate import Gate
from crawler.signed_out import FORMS, without_query
from db.errors import BrowserMissing, UsageError

LOOKING = 0.5  # seconds between two looks at what the person sees


async def record_sign_in(
    driver: Playwright, address: str, signed_in: Callable[[Page], Awaitable[None]], gate: Gate | None, *,
    executable: str | None = None, visible: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """Let a person sign in, until `signed_in` returns; a storage state that holds what the address's origin is shown.

    It also names the sign-in pages that were seen, by which signed-out pages are known later. Raises BrowserMissing
    when the browser does not start, UsageError when it was closed too early or nothing was stored in it.
    """
    program = installed_browser(executable, driver.chromium.executable_path)
    try:
        browser = await driver.chromium.launch(
            executable_path=program, headless=not visible, chromium_sandbox=not has_no_sandbox(),
            args=["--no-sandbox"] if has_no_sandbox() else [],
            proxy={"server": gate.url, "bypass": NO_BYPASS} if gate else None,
        )  # fmt: skip
    except PlaywrightError:
        raise BrowserMissing(
            ja=f"ブラウザ {program} の画面を開けません。画面のある端末で記録し、--storage-state でそのファイルを指定してください。",
            en=f"The browser {program} cannot open a window: record where there is a screen, and give --storage-state FILE.",
        ) from None
    try:
        context = await browser.new_context(locale=LOCALE, timezone_id=TIMEZONE, accept_downloads=False)
        page = await context.new_page()
        seen: set[str] = set()
        looking = asyncio.create_task(_look_for_forms(page, seen))
        try:
            await page.goto(address, wait_until="domcontentloaded")
            await signed_in(page)
            state: dict[str, Any] = dict(await context.storage_state())
        finally:
            looking.cancel()
    except PlaywrightError as error:
        raise UsageError(
            ja=f"{address} のサインインを記録できませんでした。ページが開けないか、Enter の前に窓が閉じられました。",
            en=f"The sign-in at {address} was not recorded: the page did not open, or its window was closed before Enter.",
        ) from error
    finally:
        await browser.close()
    return narrow(state | {"sign_in": sorted(seen)}, origin_of(address))


async def _look_for_forms(page: Page, seen: set[str]) -> None:
    """Note, while a person signs in, where there is a form with a password, and where it leads."""
    while not page.is_closed():
        try:
            forms = [canonical(each) for each in await page.evaluate(FORMS)]
            here = canonical(page.url)
        except PlaywrightError:  # between two pages
            forms, here = [], None
        if len(forms) == 1:
            seen |= {without_query(each) for each in (here, forms[0]) if each}
        await asyncio.sleep(LOOKING)
