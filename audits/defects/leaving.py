"""Pages that are not there any more: once others were seen without a defect, these hold its repair back no longer.

Only a page that was asked for and answered 404 or 410, or leads for good to what stood beside it (audits.defects.moving), is not
there, in a sweep that saw another page of the site: else the site may be out. One that failed, or looks like an address that cannot
exist, may be there still. What nothing links to any more each sweep asks for, until it has been told once that it is not there.
"""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.moving import taken_down
from audits.defects.sight import parts
from db.tables import Defect, Finding, Look, Occurrence, Page, Sweep, Visit
from db.words import DefectState, Outcome, Reason, VisitState

AWAY = (Reason.NOT_FOUND, Reason.REDIRECT, Reason.DUPLICATE)  # what such a page showed may have been taken from it


async def let_go(connection: AsyncConnection, sweep: Sweep, touched: Collection[int]) -> set[int]:
    """Take from defects the pages that are not there, where no other shows them; returns these defects.

    Asked are those that a sweep has `touched`, and those of pages that are not there since. Where no page was ever seen without
    a defect nobody has repaired anything: it keeps its pages.
    """
    asked = {*touched, *await connection.scalars(
        sa.select(Occurrence.defect_id)
        .join(Visit, Visit.page_id == Occurrence.page_id)
        .where(Visit.sweep_id == sweep.id, _answered_so(Visit), Occurrence.places > 0)
    )}  # fmt: skip
    found: set[int] = set()
    for some in parts(sorted(asked)):
        mine = Occurrence.defect_id == Defect.id, Occurrence.places > 0
        shown, there = (
            sa.exists().where(*mine),
            sa.exists().where(*mine, ~_not_there(sweep, Occurrence.page_id)),
        )  # the first one decides
        gone = set(await connection.scalars(sa.select(Defect.id).where(Defect.id.in_(some), shown, ~there)))
        found |= set(await connection.scalars(_seen_without(gone)))
    for some in parts(sorted(found)):
        mine = Occurrence.defect_id.in_(some), Occurrence.places > 0
        await connection.execute(sa.update(Occurrence).where(*mine).values(places=0))
    return found


def returned_since(sweep: Sweep) -> sa.ColumnElement[bool]:
    """Whether a page of a visit, joined to its look, was not there, or another one, after it was looked at: it is looked at anew."""
    other, of = sa.orm.aliased(Visit), sa.orm.aliased(Sweep)
    return (
        sa.select(sa.literal(1))
        .select_from(other)
        .join(of, of.id == other.sweep_id)
        .where(
            other.page_id == Visit.page_id, other.reason.in_(AWAY), other.sweep_id > Look.sweep_id,
            other.sweep_id < sweep.id, of.reconciled_at.is_not(None),
        )
        .correlate(Visit, Look)
        .exists()
    )  # fmt: skip


async def left_behind(connection: AsyncConnection, sweep: Sweep) -> dict[int, str]:
    """The pages that show open defects and that a sweep has not met, with their addresses; not what is known to be gone."""
    met = sa.exists().where(Visit.sweep_id == sweep.id, Visit.page_id == Page.id)
    shows = sa.exists().where(
        Occurrence.page_id == Page.id, Occurrence.places > 0,
        Occurrence.defect_id == Defect.id, Defect.state != DefectState.CONFIRMED,
    )  # fmt: skip
    rows = await connection.execute(
        sa.select(Page.id, Page.address).where(
            Page.site_id == sweep.site_id, ~met, shows, ~_not_there(sweep, Page.id)
        )
    )
    return dict(rows.all())


def _not_there(sweep: Sweep, page: Any) -> sa.ColumnElement[bool]:
    """Whether a page was not there when it was last asked for, by what has been taken in."""
    any_page = sa.orm.aliased(Visit)
    answers = sa.exists().where(any_page.sweep_id == Visit.sweep_id, any_page.state == VisitState.AUDITED)
    return sa.exists().where(*_last_asked(sweep, page), _answered_so(Visit), answers)


def _last_asked(sweep: Sweep, page: Any) -> tuple[sa.ColumnElement[bool], ...]:
    """The visit of a page in the last sweep that asked for it, of those that have been taken in."""
    other, of = sa.orm.aliased(Visit), sa.orm.aliased(Sweep)
    taken_in = sa.or_(of.reconciled_at.is_not(None), of.id == sweep.id)
    last = (
        sa.select(sa.func.max(other.sweep_id))
        .join(of, of.id == other.sweep_id)
        .where(other.page_id == page, taken_in)
        .correlate(page.class_)
        .scalar_subquery()
    )
    return Visit.page_id == page, Visit.sweep_id == last


def _answered_so(visit: type[Visit]) -> sa.ColumnElement[bool]:
    """Whether a visit tells that its page is not there."""
    return sa.or_(visit.reason == Reason.NOT_FOUND, taken_down(visit))


def _seen_without(defects: Collection[int]) -> sa.Select[*tuple[int]]:
    """Those of which some page was seen without them: one that has moved shows in its last result what it had."""
    of, name = sa.orm.aliased(Defect), sa.orm.aliased(Defect)
    shows = sa.exists().where(
        Finding.result_id == Look.result_id, Finding.outcome == Outcome.FAILED, Finding.defect_id == name.id,
        sa.func.coalesce(name.merged_into_id, name.id) == sa.func.coalesce(of.whole_id, of.id),
    )  # fmt: skip
    return (
        sa.select(Occurrence.defect_id)
        .join(of, of.id == Occurrence.defect_id)
        .join(Look, Look.page_id == Occurrence.page_id)
        .where(Occurrence.defect_id.in_(defects), Occurrence.places == 0, ~shows)
        .distinct()
    )
