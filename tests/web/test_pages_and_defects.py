"""A page's report, defects and what people do with them, over HTTP: nothing unseen looks clean, and each act has its right."""

import csv
import io
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from audits import asked as asking
from audits.defects import book
from audits.defects.cover import cover_on, today
from audits.defects.reconcile import reconcile
from db.database import Database
from db.tables import Defect, Exemption, Finding, Look, Occurrence, Page, Picture, Site, Sweep, Trail, Visit
from db.types import now
from db.words import DefectState as State
from db.words import Done, Reason, Role, SweepState, VisitState
from reports.access.accounts import Grant
from reports.clean import visible
from reports.snippet import highlighted, live_link
from tests.audits.test_reconcile import History, history_in
from tests.reports import rows
from tests.web.serving import browsing, person


@pytest.fixture
async def site(database: Database) -> dict[str, int]:
    """Faults of a small site by their letter: `a` on two pages, `c` and `d` on one each; and its number."""
    async with history_in(database) as history:
        await _swept(history)
        return {"site": history.site, **history.defects, **history.pages}


async def _swept(history: History) -> None:
    truth = {"/1": {"a": 2}, "/2": {"a": 1, "c": 1}, "/3": {"d": 1}, "/4": {}}
    sweep = await history.sweep(
        truth, lost=["/4"], recheck=False, level="AA", edition="jis2016", aim=None, halted=None
    )
    await reconcile(history.connection, sweep)


async def swept_mixed(database: Database) -> int:
    sweep = await rows.mixed(database)
    async with database.writing() as connection:
        await reconcile(connection, sweep)
    return sweep


async def team(database: Database, site: int, name: str = "sato", role: Role = Role.WEB_TEAM) -> Any:
    return await person(database, name, Grant(role=role, site=site))


def read(answer: httpx.Response) -> HTMLParser:
    assert answer.status_code == 200, answer.text[:500]
    return HTMLParser(answer.text)


def words(answer: httpx.Response) -> str:
    return " ".join((read(answer).css_first("main").text() or "").split())


async def form_of(client: httpx.AsyncClient, path: str) -> dict[str, str]:
    """The hidden fields of the form at a path, as a browser sends them."""
    form = read(await client.get(path))
    return {
        str(each.attributes["name"]): each.attributes.get("value") or ""
        for each in form.css("main form input[type=hidden]")
    }


# ── the page ───────────────────────────────────────────────────────────────────────────────────────


async def test_markers_and_places_are_in_step_and_hostile_text_stays_text(database: Database, origin: str) -> None:
    sweep = await swept_mixed(database)
    who = await person(database, "tanaka", Grant(role=Role.ADMINISTRATOR))
    async with browsing(origin, who) as client:
        found = read(await client.get("/pages/1"))
        markers = [str(each.attributes["href"]) for each in found.css("svg.shot a")]
        assert markers, "the page has a picture"
        assert all(found.css_first(each) is not None for each in markers)
        backs = {str(each.attributes["href"]) for each in found.css(".place a.to-picture[href^='#marker-']")}
        assert backs == {f"#marker-{each.removeprefix('#place-')}" for each in markers}
        assert "時間内に表示の変化が収まらなかった" in words(await client.get("/pages/1"))
        alone = read(await client.get("/pages/1?kind=failed&rule=image-alt"))
        assert len(alone.css("li.place")) == 26
        for path in ("/pages/1", "/pages/2", "/defects", "/defects/37"):
            answer = await client.get(path)
            tree = read(answer)
            assert tree.css("[style]") == []
            assert [each for each in tree.css("script") if "src" not in each.attributes] == []
            assert not [
                each for each in tree.css("a") if (each.attributes.get("href") or "").startswith("javascript")
            ]
            assert "<script>alert(1)" not in answer.text
            assert "\u202e" not in answer.text
            assert len(answer.content) < 200_000
        listed = (await client.get("/pages/1?as=csv&table=places")).text
        places = list(csv.reader(io.StringIO(listed.removeprefix("\N{BYTE ORDER MARK}"))))
        async with database.reading() as connection:
            kept = await connection.scalar(
                sa.select(sa.func.count()).select_from(Finding).join(Visit, Visit.result_id == Finding.result_id)
                .where(Visit.sweep_id == sweep, Visit.page_id == 1)
            )  # fmt: skip
        assert len(places) == 1 + (kept or 0)
        picture = await client.get(str(found.css_first("svg.shot image").attributes["href"]))
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
        assert picture.headers["cache-control"] == "private, max-age=31536000, immutable"


async def test_a_page_without_a_result_says_why_and_one_of_another_site_is_not_there(
    database: Database, origin: str
) -> None:
    sweep = await swept_mixed(database)
    async with database.writing() as connection:
        rows_ = await connection.execute(
            sa.select(Visit.reason, sa.func.min(Visit.page_id))
            .where(Visit.sweep_id == sweep, Visit.reason.is_not(None))
            .group_by(Visit.reason)
        )
        pages = dict(rows_.all())
        elsewhere = await connection.scalar(
            sa.insert(Site).values(address="https://other.example/", created_at=now()).returning(Site.id)
        )
        last = await connection.scalar(sa.select(sa.func.max(Page.id)).where(Page.address.like("%/rest/%")))
        picture = await connection.scalar(sa.select(sa.func.min(Picture.id)))
    who = await person(database, "tanaka", Grant(role=Role.READER))
    stranger = await person(database, "other", Grant(role=Role.WEB_TEAM, site=elsewhere))
    async with browsing(origin, who) as client:
        for reason in (Reason.TIMED_OUT, Reason.ROBOTS, Reason.NOT_HTML, Reason.EXCLUDED):
            said = words(await client.get(f"/pages/{pages[reason]}"))
            assert "問題がないという意味ではありません" in said
            assert "機械検査では問題が見つかりませんでした" not in said
            assert f"調査 {sweep} では、このページの結果がありません" in said
        assert "選ばなかった" in words(await client.get(f"/pages/{last}"))
        for path in (
            "/pages/1?sweep=999",
            "/pages/999999",
            "/pages/1?rule=no-such",
            "/defects/999999",
            "/pages/99999999999999999999",
        ):
            assert (await client.get(path)).status_code == 404
    async with browsing(origin, stranger) as client:
        mine = {"site_id": elsewhere, "digest": "m" * 64, "rule": "label", "state": State.FOUND, "apart": False}
        async with database.writing() as connection:
            own = await connection.scalar(
                sa.insert(Page).values(site_id=elsewhere, address="https://other.example/").returning(Page.id)
            )
            defect = await connection.scalar(sa.insert(Defect).values(mine).returning(Defect.id))
            await connection.execute(sa.insert(Occurrence).values(defect_id=defect, page_id=own, places=1))
        assert (await client.get(f"/defects/{defect}/repaired?page={own}")).status_code == 200
        assert (await client.get(f"/defects/{defect}/repaired?page=1")).status_code == 404, "another site's page"
        for path in ("/pages/1", "/defects/1", f"/pictures/{picture}", "/defects/1/repaired"):
            assert (await client.get(path)).status_code == 404, path
        assert "全 0 行" not in words(await client.get("/defects"))
        assert len(read(await client.get("/defects")).css("#defects tbody tr")) == 1


async def test_what_a_later_sweep_did_not_see_is_told_and_an_older_state_says_that_it_is_one(
    database: Database, origin: str
) -> None:
    async with history_in(database) as history:
        given: dict[str, Any] = {"recheck": False, "level": "AA", "edition": "jis2016", "aim": None, "halted": None}
        first = await history.sweep({"/1": {"a": 2}}, **given)
        await reconcile(history.connection, first)
        second = await history.sweep({"/1": {"a": 1}}, **given)
        await reconcile(history.connection, second)
        third = await history.sweep({"/1": {}}, lost=["/1"], **given)
        await reconcile(history.connection, third)
        for at, sweep in enumerate((first, second, third)):
            moment = now() - timedelta(days=9 - at)
            await history.connection.execute(sa.update(Sweep).where(Sweep.id == sweep).values(finished_at=moment))
        page = history.pages["/1"]
    who = await person(database, "tanaka", Grant(role=Role.READER))
    async with browsing(origin, who) as client:
        said = words(await client.get(f"/pages/{page}"))
        assert f"調査 {third} では、このページの結果がありません：時間切れ" in said
        assert f"その前に見た時（調査 {second}）" in said
        history_ = [row.text() for row in read(await client.get(f"/pages/{page}")).css("#history tbody tr")]
        assert [("見ていない（時間切れ）" in row, "1か所" in row, "2か所" in row) for row in history_] == [
            (True, False, False), (False, True, False), (False, False, True),
        ]  # fmt: skip
        older = await client.get(f"/pages/{page}?sweep={first}")
        assert "以前の状態です" in words(older)
        assert "2か所" in words(older)
        assert "以前の状態です" not in words(await client.get(f"/pages/{page}"))
        lost = words(await client.get(f"/pages/{page}?sweep={third}"))
        assert "このページの検査結果はありません" in lost
        assert f"調査 {third} では" in lost
        assert "2か所" in words(older), "as it was then"


# ── defects ────────────────────────────────────────────────────────────────────────────────────────


async def test_defects_are_found_by_what_one_looks_for_and_only_where_one_may(
    database: Database, origin: str, site: dict[str, int]
) -> None:
    who, nobody = (
        await team(database, site["site"]),
        await person(database, "new", Grant(role=Role.READER, site=None, organisation=None)),
    )
    async with database.writing() as connection:
        late = {"owner": "広報課", "due_on": today() - timedelta(days=1), "state": State.PLANNED}
        await connection.execute(sa.update(Defect).where(Defect.id == site["a"]).values(late))
        await connection.execute(sa.update(Defect).where(Defect.id == site["d"]).values(state=State.CONFIRMED))
        never = {"site_id": site["site"], "digest": "z" * 64, "rule": "label", "state": State.FOUND, "apart": False}
        await connection.execute(sa.insert(Defect).values(never))  # an open question: no page has shown it

    async def numbers(client: httpx.AsyncClient, query: str) -> list[int]:
        given = (await client.get(f"/defects?as=csv&table=defects&{query}")).text
        return sorted(int(row[0]) for row in list(csv.reader(io.StringIO(given)))[1:])

    async with browsing(origin, who) as client:
        a, c, d = site["a"], site["c"], site["d"]
        for query, expected in {
            "": [a, c], "state=any": [a, c, d], "state=confirmed": [d], "overdue=1": [a], "owner=広報課": [a],
            "owner=-": [c], f"site={site['site']}": [a, c], "site=77": [], "organisation=5": [], "criterion=1.1.1": [a, c],
            "criterion=1.4.3": [], "state=nonsense&site=x": [a, c],
        }.items():  # fmt: skip
            assert await numbers(client, query) == sorted(expected), query
        [waiting] = read(await client.get("/sites")).css("a[href^='/defects?site=']")
        assert waiting.text() == "2", "the rows behind the number"
        table = read(await client.get("/defects"))
        assert [row.text().strip() for row in table.css("#defects tbody tr td:nth-child(6)")] == ["2", "1"]
        shown = words(await client.get(f"/defects/{a}"))
        assert "期限切れ" in shown
        async with database.writing() as connection:
            await connection.execute(sa.update(Defect).where(Defect.id == a).values(state=State.REPAIRED))
        said = words(await client.get(f"/defects/{a}")), words(await client.get("/defects"))
        assert "期限切れ" not in said[0], (
            "somebody has said that it is repaired: it is not counted as overdue, either"
        )
        assert "期限を過ぎています" not in said[1]
        assert await numbers(client, "overdue=1") == []
        assert "見つかった" in shown
    async with browsing(origin, nobody) as client:
        assert (await client.get(f"/defects/{a}")).status_code == 200
    async with database.writing() as connection:
        await connection.execute(sa.update(Defect).where(Defect.id == c).values(merged_into_id=a, through_id=a))
    async with browsing(origin, who) as client:
        moved = await client.get(f"/defects/{c}")
        assert (moved.status_code, moved.headers["location"]) == (303, f"/defects/{a}")


async def test_the_list_of_all_says_what_the_list_of_few_says(
    database: Database, origin: str, site: dict[str, int]
) -> None:
    """However the pages of each are counted: one that no page shows now is in it, a name that no page ever showed is not."""
    async with database.writing() as connection:
        await connection.execute(sa.update(Occurrence).where(Occurrence.defect_id == site["c"]).values(places=0))
        row = (await connection.execute(sa.select(Defect.__table__).where(Defect.id == site["c"]))).mappings().one()
        untold = {**row, "digest": "f" * 64}
        del untold["id"]
        await connection.execute(sa.insert(Defect).values(untold))
    everywhere = await person(database, "chief", Grant(role=Role.ADMINISTRATOR))
    for who in (everywhere, await team(database, site["site"])):
        async with browsing(origin, who) as client:
            listed = read(await client.get("/defects")).css("#defects tbody tr")
            pages = {row.css_first("td").text().strip(): row.css("td")[4].text().strip() for row in listed}
            assert pages == {str(site["a"]): "2", str(site["d"]): "1", str(site["c"]): "0"}
            for path in ("/defects", "/defects?defects.page=9", f"/defects?site={site['site']}"):
                assert "全 3 行" in words(await client.get(path)), path
                assert len(read(await client.get(path)).css("#defects tbody tr")) == 3
            given = csv.reader(io.StringIO((await client.get("/defects?as=csv&table=defects")).text))
            assert len(list(given)) == 1 + 3
            none = "/defects?rule=nothing-of-the-kind"
            assert len(read(await client.get(none)).css("#defects tbody tr")) == 0


async def test_each_act_has_its_right_and_leaves_its_event_and_its_line(
    database: Database, origin: str, site: dict[str, int]
) -> None:
    ways = {
        Role.WEB_TEAM: {"repaired": 303, "plan": 403, "recheck": 303}, Role.MANAGER: {"repaired": 403, "plan": 303, "recheck": 403},
        Role.READER: {"repaired": 403, "plan": 403, "recheck": 403, "except": 403},
    }  # fmt: skip
    given = {
        "repaired": {"note": "直しました"},
        "plan": {"owner": "広報課", "due": "2030-04-01", "way": "代替を付ける"},
        "recheck": {},
    }
    defect = site["c"]
    for role, expected in ways.items():
        who = await team(database, site["site"], role.value, role)
        async with browsing(origin, who) as client:
            for act, status in expected.items():
                path = f"/defects/{defect}/{act}"
                fields = await form_of(client, path) if act in ("repaired", "plan") and status == 303 else {}
                answer = await client.post(path, data={**fields, **given.get(act, {})})
                assert answer.status_code == status, (role, act)
                if status == 403 and act != "recheck":
                    assert (await client.get(path)).status_code == 403
    async with database.reading() as connection:
        life = [(each.new, each.who, each.why) for each in await book.events(connection, defect)]
        assert life[1:] == [
            (State.REPAIRED, "web_teamさん", "直しました"),
            (State.PLANNED, "managerさん", "代替を付ける"),
        ]
        trail = list(await connection.execute(sa.select(Trail.done, Trail.who, Trail.about).order_by(Trail.id)))
    path = f"/defects/{defect}"
    assert [tuple(line) for line in trail] == [
        (Done.DEFECT_CHANGED, "web_team", path), (Done.SWEEP_ASKED, "web_team", path), (Done.DEFECT_CHANGED, "manager", path),
    ]  # fmt: skip


async def test_of_two_at_once_the_second_gets_a_line_and_what_they_wrote(
    database: Database, origin: str, site: dict[str, int]
) -> None:
    one, other = await team(database, site["site"], "sato"), await team(database, site["site"], "ito")
    path = f"/defects/{site['a']}/repaired"
    async with browsing(origin, one) as first, browsing(origin, other) as second:
        mine, theirs = await form_of(first, path), await form_of(second, path)
        done = await first.post(path, data={**mine, "note": "直しました"})
        assert done.headers["location"] == f"/defects/{site['a']}?done=repaired"
        assert "直したとの申告を記録しました" in words(await first.get(done.headers["location"]))
        late = await second.post(path, data={**theirs, "note": "私も"})
        assert late.status_code == 400
        told = HTMLParser(late.text)
        assert "この欠陥が変わりました（最後の変更：satoさん）" in (told.css_first("#error").text() or "")
    async with database.reading() as connection:
        assert [each.who for each in await book.events(connection, site["a"])][1:] == ["satoさん"]


async def test_what_is_wrong_in_a_form_is_tied_to_its_field_and_nothing_is_lost(
    database: Database, origin: str, site: dict[str, int]
) -> None:
    who = await team(database, site["site"], "manager", Role.MANAGER)
    yesterday = (today() - timedelta(days=1)).isoformat()
    wrong: list[tuple[str, dict[str, str], str]] = [
        ("plan", {"due": "2030-04-01"}, "owner"), ("plan", {"owner": "広報課", "due": "来月"}, "due"),
        ("except", {"text": "外部", "until": "2030-01-01"}, "reason"), ("except", {"reason": "third_party", "until": "2030-01-01"}, "text"),
        ("except", {"reason": "third_party", "text": "外部", "until": yesterday}, "until"),
        ("except", {"reason": "third_party", "text": "外部"}, "until"),
    ]  # fmt: skip
    async with browsing(origin, who) as client:
        for act, fields, name in wrong:
            path = f"/defects/{site['a']}/{act}"
            answer = await client.post(path, data={**await form_of(client, path), **fields})
            assert answer.status_code == 400
            form = HTMLParser(answer.text)
            [field] = form.css("[aria-invalid]")
            assert "error" in str(field.attributes["aria-describedby"])
            assert name in (field.attributes.get("name"), "reason")
            if "owner" in fields:
                assert form.css_first("#owner").attributes["value"] == "広報課"
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(Exemption)) == 0
        assert await connection.scalar(sa.select(sa.func.count()).select_from(Trail)) == 0


# ── exceptions ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_web_team_proposes_another_agrees_and_only_then_is_it_excepted(
    database: Database, origin: str, site: dict[str, int]
) -> None:
    sato = await team(database, site["site"], "sato")
    chief = await team(database, site["site"], "chief", Role.MANAGER)
    both = await person(
        database, "both", Grant(role=Role.MANAGER, site=site["site"]), Grant(role=Role.WEB_TEAM, site=site["site"])
    )
    path = f"/defects/{site['a']}/except?page={site['/1']}"
    said = {"reason": "third_party", "text": "地図は外部のもの<b>", "until": "2040-03-31"}
    async with browsing(origin, sato) as client:
        assert "例外を提案する" in words(await client.get(path))
        done = await client.post(
            path.partition("?")[0], data={**await form_of(client, path), **said, "scope": "all"}
        )
        assert done.headers["location"] == f"/pages/{site['/1']}?done=proposed"
        assert (await client.post("/exceptions/1/review", data={"agrees": "yes", "text": "x"})).status_code == 403
        assert "この提案は" not in words(await client.get("/exceptions"))
        assert "提案を取り下げる" in words(await client.get("/exceptions/1"))
    async with database.reading() as connection:
        assert not await cover_on(connection, site["site"], today())
        assert (await book.one(connection, site["a"])).state is State.FOUND
    async with browsing(origin, chief) as client:
        waiting = read(await client.get("/exceptions")).css("#waiting tbody tr")
        assert len(waiting) == 1
        assert "地図は外部のもの<b>" in (waiting[0].text() or "")
        empty = await client.post("/exceptions/1/review", data={"agrees": "yes", "text": " "})
        assert (empty.status_code, "確かめたことを書いてください" in empty.text) == (400, True)
        done = await client.post("/exceptions/1/review", data={"agrees": "yes", "text": "見た"})
        assert done.headers["location"] == "/exceptions/1?done=agreed"
        assert "有効" in words(await client.get("/exceptions/1"))
        again = await client.post("/exceptions/1/review", data={"agrees": "no", "text": "やはり"})
        assert (again.status_code, "chiefさん が確認しています" in again.text) == (400, True)
        assert "例外：第三者のコンテンツ" in words(await client.get(f"/pages/{site['/1']}"))
    async with database.reading() as connection:
        assert (await book.one(connection, site["a"])).state is State.EXCEPTED
    async with browsing(origin, both) as client:
        path = f"/defects/{site['c']}/except"
        done = await client.post(path, data={**await form_of(client, path), **said})
        assert done.headers["location"] == f"/defects/{site['c']}?done=excepted"
        done = await client.post("/exceptions/2/end", data={"text": "直すことにした"})
        assert done.headers["location"] == "/exceptions/2?done=ended"
    async with database.reading() as connection:
        assert (await book.one(connection, site["c"])).state is State.FOUND
        assert (await book.events(connection, site["c"]))[-1].why == "直すことにした"
        kept = await connection.execute(sa.select(Trail.who, Trail.about, Trail.details).order_by(Trail.id))
    assert [(who, about, told["act"]) for who, about, told in kept] == [
        ("sato", f"/defects/{site['a']}", "proposed"), ("chief", "/exceptions/1", "agreed"),
        ("both", f"/defects/{site['c']}", "excepted"), ("both", "/exceptions/2", "ended"),
    ]  # fmt: skip
    admin = await person(database, "admin", Grant(role=Role.ADMINISTRATOR))
    async with browsing(origin, admin) as client:
        shown = words(await client.get("/administration/trail"))
    assert all(f"内容：{each}" in shown for each in ("例外を申請した", "認めた", "例外にした", "終わらせた"))


async def test_an_exception_that_ends_with_a_day_is_not_shown_as_one_the_next(
    database: Database, origin: str, site: dict[str, int]
) -> None:
    async with database.writing() as connection:
        row = {
            "site_id": site["site"], "defect_id": site["a"], "reason": "third_party", "text": "x", "person": "田中",
            "at": now() - timedelta(days=5), "until": today() - timedelta(days=1), "proposed": False, "restated": False,
        }  # fmt: skip
        await connection.execute(sa.insert(Exemption).values(row))
        await connection.execute(sa.update(Defect).where(Defect.id == site["a"]).values(state=State.EXCEPTED))
    async with browsing(origin, await team(database, site["site"])) as client:
        read(await client.get("/defects"))
    async with database.reading() as connection:
        assert (await book.one(connection, site["a"])).state is State.FOUND


# ── rechecks ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_recheck_shows_how_far_it_is_and_says_only_what_it_saw(
    database: Database, origin: str, site: dict[str, int]
) -> None:
    who = await team(database, site["site"])
    page, other = site["/2"], site["/1"]
    async with browsing(origin, who) as client:
        assert f'action="/pages/{page}/recheck"' in (await client.get(f"/pages/{page}")).text
        clean = site["/4"]  # shows no defect: there is nothing to see again
        assert f'action="/pages/{clean}/recheck"' not in (await client.get(f"/pages/{clean}")).text
        asked = await client.post(f"/pages/{page}/recheck")
        assert asked.headers["location"] == f"/pages/{page}?done=recheck_asked#recheck"
        shown = await client.get(f"/pages/{page}")
        assert "順番を待っています（1ページ、依頼：satoさん）" in words(shown)
        assert "今すぐ再検査する" not in words(shown), "it is asked for already"
        again = await client.post(f"/pages/{page}/recheck")
        assert again.status_code == 303
        async with database.writing() as connection:
            [sweep] = await connection.scalars(sa.select(Sweep.id).where(Sweep.recheck))
            await _ran(connection, sweep, page, clean={site["c"]})
        told = words(await client.get(f"/pages/{page}"))
        assert f"欠陥 {site['c']}「" in told
        assert "直ったことを確認しました（見た1ページのどこにもありません）" in told
        assert f"欠陥 {site['a']}「" in told
        assert "まだ残っています（見た1ページのうち1ページ）" in told
        assert "直ったことを確認しました" in words(await client.get(f"/defects/{site['c']}"))
        assert "まだ残っています" in words(await client.get(f"/defects/{site['a']}"))
        async with database.writing() as connection:
            [first] = await connection.scalars(sa.select(Sweep.id).where(~Sweep.recheck))
            later = await connection.execute(sa.select(Sweep).where(Sweep.id == first))
            row = {name: value for name, value in later.mappings().one().items() if name != "id"}
            after = await connection.scalar(sa.insert(Sweep).values(row).returning(Sweep.id))
            before = (
                (await connection.execute(sa.select(Visit).where(Visit.sweep_id == first, Visit.page_id == page)))
                .mappings()
                .one()
            )
            again_ = {name: value for name, value in before.items() if name != "id"}
            await connection.execute(sa.insert(Visit).values({**again_, "sweep_id": after}))
        assert "直ったことを確認しました" not in words(await client.get(f"/pages/{page}")), (
            "a later sweep has the word"
        )
        await client.post(f"/pages/{other}/recheck")
        async with database.writing() as connection:
            sweep = max(await connection.scalars(sa.select(Sweep.id).where(Sweep.recheck)))
            await _ran(connection, sweep, other, lost=True)
        told = words(await client.get(f"/pages/{other}"))
        assert "ページを検査できませんでした（時間切れ）。直ったとも、残っているとも言えません" in told
        assert "直ったことを確認しました" not in told
        clean = await client.post(f"/pages/{site['/4']}/recheck")
        assert (clean.status_code, "残っている欠陥がありません" in clean.text) == (400, True)


async def _ran(connection: Any, sweep: int, page: int, *, clean: Collection[int] = (), lost: bool = False) -> None:
    """What whoever runs a recheck leaves: the page without some defects, or not seen at all."""
    rules = await connection.scalar(sa.select(Sweep.rule_criteria).where(~Sweep.recheck).limit(1))
    ended = {"state": SweepState.FINISHED, "finished_at": now(), "rule_criteria": rules, "rule_set": "again"}
    await connection.execute(sa.update(Sweep).where(Sweep.id == sweep).values(ended))
    mine = Visit.sweep_id == sweep, Visit.page_id == page
    if lost:
        values: dict[str, Any] = {"state": VisitState.UNAUDITED, "reason": Reason.TIMED_OUT}
    else:
        before = await connection.scalar(sa.select(Look.result_id).where(Look.page_id == page))
        kept = (await connection.execute(sa.select(Finding).where(Finding.result_id == before))).mappings().all()
        visit = await connection.scalar(sa.select(Visit.id).where(*mine))
        result = await rows.Writer(connection).result(visit)
        for each in kept:
            if each["defect_id"] not in clean:
                row = {name: value for name, value in each.items() if name != "id"}
                await connection.execute(sa.insert(Finding).values({**row, "result_id": result}))
        values = {"audited_at": now()}
    await connection.execute(sa.update(Visit).where(*mine).values(values))
    await reconcile(connection, sweep)
    await asking.settled(connection, sweep)


# ── snippets ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "snippet", [*rows.HOSTILE, '<a href="x', "<a b='", "<", "<!--", "<p/>x", "a<b", "<A\nb = 'c'>&lt;"]
)
def test_a_snippet_in_colours_says_what_it_said_and_no_more(snippet: str) -> None:
    tree = HTMLParser(f"<pre>{highlighted(snippet)}</pre>")

    assert {each.tag for each in tree.css("pre *")} <= {"span"}
    assert (tree.css_first("pre").text() or "").lstrip("\n") == visible(snippet).lstrip("\n")


def test_the_way_to_a_place_in_the_live_page_is_its_words_where_they_can_be_found() -> None:
    assert live_link("https://a.jp/b", "<a href=x>予算 &amp; 決算-1</a>", framed=False) == (
        "https://a.jp/b#:~:text=%E4%BA%88%E7%AE%97%20%26%20%E6%B1%BA%E7%AE%97%2D1"
    )
    assert live_link("https://a.jp/b", "<a>x</a>", framed=True) == "https://a.jp/b"
    assert live_link("https://a.jp/b", "<img src='x", framed=False) == "https://a.jp/b"
    assert live_link("javascript:alert(1)", "<a>x</a>", framed=False) is None
    assert "%E2%80%AE" not in (live_link("https://a.jp/b", "<a>\u202ex</a>", framed=False) or "")
