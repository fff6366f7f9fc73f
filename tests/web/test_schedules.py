"""Schedules in the application: made, changed, paused and taken away by forms, with what came of their times."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from audits.schedules.book import STANDS
from audits.schedules.keeping import due
from db.database import Database
from db.tables import Schedule, Sweep, Trail
from db.types import now
from db.words import Role
from reports.access.accounts import Grant
from tests.web.serving import browsing, person

FORM = {
    "name": "毎晩", "target": "site-1", "cron": "0 22 * * *", "zone": "Asia/Tokyo", "days": "moved", "window": "22:00-06:00",
    "priority": "high", "method": "mixed", "pages": "60", "edition": "wcag22", "level": "AA",
}  # fmt: skip


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_schedule_from_its_form_to_its_end(database: Database, sweep: int, origin: str) -> None:
    who = await person(database, "sato", Grant(role=Role.OPERATOR))
    async with browsing(origin, who) as client:
        for wrong, said in (
            ({"cron": "* * * * *"}, "1時間に2回以上"), ({"zone": "Asia/Edo"}, "Asia/Edo"), ({"window": "夜"}, "読めません"),
            ({"target": ""}, "一覧から"), ({"pages": "0"}, "1 から"), ({"name": " "}, "1〜200文字"),
        ):  # fmt: skip
            answer = await client.post("/schedules", data={**FORM, **wrong})
            assert (answer.status_code, said in answer.text) == (400, True), wrong
            assert 'value="22:00-06:00"' in answer.text or "window" in wrong  # what was written stays
        answer = await client.post("/schedules", data=FORM)
        assert answer.headers["location"] == "/schedules/1?done=schedule_made"
        assert (await client.post("/schedules", data=FORM)).status_code == 400  # the name is taken
        page = (await client.get("/schedules/1")).text
        assert "毎日 22:00（Asia/Tokyo）。休日に当たるときは次の開庁日" in page
        assert page.count("22:00</li>") == 5
        await due(database, now() + timedelta(days=14))
        page = (await client.get("/schedules/1")).text
        assert f"調査{sweep + 1}を始めました" in page
        assert "動いていなかった" in page
        assert "/sweeps/2" in page
        listed = (await client.get("/schedules")).text
        assert "1サイトのうち1サイトで始めました" in listed
        shown = (await client.get("/schedules/1/change")).text
        for written in (
            'value="0 22 * * *"',
            'value="60"',
            '<option value="moved" selected>',
            '<option value="high" selected>',
        ):
            assert written in shown
        answer = await client.post("/schedules/1/change", data={**FORM, "name": "金曜", "cron": "0 22 * * 5"})
        assert answer.headers["location"] == "/schedules/1?done=schedule_changed"
        await client.post("/schedules/1/pause")
        assert "休止中です（satoさん" in (await client.get("/schedules/1")).text
        await client.post("/schedules/1/resume")
        assert "毎週金曜" in (await client.get("/schedules/1")).text
        await client.post("/schedules/1/remove")
        assert (await client.get("/schedules/1")).status_code == 200  # not without the tick
        await client.post("/schedules/1/remove", data={"sure": "yes"})
        assert (await client.get("/schedules/1")).status_code == 404
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(Schedule).where(STANDS)) == 0
        begun = (await connection.execute(sa.select(Sweep).where(Sweep.id == sweep + 1))).one()
        acts = [each["act"] for each in await connection.scalars(sa.select(Trail.details).order_by(Trail.id))]
    assert (begun.pages_asked, begun.edition.value, begun.priority, begun.settings["window"]) == (
        60,
        "wcag22",
        1,
        "22:00-06:00",
    )
    assert acts == ["add", "change", "pause", "resume", "remove"]
