"""The history of one page: what each sweep of its site saw of it, and of every place that it ever had a defect."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.criteria import aimed_at, rules_for
from audits.engine import own_rules
from audits.trends.periods import Period
from audits.trends.points import counted, spoken_by
from crawler.address import canonical
from db.errors import UsageError
from db.tables import Defect, Finding, Occurrence, Page, Sweep, Visit
from db.words import Break, DefectState, Edition, Level, Outcome, Reason, VisitState


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one sweep saw of a page."""

    sweep: int
    at: datetime  # when the page was seen, or the sweep finished
    edition: Edition
    level: Level
    rule_set: str
    state: VisitState
    reason: Reason | None  # why there is no result
    places: (
        int | None
    )  # failed places of level A and AA, or of a criterion; None: not seen, or no rule speaks about it
    criteria: tuple[str, ...]  # of these, the criteria that fail
    carried: bool  # the result of an earlier sweep: the page had not changed
    line: int | None  # as of a `Step`
    breaks: tuple[Break, ...]


@dataclass(frozen=True, kw_only=True)
class PlaceOf:
    """A defect that the page has shown, with how many places of it there are now."""

    defect: int
    rule: str
    state: DefectState
    places: int  # when the page was last seen; 0: gone


@dataclass(frozen=True, kw_only=True)
class PageHistory:
    """A page over time."""

    address: str
    looks: tuple[Look, ...]
    places: tuple[PlaceOf, ...]


async def page_of(connection: AsyncConnection, site: int, address: str) -> int:
    """The page of a site at an address. Raises UsageError when no sweep has found it."""
    spellings = {address, canonical(address) or address}
    found = await connection.scalar(
        sa.select(Page.id).where(Page.site_id == site, Page.address.in_(spellings)).order_by(Page.id)
    )
    if found is None:
        raise UsageError(
            ja=f"{address} は、このサイトの調査で見つかっていません。jisweep explore の一覧にあるアドレスを書いてください。",
            en=f"No sweep of this site has found {address}: give an address as jisweep explore lists it.",
        )
    return found


async def page_history(
    connection: AsyncConnection, site: int, page: int, span: Period, number: str | None = None
) -> PageHistory:
    """What the sweeps of a span of days saw of a page. A criterion is looked at alone where one is given."""
    address = (await connection.scalars(sa.select(Page.address).where(Page.id == page))).one()
    sweeps = counted([site], span)
    rows = await connection.execute(
        sa.select(
            Sweep.id, Sweep.finished_at, Sweep.edition, Sweep.level, Sweep.rule_set, Visit.state, Visit.reason,
            Visit.audited_at, Visit.carried,
        )
        .join(Visit, Visit.sweep_id == Sweep.id)
        .where(*sweeps, Visit.page_id == page)
        .order_by(Sweep.finished_at, Sweep.id)
    )  # fmt: skip
    criteria = await spoken_by(connection, sa.select(Sweep.id).where(*sweeps))
    places = await _failed_places(connection, sweeps, page)
    looks = [_look(row, places.get(row.id, {}), criteria[row.rule_set or ""], number) for row in rows]
    return PageHistory(address=address, looks=tuple(_joined(looks)), places=tuple(await _places(connection, page)))


async def _failed_places(
    connection: AsyncConnection, sweeps: Sequence[sa.ColumnElement[bool]], page: int
) -> dict[int, dict[str, int]]:
    """Sweep → rule → failed places on the page."""
    rows = await connection.execute(
        sa.select(Visit.sweep_id, Finding.rule, sa.func.count())
        .join(Sweep, Sweep.id == Visit.sweep_id)
        .join(Finding, Finding.result_id == Visit.result_id)
        .where(*sweeps, Visit.page_id == page, Visit.state == VisitState.AUDITED, Finding.outcome == Outcome.FAILED)
        .group_by(Visit.sweep_id, Finding.rule)
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for sweep, rule, places in rows:
        found[sweep][rule] = places
    return found


def _look(row: Any, places: Mapping[str, int], criteria: Mapping[str, list[str]], number: str | None) -> Look:
    """What a sweep saw; nothing is said of a criterion that none of its rules speaks about."""
    counting = rules_for(row.edition, criteria, number)
    seen = row.state is VisitState.AUDITED and bool(counting)
    failed = {rule for rule in places if rule in counting}
    aimed = aimed_at(row.edition, row.level)
    numbers = {each for rule in failed for each in criteria[rule] if each in aimed and number in (None, each)}
    return Look(
        sweep=row.id, at=row.audited_at if seen and not row.carried else row.finished_at, edition=row.edition,
        level=row.level, rule_set=row.rule_set or "", state=row.state, reason=row.reason,
        places=sum(places[rule] for rule in failed) if seen else None,
        criteria=tuple(each for each in aimed if each in numbers), carried=bool(row.carried and seen), line=None, breaks=(),
    )  # fmt: skip


def _joined(looks: Iterable[Look]) -> Iterator[Look]:
    """The looks, joined where the same rules saw the page; which other pages were chosen does not matter to it."""
    last: Look | None = None
    for look in looks:
        if look.places is None:
            yield replace(look, breaks=(Break.UNSEEN,))
            continue
        why = () if last is None else tuple(_between(last, look))
        number = 0 if last is None or last.line is None else last.line + bool(why)
        last = replace(look, line=number, breaks=why)
        yield last


def _between(before: Look, after: Look) -> Iterator[Break]:
    if before.edition is not after.edition:
        yield Break.EDITION
    if own_rules(before.rule_set) != own_rules(after.rule_set):
        yield Break.RULE_SET


async def _places(connection: AsyncConnection, page: int) -> list[PlaceOf]:
    rows = await connection.execute(
        sa.select(Defect.id, Defect.rule, Defect.state, Occurrence.places)
        .join(Occurrence, Occurrence.defect_id == Defect.id)
        .where(Occurrence.page_id == page, Defect.merged_into_id.is_(None))
        .order_by(Occurrence.places.desc(), Defect.id)
    )
    return [PlaceOf(defect=row[0], rule=row[1], state=row[2], places=row[3]) for row in rows]
