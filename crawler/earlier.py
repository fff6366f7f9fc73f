"""What an earlier sweep knows of a page: asked for conditionally, it is read again only where something has changed."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from crawler.fetch import validators_of
from crawler.frontier import ROWS
from crawler.volatile import Slot, as_slots
from db.database import Database
from db.tables import Note, Sweep, Visit, Volatile
from db.words import Reason

# What exploring has read from a page, and reads again only from one that has changed
READ = (
    Visit.content_type, Visit.size, Visit.etag, Visit.last_modified, Visit.body_digest, Visit.title, Visit.kinds,
    Visit.forms, Visit.shape, Visit.text_shape, Visit.content_digest, Visit.wording, Visit.notice,
    Visit.script_key, Visit.closed_roots, Visit.robots_meta, Visit.canonical_id, Visit.links, Visit.unread_links,
)  # fmt: skip
_ALSO = (Visit.rendered_digest, Visit.shown_links, Visit.resources, Visit.stable_digest, Visit.volatile_id)


class Earlier:
    """The sweep whose pages need not be read again where they are unchanged; none for the first of a site."""

    def __init__(self, database: Database, sweep: Sweep) -> None:
        self._database = database
        self._sweep = sweep
        self._noted: set[str] | None = None
        self._unsafe: set[int] | None = None
        self._slots: dict[int, list[Slot]] = {}

    async def visits(self, pages: Mapping[int, str]) -> dict[int, dict[str, Any]]:
        """What the earlier sweep read, by page, of pages that are given with their addresses; not what it read in part."""
        if self._sweep.earlier_id is None:
            return {}
        in_part = await self._read_in_part()
        wanted = [page for page, address in pages.items() if address not in in_part]
        found: dict[int, dict[str, Any]] = {}
        async with self._database.reading() as connection:
            for begin in range(0, len(wanted), ROWS):
                mine = Visit.sweep_id == self._sweep.earlier_id, Visit.page_id.in_(wanted[begin : begin + ROWS])
                rows = await connection.execute(
                    sa.select(Visit.page_id, *READ, *_ALSO).where(*mine, Visit.body_digest.is_not(None))
                )
                found |= {row["page_id"]: dict(row) for row in rows.mappings()}
        return found

    async def unsafe(self) -> set[int]:
        """The pages that the earlier sweep left alone since they may do something."""
        if self._unsafe is None:
            mine = Visit.sweep_id == self._sweep.earlier_id, Visit.reason == Reason.UNSAFE
            async with self._database.reading() as connection:
                self._unsafe = set(await connection.scalars(sa.select(Visit.page_id).where(*mine)))
        return self._unsafe

    async def slots(self, volatile: int) -> list[Slot]:
        """The volatile parts that a stable digest leaves out."""
        if volatile not in self._slots:
            async with self._database.reading() as connection:
                row = await connection.scalar(sa.select(Volatile.slots).where(Volatile.id == volatile))
            self._slots[volatile] = as_slots(row or [])
        return self._slots[volatile]

    async def those(self, pages: Sequence[int], condition: sa.ColumnElement[bool]) -> list[int]:
        """The pages for whose visit in the earlier sweep a condition holds."""
        found: list[int] = []
        async with self._database.reading() as connection:
            for begin in range(0, len(pages), ROWS):
                mine = Visit.sweep_id == self._sweep.earlier_id, Visit.page_id.in_(pages[begin : begin + ROWS])
                found += await connection.scalars(sa.select(Visit.page_id).where(*mine, condition))
        return found

    async def _read_in_part(self) -> set[str]:
        """The addresses of which the earlier sweep noted that it did not read all."""
        if self._noted is None:
            async with self._database.reading() as connection:
                noted = sa.select(Note.address).where(Note.sweep_id == self._sweep.earlier_id)
                self._noted = set(await connection.scalars(noted))
        return self._noted


def validators(earlier: Mapping[str, Any] | None) -> dict[str, str]:
    """The headers that ask for a page only when it has changed since."""
    return validators_of(earlier["etag"], earlier["last_modified"]) if earlier else {}


def is_unchanged(now: Mapping[str, Any], earlier: Mapping[str, Any]) -> bool:
    """Whether a page's source is what it was, apart from its volatile parts."""
    if now["body_digest"] == earlier["body_digest"]:
        return True
    stable = now["stable_digest"], now["volatile_id"]
    return stable[0] is not None and stable == (earlier["stable_digest"], earlier["volatile_id"])
