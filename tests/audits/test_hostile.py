"""Pages that break, block, lie or run away: each costs itself something, and nothing else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from audits.engine import Engine, FramedAxe, rule_set
from audits.page import PageAudit, Pictures, Target, audit_page
from crawler.browser import PageLost, Tab, playwright_driver
from crawler.fetch import Manners
from crawler.scope import Scope
from db.words import Edition, Level, Reason
from tests.audits.processes import ours
from tests.audits.sites import Answer, asked, html, moved, small_site
from tests.crawler.servers import Request, Server, http

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMELESS = '<img id="i" src="/i.png">'  # fails image-alt at #i


def bare(body: str) -> bytes:
    """A page for a frame: a main of its own would be one too many."""
    text = f'<!DOCTYPE html><html lang="ja"><meta charset="utf-8"><title>枠の中</title><body>{body}</body></html>'
    return http(text.encode(), content_type="text/html; charset=utf-8")


BARE = bare(NAMELESS)
PICTURE = b"\x89PNG\r\n\x1a\n"


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


async def audited(
    tab: Tab, axe: FramedAxe, site: Server, path: str = "/", seconds: float = 20.0, **known: Any
) -> PageAudit:
    target = Target(address=site.address(path), scope=Scope.around(site.address("/")), **known)
    return await audit_page(tab, axe, target, Pictures(), seconds, contextlib.nullcontext())


async def one_page(tab: Tab, axe: FramedAxe, body: str, head: str = "", **known: Any) -> PageAudit:
    """The audit of a page with this body, on a site of its own."""
    async with small_site({"/": html(body, head=head)}) as site:
        return await audited(tab, axe, site, **known)


def failed(audit: PageAudit) -> list[tuple[str, list[Any], list[Any]]]:
    return [(place.rule, place.frame, place.target) for place in audit.places]


def images(audit: PageAudit) -> list[tuple[str, list[Any], list[Any]]]:
    """The images without a text alternative alone, the page's own before those of frames."""
    return sorted(each for each in failed(audit) if each[0] == "image-alt")


IMAGE = ("image-alt", [], ["#i"])

# ── scripts of the page reach nothing of ours ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "script",
    [
        "window.axe = {run: () => ({}), runPartial: () => ({}), finishRun: () => ({violations: []})}",
        "window.jisweep = {begin: () => null}; window.module = {exports: {}}; window.define = () => {}",
        "JSON.stringify = () => '{}'; JSON.parse = () => ({})",
        "for (const each of ['filter', 'map', 'forEach', 'flatMap', 'find']) Array.prototype[each] = () => []",
        "Document.prototype.querySelectorAll = Element.prototype.querySelectorAll = () => []",
        "Object.freeze(Object.prototype); Object.freeze(Array.prototype); Object.freeze(window.Promise)",
        "window.Promise = function () { throw 1 }; window.setTimeout = () => { throw 1 }; window.Map = null",
        "window.MutationObserver = null; window.getComputedStyle = () => null; delete window.Element",
        "Object.defineProperty(Object.prototype, 'enabled', {get() { return false }, set() {}})",
        "Object.prototype.toJSON = () => 1; Array.prototype.toJSON = () => 1; String.prototype.split = null",
        "window.onerror = null; throw new Error('the page breaks')",
        "document.open = document.write = document.close = () => { throw 1 }",
    ],
)
async def test_globals_of_the_page_change_no_result(tab: Tab, axe: FramedAxe, script: str) -> None:
    audit = await one_page(tab, axe, NAMELESS, head=f"<script>{script}</script>")
    assert failed(audit) == [IMAGE]


@pytest.mark.parametrize(
    "script",
    [
        "alert('x'); confirm('x'); prompt('x')",
        "addEventListener('load', () => alert('x'))",
        "onbeforeunload = (event) => { event.preventDefault(); return 'stay' }",
        "window.print()",
        "for (let i = 0; i < 5; i++) window.open('/popup.html')",
        "navigator.geolocation.getCurrentPosition(() => {}); Notification.requestPermission()",
        "document.documentElement.requestFullscreen().catch(() => {})",
        "history.pushState(null, '', '#x')",
        "history.replaceState(null, '', '/?tab=1')",
        "addEventListener('load', () => history.pushState(null, '', '/elsewhere.html'))",
    ],
)
async def test_dialogs_windows_and_questions_hold_nothing_up(tab: Tab, axe: FramedAxe, script: str) -> None:
    pages: dict[str, Answer] = {
        "/": html(NAMELESS + f"<script>{script}</script>"),
        "/next.html": html(NAMELESS),
        "/popup.html": html("<script>setInterval(() => {}, 10)</script>"),
    }
    async with small_site(pages) as site:
        assert failed(await audited(tab, axe, site, "/")) == [IMAGE]
        assert failed(await audited(tab, axe, site, "/next.html")) == [IMAGE]
        await asyncio.sleep(0.2)
        assert tab.page.context.pages == [tab.page]
        assert "/popup.html" not in asked(site)


# ── a page that sends the browser away, or is none ─────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (html("<script>location.replace('/other.html')</script>"), Reason.REDIRECT),
        (html("<script>setTimeout(() => location.href = '/other.html', 30)</script>"), Reason.REDIRECT),
        (html("移ります", head='<meta http-equiv="refresh" content="0;url=/other.html">'), Reason.REDIRECT),
        (moved("/other.html"), Reason.REDIRECT),
        (html("", status="404 Not Found"), Reason.NOT_FOUND),
        (html("", status="410 Gone"), Reason.NOT_FOUND),
        (html("", status="403 Forbidden"), Reason.BLOCKED),
        (html("", status="451 Unavailable For Legal Reasons"), Reason.BLOCKED),
        (html("", status="500 Internal Server Error"), Reason.SERVER_ERROR),
        (html("", status="418 I'm a teapot"), Reason.CLIENT_ERROR),
        (http(b"x", Content_Disposition="attachment; filename=x.html"), Reason.NOT_HTML),
        (http(b"%PDF-1.4", content_type="application/zip"), Reason.NOT_HTML),
        (http(b"", status="204 No Content"), Reason.NOT_HTML),
        (moved("/"), Reason.REDIRECT_LOOP),
        (b"", Reason.CONNECTION),
    ],
)
async def test_what_is_no_page_is_lost_with_its_reason_and_the_next_is_audited(
    tab: Tab, axe: FramedAxe, answer: bytes, reason: Reason
) -> None:
    async with small_site({"/": answer, "/other.html": html(NAMELESS)}) as site:
        with pytest.raises(PageLost) as lost:
            await audited(tab, axe, site, "/")
        assert lost.value.reason is reason
        assert lost.value.detail
        assert failed(await audited(tab, axe, site, "/other.html")) == [IMAGE]


async def test_a_page_that_sends_the_browser_out_of_the_site_is_lost(tab: Tab, axe: FramedAxe) -> None:
    async with small_site({"/": html(NAMELESS)}) as other:
        leaving = f"<script>location.replace('{other.address('/')}')</script>"
        async with small_site({"/": html(leaving)}) as site:
            with pytest.raises(PageLost) as lost:
                await audited(tab, axe, site, "/")
    assert lost.value.reason is Reason.REDIRECT_OUT
    assert other.address("/") in lost.value.detail


# ── pages that never come to rest ──────────────────────────────────────────────────────────────────


async def test_a_page_that_never_settles_is_audited_and_says_so(tab: Tab, axe: FramedAxe) -> None:
    ticking = "<p id=t></p><script>let n = 0; setInterval(() => t.textContent = n++, 20)</script>"
    audit = await one_page(tab, axe, NAMELESS + ticking)
    assert failed(audit) == [IMAGE]
    assert not audit.settled


async def test_a_page_that_settles_late_is_audited_as_it_then_is(tab: Tab, axe: FramedAxe) -> None:
    late = f"""<p id="p"></p><script>
      let n = 0;
      const timer = setInterval(() => {{
        p.append(n);
        if (++n > 20) {{ clearInterval(timer); p.innerHTML = '{NAMELESS}'; }}
      }}, 40);
    </script>"""
    audit = await one_page(tab, axe, late)
    assert failed(audit) == [IMAGE]
    assert audit.settled


async def test_a_page_that_hangs_is_lost_in_time_and_the_tab_goes_on(tab: Tab, axe: FramedAxe) -> None:
    pages: dict[str, Answer] = {
        "/": html("<script>for (;;) {}</script>"),
        "/late": html("<script>onload = () => setTimeout(() => { for (;;) {} }, 20)</script>"),
        "/ok": html(NAMELESS),
    }
    async with small_site(pages) as site:
        for path in ("/", "/late"):
            began = asyncio.get_running_loop().time()
            with pytest.raises(PageLost) as lost:
                await audited(tab, axe, site, path, seconds=3)
            assert lost.value.reason is Reason.TIMED_OUT
            assert asyncio.get_running_loop().time() - began < 20
            assert failed(await audited(tab, axe, site, "/ok")) == [IMAGE]


# ── renderers and browsers that die ────────────────────────────────────────────────────────────────


async def test_a_renderer_that_crashes_while_loading_is_a_crash(tab: Tab, axe: FramedAxe) -> None:
    async def crash(_: Request) -> bytes:
        await crash_page(tab)
        return http(PICTURE, content_type="image/png")

    async with small_site({"/": html('<img src="/crash" alt="">'), "/ok": html(NAMELESS), "/crash": crash}) as site:
        with pytest.raises(PageLost) as lost:
            await audited(tab, axe, site, seconds=15)
        assert lost.value.reason is Reason.CRASHED
        assert failed(await audited(tab, axe, site, "/ok")) == [IMAGE]


async def test_a_renderer_that_crashes_during_the_rules_is_a_crash_at_once(tab: Tab, axe: FramedAxe) -> None:
    ticking = "<p id=t></p><script>setInterval(() => t.textContent = Date.now(), 20); fetch('/crash')</script>"

    async def crash(_: Request) -> bytes:
        await asyncio.sleep(1)
        await crash_page(tab)
        return http(b"")

    async with small_site({"/": html(ticking), "/ok": html(NAMELESS), "/crash": crash}) as site:
        began = asyncio.get_running_loop().time()
        with pytest.raises(PageLost) as lost:
            await audited(tab, axe, site, seconds=30)
        assert lost.value.reason is Reason.CRASHED
        assert asyncio.get_running_loop().time() - began < 15
        assert failed(await audited(tab, axe, site, "/ok")) == [IMAGE]


async def crash_page(tab: Tab) -> None:
    """Crash the page's renderer from a second session: the first would wait for an answer that never comes."""
    session = await tab.page.context.new_cdp_session(tab.page)
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1):
            await session.send("Page.crash")


@pytest.mark.parametrize("kind", ["browser", "renderer"])
async def test_a_process_that_is_killed_costs_its_page_only(tab: Tab, axe: FramedAxe, kind: str) -> None:
    async def kill(_: Request) -> bytes:
        for process in ours(kind):
            process.kill()
        return http(PICTURE, content_type="image/png")

    async with small_site({"/": html('<img src="/kill" alt="">'), "/ok": html(NAMELESS), "/kill": kill}) as site:
        with pytest.raises(PageLost) as lost:
            await audited(tab, axe, site, seconds=15)
        assert lost.value.reason is Reason.CRASHED
        assert failed(await audited(tab, axe, site, "/ok")) == [IMAGE]


# ── frames and shadow roots ────────────────────────────────────────────────────────────────────────


async def test_a_frame_that_does_not_load_is_named_and_the_others_are_tested(tab: Tab, axe: FramedAxe) -> None:
    async with small_site({}) as gone:
        pass
    body = f'<iframe id="f" title="無" src="{gone.address("/")}"></iframe>'
    body += '<iframe id="g" title="有" src="/inner.html"></iframe>' + NAMELESS
    async with small_site({"/": html(body), "/inner.html": BARE}) as site:
        audit = await audited(tab, axe, site)
    assert images(audit) == [IMAGE, ("image-alt", ["#g"], ["#i"])]
    assert [each[1:] for each in failed(audit) if each[0] == "frame-tested"] == [([], ["#f"])]
    assert [(each.part, each.where, each.why) for each in audit.untested] == [
        ("frame", ["#f"], f"{gone.address('/')} did not load")
    ]


@pytest.mark.parametrize("sandbox", ["", "allow-scripts", "allow-same-origin"])
async def test_sandboxed_frames_are_tested(tab: Tab, axe: FramedAxe, sandbox: str) -> None:
    body = f'<iframe id="f" title="枠" sandbox="{sandbox}" src="/inner.html"></iframe>'
    async with small_site({"/": html(body), "/inner.html": BARE}) as site:
        audit = await audited(tab, axe, site)
    assert images(audit) == [("image-alt", ["#f"], ["#i"])]
    assert audit.untested == []


async def test_frames_of_another_origin_within_frames_are_tested(tab: Tab, axe: FramedAxe) -> None:
    async with small_site({"/": BARE}) as other:
        outer = bare(f'<iframe id="inner" title="内" src="{other.address("/", host="localhost")}"></iframe>')
        pages: dict[str, Answer] = {"/": html('<iframe id="outer" title="外" src="/outer.html"></iframe>')}
        async with small_site({**pages, "/outer.html": outer}) as site:
            audit = await audited(tab, axe, site)
    assert images(audit) == [("image-alt", ["#outer", "#inner"], ["#i"])]
    assert audit.untested == []


async def test_a_frame_that_never_ends_leaves_the_rest_tested(tab: Tab, axe: FramedAxe) -> None:
    async def never(_: Request) -> bytes:
        await asyncio.sleep(60)
        return b""

    body = '<iframe id="f" title="無" src="/never"></iframe>' + NAMELESS
    async with small_site({"/": html(body), "/never": never}) as site:
        audit = await audited(tab, axe, site, seconds=40)
    assert IMAGE in failed(audit)
    assert not audit.settled


async def test_closed_shadow_roots_that_scripts_attach_are_tested(tab: Tab, axe: FramedAxe) -> None:
    body = "<div id=h></div><script>const root = h.attachShadow({mode: 'closed'});"
    audit = await one_page(tab, axe, body + f"root.innerHTML = '{NAMELESS}'</script>")
    assert failed(audit) == [("image-alt", [], ["#h", "#i"])]
    assert audit.untested == []


DECLARED = f'<div id="h"><template shadowrootmode="closed">{NAMELESS}</template></div>'


async def test_closed_shadow_roots_that_the_source_declares_are_named(tab: Tab, axe: FramedAxe) -> None:
    audit = await one_page(tab, axe, DECLARED, closed_roots=True)
    assert failed(audit) == []
    assert [(each.part, each.where) for each in audit.untested] == [("closed shadow root", ["div"])]


async def test_closed_shadow_roots_that_a_frame_declares_are_named(tab: Tab, axe: FramedAxe) -> None:
    pages: dict[str, Answer] = {"/": html('<iframe title="枠" src="/f"></iframe>'), "/f": bare(DECLARED)}
    async with small_site(pages) as site:
        audit = await audited(tab, axe, site)
    assert [(each.part, each.where) for each in audit.untested] == [("closed shadow root", ["div"])]


# ── every page is met as by a first-time visitor ───────────────────────────────────────────────────

WRITES = """<script>
  document.cookie = "seen=1; path=/"; localStorage.seen = 1; sessionStorage.seen = 1;
  indexedDB.open("seen"); caches.open("seen");
</script>"""
READS = """<script>
  const seen = document.cookie + (localStorage.seen || "") + (sessionStorage.seen || "") + (window.name || "");
  if (seen) (document.querySelector("main") || document.body).insertAdjacentHTML("beforeend", '<img id="i" src="/i.png">');
</script>"""


async def test_nothing_that_a_page_stores_is_seen_by_the_next(tab: Tab, axe: FramedAxe) -> None:
    async with small_site({"/a": html(READS + WRITES), "/b": html(READS + "<p>次</p>")}) as site:
        for path in ("/a", "/b", "/a", "/b"):
            assert failed(await audited(tab, axe, site, path)) == [], path
        documents = [each for each in site.requests if each.path != "/favicon.ico"]
        assert [each.path for each in documents if "cookie" in each.headers] == []


async def test_nothing_that_a_frame_of_another_origin_stores_is_seen_by_the_next(tab: Tab, axe: FramedAxe) -> None:
    async with small_site({"/": bare(READS + WRITES)}) as other:
        framing = html(f'<iframe id="f" title="枠" src="{other.address("/")}"></iframe>')
        async with small_site({"/a": framing, "/b": framing}) as site:
            for path in ("/a", "/b"):
                assert images(await audited(tab, axe, site, path)) == [], path


async def test_nothing_that_a_page_stored_before_it_sent_us_away_is_seen(tab: Tab, axe: FramedAxe) -> None:
    async with small_site({"/": html("")}) as other:
        leaving = WRITES + f"<script>location.href = '{other.address('/', host='localhost')}'</script>"
        async with small_site({"/a": html(leaving), "/b": html(READS)}) as site:
            with pytest.raises(PageLost):
                await audited(tab, axe, site, "/a")
            assert failed(await audited(tab, axe, site, "/b")) == []


async def test_a_name_that_a_page_gives_its_window_is_gone(tab: Tab, axe: FramedAxe) -> None:
    async with small_site({"/a": html("<script>window.name = 'seen'</script>"), "/b": html(READS)}) as site:
        await audited(tab, axe, site, "/a")
        assert failed(await audited(tab, axe, site, "/b")) == []


# ── pictures and turns ─────────────────────────────────────────────────────────────────────────────


async def test_a_page_higher_than_chromium_can_picture_is_pictured_from_the_top(tab: Tab, axe: FramedAxe) -> None:
    seen = '<img id="i" src="/i.png" width="40" height="40">'
    audit = await one_page(tab, axe, seen + '<p style="height: 60000px">')
    assert audit.picture is not None
    assert audit.pictured_height == audit.picture.height == 16_000
    assert audit.size[1] > 60_000


async def test_two_tabs_picture_one_fault_once(chromium: str, engine: Engine, tab: Tab, axe: FramedAxe) -> None:
    page = html('<img id="i" src="/i.png" width="50" height="50">')
    pages: dict[str, Answer] = {f"/{n}": page for n in range(6)}
    pictures = Pictures()
    async with (
        small_site(pages) as site,
        playwright_driver() as driver,
        Tab(driver, Manners(contact="tests"), executable=chromium, script=engine.injected) as second,
    ):
        scope, no_turn = Scope.around(site.address("/")), contextlib.nullcontext()
        targets = [Target(address=site.address(f"/{n}"), scope=scope) for n in range(6)]
        clips = []
        for some in (targets[:2], targets[2:4], targets[4:]):
            audits = await asyncio.gather(
                audit_page(tab, axe, some[0], pictures, 20, no_turn),
                audit_page(second, axe, some[1], pictures, 20, no_turn),
            )
            clips.append([place.clip for audit in audits for place in audit.places if place.clip])
    assert [len(each) for each in clips] == [1, 0, 0]


async def test_waiting_for_a_turn_is_not_counted_as_time_of_the_page(tab: Tab, axe: FramedAxe) -> None:
    @contextlib.asynccontextmanager
    async def late_turn() -> AsyncIterator[None]:
        await asyncio.sleep(3)
        yield

    async with small_site({"/": html(NAMELESS)}) as site:
        target = Target(address=site.address("/"), scope=Scope.around(site.address("/")))
        audit = await audit_page(tab, axe, target, Pictures(), 3, late_turn())
    assert failed(audit) == [IMAGE]


# ── what comes late, or in places of its own ───────────────────────────────────────────────────────

ASKS = """<script>fetch("/api.json").then((answer) => answer.text()).then((text) => {
  document.querySelector("main").insertAdjacentHTML("beforeend", text); });</script>"""
PDF = http(
    b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF", content_type="application/pdf"
)


def after(seconds: float, answer: bytes) -> Answer:
    async def late(_: Request) -> bytes:
        await asyncio.sleep(seconds)
        return answer

    return late


@pytest.mark.parametrize(("seconds", "settled"), [(0.3, True), (0.9, True), (6.0, False)])
async def test_what_a_script_fetches_is_waited_for_or_said_to_be_missing(
    tab: Tab, axe: FramedAxe, seconds: float, settled: bool
) -> None:
    data = http(NAMELESS.encode(), content_type="text/plain")
    async with small_site({"/": html(ASKS), "/api.json": after(seconds, data)}) as site:
        audit = await audited(tab, axe, site)
    assert audit.settled is settled
    assert images(audit) == ([IMAGE] if settled else [])


async def test_a_page_that_asks_the_same_again_and_again_has_settled(tab: Tab, axe: FramedAxe) -> None:
    polling = "<script>(function again() { fetch('/x').then(() => setTimeout(again, 60)); })();</script>" + NAMELESS
    async with small_site({"/": html(polling), "/x": http(b"1", content_type="text/plain")}) as site:
        audit = await audited(tab, axe, site)
    assert audit.settled
    assert images(audit) == [IMAGE]


async def test_a_frame_that_loads_when_scrolled_to_is_tested(tab: Tab, axe: FramedAxe) -> None:
    body = '<div style="height:9000px"></div><iframe id="f" title="地図" loading="lazy" src="/map"></iframe>'
    async with small_site({"/": html(body), "/map": after(0.3, BARE)}) as site:
        audit = await audited(tab, axe, site)
    assert images(audit) == [("image-alt", ["#f"], ["#i"])]
    assert audit.untested == []


async def test_a_frame_that_a_script_puts_in_is_waited_for(tab: Tab, axe: FramedAxe) -> None:
    put = """<div id="d"></div><script>setTimeout(() => {
      document.getElementById("d").innerHTML = '<iframe id="f" title="枠" src="/late"></iframe>'; }, 50)</script>"""
    async with small_site({"/": html(put), "/late": after(0.7, BARE)}) as site:
        audit = await audited(tab, axe, site)
    assert images(audit) == [("image-alt", ["#f"], ["#i"])]


async def test_a_frame_that_does_not_load_in_time_is_untested_and_no_fault_is_made_up_in_it(
    tab: Tab, axe: FramedAxe
) -> None:
    async with small_site(
        {"/": html('<iframe id="f" title="枠" src="/never"></iframe>'), "/never": after(16, BARE)}
    ) as site:
        audit = await audited(tab, axe, site)
        assert not audit.settled
        assert [(each.where, "/never did not load" in each.why) for each in audit.untested] == [(["#f"], True)]
    assert [each for each in failed(audit) if each[1]] == []


@pytest.mark.parametrize(
    "tag", ['<object data="/in" type="text/html"></object>', '<embed src="/in" type="text/html">']
)
async def test_a_document_in_an_object_is_said_to_be_untested(tab: Tab, axe: FramedAxe, tag: str) -> None:
    async with small_site({"/": html(tag), "/in": BARE}) as site:
        audit = await audited(tab, axe, site)
    assert [each.where for each in audit.untested] == [[tag[1:].split()[0]]]
    assert "do not enter" in audit.untested[0].why


async def test_a_pdf_in_a_frame_is_named_as_what_it_is(tab: Tab, axe: FramedAxe) -> None:
    async with small_site({"/": html('<iframe id="f" title="資料" src="/a.pdf"></iframe>'), "/a.pdf": PDF}) as site:
        audit = await audited(tab, axe, site)
    assert [(each.part, each.where, each.why) for each in audit.untested] == [
        ("frame", ["#f"], "application/pdf: not an HTML document")
    ]
    assert [each for each in failed(audit) if each[1]] == []


async def test_a_frame_that_reloads_itself_costs_itself_only(tab: Tab, axe: FramedAxe) -> None:
    inner = bare(
        '<iframe title="中" src="/leaf"></iframe><script>setTimeout(() => location.reload(), 150)</script>'
    )
    pages: dict[str, Answer] = {
        "/": html(NAMELESS + '<iframe title="枠" src="/f"></iframe>'),
        "/f": inner,
        "/leaf": BARE,
    }
    async with small_site(pages) as site:
        for _ in range(3):
            assert IMAGE in images(await audited(tab, axe, site))


async def test_a_closed_root_that_a_script_makes_of_html_is_opened_for_the_rules(tab: Tab, axe: FramedAxe) -> None:
    made = """<div id="d"></div><script>document.getElementById("d").setHTMLUnsafe(
      '<p id="h"><template shadowrootmode="closed"><img id="i" src="/i.png"></template></p>');</script>"""
    assert images(await one_page(tab, axe, made)) == [("image-alt", [], ["#h", "#i"])]
