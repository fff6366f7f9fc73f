"""A site and its sweeps in the application: every number leads to its rows, nobody sees or does more than they may."""

import csv
import io
import json
import re
from urllib.parse import urljoin, urlsplit

import pytest
import sqlalchemy as sa
from httpx import AsyncClient
from playwright.async_api import ConsoleMessage, async_playwright
from selectolax.lexbor import LexborHTMLParser

from audits.asked import ask_again, settled
from audits.conclude import conclude
from audits.recheck import Aim, begin_recheck, choose_pages
from audits.sweep import begin
from audits.trends.kept import keep_points
from db.database import Database
from db.tables import Defect, ScopeRule, Site, Sweep, Trail, Visit
from db.types import now
from db.words import Done, Reason, Role, ScopeKind, SweepState, VisitState
from reports.access.accounts import Grant
from tests.audits.swept import plan_for
from tests.cli.servers import plain, redirect, serving
from tests.own_audit import AUDIT, AXE_SCRIPT
from tests.reports import rows
from tests.web.serving import Served, browsing, person


async def numbers_of(client: AsyncClient, path: str) -> list[tuple[int, str]]:
    """Every number of a page that leads to addresses, and where to; of a share, the number that it was counted from."""
    answer = await client.get(path)
    assert answer.status_code == 200
    links = LexborHTMLParser(answer.text).css("main a[href*='/addresses?show=']")
    told = []
    for link in links:
        text = link.text(deep=True)
        if "%" in text and link.parent is not None:
            text = (
                link.parent.css_first(".aside").text() if link.parent.css(".aside") else text.partition("のうち")[2]
            )
        told.append((re.sub(r"\D.*", "", text.replace(",", "")), link.attributes["href"] or ""))
    return [(int(number), href) for number, href in told if number]


async def rows_behind(client: AsyncClient, href: str) -> int:
    """How many rows the table has that a link leads to, as its file has them."""
    separated = "&" if urlsplit(href).query else "?"
    answer = await client.get(f"{href}{separated}as=csv&table=addresses")
    assert answer.headers["content-type"].startswith("text/csv")
    return len(list(csv.reader(io.StringIO(answer.text)))) - 1


async def test_every_number_leads_to_just_as_many_rows(database: Database, origin: str, sweep: int) -> None:
    who = await person(database, "sato", Grant(role=Role.READER))
    async with database.writing() as connection:  # several kinds of documents, and reasons to leave pages out
        lost = sa.select(Visit.id).where(Visit.sweep_id == sweep, Visit.state == VisitState.UNAUDITED)
        ids = list(await connection.scalars(lost.where(Visit.reason != Reason.EXCLUDED).order_by(Visit.id)))
        kinds = (
            (Reason.NOT_HTML, "application/pdf", None),
            (Reason.NOT_HTML, None, None),
            (Reason.EXCLUDED, None, "人&職"),
        )
        for visit, (reason, kind, why) in zip(ids, kinds, strict=False):
            changed = sa.update(Visit).where(Visit.id == visit)
            await connection.execute(changed.values(reason=reason, content_type=kind, detail=why))
        left_out = {"sweep_id": sweep, "kind": ScopeKind.EXCLUDE, "pattern": "/jinji/*", "reason": "人&職"}
        await connection.execute(sa.insert(ScopeRule).values(**left_out))
        first = sa.select(sa.func.min(Visit.id)).where(Visit.sweep_id == sweep, Visit.state == VisitState.AUDITED)
        like = sa.update(Visit).where(Visit.id == first.scalar_subquery()).values(template=0)
        await connection.execute(like)  # templates are numbered from 0
    async with browsing(origin, who) as client:
        pages = ("/", f"/sweeps/{sweep}", "/sites/1")
        found = [each for path in pages for each in await numbers_of(client, path)]
        assert len(found) > 40
        for like in ("part=random", "criterion=", "type=", "reason=", "way=", "template=0", "template=none"):
            assert any(like in href for _, href in found), like
        for number, href in set(found):
            assert (await rows_behind(client, href), href) == (number, href)


async def test_the_site_says_what_its_last_sweep_says_and_what_was_not_looked_at(
    database: Database, origin: str, sweep: int
) -> None:
    who = await person(database, "sato", Grant(role=Role.READER))
    told = await conclude(database, sweep)
    async with browsing(origin, who) as client:
        page = LexborHTMLParser((await client.get("/sites/1")).text)
        figures = [each.text(strip=True) for each in page.css(".figure")]
        assert figures == ["37.5%", "5.1%〜71.8%", "8 / 9"]
        share = told.estimate.rate if told.estimate else None
        assert share is not None
        assert f"{share:.1%}（" in page.css(".card")[1].text()  # what the ranking tells
        spots = {row.css_first("th .number").text(): row.css_first("td") for row in page.css("table.heat tbody tr")}
        assert set(spots) == {each.number for each in told.criteria}
        for each in told.criteria:
            words = " ".join(spots[each.number].text(separator=" ").split())
            if each.problem_pages:
                assert f"{each.problem_pages} / {told.audited}" in words
            elif not each.rules:
                assert words == "/ 機械の対象外"
            else:
                assert re.search(r"要確認|検出なし", words)
        assert "満たしています" not in page.body.text()
        summary = (await client.get(f"/sweeps/{sweep}/summary.json")).json()
        assert summary["problem_page_rate"] == 0.375
        sample = (await client.get(f"/sweeps/{sweep}/sample")).text
        assert "入れるには、あと1ページ要ります" in sample
        for nonsense in ("show=nonsense", "criterion=1", "part=census", "way=x"):
            assert (await client.get(f"/sweeps/{sweep}/addresses?{nonsense}")).status_code == 404
        assert (await client.get(f"/sweeps/{sweep}/addresses?template=x")).status_code == 404


async def test_a_sweep_that_has_ended_is_not_listed_as_if_it_were_whole(
    database: Database, origin: str, sweep: int
) -> None:
    async with database.writing() as connection:
        await keep_points(connection)
    told = await conclude(database, sweep)
    assert not told.complete
    async with browsing(origin, await person(database, "sato", Grant(role=Role.READER))) as client:
        for path in ("/sweeps", "/sites/1/sweeps"):
            [row] = LexborHTMLParser((await client.get(path)).text).css("#sweeps tbody tr")
            words = row.text()
            assert "調査が完了していない" in words
            assert f"検査 {told.audited} / 把握 {told.known} ページ" in words
        assert "調査が完了していない" in (await client.get("/sweeps?as=csv&table=sweeps")).text
        [head] = LexborHTMLParser((await client.get(f"/sweeps/{sweep}")).text).css("#progress > .partly")
        assert "この調査は完了していません" in head.text()


async def test_nobody_sees_or_does_more_than_they_may(database: Database, origin: str, sweep: int) -> None:
    async with database.writing() as connection:
        await connection.execute(
            sa.insert(Site).values(address="https://b.example.jp/", created_at=now(), settings={})
        )
    views = ["/sites/1", "/sites/1/sweeps", f"/sweeps/{sweep}", *(f"/sweeps/{sweep}/{each}" for each in (
        "progress", "addresses", "sample", "summary.json"))]  # fmt: skip
    acts = ["/sites/1/begin", *(f"/sweeps/{sweep}/{each}" for each in ("stop", "resume", "repeat"))]
    stranger = await person(database, "kato", Grant(role=Role.OPERATOR, site=2))
    async with browsing(origin, stranger) as client:
        assert {(await client.get(path)).status_code for path in views} == {404}
        assert {(await client.post(path)).status_code for path in acts} == {404}
        assert "example.metro" not in (await client.get("/sweeps")).text
        assert (await client.get("/sites/2")).status_code == 200
        assert {(await client.get(f"/{kind}/{2**40}")).status_code for kind in ("sites", "sweeps")} == {404}
    reader = await person(database, "sato", Grant(role=Role.READER, site=1))
    async with browsing(origin, reader) as client:
        assert {(await client.get(path)).status_code for path in views} == {200}
        assert {(await client.post(path)).status_code for path in acts} == {403}
        assert 'form method="post" action="/sweeps' not in (await client.get(f"/sweeps/{sweep}")).text
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(Trail)) == 0
        assert await connection.scalar(sa.select(sa.func.count()).where(Sweep.asked_at.is_not(None))) == 0


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_site_that_gives_no_page_to_start_from_is_told_before_anything_begins(
    database: Database, database_url: str
) -> None:
    who = await person(database, "sato", Grant(role=Role.OPERATOR))
    wanted = {"method": "all", "edition": "jis2016", "level": "AA"}
    with serving(lambda path: redirect("/start/") if path == "/" else plain("窓口", "<p>窓口")) as site:
        async with database.writing() as connection:
            for address in (site.url, "http://127.0.0.1:9/"):
                await connection.execute(sa.insert(Site).values(address=address, created_at=now(), settings={}))
        with Served(database_url, allow_private=True) as origin:
            async with browsing(origin, who) as client:
                led, closed = [await client.post(f"/sites/{number}/begin", data=wanted) for number in (1, 2)]
    assert (led.status_code, f"{site.url}start/ に転送されます" in led.text) == (400, True)
    assert (closed.status_code, "から始められません" in closed.text) == (400, True)
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(Sweep)) == 0


async def test_a_sweep_is_asked_for_once_by_a_form_that_keeps_what_was_typed(
    database: Database, origin: str
) -> None:
    first = await begin(
        database, plan_for("https://a.example.jp/", delay=3.0, seeds=("https://a.example.jp/only-given",))
    )
    wanted = {"method": "random", "pages": "12", "edition": "wcag22", "level": "A"}
    async with browsing(origin, await person(database, "sato", Grant(role=Role.OPERATOR, site=1))) as client:
        wrong = await client.post("/sites/1/begin", data={**wanted, "pages": "many"})
        field = LexborHTMLParser(wrong.text).css_first("#pages").attributes
        assert (wrong.status_code, field["value"], field["aria-invalid"]) == (400, "many", "true")
        assert (await client.post("/sites/1/begin", data={**wanted, "method": "magic"})).status_code == 400
        begun = await client.post("/sites/1/begin", data=wanted)
        assert (begun.status_code, begun.headers["location"]) == (303, f"/sweeps/{first + 1}?done=sweep_asked")
        twice = await client.post("/sites/1/begin", data=wanted)
        assert (twice.status_code, "順番を待っているか実行中" in twice.text) == (400, True)
        assert "順番待ち" in (await client.get("/sites/1")).text
        assert (await client.post(f"/sweeps/{first + 1}/stop")).status_code == 303
        again = await client.post(f"/sweeps/{first + 1}/repeat")
        assert again.headers["location"] == f"/sweeps/{first + 2}?done=sweep_asked"
    async with database.reading() as connection:
        one, two, three = (
            await connection.execute(sa.select(*Sweep.__table__.columns).order_by(Sweep.id))
        ).mappings()
        done = (await connection.execute(sa.select(Trail.done, Trail.about).order_by(Trail.id))).all()
    for each in (two, three):
        kept = [each[name] for name in ("method_asked", "pages_asked", "edition", "level", "asked_by")]
        assert kept == ["random", 12, "wcag22", "A", "satoさん"]
        assert (each["settings"], each["state"]) == (one["settings"], SweepState.EXPLORING)
    assert two["seed"] != three["seed"]
    assert done == [
        (Done.SWEEP_ASKED, "/sites/1"), (Done.SWEEP_STOPPED, "/sweeps/2"), (Done.SWEEP_ASKED, "/sweeps/2")
    ]  # fmt: skip
    async with database.reading() as connection:
        given = sa.text("SELECT count(*) FROM visit JOIN page ON page.id = page_id WHERE found_by = 'seed'")
        assert await connection.scalar(given) == 3  # what only the operator knew is not lost


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_no_view_has_a_violation(database: Database, origin: str, sweep: int, chromium: str) -> None:
    await rows.further(database, sweep)
    unbegun = await rows.unbegun(database)
    async with database.writing() as connection:
        await connection.execute(
            sa.insert(Site).values(address="https://new.example.jp/", created_at=now(), settings={})
        )
        defect = await connection.scalar(sa.select(sa.func.min(Defect.id)))
        recheck = await begin_recheck(connection, Aim(site=1, pages={defect or 0: [1]}), 1)
        await choose_pages(connection, recheck, [1])
        await ask_again(connection, recheck, "佐藤")
        await ask_again(connection, unbegun, "佐藤")
        await settled(connection, unbegun, {"ja": "ブラウザーがありません。", "en": "There is no browser."})
        new = await connection.scalar(sa.select(sa.func.max(Site.id)))
    who = await person(database, "sato", Grant(role=Role.ADMINISTRATOR))
    views = (
        "/sites/1", f"/sites/{new}", "/sites/1/begin", "/sites/1/sweeps", "/sweeps", f"/sweeps/{sweep}",
        f"/sweeps/{unbegun}", f"/sweeps/{recheck}", f"/sweeps/{sweep}/addresses", f"/sweeps/{sweep}/sample",
    )  # fmt: skip
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        wrong.append(message.text)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for lang, theme in (("ja", "light"), ("en", "contrast")):
            context = await browser.new_context()
            chosen = {**who.cookies, "lang": lang, "theme": theme}
            await context.add_cookies(
                [{"name": name, "value": value, "url": origin} for name, value in chosen.items()]
            )
            page = await context.new_page()
            page.on("console", heard)
            for path in views:
                for width in (1280, 320):
                    await page.set_viewport_size({"width": width, "height": 900})
                    answer = await page.goto(urljoin(origin, path))
                    assert answer is not None
                    size = len(await answer.body())
                    if answer.status != 200 or size > 200_000:
                        wrong.append(f"{path}: {answer.status}, {size} bytes")
                    await page.evaluate(f"() => {{ {AXE_SCRIPT} }}")
                    found = json.loads(await page.evaluate(AUDIT))
                    wrong += [f"{path} {lang} {width}: {rule['id']} {rule['nodes'][0]['target']}" for rule in found]
                    if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                        wrong.append(f"{path} {lang} {width} scrolls sideways")
        await browser.close()
    assert wrong == []
