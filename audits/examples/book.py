"""The examples that people have chosen: taken, confirmed, dropped; and what each shows."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import mic
from audits.conclude import sweep_row
from audits.criteria import Criterion, criteria
from audits.defects import book
from audits.defects.book import Listed
from audits.defects.naming import KNOWN_AS, ROOT, names_of, parted
from audits.defects.sight import parts
from audits.examples.after import After
from audits.examples.anonymous import Anonymiser, without_names
from audits.examples.before import Before
from audits.keeping.alone import keeping_results
from audits.keeping.lost import WHOLE
from audits.page import SNIPPET, cut
from audits.record import MACHINE, keep_picture
from db.errors import UsageError
from db.pictures.rows import IN_ROWS, Placed
from db.tables import (
    Defect,
    DefectEvent,
    Example,
    Finding,
    Organisation,
    Page,
    PartPage,
    Picture,
    Regrouping,
    Result,
    Site,
    Sweep,
    Visit,
)
from db.types import now
from db.words import DefectState, Edition, Matched


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A confirmed defect that may become an example."""

    site: str
    defect: Listed
    criteria: tuple[Criterion, ...]
    confirmed_at: datetime
    notes: tuple[str, ...]  # what people said when they claimed the repair
    examples: int  # taken of it already


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A picture of an example."""

    id: int
    name: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One example with all that a book says of it."""

    id: int
    site: str
    page: str
    defect: int
    state: DefectState  # confirmed, unless the fault came back
    rule: str
    criteria: tuple[Criterion, ...]
    before: str
    checks: list[dict[str, Any]]  # what the engine's checks saw of the before
    before_at: datetime
    before_picture: Shot | None
    matched: Matched
    after: str | None
    around: str | None
    after_picture: Shot | None
    way: str | None
    notes: tuple[str, ...]
    taken_by: str
    taken_at: datetime
    written_by: str | None
    confirmed_by: str | None
    anonymous_by: str | None  # None: nobody, or what they read was another text
    names: frozenset[str]  # of people, offices and hosts: they have no place in an anonymous book

    @property
    def differs(self) -> bool:
        """Whether the repair shows in the element's own HTML."""
        return self.after is not None and self.before.split() != self.after.split()


@dataclass(frozen=True, kw_only=True)
class Anonymous:
    """What an anonymous book says of an example."""

    before: str
    after: str | None
    around: str | None
    way: str | None
    notes: tuple[str, ...]


def anonymous(entry: Entry, lang: str) -> Anonymous:
    """An example without what names its site; the same words have the same placeholder before and after."""
    writer = Anonymiser(lang)
    return Anonymous(
        before=writer.html(entry.before),
        after=None if entry.after is None else writer.html(entry.after),
        around=None if entry.around is None else writer.html(entry.around),
        way=None if entry.way is None else without_names(entry.way, entry.names, lang),
        notes=tuple(without_names(each, entry.names, lang) for each in entry.notes),
    )


def _digest(entry: Entry) -> str:
    """Names what a person reads of an anonymous example."""
    told = [vars(anonymous(entry, "ja")), entry.rule, entry.matched.value]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()


async def candidates(connection: AsyncConnection, sites: Sequence[int]) -> list[Candidate]:
    """The confirmed defects of some sites, in the order of their criteria; those of a site on the most pages first."""
    found: list[Candidate] = []
    for site in sites:
        address = await book.address_of(connection, site)
        defects = await book.listed(connection, site, [DefectState.CONFIRMED])
        defects.sort(key=lambda each: -each.pages_ever)
        spoken = await _spoken_of(connection, site)
        confirmed = await _confirmed_at(connection, site)
        notes = await _notes(connection, [each.id for each in defects])
        taken = Counter(each.defect for each in await entries(connection, [site]))
        found += [
            Candidate(
                site=address, defect=each, criteria=spoken(each.rule), confirmed_at=confirmed[each.id],
                notes=notes.get(each.id, ()), examples=taken[each.id],
            )
            for each in defects
        ]  # fmt: skip
    return sorted(found, key=lambda each: in_order(each.criteria))


def in_order(found: Sequence[Criterion]) -> tuple[int, ...]:
    """Sorts by the first criterion as the standard numbers them; what belongs to none comes last."""
    return tuple(map(int, found[0].number.split("."))) if found else (99,)


async def take(
    connection: AsyncConnection, before: Before, after: After, who: str, note: str | None = None,
    placed: Placed = IN_ROWS,
) -> int:  # fmt: skip
    """Keep an example for a person to confirm; returns its number. `placed` is where its picture is.

    Raises UsageError when the before was disposed of meanwhile.
    """
    await keeping_results(connection)
    there = sa.exists().where(Finding.id == before.finding, Result.id == Finding.result_id, WHOLE)
    if not await connection.scalar(sa.select(there)):
        raise UsageError(
            ja=f"欠陥 {before.defect} の証跡は、いま廃棄されました。もう一度実行してください。",
            en=f"The evidence of defect {before.defect} has just been disposed of: run it again.",
        )
    added = await connection.scalar(
        sa.insert(Example)
        .values(
            defect_id=before.defect, finding_id=before.finding, matched=after.matched, after=after.html,
            around=after.around, picture_id=await keep_picture(connection, after.picture, placed), note=note, taken_by=who,
            taken_at=after.at,
        )
        .returning(Example.id)
    )  # fmt: skip
    assert isinstance(added, int)
    return added


async def confirm(
    connection: AsyncConnection, number: int, who: str, *, written: str | None = None, anonymously: bool = False
) -> None:
    """Keep that a person has held before and after against each other, or `written` the after themselves.

    With `anonymously` they have read it as an anonymous book shows it. What is written anew is to be read anew. Raises UsageError.
    """
    await _there(connection, number)
    moment = now()
    values: dict[str, Any] = {"confirmed_by": who, "confirmed_at": moment}
    if written is not None:
        if not written.strip():
            raise UsageError(ja="修正後の HTML が空です。", en="The HTML of the after is empty.")
        values |= {
            "matched": Matched.WRITTEN, "after": cut(written.strip(), SNIPPET), "around": None, "picture_id": None,
            "written_by": who, "anonymous_by": None, "anonymous_at": None, "anonymous_digest": None,
        }  # fmt: skip
    await connection.execute(sa.update(Example).where(Example.id == number).values(values))
    if anonymously:
        [entry] = [each for each in await entries(connection) if each.id == number]
        read = {"anonymous_by": who, "anonymous_at": moment, "anonymous_digest": _digest(entry)}
        await connection.execute(sa.update(Example).where(Example.id == number).values(read))


async def drop(connection: AsyncConnection, number: int, who: str) -> None:
    """Take an example out of all books to come; it is kept that it was there. Raises UsageError."""
    await _there(connection, number)
    await connection.execute(
        sa.update(Example).where(Example.id == number).values(dropped_by=who, dropped_at=now())
    )


async def _there(connection: AsyncConnection, number: int) -> None:
    there = sa.select(Example.id).where(Example.id == number, Example.dropped_at.is_(None))
    if await connection.scalar(there) is None:
        raise UsageError(
            ja=f"実例 {number} はありません。jisweep examples list で一覧を見られます。",
            en=f"There is no example {number}: jisweep examples list lists them.",
        )


async def entries(
    connection: AsyncConnection, sites: Collection[int] | None = None, *, rule: str | None = None
) -> list[Entry]:
    """The examples of some sites, or of all, and of one rule, or of all, by criterion; dropped ones are left out."""
    shown = sa.orm.aliased(Defect)
    query = (
        sa.select(
            *Example.__table__.columns, Finding.rule, Finding.snippet, Finding.checks, Finding.result_id,
            Finding.picture_id.label("before_picture"), Result.taken_at.label("before_at"), Page.address.label("page"),
            Site.address.label("site"), Organisation.name.label("office"), shown.id.label("known_as"), shown.state, shown.way, shown.owner,
        )
        .join(Finding, Finding.id == Example.finding_id)
        .join(Result, Result.id == Finding.result_id)
        .join(Page, Page.id == Result.page_id)
        .join(Site, Site.id == Page.site_id)
        .outerjoin(Organisation, Organisation.id == Site.organisation_id)
        .join(Defect, Defect.id == Finding.defect_id)
        .outerjoin(PartPage, parted(Page.id))
        .join(shown, shown.id == KNOWN_AS)
        .where(Example.dropped_at.is_(None))
        .order_by(Example.id)
    )  # fmt: skip
    if sites is not None:
        query = query.where(Site.id.in_(list(sites)))
    if rule is not None:
        query = query.where(Finding.rule == rule)
    rows = (await connection.execute(query)).all()
    notes = await _notes(connection, [row.known_as for row in rows])
    people = await _people(connection, [row.known_as for row in rows])
    shots = await _shots(
        connection, {each for row in rows for each in (row.before_picture, row.picture_id) if each}
    )
    found: list[Entry] = []
    for row in rows:
        own = (row.note,) if row.note else ()
        named = {
            row.owner, row.taken_by, row.written_by, row.confirmed_by, row.office, urlsplit(row.site).hostname,
            *people.get(row.known_as, ()),
        }  # fmt: skip
        entry = Entry(
            id=row.id, site=row.site, page=row.page, defect=row.known_as, state=row.state, rule=row.rule,
            criteria=await _criteria_then(connection, row.result_id, row.rule), before=row.snippet, checks=row.checks,
            before_at=row.before_at, before_picture=shots.get(row.before_picture), matched=row.matched,
            after=row.after, around=row.around, after_picture=shots.get(row.picture_id), way=row.way,
            notes=tuple(dict.fromkeys((*notes.get(row.known_as, ()), *own))), taken_by=row.taken_by,
            taken_at=row.taken_at, written_by=row.written_by, confirmed_by=row.confirmed_by, anonymous_by=row.anonymous_by,
            names=frozenset(named - {None, MACHINE}),
        )  # fmt: skip
        if entry.anonymous_by and _digest(entry) != row.anonymous_digest:
            entry = Entry(**{**vars(entry), "anonymous_by": None})
        found.append(entry)
    return sorted(found, key=lambda each: (in_order(each.criteria), each.rule, each.id))


async def _shots(connection: AsyncConnection, pictures: Collection[int]) -> dict[int | None, Shot]:
    rows = await connection.execute(
        sa.select(Picture.id, Picture.digest, Picture.media_type, Picture.width, Picture.height).where(
            Picture.id.in_(list(pictures))
        )
    )
    ending = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
    return {
        row.id: Shot(
            id=row.id, name=f"{row.digest}.{ending.get(row.media_type, 'bin')}", width=row.width, height=row.height
        )
        for row in rows
    }


async def _notes(connection: AsyncConnection, defects: Collection[int]) -> dict[int, tuple[str, ...]]:
    """What people said was done when they claimed repairs, by any name of a defect, the last time last."""
    found: dict[int, tuple[str, ...]] = {}
    for some in parts(sorted(set(defects))):
        rows = await connection.execute(
            sa.select(ROOT, DefectEvent.why)
            .join(Defect, Defect.id == DefectEvent.defect_id)
            .where(
                names_of(some), DefectEvent.new == DefectState.REPAIRED, DefectEvent.who != MACHINE,
                DefectEvent.why.is_not(None),
            )
            .order_by(DefectEvent.id)
        )  # fmt: skip
        for defect, why in rows:
            found[defect] = (*found.get(defect, ()), why or "")
    return found


async def _people(connection: AsyncConnection, defects: Collection[int]) -> dict[int, set[str]]:
    """Who has had to do with each defect, by any name of it."""
    events = sa.select(ROOT, DefectEvent.who).join(Defect, Defect.id == DefectEvent.defect_id)
    regrouped = sa.select(ROOT, Regrouping.who).join(
        Defect, sa.or_(Defect.id == Regrouping.defect_id, Defect.id == Regrouping.other_id)
    )
    found: dict[int, set[str]] = {}
    for some in parts(sorted(set(defects))):
        for query in (events, regrouped):
            for defect, who in await connection.execute(query.where(names_of(some)).distinct()):
                found.setdefault(defect, set()).add(who)
    return found


async def _confirmed_at(connection: AsyncConnection, site: int) -> dict[int, datetime]:
    rows = await connection.execute(
        sa.select(DefectEvent.defect_id, sa.func.max(DefectEvent.at))
        .join(Defect, Defect.id == DefectEvent.defect_id)
        .where(Defect.site_id == site, DefectEvent.new == DefectState.CONFIRMED)
        .group_by(DefectEvent.defect_id)
    )
    return dict(rows.all())


async def _spoken_of(connection: AsyncConnection, site: int) -> Callable[[str], tuple[Criterion, ...]]:
    """What rules speak about, by the site's last sweep that was taken in."""
    last = await connection.scalar(
        sa.select(sa.func.max(Sweep.id)).where(
            Sweep.site_id == site, Sweep.reconciled_at.is_not(None), ~Sweep.recheck
        )
    )
    sweep = None if last is None else await sweep_row(connection, last)
    return lambda rule: () if sweep is None else _criteria_of(rule, sweep.edition, sweep.rule_criteria or {})


async def _criteria_then(connection: AsyncConnection, result: int, rule: str) -> tuple[Criterion, ...]:
    """What a rule spoke about in the sweep that found a result."""
    sweep = await connection.scalar(sa.select(sa.func.min(Visit.sweep_id)).where(Visit.result_id == result))
    if sweep is None:
        return ()
    row = await sweep_row(connection, sweep)
    return _criteria_of(rule, row.edition, row.rule_criteria or {})


def _criteria_of(rule: str, edition: Edition, spoken: Mapping[str, Sequence[str]]) -> tuple[Criterion, ...]:
    if rule.startswith(mic.PREFIX):
        edition, spoken = mic.EDITION, mic.rule_criteria()
    numbers = spoken.get(rule, ())
    return tuple(each for number, each in criteria(edition).items() if number in numbers)
