"""What a later sweep needs to know to see whether an audited page is still the page that was audited."""

import asyncio
import hashlib
import zlib
from typing import Any

import sqlalchemy as sa

from audits.page import PageAudit
from audits.work import Work
from crawler.document import decode
from crawler.politeness import Stopped
from crawler.volatile import Slot, as_slots, emptied, moments_between, slots_between, stable_digest
from db.tables import Page, Visit, Volatile


class Evidence:
    """The sources of a sweep's audited pages, and what they were made of, as digests."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._learned: dict[int, tuple[int, list[Slot]]] = {}  # by template
        self._learning: dict[int, asyncio.Lock] = {}

    async def of(self, visit: Any, audit: PageAudit) -> dict[str, Any]:
        """The columns of an audited visit that say what was audited; None for what cannot be known.

        `visit` has its page_id, template, content_type and address.
        """
        unknown: dict[str, Any] = dict.fromkeys(("audited_digest", "resources", "stable_digest", "volatile_id"))
        unknown["audited_notice"] = audit.notice
        if self._work.sweep.recheck and audit.source is not None:  # no later sweep goes by it
            return {**unknown, "audited_digest": hashlib.sha256(audit.source).hexdigest()}
        if audit.source is None or audit.resources is None:
            return unknown
        try:
            resources = await self._work.resources.keep(audit.resources)
            volatile, slots = await self._volatile(visit.template, visit.page_id, visit.address)
        except Stopped:
            return unknown
        source, _ = decode(audit.source, visit.content_type)
        return {
            "audited_notice": audit.notice,
            "audited_digest": hashlib.sha256(audit.source).hexdigest(),
            "resources": resources,
            "stable_digest": stable_digest(source, slots),
            "volatile_id": volatile,
        }

    async def _volatile(self, template: int, page: int, address: str) -> tuple[int, list[Slot]]:
        """The volatile parts of a template, learned from this page unless they are known. Raises Stopped."""
        async with self._learning.setdefault(template, asyncio.Lock()):
            if template not in self._learned:
                mine = Volatile.sweep_id == self._work.sweep.id, Volatile.template == template
                async with self._work.database.reading() as connection:
                    row = (await connection.execute(sa.select(Volatile.id, Volatile.slots).where(*mine))).first()
                if row is None:
                    self._learned[template] = await self._learn(template, page, address)
                else:
                    self._learned[template] = row.id, as_slots(row.slots)
        return self._learned[template]

    async def _learn(self, template: int, page: int, address: str) -> tuple[int, list[Slot]]:
        """Ask for one page twice; and compare it with what it was in the earlier sweep, if that learned from it."""
        earlier = await self._learned_earlier(template)
        if earlier is not None:
            page, address = earlier.page_id, earlier.address
        first, second = await self._source(address), await self._source(address)
        slots = list(as_slots(earlier.slots)) if earlier is not None else []
        if first is not None and second is not None:
            slots += [each for each in slots_between(first, second) or () if each not in slots]
            if earlier is not None and earlier.source is not None:
                before = zlib.decompress(earlier.source).decode("utf-8", "surrogatepass")
                further = moments_between(emptied(before, slots), emptied(first, slots))
                slots += [each for each in further if each not in slots]
        row = {
            "sweep_id": self._work.sweep.id, "template": template, "page_id": page, "slots": [list(each) for each in slots],
            "source": None if first is None else zlib.compress(first.encode("utf-8", "surrogatepass")),
        }  # fmt: skip
        async with self._work.database.writing() as connection:
            added = await connection.scalar(sa.insert(Volatile).values(row).returning(Volatile.id))
        assert isinstance(added, int)
        return added, slots

    async def _learned_earlier(self, template: int) -> Any:
        """What the earlier sweep goes by for a page that has this template now; None when there is no such page."""
        if self._work.sweep.earlier_id is None:
            return None
        before, now = sa.orm.aliased(Visit), sa.orm.aliased(Visit)
        by_page = (
            sa.select(Volatile.page_id, Volatile.slots, Volatile.source, Page.address)
            .join(before, before.volatile_id == Volatile.id)
            .join(now, now.page_id == Volatile.page_id)
            .join(Page, Page.id == Volatile.page_id)
            .where(
                before.sweep_id == self._work.sweep.earlier_id,
                now.sweep_id == self._work.sweep.id,
                now.template == template,
            )
            .order_by(Volatile.id.desc())
            .limit(1)
        )
        async with self._work.database.reading() as connection:
            return (await connection.execute(by_page)).first()

    async def _source(self, address: str) -> str | None:
        """The page's source as of now; None when it does not answer as a page does."""
        answer = await self._work.fetcher.get(address)
        if answer.failure is not None or answer.status != 200 or not answer.is_html:
            return None
        return decode(answer.body, answer.content_type)[0]
