"""A sweep that shrank, or lost too much, moves nothing until a person accepts it; a rejected one never does."""

import asyncio
from collections.abc import Collection
from datetime import timedelta

import pytest
import sqlalchemy as sa

from audits.compare import compare
from audits.conclude import last_finished
from audits.defects.naming import KNOWN
from audits.defects.reconcile import reconcile
from audits.health import Checkup, health_of, waiting_of
from audits.sweep import begin, run
from audits.trends.kept import keep_points
from audits.trends.trend import trend_of
from audits.trust import accept, judge, reject
from audits.work import Tools
from db.database import Database
from db.errors import UsageError
from db.tables import Defect, DefectEvent, Health, KeptPoint, ScopeRule, Site, Sweep
from db.words import Break, DefectState, Doubt, Method, ScopeKind, Trust
from tests.audits.swept import plan_for, sweep_now
from tests.audits.trending import FIRST, Histories, at
from tests.cli.servers import FAULT, NOT_FOUND, Answer, plain, serving

DAY = timedelta(days=1)


class OneSite:
    """A site whose sweeps are put in day by day, and judged as sweeps are when they finish."""

    def __init__(self, histories: Histories, site: int) -> None:
        self.histories, self.site, self.day = histories, site, FIRST

    async def sweep(self, pages: int, lost: Collection[int] = (), **given: object) -> int:
        self.day += DAY
        faults = given.pop("failing", {"image-alt": {0}})
        [sweep] = await self.histories.sweeps([self.site], self.day, faults, pages=pages, lost=lost, **given)  # type: ignore[arg-type]
        connection = self.histories.connection
        if await judge(connection, sweep) is Trust.SOUND:
            await reconcile(connection, sweep)
            await keep_points(connection)
        return sweep

    async def health(self, sweep: int) -> Checkup:
        found = await health_of(self.histories.connection, sweep)
        assert found is not None
        return found

    async def points(self) -> list[int]:
        trend = await trend_of(self.histories.connection, [self.site], alone=True)
        return [step.point.sweep for step in trend.steps.get(self.site, ())]


async def test_a_sweep_is_held_against_the_last_that_counts(database: Database) -> None:
    async with database.writing() as connection:
        histories = Histories(connection=connection)
        site = OneSite(histories, (await histories.sites(1))[0])
        first = await site.sweep(100)
        found = await site.health(first)
        assert found.trust is Trust.SOUND
        assert found.against is None
        assert found.measured.known == 100
        second = await site.sweep(80)  # a fifth fewer is borne
        assert (await site.health(second)).trust is Trust.SOUND
        third = await site.sweep(63)
        found = await site.health(third)
        assert found.trust is Trust.SUSPECT
        assert found.doubts == (Doubt.SHRUNKEN,)
        assert found.against == second
        assert (found.measured.known, found.measured.known_before) == (63, 80)
        fourth = await site.sweep(63)  # what nobody has accepted is no yardstick
        assert (await site.health(fourth)).against == second
        assert await waiting_of(connection, site.site) == [fourth, third]
        last = await last_finished(connection, site.site)
        assert last is not None
        assert last.id == second
        assert await site.points() == [first, second]
        await accept(connection, fourth, "佐藤", "移転で減った")
        fifth = await site.sweep(63)
        found = await site.health(fifth)
        assert (found.against, found.trust) == (fourth, Trust.SOUND)
        assert await site.points() == [first, second, fourth, fifth]
        assert found.measured.seconds_usual == 2 * 3600


async def test_a_site_that_shrinks_by_little_each_time_is_suspect_when_a_year_has_taken_too_much(
    database: Database,
) -> None:
    async with database.writing() as connection:
        histories = Histories(connection=connection)
        site = OneSite(histories, (await histories.sites(1))[0])
        greatest = await site.sweep(120)
        await site.sweep(1000, settings={"depth": 2})  # of another reach: no yardstick
        for pages in (110, 105, 96):
            assert (await site.health(await site.sweep(pages))).trust is Trust.SOUND
        fifth = await site.sweep(90)
        found = await site.health(fifth)
        assert (found.trust, found.doubts, found.against) == (Trust.SUSPECT, (Doubt.SHRUNKEN,), greatest)
        assert (found.measured.known, found.measured.known_before) == (90, 120)
        await accept(connection, fifth, "佐藤", "古い頁を消した")
        after = await site.health(
            await site.sweep(80)
        )  # a person has seen how small it is: what was before is over
        assert (after.trust, after.against) == (Trust.SOUND, fifth)
        assert (await site.health(await site.sweep(71))).against == fifth
        site.day += 366 * DAY  # and so is what is more than a year ago
        assert (await site.health(await site.sweep(65))).trust is Trust.SOUND


async def test_lost_pages_make_the_first_sweep_suspect_too(database: Database) -> None:
    async with database.writing() as connection:
        histories = Histories(connection=connection)
        one, other, third = (OneSite(histories, each) for each in await histories.sites(3))
        suspect = await one.sweep(10, lost=(7, 8, 9))
        found = await one.health(suspect)
        assert found.trust is Trust.SUSPECT
        assert found.against is None
        assert set(found.doubts) == {Doubt.LOST, Doubt.UNANSWERED}  # timed out: it may pass, so both say so
        assert (found.measured.lost, found.measured.chosen) == (3, 10)
        sample = await other.sweep(1000, drawn=range(10), lost=(0, 1, 2))
        assert (await other.health(sample)).doubts == (Doubt.LOST,)  # of all pages hardly any is missing
        kept = {"suspect_missing": 0.5}
        await connection.execute(sa.update(Site).where(Site.id == third.site).values(settings=kept))
        assert (await third.health(await third.sweep(10, lost=(7, 8, 9)))).trust is Trust.SOUND


async def test_another_scope_or_reach_is_not_held_against_it(database: Database) -> None:
    async with database.writing() as connection:
        histories = Histories(connection=connection)
        site = OneSite(histories, (await histories.sites(1))[0])
        first = await site.sweep(100)
        deep = await site.sweep(30, settings={"depth": 2})
        assert (await site.health(deep)).against is None
        row = {"sweep_id": first, "kind": ScopeKind.EXCLUDE, "pattern": "/x/*", "reason": "x"}
        await connection.execute(sa.insert(ScopeRule).values(row))
        assert (await site.health(await site.sweep(30))).against is None
        other_rules = await site.sweep(31, settings={"depth": 2}, rule_set="others")
        assert (await site.health(other_rules)).against == deep  # rules do not decide which pages there are


async def test_a_suspect_sweep_moves_defects_when_it_is_accepted_and_never_when_it_is_rejected(
    database: Database,
) -> None:
    async with database.writing() as connection:
        histories = Histories(connection=connection)
        site = OneSite(histories, (await histories.sites(1))[0])
        first = await site.sweep(10)
        half = await site.sweep(4)
        [state] = await connection.scalars(sa.select(Defect.state))
        assert state is DefectState.FOUND
        for wrong in (first, 999):
            with pytest.raises(UsageError):
                await accept(connection, wrong, "佐藤", "理由")
        for who, why in (("", "理由"), ("佐藤", "  ")):
            with pytest.raises(UsageError):
                await accept(connection, half, who, why)
        with pytest.raises(UsageError):
            await reconcile(connection, half)
        await reject(connection, half, "佐藤", "サイトの障害")
        for act in (accept, reject):
            with pytest.raises(UsageError):
                await act(connection, half, "鈴木", "別の理由")
        found = await site.health(half)
        assert (found.trust, found.decided_by, found.why) == (Trust.REJECTED, "佐藤", "サイトの障害")
        assert await judge(connection, half) is Trust.REJECTED  # however often it is taken up again
        unread = sa.select(Sweep.id).where(Sweep.reconciled_at.is_(None))
        assert list(await connection.scalars(unread)) == [half]
        assert list(await connection.scalars(sa.select(KeptPoint.sweep_id))) == [first]
        again = await site.sweep(4)
        await accept(connection, again, "佐藤", "統合で減った")
        assert await connection.scalar(sa.select(Health.decided_by).where(Health.sweep_id == again)) == "佐藤"
        assert sorted(await connection.scalars(sa.select(KeptPoint.sweep_id))) == [first, again]
        assert list(await connection.scalars(unread)) == [half]
    compared = await compare(database, first, half)
    assert Break.DOUBTED in compared.breaks
    assert Break.DOUBTED not in (await compare(database, first, again)).breaks


async def test_what_only_a_rejected_sweep_had_found_is_found_by_the_next_that_counts(database: Database) -> None:
    async with database.writing() as connection:
        histories = Histories(connection=connection)
        site = OneSite(histories, (await histories.sites(1))[0])
        await site.sweep(10)
        failing = {"image-alt": {0}, "label": {1}}
        half = await site.sweep(4, failing=failing)
        defect = await histories.defect(site.site, "label")
        row = {
            "defect_id": defect,
            "sweep_id": half,
            "new": DefectState.FOUND,
            "who": "jisweep",
            "at": at(site.day),
        }
        await connection.execute(sa.insert(DefectEvent).values(row))
        known = sa.select(Defect.id).where(Defect.rule == "label", *KNOWN)
        assert await connection.scalar(known) is None  # it is in no list
        await reject(connection, half, "佐藤", "障害")
        whole = await site.sweep(10, failing=failing)
        assert await connection.scalar(known) == defect
        found = sa.select(DefectEvent.sweep_id, DefectEvent.at).where(DefectEvent.defect_id == defect)
        assert (await connection.execute(found)).all() == [(whole, at(site.day))]


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_site_that_lost_half_of_its_pages_changes_nothing_until_a_person_says_so(
    database: Database, tools: Tools
) -> None:
    gone = False
    parts = {
        f"/p{each}.html": plain(f"案内{each}", f"<p>これは{'の' * each}話です。</p>{FAULT if each > 5 else ''}")
        for each in range(8)
    }

    def answer(path: str) -> Answer:
        left = list(parts)[: 4 if gone else 8]
        entry = plain("入口", "".join(f'<p><a href="{each}">{each}</a></p>' for each in left))
        return entry if path == "/" else parts[path] if path in left else NOT_FOUND

    with serving(answer) as site:
        first = await sweep_now(database, plan_for(site.url, method=Method.ALL), tools)
        gone = True
        half = await sweep_now(database, plan_for(site.url, method=Method.ALL), tools)
        async with database.reading() as connection:
            found = await health_of(connection, half)
            states = set(await connection.scalars(sa.select(Defect.state).where(Defect.rule == "image-alt")))
        assert found is not None
        assert found.trust is Trust.SUSPECT
        assert found.doubts == (Doubt.SHRUNKEN,)
        assert (found.measured.known, found.measured.known_before, found.against) == (5, 9, first)
        assert states == {DefectState.FOUND}  # a sweep that is taken in would have called them unverified
        third = await begin(database, plan_for(site.url, method=Method.ALL, fresh=False))
        async with database.reading() as connection:
            carries_from = await connection.scalar(sa.select(Sweep.earlier_id).where(Sweep.id == third))
        assert carries_from == first
        assert await run(database, half, tools, asyncio.Event(), again=True)  # taking it up again changes no word
        async with database.writing() as connection:
            await accept(connection, half, "佐藤", "古い頁を消したと聞いた")
            states = set(await connection.scalars(sa.select(Defect.state).where(Defect.rule == "image-alt")))
        assert states == {DefectState.UNVERIFIED}
