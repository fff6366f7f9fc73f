"""Rows that tell what was done: the trail, notices, runs of schedules, sessions and invitations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from audits.keeping.evidence import length
from audits.keeping.holding import Hold
from db.tables import Invitation, Notice, ScheduledRun, Session, Subscription, Table, Trail
from db.types import Moment
from db.words import Kept, Telling

TOLD_AGAIN = timedelta(days=60)  # what a notice is about is looked for so far back, and more
OVER = timedelta(days=1)  # a session is over by then


@dataclass(frozen=True, kw_only=True)
class Logged:
    """A table of rows that go as they are."""

    kind: Kept
    table: type[Table]
    key: Any
    at: Any
    told: Sequence[Any]  # the columns that hold what it says
    least: timedelta = timedelta(0)  # that nothing shortens
    held: tuple[Hold, sa.ColumnElement[bool]] | None = None

    def past(self, before: datetime, at: datetime) -> sa.ColumnElement[bool]:
        """Whether a row is past its term."""
        past: sa.ColumnElement[bool] = self.at < min(before, at - self.least)
        return past

    @property
    def holds(self) -> sa.ColumnElement[bool]:
        """Whether something holds a row."""
        return self.held[1] if self.held else sa.false()

    def query(self, connection: AsyncConnection) -> sa.Select[Any, datetime, int]:
        """Its rows: key, moment and bytes."""
        return sa.select(
            self.key.label("key"), sa.type_coerce(self.at, Moment()).label("at"),
            length(connection, *self.told).label("bytes"),
        )  # fmt: skip


_ended = sa.exists().where(Subscription.id == Notice.subscription_id, Subscription.ended_at.is_not(None))
_other = aliased(ScheduledRun)
_last = (
    sa.select(sa.func.max(_other.due_at))
    .where(
        _other.schedule_id == ScheduledRun.schedule_id, _other.site_id.is_not_distinct_from(ScheduledRun.site_id)
    )
    .scalar_subquery()
)

LOGS = (
    Logged(kind=Kept.TRAIL, table=Trail, key=Trail.id, at=Trail.at, told=(Trail.who, Trail.address, Trail.about, Trail.details)),
    Logged(
        kind=Kept.NOTICES, table=Notice, key=Notice.id, at=Notice.made_at, told=(Notice.recipient, Notice.told, Notice.error),
        least=TOLD_AGAIN,
        held=(
            Hold.UNSENT,
            sa.or_(
                sa.and_(Notice.sent_at.is_(None), Notice.given_up_at.is_(None)),
                sa.and_(Notice.kind == Telling.DUE, ~_ended),  # of each day of repair it says that it was told of
            ),
        ),
    ),
    Logged(
        kind=Kept.RUNS, table=ScheduledRun, key=ScheduledRun.id, at=ScheduledRun.due_at, told=(ScheduledRun.wrong,),
        held=(Hold.LAST, sa.or_(ScheduledRun.came.is_(None), ScheduledRun.due_at == _last)),
    ),
    Logged(
        kind=Kept.SESSIONS, table=Session, key=Session.digest, at=Session.created_at, told=(Session.digest, Session.address),
        least=OVER,
    ),
    Logged(kind=Kept.SESSIONS, table=Invitation, key=Invitation.digest, at=Invitation.ends_at, told=(Invitation.digest,)),
)  # fmt: skip


def logs_of(kinds: Sequence[Kept]) -> Iterator[Logged]:
    """The tables of some kinds."""
    return (each for each in LOGS if each.kind in kinds)
