"""wcag-em.jsonld: the evaluation as W3C's WCAG-EM Report Tool (version 3) saves and opens it.

One assertion for each criterion of each page, as the tool keeps them: people's word where they agree, `cantTell` where
they differ, else the machine's fault or doubt. What nobody has said is left out, which the tool shows as not tested.
The tool reads pages by their titles, so each title begins with the page's number.
"""

from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from audits.criteria.anchors import WCAG, anchor
from audits.judging import Ground, Item, JudgedPage
from db.words import JudgementOutcome, Part
from reports.clean import one_line
from reports.folder import Folder
from reports.language import TOKYO
from reports.publish.content import Content
from reports.publish.facts import Tested
from reports.publish.iri import iri
from reports.publish.streamed import Streamed

TOOL = "3.0.3"  # the version of the tool whose format is followed
CONTEXT: dict[str, Any] = {
    "wcagem": "http://www.w3.org/TR/WCAG-EM/#",
    "Evaluation": "wcagem:procedure",
    "defineScope": "wcagem:step1",
    "scope": "wcagem:step1a",
    "conformanceTarget": "wcagem:step1b",
    "accessibilitySupportBaseline": "wcagem:step1c",
    "additionalEvaluationRequirements": "wcagem:step1d",
    "exploreTarget": "wcagem:step2",
    "essentialFunctionality": "wcagem:step2b",
    "pageTypeVariety": "wcagem:step2c",
    "technologiesReliedUpon": "wcagem:step2d",
    "selectSample": "wcagem:step3",
    "structuredSample": "wcagem:step3a",
    "randomSample": "wcagem:step3b",
    "Website": "wcagem:website",
    "Webpage": "wcagem:webpage",
    "auditSample": "wcagem:step4",
    "reportFindings": "wcagem:step5",
    "documentSteps": "wcagem:step5a",
    "commissioner": "wcagem:commissioner",
    "evaluator": "wcagem:evaluator",
    "evaluationSpecifics": "wcagem:step5b",
    "WCAG20": "http://www.w3.org/TR/WCAG20/#",
    "WAI": "http://www.w3.org/WAI/",
    "wcagVersion": "WAI:standards-guidelines/wcag/#versions",
    "earl": "http://www.w3.org/ns/earl#",
    "Assertor": "earl:Assertor",
    "Software": "earl:Software",
    "Assertion": "earl:Assertion",
    "TestCriterion": "earl:TestCriterion",
    "TestRequirement": "earl:TestRequirement",
    "TestSubject": "earl:TestSubject",
    "TestResult": "earl:TestResult",
    "OutcomeValue": "earl:OutcomeValue",
    "Pass": "earl:Pass",
    "Fail": "earl:Fail",
    "CannotTell": "earl:CannotTell",
    "NotApplicable": "earl:NotApplicable",
    "assertedBy": "earl:assertedBy",
    "mode": "earl:mode",
    "result": "earl:result",
    "subject": "earl:subject",
    "test": "earl:test",
    "outcome": "earl:outcome",
    "dcterms": "http://purl.org/dc/terms/",
    "title": "dcterms:title",
    "description": "dcterms:description",
    "summary": "dcterms:summary",
    "date": "dcterms:date",
    "W3CDTF": "http://www.w3.org/TR/NOTE-datetime",
    "id": "@id",
    "type": "@type",
    "language": "@language",
}
OUTCOMES = {
    JudgementOutcome.MET: ("passed", "Pass"),
    JudgementOutcome.NOT_MET: ("failed", "Fail"),
    JudgementOutcome.NOT_APPLICABLE: ("inapplicable", "NotApplicable"),
}
CANT_TELL = ("cantTell", "CannotTell")


class Evaluation:
    """Writes wcag-em.jsonld while pages come; `end` says what is known after the last of them."""

    def __init__(self, folder: Folder, content: Content) -> None:
        self._content, self._facts = content, content.facts
        head = {"@context": CONTEXT, "type": "Evaluation", "language": content.language.lang} | self._scope()
        self.file = Streamed(folder, "wcag-em.jsonld", head, "auditSample")

    def add(self, page: JudgedPage) -> None:
        """The assertions of one page."""
        for item in page.items:
            said = self._said(item)
            if said is not None:
                self.file.add(
                    {"type": "Assertion", "subject": {"id": iri(page.address)}, "test": self._test(item)} | said
                )

    def end(self) -> None:
        """The sample and the findings."""
        content, told = self._content, self._facts.details
        pages = self._facts.pages
        self.file.tail = {
            "selectSample": {
                "id": "_:selectSample",
                "structuredSample": [self._page(each) for each in pages if set(each.parts) != {Part.RANDOM}],
                "randomSample": [self._page(each) for each in pages if Part.RANDOM in each.parts],
            },
            "reportFindings": {
                "date": {"type": "W3CDTF", "@value": told.get("ended") or _day(self._facts.made)},
                "title": content.say("jsonld.title", site=self._facts.site, id=str(self._facts.head.id)),
                "summary": self._summary(),
                "commissioner": told.get("organisation", ""),
                "evaluator": content.say("common.comma").join(self._facts.test.people),
                "evaluationSpecifics": content.say("jsonld.specifics", version=_version()),
                "documentSteps": [
                    {"id": f"_:{step}"} for step in ("about", "defineScope", "exploreTarget", "selectSample")
                ],
            },
        }

    def _scope(self) -> dict[str, Any]:
        facts, content = self._facts, self._content
        told = facts.details
        return {
            "defineScope": {
                "id": "_:defineScope",
                "scope": {
                    "id": "_:website",
                    "type": ["TestSubject", "Website"],
                    "title": facts.site,
                    "description": f"{facts.head.site} {told.get('scope', '')}".strip(),
                },
                "wcagVersion": WCAG[facts.head.edition],
                "conformanceTarget": facts.aim.value,
                "accessibilitySupportBaseline": ", ".join(told.get("user_agents", ())),
                "additionalEvaluationRequirements": content.standard,
            },
            "exploreTarget": {
                "id": "_:exploreTarget",
                "technologiesReliedUpon": [
                    {"title": each, "description": ""} for each in told.get("technologies", ())
                ],
                "essentialFunctionality": "",
                "pageTypeVariety": "",
            },
        }

    def _summary(self) -> str:
        content = self._content
        return " ".join(filter(None, (content.notation()[0], content.incomplete)))

    def _page(self, page: Tested) -> dict[str, Any]:
        title = one_line(page.title or "") or self._content.say("jsonld.untitled")
        return {
            "id": iri(page.address),
            "type": ["TestSubject", "Webpage"],
            "title": self._content.say("jsonld.page", number=str(page.number), title=title),
            "description": page.address,
        }

    def _test(self, item: Item) -> dict[str, Any]:
        edition = self._facts.head.edition
        prefix = f"WCAG{WCAG[edition].replace('.', '')}"  # the tool has none for 2.2, and writes its ids so as well
        return {
            "id": f"{prefix}:{anchor(edition, item.criterion.number)}",
            "type": ["TestCriterion", "TestRequirement"],
        }

    def _said(self, item: Item) -> dict[str, Any] | None:
        """People's word on an item, else the machine's; None when nobody has said anything."""
        content = self._content
        if item.disputed:
            return self._by_people(item, CANT_TELL, content.say("jsonld.disputed"))
        if item.outcome is not None:
            reasons = [said.reason for said in item.said if said.reason]
            accepted = item.outcome is JudgementOutcome.NOT_MET and not reasons and item.proposal.rules
            why = "\n".join(reasons) or (content.say("jsonld.accepted") + self._rules(item) if accepted else "")
            return self._by_people(item, OUTCOMES[item.outcome], why)
        if item.failed_places:
            return self._by_machine(OUTCOMES[JudgementOutcome.NOT_MET], self._rules(item))
        if item.proposal.ground is Ground.CANT_TELL:
            return self._by_machine(CANT_TELL, self._rules(item))
        return None

    def _rules(self, item: Item) -> str:
        places = self._content.language.count("place", item.proposal.places)
        return self._content.say("jsonld.machine", rules=", ".join(item.proposal.rules), places=places)

    def _by_people(self, item: Item, outcome: tuple[str, str], why: str) -> dict[str, Any]:
        people = sorted({said.person for said in item.said})
        return {
            "assertedBy": [{"type": "Assertor", "title": person} for person in people],
            "mode": {"id": "earl:manual"},
            "result": _result(outcome, why, _day(max(said.at for said in item.said))),
        }

    def _by_machine(self, outcome: tuple[str, str], why: str) -> dict[str, Any]:
        head = self._facts.head
        return {
            "assertedBy": {
                "id": "_:engine", "type": ["Assertor", "Software"], "title": f"{head.engine} {head.engine_version}",
            },
            "mode": {"id": "earl:automatic"},
            "result": _result(outcome, why, _day(head.finished_at or head.created_at)),
        }  # fmt: skip


def _result(outcome: tuple[str, str], why: str, day: str) -> dict[str, Any]:
    name, kind = outcome
    return {
        "type": "TestResult",
        "date": {"type": "W3CDTF", "@value": day},
        "description": why,
        "outcome": {"id": f"earl:{name}", "type": ["OutcomeValue", kind]},
    }


def _day(moment: datetime) -> str:
    """The date in Tokyo."""
    return moment.astimezone(TOKYO).date().isoformat()


def _version() -> str:
    try:
        return version("jisweep")
    except PackageNotFoundError:
        return ""
