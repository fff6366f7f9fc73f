"""The browser: which one is started, what pages see of it, and how long one is kept."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Playwright

from crawler import browser as browsers
from crawler.browser import NAMES, VIEWPORT, PageLost, Tab, installed_browser, playwright_driver
from crawler.fetch import Manners
from crawler.gate import Gate
from db.errors import BrowserMissing
from db.words import Reason
from tests.audits.processes import ours
from tests.audits.sites import html, small_site


def program(folder: Path, name: str) -> str:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_the_configured_browser_comes_first_then_playwrights_own_then_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, configured = program(tmp_path, "own"), program(tmp_path, "configured")
    (tmp_path / "bin").mkdir()
    systems = [program(tmp_path / "bin", name) for name in reversed(NAMES)]
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert installed_browser(configured, own) == configured
    assert installed_browser(None, own) == own
    for expected in reversed(systems):
        assert installed_browser(None, str(tmp_path / "absent")) == expected
        Path(expected).unlink()


def test_a_browser_that_is_not_there_is_said_in_both_languages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BrowserMissing) as missing:
        installed_browser("/nowhere/chrome", sys.executable)
    assert "/nowhere/chrome" in missing.value.ja
    assert "/nowhere/chrome" in missing.value.en
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browsers, "PLACES", ())
    with pytest.raises(BrowserMissing, match="jisweep setup") as missing:
        installed_browser(None, str(tmp_path / "absent"))
    assert missing.value.exit_code == 5


@pytest.fixture
async def driver(chromium: str) -> AsyncIterator[Playwright]:
    async with playwright_driver() as opened:
        yield opened


async def test_a_program_that_is_no_browser_is_a_browser_missing(driver: Playwright) -> None:
    with pytest.raises(BrowserMissing, match="does not start"):
        async with Tab(driver, Manners(contact="tests"), executable=shutil.which("true")):
            pass


SEEN = """({
  languages: navigator.languages, zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  size: [innerWidth, innerHeight], agent: navigator.userAgent,
})"""


async def test_pages_see_a_visitor_in_tokyo_who_says_who_it_is(driver: Playwright, chromium: str) -> None:
    async with (
        small_site({"/": html("")}) as site,
        Tab(driver, Manners(contact="https://example.jp/bot"), executable=chromium) as tab,
    ):
        arrival = await tab.open(site.address("/"), seconds=10, patience=5)
        seen: dict[str, Any] = await tab.page.evaluate(SEEN)
        major = tab.version.partition(".")[0]
    assert (arrival.status, arrival.loaded) == (200, True)
    assert seen["languages"][0] == "ja-JP"
    assert seen["zone"] == "Asia/Tokyo"
    assert tuple(seen["size"]) == VIEWPORT == (1280, 1024)
    assert f"Chrome/{major}.0.0.0" in seen["agent"]
    assert seen["agent"].endswith("jisweep/0.1 (+https://example.jp/bot)")
    request = next(each for each in site.requests if each.path == "/")
    assert request.headers["user-agent"] == seen["agent"]
    assert request.headers["accept-language"].startswith("ja-JP")


async def test_our_world_is_out_of_reach_of_the_page_and_sees_its_document(
    driver: Playwright, chromium: str
) -> None:
    page = html("<p id=p>本文</p><script>window.secret = 1; document.title = typeof ours</script>")
    async with (
        small_site({"/": page}) as site,
        Tab(driver, Manners(contact="tests"), executable=chromium, script="globalThis.ours = 7") as tab,
    ):
        await tab.open(site.address("/"), seconds=10, patience=5)
        world = await tab.world((await tab.frame_tree())["frame"]["id"])
        told = "[ours, typeof secret, document.title, document.querySelector('#p').textContent]"
        assert await tab.evaluate(world, told) == [7, "undefined", "undefined", "本文"]
        assert await tab.evaluate(world, "Promise.resolve(3)") == 3
        with pytest.raises(Exception, match="broken"):
            await tab.evaluate(world, "(() => { throw new Error('broken') })()")


async def test_a_browser_is_replaced_after_so_many_pages_and_when_it_is_discarded(
    driver: Playwright, chromium: str
) -> None:
    async with (
        small_site({"/": html("")}) as site,
        Tab(driver, Manners(contact="tests"), executable=chromium, pages_per_browser=2) as tab,
    ):
        seen = []
        for _ in range(5):
            await tab.open(site.address("/"), seconds=10, patience=5)
            (process,) = ours("browser")
            seen.append(process.pid)
        assert seen[0] == seen[1] != seen[2] == seen[3] != seen[4]
        await tab.discard()
        assert ours("browser") == []
        await tab.blank()
        assert len(ours("browser")) == 1
    assert ours("browser") == []


async def test_resources_that_never_come_end_the_patience_not_the_page(driver: Playwright, chromium: str) -> None:
    async def never(_: object) -> bytes:
        await asyncio.sleep(60)
        return b""

    page = html('<img src="/never" alt="">')
    async with (
        small_site({"/": page, "/never": never}) as site,
        Tab(driver, Manners(contact="tests"), executable=chromium) as tab,
    ):
        arrival = await tab.open(site.address("/"), seconds=10, patience=0.3)
    assert (arrival.status, arrival.loaded) == (200, False)


async def test_the_gate_says_why_a_page_was_refused(driver: Playwright, chromium: str) -> None:
    async with (
        small_site({"/": html("")}) as site,
        Gate() as gate,
        Tab(driver, Manners(contact="tests"), gate, executable=chromium) as tab,
    ):
        with pytest.raises(PageLost) as lost:
            await tab.open(site.address("/"), seconds=10, patience=5)
    assert lost.value.reason is Reason.PRIVATE_ADDRESS
    assert site.requests == []


async def test_a_name_that_does_not_resolve_is_told_apart(driver: Playwright, chromium: str) -> None:
    async with Tab(driver, Manners(contact="tests"), executable=chromium) as tab:
        with pytest.raises(PageLost) as lost:
            await tab.open("http://no-such-host.invalid/", seconds=10, patience=5)
    assert lost.value.reason is Reason.DNS


async def test_how_long_an_answer_took_to_begin_is_known(driver: Playwright, chromium: str) -> None:
    async def late(_: object) -> bytes:
        await asyncio.sleep(0.3)
        return html("")

    async with (
        small_site({"/": late}) as site,
        Tab(driver, Manners(contact="tests"), executable=chromium) as tab,
    ):
        await tab.open(site.address("/"), seconds=10, patience=1)
    assert tab.latency is not None
    assert 0.3 <= tab.latency < 3
