"""Keeping an audit: result, findings, assertions, defects and pictures of one page, in one transaction."""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import mic
from audits.criteria import criteria
from audits.defects.moving import stood_beside
from audits.defects.versions import Known, known_earlier
from audits.fault import Fault
from audits.keeping.alone import keeping_results
from audits.page import Image, PageAudit, Place, vars_of
from crawler.browser import PageLost
from crawler.frontier import slices
from crawler.notes import add_note
from db.database import insert_new
from db.leases import this_process
from db.pictures.rows import Placed, add
from db.tables import (
    Assertion,
    Defect,
    DefectEvent,
    Finding,
    Page,
    Result,
    Site,
    Sweep,
    Visit,
)
from db.types import now
from db.words import About, Assertor, DefectState, Outcome, Reason, VisitState

TRIES = 2  # one audit and one retry
SCRIPT_ONLY = "only a script leads to it"  # said of a page that exploring did not know
MACHINE = "jisweep"  # who, in events that no person caused

log = logging.getLogger(__name__)


class Overtaken(Exception):
    """Another process has the visit now: what we saw of it is not kept."""


async def keep_audit(
    connection: AsyncConnection,
    sweep: Sweep,
    visit_id: int,
    page_id: int,
    audit: PageAudit,
    evidence: dict[str, Any],
    placed: Placed,
) -> None:
    """Store what an audit gave and end the visit as audited. A result that is known already is shared.

    `evidence` are the columns that say what was audited, see audits.evidence; `placed` is where its pictures are.
    Raises Overtaken, and nothing is to be kept, when this process holds the visit no more.
    """
    await keeping_results(connection)
    at = now()
    result_id = await _result(connection, sweep, page_id, audit, placed, at)
    kept = await connection.execute(
        sa.update(Visit)
        .where(*_ours(visit_id))
        .values(
            state=VisitState.AUDITED,
            result_id=result_id,
            audited_at=at,
            lease_owner=None,
            lease_until=None,
            **evidence,
        )
    )
    if not kept.rowcount:
        raise Overtaken
    log.debug("audited")


async def keep_failure(
    connection: AsyncConnection, sweep: Sweep, visit_id: int, tries: int, lost: PageLost
) -> None:
    """Give a lost page back for its retry, or end it as unaudited with the reason.

    One that leads to a page of the site that the sweep does not know leaves a note: that page was not audited.
    Raises Overtaken, and nothing is to be kept, when this process holds the visit no more.
    """
    again = lost.reason.transient and tries + 1 < TRIES
    facts: dict[str, Any] = (
        {"state": VisitState.SELECTED} if again else {"state": VisitState.UNAUDITED, "reason": lost.reason}
    )
    if lost.reason is Reason.REDIRECT and lost.leads_to is not None:
        facts["leads_to_id"] = await _page_at(connection, sweep, visit_id, lost.leads_to)
        if facts["leads_to_id"] is None:
            await add_note(connection, sweep.id, About.REDIRECT, lost.leads_to, SCRIPT_ONLY)
    kept = await connection.execute(
        sa.update(Visit)
        .where(*_ours(visit_id))
        .values(tries=tries + 1, detail=lost.detail[:500], lease_owner=None, lease_until=None, **facts)
    )
    if not kept.rowcount:
        raise Overtaken
    log.info("%s: %s (%s)", "to be tried again" if again else "unaudited", lost.reason, lost.detail[:500])


async def _page_at(connection: AsyncConnection, sweep: Sweep, visit_id: int, address: str) -> int | None:
    """The page that a visit was sent to, when the sweep knows it.

    A recheck knows what it sees, and where a page has moved to: another page of the site, not its start, that was last read
    with the title that this one had, and that no third page had then. Neither is what stood beside it: see audits.defects.moving.
    """
    known = sa.select(Page.id).join(Visit, Visit.page_id == Page.id).where(Page.address == address)
    page: int | None = await connection.scalar(known.where(Visit.sweep_id == sweep.id))
    if not sweep.recheck:
        return page
    sent = await connection.scalar(sa.select(Visit.page_id).where(Visit.id == visit_id))
    came_after = ~stood_beside(sent, Page.id, sweep.id)
    if page is not None:
        here: int | None = await connection.scalar(sa.select(Page.id).where(Page.id == page, came_after))
        return here
    mine, read, third = (sa.orm.aliased(Visit) for _ in range(3))
    last = (
        sa.select(sa.func.max(read.id))
        .join(Sweep, sa.and_(Sweep.id == read.sweep_id, ~Sweep.recheck))  # which has read the other pages, too
        .where(read.page_id == Page.id, read.title.is_not(None))
        .scalar_subquery()
    )
    moved = (
        sa.select(Page.id)
        .join(Visit, Visit.id == last)
        .join(mine, sa.and_(mine.id == visit_id, mine.title == Visit.title))
        .join(Site, sa.and_(Site.id == Page.site_id, Site.address != Page.address))
        .where(Page.site_id == sweep.site_id, Page.address == address, Visit.title != "", came_after)
        .where(
            ~sa.exists().where(
                third.sweep_id == Visit.sweep_id,
                third.title == Visit.title,
                third.page_id.not_in((Page.id, mine.page_id)),
            )
        )
    )
    found: int | None = await connection.scalar(moved)
    return found


def _ours(visit_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    """The visit, as long as it waits for its result and this process holds it.

    Who slept past its lease, and finds that another has taken the visit, must not speak of it any more.
    """
    return Visit.id == visit_id, Visit.state == VisitState.SELECTED, Visit.lease_owner == this_process()


async def _result(
    connection: AsyncConnection, sweep: Sweep, page_id: int, audit: PageAudit, placed: Placed, at: datetime
) -> int:
    told = f"{page_id} {sweep.rule_set} {sweep.mic} {sweep.viewport_width}x{sweep.viewport_height} {audit.digest()}"
    digest = hashlib.sha256(told.encode()).hexdigest()
    known = sa.select(Result.id).where(Result.digest == digest)
    if (found := await connection.scalar(known)) is not None:
        return found
    result_id: int | None = await connection.scalar(
        insert_new(connection, Result)
        .values(
            digest=digest,
            page_id=page_id,
            engine=sweep.engine,
            engine_version=sweep.engine_version,
            rule_set=sweep.rule_set,
            edition=sweep.edition,
            viewport_width=sweep.viewport_width,
            viewport_height=sweep.viewport_height,
            taken_at=at,
            settled=audit.settled,
            features=audit.features,
            untested=[vars_of(each) for each in audit.untested],
            picture_id=await keep_picture(connection, audit.picture, placed),
            page_width=audit.size[0],
            page_height=audit.size[1],
            pictured_height=audit.pictured_height,
        )
        .returning(Result.id)
    )
    if result_id is None:
        result_id = await connection.scalar(known)  # another sweep's, with all that belongs to it
        assert result_id is not None
        return result_id
    await _keep_findings(connection, sweep, result_id, audit.places, placed)
    await _keep_assertions(connection, sweep, result_id, audit.places)
    return result_id


async def _keep_findings(
    connection: AsyncConnection, sweep: Sweep, result_id: int, places: list[Place], placed: Placed
) -> None:
    defects = await _defects(connection, sweep, places)
    clips = sorted({clip.digest: clip for place in places if (clip := place.clip)}.items())
    # in one order: no deadlock
    pictures = {digest: await keep_picture(connection, clip, placed) for digest, clip in clips}
    rows = [
        {
            "result_id": result_id,
            "defect_id": defects[place.fault],
            "position": position,
            "rule": place.rule,
            "outcome": place.outcome,
            "impact": place.impact,
            "frame": place.frame,
            "target": place.target,
            "snippet": place.snippet,
            "checks": place.checks,
            "box": place.box,
            "picture_id": pictures[place.clip.digest] if place.clip else None,
        }
        for position, place in enumerate(places, start=1)
    ]
    if rows:
        await connection.execute(sa.insert(Finding), rows)


async def _keep_assertions(connection: AsyncConnection, sweep: Sweep, result_id: int, places: list[Place]) -> None:
    found = [(place.rule, place.outcome) for place in places]
    speaking = (
        (Assertor.AXE, sweep.edition, sweep.rule_criteria or {}),
        (Assertor.MIC, mic.EDITION, mic.rule_criteria() if sweep.mic else {}),
    )
    rows = [
        {
            "result_id": result_id,
            "criterion": number,
            "assertor": assertor,
            "level": criteria(edition)[number].level,
            "failed_places": by_outcome[Outcome.FAILED],
            "cant_tell_places": by_outcome[Outcome.CANT_TELL],
        }
        for assertor, edition, rule_criteria in speaking
        for number, by_outcome in count_by_criterion(found, rule_criteria).items()
    ]
    if rows:
        await connection.execute(sa.insert(Assertion), rows)


def count_by_criterion(
    findings: Iterable[tuple[str, Outcome]], rule_criteria: Mapping[str, list[str]]
) -> dict[str, dict[Outcome, int]]:
    """Places by criterion and outcome; a rule without criteria (a best practice) counts for none."""
    counts: dict[str, dict[Outcome, int]] = defaultdict(lambda: dict.fromkeys(Outcome, 0))
    for rule, outcome in findings:
        for number in rule_criteria.get(rule, ()):
            counts[number][outcome] += 1
    return dict(counts)


async def _defects(connection: AsyncConnection, sweep: Sweep, places: list[Place]) -> dict[Fault, int]:
    """The names of the site by which the places' faults go; one seen for the first time is found, with its event."""
    faults = {place.fault.digest: place for place in places}
    renamed = await known_earlier(connection, sweep.site_id, {place.fault for place in places})
    lead = {fault.digest: known for fault, known in renamed.items() if known.today}
    known = await _known_defects(connection, sweep.site_id, list(faults))
    for digest in sorted(lead.keys() - known.keys()):  # it is known again by what it looks like today
        shape = faults[digest].fault.shape
        await connection.execute(sa.update(Defect).where(Defect.id == lead[digest].defect).values(shape=shape))
    by_today = {place.fault.digest for place in places if place.fault not in renamed} | lead.keys()
    missing = [fault for fault in sorted(by_today) if fault not in known]  # in one order: no deadlock
    if missing:
        await _add(connection, sweep, [faults[digest] for digest in missing], lead)
        known |= await _known_defects(connection, sweep.site_id, missing)
    earlier = {fault: each.name for fault, each in renamed.items() if not each.today}
    return {place.fault: earlier.get(place.fault) or known[place.fault.digest] for place in places}


async def _add(
    connection: AsyncConnection, sweep: Sweep, places: list[Place], renamed: Mapping[str, Known]
) -> None:
    """Write the names of faults that have none; what none is known as is a defect that was found."""
    added = await connection.execute(
        insert_new(connection, Defect).returning(Defect.id, Defect.merged_into_id),
        [
            {
                "site_id": sweep.site_id,
                "digest": place.fault.digest,
                "rule": place.rule,
                "shape": place.fault.shape,
                "framed": bool(place.frame),
                "state": DefectState.FOUND,
                "merged_into_id": known.defect if (known := renamed.get(place.fault.digest)) else None,
                "through_id": known.name if known else None,
            }
            for place in places
        ],
    )
    events = [
        {
            "defect_id": defect_id,
            "sweep_id": sweep.id,
            "old": None,
            "new": DefectState.FOUND,
            "who": MACHINE,
            "why": None,
            "at": now(),
        }
        for defect_id, known_as in added
        if known_as is None
    ]
    if events:
        await connection.execute(sa.insert(DefectEvent), events)


async def _known_defects(connection: AsyncConnection, site_id: int, faults: list[str]) -> dict[str, int]:
    """The ids of those among a site's defects that have these digests."""
    found: dict[str, int] = {}
    for some in slices(faults):
        rows = await connection.execute(
            sa.select(Defect.digest, Defect.id).where(Defect.site_id == site_id, Defect.digest.in_(some))
        )
        found |= dict(rows.all())
    return found


async def keep_picture(connection: AsyncConnection, image: Image | None, placed: Placed) -> int | None:
    """The number of a picture, kept once whatever shows it."""
    if image is None:
        return None
    facts = {"media_type": image.media_type, "width": image.width, "height": image.height}
    return await add(connection, placed, image.image, **facts)
