"""Tests by people in a browser: what is kept, what is not lost, and who may see and say anything."""

import io
import re
import zipfile
from datetime import date
from html import unescape

import httpx
import pytest
import sqlalchemy as sa

from audits.defects.excepting import review
from audits.judging import how_far, keep_judgements, words_on
from db.database import Database
from db.errors import UsageError
from db.tables import Declaration, Exemption, Judgement, Site, Sweep, Trail, Visit
from db.types import now
from db.words import Done, ExceptionReason, JudgementOutcome, Notation, Role, SweepState
from reports.access import accounts
from reports.access.accounts import Grant
from tests.reports.judged import DETAILS, MET, NOT_MET, dispute, judged
from tests.web.serving import Person, browsing, person

FIELD = re.compile(
    r'<(?:input type="hidden"|input type="radio"|textarea)[^>]* name="([^"]+)"(?: value="([^"]*)")?([^>]*)>([^<]*)'
)


async def there(database: Database) -> tuple[int, list[int], int]:
    """A test with two open criteria on its last page and one dispute on its first; its pages, and its site."""
    sweep = await judged(database, {"1.3.1": None, "2.4.4": None, "1.1.1": NOT_MET})
    await dispute(database, sweep, "1.4.3")
    await dispute(database, sweep, "1.1.1")  # which both say is not met
    async with database.reading() as connection:
        pages = list(
            await connection.scalars(sa.select(Visit.id).where(Visit.sweep_id == sweep).order_by(Visit.id))
        )
        site = await connection.scalar(sa.select(Sweep.site_id).where(Sweep.id == sweep))
    return sweep, pages, site or 0


async def foreign(database: Database) -> Person:
    """A judge of another site, who has nothing to do with this one."""
    async with database.writing() as connection:
        other = await connection.scalar(
            sa.insert(Site)
            .values(address="https://other.example.jp/", created_at=now(), settings={})
            .returning(Site.id)
        )
    return await person(database, "yoso", Grant(role=Role.JUDGE, site=other))


def fields(page: str) -> dict[str, str]:
    """What a browser would send of the form as it stands."""
    found: dict[str, str] = {}
    for name, value, more, text in FIELD.findall(page):
        if name.startswith("o.") and "checked" not in more:
            continue
        found[name] = unescape(text).removeprefix("\n") if name.startswith("r.") else unescape(value)
    return found


async def words(database: Database, person: str) -> list[tuple[str, JudgementOutcome, str | None]]:
    async with database.reading() as connection:
        query = sa.select(Judgement.criterion, Judgement.outcome, Judgement.reason)
        rows = await connection.execute(query.where(Judgement.person == person).order_by(Judgement.id))
    return [(row.criterion, row.outcome, row.reason) for row in rows]


async def test_a_judge_judges_and_nothing_is_lost(database: Database, origin: str) -> None:
    sweep, pages, site = await there(database)
    who = await person(database, "sato", Grant(role=Role.JUDGE, site=site))
    path = f"/tests/{sweep}/{pages[0]}"
    async with browsing(origin, who) as client:
        shown = (await client.get(path)).text
        assert "案：不適合" in shown
        assert "ほかの人の判定" in shown
        form = fields(shown)
        assert form["o.1.1.1"] == ""  # a proposal is not chosen before a person chooses it
        # a fault without a word why, a word without a judgement, and one that would be right: nothing is kept, nothing lost
        wrong = {**form, "o.1.1.1": "met", "r.1.2.1": "理由だけ", "o.2.4.2": "met", "o.1.2.2": "sideways"}
        again = await client.post(path, data=wrong)
        assert again.status_code == 409
        for told in (
            "不適合としない理由を書いてください",
            "判定が選ばれていません",
            "取り消しのどれかを選んでください",
        ):
            assert told in again.text
        assert await words(database, "satoさん") == []
        kept = fields(again.text)
        assert (kept["o.1.1.1"], kept["r.1.2.1"], kept["o.2.4.2"]) == ("met", "理由だけ", "met")
        right = {
            **kept,
            "r.1.1.1": "飾りの画像\r\n三枚とも",
            "o.1.2.1": "not_applicable",
            "o.1.2.2": "",
            "act": "next",
        }
        done = await client.post(path, data=right)
        assert (done.status_code, done.headers["location"]) == (303, f"/tests/{sweep}/{pages[1]}?done=judged")
        assert "判定を保存しました" in (await client.get(done.headers["location"])).text
        said = [
            ("1.1.1", MET, "飾りの画像\n三枚とも"),
            ("1.2.1", JudgementOutcome.NOT_APPLICABLE, "理由だけ"),
            ("2.4.2", MET, None),
        ]
        assert await words(database, "satoさん") == said
        same = fields((await client.get(path)).text)
        assert (await client.post(path, data=same)).status_code == 303  # an unchanged form says nothing new
        assert await words(database, "satoさん") == said
        back = {**same, "o.2.4.2": "withdrawn", "act": "stay"}
        assert (await client.post(path, data=back)).headers["location"] == f"{path}?done=judged"
        assert (await words(database, "satoさん"))[-1] == ("2.4.2", JudgementOutcome.WITHDRAWN, None)
        last = await client.post(
            f"/tests/{sweep}/{pages[-1]}", data=fields((await client.get(f"/tests/{sweep}/{pages[-1]}")).text)
        )
        assert last.headers["location"] == f"/tests/{sweep}?done=judged"
    async with database.reading() as connection:
        trail = (await connection.execute(sa.select(Trail.done, Trail.about, Trail.details))).all()
        far = (await how_far(connection, [sweep]))[sweep]
    assert (trail[0].done, trail[0].about, trail[0].details) == (
        Done.JUDGED,
        path,
        {"criteria": ["1.1.1", "1.2.1", "2.4.2"]},
    )
    assert far.people == ("satoさん", "環境局 山田", "鈴木")


async def test_two_windows_and_a_new_audit_do_not_write_over_each_other(database: Database, origin: str) -> None:
    sweep, pages, site = await there(database)
    who = await person(database, "sato", Grant(role=Role.JUDGE, site=site))
    path = f"/tests/{sweep}/{pages[1]}"
    async with browsing(origin, who) as client:
        one = two = fields((await client.get(path)).text)
        await client.post(path, data={**one, "o.2.4.1": "not_met", "r.2.4.1": "飛ばせない"})
        # the other window is older: what it does not touch stays as it is, what both touch is asked
        assert (await client.post(path, data={**two, "o.2.4.2": "met"})).status_code == 303
        asked = await client.post(path, data={**two, "o.2.4.1": "met"})
        assert (asked.status_code, "先に保存した判定（不適合）" in asked.text) == (409, True)
        assert await words(database, "satoさん") == [("2.4.1", NOT_MET, "飛ばせない"), ("2.4.2", MET, None)]
        assert (await client.post(path, data=fields(asked.text))).status_code == 303  # said again, knowing it
        assert (await words(database, "satoさん"))[-1][:2] == ("2.4.1", MET)
        stale = {**fields((await client.get(path)).text), "o.3.1.1": "met", "state": "999999"}
        audited = await client.post(path, data=stale)
        assert (audited.status_code, "検査し直されました" in audited.text) == (409, True)
        assert fields(audited.text)["o.3.1.1"] == "met"
        hostile = await client.post(path, data={**fields(audited.text), "r.3.1.1": "a\0<script>b" + "い" * 5000})
        assert (hostile.status_code, "4,000 文字以内" in hostile.text, "<script>b" in hostile.text) == (
            409,
            True,
            False,
        )
        async with database.writing() as connection:
            await connection.execute(sa.update(Sweep).values(state=SweepState.AUDITING))
        assert (await client.post(path, data=one)).status_code == 404


async def test_under_a_new_name_a_person_is_no_second_one(database: Database, origin: str) -> None:
    sweep, pages, site = await there(database)  # 環境局 山田 has judged
    async with database.writing() as connection:
        account = await accounts.make_account(
            connection, "yamada", "環境局 山田", [Grant(role=Role.JUDGE), Grant(role=Role.MANAGER)]
        )
        said = {"reason": ExceptionReason.NO_SOURCE_DATA, "text": "元データがない", "until": date(2100, 1, 1)}
        kept = {
            "site_id": site,
            "rule": "image-alt",
            "pattern": "/*",
            "person": "環境局 山田",
            "at": now(),
            "proposed": True,
        }
        exception = await connection.scalar(sa.insert(Exemption).values(**kept, **said).returning(Exemption.id))
        before = (await how_far(connection, [sweep]))[sweep]
        await accounts.rename(connection, account, "yamada", "佐藤（旧姓 山田）", None)
        change = (pages[0], "1.3.1", JudgementOutcome.NOT_MET, "見出しが文字の大きさだけ")
        await keep_judgements(connection, sweep, "佐藤（旧姓 山田）", [change])
    async with database.writing() as connection:
        after = (await how_far(connection, [sweep]))[sweep]
        assert after.people == ("佐藤（旧姓 山田）", "鈴木")
        assert (after.decided, after.disputed) == (before.decided, before.disputed), "a changed mind is no dispute"
        [word] = (await words_on(connection, pages))[pages[0], "1.3.1"]
        assert (word.person, word.outcome) == ("佐藤（旧姓 山田）", JudgementOutcome.NOT_MET)
        with pytest.raises(UsageError):  # the very person who has proposed it
            await review(connection, exception or 0, "佐藤（旧姓 山田）", "見た", agrees=True)
        with pytest.raises(UsageError):  # nobody else is to judge under the name
            await accounts.make_account(connection, "other", "環境局  山田", [])
        await accounts.rename(connection, account, "yamada", "環境局 山田", None)
        assert (await how_far(connection, [sweep]))[sweep].people == ("環境局 山田", "鈴木")
        await review(connection, exception or 0, "鈴木", "見た", agrees=True)


async def test_a_test_says_how_far_it_has_come_and_what_is_missing(database: Database, origin: str) -> None:
    sweep, pages, site = await there(database)
    reader = await person(database, "dokusha", Grant(role=Role.READER, site=site))
    judge = await person(database, "sato", Grant(role=Role.JUDGE, site=site))
    async with browsing(origin, reader) as client:
        table = (await client.get("/tests?as=csv&table=tests")).text.splitlines()
        assert table[1].split(",")[3:6] == ["4", "149", "1"]
        shown = (await client.get(f"/tests/{sweep}")).text
        assert "未判定 3（うち食い違い 1）" in shown
        assert "達成基準のうち2項目に、判定していないページがあります" in shown.replace("個", "項目")
        assert "50.0%" in shown  # of two that both judged, one alike
        assert not re.search(r"jisweep \w+ |--details", shown)  # what to do is told for whoever sits at a browser
        assert f'href="/tests/{sweep}/{pages[0]}#c-1.4.3"' in shown
        numbers = dict(re.findall(rf'href="(/tests/{sweep}\?criterion=[^"]+)#pages"><bdi>(\d+)<', shown))
        assert (
            len({unescape(href).partition("said=")[2] for href in numbers}) == 4
        )  # all but what is not applicable
        for href, number in numbers.items():
            listed = (await client.get(f"{unescape(href)}&as=csv&table=pages")).text.splitlines()
            assert len(listed) - 1 == int(number), href
        assert (await client.get(f"/tests/{sweep}?criterion=9.9.9&said=met")).status_code == 404
        assert "documents.zip" not in shown
        assert "準拠しています" not in shown
        form = (await client.get(f"/tests/{sweep}/{pages[0]}")).text
        assert ("見るだけです" in form, 'type="radio"' in form) == (True, False)
        refused = await client.post(f"/tests/{sweep}/{pages[0]}", data={"state": "1", "o.1.1.1": "met"})
        assert refused.status_code == 403
        assert (await client.get(f"/tests/{sweep}/documents/documents.zip")).status_code == 403
    async with browsing(origin, judge) as client:
        given = await client.get(f"/tests/{sweep}/documents/documents.zip")
        assert f"documents-{sweep}.zip" in given.headers["content-disposition"]
        assert {"result.html", "policy.docx", "earl.jsonld"} <= set(
            zipfile.ZipFile(io.BytesIO(given.content)).namelist()
        )
        assert (await client.get(f"/tests/{sweep}/documents/..%2F..%2Fpasswd")).status_code == 404


async def test_a_notation_is_set_in_a_persons_name_and_only_when_nothing_is_missing(
    database: Database, origin: str
) -> None:
    sweep = await judged(database)
    judge = await person(database, "sato", Grant(role=Role.JUDGE))
    path = f"/notations/{sweep}"
    told = {name: value for name, value in DETAILS.items() if isinstance(value, str)}
    form = told | {
        "technologies": "HTML\nCSS", "level": "AA", "notation": "一部準拠", "exceptions": "過去の動画｜元データがない | https://www.example.lg.jp/v/ | 2027-03-31",
        "site_name": "=1+1<b>", "processes": "", "chosen": "none",
    }  # fmt: skip
    async with browsing(origin, judge) as client:
        assert path in (await client.get(f"/tests/{sweep}")).text
        assert 'value="none" checked' in (await client.get(path)).text
        for change, line in (
            ({"chosen": "king"}, "表記する対応度を一つ"), ({"policy": "javascript:alert(1)"}, "アドレスではありません"), ({"declared": "きのう"}, "日付ではありません"),
            ({"exceptions": "a|b|c|2027-03-31|e"}, "区切りが多すぎます"), ({"scope": "x" * 4001}, "文字までです"), ({"scope": "", "chosen": "conforming"}, "何も書き込んでいません"),
        ):  # fmt: skip
            wrong = await client.post(path, data=form | change)
            assert (wrong.status_code, line in wrong.text, "=1+1&lt;b&gt;" in wrong.text) == (400, True, True), (
                change
            )
        kept = await client.post(path, data=form)
        assert (kept.status_code, kept.headers["location"]) == (303, f"/tests/{sweep}?done=declared#notation")
        again = unescape((await client.get(path)).text)
        assert "過去の動画 | 元データがない | https://www.example.lg.jp/v/ | 2027-03-31" in again
        assert "東京都みどり局" in (await client.get(f"/tests/{sweep}/documents/result.html")).text
        assert (
            await client.post(path, data=form | {"exceptions": "なし", "chosen": "conforming"})
        ).status_code == 303
        assert "satoさんが" in (await client.get(f"/tests/{sweep}")).text
    async with database.reading() as connection:
        rows = (
            await connection.execute(sa.select(Declaration.notation, Declaration.person, Declaration.details))
        ).all()
        lines = list(await connection.scalars(sa.select(Trail.done).order_by(Trail.id)))
    assert [(row.notation, row.person) for row in rows] == [(None, "satoさん"), (Notation.CONFORMING, "satoさん")]
    assert (rows[1].details["technologies"], rows[1].details["exceptions"]) == (["HTML", "CSS"], "none")
    assert rows[0].details["exceptions"][0]["until"] == "2027-03-31"
    assert lines == [Done.DECLARED] * 2


async def test_who_has_nothing_to_do_with_a_site_sees_and_changes_nothing(database: Database, origin: str) -> None:
    sweep, pages, _ = await there(database)
    paths = [
        f"/tests/{sweep}",
        f"/tests/{sweep}/{pages[0]}",
        f"/tests/{sweep}/documents/result.xlsx",
        "/tests/999999999999",
    ]
    async with browsing(origin, await foreign(database)) as client:
        assert "www.example" not in (await client.get("/tests")).text
        assert [(await client.get(path)).status_code for path in paths] == [404] * 4
        done = await client.post(paths[1], data={"state": "1", "o.1.1.1": "met", "r.1.1.1": "x", "w.1.1.1": ""})
        assert done.status_code == 404
    assert await words(database, "yosoさん") == []
    async with httpx.AsyncClient(base_url=origin) as nobody:
        assert [(await nobody.get(path)).status_code for path in paths[:3]] == [303] * 3


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_form_of_all_levels_stays_small(database: Database, origin: str) -> None:
    from db.words import Level

    sweep = await judged(database, level=Level.AAA)
    who = await person(database, "sato", Grant(role=Role.JUDGE))
    async with database.reading() as connection:
        page = await connection.scalar(sa.select(sa.func.min(Visit.id)).where(Visit.sweep_id == sweep))
    async with browsing(origin, who) as client:
        assert len((await client.get(f"/tests/{sweep}/{page}")).content) < 200_000
