"""The health of a sweep: whether it met the site that is known, or so little of it that its numbers are to be doubted.

Of a sweep that knows far fewer pages than the one before, could not have too many of them, or lost too many of those that
it chose, nothing is taken into defects and trends until a person says so: see audits.trust.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import Health, Sweep
from db.words import Doubt, SweepState, Trust

SHRUNKEN = 0.2  # share of the pages known before that may be missing
MISSING = 0.2  # share of known pages that may be unanswered, and of chosen pages that may have no result


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """From where on a sweep is suspect; shares from 0 to 1."""

    shrunken: float = SHRUNKEN
    missing: float = MISSING

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Thresholds":
        """What a site keeps, else the usual."""
        return cls(
            shrunken=settings.get("suspect_shrunken", SHRUNKEN), missing=settings.get("suspect_missing", MISSING)
        )


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What is looked at, each number with what it is a part of."""

    known: int  # pages of the site, as far as known
    known_before: int | None  # in the sweep that it is held against; None: there is none
    unanswered: int  # of the known, pages without a result for a reason that may pass
    chosen: int  # pages that were to be audited, without those that proved to be none
    lost: int  # of these, pages without a result
    audited: int
    carried: int  # of the audited, pages whose result is an earlier sweep's
    rechecked: int  # pages that could have been carried, and were audited all the same
    disagreeing: int  # of these, pages that said something else
    seconds: float  # from its beginning to its end, pauses with it
    seconds_usual: float | None  # median of earlier ones that chose their pages alike; None: there is none

    @property
    def shrunken(self) -> float | None:
        """Share of the pages known before that is missing, net; below 0 when there are more."""
        return 1 - self.known / self.known_before if self.known_before else None

    @property
    def unanswered_share(self) -> float:
        """Of the known pages; where none is known, everything is missing."""
        return self.unanswered / self.known if self.known else 1.0

    @property
    def lost_share(self) -> float:
        """Of the chosen pages; where none was chosen, everything is missing."""
        return self.lost / self.chosen if self.chosen else 1.0

    def doubts(self, limits: Thresholds) -> tuple[Doubt, ...]:
        """Why a sweep is suspect; nothing when it is not."""
        found = (
            (Doubt.SHRUNKEN, self.shrunken is not None and self.shrunken > limits.shrunken),
            (Doubt.UNANSWERED, self.unanswered_share > limits.missing),
            (Doubt.LOST, self.lost_share > limits.missing),
        )
        return tuple(doubt for doubt, holds in found if holds)


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """What is known of the health of a sweep, and what a person has said of it."""

    sweep: int
    trust: Trust
    against: int | None  # the sweep that it was held against; None: there was nothing comparable
    measured: Measured
    limits: Thresholds  # that were in force
    doubts: tuple[Doubt, ...]
    decided_by: str | None
    why: str | None
    decided_at: datetime | None


async def health_of(connection: AsyncConnection, sweep_id: int) -> Checkup | None:
    """The health of a sweep; None when it has not been judged: not finished, a recheck, or from before that was done."""
    columns = Health, Sweep.trust
    query = sa.select(*columns).join(Sweep, Sweep.id == Health.sweep_id).where(Health.sweep_id == sweep_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None or row.trust is None:
        return None
    return Checkup(
        sweep=sweep_id, trust=row.trust, against=row.against_id, measured=Measured(**row.told),
        limits=Thresholds(**row.limits), doubts=tuple(map(Doubt, row.doubts)), decided_by=row.decided_by, why=row.why,
        decided_at=row.decided_at,
    )  # fmt: skip


async def waiting_of(connection: AsyncConnection, site: int) -> list[int]:
    """The suspect sweeps of a site that nobody has decided on, the last first."""
    suspect = Sweep.site_id == site, Sweep.trust == Trust.SUSPECT, Sweep.state == SweepState.FINISHED
    return list(await connection.scalars(sa.select(Sweep.id).where(*suspect).order_by(Sweep.id.desc())))
