"""Disposing of what is past its term: a little at a time, each with its record, while sweeps run.

Each step is one short transaction that takes something away and writes down what it was. Who is killed has done whole steps;
the next run goes on with what is left.
"""

import zlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.keeping.alone import disposing
from audits.keeping.evidence import Amount, Gone, drop_sources, has, outside, take_away
from audits.keeping.holding import SiteSweeps, compared, result_holds, site_sweeps
from audits.keeping.logs import Logged, logs_of
from audits.keeping.lost import DATED
from audits.keeping.sources import sources_of
from audits.keeping.terms import MINIMUM, Terms
from audits.trends.periods import fiscal_year
from db.database import Database
from db.errors import UsageError
from db.pictures.belonging import needed, ours, refuse_copy, within_reach
from db.pictures.leaving import discard
from db.pictures.many import each_of
from db.store import Object
from db.tables import Disposal, Result, Site, Visit
from db.types import now
from db.words import Kept

AT_ONCE = 100  # results of a transaction
ROWS_AT_ONCE = 1000

Tell = Callable[[Kept, Amount], None]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: by which terms, on whose word, and when it began."""

    terms: Terms
    who: str
    at: datetime

    async def write(
        self, connection: AsyncConnection, at: datetime, kind: Kept, year: int, gone: Gone,
        *, site: int | None = None, sweep: int | None = None,
    ) -> None:  # fmt: skip
        """Write down what was disposed of in the same transaction."""
        least, amount, names = MINIMUM.get(kind), gone.amount, told(gone.names)
        await connection.execute(
            sa.insert(Disposal).values(
                begun_at=self.at, at=at, who=self.who, kind=kind, site_id=site, sweep_id=sweep, year=year,
                results=amount.results, items=amount.items, bytes=amount.bytes, term=str(self.terms.of[kind]),
                minimum=None if least is None else str(least), why=self.terms.reason(kind),
                digest=sha256(names).hexdigest(), names=zlib.compress(names),
            )
        )  # fmt: skip


def told(names: Sequence[str]) -> bytes:
    """Names, sorted, each in a line of its own: `result 12`, `picture 3 DIGEST`, `source 4`, `trail 5`."""
    return "".join(f"{each}\n" for each in sorted(names)).encode()


async def dispose(
    database: Database, terms: Terms, who: str, at: datetime, *, sites: Sequence[int] | None = None,
    tell: Tell | None = None,
) -> dict[Kept, Amount]:  # fmt: skip
    """Dispose of all that is past its term and not held, of all sites or some; logs are of no site, and go with all alone.

    Returns how much of each kind. Raises UsageError without a name, or for a term below the least without a reason, and
    StorageError when pictures lie in a store that cannot be used.
    """
    if not who.strip():
        raise UsageError(
            ja="廃棄記録に残す名前を --as に書いてください。", en="Give your name with --as: the record keeps it."
        )
    terms.check()
    if Kept.PICTURES in terms.of:
        await within_reach(database)
        await refuse_copy(database)
        await discard(database)  # what another run has left in the store
    run = Run(terms=terms, who=who.strip(), at=at)
    done = dict.fromkeys(terms.of, Amount())
    async for kind, amount in _steps(database, run, sites):
        done[kind] += amount
        if tell is not None:
            tell(kind, done[kind])
    return done


async def _steps(database: Database, run: Run, sites: Sequence[int] | None) -> AsyncIterator[tuple[Kept, Amount]]:
    async with database.reading() as connection:
        numbers = sorted(await connection.scalars(sa.select(Site.id))) if sites is None else sites
    for kind in (each for each in DATED if each in run.terms.of):
        for site in numbers:
            async for amount in _of_site(database, run, kind, site):
                yield kind, amount
    if sites is None:
        for log in logs_of(tuple(run.terms.of)):
            while (gone := await _rows(database, run, log)) is not None:
                yield log.kind, gone


async def _of_site(database: Database, run: Run, kind: Kept, site: int) -> AsyncIterator[Amount]:
    before = run.terms.of[kind].ends(run.at)
    async with database.reading() as connection:
        sweeps = await site_sweeps(connection, site, before)
        checked = await compared(connection, site) if kind is Kept.PLACES else ()
        left = await _left(connection, kind, sweeps)
    for sweep, finished_at in sweeps.free.items():
        if sweep not in left:
            continue
        step = _Step(
            run=run, kind=kind, site=site, sweep=sweep, year=fiscal_year(finished_at), free=sweeps.free,
            checked=frozenset(checked),
        )  # fmt: skip
        async for amount in step.take(database, before):
            yield amount


async def _left(connection: AsyncConnection, kind: Kept, sweeps: SiteSweeps) -> set[int]:
    """The sweeps that have something of a kind left; on the others no transaction is spent."""
    results = sa.select(Visit.sweep_id).join(Result, Result.id == Visit.result_id)
    left = set(await connection.scalars(results.where(Visit.sweep_id.in_(list(sweeps.free)), has(kind)).distinct()))
    if kind is Kept.TEXTS:
        left |= {each.sweep_id for each in await sources_of(connection, sweeps)}
    return left


@dataclass(frozen=True, kw_only=True)
class _Step:
    """The results of one sweep, and the sources that it kept."""

    run: Run
    kind: Kept
    site: int
    sweep: int
    year: int
    free: Collection[int]  # the site's sweeps whose results might go when we began
    # Results that keep their places; sweeps that finish meanwhile are checked by those that were not free
    checked: Collection[int]

    async def take(self, database: Database, before: datetime) -> AsyncIterator[Amount]:
        async with database.reading() as connection:  # once: for each step the whole sweep would be gone through
            mine = sa.select(Visit.result_id).where(Visit.sweep_id == self.sweep, Visit.result_id.is_not(None))
            found = await self._may_go(connection, await self._sweeps(connection, before), Result.id.in_(mine))
        results = [each for each in found if each not in self.checked]
        last = max(len(results) - 1, 0) // AT_ONCE * AT_ONCE
        for start in range(0, last + 1, AT_ONCE):
            gone = None
            while gone is None:
                gone = await self._some(database, before, results[start : start + AT_ONCE], ends=start == last)
            if self.kind is Kept.PICTURES and database.store is not None:
                await discard(database)
            if gone.names:
                yield gone.amount

    async def _some(
        self, database: Database, before: datetime, results: Sequence[int], *, ends: bool
    ) -> Gone | None:
        """Take away from some results, and at the end the sources; None, and nothing is done, when it is to be tried again."""
        there = await self._in_store(database, results)
        async with database.writing() as connection:
            await disposing(connection)
            sweeps = await self._sweeps(connection, before)
            if self.sweep not in sweeps.free:
                return Gone()
            if not there.keys() >= set(await self._outside(connection, results)):
                needed(database)
                return None  # pictures have come into the store meanwhile
            at, gone = now(), Gone()
            if found := await self._may_go(connection, sweeps, Result.id.in_(results)):
                gone = await take_away(connection, self.kind, found, at, there)
            if ends and self.kind is Kept.TEXTS:
                sources = [each for each in await sources_of(connection, sweeps) if each.sweep_id == self.sweep]
                if sources:
                    gone += await drop_sources(connection, sources)
            if gone.names:
                await self.run.write(connection, at, self.kind, self.year, gone, site=self.site, sweep=self.sweep)
        return gone

    async def _sweeps(self, connection: AsyncConnection, before: datetime) -> SiteSweeps:
        """As they stand now, for somebody may have spoken; what has come to be free since we began goes another time."""
        sweeps = await site_sweeps(connection, self.site, before)
        return replace(sweeps, free={sweep: at for sweep, at in sweeps.free.items() if sweep in self.free})

    async def _in_store(self, database: Database, results: Sequence[int]) -> dict[str, Object | None]:
        """What the store has of the pictures of results: it is asked before anybody waits for us."""
        if database.store is None:
            return {}
        async with database.reading() as connection:
            digests = await self._outside(connection, results)
        if not digests:
            return {}
        there = await each_of(database.store.find, digests)
        await ours(database)  # what is not mounted has none of them
        return dict(zip(digests, there, strict=True))

    async def _outside(self, connection: AsyncConnection, results: Sequence[int]) -> list[str]:
        return await outside(connection, results) if self.kind is Kept.PICTURES else []

    async def _may_go(
        self, connection: AsyncConnection, sweeps: SiteSweeps, which: sa.ColumnElement[bool]
    ) -> list[int]:
        """Those of some results that have something of the kind, and that nothing holds."""
        free = (~each for each in result_holds(sweeps.free).values())
        return list(
            await connection.scalars(sa.select(Result.id).where(which, has(self.kind), *free).order_by(Result.id))
        )


async def _rows(database: Database, run: Run, log: Logged) -> Amount | None:
    """Delete the next rows of one fiscal year; None when there are no more."""
    async with database.writing() as connection:
        await disposing(connection)
        past = log.past(run.terms.of[log.kind].ends(run.at), run.at)
        rows: Sequence[Any] = (
            await connection.execute(
                log.query(connection).where(past, ~log.holds).order_by(log.at, log.key).limit(ROWS_AT_ONCE)
            )
        ).all()
        if not rows:
            return None
        year = fiscal_year(rows[0].at)
        rows = [row for row in rows if fiscal_year(row.at) == year]
        await connection.execute(sa.delete(log.table).where(log.key.in_([row.key for row in rows])))
        amount = Amount(items=len(rows), bytes=sum(row.bytes for row in rows))
        names = [f"{log.table.__tablename__} {row.key}" for row in rows]
        await run.write(connection, now(), log.kind, year, Gone(amount=amount, names=names))
        return amount
