"""Schedules as people keep them: made, changed, paused, resumed, taken away, and read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.organisations import shown, tree
from audits.schedules.planned import plan_at
from audits.schedules.times import When
from db.errors import UsageError
from db.tables import Schedule, ScheduledRun, Site, Sweep
from db.words import Days

LONGEST = 200  # characters of a name, or of an expression
STANDS = Schedule.removed_at.is_(None)
PRIORITIES = {"low": -2, "normal": -1, "high": 1}  # what people ask for by hand has 0


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A schedule as somebody wants it."""

    name: str
    when: When
    plan: dict[str, Any]  # see audits.schedules.planned
    site: int | None = None  # this, or the next
    organisation: int | None = None
    window: str = ""
    priority: int = PRIORITIES["normal"]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A schedule, with the name of what it is for."""

    row: Schedule
    target: str  # address of the site, or path of the organisation

    @property
    def when(self) -> When:
        """When it is due."""
        return when_of(self.row)

    def next(self, moment: datetime, number: int = 5) -> list[datetime]:
        """Its next times on its own clock; none while it is paused."""
        return [] if self.row.paused_at else self.when.next(max(moment, self.row.counts_from), number)


def when_of(row: Schedule) -> When:
    """When a schedule's row is due."""
    return When(cron=row.cron, zone=row.zone, days=Days(row.days))


async def add(connection: AsyncConnection, wanted: Wanted, who: str, moment: datetime) -> int:
    """Make a schedule; returns its number. Raises UsageError for what cannot be."""
    await _check(connection, wanted, moment)
    made = sa.insert(Schedule).values(
        **_values(wanted), counts_from=moment, created_by=who, created_at=moment
    )  # fmt: skip
    number = await connection.scalar(made.returning(Schedule.id))
    assert isinstance(number, int)
    return number


async def change(connection: AsyncConnection, number: int, wanted: Wanted, moment: datetime) -> None:
    """Have a schedule as wanted; another time counts from now on. Raises UsageError for what cannot be."""
    await _check(connection, wanted, moment, number)
    row = await _locked(connection, number)
    from_now = {} if when_of(row) == wanted.when else {"counts_from": moment}
    await connection.execute(sa.update(Schedule).where(Schedule.id == number).values(**_values(wanted), **from_now))


async def pause(connection: AsyncConnection, number: int, who: str, moment: datetime) -> None:
    """Have nothing due until it is resumed; sweeps that it has begun go on."""
    still = sa.update(Schedule).where(Schedule.id == number, Schedule.paused_at.is_(None))
    await connection.execute(still.values(paused_by=who, paused_at=moment))


async def resume(connection: AsyncConnection, number: int, moment: datetime) -> None:
    """Have it due again; what would have been meanwhile was not missed."""
    still = sa.update(Schedule).where(Schedule.id == number, Schedule.paused_at.is_not(None))
    await connection.execute(still.values(paused_by=None, paused_at=None, counts_from=moment))


async def remove(connection: AsyncConnection, number: int, who: str, moment: datetime) -> None:
    """Have nothing due any more, and its name free; the sweeps stay, and what came of its times."""
    await _locked(connection, number)
    gone = sa.update(Schedule).where(Schedule.id == number)
    await connection.execute(gone.values(removed_by=who, removed_at=moment))


async def schedules(connection: AsyncConnection, *of: sa.ColumnElement[bool]) -> list[Kept]:
    """The schedules of which conditions hold, by name, without those that were removed."""
    rows = (await connection.execute(sa.select(Schedule).where(STANDS, *of).order_by(Schedule.name))).all()
    organisations = await tree(connection) if any(row.organisation_id for row in rows) else None
    numbers = {row.site_id for row in rows if row.site_id}
    found = await connection.execute(sa.select(Site.id, Site.address).where(Site.id.in_(numbers)))
    addresses = {row.id: row.address for row in found}
    kept = []
    for row in rows:
        if row.site_id is not None:
            target = addresses[row.site_id]
        else:
            assert organisations is not None
            target = shown(organisations.nodes[row.organisation_id].path)
        kept.append(Kept(row=row, target=target))  # type: ignore[arg-type]
    return kept


async def named(connection: AsyncConnection, name: str) -> Kept:
    """The schedule of a name. Raises UsageError for none."""
    found = await schedules(connection, Schedule.name == _name(name))
    if not found:
        raise UsageError(
            ja=f"「{name}」という定期調査はありません。jisweep schedule list で一覧を見られます。",
            en=f"There is no schedule {name!r}: jisweep schedule list shows them.",
        )
    return found[0]


def runs() -> sa.Select[*tuple[Any, ...]]:
    """What came of due times, each with the site and the state of the sweep; the caller says of which."""
    return (
        sa.select(
            ScheduledRun.id.label("id"), ScheduledRun.schedule_id, Schedule.name.label("schedule"), Schedule.zone,
            ScheduledRun.site_id, Site.address.label("site"), ScheduledRun.due_at.label("due"), ScheduledRun.missed,
            ScheduledRun.came, ScheduledRun.came_at, ScheduledRun.sweep_id.label("sweep"), ScheduledRun.wrong,
            Sweep.state, Sweep.finished_at, Sweep.halted, Sweep.asked_at, Sweep.stop_asked_at, Sweep.lease_owner, Sweep.lease_until,
        )
        .join(Schedule, Schedule.id == ScheduledRun.schedule_id)
        .outerjoin(Site, Site.id == ScheduledRun.site_id)
        .outerjoin(Sweep, Sweep.id == ScheduledRun.sweep_id)
    )  # fmt: skip


async def last_runs(connection: AsyncConnection, number: int) -> Sequence[Any]:
    """What came of the last due time of a schedule, site by site."""
    last = sa.select(sa.func.max(ScheduledRun.due_at)).where(ScheduledRun.schedule_id == number).scalar_subquery()
    of = ScheduledRun.schedule_id == number, ScheduledRun.due_at == last
    return (await connection.execute(runs().where(*of).order_by(Site.address))).all()


async def _check(connection: AsyncConnection, wanted: Wanted, moment: datetime, number: int | None = None) -> None:
    if not 1 <= len(_name(wanted.name)) <= LONGEST or len(wanted.when.cron) > LONGEST:
        raise UsageError(
            ja=f"定期調査の名前は1〜{LONGEST}文字、cron の式は{LONGEST}文字までで書いてください。",
            en=f"The name of a schedule has 1 to {LONGEST} characters, its cron expression at most {LONGEST}.",
        )
    others = STANDS, Schedule.id != (number or 0)
    taken = sa.select(Schedule.id).where(Schedule.name == _name(wanted.name), *others)
    if await connection.scalar(taken) is not None:
        raise UsageError(
            ja=f"「{wanted.name}」という定期調査がもうあります。別の名前にしてください。",
            en=f"There is a schedule {wanted.name!r} already: choose another name.",
        )
    if (wanted.site is None) == (wanted.organisation is None):
        raise UsageError(
            ja="サイトか組織のどちらか一つを指定してください。", en="Name either a site or an organisation."
        )
    wanted.when.check(moment)
    plan_at("https://www.example.lg.jp/", {}, wanted.plan, wanted.window)


def _name(text: str) -> str:
    return " ".join(text.split())


def _values(wanted: Wanted) -> dict[str, Any]:
    return {
        "name": _name(wanted.name), "site_id": wanted.site, "organisation_id": wanted.organisation,
        "cron": " ".join(wanted.when.cron.split()), "zone": wanted.when.zone, "days": wanted.when.days,
        "plan": wanted.plan, "window": wanted.window, "priority": wanted.priority,
    }  # fmt: skip


async def _locked(connection: AsyncConnection, number: int) -> Schedule:
    """A schedule's row, which nobody else changes meanwhile. Raises UsageError when it is gone."""
    row = (
        await connection.execute(sa.select(Schedule).where(Schedule.id == number, STANDS).with_for_update())
    ).one_or_none()
    if row is None:
        raise UsageError(ja="その定期調査はもうありません。", en="That schedule is gone.")
    return row  # type: ignore[return-value]
