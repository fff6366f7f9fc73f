"""A page may send the browser on within its site: not to other hosts, and to nothing that speaks of an act."""

import pytest

from audits.engine import Engine
from audits.sweep import Tools
from crawler.scope import Exclusion
from db.database import Database
from db.words import Reason, VisitState
from tests.audits.sites import Answer, asked, html, small_site
from tests.audits.swept import plan_for, sweep_now, visits_of

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
        pages: dict[str, Answer] = {
            **{path: html(body.replace("TO", other.address(path + "/out"))) for path, body in LEAVING.items()},
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
        assert set(asked(other)) == {"/framed"}
    assert not {"/member/logout", "/kako/1"} & set(wanted)
    ends = {path: visits[path].reason for path in pages}
    assert {path: ends[path] for path in LEAVING} == dict.fromkeys(LEAVING, Reason.REDIRECT_OUT)
    assert {path: ends[path] for path in ("/in", "/act", "/excluded")} == dict.fromkeys(
        ("/in", "/act", "/excluded"), Reason.REDIRECT
    )
    assert all(visits[path].state is VisitState.AUDITED for path in ("/", "/in/next", "/framing", "/fragment"))
    assert visits["/member/logout"].reason is Reason.UNSAFE
    assert visits["/script"].detail == f"the browser was sent to {other.address('/script/out')}"
