"""The commonest faults of some sites, by the pages that show them: those of contents apart from those of templates."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import last_finished, rules_of
from audits.counts import audited_in, known_in
from audits.criteria import Criterion, criteria
from audits.defects.book import address_of
from audits.defects.naming import KNOWN_AS, parted
from audits.engine import own_rules
from audits.excepted import cover_of
from db.database import streamed
from db.errors import UsageError
from db.tables import Defect, Finding, Page, PartPage, Sweep, Visit
from db.words import Edition, Method, Outcome, Region, VisitState

TOP = 10  # faults on the sheet


@dataclass(frozen=True, kw_only=True)
class Source:
    """A sweep that the numbers come from."""

    sweep: int
    site: str
    finished_at: datetime
    method: Method | None
    edition: Edition
    rule_set: str
    audited: int  # pages
    known: int  # pages of the site as far as known


@dataclass(frozen=True, kw_only=True)
class Common:
    """A rule with the pages that fail it."""

    rule: str
    criteria: tuple[Criterion, ...]
    pages: int
    places: int
    audited: int  # pages that it was run on: none of a site judged without it


@dataclass(frozen=True, kw_only=True)
class Commonest:
    """What goes wrong on some sites, most pages first."""

    sources: tuple[Source, ...]
    contents: tuple[Common, ...]  # for editors
    templates: tuple[Common, ...]  # for who builds the site
    excepted: int  # places left out, for exceptions cover them

    @property
    def audited(self) -> int:
        """All audited pages."""
        return sum(each.audited for each in self.sources)

    @property
    def known(self) -> int:
        """All known pages."""
        return sum(each.known for each in self.sources)

    @property
    def rule_sets(self) -> tuple[str, ...]:
        """The rules that the sites were judged by; of several, one fault may be counted in several ways."""
        return tuple(sorted({own_rules(each.rule_set) for each in self.sources}))

    @property
    def partial(self) -> bool:
        """Whether some known page was not audited: the numbers are of those that were."""
        return self.audited < self.known


async def commonest(connection: AsyncConnection, sites: Sequence[int]) -> Commonest:
    """Count the faults of level A and AA that the last finished sweeps of some sites saw.

    A defect of contents, or of which nobody knows yet where it is repaired, counts for editors, one of a template for who builds the
    site. Raises UsageError for a site without a finished sweep that audited a page.
    """
    counted = _Counted()
    sources = []
    for site in sites:
        sweep = await _last(connection, site)
        sources.append(await _source(connection, sweep))
        await counted.count(connection, sweep, sources[-1].audited)
    return Commonest(
        sources=tuple(sources), contents=counted.ranked(Region.CONTENT), templates=counted.ranked(Region.TEMPLATE),
        excepted=counted.excepted,
    )  # fmt: skip


async def _last(connection: AsyncConnection, site: int) -> Sweep:
    sweep = await last_finished(connection, site)
    if sweep is None or sweep.finished_at is None:
        address = await address_of(connection, site)
        raise UsageError(
            ja=f"{address} には終わったスイープがまだありません。jisweep sweep か resume で終えてください。",
            en=f"No sweep of {address} has finished yet: finish one with jisweep sweep or resume.",
        )
    return sweep


async def _source(connection: AsyncConnection, sweep: Sweep) -> Source:
    audited = sa.case((Visit.state == VisitState.AUDITED, 1), else_=0)
    known, seen = (
        await connection.execute(
            sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(audited), 0)).where(known_in(sweep.id))
        )
    ).one()
    address = await address_of(connection, sweep.site_id)
    if not seen:
        raise UsageError(
            ja=f"{address} の最後のスイープ {sweep.id} は、1ページも検査できていません。",
            en=f"Sweep {sweep.id}, the last one of {address}, has audited no page.",
        )
    assert sweep.finished_at is not None
    return Source(
        sweep=sweep.id, site=address, finished_at=sweep.finished_at, method=sweep.method, edition=sweep.edition,
        rule_set=sweep.rule_set or "", audited=int(seen), known=known,
    )  # fmt: skip


class _Counted:
    """Pages and places by rule while sweeps are read, page by page."""

    def __init__(self) -> None:
        self.excepted = 0
        self._pages: Counter[tuple[Region, str]] = Counter()
        self._places: Counter[tuple[Region, str]] = Counter()
        self._criteria: dict[str, dict[str, Criterion]] = {}
        self._audited: Counter[str] = Counter()

    async def count(self, connection: AsyncConnection, sweep: Sweep, audited: int) -> None:
        """Add what one sweep saw on the pages that it has audited."""
        _, cover = await cover_of(connection, sweep)
        spoken = sweep.rule_criteria or {}
        known = criteria(sweep.edition)
        rules = rules_of(sweep)
        for rule in rules:
            self._criteria.setdefault(rule, {}).update({number: known[number] for number in spoken[rule]})
            self._audited[rule] += audited
        last: dict[tuple[Region, str], int] = {}  # rows come page by page
        async for page, address, rule, defect, region, places in streamed(connection, _places(sweep.id, rules)):
            if cover.of(defect=defect, rule=rule, page=page, address=address):
                self.excepted += places
                continue
            key = region or Region.CONTENT, rule
            self._places[key] += places
            self._pages[key] += last.get(key) != page
            last[key] = page

    def ranked(self, region: Region) -> tuple[Common, ...]:
        """The rules of a region, most pages first, then most places."""
        found = (
            Common(
                rule=rule,
                criteria=tuple(self._criteria[rule].values()),
                pages=pages,
                places=self._places[where, rule],
                audited=self._audited[rule],
            )
            for (where, rule), pages in self._pages.items()
            if where is region
        )
        return tuple(sorted(found, key=lambda each: (-each.pages, -each.places, each.rule)))


def _places(sweep: int, rules: Sequence[str]) -> sa.Select[int, str, str, int, Region | None, int]:
    """Failed places on audited pages by page and defect, known by the name that it goes by, page by page."""
    shown = sa.orm.aliased(Defect)
    return (
        sa.select(Visit.page_id, Page.address, Finding.rule, shown.id, shown.region, sa.func.count())
        .join(Page, Page.id == Visit.page_id)
        .join(Finding, Finding.result_id == Visit.result_id)
        .join(Defect, Defect.id == Finding.defect_id)
        .outerjoin(PartPage, parted(Visit.page_id))
        .join(shown, shown.id == KNOWN_AS)
        .where(audited_in(sweep), Finding.outcome == Outcome.FAILED, Finding.rule.in_(rules))
        .group_by(Visit.page_id, Page.address, Finding.rule, shown.id, shown.region)
        .order_by(Visit.page_id)
    )
