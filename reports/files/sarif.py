"""A sweep as SARIF 2.1.0, for tools that show findings of code: each place is a result, named by its defect.

The page is the artifact and the selector a logical location: HTML that a browser has built has no lines.
"""

from importlib.metadata import version
from typing import Any

from db.words import VisitState
from reports import read
from reports.acceptance.sarif import LANGUAGES, SCHEMA, plain, rule_of
from reports.clean import one_line
from reports.files.walk import Walk
from reports.folder import Folder
from reports.page_view import Group, Kind, Place, criteria_of, text_of
from reports.publish.iri import iri
from reports.publish.streamed import Streamed
from reports.read import Address

KINDS = {  # what SARIF's kind and level make of ours
    Kind.FAILED: ("fail", "error"),
    Kind.SURVEY: ("fail", "warning"),
    Kind.FURTHER: ("informational", "none"),
    Kind.REVIEW: ("review", "none"),
    Kind.ADVICE: ("informational", "none"),
}


async def write_sarif(walk: Walk, folder: Folder, name: str) -> None:
    """Write the file, place by place; what could not be audited is told as notifications at its end."""
    head, lang = walk.head, walk.language.lang
    rules = sorted({count.rule for count in await read.rule_counts(walk.connection, head.id)})
    driver = {
        "name": "jisweep",
        "version": version("jisweep"),
        "language": LANGUAGES[lang],
        "rules": [
            rule_of(each, text_of(each, lang), criteria_of(each, head), head.edition, lang) for each in rules
        ],
        "properties": {"ruleSet": head.rule_set, "sweep": head.id, "site": head.site},
    }
    # SARIF wants the results inside a run inside a list: the file begins there, and its tail closes both
    run = {"tool": {"driver": driver}, "language": LANGUAGES[lang]}
    with Streamed(folder, name, run, "results", outer={"$schema": SCHEMA, "version": "2.1.0", "runs": []}) as file:
        async for view in walk.pages():
            for group in view.groups:
                for place in group.places:
                    file.add(_result(walk, view.page.address, rules.index(group.rule), group, place))
        lost = [
            _notification(walk, found)
            async for found in walk.without_result()
            if found.state is VisitState.UNAUDITED
        ]
        file.tail = {
            "invocations": [{"executionSuccessful": walk.conclusion.complete, "toolExecutionNotifications": lost}]
        }


def _result(walk: Walk, address: str, index: int, group: Group, place: Place) -> dict[str, Any]:
    kind, level = KINDS[group.kind]
    frame, target = place.where
    text = [group.text.title, one_line(place.spot.snippet), *place.seen]
    told: dict[str, Any] = {
        "ruleId": group.rule,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": {"text": plain("\n".join(text))},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": iri(one_line(address))}},
                "logicalLocations": [
                    {"fullyQualifiedName": f"{frame} › {target}" if frame else target, "kind": "element"}
                ],
            }
        ],
        "partialFingerprints": {"jisweepDefect/v1": f"{walk.head.site}#{place.spot.defect}"},
        "properties": {
            "counts": group.counts, "criteria": [each.number for each in group.criteria], "defect": place.spot.defect
        },
    }  # fmt: skip
    if place.exception is not None:
        told["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": plain(place.exception.text)}
        ]
    return told


def _notification(walk: Walk, found: Address) -> dict[str, Any]:
    assert found.reason is not None
    return {
        "level": "error" if found.reason.transient else "note",
        "descriptor": {"id": found.reason.value},
        "message": {"text": plain(walk.language.say(f"reason.{found.reason.value}"))},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": iri(found.address)}}}],
    }
