"""What notices say: each kind read from the rows, its numbers with what they stand on."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import Conclusion, conclude
from audits.cycles.defects import WAITING
from audits.defects.naming import KNOWN
from audits.organisations import shown, tree
from audits.trends.counting import count_points
from audits.trends.periods import Period
from audits.trends.portrait import portrait_of
from db.database import Database
from db.tables import Defect, DefectEvent, Occurrence, ScheduledRun, Site, Sweep
from db.words import Came, DefectState, SweepState, Telling, Trust
from reports.health_view import doubts, verdict
from reports.language import Language
from reports.notices.message import Message
from reports.notices.subscriptions import Place
from reports.overview_view import sentences, summed, waiting_defects
from reports.page_view import text_of
from reports.schedule_view import time_words
from reports.site_view import site_name
from reports.summary import as_json, as_lines

NEAR = timedelta(days=7)  # before a day by which something is to be repaired
NAMED = 10  # defects that a message names; of the others it says how many there are
YEARS = 3  # back to the last sweep of a site that the digest speaks of


@dataclass(frozen=True, kw_only=True)
class Due:
    """A defect with the day by which it is to be repaired."""

    id: int
    rule: str
    site: int
    address: str
    on: date
    owner: str | None

    def key(self, day: date) -> str:
        """Names what is told of it: a day that is moved is another, and so is one that has passed."""
        return f"{self.id} {self.on} {'past' if self.on < day else 'near'}"


async def of_sweep(database: Database, sweep: int, kind: Telling, language: Language) -> Message:
    """That a sweep has finished, or is suspect."""
    conclusion = await conclude(database, sweep, sample=False)
    site = site_name(conclusion.site)
    lines = [_address(conclusion, language)]
    if kind is Telling.SUSPECT and conclusion.health is not None:
        lines += [verdict(conclusion.health, language), *doubts(conclusion.health, language)]
        lines.append(language.say("notice.decide"))
    else:
        lines += as_lines(conclusion, language.lang)
    path = f"/sweeps/{sweep}" + ("#health" if kind is Telling.SUSPECT else "")
    return Message.of(
        language, language.say(f"notice.{kind.value}", site=site), lines, path, as_json(conclusion, None)
    )


def failed(sweep: int, address: str, halted: dict[str, str], language: Language) -> Message:
    """That a sweep could not go on."""
    site, why = site_name(address), halted.get(language.lang, "")
    lines = [language.say("notice.sweep", number=str(sweep), address=address), why]
    facts = {"sweep": sweep, "site": address, "why": halted}
    return Message.of(language, language.say("notice.failed", site=site), lines, f"/sweeps/{sweep}", facts)


def not_begun(run: Any, language: Language) -> Message:
    """That what a schedule had due could not be begun; `run` is a row of book.runs()."""
    say, why = language.say, run.wrong.get(language.lang, "")
    due = time_words(run.due, run.zone, language)
    lines = [*([run.site] if run.site else []), say("notice.was_due", moment=due, zone=run.zone), why]
    facts = {
        "schedule": run.schedule, "site": run.site, "due_at": run.due.isoformat(), "missed": run.missed, "why": run.wrong,
    }  # fmt: skip
    subject = say("notice.not_begun", schedule=run.schedule)
    return Message.of(language, subject, lines, f"/schedules/{run.schedule_id}", facts)


async def of_defects(database: Database, sweep: int, language: Language) -> Message | None:
    """What a sweep has made known of defects; None where nothing is new and nothing came back."""
    async with database.reading() as connection:
        [point] = await count_points(connection, sa.select(Sweep.id).where(Sweep.id == sweep))
        named = await _named(connection, sweep)
        address = (await connection.scalars(sa.select(Site.address).where(Site.id == point.site))).one()
    moved = point.moved
    if moved is None or not (moved.found or moved.returned):
        return None
    say, count = language.say, language.count
    lines = [
        say("notice.sweep", number=str(sweep), address=address),
        say("notice.seen", audited=count("page", point.audited), known=count("page", point.known)),
        say(
            "notice.moved", found=moved.found, newly=moved.newly_checked, returned=moved.returned,
            confirmed=moved.confirmed, unverified=moved.unverified,
        ),
        *(
            say(
                f"notice.one_{'returned' if state is DefectState.RETURNED else 'found'}", number=str(defect),
                title=text_of(rule, language.lang).title, pages=count("page", pages),
            )
            for defect, rule, state, pages in named[:NAMED]
        ),
    ]  # fmt: skip
    if len(named) > NAMED:
        lines.append(say("notice.others", defects=len(named) - NAMED))
    facts = {"sweep": sweep, "site": address, "audited": point.audited, "known": point.known, **asdict(moved)}
    subject = say("notice.defects", site=site_name(address), found=moved.found, returned=moved.returned)
    return Message.of(language, subject, lines, f"/defects?site={point.site}", facts)


async def due_defects(connection: AsyncConnection, day: date) -> list[Due]:
    """The defects whose day is near or has passed, that nobody has said to be repaired, the first day first."""
    query = (
        sa.select(Defect.id, Defect.rule, Defect.site_id, Site.address, Defect.due_on, Defect.owner)
        .join(Site, Site.id == Defect.site_id)
        .where(Defect.state.in_(WAITING), Defect.due_on <= day + NEAR, *KNOWN)
        .order_by(Defect.due_on, Defect.id)
    )
    return [
        Due(id=row.id, rule=row.rule, site=row.site_id, address=row.address, on=row.due_on, owner=row.owner)
        for row in await connection.execute(query)
        if row.due_on is not None
    ]


def of_days(found: Sequence[Due], day: date, language: Language) -> Message:
    """That days come near, or have passed."""
    say = language.say
    near, past = (
        [each for each in found if each.on >= day],
        [each for each in found if each.on < day],
    )
    lines: list[str] = []
    for name, some in (("past", past), ("near", near)):
        if some:
            lines.append(say(f"notice.days_{name}", defects=len(some)))
        lines += [
            say(
                "notice.day", number=str(each.id), title=text_of(each.rule, language.lang).title, site=site_name(each.address),
                day=language.date(each.on), owner=each.owner or say("notice.nobody"),
            )
            for each in some[:NAMED]
        ]  # fmt: skip
        if len(some) > NAMED:
            lines.append(say("notice.others", defects=len(some) - NAMED))
    facts = {
        "day": day.isoformat(), "told": [each.key(day) for each in found],
        "defects": [{"id": each.id, "site": each.address, "due_on": each.on.isoformat()} for each in found],
    }  # fmt: skip
    subject = say("notice.due", near=len(near), past=len(past))
    return Message.of(language, subject, lines, "/defects", facts)


async def digest(
    database: Database, sites: Collection[int], place: Place, week: Period, language: Language
) -> Message:
    """What a week was like for some sites, and how they stand."""
    say, count = language.say, language.count
    async with database.reading() as connection:
        known = await tree(connection)
        portrait = await portrait_of(
            connection, sites, Period(first=week.last - timedelta(days=366 * YEARS), last=week.last)
        )
        waiting = await waiting_defects(connection, week.last, Defect.site_id.in_(sites))
        swept = await _swept(connection, sites, week)
        lacking = await _lacking(connection, sites, week)
    unit = portrait.unit(sites)
    left, late = summed(waiting, sites)
    name = say("notice.all")
    if place.organisation is not None:
        name = shown(known.nodes[place.organisation].path)
    elif place.site is not None:
        name = next(address for some in known.sites.values() for site, address in some if site == place.site)
    lines = [
        say(
            "notice.swept", of=count("site", len(sites)), sites=count("site", len(swept["sites"])),
            sweeps=swept["sweeps"],
        ),
        *([say("notice.doubted", sweeps=swept["suspect"])] if swept["suspect"] else []),
        *([say("notice.lacking", **lacking)] if any(lacking.values()) else []),
        *sentences(unit, language),
        say("notice.left", open=left, late=late),
    ]  # fmt: skip
    path = "/"
    if place.organisation is not None:
        path = f"/organisations/{place.organisation}"
    elif place.site is not None:
        path = f"/sites/{place.site}"
    facts: dict[str, Any] = {
        "first": week.first.isoformat(), "last": week.last.isoformat(), "sites": len(sites),
        "swept_sites": len(swept["sites"]), "sweeps": swept["sweeps"], "suspect_waiting": swept["suspect"], "not_begun": lacking,
        "open_defects": left, "overdue_defects": late,
    }  # fmt: skip
    days = {"first": language.date(week.first), "last": language.date(week.last)}
    return Message.of(language, say("notice.digest", place=name, **days), lines, path, facts)


def trial(language: Language) -> Message:
    """What is sent to see whether it arrives."""
    return Message.of(language, language.say("notice.trial"), [language.say("notice.trial_line")], "/account", {})


def _address(conclusion: Conclusion, language: Language) -> str:
    return language.say("notice.sweep", number=str(conclusion.sweep), address=conclusion.site)


async def _named(connection: AsyncConnection, sweep: int) -> list[Any]:
    """The new and returned defects of a sweep, those on the most pages first."""
    pages = (
        sa.select(sa.func.count()).where(Occurrence.defect_id == Defect.id, Occurrence.places > 0).scalar_subquery()
    )
    news = sa.or_(DefectEvent.old.is_(None), DefectEvent.new == DefectState.RETURNED)
    mine = DefectEvent.sweep_id == sweep, *KNOWN, news
    query = sa.select(Defect.id, Defect.rule, DefectEvent.new, pages.label("pages")).join(Defect)
    return list((await connection.execute(query.where(*mine).order_by(pages.desc(), Defect.id))).all())


async def _swept(connection: AsyncConnection, sites: Collection[int], week: Period) -> dict[str, Any]:
    """The sweeps of a week that count, and the suspect ones that wait, from whatever week."""
    finished = Sweep.site_id.in_(sites), Sweep.state == SweepState.FINISHED, ~Sweep.recheck
    rows = (
        await connection.execute(sa.select(Sweep.site_id, Sweep.trust, Sweep.finished_at).where(*finished))
    ).all()
    counted = [
        site
        for site, trust, at in rows
        if at is not None and trust not in (Trust.SUSPECT, Trust.REJECTED) and week.begins <= at < week.ends
    ]
    return {
        "sites": set(counted),
        "sweeps": len(counted),
        "suspect": sum(trust is Trust.SUSPECT for _, trust, _ in rows),
    }


async def _lacking(connection: AsyncConnection, sites: Collection[int], week: Period) -> dict[str, int]:
    """Due times of a week's schedules for which these sites got no sweep, by the reason."""
    of = ScheduledRun.site_id.in_(sites), ScheduledRun.due_at >= week.begins, ScheduledRun.due_at < week.ends
    counts = sa.select(ScheduledRun.came, sa.func.count()).where(*of).group_by(ScheduledRun.came)
    found = {came: number for came, number in await connection.execute(counts) if came is not None}
    return {each.value: found.get(each, 0) for each in (Came.FAILED, Came.OVERLAPS)}
