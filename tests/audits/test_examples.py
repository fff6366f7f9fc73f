"""Examples in rows: which finding is shown, who has confirmed what, and what comes of what is written anew."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from audits.defects import book as defects
from audits.defects import regrouping
from audits.defects.book import Plan
from audits.defects.reconcile import reconcile
from audits.examples import book
from audits.examples.after import After, told_by
from audits.examples.before import before_of
from audits.page import Image
from audits.sites_named import sites_named
from db.database import Database
from db.errors import UsageError
from db.tables import Defect, Example, Finding, Organisation, Picture, Result, Site
from db.words import DefectState as State
from db.words import Matched
from tests.audits.test_reconcile import BEGIN, History, history_in

CRITERIA = {"image-alt": ["1.1.1"], "color-contrast": ["1.4.3"], "label": []}


async def repaired(history: History) -> None:
    """A fault on two pages, planned with a way and claimed, one of contrast and one of advice: all confirmed."""
    begun = await history.sweep(
        {"/1": {"a": 1, "d": 1}, "/2": {"a": 2, "c": 1}}, rule_criteria=CRITERIA, rules=[*CRITERIA]
    )
    await reconcile(history.connection, begun)
    first = await defects.one(history.connection, history.defects["a"])
    await defects.plan(
        history.connection,
        first,
        "鈴木",
        Plan(owner="広報課", due_on=None, way="広報課がひな形に代替テキストを入れる"),
    )
    await defects.say_repaired(
        history.connection, await defects.one(history.connection, first.id), "佐藤", "佐藤が直した"
    )
    await reconcile(
        history.connection,
        await history.sweep({"/1": {}, "/2": {}}, rule_criteria=CRITERIA, rules=[*CRITERIA]),
    )


def after(html: str | None = '<img src="a.png" alt="東京">', **given: Any) -> After:
    usual = {"matched": Matched.TARGET, "around": "<p>東京</p>", "picture": None, "at": BEGIN}
    return After(html=html, **(usual | given))


async def taken(history: History, fault: str = "a", **given: Any) -> int:
    defect = await defects.one(history.connection, history.defects[fault])
    before = await before_of(history.connection, defect)
    return await book.take(history.connection, before, after(**given), "高橋", "03-1234-5678 に確認")


async def test_candidates_come_by_criterion_with_how_they_were_repaired(database: Database) -> None:
    async with history_in(database) as history:
        await repaired(history)
        await taken(history)
        found = await book.candidates(history.connection, [history.site])
        assert [[each.number for each in one.criteria] for one in found] == [["1.1.1"], ["1.4.3"], []]
        first = found[0]
        assert (first.defect.way, first.notes, first.examples) == (
            "広報課がひな形に代替テキストを入れる", ("佐藤が直した",), 1,
        )  # fmt: skip
        assert first.defect.pages_ever == 2
        assert all(each.defect.state is State.CONFIRMED for each in found)


async def test_the_finding_shown_has_a_picture_before_it_is_young(database: Database) -> None:
    async with history_in(database) as history:
        await repaired(history)
        connection = history.connection
        rows = (
            await connection.execute(
                sa.select(Finding.id, Finding.result_id, Finding.picture_id)
                .where(Finding.defect_id == history.defects["a"])
                .order_by(Finding.id)
            )
        ).all()
        defect = await defects.one(connection, history.defects["a"])
        results = list(dict.fromkeys(row.result_id for row in rows))
        await connection.execute(
            sa.update(Result).where(Result.id == results[1]).values(taken_at=BEGIN + timedelta(days=400))
        )
        assert (await before_of(connection, defect)).address.endswith("/2"), "the youngest"
        picture = await connection.scalar(
            sa.insert(Picture)
            .values(digest="p" * 64, media_type="image/jpeg", width=10, height=10, image=b"x")
            .returning(Picture.id)
        )
        await connection.execute(sa.update(Finding).where(Finding.id == rows[0].id).values(picture_id=picture))
        shown = await before_of(connection, defect)
        assert (shown.finding, shown.address[-2:]) == (rows[0].id, "/1"), "the one with a picture"
        assert (await before_of(connection, defect, shown.address[:-1] + "2")).address.endswith("/2")
        with pytest.raises(UsageError, match="No finding of defect"):
            await before_of(connection, defect, "https://www.example.lg.jp/3")


async def test_only_a_confirmed_repair_makes_an_example(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}))
        with pytest.raises(UsageError, match="not confirmed"):
            await before_of(history.connection, await defects.one(history.connection, history.defects["a"]))


async def test_an_example_is_taken_confirmed_written_anew_and_dropped(database: Database) -> None:
    async with history_in(database) as history:
        await repaired(history)
        connection = history.connection
        image = Image(image=b"jpeg", width=20, height=10)
        number = await taken(history, picture=image)
        [entry] = await book.entries(connection)
        assert (entry.confirmed_by, entry.anonymous_by, entry.state) == (None, None, State.CONFIRMED)
        assert (entry.after, entry.differs, entry.way) == (
            '<img src="a.png" alt="東京">', True, "広報課がひな形に代替テキストを入れる",
        )  # fmt: skip
        assert entry.notes == ("佐藤が直した", "03-1234-5678 に確認")
        assert entry.after_picture is not None
        assert (entry.after_picture.width, entry.after_picture.name) == (20, f"{image.digest}.jpg")
        assert {"広報課", "佐藤", "鈴木", "高橋", "www.example.lg.jp"} <= entry.names
        assert "jisweep" not in entry.names

        await book.confirm(connection, number, "田中", anonymously=True)
        [entry] = await book.entries(connection)
        assert (entry.confirmed_by, entry.anonymous_by) == ("田中", "田中")

        await book.confirm(connection, number, "田中", written='<img alt="都庁">')
        [entry] = await book.entries(connection)
        assert (entry.matched, entry.after, entry.after_picture) == (Matched.WRITTEN, '<img alt="都庁">', None)
        assert (entry.confirmed_by, entry.anonymous_by) == ("田中", None), "it is to be read anew"

        await book.drop(connection, number, "鈴木")
        assert await book.entries(connection) == []
        kept = (await connection.execute(sa.select(Example.dropped_by, Example.taken_by))).one()
        assert tuple(kept) == ("鈴木", "高橋")
        for again in (book.drop(connection, number, "x"), book.confirm(connection, number, "x")):
            with pytest.raises(UsageError, match="no example"):
                await again


async def test_who_planned_and_claimed_what_is_one_with_another_is_known_too(database: Database) -> None:
    """The way of repair is theirs, and may name them."""
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {"b": 1}}))
        a, b = history.defects["a"], history.defects["b"]
        plan = Plan(owner="広報課", due_on=None, way="鈴木が入れる")
        await defects.plan(history.connection, await defects.one(history.connection, a), "鈴木", plan)
        await defects.say_repaired(
            history.connection, await defects.one(history.connection, a), "佐藤", "alt を足した"
        )
        await regrouping.merge(history.connection, regrouping.Said(who="田中", why="同じ"), b, [a])
        await reconcile(history.connection, await history.sweep({"/1": {}, "/2": {}}))
        await taken(history, "b")
        [entry] = await book.entries(history.connection)
        assert entry.way == "鈴木が入れる"
        assert entry.notes[0] == "alt を足した"
        assert {"鈴木", "佐藤", "田中"} <= entry.names
        assert book.anonymous(entry, "ja").way == "〔伏せました〕が入れる"


async def test_an_example_is_of_what_its_finding_is_known_as_now(database: Database) -> None:
    """Also once what it was taken of is two again."""
    said = regrouping.Said(who="田中", why="同じ")
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {"b": 1}}))
        a, b = history.defects["a"], history.defects["b"]
        await regrouping.merge(history.connection, said, a, [b])
        await reconcile(history.connection, await history.sweep({"/1": {}, "/2": {}}))
        before = await before_of(
            history.connection, await defects.one(history.connection, a), "https://www.example.lg.jp/2"
        )
        await book.take(history.connection, before, after(), "高橋")
        assert [each.defect for each in await book.entries(history.connection)] == [a]
        await regrouping.take_back(history.connection, said, b)
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {}}))
        [entry] = await book.entries(history.connection)
        assert (entry.defect, entry.state) == (b, State.CONFIRMED), "only the other came back"


async def test_what_was_read_as_anonymous_holds_for_these_words_only(database: Database) -> None:
    async with history_in(database) as history:
        await repaired(history)
        connection = history.connection
        number = await taken(history)
        await book.confirm(connection, number, "田中", anonymously=True)
        told = book.anonymous((await book.entries(connection))[0], "ja")
        assert told.way == "〔伏せました〕がひな形に代替テキストを入れる"
        assert told.notes == ("〔伏せました〕が直した", "〔伏せました〕 に確認")
        assert (told.before, told.after) == ('<img src="/a">', '<img src="/a" alt="〔文A〕">')
        await connection.execute(sa.update(Defect).values(way="環境局の山田さんが直した"))
        [entry] = await book.entries(connection)
        assert (entry.confirmed_by, entry.anonymous_by) == ("田中", None)


async def test_a_fault_that_came_back_is_told_with_its_example(database: Database) -> None:
    async with history_in(database) as history:
        await repaired(history)
        await taken(history)
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}))
        [entry] = await book.entries(history.connection)
        assert entry.state is State.RETURNED


async def test_sites_are_named_by_address_or_by_an_office_and_all_below_it(database: Database) -> None:
    async with history_in(database) as history:
        connection = history.connection

        async def office(name: str, parent: int | None) -> int:
            row = {"name": name, "parent_id": parent}
            added = await connection.scalar(sa.insert(Organisation).values(row).returning(Organisation.id))
            assert added is not None
            return added

        async def site(address: str, of: int) -> int:
            row = {"address": address, "organisation_id": of, "created_at": BEGIN, "settings": {}}
            added = await connection.scalar(sa.insert(Site).values(row).returning(Site.id))
            assert added is not None
            return added

        top = await office("環境局", None)
        section = await office("水課", await office("水部", top))
        below, own = await site("https://b.lg.jp/", section), await site("https://a.lg.jp/", top)
        assert await sites_named(connection, ["環境局"]) == [own, below]
        assert await sites_named(connection, ["水課", "https://a.lg.jp", "環境局"]) == [below, own]
        for unknown in ("財務局", "https://c.lg.jp/"):
            with pytest.raises(UsageError):
                await sites_named(connection, [unknown])


def test_an_element_is_told_by_what_is_its_own() -> None:
    told = told_by('<a class="b c" href="/x?v=1"><img src="i.png" alt=""> 申請 \n 書</a>')
    assert told == {"tag": "a", "own": {"href": "/x?v=1"}, "classes": ["b", "c"], "text": "申請 書"}
    assert told_by("<html>") == {"tag": "html", "own": {}, "classes": [], "text": ""}
