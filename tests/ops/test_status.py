"""`jisweep status`: every way in which a sweep can stand, on both databases, and the exit code that cron sees."""

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from audits.trends.kept import keep_points
from db.database import Database
from db.leases import this_process
from db.tables import Notice, Schedule, ScheduledRun, Subscription, Sweep, Worker
from db.types import now
from db.words import Came, Channel, Days, Reason, SweepState, Telling, Trust, VisitState
from reports.ops.standing import Overall, Standing, Verdict, read_standing
from reports.ops.telling import EXIT, as_lines, as_object
from tests.cli.program import Program
from tests.cli.refusals import refused
from tests.reports.rows import Writer

AT = datetime(2026, 11, 26, 18, 0, tzinfo=UTC)  # 03:00 in Tokyo, Friday
DAY = timedelta(days=1)
SOON, LONG_AGO = AT + timedelta(minutes=4), AT - timedelta(hours=3)
ELSEWHERE, DEAD = "other-machine/12/34", f"{socket.gethostname()}/1/0"
UNFINISHED: dict[str, Any] = {
    "state": SweepState.AUDITING, "finished_at": None, "created_at": LONG_AGO, "explored_at": LONG_AGO, "chosen_at": LONG_AGO,
}  # fmt: skip
ASKED = {"asked_by": "tanaka", "asked_at": AT - timedelta(minutes=5)}
CASES: dict[str, tuple[dict[str, Any], datetime | None, Standing]] = {  # columns, last page, how it stands
    "running": ({"lease_owner": ELSEWHERE, "lease_until": SOON}, AT - timedelta(minutes=1), Standing.RUNNING),
    "stuck": ({"lease_owner": ELSEWHERE, "lease_until": SOON}, AT - timedelta(minutes=40), Standing.STUCK),
    "its window is shut": (
        {"lease_owner": ELSEWHERE, "lease_until": SOON, "settings": {"window": "22:00-01:00"}},
        AT - timedelta(minutes=90), Standing.RUNNING,
    ),
    "taken on again just now": (
        {"lease_owner": ELSEWHERE, "lease_until": SOON, **ASKED}, AT - DAY, Standing.RUNNING
    ),
    "exploring leaves no times": (
        {"lease_owner": ELSEWHERE, "lease_until": SOON, "state": SweepState.EXPLORING, "chosen_at": None}, None,
        Standing.RUNNING,
    ),
    "queued": (ASKED, None, Standing.QUEUED),
    "nobody takes it": ({**ASKED, "asked_at": AT - timedelta(minutes=20)}, None, Standing.UNTAKEN),
    "waits for its window": ({**ASKED, "settings": {"window": "22:00-01:00"}}, None, Standing.CLOSED),
    "halted": ({"halted": {"ja": "止まった理由", "en": "the reason"}}, None, Standing.HALTED),
    "its lease has ended": ({"lease_owner": ELSEWHERE, "lease_until": AT - timedelta(minutes=1)}, None, Standing.DIED),
    "its process is gone": ({"lease_owner": DEAD, "lease_until": SOON}, None, Standing.DIED),
    "its process is gone, and it is wanted": (
        {"lease_owner": DEAD, "lease_until": SOON, **ASKED}, None, Standing.QUEUED
    ),
    "interrupted": ({}, None, Standing.LEFT),
    "stopped": ({"stop_asked_at": AT - timedelta(minutes=30)}, None, Standing.STOPPED),
}  # fmt: skip


async def stands(database: Database) -> Overall:
    async with database.reading() as connection:
        return await read_standing(connection, AT, DAY)


@pytest.mark.parametrize(("columns", "page_at", "standing"), CASES.values(), ids=CASES)
async def test_each_way_in_which_a_sweep_stands(
    database: Database, columns: dict[str, Any], page_at: datetime | None, standing: Standing
) -> None:
    async with database.writing() as connection:
        writer = Writer(connection)
        await writer.begin(**(UNFINISHED | columns))
        await writer.visit("https://www.example.metro.tokyo.lg.jp/1", state=VisitState.AUDITED, audited_at=page_at)
        await writer.visit("https://www.example.metro.tokyo.lg.jp/2", state=VisitState.SELECTED)
    overall = await stands(database)
    [found] = overall.under_way
    assert (found.standing, found.left, found.last_at) == (standing, 1, page_at)
    calm = {Standing.RUNNING, Standing.QUEUED, Standing.CLOSED, Standing.STOPPED}
    whole = Verdict.INCOMPLETE if standing is Standing.STOPPED else Verdict.WHOLE
    assert overall.verdict is (whole if standing in calm else Verdict.ATTENTION)
    assert overall.nothing_ran is (standing not in calm)
    for lang in ("ja", "en"):
        assert any(f"{found.sweep}" in line and found.site in line for line in as_lines(overall, lang, sites=False))
    json.dumps(as_object(overall))


async def finished(database: Database, address: str, finished_at: datetime, *, lost: bool = False) -> None:
    async with database.writing() as connection:
        writer = Writer(connection)
        await writer.begin(address=address, created_at=finished_at - timedelta(hours=1), finished_at=finished_at)
        visit = await writer.visit(f"{address}1")
        await writer.result(visit)
        if lost:
            await writer.visit(f"{address}2", state=VisitState.UNAUDITED, reason=Reason.TIMED_OUT)
        await keep_points(connection)


async def test_a_night_is_whole_only_when_every_sweep_of_it_is_complete(database: Database) -> None:
    await finished(database, "https://a.example.lg.jp/", AT - timedelta(hours=2))
    await finished(database, "https://old.example.lg.jp/", AT - 3 * DAY, lost=True)
    overall = await stands(database)
    assert (overall.verdict, [each.site for each in overall.finished]) == (
        Verdict.WHOLE,
        ["https://a.example.lg.jp/"],
    )
    assert [each.site for each in overall.sites] == ["https://old.example.lg.jp/", "https://a.example.lg.jp/"]
    await finished(database, "https://b.example.lg.jp/", AT - timedelta(hours=1), lost=True)
    overall = await stands(database)
    assert (overall.verdict, EXIT[overall.verdict]) == (Verdict.INCOMPLETE, 3)
    assert [each.complete for each in overall.finished] == [True, False]


async def test_a_sweep_of_which_nothing_is_known_is_not_called_complete(database: Database) -> None:
    await finished(database, "https://a.example.lg.jp/", AT - timedelta(hours=2))
    async with database.writing() as connection:
        await connection.execute(sa.text("DELETE FROM point"))
    overall = await stands(database)
    assert [each.complete for each in overall.finished] == [None]
    assert overall.verdict is Verdict.INCOMPLETE


async def test_silence_is_no_success(database: Database) -> None:
    overall = await stands(database)
    assert (overall.nothing_ran, EXIT[overall.verdict]) == (True, 8)
    async with database.writing() as connection:  # nor is what somebody stopped long ago
        await Writer(connection).begin(**UNFINISHED, stop_asked_at=AT - 2 * DAY)
    assert (await stands(database)).nothing_ran


async def test_one_that_a_later_sweep_of_the_site_replaced_calls_for_nobody(database: Database) -> None:
    async with database.writing() as connection:
        await Writer(connection).begin(**UNFINISHED)
    await finished(database, "https://www.example.metro.tokyo.lg.jp/", AT - timedelta(hours=1))
    overall = await stands(database)
    assert (overall.under_way, overall.verdict) == ((), Verdict.WHOLE)


async def test_processes_are_told_by_their_leases_and_pages_let_go_are_counted(database: Database) -> None:
    async with database.writing() as connection:
        writer = Writer(connection)
        await writer.begin(**UNFINISHED, lease_owner=this_process(), lease_until=SOON)
        for number, owner in enumerate([this_process(), this_process(), DEAD, ELSEWHERE]):
            until = SOON if owner != ELSEWHERE else AT - timedelta(seconds=1)
            await writer.visit(
                f"https://www.example.metro.tokyo.lg.jp/{number}", state=VisitState.SELECTED, lease_owner=owner,
                lease_until=until,
            )  # fmt: skip
    overall = await stands(database)
    assert {each.owner: (each.pages, each.ended) for each in overall.holders} == {
        this_process(): (2, False), DEAD: (1, True), ELSEWHERE: (1, True)
    }  # fmt: skip
    assert overall.ended_leases == 2
    [sweep] = overall.under_way
    assert set(sweep.holders) == {this_process(), DEAD, ELSEWHERE}
    assert overall.size > 0


async def test_a_suspect_sweep_waits_for_a_person_and_a_rejected_one_does_not(database: Database) -> None:
    await finished(database, "https://a.example.lg.jp/", AT - 2 * DAY)
    await finished(database, "https://b.example.lg.jp/", AT - timedelta(hours=2))
    async with database.writing() as connection:
        await connection.execute(sa.update(Sweep).where(Sweep.id == 1).values(trust=Trust.SUSPECT))
    overall = await stands(database)
    assert ([each.sweep for each in overall.suspect], overall.verdict) == ([1], Verdict.ATTENTION)
    assert any("jisweep health" in line for line in as_lines(overall, "en", sites=True))
    async with database.writing() as connection:
        await connection.execute(sa.update(Sweep).values(trust=Trust.REJECTED))
    assert (await stands(database)).verdict is Verdict.WHOLE


async def test_workers_that_fall_silent_and_notices_that_were_given_up_are_told(database: Database) -> None:
    await finished(database, "https://b.example.lg.jp/", AT - timedelta(hours=2))
    about = {"version": "1", "engine": "axe-core 4", "reader": 1, "places": 3, "started_at": LONG_AGO, "hand": {}}
    async with database.writing() as connection:
        writer = Writer(connection)
        killed = 25 * 60  # before the period: nobody expects it back
        for name, minutes, ended in (
            ("busy", 1, None),
            ("frozen", 6, None),
            ("gone", 60, LONG_AGO),
            ("killed", killed, None),
        ):
            beat = AT - timedelta(minutes=minutes)
            await writer.insert(Worker, **about, name=name, owner=f"{name}/1/1", beat_at=beat, ended_at=ended)
        wanted = {
            "channel": Channel.EMAIL,
            "kind": Telling.FINISHED,
            "lang": "ja",
            "made_by": "x",
            "made_at": AT - DAY,
        }
        subscription = await writer.insert(Subscription, **wanted)
        message = {
            "subscription_id": subscription, "kind": Telling.FINISHED, "channel": Channel.EMAIL, "recipient": "a@example.jp",
            "told": {}, "made_at": AT - DAY, "due": AT - timedelta(hours=1),
        }  # fmt: skip
        await writer.insert(Notice, **message, about="sweep-1")
        await writer.insert(Notice, **message, about="sweep-2", sent_at=AT)
    overall = await stands(database)
    assert {each.name: each.silent for each in overall.workers} == {"busy": False, "frozen": True}
    assert (overall.notices.waiting, overall.notices.late, overall.notices.given_up) == (1, 1, 0)
    assert overall.verdict is Verdict.WHOLE
    async with database.writing() as connection:
        await Writer(connection).insert(Notice, **message, about="sweep-3", given_up_at=AT - timedelta(hours=1))
    overall = await stands(database)
    assert (overall.notices.given_up, overall.verdict) == (1, Verdict.ATTENTION)
    assert any("given up" in line for line in as_lines(overall, "en", sites=False))
    json.dumps(as_object(overall))


DUE = datetime(2026, 11, 26, 13, 0, tzinfo=UTC)  # 22:00 in Tokyo, five hours before AT
OURS = "https://www.example.metro.tokyo.lg.jp/"


async def nightly(database: Database, *, site: str = OURS, **columns: Any) -> int:
    """A schedule of a site, kept as it was the night before; another site's sweep has finished since."""
    await finished(database, "https://other.example.lg.jp/", AT - timedelta(hours=1))
    async with database.writing() as connection:
        writer = Writer(connection)
        await writer.begin(address=site, created_at=AT - 3 * DAY, finished_at=AT - 2 * DAY)
        schedule: dict[str, Any] = {
            "name": "毎晩", "site_id": writer.site, "cron": "0 22 * * *", "zone": "Asia/Tokyo", "days": Days.EVERY, "plan": {},
            "window": "", "priority": 0, "counts_from": DUE - 10 * DAY, "created_by": "x", "created_at": DUE - 10 * DAY,
        }  # fmt: skip
        number = await writer.insert(Schedule, **(schedule | columns))
    await came(database, number, due=DUE - DAY)
    return number


async def came(database: Database, schedule: int, **columns: Any) -> None:
    """What came of a due time at the schedule's site."""
    at = columns.pop("due", DUE)
    async with database.writing() as connection:
        site = await connection.scalar(sa.select(Schedule.site_id).where(Schedule.id == schedule))
        row = {"site_id": site, "due_at": at, "missed": 0, "came": Came.BEGUN, "came_at": at + timedelta(minutes=1)}
        await Writer(connection).insert(ScheduledRun, schedule_id=schedule, **(row | columns))


def says(overall: Overall, word: str) -> bool:
    json.dumps(as_object(overall))
    return any(word in line for line in as_lines(overall, "en", sites=False))


async def test_a_due_time_that_nobody_kept_is_told_whatever_else_ran(database: Database) -> None:
    schedule = await nightly(database)
    overall = await stands(database)
    assert [(each.schedule, each.due_at) for each in overall.schedules.unkept] == [("毎晩", DUE)]
    assert (overall.verdict, says(overall, "nobody has begun it")) == (Verdict.ATTENTION, True)
    async with database.reading() as connection:  # whoever keeps schedules looks once a minute
        early = await read_standing(connection, DUE + timedelta(minutes=14), DAY)
        assert early.schedules.unkept == ()
    await came(database, schedule, came=None, came_at=None)  # taken, and then its process died
    assert (await stands(database)).verdict is Verdict.ATTENTION
    async with database.writing() as connection:
        await connection.execute(sa.update(ScheduledRun).values(came=Came.BEGUN, came_at=DUE))
    overall = await stands(database)
    assert (overall.verdict, overall.schedules.unkept) == (Verdict.WHOLE, ())
    assert overall.schedules.next_at == DUE + DAY


async def test_a_run_that_could_not_be_begun_is_told_until_one_is(database: Database) -> None:
    schedule = await nightly(database)
    await came(database, schedule, came=Came.FAILED, wrong={"ja": "計画が読めません", "en": "no plan"})
    overall = await stands(database)
    assert [each.site for each in overall.schedules.failed] == [OURS]
    assert (overall.verdict, says(overall, "could not be begun: no plan")) == (Verdict.ATTENTION, True)
    for who in (
        {"paused_at": AT, "paused_by": "x"},
        {"removed_at": AT, "removed_by": "x"},
    ):  # somebody has seen to it
        async with database.writing() as connection:
            await connection.execute(sa.update(Schedule).values(who))
        assert (await stands(database)).verdict is Verdict.WHOLE
        async with database.writing() as connection:
            await connection.execute(sa.update(Schedule).values(dict.fromkeys(who)))
    await came(
        database, schedule, came=Came.FAILED, site_id=None, due=DUE - timedelta(hours=1), wrong={"ja": "", "en": ""}
    )
    failed = (await stands(database)).schedules.failed  # that there was no site has been mended since
    assert [each.site for each in failed] == [OURS]
    await came(database, schedule, due=DUE + timedelta(hours=1))
    assert (await stands(database)).verdict is Verdict.WHOLE


async def test_a_sweep_that_does_not_end_is_not_called_whole_for_ever(database: Database) -> None:
    schedule = await nightly(database)
    async with database.writing() as connection:
        lease = {"lease_owner": ELSEWHERE, "lease_until": SOON}
        writer = Writer(connection)
        await writer.begin(**UNFINISHED, **lease)
        await writer.visit(f"{OURS}1", state=VisitState.AUDITED, audited_at=AT - timedelta(minutes=1))
    await came(database, schedule, came=Came.OVERLAPS, sweep_id=writer.sweep)
    overall = await stands(database)
    assert [(each.sweep, each.times) for each in overall.schedules.in_the_way] == [(writer.sweep, 1)]
    assert (overall.verdict, says(overall, f"sweep {writer.sweep} is not finished")) == (Verdict.INCOMPLETE, True)
    for night in range(2, 8):
        await came(database, schedule, came=Came.OVERLAPS, sweep_id=writer.sweep, due=DUE - night * DAY)
    overall = await stands(database)
    assert (overall.schedules.in_the_way[0].times, overall.verdict) == (7, Verdict.ATTENTION)
    async with database.writing() as connection:
        done = {"state": SweepState.FINISHED, "finished_at": AT - 2 * DAY, "lease_owner": None}
        await connection.execute(sa.update(Sweep).where(Sweep.id == writer.sweep).values(done))
    assert (await stands(database)).verdict is Verdict.WHOLE


async def test_what_was_missed_in_an_outage_is_told_once_for_all_sites(database: Database) -> None:
    schedule = await nightly(database)
    await came(database, schedule, missed=2)
    async with database.writing() as connection:
        other = await connection.scalar(sa.text("SELECT id FROM site WHERE address LIKE '%other%'"))
    await came(database, schedule, missed=2, site_id=other)
    overall = await stands(database)
    assert (overall.schedules.missed, overall.verdict) == (2, Verdict.INCOMPLETE)
    assert says(overall, "not made up for: 2")


async def test_a_day_on_which_nothing_was_due_calls_for_nobody(database: Database) -> None:
    schedule = await nightly(database, cron="0 22 1 * *", counts_from=DUE - timedelta(days=24))
    async with database.writing() as connection:
        await connection.execute(sa.update(Sweep).values(finished_at=AT - 5 * DAY))
    overall = await stands(database)
    assert (overall.nothing_ran, overall.nothing_due, overall.verdict) == (False, True, Verdict.WHOLE)
    assert overall.schedules.next_at == datetime(2026, 12, 1, 13, 0, tzinfo=UTC)
    assert says(overall, "No sweep was due")
    assert says(overall, "no sweep ended")
    assert not says(overall, "every sweep that ended")  # of none it would be true of all
    async with database.writing() as connection:  # one that somebody has forgotten to resume expects nothing
        await connection.execute(sa.update(Schedule).values(paused_at=AT - 9 * DAY, paused_by="x"))
    overall = await stands(database)
    assert (overall.nothing_ran, overall.verdict, overall.schedules.paused) == (True, Verdict.ATTENTION, 1)
    async with database.writing() as connection:  # and one that cannot be read is no silence
        await connection.execute(sa.update(Schedule).values(paused_at=None, zone="Asia/Edo"))
    overall = await stands(database)
    assert (overall.verdict, says(overall, "Asia/Edo")) == (Verdict.ATTENTION, True)
    assert schedule > 0


async def _make_stuck(path: Path) -> None:
    async with Database(str(path)) as database, database.writing() as connection:
        await Writer(connection).begin(**(UNFINISHED | {"created_at": now()}))


async def _mend(path: Path) -> None:
    async with Database(str(path)) as database, database.writing() as connection:
        await connection.execute(sa.update(Sweep).values(asked_at=now(), asked_by="cron"))


async def test_the_command_ends_with_the_code_that_cron_heeds(program: Program) -> None:
    await _make_stuck(program.database)
    ended = program.run("status", "--lang", "en")
    assert (ended.code, ended.err) == (8, "")
    assert "Somebody has to see to this" in ended.out
    assert "jisweep resume goes on" in ended.out
    await _mend(program.database)
    ended = program.run("status", "--json")
    assert (ended.code, ended.object["verdict"], ended.object["queue"]) == (0, "whole", [1])
    assert ended.object["database"]["kind"] == "sqlite"
    for hours in ("nan", "inf", "0"):
        refused(program, 2, "status", "--since", hours)
    ended = program.run("status", "--db", "nowhere.sqlite")
    assert (ended.code, len(ended.said)) == (6, 1)
