"""Sending: a loop that makes notices of what has happened, and hands over those that are due, until each has arrived or is given up."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import sqlalchemy as sa

from crawler.together import again_and_again
from db.database import Database
from db.tables import Account, Notice, Subscription
from db.types import now
from reports.notices.channels import Undelivered, deliver
from reports.notices.message import Message
from reports.notices.outbox import collect
from reports.notices.settings import URGENT, NoticeSettings

LOOK = 30.0  # seconds between looks for something to tell
AGAIN = tuple(timedelta(minutes=each) for each in (1, 5, 15, 60, 180, 360, 720))  # until the next try
log = logging.getLogger(__name__)


@asynccontextmanager
async def sending(database: Database, settings: NoticeSettings) -> AsyncIterator[None]:
    """Tell people of what happens while the block lasts."""
    since: datetime | None = None

    async def tell() -> None:
        nonlocal since
        at = now()
        await collect(database, at, since)
        since = at
        await send_due(database, settings, at)

    async with again_and_again(tell, LOOK, "telling people"):
        yield


async def send_due(database: Database, settings: NoticeSettings, at: datetime) -> int:
    """Hand over what is due; returns how many notices arrived. In quiet hours only what is urgent goes, where it may."""
    waiting = Notice.sent_at.is_(None), Notice.given_up_at.is_(None), Notice.due <= at
    query = sa.select(Notice.id, Notice.kind, Notice.tries).where(*waiting).order_by(Notice.due, Notice.id)
    async with database.reading() as connection:
        rows = (await connection.execute(query)).all()
    is_quiet = settings.quiet is not None and settings.quiet.are_open(at)
    arrived = 0
    for row in rows:
        if is_quiet and not (settings.urgent and row.kind in URGENT):
            continue
        if await _claim(database, row.id, row.tries, at):
            arrived += await _try(database, settings, row.id, at)
    return arrived


async def _claim(database: Database, number: int, tries: int, at: datetime) -> bool:
    """Take a notice on: of several processes one does, and the next try is set for the case that this one breaks off."""
    values = {"tries": tries + 1, "due": at + AGAIN[min(tries, len(AGAIN) - 1)]}
    mine = Notice.id == number, Notice.tries == tries, Notice.sent_at.is_(None), Notice.given_up_at.is_(None)
    async with database.writing() as connection:
        return bool((await connection.execute(sa.update(Notice).where(*mine).values(values))).rowcount)


async def _try(database: Database, settings: NoticeSettings, number: int, at: datetime) -> int:
    """Try once; what came of it is kept in the row."""
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
        await deliver(
            settings, row.channel, row.recipient, Message.from_row(row.told), kind=row.kind, name=f"notice-{number}", at=at
        )  # fmt: skip
        values: dict[str, object] = {"sent_at": at, "error": None}
    except Undelivered as error:
        values = {"error": str(error)}
        if error.final or row.tries > len(AGAIN):
            values["given_up_at"] = at
            log.error("notice %d is given up: %s", number, error)
    except Exception as error:  # one that cannot be sent does not keep the others back
        log.exception("notice %d", number)
        values = {"error": type(error).__name__}
        if row.tries > len(AGAIN):
            values["given_up_at"] = at
    async with database.writing() as connection:
        await connection.execute(sa.update(Notice).where(Notice.id == number).values(values))
    return int("sent_at" in values)
