"""A suspect sweep in the application: it is said in plain words, decided on by whoever may, and the pages stand our own audit."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.async_api import async_playwright

from audits.trends.kept import keep_points
from audits.trust import judge
from db.database import Database
from db.schema import ready
from db.tables import Health, Subscription, Sweep, Trail
from db.words import Done, Role, Telling, Trust
from reports.access.accounts import Grant
from reports.report import write_report
from tests.audits.trending import Histories, days
from tests.reports.test_own_audit import WIDTHS
from tests.web.serving import Served, browsing, person
from tests.web.test_work_audit import faults, opened


async def suspect(database: Database) -> tuple[int, int, int]:
    """A site, its sound sweep, and one that knows four pages of ten and has lost one of these."""
    async with database.writing() as connection:
        histories = Histories(connection=connection)
        [site] = await histories.sites(1)
        first, second = days(0, 30)
        [sound] = await histories.sweeps([site], first, {"image-alt": {0}})
        assert await judge(connection, sound) is Trust.SOUND
        [half] = await histories.sweeps([site], second, {"image-alt": {0}}, pages=4, lost={3})
        assert await judge(connection, half) is Trust.SUSPECT
        await keep_points(connection)
    return site, sound, half


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_suspect_sweep_is_told_in_plain_words_and_decided_on_once(
    database: Database, origin: str, tmp_path: Path
) -> None:
    site, sound, half = await suspect(database)
    report = await write_report(database, half, tmp_path / "report", "ja")
    assert "<strong>疑わしい調査です。" in report.read_text(encoding="utf-8")
    reader = await person(database, "dokusha", Grant(role=Role.READER))
    operator = await person(database, "unyo", Grant(role=Role.OPERATOR))
    async with browsing(origin, reader) as client:
        page = (await client.get(f"/sweeps/{half}")).text
        for said in (
            "疑わしい調査です", "10ページから4ページに、60.0%減りました（20.0%を超えると", "4ページのうち1ページ（25.0%）に結果がありません",
            f"比べた調査は {sound} です", "始めてから終わるまで：2時間0分",
        ):  # fmt: skip
            assert said in page, said
        assert "/decide" not in page
        assert "疑わしい点は見つかりませんでした" in (await client.get(f"/sweeps/{sound}")).text
        assert "疑わしい" in (await client.get("/sweeps")).text
        shown = (await client.get(f"/sites/{site}")).text
        assert f'href="/sweeps/{half}#health"' in shown
        assert "10ページ" in shown  # the numbers are those of the sweep before
        assert (await client.get(f"/sweeps/{half}/summary.json")).json()["health"]["doubts"] == [
            "shrunken", "unanswered", "lost",
        ]  # fmt: skip
    async with browsing(origin, operator) as client:
        assert "/decide" in (await client.get(f"/sweeps/{half}")).text
        for form in ({"word": "accepted", "why": " "}, {"word": "sound", "why": "x"}, {}):
            assert (await client.post(f"/sweeps/{half}/decide", data=form)).status_code == 400, form
        form = {"word": "accepted", "why": "<b>統合</b>で減った"}
        assert (await client.post(f"/sweeps/{half}/decide", data=form)).status_code == 303
        assert (await client.post(f"/sweeps/{half}/decide", data=form)).status_code == 400
        page = (await client.get(f"/sweeps/{half}")).text
        assert "unyoさんが受け入れました" in page
        assert "&lt;b&gt;統合" in page
        assert f'href="/sweeps/{half}#health"' not in (await client.get(f"/sites/{site}")).text
    async with database.reading() as connection:
        row = await connection.execute(
            sa.select(Sweep.trust, Sweep.reconciled_at, Health.decided_by).join(Health, Health.sweep_id == Sweep.id).where(Sweep.id == half)
        )  # fmt: skip
        trust, reconciled, by = row.one()
        trail = await connection.execute(
            sa.select(Trail.who, Trail.about, Trail.details).where(Trail.done == Done.SWEEP_DECIDED)
        )
    assert (trust, by) == (Trust.ACCEPTED, "unyoさん")
    assert reconciled is not None
    assert [tuple(each) for each in trail] == [("unyo", f"/sweeps/{half}", {"act": "accepted"})]


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_people_choose_what_they_are_told_of(database: Database, origin: str) -> None:
    who = await person(database, "sato", Grant(role=Role.MANAGER))
    async with browsing(origin, who) as client:
        assert "メールアドレスが登録されていない" in (await client.get("/account")).text
        async with database.writing() as connection:
            await connection.execute(sa.text("UPDATE account SET email = 'sato@example.lg.jp'"))
        for kinds, lang in ((["digest", "due"], "ja"), (["due", "suspect"], "ja"), (["suspect"], "en")):
            answer = await client.post("/account/notices", data={"kinds": kinds, "lang": lang})
            assert answer.status_code == 303
        page = (await client.get("/account")).text
        assert "sato@example.lg.jp にメール" in page
        assert 'value="suspect" checked' in page
        assert page.count(" checked") == 2  # with the scope of a new token
        for wrong in ({"kinds": ["x"], "lang": "ja"}, {"kinds": ["due"], "lang": "fr"}):
            assert (await client.post("/account/notices", data=wrong)).status_code == 400
    async with database.reading() as connection:
        running = sa.select(Subscription.kind, Subscription.lang).where(Subscription.ended_at.is_(None))
        assert [tuple(each) for each in await connection.execute(running)] == [(Telling.SUSPECT, "en")]


async def test_the_pages_stand_our_own_audit(tmp_path: Path, chromium: str) -> None:
    url = str(tmp_path / "audit.sqlite")
    async with Database(url) as database:
        await ready(database)
        site, _, half = await suspect(database)
        who = await person(database, "kanri", Grant(role=Role.ADMINISTRATOR))
        async with database.writing() as connection:
            await connection.execute(sa.text("UPDATE account SET email = 'kanri@example.lg.jp'"))
        wrong: list[str] = []
        with Served(url) as origin:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                for lang in ("ja", "en"):
                    page = await opened(browser, origin, who, lang=lang)
                    for path in (f"/sweeps/{half}", f"/sites/{site}", "/account", f"/administration/sites/{site}"):
                        for width in WIDTHS:
                            await page.set_viewport_size({"width": width, "height": 900})
                            await page.goto(origin + path)
                            wrong += await faults(page, f"{path} {lang} {width}")
                await browser.close()
        assert wrong == [], "\n".join(wrong)
