"""Links behind menus, on request: what comes up is found, and judged by its words like every other link."""

import pytest

from audits import exploring
from audits.engine import Engine
from audits.sweep import Tools
from crawler.notes import notes_of
from db.database import Database
from db.words import FoundBy, Reason, SweepState
from tests.audits.sites import Answer, asked, html, small_site
from tests.audits.swept import plan_for, sweep_now, visits_of

MENU = """
<button aria-expanded="false" onclick="this.nextElementSibling.innerHTML = menu">メニュー</button><div></div>
<button aria-expanded="false" onclick="fetch('/counted'); this.nextElementSibling.innerHTML = deep">係</button><div></div>
<script>
const menu = `<a href="a.html">案内</a><a href="/out1"><img alt="ログアウト" src="/i.png"></a>`;
const deep = `<a href="in/b.html">局</a><a href="/e/3" data-method="delete">✕</a>`;
</script>"""


@pytest.fixture
def backend() -> str:
    """What the browser shows does not depend on the database."""
    return "sqlite"


async def test_links_behind_menus_are_found_and_those_that_speak_of_an_act_left_alone(
    database: Database, engine: Engine, chromium: str
) -> None:
    pages: dict[str, Answer] = {
        "/": html(MENU),
        **dict.fromkeys(("/a.html", "/out1", "/in/b.html", "/e/3"), html("x")),
    }
    async with small_site(pages) as site:
        tools = Tools(engine=engine, browser=chromium, workers=1)
        plan = plan_for(site.address("/"), menus=True)
        sweep = await sweep_now(database, plan, tools, until=SweepState.CHOOSING)
        visits = await visits_of(database, sweep, site)
        requests = asked(site)
    found = {path: row.found_by for path, row in visits.items() if path != "/"}
    assert found == dict.fromkeys(("/a.html", "/out1", "/in/b.html", "/e/3"), FoundBy.CLICKED)
    assert {path for path, row in visits.items() if row.reason is Reason.UNSAFE} == {"/out1", "/e/3"}
    assert not {"/out1", "/e/3", "/counted"} & set(requests)


async def test_that_there_are_more_menus_than_are_opened_is_said(
    database: Database, engine: Engine, chromium: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exploring, "MENUS", 1)
    async with small_site({"/": html(MENU), "/a.html": html("x")}) as site:
        plan = plan_for(site.address("/"), menus=True)
        tools = Tools(engine=engine, browser=chromium, workers=1)
        sweep = await sweep_now(database, plan, tools, until=SweepState.CHOOSING)
        visits = await visits_of(database, sweep, site)
        async with database.reading() as connection:
            (note,) = await notes_of(connection, sweep)
    assert "/in/b.html" not in visits
    assert (note["about"], note["said"]) == ("document", "more than 1 menus: the others were not opened")


async def test_what_a_script_built_is_left_alone_in_the_next_sweep_too(
    database: Database, engine: Engine, chromium: str
) -> None:
    """The page shows what it showed, without being shown again: what its links said holds as well."""
    built = """<div id="d"></div><script>d.innerHTML = '<a href="/out">ログアウト</a><a href="/a.html">案内</a>'</script>"""
    pages: dict[str, Answer] = {"/": html(built), "/a.html": html("案内"), "/out": html("x")}
    async with small_site(pages) as site:
        tools = Tools(engine=engine, browser=chromium, workers=1)
        plan = plan_for(site.address("/"), fresh=False)
        await sweep_now(database, plan, tools)
        sweep = await sweep_now(database, plan, tools)
        visits = await visits_of(database, sweep, site)
        requests = asked(site)
    assert (visits["/out"].reason, visits["/a.html"].found_by) == (Reason.UNSAFE, FoundBy.RENDERED)
    assert "/out" not in requests
