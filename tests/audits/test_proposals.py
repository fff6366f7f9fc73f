"""Proposed exceptions: they cover nothing until another person agrees, and never what was reported before."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from audits.conclude import rules_of, sweep_row
from audits.defects import book, excepting
from audits.defects.cover import cover_at, cover_on, today
from audits.defects.excepting import Said
from audits.defects.reconcile import reconcile
from audits.defects.settling import settle
from audits.excepted import excepted
from db.database import Database
from db.errors import UsageError
from db.tables import Exemption
from db.types import now
from db.words import DefectState as State
from db.words import ExceptionReason as Why
from tests.audits.test_exceptions import life, swept
from tests.audits.test_reconcile import History, history_in

SITE = "https://www.example.lg.jp"


async def propose(history: History, fault: str, *pages: str, days: int = 30) -> int:
    """What a web team does; returns the exception's number."""
    defect = await book.one(history.connection, history.defects[fault])
    said = Said(
        reason=Why.THIRD_PARTY, text="地図は外部のもの", person="佐藤", until=today() + timedelta(days=days)
    )
    addresses = [f"{SITE}{page}" for page in pages]
    found = await excepting.except_defects(history.connection, said, [defect], addresses, proposed=True)
    return found[0]


async def waiting(history: History) -> list[int]:
    site = (await history.connection.scalars(sa.select(Exemption.site_id).distinct())).one()
    return [each.exemption.id for each in await excepting.told(history.connection, site, today()) if each.waiting]


async def test_a_proposal_covers_nothing_until_another_person_agrees(database: Database) -> None:
    async with history_in(database) as history:
        connection = history.connection
        sweep = await swept(history)
        number = await propose(history, "a")
        row = await sweep_row(connection, sweep)
        await settle(connection, row.site_id, today())
        assert (await history.states())["a"] is State.FOUND
        assert not await cover_on(connection, row.site_id, today())
        assert await excepted(connection, row, rules_of(row), None) is None
        ranked = await book.ranked(connection, row.site_id)
        assert {each.defect.id for each in ranked[1]} == set(history.defects.values()), "it is still to be repaired"
        assert await waiting(history) == [number]
        with pytest.raises(UsageError, match="another person"):
            await excepting.review(connection, number, "佐 藤", "自分で見た", agrees=True)
        before = now()
        await excepting.review(connection, number, "鈴木", "見た", agrees=True)
        assert (await history.states())["a"] is State.EXCEPTED
        assert (await life(history, "a"))[-1] == (State.EXCEPTED, "鈴木", "地図は外部のもの")
        assert await waiting(history) == []
        assert not await cover_at(connection, row.site_id, before), "what was reported before stays as it was"
        assert [each.id for each in (await cover_on(connection, row.site_id, today())).exemptions] == [number]
        await reconcile(connection, await history.sweep({"/1": {"a": 2}, "/2": {"a": 1}, "/3": {}}))
        assert (await history.states())["a"] is State.EXCEPTED


async def test_a_proposal_that_is_refused_taken_back_or_out_of_time_never_covers(database: Database) -> None:
    async with history_in(database) as history:
        connection = history.connection
        sweep = await swept(history)
        refused, withdrawn, late = [await propose(history, fault) for fault in ("a", "c", "d")]
        await excepting.review(connection, refused, "鈴木", "直せる", agrees=False)
        await excepting.end(connection, withdrawn, "佐藤")
        await connection.execute(
            sa.update(Exemption).where(Exemption.id == late).values(until=today() - timedelta(days=1))
        )
        for number in (refused, withdrawn, late):
            with pytest.raises(UsageError, match="has ended"):
                await excepting.review(connection, number, "鈴木", "見た", agrees=True)
        site = (await sweep_row(connection, sweep)).site_id
        await settle(connection, site, today())
        assert set((await history.states()).values()) == {State.FOUND}
        assert await waiting(history) == []
        assert len(await life(history, "a")) == 1


async def test_the_same_is_proposed_once_and_nothing_is_excepted_that_is_repaired(database: Database) -> None:
    async with history_in(database) as history:
        connection = history.connection
        await swept(history)
        await propose(history, "a", "/1")
        with pytest.raises(UsageError, match="proposed the same"):
            await propose(history, "a", "/1")
        await propose(history, "a", "/2")  # another page
        number = await propose(history, "d")
        await reconcile(connection, await history.sweep({"/1": {"a": 2}, "/2": {"a": 1, "c": 1}, "/3": {}}))
        assert (await history.states())["d"] is State.CONFIRMED
        with pytest.raises(UsageError, match="nothing to except"):
            await excepting.review(connection, number, "鈴木", "見た", agrees=True)


async def test_two_proposals_that_cover_a_defect_together_except_it_with_the_second_yes(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history)
        one, other = await propose(history, "a", "/1"), await propose(history, "a", "/2")
        await excepting.review(history.connection, one, "鈴木", "見た", agrees=True)
        assert (await history.states())["a"] is State.FOUND
        await excepting.review(history.connection, other, "鈴木", "見た", agrees=True)
        assert (await history.states())["a"] is State.EXCEPTED
        with pytest.raises(UsageError, match="has reviewed"):
            await excepting.review(history.connection, other, "高橋", "見た", agrees=False)
