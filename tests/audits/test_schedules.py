"""Schedules kept: a month in simulated time with outages, clocks that jump and sweeps that take too long; each time once."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import asked
from audits.fleet.needs import needs
from audits.repeating import plan_for
from audits.schedules import book
from audits.schedules.book import PRIORITIES, Wanted
from audits.schedules.keeping import BROKEN, due, is_late
from audits.schedules.planned import as_row
from audits.schedules.times import When, is_workday
from audits.site import keep_site_settings
from audits.sweep import Held, Plan, held, write_rows
from crawler.limits import Limits
from crawler.scope import Scope
from crawler.windows import Windows
from db.database import Database
from db.errors import UsageError
from db.tables import Organisation, Schedule, ScheduledRun, ScopeRule, Site, Sweep
from db.types import now
from db.words import Came, Days, Edition, Method, SweepState

STEP = timedelta(hours=1)
TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
NIGHT = "22:00-06:00"
AT = datetime(2026, 11, 2, 0, 0, tzinfo=TOKYO)


def kept(**given: Any) -> dict[str, Any]:
    """What a schedule keeps of a plan."""
    plan = Plan(scope=Scope.around("https://x.example.lg.jp/"), limits=Limits(contact="x"), **given)
    return as_row(plan, "a@example.lg.jp", {"addresses": 7})


def wanted(name: str = "毎晩", cron: str = "0 22 * * *", zone: str = "Asia/Tokyo", days: Days = Days.EVERY, **given: Any) -> Wanted:  # fmt: skip
    return Wanted(name=name, when=When(cron=cron, zone=zone, days=days), **{"plan": kept(), **given})


async def sites(database: Database, number: int, organisation: int | None = None) -> list[int]:
    """New sites of an organisation."""
    async with database.writing() as connection:
        found = await connection.scalar(sa.select(sa.func.count()).select_from(Site))
        rows = [
            {"address": f"https://s{found + each}.example.lg.jp/", "organisation_id": organisation, "settings": {}, "created_at": now()}
            for each in range(number)
        ]  # fmt: skip
        return sorted(await connection.scalars(sa.insert(Site).returning(Site.id), rows))


async def organisation(database: Database, name: str, parent: int | None = None) -> int:
    made = sa.insert(Organisation).values(name=name, parent_id=parent).returning(Organisation.id)
    async with database.writing() as connection:
        return int((await connection.execute(made)).scalar_one())


async def add(database: Database, what: Wanted, moment: datetime = AT) -> int:
    async with database.writing() as connection:
        return await book.add(connection, what, "佐藤", moment)


async def runs(database: Database, *of: Any) -> list[Any]:
    async with database.reading() as connection:
        return list(await connection.execute(book.runs().where(*of).order_by(ScheduledRun.due_at, ScheduledRun.id)))


async def _startable(connection: AsyncConnection, moment: datetime) -> list[int]:
    """The sweeps that can be run at a moment, the first first."""
    return [each.sweep for each in await needs(connection, moment=moment) if not each.recheck]


async def finish(connection: AsyncConnection, sweep: int) -> None:
    """A sweep is done, as far as its row tells."""
    done = {"state": SweepState.FINISHED, "finished_at": now(), "asked_at": None}
    await connection.execute(sa.update(Sweep).where(Sweep.id == sweep).values(done))


@dataclass(kw_only=True)
class World:
    """A machine that runs what is asked for, in simulated time: two sites at once, and each as long as its sweep takes."""

    database: Database
    takes: Mapping[int, timedelta]  # by site
    worked: Counter[int] = field(default_factory=Counter)  # steps by sweep
    nights: dict[int, list[datetime]] = field(default_factory=dict)  # by sweep: when it was worked on

    async def step(self, moment: datetime) -> None:
        async with self.database.writing() as connection:
            startable = await _startable(connection, moment)
            of = {row.id: row.site_id for row in await connection.execute(sa.select(Sweep.id, Sweep.site_id))}
            running = startable[:2]
            for sweep in running:
                self.worked[sweep] += 1
                self.nights.setdefault(sweep, []).append(moment)
                if self.worked[sweep] * STEP >= self.takes.get(of[sweep], STEP):
                    await finish(connection, sweep)
            assert len({of[sweep] for sweep in running}) == len(running)  # never two of one site


def nightly(begin: date, number: int, at: time, zone: ZoneInfo) -> list[datetime]:
    """Once a day by a wall clock, worked out without cron."""
    found = []
    for day in range(number):
        wall = datetime.combine(begin + timedelta(days=day), at)
        while wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
            wall += timedelta(minutes=1)
        found.append(wall.replace(tzinfo=zone).astimezone(UTC))
    return found


@pytest.mark.parametrize(
    ("backend", "begin"), [("sqlite", date(2026, 2, 25)), ("postgresql", date(2026, 10, 20))]
)  # the months in which New York changes its clocks
async def test_a_month_every_run_on_time_once_and_in_its_window(database: Database, begin: date) -> None:
    metro = await organisation(database, "東京都")
    bureau = await organisation(database, "総務局", metro)
    [one, huge, abroad], below = await sites(database, 3), await sites(database, 3, bureau)
    start = datetime.combine(begin, time(12), TOKYO)
    numbers = {
        "nightly": await add(database, wanted("nightly", site=one, window=NIGHT), start),
        "huge": await add(database, wanted("huge", site=huge, window=NIGHT, priority=PRIORITIES["high"]), start),
        "abroad": await add(
            database, wanted("abroad", "0 2 * * *", "America/New_York", site=abroad, window="02:00-05:00 America/New_York"), start
        ),
        "office": await add(
            database, wanted("office", "0 20 1,10,20 * *", days=Days.MOVED, organisation=metro, window="20:00-08:00"), start
        ),
    }  # fmt: skip
    world = World(database=database, takes={huge: timedelta(hours=20)})  # more than two nights
    outages = [(start + timedelta(days=6, hours=3), start + timedelta(days=8, hours=9)),
               (start + timedelta(days=20, hours=9, minutes=40), start + timedelta(days=20, hours=12))]  # fmt: skip
    back = {
        start + timedelta(days=each, hours=11) for each in (3, 12, 24)
    }  # the clock is three hours slow, for a look
    moment, end = start, start + timedelta(days=31)
    while moment < end:
        if not any(begins <= moment < ends for begins, ends in outages):
            if moment in back:
                await due(database, moment - timedelta(hours=3))
            await due(database, moment)
            await world.step(moment)
        moment += STEP

    found = {name: await runs(database, ScheduledRun.schedule_id == number) for name, number in numbers.items()}
    expected = {
        "nightly": nightly(begin, 31, time(22), TOKYO),
        "huge": nightly(begin, 31, time(22), TOKYO),
        "abroad": [
            each for each in nightly(begin - timedelta(days=1), 33, time(2), NEW_YORK) if start < each < end
        ],
        "office": office_days(begin, start, end),
    }
    for name, times in expected.items():
        lost = {each for each in times if any(begins <= each < ends for begins, ends in outages)}
        last_lost = {max(each for each in times if begins <= each < ends) for begins, ends in outages
                     if any(begins <= each < ends for each in times)}  # fmt: skip
        kept_times = [each for each in times if each not in lost or each in last_lost]
        places = below if name == "office" else [found[name][0].site_id]
        assert [(row.due, row.site_id) for row in found[name]] == [
            (each, site) for each in kept_times for site in places
        ]
        for row in found[name]:
            late = row.due in lost
            assert (is_late(row), row.came_at - row.due < timedelta(minutes=1)) == (late, not late), row
        assert sum({row.due: row.missed for row in found[name]}.values()) == len(lost) - len(last_lost)
        assert sum(row.missed for row in found["nightly"]) > 0
    late_ones = {row.sweep for row in found["nightly"] if is_late(row)}
    for row in found["nightly"]:  # only a late run, which waits for the night, is in the way of the next
        assert row.came is Came.BEGUN or row.sweep in late_ones
    huge_came = [row.came for row in found["huge"]]
    assert huge_came[:4] == [Came.BEGUN, Came.OVERLAPS, Came.OVERLAPS, Came.BEGUN]  # on the third night it was done
    for some in found.values():
        own = {row.sweep for row in some if row.came is Came.BEGUN}
        assert {row.sweep for row in some if row.came is Came.OVERLAPS} <= own
    async with database.reading() as connection:
        swept = {row.id: row for row in await connection.execute(sa.select(Sweep.id, Sweep.settings, Sweep.state))}
    begun = [row.sweep for some in found.values() for row in some if row.came is Came.BEGUN]
    assert sorted(begun) == sorted(swept)  # each run its own sweep, and no sweep without one
    for sweep, moments in world.nights.items():
        windows = Windows.parse(swept[sweep].settings["window"])
        assert windows.hours
        assert all(map(windows.are_open, moments))
    assert any((each[-1] - each[0]) > timedelta(days=1) for each in world.nights.values())  # went on next night
    unfinished = [sweep for sweep, row in swept.items() if row.state is not SweepState.FINISHED]
    assert len(unfinished) <= 2  # the last night's


def office_days(begin: date, start: datetime, end: datetime) -> list[datetime]:
    """The 1st, 10th and 20th, or the next workday, at 20:00 in Tokyo."""
    found = set()
    for each in range(-15, 40):
        day = begin + timedelta(days=each)
        if day.day in (1, 10, 20):
            while not is_workday(day):
                day += timedelta(days=1)
            found.add(datetime.combine(day, time(20), TOKYO).astimezone(UTC))
    return sorted(each for each in found if start < each < end)


async def test_many_processes_at_once_begin_one_sweep_for_each_site(database: Database, database_url: str) -> None:
    metro = await organisation(database, "東京都")
    await sites(database, 4, metro)
    await add(database, wanted(organisation=metro))
    others = [Database(database_url) for _ in range(3)]
    for other in others:
        await other.__aenter__()
    moment = AT + timedelta(hours=22)
    await asyncio.gather(*(due(each, moment) for each in (database, *others, database, *others)))
    for other in others:
        await other.__aexit__()
    assert [row.came for row in await runs(database)] == [Came.BEGUN] * 4
    async with database.reading() as connection:
        told = (await connection.execute(sa.select(Sweep.site_id, Sweep.priority, Sweep.asked_by))).all()
    assert sorted(told) == sorted((row.site_id, -1, "定期: 毎晩") for row in await runs(database))


async def test_a_clock_that_was_years_ahead_does_not_stop_what_comes_before(database: Database) -> None:
    [site] = await sites(database, 1)
    await add(database, wanted(site=site))
    for moment in (datetime(2031, 1, 1, tzinfo=UTC), AT + timedelta(hours=23), AT + timedelta(hours=47)):
        await due(database, moment)
        async with database.writing() as connection:
            await finish(connection, sa.select(sa.func.max(Sweep.id)).scalar_subquery())  # type: ignore[arg-type]
    near = [row for row in await runs(database) if row.due.year == 2026]
    assert [(row.due.astimezone(TOKYO).day, row.came, row.missed) for row in near] == [
        (2, Came.BEGUN, 0), (3, Came.BEGUN, 0)
    ]  # fmt: skip


async def test_a_run_whose_process_died_between_its_two_steps_is_seen_to_by_the_next(database: Database) -> None:
    [site] = await sites(database, 1)
    schedule = await add(database, wanted(site=site))
    at = AT + timedelta(hours=22)
    async with database.writing() as connection:
        row = {"schedule_id": schedule, "site_id": site, "due_at": at, "missed": 0}
        await connection.execute(sa.insert(ScheduledRun).values(row))
    await due(database, at + timedelta(hours=1))
    [run] = await runs(database)
    assert (run.came, is_late(run)) == (Came.BEGUN, True)


async def test_sweeps_that_people_have_begun_are_in_the_way_and_say_which(database: Database) -> None:
    [web, terminal, stopped] = await sites(database, 3)
    for site in (web, terminal, stopped):
        await add(database, wanted(f"site {site}", site=site))
    plans = {site: await plan_for(database, site, "x") for site in (web, terminal, stopped)}
    async with database.writing() as connection:
        by_web = await asked.ask_sweep(connection, plans[web], "佐藤")
        by_hand = await write_rows(connection, plans[terminal])
        lease = {"lease_owner": "elsewhere/1/1", "lease_until": now() + timedelta(hours=1)}
        await connection.execute(sa.update(Sweep).where(Sweep.id == by_hand).values(lease))
        no_more = await asked.ask_sweep(connection, plans[stopped], "佐藤")
        await asked.ask_stop(connection, no_more)
    await due(database, AT + timedelta(hours=22))
    told = {row.site_id: (row.came, row.sweep) for row in await runs(database)}
    assert told.pop(stopped)[0] is Came.BEGUN  # somebody has stopped it: it is not in the way
    assert told == {web: (Came.OVERLAPS, by_web), terminal: (Came.OVERLAPS, by_hand)}
    async with database.writing() as connection:
        assert await asked.in_the_way(connection, terminal) == by_hand
        second = await asked.ask_sweep(connection, plans[terminal], "佐藤")
        assert second not in await _startable(connection, AT)  # it waits for the first to end
    with pytest.raises(Held, match=f"Another sweep of this site \\({by_hand}\\)"):
        async with held(database, second, alone=True):
            pass


async def test_what_waits_is_run_by_priority_then_by_its_turn(database: Database) -> None:
    numbers = await sites(database, 4)
    plans = [await plan_for(database, site, "x") for site in numbers]
    async with database.writing() as connection:
        low, by_hand, high, again = [
            await asked.ask_sweep(connection, plan, "x", priority)
            for plan, priority in zip(plans, (-2, 0, 1, 0), strict=True)
        ]
        assert await _startable(connection, AT) == [high, by_hand, again, low]


async def test_what_goes_wrong_at_one_site_is_said_and_the_others_run(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    metro, empty = await organisation(database, "東京都"), await organisation(database, "空の局")
    [good, bad, broken] = await sites(database, 3, metro)
    async with database.writing() as connection:
        wrong = {"include": ["no pattern"]}
        await connection.execute(sa.update(Site).where(Site.id == bad).values(settings=wrong))
        await connection.execute(sa.update(Site).where(Site.id == broken).values(settings={"include": [["x"]]}))
    await add(database, wanted("all", organisation=metro))
    await add(database, wanted("none", organisation=empty))
    await due(database, AT + timedelta(hours=22))
    told = {row.site_id: row for row in await runs(database)}
    assert told[good].came is Came.BEGUN
    assert told[bad].came is told[broken].came is told[None].came is Came.FAILED
    assert "no pattern" in told[bad].wrong["en"]
    assert told[broken].wrong == BROKEN
    assert "site" in told[None].wrong["en"]
    late = await sites(database, 1, empty)  # who is of an organisation is seen when it is due
    await due(database, AT + timedelta(hours=46))
    assert [row.site_id for row in await runs(database, Schedule.name == "none")] == [None, *late]


async def test_pausing_resuming_changing_and_removing(database: Database) -> None:
    [site] = await sites(database, 1)
    number = await add(database, wanted(site=site))
    with pytest.raises(UsageError, match="already"):
        await add(database, wanted(site=site))
    with pytest.raises(UsageError, match="either a site or an organisation"):
        await add(database, wanted("x"))
    with pytest.raises(UsageError, match="cannot be read"):
        await add(database, wanted("x", site=site, window="at night"))
    days = iter(AT + timedelta(days=each, hours=23) for each in range(20))
    async with database.writing() as connection:
        await book.pause(connection, number, "佐藤", AT)
        assert (await book.named(connection, "毎晩")).next(AT) == []
    for _ in range(3):
        await due(database, next(days))
    assert await runs(database) == []
    async with database.writing() as connection:
        await book.resume(connection, number, next(days))
        again = (await book.named(connection, " 毎晩 ")).next(AT)
        assert [each.day for each in again] == [6, 7, 8, 9, 10]
    await due(database, next(days))
    [run] = await runs(database)
    assert (run.due.astimezone(TOKYO).day, run.missed) == (6, 0)  # a pause is no outage
    moment = next(days)  # the 7th, 23:00
    async with database.writing() as connection:
        await book.change(connection, number, wanted("毎朝", "0 5 * * *", site=site), moment)
    await due(database, moment)
    assert len(await runs(database)) == 1  # what the old words would have had due is not asked of the new
    await due(database, moment + timedelta(hours=7))
    assert [row.came for row in await runs(database)] == [Came.BEGUN, Came.OVERLAPS]
    async with database.writing() as connection:
        await book.remove(connection, number, "佐藤", moment)
        with pytest.raises(UsageError, match="no schedule"):
            await book.named(connection, "毎朝")
        assert await connection.scalar(sa.select(sa.func.count()).select_from(Sweep)) == 1
    assert [row.came for row in await runs(database)] == [Came.BEGUN, Came.OVERLAPS]  # what came of its times stays
    await due(database, moment + timedelta(days=2))
    assert len(await runs(database)) == 2
    again = await add(database, wanted("毎朝", site=site), moment)  # and its name is free
    async with database.writing() as connection:
        with pytest.raises(UsageError, match="is gone"):
            await book.change(connection, number, wanted("毎晩", site=site), moment)
        assert [each.row.id for each in await book.schedules(connection)] == [again]


async def test_its_sweeps_do_what_it_says_and_meet_the_site_as_the_site_says_by_then(database: Database) -> None:
    [site] = await sites(database, 1)
    address = "https://s0.example.lg.jp/"
    plan = kept(method=Method.MIXED, pages=50, at_random=30, seed=7, edition=Edition.WCAG22, also=Edition.JIS2016)
    await add(database, wanted(site=site, plan=plan, window=NIGHT))
    settings = {"delay": 3.0, "window": "sat,sun", "include": ["/other/*"], "exclude": ["/calendar/*=endless"]}
    await keep_site_settings(database, address, settings)
    await due(database, AT + timedelta(hours=22))
    async with database.reading() as connection:
        sweep = (await connection.execute(sa.select(Sweep))).one()
        rules = (
            await connection.execute(sa.select(ScopeRule.pattern, ScopeRule.reason).order_by(ScopeRule.id))
        ).all()
    assert (sweep.method_asked, sweep.pages_asked, sweep.random_asked, sweep.seed) == (Method.MIXED, 50, 30, 7)
    assert (sweep.edition, sweep.also) == (Edition.WCAG22, Edition.JIS2016)
    limits = Limits.from_row(sweep.settings)
    assert (limits.delay, limits.window, limits.addresses) == (3.0, NIGHT, 7)
    assert limits.contact == "a@example.lg.jp"
    assert [tuple(rule) for rule in rules] == [("/other/*", None), ("/calendar/*", "endless")]
    again = await plan_for(database, site, "x")  # and so do sweeps that people ask for in the application
    assert again.scope.includes == ("/other/*",)
    assert again.limits.window == "sat,sun"
