"""The machine's word on a sweep in EARL 1.0: failed and cantTell by page and criterion, untested for pages without a result.

What people judged is in the documents of a test (reports.publish.earl).
"""

from typing import Any

from audits.criteria import Criterion, aimed_at
from audits.criteria.anchors import WCAG
from audits.criteria.anchors import address as anchor_of
from reports.clean import one_line
from reports.files.walk import Walk
from reports.folder import Folder
from reports.page_view import Kind, PageView
from reports.publish.earl import CONTEXT, ENGINE, SITE, site_subject
from reports.publish.iri import iri
from reports.publish.streamed import Streamed
from reports.read import Address

OUTCOMES = {Kind.FAILED: "earl:failed", Kind.REVIEW: "earl:cantTell"}


async def write_earl(walk: Walk, folder: Folder, name: str) -> None:
    """Write the file, page by page."""
    head, lang = walk.head, walk.language.lang
    whole = f"http://www.w3.org/TR/WCAG{WCAG[head.edition].replace('.', '')}/"
    with Streamed(folder, name, {"@context": CONTEXT}, "@graph") as file:
        file.add(site_subject(head.site, head.site))
        file.add(
            {"@id": ENGINE, "@type": ["earl:Assertor", "earl:Software"], "title": head.engine or "",
             "version": head.engine_version or "", "description": head.rule_set or ""}
        )  # fmt: skip
        aimed = aimed_at(head.edition, head.level)
        file.add(
            {"@id": whole, "@type": "earl:TestRequirement", "title": f"{head.edition.value} {head.level.value}"}
        )
        for number, criterion in aimed.items():
            file.add(
                {"@id": anchor_of(head.edition, number), "@type": "earl:TestRequirement",
                 "title": f"{number} {criterion.name(lang)}"}
            )  # fmt: skip
        async for view in walk.pages():
            for each in _page(view, walk, aimed):
                file.add(each)
        async for found in walk.without_result():
            for each in _untested(found, walk, whole):
                file.add(each)


def _page(view: PageView, walk: Walk, aimed: dict[str, Criterion]) -> list[dict[str, Any]]:
    page, head = view.page, walk.head
    told: list[dict[str, Any]] = [_subject(page.address, page.title)]
    for kind, outcome in OUTCOMES.items():
        found: dict[str, tuple[list[str], int]] = {}
        for group in view.of(kind):
            for criterion in group.criteria:
                rules, places = found.get(criterion.number, ([], 0))
                found[criterion.number] = ([*rules, group.rule], places + len(group.places))
        for number, (rules, places) in sorted(found.items()):
            if number in aimed:
                info = walk.language.say(
                    "jsonld.machine", rules=", ".join(rules), places=walk.language.count("place", places)
                )
                result = {"outcome": outcome, "info": info, "date": page.audited_at.isoformat()}
                told.append(_assertion(page.address, anchor_of(head.edition, number), result))
    return told


def _untested(found: Address, walk: Walk, whole: str) -> list[dict[str, Any]]:
    """An address that has no result, and why: nothing is said of any criterion there."""
    why = walk.language.say(f"reason.{found.reason.value}" if found.reason else f"visit_state.{found.state.value}")
    result = {"outcome": "earl:untested", "description": why}
    return [_subject(found.address, found.title), _assertion(found.address, whole, result)]


def _subject(address: str, title: str | None) -> dict[str, Any]:
    return {"@id": iri(address), "@type": "earl:TestSubject", "title": one_line(title or ""), "isPartOf": SITE}


def _assertion(address: str, test: str, result: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "earl:Assertion", "assertedBy": ENGINE, "subject": iri(address), "test": test, "mode": "earl:automatic",
        "result": {"@type": "earl:TestResult"} | result,
    }  # fmt: skip
