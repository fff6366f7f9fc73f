"""The outbox: what has happened that somebody wants to be told of becomes a row for each recipient, once."""

import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.sight import parts
from audits.schedules import book
from audits.speaking import SPEAKS
from audits.trends.periods import Period
from db.database import Database, insert_new
from db.errors import StorageError
from db.tables import DefectEvent, Health, Notice, ScheduledRun, Site, Sweep
from db.words import Came, Channel, DefectState, SweepState, Telling, Trust
from reports.language import TOKYO, Language
from reports.notices import writing
from reports.notices.message import Message
from reports.notices.subscriptions import Subscribed, running

BACK = timedelta(days=30)  # what is older is not told any more when notices begin to be sent again
LATE = timedelta(hours=1)  # a row may be seen so long after the moment that it bears
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that has happened to a site."""

    kind: Telling
    about: str
    site: int | None  # None: of no site
    at: datetime
    sweep: int = 0
    address: str = ""
    halted: dict[str, str] | None = None
    run: Any = None  # of a schedule, for which no sweep could be begun


async def collect(database: Database, at: datetime, since: datetime | None = None) -> int:
    """Make the notices of what has happened since a moment; how many are new. `since` is None when nobody has looked yet."""
    is_new_hour = since is None or (at.date(), at.hour) != (since.date(), since.hour)
    since = max(since - LATE, at - BACK) if since is not None else at - BACK
    async with database.reading() as connection:
        subscribed = [each for each in await running(connection) if each.recipient is not None]
        if not subscribed:
            return 0
        events = await _events(connection, since)
        known = await _known(connection, events)
    written: dict[tuple[Telling, str, str], Message | None] = {}
    made = 0
    for each in subscribed:
        if each.kind is Telling.DUE and not is_new_hour:
            continue  # days do not change by the minute, and all that was told of them is read
        async for about, message in _due_for(database, each, events, known, written, at):
            made += await _keep(database, each, about, message, at)
    return made


async def _due_for(
    database: Database, each: Subscribed, events: Sequence[Event], known: set[tuple[Any, ...]],
    written: dict[tuple[Telling, str, str], Message | None], at: datetime,
) -> AsyncIterator[tuple[str, Message]]:  # fmt: skip
    """What one subscription has not told yet."""
    language = Language(each.lang)
    if each.kind is Telling.DUE:
        async for about, message in _days(database, each, at):
            yield about, message
    elif each.kind is Telling.DIGEST:
        async for about, message in _week(database, each, at):
            yield about, message
    for event in events:
        key = event.kind, event.about, each.channel, each.recipient
        if event.kind is not each.kind or event.at < each.made_at or not each.holds(event.site) or key in known:
            continue
        text = event.kind, event.about, each.lang
        if text not in written:
            try:
                written[text] = await _write(database, event, language)
            except StorageError:
                raise
            except Exception:  # what cannot be written keeps nothing else back; the next look tries again
                log.exception("%s %s", event.kind, event.about)
                written[text] = None
        if (told := written[text]) is not None:
            yield event.about, told


async def _write(database: Database, event: Event, language: Language) -> Message | None:
    if event.run is not None:
        return writing.not_begun(event.run, language)
    if event.kind is Telling.FAILED:
        return writing.failed(event.sweep, event.address, event.halted or {}, language)
    if event.kind is Telling.DEFECTS:
        return await writing.of_defects(database, event.sweep, language)
    return await writing.of_sweep(database, event.sweep, event.kind, language)


async def _events(connection: AsyncConnection, since: datetime) -> list[Event]:
    """What has happened to sweeps since a moment, in its order."""
    found: list[Event] = []
    counts_since = sa.func.coalesce(Health.decided_at, Sweep.finished_at, type_=Sweep.finished_at.type)
    columns = Sweep.id, Sweep.site_id, Site.address
    is_news = sa.or_(DefectEvent.old.is_(None), DefectEvent.new == DefectState.RETURNED)
    news = sa.exists().where(DefectEvent.sweep_id == Sweep.id, is_news)
    for kind, moment, condition in (
        (Telling.FINISHED, counts_since, SPEAKS),
        (Telling.DEFECTS, Sweep.reconciled_at, sa.and_(SPEAKS, news)),
        (
            Telling.SUSPECT, Sweep.finished_at,
            sa.and_(Sweep.trust == Trust.SUSPECT, Sweep.state == SweepState.FINISHED),
        ),
        (Telling.FAILED, Sweep.halted_at, ~Sweep.recheck),
    ):  # fmt: skip
        query = (
            sa.select(*columns, moment.label("at"), Sweep.halted)
            .join(Site, Site.id == Sweep.site_id)
            .outerjoin(Health, Health.sweep_id == Sweep.id)
            .where(condition, moment >= since)
        )
        for row in await connection.execute(query):
            if kind is Telling.FAILED and not row.halted:
                continue  # somebody has had it go on since
            about = f"sweep-{row.id}" + (f"-{row.at:%Y%m%dT%H%M%S}" if kind is Telling.FAILED else "")
            found.append(
                Event(
                    kind=kind, about=about, site=row.site_id, at=row.at, sweep=row.id, address=row.address,
                    halted=row.halted,
                )
            )  # fmt: skip
    failed = book.runs().where(ScheduledRun.came == Came.FAILED, ScheduledRun.came_at >= since)
    for run in await connection.execute(failed):
        about = f"run-{run.id}"
        found.append(Event(kind=Telling.FAILED, about=about, site=run.site_id, at=run.came_at, run=run))
    return sorted(found, key=lambda each: (each.at, each.sweep, each.about))


async def _known(connection: AsyncConnection, events: Iterable[Event]) -> set[tuple[Any, ...]]:
    """What has been told of some events, and whom."""
    found: set[tuple[Any, ...]] = set()
    for some in parts(sorted({each.about for each in events})):
        columns = Notice.kind, Notice.about, Notice.channel, Notice.recipient
        rows = await connection.execute(
            sa.select(*columns).where(Notice.kind.in_(list(Telling)), Notice.about.in_(some))
        )
        found |= {tuple(row) for row in rows}
    return found


async def _days(database: Database, each: Subscribed, at: datetime) -> AsyncIterator[tuple[str, Message]]:
    """The days by which defects are to be repaired: once a day, of each what was not told of it yet."""
    day = at.astimezone(TOKYO).date()
    about = f"{day}-{each.place.name}"
    mine = Notice.kind == Telling.DUE, Notice.channel == each.channel, Notice.recipient == each.recipient
    async with database.reading() as connection:
        earlier = {
            row.about: row.told
            for row in await connection.execute(sa.select(Notice.about, Notice.told).where(*mine))
        }
        found = [] if about in earlier else await writing.due_defects(connection, day)
    told = {key for row in earlier.values() for key in row["facts"]["told"]}
    news = [one for one in found if each.holds(one.site) and one.key(day) not in told]
    if news:
        yield about, writing.of_days(news, day, Language(each.lang))


async def _week(database: Database, each: Subscribed, at: datetime) -> AsyncIterator[tuple[str, Message]]:
    """The week that is over, to whoever had asked for it before it was."""
    day = at.astimezone(TOKYO).date()
    monday = day - timedelta(days=day.weekday())
    week = Period(first=monday - timedelta(days=7), last=monday - timedelta(days=1))
    about = f"week-{monday}-{each.place.name}"
    if each.made_at >= week.ends:
        return
    async with database.reading() as connection:
        same = _same(Telling.DIGEST, about, each.channel, each.recipient)
        if await connection.scalar(sa.select(sa.exists().where(*same))):
            return
        sites = sorted(site for site in await connection.scalars(sa.select(Site.id)) if each.holds(site))
    if sites:
        yield about, await writing.digest(database, sites, each.place, week, Language(each.lang))


def _same(kind: Telling, about: str, channel: Channel, recipient: str | None) -> tuple[sa.ColumnElement[bool], ...]:
    return Notice.kind == kind, Notice.about == about, Notice.channel == channel, Notice.recipient == recipient


async def _keep(database: Database, each: Subscribed, about: str, message: Message, at: datetime) -> int:
    row: Mapping[str, Any] = {
        "subscription_id": each.id, "kind": each.kind, "about": about, "channel": each.channel,
        "recipient": each.recipient, "told": message.as_row(), "made_at": at, "due": at, "tries": 0,
    }  # fmt: skip
    async with database.writing() as connection:
        made = await connection.scalar(insert_new(connection, Notice).values(row).returning(Notice.id))
    return int(made is not None)
