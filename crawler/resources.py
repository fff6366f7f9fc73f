"""What pages are made of beside their own documents: scripts, style sheets, frames and data, known by content.

Each is asked for once in a sweep, and compared with what an earlier sweep was given by the same client.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from crawler.fetch import Answer, Fetcher, validators_of
from crawler.links import pack, unpack
from db.database import Database, insert_new
from db.tables import Resource

GONE = (404, 410)  # statuses of what is not there for anybody


class Resources:
    """The resources of the pages of one sweep."""

    def __init__(self, database: Database, sweep_id: int, fetcher: Fetcher) -> None:
        self._database = database
        self._sweep_id = sweep_id
        self._fetcher = fetcher
        self._ids: dict[str, int] = {}  # by address
        self._now: dict[int, int | None] = {}  # of the earlier sweep → of this one; None: it has changed
        self._asking: dict[str, asyncio.Lock] = {}

    async def keep(self, addresses: Iterable[str]) -> bytes:
        """What a page was made of, in the form that `Visit.resources` keeps. Raises Stopped."""
        return pack([await self._id(address) for address in addresses])

    async def unchanged(self, earlier: bytes) -> bytes | None:
        """What a page of an earlier sweep was made of as this sweep knows it; None when any of it has changed.

        What did not answer, then or now, counts as changed. Raises Stopped.
        """
        found: list[int] = []
        for each in unpack(earlier):
            now = await self._same(each)
            if now is None:
                return None
            found.append(now)
        return pack(found)

    async def _same(self, earlier: int) -> int | None:
        if earlier not in self._now:
            async with self._database.reading() as connection:
                columns = Resource.address, Resource.digest, Resource.etag, Resource.last_modified
                before = (await connection.execute(sa.select(*columns).where(Resource.id == earlier))).one()
            resource_id = await self._id(before.address, before)
            async with self._database.reading() as connection:
                digest = await connection.scalar(sa.select(Resource.digest).where(Resource.id == resource_id))
            same = digest is not None and digest == before.digest
            self._now[earlier] = resource_id if same else None
        return self._now[earlier]

    async def _id(self, address: str, before: Any = None) -> int:
        """The row of a resource in this sweep, asked for when there is none yet."""
        if address not in self._ids:
            async with self._asking.setdefault(address, asyncio.Lock()):
                if address not in self._ids:
                    self._ids[address] = await self._known(address) or await self._asked(address, before)
            self._asking.pop(address, None)
        return self._ids[address]

    async def _known(self, address: str) -> int | None:
        mine = Resource.sweep_id == self._sweep_id, Resource.address == address
        async with self._database.reading() as connection:
            found: int | None = await connection.scalar(sa.select(Resource.id).where(*mine))
            return found

    async def _asked(self, address: str, before: Any) -> int:
        validators = validators_of(before.etag, before.last_modified) if before and before.digest else {}
        answer = await self._fetcher.get(address, accept_any=True, validators=validators)
        facts: Mapping[str, str | None] = {
            "digest": _digest(answer), "etag": answer.headers.get("etag"),
            "last_modified": answer.headers.get("last-modified"),
        }  # fmt: skip
        if before and answer.is_unmodified:
            facts = {"digest": before.digest, "etag": before.etag, "last_modified": before.last_modified}
        async with self._database.writing() as connection:
            row = {"sweep_id": self._sweep_id, "address": address, **facts}
            await connection.execute(insert_new(connection, Resource).values(row))
        known = await self._known(address)
        assert known is not None
        return known


def _digest(answer: Answer) -> str | None:
    """Names what a resource answered; None when that was no answer to rely on.

    A refusal may be meant for us alone, who ask without the page's cookies and headers: what it keeps back may change.
    """
    if answer.failure is not None or answer.status is None:
        return None
    if answer.status >= 400 and answer.status not in GONE:
        return None
    told = f"{answer.status} {answer.location or ''}\n".encode() + answer.body
    return hashlib.sha256(told).hexdigest()
