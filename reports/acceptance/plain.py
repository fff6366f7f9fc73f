"""An acceptance check for programs: the object of `--json`."""

from typing import Any

from audits.acceptance import Found
from audits.page import vars_of
from audits.pages import Checked
from reports.acceptance.told import Teller


def as_object(teller: Teller, exit_code: int) -> dict[str, Any]:
    """The whole object; the text of pages stands in it as it is."""
    acceptance = teller.acceptance
    baseline = acceptance.baseline
    return {
        "exit_code": exit_code,
        "fails": acceptance.fails(strict=teller.strict),
        "complete": not acceptance.lost,
        "rule_set": acceptance.rules.name,
        "baseline": baseline and {"rule_set": baseline.rule_set, "edition": baseline.edition.value},
        "rules_not_run_before": list(acceptance.rules_not_run_before),
        "to_review": acceptance.to_review,
        "defects": [_defect(teller, each) for each in acceptance.found],
        "gone": [
            {"digest": each.known.digest, "rule": each.known.rule, "pages": list(each.seen)}
            for each in acceptance.gone
        ],
        "pages": [_page(each) for each in acceptance.pages],
    }


def _defect(teller: Teller, found: Found) -> dict[str, Any]:
    return {
        "digest": found.digest,
        "rule": found.rule,
        "criteria": [each.number for each in teller.criteria(found.rule)],
        "standing": found.standing.value,
        "pages": [
            {
                "address": on.address,
                "standing": on.standing.value,
                "places": [
                    {"frame": each.frame, "target": each.target, "impact": each.impact, "snippet": each.snippet}
                    for each in on.places
                ],
            }
            for on in found.sightings
        ],
    }


def _page(page: Checked) -> dict[str, Any]:
    return {
        "address": page.address,
        "audited": page.audited,
        "reason": page.reason,
        "detail": page.detail,
        "settled": page.settled,
        "untested": [vars_of(each) for each in page.untested],
    }
