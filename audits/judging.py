"""Judgement by people: what is to be judged on the pages of a test, what is proposed, and what was said.

A machine's word is a proposal and nothing more: a failed place proposes `not met`, evidence of absence `not applicable`,
and a person's judgement of the same unchanged page in an earlier sweep is proposed again, also one that speaks against the
machine, with its reason, while the faults are the same. Nothing proposes `met` but a person's earlier word.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from audits.counts import audited_in, report_order
from audits.criteria import Criterion, aimed_at
from audits.criteria.judging import judging
from audits.defects.sight import parts
from audits.persons import known_as
from crawler.links import unpack
from db.errors import UsageError
from db.tables import Assertion, Draw, Finding, Judgement, Page, Resource, Result, Sweep, Visit
from db.types import now
from db.words import Assertor, JudgementOutcome, Outcome, Part, VisitState

BATCH = 50  # pages in memory at a time
PLACES = 3  # of each rule that a person is shown beside a proposal: all are in the report
SHARED = "frames"  # what a frame shows is not counted: with one, absence is not known


class Ground(StrEnum):
    """Why something is proposed, or why nothing is."""

    FAILED = "failed"  # the machine found a fault
    ABSENT = "absent"  # what the criterion is about is nowhere on the page
    EARLIER = "earlier"  # a person judged the same page so in an earlier sweep
    CANT_TELL = "cant_tell"  # the machine saw something that it could not decide
    UNDETECTED = "undetected"  # the machine looked and found nothing, which proves nothing
    UNTESTED = "untested"  # no rule looks


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A place that a rule speaks of."""

    rule: str
    frame: list[Any]
    target: list[Any]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a person may accept, and what it stands on."""

    outcome: JudgementOutcome | None  # None: to be judged
    ground: Ground
    rules: tuple[str, ...] = ()  # that failed, or could not tell
    places: int = 0  # where they did
    seen: tuple[Seen, ...] = ()  # the first few of them
    person: str | None = None  # whose earlier judgement it is
    at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Said:
    """A person's judgement."""

    person: str
    outcome: JudgementOutcome
    reason: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Earlier(Said):
    """What people agreed on of the same page in an earlier sweep."""

    of_same_faults: bool  # the machine found the same places then, which were known when it was said


def differ(said: Sequence[Said]) -> bool:
    """Whether people say different things of one criterion of a page."""
    return len(said) > 1 and len({each.outcome for each in said}) > 1


def agreed(said: Sequence[Said]) -> JudgementOutcome | None:
    """What people agree on; None while nobody has judged, or they differ."""
    return said[0].outcome if said and not differ(said) else None


@dataclass(frozen=True, kw_only=True)
class Item:
    """One criterion of one page."""

    criterion: Criterion
    proposal: Proposal
    failed_places: int = 0  # that the machine found
    said: tuple[Said, ...] = ()  # the last word of each person, in the order of names

    @property
    def disputed(self) -> bool:
        """Whether people say different things; then nothing is decided."""
        return differ(self.said)

    @property
    def outcome(self) -> JudgementOutcome | None:
        """What people agree on; None while nobody has judged, or they differ."""
        return agreed(self.said)


@dataclass(frozen=True, kw_only=True)
class JudgedPage:
    """A page of a test with all that is to be judged on it."""

    visit: int
    page: int
    result: int  # what the machine found, which the proposals stand on
    number: int  # of its page in the report
    address: str
    title: str | None
    parts: tuple[Part, ...]
    items: tuple[Item, ...]  # in the standard's order


async def pages_to_judge(
    connection: AsyncConnection, sweep: Sweep, only: Collection[int] | None = None
) -> AsyncIterator[JudgedPage]:
    """The audited pages of a sweep, or those of `only` some visits, in the order of its report, some in memory at a time."""
    numbered = {visit: number for number, visit in enumerate(await report_order(connection, sweep.id), start=1)}
    visits = [visit for visit in numbered if only is None or visit in only]
    for some in parts(visits, BATCH):
        rows = {row.id: row for row in await connection.execute(_pages(some))}
        counts = await _counts(connection, some)
        seen = await _seen(connection, some)
        said = await words_on(connection, some)
        earlier = await _earlier(connection, sweep, some)
        drawn = await _parts(connection, some)
        for visit in some:
            row = rows[visit]
            yield JudgedPage(
                visit=visit,
                page=row.page_id,
                result=row.result_id,
                number=numbered[visit],
                address=row.address,
                title=row.title,
                parts=tuple(drawn[visit]),
                items=tuple(
                    Item(
                        criterion=criterion,
                        proposal=_proposal(
                            criterion, row, counts.get((visit, criterion.number)), seen[visit],
                            earlier.get((visit, criterion.number)), sweep,
                        ),
                        failed_places=_failed(counts.get((visit, criterion.number))),
                        said=tuple(said.get((visit, criterion.number), ())),
                    )
                    for criterion in aimed_at(sweep.edition, sweep.level).values()
                ),
            )  # fmt: skip


def _proposal(
    criterion: Criterion, page: Any, counts: Any, seen: Mapping[Outcome, Mapping[str, list[Seen]]],
    earlier: Earlier | None, sweep: Sweep,
) -> Proposal:  # fmt: skip
    speaking = [rule for rule, numbers in (sweep.rule_criteria or {}).items() if criterion.number in numbers]
    failed, unsure = (
        {rule: seen[outcome][rule] for rule in sorted(speaking) if rule in seen[outcome]}
        for outcome in (Outcome.FAILED, Outcome.CANT_TELL)
    )
    if counts is not None and counts.failed_places:
        found = Proposal(
            outcome=JudgementOutcome.NOT_MET, ground=Ground.FAILED, rules=tuple(failed), places=counts.failed_places,
            seen=tuple(chain.from_iterable(failed.values())),
        )  # fmt: skip
        if earlier is not None and earlier.outcome is JudgementOutcome.NOT_MET:
            return replace(found, person=earlier.person, at=earlier.at, reason=earlier.reason)
        if earlier is None or not earlier.of_same_faults:
            return found
        return replace(
            found, outcome=earlier.outcome, ground=Ground.EARLIER, person=earlier.person, at=earlier.at,
            reason=earlier.reason,
        )  # fmt: skip
    if earlier is not None:
        return Proposal(
            outcome=earlier.outcome, ground=Ground.EARLIER, person=earlier.person, at=earlier.at,
            reason=earlier.reason,
        )  # fmt: skip
    if counts is not None and counts.cant_tell_places:
        return Proposal(
            outcome=None, ground=Ground.CANT_TELL, rules=tuple(unsure), places=counts.cant_tell_places,
            seen=tuple(chain.from_iterable(unsure.values())),
        )  # fmt: skip
    if _is_absent(judging(criterion.number).absent, page):
        return Proposal(outcome=JudgementOutcome.NOT_APPLICABLE, ground=Ground.ABSENT)
    return Proposal(outcome=None, ground=Ground.UNDETECTED if speaking else Ground.UNTESTED)


def _failed(counts: Any) -> int:
    return counts.failed_places if counts is not None else 0


def _is_absent(feature: str | None, page: Any) -> bool:
    """Whether the whole page was seen, and nothing of the kind was on it."""
    if feature is None or page.features is None or not page.settled or page.untested:
        return False
    features: dict[str, int] = page.features
    return features.get(feature) == 0 and features.get(SHARED) == 0


async def keep_judgements(
    connection: AsyncConnection,
    sweep_id: int,
    person: str,
    judgements: Iterable[tuple[int, str, JudgementOutcome, str | None]],
) -> int:
    """Store a person's judgements (visit, criterion, outcome, reason); returns how many say something new.

    `withdrawn` takes back what the person said of the criterion of the page before.

    Raises UsageError, before anything is stored, for a page or criterion that the sweep does not judge, and for one
    that overrides a fault that the machine found, or is `not met` without one, and gives no reason.
    """
    sweep = Sweep(**dict((await connection.execute(sa.select(Sweep).where(Sweep.id == sweep_id))).mappings().one()))
    wanted = list(judgements)
    visits = sorted({visit for visit, *_ in wanted})
    counts = await _counts(connection, visits)
    mine = set(await report_order(connection, sweep_id))
    aimed = aimed_at(sweep.edition, sweep.level)
    for visit, number, outcome, reason in wanted:
        if visit not in mine or number not in aimed:
            raise UsageError(
                ja=f"スイープ {sweep_id} の試験に、ページ {visit} の達成基準 {number} はありません。",
                en=f"The test of sweep {sweep_id} has no criterion {number} of page {visit}.",
            )
        if why_needed(outcome, _failed(counts.get((visit, number)))) and not (reason or "").strip():
            raise UsageError(
                ja=f"ページ {visit} の達成基準 {number} には理由が要ります。",
                en=f"Criterion {number} of page {visit} needs a reason.",
            )
    before = {
        (key, said.person): said for key, words in (await words_on(connection, visits)).items() for said in words
    }
    new = [
        {"visit_id": visit, "criterion": number, "outcome": outcome, "reason": reason or None, "person": person,
         "finding_id": None, "at": now()}
        for visit, number, outcome, reason in wanted
        if _is_new(before.get(((visit, number), person)), outcome, reason or None)
    ]  # fmt: skip
    if new:
        await connection.execute(sa.insert(Judgement), new)
    return len(new)


def _is_new(before: Said | None, outcome: JudgementOutcome, reason: str | None) -> bool:
    """Whether a word changes what the person has said."""
    if before is None:
        return outcome is not JudgementOutcome.WITHDRAWN
    return (outcome, reason) != (before.outcome, before.reason)


def why_needed(outcome: JudgementOutcome, failed_places: int) -> bool:
    """Whether a judgement needs a written reason: against the machine's fault, or `not met` without one."""
    if outcome is JudgementOutcome.WITHDRAWN:
        return False
    return (failed_places > 0) != (outcome is JudgementOutcome.NOT_MET)


@dataclass(frozen=True, kw_only=True)
class HowFar:
    """How far people have come with a test."""

    decided: int = 0  # criteria of pages that they agree on
    disputed: int = 0
    people: tuple[str, ...] = ()


async def how_far(connection: AsyncConnection, sweeps: Collection[int]) -> dict[int, HowFar]:
    """Sweep → how far its judgement has come, of those that somebody has judged; counted by the database."""
    last = sa.func.row_number().over(
        partition_by=(Judgement.visit_id, Judgement.criterion, known_as(Judgement.person)),
        order_by=(Judgement.at.desc(), Judgement.id.desc()),
    )
    words = (
        sa.select(Visit.sweep_id, Judgement.visit_id, Judgement.criterion, known_as(Judgement.person).label("person"), Judgement.outcome, last.label("last"))
        .join(Judgement, Judgement.visit_id == Visit.id)
        .where(Visit.sweep_id.in_(sweeps), Visit.state == VisitState.AUDITED, Visit.result_id.is_not(None))
        .subquery()
    ).c  # fmt: skip
    stands = words.last == 1, words.outcome != JudgementOutcome.WITHDRAWN
    said = sa.func.count(sa.distinct(words.outcome)).label("said")
    items = (
        sa.select(words.sweep_id, said)
        .where(*stands)
        .group_by(words.sweep_id, words.visit_id, words.criterion)
        .subquery()
        .c
    )
    agree, differ_ = (sa.func.sum(sa.case((which, 1), else_=0)) for which in (items.said == 1, items.said > 1))
    counts = await connection.execute(sa.select(items.sweep_id, agree, differ_).group_by(items.sweep_id))
    people: dict[int, list[str]] = defaultdict(list)
    named = sa.select(words.sweep_id, words.person).where(*stands).distinct().order_by(words.person)
    for sweep, person in await connection.execute(named):
        people[sweep].append(person)
    return {
        sweep: HowFar(decided=int(decided), disputed=int(disputed), people=tuple(people[sweep]))
        for sweep, decided, disputed in counts
    }


async def state_of_test(connection: AsyncConnection, sweep_id: int) -> str:
    """Names what there is to judge (SHA-256): another when a page of the test, or its result, is another."""
    rows = await connection.execute(
        sa.select(Visit.id, Visit.result_id).where(audited_in(sweep_id)).order_by(Visit.id)
    )
    return hashlib.sha256(json.dumps([list(row) for row in rows]).encode()).hexdigest()


def _pages(visits: Sequence[int]) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            Visit.id,
            Visit.page_id,
            Visit.result_id,
            Page.address,
            Visit.title,
            Result.features,
            Result.settled,
            Result.untested,
        )
        .join(Page, Page.id == Visit.page_id)
        .join(Result, Result.id == Visit.result_id)
        .where(Visit.id.in_(visits))
    )


async def _counts(connection: AsyncConnection, visits: Sequence[int]) -> dict[tuple[int, str], Any]:
    rows = await connection.execute(
        sa.select(Visit.id, Assertion.criterion, Assertion.failed_places, Assertion.cant_tell_places)
        .join(Assertion, Assertion.result_id == Visit.result_id)
        .where(Visit.id.in_(visits), Assertion.assertor == Assertor.AXE)
    )
    return {(row.id, row.criterion): row for row in rows}


async def _seen(
    connection: AsyncConnection, visits: Sequence[int]
) -> dict[int, dict[Outcome, dict[str, list[Seen]]]]:
    """Visit → outcome → rule → the first places where the rule had it there."""
    order = sa.func.row_number().over(
        partition_by=(Visit.id, Finding.rule, Finding.outcome), order_by=Finding.position
    )
    numbered = (
        sa.select(
            Visit.id.label("visit"), Finding.outcome, Finding.rule, Finding.frame, Finding.target,
            Finding.position, order.label("number"),
        )
        .join(Finding, Finding.result_id == Visit.result_id)
        .where(Visit.id.in_(visits))
        .subquery()
    )  # fmt: skip
    found: dict[int, dict[Outcome, dict[str, list[Seen]]]] = defaultdict(
        lambda: {outcome: defaultdict(list) for outcome in Outcome}
    )
    first = sa.select(numbered).where(numbered.c.number <= PLACES).order_by(numbered.c.position)
    for row in await connection.execute(first):
        found[row.visit][row.outcome][row.rule].append(Seen(rule=row.rule, frame=row.frame, target=row.target))
    return found


async def words_on(
    connection: AsyncConnection, visits: Sequence[int] | sa.Select[int]
) -> dict[tuple[int, str], list[Said]]:
    """The last word of each person on each criterion of each visit, in the order of names."""
    last: dict[tuple[int, str], dict[str, Said]] = defaultdict(dict)
    of = Judgement
    words = sa.select(of.visit_id, of.criterion, known_as(of.person), of.outcome, of.reason, of.at).order_by(
        of.at, of.id
    )
    for some in [visits] if isinstance(visits, sa.Select) else parts(visits):
        for visit, number, person, outcome, reason, at in await connection.execute(
            words.where(of.visit_id.in_(some))
        ):
            if outcome is JudgementOutcome.WITHDRAWN:
                last[visit, number].pop(person, None)
            else:
                last[visit, number][person] = Said(person=person, outcome=outcome, reason=reason, at=at)
    return {key: [words[person] for person in sorted(words)] for key, words in last.items() if words}


async def _earlier(
    connection: AsyncConnection, sweep: Sweep, visits: Sequence[int]
) -> dict[tuple[int, str], Earlier]:
    """What people agreed on, criterion by criterion, in the last earlier sweep that judged it on the same page, unchanged.

    Where they differed there, nothing is told. The page has not changed when its result was carried, or its source and
    all the scripts and styles that it was made of are the same. An equal result alone proves nothing: a style may change
    what people see, and no rule.
    """
    now_, then = aliased(Visit), aliased(Visit)
    pairs = (
        await connection.execute(
            sa.select(now_.id, then.id, now_.carried, now_.resources, then.resources)
            .join(then, then.page_id == now_.page_id)
            .where(now_.id.in_(visits), then.sweep_id < sweep.id)
            .where(
                sa.case(
                    (now_.carried, then.result_id == now_.result_id),
                    else_=then.audited_digest == now_.audited_digest,
                )
            )
            .where(sa.exists().where(Judgement.visit_id == then.id))
            .order_by(then.sweep_id)
        )
    ).all()
    unchanged: list[tuple[int, int]] = []  # visits of now and then, the latest sweep last
    for mine, old, carried, resources, resources_then in pairs:
        made_of = None if carried else await _made_of(connection, resources)
        if carried or (made_of is not None and made_of == await _made_of(connection, resources_then)):
            unchanged.append((mine, old))
    words: dict[int, dict[str, list[Said]]] = defaultdict(dict)
    for (visit, number), said in (await words_on(connection, sorted({old for _, old in unchanged}))).items():
        words[visit][number] = said
    last = {(mine, number): old for mine, old in unchanged for number in words[old]}
    faults = await _faults(connection, sorted({*(mine for mine, _ in last), *last.values()}))
    found: dict[tuple[int, str], Earlier] = {}
    for (mine, number), old in last.items():
        if differ(said := words[old][number]):
            continue
        word = max(said, key=lambda each: each.at)
        speaking = {rule for rule, numbers in (sweep.rule_criteria or {}).items() if number in numbers}
        were, are = ({each for each in faults[some] if each[0] in speaking} for some in (old, mine))
        found[mine, number] = Earlier(
            person=word.person, outcome=word.outcome, reason=word.reason, at=word.at, of_same_faults=were == are
        )
    return found


async def _faults(connection: AsyncConnection, visits: Sequence[int]) -> dict[int, set[tuple[str, str]]]:
    """Visit → rule and place of each fault that the machine found there."""
    rows = await connection.execute(
        sa.select(Visit.id, Finding.rule, Finding.frame, Finding.target)
        .join(Finding, Finding.result_id == Visit.result_id)
        .where(Visit.id.in_(visits), Finding.outcome == Outcome.FAILED)
    )
    found: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for visit, rule, frame, target in rows:
        found[visit].add((rule, json.dumps([frame, target])))
    return found


async def _made_of(connection: AsyncConnection, resources: bytes | None) -> set[tuple[str, str]] | None:
    """The addresses and contents of what a page was made of; None when that is not known of all."""
    if resources is None:
        return None
    rows = await connection.execute(
        sa.select(Resource.address, Resource.digest).where(Resource.id.in_(unpack(resources)))
    )
    found = {(row.address, row.digest) for row in rows}
    return None if any(digest is None for _, digest in found) else found


async def _parts(connection: AsyncConnection, visits: Sequence[int]) -> dict[int, list[Part]]:
    rows = await connection.execute(
        sa.select(Draw.visit_id, Draw.part).where(Draw.visit_id.in_(visits)).order_by(Draw.visit_id, Draw.part)
    )
    found: dict[int, list[Part]] = defaultdict(list)
    for visit, part in rows:
        found[visit].append(part)
    return found
