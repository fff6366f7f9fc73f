"""Notes: what a sweep met that no visit tells, each kept once, in the order in which it was met."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.database import insert_new
from db.tables import Note
from db.words import About


async def add_note(connection: AsyncConnection, sweep_id: int, about: About, address: str, said: str) -> None:
    """Keep with a sweep, once, that pages may be unknown to it and why; only what informs leaves it complete."""
    await connection.execute(
        insert_new(connection, Note).values(
            sweep_id=sweep_id, about=about, address=address, said=said, digest=_digest(about, address, said)
        )
    )


async def notes_of(
    connection: AsyncConnection, sweep_id: int, about: Collection[About] = tuple(About)
) -> list[dict[str, str]]:
    """The notes of a sweep, all or those about something, each as "about", "address" and "said"."""
    mine = Note.sweep_id == sweep_id, Note.about.in_(about)
    told = sa.select(Note.about, Note.address, Note.said).where(*mine).order_by(Note.id)
    return [dict(row) for row in (await connection.execute(told)).mappings()]


async def unread_parts(connection: AsyncConnection, sweeps: Collection[int] | sa.Select[int]) -> Counter[int]:
    """Parts of a site that each of some sweeps could not read: what they lead to is known to nobody."""
    counted = (
        sa.select(Note.sweep_id, sa.func.count())
        .where(Note.sweep_id.in_(sweeps), Note.about.not_in([each for each in About if each.informs]))
        .group_by(Note.sweep_id)
    )
    return Counter(dict((await connection.execute(counted)).all()))


def _digest(*told: str) -> str:
    """Names a note: its address may be too long for an index."""
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
