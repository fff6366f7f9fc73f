"""A new version of the identity makes no defect vanish and be born again."""

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from audits.conclude import sweep_row
from audits.defects.reconcile import Reconciling, reconcile
from audits.fault import Fault
from audits.page import Place
from audits.record import _defects
from db.database import Database
from db.tables import Defect, DefectEvent, Finding, Sweep
from db.words import DefectState as State
from db.words import Outcome
from tests.audits.test_reconcile import History, history_in

PLACE = Place(
    rule="image-alt", outcome=Outcome.FAILED, impact=None, frame=[], target=["img"], snippet="<img>", checks=[], box=None,
    fault=Fault(digest="n" * 64, earlier="a" * 64, shape="s" * 64),
)  # fmt: skip


async def shown_anew(history: History, path: str, *places: Place) -> Any:
    """A page shows these places, audited under the new version; returns what the sweep says."""
    number = await history.sweep({path: {"c": history.day + 1}})  # a result that no other sweep has
    sweep = (await history.connection.execute(sa.select(Sweep.__table__).where(Sweep.id == number))).one()
    named = await _defects(history.connection, sweep, list(places))
    result = await history.connection.scalar(sa.select(sa.func.max(Finding.result_id)))
    await history.connection.execute(sa.delete(Finding).where(Finding.result_id == result))
    row = {
        "result_id": result,
        "rule": "image-alt",
        "frame": [],
        "target": [],
        "checks": [],
        "outcome": Outcome.FAILED,
    }
    for place in places:
        finding = {**row, "defect_id": named[place.fault], "position": 1, "snippet": "<img>"}
        await history.connection.execute(sa.insert(Finding).values(finding))
    return await reconcile(history.connection, number)


async def test_a_defect_of_the_version_before_goes_on_under_its_new_name(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {"a": 1}}))
        await history.say("a", State.PLANNED)
        said = await shown_anew(history, "/1", PLACE, PLACE)
        assert (said.found, said.confirmed) == (0, 0)
        assert await history.open_on("a") == {"/1": 2, "/2": 1}
        assert (await history.states())["a"] is State.PLANNED
        events = await history.connection.scalar(sa.select(sa.func.count()).select_from(DefectEvent))
        assert events == 3, "a and c were found, a planned: nobody found anything else"


@pytest.mark.parametrize("together", [True, False])
async def test_what_was_two_and_is_one_now_is_the_older_with_the_pages_of_both(
    database: Database, together: bool
) -> None:
    other = replace(PLACE, fault=replace(PLACE.fault, earlier="b" * 64))
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1, "b": 1}, "/2": {"b": 2}}))
        if not together:
            await shown_anew(history, "/3", PLACE)
        await shown_anew(history, "/1", PLACE, other)
        assert await history.open_on("a") == {"/1": 2, "/2": 2} | ({} if together else {"/3": 1})
        merged = sa.select(Defect.id).where(Defect.merged_into_id == history.defects["a"])
        assert history.defects["b"] in set(await history.connection.scalars(merged))
        states = set(await history.connection.scalars(sa.select(Defect.state).where(Defect.rule == "image-alt")))
        assert State.CONFIRMED not in states


async def test_what_was_two_goes_on_with_the_plan_that_one_of_them_had(database: Database) -> None:
    other = replace(PLACE, fault=replace(PLACE.fault, earlier="b" * 64))
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1, "b": 1}}))
        planned = sa.update(Defect).where(Defect.id == history.defects["b"])
        await history.connection.execute(planned.values(state=State.PLANNED, owner="山田"))
        await shown_anew(history, "/1", PLACE, other)
        assert await history.open_on("b") == {"/1": 2}
        assert (await history.states())["b"] is State.PLANNED


async def test_a_renamed_defect_is_known_again_by_what_it_looks_like_today(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}))
        await shown_anew(history, "/1", PLACE)
        kept = sa.select(Defect.shape).where(Defect.id == history.defects["a"])
        assert await history.connection.scalar(kept) == "s" * 64


async def test_all_names_of_a_newcomer_go_on_as_the_older_defect(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}))
        reconciling = Reconciling(
            history.connection, await sweep_row(history.connection, await history.sweep({"/2": {"b": 1, "c": 1}})), late=False
        )  # fmt: skip
        a, b, c = (history.defects[each] for each in "abc")
        alias = sa.update(Defect).where(Defect.id == c).values(merged_into_id=b)
        await history.connection.execute(alias)
        reconciling._change.came[b] = {1}
        await reconciling._merge(b, a)
        known = sa.select(Defect.merged_into_id).where(Defect.id.in_((b, c)))
        assert set(await history.connection.scalars(known)) == {a}
