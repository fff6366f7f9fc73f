"""The pages of administration, of one's own account and of signing in stand our own audit, and can be worked by keyboard alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.async_api import Page, async_playwright

from db.database import Database
from db.tables import Account
from db.types import now
from db.words import Done, Role
from reports.access.accounts import Grant, accept, invite, make_account
from reports.access.trail import leave
from tests.own_audit import AUDIT, AXE_SCRIPT
from tests.reports import rows
from tests.web.issuer import Issuer
from tests.web.serving import Served, person
from tests.web.test_directory import written
from tests.web.test_rights import made

PASSWORD = "みどりの窓口で会いましょう 令和"
pytestmark = pytest.mark.parametrize("backend", ["sqlite"])


@pytest.fixture
def origin(tmp_path: Path, database_url: str) -> Iterator[str]:
    """The application with a directory, so that its buttons are there."""
    with Issuer() as issuer, Served(database_url, oidc=written(tmp_path, issuer)) as served:
        yield served


async def faults(page: Page) -> list[str]:
    """What is wrong with the page that is shown, wide and narrow."""
    found: list[str] = []
    for width in (1280, 320):
        await page.set_viewport_size({"width": width, "height": 900})
        await page.evaluate(AXE_SCRIPT)
        told = json.loads(await page.evaluate(AUDIT))
        found += [f"{page.url} at {width}: {rule['id']} {rule['nodes'][0]['target']}" for rule in told]
        if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{page.url} at {width}: scrolls sideways")
    return found


async def look(page: Page, origin: str, *paths: str) -> list[str]:
    found: list[str] = []
    for path in paths:
        answer = await page.goto(origin + path)
        assert answer is not None
        assert len(await answer.body()) < 200_000
        found += await faults(page)
    return found


async def test_no_page_has_a_violation(database: Database, origin: str, chromium: str) -> None:
    values = await made(database)
    who = await person(database, "管理の人", Grant(role=Role.ADMINISTRATOR))
    async with database.writing() as connection:
        await connection.execute(sa.update(Account).where(Account.id == who.account).values(password="x"))
        secret = await invite(connection, await make_account(connection, "hanako", "花子", []))
        for text in rows.HOSTILE:
            told = {"act": text, text: [text]}
            await leave(connection, Done.ACCOUNT_CHANGED, rows.storable(text), about=rows.storable(text), **told)
    wrong: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for lang in ("ja", "en"):
            context = await browser.new_context(reduced_motion="reduce", bypass_csp=True)  # to let the audit in
            cookies = [{"name": "lang", "value": lang, "url": origin}]
            await context.add_cookies(cookies)  # type: ignore[arg-type]
            page = await context.new_page()
            wrong += await look(page, origin, "/sign-in", f"/welcome/{secret}", "/sign-in/directory/return?code=x")
            mine = {"name": "jisweep", "value": who.cookies["jisweep"], "url": origin}
            await context.add_cookies([mine])  # type: ignore[list-item]
            wrong += await look(
                page, origin, "/administration", "/administration/accounts", "/administration/accounts/new",
                f"/administration/accounts/{values['account']}", f"/administration/accounts/{who.account}",
                "/administration/trail", "/administration/trail?who=nobody&about=/x", "/administration/sites",
                f"/administration/sites/{values['site']}", "/administration/organisations",
            )  # fmt: skip
            await page.goto(f"{origin}/administration/sites/{values['site']}")
            await page.fill("#exclude", "/kako/")
            await page.click("main button.main")
            assert await page.get_attribute("#exclude", "aria-invalid") == "true"
            wrong += await faults(page)
            await page.goto(f"{origin}/administration/organisations")
            table = {
                "name": "a.csv",
                "mimeType": "text/csv",
                "buffer": "組織,サイト\n局,https://x.example/\n".encode(),
            }
            await page.set_input_files("#file", table)  # type: ignore[arg-type]
            await page.click("main button.main")
            wrong += await faults(page)
            await page.goto(f"{origin}/account")
            await page.fill("#token-name", "集計")
            await page.press("#token-name", "Enter")
            assert (await page.input_value("#token")).startswith("jisweep_")
            wrong += await faults(page)
            for theme in ("dark", "contrast") if lang == "ja" else ():
                chosen = [{"name": "theme", "value": theme, "url": origin}]
                await context.add_cookies(chosen)  # type: ignore[arg-type]
                wrong += await look(page, origin, "/account", f"/administration/accounts/{values['account']}")
            await context.close()
        await browser.close()
    assert wrong == []


async def test_an_account_is_made_and_invited_by_keyboard_alone(
    database: Database, origin: str, chromium: str
) -> None:
    async with database.writing() as connection:
        number = await make_account(connection, "admin", "管理者", [Grant(role=Role.ADMINISTRATOR)])
        await accept(connection, await invite(connection, number), PASSWORD, now())
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page()

        async def to(selector: str) -> None:
            """Tab on until the focus is there, and can be seen."""
            for _ in range(60):
                await page.keyboard.press("Tab")
                if await page.evaluate("s => document.activeElement.matches(s)", selector):
                    style = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                    assert style != "none", selector
                    return
            raise AssertionError(f"no way to {selector}")

        await page.goto(f"{origin}/sign-in?next=/administration/accounts/new")
        await to("#name")
        await page.keyboard.type("admin")
        await to("#password")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#person")
        for selector, text in (("#name", "tanaka"), ("#person", "田中")):
            await to(selector)
            await page.keyboard.type(text)
        await to("#role")
        for _ in range(3):
            await page.keyboard.press("ArrowUp")
        await to("main button")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[role=status]")
        assert await page.inner_text("[role=status]") == "登録しました。次に、リンクを作って本人に渡してください。"
        assert "管理職" in await page.inner_text("#roles")
        await to("form[action$='/invite'] button")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#link")
        link = await page.input_value("#link")
        assert link.startswith(f"{origin}/welcome/")
        await page.context.clear_cookies()
        await page.goto(link)
        assert "田中" in await page.inner_text("main")
        await browser.close()
