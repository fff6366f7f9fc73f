"""Signing in: both halves show what they have to its own origin, page after page, and to nobody else."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Page, Playwright

from crawler.browser import PageLost, Tab, playwright_driver
from crawler.exploration import follow
from crawler.fetch import Answer, Fetcher, Manners
from crawler.recording import record_sign_in
from crawler.signing_in import Cookie, Credentials, SignIn
from db.errors import UsageError
from db.words import Reason
from tests.audits.sites import Answer as Said
from tests.audits.sites import html, moved, small_site
from tests.crawler.servers import Request, Server, http

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANNERS = Manners(contact="tests", timeout=5, retries=0)
BASIC = "Basic " + base64.b64encode(b"kensa:himitsu-no-kotoba").decode()
FORM = '<form method="post" action="/login"><input name="u"><input type="password" name="p"></form>'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def driver(chromium: str) -> AsyncIterator[Playwright]:
    async with playwright_driver() as opened:
        yield opened


def origin(site: Server) -> str:
    return site.address("/").rstrip("/")


def everything(site: Server) -> Credentials:
    """A header, a cookie and a stored item for a site."""
    return Credentials([
        SignIn(
            origin=origin(site), headers={"Authorization": BASIC, "X-Preview": "himitsu-header"},
            cookies=(Cookie(name="sid", value="himitsu-cookie"),), storage={"token": "himitsu-item"},
        )
    ])  # fmt: skip


def session(site: Server, *forms: str) -> Credentials:
    """A session that a form began."""
    cookies = (Cookie(name="sid", value="1"),)
    return Credentials([SignIn(origin=origin(site), cookies=cookies, forms=frozenset(map(site.address, forms)))])


@asynccontextmanager
async def tab_with(driver: Playwright, chromium: str, credentials: Credentials) -> AsyncIterator[Tab]:
    async with Tab(driver, MANNERS, executable=chromium, credentials=credentials) as tab:
        yield tab


async def shown(tab: Tab, site: Server, path: str = "/") -> str:
    """The title that a page ends with, when it is the page and nothing else."""
    await tab.open(site.address(path), seconds=10, patience=5)
    await tab.still_shows(site.address(path))
    return await tab.page.title()


def leaked(*servers: Server) -> list[str]:
    """What other servers were shown of us, anywhere in a request."""
    return [
        f"{each.path} {each.headers}"
        for server in servers
        for each in server.requests
        if any(word in f"{each.path} {each.headers}" for word in ("himitsu", BASIC, "sid="))
    ]


# ── where it goes, and where it does not ───────────────────────────────────────────────────────────


async def test_both_halves_show_everything_to_the_site(driver: Playwright, chromium: str) -> None:
    page = html(
        "<img src='/i.png' alt=''><script>document.title = localStorage.token; new Worker('/w.js')</script>"
    )
    worker = http(b"fetch('/from-worker')", content_type="text/javascript")
    async with small_site({"/": page, "/w.js": worker}) as site:
        credentials = everything(site)
        async with Fetcher(MANNERS, credentials=credentials) as fetcher:
            await fetcher.get(site.address("/"))
        async with tab_with(driver, chromium, credentials) as tab:
            assert await shown(tab, site) == "himitsu-item"
            await _until(lambda: any(each.path == "/from-worker" for each in site.requests))
    assert {each.path for each in site.requests} >= {"/", "/i.png", "/w.js", "/from-worker"}
    for each in site.requests:
        assert each.headers.get("authorization") == BASIC, each.path
        assert each.headers.get("x-preview") == "himitsu-header"
        assert each.headers.get("cookie") == "sid=himitsu-cookie"


async def test_nothing_reaches_another_origin_from_the_browser(driver: Playwright, chromium: str) -> None:
    """Another port of the same host is another origin, and the hardest to tell: cookies know no ports."""
    reading = "<script>new Image().src = '/read?' + document.cookie + JSON.stringify(localStorage)</script>"
    async with small_site({"/frame": html(reading), "/land": html(reading)}) as other:
        there, name = other.address, other.address("/named", host="localhost")
        body = f"""<img src="{there("/image")}" alt=""><iframe title="枠" src="{there("/frame")}"></iframe>
          <img src="/away" alt=""><img src="{name}" alt=""><link rel="prefetch" href="{there("/prefetch")}">
          <link rel="preconnect" href="{there("/")}"><script>
          fetch("{there("/fetch")}", {{mode: "no-cors", credentials: "include"}}).catch(() => 0);
          fetch("/away-by-fetch", {{mode: "no-cors", credentials: "include"}}).catch(() => 0);
          navigator.sendBeacon("{there("/beacon")}", "x");
          try {{ new WebSocket("{there("/socket").replace("http", "ws")}") }} catch {{}}
          </script>"""
        pages: dict[str, Said] = {
            "/": html(body), "/away": moved(there("/image-away")), "/away-by-fetch": moved(there("/fetch-away")),
            "/leave": moved(there("/land")),
            "/script": html(f"<script>location.replace('{there('/land?by=script')}')</script>"),
        }  # fmt: skip
        async with small_site(pages) as site, tab_with(driver, chromium, everything(site)) as tab:
            await shown(tab, site)
            await _until(lambda: len({each.path for each in other.requests}) >= 8)
            await tab.open(site.address("/leave"), seconds=10, patience=5)
            await tab.open(site.address("/script"), seconds=10, patience=5)
            await _until(lambda: any("by=script" in each.path for each in other.requests))
            await tab.open(other.address("/land"), seconds=10, patience=5)
            await _until(lambda: any(each.path.startswith("/read?") for each in other.requests))
    asked = {each.path for each in other.requests}
    assert asked >= {"/image", "/frame", "/image-away", "/named", "/fetch", "/fetch-away", "/beacon", "/land"}
    assert leaked(other) == []


async def test_nothing_reaches_another_origin_from_the_exploring_client() -> None:
    async with small_site({}) as other:
        pages: dict[str, Said] = {
            "/away": moved(other.address("/a")), "/robots.txt": moved(other.address("/robots.txt")),
        }  # fmt: skip
        async with small_site(pages) as site, Fetcher(MANNERS, credentials=everything(site)) as fetcher:
            for path in ("/away", "/robots.txt"):
                await follow(fetcher, site.address(path))
            await fetcher.get(other.address("/linked"))
            await fetcher.get(site.address("/host", host="localhost"))
            by_name = [each for each in site.requests if each.path == "/host"]
    assert {each.path for each in other.requests} == {"/a", "/robots.txt", "/linked"}
    assert leaked(other) == []
    assert by_name[0].headers.keys() & {"authorization", "cookie", "x-preview"} == set()


# ── page after page ────────────────────────────────────────────────────────────────────────────────


async def test_each_page_is_met_signed_in_and_without_what_the_page_before_stored(
    driver: Playwright, chromium: str
) -> None:
    """One page signs itself out, changes the session and stores more: the next knows nothing of it."""
    told = "document.title = document.cookie + ' ' + JSON.stringify(Object.entries(localStorage))"
    spoiling = """document.cookie = "sid=other"; document.cookie = "more=1";
      localStorage.token = "other"; localStorage.more = 1; sessionStorage.more = 1"""
    async with (
        small_site(
            {"/a": html(f"<script>{told};{spoiling}</script>"), "/b": html(f"<script>{told}</script>")}
        ) as site,
        tab_with(driver, chromium, everything(site)) as tab,
    ):
        titles = [await shown(tab, site, path) for path in ("/a", "/b", "/a", "/b")]
    assert titles == ['sid=himitsu-cookie [["token","himitsu-item"]]'] * 4


async def test_a_page_may_change_what_it_was_given_while_it_is_shown(driver: Playwright, chromium: str) -> None:
    body = "<script>localStorage.token = 'mine'</script><iframe title='枠' src='/f'></iframe>"
    pages: dict[str, Said] = {
        "/": html(body),
        "/f": html("<script>parent.document.title = localStorage.token</script>"),
    }
    async with small_site(pages) as site, tab_with(driver, chromium, everything(site)) as tab:
        assert await shown(tab, site) == "mine"


async def test_the_page_sees_nothing_of_how_its_storage_came(driver: Playwright, chromium: str) -> None:
    """A foreign frame, and a page that replaces what the filling might use."""
    looking = """<script>const seen = Object.getOwnPropertyNames(window).filter(name => /jisweep|himitsu/.test(name));
      let stored = ""; try { stored = JSON.stringify(localStorage) } catch {}
      new Image().src = "/read?" + seen + stored</script>"""
    async with small_site({"/": html(looking)}) as other:
        body = f"<iframe title='枠' src='{other.address('/')}'></iframe><iframe title='砂' sandbox='allow-scripts' src='/s'></iframe>"
        async with (
            small_site({"/": html(body), "/s": html(looking)}) as site,
            tab_with(driver, chromium, everything(site)) as tab,
        ):
            await shown(tab, site)
            await _until(lambda: len([e for s in (site, other) for e in s.requests if "/read?" in e.path]) == 2)
    assert leaked(other) == []
    assert [each.path for each in site.requests if "/read?" in each.path] == ["/read?"]


async def test_a_new_browser_is_signed_in_as_well(driver: Playwright, chromium: str) -> None:
    async with (
        small_site({"/": html("<script>document.title = document.cookie + localStorage.token</script>")}) as site,
        tab_with(driver, chromium, everything(site)) as tab,
    ):
        first = await shown(tab, site)
        await tab.discard()
        assert await shown(tab, site) == first == "sid=himitsu-cookiehimitsu-item"


# ── signed out ─────────────────────────────────────────────────────────────────────────────────────

SIGNED_OUT: dict[str, Said] = {
    "/unauthorised": html("", status="401 Unauthorized", WWW_Authenticate="Basic"),
    "/sent": moved("/login?next=/sent"),
    "/instead": html(FORM),
}
NOT_SIGNED_OUT: dict[str, Said] = {
    "/login": html(FORM),
    "/moved": moved("/new"),
    "/new": html(""),
    "/change-password": html('<form><input type="password"><input type="password"></form>'),
    "/blog/login-rules": html(""),
}


async def fetched(site: Server, path: str, credentials: Credentials) -> Answer:
    async with Fetcher(MANNERS, credentials=credentials) as fetcher:
        return await fetcher.get(site.address(path))


@pytest.mark.parametrize("path", SIGNED_OUT)
async def test_the_sign_in_form_is_not_the_page(driver: Playwright, chromium: str, path: str) -> None:
    async with small_site({**SIGNED_OUT, **NOT_SIGNED_OUT}) as site:
        answer = await fetched(site, path, session(site))
        assert (answer.failure, answer.detail, answer.location) == (Reason.BLOCKED, "signed out", None)
        async with tab_with(driver, chromium, session(site)) as tab:
            with pytest.raises(PageLost) as lost:
                await shown(tab, site, path)
        assert (lost.value.reason, lost.value.detail) == (Reason.BLOCKED, "signed out")
        assert (await fetched(site, path, Credentials())).detail == ""


@pytest.mark.parametrize(
    "script",
    [
        "location.replace('/login')",
        f"setTimeout(() => document.querySelector('main').innerHTML = '{FORM}', 50)",
    ],
)
async def test_a_script_that_shows_the_form_is_seen_through(driver: Playwright, chromium: str, script: str) -> None:
    async with (
        small_site({"/": html(f"<script>{script}</script>"), **NOT_SIGNED_OUT}) as site,
        tab_with(driver, chromium, session(site)) as tab,
    ):
        await tab.open(site.address("/"), seconds=10, patience=5)
        await tab.page.wait_for_selector("input[type=password]")
        with pytest.raises(PageLost, match="signed out"):
            await tab.still_shows(site.address("/"))


@pytest.mark.parametrize("path", NOT_SIGNED_OUT)
async def test_other_pages_are_what_they_are(driver: Playwright, chromium: str, path: str) -> None:
    async with small_site(NOT_SIGNED_OUT) as site, tab_with(driver, chromium, session(site)) as tab:
        assert (await fetched(site, path, session(site))).failure is None
        assert await shown(tab, site, path) == "見本"


async def test_a_form_for_members_counts_only_where_it_is_the_sites_own_sign_in(
    driver: Playwright, chromium: str
) -> None:
    """Behind Basic authentication, or where the sign-in page is known, a form elsewhere is part of the page."""
    members = '<form action="/members/enter"><input name="u"><input type="password"></form>'
    async with small_site({"/": html(members), "/b": html(FORM)}) as site:
        basic = Credentials([SignIn(origin=origin(site), headers={"Authorization": BASIC})])
        known = session(site, "/login")
        for credentials in (basic, known):
            assert (await fetched(site, "/", credentials)).failure is None
            async with tab_with(driver, chromium, credentials) as tab:
                assert await shown(tab, site) == "見本"
        assert (await fetched(site, "/b", known)).detail == "signed out"
        assert (await fetched(site, "/", session(site))).detail == "signed out"


async def test_a_sign_in_page_on_another_host_is_known_by_its_name() -> None:
    async with small_site({"/": moved("https://id.example.jp/f/portal?x=1")}) as site:
        known = Credentials(
            [SignIn(origin=origin(site), headers={"X": "y"}, forms=frozenset({"https://id.example.jp/f/portal"}))]
        )
        assert (await fetched(site, "/", known)).detail == "signed out"
        assert (await fetched(site, "/", session(site))).location is not None


# ── recording ──────────────────────────────────────────────────────────────────────────────────────


def guarded(request: Request) -> bytes:
    """A page for who has signed in; everybody else is sent to the form."""
    return html("<p>中") if "sid=himitsu" in request.headers.get("cookie", "") else moved("/enter")


ENTRANCE: dict[str, Said] = {
    "/": guarded,
    "/enter": html('<form action="/check"><input name="u"><input type="password" name="p"><button>入る</button></form>'),
    "/check?u=a&p=b": http(b"", status="302 x", Location="/", Set_Cookie="sid=himitsu; HttpOnly"),
}  # fmt: skip


async def test_what_a_person_signs_in_with_opens_the_site_later(driver: Playwright, chromium: str) -> None:
    async def person(page: Page) -> None:
        await page.fill("input[name=u]", "a")
        await page.fill("input[name=p]", "b")
        await asyncio.sleep(0.7)  # nobody types faster
        await page.click("button")
        await page.wait_for_selector("text=中")

    async with small_site(ENTRANCE) as site:
        state = await record_sign_in(driver, site.address("/"), person, None, executable=chromium, visible=False)
        assert (state["origin"], len(state["cookies"])) == (origin(site), 1)
        assert state["sign_in"] == [site.address("/check"), site.address("/enter")]
        cookie = Cookie(name="sid", value=state["cookies"][0]["value"])
        kept = Credentials([SignIn(origin=origin(site), cookies=(cookie,), forms=frozenset(state["sign_in"]))])
        assert (await fetched(site, "/", kept)).status == 200
        async with tab_with(driver, chromium, kept) as tab:
            await shown(tab, site)
        over = Credentials([SignIn(origin=origin(site), headers={"X": "y"}, forms=frozenset(state["sign_in"]))])
        assert (await fetched(site, "/", over)).detail == "signed out"


async def test_who_records_without_signing_in_is_told(driver: Playwright, chromium: str) -> None:
    async def nobody(_: Page) -> None:
        return None

    async with small_site({"/": html("")}) as site:
        with pytest.raises(UsageError, match="sign in before you record"):
            await record_sign_in(driver, site.address("/"), nobody, None, executable=chromium, visible=False)


async def _until(happened: Callable[[], bool], seconds: float = 5.0) -> None:
    ends = asyncio.get_running_loop().time() + seconds
    while not happened() and asyncio.get_running_loop().time() < ends:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
