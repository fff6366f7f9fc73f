"""A sample before the audit: proposed for an explored sweep, changed by other wishes, and frozen by a person."""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import sweep_row
from audits.sweep import held
from crawler.edited import Line, edited
from crawler.redraw import redrawn
from crawler.sample import Proposal, keep_sample, propose
from db.database import Database
from db.errors import UsageError
from db.tables import Site, Sweep
from db.words import Method, SweepState


async def proposed(database: Database, sweep_id: int, wishes: dict[str, Any] | None) -> Proposal:
    """The sample of an explored sweep; what a plan says of choosing pages is kept with the sweep, when given.

    Raises UsageError when the sweep is not explored yet, has its sample, or is a survey that is to take some pages only.
    """
    async with held(database, sweep_id), database.writing() as connection:
        sweep = await _choosing(connection, sweep_id)
        if wishes is not None:
            await _keep_wishes(connection, sweep, wishes)
            sweep = await _choosing(connection, sweep_id)
        return await propose(connection, sweep, await start_of(connection, sweep))


async def freeze(
    database: Database, sweep_id: int, lines: Sequence[Line], by: str, words_of: Callable[[str], Collection[str]]
) -> Proposal:
    """Freeze the sample as the lines of its table give it, in a person's name; returns what was frozen.

    Raises UsageError naming what cannot stand; then nothing has changed.
    """
    async with held(database, sweep_id), database.writing() as connection:
        sweep = await _choosing(connection, sweep_id)
        proposal = await propose(connection, sweep, await start_of(connection, sweep))
        frozen = replace(proposal, choices=edited(proposal, lines, by, words_of))
        if not await keep_sample(connection, sweep, proposal, frozen.choices, by):
            raise _frozen(sweep)
        return frozen


async def start_of(connection: AsyncConnection, sweep: Sweep) -> str:
    """The address that the sweep's site begins at."""
    start = await connection.scalar(sa.select(Site.address).where(Site.id == sweep.site_id))
    assert start is not None
    return start


async def _keep_wishes(connection: AsyncConnection, sweep: Sweep, wishes: dict[str, Any]) -> None:
    """Draw as wished from now on. Without another wish the seed stays, unless it was an earlier sweep's.

    Raises UsageError for a survey, which is of all pages: the rate of a sample would stand as the ministry's does.
    """
    if sweep.mic is not None and wishes["method"] is not Method.ALL:
        raise UsageError(
            ja=f"スイープ {sweep.id} は総務省の調査の条件による調査なので、全ページを調べます。標本は jisweep sweep で調べてください。",
            en=f"Sweep {sweep.id} is a survey by the ministry's conditions and takes all pages: sample with jisweep sweep.",
        )
    anew = await redrawn(connection, sweep.site_id, wishes["earlier_draw"], wishes["redraw"], wishes["stratify"])
    seed = wishes["seed"]
    if seed is None:
        seed = sweep.seed if sweep.redraw is None else random.SystemRandom().randrange(2**32)
    values = {
        "method_asked": wishes["method"], "pages_asked": wishes["pages"], "random_asked": wishes["at_random"],
        "stratify": wishes["stratify"], "traffic": [list(each) for each in wishes["traffic"]],
        "seed": seed, "draw_from": 0, "redraw": None, "earlier_draw_id": None, **anew,
    }  # fmt: skip
    await connection.execute(sa.update(Sweep).where(Sweep.id == sweep.id).values(values))


async def _choosing(connection: AsyncConnection, sweep_id: int) -> Sweep:
    sweep = await sweep_row(connection, sweep_id)
    if sweep.state is SweepState.EXPLORING:
        raise UsageError(
            ja=f"スイープ {sweep_id} はまだページを探しています。jisweep explore が終わってから選んでください。",
            en=f"Sweep {sweep_id} is still exploring: choose when jisweep explore has ended.",
        )
    if sweep.state is not SweepState.CHOOSING:
        raise _frozen(sweep)
    return sweep


def _frozen(sweep: Sweep) -> UsageError:
    ja, en = (f"（{sweep.frozen_by}）", f" by {sweep.frozen_by}") if sweep.frozen_by else ("", "")
    return UsageError(
        ja=f"スイープ {sweep.id} の対象は確定済みです{ja}。検査の前に確定したものは変えられません。新しい調査を始めてください。",
        en=f"The sample of sweep {sweep.id} is frozen already{en}, and never changed after that: begin a new sweep.",
    )
