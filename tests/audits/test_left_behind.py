"""Pages that were taken down, moved, or left without a link between two sweeps of a real server, by a real browser."""

import pytest
import sqlalchemy as sa

from audits.conclude import conclude
from audits.defects.standing import NOT_THERE
from audits.work import Tools
from crawler.frame import chosen_frame
from db.database import Database
from db.tables import Defect, DefectEvent, Occurrence, Page
from db.words import DefectState as State
from db.words import FoundBy, Method, Reason, Trust, VisitState
from tests.audits import browsers
from tests.audits.sites import Answer, asked, html, moved, small_site
from tests.audits.swept import plan_for, sweep_now, visits_of
from tests.crawler.servers import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")
tools, database = browsers.tools, browsers.database
FILLING = tuple(f"/p{each}" for each in "abcdefghijklmnopqrstuvwxyz")  # so many pages that none is missed much
ALWAYS = ("/news/", "/clean", *FILLING)
GOES = ("/moved", "/repaired", "/deleted", "/orphan", "/news/1")
EVERYWHERE = '<img class="seal" src="/seal.png" width="40" height="40">'  # a fault on several pages


def fault(name: str) -> str:
    return f'<img class="{name}" src="/{name}.png" width="40" height="40">'


def start(*paths: str) -> bytes:
    return html("".join(f'<p><a href="{path}">{path}</a></p>' for path in paths), title="始まり")


def first() -> dict[str, Answer]:
    """Every page is linked, and five bear a fault that no other has."""
    pages: dict[str, Answer] = {path: html(f"<p>{path}の本文</p>", title=path) for path in ALWAYS}
    pages |= {
        path: html(f"<p>{path}の本文</p>{fault(name)}", title=path)
        for path, name in zip(GOES, ("tower", "river", "bridge", "mountain", "harbour"), strict=True)
    }
    for path in ("/deleted", "/news/1", "/clean"):
        page = pages[path]
        assert isinstance(page, bytes)
        pages[path] = html(
            f"<p>{path}の本文</p>{EVERYWHERE}"
            + ("" if path == "/clean" else fault("bridge" if path == "/deleted" else "harbour")),
            title=path,
        )
    return {"/": start(*ALWAYS, *GOES), **pages}


def second() -> dict[str, Answer]:
    """Nothing links to the five any more."""
    pages = {path: answer for path, answer in first().items() if path in (*ALWAYS, "/orphan")}
    pages["/clean"] = html("<p>直しました</p>", title="/clean")
    pages["/there/moved"] = html(f"<p>移りました</p>{fault('tower')}", title="新しい題名")
    pages["/there/repaired"] = html("<p>移って、直しました</p>", title="もっと新しい題名")
    pages["/moved"] = moved("/there/moved", status="301 Moved Permanently")
    pages["/repaired"] = moved("/there/repaired", status="301 Moved Permanently")
    pages["/news/1"] = moved("/news/", status="301 Moved Permanently")
    return {"/": start(*ALWAYS, "/there/moved", "/there/repaired"), **pages}


async def sweep(database: Database, server: Server, tools: Tools, **given: object) -> int:
    return await sweep_now(database, plan_for(server.address("/"), **{"method": Method.ALL, **given}), tools)


async def states(database: Database, site: Server) -> dict[str, State]:
    """The state of each defect by the pages that it was known on, `seal` by itself."""
    async with database.reading() as connection:
        rows = await connection.execute(
            sa.select(Defect.id, Defect.state, Page.address)
            .join(Occurrence, Occurrence.defect_id == Defect.id)
            .join(Page, Page.id == Occurrence.page_id)
            .where(
                Defect.merged_into_id.is_(None),
                Defect.rule == "image-alt",
                Page.address.startswith(site.address("/")),
            )
        )
        known: dict[int, tuple[State, list[str]]] = {}
        for number, state, address in rows:
            known.setdefault(number, (state, []))[1].append(address.removeprefix(site.address("")))
    return {
        next((each for each in on if "/clean" in on and each == "/clean"), min(on)): state
        for state, on in known.values()
    }


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_what_sweeps_left_behind_is_asked_for_and_tells_nothing_of_the_site(
    database: Database, tools: Tools
) -> None:
    pages = first()
    async with small_site(pages) as site, small_site(second()) as anew:
        one = await sweep(database, site, tools)
        assert await states(database, site) == dict.fromkeys((*GOES, "/clean"), State.FOUND)
        pages.clear()
        pages |= second()
        site.requests.clear()
        two = await sweep(database, site, tools)
        assert {path: asked(site, browser=False).count(path) for path in GOES} == dict.fromkeys(GOES, 1)
        assert not {*asked(site, browser=True)} & {*GOES}, "their content is nobody's matter"
        found = await visits_of(database, two, site)
        assert {path: (found[path].found_by, found[path].reason) for path in GOES} == {
            "/moved": (FoundBy.EARLIER, Reason.REDIRECT), "/repaired": (FoundBy.EARLIER, Reason.REDIRECT),
            "/deleted": (FoundBy.EARLIER, Reason.NOT_FOUND), "/orphan": (FoundBy.EARLIER, Reason.UNLINKED),
            "/news/1": (FoundBy.EARLIER, Reason.REDIRECT),
        }  # fmt: skip
        assert await states(database, site) == {
            "/moved": State.FOUND, "/repaired": State.CONFIRMED, "/deleted": State.UNVERIFIED,
            "/orphan": State.UNVERIFIED, "/news/1": State.UNVERIFIED, "/clean": State.CONFIRMED,
        }  # fmt: skip

        site.requests.clear()
        third = await sweep(database, site, tools, method=Method.RANDOM, pages=10, seed=1)
        assert {path for path in GOES if path in asked(site)} == {"/orphan"}, (
            "what has told what became of it is left alone"
        )
        again = await sweep(database, anew, tools)
        by_chance = await sweep(database, anew, tools, method=Method.RANDOM, pages=10, seed=1)
        for mine, others in ((two, again), (third, by_chance)):
            async with database.reading() as connection:
                frames = [
                    [
                        each.address.removeprefix(server.address(""))
                        for each in await chosen_frame(connection, number)
                    ]
                    for number, server in ((mine, site), (others, anew))
                ]
            assert frames[0] == frames[1]
            assert not {*frames[0]} & {*GOES}
            told, fresh = await conclude(database, mine), await conclude(database, others)
            numbers = ("known", "selected", "audited", "not_chosen", "unread", "complete", "incomplete_because")
            assert [getattr(told, each) for each in numbers] == [getattr(fresh, each) for each in numbers]
            assert told.complete
            assert told.health is not None
            assert told.health.trust is Trust.SOUND
            assert told.health.measured.unanswered == 0
        assert (await conclude(database, two)).problem_pages == (await conclude(database, again)).problem_pages == 1

        pages["/"] = start(*ALWAYS, "/there/moved", "/there/repaired", "/orphan")
        linked = await visits_of(database, await sweep(database, site, tools), site)
        assert (linked["/orphan"].state, linked["/orphan"].found_by) == (VisitState.AUDITED, FoundBy.LINK)
        assert (await states(database, site))["/orphan"] is State.FOUND
    async with database.reading() as connection:
        whys = sa.select(DefectEvent.why).where(DefectEvent.new == State.CONFIRMED).order_by(DefectEvent.why)
        assert {*await connection.scalars(whys)} == {None, NOT_THERE}
    assert one < two
