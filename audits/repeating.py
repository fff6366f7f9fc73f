"""The plan of a further sweep of a site: it meets the site as an earlier one did, and what the site keeps by now counts."""

from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa

from audits.conclude import sweep_row
from audits.site import kept_scope, manners_in, site_settings
from audits.sweep import Plan
from audits.work import manners_of, scope_of
from crawler.fetch import Fetcher
from crawler.gate import Gate
from crawler.limits import Limits
from crawler.scope import Scope
from crawler.start import find_start
from crawler.windows import Windows
from db.database import Database
from db.errors import UsageError
from db.tables import Page, Site, Sweep, Visit
from db.words import FoundBy, SweepState

SOON = 5.0  # seconds that a busy site may ask for where a person is waiting


async def plan_like(database: Database, sweep_id: int, contact: str) -> Plan:
    """The plan of a sweep once more; `contact` stands where it had none. Raises UsageError for one that nobody can repeat without being at hand.

    The random part is drawn by a new seed: a draw that has been worked on says nothing of the rest of the site.
    """
    async with database.reading() as connection:
        sweep = await sweep_row(connection, sweep_id)
        start = (await connection.scalars(sa.select(Site.address).where(Site.id == sweep.site_id))).one()
        seeds = await connection.scalars(
            sa.select(Page.address)
            .join(Visit, Visit.page_id == Page.id)
            .where(Visit.sweep_id == sweep_id, Visit.found_by == FoundBy.SEED, Page.address != start)
            .order_by(Visit.id)
        )
        given = tuple(seeds)
    limits = Limits.from_row({"contact": contact, **sweep.settings})
    if sweep.recheck or limits.signed_in:
        raise UsageError(
            ja="再検査と、サインインして行う調査は、ここからは繰り返せません。端末で jisweep sweep を実行してください。",
            en="A recheck, or a sweep that signs in, cannot be repeated from here: run jisweep sweep at a terminal.",
        )
    kept = await site_settings(database, start)
    return Plan(
        scope=kept_scope(kept, await scope_of(database, sweep)), limits=replace(limits, **manners_in(kept)),
        seeds=given, method=sweep.method_asked, pages=sweep.pages_asked, at_random=sweep.random_asked,
        stratify=sweep.stratify, traffic=tuple((address, count) for address, count in sweep.traffic),
        edition=sweep.edition, also=sweep.also, level=sweep.level, survey=sweep.mic is not None,
    )  # fmt: skip


async def plan_for(database: Database, site_id: int, contact: str, *, allow_private: bool = False) -> Plan:
    """The plan of a site's next sweep: like its last, finished if there is one; of a new site, the usual one.

    `allow_private` lets it visit private addresses where the last one was not allowed to.
    """
    ended = sa.case((Sweep.state == SweepState.FINISHED, 0), else_=1)
    last = sa.select(Sweep.id).where(Sweep.site_id == site_id, ~Sweep.recheck).order_by(ended, Sweep.id.desc())
    async with database.reading() as connection:
        sweep_id = await connection.scalar(last.limit(1))
        start = (await connection.scalars(sa.select(Site.address).where(Site.id == site_id))).one()
    if sweep_id is None:
        kept = await site_settings(database, start)
        limits = Limits(**{"contact": contact, **manners_in(kept)})
        plan = Plan(scope=kept_scope(kept, Scope.around(start)), limits=limits)
    else:
        plan = await plan_like(database, sweep_id, contact)
    return replace(plan, limits=replace(plan.limits, allow_private=plan.limits.allow_private or allow_private))


async def check_start(database: Database, plan: Plan) -> None:
    """Ask for the page where the first sweep of a site is to start, unless its window is closed: then exploring tells.

    Raises SiteUnreachable when there is no page to start from, UsageError when its address leads to another one.
    """
    limits, start = plan.limits, plan.scope.start
    async with database.reading() as connection:
        begun = sa.exists().where(Sweep.site_id == Site.id, Site.address == start)
        is_known = await connection.scalar(sa.select(begun))
    if is_known or not Windows.parse(limits.window).are_open(datetime.now(UTC)):
        return
    async with AsyncExitStack() as stack:
        gate = None if limits.allow_private else await stack.enter_async_context(Gate())
        manners = replace(manners_of(limits), longest_pause=SOON)
        fetcher = await stack.enter_async_context(Fetcher(manners, gate.url if gate else None))
        reached = await find_start(fetcher, start)
    if reached != start:
        raise UsageError(
            ja=f"{start} は {reached} に転送されます。サイトのアドレスをそちらにしてから始めてください。",
            en=f"{start} leads on to {reached}: make that the site's address before you begin.",
        )
