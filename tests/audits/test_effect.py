"""The order of repair by effect and effort: its factors, what each is when nobody knows it, and what either order reaches."""

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa

from audits.defects import book, excepting
from audits.defects.book import Order, Ranked
from audits.defects.cover import today
from audits.defects.effect import effect_of
from audits.defects.excepting import Said
from audits.defects.reconcile import reconcile
from db.database import Database
from db.tables import Finding, Sweep
from db.words import ExceptionReason, Impact, Region
from tests.audits.test_reconcile import History, history_in

SITE = "https://www.example.lg.jp"
TRUTH = {
    "/1": {"a": 1, "b": 1}, "/2": {"a": 1, "b": 1}, "/3": {"a": 1, "b": 1}, "/4": {"a": 1, "b": 1}, "/5": {"c": 2},
}  # fmt: skip
IMPACTS = {"a": Impact.MODERATE, "b": Impact.CRITICAL, "c": Impact.SERIOUS}


async def swept(history: History, impacts: Mapping[str, Impact] = IMPACTS) -> None:
    """`a` is a template's on four pages, `b` differs from page to page there, `c` is on one page, where nobody knows."""
    sweep = await history.sweep(TRUTH)
    for fault, impact in impacts.items():
        mine = Finding.defect_id == history.defects[fault]
        await history.connection.execute(sa.update(Finding).where(mine).values(impact=impact))
    await reconcile(history.connection, sweep)


async def order_of(
    history: History, order: Order = Order.EFFECT, **given: list[tuple[str, int]]
) -> dict[str, Ranked]:
    _, steps = await book.ranked(history.connection, history.site, order=order, **given)
    named = {number: fault for fault, number in history.defects.items()}
    return {named[each.defect.id]: each for each in steps}


async def test_the_effect_of_each_repair_decides_and_every_factor_is_told(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        found = await order_of(history)
    assert {fault: each.defect.region for fault, each in found.items()} == {
        "a": Region.TEMPLATE, "b": Region.CONTENT, "c": None,
    }  # fmt: skip
    told = {
        fault: (each.effect.pages, each.effect.impact, each.effect.use, each.effect.repairs, each.effect.total)
        for fault, each in found.items()
    }
    assert told == {
        "a": (4, Impact.MODERATE, None, 1, 8.0), "b": (4, Impact.CRITICAL, None, 4, 16.0),
        "c": (1, Impact.SERIOUS, None, 1, 3.0),
    }  # fmt: skip
    assert [(fault, each.by_effect) for fault, each in found.items()] == [("a", 1), ("b", 2), ("c", 3)]
    assert [each.clean for each in found.values()] == [0, 4, 5], "counted along this order"


async def test_the_order_that_cleans_stays_set_cover_and_has_the_same_factors(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        clean, effect = await order_of(history, Order.CLEAN), await order_of(history)
    assert [(fault, each.clean) for fault, each in clean.items()] == [("a", 0), ("b", 4), ("c", 5)]
    assert {fault: (each.effect, each.by_effect) for fault, each in clean.items()} == {
        fault: (each.effect, each.by_effect) for fault, each in effect.items()
    }


async def test_use_is_the_share_of_what_was_counted_and_lifts_an_effect_twofold_at_most(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        found = await order_of(history, usage=[(f"{SITE}/5", 90), (f"{SITE}/1", 10), (f"{SITE}/nowhere", 900)])
        assert [round(found[fault].effect.use or 0, 3) for fault in "abc"] == [0.1, 0.1, 0.9]
        assert [round(found[fault].effect.total, 3) for fault in "abc"] == [8.8, 17.6, 5.7]
        assert list(found) == ["a", "c", "b"], "5.7 for its one repair, before 17.6 for four"
        kept = sa.update(Sweep).values(traffic=[[f"{SITE}/5", 90], [f"{SITE}/1", 10]])
        await history.connection.execute(kept)
        assert await order_of(history) == found, "what the site's last sweep was told counts as well"
        unknown = await order_of(history, usage=[(f"{SITE}/nowhere", 900)])
        assert {each.effect.use for each in unknown.values()} == {None}, "a file of other pages tells nothing"


async def test_what_the_engine_has_not_graded_counts_as_the_least(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history, {})
        found = await order_of(history)
    assert [(each.effect.impact, each.effect.total) for each in found.values()] == [(None, 4), (None, 4), (None, 1)]


async def test_what_is_excepted_is_no_page_of_an_effect(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        said = Said(reason=ExceptionReason.THIRD_PARTY, text="x", person="田中", until=today() + timedelta(days=9))
        defect = await book.one(history.connection, history.defects["a"])
        await excepting.except_defects(history.connection, said, [defect], [f"{SITE}/1"])
        found = await order_of(history)
    assert (found["a"].effect.pages, found["a"].defect.pages) == (3, 4)


async def test_several_sites_are_ranked_together_and_no_page_is_taken_for_another(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        pages, steps = await book.ranked(history.connection, [history.site, history.site + 1])
        assert (pages, len(steps), steps[-1].clean) == (5, 3, 5)


def test_a_page_that_nobody_has_counted_weighs_as_a_page() -> None:
    known = effect_of(Region.CONTENT, [1, 2], Impact.MINOR, {3: 7})
    assert (known.use, known.total, known.repairs) == (0.0, 2.0, 2)
