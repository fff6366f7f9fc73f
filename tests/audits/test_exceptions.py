"""Exceptions: what they cover, until when, who may end them; and the second number of problem pages."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from audits.conclude import rules_of, sweep_row
from audits.defects import book, excepting
from audits.defects.book import Plan
from audits.defects.cover import read, today
from audits.defects.excepting import Said
from audits.defects.reconcile import reconcile
from audits.defects.settling import ENDED, UNCOVERED, settle
from audits.excepted import Excepted, Extent, excepted
from audits.sampled import sampled
from db.database import Database
from db.errors import UsageError
from db.tables import Defect, Draw, Exemption, Occurrence, Sweep, Visit
from db.types import now
from db.words import DefectState as State
from db.words import ExceptionReason as Why
from db.words import Method, Part
from tests.audits.test_reconcile import History, history_in

SITE = "https://www.example.lg.jp"


def said(days: int = 30, **given: Any) -> Said:
    words = {"reason": Why.THIRD_PARTY, "text": "地図は外部のもの", "person": "田中"}
    return Said(**{**words, "until": today() + timedelta(days=days), **given})


async def swept(history: History, truth: dict[str, dict[str, int]] | None = None) -> int:
    """A sweep of three pages: `a` on two of them, `c` and `d` on one each; taken in."""
    sweep = await history.sweep(truth or {"/1": {"a": 2}, "/2": {"a": 1, "c": 1}, "/3": {"d": 1}})
    await reconcile(history.connection, sweep)
    return sweep


async def exempt(history: History, fault: str, *pages: str, **given: Any) -> int:
    """Except a defect, as a command does; returns the exception's number."""
    defect = await book.one(history.connection, history.defects[fault])
    addresses = [f"{SITE}{page}" for page in pages]
    return (await excepting.except_defects(history.connection, said(**given), [defect], addresses))[0]


async def counted(history: History, sweep: int) -> Excepted:
    row = await sweep_row(history.connection, sweep)
    found = await excepted(history.connection, row, rules_of(row), None)
    assert found is not None
    return found


async def life(history: History, fault: str) -> list[tuple[State, str, str | None]]:
    events = await book.events(history.connection, history.defects[fault])
    return [(each.new, each.who, each.why) for each in events]


# ── scope ──────────────────────────────────────────────────────────────────────────────────────────


async def test_an_excepted_defect_covers_all_of_its_pages_and_counts_in_the_second_number_only(
    database: Database,
) -> None:
    async with history_in(database) as history:
        sweep = await swept(history)
        row = await sweep_row(history.connection, sweep)
        assert await excepted(history.connection, row, rules_of(row), None) is None, "nothing is excepted"
        number = await exempt(history, "a")
        assert (await history.states())["a"] is State.EXCEPTED
        assert (await life(history, "a"))[-1] == (State.EXCEPTED, "田中", "地図は外部のもの")
        found = await counted(history, sweep)
        assert found.problem_pages == 2, "/1 has only what is excepted; /2 shows another fault as well"
        assert found.reasons == {Why.THIRD_PARTY: Extent(pages=2, places=3)}
        assert [(each.exemption.id, each.extent) for each in found.in_force] == [
            (number, Extent(pages=2, places=3))
        ]


async def test_a_place_is_covered_on_its_page_alone_and_the_defect_stays_to_be_repaired(database: Database) -> None:
    async with history_in(database) as history:
        sweep = await swept(history)
        await exempt(history, "a", "/1")
        assert (await history.states())["a"] is State.FOUND
        assert (await counted(history, sweep)).problem_pages == 2
        shown = await book.pages(history.connection, history.defects["a"])
        assert [(each.address[-2:], each.exception is not None) for each in shown] == [("/1", True), ("/2", False)]
        await exempt(history, "a", "/2", person="佐藤")
        assert (await history.states())["a"] is State.EXCEPTED, "every page that shows it is covered"
        assert (await life(history, "a"))[-1][1] == "佐藤", "by the one who has closed the last gap"


async def test_a_rule_is_excepted_on_the_pages_of_a_pattern_whatever_comes_up_there(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        connection, site = history.connection, history.site
        number = await excepting.except_rule(connection, said(), site, "image-alt", "/1*")
        assert (await history.states())["a"] is State.FOUND, "it shows on /2 too"
        sweep = await swept(history, {"/1": {"a": 2, "b": 1}, "/2": {"c": 1}, "/3": {"d": 1}})
        states = await history.states()
        assert (states["a"], states["b"], states["c"]) == (State.EXCEPTED, State.EXCEPTED, State.FOUND)
        assert [each[0] for each in await life(history, "b")] == [State.FOUND, State.EXCEPTED]
        assert (await counted(history, sweep)).problem_pages == 2
        [told] = await excepting.told(connection, site, today())
        assert (told.exemption.id, told.running, told.pages, told.places) == (number, True, 1, 3)
        await swept(history, {"/1": {"a": 2}, "/2": {"a": 1}, "/3": {}})
        assert (await life(history, "a"))[-1] == (State.FOUND, "jisweep", UNCOVERED)


async def test_a_place_that_two_exceptions_cover_counts_once(database: Database) -> None:
    async with history_in(database) as history:
        sweep = await swept(history)
        await exempt(history, "a", reason=Why.PLANNED_RENEWAL)
        await excepting.except_rule(history.connection, said(), history.site, "image-alt", "/*")
        found = await counted(history, sweep)
        assert found.reasons == {Why.PLANNED_RENEWAL: Extent(pages=2, places=3)}
        assert [each.extent.places for each in found.in_force] == [3, 3]


# ── its end ────────────────────────────────────────────────────────────────────────────────────────


async def test_an_exception_ends_by_itself_after_its_last_day(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        defect = await book.one(history.connection, history.defects["a"])
        await book.plan(history.connection, defect, "鈴木", Plan(owner="広報課", due_on=None, way=None))
        await exempt(history, "a", days=3)
        await exempt(history, "c", days=3)
        last = today() + timedelta(days=3)
        assert not await settle(history.connection, history.site, last)
        assert await settle(history.connection, history.site, last + timedelta(days=1)) == 2
        states = await history.states()
        assert (states["a"], states["c"]) == (State.PLANNED, State.FOUND)
        assert (await life(history, "c"))[-1] == (State.FOUND, "jisweep", ENDED)
        assert not await settle(history.connection, history.site, last + timedelta(days=1)), "once"


async def test_a_sweep_after_its_end_finds_the_defect_to_be_repaired(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        await exempt(history, "a", days=3)
        sweep = await history.sweep({"/1": {"a": 1}, "/2": {}, "/3": {}})
        await reconcile(history.connection, sweep, today() + timedelta(days=4))
        assert (await history.states())["a"] is State.FOUND


async def test_an_excepted_defect_that_a_sweep_sees_gone_is_confirmed_and_returns_as_any_other(
    database: Database,
) -> None:
    async with history_in(database) as history:
        await swept(history)
        number = await exempt(history, "a")
        gone: dict[str, dict[str, int]] = {"/1": {}, "/2": {}, "/3": {}}
        await swept(history, gone)
        assert (await history.states())["a"] is State.CONFIRMED
        await swept(history)
        assert [each[0] for each in await life(history, "a")][-2:] == [State.RETURNED, State.EXCEPTED]
        await swept(history, gone)
        await excepting.end(history.connection, number, "鈴木")
        await swept(history)
        assert (await history.states())["a"] is State.RETURNED


async def test_a_person_may_end_it_early_and_the_record_stays(database: Database) -> None:
    async with history_in(database) as history:
        sweep = await swept(history)
        number = await exempt(history, "a")
        await excepting.end(history.connection, number, "鈴木")
        assert (await life(history, "a"))[-1] == (State.FOUND, "鈴木", ENDED)
        row = await sweep_row(history.connection, sweep)
        assert await excepted(history.connection, row, rules_of(row), None) is None
        [told] = await excepting.told(history.connection, history.site, today())
        assert (told.running, told.exemption.ended_by, told.pages) == (False, "鈴木", 2)
        with pytest.raises(UsageError):
            await excepting.end(history.connection, number, "鈴木")


async def test_a_review_is_another_persons_and_who_disagrees_ends_it(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        number = await exempt(history, "a", reason=Why.FALSE_ALARM, person="田中 一郎")
        with pytest.raises(UsageError):
            await excepting.review(history.connection, number, "田中　一郎", "見た", agrees=True)
        await excepting.review(history.connection, number, "鈴木", "画面で確かめた", agrees=True)
        with pytest.raises(UsageError):
            await excepting.review(history.connection, number, "佐藤", "確かめた", agrees=False)
        other = await exempt(history, "c", reason=Why.FALSE_ALARM)
        await excepting.review(history.connection, other, "鈴木", "本当の問題", agrees=False)
        states = await history.states()
        assert (states["a"], states["c"]) == (State.EXCEPTED, State.FOUND)
        assert (await life(history, "c"))[-1] == (State.FOUND, "鈴木", "本当の問題")
        [agreed, disagreed] = await excepting.told(history.connection, history.site, today())
        assert (agreed.exemption.reviewed_by, agreed.exemption.agrees, agreed.running) == ("鈴木", True, True)
        assert (disagreed.exemption.agrees, disagreed.exemption.ended_by) == (False, "鈴木")


async def test_of_two_who_review_at_once_the_second_is_told_of_the_first(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        number = await exempt(history, "a", reason=Why.FALSE_ALARM)

    async def disagree() -> None:
        async with database.writing() as connection:
            await excepting.review(connection, number, "佐藤", "本当の問題", agrees=False)

    async with database.writing() as connection:
        await excepting.review(connection, number, "鈴木", "画面で確かめた", agrees=True)
        second = asyncio.create_task(disagree())
        await asyncio.wait([second], timeout=0.5)
    with pytest.raises(UsageError, match="鈴木"):
        await second
    async with database.reading() as connection:
        [kept] = await read(connection, Exemption.id == number)
    assert (kept.reviewed_by, kept.agrees, kept.ended_at) == ("鈴木", True, None)


# ── what is refused ────────────────────────────────────────────────────────────────────────────────


async def test_what_nobody_could_go_by_is_refused(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        connection, site = history.connection, history.site
        for wrong in ({"days": -1}, {"text": " "}):
            with pytest.raises(UsageError):
                await exempt(history, "a", **wrong)
        with pytest.raises(UsageError):
            await exempt(history, "a", "/3")  # does not show it
        for rule, pattern in (("no-such-rule", "/*"), ("image-alt", "map")):
            with pytest.raises(UsageError):
                await excepting.except_rule(connection, said(), site, rule, pattern)
        assert not await connection.scalar(sa.select(sa.func.count()).select_from(Exemption))
        await swept(history, {"/1": {}, "/2": {}, "/3": {}})
        with pytest.raises(UsageError):
            await exempt(history, "a")  # confirmed


async def test_an_excepted_defect_is_neither_planned_nor_said_to_be_repaired(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        await exempt(history, "a")
        defect = await book.one(history.connection, history.defects["a"])
        with pytest.raises(UsageError):
            await book.plan(history.connection, defect, "鈴木", Plan(owner="広報課", due_on=None, way=None))
        with pytest.raises(UsageError):
            await book.say_repaired(history.connection, defect, "鈴木", None)


# ── numbers ────────────────────────────────────────────────────────────────────────────────────────


async def test_the_order_of_repair_leaves_out_what_is_excepted_and_says_which_pages_keep_it(
    database: Database,
) -> None:
    async with history_in(database) as history:
        await swept(history)
        await exempt(history, "a")
        pages, order = await book.ranked(history.connection, history.site)
        assert pages == 3, "a page with an excepted fault is a problem page"
        assert [(each.defect.rule, each.clean, each.excepted) for each in order] == [
            ("label", 1, 1),
            ("color-contrast", 2, 1),
        ]


async def test_what_is_said_or_ended_after_a_sweep_changes_no_report_of_it_not_even_on_the_same_day(
    database: Database,
) -> None:
    async with history_in(database) as history:
        sweep = await swept(history)
        number = await exempt(history, "a")
        noon = now().replace(2026, 7, 1, 3)
        connection, mine = history.connection, Exemption.id == number
        held = {"at": noon, "until": date(2026, 7, 9), "ended_at": noon + timedelta(hours=2), "ended_by": "鈴木"}
        await connection.execute(sa.update(Exemption).where(mine).values(held))
        for hours, counts in ((-1, False), (0, True), (1, True), (2, False), (3, False)):
            finished = {"finished_at": noon + timedelta(hours=hours)}
            await connection.execute(sa.update(Sweep).where(Sweep.id == sweep).values(finished))
            row = await sweep_row(connection, sweep)
            assert (await excepted(connection, row, rules_of(row), None) is not None) == counts, hours


async def test_the_day_on_which_a_sweep_finished_decides(database: Database) -> None:
    """What is said later, or had ended before, takes nothing out of a report; on its last day an exception holds."""
    async with history_in(database) as history:
        sweep = await swept(history)
        number = await exempt(history, "a")
        begins = date(2026, 7, 1)
        held = {"at": now().replace(2026, 7, 1, 3), "until": date(2026, 7, 9)}
        await history.connection.execute(sa.update(Exemption).where(Exemption.id == number).values(held))
        for day, counts in ((-1, False), (0, True), (8, True), (9, False)):
            evening = now().replace(2026, 7, 1, 14, 59) + timedelta(days=day)  # 23:59 in Tokyo
            await history.connection.execute(sa.update(Sweep).where(Sweep.id == sweep).values(finished_at=evening))
            row = await sweep_row(history.connection, sweep)
            found = await excepted(history.connection, row, rules_of(row), None)
            assert (found is not None and found.day == begins + timedelta(days=day)) == counts


async def test_a_sample_has_an_interval_without_what_is_excepted_by_the_same_estimator(database: Database) -> None:
    async with history_in(database) as history:
        sweep = await swept(history)
        connection = history.connection
        await connection.execute(
            sa.update(Sweep).where(Sweep.id == sweep).values(method=Method.RANDOM, stratify=None)
        )
        visits = list(await connection.scalars(sa.select(Visit.id).where(Visit.sweep_id == sweep)))
        drawn = [{"sweep_id": sweep, "visit_id": each, "part": Part.RANDOM, "rank": each} for each in visits]
        await connection.execute(sa.insert(Draw), drawn)
        await exempt(history, "a")
        row = await sweep_row(connection, sweep)
        by_chance = await sampled(connection, row, Part.RANDOM)
        assert by_chance is not None
        found = await excepted(connection, row, rules_of(row), by_chance)
        assert found is not None
        assert found.estimate is not None
        assert (found.estimate.drawn, found.estimate.problem_pages) == (3, 2)
        assert by_chance.sample(rules_of(row)).found == 3, "the machine's own is what it was"


async def test_an_exception_goes_on_with_a_defect_that_is_known_as_another_now(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        await exempt(history, "c")
        connection, (old, new) = history.connection, (history.defects["c"], history.defects["d"])
        await connection.execute(sa.update(Defect).where(Defect.id == old).values(merged_into_id=new))
        await connection.execute(sa.delete(Occurrence).where(Occurrence.defect_id == old))
        await settle(connection, history.site, today())
        assert (await book.one(connection, new)).state is State.EXCEPTED
