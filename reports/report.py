"""The report of one sweep: a folder of plain HTML, pictures and CSV files that needs nothing else."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import Conclusion, conclude, rules_of, sweep_row
from audits.counts import report_order
from audits.defects.cover import Cover
from audits.excepted import cover_of
from audits.judging import state_of_test
from audits.keeping.lost import check_whole
from audits.sampled import sampled
from audits.statistics.strata import Stratum
from crawler.elsewhere import Elsewhere
from crawler.frame import sent_beyond
from crawler.together import Together
from db.database import Database
from db.errors import UsageError
from db.pictures.rows import image_of
from db.store import Lack, Lacking, Store
from db.tables import Page, Sweep, Visit
from db.types import now
from db.words import Method, Reason, VisitState
from db.words import Part as SamplePart
from reports import read, read_pages, tables
from reports.exception_view import index_exceptions, mark
from reports.folder import Folder, is_about, is_free, state_in
from reports.health_view import warning
from reports.language import Language
from reports.left_out import left_out_lines
from reports.page_view import Kind, PageView, page_view, path_of
from reports.read import Address, Head
from reports.read_coverage import coverage, document_links
from reports.read_pages import Audited
from reports.render import Pages, Sheet, style_sheet
from reports.revision_view import revision_row, revision_values
from reports.site_view import (
    LIST,
    Row,
    edition_name,
    engine_name,
    index_values,
    method_name,
    parts_of,
    row_of,
    site_name,
)
from reports.survey_view import survey_values, table_rows

BATCH = 20  # audited pages that are read and written together
FOLD = 20  # places of one rule shown without unfolding
SHOWN = 200  # addresses without a result shown for each reason
PENDING = (VisitState.FOUND, VisitState.EXPLORED, VisitState.SELECTED)


PLACES = 100  # folders that are tried when none is named


async def folder_for(database: Database, sweep_id: int, named: Path | None) -> Path:
    """Where a sweep's report goes: the folder that was named, else `out/sweep-ID`.

    Numbers begin anew in each database: where the report of another sweep, or anything else, has that place, the
    report goes beside it, to `out/sweep-ID-2` and so on. Raises UsageError when there is no such sweep.
    """
    if named is not None:
        return named
    async with database.reading() as connection:
        about = _about(await read.head(connection, sweep_id))
    usual = Path("out") / f"sweep-{sweep_id}"
    others = (usual.with_name(f"{usual.name}-{number}") for number in range(2, PLACES))
    return next((place for place in (usual, *others) if is_free(place, about)), usual)


async def written_report(database: Database, sweep_id: int, named: Path | None) -> Path | None:
    """The folder that holds a sweep's report as it stands now: the one that was named, else the usual one, if it is there.

    A report that was written before pages were audited anew may number its pages otherwise, and is none.
    Raises UsageError when there is no such sweep, and for a named folder that holds no report of it.
    """
    place = await folder_for(database, sweep_id, named)
    async with database.reading() as connection:
        about = _about(await read.head(connection, sweep_id))
        state = await state_of_test(connection, sweep_id)
    there = is_about(place, about)
    if there and state_in(place) == state:
        return place
    if named is None:
        return None
    if there:
        raise UsageError(
            ja=f"{named} の報告書は、検査し直す前のものです。jisweep report {sweep_id} --out {named} で書き直してください。",
            en=f"The report in {named} was written before pages were audited anew: "
            f"write it again with jisweep report {sweep_id} --out {named}.",
        )
    raise UsageError(
        ja=f"{named} に、スイープ {sweep_id} の報告書はありません。jisweep report {sweep_id} --out {named} で書き出せます。",
        en=f"{named} holds no report of sweep {sweep_id}: write it with jisweep report {sweep_id} --out {named}.",
    )


def check_folder(out: Path) -> None:
    """Find out before the work whether a report can be written to `out`. Raises StorageError when not."""
    Folder(out).check()


async def write_report(
    database: Database, sweep_id: int, out: Path, lang: str, elsewhere: Elsewhere | None = None
) -> Path:
    """Write the report of a sweep, finished or not, into the folder `out`; returns its first page.

    `elsewhere` are further processes that run already; without it a long report has one of its own.
    Raises UsageError when there is no such sweep, or its evidence was disposed of; StorageError for a folder that cannot be
    written or that holds something else; then nothing is left behind and what was there is untouched.
    """
    conclusion = await conclude(database, sweep_id)
    async with database.reading() as connection:
        await check_whole(connection, sweep_id)
        head = await read.head(connection, sweep_id)
        with Folder(out, _about(head), await state_of_test(connection, sweep_id)) as folder:
            _, cover = await cover_of(connection, await sweep_row(connection, sweep_id))
            report = Report(connection, database.store, head, conclusion, folder, Language(lang), cover)
            await report.write(elsewhere or Elsewhere())
    return folder.out / "index.html"


async def write_for_paper(database: Database, sweep_id: int, out: Path, lang: str, page: str | None = None) -> str:
    """Write only what one page of the report needs, into a folder: its first page, or that of a page's address.

    Returns the page's name in the folder. Raises UsageError when there is no such sweep, it has no such page, or its evidence was
    disposed of.
    """
    conclusion = await conclude(database, sweep_id)
    async with database.reading() as connection:
        await check_whole(connection, sweep_id)
        head = await read.head(connection, sweep_id)
        _, cover = await cover_of(connection, await sweep_row(connection, sweep_id))
        with Folder(out, _about(head)) as folder:
            report = Report(connection, database.store, head, conclusion, folder, Language(lang), cover)
            return await report.write_for_paper(page)


def _about(head: Head) -> str:
    """Names a sweep among those of all databases."""
    return f"{head.site} {head.created_at.isoformat()}"


class Report:
    """One report while it is written."""

    def __init__(
        self,
        connection: AsyncConnection,
        store: Store | None,
        head: Head,
        conclusion: Conclusion,
        folder: Folder,
        language: Language,
        cover: Cover,
    ) -> None:
        self.connection, self.head, self.conclusion = connection, head, conclusion
        self.store = store
        self.folder, self.language, self.cover = folder, language, cover
        self._pictures: set[int] = set()  # written already
        self._lacking: dict[int, Lack] = {}  # pictures that are not to be had
        shared = {
            "head": head,
            "made": now(),
            "engine": engine_name(head, language),
            "site": site_name(head.site),
            "edition": edition_name(head, language.lang),
            "method": method_name(head, language),
            "frame": conclusion.selected + conclusion.not_chosen,
            "left_out": left_out_lines(conclusion.left_out, language),
        }
        self.pages = Pages(folder, language, shared)

    async def write(self, elsewhere: Elsewhere) -> None:
        """Write everything; the first page comes last, since it sums up."""
        visits = await report_order(self.connection, self.head.id)
        numbers = {visit: number for number, visit in enumerate(visits, start=1)}
        self.folder.text("report.css", style_sheet())
        rows = await self._audited(visits, elsewhere)
        await self._sample(numbers)
        await self._unaudited()
        await self._documents()
        await self._survey(numbers)
        self._revision()
        self.pages.write(
            "columns.html",
            "columns.html",
            files=[("findings", tables.FINDINGS), ("pages", tables.PAGES), ("documents", tables.DOCUMENTS)],
        )
        await self._index(numbers, rows)

    async def write_for_paper(self, address: str | None) -> str:
        """Write the first page, or the report of one page, with what they show; returns its name."""
        visits = await report_order(self.connection, self.head.id)
        self.folder.text("report.css", style_sheet())
        if address is not None:
            return await self._one_page(visits, address)
        rows = [row_of(view) for view in await self._views(visits, 0, len(visits))] if len(visits) <= LIST else []
        await self._index({visit: number for number, visit in enumerate(visits, start=1)}, rows)
        return "index.html"

    async def _one_page(self, visits: list[int], address: str) -> str:
        of_address = sa.select(Visit.id).join(Page, Page.id == Visit.page_id)
        visit = await self.connection.scalar(
            of_address.where(Visit.sweep_id == self.head.id, Page.address == address)
        )
        if visit not in visits:
            raise UsageError(
                ja=Language("ja").say("file.no_page", sweep=str(self.head.id), address=address),
                en=Language("en").say("file.no_page", sweep=str(self.head.id), address=address),
            )
        at = visits.index(visit)
        view = (await self._views(visits, at, at + 1))[0]
        self.pages.write_all([sheet := await self._page(view, len(visits))])
        return sheet.name

    async def _views(self, visits: list[int], first: int, last: int) -> list[PageView]:
        """The pages from one number in the order to another."""
        return [
            page_view(number, page, self.head, self.conclusion.criteria, self.language.lang, self.cover)
            for begin in range(first, last, BATCH)
            for number, page in enumerate(
                await read_pages.audited(self.connection, visits[begin : min(begin + BATCH, last)]), start=begin + 1
            )
        ]

    async def _audited(self, visits: list[int], elsewhere: Elsewhere) -> list[Row]:
        """The reports of all audited pages, the CSV files and the lists; returns what no list has taken."""
        lists = _Lists(self.pages, len(visits))
        with (
            tables.Table(self.folder, "findings", tables.FINDINGS, self.language) as findings,
            tables.Table(self.folder, "pages", tables.PAGES, self.language) as addresses,
            elsewhere,
        ):
            elsewhere.open_for(len(visits))
            async with Together() as writing:
                for first in range(0, len(visits), BATCH):
                    sheets: list[Sheet] = []
                    for view in await self._views(visits, first, min(first + BATCH, len(visits))):
                        sheets.append(await self._page(view, len(visits)))
                        for row in tables.finding_rows(view, self.language, self._lacking):
                            findings.add(**row)
                        addresses.add(**tables.page_row(view, self.language))
                        lists.add(row_of(view))
                    if elsewhere.has_room:
                        writing.create_task(self.pages.write_elsewhere(sheets, elsewhere))
                        await asyncio.sleep(0)  # let it begin
                    else:
                        self.pages.write_all(sheets)
            async for found in read.without_result(self.connection, self.head.id):
                addresses.add(**tables.address_row(found, self.language))
        return lists.rows

    async def _page(self, view: PageView, total: int) -> Sheet:
        """The report of one page, to be written; its pictures are in the folder then."""
        await self._write_pictures(view.page)
        marked = view.marked
        values = {
            "view": view,
            "total": total,
            "fold": FOLD,
            "failed": view.places(Kind.FAILED),
            "survey": view.places(Kind.SURVEY),
            "review": view.places(Kind.REVIEW),
            "advice": view.places(Kind.ADVICE),
            "kinds": [(kind.value, view.of(kind)) for kind in Kind],
            "marked": marked,
            "lacking": self._lacking,
            "path_of": path_of,
            "mark": mark,
            "unmarked": sum(len(group.places) for group in view.groups) - len(marked),
        }
        return Sheet(name=f"pages/{view.number}.html", template="page.html", values=values)

    async def _write_pictures(self, page: Audited) -> None:
        for shown in (page.picture, *(spot.picture for spot in page.spots)):
            if shown is not None and shown.id not in self._pictures:
                self._pictures.add(shown.id)
                try:
                    self.folder.image(
                        f"pictures/{shown.name}", await image_of(self.connection, self.store, shown.id)
                    )
                except Lacking as error:
                    self._lacking[shown.id] = error.lack

    async def _sample(self, numbers: Mapping[int, int]) -> None:
        if self.head.method in (None, Method.ALL):
            return
        parts = [
            (part.value, [found async for found in read.drawn(self.connection, self.head.id, part)])
            for part in (SamplePart.REPRESENTATIVE, SamplePart.RANDOM)
        ]
        by_chance = dict(parts)[SamplePart.RANDOM.value]
        sweep = await sweep_row(self.connection, self.head.id)
        self.pages.write(
            "sample.html",
            "sample.html",
            parts=parts,
            drawn_pages=len(by_chance),
            kept=sum(row.kept for row in by_chance),
            number_of=numbers,
            strata=await self._strata(sweep) if self.head.stratify else [],
            by_hand=await sent_beyond(self.connection, sweep.id),
            lacking=self.conclusion.left_out,
        )

    async def _strata(self, sweep: Sweep) -> list[tuple[str, Stratum]]:
        """The strata of the random part by name, with what was found in each."""
        by_chance = await sampled(self.connection, sweep, SamplePart.RANDOM)
        if by_chance is None:
            return []
        names = [by_chance.names[stratum] for stratum in sorted(by_chance.sizes)]
        return list(zip(names, by_chance.sample(rules_of(sweep)).strata, strict=True))

    async def _unaudited(self) -> None:
        reasons: list[tuple[Reason, int, list[Address]]] = []
        for reason in Reason:
            count = self.conclusion.unaudited.get(reason, 0)
            if count:
                found = read.without_result(self.connection, self.head.id, reason, SHOWN)
                reasons.append((reason, count, [address async for address in found]))
        self.pages.write("unaudited.html", "unaudited.html", reasons=reasons)

    async def _documents(self) -> None:
        with tables.Table(self.folder, "documents", tables.DOCUMENTS, self.language) as documents:
            async for found in document_links(self.connection, self.head.id):
                documents.add(**asdict(found))

    async def _survey(self, numbers: Mapping[int, int]) -> None:
        """The ministry's survey on a page of its own and as a CSV file, of a sweep that checked its conditions."""
        if self.conclusion.survey is None:
            return
        counts = await read.rule_counts(self.connection, self.head.id)
        values = survey_values(self.conclusion, self.conclusion.survey, counts, numbers, self.language)
        with tables.Table(self.folder, "survey", tables.SURVEY, self.language) as rows:
            for row in table_rows(self.conclusion, self.conclusion.survey, values["conditions"], self.language):
                rows.add(**row)
        self.pages.write("survey.html", "survey.html", **values)

    def _revision(self) -> None:
        """What the further edition would change, on a page of its own and as a CSV file, of a sweep judged by one."""
        if self.conclusion.revision is None:
            return
        values = revision_values(self.conclusion, self.conclusion.revision, self.language)
        with tables.Table(self.folder, "revision", tables.REVISION, self.language) as rows:
            for line in self.conclusion.revision.lines:
                rows.add(**revision_row(line, self.language))
        self.pages.write("revision.html", "revision.html", **values)

    async def _index(self, numbers: Mapping[int, int], rows: list[Row]) -> None:
        states = await read.states(self.connection, self.head.id)
        values = index_values(
            self.conclusion,
            self.head,
            await read.scope(self.connection, self.head.id),
            await read.rule_counts(self.connection, self.head.id),
            numbers,
            self.language,
        )
        self.pages.write(
            "index.html",
            "index.html",
            pending=sum(states.get(state, 0) for state in PENDING),
            rows=rows,
            lists=parts_of(len(numbers)),
            list_size=LIST,
            total=len(numbers),
            doubted=warning(self.conclusion.health, self.language),
            coverage=await coverage(self.connection, self.head.id),
            **values,
            **index_exceptions(self.conclusion, self.language),
        )


class _Lists:
    """Takes the rows of the list of pages and writes each part as soon as it is full."""

    def __init__(self, pages: Pages, total: int) -> None:
        self.rows: list[Row] = []
        self._pages, self._total = pages, total
        self._parts = parts_of(total)
        self._next = 0

    def add(self, row: Row) -> None:
        """Add a row in the order of the numbers."""
        self.rows.append(row)
        if self._parts and row.number == self._parts[self._next].last:
            part = self._parts[self._next]
            around = {
                "previous": self._parts[self._next - 1] if self._next else None,
                "next": self._parts[self._next + 1] if self._next + 1 < len(self._parts) else None,
            }
            values = {"first": part.first, "last": part.last, **around}
            self._pages.write(part.name, "list.html", list=values, rows=self.rows, total=self._total)
            self.rows = []
            self._next += 1
