"""Sending: a loop that makes notices of what has happened, and hands over those that are due, until each has arrived or is given up."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from crawler.together import again_and_again
from db.clock import clock_of
from db.database import Database
from db.tables import Account, Notice, Subscription
from db.words import Channel
from reports.notices.channels import Undelivered, deliver
from reports.notices.message import Message
from reports.notices.outbox import collect
from reports.notices.settings import URGENT, NoticeSettings

LOOK = 30.0  # seconds between looks for something to tell
AGAIN = tuple(timedelta(minutes=each) for each in (1, 5, 15, 60, 180, 360, 720))  # until the next try
TRY = 50.0  # seconds that a try may take: it has ended before the next one begins
ROUND = 60.0  # seconds after which no further notice goes one way before there has been another look
log = logging.getLogger(__name__)


class Away(Exception):
    """Nobody is there to take anything."""


@asynccontextmanager
async def sending(database: Database, settings: NoticeSettings) -> AsyncIterator[None]:
    """Tell people of what happens while the block lasts."""
    since: datetime | None = None

    async def tell() -> None:
        nonlocal since
        async with database.reading() as connection:
            clock = await clock_of(connection)  # that all processes share: one that is fast sends nothing twice
        at = clock()
        await collect(database, at, since)
        since = at
        await send_due(database, settings, clock)

    async with again_and_again(tell, LOOK, "telling people"):
        yield


async def send_due(database: Database, settings: NoticeSettings, clock: Callable[[], datetime]) -> int:
    """Hand over what is due; returns how many notices arrived. In quiet hours only what is urgent goes, where it may.

    The mail server and each hook are served beside one another, so that none waits for another that is away.
    """
    waiting = Notice.sent_at.is_(None), Notice.given_up_at.is_(None), Notice.due <= clock()
    columns = Notice.id, Notice.kind, Notice.tries, Notice.channel, Notice.recipient
    async with database.reading() as connection:
        rows = (await connection.execute(sa.select(*columns).where(*waiting).order_by(Notice.due, Notice.id))).all()
    ways: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        ways["" if row.channel is Channel.EMAIL else row.recipient].append(row)
    return sum(await asyncio.gather(*(_hand_over(database, settings, each, clock) for each in ways.values())))


async def _hand_over(
    database: Database, settings: NoticeSettings, rows: Sequence[Any], clock: Callable[[], datetime]
) -> int:
    """What goes one way, the first first; where nobody is there, or all take long, the others wait with their tries."""
    arrived, over = 0, time.monotonic() + ROUND
    for row in rows:
        if time.monotonic() > over:
            break
        at = clock()
        is_quiet = settings.quiet is not None and settings.quiet.are_open(at)
        if is_quiet and not (settings.urgent and row.kind in URGENT):
            continue
        if await _claim(database, row.id, row.tries, at):
            try:
                arrived += await _try(database, settings, row.id, clock)
            except Away:
                break
    return arrived


async def _claim(database: Database, number: int, tries: int, at: datetime) -> bool:
    """Take a notice on: of several processes one does, and the next try is set for the case that this one breaks off."""
    values = {"tries": tries + 1, "due": at + AGAIN[min(tries, len(AGAIN) - 1)]}
    mine = Notice.id == number, Notice.tries == tries, Notice.sent_at.is_(None), Notice.given_up_at.is_(None)
    async with database.writing() as connection:
        return bool((await connection.execute(sa.update(Notice).where(*mine).values(values))).rowcount)


async def _try(database: Database, settings: NoticeSettings, number: int, clock: Callable[[], datetime]) -> int:
    """Try once; what came of it is kept in the row. Raises Away, having kept that, when nobody was there to take it."""
    is_away = False
    query = (
        sa.select(Notice, Subscription.ended_at, Account.closed_at)
        .join(Subscription, Subscription.id == Notice.subscription_id)
        .outerjoin(Account, Account.id == Subscription.account_id)
        .where(Notice.id == number)
    )
    async with database.reading() as connection:
        row = (await connection.execute(query)).one()
    try:
        if row.ended_at is not None or row.closed_at is not None:
            raise Undelivered("nobody wants to be told any more", final=True)
        async with asyncio.timeout(TRY):
            await deliver(
                settings, row.channel, row.recipient, Message.from_row(row.told), kind=row.kind, name=f"notice-{number}", at=clock()
            )  # fmt: skip
        values: dict[str, object] = {"sent_at": clock(), "error": None}
    except (Undelivered, TimeoutError) as raised:
        error = raised if isinstance(raised, Undelivered) else Undelivered("no answer", away=True)
        is_away, values = error.away, {"error": str(error)}
        if error.final or row.tries > len(AGAIN):
            values["given_up_at"] = clock()
            log.error("notice %d is given up: %s", number, error)
    except Exception as error:  # one that cannot be sent does not keep the others back
        log.exception("notice %d", number)
        values = {"error": type(error).__name__}
        if row.tries > len(AGAIN):
            values["given_up_at"] = clock()
    async with database.writing() as connection:
        await connection.execute(sa.update(Notice).where(Notice.id == number).values(values))
    if is_away:
        raise Away
    return int("sent_at" in values)
