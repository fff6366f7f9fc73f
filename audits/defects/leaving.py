"""Pages that are not there any more: once others were seen without a defect, these hold its repair back no longer.

Only a page that was asked for and answered 404 or 410 is not there, in a sweep that saw another page of the site: else the
site may be out. One that nobody links to was not asked; one that failed, or looks like an address that cannot exist, may be there still.
"""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.sight import parts
from db.tables import Defect, Finding, Look, Occurrence, Sweep, Visit
from db.words import Outcome, Reason, VisitState


async def let_go(connection: AsyncConnection, sweep: Sweep, touched: Collection[int]) -> set[int]:
    """Take from defects the pages that are not there, where no other shows them; returns these defects.

    Asked are those that a sweep has `touched`, and those of pages that are not there since. Where no page was ever seen without
    a defect nobody has repaired anything: it keeps its pages.
    """
    asked = {*touched, *await connection.scalars(
        sa.select(Occurrence.defect_id)
        .join(Visit, Visit.page_id == Occurrence.page_id)
        .where(Visit.sweep_id == sweep.id, Visit.reason == Reason.NOT_FOUND, Occurrence.places > 0)
    )}  # fmt: skip
    found: set[int] = set()
    for some in parts(sorted(asked)):
        mine = Occurrence.defect_id == Defect.id, Occurrence.places > 0
        shown, there = (
            sa.exists().where(*mine),
            sa.exists().where(*mine, ~_not_there(sweep)),
        )  # the first one decides
        gone = set(await connection.scalars(sa.select(Defect.id).where(Defect.id.in_(some), shown, ~there)))
        found |= set(await connection.scalars(_seen_without(gone)))
    for some in parts(sorted(found)):
        mine = Occurrence.defect_id.in_(some), Occurrence.places > 0
        await connection.execute(sa.update(Occurrence).where(*mine).values(places=0))
    return found


def returned_since(sweep: Sweep) -> sa.ColumnElement[bool]:
    """Whether a page of a visit, joined to its look, was not there after it was looked at: then it is looked at anew."""
    other, of = sa.orm.aliased(Visit), sa.orm.aliased(Sweep)
    return (
        sa.select(sa.literal(1))
        .select_from(other)
        .join(of, of.id == other.sweep_id)
        .where(
            other.page_id == Visit.page_id, other.reason == Reason.NOT_FOUND, other.sweep_id > Look.sweep_id,
            other.sweep_id < sweep.id, of.reconciled_at.is_not(None),
        )
        .correlate(Visit, Look)
        .exists()
    )  # fmt: skip


def _not_there(sweep: Sweep) -> sa.ColumnElement[bool]:
    """Whether the page of an occurrence was not there when it was last asked for, by what has been taken in."""
    other, of = sa.orm.aliased(Visit), sa.orm.aliased(Sweep)
    taken_in = sa.or_(of.reconciled_at.is_not(None), of.id == sweep.id)
    last = (
        sa.select(sa.func.max(other.sweep_id))
        .join(of, of.id == other.sweep_id)
        .where(other.page_id == Occurrence.page_id, taken_in)
        .correlate(Occurrence)
        .scalar_subquery()
    )
    any_page = sa.orm.aliased(Visit)
    answers = sa.exists().where(any_page.sweep_id == Visit.sweep_id, any_page.state == VisitState.AUDITED)
    return sa.exists().where(
        Visit.page_id == Occurrence.page_id, Visit.sweep_id == last, Visit.reason == Reason.NOT_FOUND, answers
    )


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
