"""A session that ends in the middle of a sweep costs the pages that it hides, and says so."""

from dataclasses import replace

import pytest

from audits.conclude import conclude
from audits.work import Tools
from crawler.signing_in import Cookie, Credentials, SignIn
from db.database import Database
from db.errors import UsageError
from db.words import Reason, VisitState
from tests.audits.sites import Answer, by_browser, html, moved, small_site
from tests.audits.swept import plan_for, read_rows, sweep_now
from tests.crawler.servers import Request

FORM = html('<form action="/login"><input aria-label="名" name="u"><input type="password" aria-label="語"></form>')


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_pages_that_the_end_of_a_session_hides_are_blocked_and_not_audited(
    database: Database, tools: Tools
) -> None:
    """The client that explores is let in; of the browser's pages one is sent to the form and one shows it."""

    def sent(request: Request) -> bytes:
        return moved("/login") if by_browser(request) else html('<a href="/shows">次</a>')

    def shows(request: Request) -> bytes:
        return FORM if by_browser(request) else html("<p>本文")

    pages: dict[str, Answer] = {
        "/": html('<a href="/sent">一</a><a href="/login">入口</a>'), "/sent": sent, "/shows": shows, "/login": FORM,
    }  # fmt: skip
    async with small_site(pages) as site:
        origin = site.address("/").rstrip("/")
        cookies = (Cookie(name="sid", value="himitsu-cookie"),)
        signed_in = replace(tools, credentials=Credentials([SignIn(origin=origin, cookies=cookies)]))
        with pytest.raises(UsageError, match="without signing in"):
            await sweep_now(database, plan_for(site.address("/")), signed_in)
        sweep = await sweep_now(database, plan_for(site.address("/"), signed_in=(origin,)), signed_in)
        rows = await read_rows(database)
        conclusion = await conclude(database, sweep)
    addresses = rows["page"].set_index("id")["address"]
    visits = rows["visit"][rows["visit"]["sweep_id"] == sweep]
    ends = {
        addresses[visit.page_id].removeprefix(origin): (visit.state, visit.reason, visit.detail)
        for visit in visits.itertuples()
    }
    assert {path: (state, reason) for path, (state, reason, _) in ends.items()} == {
        "/": (VisitState.AUDITED, None),
        "/login": (VisitState.AUDITED, None),
        "/sent": (VisitState.UNAUDITED, Reason.BLOCKED),
        "/shows": (VisitState.UNAUDITED, Reason.BLOCKED),
    }
    assert ends["/sent"][2] == ends["/shows"][2] == "signed out"
    assert not conclusion.complete
    assert not any("himitsu" in table.to_string() for table in rows.values())
