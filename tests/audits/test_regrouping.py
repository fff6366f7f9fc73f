"""Merging and splitting by a person: remembered by every later sweep, and no place is lost or counted twice."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from audits.baseline import of_sweep
from audits.conclude import rules_of, sweep_row
from audits.cycles.defects import Line, lines_of
from audits.defects import book, excepting, regrouping
from audits.defects.book import Plan
from audits.defects.cover import today
from audits.defects.reconcile import reconcile
from audits.defects.regrouping import Said
from audits.excepted import excepted
from audits.fault import Fault
from audits.recheck import Aim, moved, states
from audits.record import MACHINE
from db.database import Database
from db.errors import UsageError
from db.tables import Defect, Occurrence, Sweep
from db.words import DefectState as State
from db.words import ExceptionReason, Origin, Region, Regroup
from tests.audits.test_fault_versions import PLACE, shown_anew
from tests.audits.test_reconcile import History, history_in

SAID = Said(who="鈴木", why="一つのひな形")


async def places(history: History, defect: int) -> dict[str, int]:
    """The pages that a defect shows on, or did, by its number."""
    rows = await history.connection.execute(
        sa.select(Occurrence.page_id, Occurrence.places).where(Occurrence.defect_id == defect)
    )
    named = {page: path for path, page in history.pages.items()}
    return {named[page]: count for page, count in rows}


async def state(history: History, defect: int) -> State:
    found = await history.connection.scalar(sa.select(Defect.state).where(Defect.id == defect))
    assert found is not None
    return found


async def take(history: History, truth: dict[str, dict[str, int]], **given: Any) -> int:
    """Sweep, and take it in; twice is once."""
    sweep = await history.sweep(truth, **given)
    await reconcile(history.connection, sweep)
    once = await history.everything()
    await reconcile(history.connection, sweep)
    assert await history.everything() == once
    return sweep


async def exempt(history: History, defect: int, *pages: str) -> int:
    said = excepting.Said(reason=ExceptionReason.THIRD_PARTY, text="外部", person="田中", until=today())
    listed = await book.one(history.connection, defect)
    addresses = [f"https://www.example.lg.jp{page}" for page in pages]
    return (await excepting.except_defects(history.connection, said, [listed], addresses))[0]


# ── merging ────────────────────────────────────────────────────────────────────────────────────────


async def test_merged_defects_are_one_for_later_sweeps_with_the_plan_that_one_had(database: Database) -> None:
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1, "b": 2}, "/2": {"b": 1}})
        a, b = history.defects["a"], history.defects["b"]
        planned = Plan(owner="広報課", due_on=today(), way="ひな形")
        await book.plan(history.connection, await book.one(history.connection, b), "山田", planned)
        said = await regrouping.merge(history.connection, SAID, a, [b])
        assert (said.id, said.plan, said.state) == (a, planned, State.PLANNED)
        assert await places(history, a) == {"/1": 3, "/2": 1}
        assert (await book.one(history.connection, b)).id == a, "the other number goes on"
        assert await regrouping.names(history.connection, a) == [b]
        [told] = await regrouping.told(history.connection, a)
        assert (told.act, told.other, told.who, told.why) == (Regroup.MERGED, b, "鈴木", "一つのひな形")
        await take(history, {"/1": {"b": 1}, "/2": {}, "/3": {"b": 2}})
        assert await places(history, a) == {"/1": 1, "/2": 0, "/3": 2}
        await take(history, {"/1": {}, "/2": {}, "/3": {}})
        assert await state(history, a) is State.CONFIRMED
        assert [each.id for each in await book.listed(history.connection, history.site)] == [a]


async def test_what_is_claimed_unverified_or_confirmed_of_one_is_not_of_both(database: Database) -> None:
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1}, "/2": {"b": 1}})
        a, b = history.defects["a"], history.defects["b"]
        await history.say("a", State.REPAIRED)
        await regrouping.merge(history.connection, SAID, a, [b])
        assert await state(history, a) is State.FOUND, "nobody said that b is repaired"
        await regrouping.take_back(history.connection, SAID, b)
        await take(history, {"/2": {"b": 1}})
        assert await state(history, a) is State.UNVERIFIED
        await regrouping.merge(history.connection, SAID, a, [b])
        assert await state(history, a) is State.FOUND, "a page of it was seen"
        await regrouping.take_back(history.connection, SAID, b)
        await take(history, {"/1": {}, "/2": {"b": 1}})
        assert (await state(history, a), await state(history, b)) == (State.CONFIRMED, State.FOUND)
        with pytest.raises(UsageError):
            await regrouping.merge(history.connection, SAID, a, [b])
        assert (await regrouping.merge(history.connection, SAID, b, [a])).state is State.FOUND


async def test_what_cannot_be_one_is_refused(database: Database) -> None:
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1, "b": 1, "c": 1}, "/2": {"a": 1, "b": 1}})
        a, b, c = (history.defects[each] for each in "abc")
        part = (await regrouping.split(history.connection, SAID, a, ["/2"], [])).id
        once = await history.everything()
        for keep, others in (
            (a, [c]),
            (a, [a]),
            (a, [99]),
            (b, [a]),
            (b, [part]),
            (a, [b]),
            (part, [a]),
            (part, [b]),
        ):
            with pytest.raises(UsageError):
                await regrouping.merge(history.connection, SAID, keep, others)
        with pytest.raises(UsageError):
            await regrouping.merge(history.connection, replace(SAID, why=" "), a, [part])
        for name in (a, part, 99):
            with pytest.raises(UsageError):
                await regrouping.take_back(history.connection, SAID, name)
        for patterns in (["/3"], ["/*"], ["2"]):
            with pytest.raises(UsageError):
                await regrouping.split(history.connection, SAID, b, patterns, [])
        assert await history.everything() == once


async def test_what_became_one_with_another_during_a_recheck_has_moved_from_what_it_was(database: Database) -> None:
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1}, "/2": {"b": 1}})
        a, b = history.defects["a"], history.defects["b"]
        await history.say("b", State.REPAIRED)
        aim = Aim(site=history.site, pages={b: [history.pages["/2"]]})
        before = await states(history.connection, aim)
        await regrouping.merge(history.connection, SAID, a, [b])
        sweep = await take(history, {"/2": {"b": 1}}, recheck=True)
        [moved_] = await moved(history.connection, sweep, aim, before)
    assert (moved_.defect.id, moved_.before, moved_.defect.state) == (a, State.REPAIRED, State.FOUND)
    assert (moved_.seen, moved_.showing) == (1, 1)


# ── taking back ────────────────────────────────────────────────────────────────────────────────────


async def test_a_merge_that_is_taken_back_gives_each_its_own_places_and_no_machine_merges_it_again(
    database: Database,
) -> None:
    """`C` has the shape of `c`: the machine takes it for what has moved."""
    async with history_in(database) as history:
        await take(history, {"/1": {"c": 1}, "/2": {"c": 1}})
        await take(history, {"/1": {"C": 2}, "/2": {"C": 1}})
        c, new = history.defects["c"], history.defects["C"]
        await book.plan(
            history.connection,
            await book.one(history.connection, c),
            "山田",
            Plan(owner="山田", due_on=None, way=None),
        )
        said = await regrouping.take_back(history.connection, SAID, new)
        assert (said.id, said.state, said.owner) == (new, State.PLANNED, "山田")
        assert await places(history, new) == {"/1": 2, "/2": 1}
        assert (await places(history, c), await state(history, c)) == ({"/1": 0, "/2": 0}, State.CONFIRMED)
        await take(history, {"/1": {"c": 1}, "/2": {}})
        assert (await state(history, c), await state(history, new)) == (State.RETURNED, State.CONFIRMED)
        await take(history, {"/1": {"C": 1}, "/2": {"C": 1}, "/3": {"C": 1}})
        assert await places(history, new) == {"/1": 1, "/2": 1, "/3": 1}
        assert await state(history, c) is State.CONFIRMED


async def test_what_is_taken_back_is_repaired_where_it_was(database: Database) -> None:
    """A header's fault that was one with a photo's for a while is a template's still: one repair, not one for each page."""
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1, "b": 1}, "/2": {"a": 1}})
        a, b = history.defects["a"], history.defects["b"]
        for defect, region in ((a, Region.TEMPLATE), (b, Region.CONTENT)):
            await history.connection.execute(sa.update(Defect).where(Defect.id == defect).values(region=region))
        await regrouping.merge(history.connection, SAID, b, [a])
        assert (await regrouping.take_back(history.connection, SAID, a)).region is Region.TEMPLATE


async def test_what_is_taken_back_has_lived_with_the_other_only_since_they_were_one(database: Database) -> None:
    async with history_in(database) as history:
        before = await take(history, {"/1": {"b": 1}})
        await take(history, {"/1": {"b": 1}, "/2": {"a": 1}})
        await take(history, {"/1": {"b": 1}, "/2": {}})
        await take(history, {"/1": {"b": 1}, "/2": {"a": 1}})
        a, b = history.defects["a"], history.defects["b"]
        first = await book.one(history.connection, a)
        await book.plan(history.connection, first, "山田", Plan(owner="広報課", due_on=None, way=None))
        await regrouping.merge(history.connection, SAID, a, [b])
        await regrouping.take_back(history.connection, SAID, b)
        steps = [(each.old, each.new, each.who) for each in await book.events(history.connection, b)]
        assert steps == [(None, State.FOUND, "x"), (State.FOUND, State.PLANNED, MACHINE)]
        assert {each.id: each.origin for each in await cycle_lines(history, before)} == {
            a: Origin.NEW,
            b: Origin.BASELINE,
        }
        await regrouping.merge(history.connection, SAID, a, [b])
        await book.say_repaired(history.connection, await book.one(history.connection, a), "山田", None)
        await regrouping.take_back(history.connection, SAID, b)
        last = (await book.events(history.connection, b))[-1]
        assert (last.new, last.who) == (State.REPAIRED, "山田"), "said of both"
        await take(history, {"/1": {}, "/2": {"a": 1}})
        await regrouping.merge(history.connection, SAID, a, [b])
        await regrouping.take_back(history.connection, SAID, b)
        lived = [each.new for each in await book.events(history.connection, b)]
        assert lived[-2:] == [State.REPAIRED, State.CONFIRMED], "it did not come back while it was the other's name"


async def test_what_a_new_version_folded_has_lived_with_the_other_only_since_then(database: Database) -> None:
    other = replace(PLACE, fault=replace(PLACE.fault, earlier="b" * 64))
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1, "b": 1}})
        await take(history, {"/1": {"b": 1}})
        await take(history, {"/1": {"a": 1, "b": 1}})
        await shown_anew(history, "/1", PLACE, other)
        b = history.defects["b"]
        await regrouping.take_back(history.connection, SAID, b)
        steps = [(each.old, each.new, each.why) for each in await book.events(history.connection, b)]
        assert steps == [(None, State.FOUND, None), (State.FOUND, State.RETURNED, regrouping.SPLIT)]


async def test_a_claim_that_was_said_of_both_one_after_the_other_holds_from_the_last_on(database: Database) -> None:
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1}, "/2": {"b": 1}})
        await history.say("a", State.REPAIRED)
        sweep = await history.sweep({"/1": {}, "/2": {"b": 1}})
        await history.say("b", State.REPAIRED)
        a, b = history.defects["a"], history.defects["b"]
        await regrouping.merge(history.connection, SAID, a, [b])
        assert (await reconcile(history.connection, sweep)).still == 0, "seen before it was said of b"
        assert await state(history, a) is State.REPAIRED
        sweep = await history.sweep({"/1": {}, "/2": {"b": 2}})
        assert (await reconcile(history.connection, sweep)).still == 1


async def test_a_late_sweep_gives_a_part_the_pages_that_fit_it_and_never_showed_it(database: Database) -> None:
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1}, "/2": {"a": 1}, "/3": {}})
        late = await history.sweep({"/1": {"a": 1}, "/2": {"a": 1}, "/3": {"a": 1}})
        await take(history, {"/1": {"a": 1}, "/2": {"a": 2}, "/3": {}})
        a = history.defects["a"]
        part = await regrouping.split(history.connection, SAID, a, ["/2$", "/3$"], [])
        await reconcile(history.connection, late)
        assert (await places(history, a), await places(history, part.id)) == ({"/1": 1}, {"/2": 2, "/3": 0})


async def cycle_lines(history: History, baseline: int) -> list[Line]:
    row = await sweep_row(history.connection, baseline)
    return await lines_of(history.connection, history.site, row, rules_of(row), today())


async def test_what_a_new_version_of_the_identity_folded_is_taken_back_and_stays_two(database: Database) -> None:
    other = replace(PLACE, fault=replace(PLACE.fault, earlier="b" * 64))
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1, "b": 1}, "/2": {"b": 2}})
        await shown_anew(history, "/1", PLACE, other, other)
        a, b = history.defects["a"], history.defects["b"]
        assert await places(history, a) == {"/1": 3, "/2": 2}
        await regrouping.take_back(history.connection, SAID, b)
        assert (await places(history, a), await places(history, b)) == ({"/1": 2}, {"/1": 1, "/2": 2})
        assert State.CONFIRMED not in {await state(history, a), await state(history, b)}
        await shown_anew(history, "/1", PLACE, other, other, other)
        assert (await places(history, a), await places(history, b)) == ({"/1": 1}, {"/1": 3, "/2": 2})
        await shown_anew(history, "/2", PLACE)
        assert (await state(history, a), await state(history, b)) == (State.FOUND, State.UNVERIFIED)
        await shown_anew(history, "/1", PLACE)
        assert (await state(history, a), await state(history, b)) == (State.FOUND, State.CONFIRMED)


async def test_what_a_person_has_taken_back_no_new_version_folds(database: Database) -> None:
    other = replace(PLACE, fault=replace(PLACE.fault, earlier="b" * 64))
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1, "b": 1}, "/2": {"a": 1}, "/3": {"b": 1}})
        a, b = history.defects["a"], history.defects["b"]
        await regrouping.merge(history.connection, SAID, a, [b])
        await regrouping.take_back(history.connection, SAID, b)
        assert await places(history, b) == {"/1": 1, "/3": 1}
        for path, shown in (("/3", [other]), ("/1", [PLACE, other, other]), ("/2", [PLACE])):
            await shown_anew(history, path, *shown)
        assert await places(history, a) == {"/1": 1, "/2": 1}
        assert await places(history, b) == {"/1": 2, "/3": 1}


async def test_a_merge_by_a_person_holds_for_the_names_of_a_new_version(database: Database) -> None:
    """And goes with them when it is taken back."""
    renamed = replace(PLACE, fault=replace(PLACE.fault, digest="m" * 64, earlier="b" * 64))
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1, "b": 1}, "/2": {"b": 1}})
        a, b = history.defects["a"], history.defects["b"]
        await regrouping.merge(history.connection, SAID, a, [b])
        await shown_anew(history, "/1", PLACE, renamed, renamed)
        assert await places(history, a) == {"/1": 3, "/2": 1}
        [newest] = (
            set(await regrouping.names(history.connection, a))
            - {b}
            - {await history.connection.scalar(sa.select(Defect.id).where(Defect.digest == "n" * 64))}
        )
        with pytest.raises(UsageError):
            await regrouping.take_back(history.connection, SAID, newest)
        await regrouping.take_back(history.connection, SAID, b)
        assert (await places(history, a), await places(history, b)) == ({"/1": 1}, {"/1": 2, "/2": 1})
        await shown_anew(history, "/1", renamed)
        assert (await state(history, a), await places(history, b)) == (State.CONFIRMED, {"/1": 1, "/2": 1})


# ── splitting by pages ─────────────────────────────────────────────────────────────────────────────


async def test_a_part_is_a_defect_of_its_own_on_its_pages_and_those_to_come(database: Database) -> None:
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1}, "/2": {"a": 2}, "/3": {"a": 1}})
        a = history.defects["a"]
        part = (await regrouping.split(history.connection, SAID, a, ["/2*"], ["https://www.example.lg.jp/3"])).id
        assert (await places(history, a), await places(history, part)) == ({"/1": 1}, {"/2": 2, "/3": 1})
        await book.plan(
            history.connection,
            await book.one(history.connection, part),
            "山田",
            Plan(owner="福祉局", due_on=None, way=None),
        )
        assert (await state(history, a), await state(history, part)) == (State.FOUND, State.PLANNED)
        late = await history.sweep({"/20": {"a": 4}, "/21": {"a": 1}})
        await take(history, {"/1": {"a": 1}, "/2": {}, "/20": {"a": 1}, "/3": {"a": 1}, "/30": {"a": 1}})
        assert await places(history, a) == {"/1": 1, "/30": 1}
        assert await places(history, part) == {"/2": 0, "/20": 1, "/3": 1}
        await reconcile(history.connection, late)
        assert await places(history, part) == {"/2": 0, "/20": 1, "/3": 1, "/21": 1}
        await take(history, {"/1": {"a": 1}, "/2": {}, "/3": {}, "/20": {}, "/21": {}, "/30": {}})
        assert (await state(history, a), await state(history, part)) == (State.FOUND, State.CONFIRMED)
        await take(history, {"/2": {"a": 1}})
        assert await state(history, part) is State.RETURNED


async def test_a_part_of_a_part_and_parts_that_are_one_again(database: Database) -> None:
    async with history_in(database) as history:
        await take(history, {path: {"a": 1} for path in ("/1", "/20", "/21", "/3")})
        a = history.defects["a"]
        second = (await regrouping.split(history.connection, SAID, a, ["/2"], [])).id
        third = (await regrouping.split(history.connection, SAID, second, ["/21"], [])).id
        await take(history, {"/212": {"a": 1}, "/22": {"a": 1}})
        assert await places(history, second) == {"/20": 1, "/22": 1}
        assert await places(history, third) == {"/21": 1, "/212": 1}
        await regrouping.merge(history.connection, SAID, a, [third])
        await take(history, {"/21": {"a": 2}, "/213": {"a": 1}, "/23": {"a": 1}})
        assert await places(history, a) == {"/1": 1, "/21": 2, "/212": 1, "/213": 1, "/3": 1}
        assert await places(history, second) == {"/20": 1, "/22": 1, "/23": 1}
        await regrouping.merge(history.connection, SAID, a, [second])
        await take(history, {"/20": {"a": 1}, "/24": {"a": 1}})
        assert sum((await places(history, a)).values()) == 10
        assert [each.id for each in await book.listed(history.connection, history.site)] == [a]


async def test_what_was_split_and_is_whole_again_moves_with_all_of_its_places(database: Database) -> None:
    async with history_in(database) as history:
        await take(history, {"/1": {"c": 1}, "/2": {"c": 1}})
        c = history.defects["c"]
        part = (await regrouping.split(history.connection, SAID, c, ["/2"], [])).id
        await regrouping.merge(history.connection, SAID, c, [part])
        await take(history, {"/1": {"C": 1}, "/2": {"C": 2}})
        assert await places(history, c) == {"/1": 1, "/2": 2}


async def test_what_was_split_and_is_whole_again_is_merged_and_moves_as_any_other(database: Database) -> None:
    """`E` has the shape of `e`: the machine takes it for what has moved."""
    async with history_in(database) as history:
        await take(history, {"/1": {"c": 1}, "/2": {"c": 1}, "/3": {"e": 1, "f": 1}})
        c, e, f = (history.defects[each] for each in "cef")
        part = (await regrouping.split(history.connection, SAID, c, ["/2"], [])).id
        await regrouping.merge(history.connection, SAID, c, [part])
        await regrouping.merge(history.connection, SAID, e, [c])
        await take(history, {"/1": {"E": 1}, "/2": {"E": 1}, "/3": {"E": 1, "f": 1}})
        await take(history, {"/21": {"c": 1}})
        assert await places(history, e) == {"/1": 1, "/2": 1, "/21": 1, "/3": 1}
        assert {each.id for each in await book.listed(history.connection, history.site)} == {e, f}
        await regrouping.merge(history.connection, SAID, e, [f])
        await regrouping.take_back(history.connection, SAID, c)
        assert await places(history, c) == {"/1": 0, "/2": 0, "/21": 1}
        assert (await regrouping.split(history.connection, SAID, e, ["/1"], [])).pages == 1


async def test_what_moves_within_its_pages_moves_with_its_parts(database: Database) -> None:
    async with history_in(database) as history:
        await take(history, {"/1": {"c": 1}, "/2": {"c": 1}, "/3": {"c": 1}})
        c = history.defects["c"]
        part = (await regrouping.split(history.connection, SAID, c, [], ["https://www.example.lg.jp/2"])).id
        await take(history, {"/1": {"C": 1}, "/2": {"C": 1}, "/3": {"C": 1}})
        assert await places(history, c) == {"/1": 1, "/3": 1}
        assert await places(history, part) == {"/2": 1}
        assert (await state(history, c), await state(history, part)) == (State.FOUND, State.FOUND)
        await regrouping.take_back(history.connection, SAID, history.defects["C"])
        assert await places(history, history.defects["C"]) == {"/1": 1, "/2": 1, "/3": 1}
        assert {await state(history, c), await state(history, part)} == {State.CONFIRMED}


async def test_a_page_of_a_part_that_moves_takes_the_part_along(database: Database) -> None:
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1}, "/2": {"a": 1}, "/3": {"a": 1}})
        a = history.defects["a"]
        part = (await regrouping.split(history.connection, SAID, a, ["/2$"], [])).id
        await take(history, {"/1": {"a": 1}, "/new": {"a": 1}, "/3": {"a": 1}}, moved={"/2": "/new"})
        assert (await places(history, part), await state(history, part)) == ({"/2": 0, "/new": 1}, State.FOUND)
        await take(history, {"/1": {"a": 1}, "/3": {"a": 1}}, moved={"/new": "/1"}, twins=True)
        assert await state(history, part) is State.UNVERIFIED, (
            "its page is one with another's: nothing says that it is repaired"
        )
        await take(history, {"/1": {"a": 1}, "/new": {"a": 1}, "/3": {"a": 1}})
        await take(history, {"/1": {}, "/new": {"a": 1}}, moved={"/3": "/new"}, twins=True)
        assert (await state(history, a), await state(history, part)) == (State.UNVERIFIED, State.FOUND)


async def test_parts_that_lead_to_one_page_are_not_confirmed_by_it(database: Database) -> None:
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1}, "/2": {"a": 1}, "/3": {"a": 1}})
        a = history.defects["a"]
        second, third = [
            (await regrouping.split(history.connection, SAID, a, [path], [])).id for path in ("/2$", "/3$")
        ]
        await take(history, {"/1": {"a": 1}, "/new": {"a": 1}}, moved={"/2": "/new", "/3": "/new"}, twins=True)
        assert {await state(history, second), await state(history, third)} == {State.FOUND, State.UNVERIFIED}


# ── exceptions ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("by_person", [True, False])
async def test_an_exception_of_one_covers_nothing_of_what_it_becomes_one_with(
    database: Database, by_person: bool
) -> None:
    """Not by a person, and not by a new version of the identity; on the pages that it alone had it goes on."""
    other = replace(PLACE, fault=replace(PLACE.fault, earlier="b" * 64))
    async with history_in(database) as history:
        sweep = await take(history, {"/1": {"a": 1}, "/2": {"a": 1, "b": 1}, "/3": {"b": 1}})
        a, b = history.defects["a"], history.defects["b"]
        await exempt(history, a)
        await exempt(history, b, "/3")
        assert (await state(history, a), await state(history, b)) == (State.EXCEPTED, State.FOUND)
        row = await sweep_row(history.connection, sweep)
        before = await excepted(history.connection, row, rules_of(row), None)
        if by_person:
            await regrouping.merge(history.connection, SAID, a, [b])
        else:
            await shown_anew(history, "/2", PLACE, other)
        assert await state(history, a) is State.FOUND
        pages = await book.pages(history.connection, a)
        assert {each.address[-1] for each in pages if each.exception} == {"1", "3"}
        after = await excepted(history.connection, row, rules_of(row), None)
        assert before is not None
        assert after is not None
        assert after.problem_pages == before.problem_pages == 1, "an earlier report says the same"
        await regrouping.take_back(history.connection, SAID, b)
        pages = await book.pages(history.connection, a)
        assert {each.address[-1] for each in pages if each.exception} == {"1"}
        pages = await book.pages(history.connection, b)
        assert {each.address[-1] for each in pages if each.exception} == {"3"}


async def test_parts_and_what_is_taken_back_keep_the_exception_that_was_said_of_the_whole(
    database: Database,
) -> None:
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1}, "/2": {"a": 1, "b": 1}, "/3": {"b": 1}})
        a, b = history.defects["a"], history.defects["b"]
        await regrouping.merge(history.connection, SAID, a, [b])
        await exempt(history, a)
        assert await state(history, a) is State.EXCEPTED
        part = (await regrouping.split(history.connection, SAID, a, ["/3"], [])).id
        assert {await state(history, a), await state(history, part)} == {State.EXCEPTED}
        await regrouping.take_back(history.connection, SAID, b)
        assert {await state(history, each) for each in (a, b)} == {State.EXCEPTED}
        [told] = await excepting.told(history.connection, history.site, today())
        assert (told.pages, told.places) == (3, 4)


async def test_what_is_merged_while_somebody_excepts_it_is_excepted_no_further(database: Database) -> None:
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1, "b": 1}, "/2": {"a": 1}, "/3": {"b": 1}})
    a, b = history.defects["a"], history.defects["b"]

    async def merge() -> None:
        async with database.writing() as connection:
            await regrouping.merge(connection, SAID, a, [b])

    async with database.writing() as connection:
        said = excepting.Said(reason=ExceptionReason.THIRD_PARTY, text="外部", person="田中", until=today())
        await excepting.except_defects(connection, said, await book.held(connection, [b]))
        merging = asyncio.create_task(merge())
        await asyncio.wait([merging], timeout=0.5)
    await merging
    async with database.reading() as connection:
        pages = await book.pages(connection, a)
    assert {each.address[-1]: bool(each.exception) for each in pages} == {"1": False, "2": False, "3": True}


# ── baselines ──────────────────────────────────────────────────────────────────────────────────────


async def test_the_baseline_of_a_sweep_knows_faults_by_every_name_of_their_defects(database: Database) -> None:
    """By the one of the version before, by today's, and by what a person has said."""
    async with history_in(database) as history:
        sweep = await take(history, {"/1": {"a": 1, "b": 2}, "/2": {"b": 1}})
        a, b = history.defects["a"], history.defects["b"]
        await regrouping.merge(history.connection, SAID, a, [b])
        known = await of_sweep(history.connection, sweep)
        assert {digest: each.pages for digest, each in known.defects.items()} == {"a" * 64: {"/1": 3, "/2": 1}}
        for digest, earlier in (("n", "a"), ("n", "b"), ("b", "x")):
            assert known.name_of(Fault(digest=digest * 64, earlier=earlier * 64, shape="s")) == "a" * 64
        assert known.name_of(Fault(digest="n" * 64, earlier="x" * 64, shape="s")) == "n" * 64


async def test_the_baseline_of_a_sweep_tells_apart_what_a_person_has_though_today_it_is_one(
    database: Database,
) -> None:
    other = replace(PLACE, fault=replace(PLACE.fault, earlier="b" * 64))
    async with history_in(database) as history:
        await take(history, {"/1": {"a": 1, "b": 1}, "/2": {"b": 2}})
        a, b = history.defects["a"], history.defects["b"]
        await regrouping.merge(history.connection, SAID, a, [b])
        await regrouping.take_back(history.connection, SAID, b)
        await shown_anew(history, "/1", PLACE, other, other)
        sweep = (await history.connection.scalars(sa.select(sa.func.max(Sweep.id)))).one()
        known = await of_sweep(history.connection, sweep)
        assert {digest: each.pages for digest, each in known.defects.items()} == {
            "a" * 64: {"/1": 1}, "b" * 64: {"/1": 2},
        }  # fmt: skip
        assert [known.name_of(each.fault)[0] for each in (PLACE, other)] == ["a", "b"]
