"""Points that are kept: what a finished sweep says does not change, so it is counted once and read from a row from then on.

A kept point holds while the sweep has not been taken up again and its defects are those that it was counted with. What is not
kept, or no longer holds, is counted when it is asked for.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.breaks import Terms
from audits.defects.sight import parts
from audits.speaking import SPEAKS
from audits.statistics.strata import Stratum
from audits.trends.counting import COLUMNS, count_points
from audits.trends.periods import Period
from audits.trends.points import Moved, Point, Surveyed, counted
from db.database import insert_new
from db.tables import KeptPoint, Sweep
from db.words import Reason

AT_ONCE = 200  # sweeps that are counted together
VERSION = 2  # of how points are counted: those of another are counted anew
USED_UP = {"settings", "notes"}  # columns that counting reads, and that a kept point has no need of
HOLDS = sa.and_(
    KeptPoint.sweep_id == Sweep.id, KeptPoint.version == VERSION, KeptPoint.finished_at == Sweep.finished_at,
    KeptPoint.reconciled_at.is_not_distinct_from(Sweep.reconciled_at),
)  # fmt: skip


async def read_points(connection: AsyncConnection, sites: Collection[int], span: Period) -> dict[int, list[Point]]:
    """The points of each site within a span of days, in the order in which its sweeps finished."""
    found: list[Point] = []
    missing: list[int] = []
    columns = [each for each in COLUMNS if each.key not in USED_UP]
    for some in parts(sorted(sites)):
        rows = await connection.execute(
            sa.select(*columns, KeptPoint.told, KeptPoint.drawn)
            .select_from(Sweep)
            .outerjoin(KeptPoint, HOLDS)
            .where(*counted(some, span))
        )
        for row in rows.mappings():
            sweep = dict(row)
            told, drawn = sweep.pop("told"), sweep.pop("drawn")
            if told is None:
                missing.append(sweep["id"])
            else:
                found.append(_point(Sweep(**sweep), told, drawn))
    for some in parts(missing):
        found += await count_points(connection, sa.select(Sweep.id).where(Sweep.id.in_(some)))
    by_site: dict[int, list[Point]] = defaultdict(list)
    for point in sorted(found, key=lambda each: (each.at, each.sweep)):
        by_site[point.site].append(point)
    return dict(by_site)


async def keep_points(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> int:
    """Keep the points of finished sweeps, of all or of those that fulfil conditions; how many were not kept yet."""
    finished = SPEAKS, Sweep.finished_at.is_not(None)
    lacks = ~sa.exists().where(HOLDS)
    missing = await connection.scalars(sa.select(Sweep.id).where(*finished, *conditions, lacks).order_by(Sweep.id))
    number = 0
    for some in parts(missing.all(), AT_ONCE):
        points = await count_points(connection, sa.select(Sweep.id).where(Sweep.id.in_(some)))
        await connection.execute(sa.delete(KeptPoint).where(KeptPoint.sweep_id.in_(some)))
        await connection.execute(insert_new(connection, KeptPoint), [as_row(point) for point in points])
        number += len(points)
    return number


def as_row(point: Point) -> dict[str, Any]:
    """A point as its row has it."""
    told: dict[str, Any] = {
        "known": point.known, "audited": point.audited, "lost": point.lost, "waiting": point.waiting, "unread": point.unread,
        "because": [each.value for each in point.because], "frame": point.terms.frame,
        "strata": [[each.population, each.drawn, each.audited, each.found] for each in point.strata],
        "found": {number: list(pages) for number, pages in point.found.items()}, "spoken": sorted(point.spoken),
        "marked": {number: list(pages) for number, pages in point.marked.items()},
        "scope": sorted([str(part) for part in each] for each in point.terms.scope),
        "moved": point.moved and asdict(point.moved), "survey": point.survey and asdict(point.survey),
    }  # fmt: skip
    drawn = point.terms.drawn
    return {
        "sweep_id": point.sweep, "version": VERSION, "finished_at": point.at,
        "reconciled_at": point.terms.sweep.reconciled_at, "told": told,
        "drawn": None if drawn is None else drawn.astype("<i8").tobytes(),
    }  # fmt: skip


def told_complete(told: dict[str, Any]) -> bool:
    """Whether nothing was lost, cut off, left or unread, by what is kept: as `Point.complete` says."""
    return told["audited"] > 0 and not (told["because"] or told["unread"] or told["waiting"])


def _point(sweep: Sweep, told: dict[str, Any], drawn: bytes | None) -> Point:
    """A point as it was when its row was made."""
    assert sweep.finished_at is not None
    strata = (
        Stratum(population=population, drawn=of, audited=audited, found=found)
        for population, of, audited, found in told["strata"]
    )
    return Point(
        site=sweep.site_id, at=sweep.finished_at, method=sweep.method, known=told["known"], audited=told["audited"],
        lost=told["lost"], waiting=told["waiting"], because=tuple(map(Reason, told["because"])), unread=told["unread"],
        strata=tuple(strata), found={number: tuple(pages) for number, pages in told["found"].items()},
        spoken=frozenset(told["spoken"]), marked={number: (failed, open_) for number, (failed, open_) in told["marked"].items()},
        moved=Moved(**told["moved"]) if told["moved"] else None,
        survey=Surveyed(**told["survey"]) if told["survey"] else None,
        terms=Terms(
            sweep=sweep, scope=frozenset(map(tuple, told["scope"])), frame=told["frame"],
            drawn=None if drawn is None else np.frombuffer(drawn, dtype="<i8"),
        ),
    )  # fmt: skip
