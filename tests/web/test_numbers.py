"""A number that leads somewhere is the number of what is there."""

import csv
import io
import re
from datetime import timedelta

import sqlalchemy as sa
from selectolax.lexbor import LexborHTMLParser as Html

from audits.defects.cover import today
from audits.defects.naming import KNOWN
from audits.defects.reconcile import reconcile
from audits.trends.lives import rules_that_count
from db.database import Database
from db.tables import Defect, DefectEvent, Occurrence, Sweep
from db.types import now
from db.words import DefectState, Role
from reports.access.accounts import Grant
from tests.reports.rows import START
from tests.web.serving import browsing, person

STATES = (
    DefectState.FOUND,
    DefectState.REPAIRED,
    DefectState.UNVERIFIED,
    DefectState.CONFIRMED,
    DefectState.PLANNED,
)


async def test_numbers_of_defects_are_those_of_the_lists_that_they_lead_to(
    database: Database, sweep: int, origin: str
) -> None:
    async with database.writing() as connection:
        await reconcile(connection, sweep)
        names = list(await connection.scalars(sa.select(Defect.id).order_by(Defect.id)))
        known = list(await connection.scalars(sa.select(Defect.id).where(*KNOWN).order_by(Defect.id)))
        assert len(known) < len(names)  # what the machine could not decide has names, too, which are no defects
        yesterday = today() - timedelta(days=1)
        for number, state in zip(known, STATES, strict=False):
            late = sa.update(Defect).where(Defect.id == number).values(state=state, due_on=yesterday)
            await connection.execute(late)
        event = {"sweep_id": sweep, "new": DefectState.FOUND, "who": "jisweep", "at": now()}
        await connection.execute(sa.insert(DefectEvent), [{**event, "defect_id": number} for number in known])
        await connection.execute(
            sa.update(Sweep).values(finished_at=now())
        )  # the overview is of the last two years
    who = await person(database, "reader", Grant(role=Role.READER))
    async with browsing(origin, who) as client:
        followed, latest = 0, set[str]()
        for path in ("/", "/sites", "/sites/1", "/know-how", "/know-how/rules/image-alt"):
            page = Html((await client.get(path)).text)
            for link in page.css('a[href^="/defects"]'):
                href, text = link.attributes["href"] or "", link.text(strip=True).replace(",", "")
                if not text.isdigit():
                    continue
                joined = f"{href}{'&' if '?' in href else '?'}as=csv&table=defects"
                listed = list(csv.reader(io.StringIO((await client.get(joined)).text.removeprefix("\ufeff"))))
                assert int(text) == len(listed) - 1, (path, href)
                followed += int(text) > 0
                latest |= set(re.findall(r"latest=(\w+)", href))
        assert followed > 3
        assert "found" in latest, "figures of the overview's sentences lead to the defects that they count"
        assert (await client.get("/defects?latest=lost")).status_code == 404


async def test_numbers_of_the_flow_lead_to_the_defects_that_they_count(
    database: Database, sweep: int, origin: str
) -> None:
    async with database.writing() as connection:
        await reconcile(connection, sweep)
        known = list(await connection.scalars(sa.select(Defect.id).where(*KNOWN).order_by(Defect.id)))
        lives = (  # days since the first sweep on which each came to a state
            ((1, DefectState.FOUND), (40, DefectState.CONFIRMED), (45, DefectState.RETURNED)),
            ((2, DefectState.FOUND), (3, DefectState.PLANNED), (50, DefectState.UNVERIFIED)),
            ((30, DefectState.FOUND), (40, DefectState.EXCEPTED)),
        )
        for number, life in zip(known, lives, strict=False):
            old = None
            for days, new in life:
                said = {
                    "defect_id": number,
                    "old": old,
                    "new": new,
                    "who": "jisweep",
                    "at": START + timedelta(days=days),
                }
                await connection.execute(sa.insert(DefectEvent).values(**said))
                old = new
    who = await person(database, "reader", Grant(role=Role.READER))
    async with browsing(origin, who) as client:
        page, followed = Html((await client.get("/sites/1")).text), set[str]()
        for link in page.css("table a[href*='moved=']"):
            href = link.attributes["href"] or ""
            listed = list(csv.reader(io.StringIO((await client.get(f"{href}&as=csv&table=defects")).text)))
            assert int(link.text()) == len(listed) - 1, href
            followed |= set(re.findall(r"moved=(\w+)", href))
        assert followed >= {"found", "confirmed", "returned", "open_at_end", "days_30", "days_90"}
        flow = (await client.get("/sites/1?as=csv&table=flow")).text
        assert sum(int(row[3]) for row in list(csv.reader(io.StringIO(flow)))[1:]) == len(lives)
        begun = "moved=found&first=2026-01-01&last=2026-01-31"
        for wrong in ("site=1&moved=x", "site=1&moved=found", f"site=1&{begun}0"):
            assert (await client.get(f"/defects?{wrong}")).status_code == 404, wrong
    async with browsing(origin, await person(database, "nobody")) as client:
        assert (await client.get(f"/defects?site=1&{begun}")).status_code == 404


async def test_open_defects_without_advice_are_those_that_trends_count(
    database: Database, sweep: int, origin: str
) -> None:
    async with database.writing() as connection:
        await reconcile(connection, sweep)
        advice = {"site_id": 1, "digest": "a" * 64, "rule": "region", "state": DefectState.FOUND, "apart": False}
        number = await connection.scalar(sa.insert(Defect).values(**advice).returning(Defect.id))
        page = await connection.scalar(sa.select(sa.func.min(Occurrence.page_id)))
        shown = {"defect_id": number, "page_id": page, "places": 1}
        await connection.execute(sa.insert(Occurrence).values(**shown))
    async with database.reading() as connection:
        rules = (await rules_that_count(connection, [1]))[1]
        counted = set(await connection.scalars(sa.select(Defect.id).where(*KNOWN, Defect.rule.in_(rules))))
    who = await person(database, "reader", Grant(role=Role.READER))
    async with browsing(origin, who) as client:

        async def listed(query: str) -> set[int]:
            text = (await client.get(f"/defects?{query}&as=csv&table=defects")).text
            return {int(row[0]) for row in list(csv.reader(io.StringIO(text)))[1:]}

        every, counting = await listed("site=1"), await listed("site=1&counts=1")
        assert counting == counted & every
        assert number in every - counting
        page_of_site = Html((await client.get("/sites/1")).text)
        told = [link.text() for link in page_of_site.css("#flow ~ p a[href^='/defects']")]
        assert told == [str(len(every)), str(len(counting))]


async def test_what_was_done_is_not_told_again_by_sorting(database: Database, sweep: int, origin: str) -> None:
    who = await person(database, "reader", Grant(role=Role.READER))
    async with browsing(origin, who) as client:
        page = Html((await client.get("/sites?done=saved")).text)
        links = [link.attributes["href"] or "" for link in page.css("main th a")]
        assert links
        assert not any("done=" in href for href in links)
