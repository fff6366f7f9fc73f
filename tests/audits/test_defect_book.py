"""Which defects to repair first, computed; and what people say of them."""

from collections.abc import Collection, Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.defects import book
from audits.defects.book import Plan
from audits.defects.reconcile import reconcile
from db.database import Database
from db.errors import UsageError
from db.words import DefectState as State
from tests.audits.test_reconcile import History, history_in
from tests.db.rows import opened_copy


async def site_with(history: History) -> None:
    """`a` stands on all pages and cleans one; `c` and `d` stand on two together."""
    pages = {"/1": {"a": 1}, "/2": {"a": 1, "c": 2}, "/3": {"a": 1, "c": 1, "d": 1}, "/4": {"d": 1}}
    await reconcile(history.connection, await history.sweep(pages, rules=["image-alt", "label", "color-contrast"]))


async def test_the_order_of_repair_says_what_each_step_reaches(database: Database) -> None:
    async with history_in(database) as history:
        await site_with(history)
        pages, order = await book.ranked(history.connection, history.site)
        named = {number: fault for fault, number in history.defects.items()}
        assert pages == 4
        assert [(named[each.defect.id], each.clean) for each in order] == [("a", 1), ("c", 2), ("d", 4)]
        for count, step in enumerate(order, start=1):
            repaired = {each.defect.id for each in order[:count]}
            shown = [set(await _on(history, page)) for page in history.pages.values()]
            assert step.clean == sum(defects <= repaired for defects in shown)


async def _on(history: History, page: int) -> list[int]:
    rows = await history.connection.execute(
        sa.text("SELECT defect_id FROM occurrence WHERE page_id = :page AND places > 0"), {"page": page}
    )
    return [row[0] for row in rows]


async def test_a_list_names_pages_places_and_an_example(database: Database) -> None:
    async with history_in(database) as history:
        await site_with(history)
        await reconcile(history.connection, await history.sweep({"/1": {}}))
        listed = {each.id: each for each in await book.listed(history.connection, history.site)}
        first = listed[history.defects["a"]]
        assert (first.pages, first.places, first.pages_ever) == (2, 2, 3)
        assert first.example == "https://www.example.lg.jp/2"
        assert first.counts
        assert not await book.listed(history.connection, history.site, [State.REPAIRED])


async def test_a_plan_is_kept_with_its_owner_and_a_claim_with_its_person(database: Database) -> None:
    async with history_in(database) as history:
        await site_with(history)
        number = history.defects["c"]
        first = await book.one(history.connection, number)
        await book.plan(
            history.connection, first, "鈴木", Plan(owner="広報課", due_on=date(2026, 12, 1), way="ラベルを付ける")
        )
        planned = await book.one(history.connection, number)
        assert (planned.state, planned.owner, planned.due_on) == (State.PLANNED, "広報課", date(2026, 12, 1))
        await book.say_repaired(history.connection, planned, "佐藤", "直した")
        told = [(each.new, each.who, each.why) for each in await book.events(history.connection, number)]
        assert told[1:] == [(State.PLANNED, "鈴木", "ラベルを付ける"), (State.REPAIRED, "佐藤", "直した")]
        assert [page.places for page in await book.pages(history.connection, number)] == [2, 1]


async def test_what_has_been_confirmed_cannot_be_planned(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}))
        await reconcile(history.connection, await history.sweep({"/1": {}}))
        found = await book.one(history.connection, history.defects["a"])
        with pytest.raises(UsageError):
            await book.plan(history.connection, found, "鈴木", Plan(owner="広報課", due_on=None, way=None))


async def test_a_defect_is_found_by_the_number_that_it_was_known_by(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"c": 1}}))
        await reconcile(history.connection, await history.sweep({"/1": {"C": 1}}))
        assert (await book.one(history.connection, history.defects["C"])).id == history.defects["c"]
        with pytest.raises(UsageError):
            await book.one(history.connection, 999)


async def test_a_site_that_nobody_swept_has_no_list(database: Database) -> None:
    async with history_in(database) as history:
        with pytest.raises(UsageError):
            await book.site_of(history.connection, "https://other.example/")
        assert await book.site_of(history.connection, "https://www.example.lg.jp") == history.site


def plainly_ordered(waits: Mapping[str, Collection[int]]) -> list[int]:
    """The order that cleans, as one would work it out on paper: page by page, anew for each step."""
    left = {page: set(defects) for page, defects in waits.items()}
    order: list[int] = []
    while any(left.values()):
        worth: dict[int, Fraction] = {}
        for defects in left.values():
            for defect in defects:
                worth[defect] = worth.get(defect, Fraction()) + Fraction(1, len(defects))
        best = min(worth, key=lambda each: (-worth[each], each))
        order.append(best)
        left = {page: defects - {best} for page, defects in left.items()}
    return order


@settings(max_examples=30, deadline=None)
@given(truth=st.dictionaries(st.sampled_from([f"/{n}" for n in range(8)]), st.sets(st.sampled_from("abcdeg"))))
async def test_the_order_that_cleans_is_the_one_worked_out_on_paper(
    sqlite_template: Path, truth: dict[str, set[str]]
) -> None:
    async with opened_copy(sqlite_template) as database, history_in(database) as history:
        shown = {path: dict.fromkeys(sorted(faults), 1) for path, faults in truth.items()}
        await reconcile(history.connection, await history.sweep(shown or {"/1": {}}))
        pages, steps = await book.ranked(history.connection, history.site)
        waits = {path: {history.defects[each] for each in faults} for path, faults in truth.items() if faults}
        assert pages == len(waits)
        assert [each.defect.id for each in steps] == plainly_ordered(waits)
        taken: set[int] = set()
        for each in steps:
            taken.add(each.defect.id)
            assert each.clean == sum(defects <= taken for defects in waits.values())
