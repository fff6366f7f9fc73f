"""Old, odd and restless pages: each is audited as a visitor's browser shows it, with the one known fault in its place."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from audits.engine import Engine, FramedAxe, rule_set
from audits.page import PageAudit, Pictures, Target, audit_page
from crawler.browser import PageLost, Tab, playwright_driver
from crawler.document import decode
from crawler.fetch import Manners
from crawler.scope import Scope
from db.words import Edition, Level, Reason
from tests.audits.sites import Answer, asked, html, small_site
from tests.crawler.servers import Request, Server, http

pytestmark = pytest.mark.asyncio(loop_scope="module")

IMAGE = '<img id="i" src="/i.png" class="環境">'  # fails image-alt at #i, with this very snippet
FAULT = ("image-alt", [], ["#i"], IMAGE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab(chromium: str, engine: Engine) -> AsyncIterator[Tab]:
    async with (
        playwright_driver() as driver,
        Tab(driver, Manners(contact="tests"), executable=chromium, script=engine.injected) as opened,
    ):
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def axe(tab: Tab, engine: Engine) -> FramedAxe:
    return FramedAxe(engine, await rule_set(tab, engine, Edition.JIS2016, Level.AA))


async def audited(tab: Tab, axe: FramedAxe, site: Server, path: str = "/", seconds: float = 20.0) -> PageAudit:
    target = Target(address=site.address(path), scope=Scope.around(site.address("/")))
    return await audit_page(tab, axe, target, Pictures(), seconds, contextlib.nullcontext())


async def faults(tab: Tab, axe: FramedAxe, pages: dict[str, Answer]) -> list[tuple[str, list[Any], list[Any], str]]:
    """What is found on the first page of a site: rule, frame, target and snippet."""
    async with small_site(pages) as site:
        return told(await audited(tab, axe, site))


def told(audit: PageAudit) -> list[tuple[str, list[Any], list[Any], str]]:
    return [(each.rule, each.frame, each.target, each.snippet) for each in audit.places]


def page(meta: str = "", body: str = IMAGE) -> str:
    return (
        f'<!DOCTYPE html><html lang="ja"><head>{meta}<title>環境の見本</title></head>'
        f"<body><main><h1>環境局からのお知らせ</h1><p>水質と大気の調査結果を公表します。</p>{body}</main></body></html>"
    )


# ── encodings ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "content_type", "encoding"),
    [
        (page("<meta charset=Shift_JIS>").encode("cp932"), "text/html", "Shift_JIS"),
        (page().encode("cp932"), "text/html; charset=x-sjis", "Shift_JIS"),
        (page().encode("cp932"), "text/html", "Shift_JIS"),
        (page("<meta charset=utf-8>").encode("cp932"), "text/html; charset=Windows-31J", "Shift_JIS"),
        (page("<meta http-equiv=Content-Type content='text/html; charset=EUC-JP'>").encode("euc_jp"), "text/html", "EUC-JP"),
        (page().encode("euc_jp"), "text/html; charset=x-euc-jp", "EUC-JP"),
        (page().encode("euc_jp"), "text/html", "EUC-JP"),
        (page("<meta charset=iso-2022-jp>").encode("iso2022_jp"), "text/html", "ISO-2022-JP"),
        (page().encode("iso2022_jp"), "text/html; charset=iso-2022-jp", "ISO-2022-JP"),
        (b"\xff\xfe" + page().encode("utf-16le"), "text/html", "UTF-16LE"),
        (b"\xfe\xff" + page().encode("utf-16be"), "text/html; charset=utf-8", "UTF-16BE"),
        (page().encode("utf-16le"), "text/html; charset=utf-16le", "UTF-16LE"),
        (b"\xef\xbb\xbf" + page("<meta charset=Shift_JIS>").encode(), "text/html; charset=euc-jp", "UTF-8"),
        (page("<meta charset=utf-16>").encode(), "text/html", "UTF-8"),
    ],
)  # fmt: skip
async def test_a_page_is_read_in_its_encoding_by_the_browser_and_by_the_crawler(
    tab: Tab, axe: FramedAxe, body: bytes, content_type: str, encoding: str
) -> None:
    async with small_site({"/": http(body, content_type=content_type)}) as site:
        found = told(await audited(tab, axe, site))
        assert await tab.page.evaluate("document.characterSet") == encoding
    assert found == [FAULT]
    text, name = decode(body, content_type)
    assert (name, "環境局からのお知らせ" in text) == (encoding.lower(), True)


@pytest.mark.parametrize(
    ("body", "content_type", "encoding"),
    [
        (page().encode("cp932"), "text/html; charset=utf-8", "UTF-8"),
        (page("<meta charset=utf-8>").encode("euc_jp"), "text/html", "UTF-8"),
        # browsers do not guess UTF-8, so that no site comes to rely on it; the crawler reads it all the same
        (page().encode(), "text/html", "windows-1252"),
        (page("<meta charset=nonsense>").encode(), "text/html; charset=unheard-of", "windows-1252"),
    ],
)
async def test_a_page_whose_encoding_is_wrong_or_unsaid_is_found_as_a_visitor_sees_it(
    tab: Tab, axe: FramedAxe, body: bytes, content_type: str, encoding: str
) -> None:
    """Text that is garbled for everybody is garbled in our evidence; the fault is the same."""
    async with small_site({"/": http(body, content_type=content_type)}) as site:
        ((rule, frame, target, snippet),) = told(await audited(tab, axe, site))
        assert await tab.page.evaluate("document.characterSet") == encoding
        assert snippet == await tab.page.evaluate("document.getElementById('i').outerHTML")
    assert (rule, frame, target) == FAULT[:3]
    assert "環境" not in snippet
    assert decode(body, content_type)[1] == "utf-8"


# ── old and broken markup ──────────────────────────────────────────────────────────────────────────

XHTML = (
    '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" '
    '"http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd"><html xmlns="http://www.w3.org/1999/xhtml" xml:lang="ja" lang="ja">'
    '<head><title>見本</title></head><body><div role="main"><h1>見本</h1>{}</div></body></html>'
)


def xhtml(body: str) -> bytes:
    return http(XHTML.format(body).encode(), content_type="application/xhtml+xml")


async def test_xhtml_is_audited_as_xml(tab: Tab, axe: FramedAxe) -> None:
    async with small_site({"/": xhtml('<p id="p"/><img id="i" src="/i.png"/>')}) as site:
        ((rule, frame, target, snippet),) = told(await audited(tab, axe, site))
        assert await tab.page.evaluate("document.contentType") == "application/xhtml+xml"
    assert (rule, frame, target) == FAULT[:3]
    assert 'id="i"' in snippet


@pytest.mark.parametrize(
    "body",
    [
        f"<p>一<p>二<b>三<i>四</b>五</i>{IMAGE}",
        f"<table><tr>{IMAGE}<td>一</table>",
        f"<a href=/a>一<a href=/b>二</a></a>{IMAGE}</p></div></span>",
        f"<font color=#000000><center>{IMAGE}</center></font>",
        f"<!-- 閉じた注釈 --!>{IMAGE}<!-- 閉じない注釈",
        f'{IMAGE}<img src="/x.png" alt="図" alt=""><br></br>',
        f"<ul><li>一<li>二</ul>{IMAGE}</body></html><p>後</p>",
        f"{IMAGE}<p>終わり<script>document.write('<p>')",
    ],
)
async def test_half_broken_markup_is_audited_as_the_browser_mends_it(tab: Tab, axe: FramedAxe, body: str) -> None:
    found = await faults(tab, axe, {"/": html(body)})
    assert [each for each in found if each[0] == "image-alt"] == [FAULT]


async def test_framesets_are_tested_frame_by_frame(tab: Tab, axe: FramedAxe) -> None:
    frameset = (
        '<html lang="ja"><head><meta charset="utf-8"><title>枠組み</title></head><frameset cols="20%,*">'
        '<frame id="menu" name="menu" title="目次" src="/menu.html"><frame id="main" title="本文" src="/main.html">'
        "</frameset></html>"
    )
    bare = "<html lang=ja><meta charset=utf-8><title>枠の中</title><body>{}</body></html>"
    pages: dict[str, Answer] = {
        "/": http(frameset.encode()),
        "/menu.html": http(bare.format("<p>目次</p>").encode()),
        "/main.html": http(bare.format(IMAGE).encode()),
    }
    async with small_site(pages) as site:
        audit = await audited(tab, axe, site)
    assert [each for each in told(audit) if each[0] == "image-alt"] == [("image-alt", ["#main"], ["#i"], IMAGE)]
    assert audit.untested == []


async def test_a_base_leads_to_the_frames_and_changes_no_place(tab: Tab, axe: FramedAxe) -> None:
    inner = http(f"<html lang=ja><meta charset=utf-8><title>枠</title><body>{IMAGE}</body>".encode())
    pages: dict[str, Answer] = {
        "/": html('<iframe id="f" title="枠" src="inner.html"></iframe>' + IMAGE, head='<base href="/below/">'),
        "/below/inner.html": inner,
    }
    found = await faults(tab, axe, pages)
    assert FAULT in found
    assert ("image-alt", ["#f"], ["#i"], IMAGE) in found


# ── scripts that replace what others rely on ───────────────────────────────────────────────────────

PROTOTYPE = """
  Object.extend = (to, from) => { for (const name in from) to[name] = from[name]; return to };
  Object.extend(Array.prototype, {
    each(f) { for (let i = 0; i < this.length; i++) f(this[i]) }, toJSON() { return '[x]' }, inspect() {},
    first() { return this[0] }, without() { return [] }, map() { return ['x'] }, reduce() { return 'x' },
    filter() { return [] }, entries() { return 'x' }, find() {}, include() { return false }, concat() { return [] },
  });
  Object.extend(String.prototype, {toJSON() { return 'x' }, strip() {}, startsWith() { return false }});
  Object.extend(Function.prototype, {bind() { return () => 'bound' }, argumentNames() { return [] }});
  window.$ = window.$$ = () => []; Element.prototype.remove = Element.prototype.matches = () => { throw 1 };
"""


@pytest.mark.parametrize(
    "script",
    [
        PROTOTYPE,
        "window.JSON = {stringify() { return '' }, parse() {}}",
        "Function.prototype.bind = Function.prototype.call = Function.prototype.apply = () => { throw 1 }",
        "window.module = {exports: {}}; window.exports = module.exports; window.require = () => ({})",
        "window.define = (name, needs, make) => { make && make() }; define.amd = {jQuery: true}",
        "Object.freeze(Object); Object.freeze(Object.prototype); Object.freeze(Array.prototype); Object.freeze(window.Function.prototype)",
        "Object.prototype.extra = function () {}; Array.prototype.extra = function () {}",
        "window.Set = window.WeakMap = window.Symbol = window.Reflect = undefined",
        "document.querySelector = document.getElementById = () => null; Node.prototype.contains = () => false",
    ],
)  # fmt: skip
async def test_replaced_built_ins_change_nothing(tab: Tab, axe: FramedAxe, script: str) -> None:
    assert await faults(tab, axe, {"/": html(IMAGE, head=f"<script>{script}</script>")}) == [FAULT]


# ── boxes, windows, media, workers, banners ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        "<script>for (let i = 0; i < 30; i++) { alert(i); confirm(i); prompt(i) }</script>",
        "<script>onload = () => { if (!confirm('続けますか')) document.title = '見本 続けません' }</script>",
        "<script>onbeforeunload = (e) => { e.preventDefault(); return e.returnValue = '入力中です' }</script>",
        '<a href="/pop.html" target="_blank" id="a">窓</a><script>a.click(); open("/pop.html"); open("about:blank")</script>',
        "<script>onload = () => document.body.click(); document.onclick = () => open('/pop.html')</script>",
        "<script>navigator.serviceWorker && navigator.serviceWorker.register('/sw.js').catch(() => {})</script>",
        "<script>new SharedWorker('/worker.js'); new Worker('/worker.js')</script>",
        "<script>new WebSocket(`ws://${location.host}/never`); new EventSource('/never'); fetch('/never')</script>",
        '<video autoplay muted loop src="/never" width="320" height="180"></video>',
    ],
)
async def test_boxes_windows_workers_and_open_connections_hold_nothing_up(
    tab: Tab, axe: FramedAxe, body: str
) -> None:
    async def never(_: Request) -> bytes:
        await asyncio.sleep(60)
        return b""

    worker = http(b"setInterval(() => {}, 5)", content_type="text/javascript")
    replaced = "self.onfetch = (e) => e.respondWith(new Response('<title>x</title>replaced'))"
    pages: dict[str, Answer] = {
        "/": html(IMAGE + body), "/next.html": html(IMAGE), "/never": never, "/worker.js": worker,
        "/sw.js": http(replaced.encode(), content_type="text/javascript"), "/pop.html": html("窓"),
    }  # fmt: skip
    async with small_site(pages) as site:
        for path in ("/", "/next.html", "/"):
            found = told(await audited(tab, axe, site, path))
            assert [each for each in found if each[0] == "image-alt"] == [FAULT], path
        assert len(tab.page.context.pages) == 1
        assert "/sw.js" not in asked(site)


async def test_sound_that_plays_by_itself_is_a_fault_of_the_page_and_no_hindrance(tab: Tab, axe: FramedAxe) -> None:
    found = await faults(tab, axe, {"/": html(IMAGE + '<audio id="s" autoplay src="/never.mp3"></audio>')})
    assert [each for each in found if each[0] == "image-alt"] == [FAULT]


BANNER = """<div id="banner" role="dialog" aria-modal="true" aria-label="クッキーの利用" style="position: fixed;
inset: 0; background: #fff; color: #000; z-index: 9999"><p>クッキーを使います。</p><button>同意する</button></div>"""


@pytest.mark.parametrize(
    "more",
    [
        "",
        "<style>body { overflow: hidden; height: 100vh }</style>",
        "<script>onload = () => document.body.append(banner)</script>",
    ],
)
async def test_what_lies_under_a_consent_banner_is_audited(tab: Tab, axe: FramedAxe, more: str) -> None:
    found = await faults(tab, axe, {"/": html(IMAGE + BANNER + more)})
    assert [each for each in found if each[0] == "image-alt"] == [FAULT]


# ── pages that go elsewhere, or never come to rest ─────────────────────────────────────────────────


@pytest.mark.parametrize(
    "head",
    [
        '<meta http-equiv="refresh" content="0;url=/next.html">',
        "<script>location.href = '/next.html'</script>",
        "<script>window.location = '/next.html'</script>",
        "<script>onload = () => { top.location.assign('/next.html') }</script>",
        "<script>document.addEventListener('DOMContentLoaded', () => document.forms[0].submit())</script>",
        "<script>document.addEventListener('DOMContentLoaded', () => document.getElementById('a').click())</script>",
    ],
)
async def test_a_page_that_leads_on_by_itself_is_no_page_and_says_where_to(
    tab: Tab, axe: FramedAxe, head: str
) -> None:
    body = '<form action="/next.html"></form><a id="a" href="/next.html">次</a>'
    async with small_site({"/": html(body, head=head), "/next.html": html(""), "/next.html?": html("")}) as site:
        with pytest.raises(PageLost) as lost:
            await audited(tab, axe, site)
        assert lost.value.reason is Reason.REDIRECT
        assert lost.value.leads_to in (site.address("/next.html"), site.address("/next.html?"))


@pytest.mark.parametrize(
    ("body", "settled"),
    [
        ('<meta http-equiv="refresh" content="300;url=/next.html">', True),
        ("<script>document.write('<p>書かれた文'); document.close()</script>", True),
        ("<script>onload = () => { document.open(); document.write(all) }; const all = `ALL`</script>", None),
        ("<style>@keyframes k { to { opacity: .9 } } h1 { animation: k 1s infinite }</style>", True),
        ('<img src="/never" alt="">', False),
        ("<script>document.head.innerHTML += '<link rel=stylesheet href=/never>'</script>", False),
        ("<script async src='/never'></script>", False),
        ("<script>setInterval(() => document.body.append(' '), 30)</script>", False),
        ("<script>const more = () => fetch('/more').then(more); more()</script>", True),
        ("<marquee>流れる文字</marquee>", True),
    ],
)
async def test_a_page_that_never_stops_loading_is_audited_and_says_whether_it_came_to_rest(
    tab: Tab, axe: FramedAxe, body: str, settled: bool | None
) -> None:
    async def never(_: Request) -> bytes:
        await asyncio.sleep(60)
        return b""

    written = page("<meta charset=utf-8>").replace("`", "")
    pages: dict[str, Answer] = {
        "/": html(IMAGE + body.replace("ALL", written)), "/never": never, "/more": http(b"{}"), "/next.html": html(""),
    }  # fmt: skip
    async with small_site(pages) as site:
        audit = await audited(tab, axe, site, seconds=40)
    assert [each for each in told(audit) if each[0] == "image-alt"] == [FAULT]
    assert settled is None or audit.settled is settled


@pytest.mark.parametrize("blocking", ['<link rel="stylesheet" href="/never">', '<script src="/never"></script>'])
async def test_a_page_that_the_browser_cannot_read_to_its_end_is_lost_in_time(
    tab: Tab, axe: FramedAxe, blocking: str
) -> None:
    """What stands behind a resource that never comes is not shown to anybody: half a page is not audited as one."""

    async def never(_: Request) -> bytes:
        await asyncio.sleep(60)
        return b""

    async with small_site({"/": html(blocking + IMAGE), "/never": never, "/ok": html(IMAGE)}) as site:
        with pytest.raises(PageLost) as lost:
            await audited(tab, axe, site, seconds=4)
        assert lost.value.reason is Reason.TIMED_OUT
        assert told(await audited(tab, axe, site, "/ok")) == [FAULT]


async def test_a_page_that_loads_itself_again_for_ever_is_lost_in_time(tab: Tab, axe: FramedAxe) -> None:
    pages: dict[str, Answer] = {
        "/": html(IMAGE, head='<meta http-equiv="refresh" content="0">'),
        "/ok": html(IMAGE),
    }
    async with small_site(pages) as site:
        with contextlib.suppress(PageLost):
            assert told(await audited(tab, axe, site, seconds=10)) == [FAULT]
        assert told(await audited(tab, axe, site, "/ok")) == [FAULT]
