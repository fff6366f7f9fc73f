"""The crawler keeps no cookies: what a site shows in place of its pages to who brings none is no page."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import count

import pytest

from crawler.cookies import UNTOLD
from crawler.exploration import Shown
from crawler.politeness import Stopped
from db.database import Database
from db.words import SweepState
from tests.audits.sites import Answer, asked, html, small_site
from tests.crawler.exploring import begun, explored
from tests.crawler.servers import Request, http
from tests.crawler.test_traps import page

ASKING = "このサイトではクッキーを使います。同意するか、ブラウザーの設定でクッキーを有効にしてから、もう一度お越しください。"

COOKIES = [(b"a", b"x" * 3000), (b"b", b"x" * 3000), (b"c", "同意".encode("shift_jis")), (b"last", b"1")]


@pytest.fixture
def backend() -> str:
    return "sqlite"


def behind(answer: bytes) -> Callable[[Request], bytes]:
    """A page that is shown to who brings the cookie only."""
    asking = html(f"<p>{ASKING}</p>", title="見本市", Set_Cookie="seen=1; Path=/; HttpOnly")
    return lambda request: answer if "seen=1" in request.headers.get("cookie", "") else asking


async def test_a_page_that_asks_for_a_cookie_is_said_to_block_wherever_it_is_shown(database: Database) -> None:
    pages: dict[str, Answer] = {path: behind(page(path, "/a", "/b")) for path in ("/", "/a", "/b")}
    async with small_site(pages) as site:
        listed = "".join(f"<url><loc>{site.address(path)}</loc></url>" for path in pages)
        sitemap = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{listed}</urlset>'
        pages["/sitemap.xml"] = http(sitemap.encode(), content_type="application/xml")
        sweep = await explored(database, site)
    assert await sweep.ends() == {"/": "blocked", "/a": "blocked", "/b": "blocked"}
    assert "cookie" in (await sweep.rows())["/"]["detail"]


async def test_cookies_are_brought_whole_and_those_that_are_too_large_are_noted(database: Database) -> None:
    """A bomb of cookies beside one that lets in: half of a cookie is none."""
    brought: list[str] = []

    def start(request: Request) -> bytes:
        brought.append(request.headers.get("cookie", ""))
        sets = b"".join(b"Set-Cookie: %b=%b; Path=/\r\n" % each for each in COOKIES)
        return html(f"<p>{ASKING}</p>", title="見本市").replace(b"\r\n", b"\r\n" + sets, 1)

    async with small_site({"/": start}) as site:
        sweep = await explored(database, site)
        [note] = await sweep.notes()
    assert "a={}; last=1".format("x" * 3000) in brought
    assert all({each.partition("=")[0] for each in said.split("; ") if said} <= {"a", "last"} for said in brought)
    assert note == {
        "about": "unsure",
        "address": site.address("/"),
        "said": "it sets more cookies than are brought to ask whether it is another page with them: 2 were not",
    }


async def test_who_gets_no_answer_to_whether_a_cookie_shows_more_says_so(database: Database) -> None:
    asked_for = count()

    def start(_: Request) -> bytes:
        return (
            http(status="500 Internal Server Error")
            if next(asked_for)
            else html(f"<p>{ASKING}</p>", Set_Cookie="a=1")
        )

    async with small_site({"/": start}) as site:
        sweep = await explored(database, site)
        notes = await sweep.notes()
    assert await sweep.ends() == {"/": "explored"}
    assert {"about": "unanswered", "address": site.address("/"), "said": UNTOLD} in notes


@pytest.mark.parametrize("asks", [True, False])
async def test_a_consent_that_a_script_keeps_is_said_to_block(database: Database, asks: bool) -> None:
    """Each page is its own to who reads the source; in the browser there is a consent in its place, or itself."""
    texts = {
        path: f"{word}の窓口は一階で、平日の午前九時から開いています。" * 2
        for path, word in zip("abc", "税水道", strict=True)
    }
    paths = [f"/{each}" for each in texts]

    def shown(path: str) -> str:
        listed = "".join(f'<a href="{each}">次</a>' for each in paths)
        return f"<p>{ASKING}</p>" if asks else f"<p>{texts.get(path[1:], '入口です。' * 12)}</p>{listed}"

    async def render(address: str) -> Shown:
        return Shown(links=(), html=f"<title>見本</title><main><h1>見本</h1>{shown(sweep.path(address))}</main>")

    def site(request: Request) -> bytes:
        listed = "".join(f'<a href="{each}">次</a>' for each in paths)
        return html(f"<p>{texts.get(request.path[1:], '入口です。' * 12)}</p>{listed}<script>ask()</script>")

    async with small_site(dict.fromkeys(["/", *paths], site)) as server:
        sweep = await begun(database, server, render=render)
        assert await sweep.go()
    assert set((await sweep.ends()).values()) == {"blocked" if asks else "explored"}


@pytest.mark.parametrize(
    "more", ["", "<p>はじめての方へ: クッキーを使っています。</p>"], ids=["the same", "with a banner"]
)
async def test_a_page_that_sets_a_cookie_and_is_the_same_with_it_is_a_page(database: Database, more: str) -> None:
    def start(request: Request) -> bytes:
        first = "" if "seen=1" in request.headers.get("cookie", "") else more
        texts = "".join(f"<p>{word}の窓口は一階で、平日の午前九時から開いています。</p>" for word in "税水道福祉")
        return html(f'{first}{texts}<a href="/a">次</a>', Set_Cookie="seen=1; Path=/")

    async with small_site({"/": start, "/a": page("次")}) as site:
        sweep = await explored(database, site)
        requests = asked(site)
    assert await sweep.ends() == {"/": "explored", "/a": "explored"}
    assert requests.count("/") == 3, "once more without the cookie, and once with it"


@pytest.mark.parametrize(
    "cookie", ["a=\u00e9", "=", ";", "a=" + "x" * 9000], ids=["letters", "bare", "none", "long"]
)
async def test_a_cookie_that_cannot_be_brought_changes_nothing(database: Database, cookie: str) -> None:
    async with small_site({"/": html("<p>見本</p>", Set_Cookie=cookie)}) as site:
        assert await (await explored(database, site)).ends() == {"/": "explored"}


@pytest.mark.parametrize("asked_before", range(1, 7))
async def test_who_stops_while_a_question_is_asked_again_can_go_on(database: Database, asked_before: int) -> None:
    """Of a cookie, of spellings that count, of missing pages: a stop is no error, wherever it comes."""
    stopping, left = asyncio.Event(), asked_before

    def counted(answer: bytes) -> Callable[[Request], bytes]:
        def answering(request: Request) -> bytes:
            nonlocal left
            left -= 1
            if left == 0:
                stopping.set()
            return answer.replace(b"%", str(1000 + left)[-3:].encode())

        return answering

    start = html('<p>見本</p><a href="/a">一</a><a href="/A">二</a>', Set_Cookie="seen=1")
    twin = page("数", text="あなたは%人目です。")
    async with small_site({"/": counted(start), "/a": counted(twin), "/A": counted(twin)}) as site:
        sweep = await begun(database, site)
        with suppress(Stopped):  # as who explores takes it
            await sweep.go(stopping)
        if (await sweep.sweep_row())["state"] is SweepState.EXPLORING:
            assert await sweep.go()
    assert sorted((await sweep.ends()).values()) == ["duplicate", "explored", "explored"]
