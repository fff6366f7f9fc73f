"""What a sweep has made known of the defects of its site: how they have moved, by name, and which have."""

from collections.abc import Iterable

import sqlalchemy as sa

from audits.defects.reconcile import NEWLY_CHECKED
from db.tables import Defect, DefectEvent
from db.words import DefectState

_FIRST = DefectEvent.old.is_(None)


def _from_before(new: DefectState) -> sa.ColumnElement[bool]:
    return sa.and_(DefectEvent.old.is_not(None), DefectEvent.new == new)


MOVES: dict[str, sa.ColumnElement[bool]] = {  # of events, by the names that `points.Moved` has them by
    "found": _FIRST,
    "newly_checked": sa.and_(_FIRST, sa.func.coalesce(DefectEvent.why == NEWLY_CHECKED, sa.false())),
    "confirmed": _from_before(DefectState.CONFIRMED),
    "returned": _from_before(DefectState.RETURNED),
    "unverified": _from_before(DefectState.UNVERIFIED),
}


def moved_by(sweeps: Iterable[int], name: str) -> sa.ColumnElement[bool]:
    """The condition that some sweeps have moved a defect so. Raises KeyError for a name that there is none of."""
    # As numbers of ours in the text: there may be more than a statement takes as values.
    ours: list[sa.ColumnElement[int]] = [sa.literal_column(str(int(each))) for each in sweeps]
    return Defect.id.in_(sa.select(DefectEvent.defect_id).where(DefectEvent.sweep_id.in_(ours), MOVES[name]))
