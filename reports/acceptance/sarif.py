"""An acceptance check as SARIF 2.1.0, for code scanning: a result for each place, named by the fault that it shows.

The page is the artifact and the selector a logical location: HTML that a browser has built has no lines. Text of pages is escaped
where SARIF reads signs in a message (3.11.5 placeholders, 3.11.6 links).
"""

import json
import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from audits import fault
from audits.acceptance import Found, Gone, Sighting, Standing, counting
from audits.criteria import NAMES, Criterion
from audits.criteria.anchors import address as anchor_of
from audits.page import Place
from audits.rules import RuleText
from db.words import Edition
from reports.acceptance.told import Teller
from reports.clean import one_line
from reports.publish.iri import iri

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = fault.VERSION.replace("-", "/v")
LANGUAGES = {"ja": "ja", "en": "en-US"}
LEVELS = {
    Standing.NEW: "error",
    Standing.SPREAD: "warning",
    Standing.NEWLY_CHECKED: "warning",
    Standing.KNOWN: "note",
}
STATES = {
    Standing.NEW: "new",
    Standing.SPREAD: "updated",
    Standing.KNOWN: "unchanged",
}  # newly checked: nobody knows
_SIGNS = re.compile(r"[\\\[\]{}]")


def sarif(teller: Teller, exit_code: int) -> str:
    """The whole document."""
    acceptance = teller.acceptance
    rules = sorted(counting(acceptance.rules) | {each.known.rule for each in acceptance.gone})
    run = {
        "tool": {
            "driver": {
                "name": "jisweep",
                "version": version("jisweep"),
                "language": LANGUAGES[teller.language.lang],
                "rules": [
                    rule_of(each, teller.text(each), teller.criteria(each), teller.edition, teller.language.lang)
                    for each in rules
                ],
                "properties": {"ruleSet": acceptance.rules.name},
            }
        },
        "language": LANGUAGES[teller.language.lang],
        "invocations": [_invocation(teller, exit_code)],
        "results": [
            *(
                _result(teller, rules.index(found.rule), found, sighting, place)
                for found in acceptance.found
                for sighting in found.sightings
                for place in sighting.places
            ),
            *(_absent(teller, rules.index(each.known.rule), each) for each in acceptance.gone),
        ],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=1) + "\n"


def rule_of(
    rule: str, text: RuleText, criteria: Sequence[Criterion], edition: Edition, lang: str
) -> dict[str, Any]:
    """A rule with its text and the criteria that it speaks about."""
    about = "\n".join(
        f"{each.number} {each.name(lang)} ({each.level}) {anchor_of(edition, each.number)}" for each in criteria
    )
    told: dict[str, Any] = {
        "id": rule,
        "shortDescription": {"text": text.title},
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "tags": [
                "accessibility",
                NAMES[edition][1].partition(" (")[0],
                *(each.number for each in criteria),
                *sorted({f"level-{each.level}" for each in criteria}),
            ]
        },
    }
    if text.why:
        help_text = "\n\n".join(filter(None, (text.why, text.how, text.wrong, text.right, about)))
        told |= {"fullDescription": {"text": text.why}, "help": {"text": help_text}}
    if criteria:
        told["helpUri"] = anchor_of(edition, criteria[0].number)
    return told


def _invocation(teller: Teller, exit_code: int) -> dict[str, Any]:
    lost = teller.acceptance.lost
    return {
        "executionSuccessful": not lost,
        "exitCode": exit_code,
        "toolExecutionNotifications": [
            *(_notification("error", str(each.reason), teller.lost(each), each.address) for each in lost),
            *(
                _notification("warning", "not-tested", part, page.address)
                for page in teller.acceptance.pages
                for part in teller.not_tested(page)
            ),
        ],
    }


def _notification(level: str, name: str, text: str, address: str) -> dict[str, Any]:
    return {
        "level": level,
        "descriptor": {"id": name},
        "message": {"text": plain(text)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": iri(address)}}}],
    }


def _result(teller: Teller, index: int, found: Found, sighting: Sighting, place: Place) -> dict[str, Any]:
    standing = sighting.standing
    word = teller.language.word("standing", standing.value)
    text = [f"{word}: {teller.text(found.rule).title}", teller.snippet(place), *teller.seen(place)]
    told = {
        **_common(index, found.rule, found.digest, "\n".join(text), sighting.address),
        "level": "error" if teller.strict and standing is Standing.SPREAD else LEVELS[standing],
        "properties": {"standing": standing.value, "snippet": teller.snippet(place)},
    }
    where = teller.where(place)
    told["locations"][0]["logicalLocations"] = [{"fullyQualifiedName": where, "kind": "element"}]
    if standing in STATES:
        told["baselineState"] = STATES[standing]
    return told


def _absent(teller: Teller, index: int, gone: Gone) -> dict[str, Any]:
    pages = teller.language.count("page", len(gone.seen))
    text = teller.language.say("check.gone", title=teller.text(gone.known.rule).title, pages=pages)
    told = _common(index, gone.known.rule, gone.known.digest, text, gone.seen[0])
    return {**told, "level": "note", "baselineState": "absent", "properties": {"standing": "gone"}}


def _common(index: int, rule: str, digest: str, text: str, address: str) -> dict[str, Any]:
    return {
        "ruleId": rule,
        "ruleIndex": index,
        "message": {"text": plain(text)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": iri(one_line(address))}}}],
        "partialFingerprints": {FINGERPRINT: digest},
    }


def plain(text: str) -> str:
    """The text as a message that reads as it stands: no placeholder, no link."""
    return _SIGNS.sub(lambda sign: sign[0] * 2 if sign[0] in "{}" else f"\\{sign[0]}", text)
