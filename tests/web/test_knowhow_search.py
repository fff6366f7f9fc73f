"""Know-how and search: numbers with their denominators, nothing of other organisations, and bounds that are said."""

import csv
import io
import re

import pytest
import sqlalchemy as sa
from selectolax.lexbor import LexborHTMLParser as Html

from audits.examples import book
from audits.rules import all_rules
from db.database import Database
from db.tables import Page, Site, Visit
from db.types import now
from db.words import Role
from reports.access.accounts import Grant
from reports.looking_up import criteria_about, rules_about
from reports.web import looking
from tests.audits.test_cycles import FIRST, Sites, pages
from tests.reports.test_knowhow import examples
from tests.web.serving import browsing, person


async def two(database: Database) -> dict[str, int]:
    """Two sites of two offices, each swept; another that nobody has swept."""
    async with database.writing() as connection:
        sites = Sites(connection)
        await sites.sweep("a", FIRST, pages(3, "a", of=12))
        await sites.sweep("b", FIRST, pages(5, "a", "b"))
        for name in "ab":
            own = sa.func.replace(Page.address, "https://www.example.lg.jp/", f"https://{name}.example.lg.jp/")
            await connection.execute(
                sa.update(Page).where(Page.site_id == (await sites.site(name)).site).values(address=own)
            )
        titles = {"/a/1": "ＰＤＦ一覧　百", "/a/2": "PDF一覧 百", "/b/1": "PDF一覧 百"}
        for path, title in titles.items():
            pages_ = sa.select(Page.id).where(Page.address.endswith(path))
            await connection.execute(sa.update(Visit).where(Visit.page_id.in_(pages_)).values(title=title))
        return {name: (await sites.site(name)).site for name in "abc"}


async def test_a_rule_says_how_often_it_fails_on_the_sites_that_one_may_see(
    database: Database, origin: str
) -> None:
    numbers = await two(database)
    every = await person(database, "tocho", Grant(role=Role.READER))
    mine = await person(database, "kyoku", Grant(role=Role.WEB_TEAM, site=numbers["a"]))
    async with browsing(origin, every) as client:
        shown = (await client.get("/know-how/rules/image-alt")).text
        assert "検査した 22ページ（2サイト）のうち、8ページ（36.4%）" in shown
        assert 'href="/know-how/criteria/1.1.1"' in shown
        assert "b.example" in shown
        for row in Html(shown).css("#failing tbody tr"):
            for number in row.css("td a[href^='/sweeps/']"):
                listed = await client.get(f"{number.attributes['href']}&as=csv&table=addresses")
                assert int(number.text(strip=True)) == len(list(csv.reader(io.StringIO(listed.text)))) - 1
            assert len(row.css("td a[href^='/sweeps/']")) == 2, "pages with the fault, and pages audited"
        contrast = (await client.get("/know-how/rules/region")).text
        assert "ほかに、最後の調査がこの規則で調べていないか" in contrast
        assert "22ページ" not in contrast
    async with browsing(origin, mine) as client:
        shown = (await client.get("/know-how/rules/image-alt")).text
        assert "検査した 12ページ（1サイト）のうち、3ページ（25.0%）" in shown
        assert "b.example" not in shown
        listed = (await client.get("/know-how", params={"q": "画像", "table": "rules", "as": "csv"})).text
        assert (
            next(csv.reader(io.StringIO(listed.splitlines()[1])))[2] == "1"
        )  # the rule with most open defects first
        assert [
            (await client.get(f"/know-how/{path}")).status_code
            for path in ("rules/x", "rules/..%2F..%2Fx", "criteria/9.9.9")
        ] == [404] * 3
        about = (await client.get("/know-how/criteria/1.1.1")).text
        assert "満たしていることにはなりません" in about
        assert "1サイト中 1サイト" in about
        assert "検査した12ページ" in (await client.get(f"/know-how/checklist?site={numbers['a']}")).text
        assert (await client.get(f"/know-how/checklist?site={numbers['b']}")).status_code == 404
    async with browsing(origin, every) as client:
        unswept = await client.get(f"/know-how/checklist?site={numbers['c']}")
        assert (unswept.status_code, "まだありません" in unswept.text) == (200, True)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_examples_are_those_that_people_have_read_without_names(database: Database, origin: str) -> None:
    await examples(database)
    async with database.writing() as connection:
        for each in await book.entries(connection):
            if each.rule != "label":
                await book.confirm(connection, each.id, "局長", anonymously=True)
    who = await person(database, "tocho", Grant(role=Role.READER))
    async with browsing(origin, who) as client:
        told = [(await client.get(f"/know-how/rules/{rule}")).text for rule in ("image-alt", "list", "label")]
    joined = "\n".join(told)
    assert ["実例 1" in each for each in told] == [True, True, False]
    assert not re.search(r"<(?:script>|img src=x|h1>x)", joined, re.IGNORECASE)
    assert "高橋" not in joined


async def test_search_finds_what_one_may_see_however_wide_it_is_typed(database: Database, origin: str) -> None:
    numbers = await two(database)
    every = await person(database, "tocho", Grant(role=Role.READER))
    mine = await person(database, "kyoku", Grant(role=Role.WEB_TEAM, site=numbers["a"]))

    async def found(client: object, q: str, part: str) -> list[str]:
        given = {"q": q, "part": part, "as": "csv", "table": part}
        text = (await client.get("/search", params=given)).text  # type: ignore[attr-defined]
        return [row[0] for row in list(csv.reader(io.StringIO(text)))[1:]]

    async with browsing(origin, every) as client:
        wide = await found(client, "ｐｄｆ一覧　百", "titles")
        assert sorted(wide) == sorted(["ＰＤＦ一覧　百", "PDF一覧 百", "PDF一覧 百"])
        assert await found(client, "b.example.lg.jp/b/1", "addresses") == ["https://b.example.lg.jp/b/1"]
        assert len(await found(client, "https://a.example.lg.jp/a/1", "addresses")) == 3  # 1, 10 and 11
        assert await found(client, "/a/3", "addresses") == ["https://a.example.lg.jp/a/3"]
        assert await found(client, "/A/3", "addresses") == []
        assert len(await found(client, "example.lg", "sites")) == 3
        assert len(await found(client, "image-alt", "defects")) == 3
        number = (await found(client, "image-alt", "defects"))[0]
        assert number in await found(client, "".join(chr(ord(sign) + 0xFEE0) for sign in number), "defects")
        assert "1.4.3" in (await client.get("/search", params={"q": "１．４．３"})).text
        page = (await client.get("/search", params={"q": "100%_<script>\0'\""})).text
        assert "<script>'" not in page
        assert "見つからなかった種類" in page
        assert (await client.get("/search", params={"q": "x" * 300})).status_code == 400
        assert "初めの部分" in (await client.get("/search")).text
    async with browsing(origin, mine) as client:
        for q in ("pdf一覧", "b.example.lg.jp/", "https://b.example.lg.jp/b/1", "/b/1", "image-alt", "example"):
            for part in ("titles", "addresses", "sites", "defects"):
                assert not [hit for hit in await found(client, q, part) if "b.example" in hit], (q, part)
        assert len(await found(client, "image-alt", "defects")) < 3
        assert len(await found(client, "pdf一覧", "titles")) == 2
        assert (await client.get("/search", params={"q": "pdf", "site": str(numbers["b"])})).text.count(
            "https://b."
        ) == 0


async def test_what_was_not_looked_at_is_said(
    database: Database, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two(database)
    monkeypatch.setattr(looking, "LOOKED", 4)
    monkeypatch.setattr(looking, "MOST", 5)
    every = await person(database, "tocho", Grant(role=Role.READER))
    async with browsing(origin, every) as client:
        titles = (await client.get("/search", params={"q": "一覧"})).text
        assert "22ページのうち、4ページの題名だけを見ました" in titles
        many = (await client.get("/search", params={"q": "https://a.example.lg.jp/a/"})).text
        assert "5件より多くあります" in many


def test_rules_and_criteria_are_found_by_words_of_either_language() -> None:
    assert "image-alt" in rules_about("ＡＬＴ 画像")
    assert "image-alt" in rules_about("text alternative image")
    assert rules_about("") == rules_about("　") == []
    assert [each.number for each in criteria_about("１.４.３")] == ["1.4.3"]
    assert "2.4.7" in [each.number for each in criteria_about("focus visible")]
    assert len(all_rules()) > 100


async def test_a_site_with_nothing_is_no_error(database: Database, origin: str) -> None:
    async with database.writing() as connection:
        await connection.execute(
            sa.insert(Site).values(address="https://x.example.jp/", created_at=now(), settings={})
        )
    who = await person(database, "tocho", Grant(role=Role.ADMINISTRATOR))
    async with browsing(origin, who) as client:
        for path in (
            "/tests",
            "/cycles",
            "/cycles/new",
            "/know-how",
            "/know-how/checklist",
            "/search?q=x",
            "/know-how/rules/list",
        ):
            assert (await client.get(path)).status_code == 200, path
