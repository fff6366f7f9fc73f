"""What the wanted sweeps need next, read from the rows alone: they are the truth, whoever reminds us of a sweep."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import ceil

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.asked import WANTED, WANTED_ORDER
from audits.auditing import AT_ONCE
from crawler.limits import Limits
from crawler.windows import Windows
from db.clock import present
from db.leases import held_sweeps, is_alive, this_process
from db.tables import Sweep, Visit
from db.words import SweepState, VisitState

PAGE = 3.0  # seconds for which a page is in hand, at most times

OPEN = sa.and_(
    Sweep.state == SweepState.AUDITING,
    Sweep.rule_set.is_not(None),
    sa.or_(Sweep.earlier_id.is_(None), Sweep.carried_at.is_not(None)),
    ~Sweep.recheck,
)  # its pages may be audited by any process


class Act(StrEnum):
    """What a sweep needs."""

    PREPARE = "prepare"  # by one process, which holds it: exploring, choosing; of a recheck all
    AUDIT = "audit"  # a few of its pages, by any process
    CONCLUDE = "conclude"  # by one process: every page has its result


# What one process does at one time, for each page that it audits at one time: exploring is waiting, at most times, for a host
# that is asked every half a second, and some pages wait for theirs.
ROOMS = {Act.PREPARE: 4, Act.AUDIT: 2, Act.CONCLUDE: 1}


@dataclass(frozen=True, kw_only=True)
class Need:
    """A sweep and what it needs now."""

    sweep: int
    act: Act
    asked_at: datetime
    recheck: bool
    takes: int  # further processes, or tabs, that its pages and hosts have work for


async def needs(
    connection: AsyncConnection, *, only: int | None = None, moment: datetime | None = None
) -> list[Need]:
    """What wanted sweeps need that nobody sees to, in the order in which they are wanted.

    Their windows are open at the moment, by default the present one; and of a site one sweep runs after the other,
    whoever runs it.
    """
    chosen = Visit.sweep_id == Sweep.id, Visit.state == VisitState.SELECTED
    leased = Visit.sweep_id == Sweep.id, Visit.lease_owner.is_not(None), Visit.lease_until >= present()
    free = sa.or_(Visit.lease_owner.is_(None), Visit.lease_until < present())
    columns = (
        Sweep.id, Sweep.site_id, Sweep.settings, Sweep.recheck, Sweep.asked_at, Sweep.lease_owner,
        sa.or_(Sweep.lease_owner.is_(None), Sweep.lease_until < present()).label("is_free"),
        OPEN.label("is_open"),
        sa.exists().where(*chosen).label("waits"),
        sa.select(sa.func.count()).where(*chosen, free).scalar_subquery().label("claimable"),
        sa.select(sa.func.count()).where(*leased).scalar_subquery().label("in_hand"),
    )  # fmt: skip
    wanted = sa.select(*columns).where(WANTED).order_by(*WANTED_ORDER)
    if only is not None:
        wanted = wanted.where(Sweep.id == only)
    rows = (await connection.execute(wanted)).all()
    runs = {row.site_id: row.id for row in rows if row.in_hand and not row.recheck}
    runs |= {row.site_id: row.id for row in await held_sweeps(connection)}
    found = []
    for row in rows:
        if not Windows.parse(row.settings.get("window", "")).are_open(moment or datetime.now(UTC)):
            continue
        if not row.recheck and runs.setdefault(row.site_id, row.id) != row.id:
            continue
        act = await _act(connection, row)
        if act is None:
            continue
        takes = _takes(row) if act is Act.AUDIT else 1
        if takes > 0:
            need = Need(sweep=row.id, act=act, asked_at=row.asked_at, recheck=row.recheck, takes=takes)
            found.append(need)
    return found


def _takes(row: sa.Row[tuple[object, ...]]) -> int:
    """How many more may take pages of a sweep: no more than it has pages for, and its hosts turns."""
    bears = _bears(Limits.from_row(row.settings)) - ceil(row.in_hand / AT_ONCE)
    return int(min(bears, max(1, ceil(row.claimable / AT_ONCE))))


async def _act(connection: AsyncConnection, row: sa.Row[tuple[object, ...]]) -> Act | None:
    owner = row.lease_owner
    is_free = row.is_free or owner == this_process() or is_alive(owner) is False
    if not row.is_open:
        return Act.PREPARE if is_free else None
    if row.claimable or (row.waits and await _some_died(connection, row.id)):
        return Act.AUDIT
    return Act.CONCLUDE if is_free and not row.waits else None


async def _some_died(connection: AsyncConnection, sweep_id: int) -> bool:
    """Whether a process of this machine that held pages of the sweep runs no more."""
    held = Visit.sweep_id == sweep_id, Visit.lease_owner.is_not(None)
    return _any_dead(list(await connection.scalars(sa.select(Visit.lease_owner).where(*held).distinct())))


def _any_dead(owners: Collection[str | None]) -> bool:
    return any(owner is not None and is_alive(owner) is False for owner in owners)


def _bears(limits: Limits) -> int:
    """How many may work on a sweep before they only wait for turns at its host."""
    if not limits.delay:
        return 1_000
    return limits.per_host + ceil(PAGE / limits.delay)
