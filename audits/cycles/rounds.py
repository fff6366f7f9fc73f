"""The rows of a cycle: its sites, days and targets, and which sweeps belong to it.

A sweep belongs to a cycle by the day on which it finished, in Tokyo; nothing is kept beside that. Rechecks never do.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.cover import day_of, today
from audits.defects.sight import parts
from audits.speaking import SPEAKS
from db.database import insert_new
from db.errors import UsageError
from db.tables import Cycle, CycleSite, Site, Sweep


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a cycle is to reach, and until when."""

    rate: float | None  # share of problem pages of each site, at most
    defects: int | None  # open defects of all sites together, at most
    on: date


@dataclass(frozen=True, kw_only=True)
class Member:
    """A site of a cycle."""

    site: int
    address: str
    baseline: int | None  # the sweep that was said, or that there was at the beginning


@dataclass(frozen=True, kw_only=True)
class Round:
    """A cycle as its rows say it."""

    id: int
    name: str
    begins_on: date
    ends_on: date
    target: Target
    sites: tuple[Member, ...]  # by address
    closed_by: str | None
    closed_at: datetime | None

    def check_open(self) -> None:
        """Raises UsageError for a closed cycle: what it says does not change any more."""
        if self.closed_at is not None:
            raise UsageError(
                ja=f"サイクル「{self.name}」は締めてあるので、もう変えられません。jisweep cycle report で報告書を書き出せます。",
                en=f"Cycle {self.name!r} is closed and cannot be changed any more: jisweep cycle report writes its report.",
            )


async def begin(
    connection: AsyncConnection, name: str, days: tuple[date, date], target: Target, sites: Collection[int],
    baselines: Collection[int] = (),
) -> None:  # fmt: skip
    """Begin a cycle over some sites. Raises UsageError for a name that is taken, and for what cannot be.

    Each site is measured from the sweep that was said, else from its last one that had finished on the first day. Where there
    is none yet, or the first day is to come, the days decide later.
    """
    if not name.strip():
        raise UsageError(ja="サイクルに名前を付けてください。", en="Give the cycle a name.")
    if not sites:
        raise UsageError(ja="サイトを --site で1つ以上書いてください。", en="Name one site or more with --site.")
    _check_days(days, target)
    row = {"name": name, **_columns(days, target)}
    cycle = await connection.scalar(insert_new(connection, Cycle).values(row).returning(Cycle.id))
    if cycle is None:
        raise UsageError(ja=f"サイクル「{name}」はもうあります。", en=f"There is a cycle {name!r} already.")
    await _add(connection, cycle, days, sites, baselines)


async def change(
    connection: AsyncConnection, cycle: Round, days: tuple[date, date], target: Target, *,
    more: Collection[int] = (), fewer: Collection[int] = (), baselines: Collection[int] = (),
) -> None:  # fmt: skip
    """Give an open cycle other days, targets, sites or baselines. Raises UsageError."""
    cycle.check_open()
    _check_days(days, target)
    there = {each.site for each in cycle.sites}
    if not (there | set(more)) - set(fewer):
        raise UsageError(ja="サイクルにはサイトが1つ以上要ります。", en="A cycle needs one site or more.")
    if set(fewer) - there:
        raise UsageError(
            ja="--drop-site のサイトは、このサイクルにありません。",
            en="A site of --drop-site is not in this cycle.",
        )
    still_open = Cycle.id == cycle.id, Cycle.closed_at.is_(None)
    if not (await connection.execute(sa.update(Cycle).where(*still_open).values(_columns(days, target)))).rowcount:
        raise UsageError(
            ja=f"サイクル「{cycle.name}」は、いま別の人が締めました。",
            en=f"Somebody else has closed cycle {cycle.name!r} just now.",
        )
    mine = CycleSite.cycle_id == cycle.id
    await connection.execute(sa.delete(CycleSite).where(mine, CycleSite.site_id.in_(list(fewer))))
    await _add(connection, cycle.id, days, set(more) - there, baselines, there - set(fewer))


async def named(connection: AsyncConnection, name: str) -> Round:
    """The cycle of a name. Raises UsageError when there is none."""
    found = await rounds(connection, Cycle.name == name)
    if not found:
        raise UsageError(
            ja=f"サイクル「{name}」はありません。jisweep cycle list で一覧を見られます。",
            en=f"There is no cycle {name!r}: jisweep cycle list lists them.",
        )
    return found[0]


async def rounds(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> list[Round]:
    """Cycles, the last to begin first."""
    rows = await connection.execute(
        sa.select(CycleSite.cycle_id, Site.id, Site.address, CycleSite.baseline_id)
        .join(Site, Site.id == CycleSite.site_id)
        .order_by(Site.address)
    )
    sites: dict[int, list[Member]] = {}
    for cycle, site, address, baseline in rows:
        sites.setdefault(cycle, []).append(Member(site=site, address=address, baseline=baseline))
    order = Cycle.begins_on.desc(), Cycle.id.desc()
    columns = [each for each in sa.inspect(Cycle).columns if each.key != "closing"]  # which may be large
    found = await connection.execute(sa.select(*columns).where(*conditions).order_by(*order))
    return [
        Round(
            id=row.id, name=row.name, begins_on=row.begins_on, ends_on=row.ends_on,
            target=Target(rate=row.rate, defects=row.defects, on=row.target_on), sites=tuple(sites.get(row.id, ())),
            closed_by=row.closed_by, closed_at=row.closed_at,
        )
        for row in found
    ]  # fmt: skip


async def days_of(connection: AsyncConnection, cycle: Round) -> tuple[date, date]:
    """The days that a cycle's story spans: from its oldest baseline, or its first day, to its last, or today."""
    baselines = [each.baseline for each in cycle.sites if each.baseline is not None]
    days = [cycle.begins_on]
    for some in parts(baselines):
        begun = await connection.scalar(sa.select(sa.func.min(Sweep.finished_at)).where(Sweep.id.in_(some)))
        days += [day_of(begun)] if begun else []
    return min(days), max(min(days), min(cycle.ends_on, today()))


async def sweeps_of(
    connection: AsyncConnection, member: Member, days: tuple[date, date]
) -> tuple[int | None, list[int]]:
    """The sweep that a site is measured from, and those that finished after it in the days of the cycle, in this order.

    Without one that was kept it is the last that had finished on the first day, else the first of these days.
    """
    finished = await _finished(connection, member.site)
    first, last = days
    order = list(finished)
    baseline = member.baseline
    if baseline is None:
        before = [each for each in order if finished[each] <= first]
        within = [each for each in order if first < finished[each] <= last]
        baseline = before[-1] if before else within[0] if within else None
    if baseline is None:
        return None, []
    later = order[order.index(baseline) + 1 :] if baseline in finished else []  # a resumed one is not finished
    return baseline, [each for each in later if first <= finished[each] <= last]


async def _finished(connection: AsyncConnection, site: int) -> dict[int, date]:
    """The sweeps that speak for a site in the order in which they ended, with the day."""
    rows = await connection.execute(
        sa.select(Sweep.id, Sweep.finished_at)
        .where(
            Sweep.site_id == site,
            SPEAKS,
            Sweep.finished_at.is_not(None),
        )
        .order_by(Sweep.finished_at, Sweep.id)
    )
    return {sweep: day_of(at) for sweep, at in rows if at}


async def _add(
    connection: AsyncConnection, cycle: int, days: tuple[date, date], sites: Collection[int],
    baselines: Collection[int], there: Collection[int] = (),
) -> None:  # fmt: skip
    """Add sites to a cycle, and say from which sweeps they and others of it are measured."""
    said = await _sites_of(connection, baselines, days[1])
    strangers = sorted(said[site] for site in set(said) - set(sites) - set(there))
    if strangers:
        raise UsageError(
            ja=f"スイープ {strangers[0]} のサイトは、このサイクルにありません。--site で加えてください。",
            en=f"The site of sweep {strangers[0]} is not in this cycle: add it with --site.",
        )
    for site in sorted(sites):
        member = Member(site=site, address="", baseline=None)
        begun = days[0] <= today()
        known = (await sweeps_of(connection, member, days))[0] if begun else None
        row = {"cycle_id": cycle, "site_id": site, "baseline_id": said.get(site, known)}
        await connection.execute(sa.insert(CycleSite).values(row))
    for site in sorted(set(said) & set(there)):
        mine = CycleSite.cycle_id == cycle, CycleSite.site_id == site
        await connection.execute(sa.update(CycleSite).where(*mine).values(baseline_id=said[site]))


async def _sites_of(connection: AsyncConnection, sweeps: Collection[int], last: date) -> Mapping[int, int]:
    """The sites that sweeps are of, with the sweep. Raises UsageError for such as no cycle can be measured from."""
    found: dict[int, int] = {}
    for sweep in sweeps:
        site = await connection.scalar(sa.select(Sweep.site_id).where(Sweep.id == sweep))
        day = (await _finished(connection, site)).get(sweep) if site is not None else None
        if site is None or day is None or day > last:
            raise UsageError(
                ja=f"スイープ {sweep} を基準にできません。サイト全体を調べて期間の終わりまでに終わったものを指定してください（jisweep sweeps）。",
                en=f"Sweep {sweep} cannot be a baseline: name one of a site that finished by the cycle's last day (jisweep sweeps).",
            )
        if site in found:
            raise UsageError(
                ja=f"スイープ {found[site]} と {sweep} は同じサイトのものです。基準はサイトごとに1つです。",
                en=f"Sweeps {found[site]} and {sweep} are of one site, which has one baseline.",
            )
        found[site] = sweep
    return found


def _columns(days: tuple[date, date], target: Target) -> dict[str, Any]:
    return {
        "begins_on": days[0], "ends_on": days[1], "rate": target.rate, "defects": target.defects,
        "target_on": target.on,
    }  # fmt: skip


def _check_days(days: tuple[date, date], target: Target) -> None:
    if not days[0] < days[1]:
        raise UsageError(
            ja=f"期間の終わり（{days[1]}）は、始まり（{days[0]}）より後にしてください。",
            en=f"The cycle has to end ({days[1]}) after it begins ({days[0]}).",
        )
    if not days[0] <= target.on <= days[1]:
        raise UsageError(
            ja=f"目標の日（{target.on}）は、期間の中（{days[0]}〜{days[1]}）にしてください。",
            en=f"The day of the targets ({target.on}) has to lie within the cycle ({days[0]} to {days[1]}).",
        )
