"""Which sweeps speak for their sites: they finished, are no rechecks, and nobody has a reason to doubt them.

A suspect sweep speaks from when a person accepts it, a rejected one never (audits.health). Those that finished before
sweeps were judged are not known to be anything else than they seem.
"""

import sqlalchemy as sa

from db.tables import Sweep
from db.words import SweepState, Trust

COUNTING = (Trust.SOUND, Trust.ACCEPTED)
TRUSTED = sa.or_(Sweep.trust.is_(None), Sweep.trust.in_(COUNTING))
SPEAKS = sa.and_(Sweep.state == SweepState.FINISHED, ~Sweep.recheck, TRUSTED)


def is_trusted(sweep: Sweep) -> bool:
    """Whether what a sweep saw counts, once it has finished."""
    return sweep.trust is None or sweep.trust in COUNTING
