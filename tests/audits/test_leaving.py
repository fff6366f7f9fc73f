"""A page may send the browser on within its site: not to other hosts, and to nothing that speaks of an act."""

from collections.abc import Callable

import pytest

from audits.engine import Engine
from audits.sweep import Tools
from crawler.browser import MOVES
from crawler.scope import Exclusion
from db.database import Database
from db.words import Reason, VisitState
from tests.audits.sites import Answer, asked, by_browser, html, moved, small_site
from tests.audits.swept import plan_for, sweep_now, visits_of
from tests.crawler.servers import Request

LEAVING = {
    "/refresh": '<meta http-equiv="refresh" content="0;url=TO">',
    "/script": "<script>location.href = 'TO'</script>",
    "/later": "<script>setTimeout(() => location.replace('TO'), 30)</script>",
    "/hiding": "<script>navigation.onnavigate = (event) => event.stopImmediatePropagation(); navigation = null;"
    "Event.prototype.preventDefault = () => {}; onload = () => open('TO', '_self')</script>",
    "/form": "<form action='TO' method='post'></form><script>onload = () => document.forms[0].submit()</script>",
    "/sent": "<form action='TO'></form><script>document.forms[0].submit()</script>",
    "/click": "<a id='a' href='TO'>次</a><script>onload = () => a.click()</script>",
    "/framed": "<iframe title='枠' srcdoc=\"<script>top.location = 'TO'</script>\"></iframe>",
    "/sandboxed": "<iframe title='枠' sandbox='allow-scripts allow-top-navigation' "
    "srcdoc=\"<script>top.location = 'TO'</script>\"></iframe>",
    "/hop": "<script>location.href = '/hop/to'</script>",
    "/written": "<script>onload = () => { document.open(); document.write('<p>x'); location = 'TO' }</script>",
}


@pytest.fixture
def backend() -> str:
    """What the browser asks for does not depend on the database."""
    return "sqlite"


@pytest.fixture(scope="module")
def tools(engine: Engine, chromium: str) -> Tools:
    return Tools(engine=engine, browser=chromium, workers=1)


async def test_no_page_takes_the_browser_out_of_the_site_or_to_an_act(database: Database, tools: Tools) -> None:
    """Frames of other sites are part of the page, and a page that leads on within the site is followed as ever."""
    async with small_site({"/framed": html("外の枠")}) as other:

        def sent(to: str) -> Callable[[Request], bytes]:
            """A page, for who explores; the browser is sent on by the server."""
            return lambda request: moved(to) if by_browser(request) else html("ページ")

        pages: dict[str, Answer] = {
            **{path: html(body.replace("TO", other.address(path + "/out"))) for path, body in LEAVING.items()},
            "/hop/to": moved(other.address("/out")),
            "/server": sent(other.address("/out")),
            "/server-act": sent("/member/logout"),
            "/saved": html(f"<script>location.href = '{other.address('/list.zip?no=1')}'</script>"),
            "/saved-soon": html(f"<meta http-equiv=refresh content='0;url={other.address('/list.XLSX')}'>"),
            "/inner-form": html(
                "<form action='/in/next' method='post'></form><script>document.forms[0].submit()</script>"
            ),
            "/sandboxed-form": html(
                "<iframe title='枠' sandbox='allow-scripts allow-forms allow-top-navigation' srcdoc=\"<form target=_top "
                "action='/in/next' method=post></form><script>document.forms[0].submit()</script>\"></iframe>"
            ),
            "/own-form": html("<form method=post></form><script>document.forms[0].submit()</script>"),
            "/blob": html(
                "<script>const made = ['<title>別</title>' + '別の文書です。'.repeat(20)];"
                "location = URL.createObjectURL(new Blob(made, {type: 'text/html;charset=utf-8'}))</script>"
            ),
            "/again": html("<script>location.reload()</script>"),
            "/escaped": html("<script>location.href = '/%6Bako/2'</script>"),
            "/agreed": html(
                "<script>if (!document.cookie) { document.cookie = 'a=1'; location.reload() }</script>"
            ),
            "/kept": html("<script>if (!localStorage.a) { localStorage.a = 1; location.reload() }</script>"),
            "/in": html("<script>location.href = '/in/next'</script>"),
            "/in/next": html("次"),
            "/act": html("<script>location.href = '/member/logout'</script>"),
            "/excluded": html("<script>location.href = '/kako/1'</script>"),
            "/framing": html(f"<iframe title='枠' src='{other.address('/framed')}'></iframe>"),
            "/fragment": html("<script>location.hash = '#logout'; history.pushState(null, '', '/logout')</script>"),
        }
        pages["/"] = html("".join(f'<p><a href="{path}">{path}</a>' for path in pages if path.count("/") == 1))
        async with small_site(pages) as site:
            kept = Exclusion.parse("/kako/=古い")
            sweep = await sweep_now(database, plan_for(site.address("/"), exclusions=(kept,)), tools)
            visits = await visits_of(database, sweep, site)
            wanted = asked(site)
            sent_forms = [each.path for each in site.requests if "content-type" in each.headers]
        assert set(asked(other)) == {"/framed"}
    assert not {"/member/logout", "/kako/1", "/kako/2", "/%6Bako/2"} & set(wanted)
    assert not sent_forms
    assert wanted.count("/again") <= 1 + MOVES
    ends = {path: visits[path].reason for path in pages if path in visits}
    out = (*LEAVING, "/server")
    within = ("/in", "/act", "/server-act", "/excluded", "/escaped", "/inner-form", "/sandboxed-form")
    assert {path: ends[path] for path in out} == dict.fromkeys(out, Reason.REDIRECT_OUT)
    assert {path: ends[path] for path in within} == dict.fromkeys(within, Reason.REDIRECT)
    assert (ends["/own-form"], ends["/again"]) == (Reason.UNSAFE, Reason.REDIRECT_LOOP)
    assert (ends["/blob"], visits["/blob"].rendered_digest) == (Reason.REDIRECT_OUT, None)
    stay = ("/", "/in/next", "/framing", "/fragment", "/saved", "/saved-soon", "/agreed", "/kept")
    assert {path: visits[path].state for path in stay} == dict.fromkeys(stay, VisitState.AUDITED)
    assert visits["/member/logout"].reason is Reason.UNSAFE
    for path in LEAVING.keys() - {"/hop"}:
        assert visits[path].detail == f"the browser was sent to {other.address(path + '/out')}"
    for path in ("/hop", "/server"):
        assert visits[path].detail == f"the browser was sent to {other.address('/out')}"
    assert visits["/inner-form"].detail == f"the browser was sent to {site.address('/in/next')}"
