"""Tests: how far people have come with judging the pages of a sweep, what is missing, and the form in which they judge."""

import asyncio
import hashlib
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.background import BackgroundTask
from starlette.datastructures import FormData
from starlette.responses import FileResponse, RedirectResponse, Response

from audits.conclude import sweep_row
from audits.counts import audited_in, report_order
from audits.criteria import aimed_at
from audits.criteria.judging import judging
from audits.jis_test import CriterionResult, JisTest, PageResult, Pair
from audits.judging import (
    HowFar,
    Item,
    JudgedPage,
    Said,
    how_far,
    keep_judgements,
    pages_to_judge,
    why_needed,
    words_on,
)
from db.database import Database
from db.tables import Judgement, Site, Sweep, Visit
from db.words import Done, JudgementOutcome, Method, Notation, SweepState
from reports.access.rights import May
from reports.judge_book import ground_of, progress
from reports.language import Language
from reports.page_view import path_of, text_of
from reports.publish.documents import NAMES, current, write_documents
from reports.publish.facts import Facts, facts_of, lack_line
from reports.web.asking import Asked, Crumb, Reader, Refused
from reports.web.listing import Cell, Column, Listing, Part
from reports.web.views.files import turn

LONGEST = 4000  # characters of a reason
SHOWN = 300  # characters of a selector on the screen
ALL = "documents.zip"
OUTCOMES = (JudgementOutcome.MET, JudgementOutcome.NOT_MET, JudgementOutcome.NOT_APPLICABLE)
COUNTED = ("met", "not_met", "not_applicable", "unjudged", "disputed")  # numbers of pages of a criterion
WORDS = "web.lack"  # of what is missing
PUBLISHERS = (May.JUDGE, May.PLAN)  # who has documents made

router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One criterion in the form: what stands in its fields, and what is wrong with it."""

    item: Item
    mine: Said | None  # what the judge has said before
    others: tuple[Said, ...]
    outcome: str
    reason: str
    error: str = ""

    @property
    def was(self) -> str:
        """Names what the judge had said when the form was given out: what they change elsewhere is not written over."""
        return _key(self.mine.outcome.value, self.mine.reason or "") if self.mine else ""


class _Wrong(Exception):
    """A form that cannot be kept: it is shown again with all that was written."""

    def __init__(self, page: JudgedPage, entries: list[Entry], why: str) -> None:
        super().__init__(why)
        self.page, self.entries, self.why = page, entries, why


# ── the list ───────────────────────────────────────────────────────────────────────────────────────


@router.get("/tests")
async def tests(asked: Reader) -> Response:
    """The sweeps whose pages people judge."""
    async with asked.reading() as connection:
        rows = (await connection.execute(_tests(asked))).all()
    far: dict[int, HowFar] = {}
    listing = Listing(
        asked=asked, id="tests", caption=asked.language.say("web.tests.caption"), sort="-finished",
        columns=_columns(asked, far), rows=rows,
    )  # fmt: skip
    async with asked.reading() as connection:
        file = listing.file()
        part = await listing.part(connection)
        far |= await how_far(connection, [row.id for row in (rows if file else part.rows)])
    return file or asked.page("tests.html", asked.language.say("web.tests.title"), tests=part)


def _tests(asked: Asked) -> sa.Select[*tuple[Any, ...]]:
    """Finished sweeps of a sample, and those of all pages that somebody has judged."""
    pages = sa.select(Judgement.visit_id).distinct().subquery()
    judged = sa.select(Visit.sweep_id).join(pages, pages.c.visit_id == Visit.id)
    audited = sa.select(sa.func.count()).where(audited_in(Sweep.id), Visit.result_id.is_not(None))  # type: ignore[arg-type]
    return (
        sa.select(
            Sweep.id, Site.address, Sweep.finished_at, Sweep.method, Sweep.edition, Sweep.level,
            audited.scalar_subquery().label("pages"),
        )
        .join(Site, Site.id == Sweep.site_id)
        .where(asked.who.reach(May.READ).within(Sweep.site_id), ~Sweep.recheck, Sweep.state == SweepState.FINISHED)
        .where(sa.or_(Sweep.method != Method.ALL, Sweep.id.in_(judged)))
    )  # fmt: skip


def _columns(asked: Asked, far: Mapping[int, HowFar]) -> list[Column]:
    language, say = asked.language, asked.language.say

    def done(row: Any) -> Cell:
        every = row.pages * len(aimed_at(row.edition, row.level))
        decided = far.get(row.id, HowFar()).decided
        return Cell(text=say("web.tests.of", part=decided, whole=every), value=decided, href=f"/tests/{row.id}")

    def differing(row: Any) -> Cell:
        number = far.get(row.id, HowFar()).disputed
        return Cell(
            text=language.number(number), value=number, href=f"/tests/{row.id}#differences" if number else None
        )

    return [
        Column(
            key="address", heading=say("web.tests.site"), is_head=True,
            cell=lambda row: Cell(text=row.address, href=f"/tests/{row.id}"),
        ),
        Column(
            key="sweep", heading=say("web.tests.sweep"), by=lambda row: row.id,
            cell=lambda row: Cell(
                text=say("web.tests.number", sweep=str(row.id)), value=row.id, href=f"/sweeps/{row.id}",
                aside=say(f"method.{row.method.value}") if row.method else "",
            ),
        ),
        Column(
            key="finished", heading=say("web.tests.finished"),
            cell=lambda row: Cell(text=language.day(row.finished_at), value=row.finished_at),
        ),
        Column(
            key="pages", heading=say("web.tests.pages"), is_number=True,
            cell=lambda row: Cell(text=language.number(row.pages), value=row.pages, href=f"/tests/{row.id}#pages"),
        ),
        Column(
            key="decided", heading=say("web.tests.decided"), is_number=True, is_told=True, sorts=False, cell=done
        ),
        Column(key="differ", heading=say("web.tests.differ"), is_number=True, sorts=False, cell=differing),
        Column(
            key="people", heading=say("web.tests.people"), sorts=False,
            cell=lambda row: Cell(
                text=say("common.comma").join(far.get(row.id, HowFar()).people) or say("web.tests.nobody")
            ),
        ),
    ]  # fmt: skip


# ── one test ───────────────────────────────────────────────────────────────────────────────────────


@router.get("/tests/{sweep}")
async def test(asked: Reader, sweep: int) -> Response:
    """How far a test has come: by criterion, by page, between judges, and what is missing for each notation."""
    async with asked.reading() as connection:
        row = await swept(asked, connection, sweep)
    facts = await facts_of(asked.database, sweep, checks=False)
    found, language = facts.test, asked.language
    async with asked.reading() as connection:
        words = await words_on(connection, [page.visit for page in found.by_page if page.disputed])
        tables = {
            "criteria": _criteria_table(asked, facts), "pages": _pages_table(asked, found),
            "pairs": _pairs_table(asked, found), "differences": _differences_table(asked, found, words),
        }  # fmt: skip
        for table in tables.values():
            if file := table.file():
                return file
        parts: dict[str, Part] = {name: await table.part(connection) for name, table in tables.items()}
    first = next((page for page in found.by_page if page.decided < len(found.criteria)), None)
    return asked.page(
        "test.html", language.say("web.tests.one", site=facts.site), crumbs=(_home(asked),), test=found,
        lines=progress(found, language), parts=parts, head=facts.head, facts=facts,
        notations=[(each, [lack_line(lack, facts, language, WORDS) for lack in facts.missing(each)]) for each in Notation],
        current=current(facts, language, WORDS), first=first if row.state is SweepState.FINISHED else None,
        documents=(ALL, *NAMES) if may_publish(asked, row.site_id) else (), may_publish=may_publish(asked, row.site_id),
        may_judge=asked.who.may(May.JUDGE, row.site_id), finished=row.state is SweepState.FINISHED,
    )  # fmt: skip


def _criteria_table(asked: Asked, facts: Facts) -> Listing:
    language, say = asked.language, asked.language.say

    def count(name: str) -> Column:
        def cell(each: CriterionResult) -> Cell:
            number: int = getattr(each, name)
            href = f"/tests/{facts.test.sweep.id}?criterion={each.criterion.number}&said={name}#pages"
            return Cell(text=language.number(number), value=number, href=href if number else None)

        return Column(key=name, heading=say(f"web.tests.{name}"), cell=cell, is_number=True)

    def verdict(each: CriterionResult) -> Cell:
        return Cell(text=say(f"web.tests.verdict_{each.verdict.value}"), kind=each.verdict.value)

    order = {each.criterion.number: place for place, each in enumerate(facts.test.criteria)}
    columns = [
        Column(
            key="criterion", heading=say("web.tests.criterion"), is_head=True, by=lambda each: order[each.criterion.number],
            cell=lambda each: Cell(
                text=f"{each.criterion.number} {each.criterion.name(language.lang)}",
                href=f"/know-how/criteria/{each.criterion.number}",
            ),
        ),
        Column(key="level", heading=say("web.tests.level"), cell=lambda each: Cell(text=each.criterion.level.value)),
        *map(count, COUNTED),
        Column(key="verdict", heading=say("web.tests.verdict"), cell=verdict),
    ]  # fmt: skip
    caption = say("web.tests.criteria_caption", pages=language.count("page", facts.test.pages))
    return Listing(
        asked=asked, id="criteria", caption=caption, columns=columns, sort="criterion", rows=facts.test.criteria
    )


def _pages_table(asked: Asked, found: JisTest) -> Listing:
    language, say = asked.language, asked.language.say

    def done(page: PageResult) -> Cell:
        text = say("web.tests.of", part=page.decided, whole=len(found.criteria))
        return Cell(text=text, value=page.decided, href=f"/tests/{found.sweep.id}/{page.visit}")

    columns = [
        Column(
            key="number", heading=say("web.tests.page_number"), is_number=True,
            cell=lambda page: Cell(text=language.number(page.number), value=page.number),
        ),
        Column(
            key="page", heading=say("web.tests.page"), is_head=True,
            cell=lambda page: Cell(
                text=page.title or say("common.untitled"), aside=page.address,
                href=f"/tests/{found.sweep.id}/{page.visit}",
            ),
        ),
        Column(key="decided", heading=say("web.tests.decided"), is_number=True, is_told=True, cell=done),
        Column(
            key="differ", heading=say("web.tests.disputed"), is_number=True,
            cell=lambda page: Cell(text=language.number(len(page.disputed)), value=len(page.disputed)),
        ),
    ]  # fmt: skip
    given = asked.request.query_params
    number, name = given.get("criterion", ""), given.get("said", "")
    rows, caption = list(found.by_page), say("web.tests.pages_caption")
    if number and name:  # those that a number of the criteria's table counts
        if name not in COUNTED or number not in {each.criterion.number for each in found.criteria}:
            raise Refused(404)
        rows = [page for page in found.by_page if page.counts_as(number, name)]
        caption = say("web.tests.pages_of", criterion=number, said=say(f"web.tests.{name}"))
    return Listing(asked=asked, id="pages", caption=caption, columns=columns, sort="number", rows=rows)


def _pairs_table(asked: Asked, found: JisTest) -> Listing:
    language, say = asked.language, asked.language.say

    def count(name: str) -> Column:
        return Column(
            key=name, heading=say(f"web.tests.{name}"), is_number=True,
            cell=lambda pair: Cell(text=language.number(getattr(pair, name)), value=getattr(pair, name)),
        )  # fmt: skip

    def share(pair: Pair) -> Cell:
        return Cell(text=language.share(pair.same / pair.both), value=round(pair.same / pair.both, 4))

    columns = [
        Column(key="one", heading=say("web.tests.judge"), is_head=True, cell=lambda pair: Cell(text=pair.one)),
        Column(key="other", heading=say("web.tests.other_judge"), cell=lambda pair: Cell(text=pair.other)),
        count("both"),
        count("same"),
        Column(key="agreement", heading=say("web.tests.agreement"), is_number=True, cell=share),
    ]
    caption = say("web.tests.pairs_caption")
    return Listing(asked=asked, id="pairs", caption=caption, columns=columns, sort="one", rows=found.pairs)


def _differences_table(
    asked: Asked, found: JisTest, words: Mapping[tuple[int, str], Sequence[Said]]
) -> Listing:  # fmt: skip
    language, say = asked.language, asked.language.say
    names = {each.criterion.number: each.criterion.name(language.lang) for each in found.criteria}
    rows = [(page, number) for page in found.by_page for number in page.disputed]
    columns = [
        Column(
            key="page", heading=say("web.tests.page"), is_head=True,
            cell=lambda row: Cell(
                text=row[0].title or say("common.untitled"), aside=row[0].address,
                href=f"/tests/{found.sweep.id}/{row[0].visit}#c-{row[1]}",
            ),
        ),
        Column(
            key="criterion", heading=say("web.tests.criterion"), cell=lambda row: Cell(text=f"{row[1]} {names[row[1]]}")
        ),
        Column(
            key="said", heading=say("web.tests.said"), sorts=False,
            cell=lambda row: Cell(text=_words(words[row[0].visit, row[1]], language)),
        ),
    ]  # fmt: skip
    caption = say("web.tests.differences_caption")
    return Listing(asked=asked, id="differences", caption=caption, columns=columns, sort="criterion", rows=rows)


def _words(said: Sequence[Said], language: Language) -> str:
    told = (
        f"{each.person}{language.say('common.colon')}{language.say(f'judge.outcome.{each.outcome.value}')}"
        for each in said
    )
    return language.say("common.comma").join(told)


@router.get("/tests/{sweep}/documents/{name}")
async def documents(asked: Reader, sweep: int, name: str) -> Response:
    """A document to publish, or all of them in an archive, made anew."""
    async with asked.reading() as connection:
        row = await swept(asked, connection, sweep)
    if not may_publish(asked, row.site_id):
        raise Refused(403)
    if name not in (ALL, *NAMES):
        raise Refused(404)
    folder = tempfile.TemporaryDirectory()
    try:
        async with turn:
            path = await asyncio.to_thread(
                _written, asked.settings.database, sweep, Path(folder.name), name, asked.language.lang
            )
    except BaseException:
        folder.cleanup()
        raise
    stem, _, ending = name.partition(".")
    return FileResponse(
        path, filename=f"{stem}-{sweep}.{ending}", media_type="application/octet-stream",
        background=BackgroundTask(folder.cleanup),
    )  # fmt: skip


def _written(url: str, sweep: int, folder: Path, name: str, lang: str) -> Path:
    """Make the documents beside the server's loop, which serves others meanwhile."""

    async def write() -> None:
        async with Database(url, must_exist=True) as database:
            await write_documents(database, sweep, folder / "documents", None, lang)

    asyncio.run(write())
    if name != ALL:
        return folder / "documents" / name
    with zipfile.ZipFile(folder / ALL, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((folder / "documents").iterdir()):
            archive.write(path, path.name)
    return folder / ALL


# ── the form ───────────────────────────────────────────────────────────────────────────────────────


@router.get("/tests/{sweep}/{visit}")
async def form(asked: Reader, sweep: int, visit: int) -> Response:
    """All that is to be judged on one page, with what is proposed and what was said."""
    async with asked.reading() as connection:
        row = await swept(asked, connection, sweep)
        page = await _page(connection, row, visit)
        order = await report_order(connection, sweep)
    return _form(asked, row, page, _entries(asked, page), order)


@router.post("/tests/{sweep}/{visit}")
async def judge(asked: Reader, sweep: int, visit: int) -> Response:
    """Keep what a judge has changed in the form: all of it, or nothing and the form again."""
    sent = await asked.request.form()
    async with asked.reading() as connection:
        row = await swept(asked, connection, sweep)
        order = await report_order(connection, sweep)
    asked.needs(May.JUDGE, row.site_id)
    if row.state is not SweepState.FINISHED or visit not in order:
        raise Refused(404)
    try:
        changed: list[str] = []
        async with asked.writing(Done.JUDGED, about=f"/tests/{sweep}/{visit}", criteria=changed) as connection:
            page = await _page(connection, row, visit)
            words = _changed(asked, page, sent)
            changed += [number for _, number, *_ in words]
            await keep_judgements(connection, sweep, asked.who.person, words)
    except _Wrong as wrong:
        return _form(asked, row, wrong.page, wrong.entries, order, wrong.why)
    onward = order[order.index(visit) + 1 : order.index(visit) + 2]
    if sent.get("act") == "stay":
        return RedirectResponse(f"/tests/{sweep}/{visit}?done=judged", 303)
    return RedirectResponse(
        f"/tests/{sweep}/{onward[0]}?done=judged" if onward else f"/tests/{sweep}?done=judged", 303
    )


def _changed(
    asked: Asked, page: JudgedPage, sent: FormData
) -> list[tuple[int, str, JudgementOutcome, str | None]]:  # fmt: skip
    """The words of a form that are not as they were when it was given out. Raises _Wrong."""
    entries = [_sent(asked, each, sent) for each in _entries(asked, page)]
    if sent.get("state") != str(page.result):
        raise _Wrong(page, entries, asked.language.say("web.tests.error_audited"))
    if wrong := [each for each in entries if each.error]:
        raise _Wrong(page, entries, asked.language.say("web.tests.error_some", number=len(wrong)))
    return [
        (
            page.visit,
            each.item.criterion.number,
            outcome,
            None if outcome is JudgementOutcome.WITHDRAWN else each.reason or None,
        )
        for each in entries
        for outcome in ([JudgementOutcome(each.outcome)] if each.outcome else [])
        if _key(each.outcome, each.reason) != each.was
    ]


def _sent(asked: Asked, entry: Entry, sent: FormData) -> Entry:
    """A criterion as the form brings it: unchanged fields are passed over, wrong ones told."""
    number, say = entry.item.criterion.number, asked.language.say
    outcome, reason = _text(sent, f"o.{number}"), _plain(_text(sent, f"r.{number}"))
    was = _text(sent, f"w.{number}")
    if f"o.{number}" not in sent or (outcome and _key(outcome, reason) == was) or not (outcome or reason):
        return entry
    told = replace(entry, outcome=outcome, reason=reason)
    if outcome and outcome not in list(JudgementOutcome):
        return replace(told, outcome="", error=say("judge.error.outcome"))
    if len(reason) > LONGEST:
        return replace(told, error=say("web.tests.error_long", most=LONGEST))
    if was != entry.was and _key(outcome, reason) != entry.was:
        said = say(f"judge.outcome.{entry.mine.outcome.value}") if entry.mine else say("judge.open")
        return replace(told, error=say("web.tests.error_meanwhile", said=said))
    if not outcome:
        return replace(told, error=say("judge.error.reason_alone"))
    if why_needed(JudgementOutcome(outcome), entry.item.failed_places) and not reason:
        return replace(told, error=say(f"judge.error.{'override' if entry.item.failed_places else 'why'}"))
    return told


def _entries(asked: Asked, page: JudgedPage) -> list[Entry]:
    person = asked.who.person
    found = []
    for item in page.items:
        mine = next((each for each in item.said if each.person == person), None)
        found.append(
            Entry(
                item=item, mine=mine, others=tuple(each for each in item.said if each.person != person),
                outcome=mine.outcome.value if mine else "", reason=_plain(mine.reason or "") if mine else "",
            )
        )  # fmt: skip
    return found


def _form(
    asked: Asked, row: Sweep, page: JudgedPage, entries: list[Entry], order: Sequence[int], why: str = ""
) -> Response:
    language, place = asked.language, order.index(page.visit)
    around = {
        "before": order[place - 1] if place else None,
        "after": order[place + 1] if place + 1 < len(order) else None,
    }
    crumbs = (
        _home(asked),
        Crumb(name=language.say("web.tests.number", sweep=str(row.id)), href=f"/tests/{row.id}"),
    )
    may_judge = asked.who.may(May.JUDGE, row.site_id) and row.state is SweepState.FINISHED
    return asked.page(
        "judging.html", language.say("web.tests.page_title", number=page.number, pages=len(order)), crumbs=crumbs,
        status=409 if why else 200, page=page, entries=entries, sweep=row, around=around, error=why, may_judge=may_judge,
        outcomes=OUTCOMES, judging=judging, ground_of=ground_of, text_of=text_of, told=_told_place,
        tools=lambda about: language.say("common.comma").join(each.called(language.lang) for each in about.by),
        decided=sum(each.item.outcome is not None for each in entries),
        judged=sum(each.mine is not None for each in entries), withdrawn=JudgementOutcome.WITHDRAWN, longest=LONGEST,
    )  # fmt: skip


def _told_place(place: Any) -> str:
    """A place by its selectors, with a sign where they are cut."""
    text = path_of([*place.frame, *place.target])
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _text(sent: FormData, name: str) -> str:
    value = sent.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _plain(text: str) -> str:
    """A reason as it is kept: lines end in one way, and nothing is in it that a database refuses."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()


def _key(outcome: str, reason: str) -> str:
    return hashlib.sha256(f"{outcome}\n{_plain(reason)}".encode()).hexdigest()[:16] if outcome else ""


async def swept(asked: Asked, connection: AsyncConnection, sweep: int) -> Sweep:
    """A sweep of a site that the reader may see. Raises Refused: rechecks have no test."""
    known = sa.select(Sweep.site_id).where(Sweep.id == sweep, ~Sweep.recheck)
    site = await connection.scalar(known) if sweep < 2**31 else None
    if site is None:
        raise Refused(404)
    asked.needs(May.READ, site)
    return await sweep_row(connection, sweep)


async def _page(connection: AsyncConnection, row: Sweep, visit: int) -> JudgedPage:
    async for page in pages_to_judge(connection, row, {visit}):
        return page
    raise Refused(404)


def may_publish(asked: Asked, site: int) -> bool:
    """Whether somebody has documents made of a site's tests, and says what they state."""
    return any(asked.who.may(act, site) for act in PUBLISHERS)


def _home(asked: Asked) -> Crumb:
    return Crumb(name=asked.language.say("web.tests.title"), href="/tests")
