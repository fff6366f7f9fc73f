"""An acceptance check as JUnit XML: a suite for each page, in it a case for each rule that found something.

New defects are failures, pages that were not audited errors; what does not fail the check is skipped, with what it is.
"""

from itertools import groupby
from xml.etree import ElementTree as XML

from audits.acceptance import Found, Sighting, Standing
from audits.pages import Checked
from reports.acceptance.told import Teller
from reports.clean import one_line

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
NOTHING = "check"  # the case of a page of which there is nothing to tell


def junit(teller: Teller) -> str:
    """The whole document."""
    on: dict[str, list[tuple[Found, Sighting]]] = {page.address: [] for page in teller.acceptance.pages}
    for found in teller.acceptance.found:
        for sighting in found.sightings:
            on[sighting.address].append((found, sighting))
    root = XML.Element("testsuites", name="jisweep check")
    for page in teller.acceptance.pages:
        root.append(_suite(teller, page, on[page.address]))
    _sum_up(root, list(root))
    XML.indent(root)
    return f"{DECLARATION}{XML.tostring(root, encoding='unicode')}\n"


def _suite(teller: Teller, page: Checked, on: list[tuple[Found, Sighting]]) -> XML.Element:
    name = one_line(page.address)
    suite = XML.Element("testsuite", name=name)
    if not page.audited:
        case = XML.SubElement(suite, "testcase", classname=name, name=NOTHING)
        reason = teller.lost(page)
        XML.SubElement(case, "error", type=str(page.reason), message=reason).text = reason
    elif not on:
        XML.SubElement(suite, "testcase", classname=name, name=NOTHING)

    def key(each: tuple[Found, Sighting]) -> tuple[int, str]:
        return tuple(Standing).index(each[1].standing), each[0].rule

    for (index, rule), shown in groupby(sorted(on, key=key), key):
        suite.append(_case(teller, name, rule, tuple(Standing)[index], [sighting for _, sighting in shown]))
    _sum_up(suite, list(suite))
    return suite


def _case(teller: Teller, page: str, rule: str, standing: Standing, shown: list[Sighting]) -> XML.Element:
    word = teller.language.word("standing", standing.value)
    case = XML.Element("testcase", classname=page, name=f"{rule}: {teller.text(rule).title} [{word}]")
    fails = standing is Standing.NEW or (teller.strict and standing is Standing.SPREAD)
    message = f"{word}: {teller.title(rule)}"
    if not fails:
        XML.SubElement(case, "skipped", message=message)
        return case
    lines = [
        line
        for sighting in shown
        for place in sighting.places
        for line in (
            teller.where(place),
            f"  {teller.snippet(place)}",
            *(f"  {said}" for said in teller.seen(place)),
        )
    ]
    failure = XML.SubElement(case, "failure", type=rule, message=message)
    failure.text = "\n".join([*lines, f"→ {teller.text(rule).how}"])
    return case


def _sum_up(element: XML.Element, children: list[XML.Element]) -> None:
    """The numbers of a suite, or of all of them."""
    cases = [case for child in children for case in child.iter("testcase")]
    element.set("tests", str(len(cases)))
    for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(sum(case.find(kind) is not None for case in cases)))
