"""The result of a JIS test (JIS X 8341-3:2016 Annex JB): what people judged, and what is missing for each notation."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import combinations
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import Conclusion, conclude, sweep_row
from audits.counts import audited_in, report_order
from audits.criteria import Criterion, aimed_at
from audits.defects.cover import day_of
from audits.defects.sight import seen_at
from audits.judging import Said, agreed, differ, pages_to_judge, words_on
from audits.speaking import is_trusted
from crawler.frame import is_gone, sent_beyond
from db.database import Database
from db.errors import UsageError
from db.tables import Declaration, Draw, Judgement, Page, Sweep, Visit
from db.types import now
from db.words import Edition, JudgementOutcome, Level, Method, Notation


class Verdict(StrEnum):
    """What a test says of one criterion over all its pages."""

    MET = "met"  # every page meets it or it does not apply to the page; at least one page where it applies
    NOT_MET = "not_met"  # a page fails it: one fails it for the whole set
    NOT_APPLICABLE = "not_applicable"  # on no page; counts as met, and is published as 適用 「－」, 結果 「○」
    UNJUDGED = "unjudged"  # a page waits for judgement, or people differ


@dataclass(frozen=True, kw_only=True)
class CriterionResult:
    """One criterion over the pages of a test."""

    criterion: Criterion
    verdict: Verdict
    met: int  # pages
    not_met: int
    not_applicable: int
    unjudged: int
    disputed: int  # of the unjudged, those where people differ
    reasons: tuple[tuple[str, int], ...]  # why pages do not meet it, and on how many pages, the most frequent first
    rules: tuple[
        tuple[str, int], ...
    ] = ()  # that failed on such pages, where people accepted it and wrote no reason

    @property
    def open(self) -> bool:
        """Whether a page is undecided: the verdict may be known, the test is not complete."""
        return bool(self.unjudged) or self.verdict is Verdict.UNJUDGED

    @property
    def waits(self) -> bool:
        """Whether a page waits for judgement, though another may have failed already; not only because people differ."""
        return self.unjudged > self.disputed or (self.verdict is Verdict.UNJUDGED and not self.unjudged)


@dataclass(frozen=True, kw_only=True)
class PageResult:
    """One page of a test, as far as it has come."""

    visit: int
    number: int  # of its page in the report
    address: str
    title: str | None
    agreed: Mapping[str, JudgementOutcome]  # criterion → what people agree on
    disputed: tuple[str, ...]  # criteria where they differ

    @property
    def decided(self) -> int:
        """How many criteria people agree on."""
        return len(self.agreed)

    def counts_as(self, number: str, name: str) -> bool:
        """Whether the page is in this number of a criterion's result."""
        said = self.agreed.get(number)
        return {"unjudged": said is None, "disputed": number in self.disputed}.get(name, said == name)


@dataclass(kw_only=True)
class Pair:
    """Two people who have judged the same criteria of the same pages."""

    one: str
    other: str
    both: int = 0
    same: int = 0  # of these, where they say the same


@dataclass(frozen=True, kw_only=True)
class JisTest:
    """A test as far as it has come."""

    sweep: Sweep
    conclusion: Conclusion
    pages: int  # audited pages of the sample
    by_page: tuple[PageResult, ...]  # of these, in the order of the report
    lost: int  # chosen pages without a result: the test is not complete. What proved to be no page is not lost
    criteria: tuple[CriterionResult, ...]
    by_hand: tuple[str, ...]  # steps of the chosen forms that only sending leads to: no page of the workbook
    people: tuple[str, ...]  # who judged
    pairs: tuple[Pair, ...]  # of people who judged the same
    began: datetime | None  # when the first page was audited; None while nobody has judged
    ended: datetime | None  # when the last word was said, or a page audited after that

    @property
    def judged(self) -> bool:
        """Whether every criterion of every page is decided and no chosen page was lost."""
        return bool(self.pages) and not self.lost and not any(each.open for each in self.criteria)

    @property
    def met(self) -> bool:
        """Whether the test is complete and all criteria are met or do not apply."""
        return self.judged and all(each.verdict is not Verdict.NOT_MET for each in self.criteria)


class Lack(StrEnum):
    """What is missing before a notation may be used."""

    UNFINISHED = "unfinished"  # the sweep goes on
    SUSPECT = "suspect"  # the sweep is, and nobody has accepted it
    LOST = "lost"  # chosen pages have no result
    UNJUDGED = "unjudged"  # criteria wait for judgement
    DISPUTED = "disputed"  # people differ
    NOT_MET = "not_met"
    ALL_MET = "all_met"  # 一部準拠 says that some are not met
    POLICY = "policy"  # no published accessibility policy is named
    PUBLISHED = "published"  # no address of the published result is named
    PLAN = "plan"  # 一部準拠 needs a stated plan
    PROCESS = "process"  # steps of forms that only sending leads to, and nobody says how they were tested
    SCOPE = "scope"  # no description of the pages in words that an outsider can decide by
    TECHNOLOGIES = "technologies"  # the technologies relied upon are one of the nine items of a result
    DECLARED = "declared"  # so is the date of the declaration
    EARLY = "early"  # which is before the last day of the test on record, and people have stated no other
    LEVEL = "level"  # the level aimed at is higher than the one tested
    EDITION = "edition"  # the notation is about JIS X 8341-3, and another standard was tested
    UNREAD = "unread"  # all pages were to be tested, and some could not be read or found


class NotationRefused(UsageError):
    """A notation that may not be used yet, and what is missing."""

    def __init__(self, notation: Notation, missing: list[Lack]) -> None:
        super().__init__(
            ja=f"この対応度は、まだ使えません（足りないもの {len(missing)} 件）。",
            en=f"This notation may not be used yet ({len(missing)} things are missing).",
        )
        self.notation = notation
        self.missing = missing


def level_of(test: JisTest, details: dict[str, Any]) -> Level:
    """The level that a notation is about: the one that people aim at, else the one tested."""
    return Level(details.get("level") or test.sweep.level)


def lacks(test: JisTest, notation: Notation, details: dict[str, Any]) -> list[Lack]:
    """What is missing before the notation may be used (WAIC's guideline on notation), with what people stated."""
    found = [] if details.get("policy") else [Lack.POLICY]
    if notation is Notation.CONSIDERATE:  # without a test, but of the same standard
        return found + _lacks_of_standard(test)
    found += lacks_of_test(test)
    if level_of(test, details) not in test.sweep.level.included:
        found.append(Lack.LEVEL)
    counted = [each for each in test.criteria if each.criterion.level in level_of(test, details).included]
    if any(each.waits for each in counted):
        found.append(Lack.UNJUDGED)
    if any(each.disputed for each in counted):
        found.append(Lack.DISPUTED)
    failed = any(each.verdict is Verdict.NOT_MET for each in counted)
    if notation is Notation.CONFORMING and failed:
        found.append(Lack.NOT_MET)
    if notation is Notation.PARTIALLY:
        found += [] if failed else [Lack.ALL_MET]
        found += [] if details.get("plan") else [Lack.PLAN]
    if test.by_hand and not details.get("processes"):
        found.append(Lack.PROCESS)
    found += [] if details.get("scope") else [Lack.SCOPE]
    found += [] if details.get("technologies") else [Lack.TECHNOLOGIES]
    found += _lacks_of_date(test, details)
    return found + ([] if details.get("published") else [Lack.PUBLISHED])


def _lacks_of_date(test: JisTest, details: dict[str, Any]) -> list[Lack]:
    declared = details.get("declared")
    if not declared:
        return [Lack.DECLARED]
    goes_on = "ended" not in details and test.ended is not None and declared < day_of(test.ended).isoformat()
    return [Lack.EARLY] if goes_on else []


def _lacks_of_standard(test: JisTest) -> list[Lack]:
    return [] if test.sweep.edition is Edition.JIS2016 else [Lack.EDITION]


def lacks_of_test(test: JisTest) -> list[Lack]:
    """Why a test is not complete, whatever was judged."""
    found = _lacks_of_standard(test)
    if not test.conclusion.finished:
        found.append(Lack.UNFINISHED)
    if not is_trusted(test.sweep):
        found.append(Lack.SUSPECT)
    if test.lost or not test.pages:
        found.append(Lack.LOST)
    if test.sweep.method is Method.ALL and not test.conclusion.complete:
        found.append(Lack.UNREAD)
    return found


async def jis_test(database: Database, sweep_id: int) -> JisTest:
    """Read a test. Raises UsageError when there is no such sweep."""
    conclusion = await conclude(database, sweep_id, sample=False)
    async with database.reading() as connection:
        sweep = await sweep_row(connection, sweep_id)
        words = await _words(connection, sweep)
        chosen = await _chosen(connection, sweep_id)
        by_hand = await sent_beyond(connection, sweep_id)
        began, ended = await _period(connection, sweep) if words.people else (None, None)
    return JisTest(
        sweep=sweep,
        conclusion=conclusion,
        pages=len(words.pages),
        by_page=tuple(words.pages),
        lost=max(0, chosen - len(words.pages)),
        criteria=tuple(
            _result(criterion, words.counts[number], words.reasons[number], words.rules[number], len(words.pages))
            for number, criterion in aimed_at(sweep.edition, sweep.level).items()
        ),
        by_hand=tuple(by_hand),
        people=tuple(sorted(words.people)),
        pairs=tuple(words.pairs.values()),
        began=began,
        ended=ended,
    )


@dataclass(kw_only=True)
class _Words:
    """What people have said of a test, counted."""

    counts: dict[str, Counter[str]]  # criterion → outcomes, `unjudged` and `disputed`
    reasons: dict[str, Counter[str]]
    rules: dict[str, Counter[str]]
    pages: list[PageResult] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    pairs: dict[tuple[str, str], Pair] = field(default_factory=dict)

    def add(self, number: str, said: Sequence[Said]) -> None:
        """What was said of one criterion of a page, which was counted as unjudged."""
        outcome = agreed(said)
        if outcome is not None:
            self.counts[number].update({outcome.value: 1, "unjudged": -1})
        self.counts[number]["disputed"] += differ(said)
        if outcome is JudgementOutcome.NOT_MET:
            self.reasons[number].update(
                list(dict.fromkeys(each.reason for each in said if each.reason))
            )  # once a page
        self.people |= {each.person for each in said}
        for one, other in combinations(said, 2):
            pair = self.pairs.setdefault((one.person, other.person), Pair(one=one.person, other=other.person))
            pair.both += 1
            pair.same += one.outcome is other.outcome


async def _words(connection: AsyncConnection, sweep: Sweep) -> _Words:
    aimed = aimed_at(sweep.edition, sweep.level)
    visits = await report_order(connection, sweep.id)
    said: dict[int, dict[str, list[Said]]] = defaultdict(dict)
    for (visit, number), words in (
        await words_on(connection, sa.select(Visit.id).where(audited_in(sweep.id)))
    ).items():
        said[visit][number] = words
    told = {row.id: row for row in await connection.execute(_names(sweep.id))}
    counts = {number: Counter({"unjudged": len(visits)}) for number in aimed}
    reasons, rules = ({number: Counter[str]() for number in aimed} for _ in range(2))
    found = _Words(counts=counts, reasons=reasons, rules=rules)
    unsaid: set[tuple[int, str]] = set()  # not met, and nobody has written why: the rules that failed tell it
    for position, visit in enumerate(visits, start=1):
        judged = said.get(visit)
        mine = {number: judged[number] for number in aimed if number in judged} if judged else {}
        for number, words in mine.items():
            found.add(number, words)
            if agreed(words) is JudgementOutcome.NOT_MET and not any(each.reason for each in words):
                unsaid.add((visit, number))
        found.pages.append(
            PageResult(
                visit=visit, number=position, address=told[visit].address, title=told[visit].title,
                agreed={number: one for number, words in mine.items() if (one := agreed(words)) is not None},
                disputed=tuple(number for number, words in mine.items() if differ(words)),
            )
        )  # fmt: skip
    if unsaid:
        async for page in pages_to_judge(connection, sweep, {visit for visit, _ in unsaid}):
            for item in page.items:
                if (page.visit, item.criterion.number) in unsaid:
                    found.rules[item.criterion.number].update(item.proposal.rules)
    return found


def _names(sweep: int) -> sa.Select[int, str, str | None]:
    return (
        sa.select(Visit.id, Page.address, Visit.title).join(Page, Page.id == Visit.page_id).where(audited_in(sweep))
    )


async def _period(connection: AsyncConnection, sweep: Sweep) -> tuple[datetime, datetime]:
    """From the first page that the machine audited to the last word of a person, also when words were changed since."""
    seen, said = seen_at(sweep), Judgement.at
    audits = sa.select(sa.func.min(seen), sa.func.max(seen)).where(audited_in(sweep.id))
    words = sa.select(sa.func.min(said), sa.func.max(said)).join(Visit, Visit.id == Judgement.visit_id)
    rows = [(await connection.execute(each)).one() for each in (audits, words.where(audited_in(sweep.id)))]
    return min(first for first, _ in rows), max(last for _, last in rows)


async def _chosen(connection: AsyncConnection, sweep_id: int) -> int:
    """Chosen pages, without those that proved to be none."""
    counted = sa.select(sa.func.count(sa.distinct(Draw.visit_id))).join(Visit, Visit.id == Draw.visit_id)
    return await connection.scalar(counted.where(Draw.sweep_id == sweep_id, ~is_gone())) or 0


def _result(
    criterion: Criterion, counts: Counter[str], reasons: Counter[str], rules: Counter[str], pages: int
) -> CriterionResult:
    met, not_met = counts[JudgementOutcome.MET.value], counts[JudgementOutcome.NOT_MET.value]
    not_applicable, unjudged = counts[JudgementOutcome.NOT_APPLICABLE.value], counts["unjudged"]
    return CriterionResult(
        criterion=criterion, verdict=verdict_of(met, not_met, unjudged, pages), met=met, not_met=not_met, not_applicable=not_applicable,
        unjudged=unjudged, disputed=counts["disputed"],
        reasons=tuple(reasons.most_common()),
        rules=tuple(rules.most_common()),
    )  # fmt: skip


def verdict_of(met: int, not_met: int, unjudged: int, pages: int) -> Verdict:
    """What the pages of a test, met, not met, unjudged and in all, say of one criterion."""
    if not_met:
        return Verdict.NOT_MET  # one page is enough, whatever the others are
    if unjudged or not pages:
        return Verdict.UNJUDGED
    return Verdict.MET if met else Verdict.NOT_APPLICABLE


async def declare(
    database: Database, sweep_id: int, notation: Notation | None, person: str, details: dict[str, Any]
) -> None:
    """Keep the notation that a named person chose, or that it was taken back. Raises NotationRefused while something lacks."""
    test = await jis_test(database, sweep_id)
    missing = lacks(test, notation, details) if notation else []
    if notation and missing:
        raise NotationRefused(notation, missing)
    async with database.writing() as connection:
        await connection.execute(
            sa.insert(Declaration).values(
                sweep_id=sweep_id, notation=notation, person=person, details=details, at=now()
            )
        )


async def declaration(database: Database, sweep_id: int) -> Declaration | None:
    """The last declaration of a sweep; None when nobody has made one."""
    async with database.reading() as connection:
        query = (
            sa.select(Declaration).where(Declaration.sweep_id == sweep_id).order_by(Declaration.id.desc()).limit(1)
        )
        row = (await connection.execute(query)).mappings().first()
    return Declaration(**dict(row)) if row else None
