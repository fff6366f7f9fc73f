"""How often a rule fails now: on the pages that the last sweep of each site audited, as they were last seen."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import mic
from audits.defects.naming import KNOWN
from audits.defects.sight import parts, rules_run
from audits.defects.standing import OPEN
from audits.speaking import SPEAKS
from db.tables import Defect, Occurrence, Site, Sweep, Visit
from db.words import VisitState


@dataclass(frozen=True, kw_only=True)
class Failing:
    """A rule on one site."""

    site: int
    address: str
    sweep: int
    audited: int  # pages of the site's last sweep, which ran the rule
    pages: int  # of these, pages that showed a fault when they were last seen
    open: int  # defects


async def failing(
    connection: AsyncConnection, rule: str, sites: sa.ColumnElement[bool]
) -> tuple[list[Failing], int]:
    """The sites where a rule was run, with what it finds there; and how many sites have a sweep that says nothing of it.

    `sites` is the condition that a site is meant. A site says nothing whose last sweep did not run the rule, audited no
    page, or has not been taken in by its defects.
    """
    last = (
        sa.select(sa.func.max(Sweep.id))
        .join(Site, Site.id == Sweep.site_id)
        .where(sites, SPEAKS)
        .group_by(Sweep.site_id)
    )
    query = sa.select(
        Sweep.id, Sweep.rule_criteria, Sweep.also_criteria, Sweep.mic, Sweep.reconciled_at, Site.id.label("site"), Site.address,
    ).join(Site, Site.id == Sweep.site_id)  # fmt: skip
    rows = (await connection.execute(query.where(Sweep.id.in_(last)).order_by(Site.address))).all()
    known = {
        row.id: row
        for row in rows
        if row.reconciled_at
        and rule in rules_run(Sweep(rule_criteria=row.rule_criteria, also_criteria=row.also_criteria, mic=row.mic))
    }
    audited = await _audited(connection, known)
    shown = await _shown(connection, rule, known)
    waiting = await _open(connection, rule, [row.site for row in known.values()])
    found = [
        Failing(
            site=row.site, address=row.address, sweep=sweep, audited=audited[sweep], pages=shown.get(sweep, 0),
            open=waiting.get(row.site, 0),
        )
        for sweep, row in known.items()
        if audited.get(sweep)
    ]  # fmt: skip
    return found, len(rows) - len(found)


async def _audited(connection: AsyncConnection, sweeps: Collection[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in parts(sweeps):
        rows = await connection.execute(
            sa.select(Visit.sweep_id, sa.func.count())
            .where(Visit.sweep_id.in_(some), Visit.state == VisitState.AUDITED)
            .group_by(Visit.sweep_id)
        )
        found |= dict(rows.all())
    return found


def shows(rule: str) -> sa.ColumnElement[bool]:
    """Whether a visit's page showed a fault of a rule when it was last seen."""
    return (
        sa.exists()
        .where(Occurrence.page_id == Visit.page_id, Occurrence.places > 0, Defect.id == Occurrence.defect_id)
        .where(Defect.rule == rule, Defect.merged_into_id.is_(None))
    )


async def _shown(connection: AsyncConnection, rule: str, sweeps: Collection[int]) -> dict[int, int]:
    """Sweep → audited pages that the rule fails on; the pages of the sweeps are fewer than the places of a common rule."""
    found: dict[int, int] = {}
    for some in parts(sweeps):
        rows = await connection.execute(
            sa.select(Visit.sweep_id, sa.func.count())
            .where(Visit.sweep_id.in_(some), Visit.state == VisitState.AUDITED, shows(rule))
            .group_by(Visit.sweep_id)
        )
        found |= dict(rows.all())
    return found


async def _open(connection: AsyncConnection, rule: str, sites: Collection[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in parts(sites):
        rows = await connection.execute(
            sa.select(Defect.site_id, sa.func.count())
            .where(
                Defect.site_id.in_(some),
                Defect.rule == rule,
                Defect.state.in_(OPEN),
                *KNOWN,
            )
            .group_by(Defect.site_id)
        )
        found |= dict(rows.all())
    return found


async def open_by_rule(
    connection: AsyncConnection, sites: sa.ColumnElement[bool], rules: Collection[str]
) -> dict[str, tuple[int, int]]:
    """Of some rules: rule → open defects, and on how many sites; `sites` as in `failing`."""
    if not rules:
        return {}
    alone = (
        sa.select(Defect.rule, sa.func.count().label("defects"))
        .join(Site, Site.id == Defect.site_id)
        .where(sites, Defect.rule.in_(rules), Defect.state.in_(OPEN), *KNOWN)
        .group_by(Defect.rule, Defect.site_id)
        .subquery()
    )
    together = sa.select(alone.c.rule, sa.func.sum(alone.c.defects), sa.func.count()).group_by(alone.c.rule)
    rows = await connection.execute(together)
    return {rule: (int(defects), on) for rule, defects, on in rows}


async def spoken_of(connection: AsyncConnection) -> dict[str, tuple[str, ...]]:
    """Rule → numbers of the criteria that it speaks about, by the last sweep of each rule set and edition."""
    last = (
        sa.select(sa.func.max(Sweep.id)).where(Sweep.rule_set.is_not(None)).group_by(Sweep.edition, Sweep.rule_set)
    )
    rows = await connection.execute(sa.select(Sweep.rule_criteria, Sweep.also_criteria).where(Sweep.id.in_(last)))
    found: dict[str, set[str]] = {}
    for own, further in rows:
        for rule, numbers in (*(own or {}).items(), *(further or {}).items()):
            found.setdefault(rule, set()).update(numbers)
    for rule, numbers in mic.rule_criteria().items():
        found.setdefault(rule, set()).update(numbers)
    return {
        rule: tuple(sorted(numbers, key=lambda each: tuple(map(int, each.split(".")))))
        for rule, numbers in found.items()
    }
