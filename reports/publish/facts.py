"""All that the documents to publish say of one test, read once."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.compare import compare
from audits.conclude import Conclusion, conclude
from audits.jis_test import CriterionResult, JisTest, Lack, Verdict, declaration, jis_test, lacks, level_of
from audits.speaking import SPEAKS
from audits.trends.periods import fiscal_year
from crawler.representative import LeftOut
from db.database import Database
from db.tables import Sweep
from db.types import now
from db.words import Level, Method, Notation, Part, ScopeKind
from reports import read
from reports.language import Language
from reports.read import Head, ScopeLine
from reports.site_view import site_name

# What a notation is about, and all that its conditions look at.
CLAIMED = ("level", "scope", "exceptions", "policy", "published", "processes", "plan", "technologies", "declared",
           "began", "ended")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The last declaration of a sweep, and whether it still stands."""

    notation: Notation | None  # None: taken back
    person: str
    at: datetime
    missing: tuple[Lack, ...]  # not empty: its conditions are no longer fulfilled
    details: dict[str, Any]  # what it was declared with

    @property
    def claim(self) -> Notation | None:
        """The notation that documents may state."""
        return None if self.missing else self.notation


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A page of the test, as the list of addresses gives it."""

    number: int
    address: str
    title: str | None
    parts: tuple[Part, ...]


@dataclass(kw_only=True)
class Facts:
    """What is known of a test, by whom, and what is not."""

    head: Head
    test: JisTest
    details: dict[str, Any]
    standing: Standing | None  # None: nobody has declared anything
    scope: list[ScopeLine]
    swept: Conclusion | None  # the last check of all pages in the fiscal year of the test
    swept_at: datetime | None
    swept_before: Conclusion | None  # the one before it, if the two are a series
    before_at: datetime | None  # when that was, series or not
    made: datetime = field(default_factory=now)
    pages: list[Tested] = field(default_factory=list)  # filled while the pages are read
    left_out: list[LeftOut] = field(default_factory=list)  # kinds that the sample lacks, read with the pages

    @property
    def claim(self) -> Notation | None:
        """The notation that a named person has set and that still stands."""
        return self.standing.claim if self.standing else None

    @property
    def otherwise(self) -> list[str]:
        """What people have written otherwise than it was when the notation that stands was set."""
        if self.claim is None or self.standing is None:
            return []
        return [key for key in CLAIMED if self.details.get(key) != self.standing.details.get(key)]

    @property
    def aim(self) -> Level:
        """The level aimed at."""
        return level_of(self.test, self.details)

    @property
    def site(self) -> str:
        """The site as readers know it."""
        return str(self.details.get("site_name") or site_name(self.head.site))

    @property
    def excluded(self) -> list[ScopeLine]:
        """The patterns that took addresses out of the scope."""
        return [line for line in self.scope if line.kind is ScopeKind.EXCLUDE]

    def of(self, verdict: Verdict) -> list[CriterionResult]:
        """The criteria with a verdict."""
        return [each for each in self.test.criteria if each.verdict is verdict]

    @property
    def open(self) -> list[CriterionResult]:
        """The criteria with a page that is undecided."""
        return [each for each in self.test.criteria if each.open]

    def missing(self, notation: Notation) -> list[Lack]:
        """What is missing before a notation may be used."""
        return lacks(self.test, notation, self.details)


async def facts_of(
    database: Database, sweep_id: int, details: dict[str, Any] | None = None, *, checks: bool = True
) -> Facts:
    """Read a test with what people have declared and written of it. Raises UsageError when there is no such sweep.

    `details` stand instead of those of the last declaration, which alone say whether its notation still stands. Without `checks`
    nothing is told of the checks of all pages, each of which has to be concluded.
    """
    test = await jis_test(database, sweep_id)
    last = await declaration(database, sweep_id)
    told = details if details is not None else last.details if last else {}
    standing = None
    if last is not None:
        missing = tuple(lacks(test, last.notation, last.details)) if last.notation else ()
        standing = Standing(
            notation=last.notation, person=last.person, at=last.at, missing=missing, details=last.details
        )  # fmt: skip
    async with database.reading() as connection:
        head = await read.head(connection, sweep_id)
        scope = await read.scope(connection, sweep_id)
        whole = await _whole_checks(connection, test.sweep) if checks else []
    found = [(await conclude(database, number, sample=False), at) for number, at in whole]
    swept, swept_at = found[0] if found else (None, None)
    before, before_at = found[1] if len(found) > 1 else (None, None)
    if before is not None and swept is not None and (await compare(database, before.sweep, swept.sweep)).breaks:
        before = None
    return Facts(
        head=head, test=test, details=told, standing=standing, scope=scope,
        swept=swept, swept_at=swept_at, swept_before=before, before_at=before_at,
    )  # fmt: skip


async def _whole_checks(connection: AsyncConnection, sweep: Sweep) -> list[tuple[int, datetime]]:
    """The last finished check of all pages of the site in the fiscal year of a test, and the one before it; none without the first."""
    query = (
        sa.select(Sweep.id, Sweep.finished_at)
        .where(Sweep.site_id == sweep.site_id, Sweep.method == Method.ALL, SPEAKS)
        .where(Sweep.finished_at.is_not(None))
        .order_by(Sweep.finished_at.desc())
    )
    year = fiscal_year(sweep.created_at)
    rows = [(number, at) for number, at in await connection.execute(query) if at is not None]
    known = [each for each in rows if fiscal_year(each[1]) <= year]
    return known[:2] if known and fiscal_year(known[0][1]) == year else []


def lack_line(lack: Lack, facts: Facts, language: Language, words: str = "lack") -> str:
    """One lack in one plain line that says what to do: by commands or, with the words of `web.lack`, in the application."""
    counted = [each for each in facts.test.criteria if each.criterion.level in facts.aim.included]
    unjudged = [each for each in counted if each.waits]
    disputed = [each for each in counted if each.disputed]
    failed = [each for each in counted if each.verdict is Verdict.NOT_MET]
    return language.say(
        f"{words}.{lack.value}",
        id=str(facts.head.id), lost=language.count("page", facts.test.lost), aim=facts.aim.value,
        tested=facts.test.sweep.level.value,
        criteria=language.count("criterion", len(unjudged)), numbers=numbers(unjudged),
        disputed=language.count("criterion", len(disputed)), disputed_numbers=numbers(disputed),
        failed=language.count("criterion", len(failed)), failed_numbers=numbers(failed),
        steps=" ".join(facts.test.by_hand), ended=language.day(facts.test.ended) if facts.test.ended else "",
    )  # fmt: skip


def numbers(criteria: list[CriterionResult], shown: int = 6) -> str:
    """The numbers of criteria, the first few of them."""
    said = ", ".join(each.criterion.number for each in criteria[:shown])
    return f"{said}, …" if len(criteria) > shown else said
