"""One cycle: how far it has come, its sites, and its plan as a board and as a table; and its closing."""

import asyncio
import tempfile
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, RedirectResponse, Response

from audits.cycles import closing, rounds
from audits.cycles.defects import MAY_BE_THERE, Line, tally
from audits.cycles.progress import Memory, Point, Progress, SiteProgress, part_of
from audits.cycles.rounds import Round
from audits.defects.settling import settle_all
from db.tables import Cycle
from db.words import DefectState, Done, Method, Origin
from reports import cycle_view as view
from reports.cycle_report import write_cycle_report
from reports.effect_view import impact_words, use_words
from reports.overview_view import shift_words
from reports.page_view import text_of
from reports.site_view import site_name
from reports.summary import rounded
from reports.web.addresses import rate_href
from reports.web.asking import Asked, Crumb, Reader, Refused
from reports.web.listing import Cell, Column, Listing
from reports.web.views.cycles import may_plan, visible
from reports.web.views.files import turn

REMEMBERED = 60  # cycles, each as far as some reader sees it
CARDS = 6  # of a column of the board; the table has all
BOARD = (
    DefectState.FOUND, DefectState.PLANNED, DefectState.REPAIRED, DefectState.RETURNED, DefectState.CONFIRMED,
    DefectState.EXCEPTED, DefectState.UNVERIFIED,
)  # fmt: skip

router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class Task:
    """A defect of the plan."""

    site: SiteProgress
    line: Line
    rank: int | None  # in the order of repair, from 1; None: it is not to be repaired


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a cycle says of its defects, sorted and counted once for all who look at it."""

    found: Progress
    tasks: Sequence[Task]  # those to repair first, in the order of repair
    lanes: Mapping[DefectState, Sequence[Task]]
    owners: Sequence[view.OwnerLine]
    counted: Mapping[Origin, Counter[DefectState]]


@router.get("/cycles/{number:int}")
async def cycle(asked: Reader, number: int) -> Response:
    """The cycle as it stands today, or as it was closed: as far as the reader may see its sites."""
    whole, mine = await _round(asked, number)
    found = await _told(asked, whole, mine)
    work = _work_of(asked, found)
    chosen = _chosen(asked, work.tasks)
    numbers = {each.address: each.site for each in mine.sites}
    tables = {
        "sites": _sites_table(asked, found, numbers), "plan": _plan_table(asked, chosen),
        "owners": _owners_table(asked, work.owners, number),
    }  # fmt: skip
    for table in tables.values():
        if file := table.file():
            return file
    async with asked.reading() as connection:
        parts = {name: await table.part(connection) for name, table in tables.items()}
    is_part = len(mine.sites) < len(whole.sites)
    return asked.page(
        "cycle.html", found.name, crumbs=(Crumb(name=asked.language.say("web.cycles.title"), href="/cycles"),),
        cycle=found, number=number, parts=parts, is_part=is_part, lines=_lines(asked, whole, found, is_part=is_part),
        period=view.period(found, asked.language), status_line=view.status(found, asked.language),
        board=[_column(state, work.lanes[state], number) for state in BOARD], view=view, text_of=text_of, filters=_filters(asked, work.owners, numbers),
        filtered=len(chosen) < len(work.tasks), total=len(work.tasks), shown=len(chosen), most=CARDS,
        origins=[(origin, work.counted[origin]) for origin in Origin if work.counted[origin]],
        states=[state for state in BOARD if any(work.counted[origin][state] for origin in Origin)], plan_href=_plan_href(number),
        may_close=found.closed_at is None and may_plan(asked, whole),
    )  # fmt: skip


@router.post("/cycles/{number:int}/close")
async def close(asked: Reader, number: int) -> Response:
    """Close a cycle for good; only who plans on all of its sites may."""
    whole, _ = await _round(asked, number)
    if not may_plan(asked, whole):
        raise Refused(403)
    if (await asked.request.form()).get("sure") != "yes":
        return RedirectResponse(f"/cycles/{number}?done=cycle_not_sure#close", 303)
    await settle_all(asked.database)
    said = await closing.worked_out(asked.database, whole, asked.who.person)
    async with asked.writing(
        Done.CYCLE_CHANGED, about=f"/cycles/{number}", act="cycle_closed", name=whole.name
    ) as connection:
        await closing.keep(connection, whole, said)
    return RedirectResponse(f"/cycles/{number}?done=cycle_closed", 303)


@router.get("/cycles/{number:int}/report.zip")
async def report(asked: Reader, number: int) -> Response:
    """The report of a cycle as files, for who may see all of its sites."""
    whole, mine = await _round(asked, number)
    if len(mine.sites) < len(whole.sites):
        raise Refused(403)
    found = await _told(asked, whole, mine)
    folder = tempfile.TemporaryDirectory()
    async with turn:
        path = await asyncio.to_thread(_written, found, Path(folder.name), asked.language.lang)
    return FileResponse(
        path,
        filename=f"cycle-{number}.zip",
        media_type="application/zip",
        background=BackgroundTask(folder.cleanup),
    )


def _written(found: Progress, folder: Path, lang: str) -> Path:
    write_cycle_report(found, folder / "report", lang)
    with zipfile.ZipFile(folder / "report.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((folder / "report").iterdir()):
            archive.write(path, path.name)
    return folder / "report.zip"


async def _round(asked: Asked, number: int) -> tuple[Round, Round]:
    """A cycle, whole and as far as the reader may see it. Raises Refused when they may see none of it."""
    async with asked.reading() as connection:
        found = await rounds.rounds(connection, Cycle.id == number) if number < 2**31 else []
    if not found or not visible(asked, found[0]).sites:
        raise Refused(404)
    return found[0], visible(asked, found[0])


async def _told(asked: Asked, whole: Round, mine: Round) -> Progress:
    if whole.closed_at is None:
        return await closing.told(asked.database, mine, memory_of(asked))
    said = await closing.told(asked.database, whole, memory_of(asked))
    return said if len(mine.sites) == len(whole.sites) else part_of(said, {each.address for each in mine.sites})


def memory_of(asked: Asked) -> Memory:
    """What the application remembers of cycles as long as it runs."""
    found: Memory = asked.request.app.state.cycles
    return found


def _lines(asked: Asked, whole: Round, found: Progress, *, is_part: bool) -> list[str]:
    """The totals and the targets in sentences."""
    language = asked.language
    hidden = is_part and whole.target.defects is not None
    told = [] if is_part and found.closed_at else list(view.whole(found, language))
    if not (hidden and whole.target.rate is None):
        told += view.targets(found, language)
    if hidden:
        told.append(language.say("web.cycles.target_of_all"))
    if is_part and found.closed_at:
        told.append(language.say("web.cycles.totals_of_all"))
    return told


# ── the plan ───────────────────────────────────────────────────────────────────────────────────────


def _work_of(asked: Asked, found: Progress) -> Work:
    """What a cycle says of its defects: worked out once, as long as it says the same."""
    state = asked.request.app.state
    if not hasattr(state, "cycle_work"):
        state.cycle_work = {}
    known: dict[int, Work] = state.cycle_work
    work = known.get(id(found))
    if work is None or work.found is not found:
        tasks = _tasks(found)
        work = known[id(found)] = Work(
            found=found, tasks=tasks, lanes={state: [each for each in tasks if each.line.state is state] for state in BOARD},
            owners=view.owners(found.defects), counted=tally(found.defects),
        )  # fmt: skip
        while len(known) > REMEMBERED:
            del known[next(iter(known))]
    return work


def _tasks(found: Progress) -> list[Task]:
    """All defects of a cycle, those to repair first, in the order of repair."""
    first = view.to_repair(found)
    ranks = {line.id: rank for rank, (_, line) in enumerate(first, start=1)}
    others = [(site, line) for site in found.sites for line in site.defects if line.id not in ranks]
    return [
        Task(site=site, line=line, rank=ranks.get(line.id))
        for site, line in (*first, *sorted(others, key=lambda each: each[1].id))
    ]


def _plan_href(number: int) -> Any:
    def href(**values: str) -> str:
        return f"/cycles/{number}?{urlencode(values)}#plan"

    return href


def _column(state: DefectState, tasks: Sequence[Task], number: int) -> Mapping[str, Any]:
    return {
        "state": state,
        "total": len(tasks),
        "cards": tasks[:CARDS],
        "href": _plan_href(number)(state=state.value),
    }


def _asked_for(asked: Asked) -> dict[str, str]:
    given = asked.request.query_params
    return {
        name: given[name]
        for name in ("state", "origin", "site", "owner", "overdue", "open")
        if given.get(name) is not None
    }


def _chosen(asked: Asked, tasks: Sequence[Task]) -> Sequence[Task]:
    """The tasks that the address asks for; of what it asks for there may be none."""
    wanted = _asked_for(asked)

    def fits(each: Task) -> bool:
        line = each.line
        return (
            wanted.get("state") in (None, "", line.state.value)
            and wanted.get("origin") in (None, "", line.origin.value)
            and wanted.get("site") in (None, "", each.site.address)
            and (wanted.get("owner") is None or wanted["owner"] in ("*", line.owner or view.NOBODY))
            and (not wanted.get("overdue") or line.overdue)
            and (not wanted.get("open") or line.state in MAY_BE_THERE)
        )

    return [each for each in tasks if fits(each)] if wanted else tasks


def _filters(asked: Asked, lines: Sequence[view.OwnerLine], numbers: Mapping[str, int]) -> Mapping[str, Any]:
    wanted = _asked_for(asked)
    owners = [each.owner for each in lines]
    return {
        "wanted": {"owner": "*", **wanted}, "owners": owners, "sites": sorted(numbers), "states": BOARD,
    }  # fmt: skip


def _plan_table(asked: Asked, tasks: Sequence[Task]) -> Listing:
    language, say = asked.language, asked.language.say

    def due(each: Task) -> Cell:
        day = each.line.due_on
        late = say("cycle.report.overdue") if each.line.overdue else ""
        return Cell(text=language.date(day) if day else "", value=day or "", aside=late, kind="bad" if late else "")

    def effect(each: Task) -> Cell:
        value = each.line.effect
        return Cell(
            text=f"{value:,.1f}" if value is not None else "", value=round(value, 4) if value is not None else ""
        )

    def whole(value: int | None) -> Cell:
        return Cell(text=language.number(value) if value is not None else "", value="" if value is None else value)

    columns = [
        Column(
            key="rank", heading=say("web.cycles.rank"), is_number=True, cell=lambda each: whole(each.rank),
            by=lambda each: each.rank,
        ),
        Column(
            key="what", heading=say("cycle.report.what"), is_head=True,
            cell=lambda each: Cell(
                text=text_of(each.line.rule, language.lang).title, aside=say("web.cycles.defect", id=str(each.line.id)), href=f"/defects/{each.line.id}"
            ),
        ),
        Column(key="site", heading=say("cycle.report.site"), cell=lambda each: Cell(text=site_name(each.site.address), value=each.site.address)),
        Column(
            key="state", heading=say("cycle.report.state"), by=lambda each: BOARD.index(each.line.state),
            cell=lambda each: Cell(
                text=say(f"defect_state.{each.line.state.value}"), aside=say(f"origin.{each.line.origin.value}")
            ),
        ),
        Column(
            key="owner", heading=say("cycle.report.owner"), by=lambda each: each.line.owner,
            cell=lambda each: Cell(text=each.line.owner or say("cycle.report.nobody"), value=each.line.owner or ""),
        ),
        Column(key="due", heading=say("web.cycles.due"), cell=due, by=lambda each: each.line.due_on),
        Column(
            key="pages", heading=say("cycle.report.pages"), is_number=True, by=lambda each: each.line.pages,
            cell=lambda each: Cell(
                text=language.number(each.line.pages), value=each.line.pages, href=f"/defects/{each.line.id}#pages"
            ),
        ),
        Column(
            key="impact", heading=say("cycle.report.impact"), sorts=False,
            cell=lambda each: Cell(
                text=impact_words(each.line.impact, language) if each.rank else "",
                aside=use_words(each.line.use, language) if each.rank else "",
            ),
        ),
        Column(key="effect", heading=say("cycle.report.effect"), is_number=True, cell=effect, by=lambda each: each.line.effect),
        Column(
            key="repairs", heading=say("cycle.report.repairs"), is_number=True, by=lambda each: each.line.repairs,
            cell=lambda each: Cell(
                text=language.number(each.line.repairs) if each.line.repairs is not None else "",
                value="" if each.line.repairs is None else each.line.repairs, aside=view.region_words(each.line, language),
            ),
        ),
    ]  # fmt: skip
    return Listing(
        asked=asked, id="plan", caption=say("cycle.report.plan_caption"), columns=columns, sort="rank", rows=tasks, in_order="rank",
    )  # fmt: skip


# ── sites and owners ───────────────────────────────────────────────────────────────────────────────


def _sites_table(asked: Asked, found: Progress, numbers: Mapping[str, int]) -> Listing:
    language, say = asked.language, asked.language.say

    def point(name: str) -> Column:
        def cell(site: SiteProgress) -> Cell:
            at: Point | None = getattr(site, name)
            if at is None:
                return Cell(text="", value="")
            rate = "" if at.rate is None else round(at.rate, 4)
            href = (
                rate_href(at.sweep, at.method, at.estimate.problem_pages) if at.estimate else f"/sweeps/{at.sweep}"
            )
            return Cell(
                text=view.range_words(at.estimate, language), value=rate, aside=_point_words(asked, at), href=href
            )

        def by(site: SiteProgress) -> float | None:
            at: Point | None = getattr(site, name)
            return at.rate if at else None

        heading = say("cycle.report.rate_before" if name == "baseline" else "cycle.report.rate_after")
        return Column(key=name, heading=heading, cell=cell, by=by, is_told=True)

    def count(name: str, number: Any, **wanted: str) -> Column:
        def cell(site: SiteProgress) -> Cell:
            if site.baseline is None:
                return Cell(text="", value="")
            value = number(site)
            query = urlencode({"site": site.address, **wanted})
            href = f"{asked.request.url.path}?{query}#plan" if value else None
            return Cell(text=language.number(value), value=value, href=href)

        return Column(
            key=name, heading=say(f"web.cycles.{name}"), is_number=True, cell=cell, by=lambda site: number(site)
        )

    def change(site: SiteProgress) -> Cell:
        if site.shift is None:
            return Cell(text=view.gap_words(site, language))
        text, extent = shift_words(site.shift, language)
        return Cell(
            text=text,
            value=rounded(site.shift.difference),
            aside=extent,
            kind=site.shift.change.value,
            href=f"/sites/{numbers[site.address]}#rates",
        )

    columns = [
        Column(
            key="site", heading=say("cycle.report.site"), is_head=True,
            cell=lambda site: Cell(
                text=site_name(site.address), value=site.address, href=f"/sites/{numbers[site.address]}"
            ),
        ),
        point("baseline"),
        point("confirming"),
        Column(key="change", heading=say("cycle.report.change"), is_told=True, cell=change, by=lambda site: site.shift and site.shift.difference),
        *([Column(key="standing", heading=say("cycle.report.target"),
                  cell=lambda site: Cell(text=say(f"standing.{site.standing.value}") if site.standing else "", kind="short"))]
          if found.rate_standing else []),
        count("open", lambda site: site.open[1], open="yes"),
        count("overdue", lambda site: sum(each.overdue for each in site.defects), overdue="yes"),
        count("confirmed", lambda site: sum(each.state is DefectState.CONFIRMED for each in site.defects), state="confirmed"),
    ]  # fmt: skip
    return Listing(
        asked=asked,
        id="sites",
        caption=say("cycle.report.sites_caption"),
        columns=columns,
        sort="site",
        rows=found.sites,
    )


def _point_words(asked: Asked, at: Point) -> str:
    """When, on how many pages, and what keeps a share from being whole."""
    language, say = asked.language, asked.language.say
    told = [say("web.cycles.sweep", sweep=str(at.sweep), day=language.date(at.day))]
    if at.estimate:
        key = "web.cycles.counted" if at.method is Method.ALL else "web.cycles.sampled"
        told.append(say(key, audited=at.estimate.audited, drawn=at.estimate.drawn, frame=at.estimate.frame))
    if not at.complete:
        told.append(say("cycle.report.known_part"))
    if at.without_excepted is not None:
        told.append(say("cycle.report.excepted", rate=language.share(at.without_excepted)))
    return " ".join(told)


def _owners_table(asked: Asked, rows: Sequence[view.OwnerLine], number: int) -> Listing:
    language, say = asked.language, asked.language.say

    def count(name: str, heading: str, **wanted: str) -> Column:
        def cell(each: view.OwnerLine) -> Cell:
            value: int = getattr(each, name)
            href = _plan_href(number)(owner=each.owner, **wanted) if value and name != "repairs" else None
            return Cell(text=language.number(value), value=value, href=href)

        return Column(key=name, heading=say(heading), is_number=True, cell=cell)

    columns = [
        Column(
            key="owner", heading=say("cycle.report.owner"), is_head=True, by=lambda each: each.owner or None,
            cell=lambda each: Cell(text=each.owner or say("cycle.report.nobody"), value=each.owner),
        ),
        count("open", "web.cycles.open", open="yes"),
        count("overdue", "web.cycles.overdue", overdue="yes"),
        count("confirmed", "web.cycles.confirmed", state="confirmed"),
        count("repairs", "cycle.report.repairs"),
    ]  # fmt: skip
    return Listing(
        asked=asked,
        id="owners",
        caption=say("cycle.report.owners_caption"),
        columns=columns,
        sort="-open",
        rows=rows,
    )
