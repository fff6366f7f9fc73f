"""How a sweep stands for somebody who watches it: running, waiting its turn, stopped, given up, done."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from db.leases import LEASE, is_alive
from db.tables import Sweep
from db.words import SweepState

COLUMNS = (
    Sweep.state, Sweep.lease_owner, Sweep.lease_until, Sweep.asked_at, Sweep.stop_asked_at, Sweep.halted,
)  # fmt: skip


class Standing(StrEnum):
    """What somebody may expect of a sweep."""

    RUNNING = "running"
    STOPPING = "stopping"  # runs, and was asked to stop
    WAITING = "waiting"  # the application is to run it
    HALTED = "halted"  # the application could not go on
    PAUSED = "paused"  # nobody runs it, nobody asks
    FINISHED = "finished"

    @property
    def moves(self) -> bool:
        """Whether a look a little later may show something else."""
        return self in (Standing.RUNNING, Standing.STOPPING, Standing.WAITING)


def standing(row: Any, moment: datetime) -> Standing:
    """Of a sweep's row with COLUMNS. Who held it on this machine and has ended runs it no more."""
    stop, asked = row.stop_asked_at, row.asked_at
    is_wanted = asked is not None and (stop is None or stop < asked)
    if row.lease_owner and row.lease_until and row.lease_until > moment and is_alive(row.lease_owner) is not False:
        # of a terminal's run nobody knows when it began; a request is heeded long before a lease would end
        asks = stop is not None and not is_wanted and (asked is not None or moment - stop < LEASE)
        return Standing.STOPPING if asks else Standing.RUNNING
    if is_wanted:
        return Standing.WAITING
    if row.halted:
        return Standing.HALTED
    return Standing.FINISHED if row.state is SweepState.FINISHED else Standing.PAUSED
