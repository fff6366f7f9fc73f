"""A sweep as JSON: what `--json` prints, the conditions, every page with its findings, and every address without a result."""

from typing import Any

from reports.files.walk import Walk
from reports.folder import Folder
from reports.page_view import Group, PageView, Place
from reports.publish.streamed import Streamed
from reports.read import Address, Head
from reports.summary import as_json

VERSION = 1  # of the form


async def write_json(walk: Walk, folder: Folder, name: str) -> None:
    """Write the file, page by page; the addresses without a result come after the pages."""
    head = {
        "format": {"name": "jisweep sweep", "version": VERSION},
        "sweep": as_json(walk.conclusion, None),
        "conditions": _conditions(walk.head),
    }
    with Streamed(folder, name, head, "pages") as file:
        async for view in walk.pages():
            file.add(page_json(view))
        async for found in walk.without_result():
            file.add(_address(found))


def page_json(view: PageView) -> dict[str, Any]:
    """One audited page; each finding with what it means (`kind`), which never says that a criterion is met."""
    page = view.page
    return {
        "number": view.number,
        "address": page.address,
        "title": page.title,
        "state": "audited",
        "reason": None,
        "audited_at": page.audited_at.isoformat(),
        "carried": page.carried,
        "settled": page.settled,
        "untested": page.untested,
        "parts": [{"part": each.part.value, "rank": each.rank} for each in page.parts],
        "criteria": {
            line.criterion.number: {
                "state": line.state.value, "failed": line.count.failed, "cant_tell": line.count.cant_tell
            }
            for line in view.lines
        },
        "findings": [finding_json(group, place) for group in view.groups for place in group.places],
    }  # fmt: skip


def finding_json(group: Group, place: Place) -> dict[str, Any]:
    """One place."""
    spot = place.spot
    return {
        "place": place.number,
        "defect": spot.defect,
        "rule": group.rule,
        "outcome": spot.outcome.value,
        "kind": group.kind.value,
        "counts": group.counts,
        "criteria": [each.number for each in group.criteria],
        "impact": spot.impact.value if spot.impact else None,
        "frame": spot.frame,
        "target": spot.target,
        "snippet": spot.snippet,
        "box": spot.box,
        "checks": spot.checks,
        "exception": place.exception.id if place.exception else None,
    }


def _address(found: Address) -> dict[str, Any]:
    return {
        "number": None,
        "address": found.address,
        "title": found.title,
        "state": found.state.value,
        "reason": found.reason.value if found.reason else None,
        "detail": found.detail,
        "http_status": found.http_status,
        "content_type": found.content_type,
        "leads_to": found.leads_to,
    }


def _conditions(head: Head) -> dict[str, Any]:
    return {
        "rule_set": head.rule_set,
        "browser": head.browser,
        "viewport": [head.viewport_width, head.viewport_height],
        "locale": head.locale,
        "timezone": head.timezone,
        "created_at": head.created_at.isoformat(),
        "finished_at": head.finished_at.isoformat() if head.finished_at else None,
        "rule_criteria": head.rule_criteria,
        "notes": head.notes,
    }
