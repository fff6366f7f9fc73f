"""The tree of organisations from a table: whole or not at all, twice is once, and every faulty line by its number."""

import asyncio

import pytest
import sqlalchemy as sa

from audits.organisations import Changes, path_of, read_table, shown, take_in, tree
from audits.sweep import begin
from crawler.seeds import text_of
from db.database import Database
from db.errors import UsageError
from db.tables import Organisation, Site
from db.types import now
from tests.audits.swept import plan_for

TABLE = """組織,サイト
東京都/総務局,https://www.soumu.example.lg.jp/
東京都／総務局／人事部,https://www.soumu.example.lg.jp/jinji/
東京都/環境局,
東京都/環境局,https://WWW.kankyo.example.lg.jp
"""


async def taken_in(database: Database, text: str, *, dry: bool = False) -> Changes:
    async with database.writing() as connection:
        known = await tree(connection)
        return await take_in(
            connection, read_table(text, "t.csv", [each.path for each in known.nodes.values()]), dry=dry
        )


async def everything(database: Database) -> list[tuple[str, list[str]]]:
    async with database.reading() as connection:
        found = await tree(connection)
    return sorted(
        (shown(each.path), [address for _, address in found.sites.get(each.id, ())])
        for each in found.nodes.values()
    )


async def test_a_table_makes_the_tree_and_doing_it_twice_is_doing_it_once(database: Database) -> None:
    planned = await taken_in(database, TABLE, dry=True)
    assert await everything(database) == [], "a dry run keeps nothing"
    made = await taken_in(database, TABLE)
    assert made == planned
    assert [shown(path) for path in made.organisations] == [
        "東京都",
        "東京都/環境局",
        "東京都/総務局",
        "東京都/総務局/人事部",
    ]
    expected = [
        ("東京都", []), ("東京都/環境局", ["https://www.kankyo.example.lg.jp/"]),
        ("東京都/総務局", ["https://www.soumu.example.lg.jp/"]), ("東京都/総務局/人事部", ["https://www.soumu.example.lg.jp/jinji/"]),
    ]  # fmt: skip
    assert await everything(database) == expected
    again = await taken_in(database, TABLE)
    assert (again.organisations, again.sites, again.moved, again.unchanged) == ((), (), (), 3)
    assert await everything(database) == expected


async def test_two_who_take_in_one_table_at_once_make_each_organisation_once(database: Database) -> None:
    """Neither sees what the other has not yet kept: the second waits, and finds all there."""
    async with database.writing() as connection:
        await take_in(connection, read_table(TABLE, "t.csv"))
        second = asyncio.create_task(taken_in(database, TABLE))
        await asyncio.wait([second], timeout=0.5)
        assert not second.done()
    again = await second
    assert (again.organisations, again.sites, again.unchanged) == ((), (), 3)
    assert len(await everything(database)) == 4


async def test_a_known_site_is_moved_and_what_a_table_does_not_name_stays(database: Database) -> None:
    async with database.writing() as connection:
        await connection.execute(
            sa.insert(Site).values(
                address="https://www.kankyo.example.lg.jp/", created_at=now(), settings={"delay": 3}
            )
        )
    await taken_in(database, TABLE)
    moved = await taken_in(database, "site,organisation\nhttps://www.kankyo.example.lg.jp/,東京都/水道局\n")
    [site] = moved.moved
    assert (site.before, site.after) == (("東京都", "環境局"), ("東京都", "水道局"))
    assert ("東京都/環境局", []) in await everything(database), "nothing is taken away"
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(Site.settings).where(Site.address == site.address)) == {"delay": 3}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_it_reads_what_spreadsheets_write(encoding: str) -> None:
    rows = read_table(text_of(TABLE.replace("\n", "\r\n").encode(encoding)), "t.csv")
    assert [(row.line, row.path, row.site is None) for row in rows] == [
        (2, ("東京都", "総務局"), False), (3, ("東京都", "総務局", "人事部"), False), (4, ("東京都", "環境局"), True),
        (5, ("東京都", "環境局"), False),
    ]  # fmt: skip


def test_names_with_parents_make_paths_in_whatever_order() -> None:
    text = (
        "organisation,parent,site\n課,部,https://a.example/\n部,局,\n局,都,\n都,,\n係,局/部/課,https://b.example/\n"
    )
    rows = {row.line: row.path for row in read_table(text, "t.csv")}
    assert rows == {
        2: path_of("都/局/部/課"), 3: path_of("都/局/部"), 4: path_of("都/局"), 5: ("都",), 6: path_of("都/局/部/課/係"),
    }  # fmt: skip
    below_known = read_table("organisation,parent\n課,総務局\n", "t.csv", [("東京都", "総務局")])
    assert below_known[0].path == path_of("東京都/総務局/課")


async def test_every_faulty_line_is_named_and_nothing_is_half_imported(database: Database) -> None:
    text = (
        "組織,上位組織,サイト\n"
        "東京都,,\n"
        "総務局,東京都,ftp://soumu.example/\n"
        "東京都//課,,https://a.example/\n"
        '"よい\n局",東京都,https://good.example/\n'
        "財務局,どこか,https://zaimu.example/\n"
        "甲,乙,\n"
        "乙,甲,\n"
        "東京都/環境局,,https://good.example/\n"
        "東京都/水道局,,https://w.example/,余り\n"
    )
    with pytest.raises(UsageError) as refused:
        await taken_in(database, text)
    lines = refused.value.ja.split("\n")
    assert "何も保存していません" in lines[0]
    assert [line.split()[0] for line in lines[1:]] == ["3", "4", "7", "8", "9", "10", "11"]
    assert [line.split(":")[0].strip() for line in refused.value.en.split("\n")[1:]] == [
        f"line {number}" for number in (3, 4, 7, 8, 9, 10, 11)
    ]
    assert await everything(database) == []
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(Site)) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "first line"),
        ("https://a.example/,東京都\n", "first line"),
        ("組織,サイト\n", "no line"),
        (f"組織,サイト\n都,https://a.example/{'a' * 2500}\n", "line 2: .*more than 2500 characters"),
        ("organisation\n東\ufffd\n", "line 2: neither UTF-8"),
        ("organisation,parent\n都/局,\n国/局,\n課,局\n", "write the whole path, as in 国/局"),
    ],
)
def test_what_is_no_table_of_organisations_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_table(text, "t.csv")


async def test_an_organisation_goes_by_its_path_or_by_a_name_that_only_it_has(database: Database) -> None:
    await taken_in(
        database,
        "組織,サイト\n都/総務局/課,https://a.example/\n都/環境局/課,https://b.example/\n都,https://c.example/\n",
    )
    async with database.reading() as connection:
        known = await tree(connection)
    assert known.named("総務局").path == ("都", "総務局")
    assert known.named("総務局／課").path == ("都", "総務局", "課")
    assert len(known.sites_below(known.named("都").id)) == 3
    with pytest.raises(UsageError, match="2 organisations are called '課'"):
        known.named("課")
    with pytest.raises(UsageError, match="There is no organisation"):
        known.named("水道局")


async def test_a_site_that_was_taken_in_is_the_one_that_is_swept_later(database: Database) -> None:
    await taken_in(database, "組織,サイト\n都,http://127.0.0.1:9/\n")
    sweep = await begin(database, plan_for("http://127.0.0.1:9/"))
    assert sweep
    async with database.reading() as connection:
        names = await connection.scalars(
            sa.select(Organisation.name).join(Site, Site.organisation_id == Organisation.id)
        )
        assert list(names) == ["都"]
